"""Events as plain arrays: measure, day, value, and the group that each row belongs to."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import first_few
from bankcrm.errors import UnknownNameError
from bankcrm.frames import Column, DataFault, as_frame, check_frame
from bankcrm.frames.arrays import Codes, Days, Numbers, codes
from bankcrm.models import Assignment, Employee, columns_of
from bankcrm.scorecards.ownership import Spans, spans_of

EVENTS = (
    Column("measure", "category", meaning="What happened or was counted."),
    Column("date", "date", meaning="Day."),
    Column("value", "number", False, meaning="How much; 1 without the column."),
    Column("customer_id", "id", False, True, meaning="The customer."),
    Column("employee_id", "id", False, True, meaning="The employee, where it is not the owner."),
    Column("department", "category", False, True, meaning="Where it is not the employee's."),
    Column("branch", "category", False, True, meaning="Where it is not the employee's."),
)
STAFF = ("employee_id", "department", "branch")


@attrs.frozen(eq=False)
class Grouped:
    """Rows by group.

    Attributes:
        group: The number of the group of each row; -1 for none.
        names: One row per group, with a column per name of ``by``.
    """

    group: Codes
    names: pd.DataFrame


def checked_events(events: object, until: np.datetime64 | None = None) -> pd.DataFrame:
    """Events that fit the contract, their ``measure`` categorical.

    A category without a row is a measure that is recorded and did not happen.

    Args:
        events: As for `bankcrm.scorecards.kpi_values`.
        until: The last day; later rows, and measures that are named by them alone, are left out.
    """
    frame = as_frame(events)
    given = frame.get("measure")
    checked = check_frame(frame, EVENTS, frame="events")
    if until is not None and (late := checked["date"].to_numpy() > until).any():
        checked = checked[~late].reset_index(drop=True)
        checked["measure"] = checked["measure"].cat.remove_unused_categories()
    if isinstance(getattr(given, "dtype", None), pd.CategoricalDtype):
        known = given.cat.categories  # type: ignore[union-attr]
        checked["measure"] = checked["measure"].cat.set_categories(known)
    return checked


def checked_staff(employees: object | None) -> pd.DataFrame | None:
    """Employees that fit the contract; None if none are given."""
    if employees is None:
        return None
    return check_frame(employees, columns_of(Employee), frame="employees")


def grouped(
    events: pd.DataFrame,
    days: Days,
    by: Sequence[str],
    employees: pd.DataFrame | None,
    assignments: object | None,
) -> Grouped:
    """The group of each row: what the row itself says, else its owner on the day.

    Args:
        events: Checked events.
        days: The day of each row.
        by: Columns of the events, or of the employees.
        employees: Checked; None: only what the rows say.
        assignments: Who looks after whom, and when.

    Raises:
        UnknownNameError: A column is in neither.
        DataError: Two assignments of a customer, or two records of an employee, overlap.
    """
    columns = _staff(events, days, employees, assignments) if set(by) & set(STAFF) else {}
    group: Codes | None = None
    names = pd.DataFrame(index=range(1))
    extra = [*employees.columns] if employees is not None else []
    for name in by:
        column = columns.get(name, events.get(name))
        if column is None:
            known = dict.fromkeys([*events.columns, *columns, *extra])
            known.pop(name, None)
            raise UnknownNameError("column", name, known, "events", "give employees=, assignments=")
        more = None
        if employees is not None and name in employees and columns:
            more = employees[name]
        code, found = _numbered(column, more)
        group = code if group is None else _crossed(group, code, len(found))
        names = names.merge(pd.DataFrame({name: found}), how="cross")
    whole = np.zeros(len(events), np.intp) if group is None else group
    return _with_rows(Grouped(whole, names), by, employees)


def _crossed(group: Codes, code: Codes, size: int) -> Codes:
    """The number of each pair; -1 where either code is -1."""
    return np.where((group < 0) | (code < 0), -1, group * size + code)


def _numbered(column: pd.Series, more: pd.Series | None) -> tuple[Codes, pd.Index]:
    """Codes of the values, with those of another column that no row has at the end."""
    code, found = codes(column)
    if more is not None:
        others = pd.Index(codes(more)[1])
        others = others[~others.isin(found)]
        if len(others):
            found = pd.Index([*found.tolist(), *others.tolist()])
    return code, found


def _with_rows(whole: Grouped, by: Sequence[str], employees: pd.DataFrame | None) -> Grouped:
    """Only the groups that have a row or an employee, in the order of their names."""
    keep = np.full(len(whole.names) + 1, not by)  # the bank is there without a row
    keep[whole.group] = True
    names = whole.names
    if by and employees is not None and set(by) <= set(employees.columns):
        known = pd.MultiIndex.from_frame(employees[list(by)].astype(object))
        keep[:-1] |= pd.MultiIndex.from_frame(names.astype(object)).isin(known)
    used = np.flatnonzero(keep[:-1])
    kept = names.iloc[used]
    order = np.arange(len(used))
    if by:
        order = np.lexsort([codes_in_order(kept[name]) for name in reversed(by)])
    place = np.full(len(names) + 1, -1, np.intp)
    place[used[order]] = np.arange(len(used))
    return Grouped(place[whole.group], kept.iloc[order].reset_index(drop=True))


def codes_in_order(values: pd.Series) -> npt.NDArray[np.intp]:
    """The rank of each value among the distinct ones; as text where they are of several types."""
    try:
        return np.unique(values.to_numpy(), return_inverse=True)[1]
    except TypeError:
        return np.unique(values.astype(str).to_numpy(), return_inverse=True)[1]


def _staff(
    events: pd.DataFrame, days: Days, employees: pd.DataFrame | None, assignments: object | None
) -> dict[str, pd.Series]:
    """Employee, department and branch of each row, as far as they can be known."""
    found = {name: events[name] for name in STAFF if name in events}
    if assignments is not None and "customer_id" in events:
        rows = check_frame(assignments, columns_of(Assignment), frame="assignments")
        held = spans_of(rows, "customer_id", "assignments")
        found |= _looked_up(found, held, events["customer_id"], days, rows[["employee_id"]])
    if employees is not None and "employee_id" in found:
        held = spans_of(employees, "employee_id", "employees")
        places = employees[[n for n in ("department", "branch") if n in employees]]
        found |= _looked_up(found, held, found["employee_id"], days, places)
    return found


def _looked_up(
    own: dict[str, pd.Series], held: Spans, subjects: pd.Series, days: Days, records: pd.DataFrame
) -> dict[str, pd.Series]:
    """Each column of the records on the days of the rows, where a row has no own value."""
    names, tables = [], []
    for column in records:
        code, index = codes(records[column])
        names.append(index)
        small = np.min_scalar_type(-len(index) - 1)  # of all rows a fraction of the memory
        tables.append(np.append(code, -1).astype(small))
    got = held.look_up(subjects, days, tables)
    columns = map(str, records)
    return {
        c: _filled(own.get(c), *v)
        for c, v in zip(columns, zip(got, names, strict=True), strict=True)
    }


def _filled(
    own: pd.Series | None, got: npt.NDArray[np.signedinteger], names: pd.Index
) -> pd.Series:
    """The row's own value where it has one, else the one of its code; null for -1."""
    if own is None or own.isna().all():
        return pd.Series(pd.Categorical.from_codes(got, categories=names))
    own_code, own_names = codes(own)
    both = names.append(pd.Index(own_names[~own_names.isin(names)]))
    own_place = np.append(both.get_indexer(own_names), -1)[own_code]
    merged = np.where(own_place >= 0, own_place, got)
    return pd.Series(pd.Categorical.from_codes(merged, categories=both))


def without_group(events: pd.DataFrame, group: Codes, by: Sequence[str]) -> list[DataFault]:
    """The rows that count in no group."""
    none = np.flatnonzero(group < 0)
    if not len(none):
        return []
    words = events["measure"].iloc[none].value_counts()
    shown = first_few(words[words > 0].items(), lambda word: f"{word[0]}: {word[1]:,}")
    return [
        DataFault("events", "+".join(by), "without owner", len(none), shown,
                  "an owner on the day of the row", "the row counts for the bank, in no group")
    ]  # fmt: skip


def values_of(events: pd.DataFrame) -> Numbers | None:
    """The value of each row; None where each is 1."""
    return events["value"].to_numpy(np.float64) if "value" in events else None
