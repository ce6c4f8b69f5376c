"""The geometry of the page's charts, in the units of their drawings."""

from __future__ import annotations

from collections.abc import Sequence

import attrs


@attrs.frozen
class Curve:
    """A curve in a box of 100 by 100 whose y axis points down.

    Attributes:
        path: The SVG path.
        ticks: Height and share of each tick of the y axis.
        zero: The height of 0.
        one: The height of 100 %.
        fifth: The height at four fifths of the customers.
        peak: The height of the highest point.
    """

    path: str
    ticks: tuple[tuple[float, float], ...]
    zero: float
    one: float
    fifth: float
    peak: float


def curve(shares: Sequence[float] | None) -> Curve | None:
    """A curve of cumulated shares at equal steps; None where it is not defined.

    >>> found = curve([0.0, 0.25, 1.0])
    >>> found.path, found.zero, found.one
    ('M0 100 L50 75 L100 0', 100.0, 0.0)
    """
    if shares is None:
        return None
    low, high = min(0.0, *shares), max(1.0, *shares)

    def height(value: float) -> float:
        return round(100 - (value - low) * 100 / (high - low), 2)

    step = 100 / (len(shares) - 1)
    points = (f"{i * step:.4g} {height(v):g}" for i, v in enumerate(shares))
    span = next(s for s in (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 1e9) if (high - low) / s <= 8)
    ticks = [t for i in range(-8, 9) if low <= (t := round(i * span, 6)) <= high]
    return Curve(
        path="M" + " L".join(points),
        ticks=tuple((height(t), t) for t in ticks),
        zero=height(0.0),
        one=height(1.0),
        fifth=height(shares[4 * (len(shares) - 1) // 5]),
        peak=height(max(shares)),
    )


@attrs.frozen
class Spark:
    """A small line of one figure over time, 100 wide and 30 high.

    Attributes:
        name: The figure.
        points: Its days and values, the last one last; None where it is not known.
        path: The SVG path.
        low: Its least value.
        high: Its greatest value.
        end: Height of the last point.
    """

    name: str
    points: tuple[tuple[str, float | None], ...]
    path: str
    low: float
    high: float
    end: float

    @property
    def last(self) -> float:
        """The last value."""
        return [v for _, v in self.points if v is not None][-1]

    def before(self, steps: int) -> float | None:
        """The value some points before the last; None where it is not known."""
        return self.points[-1 - steps][1] if len(self.points) > steps else None


def spark(name: str, points: Sequence[tuple[str, float | None]]) -> Spark | None:
    """A small line; None for fewer than two known values.

    >>> spark("active", [("2026-04", 2.0), ("2026-05", None), ("2026-06", 4.0)]).path
    'M0 28 L100 2'
    >>> spark("active", [("2026-06", 2.0)]) is None
    True
    """
    known = [(i, v) for i, (_, v) in enumerate(points) if v is not None]
    if len(known) < 2:
        return None
    low, high = min(v for _, v in known), max(v for _, v in known)
    step = 100 / (len(points) - 1)

    def height(value: float) -> float:
        return round(28 - 26 * (value - low) / ((high - low) or 1), 1)

    path = "M" + " L".join(f"{i * step:.4g} {height(v):g}" for i, v in known)
    return Spark(name, tuple(points), path, low, high, height(known[-1][1]))


@attrs.frozen
class HeatCell:
    """A cell of a heatmap: its place, its count, and its shade from 0 to 1."""

    column: int
    row: int
    count: int
    shade: float


def heatmap(counts: Sequence[Sequence[int]]) -> list[HeatCell]:
    """The cells of a heatmap; shades follow the square root, so that small counts still differ.

    >>> [c.shade for c in heatmap([[4, 1], [0, 16]])]
    [0.5, 0.25, 0.0, 1.0]
    """
    most = max([1, *(n for row in counts for n in row)])
    return [
        HeatCell(c, r, n, round((n / most) ** 0.5, 3))
        for r, row in enumerate(counts)
        for c, n in enumerate(row)
    ]


@attrs.frozen
class Band:
    """A band of a flow: where it begins and ends, how many move, and the direction.

    Attributes:
        before: Name at the left.
        after: Name at the right.
        count: Customers.
        path: The SVG path.
        way: ``up``, ``down`` or ``same``.
    """

    before: str
    after: str
    count: int
    path: str
    way: str


@attrs.frozen
class Flow:
    """A flow between the same names, before and after, 100 wide and ``height`` high.

    Attributes:
        bands: One per pair of names with customers.
        left: Name, customers, top and height of each block at the left.
        right: The same at the right.
        height: Of the drawing.
    """

    bands: tuple[Band, ...]
    left: tuple[tuple[str, int, float, float], ...]
    right: tuple[tuple[str, int, float, float], ...]
    height: float


_GAP = 7.0
_TALL = 62.0


def flow(names: Sequence[str], rows: Sequence[Sequence[int]]) -> Flow | None:
    """A flow from a table of counts, names before by names after, the best name first.

    >>> found = flow(["key", "ordinary"], [[2, 1], [0, 1]])
    >>> [(b.before, b.after, b.count, b.way) for b in found.bands]
    [('key', 'key', 2, 'same'), ('key', 'ordinary', 1, 'down'), ('ordinary', 'ordinary', 1, 'same')]
    >>> flow(["key"], [[0]]) is None
    True
    """
    total = sum(map(sum, rows))
    if not total:
        return None
    scale = _TALL / total
    before = [sum(row) for row in rows]
    after = [sum(row[j] for row in rows) for j in range(len(names))]
    left, right = _stacked(names, before, scale), _stacked(names, after, scale)
    out, into = [b[2] for b in left], [b[2] for b in right]
    bands = []
    for i, row in enumerate(rows):
        for j, count in enumerate(row):
            if count:
                tall = count * scale
                way = "same" if i == j else "up" if j < i else "down"
                path = _ribbon(out[i], into[j], tall)
                bands.append(Band(names[i], names[j], count, path, way))
                out[i] += tall
                into[j] += tall
    return Flow(tuple(bands), left, right, round(_TALL + _GAP * len(names), 1))


def _stacked(
    names: Sequence[str], counts: Sequence[int], scale: float
) -> tuple[tuple[str, int, float, float], ...]:
    blocks, top = [], _GAP / 2
    for name, count in zip(names, counts, strict=True):
        blocks.append((name, count, round(top, 2), round(count * scale, 2)))
        top += count * scale + _GAP
    return tuple(blocks)


def _ribbon(y1: float, y2: float, tall: float) -> str:
    """A band from the left at ``y1`` to the right at ``y2``."""
    a, b, c, d = (f"{y:.2f}" for y in (y1, y2, y2 + tall, y1 + tall))
    return f"M0 {a}C50 {a} 50 {b} 100 {b}V{c}C50 {c} 50 {d} 0 {d}Z"
