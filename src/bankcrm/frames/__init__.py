"""Contracts of frames, the check of input against them, and plain arrays of columns."""

from __future__ import annotations

from bankcrm.frames.arrays import ArrayLike, Codes, Days, Numbers, as_of_day, codes, days, numbers
from bankcrm.frames.check import Screened, as_frame, check_frame, findings_frame, screen_frame
from bankcrm.frames.column import Column, ColumnKind, DataFault
from bankcrm.frames.customers import by_customer
from bankcrm.frames.findings import findings_of, raise_faults, with_findings
from bankcrm.frames.numbering import categorical, places_of, positions_in

__all__ = [
    "ArrayLike",
    "Codes",
    "Column",
    "ColumnKind",
    "DataFault",
    "Days",
    "Numbers",
    "Screened",
    "as_frame",
    "as_of_day",
    "by_customer",
    "categorical",
    "check_frame",
    "codes",
    "days",
    "findings_frame",
    "findings_of",
    "numbers",
    "places_of",
    "positions_in",
    "raise_faults",
    "screen_frame",
    "with_findings",
]
