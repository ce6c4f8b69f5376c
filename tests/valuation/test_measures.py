"""Raw measures of the value indicators on a small book made by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.valuation import value_measures
from bankcrm.valuation.value.measures import MEASURES

from .small_book import AS_OF, book, day

CHINA = "Asia/Shanghai"


def test_measures_by_hand() -> None:
    profit = pd.Series({1: 10.0, 2: -3.0, 3: 0.0, 4: 5.0})
    found = value_measures(book(), as_of=AS_OF, contribution=profit)
    assert found.index.tolist() == [1, 2, 3, 4]
    first = found.loc[1]
    expected = {
        "contribution": 10.0,
        "volume": 660.0,
        "aum": 140.0,
        "products": 3.0,  # demand, fund and a loan; the term deposit opens later
        "satisfaction": 80.0,
        "complaints_a_year": 1.0,
        "active_months": 3 / 12,
        "tenure_years": 6.0,
        "referrals": 2.0,
        "income": 120_000.0,
        "income_growth": (400 - 200) / 600,
        "balance_growth": 540 / 660,
        "age_years": 36.0,
        "occupation_growth": 0.6,
        "penalty_entries": 0.0,
        "payment_burden": 60 / 120_000,
    }
    assert {k: first[k] for k in expected} == pytest.approx(expected, abs=0.01)
    assert first["loan_status"] == "in_debt"
    assert found["penalty_entries"].tolist() == [0, 1, 0, 0]
    assert found["products"].tolist() == [3, 0, 0, 0]
    assert found["loan_status"].isna().tolist() == [False, True, True, True]
    assert np.isnan(found.loc[2, "occupation_growth"])  # an occupation that the policy lacks
    assert np.isnan(found.loc[2, "payment_burden"])  # no income to pay from
    assert np.isnan(found.loc[3, "tenure_years"])  # the contract lies in the future
    assert found.loc[3, "active_months"] == 0
    assert np.isnan(found.loc[3, "balance_growth"])


def recorded(found: pd.DataFrame) -> set[str]:
    """The measures that some customer has."""
    return set(found.columns[found.notna().any()])


def test_what_the_book_does_not_record_is_null() -> None:
    empty = pd.DataFrame()
    bare = book(
        customers=pd.DataFrame({"customer_id": [1, 2]}),
        transactions=book().transactions.drop(columns="kind").query("customer_id < 3"),
        accounts=None, balances=None, loans=empty, contacts=None, complaints=None,
    )  # fmt: skip
    found = value_measures(bare, as_of=AS_OF, contribution=[1.0, 2.0])
    assert recorded(found) == {"contribution", "volume", "active_months", "balance_growth"}
    assert tuple(found) == MEASURES
    none = book(customers=bare.customers, transactions=empty, accounts=None, balances=None,
                loans=None, complaints=None)  # fmt: skip
    assert recorded(value_measures(none, as_of=AS_OF)) == set()


@pytest.mark.parametrize(
    ("frame", "column", "lost"),
    [
        ("customers", "satisfaction", {"satisfaction"}),
        ("customers", "income", {"income", "payment_burden"}),
        ("customers", "credit_standing", {"credit_standing"}),
        ("customers", "contract_date", {"tenure_years"}),
        ("customers", "birth_date", {"age_years"}),
        ("customers", "referred_by", {"referrals"}),
        ("customers", "occupation", {"occupation_growth"}),
        ("transactions", "kind", {"income_growth", "penalty_entries", "payment_burden"}),
        ("loans", "status", {"loan_status"}),
    ],
)
def test_a_column_that_is_missing_makes_its_measures_alone_null(
    frame: str, column: str, lost: set[str]
) -> None:
    whole = value_measures(book(), as_of=AS_OF)
    less = book(**{frame: getattr(book(), frame).drop(columns=column)})
    found = value_measures(less, as_of=AS_OF)
    assert recorded(whole) - recorded(found) == lost
    kept = [name for name in whole if name not in lost]
    pd.testing.assert_frame_equal(found[kept], whole[kept])


@pytest.mark.parametrize(
    ("frame", "columns"),
    [
        ("transactions", ["customer_id", "date", "amount"]),
        ("accounts", ["customer_id", "product"]),
        ("balances", ["customer_id", "account_id", "date", "balance"]),
        ("loans", ["customer_id"]),
        ("complaints", ["customer_id", "received_at"]),
    ],
)
def test_a_column_that_a_frame_must_have_is_named(frame: str, columns: list[str]) -> None:
    for column in columns:
        less = book(**{frame: getattr(book(), frame).drop(columns=column)})
        with pytest.raises(DataError, match=f"{frame}.{column}: missing column"):
            value_measures(less, as_of=AS_OF)


def test_products_are_counted_from_the_frames_that_record_them() -> None:
    products = value_measures(book(loans=None), as_of=AS_OF)["products"]
    assert products.tolist() == [2, 0, 0, 0]
    borrowed = value_measures(book(accounts=None), as_of=AS_OF)["products"]
    assert borrowed.tolist() == [1, 0, 0, 0]
    accounts = book().accounts
    assert accounts is not None
    undated = accounts.drop(columns=["opened_date", "closed_date"])
    found = value_measures(book(accounts=undated), as_of=AS_OF)
    assert found["products"].tolist() == [4, 1, 0, 0]


def test_the_window_ends_with_its_day_and_begins_after_the_day_a_year_before() -> None:
    days = day(["2025-06-30", "2025-07-01", "2026-06-30", "2026-07-01"])
    at_edges = book(
        transactions=pd.DataFrame({"customer_id": 1, "date": days, "amount": [1.0, 20, 300, 4000]}),
        complaints=pd.DataFrame(
            {"customer_id": 1, "received_at": days.tz_localize("Asia/Shanghai")}
        ),
    )
    found = value_measures(at_edges, as_of=AS_OF).loc[1]
    assert (found["volume"], found["complaints_a_year"]) == (320, 2)
    assert found["active_months"] == pytest.approx(2 / 12)


def test_a_bank_has_its_own_window_and_occupations() -> None:
    own = default_policy("valuation").with_parameters(
        measure_months=1, occupation_growth={"astronaut": 0.9}
    )
    found = value_measures(book(), as_of=AS_OF, policy=own)
    assert found["volume"].tolist() == [360.0, 50.0, 0.0, 0.0]
    assert found["occupation_growth"].fillna(-1).tolist() == [-1, 0.9, -1, -1]


NEAR = st.dates(dt.date(2025, 6, 20), dt.date(2026, 7, 10))
MOVES = st.lists(
    st.tuples(
        st.integers(1, 4),
        NEAR,
        st.integers(-9, 9).map(float),
        st.sampled_from(["salary", "cash_in", "card", "penalty_interest", "loan_payment"]),
    ),
    min_size=1,
    max_size=12,
)
COMPLAINTS = st.lists(
    st.tuples(st.integers(1, 4), NEAR, st.sampled_from(["complaint", "consultation", None])),
    min_size=1,
    max_size=6,
)


@given(MOVES, COMPLAINTS, st.sampled_from([12, 6, 7, 1]))
def test_flows_of_the_window_are_those_of_a_loop(
    moves: list[tuple[int, dt.date, float, str]],
    complaints: list[tuple[int, dt.date, str | None]],
    months: int,
) -> None:
    rows = pd.DataFrame(moves, columns=["customer_id", "date", "amount", "kind"])
    said = pd.DataFrame(complaints, columns=["customer_id", "received_at", "kind"])
    said["received_at"] = day(said["received_at"]).dt.tz_localize(CHINA)
    some = book(transactions=rows.assign(date=day(rows["date"])), complaints=said)
    policy = default_policy("valuation").with_parameters(measure_months=months)
    found = value_measures(some, as_of=AS_OF, policy=policy)
    last = dt.date(2026, 6, 30)
    length = int(policy.value("year_days") * months / 12)
    expected = {
        name: dict.fromkeys(range(1, 5), 0.0)
        for name in ("volume", "net", "first", "second", "penalty_entries", "paid", "said")
    }
    seen: set[tuple[int, int]] = set()
    for customer, when, amount, kind in moves:
        ago = (last - when).days
        if not 0 <= ago < length:
            continue
        month = ago * months // length  # 0 is that of the day
        seen.add((customer, month))
        expected["volume"][customer] += abs(amount)
        expected["net"][customer] += amount
        if kind in ("salary", "cash_in") and amount > 0:
            expected["second" if month < months / 2 else "first"][customer] += amount
        expected["penalty_entries"][customer] += kind == "penalty_interest"
        expected["paid"][customer] -= amount if kind == "loan_payment" else 0.0
    for customer, when, word in complaints:
        if 0 <= (last - when).days < length and word in ("complaint", None):
            expected["said"][customer] += 12 / months

    def over(part: Any, whole: Any) -> Any:
        return [p / w if w > 0 else np.nan for p, w in zip(part, whole, strict=True)]

    volume, net, first, second, penalties, paid, mentioned = (
        np.array([*by.values()]) for by in expected.values()
    )
    assert found["volume"].tolist() == volume.tolist()
    assert found["penalty_entries"].tolist() == penalties.tolist()
    active = [sum(c == customer for c, _ in seen) / months for customer in range(1, 5)]
    income = found["income"].to_numpy() * months / 12
    for name, values in (
        ("complaints_a_year", mentioned),
        ("active_months", active),
        ("balance_growth", over(net, volume)),
        ("income_growth", over(second - first, first + second)),
        ("payment_burden", over(paid, income)),
    ):
        np.testing.assert_allclose(found[name], values, rtol=1e-12, err_msg=name)
