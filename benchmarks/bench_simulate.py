"""What would change for a million customers, by two sets of policies over five tables.

    python benchmarks/bench_simulate.py [--quick]

The rival decides every table twice with `decide_frame` and compares the outcomes with
`pandas.crosstab`, which is what one writes without `simulate`.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

from bankcrm.policy import PolicySet, default_policies, default_policy
from bankcrm.simulation import challenge, simulate, split
from timing import compare, peak_memory_mb

TABLES = ("tier_standing", "tier_value", "tier_growth", "tier", "resource_level")
OUTCOMES = ("standing", "value_level", "growth_level", "tier", "level")


def book(rows: int) -> pd.DataFrame:
    random = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "credit_standing": pd.Categorical.from_codes(
                random.choice(3, rows, p=[0.9, 0.07, 0.03]), ["good", "watch", "bad"]
            ),
            "risk": random.uniform(0, 100, rows),
            "contribution": random.lognormal(7, 2, rows) - 500,
            "value_score": random.uniform(0, 100, rows),
            "growth": random.uniform(0, 100, rows),
        },
        index=pd.RangeIndex(rows, name="customer_id"),
    )


def by_hand(facts: pd.DataFrame, current: PolicySet, proposed: PolicySet) -> list[pd.DataFrame]:
    sides = []
    for policies in (current, proposed):
        known = facts.copy()
        for table, outcome in zip(TABLES, OUTCOMES, strict=True):
            decided = policies["segmentation"].table(table).decide_frame(known)
            known[outcome] = decided["outcome"]
        sides.append(known)
    return [pd.crosstab(sides[0][name], sides[1][name]) for name in OUTCOMES]


def main() -> None:
    rows = 100_000 if "--quick" in sys.argv else 1_000_000
    facts = book(rows)
    current = default_policies()
    segmentation = default_policy("segmentation")
    half = segmentation.value("key_contribution") / 2
    changed = segmentation.with_parameters(key_contribution=half, restricted_risk=70)
    proposed = current.with_policy(changed)
    impact = simulate(facts, current, proposed)
    print(f"{rows:,} customers, {len(impact.decisions)} tables, {len(impact.moved):,} move")
    compare(
        "simulate, against decide_frame and crosstab",
        lambda: simulate(facts, current, proposed),
        lambda: by_hand(facts, current, proposed),
        repeat=3,
    )
    start = time.perf_counter()
    simulate(facts, current, proposed)
    seconds = time.perf_counter() - start
    verdict = "ok" if seconds < 5 else "MISSED"
    print(f"{'simulate':<58} {seconds:9.2f} s  limit 5  {verdict}")
    start = time.perf_counter()
    split(facts.index, share=0.1, trial="spring")
    print(f"{'split into champion and challenger':<58} {time.perf_counter() - start:9.2f} s")
    tier = facts[["credit_standing", "risk"]]
    one, two = (p["segmentation"].table("tier_standing") for p in (current, proposed))
    start = time.perf_counter()
    challenge(one, two, tier, share=0.1, trial="spring")
    print(f"{'challenge one table':<58} {time.perf_counter() - start:9.2f} s")
    print(f"peak memory {peak_memory_mb():.0f} MB")


if __name__ == "__main__":
    main()
