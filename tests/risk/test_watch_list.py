"""Relationship risks and the watch list: levels, hysteresis, groups that are lifted, rest."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.risk import (
    assess_risks,
    find_groups,
    funding_concentration,
    review_watch_list,
    summarise_watch_list,
)
from bankcrm.risk.watch_list.assessment import LEVELS, RISKS

DAY = dt.date(2026, 6, 30)


def risks(**levels: tuple[str | None, int]) -> pd.DataFrame:
    """Level and number of raised risks, by customer (c7 is 7)."""
    return pd.DataFrame(
        {
            "risk_level": [v[0] for v in levels.values()],
            "raised_risks": [v[1] for v in levels.values()],
            "risk_reasons": ["" if v[0] in ("none", None) else "a reason" for v in levels.values()],
        },
        index=[int(k[1:]) for k in levels],
    )


FACTS = {
    "recorded_standing": "good", "loan_unpaid": False, "loan_in_debt": False,
    "penalty_interest": False, "operational_complaints": 0, "unsuitable_products": 0,
    "unsuitable_by": 0, "reputation_complaints": 0, "badly_solved": False, "funding_share": 0.001,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "risk", "level"),
    [
        ({}, "credit", "none"),
        ({"recorded_standing": "watch"}, "credit", "raised"),
        ({"recorded_standing": "watch", "loan_unpaid": True}, "credit", "high"),
        ({"operational_complaints": 1}, "operational", "raised"),
        ({"operational_complaints": 2}, "operational", "high"),
        ({"unsuitable_products": 1, "unsuitable_by": 1}, "market", "raised"),
        ({"unsuitable_products": 1, "unsuitable_by": 2}, "market", "high"),
        ({"badly_solved": True}, "reputation", "raised"),
        ({"reputation_complaints": 3}, "reputation", "high"),
        ({"funding_share": 0.02}, "liquidity", "raised"),
        ({"funding_share": 0.05}, "liquidity", "high"),
    ],
)
def test_levels(change: dict[str, object], risk: str, level: str) -> None:
    found = assess_risks(pd.DataFrame([FACTS | change]))
    others = {r: found[f"{r}_risk"].iloc[0] for r in RISKS if r != risk}
    assert found[f"{risk}_risk"].iloc[0] == level
    assert set(others.values()) == {"none"}
    assert found["risk_level"].iloc[0] == level
    assert (found["risk_reasons"].iloc[0] == "") == (level == "none")


def test_the_reasons_of_several_risks_are_told_in_their_order() -> None:
    changes: list[dict[str, object]] = [
        {"recorded_standing": "watch"}, {"operational_complaints": 1}, {"funding_share": 0.02},
    ]  # fmt: skip
    alone = assess_risks(pd.DataFrame([FACTS | c for c in changes]))["risk_reasons"].tolist()
    assert all(alone)
    chosen = [[i for i in range(3) if number >> i & 1] for number in range(8)]
    rows = [FACTS | {k: v for i in some for k, v in changes[i].items()} for some in chosen]
    found = assess_risks(pd.DataFrame(rows))
    places = [RISKS.index(r) for r in ("credit", "operational", "liquidity")]
    for some, reasons in zip(chosen, found["risk_reasons"], strict=True):
        ordered = sorted(some, key=lambda i: places[i])
        assert reasons == "; ".join(alone[i] for i in ordered)
    assert found["raised_risks"].tolist() == [len(some) for some in chosen]


def test_a_missing_fact_is_no_level() -> None:
    found = assess_risks(pd.DataFrame([FACTS | {"loan_unpaid": None, "recorded_standing": "bad"}]))
    assert found["credit_risk"].isna().all()
    assert found["risk_level"].tolist() == ["none"]
    grade = assess_risks(pd.DataFrame([FACTS | {"unsuitable_products": None}]))
    assert grade["market_risk"].isna().all()
    nothing = assess_risks(pd.DataFrame({"other": [1]}))
    assert nothing["risk_level"].isna().all()
    assert nothing["risk_reasons"].isna().all()


def test_entering_is_easier_than_leaving() -> None:
    first = review_watch_list(
        None, risks(c1=("high", 1), c2=("raised", 2), c3=("raised", 1), c4=("none", 0)), as_of=DAY
    )
    assert first["movement"].to_dict() == {1: "enter", 2: "enter"}
    assert first["owner"].to_dict() == {1: "risk", 2: "customer_service"}
    assert (first["next_review"] - pd.Timestamp(DAY)).dt.days.tolist() == [30, 90]
    calm = risks(c1=("raised", 1), c2=("none", 0), c3=("none", 0))
    soon = review_watch_list(first, calm, as_of=DAY + dt.timedelta(days=89))
    assert soon["movement"].to_dict() == {1: "stay", 2: "stay"}
    assert soon["rule"].to_dict() == {1: "stays-raised", 2: "stays-minimum"}
    later = review_watch_list(soon, calm, as_of=DAY + dt.timedelta(days=90))
    assert later["movement"].to_dict() == {1: "stay", 2: "leave"}
    assert later["next_review"].isna().to_dict() == {1: False, 2: True}
    gone = review_watch_list(later, calm, as_of=DAY + dt.timedelta(days=91))
    assert gone.index.tolist() == [1]
    assert gone["since"].dt.date.tolist() == [DAY]


def test_a_customer_whose_risks_are_not_known_stays() -> None:
    first = review_watch_list(None, risks(c1=("high", 1), c2=("high", 1)), as_of=DAY)
    later = review_watch_list(first, risks(c1=(None, 0)), as_of=DAY + dt.timedelta(days=400))
    assert later["movement"].tolist() == ["stay", "stay"]
    assert later["rule"].tolist() == ["not-known-stays"] * 2
    assert not len(review_watch_list(None, risks(c1=(None, 0)), as_of=DAY))


def test_a_customer_who_left_the_bank_leaves_the_list() -> None:
    first = review_watch_list(None, risks(c1=("high", 1), c2=("high", 1)), as_of=DAY)
    facts = risks(c1=(None, 0), c2=("high", 1), c3=(None, 0)).assign(
        is_customer=[False, True, False]
    )
    later = review_watch_list(first, facts, as_of=DAY + dt.timedelta(days=1))
    assert later["movement"].to_dict() == {1: "leave", 2: "stay"}
    assert later.loc[1, "rule"] == "gone"
    links = pd.DataFrame({"parent_id": [2], "child_id": [3], "link": ["controls"]})
    tied = review_watch_list(None, facts, as_of=DAY, groups=find_groups(links, as_of=DAY))
    assert tied.index.tolist() == [2], "nobody watches who is no customer"


def test_a_planned_review_is_not_put_off() -> None:
    first = review_watch_list(None, risks(c1=("high", 1), c2=("raised", 2)), as_of=DAY)
    facts = risks(c1=("raised", 1), c2=("high", 1))
    soon = review_watch_list(first, facts, as_of=DAY + dt.timedelta(days=10))
    wait = (soon["next_review"] - pd.Timestamp(DAY)).dt.days
    assert wait.to_dict() == {1: 30, 2: 40}, "the level rose, so the review comes earlier"
    then = review_watch_list(soon, facts, as_of=DAY + dt.timedelta(days=31))
    wait = (then["next_review"] - pd.Timestamp(DAY)).dt.days
    assert wait.to_dict() == {1: 121, 2: 40}, "after its day the next one is planned"


def test_one_bad_member_lifts_its_group_by_name() -> None:
    links = pd.DataFrame({"parent_id": [1, 1, 8], "child_id": [2, 3, 9], "link": "controls"})
    groups = find_groups(links, as_of=DAY)
    found = review_watch_list(
        None, risks(c2=("high", 1), c3=("none", 0), c9=("raised", 1)), as_of=DAY, groups=groups
    )
    # the parent is no customer, so nobody watches it
    assert found["lifted_by"].fillna("").to_dict() == {2: "", 3: "2"}
    assert found["level"].astype(str).to_dict() == {2: "high", 3: "raised"}
    assert found.loc[3, "reasons"] == "another member of the group has a high risk"
    better = risks(c2=("none", 0), c3=("none", 0))
    later = review_watch_list(found, better, as_of=DAY + dt.timedelta(days=90), groups=groups)
    assert later["movement"].astype(str).to_dict() == {2: "leave", 3: "leave"}


def test_owners_are_kept_and_named() -> None:
    found = review_watch_list(
        None, risks(c1=("high", 1), c2=("high", 1)), as_of=DAY, owners=pd.Series({1: "Wang"})
    )
    assert found["owner"].tolist() == ["Wang", "risk"]
    again = review_watch_list(found, risks(c1=("raised", 1), c2=("raised", 1)), as_of=DAY)
    assert again["owner"].tolist() == ["Wang", "risk"]


levels = st.sampled_from([*LEVELS, None])


@given(
    drawn=st.lists(st.tuples(levels, st.integers(0, 5)), min_size=1, max_size=8),
    days=st.integers(0, 200),
    tied=st.booleans(),
)
def test_the_list_comes_to_rest(drawn: list[tuple[str | None, int]], days: int, tied: bool) -> None:
    """On unchanged facts a second review of a day gives the list of the first, and a third too."""
    facts = risks(**{f"c{i}": v for i, v in enumerate(drawn)})
    links = pd.DataFrame({"parent_id": [0, 2], "child_id": [1, 3], "link": "controls"})
    groups = find_groups(links, as_of=DAY) if tied else None
    other = risks(**{f"c{i}": ("high", 1) for i in range(0, len(drawn), 2)})
    before = review_watch_list(None, other, as_of=DAY)
    day = DAY + dt.timedelta(days=days)
    first = review_watch_list(before, facts, as_of=day, groups=groups)
    second = review_watch_list(first, facts, as_of=day, groups=groups)
    third = review_watch_list(second, facts, as_of=day, groups=groups)
    pd.testing.assert_frame_equal(second, third, check_dtype=False)
    listed = first[first["movement"] != "leave"]
    same = ["level", "reasons", "lifted_by", "since", "owner", "next_review"]
    pd.testing.assert_frame_equal(second[same], listed[same], check_dtype=False)
    assert set(second["movement"]) <= {"stay"}


def test_the_days_of_reviews_go_forward() -> None:
    first = review_watch_list(None, risks(c1=("high", 1)), as_of=DAY)
    with pytest.raises(DataError, match="review the days in their order"):
        review_watch_list(first, risks(c1=("high", 1)), as_of="2026-01-01")


def test_the_yearly_summary() -> None:
    watch, parts = None, []
    for day, facts in (
        ("2025-12-31", risks(c1=("high", 1), c2=("high", 1))),
        ("2026-03-31", risks(c1=("high", 1), c2=("none", 0), c3=("raised", 3))),
        ("2026-12-31", risks(c1=("none", 0), c2=("none", 0), c3=("high", 1))),
    ):
        watch = review_watch_list(watch, facts, as_of=day)
        parts.append(watch.reset_index().assign(review_date=pd.Timestamp(day)))
    found = summarise_watch_list(pd.concat(parts, ignore_index=True))
    assert found.loc[2025].tolist() == [1, 2, 0, 2, 2, 0]
    assert found.loc[2026].tolist() == [2, 1, 2, 1, 1, 275]


# Funding


def test_the_herfindahl_index_of_four() -> None:
    deposits = pd.DataFrame({"customer_id": [1, 2, 3, 4], "balance": [30.0, 30, 20, 20]})
    links = pd.DataFrame({"parent_id": [3], "child_id": [4], "link": ["controls"]})
    found = funding_concentration(deposits, groups=find_groups(links, as_of=DAY), top=2)
    assert found["hhi"].round(10).tolist() == [0.26, 0.34]
    assert found["top_share"].tolist() == [0.6, 0.7]
    assert found["largest"].tolist() == ["1", "G3"]
    assert found["holders"].tolist() == [4, 3]


def test_concentration_by_group_is_no_lower() -> None:
    """Depositors in groups of five, as research measured them."""
    draw = np.random.default_rng(5)
    size = 10_000
    money = draw.lognormal(8, 1.5, size)
    deposits = pd.DataFrame({"customer_id": np.arange(size), "balance": money})
    head = np.arange(size) // 5 * 5
    other = np.arange(size) != head
    links = pd.DataFrame({"parent_id": head[other], "child_id": np.arange(size)[other],
                          "link": "controls"})  # fmt: skip
    found = funding_concentration(deposits, groups=find_groups(links, as_of=DAY))
    assert found.loc["group", "hhi"] > found.loc["customer", "hhi"]
    assert found.loc["group", "top_share"] >= found.loc["customer", "top_share"]
    assert found["total"].tolist() == pytest.approx([deposits["balance"].sum()] * 2)


def test_terms_and_wrong_arguments() -> None:
    deposits = pd.DataFrame(
        {"customer_id": [1, 1, 2], "balance": [10.0, 20, 30],
         "matures": pd.to_datetime(["2026-09-01", "2026-09-30", None])}
    )  # fmt: skip
    found = funding_concentration(deposits)
    assert found["month"].tolist() == ["2026-09"]
    assert found["month_share"].tolist() == [0.5]
    assert funding_concentration(deposits.assign(balance=0.0))["hhi"].isna().all()
    with pytest.raises(DataError, match="top"):
        funding_concentration(deposits, top=0)


def test_every_table_is_proven() -> None:
    policy = default_policy("risk")
    for name in (*(f"{r}_risk" for r in RISKS), "watch_list", "tie", "conversion", "limit_state"):
        assert not [f for f in policy.table(name).check() if f.severity == "error"]
