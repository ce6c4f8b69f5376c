"""The synthetic bank: a seed gives one book, with the properties of a bank's book."""

from __future__ import annotations

import hashlib
import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm import Review, review
from bankcrm.book import FRAMES, Book
from bankcrm.datasets import make_book
from bankcrm.datasets.synthetic.draws import Draws, counts_table, heavy_tailed, lognormal
from bankcrm.datasets.synthetic.interactions import make_complaints
from bankcrm.datasets.synthetic.people import make_people
from bankcrm.errors import DataError
from bankcrm.vocabulary import CreditKind, LinkKind

# Customers, months and months of balances -> the digest of the book: a middling one, a small one
# over many years, and a broad one with the rare cases.
# A change of one is a change for every user: add it to the changelog.
FROZEN = {
    (3_000, 24, 13): "c384310ec7d463fab28f3d732ef089a2c837e163040b860217b661dff93bc698",
    (300, 200, 100): "12dd1d363d63a5600bd5d39976fdf91bb808e2bd8a00121ad75966d1fc2b0397",
    (200_000, 1, 1): "acc00cd47b2b813298e8d8f4b8ddc7604e40218880ad6b2e7a84fd1863b55338",
}


def digest(book: Book) -> str:
    """The same text on every platform, whatever pandas calls the dtypes."""
    total = hashlib.sha256()
    for name, frame in sorted(book.frames().items()):
        for column in frame:
            total.update(f"{name}.{column}\n".encode())
            values = frame[column]
            if isinstance(values.dtype, pd.DatetimeTZDtype):
                values = values.dt.tz_convert("UTC").dt.tz_localize(None)
            if values.dtype.kind == "M":
                plain = values.to_numpy().astype("datetime64[s]").astype(np.int64)
            elif pd.api.types.is_numeric_dtype(values.dtype):
                numbers = values.to_numpy(np.float64, na_value=np.nan)
                plain = np.rint(np.nan_to_num(numbers, nan=-1e12) * 10_000).astype(np.int64)
            else:
                plain, words = pd.factorize(values.astype(object))
                total.update("\n".join(words).encode())
            total.update(plain.astype("<i8").tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(6_000, seed=7)


@pytest.fixture(scope="module")
def reviewed(bank: Book) -> Review:
    return review(bank, as_of=bank.as_of)


def share_of_top_fifth(values: pd.Series) -> float:
    ordered = values.sort_values(ascending=False)
    return float(ordered.iloc[: len(ordered) // 5].sum() / ordered.sum())


# A seed is a book


@pytest.mark.parametrize(("customers", "months", "balance_months"), FROZEN)
def test_the_frozen_books_stay_as_they_are(
    customers: int, months: int, balance_months: int
) -> None:
    book = make_book(customers, seed=11, months=months, balance_months=balance_months)
    assert digest(book) == FROZEN[customers, months, balance_months]


def test_one_seed_one_book_and_another_seed_another() -> None:
    assert digest(make_book(60, seed=1)) == digest(make_book(60, seed=1))
    assert digest(make_book(60, seed=1)) != digest(make_book(60, seed=2))


@given(
    customers=st.integers(1, 40),
    seed=st.integers(0, 2**63 - 1),
    as_of=st.dates(pd.Timestamp("1999-01-01").date(), pd.Timestamp("2030-12-31").date()),
    months=st.integers(1, 30),
)
def test_every_book_is_valid(customers: int, seed: int, as_of: Any, months: int) -> None:
    """Of any size and day, the book fits its own contract without a fault."""
    book = make_book(customers, seed=seed, as_of=as_of, months=months, balance_months=months)
    checked, faults = book.check()
    assert faults == ()
    assert sorted(checked.frames()) == sorted(FRAMES)
    assert len(checked.customers) == customers
    assert checked.as_of == as_of


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"customers": 0, "seed": 1}, "customers: 0 is not a whole number from 1"),
        ({"customers": 1.5, "seed": 1}, "customers: 1.5"),
        ({"customers": True, "seed": 1}, "customers: True"),
        ({"customers": 5, "seed": -1}, "seed: -1"),
        ({"customers": 5, "seed": "7"}, "seed: '7'"),
        ({"customers": 5, "seed": 1, "months": 0}, "months: 0"),
        ({"customers": 5, "seed": 1, "as_of": "soon"}, "as_of: 'soon'"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        make_book(**arguments)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("seed", 0, 2**63 - 1), ("months", 1, 600), ("balance_months", 1, 600)],
)
def test_numbers_are_accepted_up_to_their_limits(name: str, low: int, high: int) -> None:
    for value in (low, high):
        book = make_book(**{"customers": 1, "seed": 1, name: value})
        assert len(book.customers) == 1
    for value in (low - 1, high + 1):
        said = f"{name}: {value} is not a whole number from {low} to {high}"
        with pytest.raises(DataError, match=said):
            make_book(**{"customers": 1, "seed": 1, name: value})


