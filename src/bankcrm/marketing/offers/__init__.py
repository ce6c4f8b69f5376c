"""Offers: which products customers hold together, acquire in turn, and may open next."""
