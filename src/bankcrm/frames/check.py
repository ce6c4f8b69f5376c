"""The check of a frame against its contract, which reports all errors together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import attrs
import numpy as np
import pandas as pd
from pandas.api import types

from bankcrm._display import SHOWN
from bankcrm.arguments import as_kind, as_names, as_renames, as_zone
from bankcrm.errors import DataError, UnknownNameError, nearest
from bankcrm.frames.arrays import as_of_day, found_in, surely_distinct
from bankcrm.frames.column import Column, DataFault
from bankcrm.frames.conversion import frame_of_any, with_levels, with_personal_levels
from bankcrm.frames.findings import raise_faults
from bankcrm.frames.instants import ZONE
from bankcrm.frames.readers import EXPECTED, READERS, Flaw, LastDay, Mask


class Screened(NamedTuple):
    """The valid and the rejected rows of a frame: rows in = rows out.

    Attributes:
        frame: The valid rows, converted.
        rejected: The other rows, their values as they came, under canonical names, with the first
            fault of each row in the column ``fault``.
        faults: The faults, with the number of rows that have each.
    """

    frame: pd.DataFrame
    rejected: pd.DataFrame
    faults: tuple[DataFault, ...]


def check_frame(
    data: object,
    columns: Sequence[Column],
    *,
    frame: str = "frame",
    names: Mapping[str, str] | None = None,
    key: Sequence[str] | str = (),
    as_of: object = None,
    zone: str = ZONE,
) -> pd.DataFrame:
    """A frame that fits the contract, or one error that reports all faults.

    Numbers and money come back as float64, whole numbers as int64 (float64 where some are null),
    dates as naive days in datetime64, categories as categoricals. Columns outside the contract
    follow as they are. The caller's frame is never changed.

    Args:
        data: A frame; see `as_frame`. A contract column may also be a named index level.
        columns: The contract.
        frame: What to call the frame in errors.
        names: Canonical name -> the caller's name, ``{"customer_id": "cust_no"}``.
        key: Columns that together are unique.
        as_of: No date or instant may lie after this day.
        zone: The time zone in which an instant has its day.

    Raises:
        DataError: The frame does not fit; all faults are listed.

    >>> amounts = pd.DataFrame({"cust_no": [1, 2], "amount": [10, 20]})
    >>> contract = (Column("customer_id", "id"), Column("amount", "money", unit="CNY"))
    >>> checked = check_frame(amounts, contract, names={"customer_id": "cust_no"})
    >>> list(checked.columns), checked["amount"].tolist()
    (['customer_id', 'amount'], [10.0, 20.0])
    """
    exam = _examine(data, columns, frame, names, key, _until(as_of, zone))
    raise_faults([found.fault for found in exam.faults])
    return exam.frame


def screen_frame(
    data: object,
    columns: Sequence[Column],
    *,
    frame: str = "frame",
    names: Mapping[str, str] | None = None,
    key: Sequence[str] | str = (),
    as_of: object = None,
    zone: str = ZONE,
    blank: bool = False,
) -> Screened:
    """Like `check_frame`, but faulty rows are rejected and counted instead of raising.

    Of rows with the same key the first stays. Rows in = rows of ``frame`` + rows of ``rejected``.

    Args:
        data: A frame; see `as_frame`.
        columns: The contract.
        frame: What to call the frame in faults.
        names: Canonical name -> the caller's name.
        key: Columns that together are unique.
        as_of: No date or instant may lie after this day.
        zone: The time zone in which an instant has its day.
        blank: Keep a row whose only faults are in optional columns (``required=False``): those
            values are left out, and counted all the same.

    Raises:
        DataError: A fault of the whole frame: a missing column, a wrong type.

    >>> screened = screen_frame(
    ...     pd.DataFrame({"amount": [10.0, float("inf")]}), (Column("amount", "money"),), frame="t"
    ... )
    >>> len(screened.frame), len(screened.rejected), str(screened.faults[0].problem)
    (1, 1, 'not_finite')
    """
    exam = _examine(data, columns, frame, names, key, _until(as_of, zone), rejecting=True)
    raise_faults([found.fault for found in exam.faults if found.rows is None])
    optional = {c.name for c in columns if not c.required} if blank else set()
    return _part(exam, columns, optional)


def findings_frame(faults: Iterable[DataFault]) -> pd.DataFrame:
    """The faults as a frame, one row per fault.

    >>> findings_frame([DataFault("customers", "customer_id", "null", 1)])["count"].tolist()
    [1]
    """
    rows = [
        (f.frame, f.column, f.problem, f.count, ", ".join(f.examples), f.expected, f.advice)
        for f in faults
    ]
    names = [a.name for a in attrs.fields(DataFault)]
    return pd.DataFrame(rows, columns=names).astype({"count": "int64"})


class _Finding(NamedTuple):
    """A fault and the rows that have it; None for a fault of the whole frame."""

    fault: DataFault
    rows: Mask | None


class _Exam(NamedTuple):
    source: pd.DataFrame
    frame: pd.DataFrame
    faults: list[_Finding]


def _part(exam: _Exam, columns: Sequence[Column], optional: set[str]) -> Screened:
    """Split a frame by its faulty rows; a fault of an optional column blanks the value."""
    frame, faults = exam.frame, []
    if not exam.faults:
        return Screened(frame, exam.source.iloc[:0].assign(fault=""), ())
    first = np.full(len(exam.source), -1, dtype=np.int32)
    for number, (fault, rows) in enumerate(exam.faults):
        if rows is not None and fault.column in optional and fault.problem != "duplicate_key":
            values = frame[fault.column]
            if values.dtype == np.bool_:
                values = values.astype("boolean")
            frame = frame.assign(**{fault.column: values.mask(rows)})
            fault = attrs.evolve(fault, advice="the value is left out, the row stays")
        elif rows is not None:
            first[rows & (first < 0)] = number
            fault = attrs.evolve(fault, advice="the rows are rejected")
        faults.append(fault)
    bad = first >= 0
    labels = np.array([f"{f.column}: {f.problem}" for f in faults], dtype=object)
    rejected = exam.source.loc[bad]
    rejected = rejected.assign(fault=labels[first[bad]] if len(rejected) else "")
    if not bad.any():
        return Screened(frame, rejected, tuple(faults))
    frame = frame.loc[~bad]
    # Without the faulty rows a column of whole numbers or booleans may be plain again.
    plain = {"id": "int64", "integer": "int64", "boolean": "bool"}
    again = {
        c.name: plain[c.kind]
        for c in columns
        if c.kind in plain
        and c.name in frame
        and types.is_numeric_dtype(frame[c.name].dtype)
        and not frame[c.name].isna().any()
    }
    return Screened(frame.astype(again), rejected, tuple(faults))


def _examine(
    data: object,
    columns: Sequence[Column],
    frame: str,
    names: Mapping[str, str] | None,
    key: Sequence[str] | str,
    until: LastDay | None,
    rejecting: bool = False,
) -> _Exam:
    source, faults = _canonical(frame_of_any(data), columns, frame, as_renames(names))
    found = [_Finding(fault, None) for fault in faults]
    converted: dict[str, object] = {}
    later = np.zeros(len(source), dtype=np.bool_)
    for column in columns:
        if column.name not in source.columns:
            continue
        values = source[column.name]
        try:
            converted[column.name], flaws = READERS[column.kind](values, column, until)
        except DataError as error:
            found.append(_Finding(_wrong_type(frame, column, values, str(error)), None))
            continue
        if rejecting and column.required:
            later |= np.any([f.mask for f in flaws if f.problem == "after_as_of"], axis=0)
        found += [
            _Finding(_fault(frame, column, values, flaw), flaw.mask)
            for flaw in flaws
            if flaw.mask.any()
        ]
    keys = list(as_names(key))
    if unknown := [k for k in keys if k not in {c.name for c in columns}]:
        raise UnknownNameError("key", unknown[0], [c.name for c in columns])
    if keys and all(k in converted for k in keys):
        # A row of a later day does not exist yet: it repeats no row, and no row repeats it.
        known = source.loc[~later] if later.any() else source
        repeated = np.zeros(len(source), dtype=np.bool_)
        if len(keys) > 1 or not surely_distinct(known[keys[0]]):
            repeated[~later] = known.duplicated(keys) & known[keys].notna().all(axis=1)
        if repeated.any():
            advice = "keep one row for each, or give each its own key"
            flaw = Flaw("duplicate_key", repeated, f"one row for each {' + '.join(keys)}", advice)
            by_name = {c.name: c for c in columns}
            found.append(_Finding(_fault(frame, by_name[keys[0]], source[keys[0]], flaw), repeated))
    return _Exam(source, _assembled(source, converted), found)


def _until(as_of: object, zone: str) -> LastDay | None:
    """The last day of a check; None for no limit."""
    as_zone(zone)
    return None if as_of is None else LastDay(as_of_day(as_of), zone)


def _assembled(source: pd.DataFrame, converted: Mapping[str, object]) -> pd.DataFrame:
    """The contract's columns first, converted; the others after them, as they are."""
    columns = {**converted, **{c: source[c] for c in source.columns.tolist() if c not in converted}}
    made = pd.DataFrame(columns, index=source.index, copy=False)
    if set(made.index.names) & set(columns):  # a level named like a column is ambiguous
        made.index = made.index.set_names([None] * made.index.nlevels)
    return made