# The book is as a bank's book is


def test_sizes_and_kinds(bank: Book) -> None:
    people = bank.customers
    assert len(people) == 6_000
    assert people["customer_id"].is_unique
    assert 0.06 < (people["kind"] == "company").mean() < 0.10
    assert 0.85 < people["contract_date"].notna().mean() < 0.93
    lead = people["contract_date"].isna() & people["first_contact_date"].notna()
    prospect = people["contract_date"].isna() & people["first_contact_date"].isna()
    assert lead.mean() > 0.03
    assert prospect.mean() > 0.02
    assert people["closed_date"].notna().sum() > 50
    assert set(bank.frame("accounts")["product"]) == {
        "demand",
        "term",
        "wealth",
        "fund",
        "insurance",
        "credit_card",
        "mortgage",
        "consumer_loan",
        "business_loan",
    }
    # No person of the bank can be reached.
    assert people["email"].str.endswith("@example.com").all()
    assert people["phone"].str.startswith("000").all()


def test_wealth_is_heavy_tailed(bank: Book) -> None:
    """About the 20:80 of CBM-5, and the most wealthy of the fifth hold most of it."""
    latest = bank.frame("balances")
    latest = latest[latest["date"] == latest["date"].max()]
    wealth = latest.groupby("customer_id")["balance"].sum()
    assert 0.70 < share_of_top_fifth(wealth) < 0.92
    assert wealth.max() > 100 * wealth.median()


def test_only_customers_with_a_contract_move_and_only_while_it_lasts(bank: Book) -> None:
    people = bank.customers.set_index("customer_id")
    moves = bank.transactions
    signed = people["contract_date"].reindex(moves["customer_id"]).to_numpy()
    closed = people["closed_date"].reindex(moves["customer_id"]).to_numpy()
    assert not np.isnat(signed).any()
    assert (moves["date"].to_numpy() >= signed).all()
    assert (np.isnat(closed) | (moves["date"].to_numpy() <= closed)).all()
    assert moves["date"].is_monotonic_increasing
    accounts = bank.frame("accounts").set_index("account_id")["customer_id"]
    assert (accounts.reindex(moves["account_id"]).to_numpy() == moves["customer_id"]).all()


def test_salaries_and_standing_orders_keep_their_rhythm(bank: Book) -> None:
    moves = bank.transactions
    for kind in ("salary", "standing_order"):
        rows = moves[moves["kind"] == kind]
        per_month = rows.groupby(
            [rows["customer_id"], rows["date"].dt.to_period("M")], observed=True
        ).size()
        assert per_month.max() == 1
        spread = rows["date"].dt.day.groupby(rows["customer_id"]).agg(lambda d: d.max() - d.min())
        assert spread.quantile(0.9) <= 3
    orders = moves[moves["kind"] == "standing_order"].groupby("customer_id")["amount"]
    assert (orders.nunique() == 1).all()
    assert (moves.loc[moves["kind"] == "salary", "amount"] > 0).all()
    assert (moves.loc[moves["kind"] == "fee", "amount"] < 0).all()


def test_some_customers_become_dormant_and_some_return(bank: Book) -> None:
    """Own movements by quarter: there are customers who stop, and some who start again."""
    moves = bank.transactions
    own = moves[~moves["kind"].isin(["interest", "fee", "loan_payment"])]
    quarter = ((own["date"].dt.year - 2024) * 12 + own["date"].dt.month - 7) // 3
    table = pd.crosstab(own["customer_id"], quarter) > 0
    first, last = table.iloc[:, :3].any(axis=1), table.iloc[:, -1]
    gap = ~table.iloc[:, -3:-1].any(axis=1)
    assert (first & ~last).sum() > 100
    assert (first & last & gap).sum() > 10


def test_loans_links_contacts_and_complaints_are_there(bank: Book) -> None:
    loans = bank.frame("loans")
    assert {"running", "finished", "in_debt", "unpaid"} == set(loans["status"])
    assert (loans["outstanding"] <= loans["amount"]).all()
    assert (loans.loc[loans["status"] == "finished", "outstanding"] == 0).all()
    links = bank.frame("links")
    assert set(LinkKind) == set(links["link"])
    assert 0 < links["until"].notna().sum() < len(links) / 10
    assert links.loc[links["link"] == "owns", "share"].between(0, 1).all()
    granted = bank.frame("credits")
    assert set(CreditKind) == set(granted["kind"])
    assert (granted["drawn"] <= granted["limit"] + 0.01).all()
    assert bank.frame("capital")["net"].is_monotonic_increasing
    contacts = bank.frame("contacts")
    assert {"inquiry", "campaign", "revisit", "greeting", "contact"} == set(contacts["purpose"])
    complaints = bank.frame("complaints")
    assert complaints["customer_id"].isna().any()
    assert {"consultation", "suggestion", "complaint"} == set(complaints["kind"])
    assert (
        complaints["answered_at"].dropna()
        > complaints["received_at"][complaints["answered_at"].notna()]
    ).all()
    text = complaints["text"].astype(str)
    chinese = text.str.contains("[一-鿿]", regex=True)
    assert 0.6 < chinese.mean() < 0.95
    assert not text.str.contains("{}", regex=False).any()
    staked = complaints["amount_at_stake"].notna()
    assert staked.any()
    shown = text[staked].str.extract(r"(\d+)")[0].astype(float)
    assert (shown == complaints.loc[staked, "amount_at_stake"]).all()
    for word in ("诈骗", "举报", "媒体"):
        assert text.str.contains(word).any()


