"""The values of indicators by subject and period, with numerator, denominator and interval."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_items
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Codes, Days, Numbers, as_of_day, codes, days
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import categorical
from bankcrm.intervals import poisson_rate, wilson
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scorecards.kpi import Kpi, kpis_of
from bankcrm.scorecards.measured import (
    checked_events,
    checked_staff,
    grouped,
    values_of,
    without_group,
)
from bankcrm.scorecards.periods import first_days, period_numbers
from bankcrm.scorecards.presence import presence
from bankcrm.units import Period

BANK = "bank"
"""The subject of values that are by nothing."""
TABLE = 2**27
"""Up to this many pairs of customer and cell, a table of all pairs is faster than hashing."""


def kpi_values(
    events: object,
    *,
    as_of: object,
    by: str | Sequence[str] = (),
    period: Period = "month",
    employees: object | None = None,
    assignments: object | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Compute each indicator of the policy by subject and period.

    A ratio of several periods is the ratio of the sums, a stock is the value of the last day of
    the period on which it was measured, and different customers are counted anew: values of
    periods or employees cannot be added, so call this for each period and each ``by`` instead.

    A row belongs to the employee, department or branch that it names itself, else to who looked
    after the customer on that day.

    Args:
        events: From `kpi_events`, or own: one row per event with ``measure`` and ``date``; where
            they apply ``value`` (1 without the column), ``customer_id``, ``employee_id``,
            ``department``, ``branch`` and other columns to group by. A category of ``measure``
            without rows is recorded and did not happen; a measure that is no category is not
            recorded.
        as_of: The day; later rows are not used.
        by: Columns; the last one is the subject. Nothing: the whole bank.
        period: ``month``, ``quarter`` or ``year``.
        employees: One row per employee and department (`bankcrm.models.Employee`).
        assignments: Who looks after whom (`bankcrm.models.Assignment`).
        policy: Its records ``kpi`` are the indicators.

    Returns:
        One row per indicator, subject and period: the other columns of ``by``; ``kpi``,
        ``subject``, ``period`` (first day), ``numerator``, ``denominator``, ``value``, ``low`` and
        ``high`` (equal to the value where the indicator has no interval), ``present`` (part of the
        period in which the subject was there, up to ``as_of``) and ``reason`` why the value is
        null. Rows without an owner are in `bankcrm.frames.findings.findings_of`.

    Raises:
        DataError: A frame does not fit, or a part is larger than its whole.
        UnknownNameError: There is no such column to group by.

    Source: LCM-6.

    >>> rows = pd.DataFrame({
    ...     "measure": ["leads_converted", "leads_judged"] * 3, "value": [1, 2, 90, 100, 9, 18],
    ...     "date": pd.to_datetime(["2026-01-31"] * 2 + ["2026-02-28"] * 2 + ["2026-03-31"] * 2)})
    >>> found = kpi_values(rows, as_of="2026-03-31", period="quarter").set_index("kpi")
    >>> round(found.loc["lead_conversion", "value"], 3)
    np.float64(0.833)
    """
    policy = policy_of(policy, "scorecards")
    names = [by] if isinstance(by, str) else as_items(by, "by", "column names")
    if len(set(names)) < len(names):
        raise DataError(f"by: {names} names a column twice; give each once")
    day = as_of_day(as_of)
    frame, staff = checked_events(events, day), checked_staff(employees)
    when = days(frame["date"])
    groups = grouped(frame, when, names, staff, assignments)
    number = period_numbers(when, period)
    last = int(period_numbers(np.array([day]), period)[0])
    first = int(number.min(initial=last))
    cells = _Cells(frame, when, groups.group, number - first, len(groups.names), last - first + 1)
    present = presence(groups.names, first_days(np.arange(first, last + 2), period), day, staff)
    starts = first_days(np.arange(first, last + 1), period)
    parts = [
        _rows(kpi, cells, present, float(policy.value("confidence")))
        for kpi in kpis_of(policy).values()
    ]
    result = _frame(parts, groups.names, starts, names, [*kpis_of(policy)])
    result.attrs |= {"by": names, "period": period, "as_of": str(day)}
    return policy.stamp(with_findings(result, without_group(frame, groups.group, names)))


