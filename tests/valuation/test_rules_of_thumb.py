"""The rules of thumb on a small book made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import Book
from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.valuation import contribution, is_eighty_twenty, positions_of, rules_of_thumb
from bankcrm.valuation.rules_of_thumb import ORIGINS

from .small_book import AS_OF, book, day


def row(found: pd.DataFrame, rule: str, figure: str = "") -> pd.Series:
    rows = found[(found["rule"] == rule) & found["figure"].str.contains(figure)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_rule_has_its_reference_its_observed_figure_and_its_origin() -> None:
    profit = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    found = rules_of_thumb(book(), as_of=AS_OF, contribution=profit)
    assert set(found["rule"]) == set(ORIGINS)
    assert found["origin"].str.len().min() > 10
    top = row(found, "20:80")
    assert top["observed"] == pytest.approx(0.6 * 1000 / 810)  # three customers and a prospect
    assert top["lower"] < top["observed"] < top["upper"]
    assert found.loc[found["rule"] == "25:45:30", "observed"].tolist() == [1 / 3] * 3
    assert set(found.loc[found["rule"].isin(["25:45:30", "1:1:75"]), "evidence"]) == {"unverified"}
    # One customer won by contacts for 8.0 + 12.0; two kept for 0.1 each, of whom one closed.
    assert row(found, "1:5")["observed"] == pytest.approx((8.0 + 12.0) / 1 / (0.2 / 1))
    people = book().customers
    never = people.assign(contract_date=people["contract_date"].where(people.index != 2))
    same = rules_of_thumb(book(customers=never), as_of=AS_OF, contribution=profit)
    assert (
        row(same, "1:5")["observed"] == row(found, "1:5")["observed"]
    )  # who never signs costs as well
    churn = row(found, "1:1:75")
    assert (churn["observed"], churn["sample_size"]) == (0.5, 2)
    five = row(found, "5:100")
    assert five["observed"] == pytest.approx((1.1 - 0.5) / (1.1 - 0.55) - 1)
    assert five["lower"] < five["observed"] < five["upper"]
    assert row(found, "14:9:9:68", "competition")["observed"] == 1.0
    assert row(found, "14:9:9:68", "indifference")["reference"] == 0.68
    assert found.attrs["policy"] == "bankcrm.valuation@2026.1"
    assert list(found) == [
        "rule", "figure", "reference", "observed", "lower", "upper", "sample_size", "evidence",
        "origin", "method", "note",
    ]  # fmt: skip
    counted = {
        "20:80": (3, "asymptotic"),
        "25:45:30": (3, "wilson"),
        "1:5": (4, ""),  # contacts of the year
        "5:100": (2, "wilson on retention"),
        "1:1:75": (2, "wilson"),
        "14:9:9:68": (1, "wilson"),
    }
    for _, result in found.iterrows():
        assert (result["sample_size"], result["method"]) == counted[result["rule"]]
    few = rules_of_thumb(book(), as_of="2019-01-01", contribution=profit)
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
    profit = contribution(year, policy=own, customers=customers)["contribution"]
    given = rules_of_thumb(rich, as_of=AS_OF, contribution=profit, policy=own)
    assert given["observed"].notna().all()
    pd.testing.assert_frame_equal(rules_of_thumb(rich, as_of=AS_OF, policy=own), given)


def test_a_customer_who_left_before_the_year_is_left_out() -> None:
    profit = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    left = book().customers.assign(closed_date=day([None, None, None, "2025-06-30"]))
    found = rules_of_thumb(book(customers=left), as_of=AS_OF, contribution=profit)
    assert row(found, "25:45:30", "losing")["sample_size"] == 2
    stayed = left.assign(closed_date=day([None, None, None, "2025-07-01"]))
    found = rules_of_thumb(book(customers=stayed), as_of=AS_OF, contribution=profit)
    assert row(found, "25:45:30", "losing")["sample_size"] == 3


@pytest.mark.parametrize(("signed", "won", "kept"), [
    ("2025-06-30", 1, 2), ("2025-07-01", 2, 1), ("2026-06-30", 2, 1), ("2026-07-01", 1, 1),
])  # fmt: skip
def test_who_signed_in_the_year_is_won_and_who_signed_before_is_kept(
    signed: str, won: int, kept: int
) -> None:
    """Never both: the year of 2026-06-30 begins on 2025-07-01."""
    people = book().customers
    people = people.assign(contract_date=people["contract_date"].mask(people.index == 2, signed))
    note = row(rules_of_thumb(book(customers=people), as_of=AS_OF), "1:5")["note"]
    assert f"for each of {won} won" in note
    assert f"for each of {kept} kept" in note


def test_the_figures_of_the_rules_are_the_policys() -> None:
    profit = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    own = default_policy("valuation").with_parameters(
        rule_top_share=0.5, rule_top_profit=0.9, rule_marginal=300.0, rule_churn=0.4,
        rule_keep_win=7.0, rule_five_points=0.1, rule_five_points_effect=0.6, discount_rate=0.2,
    )  # fmt: skip
    found = rules_of_thumb(book(), as_of=AS_OF, contribution=profit, policy=own)
    top = row(found, "20:80")
    assert (top["figure"], top["reference"]) == ("profit share of the best 50%", 0.9)
    assert top["observed"] == pytest.approx((1000 + 0.5 * 10) / 810)
    assert row(found, "25:45:30", "marginal")["observed"] == pytest.approx(2 / 3)
    assert row(found, "1:5")["reference"] == 7
    assert row(found, "1:1:75")["reference"] == 0.4
    five = row(found, "5:100")
    assert (five["figure"], five["reference"]) == ("more customer value by 10% more retention", 0.6)
    assert five["observed"] == pytest.approx((1.2 - 0.5) / (1.2 - 0.6) - 1)
    assert five["note"] == "at a retention of 50.0% and a discount of 20% a year"


def test_a_higher_confidence_gives_wider_intervals() -> None:
    profit = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    narrow, wide = (
        rules_of_thumb(book(), as_of=AS_OF, contribution=profit, confidence=confidence)
        for confidence in (0.5, 0.99)
    )
    result = narrow["lower"].notna()
    assert set(narrow.loc[result, "rule"]) == set(ORIGINS) - {"1:5"}
    reach, more = narrow["upper"] - narrow["lower"], wide["upper"] - wide["lower"]
    assert (more > reach)[result].all()


def test_a_figure_that_the_book_does_not_record_says_why() -> None:
    whole = book()
    profit = pd.Series({1: 1000.0, 2: 10.0, 3: 0.0, 4: -200.0})
    for column in ("customer_id", "date", "channel"):
        mute = book(contacts=whole.contacts.drop(columns=column))
        with pytest.raises(DataError, match=f"contacts.{column}: missing column"):
            rules_of_thumb(mute, as_of=AS_OF, contribution=profit)
    found = rules_of_thumb(book(contacts=None), as_of=AS_OF, contribution=profit)
    assert row(found, "1:5")["note"] == "needs contacts with their channel"
    for column in ("closed_date", "closure_reason"):
        mute = book(customers=whole.customers.drop(columns=column))
        result = rules_of_thumb(mute, as_of=AS_OF, contribution=profit)
        lost = result[result["rule"] == "14:9:9:68"]
        assert lost["note"].tolist() == ["needs closed customers with their reasons"] * 4
        assert lost["observed"].isna().all()
    bare = book(contacts=None, customers=book().customers[["customer_id"]], accounts=None,
                balances=None, loans=None, complaints=None)  # fmt: skip
    found = rules_of_thumb(bare, as_of="2020-01-01")
    assert row(found, "20:80")["note"] == "0 customers; at least 3 are needed"
    assert row(found, "1:5")["note"].startswith("needs contacts")
    assert row(found, "5:100")["note"].startswith("there was no customer")
    assert np.isnan(row(found, "1:1:75")["observed"])
    assert found.loc[found["rule"] == "14:9:9:68", "note"].str.startswith("needs closed").all()
    undated = book(customers=book().customers[["customer_id"]])
    profit = pd.Series({1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0})
    result = rules_of_thumb(undated, as_of=AS_OF, contribution=profit)
    assert row(result, "1:5")["note"].startswith("needs the customers' contract")
    early = rules_of_thumb(book(), as_of="2020-07-01", contribution=profit)
    assert row(early, "1:5")["note"].startswith("nobody was won or kept")


def test_profits_that_sum_to_nothing_have_no_shares() -> None:
    found = rules_of_thumb(book(), as_of=AS_OF, contribution=pd.Series(0.0, [1, 2, 3, 4]))
    assert row(found, "20:80")["note"] == "the profits of the book do not sum to more than 0"


@pytest.mark.parametrize(
    ("kind", "lost"), [("card", 0), ("salary", 0), ("interest", 1), ("standing_order", 1)]
)
def test_churn_counts_customers_without_a_movement_of_their_own_as_lost(
    kind: str, lost: int
) -> None:
    moves = pd.DataFrame({"customer_id": 1, "date": day(["2025-03-01", "2026-03-01"]),
                          "amount": 5.0, "kind": ["card", kind]})  # fmt: skip
    quiet = Book(pd.DataFrame({"customer_id": [1]}), moves)
    churn = row(rules_of_thumb(quiet, as_of=AS_OF, contribution=pd.Series({1: 5.0})), "1:1:75")
    assert (churn["observed"], churn["sample_size"]) == (lost, 1)


def test_a_customer_who_returns_after_the_closing_is_kept() -> None:
    people = pd.DataFrame({"customer_id": [1], "contract_date": day(["2020-01-01"]),
                           "closed_date": day(["2025-09-01"])})  # fmt: skip
    moves = pd.DataFrame({"customer_id": 1, "date": day(["2025-03-01", "2026-03-01"]),
                          "amount": 5.0, "kind": "card"})  # fmt: skip
    profit = pd.Series({1: 5.0})
    for rows, lost in ((moves, 0), (moves.iloc[:1], 1)):
        churn = row(rules_of_thumb(Book(people, rows), as_of=AS_OF, contribution=profit), "1:1:75")
        assert (churn["observed"], churn["sample_size"]) == (lost, 1)


def test_full_retention_has_no_points_to_gain() -> None:
    whole = book()
    loyal = Book(
        whole.customers.drop(columns=["closed_date", "closure_reason"]).iloc[:1],
        whole.transactions.query("customer_id == 1"),
    )
    found = rules_of_thumb(loyal, as_of=AS_OF, contribution=pd.Series({1: 5.0}))
    assert row(found, "5:100")["note"].startswith("nobody was lost")
    assert row(found, "20:80")["note"] == "1 customers; at least 3 are needed"
    early = rules_of_thumb(loyal, as_of="2019-01-01", contribution=pd.Series({1: 5.0}))
    assert early.loc[early["rule"] == "25:45:30", "observed"].isna().all()


def test_fewer_points_than_five_are_noted() -> None:
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
    assert five["observed"] == pytest.approx((1.1 - 0.98) / (1.1 - 1.0) - 1)
    assert five["lower"] <= five["observed"] <= five["upper"]


def test_rules_refuse_what_they_cannot_read() -> None:
    with pytest.raises(DataError, match="missing for 3 of 4 customers"):
        rules_of_thumb(book(), as_of=AS_OF, contribution=pd.Series({1: 1.0}))
    odd = book().customers.assign(
        closure_reason=["vexed", "gone", "old", "away"], closed_date=pd.Timestamp("2026-03-01")
    )
    with pytest.raises(DataError, match="4 rows hold reasons that the policy does not know"):
        rules_of_thumb(book(customers=odd), as_of=AS_OF, contribution=pd.Series(1.0, [1, 2, 3, 4]))


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
