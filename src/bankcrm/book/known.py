"""What a book knows on a day: customers and labels of later days do not exist yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import numpy as np
import pandas as pd

from bankcrm.book.contract import BEGINNINGS, CONTRACT, DATED_BY
from bankcrm.errors import DataError
from bankcrm.frames import Column, DataFault
from bankcrm.frames.readers import READERS, LastDay, Mask

_TRACES = {name: column for name, column in DATED_BY.items() if name != "links"}
_OF_LATER_DAYS = ("after_as_of", "not_yet_known")


def without_later_labels(
    name: str, frame: pd.DataFrame, until: LastDay
) -> tuple[pd.DataFrame, dict[str, Mask]]:
    """A frame without the labels that are known only from a later day, and the rows of each.

    A label is known from the first of the dates that its column names (`Column.known_from`). One
    without any of these dates stays: nothing says that it is of a later day.

    Args:
        name: The name of the frame.
        frame: The frame, as it came or checked.
        until: The last day that is known.

    >>> instants = lambda day: pd.to_datetime([day]).tz_localize("UTC")
    >>> cases = pd.DataFrame({"received_at": instants("2026-03-02"),
    ...                       "closed_at": instants("2026-04-09"), "outcome": ["upheld"]})
    >>> until = LastDay(np.datetime64("2026-03-31"), "UTC")
    >>> without_later_labels("complaints", cases, until)[0]["outcome"].isna().tolist()
    [True]
    """
    columns = {c.name: c for c in CONTRACT[name]}
    found: dict[str, Mask] = {}
    for column in columns.values():
        dates = [columns[n] for n in column.known_from if n in frame]
        if column.name in frame and dates:
            early, late = _before_and_after(frame, dates, until)
            rows = late & ~early & frame[column.name].notna().to_numpy()
            if rows.any():
                found[column.name] = rows
    return frame.assign(**{n: frame[n].mask(rows) for n, rows in found.items()}), found


def without_later_events(name: str, frame: pd.DataFrame, until: LastDay) -> pd.DataFrame:
    """A checked frame without the optional dates after a day, and the labels known from them.

    Args:
        name: The name of the frame.
        frame: The checked frame.
        until: The last day that is known.
    """
    known, _ = without_later_labels(name, frame, until)
    dates = [c for c in CONTRACT[name] if c.kind in ("date", "instant") and not c.required]
    dates = [c for c in dates if not c.known_from]
    late = {c.name: _before_and_after(frame, [c], until)[1] for c in dates if c.name in frame}
    return known.assign(**{n: known[n].mask(rows) for n, rows in late.items() if rows.any()})


def not_yet_known(
    customers: pd.DataFrame,
    frames: Mapping[str, pd.DataFrame],
    rejected: Mapping[str, Sequence[pd.DataFrame]],
    until: LastDay,
) -> Mask:
    """The customers whose first trace is after a day: they do not exist then.

    A trace is a date of the customer or a row of a frame that names the customer, but for links,
    which tie customers and not a customer and the bank. A customer without any trace is taken as
    known: nothing says that it comes later.

    Args:
        customers: The customers as they came.
        frames: The other frames, checked, without the rows after the day.
        rejected: Their rejected rows, with the reason in ``fault``.
        until: The last day that is known.
    """
    if "customer_id" not in customers:
        return np.zeros(len(customers), dtype=np.bool_)
    ids = customers["customer_id"]
    columns = {c.name: c for c in CONTRACT["customers"] if c.name in customers}
    dates = [columns[n] for n in BEGINNINGS if n in columns]
    early, late = _before_and_after(customers, dates, until)
    if "closed_date" in columns:  # says when the relationship ended, not when it began
        early |= _before_and_after(customers, [columns["closed_date"]], until)[0]
    for name, column in _TRACES.items():
        for rows in rejected.get(name, ()):
            if "customer_id" in rows:
                of_later = rows["customer_id"][rows["fault"] == f"{column}: after_as_of"]
                late |= ids.isin(of_later).to_numpy(dtype=np.bool_)
    found: Mask = late & ~early & ids.notna().to_numpy()
    for name in _TRACES:
        if found.any() and "customer_id" in frames.get(name, ()):
            named = frames[name]["customer_id"]
            known = named[named.isin(ids[found])].unique()
            found &= ~ids.isin(known).to_numpy(dtype=np.bool_)
    return found


def undated_labels(
    recorded: Collection[str], faults: Sequence[DataFault], day: date, book_day: date | None
) -> list[DataFault]:
    """Say which labels have no date, where the records are of a later day than the review.

    Args:
        recorded: Frames and columns that hold something, as ``customers.credit_standing``.
        faults: What the check found; rows of later days show that the records are later.
        day: The day of the review.
        book_day: The day of the records, if the book has it.

    >>> labels = ["customers.credit_standing", "customers.kind"]
    >>> found = undated_labels(labels, (), date(2025, 12, 31), date(2026, 6, 30))
    >>> [(f.frame, f.column, f.problem) for f in found]
    [('customers', 'credit_standing', 'undated')]
    """
    later = book_day is not None and book_day > day
    if not later and not any(f.problem in _OF_LATER_DAYS for f in faults):
        return []
    found = []
    for name, columns in CONTRACT.items():
        labels = [c.name for c in columns if c.undated and f"{name}.{c.name}" in recorded]
        if labels:
            expected = f"the state of {day}, but the records are of a later day"
            advice = "the values are used as they are; leave the columns out where they may differ"
            found.append(DataFault(name, ", ".join(labels), "undated", 0, (), expected, advice))
    return found


def _before_and_after(
    frame: pd.DataFrame, columns: Sequence[Column], until: LastDay
) -> tuple[Mask, Mask]:
    """Which rows have a date up to the last day in one of the columns, and which a later one."""
    early = np.zeros(len(frame), dtype=np.bool_)
    late = early.copy()
    for column in columns:
        values = frame[column.name]
        try:
            _, flaws = READERS[column.kind](values, column, until)
        except DataError:  # the check of the frame reports a wrong type
            continue
        after = next((f.mask for f in flaws if f.problem == "after_as_of"), np.zeros_like(early))
        early |= values.notna().to_numpy() & ~after
        late |= after
    return early, late
