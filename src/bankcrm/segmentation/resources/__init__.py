"""Resources by tier: levels, the exact allocation of a budget, and managers (CBM-6, EB-10)."""
