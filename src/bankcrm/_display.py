"""The display of results in notebooks and terminals; every text is escaped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from html import escape
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 5
"""Values that a message names; of the others it gives the number."""

_ROWS = 12
_RULES = 40
_TEXT = 240


def card(
    title: str,
    figures: Mapping[str, object] | None = None,
    frame: pd.DataFrame | None = None,
    note: str = "",
    *,
    rows: Sequence[Mapping[str, object]] = (),
) -> str:
    """HTML with a title, key figures, the head of a frame and a note.

    Args:
        title: What the result is.
        figures: Name to value; see `shown`.
        frame: A table; only its first rows are shown.
        note: What decided it, such as a policy with its fingerprint.
        rows: A table of plain values, such as rules, each row with the same keys.

    >>> card("Gini", {"gini": "0.5"})
    '<div><strong>Gini</strong><table><tbody><tr><th>gini</th><td>0.5</td></tr></tbody></table></div>'
    """
    parts = [f"<strong>{escape(shown(title))}</strong>"]
    if figures:
        lines = (
            f"<tr><th>{escape(k)}</th><td>{escape(shown(v))}</td></tr>" for k, v in figures.items()
        )
        parts.append(f"<table><tbody>{''.join(lines)}</tbody></table>")
    if rows:
        parts.append(_table(rows[:_RULES]))
        parts.append(_more(len(rows) - _RULES))
    if frame is not None:
        parts.append(frame.head(_ROWS).to_html(escape=True, border=0))
        parts.append(_more(len(frame) - _ROWS))
    if note:
        parts.append(f"<small>{escape(shown(note))}</small>")
    return f"<div>{''.join(parts)}</div>"


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(shown(v))}</td>' for v in row.values())}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _more(left: int) -> str:
    return f"<div>{left:,} more rows</div>" if left > 0 else ""


def line(kind: str, figures: Mapping[str, object]) -> str:
    """One line for a terminal.

    >>> line("Gini", {"gini": 0.5, "customers": 1200})
    '<Gini: gini 0.5, customers 1,200>'
    """
    return f"<{kind}: {', '.join(f'{k} {shown(v)}' for k, v in figures.items())}>"


def stamp(version: str, fingerprint: str) -> str:
    """The note under a card: the version and the first characters of the fingerprint."""
    return f"version {version}, {fingerprint[:12]}"


def first_few(values: Iterable[Any], write: Callable[[Any], str] = str) -> tuple[str, ...]:
    """The first five of some values in words, as the examples of a fault.

    >>> first_few(range(9), "row {}".format)
    ('row 0', 'row 1', 'row 2', 'row 3', 'row 4')
    """
    return tuple(map(write, islice(values, SHOWN)))


def few(values: Collection[Any], write: Callable[[Any], str] = str, *, between: str = ", ") -> str:
    """The first five of some values and the number of the others, for a message.

    >>> few(range(9)), few(["ab"], repr)
    ('0, 1, 2, 3, 4, and 4 more', "'ab'")
    """
    parts = [*first_few(values, write)]
    if len(values) > SHOWN:
        parts.append(f"and {len(values) - SHOWN:,} more")
    return between.join(parts)


def figures_of(value: object, *names: str) -> dict[str, str]:
    """Attributes of a value for a card, under their names in words."""
    return {name.replace("_", " "): shown(getattr(value, name)) for name in names}


def shown(value: object) -> str:
    """A value for people; a long text is cut.

    >>> shown(1234567.8), shown(0.123456), shown(True), shown(None), shown({"a": (1, 2)})
    ('1,234,568', '0.1235', 'yes', '-', 'a: 1, 2')
    """
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        text = "; ".join(f"{k}: {shown(v)}" for k, v in value.items())
    elif isinstance(value, tuple | list):
        text = ", ".join(map(shown, value))
    else:
        text = str(value)
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"
