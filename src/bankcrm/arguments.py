"""Arguments of a wrong kind: one sentence that says what was expected, without a frame's values."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from numbers import Number
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.errors import DataError, without_password
from bankcrm.units import is_time_zone

C = TypeVar("C", bound=str)

_SHORT = 60


def refuse(name: str, expected: str, value: object, advice: str = "") -> NoReturn:
    """Raise the error for an argument of a wrong kind.

    Args:
        name: The argument.
        expected: What it should be, with its article.
        value: What was given; only short texts and plain numbers are shown.
        advice: What to do.

    Raises:
        DataError: Always.
    """
    raise DataError(
        f"{name}: expected {expected}, got {found(value)}{'; ' if advice else ''}{advice}"
    )


def found(value: object) -> str:
    """What a value is, in words.

    >>> found("x"), found(None), found([1]), found(5)
    ("the text 'x'", 'None', 'a list', 'the int 5')
    """
    kind = type(value).__name__
    if value is None:
        return "None"
    if isinstance(value, str | Path):
        what = "text" if isinstance(value, str) else "path"
        return f"the {what} {without_password(str(value))[:_SHORT]!r}"
    if isinstance(value, bool | int | float):
        large = abs(value) > sys.float_info.max and isinstance(value, int)
        return "a whole number beyond 1e308" if large else f"the {kind} {value}"
    return f"{'an' if kind[:1] in 'AEIOUaeiou' else 'a'} {kind}"


def as_path(value: object, name: str = "path") -> Path:
    """A path from text or a path.

    Raises:
        DataError: It is neither, or has no characters or some that no file's name may have.
    """
    if isinstance(value, str | os.PathLike):
        path = Path(value)
        if value != "" and _is_writable(str(path)):
            return path
    refuse(name, "a path", value)


def _is_writable(path: str) -> bool:
    try:
        return b"\0" not in os.fsencode(path)
    except UnicodeEncodeError:
        return False


def as_numbers(value: object, name: str) -> npt.NDArray[np.float64]:
    """A number, or a frame, an array or nested lists of numbers, as float64; a null is NaN.

    Raises:
        DataError: A part is no number.
    """
    made: npt.NDArray[np.float64]
    given: npt.NDArray[Any] = np.zeros(0)
    try:
        if not isinstance(value, str | Mapping):
            if to_numpy := getattr(value, "to_numpy", None):  # of pandas, which knows its nulls
                value = to_numpy(na_value=np.nan)
            given = np.asarray(value)
            texts = given.dtype == object and any(isinstance(v, str | bytes) for v in given.flat)
            if given.dtype.kind in "biufO" and not texts:
                made = given.astype(np.float64)
                return made
    except (OverflowError, TypeError, ValueError):
        pass
    for place, part in np.ndenumerate(given):  # the first that is no number, without its value
        large = isinstance(part, int) and abs(part) > sys.float_info.max
        if given.ndim and part is not None and (large or not isinstance(part, Number)):
            where = ", ".join(map(str, place))
            kind = "text" if isinstance(part, str) else type(part).__name__
            kind = "a number beyond 1e308" if large else kind
            raise DataError(
                f"{name}: expected numbers, got {kind} at position {where}, counted from 0"
            )
    refuse(name, "numbers", value)


def as_number(value: object, name: str) -> float:
    """One number.

    Raises:
        DataError: It is not a number, or there are several.
    """
    number = as_numbers(value, name)
    if number.ndim:
        refuse(name, "one number", value)
    return float(number)


def as_finite(value: object, name: str, least: float = -math.inf) -> float:
    """One number that is neither missing nor infinite, such as an amount of money.

    Raises:
        DataError: It is no such number, or below ``least``.
    """
    number = as_number(value, name)
    if math.isfinite(number) and number >= least:
        return number
    bound = "" if least == -math.inf else f", {least:g} or more"
    refuse(name, f"a finite number{bound}", value)


def as_share(value: object, name: str, *, zero: bool = True, one: bool = True) -> float:
    """A share from 0 to 1.

    Args:
        value: The share.
        name: The argument.
        zero: Whether it may be 0.
        one: Whether it may be 1.

    Raises:
        DataError: It is no such number.

    >>> as_share(0.2, "share"), as_share(1, "share")
    (0.2, 1.0)
    """
    share = as_number(value, name)
    if 0 < share < 1 or (zero and share == 0) or (one and share == 1):
        return share
    most = "below 1" if not one else "1" if zero else "up to 1"
    refuse(name, f"a share {'from 0 to' if zero else 'above 0 and'} {most}", value)


def as_whole_number(value: object, name: str, least: int = 0, most: float = 1_000_000) -> int:
    """A whole number, such as how many samples are drawn.

    >>> as_whole_number(200.0, "draws", 1)
    200

    Raises:
        DataError: It is none, or not within the limits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer):
        refuse(name, "a whole number", value)
    if least <= value <= most and value % 1 == 0:  # of infinity this is no number
        return int(value)
    limits = f" from {least:,} to {most:,}" if most < math.inf else f", {least:,} or more"
    refuse(name, f"a whole number{limits}", value)


