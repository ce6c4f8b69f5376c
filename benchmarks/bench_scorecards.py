"""Indicators of 500 employees over 12 months beside the bare group-by of pandas.

The rows are one per customer and month. The rival sums them by employee and month, with the
employee already on each row.

    python benchmarks/bench_scorecards.py [--quick]
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from bankcrm.scorecards import kpi_values
from timing import compare

EMPLOYEES, MONTHS = 500, 12


def rows_of(customers: int) -> pd.DataFrame:
    """One event per customer and month, with an amount."""
    random = np.random.default_rng(1)
    months = np.arange("2025-01", "2026-01", dtype="datetime64[M]").astype("datetime64[s]")
    size = customers * MONTHS
    return pd.DataFrame(
        {
            "measure": pd.Categorical.from_codes(np.zeros(size, np.int8), ["transaction_amount"]),
            "date": np.repeat(months, customers),
            "value": random.lognormal(6, 1, size),
            "customer_id": np.tile(np.arange(customers), MONTHS),
        }
    )


def bare(rows: pd.DataFrame) -> pd.Series:
    month = rows["date"].to_numpy().astype("datetime64[M]").astype(np.int64)
    return rows.groupby(["employee_id", month])["value"].sum()


def ours(rows: pd.DataFrame, held: pd.DataFrame | None = None) -> pd.Series:
    found = kpi_values(rows, as_of="2025-12-31", by="employee_id", assignments=held)
    return found["value"][(found["kpi"] == "transaction_amount").to_numpy()]


def bench_values(customers: int) -> None:
    rows = rows_of(customers)
    owner = np.random.default_rng(2).integers(0, EMPLOYEES, customers)
    held = pd.DataFrame({"customer_id": np.arange(customers), "employee_id": owner})
    moved = held.assign(since=pd.to_datetime("2025-06-01"))
    first = held.assign(until=pd.to_datetime("2025-05-31"))
    dated = pd.concat([first, moved.assign(employee_id=owner[::-1])], ignore_index=True)
    named = rows.assign(employee_id=np.tile(owner, MONTHS))
    for found in (ours(named), ours(rows, held)):
        assert np.allclose(found, bare(named))  # noqa: S101
    label = f"{customers:,} customers, {EMPLOYEES} employees, {MONTHS} months"
    rival = {"bare group-by": lambda: bare(named)}
    compare(f"Indicators, {label}, employee on the row", lambda: ours(named), rival, limit=3)
    compare(f"Indicators, {label}, one owner each", lambda: ours(rows, held), rival, limit=3)
    compare(f"Indicators, {label}, every owner changes once", lambda: ours(rows, dated), rival)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the customers")
    bench_values(100_000 if parser.parse_args().quick else 1_000_000)


if __name__ == "__main__":
    main()
