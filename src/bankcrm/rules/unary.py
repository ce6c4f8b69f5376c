"""Unary tests: the small grammar of one cell of a decision table, held as data."""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Literal, NoReturn

import attrs

from bankcrm.errors import PolicyError
from bankcrm.rules.values import Constant, constant_key, type_of_constant

Op = Literal["any", "missing", "present", "=", "<", "<=", ">", ">=", "in", "not", "between"]


@attrs.frozen
class Ref:
    """A parameter named in a test, as in ``>= @lost_after_days``."""

    name: str

    def __str__(self) -> str:
        return f"@{self.name}"


Argument = Constant | Ref
_RESERVED = {"true", "false", "missing", "present", "in", "not"}
_BARE = re.compile(r"[^\W\d][\w-]*\Z")


@attrs.frozen
class UnaryTest:
    """One test of one fact; make it with `parse_test`.

    Attributes:
        op: The operator; ``any`` accepts everything, missing values too.
        args: The constants or parameters that the operator compares with.
        closed: For ``between``, whether the lower and the upper bound belong to the interval.
    """

    op: Op
    args: tuple[Argument, ...] = ()
    closed: tuple[bool, bool] = (True, True)

    def __attrs_post_init__(self) -> None:
        """Make ``in`` of one value ``=``, so that equal tests are equal values."""
        if self.op == "in" and len(self.args) == 1:
            object.__setattr__(self, "op", "=")

    def __str__(self) -> str:
        words = [_text_of(a) for a in self.args]
        if self.op == "any":
            return "-"
        if self.op == "between":
            left, right = "[" if self.closed[0] else "(", "]" if self.closed[1] else ")"
            return f"{left}{words[0]}..{words[1]}{right}"
        if self.op in ("in", "not"):
            return f"{self.op} ({', '.join(words)})"
        return " ".join([self.op, *words])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters that the test refers to."""
        return tuple(a.name for a in self.args if isinstance(a, Ref))

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The constants of the test, without its parameters."""
        return tuple(a for a in self.args if not isinstance(a, Ref))

    def resolved(self, values: Mapping[str, Constant]) -> UnaryTest:
        """The same test with every parameter replaced by its value."""
        if not self.parameters:
            return self
        args = tuple(values[a.name] if isinstance(a, Ref) else a for a in self.args)
        return attrs.evolve(self, args=args)

    def predicate(self) -> Callable[[Any], Any]:
        """The comparison as a function of known values: one scalar, or an array of them.

        This is the one definition of what a test means; tables apply it to a value, to an array,
        and to the example values of their own checks.
        """
        keys = tuple(constant_key(a) for a in self.args if not isinstance(a, Ref))
        if self.op == "between":
            return _between(keys[0], keys[1], self.closed)
        if self.op == "in":
            return _one_of(keys)
        if self.op == "not":
            return _none_of(keys)
        compare, bound = _COMPARE[self.op], keys[0]
        return lambda x: compare(x, bound)


_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _between(low: Any, high: Any, closed: tuple[bool, bool]) -> Callable[[Any], Any]:
    above = operator.ge if closed[0] else operator.gt
    below = operator.le if closed[1] else operator.lt
    return lambda x: above(x, low) & below(x, high)


def _one_of(keys: tuple[Any, ...]) -> Callable[[Any], Any]:
    def test(x: Any) -> Any:
        found = x == keys[0]
        for key in keys[1:]:
            found = found | (x == key)
        return found

    return test


def _none_of(keys: tuple[Any, ...]) -> Callable[[Any], Any]:
    def test(x: Any) -> Any:
        found = x != keys[0]
        for key in keys[1:]:
            found = found & (x != key)
        return found

    return test


