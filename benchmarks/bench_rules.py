"""Decision tables against hand-written numpy.select, and one decision in microseconds.

    python benchmarks/bench_rules.py [--quick]

Five rules over three facts. The hand-written rival reads the same columns to the same answer: an
outcome a row, as a categorical. Where facts may be missing it does what such code does, and lets
a null fail its comparison; ours also finds the rows that a missing fact stops, and names the fact.
"""

from __future__ import annotations

import sys
import timeit
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.rules import DecisionTable, Rule
from timing import compare, peak_memory_mb

OUTCOMES = ["lost", "dormant", "new", "active", "rest"]
TABLE = DecisionTable(
    "stage",
    outcomes=OUTCOMES,
    facts={
        "closed": "boolean",
        "idle": {"type": "number", "minimum": 0},
        "ratio": {"type": "number", "minimum": 0},
    },
    rules=(
        Rule("closed", {"closed": "= true"}, "lost"),
        Rule("gone", {"idle": ">= 365"}, "lost"),
        Rule("quiet", {"idle": "[90..365)", "ratio": "< 0.5"}, "dormant"),
        Rule("new", {"idle": "< 30", "ratio": "> 1.5"}, "new"),
        Rule("otherwise", {}, "active"),
    ),
)


def book(rows: int, nulls: float) -> pd.DataFrame:
    """Facts of a bank's customers, a share of them missing in every column."""
    random = np.random.default_rng(7)
    closed: Any = pd.array(random.random(rows) < 0.05, dtype="boolean")
    idle, ratio = random.exponential(200, rows), random.gamma(2.0, 0.5, rows)
    if nulls:
        closed[random.random(rows) < nulls] = pd.NA
        idle[random.random(rows) < nulls] = np.nan
        ratio[random.random(rows) < nulls] = np.nan
    return pd.DataFrame(
        {"closed": closed if nulls else closed.to_numpy(bool), "idle": idle, "ratio": ratio}
    )


def by_hand(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rules as somebody writes them with numpy.select."""
    closed = frame["closed"].to_numpy(bool, na_value=False)
    idle, ratio = frame["idle"].to_numpy(), frame["ratio"].to_numpy()
    rule = np.select(
        [
            closed,
            idle >= 365,
            (idle >= 90) & (idle < 365) & (ratio < 0.5),
            (idle < 30) & (ratio > 1.5),
        ],
        [0, 1, 2, 3],
        default=4,
    )
    outcome = np.array([0, 0, 1, 2, 3], np.int8)[rule]
    rules = ["closed", "gone", "quiet", "new", "otherwise"]
    return pd.DataFrame(
        {
            "outcome": pd.Categorical.from_codes(outcome, categories=OUTCOMES),
            "rule": pd.Categorical.from_codes(rule, categories=rules),
        },
        index=frame.index,
    )


def main() -> None:
    rows = 100_000 if "--quick" in sys.argv else 1_000_000
    complete, holes = book(rows, 0.0), book(rows, 0.05)
    same = TABLE.decide_frame(complete)["outcome"] == by_hand(complete)["outcome"]
    print(f"{rows:,} rows, 5 rules, 3 facts; same outcomes: {bool(same.all())}")
    compare(
        "complete facts, against numpy.select",
        lambda: TABLE.decide_frame(complete),
        lambda: by_hand(complete),
        limit=1.5,
        repeat=9,
    )
    compare(
        "nulls in every fact, against numpy.select",
        lambda: TABLE.decide_frame(holes, on_missing="undecided"),
        lambda: by_hand(holes),
        limit=3.0,
        repeat=9,
    )
    row = {"closed": False, "idle": 100.0, "ratio": 0.7}
    TABLE.decide(row)
    each = min(timeit.repeat(lambda: TABLE.decide(row), number=5_000, repeat=5)) / 5_000 * 1e6
    verdict = "ok" if each < 20 else "MISSED"
    print(f"{'decide one mapping':<58} {each:9.2f} microseconds  limit 20  {verdict}")
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
