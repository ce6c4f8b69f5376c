"""Units of policy parameters: which are known, and which values they allow."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

_TIMES = "minute hour day week month quarter year half-year"
_COUNTS = (
    "customer transaction complaint employee person account contact product card case "
    "point score step member click event replicate position"
)
_PLAIN = (
    "share rate ratio percent count number weight z text code date boolean list "
    "deviations quantile multiple odds"
)
_NOT_NEGATIVE = {"share", "count", "weight", "percent"}
_KNOWN = {*_TIMES.split(), *_COUNTS.split(), *_PLAIN.split(), "people", "standard deviation"}


def unit_fault(value: Any, unit: str) -> str:
    """What is wrong with a value and its unit; empty if nothing is.

    A unit is empty, one of the known words (plural or not, ``working`` or ``calendar`` before a
    time), a currency code, or two of these joined by ``per``.

    >>> unit_fault(0.2, "share"), unit_fault(30, "working days"), unit_fault(5, "CNY per year")
    ('', '', '')
    >>> unit_fault(20, "share")
    "20 is not a share: expected a number from 0 to 1 (unit 'share')"
    """
    if not unit:
        return ""
    parts = re.split(r" per ", unit)
    unknown = [p for p in parts if not _is_known(p)]
    if unknown:
        words = ", ".join(sorted(_KNOWN))
        return f"unknown unit {unknown[0]!r}; known: currency codes and {words}, joined by 'per'"
    if unit in ("text", "code", "list", "boolean", "date"):
        return ""
    bad = next((v for v in _figures(value) if not _fits(v, parts[0])), None)
    if bad is None:
        return ""
    if parts[0] == "share":
        return f"{bad!r} is not a share: expected a number from 0 to 1 (unit 'share')"
    return f"{bad!r} does not fit the unit {unit!r}"


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word[:-1] in _KNOWN else word


def _is_known(part: str) -> bool:
    word = re.sub(r"^(working|business|calendar) (?=(minute|hour|day))", "", part)
    word = re.sub(r"^(thousand|1000|1,000) ", "", word)
    return bool(re.fullmatch(r"[A-Z]{3}", word)) or word in _KNOWN or _singular(word) in _KNOWN


def _figures(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [f for v in value.values() for f in _figures(v)]
    if isinstance(value, tuple | list):
        return [f for v in value for f in _figures(v)]
    return [value]


def _fits(value: Any, unit: str) -> bool:
    if isinstance(value, bool | str | date) or not isinstance(value, int | float):
        return False
    word = _singular(re.sub(r"^(working|business|calendar) ", "", unit))
    if word == "share":
        return 0 <= value <= 1
    return value >= 0 if word in _NOT_NEGATIVE or word in _TIMES.split() else True
