"""Concentration: how a value is distributed over the customers of a book."""