def as_generator(seed: object) -> np.random.Generator:
    """A generator of random numbers that draws the same for the same seed.

    Raises:
        DataError: The seed is no whole number, 0 or more.
    """
    if isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0:
        return np.random.default_rng(int(seed))
    refuse("seed", "a whole number, 0 or more, such as seed=1", seed)


def as_choice(value: C, choices: Iterable[C], name: str) -> C:
    """One of a few words.

    Raises:
        DataError: It is none of them.
    """
    known = tuple(choices)
    if isinstance(value, str) and value in known:
        return value
    refuse(name, f"one of {', '.join(filter(None, known))}", value)


def one_of(*choices: str) -> Callable[[object, attrs.Attribute[Any], Any], None]:
    """A validator of attrs: the value is one of a few words."""

    def validate(_: object, attribute: attrs.Attribute[Any], value: Any) -> None:
        as_choice(value, choices, attribute.name)

    return validate


def text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """A validator of attrs: the value is a text."""
    if not isinstance(value, str):
        refuse(attribute.name, "a text", value)


def as_mapping(value: object, name: str, expected: str) -> dict[Any, Any]:
    """A mapping as a dictionary of its own; None is an empty one.

    Raises:
        DataError: It is no mapping.
    """
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    refuse(name, expected, value)


def as_renames(names: object) -> dict[str, str]:
    """Canonical name -> the caller's name.

    Raises:
        DataError: The names are no mapping.
    """
    return as_mapping(names, "names", "a mapping, such as {'customer_id': 'cust_no'}")


def as_zone(name: object) -> ZoneInfo:
    """The time zone that a text names.

    Raises:
        DataError: It names none.
    """
    if isinstance(name, str) and is_time_zone(name):
        return ZoneInfo(name)
    refuse("zone", "a time zone, such as 'Asia/Shanghai'", name)


def as_utf8(value: object, name: str) -> bytes:
    """A text as bytes.

    Raises:
        DataError: It is no text, or has characters that are not in Unicode.
    """
    try:
        if isinstance(value, str):
            return value.encode()
    except UnicodeEncodeError:
        pass
    refuse(name, "a text of Unicode characters", value)


def as_items(value: Any, name: str, expected: str) -> list[Any]:
    """The items of a list, tuple, array or other sequence but text.

    Raises:
        DataError: It is text, or cannot be iterated over.
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        refuse(name, expected, value)
    return list(value)


def as_names(value: Iterable[str] | str) -> tuple[str, ...]:
    """Several names, or a single one.

    >>> as_names("stage"), as_names(["stage", "tier"])
    (('stage',), ('stage', 'tier'))
    """
    return (value,) if isinstance(value, str) else tuple(value)


def as_kind(value: Any, kind: type[Any], name: str, advice: str = "") -> Any:
    """The value itself, if it is of a class of bankcrm.

    Raises:
        DataError: It is of another.
    """
    if isinstance(value, kind):
        return value
    refuse(name, f"a {kind.__name__}", value, advice)
