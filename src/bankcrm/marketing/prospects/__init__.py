"""Prospects: look-alikes of customers, the other side of payments, and referrals (CBM-8)."""
