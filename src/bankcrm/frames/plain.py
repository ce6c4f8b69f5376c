"""Rows of a frame as plain values, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Each row as a mapping of plain values; a named index is its first column.

    >>> plain_rows(pd.DataFrame({"due": pd.to_datetime(["2026-07-01"]), "value": [None]}))
    [{'due': '2026-07-01', 'value': None}]
    """
    flat = frame.reset_index() if frame.index.name else frame
    return [{str(k): plain(v) for k, v in row.items()} for row in flat.to_dict("records")]


def plain(value: Any) -> Any:
    """A value as JSON has it: null where it is missing, a day as text, numbers of Python.

    >>> plain(pd.NA), plain(pd.Timestamp("2026-07-01")), plain((1, 2))
    (None, '2026-07-01', [1, 2])
    """
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(v) for v in value]
    if value is None or pd.isna(value):
        return None
    if isinstance(value, date):  # a pandas Timestamp is one
        return value.isoformat()[:10]
    return value.item() if hasattr(value, "item") else value
