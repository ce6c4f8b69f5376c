"""The append-only log of moves between stages."""
