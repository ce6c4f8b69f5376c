"""The words of actions, and parts of the list, against one row after the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.actions.drafts import (
    Reasons,
    dated,
    evidence_of,
    joined,
    relabelled,
    tasks_on,
    words_of,
)
from bankcrm.actions.select import select_actions
from bankcrm.errors import DataError, UnknownNameError

words = st.sampled_from(["", "a", "b", "a+b", "b+a", "c"])
pairs = st.lists(st.tuples(words, words, st.booleans()), min_size=1, max_size=12)
days = st.dates(dt.date(2026, 6, 15), dt.date(2026, 7, 19))


def once(one: str, two: str, by: str = "+") -> str:
    """The parts of two words, each once."""
    found: list[str] = []
    for part in [*one.split(by), *two.split(by)]:
        if part and part not in found:
            found.append(part)
    return by.join(found)


@given(pairs)
def test_words_are_joined_row_by_row_each_part_once(rows: list[tuple[str, str, bool]]) -> None:
    one, two, chosen = zip(*rows, strict=True)
    alike = joined(pd.Categorical(one), pd.Categorical(two), "+")
    assert alike.tolist() == [once(a, b) for a, b in zip(one, two, strict=True)]
    parts = [pd.Categorical(w) for w in (one, two)]
    first, second = (
        Reasons(p, p, np.array(w, object), p) for p, w in zip(parts, (one, two), strict=True)
    )
    found = first.and_also(second, np.array(chosen))
    for a, b, more, *told in zip(*zip(*rows, strict=True), found.rules, found.source,
                                 found.evidence, found.reason, strict=True):  # fmt: skip
        b = b if more else ""
        assert told[:2] == [once(a, b)] * 2
        assert told[2] == "; ".join(t for t in (a, b) if t)
        assert told[3] == once(a, b, "; ")


@given(
    st.lists(st.sampled_from(["x", "y", None]), max_size=6),
    st.lists(st.integers(-1, 1), max_size=6),
)
def test_a_null_and_a_code_below_zero_are_empty_words(values: list[Any], codes: list[int]) -> None:
    assert words_of(pd.Series(values, dtype=object)).tolist() == [v or "" for v in values]
    found = relabelled(np.array(codes, np.int8), ["same", "same"])
    assert found.tolist() == ["" if c < 0 else "same" for c in codes]


@given(st.lists(st.tuples(st.sampled_from("ab"), days), min_size=1, max_size=9))
def test_tasks_name_the_action_and_its_day(rows: list[tuple[str, dt.date]]) -> None:
    actions, on = zip(*rows, strict=True)
    found = tasks_on(pd.Categorical(actions, ["a", "unused", "b"]), np.array(on, "datetime64[D]"))
    assert found.tolist() == [f"{a}@{d}" for a, d in rows]


def test_evidence_tells_the_values_of_facts_in_words() -> None:
    facts = pd.DataFrame(
        {
            "n": [1234, 0, 7],
            "share": [1234.5, 0.126, np.nan],
            "flag": [True, False, True],
            "day": pd.to_datetime(["2026-06-01", None, "2026-06-02"]),
            "word": ["x", None, "y"],
            "whole": [100.0, 20.0, -0.5],
        }
    )
    names = ["n", "share", "absent", "flag", "day", "word", "whole"]
    assert evidence_of(facts, names, np.array([2, 0, 1])).tolist() == [
        "n = 7; share = unknown; day = 2026-06-02; word = y; whole = -0.5",
        "n = 1,234; share = 1,234.5; day = 2026-06-01; word = x; whole = 100",
        "n = 0; share = 0.13; day = unknown; word = unknown; whole = 20",
    ]
    assert evidence_of(facts, ["flag"], np.array([0, 1])).tolist() == ["", ""]
    on = np.array(["2026-07-02", "NaT"], "datetime64[D]")
    assert dated("birthday", on).tolist() == ["birthday = 2026-07-02", "birthday unknown"]


# Mondays, Sundays and days between, of three weeks.
near = [dt.date(2026, 6, 22), dt.date(2026, 6, 28), dt.date(2026, 6, 29), dt.date(2026, 7, 1)]
near += [dt.date(2026, 7, 5), dt.date(2026, 7, 6)]
rows_of = st.lists(
    st.tuples(st.sampled_from(["product", "risk"]), st.sampled_from(["Li", "Wu", None]),
              st.sampled_from(near)),
    max_size=15,
)  # fmt: skip


@settings(max_examples=40)
@given(rows_of, st.sampled_from(near), st.sampled_from([None, None, "product", "Li", "legal"]),
       st.sampled_from([None, *near]), st.booleans())  # fmt: skip
def test_a_part_of_the_list_is_chosen_row_by_row(
    rows: list[tuple[str, str | None, dt.date]], as_of: dt.date, owner: str | None,
    week: dt.date | None, by_number: bool,
) -> None:  # fmt: skip
    actions = pd.DataFrame(rows, columns=["department", "manager", "due"])
    actions["due"] = pd.to_datetime(actions["due"])
    if owner in ("Li", "legal") and owner not in {m for _, m, _ in rows}:
        with pytest.raises(UnknownNameError, match=f"no owner '{owner}'"):
            select_actions(actions, as_of=as_of, owner=owner)
        return
    asked: object = week
    if week is not None and by_number:
        asked = "{}-W{:02d}".format(*week.isocalendar())
    found = select_actions(actions, as_of=as_of, owner=owner, week=asked)
    expected = []
    for department, manager, due in rows:
        own = owner in (None, department, manager)
        late = (
            week is not None and week.isocalendar()[:2] == as_of.isocalendar()[:2] and due < as_of
        )
        in_week = week is None or due.isocalendar()[:2] == week.isocalendar()[:2]
        if own and (in_week or late):
            expected.append((department, due))
    assert [(d, t.date()) for d, t in zip(found["department"], found["due"], strict=True)] == (
        expected
    )
    assert found.index.tolist() == list(range(len(expected)))
    assert list(found) == list(actions)


@pytest.mark.parametrize(
    ("as_of", "late"),
    [("2026-06-28", False), ("2026-06-29", True), ("2026-07-05", True), ("2026-07-06", False)],
)
def test_the_week_of_the_review_has_what_is_overdue_from_its_monday_on(
    as_of: str, late: bool
) -> None:
    actions = pd.DataFrame({"department": "risk", "manager": None, "due": ["2026-05-01"]})
    actions["due"] = pd.to_datetime(actions["due"])
    assert len(select_actions(actions, as_of=as_of, week="2026-W27")) == late


@pytest.mark.parametrize("week", ["2026-W54", "2026-W0", "June", 27])
def test_a_week_that_is_none_is_refused(week: object) -> None:
    actions = pd.DataFrame({"department": ["risk"], "manager": [None], "due": pd.to_datetime([0])})
    with pytest.raises(DataError, match="week: expected an ISO week such as 2026-W27, or a day"):
        select_actions(actions, as_of="2026-06-30", week=week)
