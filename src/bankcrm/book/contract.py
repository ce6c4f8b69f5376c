"""The columns of each frame of a book."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from bankcrm.errors import UnknownNameError
from bankcrm.frames import Column
from bankcrm.models import (
    Account,
    Balance,
    Capital,
    Consent,
    Contact,
    Credit,
    Customer,
    Link,
    Loan,
    Record,
    Transaction,
    columns_of,
)
from bankcrm.models.complaint import Complaint

MODELS: Mapping[str, type[Record]] = {
    "customers": Customer,
    "transactions": Transaction,
    "accounts": Account,
    "balances": Balance,
    "loans": Loan,
    "contacts": Contact,
    "links": Link,
    "complaints": Complaint,
    "credits": Credit,
    "capital": Capital,
    "consents": Consent,
}

CONTRACT: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {name: columns_of(model) for name, model in MODELS.items()}
)
"""The columns of each frame of a book."""

FRAMES = tuple(CONTRACT)
"""The names of the frames of a book; the first two are required."""

KEYS = {
    "customers": "customer_id",
    "transactions": "transaction_id",
    "accounts": "account_id",
    "loans": "loan_id",
    "contacts": "contact_id",
    "complaints": "complaint_id",
    "credits": "credit_id",
    "capital": "date",
}

FAMILY = {"parent_id": "customer_id", "child_id": "customer_id", "referred_by": "customer_id"}
"""Id columns that refer to the ids of another column, whose type they have."""

ENTRIES = ("name", "as_of", "currency", "seed", "presets", "note")
"""The entries of ``book.toml`` about the whole book; the others are its mapping."""

DATED_BY: Mapping[str, str] = MappingProxyType(
    {
        "transactions": "date",
        "accounts": "opened_date",
        "balances": "date",
        "loans": "granted_date",
        "contacts": "date",
        "links": "since",
        "complaints": "received_at",
        "credits": "granted_date",
        "capital": "date",
        "consents": "since",
    }
)
"""The date from which a row of each frame is known."""

DATE_MAY_BE_MISSING = tuple(
    name
    for name, date in DATED_BY.items()
    if not next(c for c in CONTRACT[name] if c.name == date).required
)
"""The frames whose rows may lack that date; such a row is taken as known."""

BEGINNINGS = ("first_contact_date", "inquiry_date", "contract_date")
"""The dates of a customer from the first of which the bank knows it."""

_EMPTY = {
    "id": "int64",
    "text": "object",
    "category": "category",
    "date": "datetime64[s]",
    "instant": "datetime64[us, UTC]",
    "money": "float64",
    "number": "float64",
    "integer": "int64",
    "boolean": "bool",
}


def empty_frame(name: str) -> pd.DataFrame:
    """An empty frame with the columns of the contract.

    Args:
        name: The name of the frame.

    Raises:
        UnknownNameError: A book has no frame of this name.
    """
    if not isinstance(name, str) or name not in CONTRACT:
        raise UnknownNameError("frame", name, FRAMES)
    return _empty(name).copy()


@functools.cache
def _empty(name: str) -> pd.DataFrame:
    return pd.DataFrame({c.name: pd.Series(dtype=_EMPTY[c.kind]) for c in CONTRACT[name]})


def contract_page() -> str:
    """The data contract as a Markdown page, generated from the record classes."""
    lines = [
        "# Data contract",
        "",
        "A book is a folder of frames, each a Parquet, CSV or Excel file named after the frame, or",
        "files with other names, columns and formats that `book.toml` describes",
        "([Bring your own data](../how-to/bring-your-own-data.md)).",
        "`customers` and `transactions` are required; the other frames are optional.",
        "A column that is not *required* may be absent, and its values may be missing.",
        "Columns outside the contract are kept unchanged.",
        "",
        "| kind | values |",
        "| --- | --- |",
        "| id | integers or text; the same type in the whole book |",
        "| text, category | text; a category has few distinct words |",
        "| date | a day, without a time zone |",
        "| instant | a date and time with a time zone |",
        "| money, number | numbers; Decimals are converted to float64 |",
        "| integer | integers |",
        "| boolean | true or false |",
        "",
        "*Known from* says since when a review knows a value: a review as of a day uses no other.",
        "",
        "| known from | meaning |",
        "| --- | --- |",
        "| the row | it is known as long as its row |",
        "| itself | a date is known from that day on; a later one is missing |",
        "| a column | it is missing as long as the dates that it is known from lie after the day |",
        "| undated | a state without a date: it is used as it is, and a finding says so where the "
        "records are of a later day than the review |",
    ]
    for name, columns in CONTRACT.items():
        summary = (MODELS[name].__doc__ or "").strip().split("\n")[0]
        key = f" Unique by `{KEYS[name]}`." if name in KEYS else ""
        lines += ["", f"## {name}", "", f"{summary}{key} {_row_known_from(name)}", ""]
        lines += [
            "| column | kind | required | known from | unit | meaning |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for c in columns:
            words = f" One of {', '.join(f'`{w}`' for w in c.choices)}." if c.choices else ""
            need = "yes" if c.required else ""
            unit = c.unit + _limits(c)
            known = _known_from(name, c)
            cells = (f"`{c.name}`", c.kind, need, known, unit, f"{c.meaning}{words}")
            lines.append(f"| {' | '.join(cells)} |")
        rules = [f"- {rule.expected}" for rule in MODELS[name].CONSTRAINTS]
        lines += ["", "Across columns:", "", *rules] if rules else []
    return "\n".join(lines) + "\n"


def _row_known_from(frame: str) -> str:
    if frame == "customers":
        own = ", ".join(f"`{c}`" for c in (*BEGINNINGS, "closed_date"))
        return (
            f"A customer is known from the first of {own} and of the rows of other frames that "
            "name it (links do not count); one without any date is taken as known."
        )
    without = " A row without it is taken as known." if frame in DATE_MAY_BE_MISSING else ""
    return f"A row is known from its `{DATED_BY[frame]}`.{without}"


def _known_from(frame: str, column: Column) -> str:
    if column.known_from:
        return " or ".join(f"`{c}`" for c in column.known_from)
    if column.undated:
        return "undated"
    if column.kind in ("date", "instant") and DATED_BY.get(frame) != column.name:
        return "itself"
    return "the row"


def _limits(column: Column) -> str:
    low, high = column.minimum, column.maximum
    if low is None and high is None:
        return ""
    if high is None:
        return f" >= {low:g}"
    return f" {low:g} to {high:g}"
