"""Indicators of 500 employees over 12 months beside the bare group-by of pandas.

The rows are one per customer and month. The rival sums them by employee and month, with the
employee already on each row.

    python benchmarks/bench_scorecards.py [--quick]
"""

from __future__ import annotations

import argparse
from functools import partial

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


def owners_of(owner: np.ndarray, changing: int) -> pd.DataFrame:
    """Who looks after whom, where the first customers change their owner in June."""
    held = pd.DataFrame({"customer_id": np.arange(len(owner)), "employee_id": owner})
    before = held[:changing].assign(until=pd.Timestamp("2025-05-31"))
    after = held[:changing].assign(since=pd.Timestamp("2025-06-01"))
    after["employee_id"] = (after["employee_id"] + 1) % EMPLOYEES
    return pd.concat([before, after, held[changing:]], ignore_index=True)


def bench_values(customers: int) -> None:
    rows = rows_of(customers)
    owner = np.random.default_rng(2).integers(0, EMPLOYEES, customers)
    named = rows.assign(employee_id=np.tile(owner, MONTHS))
    label = f"{customers:,} customers, {EMPLOYEES} employees, {MONTHS} months"
    rival = {"bare group-by": lambda: bare(named)}
    assert np.allclose(ours(named), bare(named))  # noqa: S101
    compare(f"Indicators, {label}, employee on the row", lambda: ours(named), rival, limit=3)
    late = (rows["date"] >= "2025-06-01").to_numpy()
    for text, share in (("one owner each", 0), ("2 % change", 0.02), ("all change", 1)):
        changing = int(share * customers)
        held = owners_of(owner, changing)
        moved = late & (rows["customer_id"] < changing).to_numpy()
        then = np.where(moved, (named["employee_id"] + 1) % EMPLOYEES, named["employee_id"])
        assert np.allclose(ours(rows, held), bare(rows.assign(employee_id=then)))  # noqa: S101
        call = partial(ours, rows, held)
        compare(f"Indicators, {label}, {text}", call, rival, limit=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the customers")
    bench_values(100_000 if parser.parse_args().quick else 1_000_000)


if __name__ == "__main__":
    main()
