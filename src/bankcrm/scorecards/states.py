"""What was known of each event's customer before its day, such as the stage."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_items
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import codes, days
from bankcrm.scorecards.measured import checked_events
from bankcrm.scorecards.ownership import spans_of

_STATES = (
    Column("customer_id", "id", meaning="The customer."),
    Column("date", "date", meaning="Day at whose end it held."),
)


def with_states(
    events: object, states: object, *, columns: str | Sequence[str] = "stage"
) -> pd.DataFrame:
    """Add what was last known of each event's customer before its day, to group by.

    `kpi_events` dates a lost customer on the first day of the month in which it left. Its stage is
    then the one at the end of the month before: the stage at the start, from which it was lost.

    Args:
        events: From `kpi_events`, or own, with ``customer_id``.
        states: One row per customer and day at whose end the state held, such as
            `bankcrm.lifecycle.stage_history` of month ends.
        columns: Columns of the states to add.

    Returns:
        The events with these columns; null where nothing is known before the day.

    Raises:
        DataError: A frame does not fit, or a customer has two states on one day.
        UnknownNameError: The events name no customer, or the states have no such column.

    Source: LCM-6.

    >>> day = pd.to_datetime(["2026-01-31", "2026-02-28"])
    >>> stages = pd.DataFrame({"customer_id": 7, "date": day, "stage": ["active", "dormant"]})
    >>> moved = pd.DataFrame({"measure": "transactions", "customer_id": 7,
    ...                       "date": pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-01"])})
    >>> with_states(moved, stages)["stage"].tolist()
    [nan, 'active', 'dormant']
    """
    names = [columns] if isinstance(columns, str) else as_items(columns, "columns", "column names")
    frame = checked_events(events)
    if "customer_id" not in frame:
        raise UnknownNameError("column", "customer_id", frame.columns, "events")
    given = as_frame(states)
    flat = given.reset_index() if given.index.names != [None] else given
    for name in names:
        if name not in flat:
            raise UnknownNameError("column", name, flat.columns, "states")
    known = check_frame(flat, _STATES, frame="states").reset_index(drop=True)
    twice = np.flatnonzero(known.duplicated(["customer_id", "date"]).to_numpy())
    if len(twice):
        raise DataError(
            f"states.date: {len(twice):,} rows are second states of a customer on one day (rows "
            f"{few(twice)}); keep one per customer and day"
        )
    held = spans_of(_periods(known), "customer_id", "states")
    tables, labels = [], []
    for name in names:
        code, index = codes(flat[name])
        tables.append(np.append(code, -1))
        labels.append(index)
    found = held.look_up(frame["customer_id"], days(frame["date"]), tables)
    for name, code, index in zip(names, found, labels, strict=True):
        frame[name] = pd.Categorical.from_codes(code, categories=index)
    frame.attrs = dict(getattr(events, "attrs", {}))
    return frame


def _periods(states: pd.DataFrame) -> pd.DataFrame:
    """Each state from the day after its own to the day of the next one of the customer."""
    order = states.sort_values(["customer_id", "date"], kind="stable")
    following = order.groupby("customer_id", sort=False, observed=True)["date"].shift(-1)
    return states.assign(since=states["date"] + pd.Timedelta(days=1), until=following)
