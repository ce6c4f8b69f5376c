"""Bank customer relationship management as decision tables and pure functions.

The public names load on first use, so that ``import bankcrm`` is light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from bankcrm._version import __version__

if TYPE_CHECKING:
    from bankcrm.book import Book, read_book, write_book
    from bankcrm.inspection import Inspection, inspect_book
    from bankcrm.plugins import assemble
    from bankcrm.policy import (
        Policy,
        PolicySet,
        default_policies,
        default_policy,
        load_policy,
    )
    from bankcrm.reviews import Review, review
    from bankcrm.rules import Decision, DecisionTable
    from bankcrm.simulation import simulate

__all__ = [
    "Book",
    "Decision",
    "DecisionTable",
    "Inspection",
    "Policy",
    "PolicySet",
    "Review",
    "__version__",
    "assemble",
    "default_policies",
    "default_policy",
    "inspect_book",
    "load_policy",
    "read_book",
    "review",
    "simulate",
    "write_book",
]

_HOME = {
    "Book": "book",
    "Decision": "rules",
    "DecisionTable": "rules",
    "Inspection": "inspection",
    "Policy": "policy",
    "PolicySet": "policy",
    "Review": "reviews",
    "assemble": "plugins",
    "default_policies": "policy",
    "default_policy": "policy",
    "inspect_book": "inspection",
    "load_policy": "policy",
    "read_book": "book",
    "review": "reviews",
    "simulate": "simulation",
    "write_book": "book",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'bankcrm' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"bankcrm.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
