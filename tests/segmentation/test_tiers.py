"""Tiers and their review: laws first, then each movement, then bad input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError, PolicyError
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    TIER_LADDER,
    assign_tiers,
    fit_tiers,
    resource_levels,
    review_tiers,
    tier_migration,
)
from bankcrm.segmentation.tiers.lines import TierLines

POLICY = default_policy("segmentation")
RANK = {tier.value: rank for rank, tier in enumerate(TIER_LADDER)}
DAY = "2026-07-01"
STANDINGS = ["bad", "watch", "good"]

score = st.one_of(st.none(), st.integers(0, 100).map(float))
money = st.one_of(
    st.integers(-5_000, 60_000).map(float),
    st.sampled_from([-2000.0, 0.0, 8000.0, 10_000.0, 40_000.0, 50_000.0]),
)
fact = st.fixed_dictionaries(
    {
        "contribution": money,
        "value_score": score,
        "growth": score,
        "risk": score,
        "credit_standing": st.sampled_from([None, *STANDINGS]),
    }
)
facts_of_many = st.lists(fact, min_size=1, max_size=12)


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(rows[0]))


def previous(tier: str, since: str = "2024-01-01", **more: Any) -> pd.DataFrame:
    row = {"tier": tier, "since": pd.Timestamp(since)} | more
    return pd.DataFrame([row], index=[1])


def facts(contribution: float, **more: Any) -> pd.DataFrame:
    return pd.DataFrame([{"contribution": contribution} | more], index=[1])


def reviewed(held: pd.DataFrame, known: pd.DataFrame, as_of: str = DAY, **values: Any) -> pd.Series:
    policy = POLICY.with_parameters(**values) if values else POLICY
    return review_tiers(held, known, as_of=as_of, policy=policy).iloc[0]


# ------------------------------------------------------------------------------------ assignment


@given(fact, st.data())
def test_a_better_customer_never_has_a_lower_tier(one: dict[str, Any], data: st.DataObject) -> None:
    """Every fact at least as good, with the same facts known: the tier is at least as high."""
    better = dict(one)
    better["contribution"] = one["contribution"] + data.draw(st.floats(0, 60_000))
    for name in ("value_score", "growth"):
        if one[name] is not None:
            better[name] = data.draw(st.floats(one[name], 100))
    if one["risk"] is not None:
        better["risk"] = data.draw(st.floats(0, one["risk"]))
    if one["credit_standing"] is not None:
        at = STANDINGS.index(one["credit_standing"])
        better["credit_standing"] = data.draw(st.sampled_from(STANDINGS[at:]))
    low, high = assign_tiers(frame([one, better]))["tier"]
    assert RANK[high] >= RANK[low]


@given(facts_of_many)
def test_bad_credit_or_high_risk_is_always_restricted(rows: list[dict[str, Any]]) -> None:
    known = frame(rows)
    tiers = assign_tiers(known)
    barred = (known["credit_standing"] == "bad") | (known["risk"].astype(float) >= 80)
    assert (tiers.loc[barred, "tier"] == "restricted").all()
    assert tiers["tier"].notna().all()
    assert (tiers.loc[tiers["tier"].isin(["premium", "potential"]), "standing"] == "clear").all()


@given(fact)
def test_a_column_of_nulls_is_a_column_that_is_not_there(one: dict[str, Any]) -> None:
    bare = {k: v for k, v in one.items() if v is not None}
    whole, part = assign_tiers(frame([one])), assign_tiers(frame([bare]))
    assert whole.iloc[0].tolist() == part.iloc[0].tolist()


@pytest.mark.parametrize(
    ("known", "tier", "rule"),
    [
        ({"contribution": 50_000.0}, "premium", "premium"),
        ({"contribution": 49_999.0}, "key", "key"),
        ({"contribution": 50_000.0, "credit_standing": "watch"}, "key", "key"),
        ({"contribution": 9_999.0}, "ordinary", "ordinary"),
        ({"contribution": 10.0, "growth": 75.0}, "potential", "potential"),
        ({"contribution": -9e9, "growth": 75.0}, "potential", "potential"),
        ({"contribution": -2_000.0}, "ordinary", "ordinary"),
        ({"contribution": -2_001.0}, "restricted", "restricted-loss"),
        ({"contribution": 9e9, "credit_standing": "bad"}, "restricted", "restricted-standing"),
        ({"contribution": 9e9, "risk": 80.0}, "restricted", "restricted-standing"),
        ({"contribution": 0.0, "value_score": 85.0}, "premium", "premium"),
        ({"contribution": 0.0, "value_score": 70.0}, "key", "key"),
    ],
)
def test_the_lines(known: dict[str, Any], tier: str, rule: str) -> None:
    found = assign_tiers(frame([known])).iloc[0]
    assert (found["tier"], found["tier_rule"]) == (tier, rule)


def test_bad_facts_are_reported() -> None:
    with pytest.raises(DataError, match=r"facts\.contribution: missing column"):
        assign_tiers(pd.DataFrame({"growth": [1.0]}))
    with pytest.raises(DataError, match="duplicate key"):
        assign_tiers(pd.DataFrame({"customer_id": [1, 1], "contribution": [1.0, 2.0]}))
    with pytest.raises(DataError, match="credit_standing"):
        assign_tiers(pd.DataFrame({"contribution": [1.0], "credit_standing": ["fine"]}))
    with pytest.raises(DataError, match="risk"):
        assign_tiers(pd.DataFrame({"contribution": [1.0], "risk": [101.0]}))


def test_without_a_contribution_only_standing_decides() -> None:
    facts = pd.DataFrame({"contribution": np.nan, "credit_standing": ["good", "bad"]}, index=[1, 2])
    found = assign_tiers(facts)
    assert found["value_level"].isna().all()
    assert found["tier"].tolist()[1] == "restricted"
    assert found["tier"].isna().tolist() == [True, False]
    levels = resource_levels(found)
    assert levels["resource_level"].isna().tolist() == [True, False]
    with pytest.raises(DataError, match="2 rows, none with a contribution"):
        fit_tiers(facts)


def test_a_review_without_a_contribution_keeps_the_tier() -> None:
    previous = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])}, index=[1])
    facts = pd.DataFrame({"contribution": [np.nan, np.nan]}, index=[1, 2])
    found = review_tiers(previous, facts, as_of="2026-01-01")
    assert found["tier"].tolist()[0] == "key"
    assert found["reason"].tolist() == ["no_facts", "no_facts"]
    assert found["tier"].isna().tolist() == [False, True]


def test_fitted_lines_leave_out_what_is_not_known() -> None:
    values = pd.Series([float(v) for v in range(100)])
    more = pd.concat([values, pd.Series([np.nan] * 50)], ignore_index=True)
    known = fit_tiers(pd.DataFrame({"contribution": values}))
    assert fit_tiers(pd.DataFrame({"contribution": more})) == known
    assert known.customers == 100


def test_fitted_lines_go_into_a_policy() -> None:
    rng = np.random.default_rng(3)
    book = pd.DataFrame({"contribution": rng.normal(1000, 5000, 2000)})
    lines = fit_tiers(book)
    policy = lines.apply()
    tiers = assign_tiers(book, policy=policy)["tier"].value_counts(normalize=True)
    assert tiers["premium"] == pytest.approx(0.05)
    assert tiers["key"] == pytest.approx(0.15)
    assert tiers["restricted"] == pytest.approx(0.02)
    assert policy.fingerprint != POLICY.fingerprint
    assert isinstance(lines, TierLines)
    review_tiers(
        previous("key"), facts(lines.key), as_of=DAY, policy=policy
    )  # keep lines lie on the right side


@given(st.lists(st.integers(-2, 6), min_size=2, max_size=80), st.sampled_from([0.05, 0.2, 0.3]))
def test_a_line_never_takes_in_more_than_was_asked_for_without_a_finding(
    values: list[int], share: float
) -> None:
    facts = pd.DataFrame({"contribution": [float(v) for v in values]})
    try:
        lines = fit_tiers(facts, premium_share=share, key_share=2 * share)
    except DataError:  # the lines coincide
        return
    found = {f.problem: f.count for f in lines.findings}
    ordered = sorted(values)
    lowest = ordered[min(round(0.02 * len(values)), len(values) - 1)]
    assert lines.restricted == min(lowest, 0)
    for name, line, part in (("premium", lines.premium, share), ("key", lines.key, 3 * share)):
        assert line == ordered[-max(round(part * len(values)), 1)]
        asked = max(round(part * len(values)), 1)
        above = sum(v >= line for v in values)
        assert above - asked == found.get(f"tied_at_{name}_line", 0)


def test_ninety_equal_customers_are_not_key_without_a_word() -> None:
    lines = fit_tiers(pd.DataFrame({"contribution": [1.0] * 90 + [2.0] * 10}))
    assert (lines.premium, lines.key) == (2.0, 1.0)
    premium, key = map(str, lines.findings)
    assert "tied at premium line in 5 rows (2.0" in premium
    assert "expected 20 of 100 customers at or above the line, found 100" in key


def test_faulty_fits_are_refused() -> None:
    same = pd.DataFrame({"contribution": [1.0] * 50})
    with pytest.raises(DataError, match="coincide"):
        fit_tiers(same)
    with pytest.raises(DataError, match="no customer"):
        fit_tiers(same.iloc[:0])
    everybody = {"premium_share": 0.25, "key_share": 0.25, "restricted_share": 0.5}
    for bad in ({"premium_share": 0.0}, {"key_share": 0.99}, {"band": 1.0}, {"band": -0.1},
                {"restricted_share": 1.0}, everybody):  # fmt: skip
        with pytest.raises(DataError, match=r"expected a share|expected in all below 1"):
            fit_tiers(same, **bad)


# ---------------------------------------------------------------------------------------- review


def reviewed_by_hand(row: Any, levels: tuple[int, int, int], policy: Any) -> dict[str, Any]:
    """One customer at a time: ``levels`` are those of the entry lines, for up and for down."""
    today, grace_days = pd.Timestamp(DAY), policy.value("grace_days")
    before, (assigned, up, down) = RANK[row.tier], levels
    days, restricted = (today - row.since).days, before == 0
    grace = row.grace_until if grace_days else today - pd.Timedelta(days=1)
    if down == 0:
        reason = "still_restricted" if restricted else "restrict"
    elif restricted and up == 0:
        reason = "still_restricted"
    elif pd.notna(row.override_until):
        reason = "override" if row.override_until >= today else "override_ended"
    elif days == 0:
        reason = "moved_today"
    elif restricted:
        reason = "reentry" if days >= policy.value("reentry_days") else "reentry_wait"
    elif up > before:
        reason = "upgrade" if days >= policy.value("min_hold_days") else "held_up"
    elif down < before and days < policy.value("min_hold_days"):
        reason = "held_down"
    elif down < before and pd.isna(grace):
        reason = "grace_start"
    elif down < before:
        reason = "grace" if grace >= today else "downgrade"
    else:
        reason = "recovered" if grace_days and not pd.isna(grace) else "unchanged"
    goal = up if up > before else min(before, down)
    after = before
    if reason in ("upgrade", "downgrade"):
        way = [t for t in range(5) if min(before, goal) <= t <= max(before, goal) and t != before]
        way = [t for t in way if list(RANK)[t] != "potential" or t == goal]
        after = goal if policy.value("review_step") == "straight" else (
            way[0] if goal > before else way[-1]
        )  # fmt: skip
    elif reason in ("restrict", "override_ended", "reentry"):
        after = {"restrict": 0, "override_ended": assigned}.get(reason, min(RANK["ordinary"], up))
    elif reason == "override":
        after = RANK[row.override_tier]
    goal = assigned if reason == "override_ended" else goal
    until = {"grace": row.grace_until, "held_down": row.grace_until}.get(reason, pd.NaT)
    until = today + pd.Timedelta(days=grace_days) if reason == "grace_start" else until
    review = pd.Timestamp("2027-01-01")
    return {
        "before": row.tier,
        "proposed": list(RANK)[goal],
        "tier": list(RANK)[after],
        "movement": "same" if after == before else "up" if after > before else "down",
        "reason": reason,
        "since": row.since if after == before else today,
        "grace_until": until,
        "next_review": review if pd.isna(until) else min(review, until + pd.Timedelta(days=1)),
        "override_tier": row.override_tier if reason == "override" else None,
    }


@settings(max_examples=4)  # each with twelve customers
@given(st.lists(fact, min_size=12, max_size=12), st.data())
def test_a_review_is_done_by_hand_and_a_second_one_changes_nothing(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    known = frame(rows)
    dates = st.sampled_from(["2024-01-01", "2025-07-01", "2025-07-02", "2026-04-02", DAY])
    maybe = st.one_of(st.none(), st.sampled_from(["2026-06-30", DAY, "2026-09-01"]))
    size = len(known)
    held = pd.DataFrame(
        {
            "tier": data.draw(st.lists(st.sampled_from(list(RANK)), min_size=size, max_size=size)),
            "since": pd.to_datetime(data.draw(st.lists(dates, min_size=size, max_size=size))),
            "grace_until": pd.to_datetime(data.draw(st.lists(maybe, min_size=size, max_size=size))),
        }
    )
    manual = data.draw(st.lists(maybe, min_size=size, max_size=size))
    held["override_until"] = pd.to_datetime(manual)
    held["override_tier"] = ["premium" if m else None for m in manual]
    held["override_reason"] = ["board" if m else None for m in manual]
    step = data.draw(st.sampled_from(["one", "straight"]))
    values = {"review_step": step, "min_hold_days": data.draw(st.sampled_from([0, 90]))}
    policy = POLICY.with_parameters(**values, grace_days=data.draw(st.sampled_from([0, 90])))
    once = review_tiers(held, known, as_of=DAY, policy=policy)
    keep = ("premium_contribution", "key_contribution", "premium_score", "key_score",
            "potential_growth")  # fmt: skip
    leave = ("restricted_contribution", "restricted_risk")
    lines = [{}, *({n: policy.value(f"{n}_{e}") for n in names}
                   for names, e in ((leave, "leave"), (keep, "keep")))]  # fmt: skip
    levels = [assign_tiers(known, policy=policy.with_parameters(**line))["tier"] for line in lines]
    for at, row in enumerate(held.itertuples()):
        ranks = tuple(RANK[level.iloc[at]] for level in levels)
        for name, expected in reviewed_by_hand(row, ranks, policy).items():
            value = once[name].iloc[at]
            assert value == expected or (pd.isna(value) and pd.isna(expected)), name
    twice = review_tiers(once, known, as_of=DAY, policy=policy)
    kept = ["tier", "since", "grace_until", "next_review", "override_tier", "override_until"]
    pd.testing.assert_frame_equal(twice[kept], once[kept])


@given(facts_of_many, st.sampled_from(list(RANK)), st.booleans())
def test_restriction_wins_always(rows: list[dict[str, Any]], tier: str, manual: bool) -> None:
    """Whatever is held, in grace, just moved or set by hand: barred is restricted today."""
    known = frame([{**row, "credit_standing": "bad"} for row in rows])
    held = pd.DataFrame({"tier": tier, "since": pd.Timestamp(DAY)}, index=known.index)
    if manual:
        held = held.assign(
            override_tier="premium",
            override_until=pd.Timestamp("2027-01-01"),
            override_reason="board",
        )
    after = review_tiers(held, known, as_of=DAY)
    assert (after["tier"] == "restricted").all()
    assert after["override_tier"].isna().all()
    assert after["action"].notna().all()


@given(
    st.sampled_from(
        [
            ("premium", 40_000.0, 50_000.0),
            ("key", 8_000.0, 49_999.0),
            ("ordinary", -2_000.0, 9_999.0),
        ]
    ),
    st.floats(0, 1),
)
def test_a_value_inside_the_band_never_moves_a_tier(
    band: tuple[str, float, float], place: float
) -> None:
    tier, low, high = band
    row = reviewed(previous(tier), facts(low + place * (high - low)))
    assert (row["tier"], row["reason"], row["movement"]) == (tier, "unchanged", "same")


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_no_flapping_over_a_series_of_reviews(seed: int) -> None:
    """Between two moves in opposite directions the value crossed the whole band."""
    values = np.random.default_rng(seed).uniform(7_000, 11_000, (8, 300))
    held = pd.DataFrame({"tier": "ordinary", "since": pd.Timestamp("2020-01-01")}, index=range(300))
    crossed = np.full(300, np.nan)
    for number, now in enumerate(values):
        known = pd.DataFrame({"contribution": now})
        held = review_tiers(held, known, as_of=f"{2021 + number}-01-01")
        moved = (held["movement"] != "same").to_numpy()
        assert (np.abs(now - crossed)[moved & ~np.isnan(crossed)] >= 2000).all()
        crossed[moved] = now[moved]
    assert not np.isnan(crossed).all()


def test_up_only_over_the_entry_line_down_only_after_grace() -> None:
    up = reviewed(previous("ordinary"), facts(10_000.0))
    assert (up["tier"], up["reason"], up["movement"]) == ("key", "upgrade", "up")
    assert str(up["since"].date()) == DAY
    grace = reviewed(previous("key"), facts(7_999.0))
    assert (grace["tier"], grace["reason"]) == ("key", "grace_start")
    assert str(grace["grace_until"].date()) == "2026-09-29"
    assert str(grace["next_review"].date()) == "2026-09-30"
    held = grace.to_frame().T
    last = reviewed(held, facts(7_999.0), "2026-09-29")
    assert (last["reason"], str(last["grace_until"].date())) == ("grace", "2026-09-29")
    over = reviewed(held, facts(7_999.0), "2026-09-30")
    assert (over["tier"], over["reason"], over["movement"]) == ("ordinary", "downgrade", "down")
    assert str(over["next_review"].date()) == "2027-01-01"
    back = reviewed(held, facts(8_000.0), "2026-09-29")
    assert (back["reason"], pd.isna(back["grace_until"])) == ("recovered", True)
    assert reviewed(previous("key"), facts(7_999.0), grace_days=0)["reason"] == "downgrade"


def test_holding_time_delays_both_directions() -> None:
    held = previous("ordinary", "2026-04-03")
    assert reviewed(held, facts(60_000.0))["reason"] == "held_up"
    assert reviewed(held, facts(60_000.0), "2026-07-02")["reason"] == "upgrade"
    assert reviewed(previous("key", "2026-04-03"), facts(0.0))["reason"] == "held_down"


def test_one_step_or_straight() -> None:
    assert reviewed(previous("ordinary"), facts(60_000.0))["tier"] == "key"
    assert reviewed(previous("ordinary"), facts(60_000.0), review_step="straight")["tier"] == (
        "premium"
    )
    fall = {"grace_days": 0}
    assert reviewed(previous("premium"), facts(0.0), **fall)["tier"] == "key"
    assert reviewed(previous("premium"), facts(0.0), review_step="straight", **fall)["tier"] == (
        "ordinary"
    )
    grown = facts(0.0, growth=90.0)
    assert reviewed(previous("ordinary"), grown)["tier"] == "potential"
    assert reviewed(previous("potential"), facts(60_000.0))["tier"] == "key"
    assert reviewed(previous("potential"), facts(0.0, growth=70.0))["reason"] == "unchanged"
    assert reviewed(previous("potential"), facts(0.0, growth=1.0), **fall)["tier"] == "ordinary"


def test_an_override_ends_on_its_day() -> None:
    manual = {
        "override_tier": "premium",
        "override_until": pd.Timestamp("2026-07-01"),
        "override_reason": "chairman's family",
    }
    held = previous("ordinary", **manual)
    runs = reviewed(held, facts(0.0))
    assert (runs["tier"], runs["reason"], runs["override_reason"]) == (
        "premium",
        "override",
        "chairman's family",
    )
    ended = reviewed(runs.to_frame().T, facts(0.0), "2026-07-02")
    assert (ended["tier"], ended["reason"]) == ("ordinary", "override_ended")
    assert pd.isna(ended["override_tier"])


def test_restricted_customers_wait_and_come_back_low() -> None:
    good = facts(60_000.0)
    assert reviewed(previous("restricted", "2026-01-01"), good)["reason"] == "reentry_wait"
    back = reviewed(previous("restricted", "2025-07-01"), good)
    assert (back["tier"], back["reason"], back["movement"]) == ("ordinary", "reentry", "up")
    near = reviewed(previous("restricted"), facts(-100.0))
    assert (near["tier"], near["reason"]) == ("restricted", "still_restricted")
    assert near["action"] == "cut_cost"


@pytest.mark.parametrize(
    ("known", "action"),
    [
        ({"credit_standing": "bad", "contribution": 5.0}, "cut_cost"),
        ({"credit_standing": "bad", "contribution": -5_000.0}, "exit"),
        ({"contribution": -5_000.0}, "reprice"),
    ],
)
def test_what_is_done_with_restricted_customers(known: dict[str, Any], action: str) -> None:
    row = reviewed(previous("key"), pd.DataFrame([known], index=[1]))
    assert (row["tier"], row["reason"], row["action"]) == ("restricted", "restrict", action)


def test_the_tiers_of_a_review_stand_in_the_order_of_the_ladder() -> None:
    after = review_tiers(previous("key"), facts(0.0), as_of=DAY)
    for name in ("before", "proposed", "tier"):
        assert after[name].cat.ordered
        assert list(after[name].cat.categories) == list(RANK)
    assert (after["proposed"] < after["before"]).all()


def test_customers_on_one_side_only_are_kept_and_reported() -> None:
    held = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])}, index=["old"])
    known = pd.DataFrame({"contribution": [60_000.0]}, index=["new"])
    after = review_tiers(held, known, as_of=DAY)
    assert after.loc["old", ["tier", "reason"]].tolist() == ["key", "no_facts"]
    assert after.loc["new", ["tier", "reason", "movement"]].tolist() == [
        "premium",
        "first",
        "first",
    ]
    assert after.loc["new", ["before"]].isna().all()
    assert str(after.loc["old", "since"].date()) == "2025-01-01"
    waiting = held.assign(grace_until=pd.Timestamp("2026-08-01"))
    kept = review_tiers(waiting, known, as_of=DAY).loc["old"]
    assert (kept["reason"], str(kept["grace_until"].date())) == ("no_facts", "2026-08-01")
    assert str(kept["next_review"].date()) == "2026-08-02"


def test_bad_reviews_are_reported() -> None:
    with pytest.raises(DataError, match="1 overrides without tier, reason or end date"):
        reviewed(previous("key", override_tier="premium"), facts(0.0))
    with pytest.raises(DataError, match="since: 1 dates after as_of 2026-07-01"):
        reviewed(previous("key", "2026-08-01"), facts(0.0))
    with pytest.raises(DataError, match=r"previous\.tier: "):
        reviewed(previous("gold"), facts(0.0))
    with pytest.raises(PolicyError, match=r"key_contribution_keep: 20000\.0 is above"):
        reviewed(previous("key"), facts(0.0), key_contribution_keep=20_000.0)
    equal = {"key_contribution_keep": "key_contribution",
             "potential_growth_keep": "potential_growth",
             "restricted_contribution_leave": "restricted_contribution",
             "restricted_risk_leave": "restricted_risk"}  # fmt: skip
    same = {keep: POLICY.value(line) for keep, line in equal.items()}
    assert reviewed(previous("key"), facts(60_000.0), **same)["tier"] == "premium"
    with pytest.raises(PolicyError, match="restricted_contribution_leave: below"):
        reviewed(previous("key"), facts(0.0), restricted_contribution_leave=-9_000.0)
    with pytest.raises(PolicyError, match="restricted_risk_leave: above"):
        reviewed(previous("key"), facts(0.0), restricted_risk_leave=90.0)


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 5), st.sampled_from(list(RANK))),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[:2],
    )
)
def test_migration_counts_every_step_once(rows: list[tuple[int, int, str]]) -> None:
    history = pd.DataFrame(rows, columns=["customer_id", "date", "tier"])
    history["date"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(history["date"], unit="D")
    moves = tier_migration(history)
    assert moves.to_numpy().sum() == len(rows) - history["customer_id"].nunique()
    expected: dict[tuple[str, str], int] = {}
    for _, part in history.sort_values("date").groupby("customer_id"):
        for pair in zip(part["tier"], part["tier"][1:], strict=False):
            expected[pair] = expected.get(pair, 0) + 1
    for (before, after), count in expected.items():
        assert moves.loc[before, after] == count
    left = moves.sum(axis=1)
    shares = tier_migration(history, shares=True)
    pd.testing.assert_frame_equal(shares, moves.div(left.where(left > 0, 1), axis=0))
    for table in (moves, shares):
        assert (table.index.name, table.columns.name) == ("before", "after")
        assert list(table.index) == list(table.columns) == list(RANK)[::-1]


def test_a_customer_twice_on_one_day_is_refused() -> None:
    twice = pd.DataFrame(
        {"customer_id": [1, 1], "tier": ["key", "key"], "date": pd.to_datetime([DAY, DAY])}
    )
    with pytest.raises(DataError, match=r"history\..*duplicate key"):
        tier_migration(twice)


def test_a_customer_without_a_tier_makes_no_move() -> None:
    """A lost customer who returns did not move from one tier to the other."""
    history = pd.DataFrame(
        {
            "customer_id": [1, 1, 1, 2, 2],
            "tier": ["key", None, "premium", "key", "premium"],
            "date": pd.to_datetime(
                ["2025-01-01", "2025-07-01", "2026-01-01", "2025-01-01", "2025-07-01"]
            ),
        }
    )
    moves = tier_migration(history)
    assert moves.to_numpy().sum() == 1
    assert moves.loc["key", "premium"] == 1
