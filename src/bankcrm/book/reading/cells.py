"""The cells of a column, text or typed, as values of the column's kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.mapping import Formats
from bankcrm.errors import DataError
from bankcrm.frames.instants import instants_of
from bankcrm.frames.readers import Mask

Array: TypeAlias = Any
"""An Arrow array, which has no types of its own for mypy."""

TRUE, FALSE = ("true", "1"), ("false", "0")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_ZONED = r"\d(?:Z|[+-]\d\d:?\d\d)$"


class Cells(NamedTuple):
    """Converted cells.

    Attributes:
        values: The values; a cell that does not parse is null.
        wrong: The cells that do not parse; None: all do.
        expected: What was expected.
        advice: What to do.
    """

    values: Array
    wrong: Mask | None = None
    expected: str = ""
    advice: str = ""


def is_text(values: Array) -> bool:
    """Whether an Arrow array holds text, plain or encoded."""
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view()
    )


def trimmed(values: Array) -> Array:
    """Text without white space around it; what is left empty is null."""
    if pa.types.is_dictionary(values.type):
        values = pc.cast(values, pa.string())
    text = pc.utf8_trim_whitespace(values)
    blank = pc.equal(text, "")
    return pc.if_else(blank, None, text) if pc.any(blank).as_py() else text


def as_text(values: Array) -> Array:
    """Cells of any type as text; a whole number has no decimals, whatever its type."""
    kind = values.type
    if is_text(values):
        return trimmed(values)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        text = pc.cast(values, pa.string())
        whole = pc.equal(values, pc.floor(values))
        if pa.types.is_floating(kind):  # a large one would be written with an exponent
            exact = pc.less(pc.abs(values), 2.0**63)
            plain = pc.cast(pc.if_else(pc.and_(whole, exact), values, 0.0), pa.int64())
            text = pc.if_else(pc.and_(whole, exact), pc.cast(plain, pa.string()), text)
        return pc.replace_substring_regex(text, r"\.0+$", "")
    try:
        return pc.cast(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"a column of {kind} is no text; write it as UTF-8 text") from None


def encoded(values: Array) -> tuple[npt.NDArray[np.intp], list[str]]:
    """The code of each cell, -1 for null, and the texts without white space around them.

    >>> encoded(pa.array(["a", " a", None, " "]))
    (array([ 0,  1, -1, -1]), ['a', 'a', ''])
    """
    codes = values
    if not pa.types.is_dictionary(values.type):
        codes = pc.dictionary_encode(values if is_text(values) else as_text(values))
    if isinstance(codes, pa.ChunkedArray):
        codes = codes.unify_dictionaries().combine_chunks()
    if isinstance(codes, pa.ChunkedArray):  # without a chunk, or with too many for one
        codes = pa.concat_arrays(codes.chunks) if codes.num_chunks else codes.cast(pa.string())
    if not len(codes):
        return np.empty(0, dtype=np.intp), []
    places = pc.fill_null(codes.indices, -1).to_numpy().astype(np.intp)
    words = [word.strip() for word in as_text(codes.dictionary).fill_null("").to_pylist()]
    blank = np.array([not word for word in words] + [True], dtype=np.bool_)
    return (np.where(blank[places], -1, places) if blank[:-1].any() else places), words


def numbers(values: Array, formats: Formats, power: int = 0) -> Cells:
    """Numbers as float64, moved by a power of ten.

    Args:
        values: Text, or numbers of any type.
        formats: The decimal mark and the mark between thousands.
        power: The power of ten by which numbers are multiplied.
    """
    if not is_text(values):
        return _scaled(values, power)
    text = pc.cast(values, pa.string()) if pa.types.is_dictionary(values.type) else values
    decimal, thousands = formats.decimal or ".", formats.thousands
    wrong = None
    if thousands is not None:
        mark, point = re.escape(thousands), re.escape(decimal)
        # fewer than 3 digits after a mark, or more than 4; a mark after the decimals, or in front
        odd = rf"{mark}\d{{0,2}}(\D|$)|{mark}\d{{5}}|{point}\d*{mark}|^\D*{mark}"
        wrong = pc.match_substring_regex(text, odd)
        text = pc.replace_substring(text, thousands, "")
    if decimal == ",":
        points = pc.match_substring(text, ".")
        wrong = points if wrong is None else pc.or_(wrong, points)
        text = pc.replace_substring(text, ",", ".")
    if wrong is not None and pc.any(wrong).as_py():
        text = pc.if_else(wrong, "?", text)
    return _parsed_numbers(text, power, _number_advice(formats))


def _number_advice(formats: Formats) -> str:
    decimal = formats.decimal or "."
    stated = f"decimal mark {decimal!r}"
    if formats.thousands is not None:
        return f"read with {stated} and {formats.thousands!r} between thousands"
    other = "." if decimal == "," else ","
    return (
        f"read with {stated}; if {other!r} stands between thousands, state thousands = "
        f"{other!r} under [formats]"
    )


def _parsed_numbers(text: Array, power: int, advice: str) -> Cells:
    try:
        # the exponent keeps the result exact: 1.1 thousand is 1100, not 1100.0000000000002
        number = pc.cast(_with_power(text, power), pa.float64())
        if pc.all(pc.is_finite(number)).as_py() is not False:
            return Cells(number)
    except pa.ArrowInvalid:
        pass
    text = trimmed(text)
    fits = pc.match_substring_regex(text, _NUMBER)
    plain = pc.if_else(fits, text, None)
    try:
        number = pc.cast(_with_power(plain, power), pa.float64())
    except pa.ArrowInvalid:  # some are written with an exponent
        number = _scaled(pc.cast(plain, pa.float64()), power).values
    finite = pc.is_finite(number)
    number = pc.if_else(finite, number, None)
    wrong = pc.and_(pc.is_valid(text), pc.is_null(number))
    return Cells(number, mask_of(wrong), "numbers", advice)


def _with_power(text: Array, power: int) -> Array:
    return pc.binary_join_element_wise(text, f"e{power}", "") if power else text


def _scaled(values: Array, power: int) -> Cells:
    """Typed numbers, moved by a power of ten; other types stay, and the check refuses them."""
    decimal = pa.types.is_decimal(values.type)
    typed = decimal or pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    if not typed or not (power or decimal):
        return Cells(values)
    if decimal:  # by way of text, since Arrow's own conversion is not to the nearest double
        values = pc.cast(values, pa.string())
        with suppress(pa.ArrowInvalid):  # tiny ones are written with an exponent
            return Cells(pc.cast(_with_power(values, power), pa.float64()))
    number = pc.cast(values, pa.float64())
    return Cells(pc.divide(number, 10.0**-power) if power < 0 else pc.multiply(number, 10.0**power))


def dates(values: Array, formats: Formats) -> Cells:
    """Days: text by the patterns, whole numbers such as 20260630, instants by their local day."""
    kind = values.type
    zone = formats.time_zone
    if pa.types.is_timestamp(kind) and kind.tz is not None and zone is not None:
        local = pc.local_timestamp(pc.cast(values, pa.timestamp(kind.unit, zone)))
        return Cells(pc.cast(local, pa.date32()))
    if not (is_text(values) or pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return Cells(values)
    codes, words = encoded(values)
    text = pd.Series(words, dtype="str")
    zoned = text.str.contains(_ZONED, regex=True).to_numpy(dtype=np.bool_)
    moments = _moments(text, formats.dates)
    if zone is None:
        moments = moments.mask(zoned)
    elif zoned.any():
        local = moments.dt.tz_convert(zone).dt.tz_localize(None).dt.tz_localize("UTC")
        moments = moments.where(~zoned, local)
    day = moments.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
    found = np.append(day, np.datetime64("NaT", "D"))[codes]
    return _of_words(pa.array(found, pa.date32()), np.isnat(day), codes, _date_words(formats))


def instants(values: Array, formats: Formats) -> Cells:
    """Instants in UTC, or in the zone that is stated for those without one."""
    kind, zone = values.type, formats.time_zone
    expected, advice = _date_words(formats, time=True)
    if zone is None:
        advice = 'for those without one state time_zone = "Asia/Shanghai", say, under [formats]'
    if pa.types.is_null(kind):  # of the type of parts that have a value
        return Cells(values.cast(pa.timestamp("us", zone or "UTC")))
    if pa.types.is_timestamp(kind) and kind.tz is None and zone is not None:
        local = pc.cast(values, pa.timestamp("us")).to_numpy(zero_copy_only=False)
        return Cells(_localized(local, zone))
    if not is_text(values):
        return Cells(values)
    codes, words = encoded(values)
    text = pd.Series(words, dtype="str")
    zoned = text.str.contains(_ZONED, regex=True).to_numpy(dtype=np.bool_)
    moments = _moments(text, _with_time(formats.dates)).dt.as_unit("us")
    if zone is None:
        moments = moments.mask(~zoned)
    elif not zoned.all():
        naive = moments.dt.tz_localize(None).to_numpy()
        local = pd.Series(_localized(naive, zone).to_pandas(), index=moments.index)
        moments = moments.where(zoned, local.dt.tz_convert("UTC"))
    plain = moments.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    found = np.append(plain, np.datetime64("NaT", "us"))[codes]
    values = pa.array(found, pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    if zone is not None:
        values = values.cast(pa.timestamp("us", zone))
    return _of_words(values, np.isnat(plain), codes, (expected, advice))


def _localized(local: npt.NDArray[np.datetime64], zone: str) -> Array:
    """Wall-clock times as instants, exact to the microsecond."""
    fine = local.astype("datetime64[us]")
    index = instants_of(local, zone).as_unit("us") + (fine - fine.astype("datetime64[s]"))
    return pa.array(index.tz_convert("UTC")).cast(pa.timestamp("us", zone))


def _moments(text: pd.Series, patterns: tuple[str, ...] | None) -> pd.Series:
    """Each text by the first pattern that fits, as UTC; what fits none is missing."""
    if patterns is None:
        # a year or a month alone, such as 2026-06, names no day
        day = text.str.match(r"\d{4}([-/.]\d{1,2}[-/.]\d{1,2}|\d{4})").to_numpy(dtype=np.bool_)
        return pd.to_datetime(text.where(day), format="ISO8601", errors="coerce", utc=True)
    found = pd.Series(pd.NaT, index=text.index, dtype="datetime64[us, UTC]")
    for pattern in patterns:
        left = found.isna()
        read = pd.to_datetime(text[left], format=pattern, errors="coerce", utc=True)
        found[left] = read.dt.as_unit("us")
    return found


def _with_time(patterns: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The patterns that have a time of day; the others are for dates alone."""
    return tuple(p for p in patterns or () if "%H" in p or "%I" in p) or None


