"""Masks, pseudonyms and the retention of personal data."""
