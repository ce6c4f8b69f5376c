"""Customer tiers: assignment, contribution lines, and their half-yearly review (CBM-3, CBM-4)."""
