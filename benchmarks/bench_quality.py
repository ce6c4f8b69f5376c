"""Identifiers, data quality and one record per customer at scale, beside their rivals.

The rivals are python-stdnum (identifiers), pointblank and pandera (rules); none is a dependency.

    python benchmarks/bench_quality.py [--quick]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from bankcrm.quality import check_identifiers
from rivals import rival
from timing import compare

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.quality.numbers import mixed

# python-stdnum knows no offices of credit codes and no length of an LEI.
_STRICTER = {"credit_code": ("office", "resident_id"), "lei": ("length", "character")}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    bench_identifiers(10_000 if quick else 250_000, 1 if quick else 3)


if __name__ == "__main__":
    main()
