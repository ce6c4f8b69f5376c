"""Databases as sources of a book and as places for results (extra ``sql``)."""
