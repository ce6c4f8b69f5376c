"""What a fact may hold, and how one value of it is read."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, NoReturn, TypeVar

import attrs

from bankcrm._display import few
from bankcrm.arguments import as_number, one_of
from bankcrm.errors import DataError, PolicyError

FactType = Literal["number", "integer", "boolean", "text", "date", "any"]
FACT_TYPES: tuple[FactType, ...] = ("number", "integer", "boolean", "text", "date", "any")
Constant = bool | int | float | str | date

EPOCH = date(1970, 1, 1).toordinal()
_FIRST_DAY, _LAST_DAY = date.min.toordinal() - EPOCH, date.max.toordinal() - EPOCH
K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A dict that refuses every change after it is made, and still pickles."""

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("this mapping is part of a frozen value; make a new value instead")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none, since it may change
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        """Pickle as a call with a plain dict, since items cannot be set one by one."""
        return (type(self), (dict(self),))


def frozen_dict(items: Mapping[str, Any]) -> FrozenDict[str, Any]:
    """A frozen copy of a mapping."""
    return FrozenDict(items)


def _texts(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


@attrs.frozen
class Fact:
    """The declaration of one fact that a table reads.

    Attributes:
        type: ``number``, ``integer``, ``boolean``, ``text`` or ``date``; ``any`` for a fact of
            which only ``missing`` and ``present`` are tested.
        values: The texts that may occur; empty means any text.
        minimum: The least number that may occur, if there is one.
        maximum: The greatest number that may occur, if there is one.
        unit: The unit of a number, for people.
        meaning: What the fact means, for people.
    """

    type: FactType = attrs.field(validator=one_of(*FACT_TYPES))
    values: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    meaning: str = ""

    def __attrs_post_init__(self) -> None:
        """Refuse bounds that leave no value, or that do not fit the type."""
        for name in ("minimum", "maximum"):
            if (bound := getattr(self, name)) is not None:
                as_number(bound, name)
        bounds = [b for b in (self.minimum, self.maximum) if b is not None]
        if any(b != b for b in bounds) or bounds != sorted(bounds):
            raise PolicyError(f"minimum {self.minimum} and maximum {self.maximum} leave no value")
        if bounds and self.type not in ("number", "integer"):
            raise PolicyError(f"minimum and maximum are for numbers, not for a {self.type}")
        if self.values and self.type != "text":
            raise PolicyError(f"values are for texts, not for a {self.type}")


def fact(spec: Fact | FactType | Mapping[str, Any]) -> Fact:
    """Make a `Fact` from itself, from its type's name, or from a mapping of its fields."""
    if isinstance(spec, Fact):
        return spec
    return Fact(type=spec) if isinstance(spec, str) else Fact(**spec)


def facts_of(specs: Mapping[str, Any]) -> FrozenDict[str, Fact]:
    """A frozen mapping of fact names to facts; see `fact` for what may describe one."""
    return FrozenDict({name: fact(spec) for name, spec in specs.items()})


def is_missing(value: object) -> bool:
    """Whether a value is a null of any kind: None, NaN, NaT or ``pandas.NA``."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    return bool(value != value) if isinstance(value, float) or _is_numpy(value) else False


def _is_numpy(value: object) -> bool:
    """Whether it is one numpy value; seen by its shape, so that numpy need not be imported."""
    return type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()


def read(value: object, expected: Fact, name: str) -> Any:
    """Read one value of a fact; None stands for missing.

    Numbers come back as int or float, dates as days since 1970-01-01, texts as str.

    Raises:
        DataError: The value is of another type, or outside what the fact may hold.
    """
    kind = expected.type
    exact = type(value)
    if exact is float or exact is int:
        if value != value:
            return None
        if kind == "number" and expected.minimum is None and expected.maximum is None:
            return value
    elif exact is str:
        if kind == "text" and not expected.values:
            return value
    elif value is None:
        return None
    elif exact is bool:
        if kind == "boolean":
            return value
    elif is_missing(value):
        return None
    plain = plain_value(value)
    result = _KINDS[kind][1](plain)
    if result is None:
        raise DataError(wrong_type(name, expected, [value]))
    if not _within(result, expected):
        raise DataError(outside(name, expected, [result]))
    return result


def fault_of(value: object, expected: Fact) -> Callable[..., str] | None:
    """The sentence for a value that `read` refuses: `wrong_type` or `outside`; None for others."""
    if is_missing(value):
        return None
    result = _KINDS[expected.type][1](plain_value(value))
    if result is None:
        return wrong_type
    return None if _within(result, expected) else outside


def plain_value(value: Any) -> Any:
    """Strip enums, numpy scalars and decimals down to the plain Python value."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value
    if _is_numpy(value) and value.dtype.kind != "m":
        return value.astype("datetime64[D]").item() if value.dtype.kind == "M" else value.item()
    return value


def _number(value: Any) -> int | float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _date(value: Any) -> int | None:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return None
    return value.toordinal() - EPOCH if isinstance(value, date) else None


def _any(value: Any) -> Any:
    return value


_KINDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "number": ("a number", _number),
    "integer": ("a whole number", _integer),
    "boolean": ("true or false (not 0 or 1)", _boolean),
    "text": ("a text", _text),
    "date": ("a date without time zone", _date),
    "any": ("any value", _any),
}
"""What each type of fact expects, in words, and the reader that gives None for anything else."""