@attrs.frozen(eq=False)
class _Cells:
    """Sums of the measures by group and period.

    Attributes:
        frame: The events.
        when: The day of each row.
        group: The group of each row; -1 for none.
        period: The period of each row, from 0.
        groups: The number of groups.
        periods: The number of periods.
    """

    frame: pd.DataFrame
    when: Days
    group: Codes
    period: npt.NDArray[np.int64]
    groups: int
    periods: int
    _values: Numbers | None = attrs.field(init=False)
    _cell: npt.NDArray[np.int64] = attrs.field(init=False)

    @_values.default
    def _values_of(self) -> Numbers | None:
        return values_of(self.frame)

    @_cell.default
    def _cell_of(self) -> npt.NDArray[np.int64]:
        """The number of the cell of each row; the last, which is left out, for no group."""
        cell = self.group * self.periods
        cell += self.period
        cell[self.group < 0] = self.groups * self.periods
        return cell

    def has(self, measure: str) -> bool:
        """Whether the measure is recorded."""
        return measure in self.frame["measure"].cat.categories

    def sums(self, measure: str, *, last_day: bool) -> Numbers:
        """The sum of each cell; with ``last_day`` of the rows on the last day of each period."""
        rows = self._rows(measure)
        if last_day:
            ends = np.full(self.periods, np.datetime64("0001-01-01"), "datetime64[D]")
            np.maximum.at(ends, self.period[rows], self.when[rows])
            everywhere = np.arange(len(self.when))[rows]
            rows = everywhere[self.when[rows] == ends[self.period[rows]]]
        return self._counted(self._cell[rows], None if self._values is None else self._values[rows])

    def customers(self, measure: str) -> Numbers:
        """The number of different customers of each cell."""
        rows = self._rows(measure)
        who, index = codes(self.frame["customer_id"].iloc[rows])
        size = self.groups * self.periods + 1
        pair = who[who >= 0] * size + self._cell[rows][who >= 0]
        if len(index) * size <= TABLE:
            seen = np.zeros(len(index) * size, np.bool_)
            seen[pair] = True
            distinct = np.flatnonzero(seen)
        else:
            distinct = pd.unique(pair)
        return self._counted(distinct % size, None)

    def _rows(self, measure: str) -> npt.NDArray[np.intp] | slice:
        words = self.frame["measure"].cat
        rows = words.codes.to_numpy() == words.categories.get_loc(measure)
        return slice(None) if rows.all() else np.flatnonzero(rows)

    def _counted(self, cell: npt.NDArray[np.int64], weights: Numbers | None) -> Numbers:
        size = self.groups * self.periods
        found = np.bincount(cell, weights, minlength=size + 1)[:size]
        return found.astype(np.float64).reshape(self.groups, self.periods)


def _rows(kpi: Kpi, cells: _Cells, present: Numbers, confidence: float) -> dict[str, np.ndarray]:
    """The figures of one indicator, each of shape (groups, periods)."""
    shape = cells.groups, cells.periods
    nothing = np.full(shape, np.nan)
    missing = [m for m in (kpi.numerator, kpi.denominator) if m and not cells.has(m)]
    if kpi.kind == "distinct" and "customer_id" not in cells.frame:
        missing = ["customer_id"]
    if missing:
        why = np.full(shape, f"{' and '.join(missing)} not recorded", dtype=object)
        figures = dict.fromkeys(("numerator", "denominator", "value", "low", "high"), nothing)
        return {**figures, "present": present, "reason": why}
    stock = kpi.kind == "stock"
    top = (
        cells.customers(kpi.numerator)
        if kpi.kind == "distinct"
        else cells.sums(kpi.numerator, last_day=stock)
    )
    why = np.full(shape, None, dtype=object)
    bottom = cells.sums(kpi.denominator, last_day=stock) if kpi.is_divided else nothing
    if kpi.is_divided:
        value = np.divide(top, bottom, out=nothing.copy(), where=bottom > 0)
        why[bottom <= 0] = f"no {kpi.denominator.replace('_', ' ')} in the period"
    else:
        value = top.copy()
        away = (present <= 0) & (top == 0)
        value[away], why[away] = np.nan, "not there in the period"
    low, high = _interval(kpi, top, bottom, value, confidence)
    return {"numerator": top, "denominator": bottom, "value": value, "low": low, "high": high,
            "present": present, "reason": why}  # fmt: skip


def _interval(
    kpi: Kpi, top: Numbers, bottom: Numbers, value: Numbers, confidence: float
) -> tuple[Numbers, Numbers]:
    if kpi.interval == "none":
        return value, value
    if kpi.interval == "rate":
        return poisson_rate(top, bottom, confidence)[1:]
    over = int((top > bottom * (1 + 1e-9)).sum())
    if over:
        raise DataError(
            f"events: {kpi.numerator} exceeds {kpi.denominator} in {over:,} subjects and periods "
            f"of {kpi.id!r}; each row counted as a part must also be a row of the whole, of the "
            "same day and owner"
        )
    return wilson(np.minimum(top, bottom), bottom, confidence)[1:]


def _frame(
    parts: Sequence[dict[str, np.ndarray]],
    names: pd.DataFrame,
    starts: Days,
    by: Sequence[str],
    kpis: Sequence[str],
) -> pd.DataFrame:
    """The parts of all indicators as rows: by indicator, subject and period."""
    size, periods = len(names), len(starts)
    group = np.tile(np.repeat(np.arange(size), periods), len(parts))
    keys = names.iloc[group].reset_index(drop=True)
    subject = keys.pop(by[-1]) if by else pd.Series([BANK] * len(group), dtype=object)
    return keys.assign(
        kpi=categorical(np.repeat(np.arange(len(parts)), size * periods), kpis),
        subject=subject,
        period=np.tile(starts.astype("datetime64[s]"), size * len(parts)),
        **{
            name: np.concatenate([part[name].ravel() for part in parts])
            for name in ("numerator", "denominator", "value", "low", "high", "present", "reason")
        },
    )
