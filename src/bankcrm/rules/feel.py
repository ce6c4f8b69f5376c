"""Cells and values in FEEL, the notation of the DMN standard and of spreadsheets.

Only what a decision table needs: literals, comparisons, intervals, lists of them, ``not``, ``null``
and names of constants. Anything else is refused; nothing is evaluated.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from bankcrm.errors import PolicyError
from bankcrm.rules.unary import Op, Ref, UnaryTest

PREFIX = "parameter_"
"""What a parameter's name has before it in FEEL, where facts and parameters share one space."""

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<op><=|>=|<|>)
    | (?P<dots>\.\.)
    | (?P<number>-?(?:\d+(?:\.(?!\.)\d*)?|\.\d+)(?:[eE][+-]?\d+)?)(?!\w)
    | (?P<text>"(?:[^"\\]|\\.)*")
    | (?P<at>@"[^"]*")
    | (?P<name>[^\W\d]\w*(?:[.-](?=\w)\w+)*)
    | (?P<mark>[()\[\],:{}]|-)
    )""",
    re.VERBOSE | re.DOTALL,
)
_OPPOSITE: dict[Op, Op] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_NOT_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_WORD = re.compile(r"[^\W\d]\w*(?:-\w+)*\Z")
_RESERVED = {"true", "false", "null", "not", "date"}


def write_value(value: Any, *, bare: bool = False) -> str:
    """A constant as a FEEL literal; lists and mappings too.

    Args:
        value: The constant.
        bare: Whether a text that is one plain word is written without quotes.

    Raises:
        PolicyError: A number that is not finite.

    >>> write_value(0.5), write_value("of age"), write_value(date(2026, 1, 31))
    ('0.5', '"of age"', 'date("2026-01-31")')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise PolicyError(f"{value} is no number that FEEL can write")
        digits = format(Decimal(repr(value)), "f")  # FEEL has no exponents
        return digits if "." in digits else f"{digits}.0"
    if isinstance(value, date):
        return f'date("{value.isoformat()}")'
    if isinstance(value, Mapping):
        entries = (f"{_key(k)}: {write_value(v, bare=bare)}" for k, v in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, tuple | list):
        return f"[{', '.join(write_value(v, bare=bare) for v in value)}]"
    if bare and _WORD.match(value) and value not in _RESERVED and not value.startswith(PREFIX):
        return str(value)
    quoted = json.dumps(str(value), ensure_ascii=False)
    return _NOT_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _key(name: str) -> str:
    return name if _WORD.match(name) else write_value(name)


def read_value(text: str, *, bare: bool = False) -> Any:
    """The constant that a FEEL literal stands for.

    Args:
        text: The literal.
        bare: Whether words without quotes are texts.

    Raises:
        PolicyError: The text is not one literal.

    >>> read_value('["a", 2, {rate: 0.5}]')
    ('a', 2, {'rate': 0.5})
    """
    cursor = _Cursor(text, (), bare=bare)
    value = cursor.value()
    cursor.end()
    return value


def write_cell(test: UnaryTest, *, bare: bool = False) -> str:
    """A unary test as a FEEL cell.

    Args:
        test: The test.
        bare: Whether a text that is one plain word is written without quotes.

    >>> from bankcrm.rules import parse_test
    >>> [write_cell(parse_test(t)) for t in ("= key", "[18..30)", "not (a, b)", "present", "> @n")]
    ['"key"', '[18..30)', 'not("a", "b")', 'not(null)', '> parameter_n']
    """
    words = [PREFIX + a.name if isinstance(a, Ref) else write_value(a, bare=bare)
             for a in test.args]  # fmt: skip
    match test.op:
        case "any":
            return "-"
        case "missing":
            return "null"
        case "present":
            return "not(null)"
        case "not":
            return f"not({', '.join(words)})"
        case "=" | "in":
            return ", ".join(words)
        case "between":
            left, right = "[" if test.closed[0] else "(", "]" if test.closed[1] else ")"
            return f"{left}{words[0]}..{words[1]}{right}"
    return f"{test.op} {words[0]}"


def read_cell(
    text: str, constants: Collection[str] = (), *, bare: bool = False
) -> tuple[UnaryTest, ...]:
    """The unary tests that a FEEL cell stands for; the cell passes where one of them does.

    Args:
        text: The cell. Empty is the same as ``-``.
        constants: The names in FEEL of the constants that a cell may name, as they are written
            there; a name that starts with `PREFIX` gives a reference without it.
        bare: Whether words without quotes are texts, but for those that start with `PREFIX`.

    Raises:
        PolicyError: The cell is an expression, or names something else.

    >>> [str(t) for t in read_cell('"a", "b", null')]
    ['in (a, b)', 'missing']
    >>> [str(t) for t in read_cell("not([1..5])")]
    ['< 1', '> 5']
    """
    if not text.strip() or text.strip() == "-":
        return (UnaryTest("any"),)
    cursor = _Cursor(text, constants, bare=bare)
    if cursor.takes("not"):
        cursor.expect("(")
        atoms = cursor.atoms()
        cursor.expect(")")
        tests = _none_of(atoms, cursor)
    else:
        tests = _any_of(cursor.atoms())
    cursor.end()
    return tests


def _any_of(atoms: list[UnaryTest]) -> tuple[UnaryTest, ...]:
    """Values of one list become one test."""
    values = tuple(a.args[0] for a in atoms if a.op == "=")
    kept = [a for a in atoms if a.op != "="]
    one: list[UnaryTest] = []
    if values:
        one = [UnaryTest("=", values) if len(values) == 1 else UnaryTest("in", values)]
    return tuple(dict.fromkeys([*one, *kept]))


