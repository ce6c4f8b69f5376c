"""Small random books, shared by the lifecycle tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest


class SmallBook(NamedTuple):
    customers: pd.DataFrame
    transactions: pd.DataFrame


def small_book(seed: int, customers: int = 30, movements: int = 150) -> SmallBook:
    """Customers of all sorts over four years: with and without dates, idle, closed, returned."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2022-01-01")

    def some_day(share: float) -> np.ndarray:
        day = (start + rng.integers(0, 1400, customers)).astype("datetime64[s]")
        day[rng.random(customers) > share] = np.datetime64("NaT", "D")
        return day

    ids = 100 + rng.permutation(customers)
    return SmallBook(
        pd.DataFrame(
            {
                "customer_id": ids,
                "kind": rng.choice(["person", "company"], customers),
                "first_contact_date": some_day(0.4),
                "inquiry_date": some_day(0.3),
                "contract_date": some_day(0.7),
                "closed_date": some_day(0.2),
            }
        ),
        pd.DataFrame(
            {
                "customer_id": rng.choice(ids[: max(customers * 2 // 3, 1)], movements),
                "date": (start + rng.integers(0, 1400, movements)).astype("datetime64[s]"),
                "kind": rng.choice(["card", "cash_out", "interest", "fee"], movements),
                "amount": rng.normal(0, 100, movements).round(2),
            }
        ),
    )


@pytest.fixture(scope="session")
def make_small_book() -> Callable[[int], SmallBook]:
    return small_book
