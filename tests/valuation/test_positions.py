"""Positions from a book's frames: conservation, missing frames, what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bankcrm.book.balances import average_outstanding
from bankcrm.book.view import day_number
from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.valuation import contribution, positions_of

START, END = np.datetime64("2026-01-01"), np.datetime64("2026-03-31")


def book() -> dict[str, pd.DataFrame]:
    day = pd.to_datetime
    return {
        "accounts": pd.DataFrame(
            {
                "account_id": [1, 2, 3, 4],
                "customer_id": ["ann", "ann", "bob", "cid"],
                "product": ["demand", "fund", "mortgage", "demand"],
                "opened_date": day(["2025-01-01", "2026-03-02", "2025-01-01", "2026-04-02"]),
                "closed_date": day([None, None, None, None]),
            }
        ),
        "balances": pd.DataFrame(
            {
                "account_id": [1, 2, 3],
                "customer_id": ["ann", "ann", "bob"],
                "date": day(["2025-12-31", "2026-03-02", "2025-12-31"]),
                "balance": [1000.0, 500.0, -9000.0],
            }
        ),
        "transactions": pd.DataFrame(
            {
                "customer_id": ["ann", "ann", "bob", "dan", "ann", "bob", "ann"],
                "account_id": pd.array([1, 1, None, None, 1, 1, 1], dtype="Int64"),
                "date": day(["2026-01-10", "2026-02-10", "2026-02-11", "2026-02-12",
                             "2025-06-01", "2026-03-01", "2026-03-31"]),
                "amount": [-2.5, 12.0, -4.0, 50.0, -99.0, -30.0, -1.25],
                "kind": ["fee", "interest", "fee", "cash_in", "fee", "card", "penalty_interest"],
                "channel": [None, None, None, "branch", None, "mobile", None],
            }
        ),
        "loans": pd.DataFrame(
            {
                "loan_id": [10, 11, 12],
                "customer_id": ["bob", "ann", "ann"],
                "account_id": pd.array([3, 1, None], dtype="Int64"),
                "granted_date": day(["2026-01-01", "2026-06-01", "2020-01-01"]),
                "amount": [1200.0, 500.0, 900.0],
                "term_months": [12, 12, 12],
                "status": ["running", "running", "finished"],
                "rate": [0.06, 0.06, np.nan],
            }
        ),
    }  # fmt: skip


def made(**changes: object) -> pd.DataFrame:
    frames: dict[str, object] = {**book(), **changes}
    return positions_of(**frames, start="2026-01-01", end="2026-03-31")


def test_each_account_and_running_loan_has_a_row() -> None:
    found = made()
    keys = list(zip(found["customer_id"], found["product"], strict=True))
    assert keys == [
        ("ann", "demand"),
        ("ann", "fund"),
        ("bob", "mortgage"),
        ("bob", "none"),
        ("dan", "none"),
        ("bob", "mortgage"),
    ]
    assert found.attrs["left_out"] == {"transactions": 1, "accounts": 1, "loans": 2}
    assert found["fees"].tolist() == [2.5, 0, 0, 4.0, 0, 0]
    assert found["balance"].tolist() == pytest.approx([1000, 500, 0, 0, 0, 0])
    assert found["outstanding"].tolist() == pytest.approx([0, 0, 0, 0, 0, 1200 * (1 - 45 / 365.25)])
    assert found["start"].iloc[1] == pd.Timestamp("2026-03-02")
    assert found["n_branch"].tolist() == [0, 0, 0, 0, 1, 0]
    assert found["n_mobile"].tolist() == [0, 0, 0, 1, 0, 0]
    assert found["status"].tolist()[-1] == "running"
    assert found["product"].dtype == "category"
    words = {"customer_id", "product", "start", "end", "status", "account_id", "loan_id"}
    assert {str(d) for d in found.drop(columns=[*words]).dtypes} == {"float64"}


def test_booked_interest_counts_and_rates_serve_products_without_any() -> None:
    found = made()
    assert found["interest_paid"].iloc[0] == 12.0
    assert found["interest_received"].iloc[0] == 1.25
    assert found["interest_paid"].iloc[1:3].isna().all()


def test_contribution_follows_for_every_customer() -> None:
    customers = ["ann", "bob", "cid", "dan", "eve"]
    profit = contribution(made(), customers=customers)
    assert profit.index.tolist() == customers
    assert profit.loc["ann", "interest_paid"] == -12.0
    assert profit["fees"].sum() == 6.5
    assert profit.loc["eve", "contribution"] == 0


def test_an_account_of_a_loan_product_counts_once() -> None:
    alone = made(loans=None)
    assert alone.loc[alone["product"] == "mortgage", "outstanding"].tolist() == [9000.0]
    both = made()
    assert both.loc[both["product"] == "mortgage", "outstanding"].iloc[0] == 0


def test_the_outstanding_amount_shifts_the_schedule() -> None:
    loans = book()["loans"].iloc[:1]
    planned = made(loans=loans)["outstanding"].iloc[-1]
    last = day_number(END)
    day = average_outstanding(
        np.array([day_number(START)]), np.array([12.0]), np.array([1200.0]), last, last,
        year_days=365.25,
    )[0]  # fmt: skip
    behind = made(loans=loans.assign(outstanding=day + 100)).iloc[-1]
    assert behind["outstanding"] == pytest.approx(planned + 100)
    assert behind["ead"] == pytest.approx(day + 100)
    repaid = made(loans=loans.assign(outstanding=0.0)).iloc[-1]
    assert repaid["outstanding"] == pytest.approx(planned - day)


def test_the_product_of_a_loan() -> None:
    loans = book()["loans"].iloc[[0]]
    assert made(loans=loans)["product"].iloc[-1] == "mortgage"
    assert made(loans=loans.assign(product="business_loan"))["product"].iloc[-1] == "business_loan"
    other = loans.assign(account_id=pd.array([1], dtype="Int64"))
    assert made(loans=other)["product"].iloc[-1] == "consumer_loan"
    assert made(loans=loans.drop(columns="account_id"))["product"].iloc[-1] == "consumer_loan"


def test_a_loan_in_default_loses_what_its_status_says() -> None:
    loans = book()["loans"].iloc[[0]]
    running, unpaid = (
        contribution(positions_of(loans=loans.assign(status=status), start=START, end=END))
        for status in ("running", "unpaid")
    )
    default = default_policy("valuation").value("default_probability")
    assert unpaid["expected_loss"].sum() / running["expected_loss"].sum() == pytest.approx(
        default["unpaid"] / default["running"]
    )


def test_accounts_and_loans_have_their_own_terms() -> None:
    accounts = book()["accounts"].assign(rate=[0.01, 0.02, 0.05, 0.03])
    loans = book()["loans"].iloc[[0]].assign(pd=0.3, lgd=0.4)
    found = made(accounts=accounts, loans=loans)
    assert found["rate_paid"].fillna(0).tolist() == [0.01, 0.02, 0, 0, 0, 0]
    assert found["rate_charged"].fillna(0).tolist() == [0, 0, 0.05, 0, 0, 0.06]
    names = ["customer_id", "loan_id", "start", "end", "tenor_months", "pd", "lgd"]
    assert found.loc[5, names].tolist() == [
        "bob", 10, pd.Timestamp(START), pd.Timestamp(END), 12, 0.3, 0.4,
    ]  # fmt: skip


def test_a_banks_own_policy_names_the_products() -> None:
    own = default_policy("valuation").with_parameters(
        default_product="term", default_loan_product="business_loan"
    )
    found = made(accounts=None, policy=own)
    assert found["product"].tolist() == ["term"] * 3 + ["none"] * 2 + ["business_loan"]


def test_running_balances_and_cumulated_amounts_agree() -> None:
    moves = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 1],
            "account_id": [10, 10, 20, 10],
            "date": pd.to_datetime(["2026-01-01", "2026-02-15", "2026-02-01", "2026-01-20"]),
            "amount": [100.0, -30.0, 500.0, 7.5],
            "balance": [100.0, 77.5, 500.0, 107.5],
            "kind": "other",
        }
    )
    running = positions_of(transactions=moves, start=START, end=END, source="running")
    summed = positions_of(transactions=moves, start=START, end=END, source="amounts")
    auto = positions_of(transactions=moves.drop(columns="balance"), start=START, end=END)
    assert running["balance"].tolist() == pytest.approx(summed["balance"].tolist())
    assert auto["balance"].tolist() == pytest.approx(summed["balance"].tolist())
    expected = (19 * 100 + 26 * 107.5 + 45 * 77.5) / 90
    assert running["balance"].iloc[0] == pytest.approx(expected)
    assert running["product"].astype(str).tolist() == ["demand", "demand"]


def test_customers_and_transactions_alone_are_enough() -> None:
    moves = book()["transactions"].drop(columns=["account_id", "channel", "kind"])
    found = positions_of(transactions=moves, start=START, end=END)
    assert found["product"].astype(str).unique().tolist() == ["none"]
    assert found["n_other"].sum() == 6
    assert (found["balance"] == 0).all()


def test_contacts_cost_what_their_channel_costs() -> None:
    contacts = pd.DataFrame(
        {
            "customer_id": ["ann", "eve", "ann", "ann"],
            "date": pd.to_datetime(["2026-01-01", "2026-02-05", "2026-03-31", "2026-04-01"]),
            "channel": ["phone", "face_to_face", "phone", "phone"],
        }
    )
    met = made(contacts=contacts)
    assert met.attrs["left_out"]["contacts"] == 1
    assert met["n_phone"].sum() == 2
    customers = ["ann", "bob", "cid", "dan", "eve"]
    more, without = (contribution(p, customers=customers) for p in (met, made()))
    gap = more["cost_to_serve"] - without["cost_to_serve"]
    assert gap.tolist() == pytest.approx([-16.0, 0, 0, 0, -60.0])
    alone = positions_of(contacts=contacts, start=START, end=END)
    assert contribution(alone)["contribution"].tolist() == pytest.approx([-16.0, -60.0])


def test_loans_alone_are_enough() -> None:
    found = positions_of(loans=book()["loans"], start=START, end=END)
    assert found["product"].astype(str).tolist() == ["consumer_loan"]
    assert contribution(found)["interest_received"].iloc[0] > 0


def test_empty_frames_are_like_absent_ones() -> None:
    frames = book()
    empty = {name: frame.iloc[:0] for name, frame in frames.items()}
    one = made(balances=None, loans=None)
    other = made(balances=empty["balances"], loans=empty["loans"])
    pd.testing.assert_frame_equal(one, other)
    none = positions_of(**empty, start=START, end=END)
    assert len(none) == 0
    assert contribution(none, customers=[1])["contribution"].tolist() == [0.0]


def test_a_closed_account_has_no_balance_after_its_closing() -> None:
    accounts = book()["accounts"].assign(closed_date=pd.Timestamp("2026-01-30"))
    found = made(accounts=accounts)
    assert found["end"].iloc[0] == pd.Timestamp("2026-01-30")
    assert found["balance"].iloc[0] == pytest.approx(1000)
    gone = book()["accounts"].assign(closed_date=pd.Timestamp("2025-06-30"))
    kept = made(accounts=gone, loans=None)
    assert kept["account_id"].tolist()[0] == 1  # a fee was booked after the closing
    assert kept.loc[0, ["start", "end"]].tolist() == [pd.Timestamp(START), pd.Timestamp(END)]


def test_the_callers_frames_are_not_changed() -> None:
    frames, copies = book(), book()
    positions_of(**frames, start=START, end=END)
    for name, frame in frames.items():
        pd.testing.assert_frame_equal(frame, copies[name])


def test_bad_input() -> None:
    with pytest.raises(DataError, match="lies before start"):
        positions_of(start="2026-02-01", end="2026-01-01")
    twice = pd.concat([book()["accounts"]] * 2)
    with pytest.raises(DataError, match="4 accounts have several rows"):
        made(accounts=twice)
    with pytest.raises(DataError, match="the frames have no running balances"):
        positions_of(**book(), start=START, end=END, source="running")
    with pytest.raises(DataError, match=r"source: expected one of .*'guess'"):
        positions_of(**book(), start=START, end=END, source="guess")
    with pytest.raises(DataError, match="amount: null"):
        made(transactions=book()["transactions"].assign(amount=np.nan))
    with pytest.raises(DataError, match="missing column"):
        made(loans=book()["loans"].drop(columns="amount"))
