"""Data quality by dimension, field, group and customer."""
