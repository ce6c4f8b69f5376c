"""Association rules: published counts on Groceries, and a naive count on small books."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bankcrm.errors import DataError
from bankcrm.marketing import product_rules


@pytest.fixture(scope="module")
def groceries(shared_data: Path) -> pd.DataFrame:
    baskets = pd.read_parquet(shared_data / "groceries" / "baskets.parquet")
    labels = pd.read_csv(shared_data / "groceries" / "items.csv")
    found = pd.crosstab(baskets["basket"], baskets["item"]) > 0
    return found.rename(columns=dict(labels.iloc[:, :2].itertuples(index=False, name=None)))


@pytest.mark.parametrize(("share", "confidence", "rules"), [(0.006, 0.25, 463), (0.01, 0.5, 15)])
def test_published_counts(
    groceries: pd.DataFrame, share: float, confidence: float, rules: int
) -> None:
    found = product_rules(groceries, min_share=share, min_confidence=confidence, max_products=6)
    assert len(found) == rules


def test_published_top_rules(groceries: pd.DataFrame) -> None:
    found = product_rules(groceries, min_share=0.001, min_confidence=0.5, max_products=6)
    assert len(found) == 5_668
    strict = found[found["confidence"] >= 0.8]
    assert len(strict) == 410
    top = strict.iloc[0]
    assert set(top["if_held"]) == {"liquor", "red/blush wine"}
    assert top["then"] == "bottled beer"
    assert round(top["support"], 9) == 0.001931876
    assert round(top["confidence"], 7) == 0.9047619
    assert round(top["lift"], 6) == 11.235269
    assert round(top["conviction"], 5) == 9.65445
    assert round(found["lift"].iloc[0], 6) == 18.995654


def figures(both: int, have: int, then: int, total: int = 40) -> tuple[float, ...]:
    """The figures of a rule, in the order of the columns."""
    base, confidence = then / total, both / have
    low, high = stats.binomtest(both, have).proportion_ci(method="wilson")
    conviction = (1 - base) / (1 - confidence) if both < have else np.inf
    lifts = (confidence / base, low / base, high / base)
    return (both / total, confidence, *lifts, conviction, both, have - both)


@given(st.integers(0, 10_000), st.integers(1, 5))
def test_rules_are_naive_counts(seed: int, products: int) -> None:
    rng = np.random.default_rng(seed)
    held = pd.DataFrame(
        rng.random((40, products)) < rng.random(products), columns=list("edcba")[:products]
    )
    found = product_rules(held, min_share=0.1, min_confidence=0.3, max_products=4)
    wanted = {}
    for size in range(2, 5):
        for items in combinations(sorted(held.columns), size):
            both = int(held[list(items)].all(axis=1).sum())
            for then in items:
                left = tuple(i for i in items if i != then)
                have = int(held[list(left)].all(axis=1).sum())
                if both >= 4 and both >= 0.3 * have:
                    wanted[left, then] = figures(both, have, int(held[then].sum()))
    rows = found.set_index(["if_held", "then"]).drop(columns="q_value")
    assert {key: tuple(row) for key, row in zip(rows.index, rows.values, strict=True)} == {
        key: pytest.approx(row) for key, row in wanted.items()
    }
    chances = [
        stats.hypergeom.sf(r.customers - 1, 40, held[r.then].sum(), r.customers + r.new_customers)
        for r in found.itertuples()
    ]
    expected = stats.false_discovery_control(chances) if chances else []
    assert found["q_value"].tolist() == pytest.approx(list(expected))
    mixed = held.sample(frac=1, random_state=seed)[list(rng.permutation(held.columns))]
    again = product_rules(mixed, min_share=0.1, min_confidence=0.3, max_products=4)
    pd.testing.assert_frame_equal(again, found)


def test_independent_products_make_no_discovery() -> None:
    rng = np.random.default_rng(2)
    held = pd.DataFrame(rng.random((4_000, 8)) < 0.3, columns=list("abcdefgh"))
    found = product_rules(held, min_confidence=0.0, max_products=2)
    assert len(found) == 56
    assert (found["q_value"] > 0.05).all()
    assert (found["lift_low"] < 1).mean() > 0.9


def test_one_customer_is_a_bank_of_its_own() -> None:
    found = product_rules(pd.DataFrame({"a": [True], "b": [True]}))
    assert (
        found[["support", "confidence", "lift", "customers"]].to_numpy().tolist() == [[1] * 4] * 2
    )


def test_unknown_holdings_are_refused() -> None:
    with pytest.raises(DataError, match=r"holdings\.a"):
        product_rules(pd.DataFrame({"a": pd.array([True, None], "boolean"), "b": [True, False]}))
    with pytest.raises(DataError, match="max_products"):
        product_rules(pd.DataFrame({"a": [True]}), max_products=1)
