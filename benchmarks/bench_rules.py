"""Decision tables and stages beside Polars, DuckDB and numba; one decision in microseconds.

    python benchmarks/bench_rules.py [--quick]

The rivals read the same columns in their own form, ready made, to the same answer: the outcome and
the rule of each row. Where facts may be missing they let a null fail its comparison; ours also
finds the rows that a missing fact stops, and names the fact.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd

from bankcrm.rules import DecisionTable, Rule
from rivals import rival
from timing import Call, compare, peak_memory_mb, within

OUTCOMES = ["lost", "dormant", "new", "active", "rest"]
RULES = ["closed", "gone", "quiet", "new", "otherwise"]
OF_RULES = ["lost", "lost", "dormant", "new", "active"]
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


def by_numpy(frame: pd.DataFrame) -> pd.DataFrame:
    """The same rules by numpy.select."""
    closed = frame["closed"].to_numpy(bool, na_value=False)
    idle, ratio = frame["idle"].to_numpy(), frame["ratio"].to_numpy()
    conditions = [
        closed,
        idle >= 365,
        (idle >= 90) & (idle < 365) & (ratio < 0.5),
        (idle < 30) & (ratio > 1.5),
    ]
    rule = np.select(conditions, [0, 1, 2, 3], default=4)
    outcome = np.array([0, 0, 1, 2, 3], np.int8)[rule]
    return pd.DataFrame(
        {
            "outcome": pd.Categorical.from_codes(outcome, categories=OUTCOMES),
            "rule": pd.Categorical.from_codes(rule, categories=RULES),
        },
        index=frame.index,
    )


def by_polars(frame: pd.DataFrame) -> Call | None:
    """The same rules as a lazy query of Polars, to enums."""
    if (pl := rival("polars")) is None:
        return None
    idle, ratio = pl.col("idle"), pl.col("ratio")
    conditions = [
        pl.col("closed"),
        idle >= 365,
        (idle >= 90) & (idle < 365) & (ratio < 0.5),
        (idle < 30) & (ratio > 1.5),
    ]

    def chosen(names: list[str], kind: object) -> Any:
        made = pl.when(conditions[0]).then(pl.lit(names[0], dtype=kind))
        for condition, name in zip(conditions[1:], names[1:], strict=False):
            made = made.when(condition).then(pl.lit(name, dtype=kind))
        return made.otherwise(pl.lit(names[-1], dtype=kind))

    query = pl.from_pandas(frame, nan_to_null=True).lazy().select(
        outcome=chosen(OF_RULES, pl.Enum(OUTCOMES)), rule=chosen(RULES, pl.Enum(RULES))
    )  # fmt: skip
    return query.collect


def by_numba(frame: pd.DataFrame) -> Call | None:
    """The same rules as one compiled loop over the rows."""
    if (numba := rival("numba")) is None:
        return None

    def loop(closed: Any, idle: Any, ratio: Any, outcome: Any, rule: Any) -> None:
        for i in range(len(idle)):
            if closed[i]:
                rule[i] = outcome[i] = 0
            elif idle[i] >= 365:
                rule[i], outcome[i] = 1, 0
            elif 90 <= idle[i] < 365 and ratio[i] < 0.5:
                rule[i], outcome[i] = 2, 1
            elif idle[i] < 30 and ratio[i] > 1.5:
                rule[i], outcome[i] = 3, 2
            else:
                rule[i], outcome[i] = 4, 3

    compiled = numba.njit(loop)

    def run() -> pd.DataFrame:
        closed = frame["closed"].to_numpy(bool, na_value=False)
        outcome, rule = np.empty((2, len(frame)), np.int8)
        compiled(closed, frame["idle"].to_numpy(), frame["ratio"].to_numpy(), outcome, rule)
        return pd.DataFrame(
            {
                "outcome": pd.Categorical.from_codes(outcome, categories=OUTCOMES),
                "rule": pd.Categorical.from_codes(rule, categories=RULES),
            },
            index=frame.index,
        )

    return run


def rivals_of(frame: pd.DataFrame) -> dict[str, Call]:
    found = {"numpy.select": lambda: by_numpy(frame)}
    if polars := by_polars(frame):
        found["Polars"] = polars
    return found


def main() -> None:
    rows = 100_000 if "--quick" in sys.argv else 1_000_000
    complete, holes = book(rows, 0.0), book(rows, 0.05)
    same = TABLE.decide_frame(complete)["outcome"] == by_numpy(complete)["outcome"]
    print(f"{rows:,} rows, 5 rules, 3 facts; same outcomes: {bool(same.all())}")
    compare(
        f"decision table, {rows:,} rows, complete facts",
        lambda: TABLE.decide_frame(complete),
        rivals_of(complete),
        limit=1.2,
        repeat=15,
    )
    compare(
        f"decision table, {rows:,} rows, nulls in every fact",
        lambda: TABLE.decide_frame(holes, on_missing="undecided"),
        rivals_of(holes),
        limit=2.0,
        repeat=15,
    )
    if compiled := by_numba(complete):
        if not compiled()["outcome"].equals(TABLE.decide_frame(complete)["outcome"]):
            raise SystemExit("the outcomes of numba's loop differ")
        compare(
            f"decision table, {rows:,} rows, beside a compiled loop",
            lambda: TABLE.decide_frame(complete),
            {"numba": compiled},
            repeat=15,
        )
    row = {"closed": False, "idle": 100.0, "ratio": 0.7}
    within("decide one mapping", lambda: TABLE.decide(row), 20e-6, times=5_000)
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
