"""The mapping of a book: where each frame comes from, and how its columns are named and coded."""

from __future__ import annotations

from bankcrm.book.mapping.values import BookMapping, ColumnSource, Formats, FrameMapping

__all__ = ["BookMapping", "ColumnSource", "Formats", "FrameMapping"]
