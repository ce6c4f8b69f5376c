"""What commands print: a table for people, or JSON."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

from bankcrm.errors import without_password


def show(
    rows: Sequence[Mapping[str, object]], *, title: str = "", right: Sequence[str] = ()
) -> None:
    """Print rows as a table, as wide as its content: nothing is cut, and every name can be copied.

    Args:
        rows: The rows, each with the same keys.
        title: A line above the table.
        right: The columns of numbers.
    """
    from rich.console import Console  # slow to import, and the help prints no table
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    heading = Text(printable(title)) if title else None
    table = Table(title=heading, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in rows[0] if rows else ():
        table.add_column(
            Text(printable(name)), justify="right" if name in right else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(*(Text(printable(str(value))) for value in row.values()))
    console = Console()
    wide = Measurement.get(console, console.options.update(max_width=100_000), table).maximum
    console.width = max(console.width, wide, len(title))
    console.print(table)


def echo(text: object = "", *, nl: bool = True, err: bool = False) -> None:
    """Print a text as `printable` makes it."""
    click.echo(printable(str(text)), nl=nl, err=err)


def printable(text: str) -> str:
    """A text without the password of a URL that cannot control the terminal.

    Control characters are replaced.

    >>> printable("name \x1b]0;owned\x07")
    'name \ufffd]0;owned\ufffd'
    """
    return "".join(
        "\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") and c not in "\n\t" else c
        for c in without_password(text)
    )


def show_json(document: object) -> None:
    """Print a document as JSON; days and other values that JSON lacks become texts."""
    echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def _plain(value: Any) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return value.tolist() if hasattr(value, "tolist") else str(value)


def action_rows(
    actions: Sequence[Mapping[str, Any]], *, since: bool = False
) -> list[dict[str, object]]:
    """The columns of an action list that a person reads first.

    Args:
        actions: Rows of plain values.
        since: Whether to say since when each is listed.
    """
    blank = {None: ""}
    return [
        {
            **({"since": row["since"]} if since else {}),
            "due": row["due"],
            "priority": row["priority"],
            "customer": blank.get(row["customer_id"], row["customer_id"]),
            "complaint": blank.get(row["complaint_id"], row["complaint_id"]),
            "action": row["title"],
            "department": row["department"],
            "contact": row["contact"] or "",
            "at stake": "" if row["value_at_stake"] is None else f"{row['value_at_stake']:,.0f}",
            "because": row["reason"],
        }
        for row in actions
    ]
