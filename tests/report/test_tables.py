"""CSV for spreadsheets: nothing in a cell can run, and nothing else changes."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.report import write_csv
from bankcrm.report.tables import inert

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.none() | texts))
def test_no_text_starts_a_formula_and_the_rest_is_kept(values: list[str | None]) -> None:
    for dtype in (object, "string", "category"):
        safe = inert(pd.Series(values, dtype=dtype)).tolist()
        for before, after in zip(values, safe, strict=True):
            if before is None:
                assert pd.isna(after)
            elif before[:1] in ("=", "+", "-", "@", "\t", "\r"):
                assert after == "'" + before
            else:
                assert after == before


@pytest.mark.parametrize("values", [[1.5, -2.0], [1, -2], [True, False]])
def test_numbers_are_left_alone(values: list[float]) -> None:
    series = pd.Series(values)
    assert inert(series) is series


def test_the_caller_keeps_the_frame(tmp_path: Path) -> None:
    frame = pd.DataFrame({"name": ["=1+1", "Ann"]}, index=pd.Index(["@x", "y"], name="id"))
    before = frame.copy()
    write_csv(frame, tmp_path / "t.csv")
    pd.testing.assert_frame_equal(frame, before)
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["id", "name"], ["'@x", "'=1+1"], ["y", "Ann"]]
