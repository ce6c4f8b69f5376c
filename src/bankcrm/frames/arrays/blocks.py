"""Blocks of rows that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 16
"""Rows that stay in the processor's cache through several passes."""


def row_blocks(rows: int) -> Iterator[slice]:
    """Slices of `BLOCK` rows, the last one shorter.

    >>> [s.stop for s in row_blocks(2 * BLOCK + 1)]
    [65536, 131072, 131073]
    """
    for start in range(0, rows, BLOCK):
        yield slice(start, min(start + BLOCK, rows))
