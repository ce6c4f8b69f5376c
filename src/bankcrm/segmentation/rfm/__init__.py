"""Recency, frequency and monetary value: measure, fit, score and name (EB-3)."""
