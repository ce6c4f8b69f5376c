"""Stages on many dates, and what is counted and computed from them."""
