"""Risk in a review: what an earlier one hands on, actions for owners, engines, files, tables."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from pandas.testing import assert_frame_equal

from bankcrm import Review, review
from bankcrm.actions.risks import owners_of
from bankcrm.book import Book, read_book, write_book
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.reviews import EarlierReview, read_earlier
from bankcrm.reviews.model import earlier_of
from bankcrm.reviews.risk import RISK_FRAMES
from bankcrm.risk import find_groups

BEFORE, NOW = "2026-03-31", "2026-06-30"


@pytest.fixture(scope="module")
def book() -> Book:
    """A bank where two groups merge, and one splits, between the reviews."""
    made = make_book(200, seed=7)
    groups = find_groups(made.links, as_of=BEFORE)
    ties = groups.members
    of = ties["group"].astype(str)
    first, second, third = of.value_counts().index[:3]
    heads = [ties.index[(of == g) & (ties["tie"] == "head")][0] for g in (first, second)]
    far = ties.index[of == third]
    ends = made.links["parent_id"].isin(far) & made.links["child_id"].isin(far)
    links = made.links.assign(
        until=np.where(ends, np.datetime64("2026-05-01", "s"), np.datetime64("NaT", "s"))
    )
    new = {"parent_id": heads[0], "child_id": heads[1], "link": "controls",
           "since": pd.Timestamp("2026-04-15")}  # fmt: skip
    links = pd.concat([links, pd.DataFrame([new])], ignore_index=True)
    return attrs.evolve(made, links=links)


@pytest.fixture(scope="module")
def before(book: Book) -> Review:
    return review(book, as_of=BEFORE)


@pytest.fixture(scope="module")
def folder(before: Review, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("before")
    before.write(path)
    return path


@pytest.fixture(scope="module")
def now(book: Book, folder: Path) -> Review:
    return review(book, as_of=NOW, earlier=read_earlier(folder))


def test_groups_and_watch_list_go_on_from_the_folder(before: Review, now: Review) -> None:
    assert before.risk.groups is not None
    assert now.risk.groups is not None
    assert now.risk.group_changes is not None
    assert before.risk.group_changes is None
    was = before.risk.groups.members["group"].astype(str)
    changed = now.risk.group_changes
    assert set(changed["change"]) == {"merged", "left"}
    same = was.drop(changed.index, errors="ignore")
    assert now.risk.groups.members["group"].astype(str).reindex(same.index).equals(same)
    moved = {r["change"]: r for r in now.summary["risk"]["changed_groups"]}
    merged = changed[changed["change"] == "merged"]
    assert moved["merged"]["members"] == len(merged)
    assert moved["left"]["after"] is None
    listed, then = now.risk.watch_list, before.risk.watch_list
    assert listed is not None
    assert then is not None
    stayed = listed[listed["movement"] == "stay"]
    assert len(stayed)
    assert stayed["since"].eq(pd.Timestamp(BEFORE)).all()
    assert set(then.index) <= set(listed.index)
    page = now.to_html(earlier=before)
    assert "Groups that changed since the earlier review" in page


def test_a_lost_customer_leaves_and_a_later_review_is_refused(book: Book, before: Review) -> None:
    known = earlier_of(before)
    assert known.watch_list is not None
    facts = before.facts
    lost = facts.index[~facts["is_customer"].to_numpy(np.bool_, na_value=False)][0]
    old = {"customer_id": lost, "movement": "stay", "since": pd.Timestamp("2026-01-05"),
           "level": "high", "owner": "risk"}  # fmt: skip
    listed = pd.concat([known.watch_list.astype(object), pd.DataFrame([old])], ignore_index=True)
    earlier: EarlierReview = attrs.evolve(known, watch_list=listed)
    again = review(book, as_of=BEFORE, earlier=earlier).risk.watch_list
    assert again is not None
    assert again.loc[lost, ["movement", "rule"]].tolist() == ["leave", "gone"]
    assert set(again["movement"]) == {"stay", "leave"}
    day_before = before.as_of - dt.timedelta(days=1)
    with pytest.raises(DataError, match=r"^earlier: a review of 2026-03-31, after the day of this"):
        review(book, as_of=day_before, earlier=earlier)
    with pytest.raises(DataError, match=r"^earlier: a review of 2026-03-31, after the day of this"):
        review(book, as_of=day_before).change_since(before)


def test_every_case_of_the_watch_list_has_an_action_that_says_why(now: Review) -> None:
    watch = now.risk.watch_list
    assert watch is not None
    listed = watch[watch["next_review"].notna()]
    found = now.actions[now.actions["action"] == "risk_review"].set_index("customer_id")
    assert sorted(found.index) == sorted(listed.index)
    found = found.reindex(listed.index)
    late = found["due"] - listed["next_review"]
    assert late.dt.days.between(0, 8).all(), "the first working day from the next review on"
    assert found["department"].tolist() == listed["owner"].tolist()
    for customer, rules in zip(found.index, found["rules"], strict=True):
        facts = now.facts.loc[customer]
        expected = [f"watch_list.{listed.loc[customer, 'rule']}"]
        for risk in ("credit", "operational", "market", "reputation", "liquidity"):
            if facts[f"{risk}_risk"] in ("raised", "high"):
                expected += [f"{risk}_risk.{r}" for r in facts[f"{risk}_risk_rules"].split("+")]
        assert rules.split("+") == expected
    high = found[listed["level"].astype(str) == "high"]
    assert set(high["priority"]) == {"high"}
    assert high["evidence"].str.contains("level = high|unsuitable|recorded|funding").all()
    assert found["source"].str.contains("PB-7").all()
    lifted = found[listed["lifted_by"].notna()]
    for customer, evidence in lifted["evidence"].items():
        assert f"lifted by {listed.loc[customer, 'lifted_by']}" in evidence


def test_an_engine_gives_the_same(book: Book, now: Review, folder: Path) -> None:
    found = review(book, as_of=NOW, earlier=read_earlier(folder), engine="duckdb", blocks=2)
    for name, frame in now.risk.frames().items():
        assert_frame_equal(found.risk.frames()[name], frame)
    assert_frame_equal(found.actions.astype(object), now.actions.astype(object))
    assert found.summary["risk"] == now.summary["risk"]


def test_an_owner_by_name_is_the_manager() -> None:
    department, person = owners_of(pd.Series(["risk", "Wang", None]), "customer_service")
    assert department.tolist() == ["risk", "customer_service", "customer_service"]
    assert person.tolist() == ["", "Wang", ""]


def test_parquet_files_and_tables_hold_every_result(now: Review, tmp_path: Path) -> None:
    now.to_parquet(tmp_path / "parquet")
    frames = now.risk.frames()
    assert set(frames) == set(RISK_FRAMES)
    for name, frame in frames.items():
        back = pd.read_parquet(tmp_path / "parquet" / f"{name}.parquet")
        plain = [f.astype(object).where(f.notna(), None) for f in (back, frame)]
        assert_frame_equal(*plain)
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    now.to_database(url)
    now.to_database(url)
    with sa.create_engine(url).connect() as connection:
        stored = {n: pd.read_sql_table(n, connection) for n in (*RISK_FRAMES, "actions")}
    for name, frame in {**frames, "actions": now.actions}.items():
        back = stored[name].drop(columns="review_date")
        assert len(back) == len(frame)
        assert list(back) == list(frame)
        for column in frame:
            mine, theirs = frame[column].astype(object), back[column].astype(object)
            known = mine.notna()
            assert theirs[~known.to_numpy()].isna().all(), (name, column)
            both = zip(mine[known], theirs[known.to_numpy()], strict=True)
            assert all(a == pytest.approx(b) if isinstance(a, float) else a == b for a, b in both)


def test_a_result_that_is_no_longer_known_leaves_no_rows(
    book: Book, before: Review, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    before.to_database(url)
    bare = attrs.evolve(before, risk=attrs.evolve(before.risk, groups=None))
    bare.to_database(url)
    with sa.create_engine(url).connect() as connection:
        assert not len(pd.read_sql_table("groups", connection))
        assert len(pd.read_sql_table("watch_list", connection))


@pytest.mark.parametrize("way", ["parquet", "csv", "sqlite"])
def test_links_credits_and_capital_are_read_back(book: Book, tmp_path: Path, way: str) -> None:
    names = ("links", "credits", "capital")
    if way == "sqlite":
        url = f"sqlite:///{tmp_path / 'book.db'}"
        for name in (*names, "customers", "transactions"):
            frame = book.frame(name)
            words = frame.select_dtypes("category").columns
            frame.astype(dict.fromkeys(words, object)).to_sql(
                name, sa.create_engine(url), index=False
            )
        back = read_book(url)
    else:
        back = read_book(write_book(book, tmp_path / "book", "csv" if way == "csv" else "parquet"))
    for name in names:
        mine, theirs = book.frame(name).astype(object), back.frame(name).astype(object)
        assert len(mine)
        assert_frame_equal(
            theirs.where(theirs.notna(), None)[list(mine)], mine.where(mine.notna(), None)
        )
