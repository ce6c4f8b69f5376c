"""The path of stages is what a history says on each of its days, looked up one by one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import takewhile
from operator import itemgetter
from typing import Any

import attrs
import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book.view import view_of
from bankcrm.lifecycle import assign_stages, stage_facts, stage_history
from bankcrm.lifecycle.history.path import last_month_ends, stage_movements, stage_path_of
from bankcrm.lifecycle.stages.facts import NEEDS
from bankcrm.policy import default_policy
from bankcrm.rules import Fact, Rule

days = st.dates(dt.date(2022, 1, 1), dt.date(2026, 2, 1))


def days_looked_at(day: dt.date) -> tuple[list[dt.date], list[dt.date]]:
    """The last 24 month ends and the last 13 Mondays, the day itself included."""
    back = [day - dt.timedelta(n) for n in range(800)]
    ends = [d for d in back if (d + dt.timedelta(1)).day == 1][:24]
    return ends[::-1], [d for d in back if d.weekday() == 0][:13]


@settings(max_examples=5)
@given(st.integers(0, 100_000), days)
def test_a_path_is_the_history_on_its_days(
    make_small_book: Callable[..., Any], seed: int, day: dt.date
) -> None:
    book, policy = make_small_book(seed, customers=12), default_policy("lifecycle")
    frames = {"customers": book.customers, "transactions": book.transactions}
    now = assign_stages(stage_facts(*frames.values(), as_of=day))["stage"].astype(object)
    now.iloc[0] = None
    ends, mondays = days_looked_at(day)
    looked_at = sorted({*ends, *mondays})
    history = stage_history(*frames.values(), dates=np.array(looked_at, "datetime64[D]"))
    found = stage_path_of(view_of(frames, NEEDS), now, np.datetime64(day), policy)
    assert found.index.equals(now.index)
    names = list(policy.table("stage").vocabulary)
    for customer, row in found.iterrows():
        was = dict(zip(looked_at, history.loc[customer, "stage"].astype(object), strict=True))
        digits = ["." if pd.isna(was[e]) else str(names.index(was[e])) for e in ends]
        assert row["stage_path"] == "".join(digits)
        backward = [(d, was[d] == now[customer]) for d in looked_at[::-1]]
        same = [d for d, _ in takewhile(itemgetter(1), backward)]
        if now[customer] is None:
            assert pd.isna(row["stage_since"])
        else:
            assert row["stage_since"].date() == (same[-1] if same else day)


def test_there_is_no_path_where_a_fact_is_known_for_today_alone(
    make_small_book: Callable[..., Any],
) -> None:
    book, policy = make_small_book(1, customers=3), default_policy("lifecycle")
    table = policy.table("stage")
    rules = (Rule("vip", {"vip": "= true"}, "active"), *table.rules)
    facts = {**table.facts, "vip": Fact("boolean")}
    own = policy.with_table(attrs.evolve(table, rules=rules, facts=facts))
    view = view_of({"customers": book.customers, "transactions": book.transactions}, NEEDS)
    found = stage_path_of(view, pd.Series(["new"] * 3), np.datetime64("2026-01-31"), own)
    assert found.index.equals(view.customers)
    assert found.isna().all(axis=None)


@given(days)
def test_the_month_ends_are_the_last_ones_up_to_the_day(day: dt.date) -> None:
    assert last_month_ends(np.datetime64(day)).tolist() == days_looked_at(day)[0]


@given(st.dictionaries(st.text("012.", min_size=3, max_size=3), st.integers(1, 9), max_size=9))
def test_movements_are_counted_customer_by_customer(paths: dict[str, int]) -> None:
    ends = np.array(["2026-04-30", "2026-05-31", "2026-06-30"], "datetime64[D]")
    found = stage_movements({**paths, "": 5}, ["new", "active", "lost"], ends)
    assert found["date"].tolist() == [pd.Timestamp(e) for e in ends for _ in range(3)]
    assert found["name"].tolist() == ["new", "active", "lost"] * 3
    customers = [path for path, many in paths.items() for _ in range(many)]
    for number, row in enumerate(found.itertuples()):
        at, stage = number // 3, str(number % 3)
        assert row.count == sum(c[at] == stage for c in customers)
        if at == 0:
            assert pd.isna(row.moved_in)
            assert pd.isna(row.moved_out)
        else:
            assert row.moved_in == sum(c[at - 1] != stage == c[at] for c in customers)
            assert row.moved_out == sum(c[at - 1] == stage != c[at] for c in customers)
