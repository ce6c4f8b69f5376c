"""Arguments of a wrong kind: one sentence that says what was expected, without a frame's values."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from numbers import Number
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from bankcrm.errors import DataError, without_password

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
        return f"the {kind} {value}"
    return f"{'an' if kind[:1] in 'AEIOUaeiou' else 'a'} {kind}"


def as_path(value: object, name: str = "path") -> Path:
    """A path from text or a path.

    Raises:
        DataError: It is neither.
    """
    if isinstance(value, str | os.PathLike):
        return Path(value)
    refuse(name, "a path", value)


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
