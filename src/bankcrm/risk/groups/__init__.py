"""Groups of connected customers (EB-4)."""
