"""From drafts to the list, and what was done: drafts by hand against loops over single rows."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bankcrm import review
from bankcrm.actions import Situation, actions_in, find_actions, read_done
from bankcrm.actions.contract import ACTION_COLUMNS, PRIORITIES
from bankcrm.actions.drafts import Draft, Reasons
from bankcrm.actions.known import checked_done, settled_actions, tasks_of
from bankcrm.actions.situation import calendar_for
from bankcrm.actions.sources import SOURCES, ActionSource
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.frames import check_frame
from bankcrm.lifecycle.actions.tasks import Task
from bankcrm.policy import default_policies

TODAY = dt.date(2026, 6, 30)
DAY = dt.timedelta(days=1)
RANKS = [s.name for s in SOURCES]
TASKS = {
    "visit": Task("", "visit", "Visit", "product", "face_to_face"),
    "ask": Task("", "ask", "Ask", "customer_service", "phone", "revisit", title_zh="问"),
    "answer": Task("", "answer", "Answer", "risk", "phone", "inquiry"),
    "write": Task("", "write", "Write", "product", "mail"),
    "count": Task("", "count", "Count", "risk"),
    "answer_complaint": Task("", "answer_complaint", "Answer it", "product", "phone"),
}
FACTS = pd.DataFrame(
    {
        "warning": pd.Categorical(["alarm", "watch", None]),
        "risk_level": pd.Categorical(["high", "none", None]),
        "value_level": pd.Categorical(["high", "top", "loss"]),
        "value_at_stake": [5.0, np.nan, 5.0],
        "manager": pd.Categorical(["Ai", "Bo", None]),
        "preferred_channel": pd.Categorical(["mail", None, "phone"]),
    },
    index=pd.Index([30, 20, 10], name="customer_id"),
)
CASES = pd.DataFrame(
    {"severity": pd.Categorical(["severe", "minor"]), "state": "open",
     "customer_id": pd.array([30, None], dtype="Int64")},
    index=pd.Index([8, 9], name="complaint_id"),
)  # fmt: skip
SITUATION = Situation(
    FACTS, CASES, TODAY, default_policies(), calendar_for(working_calendar("CN"), TODAY)
)


class Row(NamedTuple):
    """A draft of one row."""

    customer: int
    complaint: int
    task: str
    origin: str
    due: int
    lag: int
    manager: str
    why: str

    @property
    def due_day(self) -> dt.date:
        return TODAY + self.due * DAY

    @property
    def occasion(self) -> dt.date:
        return TODAY if self.lag == 0 else self.due_day - self.lag * DAY

    @property
    def subject(self) -> str:
        if self.complaint >= 0:
            return f"complaint:{CASES.index[self.complaint]}"
        if self.customer >= 0:
            return f"customer:{FACTS.index[self.customer]}"
        return f"staff:{self.manager or TASKS[self.task].owner}"

    def draft(self) -> Draft:
        """The draft, with one reason that its letter names."""
        text = pd.Categorical([self.why])
        rule = pd.Categorical([f"t.{self.why}"])
        return Draft(
            np.array([self.customer]),
            TASKS[self.task],
            self.origin,
            occasion=np.array([self.occasion], "datetime64[D]"),
            due=np.array([self.due_day], "datetime64[D]"),
            reasons=Reasons(text, rule, np.array([f"{self.why} = 1"], object), text),
            complaints=None if self.complaint < 0 else np.array([self.complaint]),
            manager=pd.Categorical([self.manager]),
        )

    def priority(self) -> int:
        """The place of its priority, by the default table."""
        severity = None if self.complaint < 0 else CASES["severity"].iloc[self.complaint]
        own = dict.fromkeys(FACTS) if self.customer < 0 else FACTS.iloc[self.customer].to_dict()
        if self.origin == "complaint":
            return 0 if severity == "severe" or self.due < 0 else 1
        if self.origin == "warning" and own["warning"] == "alarm":
            return 0 if own["value_level"] in ("top", "high") else 1
        if self.origin == "risk" and own["risk_level"] == "high":
            return 1
        if self.origin == "care":
            return 3
        return 1 if own["value_level"] in ("top", "high") else 2

    def is_call(self) -> bool:
        """Whether it may go with another call of the customer."""
        return self.complaint < 0 and self.task in ("visit", "ask", "answer_complaint")


def listed(rows: list[Row], **changes: Any) -> pd.DataFrame:
    """The list that the drafts of these rows become."""
    sources = [
        ActionSource(n, "customers", lambda _, n=n: [r.draft() for r in rows if r.origin == n])
        for n in RANKS
    ]
    return find_actions(attrs.evolve(SITUATION, **changes), sources)


def groups_of(rows: list[Row]) -> list[list[Row]]:
    """The rows of each contact, the leading one first."""
    rows = [r for name in RANKS for r in rows if r.origin == name]
    code = list(dict.fromkeys(r.task for r in rows))
    first: dict[int, int] = {}
    for r in rows:
        if r.is_call():
            first[r.customer] = min(first.get(r.customer, r.due), r.due)
    found: dict[object, list[Row]] = {}
    for r in rows:
        call = ("week", (r.due - first[r.customer]) // 7) if r.is_call() else (r.task, r.due)
        who = (r.manager, TASKS[r.task].owner) if r.complaint < 0 and r.customer < 0 else None
        found.setdefault((r.customer, r.complaint, who, call), []).append(r)
    rank = {n: at for at, n in enumerate(RANKS)}
    return [
        sorted(g, key=lambda r: (r.priority(), rank[r.origin], r.due, code.index(r.task)))
        for g in found.values()
    ]


def once(words: list[str], by: str = "+") -> str:
    return by.join(dict.fromkeys(words))


def expected(group: list[Row]) -> dict[str, Any]:
    """The row of the list that a group of drafts becomes."""
    lead, task = group[0], TASKS[group[0].task]
    rules, evidence = f"t.{lead.why}", f"{lead.why} = 1"
    for r in group[1:]:
        if f"t.{r.why}" != rules:
            evidence += f"; {r.why} = 1"
        rules = once([*rules.split("+"), f"t.{r.why}"])
    own = dict.fromkeys(FACTS) if lead.customer < 0 else FACTS.iloc[lead.customer].to_dict()
    contact = "contact" if task.channel else None
    due = min(r.due_day for r in group)
    return {
        "action_id": f"{lead.subject}:" + once([f"{r.task}@{r.occasion}" for r in group]),
        "customer_id": None if lead.customer < 0 else int(FACTS.index[lead.customer]),
        "complaint_id": None if lead.complaint < 0 else int(CASES.index[lead.complaint]),
        "action": lead.task,
        "title": task.title,
        "title_zh": task.title_zh or None,
        "priority": PRIORITIES[lead.priority()],
        "department": str(task.owner),
        "manager": lead.manager or own["manager"],
        "channel": str(task.channel) if task.channel else None,
        "preferred_channel": own["preferred_channel"],
        "purpose": str(task.purpose) if task.purpose else contact,
        "occasion": pd.Timestamp(lead.occasion),
        "due": pd.Timestamp(due),
        "since": pd.Timestamp(TODAY),
        "overdue": due < TODAY,
        "value_at_stake": own["value_at_stake"],
        "origin": once([r.origin for r in group]),
        "reason": once([r.why for r in group], "; "),
        "rules": rules,
        "evidence": evidence,
        "source": once([w for r in group for w in ("default", r.why)]),
    }


def plain(value: Any) -> Any:
    return None if pd.isna(value) else value


def order(row: dict[str, Any]) -> tuple[Any, ...]:
    """The most pressing, then the most valuable, then the first due; nulls last."""
    stake, ids = plain(row["value_at_stake"]), [row["customer_id"], row["complaint_id"]]
    return (
        PRIORITIES.index(row["priority"]),
        (stake is None, -(stake or 0)),
        row["due"],
        *((i is None, i or 0) for i in ids),
        row["action"],
    )


subjects = st.sampled_from(
    [(0, -1), (0, -1), (1, -1), (2, -1), (-1, -1), (-1, -1), (0, 0), (0, 1), (-1, 0), (-1, 1)]
)
rows_of = st.lists(
    st.builds(
        lambda who, *more: Row(*who, *more),
        subjects,
        st.sampled_from(list(TASKS)),
        st.sampled_from(["complaint", "warning", "stage", "risk", "care", "staff"]),
        st.sampled_from([-1, 0, 0, 6, 7, 13]),
        st.sampled_from([0, 3]),
        st.sampled_from(["", "", "Xu"]),
        st.sampled_from("abc"),
    ),
    min_size=1,
    max_size=9,
)
# Two calls a week apart, and one between; tasks of two employees and a department; a complaint.
CALLS = [
    Row(0, -1, "visit", "stage", d, 3, "", w) for d, w in ((0, "a"), (6, "b"), (7, "c"), (13, "a"))
]
STAFF = [
    Row(-1, -1, t, "staff", 6, 3, m, w)
    for t, m, w in (
        ("count", "", "a"),
        ("count", "Xu", "b"),
        ("count", "Yi", "c"),
        ("visit", "", "a"),
        ("ask", "", "b"),
        ("visit", "Xu", "c"),
    )
]
ABOUT = [
    Row(c, k, "ask", "complaint", d, 3, "", "a") for c, k in ((0, 0), (0, 1), (-1, 1), (0, -1))
    for d in (-1, 0, 6)
]  # fmt: skip
ABOUT += [Row(-1, k, "count", "complaint", 0, 3, m, "b") for k in (0, 1) for m in ("", "Xu")]


@settings(max_examples=25)
@given(rows_of)
def test_the_list_is_what_a_loop_over_drafts_makes(rows: list[Row]) -> None:
    check(rows)


def test_the_list_of_drafts_by_hand_keeps_the_contract() -> None:
    found = listed(CALLS + STAFF + ABOUT)
    assert found["customer_id"].isna().any()
    assert list(found) == [c.name for c in ACTION_COLUMNS]
    check_frame(found, ACTION_COLUMNS, frame="actions")


@pytest.mark.parametrize("rows", [CALLS, STAFF, ABOUT, CALLS + STAFF + ABOUT])
def test_drafts_of_one_contact_become_one_action(rows: list[Row]) -> None:
    check(rows)


def check(rows: list[Row]) -> None:
    found = listed(rows)
    made = sorted(map(expected, groups_of(rows)), key=order)
    names = list(made[0])
    told = [[plain(v) for v in row] for row in found[names].astype(object).to_numpy().tolist()]
    assert [order(dict(zip(names, row, strict=True))) for row in told] == [*map(order, made)]
    wanted = [[plain(v) for v in row.values()] for row in made]
    assert sorted(told, key=str) == sorted(wanted, key=str)
    assert str(found["customer_id"].dtype) == str(found["complaint_id"].dtype) == "Int64"
    assert set(found["action"].cat.categories) == {r["action"] for r in made}
    assert found["priority"].cat.ordered
    assert found.index.equals(pd.RangeIndex(len(made)))


def test_parts_of_the_customers_have_the_list_of_the_whole() -> None:
    book = make_book(40, seed=5)
    still = book.frame("complaints").assign(answered_at=pd.NaT, closed_at=pd.NaT)
    bank = review(attrs.evolve(book, complaints=still), as_of=TODAY)
    whole = attrs.evolve(
        SITUATION, facts=bank.facts, complaints=bank.complaints, watch=bank.risk.watch_list
    )
    seen = find_actions(whole)
    assert seen["customer_id"].nunique() > 20
    assert seen["complaint_id"].notna().any()
    for ends in ([13, 26], [0, 0, 39, 40]):  # empty parts too

        def parts(names: list[str], ends: list[int] = ends) -> Iterator[pd.DataFrame]:
            for start, end in itertools.pairwise([0, *ends, len(bank.facts)]):
                yield bank.facts.iloc[start:end][[n for n in names if n in bank.facts]]

        found = actions_in(parts, whole)
        assert_frame_equal(found.astype(object), seen.astype(object))
        assert found.attrs == seen.attrs
    alone = find_actions(attrs.evolve(whole, facts=bank.facts.iloc[:0]))
    found = actions_in(lambda names: [bank.facts.iloc[:0][names]] * 2, whole)
    assert_frame_equal(found.astype(object), alone.astype(object))


@pytest.mark.parametrize("ids", [["x", "y", "z"], ["9007199254740993", "2", "01"]])
def test_ids_of_text_stay_text_and_numbers_numbers(ids: list[str]) -> None:
    rows = [*CALLS, *ABOUT, *STAFF]
    numbers = listed(rows)
    texts = listed(rows, facts=FACTS.set_axis(pd.Index(ids), axis=0))
    assert texts["customer_id"].dtype == object
    word = dict(zip(FACTS.index, ids, strict=True))
    pairs = sorted((word.get(c), k) for c, k in numbers[["customer_id", "action"]].to_numpy()
                   if plain(c) is not None)  # fmt: skip
    assert (
        sorted(
            (c, k) for c, k in texts[["customer_id", "action"]].to_numpy() if plain(c) is not None
        )
        == pairs
    )
    great = listed(CALLS, facts=FACTS.set_axis(pd.Index([2**53 + 1, 2, 3]), axis=0))
    assert set(great["customer_id"]) == {2**53 + 1}


def test_nobody_and_nothing_give_empty_ids_of_the_type_of_the_index() -> None:
    for ids, kind in ((FACTS.index[:0], "Int64"), (pd.Index([], dtype=object), "object")):
        nobody = FACTS.iloc[:0].set_axis(ids, axis=0)
        for rows in ([], STAFF, [r for r in STAFF if not r.manager]):
            found = listed(rows, facts=nobody)
            assert len(found) == len(groups_of(rows))
            assert str(found["customer_id"].dtype) == kind
            assert found["customer_id"].isna().all()
            assert found["value_at_stake"].isna().all()
    nothing = listed([])
    assert nothing.attrs["lapsed"] == 0
    assert nothing.attrs["calendar"] == "CN"
    assert nothing["priority"].cat.ordered
    assert nothing["overdue"].dtype == bool
    assert listed([], complaints=CASES.iloc[:0])["complaint_id"].dtype == "Int64"
    without = listed(CALLS, facts=FACTS[["manager"]])
    assert without["value_at_stake"].isna().all()
    assert without["preferred_channel"].isna().all()
    assert set(without["priority"]) == {"normal"}


@pytest.mark.parametrize(("due", "stays"), [(-91, False), (-90, True), (-89, True), (-900, False)])
def test_an_action_lapses_the_day_after_the_limit(due: int, stays: bool) -> None:
    rows = [
        Row(0, -1, "write", "stage", due, 3, "", "a"),
        Row(1, -1, "visit", "risk", 0, 3, "", "b"),
    ]
    always = [
        Row(0, 0, "answer_complaint", "complaint", due, 3, "", "a"),
        Row(-1, -1, "count", "staff", due, 3, "Xu", "a"),
    ]
    for kept in ([rows[1]], [], always):
        found = listed([rows[0], *kept])
        assert found.attrs["lapsed"] == (not stays)
        assert ("write" in set(found["action"])) == stays
        assert len(found) == len(kept) + stays
    several = listed([r._replace(customer=c) for r in rows[:1] for c in (0, 1, 2)])
    assert several.attrs["lapsed"] == 3 * (not stays)


def done_tasks(rows: list[Row], day: dt.date) -> pd.DataFrame:
    """The tasks of these rows, done on a day."""
    named = [(r.subject, r.task, str(r.occasion)) for r in rows]
    found = pd.DataFrame(named, columns=["subject", "action", "occasion"])
    return found.assign(day=np.datetime64(day, "D"))


@settings(max_examples=15)
@given(rows_of, rows_of, st.sampled_from([0, 1, 29, 30, 31]))
def test_what_was_done_is_left_out_row_by_row(rows: list[Row], others: list[Row], ago: int) -> None:
    gone = done_tasks([*others, *rows[1:3], *rows[:3]], TODAY - ago * DAY)
    gone.loc[len(gone) - 2 :, "occasion"] = "2026-01-01"
    exact = set(zip(gone["subject"], gone["action"], gone["occasion"], strict=True))
    last = gone.groupby(["subject", "action"])["day"].max().to_dict()
    left = []
    for r in rows:
        before = last.get((r.subject, r.task))
        recent = before is not None and before.date() + 30 * DAY > TODAY
        if (r.subject, r.task, str(r.occasion)) not in exact and not (
            r.occasion == TODAY and recent
        ):
            left.append(r)
    found = listed(rows, done=gone)
    wanted = sorted(expected(g)["action_id"] for g in groups_of(left))
    assert sorted(found["action_id"]) == wanted
    assert len(listed(rows, done=gone.iloc[:0])) == len(groups_of(rows))
    assert listed([], done=gone).empty


@pytest.mark.parametrize(("ago", "comes_back"), [(0, False), (29, False), (30, True), (31, True)])
def test_what_counts_from_the_review_comes_back_when_its_days_are_over(
    ago: int, comes_back: bool
) -> None:
    rows = [Row(c, k, "ask", "risk", 6, 0, "", "a") for c, k in ((0, -1), (0, 1), (-1, -1))]
    gone = done_tasks(rows, TODAY - ago * DAY).assign(occasion="2026-05-01")
    assert len(listed(rows, done=gone)) == len(rows) * comes_back
    earlier = gone.assign(day=np.datetime64("2026-01-01"))
    assert len(listed(rows, done=pd.concat([gone, earlier]))) == len(rows) * comes_back
    dated = [r._replace(lag=3) for r in rows]
    assert len(listed(dated, done=gone)) == len(rows)
    assert listed(dated, done=done_tasks(dated, TODAY - ago * DAY)).empty


def test_what_is_done_counts_from_its_day_on() -> None:
    ids = ["customer:7:ask@2026-06-01+visit@2026-06-09", "staff:Xu:count@2026-06-02", "complaint:"]
    ids[2] += "a:b:ask@2026-06-30"
    done = pd.DataFrame(
        {"action_id": ids, "day": pd.to_datetime(["2026-06-29", "2026-07-01", "2026-06-30"])},
        index=[5, 5, 0],
    )
    known = checked_done(done, TODAY)
    assert known[["subject", "action", "occasion"]].to_numpy().tolist() == [
        ["customer:7", "ask", "2026-06-01"],
        ["customer:7", "visit", "2026-06-09"],
        ["complaint:a:b", "ask", "2026-06-30"],
    ]
    assert known["day"].astype(str).tolist() == ["2026-06-29", "2026-06-29", "2026-06-30"]
    assert known.index.tolist() == [0, 1, 2]
    assert list(known) == ["place", "subject", "action", "occasion", "day"]
    nothing = checked_done(done.iloc[:0].astype({"action_id": object}), TODAY)
    assert nothing.empty
    assert list(nothing) == list(known)


def test_a_file_of_done_actions_names_the_lines_without_a_day(tmp_path: Path) -> None:
    place = tmp_path / "done.csv"
    lines = ["customer:7:ask@2026-06-01,2026-06-02", "staff:Xu:count@2026-06-02,soon"]
    place.write_text("\n".join(["action_id,day", *lines]), encoding="utf-8")
    with pytest.raises(DataError, match=r"day: 1 rows have no day \(lines 3\)"):
        read_done(place)
    place.write_text("\n".join(["action_id,day", lines[0]]), encoding="utf-8")
    assert read_done(place)["day"].tolist() == [pd.Timestamp("2026-06-02")]
    place.write_text("action_id\n" + lines[0].partition(",")[0], encoding="utf-8")
    with pytest.raises(DataError, match="day"):
        read_done(place)


def test_a_column_that_is_absent_or_null_is_neither_true_nor_a_word() -> None:
    facts = pd.DataFrame(
        {
            "word": ["a", None, "b"],
            "flag": pd.array([True, None, False], dtype="boolean"),
            "day": pd.to_datetime(["2026-06-01", None, "2026-06-03"]),
        }
    )
    here = attrs.evolve(SITUATION, facts=facts)
    assert here.is_any("word", "a").tolist() == [True, False, False]
    assert here.is_any("word", "a", "b").tolist() == [True, False, True]
    assert here.flag("flag").tolist() == [True, False, False]
    assert here.days("day").astype(str).tolist() == ["2026-06-01", "NaT", "2026-06-03"]
    assert here.words("none").isna().tolist() == [True] * 3
    assert here.is_any("none", "a").tolist() == here.flag("none").tolist() == [False] * 3
    assert np.isnat(here.days("none")).tolist() == [True] * 3


@settings(max_examples=15)
@given(rows_of, rows_of, st.sampled_from([0, 3, 9]))
def test_an_action_is_listed_since_the_first_of_its_tasks(
    rows: list[Row], others: list[Row], ago: int
) -> None:
    then = TODAY - ago * DAY
    known = listed([*others, *rows[:3]])[["action_id"]]
    known["action_id"] = known["action_id"].str.replace(str(TODAY), str(then))
    known["since"] = pd.to_datetime([then - (n % 4) * DAY for n in range(len(known))])
    first: dict[object, pd.Timestamp] = {}
    for tasks, since in zip(known["action_id"], known["since"], strict=True):
        for _, subject, action, on in tasks_of(pd.Series([tasks])).itertuples(index=False):
            for key in {on, "" if on == str(then) else on}:
                first[subject, action, key] = min(first.get((subject, action, key), since), since)
    found = listed(rows, known=known, known_on=then)
    for tasks, since in zip(found["action_id"], found["since"], strict=True):
        days = [pd.Timestamp(TODAY)]
        for _, subject, action, on in tasks_of(pd.Series([tasks])).itertuples(index=False):
            keys = {on, "" if on == str(TODAY) else on}
            days += [first[subject, action, k] for k in keys if (subject, action, k) in first]
        assert since == min(days)
    assert (listed(rows, known=known.iloc[:0], known_on=then)["since"] == str(TODAY)).all()
    gone = settled_actions(known, then, found, TODAY, done_tasks(others[:2], then))
    now, states = set(), {}
    for _, subject, action, on in tasks_of(found["action_id"]).itertuples(index=False):
        now |= {(subject, action, on), (subject, action, "" if on == str(TODAY) else on)}
    told = {(r.subject, r.task) for r in others[:2]}
    for tasks in known["action_id"]:
        parts = list(tasks_of(pd.Series([tasks])).itertuples(index=False))
        every = {(s, a, k) for _, s, a, on in parts for k in (on, "" if on == str(then) else on)}
        if not every & now:
            finished = any((s, a) in told for _, s, a, _ in parts)
            states[tasks] = "done" if finished else "no longer due"
    assert dict(zip(gone["action_id"], gone["state"], strict=True)) == states
    assert list(gone) == ["state", *known]
    unknown = settled_actions(known, then, found, TODAY, None)
    assert unknown["action_id"].tolist() == gone["action_id"].tolist()
    assert set(unknown["state"]) <= {"no longer due"}


def test_a_calendar_that_does_not_reach_gives_way_to_monday_to_friday() -> None:
    first = TODAY - 400 * DAY
    every = np.ones(801, np.bool_)
    exact = WorkingCalendar("exact", np.datetime64(first), every)
    assert calendar_for(exact, TODAY) is exact
    later = WorkingCalendar("later", np.datetime64(first + DAY), every)
    for calendar in (later, WorkingCalendar("short", np.datetime64(first), every[1:])):
        found = calendar_for(calendar, TODAY)
        assert found.name == "Monday to Friday"
        assert (found.first, found.last) == (exact.first, exact.last)
        weekdays = [(first + n * DAY).weekday() < 5 for n in range(801)]
        assert found.working.tolist() == weekdays


@pytest.mark.parametrize("n", [0, 1, 5])
def test_due_days_count_on_the_calendar_or_from_monday_to_friday(n: int) -> None:
    """Every day of this calendar is a working day, so that it differs from Monday to Friday."""
    first = TODAY - 10 * DAY
    everyday = WorkingCalendar("every day", np.datetime64(first), np.ones(90, np.bool_))
    here = attrs.evolve(SITUATION, calendar=everyday)
    days = [TODAY + k * DAY for k in range(-20, 90)]
    found = here.due(np.array(days, "datetime64[D]"), n, "working_days").tolist()
    ahead = 2 * max(n, 1) + 30  # so far the calendar must reach, for holidays in between
    for day, due in zip(days, found, strict=True):
        start = day - DAY if n == 0 else day
        if first <= start <= first + (89 - ahead) * DAY:
            assert due == (day if n == 0 else day + n * DAY)
        else:
            later = (start + k * DAY for k in range(1, 30))
            assert due == [d for d in later if d.weekday() < 5][max(n, 1) - 1]
    assert here.due(np.array(days, "datetime64[D]"), n, "days").tolist() == [
        d + n * DAY for d in days
    ]
