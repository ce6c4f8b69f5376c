"""Unlikely values of every parameter of every policy: a sentence of the library, or a review.

    python tests/nightly/policies.py [--only complaints] [--every 5]

A review of a small book runs under policies in which one parameter is changed: a figure that is
not finite, huge, negative or 0, a list that is empty, reversed or of unknown words, a word that is
unknown or no Unicode text. What comes back is a review with its page, or a `BankcrmError`; any
other error is printed. Exit code 1 if there is one.
"""

from __future__ import annotations

import argparse
import math
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.errors import BankcrmError
from bankcrm.policy import PolicySet, default_policies
from bankcrm.reviews import review

FIGURES = (math.nan, math.inf, 1e300, 10**400, -1.0, 0, 0.5)
WORDS = ("nonsense", "", "\ud800", "(")


def unlikely(value: Any) -> Iterator[Any]:
    """Values in the place of a parameter's own."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from FIGURES
    elif isinstance(value, str):
        yield from WORDS
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from ({**value, name: other} for other in unlikely(part))
    elif isinstance(value, tuple):
        yield from ((), value[::-1], (*value, *value))
        for other in unlikely(value[0]) if value else WORDS:
            yield from ((other, *value[1:]), (*value[:-1], other))


def changed(policies: PolicySet) -> Iterator[tuple[str, str, Any]]:
    """Domain, parameter and unlikely value."""
    for domain, policy in policies.policies.items():
        for name in policy.parameters:
            yield from ((domain, name, other) for other in unlikely(policy.value(name)))


def attempt(book: Book, policies: PolicySet, domain: str, name: str, value: Any) -> str:
    """Review under one changed parameter: empty, or the error that is no sentence of ours."""
    try:
        policy = policies[domain].with_parameters(**{name: value})
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            review(book, as_of=book.as_of, policies=policies.with_policy(policy)).to_html()
    except BankcrmError:
        return ""
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        file = place.filename.rpartition("/")[2]
        return f"{type(error).__name__} at {file}:{place.lineno}: {str(error)[:80]}"
    return ""


def main() -> None:
    """Review a small book under every changed policy."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="domains")
    parser.add_argument("--every", type=int, default=1, help="only every n-th value")
    chosen = parser.parse_args()
    book, policies = make_book(40, seed=3), default_policies()
    tried, unclear = 0, 0
    for domain, name, value in islice(changed(policies), 0, None, chosen.every):
        if chosen.only and domain not in chosen.only:
            continue
        tried += 1
        if problem := attempt(book, policies, domain, name, value):
            unclear += 1
            print(f"{domain}.{name} = {ascii(value)[:60]}: {problem}", flush=True)
    print(f"{tried:,} values of parameters, {unclear:,} unclear errors")
    sys.exit(bool(unclear))


if __name__ == "__main__":
    main()
