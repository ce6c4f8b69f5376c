"""Clusters of customers: k-means on robust scales, named, and described by rules (PB-4, EB-9)."""
