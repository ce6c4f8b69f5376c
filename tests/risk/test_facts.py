"""The facts of risks, read one customer after the other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.book.view import Needs, view_of
from bankcrm.policy import default_policy
from bankcrm.risk.watch_list.facts import risk_facts_of

DAY = dt.date(2026, 6, 30)
POLICY = default_policy("risk")
NEEDS = {
    "customers": Needs(("customer_id",), ("credit_standing", "risk_grade")),
    "loans": Needs(("customer_id", "status")),
    "transactions": Needs(("customer_id", "date", "kind")),
    "complaints": Needs(("customer_id", "received_at"), ("closed_at", "cause", "satisfaction")),
    "accounts": Needs(("customer_id", "account_id", "product", "opened_date"), ("closed_date",)),
    "balances": Needs(("account_id", "customer_id", "date", "balance"), ("product",)),
}
customer = st.integers(1, 4)
# One year and the day: the borders of the window, and days about them.
days = st.sampled_from([DAY - dt.timedelta(n) for n in (-1, 0, 1, 200, 364, 365, 366)])
words = st.sampled_from
PEOPLE = st.fixed_dictionaries(
    {"credit_standing": words(["good", "watch", "bad", None]),
     "risk_grade": words(["C1", "C2", "C4", None])}
)  # fmt: skip
ROWS: dict[str, dict[str, Any]] = {
    "loans": {"customer_id": customer, "status": words(["running", "unpaid", "in_debt"])},
    "transactions": {"customer_id": customer, "date": days,
                     "kind": words(["penalty_interest", "card"])},
    "complaints": {"customer_id": customer, "received_at": days,
                   "closed_at": st.one_of(st.none(), days),
                   "cause": words(["transfer", "media", "fees"]),
                   "satisfaction": words([59, 60, None])},
    "accounts": {"customer_id": customer, "product": words(["demand", "wealth", "fund", "card"]),
                 "opened_date": days, "closed_date": st.one_of(st.none(), days)},
    "balances": {"account_id": st.integers(1, 6), "date": days, "balance": st.integers(-50, 90)},
}  # fmt: skip


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    for name in frame.columns[frame.columns.str.contains("date")]:
        frame[name] = pd.to_datetime(frame[name])
    for name in frame.columns[frame.columns.str.endswith("_at")]:
        frame[name] = pd.to_datetime(frame[name]).dt.tz_localize("Asia/Shanghai")
    return frame


@settings(max_examples=12)
@given(st.lists(PEOPLE, min_size=4, max_size=4),
       st.fixed_dictionaries({
           name: st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=9)
           for name, fields in ROWS.items()
       }))  # fmt: skip
def test_facts_are_read_one_customer_after_the_other(
    people: list[dict[str, Any]], rows: dict[str, list[dict[str, Any]]]
) -> None:
    balances = {(b["account_id"], b["date"]): b for b in rows["balances"]}
    # The owner of an account is the rest of its number, and its product goes with it.
    rows["balances"] = [
        b
        | {
            "customer_id": b["account_id"] % 4 + 1,
            "product": ["demand", "fund"][b["account_id"] % 2],
        }
        for b in balances.values()
    ]
    rows["accounts"] = [a | {"account_id": 10 + i} for i, a in enumerate(rows["accounts"])]
    frames = {name: frame_of(found) for name, found in rows.items()}
    frames["customers"] = pd.DataFrame(people).assign(customer_id=[1, 2, 3, 4])
    found = risk_facts_of(view_of(frames, NEEDS), np.datetime64(DAY), POLICY)
    for number, person in enumerate(people, 1):
        own = {n: [r for r in f if r["customer_id"] == number] for n, f in rows.items()}
        assert plain(found.loc[number]) == expected(person, own)


def plain(row: pd.Series) -> dict[str, Any]:
    return {name: None if pd.isna(value) else value for name, value in row.items()}


def expected(person: dict[str, Any], own: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    def lately(day: dt.date) -> bool:
        return 0 <= (DAY - day).days < 365

    statuses = {loan["status"] for loan in own["loans"]}
    cases = [c for c in own["complaints"] if lately(c["received_at"])]
    grades, products = POLICY.value("customer_grades"), POLICY.value("product_grades")
    grade = grades.get(person["risk_grade"])
    live = [
        products.get(a["product"], 0) for a in own["accounts"]
        if a["opened_date"] <= DAY and not (a["closed_date"] and a["closed_date"] <= DAY)
    ]  # fmt: skip
    above = [p - grade for p in live if grade and p > grade]
    last: dict[int, dict[str, Any]] = {}
    for balance in sorted(own["balances"], key=lambda b: b["date"]):
        if balance["date"] <= DAY and balance["product"] in POLICY.value("funding_products"):
            last[balance["account_id"]] = balance
    return {
        "recorded_standing": person["credit_standing"] or "not_stated",
        "loan_unpaid": "unpaid" in statuses,
        "loan_in_debt": "in_debt" in statuses,
        "penalty_interest": any(
            m["kind"] == "penalty_interest" and lately(m["date"]) for m in own["transactions"]
        ),
        "operational_complaints": sum(c["cause"] == "transfer" for c in cases),
        "reputation_complaints": sum(c["cause"] == "media" for c in cases),
        "badly_solved": any(
            c["satisfaction"] == 59 and c["closed_at"] and c["closed_at"] <= DAY for c in cases
        ),
        "unsuitable_products": len(above) if grade else None,
        "unsuitable_by": max(above, default=0) if grade else None,
        "deposits": sum(max(b["balance"], 0) for b in last.values()),
    }


def test_a_book_without_these_frames_has_no_risks() -> None:
    people = pd.DataFrame({"customer_id": [1], "risk_grade": ["C1"]})
    found = risk_facts_of(view_of({"customers": people}, NEEDS), np.datetime64(DAY), POLICY)
    nobody = expected({"credit_standing": None, "risk_grade": None}, {name: [] for name in ROWS})
    assert plain(found.loc[1]) == nobody | {"deposits": None}
