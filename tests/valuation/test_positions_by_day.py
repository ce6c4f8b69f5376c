"""Positions of a period against an oracle that goes through every day of it."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.policy import default_policy
from bankcrm.valuation import positions_of

START, END = dt.date(2026, 1, 10), dt.date(2026, 2, 8)
PERIOD = [START + dt.timedelta(n) for n in range((END - START).days + 1)]
YEAR_DAYS = default_policy("valuation").value("year_days")
BANK_MADE = default_policy("valuation").value("bank_made_kinds")
LENT = {"mortgage", "consumer_loan"}
OWNERS = {1: "ann", 2: "ann", 3: "bob", 4: "cid"}

dates = st.dates(dt.date(2025, 12, 20), dt.date(2026, 2, 20))
money = st.integers(-500, 500).map(float)
accounts = st.fixed_dictionaries(
    {},
    optional={
        number: st.fixed_dictionaries(
            {
                "product": st.sampled_from(["demand", "fund", "mortgage"]),
                "opened_date": dates,
                "closed_date": st.none() | dates,
                "rate": st.sampled_from([0.01, 0.02, np.nan]),
            }
        )
        for number in OWNERS
    },
)
balances = st.dictionaries(st.tuples(st.sampled_from([*OWNERS]), dates), money, max_size=8)
moves = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(["ann", "bob", "cid", "dan"]),
            "account_id": st.none() | st.sampled_from([*OWNERS]),
            "date": dates,
            "amount": money,
            "kind": st.sampled_from(["fee", "interest", "penalty_interest", "card", "cash_in"]),
            "channel": st.sampled_from([None, "branch", "mobile"]),
        }
    ),
    max_size=8,
)
loans = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(["ann", "bob"]),
            "account_id": st.none() | st.sampled_from([1, 3]),
            "granted_date": st.dates(dt.date(2025, 10, 1), dt.date(2026, 2, 20)),
            "amount": st.sampled_from([1200.0, 90.0]),
            "term_months": st.sampled_from([1, 2, 12]),
            "outstanding": st.sampled_from([np.nan, 0.0, 40.0, 700.0]),
            "status": st.sampled_from(["running", "in_debt"]),
            "product": st.sampled_from([None, "business_loan"]),
        }
    ),
    max_size=4,
)
contacts = st.lists(
    st.fixed_dictionaries(
        {
            "customer_id": st.sampled_from(["eve", "fay"]),
            "date": dates,
            "channel": st.sampled_from(["phone", "branch"]),
        }
    ),
    max_size=4,
)
Rows = dict[tuple[str, str, int | None, int | None], dict[str, Any]]


def by_hand(frames: dict[str, Any]) -> Rows:
    """Position (customer, product, account, loan) -> its figures; zeros may be left out."""
    found: Rows = {}
    owner, entries = owners(frames), entries_by_hand(frames)
    lent_out = {row["account_id"] for row in frames["loans"]}
    for number, customer in sorted(owner.items()):
        account = frames["accounts"].get(number, {})
        product = account.get("product", "demand")
        opens = max(account.get("opened_date", START), START)
        closes = min(account.get("closed_date") or END, END)
        inside, seen = closes >= opens, seen_by_hand(frames, number)
        levels = []
        for day in PERIOD:
            past = [d for d in seen if d <= day]
            levels.append(seen[max(past)] if past and day <= closes else 0.0)
        own_days = max((closes - opens).days + 1, 1)
        credit, debit = (sum(max(sign * v, 0.0) for v in levels) / own_days for sign in (1, -1))
        lent = product in LENT
        row = {
            "start": opens if inside else START,
            "end": closes if inside else END,
            "balance": 0.0 if lent else credit,
            "outstanding": debit if not lent else 0.0 if number in lent_out else credit + debit,
            **entries.pop((customer, number), {}),
        }
        if inside or any(v for n, v in row.items() if n not in ("start", "end")):
            row["rate_charged" if lent else "rate_paid"] = account.get("rate", np.nan)
            found[customer, product, number, None] = row
    for name in ("interest_paid", "interest_received"):  # no booking is 0 where others have one
        books = {key[1] for key, row in found.items() if name in row}
        for key, row in found.items():
            if key[1] in books:
                row.setdefault(name, 0.0)
    for (customer, _), its in entries.items():
        if any(its.values()):
            found[customer, "none", None, None] = {"start": START, "end": END, **its}
    for contact in frames["contacts"]:
        if START <= contact["date"] <= END:
            empty = {"start": START, "end": END}
            row = found.setdefault((contact["customer_id"], "none", None, None), empty)
            row[f"n_{contact['channel']}"] = row.get(f"n_{contact['channel']}", 0.0) + 1
    for number, loan in enumerate(frames["loans"]):
        row = loan_by_hand(loan)
        if row:
            lent = frames["accounts"].get(loan["account_id"], {}).get("product")
            product = loan["product"] or (lent if lent in LENT else "consumer_loan")
            found[loan["customer_id"], product, None, number] = row
    return found


def owners(frames: dict[str, Any]) -> dict[int, str]:
    """Account -> its owner; that of the first transaction where nothing else names it."""
    first = {row["account_id"]: row["customer_id"] for row in reversed(frames["transactions"])}
    known = {*frames["accounts"], *(number for number, _ in frames["balances"])}
    return {a: c for a, c in first.items() if a} | {a: OWNERS[a] for a in known}


def seen_by_hand(frames: dict[str, Any], number: int) -> dict[dt.date, float]:
    """Day -> the balance of an account: as recorded, else the sum of all amounts up to it."""
    if frames["balances"]:
        return {day: value for (a, day), value in frames["balances"].items() if a == number}
    rows = [row for row in frames["transactions"] if row["account_id"] == number]
    days = {row["date"] for row in rows}
    return {day: sum(r["amount"] for r in rows if r["date"] <= day) for day in days}


def entries_by_hand(frames: dict[str, Any]) -> dict[tuple[str, int | None], dict[str, float]]:
    """Customer and own account, if any -> fees, booked interest and counts of activities."""
    found: dict[tuple[str, int | None], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    owner = owners(frames)
    for row in frames["transactions"]:
        if START <= row["date"] <= END:
            customer, number = row["customer_id"], row["account_id"]
            its = found[customer, number if number and owner[number] == customer else None]
            if row["kind"] == "interest":
                its["interest_paid"] += row["amount"]
            if row["kind"] in ("fee", "penalty_interest"):
                name = "fees" if row["kind"] == "fee" else "interest_received"
                its[name] -= row["amount"]
            if row["kind"] not in BANK_MADE:
                its[f"n_{row['channel'] or row['kind']}"] += 1
    return found


def loan_by_hand(loan: dict[str, Any]) -> dict[str, Any] | None:
    """The average of what is lent, day by day; None for a loan that is not out."""
    if loan["granted_date"] > END:
        return None
    granted, length = loan["granted_date"], loan["term_months"] * YEAR_DAYS / 12
    begins = max(granted, START)

    def planned(day: dt.date) -> float:
        """The mean of a straight line that ends at 0, over the day."""
        from_, to = ((day - granted).days / length, ((day - granted).days + 1) / length)
        part = max(min(to, 1.0) - from_, 0.0) / (to - from_)
        return float(loan["amount"] * part * (1 - (from_ + min(to, 1.0)) / 2))

    days = [d for d in PERIOD if d >= begins]
    average, left = sum(map(planned, days)) / len(days), loan["outstanding"]
    if not np.isnan(left):
        average = max(average + left - planned(END), 0.0)
    if not (average > 0 or left > 0):
        return None
    return {"start": begins, "end": END, "outstanding": average, "ead": left,
            "tenor_months": loan["term_months"], "status": loan["status"]}  # fmt: skip


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame | None:
    """A canonical frame; dates become days."""
    if not rows:
        return None
    frame = pd.DataFrame(rows)
    for name in frame:
        if str(name).endswith("date"):
            frame[name] = pd.to_datetime(frame[name])
    return frame.astype({"account_id": "Int64"} if "account_id" in frame else {})


@given(accounts, balances, moves, loans, contacts)
def test_positions_are_those_of_a_loop_over_days(
    accounts: dict[int, dict[str, Any]],
    balances: dict[tuple[int, dt.date], float],
    transactions: list[dict[str, Any]],
    loans: list[dict[str, Any]],
    contacts: list[dict[str, Any]],
) -> None:
    given = {"accounts": accounts, "balances": balances, "transactions": transactions,
             "loans": loans, "contacts": contacts}  # fmt: skip
    owned = [{"account_id": a, "customer_id": OWNERS[a], **row} for a, row in accounts.items()]
    seen = [
        {"account_id": a, "customer_id": OWNERS[a], "date": day, "balance": value}
        for (a, day), value in balances.items()
    ]
    lent = [{"loan_id": i, **row} for i, row in enumerate(loans)]
    found = positions_of(
        accounts=frame_of(owned),
        balances=frame_of(seen),
        transactions=frame_of(transactions),
        loans=frame_of(lent),
        contacts=frame_of(contacts),
        start=START,
        end=END,
    )
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    keys = [
        (
            row.pop("customer_id"),
            row.pop("product"),
            row.pop("account_id"),
            row.pop("loan_id", None),
        )
        for row in rows
    ]
    expected = by_hand(given)
    assert sorted(keys, key=str) == sorted(expected, key=str)
    for key, row in zip(keys, rows, strict=True):
        shown = {n: v for n, v in row.items() if v not in (None, 0)}
        whole = {n: v for n, v in expected[key].items() if not (v == 0 or v != v)}
        days = {n: pd.Timestamp(whole.pop(n)) for n in ("start", "end")}
        assert {n: shown.pop(n) for n in days} == days
        assert shown.pop("status", None) == whole.pop("status", None)
        assert shown == pytest.approx(whole, rel=1e-9, abs=1e-9)
        for name in ("interest_paid", "interest_received"):  # 0 and unknown are not the same
            assert (row.get(name) is None) == (name not in expected[key])
    late = {
        name: sum(not START <= row["date"] <= END for row in given[name])
        for name in ("transactions", "contacts")
        if given[name]
    }
    rows_of = {"loans": 3, "accounts": 2}
    kept = {name: sum(k[place] is not None for k in keys) for name, place in rows_of.items()}
    if loans:
        late["loans"] = len(loans) - kept["loans"]
    assert found.attrs["left_out"] == late | {"accounts": len(owners(given)) - kept["accounts"]}
