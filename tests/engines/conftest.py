"""Random books, a Spark session where there is one, and the comparison of frames."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("duckdb", reason="duckdb is not installed (extra engines)")
pytest.importorskip("sqlglot", reason="sqlglot is not installed (extra engines)")


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A local Spark session; tests that need it are left out without Java or pyspark."""
    pyspark = pytest.importorskip("pyspark.sql", reason="pyspark is not installed (extra spark)")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("Spark tests left out: no Java on this machine")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python is ours
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.driver.memory": "1g",
        "spark.log.level": "OFF",
    }
    builder = pyspark.SparkSession.builder.master("local[2]").appName("bankcrm-tests")
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    yield session
    session.stop()


def assert_same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """The same rows, columns and values: floats to 1e-9 relative, all nulls alike."""
    assert list(left.columns) == list(right.columns)
    left, right = left.sort_index(), right.sort_index()
    assert left.index.tolist() == right.index.tolist()
    for name in left.columns:
        a, b = _plain(left[name]), _plain(right[name])
        if a.dtype.kind == "f" and b.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert a.tolist() == b.tolist(), name


def _plain(values: pd.Series) -> Any:
    numeric = pd.api.types.is_numeric_dtype(values.dtype)
    if numeric and not pd.api.types.is_bool_dtype(values.dtype):
        return values.to_numpy(dtype=np.float64, na_value=np.nan)
    if values.dtype.kind == "M":
        return values.astype("datetime64[s]").to_numpy().astype("int64")
    return values.astype(object).where(values.notna(), None).to_numpy()


KINDS = ["salary", "card", "fee", "interest", "penalty_interest", "standing_order", "cash_out"]
DAY = pd.Timestamp("2026-06-30")


def random_frames(seed: int, customers: int = 12, moves: int = 60) -> dict[str, pd.DataFrame]:
    """A small book with gaps of every sort: nulls, absent columns, dates after the day."""
    rng = np.random.default_rng(seed)

    def dates(size: int, nulls: float = 0.0) -> pd.Series:
        days = pd.Series(DAY + pd.to_timedelta(rng.integers(-500, 30, size), unit="D"))
        return days.mask(rng.random(size) < nulls).astype("datetime64[s]")

    def words(choices: list[str], size: int, nulls: float = 0.0) -> pd.Series:
        values = pd.Series(rng.choice(choices, size), dtype=object)
        return values.where(rng.random(size) >= nulls, None)

    ids = rng.permutation(customers) + 1
    text_ids = rng.random() < 0.3
    names = np.array([f"c'{i}" for i in range(customers + 1)], dtype=object)

    def owner(size: int) -> Any:
        code = rng.integers(1, customers + 1, size)
        return names[code] if text_ids else code

    people = pd.DataFrame(
        {
            "customer_id": names[ids] if text_ids else ids,
            "kind": rng.choice(["person", "company"], customers),
            "contract_date": dates(customers, 0.4),
            "closed_date": dates(customers, 0.7),
            "first_contact_date": dates(customers, 0.5),
            "inquiry_date": dates(customers, 0.6),
        }
    )
    absent = [c for c in people.columns[2:] if rng.random() < 0.15]
    transactions = pd.DataFrame(
        {
            "customer_id": owner(moves),
            "account_id": rng.integers(1, 20, moves),
            "date": dates(moves),
            "amount": rng.choice([0.0, -1.0, 1.0], moves)
            * rng.integers(0, 10**6, moves) / 100,
            "kind": words(KINDS, moves, 0.1),
            "channel": words(["branch", "mobile"], moves, 0.3),
        }
    )  # fmt: skip
    if rng.random() < 0.15:
        transactions = transactions.iloc[:0]
    accounts = pd.DataFrame(
        {
            "account_id": np.arange(1, 20),
            "customer_id": owner(19),
            "product": rng.choice(["demand", "term", "fund", "credit_card"], 19),
            "opened_date": dates(19),
            "closed_date": dates(19, 0.7),
        }
    )
    contacts = pd.DataFrame(
        {
            "contact_id": np.arange(15),
            "customer_id": owner(15),
            "date": dates(15),
            "channel": rng.choice(["phone", "branch"], 15),
            "purpose": words(["contact", "inquiry", "campaign", "greeting"], 15, 0.2),
        }
    )
    balances = pd.DataFrame(
        {
            "account_id": rng.integers(1, 20, 40),
            "customer_id": owner(40),
            "date": dates(40),
            "balance": rng.integers(-(10**6), 10**7, 40) / 100,
        }
    ).drop_duplicates(["account_id", "customer_id", "date"])
    complaints = pd.DataFrame(
        {
            "complaint_id": np.arange(8),
            "customer_id": pd.Series(owner(8), dtype=object).where(rng.random(8) > 0.2, None),
            "received_at": dates(8).dt.tz_localize("UTC"),
            "answered_at": dates(8, 0.5).dt.tz_localize("UTC"),
        }
    )
    if not text_ids:
        complaints["customer_id"] = complaints["customer_id"].astype("Int64")
    frames = {
        "customers": people.drop(columns=absent),
        "transactions": transactions,
        "accounts": accounts,
        "contacts": contacts,
        "balances": balances,
        "complaints": complaints,
    }
    for name in ("accounts", "contacts"):
        if rng.random() < 0.2:
            del frames[name]
    return frames
