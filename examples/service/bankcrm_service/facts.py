"""What a request may say, and answers that repeat nothing of what it said."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bankcrm.errors import DataError
from bankcrm.rules import Decision, DecisionTable, Trace
from bankcrm.rules.values import allowed

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")  # as facts and fields are named
_FACT = re.compile(r"^fact '(\w+)'")


class RequestError(Exception):
    """A field of a request that does not fit.

    Attributes:
        path: The field.
        message: What was expected; never what was sent.
    """

    def __init__(self, path: str, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(path, message)


def shown_name(name: object) -> str:
    """A name that a request made up: as it is if it looks like one, for it may be anything."""
    return str(name) if isinstance(name, int) or _NAME.fullmatch(str(name)) else "?"


def refuse_unknown(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names that are not known.

    Raises:
        RequestError: Some are not; those that are known are listed.
    """
    known = list(known)
    unknown = sorted({shown_name(n) for n in names if n not in known})
    if unknown:
        named = ", ".join(unknown)
        raise RequestError(what, f"{what} {named} are unknown; known: {', '.join(known)}")


def decide(table: DecisionTable, facts: Mapping[str, Any]) -> Decision:
    """Decide a case; a missing fact leaves it undecided."""
    refuse_unknown("facts", facts, table.compiled.facts)
    try:
        return table.decide(facts, on_missing="undecided")
    except DataError as error:
        raise _without_values(table, error) from None


def explain(table: DecisionTable, facts: Mapping[str, Any]) -> Trace:
    """Every rule and test of a case."""
    refuse_unknown("facts", facts, table.compiled.facts)
    try:
        return table.explain(facts)
    except DataError as error:
        raise _without_values(table, error) from None


def _without_values(table: DecisionTable, error: DataError) -> RequestError:
    found = _FACT.match(str(error))
    if found is None:
        return RequestError("facts", "the facts do not fit the table; see /tables")
    expected = allowed(table.compiled.facts[found[1]])
    return RequestError(f"facts.{found[1]}", f"fact {found[1]!r}: expected {expected}")
