"""Contribution: from the frames of a book to positions, and from positions to money."""
