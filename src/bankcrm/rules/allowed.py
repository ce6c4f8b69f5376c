"""What a fact may hold, as a cell in FEEL."""

from __future__ import annotations

import math

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.feel import read_cell, write_value
from bankcrm.rules.unary import UnaryTest
from bankcrm.rules.values import Fact


def write_allowed(fact: Fact, *, bare: bool = False) -> str:
    """What a fact may hold; empty where anything is allowed.

    >>> write_allowed(Fact("text", values=("a", "b"))), write_allowed(Fact("number", minimum=0))
    ('"a", "b"', '>= 0')
    """
    if fact.values:
        return ", ".join(write_value(v, bare=bare) for v in fact.values)
    low, high = _number(fact.minimum), _number(fact.maximum)
    if low and high:
        return f"[{low}..{high}]"
    return f">= {low}" if low else f"<= {high}" if high else ""


def _number(bound: float | None) -> str:
    """A bound as a literal, a whole one without decimals; empty where there is none."""
    if bound is None:
        return ""
    return write_value(int(bound) if abs(bound) < 1e15 and bound == int(bound) else bound)


def read_allowed(fact: Fact, allowed: str, *, bare: bool = False) -> Fact:
    """A fact with the values that a text allows.

    Args:
        fact: The fact.
        allowed: A list of texts, or a range of numbers; empty allows everything.
        bare: Whether words without quotes are texts.

    Raises:
        PolicyError: A fact cannot be limited like this.
    """
    tests = [t for t in read_cell(allowed, bare=bare) if t.op != "missing"]
    test = tests[0] if len(tests) == 1 else UnaryTest("in")
    if not tests or test.op == "any" or set(map(repr, test.args)) == {"True", "False"}:
        return fact
    if test.op in ("=", "in") and test.args and fact.type == "text":
        return attrs.evolve(fact, values=tuple(str(a) for a in test.args))
    numbers = [a for a in test.args if isinstance(a, int | float) and not isinstance(a, bool)]
    if not numbers or len(numbers) < len(test.args) or test.op in ("=", "in", "not"):
        raise PolicyError(f"allowed values {allowed!r}: only texts or one range of numbers")
    low, high = numbers[0], numbers[-1]
    if test.op in (">", ">="):
        return attrs.evolve(fact, minimum=_bound(low, math.inf, closed=test.op == ">="))
    if test.op in ("<", "<="):
        return attrs.evolve(fact, maximum=_bound(high, -math.inf, closed=test.op == "<="))
    return attrs.evolve(
        fact,
        minimum=_bound(low, math.inf, closed=test.closed[0]),
        maximum=_bound(high, -math.inf, closed=test.closed[1]),
    )


def _bound(value: float, inwards: float, *, closed: bool) -> float:
    """The last number that is allowed: the bound, or its neighbour where the bound is not."""
    return value if closed else math.nextafter(value, inwards)