# Its figures are near those of real banks: the table in docs/reference/datasets.md


def test_contribution_is_concentrated_as_a_bank_s(reviewed: Review) -> None:
    """A fifth of the customers makes about four fifths (CBM-5), and a few lose money."""
    found = reviewed.summary["concentration"]
    assert 0.74 < found["top_fifth_share"] < 0.87
    assert 0.68 < found["gini_normalised"] < 0.82
    assert found["gini"] < 0.88
    assert 0.03 < found["losing"] / found["customers"] < 0.15


def test_few_answers_are_late() -> None:
    """FCA, 2023 H2: 6 % after eight weeks; CFPB, 2018: 2 % untimely. Here 14 days are too long."""
    people = make_people(200_000, 7, int(np.datetime64("2026-06-30").astype(np.int64)))
    frame = make_complaints(people, 7)
    took = frame["answered_at"] - frame["received_at"]
    old = frame["received_at"] < frame["received_at"].max() - pd.Timedelta(days=40)
    assert old.sum() > 5_000
    assert 0.02 < (took[old] > pd.Timedelta(days=14)).mean() < 0.04
    assert 0.005 < took[old].isna().mean() < 0.02
    assert 0.7 < (took[old] < pd.Timedelta(days=3)).mean() < 0.95


def test_the_review_finds_few_late_answers_and_several_departments(reviewed: Review) -> None:
    found = reviewed.summary["complaints"]
    missed = found["state"]["late"] + found["state"]["overdue"]
    assert 0.005 < missed / found["accepted"] < 0.08
    assert sum(count > 0 for count in found["departments"].values()) >= 4
    assert max(found["departments"].values()) < 0.8 * found["accepted"]
    complaints = found["kind"]["complaint"]
    assert 0.5 < found["severity"]["minor"] / complaints < 0.85
    assert found["severity"]["severe"] < 0.25 * complaints


def test_active_customers_mostly_move(reviewed: Review) -> None:
    """Global Findex 2021: 5 % of the owners of an account do not use it in a year."""
    active = reviewed.summary["active"]
    assert active["moving"] > 0.85 * (active["moving"] + active["holding"])
    idle = reviewed.facts["days_idle"][reviewed.facts["is_customer"].fillna(value=False)]
    assert 0.01 < (idle > 365).mean() < 0.08


# The draws


def test_draws_are_spread_evenly() -> None:
    draw = Draws(1, 2)
    drawn = draw.below(10, 100_000)
    assert np.bincount(drawn, minlength=10).tolist() == pytest.approx([10_000] * 10, rel=0.05)
    assert draw.chance(250, 100_000).mean() == pytest.approx(0.25, abs=0.01)
    picked = draw.pick((1, 0, 3), 100_000)
    assert np.bincount(picked, minlength=3) / 1e5 == pytest.approx([0.25, 0, 0.75], abs=0.01)
    about = draw.about(np.full(10_000, 1_000), 10)
    assert (about.min(), about.max()) == (900, 1_100)


def test_quantiles_are_those_of_the_distribution() -> None:
    drawn = Draws(3, 4).quantile(lognormal(50_000, 0.8), 200_000)
    for p in (0.01, 0.25, 0.5, 0.75, 0.99):
        expected = 50_000 * math.exp(0.8 * NormalDist().inv_cdf(p))
        assert np.quantile(drawn, p) == pytest.approx(expected, rel=0.03)
    tail = Draws(3, 5).quantile(heavy_tailed(50_000, 0.8, 0.02, 1.3), 1_000_000)
    join = 50_000 * math.exp(0.8 * NormalDist().inv_cdf(0.98))
    for p in (0.99, 0.999, 0.9999):
        assert np.quantile(tail, p) == pytest.approx(join * (0.02 / (1 - p)) ** (1 / 1.3), rel=0.1)


def test_counts_are_poisson() -> None:
    table = counts_table((0.0, 0.35, 5.0))
    assert table[0].max() == 0
    assert table.mean(axis=1).tolist() == pytest.approx([0, 0.35, 5.0], abs=0.01)
    assert (table[2] == 3).mean() == pytest.approx(math.exp(-5) * 5**3 / 6, abs=0.001)
