"""Relationship risks and the watch list (PB-7)."""
