"""Samples of what was known on a day and what happened after it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import line
from bankcrm.arguments import as_items, as_whole_number, refuse
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.customers import refuse_repeated

FactsAt = Callable[[dt.date], pd.DataFrame]
"""The facts of the customers at risk on a day, one row each, indexed by customer id."""

EventIn = Callable[[dt.date, dt.date], pd.Series]
"""Whether the event happened after the first day and up to the second, indexed by customer id."""


@attrs.frozen(eq=False, repr=False)
class Samples:
    """Facts of several days with what happened after each.

    Attributes:
        facts: One row per day and customer, indexed by ``as_of`` and ``customer_id``.
        event: Whether the event happened within the horizon, of the same index.
        horizon_days: Days after each day in which the event counts.
        left_out: Rows whose event is not known, which are not in the sample.
    """

    facts: pd.DataFrame
    event: pd.Series
    horizon_days: int
    left_out: int

    def __repr__(self) -> str:
        found = {"days": len(self.days), "rows": len(self.facts), "events": int(self.event.sum())}
        return line("Samples", found)

    @property
    def days(self) -> tuple[dt.date, ...]:
        """The days, rising."""
        return tuple(d.date() for d in self.facts.index.unique(level="as_of").sort_values())

    def of(self, days: Sequence[dt.date]) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
        """Facts and event of some of the days."""
        chosen = self.facts.index.get_level_values("as_of").isin(pd.DatetimeIndex(list(days)))
        return self.facts.loc[chosen], self.event.to_numpy(np.bool_)[chosen]


def outcome_samples(
    facts: FactsAt, event: EventIn, *, as_ofs: Sequence[object], horizon_days: int
) -> Samples:
    """What was known of each customer on each day, and whether the event happened after it.

    The facts come from a function of the day alone, so that nothing of the window after the day
    can enter them. Only customers to whom the event can still happen belong in its result: those
    at the start of the window who are not lost already, and not those who joined later.

    Args:
        facts: Day -> facts of the customers at risk on that day, indexed by customer id.
        event: (Day, last day) -> whether the event happened after the day and not later than the
            last, indexed by customer id; null where it is not known.
        as_ofs: The days.
        horizon_days: Length of the window after each day, in days.

    Returns:
        The samples. A customer at risk whose event is null, or who has no event at all, is left
        out and counted.

    Raises:
        DataError: Days or horizon make no windows, or a customer has several rows on a day.

    Source: PB-3, PB-7.

    >>> bought = pd.Series({1: "2026-02-10", 2: "2026-05-01"}).astype("datetime64[s]")
    >>> samples = outcome_samples(
    ...     lambda day: pd.DataFrame({"known": [1, 2]}, index=[1, 2]),
    ...     lambda day, last: bought.between(pd.Timestamp(day), pd.Timestamp(last), "right"),
    ...     as_ofs=["2026-01-31"], horizon_days=90)
    >>> samples.event.tolist()
    [True, True]
    """
    asked = as_items(as_ofs, "as_ofs", "a list of days")
    days = sorted({as_of_day(d).astype(dt.date) for d in asked})
    horizon_days = as_whole_number(horizon_days, "horizon_days", 1)
    for name, call in (("facts", facts), ("event", event)):
        if not callable(call):
            refuse(name, "a function of days", call)
    if not days:
        refuse("as_ofs", "one day or more", as_ofs)
    parts, events = [], []
    for day in days:
        known = facts(day)
        refuse_repeated(known.index, f"facts of {day}")
        happened = event(day, day + dt.timedelta(days=horizon_days))
        parts.append(known)
        events.append(happened.reindex(known.index).astype("boolean"))
    keys = pd.DatetimeIndex(days, name="as_of")
    frame = pd.concat(parts, keys=keys, names=["as_of", "customer_id"])
    outcome = pd.concat(events, keys=keys, names=["as_of", "customer_id"])
    unknown = outcome.isna().to_numpy()
    return Samples(
        frame.loc[~unknown], outcome[~unknown].astype(bool), horizon_days, int(unknown.sum())
    )
