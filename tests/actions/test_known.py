"""From review to review: what was done does not come back, and what stays says since when."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from bankcrm import Review, review
from bankcrm.actions import read_done
from bankcrm.actions.known import tasks_of
from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.reviews import read_earlier

THEN, NOW = "2026-06-20", "2026-06-30"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(250, seed=7)


@pytest.fixture(scope="module")
def before(book: Book) -> Review:
    return review(book, as_of=THEN)


@pytest.fixture(scope="module")
def now(book: Book, before: Review) -> Review:
    return review(book, as_of=NOW, earlier=before)


def finished(actions: pd.DataFrame, day: str = "2026-06-25") -> pd.DataFrame:
    return pd.DataFrame({"action_id": actions["action_id"], "day": pd.Timestamp(day), "note": None})


def keys(actions: pd.DataFrame, day: str) -> set[tuple[str, ...]]:
    """Subject, action and occasion of every task; none for one that counts from the review."""
    tasks = tasks_of(actions["action_id"])
    return {(s, a, "" if o == day else o) for _, s, a, o in tasks.itertuples(index=False)}


def test_what_was_done_is_not_listed_for_the_same_occasion(book: Book, before: Review) -> None:
    done = before.actions.iloc[::2]
    later = review(book, as_of=NOW, earlier=before, done=finished(done))
    plain = review(book, as_of=NOW, earlier=before)
    out = keys(plain.actions, NOW) - keys(later.actions, NOW)
    assert out == keys(plain.actions, NOW) & keys(done, THEN)
    assert keys(later.actions, NOW) <= keys(plain.actions, NOW)
    assert len(out) > 20
    counts = later.change_since(before).action_counts()
    assert (
        counts["done"]
        == len(done)
        - later.change_since(before)
        .settled.query("state != 'done'")["action_id"]
        .isin(done["action_id"])
        .sum()
    )
    assert counts["done"] > 20


def test_a_warning_comes_back_when_its_period_is_over(book: Book, before: Review) -> None:
    calls = keys(before.actions, THEN)
    calls = {k for k in calls if k[1] in ("check_in", "retention_call")}
    days = int(before.policies["lifecycle"].value("done_days"))
    done = finished(before.actions, THEN)
    for after, expected in ((days - 1, False), (days, True)):
        day = str((pd.Timestamp(THEN) + pd.Timedelta(days=after)).date())
        found = keys(review(book, as_of=day, done=done).actions, day)
        assert bool(found & calls) == expected
        assert {k[0] for k in found if k[1] in ("check_in", "retention_call")}


def test_what_is_done_later_is_not_known_yet(book: Book, before: Review) -> None:
    future = finished(before.actions, "2026-07-01")
    assert_frame_equal(review(book, as_of=THEN, done=future).actions, before.actions)


def test_actions_say_since_when_they_are_listed(book: Book, before: Review, now: Review) -> None:
    assert (before.actions["since"] == THEN).all()
    old = keys(before.actions, THEN)
    for _, row in now.actions.iterrows():
        again = keys(now.actions[now.actions["action_id"] == row["action_id"]], NOW) & old
        assert row["since"] == pd.Timestamp(THEN if again else NOW)
    third = review(book, as_of="2026-07-02", earlier=now)
    assert (third.actions["since"] == THEN).any()
    change = now.change_since(before)
    assert len(change.repeated) == (now.actions["since"] < NOW).sum()
    assert len(change.settled) > 0
    assert not keys(change.settled, THEN) & keys(now.actions, NOW)
    assert set(change.settled["state"]) == {"no longer due"}


def test_a_written_review_and_an_engine_give_the_same(
    book: Book, before: Review, now: Review, tmp_path: Path
) -> None:
    before.write(tmp_path / "before")
    earlier = read_earlier(tmp_path / "before")
    done = before.actions.iloc[:50]
    finished(done).to_csv(tmp_path / "done.csv", index=False)
    listed = read_done(tmp_path / "done.csv")
    ours = review(book, as_of=NOW, earlier=before, done=finished(done))
    for source in (book, DuckDBEngine(book)):
        found = review(source, as_of=NOW, earlier=earlier, done=listed)
        assert_frame_equal(found.actions.astype(object), ours.actions.astype(object))
    ours.write(tmp_path / "now", earlier=earlier)
    settled = pd.read_csv(tmp_path / "now" / "settled.csv")
    assert settled["state"].value_counts().to_dict() == {
        k: v for k, v in ours.change_since(before).action_counts().items() if k != "repeated"
    }


def test_the_report_says_what_is_due_who_moved_and_what_is_settled(
    before: Review, now: Review
) -> None:
    page = html.unescape(now.to_html(earlier=before))
    change = now.change_since(before)
    actions = now.actions
    week = actions[(actions["due"] <= "2026-07-05").to_numpy()]  # a Sunday
    late = int((week["due"] < NOW).sum())
    assert f"{len(week)} of {len(actions)} actions are due this week, {late} of them past" in page
    by = week["department"].astype(str).value_counts()
    name = by.index[by == by.max()].min().replace("_", " ")
    assert f"Most of these are with {name}: {by.max()}." in page
    managers = week["manager"].value_counts()
    first = min(managers.index[managers == managers.max()])
    assert f"Among the managers, {first} has the most: {managers.max()}." in page
    assert f"{len(change.repeated)} are listed since {THEN} or longer" in page
    assert f"{len(change.settled)} are no longer due" in page
    moved = change.moved[change.moved["result"].isin(["tier", "stage"])]
    assert f"{len(moved)} moves of {moved['customer_id'].nunique()} customers" in page
    table = page[page.index('<table id="movers"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], re.S)[1:]
    shown = [re.sub(r"<[^>]+>", "|", row).replace("||", "|").strip("|").split("|") for row in rows]
    assert [row[0] for row in shown] == (
        moved.sort_values("result", ascending=False, kind="stable")["customer_id"].astype(str)
    ).tolist()
    alone = now.to_html()
    assert "Who moved" not in alone
    assert "listed since" not in alone
    chinese = now.to_html(earlier=before, language="zh")
    assert f"项待办中有{len(week)}项本周到期" in chinese
    assert "变动客户" in chinese


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day\n2026-06-01\n", "action_id"),
        ("action_id,day\ncustomer:7:wake_up@2026-06-01,soon\n", r"1 rows have no day \(lines 2\)"),
        ("action_id,day\nwake_up,2026-06-01\n", r"1 rows have no id of an action \(rows 0\)"),
    ],
)
def test_a_list_of_done_actions_that_does_not_fit(
    book: Book, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "done.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        review(book, as_of=NOW, done=read_done(tmp_path / "done.csv"))
