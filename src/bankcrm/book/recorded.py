"""What a book records: its frames that have a row, and their columns that have a value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bankcrm.book.contract import CONTRACT


def recorded_in(frames: Mapping[str, pd.DataFrame]) -> tuple[str, ...]:
    """Frames and columns that hold something, as ``transactions`` and ``transactions.balance``.

    >>> recorded_in({"links": pd.DataFrame({"parent_id": [1], "child_id": [2], "share": [None]})})
    ('links', 'links.parent_id', 'links.child_id')
    """
    return tuple(_recorded(frames))


def _recorded(frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    for name, frame in frames.items():
        if not len(frame):
            continue
        yield name
        for column in CONTRACT[name]:
            if column.name in frame and frame[column.name].notna().any():
                yield f"{name}.{column.name}"
