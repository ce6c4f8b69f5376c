"""Blocks of rows that stay in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK = 1 << 16
"""Rows that stay in the processor's cache through several passes."""


def row_blocks(rows: int, size: int | None = None) -> Iterator[slice]:
    """Slices of some rows, `BLOCK` or another size, the last one shorter.

    >>> [s.stop for s in row_blocks(2 * BLOCK + 1)]
    [65536, 131072, 131073]
    """
    size = size or BLOCK
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))
