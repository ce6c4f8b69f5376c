"""A seeded synthetic bank of any size."""

from __future__ import annotations

from bankcrm.datasets.synthetic.make import make_book

__all__ = ["make_book"]
