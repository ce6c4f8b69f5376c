"""Histories equal direct assignment on each date; logs replay them; late events are reported."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.lifecycle import (
    Move,
    append_events,
    assign_stages,
    month_ends,
    replay,
    stage_facts,
    stage_history,
    stage_log,
    stage_model,
    stage_spells,
)
from bankcrm.lifecycle.log.apply import LOG_COLUMNS
from bankcrm.policy import default_policy

Make = Callable[..., Any]
seeds = st.integers(0, 100_000)
dates = st.lists(
    st.integers(-60, 1600).map(lambda n: np.datetime64("2022-01-01") + n),
    min_size=1,
    max_size=8,
    unique=True,
).map(lambda d: np.array(d, dtype="datetime64[D]"))


@given(seeds, dates)
@settings(max_examples=12)
def test_a_history_is_the_direct_assignment_on_every_date(
    make_small_book: Make, seed: int, days: np.ndarray
) -> None:
    book = make_small_book(seed)
    history = stage_history(book.customers, book.transactions, dates=days)
    wide = history["stage"].unstack("date")
    undated = book.customers.filter(like="_date").isna().all(axis=1).to_numpy()
    for day in days:
        facts = stage_facts(book.customers, book.transactions, as_of=day)
        direct = assign_stages(facts)
        found = wide[pd.Timestamp(day)].reindex(direct.index)
        seen = facts[["has_contract", "closed", "returned", "contacted", "inquired"]].any(axis=1)
        assert (found.notna() == (seen | undated)).all()
        known = found.notna()
        assert (found[known].astype(object) == direct.loc[known, "stage"].astype(object)).all()
        rule = history["stage_rule"].xs(pd.Timestamp(day), level="date").reindex(direct.index)
        assert (rule[known].astype(object) == direct.loc[known, "stage_rule"].astype(object)).all()


@given(seeds, dates, dates)
@settings(max_examples=12)
def test_a_replayed_log_gives_back_the_history_on_every_day(
    make_small_book: Make, seed: int, days: np.ndarray, others: np.ndarray
) -> None:
    book = make_small_book(seed)
    history = stage_history(book.customers, book.transactions, dates=days)
    log = stage_log(history)
    wide = history["stage"].astype(object).unstack("date").dropna(how="all", axis=0)
    for at in [*days, *others]:
        before = [d for d in wide.columns if d <= pd.Timestamp(at)]
        expected = wide[before[-1]].dropna() if before else pd.Series(dtype=object)
        found = replay(log, as_of=at)["stage"].astype(object)
        assert found.to_dict() == expected.to_dict()


@given(seeds)
@settings(max_examples=6)
def test_every_move_in_a_log_is_legal(make_small_book: Make, seed: int) -> None:
    book = make_small_book(seed)
    ends = month_ends("2022-01", "2025-12")
    log = stage_log(stage_history(book.customers, book.transactions, dates=ends))
    model = stage_model()
    first = ~log.duplicated("customer_id")
    assert log.loc[first, ["event", "before"]].isna().all(axis=None)
    moved = log[log["event"].notna()]
    for row in moved.drop_duplicates(["before", "event", "after"]).itertuples():
        move = model.move(row.before, row.event)
        assert move is not None
        assert move.after == row.after
    chained = log["before"].eq(log["after"].shift()) | first
    assert chained.all()
    assert log["entry"].is_monotonic_increasing


@given(seeds)
@settings(max_examples=5)
def test_the_furthest_stage_never_falls(make_small_book: Make, seed: int) -> None:
    book = make_small_book(seed)
    ends = month_ends("2022-01", "2025-12")
    history = stage_history(book.customers, book.transactions, dates=ends)
    order = {s: i for i, s in enumerate(stage_model().stage_names)}
    furthest = history["furthest"].astype(object).map(order)
    steps = furthest.groupby("customer_id").diff().dropna()
    assert (steps >= 0).all()
    assert (history["furthest"].notna() == history["stage"].notna()).all()
    assert not history["furthest"].isin(["dormant", "lost"]).any()


def test_the_order_of_dates_does_not_matter_but_each_is_given_once(make_small_book: Make) -> None:
    book = make_small_book(1)
    ends = month_ends("2023-01", "2023-06")
    shuffled = stage_history(book.customers, book.transactions, dates=ends[::-1])
    pd.testing.assert_frame_equal(
        shuffled, stage_history(book.customers, book.transactions, dates=ends)
    )
    for twice, named in ((ends[[3]], "2023-04-30"), (ends[[0, 5, 5]], "2023-01-31, 2023-06-30")):
        with pytest.raises(DataError, match=f"dates: {named} are given twice"):
            stage_history(book.customers, book.transactions, dates=[*ends, *twice])
    with pytest.raises(DataError, match="at least one date"):
        stage_history(book.customers, book.transactions, dates=[])


def test_a_model_without_the_tables_stages_is_refused(make_small_book: Make) -> None:
    book = make_small_book(1)
    with pytest.raises(
        DataError,
        match="not in model 'private_banking', which has awareness, consideration, decision, ",
    ):
        stage_history(
            book.customers,
            book.transactions,
            dates=month_ends("2023-01", "2023-01"),
            model=stage_model("private_banking"),
        )


def history_of(**paths: str) -> pd.DataFrame:
    """A monthly history from words of letters: p l n a d o(ut), and - for not observed."""
    words = {"p": "prospect", "l": "lead", "n": "new", "a": "active", "d": "dormant", "o": "lost"}
    rows = [
        (who, when, words.get(letter))
        for who, path in paths.items()
        for letter, when in zip(path, month_ends("2026-01", "2027-12"), strict=False)
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "stage"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_the_first_entry_of_a_customer_is_a_change_whatever_its_stage() -> None:
    log = stage_log(history_of(x="pp", y="pl", z="-pp"))
    found = replay(log, as_of="2026-03-31")
    assert found["since"].dt.month.to_dict() == {"x": 1, "y": 2, "z": 2}
    assert replay(log, as_of="2026-01-31")["since"].dt.month.to_dict() == {"x": 1, "y": 1}


def test_a_leap_over_stages_is_written_as_the_shortest_legal_chain() -> None:
    log = stage_log(history_of(x="pd", y="an"))
    assert log.loc[log["customer_id"] == "x", "event"].tolist()[1:] == [
        "contract_signed",
        "went_idle",
    ]
    # No chain leads from active back to new: a correction, not an event.
    correction = log[log["customer_id"] == "y"].iloc[1]
    assert pd.isna(correction["event"])
    assert correction["after"] == "new"
    assert replay(log, as_of="2026-02-28")["stage"].astype(object).to_dict() == {
        "x": "dormant",
        "y": "new",
    }


@given(st.lists(st.text("plnado---", max_size=9), min_size=1, max_size=5))
@example(["a----o", "-p---d", "", "pl"])
def test_the_log_of_a_history_is_each_customers_changes_one_by_one(paths: list[str]) -> None:
    """Also where a customer was not observed for months: then the stage last seen counts."""
    model = stage_model()
    history = history_of(**{f"c{i}": path for i, path in enumerate(paths)}, z="p")
    expected = []
    for customer, own in history.groupby("customer_id"):
        last = None
        for when, stage in zip(own["date"], own["stage"], strict=True):
            if not isinstance(stage, str) or stage == last:
                continue
            chain = [] if last is None else model.paths.get((last, stage), [])
            if not chain:
                expected.append((customer, when, None, last, stage, None))
            expected += [(customer, when, m.event, m.before, m.after, m.rule) for m in chain]
            last = stage
    log = stage_log(history).astype(object)
    found = log[["customer_id", "date", "event", "before", "after", "rule"]]
    found = found.where(found.notna(), None)
    assert list(found.itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize("names", [["date", "customer_id"], ["customer_id", "day"], [None, None]])
def test_a_history_of_every_customer_and_date_needs_the_names_of_its_levels(
    names: list[str | None],
) -> None:
    dates = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"])
    levels = [dates, [7, 8]] if names[0] == "date" else [[7, 8], dates]
    index = pd.MultiIndex.from_product(levels, names=names)
    history = pd.DataFrame({"stage": [*"pnaapd"]}, index=index)
    if names[0] == "date":
        flat = stage_spells(history.reset_index())
        pd.testing.assert_frame_equal(stage_spells(history), flat)
    else:
        with pytest.raises(DataError, match="missing column"):
            stage_spells(history)


def test_a_history_may_have_its_dates_in_any_order_and_rows_left_out() -> None:
    dates = pd.to_datetime(["2026-03-31", "2026-01-31", "2026-02-28"])
    index = pd.MultiIndex.from_product([[7, 8], dates], names=["customer_id", "date"])
    history = pd.DataFrame({"stage": [*"pnaapd"]}, index=index)
    for rows in ([0, 1, 2, 3, 4, 5], [5, 0, 4, 1, 3, 2], [0, 1, 2, 3], [1, 2, 4, 5], [3]):
        flat = stage_spells(history.iloc[rows].reset_index())
        pd.testing.assert_frame_equal(stage_spells(history.iloc[rows]), flat)


def test_the_rule_distinguishes_a_closing_from_a_silence() -> None:
    history = history_of(x="ao", y="ao")
    history["stage_rule"] = ["active", "lost-closed", "active", "lost-idle-person"]
    log = stage_log(history)
    assert log["event"].astype(object).where(log["event"].notna(), None).tolist() == [
        None,
        "closed",
        None,
        "went_silent",
    ]
    assert log["rule"].tolist() == ["active", "lost-closed", "active", "lost-idle-person"]


def test_the_policy_sets_the_event_of_a_rule() -> None:
    history = history_of(x="ao")
    history["stage_rule"] = ["active", "lost-idle-person"]
    spoken = ({"rule": "lost-idle-person", "event": "closed"},)
    policy = default_policy("lifecycle")
    policy = attrs.evolve(policy, raw_records={**policy.raw_records, "rule_event": spoken})
    assert stage_log(history, policy=policy)["event"].tolist()[1:] == ["closed"]


def test_stages_of_another_model_cannot_be_logged() -> None:
    with pytest.raises(DataError, match="not in model 'bank'"):
        stage_log(history_of(x="pa").replace("active", "asleep"))


EVENTS = pd.DataFrame(
    {
        "customer_id": [1, 1, 1, 2, 2],
        "date": pd.to_datetime(
            ["2026-01-05", "2026-01-20", "2026-03-01", "2026-02-01", "2026-02-03"]
        ),
        "event": ["contacted", "contract_signed", "activated", "inquired", "closed"],
        "cause": [None, None, None, None, "competitor"],
    }
)


def events(*rows: tuple[Any, Any, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "event"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_real_events_make_a_log_that_replays() -> None:
    done = append_events(pd.DataFrame(), EVENTS, as_of="2026-03-31")
    assert done.rejected.empty
    assert done.changes.empty
    assert done.log["cause"].tolist()[-1] == "competitor"
    assert done.log["rule"].tolist()[0] == "prospect:contacted"
    found = replay(done.log, as_of="2026-03-31")
    assert found["stage"].tolist() == ["active", "lost"]
    assert found["furthest"].tolist() == ["active", "lead"]
    assert found["since"].tolist() == [pd.Timestamp("2026-03-01"), pd.Timestamp("2026-02-03")]
    assert replay(done.log, as_of="2026-01-10")["stage"].tolist() == ["lead"]
    assert replay(done.log, as_of="2020-01-01").empty


@given(st.permutations(range(len(EVENTS))), st.integers(0, len(EVENTS)))
@settings(max_examples=12)
def test_events_may_come_in_any_order_and_in_parts(order: list[int], split: int) -> None:
    """What is legal in the end is reached whenever every part is legal on the way."""
    whole = append_events(pd.DataFrame(), EVENTS, as_of="2026-03-31").log
    shuffled = append_events(pd.DataFrame(), EVENTS.iloc[order], as_of="2026-03-31")
    assert shuffled.rejected.empty
    at = "2026-03-31"
    pd.testing.assert_frame_equal(replay(shuffled.log, as_of=at), replay(whole, as_of=at))
    early = EVENTS.sort_values("date").iloc[:split]
    late = EVENTS.sort_values("date").iloc[split:]
    first = append_events(pd.DataFrame(), early, as_of=at)
    second = append_events(first.log, late, as_of=at)
    assert second.rejected.empty
    pd.testing.assert_frame_equal(replay(second.log, as_of=at), replay(whole, as_of=at))
    assert second.log["entry"].tolist() == list(range(len(EVENTS)))
    assert tuple(second.log.columns) == LOG_COLUMNS
    for name, words in (("event", stage_model().event_names), ("after", stage_model().stage_names)):
        assert tuple(second.log[name].cat.categories) == words
    pd.testing.assert_frame_equal(second.log.iloc[: len(first.log)], first.log, check_dtype=False)


def test_a_late_event_is_placed_by_date_and_its_changes_are_reported() -> None:
    log = append_events(
        pd.DataFrame(),
        events((1, "2026-01-05", "contract_signed"), (1, "2026-03-01", "activated")),
        as_of="2026-03-31",
    ).log
    late = append_events(log, events((1, "2026-02-01", "closed")), as_of="2026-04-10")
    assert late.rejected.empty
    assert late.changes[["date", "event", "was", "now", "superseded"]].to_numpy().tolist() == [
        [pd.Timestamp("2026-03-01"), "activated", "active", "lost", True]
    ]
    pd.testing.assert_frame_equal(late.log.iloc[:2], log)  # nothing old is rewritten
    assert late.log["recorded"].tolist()[-1] == pd.Timestamp("2026-04-10")
    assert replay(late.log, as_of="2026-04-10")["stage"].tolist() == ["lost"]
    assert replay(late.log, as_of="2026-01-31")["stage"].tolist() == ["new"]


def test_events_go_on_from_a_log_of_a_history() -> None:
    log = stage_log(history_of(x="pna", y="-la"))
    more = append_events(
        log,
        events(("x", "2026-05-01", "closed"), ("y", "2026-05-01", "won_back")),
        as_of="2026-05-31",
    )
    assert more.rejected["reason"].tolist() == ["no_such_move"]
    assert more.rejected["stage"].tolist() == ["active"]
    assert replay(more.log, as_of="2026-05-31")["stage"].tolist() == ["lost", "active"]
    as_text = log.astype({"event": object, "before": object, "after": object})
    again = append_events(as_text, events(("x", "2026-05-01", "closed")), as_of="2026-05-31").log
    pd.testing.assert_frame_equal(again, more.log)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((None, "2026-02-01", "closed"), "missing_customer"),
        ((1, None, "closed"), "missing_date"),
        ((1, "2026-02-01", None), "missing_event"),
        ((1, "2026-02-01", "unknown"), "unknown_event"),
        ((1, "2026-04-01", "closed"), "after_recording"),
        ((None, None, None), "missing_customer"),
        ((1, None, None), "missing_date"),
        ((1, "2026-06-01", None), "missing_event"),
        ((1, "2026-06-01", "unknown"), "unknown_event"),
        ((2, "2026-06-01", "inquired"), "after_recording"),
        ((1, "2026-01-20", "contract_signed"), "duplicate"),
        ((1, "2026-01-01", "inquired"), "before_first_contact"),
        ((1, "2026-02-01", "reactivated"), "no_such_move"),
        ((3, "2026-02-01", "reactivated"), "no_such_move"),
    ],
)
def test_events_that_cannot_be_appended_are_rejected_with_a_reason(
    row: tuple[Any, Any, Any], reason: str
) -> None:
    log = append_events(pd.DataFrame(), EVENTS, as_of="2026-03-31").log
    done = append_events(log, events(row, (2, "2026-03-30", "contract_signed")), as_of="2026-03-31")
    assert done.rejected["reason"].tolist() == [reason]
    assert len(done.log) == len(log) + 1
    assert len(done.log) + len(done.rejected) == len(log) + 2


def test_two_contradictory_events_at_one_instant_are_both_rejected() -> None:
    # Signed then closed ends lost; closed then signed ends new.
    both = events((9, "2026-02-01", "contract_signed"), (9, "2026-02-01", "closed"))
    done = append_events(pd.DataFrame(), both, as_of="2026-03-31")
    assert done.rejected["reason"].tolist() == ["contradictory"] * 2
    assert done.log.empty
    # Fell asleep and woke at once: the one undoes the other.
    log = stage_log(history_of(x="pna"))
    undone = events(("x", "2026-05-01", "went_idle"), ("x", "2026-05-01", "reactivated"))
    assert (
        append_events(log, undone, as_of="2026-05-31").rejected["reason"].tolist()
        == ["contradictory"] * 2
    )
    # Whoever else is in the batch, before them in order or after.
    others = [(c, "2026-02-01", "inquired") for c in (1, 9, 20)]
    crowd = events(*others, *((c, *row[1:]) for row in both.to_numpy().tolist() for c in (9, 12)))
    found = append_events(pd.DataFrame(), crowd, as_of="2026-03-31").rejected
    assert found["customer_id"].tolist() == [9, 12, 9, 12]
    assert set(found["reason"]) == {"contradictory"}
    # On two days, or in the one order that is legal, they are no contradiction.
    apart = events(("x", "2026-05-01", "went_idle"), ("x", "2026-05-02", "reactivated"))
    assert append_events(log, apart, as_of="2026-05-31").rejected.empty
    walk_in = events(
        (9, "2026-02-01", "contract_signed"),
        (9, "2026-02-01", "inquired"),
        (9, "2026-02-01", "activated"),
    )
    done = append_events(pd.DataFrame(), walk_in, as_of="2026-03-31")
    assert done.rejected.empty
    assert done.log["event"].tolist() == ["inquired", "contract_signed", "activated"]


@pytest.mark.parametrize("letter", "plnado")
def test_contradictory_events_have_no_effect_in_one_call_or_two(letter: str) -> None:
    """Every pair of events of one instant, in both orders, where the first is legal alone."""
    pairs = list(itertools.permutations(stage_model().event_names, 2))
    log = stage_log(history_of(**{f"c{i}": "p" + letter for i in range(len(pairs))}))
    one, two = (
        events(*((f"c{i}", "2026-05-01", pair[k]) for i, pair in enumerate(pairs))) for k in (0, 1)
    )
    once = append_events(log, pd.concat([one, two], ignore_index=True), as_of="2026-05-31")
    first = append_events(log, one, as_of="2026-05-31")
    second = append_events(first.log, two, as_of="2026-06-01")
    clash = set(once.rejected.loc[once.rejected["reason"] == "contradictory", "customer_id"])
    clash -= set(first.rejected["customer_id"])
    assert clash or letter in "pl"
    for day in ("2026-04-30", "2026-05-01", "2026-06-30"):
        found, expected = (
            replay(done.log, as_of=day).loc[sorted(clash)] for done in (second, once)
        )
        pd.testing.assert_frame_equal(found, expected)
    assert clash.isdisjoint(second.rejected["customer_id"])
    added = second.log.iloc[len(first.log) :]
    assert set(added.loc[added["rule"] == "contradictory", "customer_id"]) == clash
    gone = second.changes
    assert set(gone.loc[gone["superseded"], "customer_id"]) == clash
    pd.testing.assert_frame_equal(second.log.iloc[: len(first.log)], first.log)
    again = append_events(second.log, two, as_of="2026-06-30")
    assert set(again.rejected.loc[again.rejected["reason"] == "duplicate", "customer_id"]) >= clash


def test_a_customer_of_contradictory_events_alone_has_no_stage() -> None:
    signed = events((9, "2026-02-01", "contract_signed"), (8, "2026-02-01", "inquired"))
    first = append_events(pd.DataFrame(), signed, as_of="2026-03-31")
    closed = events((9, "2026-02-01", "closed"))
    second = append_events(first.log, closed, as_of="2026-03-31")
    assert second.changes[["customer_id", "superseded"]].to_numpy().tolist() == [[9, True]]
    assert replay(second.log, as_of="2026-03-31").index.tolist() == [8]


def test_instants_of_one_day_are_distinct() -> None:
    timed = events((9, "2026-02-01T09:00", "contract_signed"), (9, "2026-02-01T15:00", "closed"))
    done = append_events(pd.DataFrame(), timed, as_of="2026-02-01")
    assert done.rejected.empty
    assert replay(done.log, as_of="2026-02-01")["stage"].tolist() == ["lost"]


def test_the_first_day_and_the_day_of_recording_count() -> None:
    log = append_events(pd.DataFrame(), EVENTS, as_of="2026-03-31").log
    edges = events((1, "2026-01-05T00:00:00", "inquired"), (1, "2026-03-31T23:59:59", "closed"))
    done = append_events(log, edges, as_of="2026-03-31")
    assert done.rejected.empty
    assert done.log["entry"].tolist() == list(range(7))
    anew = append_events(log.iloc[:0], EVENTS, as_of="2026-03-31").log
    pd.testing.assert_frame_equal(anew, log, check_dtype=False)


@pytest.mark.parametrize("entry", [0.5, np.nan, np.inf, 2.0**53, -(2.0**53)])
def test_the_numbers_of_entries_are_whole_and_exact(entry: float) -> None:
    log = stage_log(history_of(x="pna"))
    with pytest.raises(DataError, match=r"log\.entry: no whole number in 1 row"):
        replay(log.assign(entry=[0.0, entry, 2.0]), as_of="2026-05-31")
    exact = replay(log.assign(entry=[-1.0, 2.0, 2.0**53 - 1]), as_of="2026-05-31")
    pd.testing.assert_frame_equal(exact, replay(log, as_of="2026-05-31"))


def test_guards_are_asked_where_facts_are_given() -> None:
    log = stage_log(history_of(x="pna", y="pna"))
    idle = events(("x", "2026-05-01", "went_idle"), ("y", "2026-05-01", "went_idle"))
    facts = pd.DataFrame({"closed": [False, False], "days_idle": [30, 100]})
    done = append_events(log, idle, as_of="2026-05-31", facts=facts)
    assert done.rejected["customer_id"].tolist() == ["x"]
    assert done.rejected["reason"].tolist() == ["guard_failed"]


def test_a_log_that_does_not_fit_is_refused() -> None:
    log = stage_log(history_of(x="pna"))
    with pytest.raises(DataError, match=r"log\.customer_id: null in 1 row"):
        replay(log.assign(customer_id=["x", None, "x"]), as_of="2026-05-31")
    with pytest.raises(DataError, match="missing column after"):
        replay(log.drop(columns="after"), as_of="2026-05-31")
    with pytest.raises(DataError, match=r"log\.after: the model does not know asleep; "):
        replay(log.assign(after="asleep"), as_of="2026-05-31")
    with pytest.raises(DataError, match=r"log\.event: the model does not know unknown; "):
        replay(log.assign(event="unknown"), as_of="2026-05-31")
    with pytest.raises(DataError, match="time zone"):
        replay(log.assign(date=log["date"].dt.tz_localize("Asia/Shanghai")), as_of="2026-05-31")
    with pytest.raises(DataError, match="log: missing columns customer_id, date, event, after"):
        replay(pd.DataFrame({"entry": []}), as_of="2026-05-31")
    with pytest.raises(DataError, match="events: missing column event"):
        append_events(log, EVENTS.drop(columns="event"), as_of="2026-05-31")


def test_a_bank_may_log_moves_of_its_own() -> None:
    model = stage_model().with_moves(Move("lead", "went_silent", "lost"))
    cold = events((1, "2026-01-01", "contacted"), (1, "2026-06-01", "went_silent"))
    assert append_events(pd.DataFrame(), cold, as_of="2026-06-30", model=model).rejected.empty
    assert len(append_events(pd.DataFrame(), cold, as_of="2026-06-30").rejected) == 1


def test_spells_have_start_end_and_next_stage() -> None:
    spells = stage_spells(history_of(x="-nnaa", y="aad--"))
    found = [
        (r.customer_id, r.stage, r.start.month, r.end.month, r.after, r.from_start)
        for r in spells.astype(object).where(spells.notna(), None).itertuples()
    ]
    assert found == [
        ("x", "new", 2, 4, "active", True),
        ("x", "active", 4, 5, None, True),
        ("y", "active", 1, 3, "dormant", False),
        ("y", "dormant", 3, 3, None, True),
    ]


def test_an_event_may_lead_back_to_where_all_begin() -> None:
    model = stage_model().with_moves(Move("lead", "went_silent", "prospect"))
    forgotten = events((1, "2026-01-01", "contacted"), (1, "2026-06-01", "went_silent"))
    done = append_events(pd.DataFrame(), forgotten, as_of="2026-06-30", model=model)
    assert done.rejected.empty
    assert done.log["after"].tolist() == ["lead", "prospect"]


def test_a_history_with_rows_left_out_is_read_as_not_observed(make_small_book: Make) -> None:
    book = make_small_book(5)
    ends = month_ends("2023-01", "2023-06")
    history = stage_history(book.customers, book.transactions, dates=ends)
    some = history[np.random.default_rng(1).random(len(history)) < 0.8]
    absent = history.assign(stage=history["stage"].where(history.index.isin(some.index)))
    ours, theirs = (
        stage_spells(h).sort_values(["customer_id", "start"], ignore_index=True)
        for h in (some, absent)
    )
    pd.testing.assert_frame_equal(ours, theirs)


def test_as_many_stages_as_int8_can_number() -> None:
    names = [f"s{i:03}" for i in range(127)]
    spells = stage_spells(
        pd.DataFrame(
            {"customer_id": range(127), "date": pd.Timestamp("2026-03-31"), "stage": names}
        )
    )
    assert spells["stage"].tolist() == names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.drop(columns="stage"), "missing column stage"),
        (lambda h: h.drop(columns="date"), "missing column date"),
        (lambda h: pd.concat([h, h]), "3 rows repeat a customer and date"),
        (lambda h: h.assign(date=h["date"].where(h.index > 0)), r"history\.date: null in 1 row"),
        (lambda h: h.iloc[:0], "no date"),
        (
            lambda h: pd.DataFrame(
                {"customer_id": range(128), "date": h["date"][0], "stage": map(str, range(128))}
            ),
            "at most 127",
        ),
    ],
)
def test_histories_that_do_not_fit_are_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        stage_spells(change(history_of(x="pna")))