def _date_words(formats: Formats, *, time: bool = False) -> tuple[str, str]:
    patterns = _with_time(formats.dates) if time else formats.dates
    if patterns is not None:
        shown = " or ".join(repr(p) for p in patterns)
        return f"{'instants' if time else 'dates'} written as {shown}", ""
    advice = 'state the pattern, such as dates = "%d.%m.%Y" for 31.12.2026, under [formats]'
    if time:
        return "instants with a time zone such as 2026-06-30T09:00:00+08:00", advice
    return "ISO dates such as 2026-06-30", advice


def _of_words(
    values: Array, unread: Mask, codes: npt.NDArray[np.intp], words: tuple[str, str]
) -> Cells:
    """Cells that were parsed once per distinct text."""
    wrong = np.append(unread, False)[codes] if unread.any() else None
    return Cells(values, wrong, *words)


def booleans(values: Array, formats: Formats) -> Cells:
    """True and false by their words; 0 and 1 in a column of numbers."""
    if pa.types.is_boolean(values.type) or pa.types.is_null(values.type):
        return Cells(values)
    true, false = formats.true or TRUE, formats.false or FALSE
    known = {w.lower(): True for w in true} | {w.lower(): False for w in false}
    codes, words = encoded(values)
    truth = np.array([known.get(w.lower(), False) for w in words] + [False], dtype=np.bool_)
    unread = np.array([w.lower() not in known for w in words], dtype=np.bool_)
    null = np.append(unread, True)[codes]
    expected = f"{' or '.join(true)}, {' or '.join(false)}"
    advice = 'state the words, such as true = ["Y"], false = ["N"], under [formats]'
    return _of_words(pa.array(truth[codes], mask=null), unread, codes, (expected, advice))


def mask_of(values: Array) -> Mask:
    """An Arrow array of booleans without nulls as a mask."""
    if isinstance(values, pa.ChunkedArray):
        return np.asarray(values.to_numpy(), dtype=np.bool_)
    return np.asarray(values.to_numpy(zero_copy_only=False), dtype=np.bool_)


PARSERS: dict[str, Callable[[Array, Formats], Cells]] = {
    "date": dates,
    "instant": instants,
    "boolean": booleans,
    "integer": numbers,
}
"""How cells are parsed, by kind; amounts, ids and words need more than their own column."""
