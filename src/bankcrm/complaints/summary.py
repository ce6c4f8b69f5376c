"""Summaries by period and group, ageing, and the most frequent causes (CSC-6, LCM-8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_choice, as_finite, as_names, as_share
from bankcrm.calendars import WorkingCalendar
from bankcrm.calendars.countries import given_calendar
from bankcrm.complaints.base import (
    Mask,
    answered_at,
    business_days,
    complaints_policy,
    contract,
    known_by,
    local_days,
)
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Days, as_of_day, days, numbers
from bankcrm.frames.numbering import words_of
from bankcrm.policy import Policy
from bankcrm.units import MONTHS, Period

Amounts: TypeAlias = npt.NDArray[np.float64]
_CASES = (
    *contract("received_at", "answered_at", "closed_at", "satisfaction", required=("received_at",)),
    Column("due", "date", required=False, nullable=True),
    Column("reopened_at", "instant", required=False, nullable=True),
)


def summarise(
    complaints: object,
    *,
    period: Period | None = None,
    by: str | Sequence[str] = (),
    calendar: WorkingCalendar | str,
    as_of: object,
    policy: Policy | None = None,
    customers: pd.Series | float | None = None,
) -> pd.DataFrame:
    """Complaints received, answered, closed and overdue, with times, by period and group.

    Each event is counted in the period in which it happened: a complaint may be *received* in one
    month, *answered* in another, and *breached* in the month of its due date. Sums over periods
    or groups are the sums over all.

    Args:
        complaints: A frame with ``received_at`` and, where known, ``answered_at``, ``closed_at``,
            ``reopened_at`` (aware instants), ``due`` (date, from `route_frame` or `deadlines`),
            ``satisfaction`` and ``merged_into`` (from `intake`).
        period: ``month``, ``quarter``, ``year``, or None for one row over all time.
        by: Columns to group by, such as ``product``, ``severity`` or a joined ``tier``.
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        as_of: Events after this day are ignored.
        policy: The policy whose time zone and cut-off hour give each instant its day.
        customers: Number of customers by group (indexed like ``by``; one number without it), for
            the complaint rate.

    Returns:
        Indexed by period (first day) and group: ``received``, ``answered``, ``closed``,
        ``reopened``, ``merged`` (received, and merged into another case), ``open`` (at the
        period's end), ``in_time`` (answers by their due date),
        ``within_time`` (their share of the answers with a due date), ``breached`` (due dates that
        passed without an answer), ``median_days`` and ``p90_days`` (working days from receipt to
        answer), ``satisfaction`` (mean), ``reopen_rate`` (re-opened per closed complaint) and, with
        ``customers``, ``per_thousand``.

    Raises:
        DataError: The frame does not fit.

    Source: CSC-6, LCM-8.

    >>> from bankcrm.calendars import working_calendar
    >>> instants = lambda *texts: pd.to_datetime(list(texts)).tz_localize("Asia/Shanghai")
    >>> complaints = pd.DataFrame({
    ...     "received_at": instants("2026-03-02", "2026-03-30"),
    ...     "answered_at": instants("2026-03-04", "2026-04-01")})
    >>> cn = working_calendar("CN")
    >>> monthly = summarise(complaints, period="month", calendar=cn, as_of="2026-04-30")
    >>> monthly["answered"].tolist()
    [1, 1]
    """
    calendar = given_calendar(calendar)
    policy = complaints_policy(policy)
    names = list(as_names(by))
    frame = check_frame(as_frame(complaints), _CASES, frame="complaints")
    if absent := [n for n in names if n not in frame]:
        raise DataError(
            f"complaints: no column {', '.join(absent)} to group by; "
            f"present: {', '.join(map(str, frame.columns))}"
        )
    last = as_of_day(as_of)
    frame = known_by(frame, last, policy)
    day = _happened(frame, policy, last)
    groups, labels = _groups(frame, names)
    months = 0 if period is None else MONTHS[as_choice(period, MONTHS, "period")]
    first = _period(np.array([_first(day["received"], last)]), months)[0]
    periods = int(_period(np.array([last]), months)[0] - first) + 1
    known = ~np.isnat(day["received"])
    cell = {
        name: np.where(
            known & ~np.isnat(d), (_period(d, months) - first) * len(labels) + groups, -1
        )
        for name, d in day.items()
    }
    received = _known(business_days(frame["received_at"], policy), day["received"])
    answered = _known(business_days(answered_at(frame), policy), day["answered"])
    columns = _counted(cell, day["due"], answered, last, (periods, len(labels)))
    whole = [name for name in columns if name != "within_time"]
    taken = calendar.between_marked(received, answered).counts.astype(np.float64)
    size = periods * len(labels)
    columns["median_days"], columns["p90_days"] = _quantiles(cell["answered"], taken, size)
    columns["satisfaction"] = _mean(cell["answered"], frame, size)
    columns["reopen_rate"] = _share(columns["reopened"], columns["closed"])
    if customers is not None:
        people = np.tile(_people(customers, labels, names), periods)
        columns["per_thousand"] = _share(columns["received"], people) * 1000
    result = pd.DataFrame(columns, index=_index(first, periods, months, labels, names))
    result = result.astype(dict.fromkeys(whole, "int64"))
    result.attrs["calendar"] = calendar.name
    return policy.stamp(result)


def _counted(
    cell: Mapping[str, npt.NDArray[np.int64]],
    due: Days,
    answered: Days,
    last: np.datetime64,
    size: tuple[int, int],
) -> dict[str, Amounts]:
    """The counts of each cell, a period by a group, and the share of answers in time.

    Args:
        cell: The cell of each kind of event of each complaint; -1 where it did not happen.
        due: The due day of each complaint.
        answered: The day of its answer by which it is in time.
        last: The last day.
        size: The number of periods and of groups.
    """

    def count(name: str, rows: Mask | None = None) -> Amounts:
        cells = cell[name] if rows is None else cell[name][rows]
        return np.bincount(cells[cells >= 0], minlength=size[0] * size[1]).astype(np.float64)

    has_due = cell["due"] >= 0
    in_time = has_due & (answered <= due)
    found = {n: count(n) for n in ("received", "answered", "closed", "reopened", "merged")}
    going = found["received"] + found["reopened"] - found["closed"] - found["merged"]
    found["open"] = going.reshape(size).cumsum(axis=0).ravel()
    found["in_time"] = count("answered", in_time)
    found["breached"] = count("due", has_due & (due < last) & ~in_time)
    found["within_time"] = _share(found["in_time"], count("answered", has_due))
    return found


def _happened(frame: pd.DataFrame, policy: Policy, last: np.datetime64) -> dict[str, Days]:
    """The day of each event; NaT where it has not happened by the last day."""
    never = np.full(len(frame), np.datetime64("NaT", "D"))
    found = {
        name: local_days(frame[f"{name}_at"], policy) if f"{name}_at" in frame else never
        for name in ("received", "closed", "reopened")
    }
    found["answered"] = local_days(answered_at(frame), policy)
    found["due"] = days(frame["due"], "due") if "due" in frame else never
    # A merged complaint has no clock and no closure of its own: the case that it joined has them.
    merged = np.zeros(len(frame), dtype=np.bool_)
    if "merged_into" in frame:
        merged = frame["merged_into"].notna().to_numpy()
    found["merged"] = np.where(merged, found["received"], never)
    for name in ("answered", "closed", "reopened", "due"):
        found[name] = np.where(merged, never, found[name])
    return {n: np.where(d <= last, d, np.datetime64("NaT", "D")) for n, d in found.items()}


def _known(day: Days, happened: Days) -> Days:
    """The days of events that have happened; NaT elsewhere."""
    return np.where(np.isnat(happened), np.datetime64("NaT", "D"), day)


def _first(day: Days, last: np.datetime64) -> np.datetime64:
    known = day[~np.isnat(day)]
    return known.min() if len(known) else last


def _period(day: Days, months: int) -> npt.NDArray[np.int64]:
    """Number of each day's period; without periods all days are in one."""
    if not months:
        return np.zeros(len(day), dtype=np.int64)
    return day.astype("datetime64[M]").astype(np.int64) // months


def _index(
    first: np.int64, periods: int, months: int, labels: pd.Index, names: list[str]
) -> pd.Index:
    """The index of periods and groups."""
    starts = ((first + np.arange(periods)) * months).astype("datetime64[M]").astype("datetime64[s]")
    named = labels.set_names(names) if names else labels
    if not months:
        return named
    if not names:
        return pd.DatetimeIndex(starts, name="period")
    parts = [
        named.get_level_values(i).take(np.tile(np.arange(len(labels)), periods))
        for i in range(len(names))
    ]
    return pd.MultiIndex.from_arrays(
        [np.repeat(starts, len(labels)), *parts], names=["period", *names]
    )


def _share(part: Amounts, whole: Amounts) -> Amounts:
    """Part of a whole; NaN where the whole is 0."""
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result


def _quantiles(cell: npt.NDArray[np.int64], taken: Amounts, size: int) -> tuple[Amounts, Amounts]:
    """Median and 90th percentile of each cell, linear between neighbours."""
    rows = cell >= 0
    cells, values = cell[rows], taken[rows]
    order = np.lexsort((values, cells))
    values = values[order]
    number = np.bincount(cells, minlength=size)
    start = number.cumsum() - number
    found = []
    for q in (0.5, 0.9):
        result = np.full(size, np.nan)
        some = number > 0
        place = (number[some] - 1) * q
        low = np.floor(place).astype(np.int64)
        high = np.ceil(place).astype(np.int64)
        below, above = values[start[some] + low], values[start[some] + high]
        result[some] = below + (above - below) * (place - low)
        found.append(result)
    return found[0], found[1]


def _mean(cell: npt.NDArray[np.int64], frame: pd.DataFrame, size: int) -> Amounts:
    """Mean satisfaction of each cell."""
    if "satisfaction" not in frame:
        return np.full(size, np.nan)
    points = numbers(frame["satisfaction"], "satisfaction")
    rows = (cell >= 0) & ~np.isnan(points)
    total = np.zeros(size, dtype=np.float64)
    np.add.at(total, cell[rows], points[rows])
    return _share(total, np.bincount(cell[rows], minlength=size).astype(np.float64))


def _people(customers: pd.Series | float, labels: pd.Index, names: list[str]) -> Amounts:
    """Customers of each group."""
    if not isinstance(customers, pd.Series):
        return np.full(len(labels), as_finite(customers, "customers", 0.0))
    if not names:
        return np.full(len(labels), float(customers.sum()))
    found = customers.reindex(labels).to_numpy(np.float64)
    if np.isnan(found).any():
        lost = few(labels[np.isnan(found)].tolist(), repr)
        raise DataError(
            f"customers: no number for the groups {lost}; index it by {', '.join(names)}"
        )
    return found


def _groups(frame: pd.DataFrame, names: list[str]) -> tuple[npt.NDArray[np.intp], pd.Index]:
    """Number of each row's group, and the groups; missing values form one group."""
    if not names:
        return np.zeros(len(frame), dtype=np.intp), pd.Index(["all"])
    words = [pd.Series(words_of(frame[n], n), dtype=object) for n in names]
    parts = [w.where(w.notna(), "(missing)") for w in words]
    key = pd.Index(parts[0]) if len(parts) == 1 else pd.MultiIndex.from_arrays(parts)
    code, labels = pd.factorize(key)
    if len(parts) > 1:
        return code, pd.MultiIndex.from_tuples(labels, names=names)
    return code, pd.Index(labels)


def ageing(
    complaints: object,
    *,
    as_of: object,
    edges: Sequence[int] = (5, 10, 15, 30, 60),
    calendar: WorkingCalendar | str,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Open complaints by age in working days.

    Args:
        complaints: ``received_at`` and, where known, ``closed_at`` and ``answered_at``.
        as_of: The day of the count.
        edges: Upper ends of the bands in working days, rising; the last band has none.
        calendar: The calendar whose working days count, or its country, such as ``CN``.
        policy: The policy whose time zone and cut-off hour give each instant its day.

    Returns:
        Indexed by band (``0-5``, ``6-10`` ...): ``open`` (not closed) and ``unanswered``.

    Source: CSC-6.

    >>> from bankcrm.calendars import working_calendar
    >>> received = pd.to_datetime(["2026-03-02"]).tz_localize("UTC")
    >>> complaints = pd.DataFrame({"received_at": received})
    >>> bands = ageing(complaints, as_of="2026-03-13", calendar=working_calendar("CN"))
    >>> bands["open"].tolist()
    [0, 1, 0, 0, 0, 0]
    """
    calendar = given_calendar(calendar)
    ends = np.asarray(edges)
    if not len(ends) or (np.diff(ends) <= 0).any():
        raise DataError(f"edges: {few(edges)} do not rise; give rising days such as (5, 10, 15)")
    frame = check_frame(as_frame(complaints), _CASES, frame="complaints")
    last = as_of_day(as_of)
    policy = complaints_policy(policy)
    frame = known_by(frame, last, policy)
    day = _happened(frame, policy, last)
    known = ~np.isnat(day["received"]) & np.isnat(day["merged"])
    received = _known(business_days(frame["received_at"], policy), day["received"])
    waited = calendar.between_marked(received, np.full(len(frame), last)).counts
    band = np.searchsorted(ends, np.nan_to_num(waited), side="left")
    size = len(ends) + 1
    lows = [0, *(int(e) + 1 for e in ends)]
    names = [f"{low}-{high}" for low, high in zip(lows, ends, strict=False)] + [f"{lows[-1]}+"]
    return pd.DataFrame(
        {
            "open": np.bincount(band[known & np.isnat(day["closed"])], minlength=size),
            "unanswered": np.bincount(band[known & np.isnat(day["answered"])], minlength=size),
        },
        index=pd.Index(names, name="working_days"),
    )


def pareto(
    complaints: object, *, by: str | Sequence[str] = "cause", line: float = 0.8
) -> pd.DataFrame:
    """The causes that account for most complaints.

    Args:
        complaints: A frame with the columns of ``by``; missing causes count as one cause.
        by: The columns whose values are counted.
        line: The share of complaints that the vital causes must reach, above 0 and up to 1.

    Returns:
        Indexed by cause, most frequent first (ties by name): ``count``, ``share``, ``cumulative``
        and ``vital``: the fewest causes that reach the line.

    Source: LCM-8, CSC-6.

    >>> complaints = pd.DataFrame({"cause": ["fees"] * 8 + ["queue", "app"]})
    >>> pareto(complaints)["vital"].tolist()
    [True, False, False]
    """
    names = list(as_names(by))
    frame = as_frame(complaints)
    if absent := [n for n in names if n not in frame]:
        raise DataError(f"complaints: no column {', '.join(absent)} to count")
    line = as_share(line, "line", zero=False)
    group, labels = _groups(frame, names)
    count = np.bincount(group, minlength=len(labels))
    order = np.lexsort(
        (labels.astype(str) if labels.nlevels == 1 else labels.argsort().argsort(), -count)
    )
    count = count[order]
    upto = count.cumsum()
    total = max(int(count.sum()), 1)
    before = upto - count
    return pd.DataFrame(
        {
            "count": count,
            "share": count / total,
            "cumulative": upto / total,
            "vital": before < line * total - 1e-9,
        },
        index=labels.take(order).set_names(names),
    )
