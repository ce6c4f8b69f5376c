"""Credit exposure, limits and their use (EB-4)."""
