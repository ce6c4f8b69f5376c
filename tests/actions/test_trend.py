"""The last month ends from one pass are what a review of each month end says."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bankcrm import Review, review
from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.reviews import read_history

AS_OF = "2026-06-30"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(400, seed=5)


@pytest.fixture(scope="module")
def now(book: Book) -> Review:
    return review(book, as_of=AS_OF)


def counts(found: Review, day: str, section: str) -> dict[str, int]:
    rows = found.trend[(found.trend["date"] == day) & (found.trend["section"] == section)]
    return dict(zip(rows["name"], rows["count"].astype(int), strict=True))


@pytest.mark.parametrize("day", ["2025-03-31", "2026-06-30"])
def test_a_month_end_is_what_a_review_of_that_day_says(book: Book, now: Review, day: str) -> None:
    then = review(book, as_of=day)
    assert counts(now, day, "stage") == then.facts["stage"].value_counts().to_dict()
    assert counts(now, day, "customers") == {"customers": then.summary["customers"]}
    states = then.complaints["state"].value_counts()
    found = counts(now, day, "complaints")
    assert found["overdue"] == states["overdue"]
    assert found["open"] == states["overdue"] + states["open"]


def test_what_moves_in_and_out_explains_every_change(now: Review) -> None:
    moved = now.trend[now.trend["name"] != "overdue"].dropna(subset=["moved_in"])
    assert set(moved["section"]) == {"stage", "customers", "complaints"}
    rows = now.trend.groupby(["section", "name"], sort=False)
    change = now.trend["count"] - rows["count"].shift()
    net = now.trend["moved_in"] - now.trend["moved_out"]
    assert (change[moved.index] == net[moved.index]).all()
    assert moved["moved_in"].sum() > 0


def test_since_when_a_stage_holds_is_the_same_in_the_next_review(book: Book, now: Review) -> None:
    later = review(book, as_of="2026-07-02").facts
    stayed = (now.facts["stage"] == later["stage"]) & (now.facts["stage_since"] < "2026-06-30")
    assert stayed.sum() > 200
    known = stayed & (now.facts["stage_since"] > now.facts["stage_since"].min())
    assert (now.facts.loc[known, "stage_since"] == later.loc[known, "stage_since"]).all()


def test_a_folder_keeps_the_figures_of_earlier_reviews(
    book: Book, now: Review, tmp_path: Path
) -> None:
    assert read_history(tmp_path).empty
    review(book, as_of="2026-05-31").write(tmp_path)
    now.write(tmp_path)
    now.write(tmp_path)
    history = read_history(tmp_path)
    assert history["as_of"].unique().tolist() == ["2026-05-31", AS_OF]
    assert not history.duplicated(["as_of", "section", "name"]).any()
    last = history[(history["as_of"] == AS_OF) & (history["section"] == "actions")]
    assert last["value"].sum() == len(now.actions)
    written = pd.read_csv(tmp_path / "trend.csv")
    assert written["count"].fillna(-1).tolist() == now.trend["count"].fillna(-1).tolist()
