"""Risks, the watch list and funding, read one row after the other; every column and type."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.book.view import Needs, view_of
from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.risk import (
    Groups,
    assess_risks,
    find_groups,
    funding_concentration,
    review_watch_list,
    summarise_watch_list,
)
from bankcrm.risk.collected import collected
from bankcrm.risk.watch_list.assessment import LEVELS, RISKS
from bankcrm.risk.watch_list.facts import Funding, risk_facts_of, with_funding

DAY = dt.date(2026, 6, 30)
POLICY = default_policy("risk")
MEMBERS = {1: "G1", 2: "G1", 3: "G1", 5: "G5", 6: "G5"}
words = st.sampled_from


@functools.cache
def tied_customers() -> Groups:
    return find_groups(
        pd.DataFrame({"parent_id": [1, 2, 5], "child_id": [2, 3, 6], "link": "controls"}), as_of=DAY
    )


def after(days: int) -> dt.date:
    return DAY + dt.timedelta(days)


# The five risks


def risk_rules(f: dict[str, Any]) -> dict[str, list[tuple[str, bool]]]:
    """The level of each reason and whether it holds, by risk."""
    return {
        "credit": [
            ("high", f["loan_unpaid"]), ("high", f["recorded_standing"] == "bad"),
            ("raised", f["recorded_standing"] == "watch"), ("raised", f["loan_in_debt"]),
            ("raised", f["penalty_interest"]),
        ],
        "operational": [("high", f["operational_complaints"] >= 2),
                        ("raised", f["operational_complaints"] > 0)],
        "market": [("high", f["unsuitable_by"] >= 2), ("raised", f["unsuitable_products"] > 0)],
        "reputation": [("high", f["reputation_complaints"] >= 2),
                       ("raised", f["reputation_complaints"] > 0), ("raised", f["badly_solved"])],
        "liquidity": [("high", f["funding_share"] >= 0.05), ("raised", f["funding_share"] >= 0.01)],
    }  # fmt: skip


USED = {
    "credit": {"recorded_standing", "loan_unpaid", "loan_in_debt", "penalty_interest"},
    "operational": {"operational_complaints"},
    "market": {"unsuitable_products", "unsuitable_by"},
    "reputation": {"reputation_complaints", "badly_solved"},
    "liquidity": {"funding_share"},
}
FACTS = {
    "recorded_standing": words(["good", "good", "watch", "bad", "not_stated"]),
    "loan_unpaid": words([False, False, True]), "loan_in_debt": words([False, False, True]),
    "penalty_interest": words([False, False, True]), "operational_complaints": st.integers(0, 3),
    "unsuitable_products": st.integers(0, 2), "unsuitable_by": st.integers(0, 3),
    "reputation_complaints": st.integers(0, 3), "badly_solved": words([False, False, True]),
    "funding_share": words([0.0, 0.0099, 0.01, 0.0499, 0.05, 1.0]),
}  # fmt: skip
PLACE = {None: -1, "none": 0, "raised": 1, "high": 2}


@given(
    rows=st.lists(
        st.tuples(st.fixed_dictionaries(FACTS), st.sets(words(sorted(FACTS)), max_size=2)),
        min_size=1, max_size=8,
    ),
    dropped=st.none() | words(sorted(FACTS)),
)  # fmt: skip
def test_the_risks_of_each_customer(
    rows: list[tuple[dict[str, Any], set[str]]], dropped: str | None
) -> None:
    """A risk is null where one of its facts is; the highest of the others is the level."""
    frame = pd.DataFrame([{k: None if k in gone else v for k, v in f.items()} for f, gone in rows])
    frame = frame.drop(columns=[] if dropped is None else dropped)
    frame.index = pd.Index([40 + i for i in range(len(rows))], name="customer_id")
    found = assess_risks(frame)
    because = {
        risk: [rule.because for rule in POLICY.table(f"{risk}_risk").rules] for risk in RISKS
    }
    for (_, row), (facts, gone) in zip(found.iterrows(), rows, strict=True):
        levels: dict[str, str | None] = {}
        reasons = []
        for risk, rules in risk_rules(facts).items():
            if USED[risk] & (gone | {dropped}):
                levels[risk] = None
                continue
            levels[risk] = max((level for level, holds in rules if holds), key=PLACE.__getitem__,
                               default="none")  # fmt: skip
            reasons += [b for b, (_, holds) in zip(because[risk], rules, strict=False) if holds]
        for risk, level in levels.items():
            assert level == (None if pd.isna(row[f"{risk}_risk"]) else row[f"{risk}_risk"])
        highest = max(levels.values(), key=PLACE.__getitem__)
        if highest is None:
            assert row[["risk_level", "raised_risks", "risk_reasons"]].isna().all()
            continue
        raised = sum(level in ("raised", "high") for level in levels.values())
        assert (row["risk_level"], row["raised_risks"]) == (highest, raised)
        assert row["risk_reasons"] == "; ".join(reasons)
    assert list(found) == [*(f"{r}_risk" for r in RISKS), "risk_level", "raised_risks",
                           "risk_reasons"]  # fmt: skip
    assert found.index.equals(frame.index)
    for name in (*(f"{r}_risk" for r in RISKS), "risk_level"):
        assert found[name].cat.ordered
        assert found[name].cat.categories.tolist() == list(LEVELS)
    assert str(found["raised_risks"].dtype) == "Int64"


def test_what_collected_rules_say_together() -> None:
    table = POLICY.table("credit_risk")
    rules = pd.Series(
        ["no-credit-risk", None, "standing-watch+loan-in-debt", "loan-unpaid", "standing-watch"],
        index=[5, 6, 7, 8, 9],
    )
    found = collected(rules, table, LEVELS)
    assert found["level"].tolist()[::2] == ["none", "raised", "raised"]
    assert found["level"].isna().tolist() == [False, True, False, False, False]
    assert found.at[8, "level"] == "high"
    assert found["signals"].tolist() == [0, pd.NA, 2, 1, 1]
    texts = found["reasons"].astype(object).where(found["reasons"].notna(), None).tolist()
    assert texts == [
        "", None, "credit standing under watch; a loan is in arrears",
        "a loan was not repaid at its end", "credit standing under watch",
    ]  # fmt: skip
    assert str(found["signals"].dtype) == "Int64"
    assert found["level"].cat.ordered
    assert found.index.tolist() == rules.index.tolist()


# Facts


@pytest.mark.parametrize(
    ("funding", "share"),
    [(None, None), (Funding(0.0), None), (Funding(0.5), 0.5), (Funding(1.0), 0.25)],
)
def test_the_part_of_all_deposits(funding: Funding | None, share: float | None) -> None:
    facts = pd.DataFrame({"deposits": [0.25, np.nan]}, index=[7, 8])
    found = with_funding(facts, funding)["funding_share"]
    assert str(found.dtype) == "float64"
    assert np.isnan(found[8])
    assert found[7] == share if share is not None else np.isnan(found[7])


def test_complaints_of_nobody_and_balances_of_no_product() -> None:
    """A complaint that names no customer counts for none; without products all deposits fund."""
    at = pd.Timestamp("2026-06-01", tz="Asia/Shanghai")
    frames = {
        "customers": pd.DataFrame({"customer_id": [1, 2]}),
        "complaints": pd.DataFrame({"customer_id": pd.array([None, 1], "Int64"), "received_at": at,
                                    "closed_at": at, "cause": "media", "satisfaction": 59}),
        "balances": pd.DataFrame({"account_id": [5, 6, 7], "customer_id": [1, 2, 2],
                                  "date": pd.Timestamp(DAY), "balance": [3.0, 4.0, -1.0]}),
    }  # fmt: skip
    needs = {
        "customers": Needs(("customer_id",)),
        "complaints": Needs(("customer_id", "received_at"), ("closed_at", "cause", "satisfaction")),
        "balances": Needs(("account_id", "customer_id", "date", "balance"), ("product",)),
    }
    found = risk_facts_of(view_of(frames, needs), np.datetime64(DAY), POLICY)
    assert found["reputation_complaints"].tolist() == [1, 0]
    assert found["badly_solved"].tolist() == [True, False]
    assert found["deposits"].tolist() == [3.0, 4.0]
    kinds = {name: str(kind) for name, kind in found.dtypes.items()}
    assert kinds == {
        "recorded_standing": "category",
        **dict.fromkeys(("loan_unpaid", "loan_in_debt", "penalty_interest"), "bool"),
        **dict.fromkeys(("operational_complaints", "reputation_complaints"), "int64"),
        "badly_solved": "bool", "unsuitable_products": "Int64", "unsuitable_by": "Int64",
        "deposits": "float64",
    }  # fmt: skip


# The watch list

HELD = st.fixed_dictionaries(
    {
        "since": words([after(-n) for n in (0, 1, 89, 90, 91)]),
        "movement": words(["enter", "stay", "leave"]),
        "owner": words([None, "Wang"]),
        "next_review": words([None, *(after(n) for n in (-1, 0, 1, 29, 30, 31, 89, 90, 91))]),
    }
)
RISK = st.fixed_dictionaries(
    {
        "risk_level": words([None, *LEVELS]),
        "raised_risks": st.integers(0, 3),
        "risk_reasons": words(["", "a reason", None]),
        "is_customer": st.booleans(),
    }
)
LIFTED = "another member of the group has a high risk"


def reviewed(
    held: dict[int, dict[str, Any]], risks: dict[int, dict[str, Any]], tied: bool,
    owners: dict[int, str],
) -> dict[int, dict[str, Any]]:  # fmt: skip
    """The review of each customer by definition."""
    held = {c: h for c, h in held.items() if h["movement"] != "leave"}
    high = [c for c in sorted(risks) if risks[c]["risk_level"] == "high"]
    found = {}
    for customer in sorted({*held, *risks}):
        risk = risks.get(customer, {})
        level = risk.get("risk_level")
        old = held.get(customer)
        by = next((c for c in high if tied and customer not in high
                   and MEMBERS.get(c, c) == MEMBERS.get(customer)), None)  # fmt: skip
        if not risk.get("is_customer", True):
            decided = ("leave", "gone") if old else None
        elif level is None and old:
            decided = ("stay", "not-known-stays")
        elif level is None and by is None:
            decided = None
        elif old and level in ("raised", "high"):
            decided = ("stay", "stays-raised")
        elif old and by is not None:
            decided = ("stay", "stays-lifted")
        elif old and (DAY - old["since"]).days < 90:
            decided = ("stay", "stays-minimum")
        elif old:
            decided = ("leave", "leaves")
        elif by is not None:
            decided = ("enter", "enters-lifted")
        elif level == "high":
            decided = ("enter", "enters-high")
        elif level == "raised" and risk["raised_risks"] >= 2:
            decided = ("enter", "enters-several")
        else:
            decided = None
        if decided is None:
            continue
        at = LEVELS[max(PLACE[level], 0 if by is None else 1, 0)]
        due = after({"high": 30, "raised": 90, "none": 90}[at])
        planned = old and old["next_review"]
        reasons = [risk.get("risk_reasons") or "", LIFTED if by is not None else ""]
        named = {"high": "risk", "raised": "customer_service", "none": "customer_service"}[at]
        found[customer] = {
            "movement": decided[0], "rule": decided[1], "level": at,
            "reasons": "; ".join(r for r in reasons if r),
            "lifted_by": None if by is None else str(by),
            "since": old["since"] if old else DAY,
            "owner": owners.get(customer) or (old and old["owner"]) or named,
            "next_review": None if decided[0] == "leave"
            else min(planned, due) if planned and planned >= DAY else due,
        }  # fmt: skip
    return found


@given(
    held=st.dictionaries(st.integers(1, 7), HELD, max_size=6),
    risks=st.dictionaries(st.integers(1, 8), RISK, max_size=8),
    tied=st.booleans(),
    owners=st.dictionaries(st.integers(1, 8), words(["Li", "Wu"]), max_size=3),
)
@example(
    held={2: {"since": after(-90), "movement": "stay", "owner": None, "next_review": after(0)}},
    risks={c: {"risk_level": w, "raised_risks": 2, "risk_reasons": "r", "is_customer": True}
           for c, w in ((1, "high"), (2, "none"), (3, "high"), (5, None), (6, "high"))},
    tied=True, owners={},
)  # fmt: skip
def test_the_review_of_each_customer(
    held: dict[int, dict[str, Any]], risks: dict[int, dict[str, Any]], tied: bool,
    owners: dict[int, str],
) -> None:  # fmt: skip
    risks = {c: r | {"raised_risks": 0 if r["risk_level"] in (None, "none") else
                     max(1, r["raised_risks"])} for c, r in risks.items()}  # fmt: skip
    before = pd.DataFrame(
        [held[c] for c in held], index=pd.Index(list(held), dtype="int64"),
        columns=["since", "movement", "owner", "next_review"],
    )  # fmt: skip
    before = before.astype({"since": "datetime64[s]", "next_review": "datetime64[s]"})
    today = pd.DataFrame(
        [risks[c] for c in risks], index=pd.Index(list(risks), dtype="int64"),
        columns=["risk_level", "raised_risks", "risk_reasons", "is_customer"],
    )  # fmt: skip
    named = pd.Series(owners, dtype=object) if owners else None
    found = review_watch_list(before, today, as_of=DAY, groups=tied_customers() if tied else None,
                              owners=named)  # fmt: skip
    plain = found.astype(object).where(found.notna(), None)
    rows = {int(c): dict(zip(plain, v, strict=True))
            for c, v in zip(plain.index, plain.to_numpy(), strict=True)}  # fmt: skip
    for row in rows.values():
        for name in ("since", "next_review"):
            row[name] = row[name] and row[name].date()
    assert rows == reviewed(held, risks, tied, owners)
    assert found.index.name == "customer_id"
    assert found["level"].cat.ordered
    assert {str(found[n].dtype) for n in ("since", "next_review")} == {"datetime64[s]"}
    assert found["movement"].cat.categories.tolist() == ["enter", "stay", "leave"]


def test_a_list_from_tomorrow_is_refused_and_one_of_today_is_not() -> None:
    nobody = pd.DataFrame({"risk_level": ["none"], "raised_risks": [0]}, index=[9])
    since = pd.DataFrame({"since": pd.to_datetime([after(0)] + [after(1)] * 7)}, index=range(8))
    assert review_watch_list(since.iloc[:1], nobody, as_of=DAY)["movement"].tolist() == ["stay"]
    with pytest.raises(DataError, match=r"^previous\.since: 7 customers .* 2026-06-30 \(1, 2, 3"):
        review_watch_list(since, nobody, as_of=DAY)
    with pytest.raises(DataError, match="raised_risks"):
        review_watch_list(None, nobody.assign(raised_risks=-1), as_of=DAY)


HISTORY = st.tuples(
    words([dt.date(2024, 12, 31), dt.date(2025, 1, 1), dt.date(2025, 12, 31), dt.date(2026, 1, 1)]),
    st.integers(1, 4), words(["enter", "stay", "leave"]), words(LEVELS),
    words([dt.date(2024, 1, 1), dt.date(2024, 12, 31)]),
)  # fmt: skip


@given(history=st.lists(HISTORY, min_size=1, max_size=12, unique_by=lambda h: h[:2]))
def test_the_years_of_the_watch_list(history: list[tuple[Any, ...]]) -> None:
    names = ["review_date", "customer_id", "movement", "level", "since"]
    frame = pd.DataFrame(history, columns=names)
    for name in ("review_date", "since"):
        frame[name] = pd.to_datetime(frame[name])
    found = summarise_watch_list(frame)
    expected = {}
    for year in sorted({h[0].year for h in history}):
        own = [h for h in history if h[0].year == year]
        last = max(h[0] for h in own)
        listed = [h for h in own if h[0] == last and h[2] != "leave"]
        expected[year] = [
            len({h[0] for h in own}), sum(h[2] == "enter" for h in own),
            sum(h[2] == "leave" for h in own), len(listed), sum(h[3] == "high" for h in listed),
            max(((h[0] - h[4]).days for h in listed), default=0),
        ]  # fmt: skip
    assert {int(y): r.tolist() for y, r in found.iterrows()} == expected
    assert list(found) == ["reviews", "entered", "left", "on_list", "high", "longest_days"]
    assert {str(k) for k in found.dtypes} == {"int64"}
    assert found.index.name == "year"


# Funding

DEPOSIT = st.tuples(
    words([1, 2, 3, 4, 5, 6, 10]), words([0.0, 0.25, 0.5, 30.0]),
    words([None, dt.date(2026, 8, 31), dt.date(2026, 9, 1), dt.date(2026, 9, 30),
           dt.date(2027, 9, 1)]),
)  # fmt: skip


@given(deposits=st.lists(DEPOSIT, max_size=9), grouped=st.booleans(), top=st.integers(1, 4),
       dated=st.booleans())  # fmt: skip
def test_the_concentration_of_deposits(
    deposits: list[tuple[int, float, dt.date | None]], grouped: bool, top: int, dated: bool
) -> None:
    frame = pd.DataFrame(deposits, columns=["customer_id", "balance", "matures"])
    frame = frame.astype({"customer_id": "int64", "balance": float})
    frame["matures"] = pd.to_datetime(frame["matures"])
    frame = frame if dated else frame.drop(columns="matures")
    found = funding_concentration(frame, groups=tied_customers() if grouped else None, top=top)
    total = sum(d[1] for d in deposits)
    months: dict[str, float] = defaultdict(float)
    for _, balance, matures in deposits:
        if matures and dated:
            months[f"{matures:%Y-%m}"] += balance
    month = min(months, key=lambda m: (-months[m], m)) if months and total else None
    assert found.index.tolist() == (["customer", "group"] if grouped else ["customer"])
    assert found.index.name == "by"
    for name, row in found.iterrows():
        sums: dict[str, float] = defaultdict(float)
        for customer, balance, _ in deposits:
            subject = MEMBERS.get(customer, str(customer)) if name == "group" else str(customer)
            sums[subject] += balance
        ordered = sorted(sums, key=lambda s: (-sums[s], s))
        assert (row["holders"], row["total"]) == (len(sums), total)
        if not total:
            assert row.drop(["holders", "total"]).isna().all()
            continue
        assert row["top_share"] == pytest.approx(sum(sums[s] for s in ordered[:top]) / total)
        assert row["hhi"] == pytest.approx(sum((v / total) ** 2 for v in sums.values()))
        assert (row["largest"], row["largest_share"]) == (ordered[0], sums[ordered[0]] / total)
        if month is None:
            assert row["month"] is None
            assert np.isnan(row["month_share"])
        else:
            assert (row["month"], row["month_share"]) == (month, months[month] / total)
    kinds = {str(found[n].dtype) for n in ("total", "top_share", "hhi", "largest_share")}
    assert kinds == {"float64"}


def test_a_deposit_may_be_nothing_and_is_not_negative() -> None:
    for wrong in (0, -1, True, 1.5, "1"):
        with pytest.raises(DataError, match=r"^top: expected a whole number"):
            funding_concentration(pd.DataFrame({"customer_id": [1], "balance": [1.0]}), top=wrong)
    with pytest.raises(DataError, match=r"deposits\.balance"):
        funding_concentration(pd.DataFrame({"customer_id": [1], "balance": [-0.01]}))
    many = pd.DataFrame({"customer_id": range(11), "balance": [2.0] * 10 + [1.0]})
    assert funding_concentration(many)["top_share"].tolist() == [20 / 21], "ten by default"
