"""Measures, grades and rules of thumb on a small book made by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import DataError, MissingFactError
from bankcrm.policy import default_policy, presets
from bankcrm.valuation import (
    Rates,
    contribution,
    fit_grades,
    grade_contribution,
    is_eighty_twenty,
    positions_of,
    rules_of_thumb,
    value_measures,
)
from bankcrm.valuation.rules_of_thumb import ORIGINS, wilson

AS_OF = "2026-06-30"
day = pd.to_datetime


def book(**changes: object) -> SimpleNamespace:
    frames = {
        "customers": pd.DataFrame(
            {
                "customer_id": [1, 2, 3, 4],
                "satisfaction": [80.0, None, 50.0, 20.0],
                "income": [120_000.0, 0.0, np.nan, 60_000.0],
                "credit_standing": ["good", "bad", None, "watch"],
                "contract_date": day(["2020-06-30", "2026-01-15", "2027-01-01", "2024-01-01"]),
                "birth_date": day(["1990-06-30", None, "2000-01-01", "1960-01-01"]),
                "closed_date": day([None, None, None, "2026-03-01"]),
                "closure_reason": [None, None, None, "competitor"],
                "referred_by": pd.array([None, 1, 1, 99], dtype="Int64"),
                "occupation": ["employee", "astronaut", None, "retired"],
            }
        ),
        "transactions": pd.DataFrame(
            {
                "customer_id": [1, 1, 1, 1, 2, 4, 4, 1, 1],
                "date": day(["2026-06-15", "2026-05-15", "2025-09-15", "2026-06-01", "2026-06-30",
                             "2025-05-01", "2025-06-30", "2025-02-01", "2026-07-01"]),
                "amount": [300.0, 100.0, 200.0, -60.0, -50.0, 10.0, 10.0, 5.0, 1e6],
                "kind": ["salary", "salary", "salary", "loan_payment", "penalty_interest",
                         "card", "card", "card", "salary"],
            }
        ),
        "accounts": pd.DataFrame(
            {
                "account_id": [10, 11, 12, 20, 30],
                "customer_id": [1, 1, 1, 2, 1],
                "product": ["demand", "demand", "fund", "demand", "term"],
                "opened_date": day(["2020-06-30"] * 4 + ["2026-12-01"]),
                "closed_date": day([None, None, None, "2026-06-01", None]),
            }
        ),
        "balances": pd.DataFrame(
            {
                "account_id": [10, 10, 11, 20],
                "customer_id": [1, 1, 1, 2],
                "date": day(["2026-01-31", "2026-05-31", "2026-05-31", "2026-05-31"]),
                "balance": [5.0, 100.0, 40.0, -8.0],
            }
        ),
        "loans": pd.DataFrame(
            {
                "loan_id": [1, 2, 3],
                "customer_id": [1, 1, 2],
                "granted_date": day(["2024-01-01", "2025-01-01", "2026-12-01"]),
                "status": ["finished", "in_debt", "unpaid"],
                "amount": [10.0, 10.0, 10.0],
                "term_months": [12, 36, 12],
            }
        ),
        "contacts": pd.DataFrame(
            {
                "contact_id": [1, 2, 3, 4, 5],
                "customer_id": [2, 3, 1, 1, 1],
                "date": day(["2025-12-01", "2026-02-01", "2026-02-01", "2026-03-01", "2024-01-01"]),
                "channel": ["phone", "branch", "mobile", "mobile", "branch"],
            }
        ),
        "complaints": pd.DataFrame(
            {
                "customer_id": pd.array([1, 1, 1, None], dtype="Int64"),
                "received_at": day(
                    ["2026-01-01", "2026-02-01", "2024-01-01", "2026-01-01"], utc=True
                ),
                "kind": ["complaint", "consultation", "complaint", "complaint"],
            }
        ),
    }  # fmt: skip
    return SimpleNamespace(**{**frames, **changes})


# --- measures


def test_measures_by_hand() -> None:
    worth = pd.Series({1: 10.0, 2: -3.0, 3: 0.0, 4: 5.0})
    found = value_measures(book(), as_of=AS_OF, contribution=worth)
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
    assert found["loan_status"].tolist()[1:] == [None] * 3 or found["loan_status"].isna().sum() == 3
    assert np.isnan(found.loc[2, "occupation_growth"])  # an occupation that the policy lacks
    assert np.isnan(found.loc[2, "payment_burden"])  # no income to pay from
    assert np.isnan(found.loc[3, "tenure_years"])  # the contract lies in the future
    assert found.loc[3, "active_months"] == 0
    assert np.isnan(found.loc[3, "balance_growth"])


def test_what_the_book_cannot_tell_is_left_out() -> None:
    empty = pd.DataFrame()
    bare = book(
        customers=pd.DataFrame({"customer_id": [1, 2]}),
        transactions=book().transactions.drop(columns="kind"),
        accounts=None, balances=None, loans=empty, contacts=None, complaints=None,
    )  # fmt: skip
    found = value_measures(bare, as_of=AS_OF, contribution=[1.0, 2.0])
    assert set(found) == {"contribution", "volume", "active_months", "balance_growth"}
    none = book(customers=bare.customers, transactions=empty, accounts=None, balances=None,
                loans=None, complaints=None)  # fmt: skip
    assert value_measures(none, as_of=AS_OF).shape == (2, 0)


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
        ("balances", "customer_id", {"aum"}),
        ("balances", "account_id", {"aum"}),
        ("balances", "date", {"aum"}),
        ("balances", "balance", {"aum"}),
        ("loans", "customer_id", {"loan_status"}),
        ("loans", "status", {"loan_status"}),
        ("complaints", "customer_id", {"complaints_a_year"}),
        ("complaints", "received_at", {"complaints_a_year"}),
    ],
)
def test_a_column_that_is_missing_leaves_out_its_measures_alone(
    frame: str, column: str, lost: set[str]
) -> None:
    whole = value_measures(book(), as_of=AS_OF)
    less = book(**{frame: getattr(book(), frame).drop(columns=column)})
    found = value_measures(less, as_of=AS_OF)
    assert set(whole) - set(found) == lost
    kept = [name for name in found if name != "products"]
    pd.testing.assert_frame_equal(found[kept], whole[kept])


@pytest.mark.parametrize("column", ["customer_id", "date", "amount"])
def test_movements_that_cannot_be_read_tell_no_measure(column: str) -> None:
    less = book(transactions=book().transactions.drop(columns=column))
    found = value_measures(less, as_of=AS_OF)
    told = {"volume", "active_months", "balance_growth", "income_growth", "penalty_entries"}
    assert not told & set(found)


def test_products_are_counted_from_the_frames_that_tell_them() -> None:
    products = value_measures(book(loans=None), as_of=AS_OF)["products"]
    assert products.tolist() == [2, 0, 0, 0]
    accounts = book().accounts
    for column in ("customer_id", "product"):
        less = value_measures(book(accounts=accounts.drop(columns=column)), as_of=AS_OF)
        assert less["products"].tolist() == [1, 0, 0, 0]
    undated = accounts.drop(columns=["opened_date", "closed_date"])
    found = value_measures(book(accounts=undated), as_of=AS_OF)
    assert found["products"].tolist() == [4, 1, 0, 0]


def test_the_window_ends_with_its_day_and_begins_after_the_day_a_year_before() -> None:
    days = day(["2025-06-30", "2025-07-01", "2026-06-30", "2026-07-01"])
    at_edges = book(
        transactions=pd.DataFrame({"customer_id": 1, "date": days, "amount": [1.0, 20, 300, 4000]}),
        complaints=pd.DataFrame({"customer_id": 1, "received_at": days}),
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


# --- grades


def test_grades_by_fixed_and_by_fitted_cut_points() -> None:
    facts = pd.DataFrame(
        {"contribution": [20_000.0, 500.0, -1.0, -1.0], "growth": [10.0, 10.0, 10.0, 90.0]},
        index=["a", "b", "c", "d"],
    )
    found = grade_contribution(facts)
    assert found["grade"].tolist() == ["key", "ordinary", "restricted", "potential"]
    assert found["grade_rule"].tolist()[0] == "key"
    assert found.index.tolist() == ["a", "b", "c", "d"]
    worth = np.arange(100.0)
    fitted = fit_grades(worth, growth=worth[::-1])
    graded = grade_contribution(pd.DataFrame({"contribution": worth}), policy=fitted)
    assert (graded["grade"] == "key").mean() == 0.2
    assert fitted.value("potential_growth") == 80
    assert fitted.fingerprint != default_policy("valuation").fingerprint


def test_grades_need_their_facts() -> None:
    with pytest.raises(DataError, match="no column contribution; present: value"):
        grade_contribution(pd.DataFrame({"value": [1.0]}))
    with pytest.raises(MissingFactError):
        grade_contribution(pd.DataFrame({"contribution": [np.nan]}))
    with pytest.raises(DataError, match="1 of 2 values are missing"):
        fit_grades([1.0, np.nan])


# --- rules of thumb


def row(found: pd.DataFrame, rule: str, figure: str = "") -> pd.Series:
    rows = found[(found["rule"] == rule) & found["figure"].str.contains(figure)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_rule_is_measured_beside_its_figure_and_its_origin() -> None:
    worth = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    found = rules_of_thumb(book(), as_of=AS_OF, contribution=worth)
    assert set(found["rule"]) == set(ORIGINS)
    assert found["origin"].str.len().min() > 10
    top = row(found, "20:80")
    assert top["shows"] == pytest.approx(0.6 * 1000 / 810)  # three customers and a prospect
    assert top["low"] < top["shows"] < top["high"]
    assert found.loc[found["rule"] == "25:45:30", "shows"].tolist() == [1 / 3] * 3
    assert set(found.loc[found["rule"].isin(["25:45:30", "1:1:75"]), "evidence"]) == {"unverified"}
    # One customer won by contacts for 8.0 + 12.0; two kept for 0.1 each, of whom one closed.
    assert row(found, "1:5")["shows"] == pytest.approx((8.0 + 12.0) / 1 / (0.2 / 1))
    people = book().customers
    never = people.assign(contract_date=people["contract_date"].where(people.index != 2))
    same = rules_of_thumb(book(customers=never), as_of=AS_OF, contribution=worth)
    assert row(same, "1:5")["shows"] == row(found, "1:5")["shows"]  # who never signs costs as well
    churn = row(found, "1:1:75")
    assert (churn["shows"], churn["sample_size"]) == (0.5, 2)
    five = row(found, "5:100")
    assert five["shows"] == pytest.approx((1.1 - 0.5) / (1.1 - 0.55) - 1)
    assert five["low"] < five["shows"] < five["high"]
    assert row(found, "14:9:9:68", "competition")["shows"] == 1.0
    assert row(found, "14:9:9:68", "indifference")["says"] == 0.68
    assert found.attrs["policy"] == "bankcrm.valuation"
    assert list(found) == [
        "rule", "figure", "says", "shows", "low", "high", "sample_size", "evidence", "origin",
        "method", "note",
    ]  # fmt: skip
    counted = {
        "20:80": (3, "asymptotic"),
        "25:45:30": (3, "wilson"),
        "1:5": (4, ""),  # contacts of the year
        "5:100": (2, "wilson on retention"),
        "1:1:75": (2, "wilson"),
        "14:9:9:68": (1, "wilson"),
    }
    for _, told in found.iterrows():
        assert (told["sample_size"], told["method"]) == counted[told["rule"]]
    few = rules_of_thumb(book(), as_of="2019-01-01", contribution=worth)
    assert row(few, "20:80")["sample_size"] == 0


def test_a_contribution_that_is_not_given_is_that_of_the_year() -> None:
    rich = book(balances=book().balances.assign(balance=[5e5, 9e5, 4e5, 2e6]), accounts=None)
    own = default_policy("valuation").with_parameters(
        transfer_price=[[0, 600, 0.04]], default_product="term"
    )
    names = ("accounts", "balances", "transactions", "loans", "contacts")
    frames = {name: getattr(rich, name) for name in names}
    year = positions_of(**frames, start="2025-07-01", end=AS_OF, policy=own)
    customers = rich.customers["customer_id"]
    worth = contribution(year, policy=own, customers=customers)["contribution"]
    given = rules_of_thumb(rich, as_of=AS_OF, contribution=worth, policy=own)
    assert given["shows"].notna().all()
    pd.testing.assert_frame_equal(rules_of_thumb(rich, as_of=AS_OF, policy=own), given)


def test_who_left_before_the_year_is_no_customer_of_it() -> None:
    worth = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    left = book().customers.assign(closed_date=day([None, None, None, "2025-06-30"]))
    found = rules_of_thumb(book(customers=left), as_of=AS_OF, contribution=worth)
    assert row(found, "25:45:30", "losing")["sample_size"] == 2
    stayed = left.assign(closed_date=day([None, None, None, "2025-07-01"]))
    found = rules_of_thumb(book(customers=stayed), as_of=AS_OF, contribution=worth)
    assert row(found, "25:45:30", "losing")["sample_size"] == 3


def test_the_figures_of_the_rules_are_the_policys() -> None:
    worth = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    own = default_policy("valuation").with_parameters(
        rule_top_share=0.5, rule_top_profit=0.9, rule_marginal=300.0, rule_churn=0.4,
        rule_keep_win=7.0, rule_five_points=0.1, rule_five_points_effect=0.6, discount_rate=0.2,
    )  # fmt: skip
    found = rules_of_thumb(book(), as_of=AS_OF, contribution=worth, policy=own)
    top = row(found, "20:80")
    assert (top["figure"], top["says"]) == ("profit share of the best 50%", 0.9)
    assert top["shows"] == pytest.approx((1000 + 0.5 * 10) / 810)
    assert row(found, "25:45:30", "marginal")["shows"] == pytest.approx(2 / 3)
    assert row(found, "1:5")["says"] == 7
    assert row(found, "1:1:75")["says"] == 0.4
    five = row(found, "5:100")
    assert (five["figure"], five["says"]) == ("more customer value by 10% more retention", 0.6)
    assert five["shows"] == pytest.approx((1.2 - 0.5) / (1.2 - 0.6) - 1)
    assert five["note"] == "at a retention of 50.0% and a discount of 20% a year"


def test_a_higher_confidence_gives_wider_intervals() -> None:
    worth = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    narrow, wide = (
        rules_of_thumb(book(), as_of=AS_OF, contribution=worth, level=level)
        for level in (0.5, 0.99)
    )
    told = narrow["low"].notna()
    assert set(narrow.loc[told, "rule"]) == set(ORIGINS) - {"1:5"}
    reach, more = narrow["high"] - narrow["low"], wide["high"] - wide["low"]
    assert (more > reach)[told].all()


def test_what_a_book_cannot_tell_says_why() -> None:
    whole = book()
    worth = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    for column in ("customer_id", "date", "channel"):
        mute = book(contacts=whole.contacts.drop(columns=column))
        told = rules_of_thumb(mute, as_of=AS_OF, contribution=worth)
        assert row(told, "1:5")["note"] == "needs contacts with their channel"
    for column in ("closed_date", "closure_reason"):
        mute = book(customers=whole.customers.drop(columns=column))
        told = rules_of_thumb(mute, as_of=AS_OF, contribution=worth)
        lost = told[told["rule"] == "14:9:9:68"]
        assert lost["note"].tolist() == ["needs closed customers with their reasons"] * 4
        assert lost["shows"].isna().all()
    bare = book(contacts=None, customers=book().customers[["customer_id"]], accounts=None,
                balances=None, loans=None, complaints=None)  # fmt: skip
    found = rules_of_thumb(bare, as_of="2020-01-01")
    assert row(found, "20:80")["note"] == "the book has no profit in all to share"
    assert row(found, "1:5")["note"].startswith("needs contacts")
    assert row(found, "5:100")["note"].startswith("nobody was a customer")
    assert np.isnan(row(found, "1:1:75")["shows"])
    assert found.loc[found["rule"] == "14:9:9:68", "note"].str.startswith("needs closed").all()
    undated = book(customers=book().customers[["customer_id"]])
    worth = pd.Series({1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0})
    told = rules_of_thumb(undated, as_of=AS_OF, contribution=worth)
    assert row(told, "1:5")["note"].startswith("needs the customers' contract")
    early = rules_of_thumb(book(), as_of="2020-07-01", contribution=worth)
    assert row(early, "1:5")["note"].startswith("nobody was won or kept")


def test_full_retention_has_no_points_to_gain() -> None:
    loyal = book(customers=book().customers.drop(columns="closed_date").iloc[:1])
    found = rules_of_thumb(loyal, as_of=AS_OF, contribution=pd.Series({1: 5.0}))
    assert row(found, "5:100")["note"].startswith("nobody was lost")
    assert row(found, "20:80")["note"] == "1 customers are too few"
    early = rules_of_thumb(loyal, as_of="2019-01-01", contribution=pd.Series({1: 5.0}))
    assert early.loc[early["rule"] == "25:45:30", "shows"].isna().all()


def test_fewer_points_than_five_are_said() -> None:
    size = 100
    many = book(
        customers=pd.DataFrame({"customer_id": range(size)}),
        transactions=pd.DataFrame({
            "customer_id": [*range(size), *range(98)],
            "date": day(["2025-03-01"] * size + ["2026-03-01"] * 98),
            "amount": 1.0,
        }),
        accounts=None, balances=None, loans=None,
    )  # fmt: skip
    found = rules_of_thumb(many, as_of=AS_OF, contribution=pd.Series(1.0, range(size)))
    five = row(found, "5:100")
    assert five["note"].endswith("only 2.0% are left to gain")
    assert five["shows"] == pytest.approx((1.1 - 0.98) / (1.1 - 1.0) - 1)
    assert five["low"] <= five["shows"] <= five["high"]


def test_rules_refuse_what_they_cannot_read() -> None:
    with pytest.raises(DataError, match="missing for 3 of 4 customers"):
        rules_of_thumb(book(), as_of=AS_OF, contribution=pd.Series({1: 1.0}))
    odd = book().customers.assign(
        closure_reason=["vexed", "gone", "old", "away"], closed_date=pd.Timestamp("2026-03-01")
    )
    with pytest.raises(DataError, match="4 rows hold reasons that the policy does not know"):
        rules_of_thumb(book(customers=odd), as_of=AS_OF, contribution=pd.Series(1.0, [1, 2, 3, 4]))


def test_a_proportions_interval() -> None:
    """Newcombe (1998), table I: 81 of 263 and 15 of 148."""
    assert wilson(81, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148, 0.95) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20, 0.95) == pytest.approx((0, 0.1611), abs=5e-5)
    assert np.isnan(wilson(0, 0, 0.95)).all()


def test_eighty_twenty_is_a_statement() -> None:
    u = (np.arange(1000) + 0.5) / 1000
    exact = is_eighty_twenty((1 - u) ** -0.93, seed=1)
    assert exact.within
    assert "as the rule says" in str(exact)
    flat = is_eighty_twenty(np.ones(500) + np.arange(500) / 1000, seed=1)
    assert not flat.within
    assert "below its 80 %" in flat.statement
    steep = is_eighty_twenty([0.01] * 900 + [100.0] * 150, seed=1)
    assert "above its 80 %" in steep.statement


# --- policy


def test_presets_have_the_same_names_as_the_defaults() -> None:
    defaults = default_policy("valuation")
    assert presets("valuation") == ("czk_1993", "private_banking")
    for name in presets("valuation"):
        preset = default_policy("valuation", name)
        assert set(preset.parameters) == set(defaults.parameters)
        assert set(preset.tables) == set(defaults.tables)
        assert Rates.from_policy(preset).day_count == "ACT/365"


def test_every_figure_is_cited() -> None:
    for name in (None, *presets("valuation")):
        policy = default_policy("valuation", name)
        for versions in policy.parameters.values():
            assert all(v.source for v in versions)
        assert all(m["source"] for m in policy.raw_records["measures"])
        assert all(rule.source for rule in policy.table("grade").rules)
