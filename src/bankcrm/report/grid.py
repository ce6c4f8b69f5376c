"""A table of the page: what it shows, and the plain values that it sorts and saves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

import attrs
import pandas as pd

from bankcrm.report.words import Words

Kind = Literal[
    "word", "department", "bad", "text", "day", "task", "reasons", "customer", "complaint",
    "subject", "owner", "manager", "number", "share", "rate", "bar",
]  # fmt: skip
"""How a column is shown.

A ``word`` is translated, a ``bad`` one is also marked; ``department`` is one or several; a ``day``
is not broken, and a ``task`` has a wide column; ``reasons`` are several, joined by semicolons.
``customer`` and ``complaint`` are ids that link to their explanation, ``subject`` an id with its
kind; an ``owner`` is a department that links to its actions, as a ``manager`` does. ``bar`` is a
number with a bar below it, ``share`` a part of one with a bar, ``rate`` one without.
"""
Shown: TypeAlias = tuple[str, Kind, Iterable[Any]]
"""A column: its head, how it is shown, and its values."""

_ALIGNED = ("number", "share", "rate", "bar")
_BAD = ("alarm", "overdue", "urgent", "breach")


@attrs.frozen
class Cell:
    """One value.

    Attributes:
        text: What the page shows.
        value: The plain number, by which the column is sorted and which is saved; None: the text.
        href: Where the text links to; empty for no link.
        bad: Whether it is marked.
        bar: Left edge and width of its bar in percent; None for no bar.
        style: ``wrap`` where a long word may be broken, ``one`` for one line, ``task`` for a wide
            column.
    """

    text: str
    value: float | None = None
    href: str = ""
    bad: bool = False
    bar: tuple[float, float] | None = None
    style: str = ""


@attrs.frozen
class Grid:
    """A table of the page.

    Attributes:
        name: Its id, by which links and saved files name it.
        title: Its caption, which states the population.
        heads: The column names, and whether each is aligned like a number.
        rows: The cells.
        note: How to read it.
        left_out: What it leaves out; empty where it shows everything.
    """

    name: str
    title: str
    heads: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[Cell]]
    note: str = ""
    left_out: str = ""


def grid(
    name: str,
    title: str,
    columns: Sequence[Shown],
    words: Words,
    *,
    note: str = "",
    left_out: str = "",
) -> Grid:
    """A table from its columns.

    Args:
        name: Its id.
        title: Its caption, in the language of the page.
        columns: English heading, how it is shown, and the values; None and NaN are unknown.
        words: The language.
        note: How to read it, in the language of the page.
        left_out: What it leaves out, in the language of the page.
    """
    heads = [(words(head), kind in _ALIGNED) for head, kind, _ in columns]
    cells = [_cells(kind, list(values), words) for _, kind, values in columns]
    return Grid(name, title, heads, list(zip(*cells, strict=True)), note, left_out)


def _cells(kind: Kind, values: list[Any], words: Words) -> list[Cell]:
    if kind == "bar":
        spans = spans_of(values)
        return [
            Cell(
                _amount(v),
                None if v is None else float(v),
                bar=s,
                bad=bool(v is not None and v < 0),
            )
            for v, s in zip(values, spans, strict=True)
        ]
    show: Callable[[Any], Cell] = {
        "word": lambda v: Cell(words(v)),
        "department": lambda v: Cell(words.departments(v)),
        "bad": lambda v: Cell(words(v), bad=v in _BAD),
        "text": lambda v: Cell(str(v), style="wrap"),
        "day": lambda v: Cell(str(v), style="one"),
        "task": lambda v: Cell(str(v), style="task"),
        "reasons": lambda v: Cell(words.reasons(str(v)), style="wrap"),
        "customer": lambda v: Cell(str(v), href=_link("customer", v), style="wrap"),
        "complaint": lambda v: Cell(str(v), href=_link("complaint", v), style="wrap"),
        "subject": lambda v: Cell(
            str(v[1]), href=_link(*v) if v[0] == "customer" else "", style="wrap"
        ),
        "owner": lambda v: Cell(words.departments(v), href=_link("owner", v)),
        "manager": lambda v: Cell(str(v), href=_link("owner", v)),
        "number": lambda v: Cell(_amount(v), float(v)),
        "rate": lambda v: Cell(f"{v:.0%}", float(v)),
        "share": lambda v: Cell(
            f"{v:.1%}", float(v), bar=(0.0, round(100 * min(max(v, 0.0), 1.0), 1))
        ),
    }[kind]
    return [Cell("-") if _unknown(v) else show(v) for v in values]


def _link(kind: str, value: Any) -> str:
    """The link to an explanation.

    >>> _link("customer", "a b")
    '#customer=a%20b'
    """
    return f"#{kind}={quote(str(value), safe='')}"


def _unknown(value: Any) -> bool:
    return bool(pd.isna(value)) or value == ""


def _amount(value: Any) -> str:
    """A number: whole where it is large or a count, else with one digit after the point.

    >>> _amount(1234.5), _amount(7), _amount(2.25)
    ('1,234', '7', '2.2')
    """
    if _unknown(value):
        return "-"
    whole = abs(value) >= 100 or float(value).is_integer()
    return f"{value:,.0f}" if whole else f"{value:,.1f}"


def spans_of(amounts: Sequence[float | None]) -> list[tuple[float, float] | None]:
    """Left edge and width of the bars of some amounts on one scale that contains 0, in percent.

    An amount that is not known has no bar.

    >>> spans_of([30.0, -10.0, None])
    [(25.0, 75.0), (0.0, 25.0), None]
    """
    known = [float(a) for a in amounts if a is not None and not _unknown(a)]
    low, high = min([0.0, *known]), max([0.0, *known])
    scale = 100 / ((high - low) or 1.0)
    return [
        None
        if a is None or _unknown(a)
        else (round((min(float(a), 0.0) - low) * scale, 1), round(abs(float(a)) * scale, 1))
        for a in amounts
    ]
