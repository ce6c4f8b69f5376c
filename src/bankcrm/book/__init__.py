"""A bank's book: its frames, their contract, their check, views of them, and files."""

from __future__ import annotations

from bankcrm.book.contract import CONTRACT, FRAMES, contract_page, empty_frame
from bankcrm.book.files import read_book, write_book
from bankcrm.book.mapping import BookMapping, ColumnSource, Formats, FrameMapping
from bankcrm.book.model import Book

__all__ = [
    "CONTRACT",
    "FRAMES",
    "Book",
    "BookMapping",
    "ColumnSource",
    "Formats",
    "FrameMapping",
    "contract_page",
    "empty_frame",
    "read_book",
    "write_book",
]
