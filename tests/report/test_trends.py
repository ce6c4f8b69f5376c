"""Figures over time on the page: the month ends of a book, and the reviews written before."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.report.charts import flow, spark
from bankcrm.report.trends import movements, reviewed, sparks
from bankcrm.report.words import Words
from bankcrm.reviews import read_history, review

values = st.lists(st.none() | st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=30)


@given(values)
def test_a_line_keeps_its_first_and_last_value(found: list[float | None]) -> None:
    points = [(f"{i:02}", v) for i, v in enumerate(found)]
    known = [v for v in found if v is not None]
    line = spark("x", points)
    if len(known) < 2:
        assert line is None
        return
    assert line is not None
    assert (line.low, line.high, line.last) == (min(known), max(known), known[-1])
    assert line.path.count(" L") + 1 == len(known)
    heights = [float(p.split()[1]) for p in line.path[1:].split(" L")]
    assert all(2 <= h <= 28 for h in heights)


@given(st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=3, max_size=3))
def test_a_flow_shows_every_customer_once(rows: list[list[int]]) -> None:
    found = flow(["a", "b", "c"], rows)
    total = sum(map(sum, rows))
    if not total:
        assert found is None
        return
    assert found is not None
    assert sum(b.count for b in found.bands) == total
    assert [b[1] for b in found.left] == [sum(row) for row in rows]
    assert [b[1] for b in found.right] == [sum(column) for column in zip(*rows, strict=True)]
    assert all((b.way == "same") == (b.before == b.after) for b in found.bands)


def test_the_page_shows_the_month_ends_and_the_reviews_before(tmp_path: Path) -> None:
    book = make_book(300, seed=5)
    review(book, as_of="2026-03-31").write(tmp_path)
    now = review(book, as_of=book.as_of)
    assert "From review to review" not in now.to_html()
    now.write(tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "From review to review" in page
    history = read_history(tmp_path)
    brought = next(s for s in reviewed(history) if s.name == "contribution")
    assert brought.last == now.summary["contribution"]["contribution"]
    active = next(s for s in sparks(now.trend, "stage") if s.name == "active")
    rows = now.trend.query("section == 'stage' and name == 'active'")
    assert [v for _, v in active.points] == rows["count"].astype(float).tolist()
    moved = movements(now.trend, Words("en"))
    assert moved is not None
    assert moved.title == f"Movement in {pd.Timestamp(rows['date'].max()):%Y-%m}"
    [line] = [row for row in moved.rows if row[0].text == "active"]
    last = rows.iloc[-1]
    assert [c.value for c in line[1:4]] == [last["count"], last["moved_in"], last["moved_out"]]
