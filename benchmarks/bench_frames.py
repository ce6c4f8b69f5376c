"""Frame checks on a million rows, against the least that hand-written pandas would do.

python benchmarks/bench_frames.py [--quick]
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

from bankcrm.frames import check_frame
from bankcrm.frames.arrays import codes, days, numbers
from bankcrm.models import Transaction, columns_of
from timing import compare

WORDS = ["salary", "card", "cash_in", "cash_out", "fee", "interest"]


def frame_of(rows: int, customers: int) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, customers, rows),
            "date": np.datetime64("2024-01-01", "s")
            + rng.integers(0, 700, rows) * np.timedelta64(86_400, "s"),
            "amount": rng.normal(0, 1000, rows),
            "kind": np.array(WORDS, dtype=object)[rng.integers(0, len(WORDS), rows)],
        }
    )


def by_hand(frame: pd.DataFrame) -> pd.DataFrame:
    """What a careful analyst writes: the same checks, without telling which rows."""
    day = np.datetime64("2026-06-30", "s")
    if frame[["customer_id", "date", "amount", "kind"]].isna().to_numpy().any():
        raise ValueError("null")
    if not np.isfinite(frame["amount"].to_numpy()).all():
        raise ValueError("not finite")
    if (frame["date"] > day).any() or not frame["kind"].isin(WORDS).all():
        raise ValueError("bad")
    return frame.assign(kind=frame["kind"].astype("category"))


def main() -> None:
    quick = "--quick" in sys.argv
    rows = 200_000 if quick else 1_000_000
    frame = frame_of(rows, rows // 5)
    columns = columns_of(Transaction)
    print(f"{rows:,} rows")
    compare(
        "check_frame, kinds as text",
        lambda: check_frame(frame, columns, as_of="2026-06-30"),
        lambda: by_hand(frame),
        limit=1.5,
    )
    coded = frame.assign(kind=frame["kind"].astype("category"))
    compare(
        "check_frame, kinds as categories",
        lambda: check_frame(coded, columns, as_of="2026-06-30"),
        lambda: by_hand(coded),
        limit=1.5,
    )
    ids = frame["customer_id"]
    spread = ids * 1_000_003
    text = ids.astype(str)
    for label, values in (
        ("codes, dense numbers", ids),
        ("codes, spread numbers", spread),
        ("codes, nullable numbers", ids.astype("Int64")),
        ("codes, text", text),
        ("codes, text as objects", text.astype(object)),
        ("codes, categories", text.astype("category")),
    ):
        compare(label, lambda v=values: codes(v), lambda v=values: pd.factorize(v, sort=False))
    amounts = frame["amount"].astype("Float64")
    compare(
        "numbers, nullable",
        lambda: numbers(amounts),
        lambda: amounts.to_numpy(dtype=float, na_value=np.nan),
    )
    moments = frame["date"].astype("datetime64[ns]")
    compare("days", lambda: days(moments), lambda: moments.dt.normalize())


if __name__ == "__main__":
    main()
