"""Offers: which products customers hold together."""