def _canonical(
    data: pd.DataFrame, columns: Sequence[Column], frame: str, names: Mapping[str, str]
) -> tuple[pd.DataFrame, list[DataFault]]:
    """The caller's frame under canonical names, and the faults of the frame as a whole."""
    for column in columns:
        as_kind(column, Column, "columns", "give the contract of each column")
    faults: list[DataFault] = []
    known = {c.name for c in columns}
    if unknown := [n for n in names if n not in known]:
        expected = f"names from {', '.join(sorted(known))}"
        faults.append(DataFault(frame, ", ".join(unknown), "unknown_name", 0, (), expected))
    theirs = {names.get(c.name, c.name) for c in columns}
    data = with_personal_levels(data, {names.get(c.name, c.name) for c in columns if c.personal})
    data = with_levels(data, theirs)
    renamed = {theirs: ours for ours, theirs in names.items() if ours in known}
    clash = [
        n for n in renamed.values() if n in data.columns and names[n] != n and n not in renamed
    ]
    if clash:
        # The caller named another column, so the one of this name is not read.
        data = data.drop(columns=clash)
    data = data.rename(columns=renamed) if renamed else data
    present = set(map(str, data.columns.tolist()))
    missing = [c.name for c in columns if c.required and c.name not in present]
    if missing:
        there = ", ".join(map(str, data.columns)) or "no column at all"
        absent = [f"{m} (as {names[m]!r})" if m in names else m for m in missing]
        close = "".join(nearest(m, data.columns) for m in missing)
        advice = f"present: {there}{close}; rename them, or map them (Book and read_book: mapping=)"
        faults.append(DataFault(frame, ", ".join(absent), "missing_column", 0, (), "", advice))
    if data.columns.is_unique:
        return data, faults
    repeated = data.columns.duplicated()
    for name in data.columns[repeated].unique():
        faults.append(DataFault(frame, str(name), "repeated_column", 0, (), "each name once"))
    return data.loc[:, ~repeated], faults


