"""The geometry of the charts: each place on a drawing leads back to its value."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.report.charts import curve, flow, heatmap, spark
from bankcrm.report.grid import spans_of

numbers = st.floats(-3.0, 3.0).map(lambda v: round(v, 3))


def places(path: str) -> list[tuple[float, float]]:
    """The points of a path of straight lines."""
    pairs = (point.split() for point in path.removeprefix("M").split(" L"))
    return [(float(x), float(y)) for x, y in pairs]


@given(st.lists(numbers, min_size=2, max_size=12))
def test_a_point_of_a_curve_is_its_share(shares: list[float]) -> None:
    found = curve(shares)
    assert found is not None
    low, high = min(0.0, *shares), max(1.0, *shares)

    def share(height: float) -> float:
        return high - (high - low) * height / 100

    near = pytest.approx
    drawn = places(found.path)
    wide = [100 * n / (len(shares) - 1) for n in range(len(shares))]
    assert [x for x, _ in drawn] == near(wide, abs=0.01)
    assert [share(y) for _, y in drawn] == near(shares, abs=0.001)
    marks = (found.zero, found.one, found.peak)
    assert [share(mark) for mark in marks] == near([0.0, 1.0, max(shares)], abs=0.001)
    assert all(share(height) == near(tick, abs=0.001) for height, tick in found.ticks)


def test_a_curve_marks_the_share_of_four_fifths() -> None:
    found = curve([n / 10 for n in range(11)])
    assert found is not None
    assert found.fifth == 20.0
    few = curve([0.0, 0.5, 1.0, 1.0, 1.0])  # four fifths of four steps: the third
    assert few is not None
    assert few.fifth == 0.0


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.6, 1.0, [-0.6, -0.4, -0.2, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-0.7, 1.0, [-0.5, 0.0, 0.5, 1.0]),
        (0.0, 4.0, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]),
        (0.0, 5.0, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        (0.0, 9.0, [0.0, 2.0, 4.0, 6.0, 8.0]),
        (0.0, 17.0, [0.0, 5.0, 10.0, 15.0]),
        (0.0, 41.0, [0.0, 10.0, 20.0, 30.0, 40.0]),
        (0.0, 81.0, [0.0]),
        (-8.0, 0.0, [-8.0, -6.0, -4.0, -2.0, 0.0]),
        (-1.9, 0.0, [-1.5, -1.0, -0.5, 0.0, 0.5, 1.0]),
    ],
)
def test_ticks_are_round_and_at_most_nine(low: float, high: float, ticks: list[float]) -> None:
    found = curve([low, high])
    assert found is not None
    assert [tick for _, tick in found.ticks] == ticks


@given(st.lists(st.none() | numbers, min_size=1, max_size=12))
def test_a_point_of_a_small_line_is_its_value(values: list[float | None]) -> None:
    found = spark("x", [(str(n), v) for n, v in enumerate(values)])
    known = [(n, v) for n, v in enumerate(values) if v is not None]
    if found is None:
        assert len(known) < 2
        return
    wide = [100 * n / (len(values) - 1) for n, _ in known]
    assert [x for x, _ in places(found.path)] == pytest.approx(wide, abs=0.01)
    span = found.high - found.low
    read = [found.low + span * (28 - y) / 26 for _, y in places(found.path)]
    assert read == pytest.approx([v for _, v in known], abs=0.003 * span + 1e-9)
    assert found.end == places(found.path)[-1][1]
    before = [found.before(steps) for steps in range(len(values) + 2)]
    assert before == [*reversed(values), None, None]


@given(st.lists(st.lists(st.integers(0, 90), min_size=2, max_size=2), min_size=1, max_size=4))
def test_the_shade_of_a_cell_is_the_root_of_its_part(counts: list[list[int]]) -> None:
    cells = {(c.row, c.column): c for c in heatmap(counts)}
    most = max(map(max, counts))
    assert len(cells) == 2 * len(counts)
    for (row, column), cell in cells.items():
        assert cell.count == counts[row][column]
        assert cell.shade == round((cell.count / (most or 1)) ** 0.5, 3)
    assert heatmap([]) == []


def edges(path: str) -> list[float]:
    """Of a band: top at the left and at the right, then the bottom at the right and the left."""
    pattern = r"M0 (\S+)C50 \1 50 (\S+) 100 \2V(\S+)C50 \3 50 (\S+) 0 \4Z"
    found = re.fullmatch(pattern, path)
    assert found is not None
    return [float(place) for place in found.groups()]


@given(st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_the_bands_of_a_flow_fill_its_blocks(rows: list[list[int]]) -> None:
    found = flow(["a", "b", "c"], rows)
    total = sum(map(sum, rows))
    if found is None:
        assert total == 0
        return
    tall = 62 / total
    assert found.height == 83.0  # 62 for the customers, and three gaps of 7
    drawn = {(b.before, b.after): (b.count, edges(b.path), b.way) for b in found.bands}
    assert len(drawn) == sum(count > 0 for row in rows for count in row)
    for side, blocks in enumerate((found.left, found.right)):
        assert blocks[0][2] == 3.5
        for (_, count, top, height), (_, _, following, _) in pairwise(blocks):
            assert height == pytest.approx(count * tall, abs=0.006)
            assert following == pytest.approx(top + height + 7, abs=0.02)
        for name, _, top, _ in blocks:
            at = top
            for other in "abc":  # the bands of a block lie one below the other
                pair = (name, other) if side == 0 else (other, name)
                if pair in drawn:
                    count, places_, _ = drawn[pair]
                    assert places_[side] == pytest.approx(at, abs=0.02)
                    at += count * tall
                    assert places_[3 - side] == pytest.approx(at, abs=0.02)
    ways = {pair: way for pair, (_, _, way) in drawn.items()}
    assert all(ways[p] == ("same", "up", "down")[(p[0] > p[1]) + 2 * (p[0] < p[1])] for p in ways)


@given(st.lists(st.none() | st.integers(-50, 50).map(float), min_size=1, max_size=8))
def test_bars_lie_on_one_scale(amounts: list[float | None]) -> None:
    known = [a for a in amounts if a is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    for amount, bar in zip(amounts, spans_of(amounts), strict=True):
        if amount is None:
            assert bar is None
            continue
        assert bar is not None
        left, wide = (low + part * (high - low) / 100 for part in (bar[0], bar[0] + bar[1]))
        assert [left, wide] == pytest.approx(sorted([0.0, amount]), abs=0.11)


def decimals(text: str) -> int:
    """The most digits after a point of the numbers in a text."""
    return max((len(found) for found in re.findall(r"\.(\d+)", text)), default=0)


def test_places_have_no_more_digits_than_a_drawing_shows() -> None:
    third = [0.0, 1 / 3, 2 / 3, 1.0]
    line, box = spark("x", list(zip("abcd", third, strict=True))), curve(third)
    drawn = flow(["a", "b"], [[1, 1], [0, 5]])
    assert line is not None
    assert box is not None
    assert drawn is not None
    heights = [point.split()[1] for point in line.path[1:].split(" L")]
    assert decimals(" ".join(heights)) == 1
    assert line.path.startswith("M0 28 L33.33 ")
    assert decimals(box.path) == 2
    blocks = [place for block in (*drawn.left, *drawn.right) for place in block[2:]]
    assert decimals(" ".join(map(str, blocks))) == 2
    assert {decimals(band.path) for band in drawn.bands} == {2}
