"""Value scores: raw measures, scales that are fitted once, weights, and the score."""
