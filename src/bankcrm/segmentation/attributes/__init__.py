"""Customers by attributes, products and average balances (CSC-1, CBM-2, EB-2, EB-6)."""
