"""One check per scheme of identifiers: the first fault of each text, as a code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from bankcrm.quality.identifiers.checksums import (
    CAPITALS,
    CREDIT_CODE,
    DIGITS,
    are_digits,
    are_in,
    credit_code_holds,
    luhn_holds,
    number_of,
    remainder_97,
    resident_sign,
)
from bankcrm.quality.identifiers.iban_layouts import LAYOUTS
from bankcrm.quality.identifiers.texts import Bytes, Mask, Texts
from bankcrm.vocabulary import IdentifierFault, IdentifierScheme

Faults: TypeAlias = npt.NDArray[np.int8]
Marks: TypeAlias = Iterator[tuple[IdentifierFault, Mask]]
"""Faults with the texts that have them, the gravest last."""

_Faults: TypeAlias = Callable[[Texts, np.datetime64 | None], Faults]

FAULTS = tuple(IdentifierFault)
FINE = np.int8(-1)
_CODE = {fault: np.int8(i) for i, fault in enumerate(FAULTS)}

_PROVINCES = (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
              50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91)  # fmt: skip
_OFFICES = {"1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129", "7": "129",
            "8": "19", "9": "123", "A": "19", "N": "1239", "Y": "1"}  # fmt: skip
_FIRST_YEAR = 1850
_LONGEST_LUHN = 32
_PREFIXES = {0: "", 2: "86", 3: "+86", 4: "0086"}
_ATOM = r"[^\s@\"(),:;<>\[\]\\.]+"
_SIGN = r"A-Za-z0-9\x{80}-\x{10ffff}"
_LABEL = rf"[{_SIGN}]([{_SIGN}-]*[{_SIGN}])?"
_TOP = r"([A-Za-z\x{80}-\x{10ffff}]{2,}|xn--[A-Za-z0-9-]+)"
_EMAIL = rf"^{_ATOM}(\.{_ATOM})*@({_LABEL}\.)+{_TOP}$"


@attrs.frozen
class _Check:
    """How one scheme is read and checked.

    Attributes:
        faults: The fault of each text, `FINE` where it has none.
        dropped: Separators that people write.
        upper: Whether letters are capitals.
    """

    faults: _Faults
    dropped: str = ""
    upper: bool = True


def _of_widths(marks: Callable[[Bytes, np.datetime64 | None], Marks], *widths: int) -> _Faults:
    """The faults of texts of these lengths, whose bytes are marked; any other length is a fault."""

    def faults(texts: Texts, day: np.datetime64 | None) -> Faults:
        found = _all(texts, IdentifierFault.LENGTH)
        counts = np.bincount(np.minimum(texts.length, max(widths) + 1), minlength=max(widths) + 1)
        for width in widths:
            if counts[width]:
                rows = texts.of_width(width)
                found[rows] = _marked(len(rows), marks(texts.matrix(rows, width), day))
        return found

    return faults


def _resident_id(m: Bytes, day: np.datetime64 | None) -> Marks:
    long = len(m) == 18
    digits = are_digits(m[: min(len(m), 17)])
    year = number_of(m[6:10]) if long else 1900 + number_of(m[6:8])
    at = 10 if long else 8
    if long:
        digits &= are_in(m[17:], DIGITS + "X")
        yield IdentifierFault.CHECK_DIGIT, m[17] != resident_sign(m)
    yield (
        IdentifierFault.DATE,
        ~_are_days(year, number_of(m[at : at + 2]), number_of(m[at + 2 : at + 4]), day),
    )
    yield IdentifierFault.REGION, ~np.isin(number_of(m[:2]), _PROVINCES)
    yield IdentifierFault.CHARACTER, ~digits


def _credit_code(m: Bytes, day: np.datetime64 | None) -> Marks:
    yield IdentifierFault.RESIDENT_ID, _marked(m.shape[1], _resident_id(m, day)) == FINE
    yield IdentifierFault.CHECK_DIGIT, ~credit_code_holds(m)
    office = np.zeros(m.shape[1], np.bool_)
    for first, seconds in _OFFICES.items():
        office |= (m[0] == ord(first)) & np.isin(m[1], [ord(s) for s in seconds])
    yield IdentifierFault.OFFICE, ~office
    yield IdentifierFault.CHARACTER, ~(are_in(m, CREDIT_CODE) & are_digits(m[2:8]))


def _lei(m: Bytes, day: np.datetime64 | None) -> Marks:
    yield IdentifierFault.CHECK_DIGIT, remainder_97(m) != 1
    yield IdentifierFault.CHARACTER, ~(are_in(m, DIGITS + CAPITALS) & are_digits(m[18:]))


def _luhn(m: Bytes, day: np.datetime64 | None) -> Marks:
    yield IdentifierFault.CHECK_DIGIT, ~luhn_holds(m)
    yield IdentifierFault.CHARACTER, ~are_digits(m)


def _mobile(m: Bytes, day: np.datetime64 | None) -> Marks:
    prefix = _PREFIXES[len(m) - 11]
    own = m[len(prefix) :]
    yield IdentifierFault.RANGE, (own[0] != ord("1")) | (own[1] < ord("3"))
    for place, sign in enumerate(prefix):
        yield IdentifierFault.COUNTRY, m[place] != ord(sign)
    yield IdentifierFault.CHARACTER, ~are_digits(own)


def _iban(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.COUNTRY)
    long = np.flatnonzero(texts.ascii & (texts.length >= 4))
    head = texts.matrix(long, 2)
    country = head[0].astype(np.int64) * 256 + head[1]
    for name, layout in LAYOUTS.items():
        own = long[country == ord(name[0]) * 256 + ord(name[1])]
        if not len(own):
            continue
        runs = [(int(n), kind) for n, kind in _runs(layout)]
        width = 4 + sum(n for n, _ in runs)
        right = own[texts.length[own] == width]
        found[own] = _CODE[IdentifierFault.LENGTH]
        found[right] = _marked(len(right), _account(texts.matrix(right, width), runs))
    return found


def _account(m: Bytes, runs: list[tuple[int, str]]) -> Marks:
    yield IdentifierFault.CHECK_DIGIT, remainder_97(np.roll(m, -4, axis=0)) != 1
    fits, at = are_digits(m[2:4]), 4
    for n, kind in runs:
        fits &= are_in(m[at : at + n], _KINDS[kind])
        at += n
    yield IdentifierFault.CHARACTER, ~fits


_KINDS = {"n": DIGITS, "a": CAPITALS, "c": DIGITS + CAPITALS}


def _runs(layout: str) -> list[tuple[str, str]]:
    return re.findall(r"(\d+)([nac])", layout)


def _email(texts: Texts, day: np.datetime64 | None) -> Faults:
    fits = pc.fill_null(pc.match_substring_regex(texts.array, _EMAIL), False)
    found = np.where(fits.to_numpy(zero_copy_only=False), FINE, _CODE[IdentifierFault.SHAPE])
    found[texts.length > 254] = _CODE[IdentifierFault.LENGTH]
    return found.astype(np.int8)


CHECKS = {
    IdentifierScheme.RESIDENT_ID: _Check(_of_widths(_resident_id, 18, 15), " -"),
    IdentifierScheme.CREDIT_CODE: _Check(_of_widths(_credit_code, 18), " -"),
    IdentifierScheme.LEI: _Check(_of_widths(_lei, 20), " -"),
    IdentifierScheme.IBAN: _Check(_iban, " -."),
    IdentifierScheme.LUHN: _Check(_of_widths(_luhn, *range(2, _LONGEST_LUHN + 1)), " -"),
    IdentifierScheme.MOBILE: _Check(_of_widths(_mobile, 11, 13, 14, 15), " -()"),
    IdentifierScheme.EMAIL: _Check(_email, upper=False),
}


def _all(texts: Texts, fault: IdentifierFault) -> Faults:
    found = np.full(len(texts.null), _CODE[fault])
    found[~texts.ascii] = _CODE[IdentifierFault.CHARACTER]
    return found


def _marked(size: int, marks: Marks) -> Faults:
    """One fault per text: a later mark replaces an earlier one, so that the gravest comes last."""
    faults = np.full(size, FINE)
    for fault, rows in marks:
        faults += (_CODE[fault] - faults) * rows  # arithmetic on bytes is far faster than a mask
    return faults


def _are_days(
    year: npt.NDArray[np.int64],
    month: npt.NDArray[np.int64],
    day: npt.NDArray[np.int64],
    last: np.datetime64 | None,
) -> Mask:
    """Which numbers are a day of the calendar, from 1850 on and up to ``last``."""
    right = (year >= _FIRST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    months = np.where(right, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    found = months.astype("datetime64[D]") + np.where(right, day - 1, 0)
    valid: Mask = right & (found.astype("datetime64[M]") == months)
    return valid if last is None else valid & (found <= last)


def extended(m: Bytes) -> Bytes:
    """Resident ids of 15 digits as those of 18: the century of birth and the check sign added."""
    century = np.full((2, m.shape[1]), [[ord("1")], [ord("9")]], np.uint8)
    long = np.concatenate([m[:6], century, m[6:]])
    return np.concatenate([long, resident_sign(long)[None, :]])
