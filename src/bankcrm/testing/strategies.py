"""Hypothesis strategies of records and their frames, derived from the record classes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import pandas as pd

from bankcrm.errors import MissingExtraError
from bankcrm.frames import Column
from bankcrm.models import (
    Differ,
    Needs,
    NotBefore,
    OnlyFor,
    Record,
    RecordConstraint,
    columns_of,
    frame_of,
)

try:
    from hypothesis import strategies as st
except ImportError:  # pragma: no cover - the extra is installed where tests run
    raise MissingExtraError("hypothesis", "testing") from None

__all__ = ["frames", "records", "values"]

R = TypeVar("R", bound=Record)

_FIRST, _LAST = dt.date(1950, 1, 1), dt.date(2049, 12, 31)
_CENTS = 10**12
_ZONES = (dt.UTC, dt.timezone(dt.timedelta(hours=8)))
_TEXT = st.characters(exclude_categories=("Cs", "Cc"))


def values(column: Column, *, as_of: dt.date = _LAST) -> st.SearchStrategy[Any]:
    """Values that one column may hold, ``None`` included where they may be missing.

    Args:
        column: The column's contract.
        as_of: No date or instant lies after this day.
    """
    low = -_CENTS if column.minimum is None else column.minimum
    high = _CENTS if column.maximum is None else column.maximum
    midnight = dt.datetime.combine(as_of, dt.time())
    by_kind: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "id": lambda: st.integers(1, 10**12),
        "text": lambda: st.text(_TEXT, max_size=12),
        "category": lambda: st.sampled_from(column.choices or ("a", "b", "丙")),
        "date": lambda: st.dates(_FIRST, as_of),
        "instant": lambda: st.datetimes(
            dt.datetime(1950, 1, 1), midnight, timezones=st.sampled_from(_ZONES)
        ),
        "money": lambda: st.integers(int(low) * 100, int(high) * 100).map(
            lambda cents: Decimal(cents) / 100
        ),
        "number": lambda: st.floats(low, high, allow_nan=False),
        "integer": lambda: st.integers(int(low), int(high)),
        "boolean": st.booleans,
    }
    found = by_kind[column.kind]()
    return st.none() | found if column.nullable else found


@st.composite
def records(draw: st.DrawFn, model: type[R], *, as_of: dt.date = _LAST) -> R:
    """Records that are valid by construction.

    Args:
        draw: Given by Hypothesis.
        model: The record class, ``Customer`` say.
        as_of: No date or instant lies after this day.

    >>> from bankcrm.models import Link
    >>> records(Link).example().parent_id > 0  # doctest: +SKIP
    True
    """
    drawn = {c.name: draw(values(c, as_of=as_of)) for c in columns_of(model)}
    # Mending one rule may break an earlier one, but only ever by making a field missing.
    while broken := [rule for rule in model.CONSTRAINTS if rule.broken(drawn)]:
        for rule in broken:
            _mend(rule, drawn)
    build: Callable[..., R] = model
    return build(**drawn)


def frames(
    model: type[R], *, as_of: dt.date = _LAST, max_size: int = 8
) -> st.SearchStrategy[pd.DataFrame]:
    """Frames of valid records, possibly empty.

    Args:
        model: The record class.
        as_of: No date or instant lies after this day.
        max_size: Most rows.
    """
    many = st.lists(records(model, as_of=as_of), max_size=max_size)
    return many.map(lambda rows: frame_of(rows, model))


def _mend(rule: RecordConstraint, drawn: dict[str, Any]) -> None:
    """Change the drawn values so that the rule holds."""
    match rule:
        case NotBefore(later, earlier):
            drawn[later], drawn[earlier] = drawn[earlier], drawn[later]
        case Differ(field, _) if isinstance(drawn[field], int):
            drawn[field] += 1
        case Differ(field, _) | Needs(field, _) | OnlyFor(field, _, _):
            drawn[field] = None
        case _:
            drawn[rule.fields[0]] = None
