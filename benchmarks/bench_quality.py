"""Identifiers, data quality and one record per customer at scale, beside their rivals.

The rivals are python-stdnum (identifiers), pointblank and pandera (rules); none is a dependency.

    python benchmarks/bench_quality.py [--quick]
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm.policy import default_policy, load_policy
from bankcrm.quality import check_identifiers, measure_quality, unify
from rivals import rival
from timing import compare, cpu, shown, within

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.quality.matched import f1, synthetic
from tests.quality.numbers import mixed

# python-stdnum knows no offices of credit codes and no length of an LEI.
_STRICTER = {"credit_code": ("office", "resident_id"), "lei": ("length", "character")}

_KINDS = ["person", "company"]
_AS_POINTBLANK = (
    "customer_id-filled", "kind-filled", "income-filled", "phone-filled", "kind-fits",
    "satisfaction-fits", "birth_date-fits", "mobile-number", "customer_id-unique",
)  # fmt: skip
_NINE_RULES = """
[policy]
id = "nine"
domain = "quality"
version = "1"
[parameters.dimension_weight]
value = { completeness = 1, validity = 1, consistency = 1, timeliness = 1, uniqueness = 1, \
  accuracy = 1 }
unit = "weight"
source = "default"
[records]
placeholder = []
expected = []
[[records.quality_rule]]
id = "mobile-number"
model = "Customer"
field = "phone"
dimension = "validity"
check = "mobile"
"""


def bench_identifiers(n: int, repeat: int) -> None:
    """Valid and damaged numbers: time, and the verdicts that differ from python-stdnum's."""
    if rival("stdnum") is None:
        return
    import stdnum.iban
    import stdnum.lei
    from stdnum.cn import ric, uscc

    oracles: dict[str, Callable[[str], bool]] = {
        "resident_id": ric.is_valid,
        "credit_code": uscc.is_valid,
        "lei": stdnum.lei.is_valid,
        "iban": lambda number: stdnum.iban.is_valid(number, check_country=False),
    }
    for scheme, oracle in oracles.items():
        values = mixed(scheme, n, seed=11)
        column = pd.Series(values, dtype="str")
        compare(
            f"{n:,} numbers of {scheme}",
            lambda column=column, scheme=scheme: check_identifiers(column, scheme),
            {"python-stdnum": lambda values=values, oracle=oracle: [oracle(v) for v in values]},
            limit=0.1,
            repeat=repeat,
        )
        found = check_identifiers(column, scheme)
        theirs = pd.array([oracle(v) for v in values], "boolean")
        stricter = found["reason"].isin(_STRICTER.get(scheme, ()))
        other = (found["valid"] != theirs) & ~stricter
        print(f"  other verdicts: {int(other.sum())}; stricter: {int((theirs & stricter).sum())}")


def bench_measures(n: int, repeat: int) -> None:
    """Nine rules on the customers of a bank: time, and equal rates."""
    data = customers(n)
    policy = load_policy(_NINE_RULES)
    rivals: dict[str, Callable[[], object]] = {}
    if pointblank := rival("pointblank"):
        rivals["pointblank"] = lambda: by_pointblank(pointblank, data)
    if pandera := rival("pandera.pandas"):
        rivals["pandera"] = lambda: by_pandera(pandera, data)
    if not rivals:
        return
    compare(
        f"quality of {n:,} customers by 9 rules",
        lambda: measure_quality(data, as_of="2026-06-30", policy=policy).fields,
        {name: call for name, call in rivals.items() if name == "pointblank"} or rivals,
        limit=1 / 15,
        repeat=repeat,
    )
    if "pandera" in rivals:
        print(f"  pandera, lazy: {shown(cpu(rivals['pandera']))}")
    ours = measure_quality(data, as_of="2026-06-30", policy=policy).fields
    if "pointblank" in rivals:
        theirs = by_pointblank(pointblank, data).n_passed()
        print("  passed:", ours.loc[list(_AS_POINTBLANK), "passed"].tolist(), list(theirs.values()))


def bench_unify(n: int, repeat: int) -> None:
    """Records of several sources: time, and how well they are matched."""
    records, truth = synthetic(n, seed=1)
    within(f"one record per customer, of {n:,}", lambda: unify(records), 10.0, repeat=repeat)
    found = unify(records)
    print(f"  F1 with the default keys: {f1(truth, found.crosswalk['customer_id']):.4f}")
    default = default_policy("quality").raw_records
    phone = {"id": "phone", "fields": ("phone",)}
    number = {"id": "number", "fields": ("id_number",)}
    for name, keys, checked in (
        ("bare", ({**phone, "max_shared": n},), ()),
        ("guarded", (phone, number), default["identifier"]),
    ):
        parts = {**default, "match_key": keys, "identifier": checked}
        policy = attrs.evolve(default_policy("quality"), raw_records=parts)
        found = unify(records, policy=policy)
        largest = int(found.customers["records"].max())
        score = f1(truth, found.crosswalk["customer_id"])
        print(f"  the phone as key, {name}: F1 {score:.4f}, the largest cluster {largest:,}")


def customers(n: int) -> pd.DataFrame:
    draw = np.random.default_rng(1)
    born = np.datetime64("1940-01-01") + draw.integers(0, 25_000, n)
    found = pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "kind": pd.Categorical.from_codes((draw.random(n) < 0.1).astype(np.int8), _KINDS),
            "income": np.where(draw.random(n) < 0.1, np.nan, draw.integers(1, 10**6, n)),
            "satisfaction": draw.uniform(-5, 105, n),
            "phone": pd.Series(draw.integers(10**10, 2 * 10**10, n)).astype("str"),
            "birth_date": born.astype("datetime64[s]"),
        }
    )
    found.loc[draw.random(n) < 0.3, "phone"] = None
    return found


def by_pointblank(pb: Any, data: pd.DataFrame) -> Any:
    """The same nine rules; ranges let a missing value pass, as ours do not assess it."""
    day = dt.datetime(2026, 6, 30)
    return (
        pb.Validate(data)
        .col_vals_not_null("customer_id")
        .col_vals_not_null("kind")
        .col_vals_not_null("income")
        .col_vals_not_null("phone")
        .col_vals_in_set("kind", _KINDS)
        .col_vals_between("satisfaction", 0, 100, na_pass=True)
        .col_vals_le("birth_date", day, na_pass=True)
        .col_vals_regex("phone", r"^1[3-9]\d{9}$", na_pass=False)
        .rows_distinct(columns_subset="customer_id")
        .interrogate()
    )


def by_pandera(pa: Any, data: pd.DataFrame) -> object:
    check, column = pa.Check, pa.Column
    schema = pa.DataFrameSchema(
        {
            "customer_id": column(nullable=False, unique=True),
            "kind": column(nullable=False, checks=check.isin(_KINDS)),
            "income": column(nullable=False),
            "satisfaction": column(nullable=True, checks=check.in_range(0, 100)),
            "phone": column(nullable=False, checks=check.str_matches(r"^1[3-9]\d{9}$")),
            "birth_date": column(nullable=True, checks=check.le(pd.Timestamp("2026-06-30"))),
        }
    )
    try:
        return schema.validate(data, lazy=True)
    except pa.errors.SchemaErrors as error:
        return error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    bench_identifiers(10_000 if quick else 250_000, 1 if quick else 3)
    bench_measures(20_000, 1 if quick else 5)
    if not quick:
        bench_measures(1_000_000, 5)
    bench_unify(20_000 if quick else 1_000_000, 1 if quick else 3)


if __name__ == "__main__":
    main()
