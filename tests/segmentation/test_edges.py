"""Results at exactly a limit, one below and one above it, and loops over single rows."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError, InfeasibleError, PolicyError, UnknownNameError
from bankcrm.frames.findings import findings_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    TIER_LADDER,
    Clusters,
    allocate,
    assign_clusters,
    assign_managers,
    average_balance,
    cluster_rules,
    customer_view,
    fit_clusters,
    fit_rfm,
    fit_tiers,
    memberships,
    portrait,
    product_use,
    profile,
    review_tiers,
    rfm_metrics,
    rfm_migration,
    segment_attributes,
    segment_rfm,
    tier_migration,
    weighted_rfm,
)
from bankcrm.segmentation.clusters.kmeans import converge, nearest
from bankcrm.segmentation.clusters.model import Cluster
from bankcrm.segmentation.clusters.naming import medians, names_of, spreads
from bankcrm.segmentation.clusters.rules import _between
from bankcrm.segmentation.clusters.scales import FeatureScale, fit_scales
from bankcrm.segmentation.clusters.stability import silhouette
from bankcrm.segmentation.rfm.sums import Movements, count_days, sums_of
from bankcrm.segmentation.rfm.thresholds import RfmCuts, RfmThresholds
from bankcrm.segmentation.tiers.lines import TierLines

DAY = dt.date(2026, 6, 30)
POLICY = default_policy("segmentation")
words = st.sampled_from


def after(days: int) -> dt.date:
    return DAY + dt.timedelta(days)


def nulls(frame: pd.DataFrame) -> list[list[Any]]:
    """The rows as lists, each null as None."""
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


# RFM


def moves(rows: list[tuple[Any, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_sums_are_rounded_to_a_ten_thousandth() -> None:
    found = sums_of(Movements(np.array([0, 0, 1]), np.array([1, 2, 1]),
                              np.array([0.00004, 0.00004, 0.00004])), 3)  # fmt: skip
    assert found.money.tolist() == [0.0001, 0.0, 0.0]
    assert found.visits.tolist() == [2, 1, 0]
    assert found.last.tolist() == [2, 1, np.iinfo(np.int64).min]
    assert {str(v.dtype) for v in (found.visits, found.last)} == {"int64"}


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(-3, 3), st.booleans()), max_size=9),
    visits=st.booleans(),
)
def test_days_are_counted_once(rows: list[tuple[int, int, bool]], visits: bool) -> None:
    code = np.array([r[0] for r in rows], np.int64)
    day = np.array([r[1] for r in rows], np.int64)
    seen = np.array([r[2] for r in rows], np.bool_) if visits else None
    found = count_days(Movements(code, day, np.ones(len(rows)), seen), day, 5)
    expected = [len({r[1] for r in rows if r[0] == c and (r[2] or not visits)}) for c in range(5)]
    assert found.tolist() == expected
    assert str(found.dtype) == "int64"


def test_left_out_rows_are_named_up_to_five() -> None:
    late = moves([(1, "2026-06-30", 1.0)] + [(1, "2026-07-01", 1.0)] * 6)
    (fault,) = findings_of(rfm_metrics(late, as_of=DAY))
    assert (fault.count, fault.examples) == (6, tuple(f"row {i}" for i in range(1, 6)))
    early = moves([(1, "2026-06-29", 1.0), (1, "2026-06-28", 1.0), (1, "2026-06-30", 2.0)])
    found = rfm_metrics(early, as_of=DAY, window=2)
    assert found.loc[1].tolist() == [0, 2, 3.0]
    assert [f.expected for f in findings_of(found)] == ["dates from 2026-06-29 on"]
    refused = moves([(1, "2026-06-29", 1.0), (1, "2026-06-28", -1.0), (1, "2026-06-30", 0.0)])
    with pytest.raises(DataError, match=r"refund in 1 rows \(first at position 1\)"):
        rfm_metrics(refused, as_of=DAY, refunds="refuse")
    with pytest.raises(DataError, match=r"zero_amount in 1 rows \(first at position 2\)"):
        rfm_metrics(refused, as_of=DAY, zeros="refuse")
    with pytest.raises(DataError, match="missing column amt; present: customer_id, date, amount"):
        rfm_metrics(refused, as_of=DAY, amount="amt")
    assert rfm_metrics(refused, as_of=DAY, refunds="net", zeros="leave_out").loc[1].tolist() == [
        1, 1, 0.0,
    ]  # fmt: skip


@pytest.mark.parametrize("ids", [[0, 3, 3], [1, 4, 4], [-1, 2, 2], [3, 0, 0], [10**15, 2, 2]])
def test_whole_numbers_of_any_size_number_customers(ids: list[int]) -> None:
    """The greatest id is one below the number of rows, equal to it, above it; or one is below 0."""
    rows = moves([(i, "2026-06-29", 2.0) for i in ids])
    found = rfm_metrics(rows, as_of=DAY)
    assert found.index.tolist() == sorted(set(ids))
    assert found["frequency"].to_dict() == {ids[0]: 1, ids[1]: 2}


METRICS = pd.DataFrame({"recency_days": [0, 1, 2, 3], "frequency": [1, 2, 3, 4],
                        "monetary": [1.0, 2.0, 3.0, 4.0]})  # fmt: skip


@pytest.mark.parametrize("bins", [1, 2, 9, 10])
def test_there_are_two_to_nine_scores(bins: int) -> None:
    cuts = RfmCuts(*[tuple(float(i) for i in range(bins - 1))] * 3)
    if bins in (2, 9):
        assert fit_rfm(METRICS, bins=bins).bins == RfmThresholds("fixed", bins, (cuts,)).bins
        return
    with pytest.raises(PolicyError, match=f"bins: {bins}; expected 2 to 9"):
        fit_rfm(METRICS, bins=bins)
    with pytest.raises(PolicyError, match=f"bins: {bins}; expected 2 to 9"):
        RfmThresholds("fixed", bins, (cuts,))


def test_a_limit_of_recency_is_at_least_a_day() -> None:
    assert fit_rfm(METRICS, bins=2, lost_after_days=1).groups[0].recency_days == (0.0,)
    assert fit_rfm(METRICS, bins=3, lost_after_days=2).groups[0].recency_days == (0.5, 1.0)
    for days in (0.99, 0, -1, math.inf):
        with pytest.raises(PolicyError, match="expected at least 1 day"):
            fit_rfm(METRICS, lost_after_days=days)


def test_cut_points_of_a_bank_rise_and_those_that_are_fitted_may_repeat() -> None:
    same = RfmCuts((1.0, 1.0), (1.0, 2.0), (1.0, 2.0))
    (finding,) = RfmThresholds("quantile", 3, (same,)).findings
    assert (finding.column, finding.count, finding.examples) == ("recency_days", 0, ("all: 1, 1",))
    assert finding.expected == "2 different cut points for 3 scores"
    assert (
        RfmThresholds("quantile", 3, (attrs.evolve(same, recency_days=(1.0, 1.5)),)).findings == ()
    )
    for method, said in (("fixed", True), ("quantile", False), ("r-rfm", False)):
        if said:
            with pytest.raises(PolicyError, match=r"groups\[0\].recency_days: .* not increasing"):
                RfmThresholds(method, 3, (same,))
        else:
            assert RfmThresholds(method, 3, (same,)).bins == 3
    with pytest.raises(PolicyError, match="not increasing"):
        RfmThresholds("quantile", 3, (attrs.evolve(same, recency_days=(1.0, 0.5)),))
    two = (attrs.evolve(same, group="a"), attrs.evolve(same, group="b"))
    assert RfmThresholds("quantile", 3, two, "line").by == "line"
    for groups, by, text in ((two, None, "by: missing"), ((), None, "at least one"),
                             ((two[0], two[0]), "line", "each once")):  # fmt: skip
        with pytest.raises(PolicyError, match=text):
            RfmThresholds("quantile", 3, groups, by)
    page = RfmThresholds("quantile", 3, two, "line")._repr_html_()
    assert "<td>a</td>" in page
    assert "RFM cut points" in page
    assert "<td>all</td>" in RfmThresholds("quantile", 3, (same,))._repr_html_()


def test_values_that_are_not_finite_are_named_by_their_customers() -> None:
    wrong = METRICS.assign(monetary=[np.inf, 1.0, np.nan, -np.inf]).set_axis([7, 8, 9, 10])
    with pytest.raises(DataError, match=r"metrics\.monetary: 3 values are not finite \(7, 9, 10\)"):
        fit_rfm(wrong)


@pytest.mark.parametrize(
    ("digit", "fits"), [(0, False), (1, True), (9, True), (10, False), (1.5, False), (-1, False)]
)
def test_a_score_is_a_digit_from_1(digit: float, fits: bool) -> None:
    """A segment is of five scores; the digits of a policy of its own go up to nine."""
    scores = pd.DataFrame({"r": [digit, 5], "f": [5, 1], "m": [1, 5]})
    if not fits:
        with pytest.raises(DataError, match=r"scores\.r: wrong score"):
            segment_rfm(scores)
        return
    if digit <= 5:
        named = segment_rfm(scores.set_axis([4, 3]))
        assert named.index.tolist() == [4, 3]
        assert named["segment"].tolist()[1] == segment_rfm(scores.iloc[[1]])["segment"].iloc[0]
        floats = segment_rfm(scores.astype(float))
        assert floats["segment"].tolist() == named["segment"].tolist()


def test_weights_are_three_numbers_of_which_one_is_not_zero() -> None:
    scores = pd.DataFrame({"r": [5], "f": [3], "m": [1]})
    assert weighted_rfm(scores, weights=(0, 0, 1)).tolist() == [1.0]
    assert weighted_rfm(scores, weights=(1e308, 1e308, 0)).tolist() == [4.0]
    for weights in ((0, 0, 0), (1, 1), (-0.5, 1, 1), (np.nan, 1, 1), (np.inf, 1, 1)):
        with pytest.raises(DataError, match="expected three numbers >= 0, not all zero"):
            weighted_rfm(scores, weights=weights)


@given(
    before=st.dictionaries(st.integers(1, 5), words(["a", "b", None]), max_size=5),
    later=st.dictionaries(st.integers(1, 5), words(["b", "c", None]), max_size=5),
)
def test_segments_move_one_customer_after_the_other(
    before: dict[int, str | None], later: dict[int, str | None]
) -> None:
    frames = [
        pd.DataFrame({"segment": pd.Series(d, dtype=object)}).astype({"segment": object})
        for d in (before, later)
    ]
    found = rfm_migration(*frames)
    expected: dict[tuple[str, str], int] = defaultdict(int)
    for customer in {*before, *later}:
        expected[before.get(customer) or "absent", later.get(customer) or "absent"] += 1
    names = sorted({v for d in (before, later) for v in d.values() if v})
    names = [*(n for n in names if n in before.values()),
             *(n for n in names if n not in before.values())]  # fmt: skip
    if any("absent" in pair for pair in expected):
        names.append("absent")
    assert found.index.tolist() == found.columns.tolist() == names
    assert {(a, b): found.loc[a, b] for a in names for b in names if found.loc[a, b]} == expected


# Tiers


def test_the_keep_lines_of_fitted_lines_lie_below_and_the_leave_line_above() -> None:
    lines = TierLines(premium=500.0, key=-200.0, restricted=-300.0, band=0.25, customers=9)
    policy = lines.apply()
    assert {n: policy.value(n) for n in (
        "premium_contribution", "premium_contribution_keep", "key_contribution",
        "key_contribution_keep", "restricted_contribution", "restricted_contribution_leave",
    )} == {
        "premium_contribution": 500.0, "premium_contribution_keep": 375.0,
        "key_contribution": -200.0, "key_contribution_keep": -250.0,
        "restricted_contribution": -300.0, "restricted_contribution_leave": -225.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "keep", "wrong"),
    [("premium_contribution", "premium_contribution_keep", 1), ("key_score", "key_score_keep", 1),
     ("potential_growth", "potential_growth_keep", 1),
     ("restricted_contribution", "restricted_contribution_leave", -1),
     ("restricted_risk", "restricted_risk_leave", 1)],
)  # fmt: skip
def test_a_keep_line_may_lie_on_its_entry_line(line: str, keep: str, wrong: int) -> None:
    held = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])}, index=[1])
    facts = pd.DataFrame({"contribution": [1.0]}, index=[1])
    on = POLICY.with_parameters(**{keep: POLICY.value(line)})
    assert len(review_tiers(held, facts, as_of=DAY, policy=on)) == 1
    over = POLICY.with_parameters(**{keep: POLICY.value(line) + wrong})
    with pytest.raises(PolicyError, match=rf"parameters\.{keep}"):
        review_tiers(held, facts, as_of=DAY, policy=over)


def test_the_next_review_and_the_grace_of_each_customer() -> None:
    """The review comes on the day after the grace, or on the first of the next half-year."""
    held = pd.DataFrame(
        {"tier": ["key"] * 4, "since": pd.to_datetime(["2025-01-01"] * 4),
         "grace_until": pd.to_datetime([None, "2026-06-29", "2026-06-30", "2026-07-01"])},
        index=[1, 2, 3, 4],
    )  # fmt: skip
    facts = pd.DataFrame({"contribution": [7_000.0] * 4}, index=[1, 2, 3, 4])
    found = review_tiers(held, facts, as_of=DAY)
    length = int(POLICY.value("grace_days"))
    assert found["reason"].tolist() == ["grace_start", "downgrade", "grace", "grace"]
    grace = [after(length), None, after(0), after(1)]
    assert nulls(found[["grace_until"]]) == [[g and pd.Timestamp(g)] for g in grace]
    first = pd.Timestamp("2026-07-01")
    assert found["next_review"].tolist() == [first, first, first, first]
    later = review_tiers(held.iloc[[0]], facts.iloc[[0]], as_of="2026-01-01")
    ends = pd.Timestamp("2026-01-01") + pd.Timedelta(days=length + 1)
    assert later["next_review"].tolist() == [min(ends, first)]
    wait = review_tiers(held.iloc[[3]], facts.iloc[[3]], as_of="2026-06-28")
    assert wait["next_review"].tolist() == [first]


def test_shares_of_moves_are_those_of_their_row() -> None:
    rows = [(1, "key", "key"), (2, "key", "premium"), (3, "key", "key"), (4, "premium", "key")]
    history = pd.DataFrame(
        [
            (c, d, t)
            for c, *ts in rows
            for d, t in zip(("2026-01-01", "2026-07-01"), ts, strict=True)
        ],
        columns=["customer_id", "date", "tier"],
    )
    history["date"] = pd.to_datetime(history["date"])
    found = tier_migration(history, shares=True)
    assert found.loc["key", ["premium", "key"]].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert found.loc["premium", "key"] == 1.0
    assert found.drop(index=["key", "premium"]).eq(0.0).all(axis=None)
    assert {str(d) for d in found.dtypes} == {"float64"}
    assert {str(d) for d in tier_migration(history).dtypes} == {"int64"}


# Clubs

CLUBS = ["none", "wealth", "private_banking"]
MEMBER = st.fixed_dictionaries(
    {
        "daily_average": words([None, 0.0, 5e6, 8e6, 1e7, 2e7]),
        "monthly_average": words([None, 0.0, 5e6, 6e6, 2e7]),
        "club": words([None, *CLUBS]),
        "term_end": words([after(n) for n in (-91, -90, -89, -1, 0, 29, 30, 31, 200)]),
    }
)


def membership_by_hand(row: dict[str, Any]) -> list[Any]:
    """What happens to one member, by definition."""
    daily, monthly = row["daily_average"], row["monthly_average"]
    wealth = POLICY.value("wealth_average")
    if daily is not None and daily >= POLICY.value("private_banking_average"):
        now = 2
    else:
        now = int((daily if monthly is None else monthly) >= wealth)
    held, end = CLUBS.index(row["club"] or "none"), row["term_end"]
    start: dt.date | None = after(-400) if row["club"] not in (None, "none") else row.get("start")
    grace, left = end + dt.timedelta(90), (end - DAY).days
    if not held:
        status = "join" if now else "none"
    elif now > held:
        status = "move_up"
    elif left > 30:
        status = "member"
    elif now == held:
        status = "renew" if left < 0 else "member"
    elif left >= 0:
        status = "notice"
    elif grace >= DAY:
        status = "grace"
    else:
        status = "step_down" if now else "expired"
    if status in ("join", "move_up", "renew", "step_down"):
        held, start, end = now, DAY, DAY  # a term of the half-year that ends today
    elif status in ("none", "expired"):
        held, start, end = 0, None, None
    return [
        CLUBS[held], CLUBS[now], status, start, end, end and end - dt.timedelta(30),
        grace if status == "grace" else None, D7, end and (end - DAY).days,
    ]  # fmt: skip


D7 = dt.date(2026, 7, 1)


@settings(max_examples=15)
@given(rows=st.lists(MEMBER, min_size=1, max_size=9))
@example(
    rows=[
        {"daily_average": 0.0, "monthly_average": 0.0, "club": club, "term_end": after(days)}
        for club in ("wealth", "private_banking")
        for days in (-91, -90, -1, 0, 30, 31)
    ]
)
def test_the_membership_of_each_customer(rows: list[dict[str, Any]]) -> None:
    rows = [r for r in rows if not r["daily_average"] is r["monthly_average"] is None]
    if not rows:
        return
    frame = pd.DataFrame(rows).assign(term_start=pd.Timestamp(after(-400)))
    frame = frame.astype({"daily_average": float, "monthly_average": float, "club": object})
    frame["term_end"] = pd.to_datetime(frame["term_end"])
    frame["term_start"] = frame["term_start"].where(~frame["club"].isin([None, "none"]))
    found = memberships(frame, as_of=DAY)
    got = nulls(found.drop(columns="status_rule"))
    plain = [[v.date() if isinstance(v, pd.Timestamp) else v for v in row] for row in got]
    assert plain == [membership_by_hand(r) for r in rows]


def test_members_need_a_term_and_an_average() -> None:
    with pytest.raises(DataError, match="daily_average or monthly_average; present: club"):
        memberships(pd.DataFrame({"club": ["wealth"]}), as_of=DAY)
    with pytest.raises(DataError, match="present: none"):
        memberships(pd.DataFrame(index=[1]), as_of=DAY)
    rows = pd.DataFrame({"daily_average": 0.0, "club": ["wealth", "none", None, "wealth"],
                         "term_start": pd.Timestamp(DAY),
                         "term_end": pd.to_datetime([None, None, None, "2026-12-31"])})  # fmt: skip
    with pytest.raises(DataError, match=r"1 members without a term \(0\)"):
        memberships(rows, as_of=DAY)


# Products, balances, attributes, views

ACCOUNT = st.tuples(
    st.integers(1, 3), words(["fund", "wealth", "credit_card", "demand", "business_loan"]),
    words([None, after(-1), after(0), after(1)]), words([None, after(-1), after(0), after(1)]),
)  # fmt: skip


@given(rows=st.lists(ACCOUNT, min_size=1, max_size=9))
def test_the_products_of_each_customer(rows: list[tuple[Any, ...]]) -> None:
    rows = [r for r in rows if r[2] is None or r[3] is None or r[3] >= r[2]]
    if not rows:
        return
    frame = pd.DataFrame(rows, columns=["customer_id", "product", "opened_date", "closed_date"])
    for name in ("opened_date", "closed_date"):
        frame[name] = pd.to_datetime(frame[name])
    found = product_use(frame.assign(account_id=range(len(rows))), as_of=DAY)
    need = POLICY.value("product_need")
    for customer in {r[0] for r in rows}:
        live = [
            r[1] for r in rows
            if r[0] == customer and (r[2] is None or r[2] <= DAY) and (r[3] is None or r[3] > DAY)
        ]  # fmt: skip
        needs = [need[p] for p in live if p in need]
        row = found.loc[customer]
        assert row["products"] == len(set(live))
        for name, word in (("invest_share", "investing"), ("consume_share", "consuming"),
                           ("save_share", "saving")):  # fmt: skip
            if needs:
                assert row[name] == needs.count(word) / len(needs)
            else:
                assert np.isnan(row[name])
    assert found.index.tolist() == sorted({r[0] for r in rows})
    assert str(found["products"].dtype) == "int64"


def test_balances_at_the_edges_of_their_period() -> None:
    rows = pd.DataFrame(
        {"customer_id": [1, 1, 1, 2, 2], "account_id": [1, 1, 1, 2, 2],
         "balance": [3.0, 6, 9, 5, 7],
         "date": pd.to_datetime(["2026-01-30", "2026-02-02", "2026-02-03", "2026-02-02",
                                 "2026-02-04"])}
    )  # fmt: skip
    asked = {"start": "2026-01-31", "end": "2026-02-03"}
    found = average_balance(rows, **asked)
    assert found["average_balance"].tolist() == [(3 + 3 + 6 + 9) / 4, (5 + 5) / 4]
    assert found["days_known"].tolist() == [4, 2]
    (fault,) = findings_of(found)
    assert (fault.count, fault.expected) == (1, "dates up to 2026-02-03")
    known = average_balance(rows, before_first="leave_out", **asked)
    assert known["average_balance"].tolist() == [5.25, 5.0]
    months = average_balance(rows, method="monthly", **asked)
    assert months["average_balance"].tolist() == [3.0, 6.0, 0.0, round(10 / 3, 4)]
    assert months["days_known"].tolist() == [1, 3, 0, 2]
    assert months.index.get_level_values("month").strftime("%Y-%m-%d").tolist() == [
        "2026-01-01", "2026-02-01",
    ] * 2  # fmt: skip
    one = average_balance(rows, start="2026-02-03", end="2026-02-03")
    assert one["average_balance"].tolist() == [9.0, 5.0]
    with pytest.raises(DataError, match="end 2026-02-02 lies before start 2026-02-03"):
        average_balance(rows, start="2026-02-03", end="2026-02-02")


def test_ages_on_the_day() -> None:
    people = pd.DataFrame(
        {"kind": ["person", "person", "company"], "birth_date": pd.to_datetime(["2026-06-30", None,
         None]), "contract_date": pd.to_datetime(["2026-06-30", "2023-07-01", None]),
         "region": ["local", "abroad", None]}, index=[1, 2, 3],
    )  # fmt: skip
    assert len(segment_attributes(people, as_of=DAY)) == 3
    for name in ("birth_date", "contract_date"):
        late = people.assign(**{name: pd.Timestamp("2026-07-01")})
        with pytest.raises(DataError, match=rf"customers\.{name}: 3 dates after as_of 2026-06-30"):
            segment_attributes(late, as_of=DAY)


def test_a_view_names_the_first_five_who_are_missing() -> None:
    one = pd.DataFrame({"a": range(7)}, index=range(7))
    view = customer_view({"all": one, "some": pd.Series([1.0], index=[6], name="b")})
    (fault,) = findings_of(view)
    assert (fault.count, fault.examples) == (6, tuple(f"customer {c}" for c in range(5)))
    assert view.index.name == "customer_id"


def test_the_profile_of_numbers_words_and_truths() -> None:
    view = pd.DataFrame(
        {"tier": ["key", "key", None, "low"], "age": [1, 2, 3, None], "city": ["b", "a", "b", None],
         "app": pd.array([True, None, False, False], "boolean"), "zero": 0.0,
         "joined": pd.Timestamp(DAY), "name": "x"}
    )  # fmt: skip
    found = profile(view, by="tier")
    columns = ["customers", "known", "segment_value", "overall_value", "index"]
    rows = dict(zip(found.index, nulls(found[columns]), strict=True))
    assert rows[("(none)", "age", "")] == [1, 1, 3.0, 2.0, 1.5]
    assert rows[("key", "age", "")] == [2, 2, 1.5, 2.0, 0.75]
    assert rows[("low", "age", "")] == [1, 0, None, 2.0, None]
    assert rows[("key", "city", "a")] == [2, 2, 0.5, 1 / 3, 1.5]
    assert rows[("low", "city", "b")] == [1, 0, None, 2 / 3, None]
    assert rows[("key", "app", "")] == [2, 1, 1.0, 1 / 3, 3.0]
    assert rows[("key", "zero", "")] == [2, 2, 0.0, 0.0, None]
    assert not [k for k in rows if k[1] in ("joined", "name")]
    assert profile(view[["tier"]], by="tier").empty


# Clusters


def test_a_name_has_the_features_that_lie_half_a_deviation_off() -> None:
    z = np.array([[0.5, -0.49], [-0.5, 0.49], [0.49, -0.49]])
    assert names_of(z, ["a_b", "c"]) == ("high a b", "low a b", "ordinary")
    same = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, -1.0], [3.0, 2.0, -1.0], [np.nan, 0.0, 0.0]])
    assert names_of(same, ["a", "b", "c"]) == (
        "high a, high b, high c", "high a, high b, low c", "high a, high b, low c (2)", "ordinary",
    )  # fmt: skip
    assert names_of(np.array([[0.0], [0.0], [0.0]]), ["a"]) == (
        "ordinary", "ordinary (2)", "ordinary (3)",
    )  # fmt: skip


def test_medians_and_spreads_of_what_is_known() -> None:
    values = np.array([[1.0, 2.0, np.nan, 10.0, 5.0], [7.0, 7.0, 7.0, 7.0, 9.0]])
    found = medians(values, np.array([0, 0, 0, 2, -1]), 4)
    assert found[0].tolist() == [1.5, 7.0]
    assert found[2].tolist() == [10.0, 7.0]
    assert np.isnan(found[[1, 3]]).all()
    middle, width = spreads(values)
    assert middle.tolist() == [3.5, 7.0]
    assert width[0] == pytest.approx(1.482602218505602 * 2.0)
    assert width[1] == pytest.approx(0.8)  # half of them are equal: the deviation itself


@pytest.mark.parametrize("kind", ["robust", "log", "none"])
def test_a_scale_goes_there_and_back(kind: Any) -> None:
    values = np.array([[-9.0, -1.0, 0.0, 3.0, 80.0]])
    (scale,) = fit_scales(values, ["a"], kind)
    there = scale.scaled(values[0])
    plain = {
        "none": values[0], "robust": values[0] / (1.482602218505602 * 3.0),
        "log": np.sign(values[0]) * np.log1p(np.abs(values[0]))
        / (1.482602218505602 * np.log(4.0)),
    }[kind]  # fmt: skip
    assert there == pytest.approx(plain)
    assert scale.value(there) == pytest.approx(values[0])


def small_clusters(*centres: tuple[float, float], stability: float = 0.75) -> Clusters:
    scales = (FeatureScale("a", "none", 0.0, 1.0), FeatureScale("b", "robust", 1.0, 2.0))
    made = tuple(Cluster(f"c{i}", c, 2 + i, stability) for i, c in enumerate(centres))
    return Clusters(scales, made, 1.0, 0.5, (), sum(c.size for c in made), 1, 7)


@given(
    rows=st.lists(st.tuples(words([None, -1.0, 0.0, 2.0, 7.5]), words([None, 0.0, 3.0, 9.0])),
                  min_size=1, max_size=8)
)  # fmt: skip
def test_each_row_goes_to_the_nearest_centre(rows: list[tuple[float | None, float | None]]) -> None:
    clusters = small_clusters((0.0, 0.0), (2.0, 1.0), (7.0, 4.0))
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float).set_axis(range(50, 50 + len(rows)))
    found = assign_clusters(frame, clusters)
    expected: list[list[Any]] = []
    for a, b in rows:
        if a is None or b is None:
            expected.append([None, None, None, "a" if a is None else "b"])
            continue
        gaps = [math.dist((a, (b - 1) / 2), c.centre) for c in clusters.clusters]
        order = sorted(range(3), key=lambda i: (gaps[i], i))
        expected.append([f"c{order[0]}", pytest.approx(gaps[order[0]]), f"c{order[1]}", None])
    assert nulls(found) == expected
    assert found.index.tolist() == frame.index.tolist()
    assert found.attrs["clusters"] == clusters.fingerprint


def test_clusters_in_figures() -> None:
    clusters = small_clusters((0.0, 0.0), (2.0, 1.5))
    frame = clusters.frame()
    assert frame["size"].tolist() == [2, 3]
    assert frame["share"].tolist() == [0.4, 0.6]
    assert frame["a"].tolist() == [0.0, 2.0]
    assert frame["b"].tolist() == [1.0, 4.0]
    assert clusters.stable
    assert not small_clusters((0.0, 0.0), (1.0, 1.0), stability=0.7499).stable
    assert repr(clusters) == "<Clusters: clusters 2, rows 5, stable yes>"
    moved = small_clusters((0.1, 0.0), (2.0, 1.5), (90.0, 90.0))
    named = moved.matched(clusters.renamed({"c0": "first", "c1": "c2"}))
    assert named.names == ("first", "c2", "c2 (new)")
    with pytest.raises(DataError, match="expected one for each of 2 features"):
        attrs.evolve(clusters, clusters=(Cluster("x", (1.0, 2.0, 3.0), 1, 1.0),))


@pytest.mark.parametrize(
    ("low", "high", "between"),
    [(0, 1, 0.5), (0, 10, 5), (0.0, 0.5, 0.2), (1.0, math.nextafter(1.0, 2), None), (-7, -3, -5),
     (2.0**53, 2.0**54, 1.4e16), (2.0**52, 2.0**53 - 2, 7000000000000000),
     (999, 1001, 1000), (1e15, 3e15, 2000000000000000)],
)  # fmt: skip
def test_a_threshold_has_few_digits(low: float, high: float, between: float | None) -> None:
    found = _between(low, high)
    assert low < found <= high
    assert between is None or (found == between and type(found) is type(between))


def test_the_rules_of_three_clusters_and_their_price() -> None:
    frame = pd.DataFrame({"a": [0.0, 1, 2, 10, 11, 12, 30, 31, 32, 13]})
    made = tuple(Cluster(f"c{i}", (c,), 3, 1.0) for i, c in enumerate((1.0, 11.0, 31.0)))
    clusters = Clusters((FeatureScale("a", "none", 0.0, 1.0),), made, 1.0, 0.5, (), 10, 0, 1)
    found = cluster_rules(frame, clusters)
    assert [(r.id, r.then, r.because) for r in found.table.rules] == [
        ("cluster_1", "c0", "a < 10"), ("cluster_2", "c1", "a [10..20)"),
        ("cluster_3", "c2", "a >= 20"),
    ]  # fmt: skip
    assert (found.agreement, found.rows) == (1.0, 10)
    # The squared distances to the means of the rows, by those to the centres.
    assert found.price == pytest.approx((2 + 5 + 2) / (2 + 6 + 2))
    with pytest.raises(DataError, match="no row has all features"):
        cluster_rules(frame.assign(a=np.nan), clusters)


def test_the_silhouette_of_a_row_alone_is_nothing() -> None:
    points = np.array([[0.0, 1.0, 9.0]])
    by_hand = [(9 - 1) / 9, (8 - 1) / 8, 0.0]
    found = silhouette(points, np.array([0, 0, 1], np.int16), 2)
    assert found == pytest.approx(sum(by_hand) / 3)
    three = silhouette(points, np.array([0, 0, 2], np.int16), 3)
    assert three == pytest.approx(sum(by_hand) / 3), "a cluster without rows changes nothing"


def test_centres_settle_on_the_means_of_their_rows() -> None:
    points = np.array([[0.0, 1.0, 2.0, 10.0, 12.0], [0.0, 0.0, 3.0, 5.0, 5.0]])
    centres, inertia = converge(points, points[:, [0, 1]].T)
    label, gap = nearest(points, centres)
    assert label.tolist() == [0, 0, 0, 1, 1]
    assert centres.tolist() == [[1.0, 1.0], [11.0, 5.0]]
    assert inertia == float(gap.sum()) == 10.0
    assert nearest(np.array([[1.0]]), np.array([[0.0], [2.0]]))[0].tolist() == [0], "the first"


def test_the_most_stable_number_of_equal_ones_is_the_largest() -> None:
    frame = pd.DataFrame({"a": [float(i % 4 * 100 + i // 4 % 3) for i in range(48)]})
    found = fit_clusters(frame, ["a"], ks=[2, 4], scales="none", seed=3)
    assert [t.k for t in found.trail] == [2, 4]
    assert len(found.clusters) == 4
    assert {c.size for c in found.clusters} == {12}
    assert [round(t.inertia, 6) for t in found.trail] == [round(2500 + 2 / 3, 6), round(2 / 3, 6)]
    assert (found.rows, found.left_out, found.seed) == (48, 0, 3)
    by_hand = sum((v % 100 - 1) ** 2 for v in frame["a"])
    assert found.inertia == pytest.approx(by_hand)
    for k in (2, 100):
        many = pd.DataFrame({"a": np.arange(100.0)})
        assert len(fit_clusters(many, ["a"], k=k, scales="none").clusters) == k


def test_a_portrait_tells_who_is_in_no_group() -> None:
    people = pd.DataFrame({"a": [1.0, 3.0, 100.0], "b": pd.array([True, None, False], "boolean")})
    found = portrait(people, [1, 1, None])
    assert found["rows"].tolist() == [2, 2]
    assert found["share"].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert found["known"].tolist() == [1.0, 0.5]
    assert found["value"].tolist() == [2.0, 1.0]
    assert found["overall"].tolist() == [3.0, 0.5]
    assert found["z"].tolist() == pytest.approx([-1 / (1.482602218505602 * 2), 1.0])


# Managers and budgets


def test_managers_in_the_order_of_the_tiers() -> None:
    """The better customer first, whatever it costs in moves; among equals nobody moves."""
    people = pd.DataFrame({"tier": ["ordinary", "premium", "key", "key"]}, index=[1, 2, 3, 4])
    staff = pd.DataFrame({"manager_id": [10, 20], "capacity": [1, 1],
                          "tiers": ["premium| key|ordinary", None]})  # fmt: skip
    found = assign_managers(people, staff, current=pd.Series({1: 10, 3: 10, 4: 20}))
    assert found["manager_id"].isna().sum() == 2
    assert found.loc[1, "status"] == "none"
    assert found.loc[2, "status"] == "assigned"
    assert found["status"].tolist().count("kept") == 1
    assert found.attrs["moved"] == 0
    none = assign_managers(people, staff.assign(capacity=0))
    fault = findings_of(none)[0]
    assert (fault.problem, fault.count, fault.examples) == (
        "no_capacity", 4, ("customer 1", "customer 2", "customer 3", "customer 4"),
    )  # fmt: skip
    many = pd.DataFrame({"tier": ["key"] * 7})
    (fault,) = findings_of(assign_managers(many, staff.iloc[:1]))
    assert (fault.count, fault.examples) == (6, tuple(f"customer {c}" for c in range(1, 6)))
    with pytest.raises(DataError, match=r"current: 2 customers with managers .* \(30, 40\)"):
        assign_managers(people, staff, current=pd.Series({1: 30, 2: 40}))


@pytest.mark.parametrize("tier", ["premium", "key", "potential", "ordinary", "restricted"])
def test_floors_and_caps_of_a_tier_are_kept_and_named(tier: str) -> None:
    rows = pd.DataFrame({"tier": ["ordinary", "ordinary", tier]})
    floors = dict(POLICY.value("allocation_floor")) | {tier: 0.005}
    caps = dict(POLICY.value("allocation_cap")) | {tier: 0.505 if tier != "ordinary" else 1.0}
    weights = dict(POLICY.value("allocation_weight")) | {tier: 0.001, "ordinary": 0.0}
    if tier == "ordinary":
        return
    policy = POLICY.with_parameters(allocation_floor=floors, allocation_cap=caps)
    plan = allocate(rows, budget=101, policy=policy)
    assert plan.tiers.loc[tier, ["floor", "cap"]].tolist() == [0, 52], (
        "whole parts of 0.5 and 51.005"
    )
    assert plan.customers["amount"].sum() == 101
    none = policy.with_parameters(allocation_weight=weights | {"ordinary": 1.0})
    least = allocate(rows, budget=1000, policy=none)
    assert least.tiers.loc[tier, "amount"] == 5
    assert "0.5% of the budget (its floor)" in least.explain(2)
    absent = allocate(rows.iloc[:2], budget=1000, policy=policy)
    assert absent.tiers.loc[tier, ["customers", "floor", "amount"]].tolist() == [0, 0, 0]
    assert not {"(its floor)", "(its cap)"} & set(absent.explain(0))


def test_bounds_of_customers_bound_their_tier() -> None:
    rows = pd.DataFrame(
        {"tier": ["premium", "key", "key"], "floor": [0, 30, 31], "cap": [5, 40, 40]}
    )
    plan = allocate(rows, budget=70)
    assert plan.tiers.loc[["premium", "key"], ["floor", "cap"]].to_numpy().tolist() == [
        [0, 5], [61, 70],
    ]  # fmt: skip
    assert plan.customers["amount"].tolist() == [5, 33, 32]
    assert plan.customers["amount"].between(rows["floor"], rows["cap"]).all()
    assert plan.tiers["weight"].to_dict() == {
        "premium": 1.0, "key": 2.0, "potential": 0.0, "ordinary": 0.0, "restricted": 0.0,
    }  # fmt: skip
    assert repr(plan) == "<ResourcePlan: budget 70, unit units, customers 3>"
    assert "70 units for 3 customers" in plan._repr_html_()
    assert plan.fingerprint[:12] in plan._repr_html_()
    assert allocate(rows.iloc[:1].drop(columns=["floor", "cap"]), budget=0).budget == 0
    with pytest.raises(UnknownNameError):
        plan.explain(9)


def test_ids_of_managers_stay_exact_beside_customers_without_one() -> None:
    """Beyond 2**53 a float is another manager."""
    staff = pd.DataFrame({"manager_id": [2**53, 2**53 + 1], "capacity": [5, 5]})
    people = pd.DataFrame({"tier": ["key", "key"]}, index=[1, 2])
    found = assign_managers(people, staff, current=pd.Series({1: 2**53 + 1}))
    assert found.loc[1].tolist()[:2] == [2**53 + 1, "kept"]


def test_rows_on_a_threshold_are_above_it_and_lost_rows_cut_no_more() -> None:
    """The row (10, 4) lies on the first threshold and decides the second one; (2, 6) does not."""
    rows = [(2, -12), (2, 6), (10, 4), (12, 0), (12, 0), (12, 9), (12, 10)]
    frame = pd.DataFrame(rows, columns=["a", "b"], dtype=float)
    scales = (FeatureScale("a", "none", 0.0, 1.0), FeatureScale("b", "none", 0.0, 1.0))
    centres = ((2.0, -3.0), (12.0, 0.0), (12.0, 10.0))
    made = tuple(Cluster(f"c{i}", c, 2, 1.0) for i, c in enumerate(centres))
    found = cluster_rules(frame, Clusters(scales, made, 1.0, 0.5, (), 7, 0, 1))
    assert [r.because for r in found.table.rules] == [
        "a < 10", "a >= 10 and b < 6", "a >= 10 and b >= 6",
    ]  # fmt: skip
    assert found.agreement == 1.0
    about_means, about_centres = 162 + 8 / 3 + 32 / 3 + 0.5, 162 + 20 + 1
    assert found.price == pytest.approx(about_means / about_centres)


def test_a_cluster_of_one_row_costs_nothing() -> None:
    frame = pd.DataFrame({"a": [1.0, 3.0, 50.0]})
    made = tuple(Cluster(f"c{i}", (c,), 1, 1.0) for i, c in enumerate((1.0, 50.0)))
    clusters = Clusters((FeatureScale("a", "none", 0.0, 1.0),), made, 1.0, 0.5, (), 3, 0, 1)
    assert cluster_rules(frame, clusters).price == pytest.approx(2 / 4)
    for values in ([1.0], [7.0, 7.0]):
        with pytest.raises(DataError, match="a: has one value in all rows"):
            fit_scales(np.array([values]), ["a"], "none")
    assert fit_scales(np.array([[7.0, 8.0]]), ["a"], "robust")[0].middle == 7.5


def test_words_that_have_an_order_keep_it() -> None:
    held = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])}, index=[1])
    found = review_tiers(held, pd.DataFrame({"contribution": [1.0]}, index=[1]), as_of=DAY)
    for name in ("before", "proposed", "tier", "override_tier"):
        assert found[name].cat.ordered
        assert found[name].cat.categories.tolist() == [t.value for t in TIER_LADDER]
    assert found["movement"].cat.ordered
    assert found["movement"].cat.categories.tolist() == ["down", "same", "up", "first"]
    club = memberships(pd.DataFrame({"daily_average": [2e7]}, index=[1]), as_of=DAY)
    for name in ("club", "qualifies_for"):
        assert club[name].cat.ordered
        assert club[name].cat.categories.tolist() == CLUBS


def test_what_a_customer_weighs_may_be_nothing_and_is_not_negative() -> None:
    rows = pd.DataFrame({"tier": ["potential", "potential"]})
    for name in ("potential", "weight"):
        some = rows.assign(**{name: [0.0, 0.5]})
        assert allocate(some, budget=4).customers["amount"].tolist() == [0, 4]
        with pytest.raises(DataError, match=name):
            allocate(rows.assign(**{name: [-0.01, 0.5]}), budget=4)
    assert allocate(rows.assign(cap=[0, 9]), budget=4).customers["amount"].tolist() == [0, 4]
    for name in ("cap", "floor"):
        with pytest.raises(DataError, match=name):
            allocate(rows.assign(**{name: [-1, 9]}), budget=4)
    mixed = pd.DataFrame({"tier": ["potential", "key", None], "potential": [2.0, None, None],
                          "weight": [None, None, None]})  # fmt: skip
    with pytest.raises(DataError, match=r"weight: null for 2 customers"):
        allocate(mixed.astype({"weight": float}), budget=4)
    plan = allocate(mixed.drop(columns="weight"), budget=5)
    assert plan.customers["weight"].tolist() == [2.0, 1.0, 0.0]
    with pytest.raises(InfeasibleError) as error:
        allocate(rows.assign(floor=[3, 3]), budget=4)
    assert "'potential': {" in str(error.value)
    assert "'premium': {" not in str(error.value), "tiers without customers are not listed"


def test_a_plan_of_nothing_and_who_it_is_of() -> None:
    rows = pd.DataFrame({"tier": ["key", None]}, index=[4, 5])
    plan = allocate(rows, budget=0)
    assert "gets 0 units, 0.0% of the budget" in plan.explain(4)
    assert f"policy {POLICY.fingerprint[:12]}<" in plan._repr_html_()
    nobody = allocate(rows.iloc[1:], budget=0)
    assert nobody.tiers["amount"].tolist() == [0] * 5
    more = plan.compare(allocate(pd.DataFrame({"tier": ["key"] * 2}, index=[4, 6]), budget=3))
    assert more[["before", "after", "change"]].to_numpy().tolist() == [
        [0, 2, 2], [0, 0, 0], [0, 1, 1],
    ]  # fmt: skip


def test_a_tier_that_the_policy_gives_no_priority_gets_no_manager() -> None:
    policy = POLICY.with_parameters(manager_priority={"premium": 0.5})
    people = pd.DataFrame({"tier": ["premium", "key"]}, index=[1, 2])
    staff = pd.DataFrame({"manager_id": [7, 8], "capacity": [2, 2]})
    found = assign_managers(people, staff, policy=policy, current=pd.Series({1: 7, 2: 7}))
    assert found["status"].tolist() == ["kept", "none"]
    assert nulls(found[["reason"]]) == [[None], ["no_manager_due"]]


def test_lines_that_coincide_are_refused_at_every_size() -> None:
    zero = [0.0] * 85 + [float(v) for v in range(1, 16)]
    with pytest.raises(DataError, match="the lines coincide"):
        fit_tiers(pd.DataFrame({"contribution": zero}))
    below = [-1.0] * 3 + zero[3:]
    assert fit_tiers(pd.DataFrame({"contribution": below})).restricted == -1.0
    shares = {"premium_share": 0.005, "key_share": 0.005, "restricted_share": 0.98}
    for size in (1, 10):
        with pytest.raises(DataError, match="the lines coincide"):
            fit_tiers(pd.DataFrame({"contribution": np.arange(float(size))}), **shares)
    two = fit_tiers(pd.DataFrame({"contribution": [-5.0, 1.0, 2.0]}), key_share=0.6)
    assert (two.premium, two.key, two.restricted, two.band, two.customers) == (
        2.0,
        1.0,
        -5.0,
        0.2,
        3,
    )
    assert fit_tiers(pd.DataFrame({"contribution": np.arange(-50.0, 50.0)}), band=0).band == 0


def test_features_and_scales_that_there_are_not() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], 5: [1.0, 2.0, 9.0], "b": [4.0, 4.0, 9.0]})
    for wrong in (5, "c"):
        with pytest.raises(UnknownNameError, match="feature"):
            fit_clusters(frame, [wrong], k=2)
        with pytest.raises(UnknownNameError, match="feature"):
            portrait(frame, [1, 1, 2], features=[wrong])
    for features in ([], ["a", "a"]):
        with pytest.raises(DataError, match="expected one or more columns, each once"):
            fit_clusters(frame, features, k=2)
    with pytest.raises(DataError, match="scales"):
        fit_clusters(frame, ["a"], k=2, scales=7)
    for seed in (-1, 1.5):
        with pytest.raises(DataError, match="seed"):
            fit_clusters(frame, ["a"], k=2, seed=seed)
    with pytest.raises(DataError, match=r"k: .*2 to 100"):
        fit_clusters(frame, ["a"], ks=[])
    assert fit_clusters(frame, ["a"], k=2, seed=0).seed == 0
    assert set(portrait(frame, [1, 1, 2])["feature"]) == {"a", "b"}
    one = portrait(frame[["b"]], pd.Categorical(["z", "y", "y"], ["z", "y", "x"]))
    assert one["group"].tolist() == ["z", "y"]
    tiny = portrait(frame[["a"]] / 4, [1, 2, 2])
    spread = 1.482602218505602 * 0.25
    assert tiny["z"].tolist() == pytest.approx([-0.25 / spread, 0.125 / spread])
    words_ = portrait(pd.DataFrame({"x": [0.0, 0.0, 0.25]}), ["b", "a", "a"])
    assert words_["z"].tolist() == pytest.approx([0.125 / np.std([0, 0, 0.25]), 0.0])