def _text_of(value: Argument) -> str:
    if isinstance(value, Ref):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        plain = _BARE.match(value) and value not in _RESERVED
        return value if plain else json.dumps(value, ensure_ascii=False)
    return repr(value)


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<op><=|>=|<|>|=)
    | (?P<dots>\.\.)
    | (?P<punct>[()\[\],])
    | @(?P<ref>[^\W\d][\w-]*)
    | (?P<date>\d{4}-\d{2}-\d{2})(?![\w-])
    | (?P<number>[+-]?(?:\d+(?:\.(?!\.)\d*)?|\.(?!\.)\d+)(?:[eE][+-]?\d+)?)(?!\w)
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<word>[^\W\d][\w-]*(?:[ ]+[^\W\d][\w-]*)*)
    | (?P<dash>-)
    )""",
    re.VERBOSE,
)


def parse_test(text: str) -> UnaryTest:
    """Parse one cell, as ``>= 365``, ``[18..30)``, ``in (a, b)``, ``= true`` or ``missing``.

    Raises:
        PolicyError: The text is not a unary test; the message points at the character.

    >>> parse_test("[18..30)").closed
    (True, False)
    >>> str(parse_test("not( a,b )"))
    'not (a, b)'
    """
    if not isinstance(text, str):
        raise PolicyError(f"a unary test is a text such as '= true' or '>= 365', not {text!r}")
    return _Parser(text).parse()


class _Parser:
    """A cursor over the tokens of one cell."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parse(self) -> UnaryTest:
        kind, token = self._next()
        if kind == "dash":
            test = UnaryTest("any")
        elif kind == "op":
            test = self._comparison(token)
        elif kind == "punct" and token in "[(":
            test = self._interval(token)
        elif kind == "word":
            test = self._keyword(token)
        else:
            self._fail(
                "a test starts with an operator, an interval, in, not, missing, present or -"
            )
        if self.text[self.at :].strip():
            self._fail("nothing more is expected here", skip=True)
        return test

    def _next(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            what = (
                "the text ends too early"
                if not self.text[self.at :].strip()
                else "cannot read this"
            )
            self._fail(what, skip=True)
        self.start = match.start(match.lastgroup)
        self.at = match.end()
        return match.lastgroup, match.group(match.lastgroup)

    def _keyword(self, word: str) -> UnaryTest:
        if word in ("missing", "present"):
            return UnaryTest("missing" if word == "missing" else "present")
        if word in ("in", "not"):
            self._expect("(")
            args = [self._constant()]
            while self._expect(",", ")") == ",":
                args.append(self._constant())
            if len({type_of_constant(a) for a in args if not isinstance(a, Ref)}) > 1:
                self._fail("the values of a list must be of one kind")
            return UnaryTest("in" if word == "in" else "not", tuple(args))
        self._fail(f"to compare with a text, write '= {word}'")

    def _comparison(self, op: str) -> UnaryTest:
        value = self._constant()
        if op != "=" and isinstance(value, str | bool):
            self._fail(f"{op} compares numbers and dates")
        compare: dict[str, Op] = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
        return UnaryTest(compare[op], (value,))

    def _interval(self, opening: str) -> UnaryTest:
        low = self._bound()
        kind, _ = self._next()
        if kind != "dots":
            self._fail("an interval is written [low..high)")
        high = self._bound()
        if (
            not isinstance(low, Ref)
            and not isinstance(high, Ref)
            and isinstance(low, date) != isinstance(high, date)
        ):
            self._fail("both bounds of an interval must be numbers, or both dates")
        closing = self._expect("]", ")")
        return UnaryTest("between", (low, high), (opening == "[", closing == "]"))

    def _bound(self) -> Argument:
        value = self._constant()
        if isinstance(value, str | bool):
            self._fail("the bounds of an interval are numbers or dates")
        return value

    def _expect(self, *marks: str) -> str:
        kind, token = self._next()
        if kind != "punct" or token not in marks:
            self._fail(f"expected {' or '.join(marks)}")
        return token

    def _constant(self) -> Argument:
        kind, token = self._next()
        if kind == "ref":
            return Ref(token)
        if kind == "number":
            return self._number(token)
        if kind == "date":
            return self._date(token)
        if kind == "quoted":
            return self._quoted(token)
        if kind == "word":
            return {"true": True, "false": False}.get(token, token)
        self._fail("expected a number, a date, a text, true, false or @parameter")

    def _number(self, token: str) -> int | float:
        value = float(token)
        if not math.isfinite(value):
            self._fail("the number is too large")
        return int(token) if re.fullmatch(r"[+-]?\d{1,18}", token) else value

    def _date(self, token: str) -> date:
        try:
            return date.fromisoformat(token)
        except ValueError:
            self._fail("there is no such date")

    def _quoted(self, token: str) -> str:
        try:
            text = str(json.loads(token, strict=False))
            text.encode()  # half a surrogate pair is no text, and no file could hold it
        except ValueError:
            self._fail("the quoted text has a bad escape")
        return text

    def _fail(self, why: str, *, skip: bool = False) -> NoReturn:
        at = self.at if skip else getattr(self, "start", 0)
        while skip and at < len(self.text) and self.text[at].isspace():
            at += 1
        raise PolicyError(f"unary test {self.text!r}: {why} (at character {at + 1})")
