"""How results show themselves in a notebook: one small card, every text escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_ROWS = 12


def card(
    title: str,
    figures: Mapping[str, object] | None = None,
    frame: pd.DataFrame | None = None,
    note: str = "",
) -> str:
    """HTML with a title, key figures, the head of a frame and a note.

    Args:
        title: what the result is.
        figures: name to value, already formatted.
        frame: a table; only its first rows are shown.
        note: what decided it, such as a policy with its fingerprint.

    >>> card("Gini", {"gini": "0.5"})
    '<div><strong>Gini</strong><table><tbody><tr><th>gini</th><td>0.5</td></tr></tbody></table></div>'
    """
    parts = [f"<strong>{escape(title)}</strong>"]
    if figures:
        rows = (
            f"<tr><th>{escape(k)}</th><td>{escape(str(v))}</td></tr>" for k, v in figures.items()
        )
        parts.append(f"<table><tbody>{''.join(rows)}</tbody></table>")
    if frame is not None:
        parts.append(frame.head(_ROWS).to_html(escape=True, border=0))
        if len(frame) > _ROWS:
            parts.append(f"<div>{len(frame) - _ROWS:,} more rows</div>")
    if note:
        parts.append(f"<small>{escape(note)}</small>")
    return f"<div>{''.join(parts)}</div>"
