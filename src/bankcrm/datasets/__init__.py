"""A seeded synthetic bank, and readers of public data sets from a local folder."""

from __future__ import annotations

from bankcrm.datasets.berka import convert_berka, load_berka
from bankcrm.datasets.public import load_cdnow, load_cfpb, load_gleif, load_rfm_r
from bankcrm.datasets.synthetic.make import make_book

__all__ = [
    "convert_berka",
    "load_berka",
    "load_cdnow",
    "load_cfpb",
    "load_gleif",
    "load_rfm_r",
    "make_book",
]
