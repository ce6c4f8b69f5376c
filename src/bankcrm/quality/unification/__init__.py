"""One record per customer: match keys, clusters, survivors."""
