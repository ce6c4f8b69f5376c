"""The checks within and between the frames of a book; faulty rows are rejected with a reason."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import first_few
from bankcrm.book.contract import CONTRACT, DATE_MAY_BE_MISSING, DATED_BY, KEYS, MODELS
from bankcrm.book.known import without_later_labels
from bankcrm.errors import DataError
from bankcrm.frames import DataFault, screen_frame
from bankcrm.frames.arrays import is_whole_numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.numbering import Numbered, is_among, positions_in
from bankcrm.frames.readers import LastDay, Mask

# A person who is no customer may complain; a group may have outside members.
_BLANK = "the value is left out, the row stays"
_MUST_BE_KNOWN = (
    *("transactions", "accounts", "balances", "loans", "contacts", "credits", "consents"),
)


def screened(
    name: str, frame: pd.DataFrame, day: np.datetime64, zone: str
) -> tuple[pd.DataFrame, list[pd.DataFrame], list[DataFault]]:
    """One frame without its faulty rows, the rejected rows, and the faults."""
    columns = CONTRACT[name]
    frame, labels = without_later_labels(name, frame, LastDay(day, zone))
    if name in DATE_MAY_BE_MISSING:  # a link that begins later is not known yet
        date = DATED_BY[name]
        columns = tuple(attrs.evolve(c, required=c.required or c.name == date) for c in columns)
        if date not in frame:
            columns = tuple(c for c in columns if c.name != date)
    screened = screen_frame(
        frame, columns, frame=name, key=KEYS.get(name, ()), as_of=day, zone=zone, blank=True
    )
    found, faults = screened.frame, list(screened.faults)
    rejected = [screened.rejected] if len(screened.rejected) else []
    if name == "customers":
        _refuse_repeated(faults)
    faults += [
        fault_in_rows(
            name, column, "after_as_of", frame.index[rows], f"values known by {day}", _BLANK
        )
        for column, rows in labels.items()
    ]
    required = {c.name for c in columns if c.required}
    for rule in MODELS[name].CONSTRAINTS:
        if not set(rule.fields) <= set(found.columns):
            continue
        broken = rule.broken_rows(found)
        if not broken.any():
            continue
        field = rule.fields[0]
        away = field in required
        faults.append(
            fault_in_rows(
                name,
                field,
                "contradiction",
                found.index[broken],
                rule.expected,
                "the rows are rejected" if away else _BLANK,
            )
        )
        if away:
            rejected.append(found.loc[broken].assign(fault=f"{field}: contradiction"))
            found = found.loc[~broken]
        else:
            found = found.assign(**{field: found[field].mask(broken)})
    return found, rejected, faults


def later_customers(
    customers: pd.DataFrame, later: Mask, day: np.datetime64
) -> tuple[list[pd.DataFrame], list[DataFault]]:
    """The rows of customers who are not known yet, as rejected rows and as a fault."""
    if not later.any():
        return [], []
    expected = f"a date or a row of the customer by {day}"
    advice = "they come later and are left out"
    rows = customers.loc[later].assign(fault="customer_id: not_yet_known")
    return [rows], [
        fault_in_rows("customers", "customer_id", "not_yet_known", rows.index, expected, advice)
    ]


def _refuse_repeated(faults: list[DataFault]) -> None:
    """Refuse duplicate customers, which would make every figure wrong."""
    twice = [f for f in faults if f.problem == "duplicate_key"]
    if twice:
        raise DataError(str(twice[0]))


def no_customer(faults: Iterable[DataFault]) -> DataError:
    """The error of a book without any customer to review."""
    reason = "; ".join(str(f) for f in faults if f.frame == "customers")
    return DataError(f"customers: no customer to review ({reason or 'the frame has no row'})")


def linked(
    frames: dict[str, pd.DataFrame], rejected: dict[str, list[pd.DataFrame]], later: pd.Series
) -> tuple[list[DataFault], Numbered]:
    """Check the ids between the frames; rows of unknown customers move to ``rejected``.

    Customers who are not known yet (``later``) are no unknown ones: a link may name them.

    Returns:
        The faults; and of ids that are no whole numbers, by frame and column, the position of
        each row's customer.
    """
    faults: list[DataFault] = []
    numbered: Numbered = {}
    known = frames["customers"]["customer_id"]
    index = pd.Index(known)
    for name, column, frame in [
        (n, c.name, f)
        for n, f in frames.items()
        for c in CONTRACT[n]
        if c.name in ("customer_id", "parent_id", "child_id") and c.name in f and n != "customers"
    ]:
        ids = frames[name][column]
        _same_type(name, column, ids, known)
        place = positions_in(ids, index)
        if not is_whole_numbers(ids):
            numbered[name, column] = place
        unknown = (place < 0) & ids.notna().to_numpy()
        if len(later):
            unknown &= ~is_among(ids, later)
        if not unknown.any():
            continue
        away = name in _MUST_BE_KNOWN
        faults.append(
            DataFault(
                name,
                column,
                "unknown_customer",
                int(unknown.sum()),
                first_few(ids[unknown].drop_duplicates()),
                "a customer_id of customers",
                "the rows are rejected" if away else "the rows are kept",
            )
        )
        if away:
            fault = f"{column}: unknown_customer"
            rejected[name].append(frame.loc[unknown].assign(fault=fault))
            frames[name] = frame.loc[~unknown]
            numbered |= {k: p[~unknown] for k, p in numbered.items() if k[0] == name}
    return faults, numbered


def _same_type(name: str, column: str, ids: pd.Series, known: pd.Series) -> None:
    """Refuse integer ids in one frame and text in the other: no row would have a customer."""
    if not len(ids) or not len(known) or ids.isna().all():
        return
    forms = [
        "integers" if pd.api.types.is_numeric_dtype(s.dtype) else "text"
        for s in (_ids(ids), _ids(known))
    ]
    if forms[0] != forms[1]:
        raise DataError(
            f"{name}.{column}: {forms[0]}, but customers.customer_id holds {forms[1]}; "
            "use one type for both"
        )


def _ids(ids: pd.Series) -> pd.Series:
    if isinstance(ids.dtype, pd.CategoricalDtype):
        return pd.Series(ids.cat.categories)
    return ids
