"""Marketing: contact policy, association rules and Qini, each beside the best known way.

Other libraries: ``pip install mlxtend scikit-uplift``; without one its comparison is left out with
a message. Times are CPU seconds, the median of interleaved runs; the data is random.

    python benchmarks/bench_marketing.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import warnings

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd

from bankcrm.marketing import may_contact, product_rules, uplift_curve
from timing import compare

DAY = np.datetime64("2026-06-30")


def there(package: str) -> bool:
    if importlib.util.find_spec(package) is None:
        print(f"{package}: left out: not installed")
        return False
    return True


def bench_contacts(planned: int, past: int, customers: int) -> None:
    rng = np.random.default_rng(0)

    def contacts(rows: int, low: int, high: int) -> pd.DataFrame:
        purpose = pd.Categorical.from_codes(rng.integers(0, 2, rows), ["campaign", "greeting"])
        day = (DAY + rng.integers(low, high, rows)).astype("datetime64[s]")
        who = rng.integers(0, customers, rows)
        return pd.DataFrame({"customer_id": who, "date": day, "purpose": purpose})

    plan = contacts(planned, 0, 30).assign(channel=pd.Categorical(["phone"] * planned))
    made = contacts(past, -365, 1)
    people = pd.DataFrame(
        {"kind": pd.Categorical(["person"] * customers),
         "birth_date": np.full(customers, np.datetime64("1980-01-01", "s")),
         "do_not_contact": False, "deceased": False}
    ).rename_axis("customer_id")  # fmt: skip
    said = pd.DataFrame(
        {"customer_id": np.arange(customers), "purpose": pd.Categorical(["campaign"] * customers),
         "channel": pd.Categorical(["phone"] * customers),
         "state": pd.Categorical(["granted"] * customers),
         "since": np.full(customers, np.datetime64("2026-01-01", "s"))}
    )  # fmt: skip
    none = pd.DataFrame(
        {"customer_id": [0], "received_at": pd.to_datetime(["2026-06-01"], utc=True)}
    )
    near = made[made["date"] > (DAY - 30).astype("datetime64[s]")]

    def decide() -> object:
        return may_contact(plan, customers=people, consents=said, contacts=made, complaints=none,
                           as_of=DAY)  # fmt: skip

    for name, rows in (("all rows", made), ("rows within the window", near)):
        day = np.concatenate([plan["date"].to_numpy(), rows["date"].to_numpy()])
        who = np.concatenate([plan["customer_id"].to_numpy(), rows["customer_id"].to_numpy()])
        compare(f"contact policy v lexsort of {name}", decide,
               lambda day=day, who=who: np.lexsort((day, who)), limit=2)  # fmt: skip


def bench_rules(customers: int) -> None:
    if not there("mlxtend"):
        return
    from mlxtend.frequent_patterns import association_rules, fpgrowth

    rng = np.random.default_rng(0)
    wealth = rng.standard_normal(customers)
    limits = np.linspace(-1.6, 0.2, 12)
    held = pd.DataFrame(
        {f"p{i}": rng.standard_normal(customers) + wealth < limit for i, limit in enumerate(limits)}
    )

    def rival() -> object:
        sets = fpgrowth(held, min_support=0.01, max_len=3, use_colnames=True)
        return association_rules(sets, min_threshold=0.1)

    compare(
        f"rules of {customers:,} customers v mlxtend",
        lambda: product_rules(held),
        {"mlxtend": rival},
        limit=0.1,
        repeat=3,
    )


def bench_qini(customers: int) -> None:
    if not there("sklift"):
        return
    from sklift.metrics import qini_auc_score, qini_curve

    rng = np.random.default_rng(0)
    score, treated = rng.random(customers), rng.integers(0, 2, customers)
    hit = (rng.random(customers) < 0.1 + 0.05 * treated * score).astype(int)

    def rival() -> object:
        return qini_curve(hit, score, treated), qini_auc_score(hit, score, treated)

    compare(f"Qini with interval of {customers:,}, rival without",
           lambda: uplift_curve(score, treated, hit), {"scikit-uplift": rival},
           limit=1)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows")
    part = 10 if parser.parse_args().quick else 1
    warnings.simplefilter("ignore")
    bench_contacts(5_000_000 // part, 20_000_000 // part, 2_000_000 // part)
    bench_rules(1_000_000 // part)
    bench_qini(1_000_000 // part)


if __name__ == "__main__":
    main()
