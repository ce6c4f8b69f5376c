"""A seeded synthetic bank of any size."""