def beyond(values: Any, expected: Fact) -> Any:
    """Whether a number, or each number of an array, is outside the bounds of the fact."""
    below = False if expected.minimum is None else values < expected.minimum
    above = False if expected.maximum is None else values > expected.maximum
    return below | above


def _within(value: Any, expected: Fact) -> bool:
    if expected.type == "text":
        return not expected.values or value in expected.values
    return expected.type == "any" or not beyond(value, expected)


def allowed(expected: Fact) -> str:
    """What a fact may hold, in words."""
    if expected.values:
        return f"one of {', '.join(expected.values)}"
    words = _KINDS[expected.type][0]
    if expected.minimum is not None:
        words += f", at least {expected.minimum:g}"
    if expected.maximum is not None:
        words += f", at most {expected.maximum:g}"
    return words


def wrong_type(
    name: str, expected: Fact, values: Collection[Any], rows: Collection[object] = ()
) -> str:
    """The error for values of another type than the fact's, with the labels of their rows."""
    return (
        f"fact {name!r}: expected {allowed(expected)}, saw {few(values, repr)} in {_count(rows)}; "
        "convert the values before deciding"
    )


def outside(
    name: str, expected: Fact, values: Collection[Any], rows: Collection[object] = ()
) -> str:
    """The error for values of the right type that the fact may not hold."""
    return (
        f"fact {name!r}: {_count(rows)} outside what the table allows ({allowed(expected)}): "
        f"{few(values, repr)}; correct the data or widen the table's [facts]"
    )


def _count(rows: Collection[object]) -> str:
    return f"{len(rows):,} row(s) ({few(rows)})" if len(rows) else "1 row(s)"


def constant_key(value: Constant) -> int | float | str:
    """The comparable form of a constant in a rule: dates become days since 1970-01-01."""
    return value.toordinal() - EPOCH if isinstance(value, date) else value


def type_of_constant(value: Constant) -> FactType:
    """The fact type that a constant belongs to."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "date" if isinstance(value, date) else "text"


def show(value: object, kind: FactType | None = None) -> object:
    """Turn a read value into what people know: days become dates."""
    if kind == "date" and isinstance(value, int):
        return date.fromordinal(value + EPOCH)
    return value


def representatives(expected: Fact, constants: Iterable[Constant]) -> Iterator[Any]:
    """One value for each region in which every test over these constants is constant.

    Exact: the constants themselves, a point between neighbours, and one beyond each end, kept
    to what the fact may hold. Texts outside the constants are one region.
    """
    keys = sorted({constant_key(c) for c in constants}, key=lambda k: (isinstance(k, str), k))
    if expected.type == "boolean":
        yield from (True, False)
    elif expected.type == "any":
        yield "any value"
    elif expected.type == "text":
        yield from expected.values or [*keys, _fresh_text(keys)]
    else:
        whole = expected.type != "number"
        points = _whole_points(keys, expected) if whole else _real_points(keys, expected)
        yield from sorted(p for p in points if _within(p, expected))


def _fresh_text(keys: list[Any]) -> str:
    text = "any other text"
    while text in keys:
        text += "*"
    return text


def _edges(keys: list[Any], expected: Fact) -> list[Any]:
    bounds = [b for b in (expected.minimum, expected.maximum) if b is not None]
    return sorted({*keys, *bounds}) or [0]


def _whole_points(keys: list[Any], expected: Fact) -> set[int]:
    edges = [math.floor(k) for k in _edges(keys, expected) if math.isfinite(k)] or [0]
    points = {edge + step for edge in edges for step in (-1, 0, 1)}
    if expected.type == "date":
        points = {p for p in points if _FIRST_DAY <= p <= _LAST_DAY}
    return points


def _real_points(keys: list[Any], expected: Fact) -> set[float]:
    edges = _edges(keys, expected)
    points: set[float] = {*edges, _beyond(edges[0], -1), _beyond(edges[-1], 1)}
    for low, high in itertools.pairwise(edges):
        middle = low / 2 + high / 2
        if low < middle < high:
            points.add(middle)
        elif low < math.nextafter(low, math.inf) < high:
            points.add(math.nextafter(low, math.inf))
    return points


def _beyond(edge: float, direction: int) -> float:
    if edge in (math.inf, -math.inf):
        return edge if edge * direction > 0 else 0.0  # any number lies before it
    step = edge + direction
    return step if step != edge else edge + direction * abs(edge)
