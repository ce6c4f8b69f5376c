"""RFM metrics beside DuckDB, Polars and pandas; scores, allocation, and one customer.

Run ``python benchmarks/bench_segmentation.py`` (about five minutes, 6 GB) or with ``--quick``. The
rivals group a table of their own, ready made; ours also checks the rows and sorts the customers.
The comparison with lifetimes needs ``pip install lifetimes==0.11.3`` (it brings autograd along);
without it that line is left out and says so.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    allocate,
    assign_tiers,
    fit_rfm,
    rfm_metrics,
    score_rfm,
    segment_rfm,
)
from rivals import rival
from timing import Call, compare, peak_memory_mb, within

AS_OF = "2024-01-01"


def book(rows: int, kind: str) -> pd.DataFrame:
    """Transactions of ``rows / 20`` customers over two years, in random order."""
    rng = np.random.default_rng(20260630)
    ids = rng.integers(0, rows // 20, rows)
    days = rng.integers(0, 730, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "customer_id": _ids(ids, kind),
            "date": (np.datetime64("2022-01-01") + days).astype("datetime64[us]"),
            "amount": np.round(rng.gamma(2.0, 50.0, rows), 2),
        }
    )


def _ids(ids: np.ndarray, kind: str) -> object:
    if kind == "dense":
        return ids
    spread = ids * 1_000_003 + 17
    if kind == "scattered":
        return spread
    texts = "C" + pd.Series(spread).astype(str)
    return texts.astype(object) if kind == "object" else pd.array(texts)


def rivals_of(frame: pd.DataFrame) -> dict[str, Call]:
    """The same three numbers by one grouping of pandas, Polars and DuckDB."""
    found: dict[str, Call] = {"pandas": lambda: by_pandas(frame)}
    if (pl := rival("polars")) is not None:
        query = pl.from_pandas(frame).lazy().group_by("customer_id").agg(
            last=pl.col("date").max(), frequency=pl.len(), monetary=pl.col("amount").sum()
        )  # fmt: skip
        found["Polars"] = query.collect
    if (duckdb := rival("duckdb")) is not None:
        connection = duckdb.connect()
        connection.register("given", frame)
        connection.execute("CREATE TABLE moves AS SELECT * FROM given")
        connection.unregister("given")
        sql = "SELECT customer_id, max(date), count(*), sum(amount) FROM moves GROUP BY 1"
        found["DuckDB, native table"] = lambda: connection.sql(sql).to_arrow_table()
    return found


def by_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """The same three numbers by one groupby-agg of pandas."""
    return frame.groupby("customer_id").agg(
        last=("date", "max"), frequency=("date", "size"), monetary=("amount", "sum")
    )


def by_numba(frame: pd.DataFrame) -> Call | None:
    """The same three numbers by one compiled loop with a hash table of whole numbers."""
    if (numba := rival("numba")) is None:
        return None

    def loop(ids: Any, day: Any, amount: Any, size: int) -> tuple[Any, Any, Any, Any]:
        held = np.full(size, -1, np.int64)
        last, count, money = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size)
        for i in range(len(ids)):
            place = (np.uint64(ids[i]) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(40)
            place = place & np.uint64(size - 1)
            while held[place] not in (-1, ids[i]):
                place = (place + np.uint64(1)) & np.uint64(size - 1)
            held[place] = ids[i]
            last[place] = max(last[place], day[i])
            count[place] += 1
            money[place] += amount[i]
        return held, last, count, money

    compiled = numba.njit(loop)
    size = 1 << (2 * frame["customer_id"].nunique()).bit_length()
    day = frame["date"].to_numpy().view(np.int64)

    def run() -> pd.DataFrame:
        amount = frame["amount"].to_numpy()
        held, last, count, money = compiled(frame["customer_id"].to_numpy(), day, amount, size)
        some = held >= 0
        columns = {"last": last[some], "frequency": count[some], "monetary": money[some]}
        return pd.DataFrame(columns, index=held[some])

    return run


def by_partition(metrics: pd.DataFrame) -> list[np.ndarray]:
    """Cut points by one partition and scores by searchsorted, for each metric."""
    scores = []
    for name in metrics:
        values = metrics[name].to_numpy()
        at = [int(q * (len(values) - 1)) for q in (0.2, 0.4, 0.6, 0.8)]
        scores.append(np.searchsorted(np.partition(values, at)[at], values))
    return scores


def metrics_of(customers: int) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "recency_days": rng.integers(0, 730, customers),
            "frequency": rng.geometric(0.1, customers),
            "monetary": rng.gamma(2.0, 50.0, customers),
        }
    )


def lifetimes_line(rows: int) -> None:
    try:
        from lifetimes.utils import summary_data_from_transaction_data
    except ImportError as error:
        print(f"RFM metrics against lifetimes: left out ({error})")
        return
    for kind in ("dense", "scattered"):
        frame = book(rows, kind)
        compare(
            f"RFM metrics by day, {rows:,} rows, {kind} ids, against lifetimes",
            lambda frame=frame: rfm_metrics(frame, as_of=AS_OF, count="days"),
            lambda frame=frame: summary_data_from_transaction_data(
                frame, "customer_id", "date", "amount", observation_period_end=AS_OF
            ),
            limit=1 / 15,
            repeat=1,
        )


def main(quick: bool) -> None:
    rows = 2_000_000 if quick else 20_000_000
    for kind in ("dense", "scattered", "text", "object"):
        frame = book(rows, kind)
        compare(
            f"RFM metrics, {rows:,} rows, {kind} ids",
            lambda frame=frame: rfm_metrics(frame, as_of=AS_OF),
            rivals_of(frame),
            limit=1.2,
            repeat=5,
        )
        if kind in ("dense", "scattered") and (compiled := by_numba(frame)):
            if not compiled()["frequency"].sort_index().equals(by_pandas(frame)["frequency"]):
                raise SystemExit("numba's loop and pandas differ")
            compare(
                f"RFM metrics, {rows:,} rows, {kind} ids, beside a compiled loop",
                lambda frame=frame: rfm_metrics(frame, as_of=AS_OF),
                {"numba": compiled},
            )
        del frame
    lifetimes_line(200_000 if quick else 5_000_000)
    metrics = metrics_of(rows // 2)
    compare(
        f"RFM cut points and scores, {len(metrics):,} customers, against partition",
        lambda: score_rfm(metrics, fit_rfm(metrics)),
        lambda: by_partition(metrics),
        limit=2.0,
        repeat=3,
    )
    customers = 100_000 if quick else 1_000_000
    facts = pd.DataFrame({"contribution": np.random.default_rng(3).normal(5e3, 2e4, customers)})
    tiers = assign_tiers(facts)
    bounded = tiers.assign(floor=1, cap=4 * 10**9 // customers)
    for name, frame in (("", tiers), (", floors and caps", bounded)):
        within(
            f"allocate, {customers:,} customers{name}",
            lambda f=frame: allocate(f, budget=10**9),
            1.0,
            repeat=3,
        )
    thresholds, one = fit_rfm(metrics), metrics.iloc[[0]]
    within(
        "score and segment one customer",
        lambda: segment_rfm(score_rfm(one, thresholds)),
        1e-4,
        times=50,
    )
    cuts, table = thresholds.groups[0], default_policy("segmentation").table("rfm_segment")
    recency, frequency, monetary = one.iloc[0]
    within(
        "score and segment one customer, without a frame",
        lambda: table.decide(
            {
                "r": thresholds.bins - bisect_left(cuts.recency_days, recency),
                "f": 1 + bisect_left(cuts.frequency, frequency),
                "m": 1 + bisect_left(cuts.monetary, monetary),
            }
        ),
        1e-4,
        times=500,
    )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
