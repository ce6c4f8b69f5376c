"""What a book records: its frames that have a row, and their columns that have a value."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import attrs
import pandas as pd

from bankcrm.book.contract import CONTRACT
from bankcrm.frames import DataFault


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


def absences(
    sizes: Mapping[str, int], recorded: Collection[str], faults: Sequence[DataFault]
) -> dict[str, str]:
    """Frame -> why a book does not record it, for the frames that it does not record.

    Args:
        sizes: Rows of each frame, as it came.
        recorded: The frames and columns that hold something after the check.
        faults: What the check found.

    >>> fault = DataFault("loans", "amount", "null", 2, ("row 0", "row 1"))
    >>> absences({"loans": 2, "contacts": 0}, ["customers"], [fault])["loans"]
    'all 2 rows of loans are rejected (loans.amount: null in 2 rows (row 0, row 1))'
    """
    return {
        name: _absence(name, sizes.get(name), [f for f in faults if f.frame == name])
        for name in CONTRACT
        if name not in recorded
    }


def _absence(name: str, size: int | None, faults: Sequence[DataFault]) -> str:
    if size is None:
        return f"the book has no {name}"
    if not size:
        return f"{name} has no row"
    every = f"all {size:,} rows" if size > 1 else "the only row"
    if not faults:
        return f"no row of {name} is known on the day ({size:,} in all)"
    reasons = "; ".join(str(attrs.evolve(fault, advice="")) for fault in faults)
    return f"{every} of {name} {'are' if size > 1 else 'is'} rejected ({reasons})"
