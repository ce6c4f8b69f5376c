"""Contracts of frames, the check of input against them, and plain arrays of columns."""

from __future__ import annotations

from bankcrm.frames.check import Screened, check_frame, screen_frame
from bankcrm.frames.column import Column, ColumnKind, DataFault
from bankcrm.frames.conversion import as_frame, column_of

__all__ = [
    "Column",
    "ColumnKind",
    "DataFault",
    "Screened",
    "as_frame",
    "check_frame",
    "column_of",
    "screen_frame",
]
