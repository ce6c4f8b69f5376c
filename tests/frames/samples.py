"""A contract and frames that fit it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from hypothesis import settings

from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame

# Each of these laws runs for many dtypes, so each takes fewer examples.
FEWER = settings(max_examples=settings.default.max_examples // 4)
AS_OF = dt.date(2026, 6, 30)
CONTRACT = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("amount", "money", unit="CNY", minimum=-1e6, maximum=1e6),
    Column("kind", "category", choices=("salary", "card")),
    Column("note", "text", False, True, personal=True),
    Column("count", "integer", False, True),
    Column("own", "boolean", False, True),
    Column("at", "instant", False, True),
)
GOOD = {
    "customer_id": [1, 2],
    "date": [dt.date(2026, 1, 1), dt.date(2026, 2, 1)],
    "amount": [10.0, -5.5],
    "kind": ["salary", "card"],
}


def good(**changes: Any) -> pd.DataFrame:
    """A valid frame of two rows with some columns changed or added."""
    return pd.DataFrame(GOOD | changes)


def faults_of(frame: object, **arguments: Any) -> str:
    with pytest.raises(DataError) as caught:
        check_frame(frame, CONTRACT, frame="moves", as_of=AS_OF, **arguments)
    return str(caught.value)