def _fault(frame: str, column: Column, values: pd.Series, flaw: Flaw) -> DataFault:
    rows = np.flatnonzero(flaw.mask)
    shown = values.iloc[rows[:SHOWN]]
    if flaw.show_values and not column.personal:
        examples = tuple(f"row {label}: {_shown(v)}" for label, v in shown.items())
    else:
        examples = tuple(f"row {label}" for label in shown.index)
    return DataFault(
        frame, column.name, flaw.problem, len(rows), examples, flaw.expected, flaw.advice
    )


def _shown(value: object) -> str:
    if isinstance(value, (str, int, float)):
        return repr(value) if isinstance(value, str) else f"{value}"
    return str(value)


def type_faults(data: pd.DataFrame, columns: Sequence[Column], *, frame: str) -> list[DataFault]:
    """The columns of Python objects whose values are not of their kind, as a check finds them.

    Args:
        data: The frame.
        columns: The contract's columns.
        frame: Name of the frame, for errors.

    >>> mixed = pd.DataFrame({"income": pd.Series([1.5, "x"], dtype=object)})
    >>> [fault] = type_faults(mixed, [Column("income", "money")], frame="customers")
    >>> fault.expected
    'numbers, found text in 1 of 2 rows (row 1)'
    """
    faults = []
    for column in columns:
        if column.name in data and data[column.name].dtype == object:
            values = data[column.name]
            try:
                READERS[column.kind](values, column, None)
            except DataError as error:
                faults.append(_wrong_type(frame, column, values, str(error)))
    return faults


def _wrong_type(frame: str, column: Column, values: pd.Series, reason: str) -> DataFault:
    fits, expected, advice = EXPECTED[column.kind]
    problem = "wrong_type"
    if column.kind == "date" and "time zone" in reason:
        problem, advice = "time_zone", reason.partition("; ")[2]
    expected = f"{expected}, found {found_in(values, fits)}"
    return DataFault(frame, column.name, problem, 0, (), expected, advice)
