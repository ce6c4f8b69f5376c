"""Clusters of customers: k-means on robust scales, named, and told as rules (PB-4, EB-9)."""
