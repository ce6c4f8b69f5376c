"""Readers of column kinds: each converts a column to its plain form and finds faulty rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays import day_stamps, is_unicode, look_up, numbers, row_blocks, small_codes
from bankcrm.frames.arrays.found import Expected
from bankcrm.frames.column import Column
from bankcrm.frames.instants import local_day
from bankcrm.frames.numbering import type_of_names

Mask: TypeAlias = npt.NDArray[np.bool_]


class LastDay(NamedTuple):
    """The last day that a date or instant may lie on, and the zone in which instants are days."""

    day: np.datetime64
    zone: str


class Flaw(NamedTuple):
    """Faulty rows of one column, not yet described."""

    problem: str
    mask: Mask
    expected: str
    advice: str = ""
    show_values: bool = True


_CONVERT = "convert with pandas.to_numeric, or with a mapping if there are marks as in 1,200.00"

EXPECTED: dict[str, tuple[Expected, str, str]] = {
    "id": ("id", "whole numbers or text", "give each id one type, for instance .astype('string')"),
    "text": ("text", "text", "convert with .astype('string')"),
    "category": ("text", "text", "convert with .astype('string')"),
    "date": ("date", "dates without a time zone", "convert with pandas.to_datetime"),
    "instant": (
        "instant",
        "instants with a time zone",
        "localise with .dt.tz_localize('Asia/Shanghai') after pandas.to_datetime",
    ),
    "money": ("number", "numbers", _CONVERT),
    "number": ("number", "numbers", _CONVERT),
    "integer": ("number", "whole numbers", _CONVERT),
    "boolean": ("boolean", "true or false", "convert with .astype('boolean')"),
}
"""What fits a kind of column, in words as well, and what to do where it does not."""


_FRACTIONS = ("floating", "mixed-integer-float", "decimal")
_EXACT = 2.0**53  # up to here a float holds every whole number


def _not_exact(rows: Mask) -> Flaw:
    advice = "read the column as 64-bit integers or as text"
    return Flaw("not_exact", rows, "whole numbers that a float can hold exactly", advice)


def _null_flaw(null: Callable[[], Mask], column: Column) -> list[Flaw]:
    """The missing values of a column that may have none; not looked for in one that may."""
    if column.nullable:
        return []
    expected = EXPECTED[column.kind][1]
    return [Flaw("null", null(), expected, "fill them or leave the rows out", show_values=False)]


def _unicode_flaw(texts: pd.Series) -> list[Flaw]:
    """Texts that cannot be written to any file: half a surrogate pair, as a wrong decoder leaves.

    Only Python's own texts can be so, not those of Arrow or of a file.
    """
    if not (types.is_object_dtype(texts.dtype) or getattr(texts.dtype, "storage", "") == "python"):
        return []
    plain = texts.to_numpy(dtype=object)
    parts = (plain[rows] for rows in row_blocks(len(plain)))
    if all(is_unicode("".join(v for v in part if isinstance(v, str))) for part in parts):
        return []
    wrong = np.array([isinstance(v, str) and not is_unicode(v) for v in plain])
    return [Flaw("not_unicode", wrong, "Unicode text", "decode them again", show_values=False)]


Read: TypeAlias = "tuple[object, list[Flaw]]"


def _signed(ids: pd.Series) -> pd.Series:
    """Unsigned whole numbers as int64 where they fit: beside int64, pandas makes them floats."""
    if not types.is_unsigned_integer_dtype(ids.dtype) or bool((ids >= 2**63).any()):
        return ids
    return ids.astype("int64" if isinstance(ids.dtype, np.dtype) else "Int64")


def _read_id(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    null = values.isna().to_numpy()
    flaws = _null_flaw(lambda: null, column)
    kind = values
    if isinstance(values.dtype, pd.CategoricalDtype):
        kind = pd.Series(values.cat.categories)
    if types.is_integer_dtype(kind.dtype):
        return _signed(values), flaws
    found = types.infer_dtype(kind) if types.is_object_dtype(kind.dtype) else ""
    if types.is_float_dtype(kind.dtype) or found in _FRACTIONS:
        whole = numbers(values)
        broken = ~null & ~(np.isfinite(whole) & (whole == np.floor(whole)))
        flaws.append(Flaw("not_whole", broken, "whole numbers or text", "read ids as text"))
        inexact = ~broken & (np.abs(whole) >= _EXACT)  # 2**53 may have been 2**53 + 1
        flaws.append(_not_exact(inexact))
        broken = broken | inexact
        plain = np.where(null | broken, 0, whole).astype(np.int64)
        if (null | broken).any():
            return pd.arrays.IntegerArray(plain, null | broken), flaws
        return plain, flaws
    if found:
        if found in ("integer", "empty"):
            try:
                exact = np.where(null, 0, values.to_numpy()).astype(np.int64)
            except OverflowError:
                raise DataError("ids beyond 64 bits") from None
            return pd.arrays.IntegerArray(exact, null) if null.any() else exact, flaws
        if found != "string":
            raise DataError("mixed ids")
    elif not types.is_string_dtype(kind.dtype):
        if null.all():
            return values, flaws
        raise DataError("no ids")
    blank = (values == "").to_numpy(dtype=np.bool_, na_value=False)
    flaws.append(Flaw("blank", blank, "an id", "fill them or leave the rows out"))
    return values, [*flaws, *_unicode_flaw(values)]


def _read_text(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    kind = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
    found = types.infer_dtype(kind)
    if found not in ("string", "empty") and not values.isna().all():
        raise DataError("no text")
    flaws = _null_flaw(lambda: values.isna().to_numpy(), column)
    return values, [*flaws, *_unicode_flaw(values)]


def _read_category(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    dtype = type_of_names(column.choices)
    if column.choices and _same_categories(values.dtype, dtype):
        return values, _null_flaw(lambda: values.isna().to_numpy(), column)
    code, index = small_codes(values)
    if len(index) and types.infer_dtype(index) != "string":
        raise DataError("no text")
    flaws = _null_flaw(lambda: code < 0, column)
    if not column.choices:
        return pd.Categorical.from_codes(code, index), flaws
    of_choice = {word: n for n, word in enumerate(column.choices)}
    place = [*(of_choice.get(str(word), -1) for word in index.tolist()), -1]
    chosen = look_up(np.array(place, np.min_scalar_type(-len(column.choices))), code)
    if -1 in place[:-1]:
        outside = (chosen < 0) & (code >= 0)
        expected = f"one of {', '.join(column.choices)}"
        flaws.append(Flaw("outside_choices", outside, expected, "map them to these words"))
    return pd.Categorical.from_codes(chosen, dtype=dtype), flaws


def _same_categories(found: object, requested: pd.CategoricalDtype) -> bool:
    """Whether a dtype has the same categories in the same order, and none of another type."""
    if not isinstance(found, pd.CategoricalDtype) or found != requested:
        return False
    ours, theirs = requested.categories, found.categories
    return theirs.dtype == ours.dtype and bool((theirs == ours).all())


def _read_date(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    day = day_stamps(values, column.name)
    flaws = _null_flaw(lambda: np.isnat(day), column)
    until = None if column.known_from else until  # what is known from another day may lie ahead
    # A missing day is the least of numbers.
    if until is not None and day.view(np.int64).max(initial=0) > _seconds(until.day):
        advice = "leave them out or review as of a later day"
        late = day > until.day
        flaws.append(Flaw("after_as_of", late, f"dates up to {until.day}", advice))
    return day, flaws


def _seconds(day: np.datetime64) -> int:
    """The midnight of a day in seconds since 1970-01-01."""
    return int(day.astype("datetime64[s]").astype(np.int64))


def _read_instant(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    null = values.isna().to_numpy()
    if types.is_object_dtype(values.dtype) and not null.all():
        found = types.infer_dtype(values)
        if found != "datetime" or any(
            v.tzinfo is None for v in values.to_numpy(dtype=object)[~null]
        ):
            raise DataError("naive or no instants")
        try:
            values = pd.to_datetime(values, utc=True)
        except ValueError as error:  # a year that the platform's instants do not reach
            raise DataError(str(error)) from None
    elif isinstance(values.dtype, pd.ArrowDtype) and values.dtype.kind == "M":
        zone = getattr(values.dtype.pyarrow_dtype, "tz", None)
        if zone is None:
            raise DataError("naive instants")
        values = values.astype(pd.DatetimeTZDtype("us", zone))
    elif null.all():
        values = pd.Series(pd.DatetimeIndex([pd.NaT] * len(values), tz="UTC"), index=values.index)
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        raise DataError("naive instants")
    flaws = _null_flaw(lambda: null, column)
    if until is not None and not column.known_from:
        late = ~null & (local_day(values, until.zone) > until.day)
        advice = "leave them out or review as of a later day"
        flaws.append(Flaw("after_as_of", late, f"instants up to {until.day}", advice))
    return values, flaws


def _read_number(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    number = numbers(values, column.name)
    # The extremes say at the cost of one pass each whether a mask is needed; one of NaN is NaN.
    least, most = number.min(initial=np.inf), number.max(initial=-np.inf)
    flaws = []
    if np.isnan(least):
        flaws = _null_flaw(lambda: np.isnan(number), column)
        least, most = np.fmin.reduce(number), np.fmax.reduce(number)
    infinite: Mask | np.bool_ = np.False_
    if np.isinf([least, most]).any():
        infinite = np.isinf(number)
        flaws.append(Flaw("not_finite", infinite, "finite numbers", "correct them at the source"))
    unit = f" {column.unit}" if column.unit else ""
    if column.minimum is not None and least < column.minimum:
        low = ~infinite & (number < column.minimum)
        flaws.append(Flaw("below_minimum", low, f"at least {column.minimum:g}{unit}"))
    if column.maximum is not None and most > column.maximum:
        high = ~infinite & (number > column.maximum)
        flaws.append(Flaw("above_maximum", high, f"at most {column.maximum:g}{unit}"))
    return number, flaws


def _read_integer(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    number, flaws = _read_number(values, column, until)
    if not isinstance(number, np.ndarray):  # pragma: no cover - for the type checker
        raise DataError("no numbers")
    finite = np.isfinite(number)
    broken = finite & (number != np.floor(number))
    flaws.append(Flaw("not_whole", broken, "whole numbers", "round them on purpose"))
    large = finite & (np.abs(number) > _EXACT)
    whole = _signed(values)
    if types.is_signed_integer_dtype(whole.dtype) and finite.all():
        return whole.to_numpy(dtype=np.int64), flaws
    flaws.append(_not_exact(large))
    if finite.all() and not broken.any() and not large.any():
        return number.astype(np.int64), flaws
    return number, flaws


def _read_boolean(values: pd.Series, column: Column, until: LastDay | None) -> Read:
    if values.dtype == np.bool_:
        return values.to_numpy(), []
    null = values.isna().to_numpy()
    plain = types.is_bool_dtype(values.dtype) or null.all()
    if not plain and types.infer_dtype(values) != "boolean":
        raise DataError("no booleans")
    truth = pd.arrays.BooleanArray(values.to_numpy(dtype=np.bool_, na_value=False), null)
    return truth if null.any() else truth.to_numpy(dtype=np.bool_), _null_flaw(lambda: null, column)


READERS: dict[str, Callable[[pd.Series, Column, LastDay | None], Any]] = {
    "id": _read_id,
    "text": _read_text,
    "category": _read_category,
    "date": _read_date,
    "instant": _read_instant,
    "money": _read_number,
    "number": _read_number,
    "integer": _read_integer,
    "boolean": _read_boolean,
}