def _none_of(atoms: list[UnaryTest], cursor: _Cursor) -> tuple[UnaryTest, ...]:
    """The negation of a list. ``not(null, "a")`` is ``not (a)``: neither passes without a value."""
    known = [a for a in atoms if a.op != "missing"]
    if not known:
        return (UnaryTest("present"),)
    if all(a.op == "=" for a in known):
        return (UnaryTest("not", tuple(a.args[0] for a in known)),)
    if len(known) > 1:
        cursor.fail("a list of ranges under 'not' is no single test; write the range that is left")
    test = known[0]
    if test.op in _OPPOSITE:
        return (UnaryTest(_OPPOSITE[test.op], test.args),)
    low, high = test.args
    below = UnaryTest("<" if test.closed[0] else "<=", (low,))
    return (below, UnaryTest(">" if test.closed[1] else ">=", (high,)))


_DEEPEST = 50


class _Cursor:
    """A position in the tokens of one cell."""

    def __init__(self, text: str, constants: Collection[str], *, bare: bool) -> None:
        self.text = text
        self.constants = constants
        self.bare = bare
        self.at = 0
        self.depth = 0

    def peek(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            return "", ""
        return match.lastgroup, match.group(match.lastgroup)

    def take(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.at)
        if match is None or match.lastgroup is None:
            self.fail("cannot read this" if self.text[self.at :].strip() else "it ends too early")
        self.at = match.end()
        return match.lastgroup, match.group(match.lastgroup)

    def takes(self, *words: str) -> bool:
        """Take the next token if it is one of these."""
        found = self.peek()[1] in words
        if found:
            self.take()
        return found

    def expect(self, *words: str) -> str:
        _, word = self.take()
        if word not in words:
            self.fail(f"expected {' or '.join(words)}, saw {word}")
        return word

    def end(self) -> None:
        if self.text[self.at :].strip():
            self.fail("nothing more is expected after one value or list of tests")

    def atoms(self) -> list[UnaryTest]:
        found = [self.atom()]
        while self.takes(","):
            found.append(self.atom())
        return found

    def atom(self) -> UnaryTest:
        kind, word = self.peek()
        if word == "null":
            self.take()
            return UnaryTest("missing")
        if kind == "op":
            self.take()
            return UnaryTest(_ops(word), (self.endpoint(ordered=True),))
        if word in ("[", "(", "]"):
            return self.interval()
        return UnaryTest("=", (self.endpoint(),))

    def interval(self) -> UnaryTest:
        opening = self.expect("[", "(", "]")
        low = self.endpoint(ordered=True)
        self.expect("..")
        high = self.endpoint(ordered=True)
        closing = self.expect("]", ")", "[")
        return UnaryTest("between", (low, high), (opening == "[", closing == "]"))

    def endpoint(self, *, ordered: bool = False) -> Any:
        kind, word = self.peek()
        if kind == "name" and (word in self.constants or (self.bare and word.startswith(PREFIX))):
            self.take()
            return Ref(word.removeprefix(PREFIX))
        value = self.value()
        if isinstance(value, tuple | dict):
            self.fail("a list is no single value")
        if ordered and isinstance(value, str | bool):
            self.fail("only numbers and dates are compared")
        return value

    def value(self) -> Any:
        kind, word = self.take()
        if kind == "number":
            return self._number(word)
        if kind == "text":
            return self._text(word)
        if kind == "at":
            return self._date(word[2:-1])
        if word in ("true", "false"):
            return word == "true"
        if word == "date":
            self.expect("(")
            inner = self._text(self.take()[1])
            self.expect(")")
            return self._date(inner)
        if word in ("[", "{"):
            self.depth += 1
            if self.depth > _DEEPEST:
                self.fail(f"lists within lists, more than {_DEEPEST} deep")
            found = tuple(self._list()) if word == "[" else self._context()
            self.depth -= 1
            return found
        if kind != "name":
            self.fail(f"expected a number, a text, true, false or a date, saw {word}")
        if not self.bare or word in _RESERVED or word.startswith(PREFIX):
            self.fail(f"{word} is an expression or a variable; write a text in double quotes")
        words = [word]
        while self.peek()[0] == "name":
            words.append(self.take()[1])
        return " ".join(words)

    def _list(self) -> list[Any]:
        items: list[Any] = []
        if self.takes("]"):
            return items
        items.append(self.value())
        while self.expect(",", "]") == ",":
            items.append(self.value())
        return items

    def _context(self) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        if self.takes("}"):
            return entries
        while True:
            kind, word = self.take()
            if kind not in ("name", "text"):
                self.fail(f"expected the name of an entry, saw {word}")
            key = self._text(word) if kind == "text" else word
            self.expect(":")
            entries[key] = self.value()
            if self.expect(",", "}") == "}":
                return entries

    def _number(self, word: str) -> int | float:
        number = float(word)
        if not math.isfinite(number):
            self.fail("the number is too large")
        return int(word) if re.fullmatch(r"-?\d+", word) else number

    def _text(self, word: str) -> str:
        try:
            text = str(json.loads(word, strict=False))
            text.encode()
        except ValueError:
            self.fail("the text has a bad escape")
        return text

    def _date(self, word: str) -> date:
        try:
            return date.fromisoformat(word)
        except ValueError:
            self.fail(f"{word} is no date; times and durations are not supported")

    def fail(self, why: str) -> NoReturn:
        shown = self.text if len(self.text) <= 80 else f"{self.text[:77]}..."
        raise PolicyError(f"cell {shown!r}: {why}")


def _ops(word: str) -> Op:
    ops: dict[str, Op] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
    return ops[word]
