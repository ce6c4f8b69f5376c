"""A small book made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from bankcrm.book import Book

AS_OF = "2026-06-30"
day = pd.to_datetime


def book(**changes: Any) -> Book:
    """The book, with other frames in the place of some of its own."""
    frames: dict[str, Any] = {
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
    return Book(**{**frames, **changes})
