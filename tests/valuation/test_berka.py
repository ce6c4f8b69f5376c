"""Contribution of every Berka owner, reconciled with the raw files to the cent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import Book
from bankcrm.datasets import load_berka
from bankcrm.policy import default_policy
from bankcrm.valuation import (
    concentration,
    contribution,
    is_eighty_twenty,
    positions_of,
    rules_of_thumb,
    score_value,
    value_measures,
)

START, END = "1993-01-01", "1994-03-30"
POLICY = default_policy("valuation", "czk_1993")


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> pd.DataFrame:
    return pd.read_csv(shared_data / "berka" / "trans.asc", sep=";", low_memory=False)


@pytest.fixture(scope="module")
def book(shared_data: Path) -> Book:
    return load_berka(shared_data / "berka")


@pytest.fixture(scope="module")
def profit(book: Book) -> pd.DataFrame:
    positions = positions_of(
        accounts=book.accounts, balances=book.balances,
        transactions=book.transactions, loans=book.loans,
        start=START, end=END, policy=POLICY,
    )  # fmt: skip
    owners = book.customers["customer_id"]
    return contribution(positions, policy=POLICY, customers=owners)


@pytest.mark.parametrize(
    ("symbol", "component", "sign"),
    [("SLUZBY", "fees", 1), ("UROK", "interest_paid", -1)],
)
def test_booked_amounts_reconcile_to_the_cent(
    raw: pd.DataFrame, profit: pd.DataFrame, symbol: str, component: str, sign: int
) -> None:
    cents = (raw.loc[raw["k_symbol"] == symbol, "amount"] * 100).round().astype(np.int64)
    assert round(profit[component].sum() * 100) == sign * cents.sum()


def test_penalty_interest_reconciles_to_the_cent(raw: pd.DataFrame, book: Book) -> None:
    positions = positions_of(
        accounts=book.accounts,
        transactions=book.transactions,
        start=START,
        end=END,
        policy=POLICY,
    )
    cents = (raw.loc[raw["k_symbol"] == "SANKC. UROK", "amount"] * 100).round().astype(np.int64)
    assert round(positions["interest_received"].sum() * 100) == cents.sum()


def test_every_owner_has_a_row_and_components_sum(profit: pd.DataFrame) -> None:
    assert len(profit) == 1229
    components = ["deposit_margin", "loan_margin", "fees", "commission", "cost_to_serve",
                  "expected_loss", "capital_charge", "tax"]  # fmt: skip
    assert profit[components].sum(axis=1).tolist() == pytest.approx(profit["contribution"].tolist())


def test_average_balances_equal_a_walk_over_the_days(raw: pd.DataFrame, book: Book) -> None:
    positions = positions_of(
        accounts=book.accounts,
        transactions=book.transactions,
        start=START,
        end=END,
        policy=POLICY,
    ).set_index("account_id")
    days = pd.date_range(START, END)
    for account in raw["account_id"].drop_duplicates().iloc[::150]:
        mine = raw[raw["account_id"] == account]
        date = pd.to_datetime("19" + mine["date"].astype(str))
        level = mine.groupby(date)["balance"].last().reindex(days).ffill().fillna(0.0)
        row = positions.loc[account]
        life = level.loc[row["start"] : row["end"]]
        assert row["balance"] == pytest.approx(life.clip(lower=0).mean(), abs=0.01)
        assert row["outstanding"] == pytest.approx(-life.clip(upper=0).mean(), abs=0.01)


def test_concentration_and_the_other_figures_run_on_it(book: Book, profit: pd.DataFrame) -> None:
    figures = concentration(profit["contribution"])
    assert 0 < figures.gini_normalised < 1
    assert figures.whale_curve().peak > 1
    assert "1,229 customers" in str(is_eighty_twenty(profit["contribution"], seed=1))
    measures = value_measures(book, as_of=END, contribution=profit["contribution"])
    assert len(score_value(measures)) == 1229
    rules = rules_of_thumb(book, as_of=END, contribution=profit["contribution"])
    assert rules.loc[rules["rule"] == "20:80", "observed"].iloc[0] == pytest.approx(
        figures.share_of_top(0.2)
    )
