"""One check per scheme of identifiers: the first fault of each text, as a code."""

from __future__ import annotations

import re
from collections.abc import Callable

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

Faults = npt.NDArray[np.int8]

FAULTS = tuple(IdentifierFault)
FINE = np.int8(-1)
_CODE = {fault: np.int8(i) for i, fault in enumerate(FAULTS)}

_PROVINCES = (11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46,
              50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83, 91)  # fmt: skip
_OFFICES = {"1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129", "7": "129",
            "8": "19", "9": "123", "A": "19", "N": "1239", "Y": "1"}  # fmt: skip
_FIRST_YEAR = 1850
_LONGEST_LUHN = 32
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

    faults: Callable[[Texts, np.datetime64 | None], Faults]
    dropped: str = ""
    upper: bool = True


def _resident_id(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.LENGTH)
    for width in (18, 15):
        rows = texts.of_width(width)
        if not len(rows):
            continue
        m = texts.matrix(rows, width)
        digits = are_digits(m[: min(width, 17)])
        year = number_of(m[6:10]) if width == 18 else 1900 + number_of(m[6:8])
        at = 10 if width == 18 else 8
        faults = np.full(len(rows), FINE)
        if width == 18:
            digits &= are_in(m[17:], DIGITS + "X")
            _mark(faults, m[17] != resident_sign(m), IdentifierFault.CHECK_DIGIT)
        valid = _are_days(year, number_of(m[at : at + 2]), number_of(m[at + 2 : at + 4]), day)
        _mark(faults, ~valid, IdentifierFault.DATE)
        _mark(faults, ~np.isin(number_of(m[:2]), _PROVINCES), IdentifierFault.REGION)
        _mark(faults, ~digits, IdentifierFault.CHARACTER)
        found[rows] = faults
    return found


def _credit_code(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.LENGTH)
    rows = texts.of_width(18)
    m = texts.matrix(rows, 18)
    faults = np.full(len(rows), FINE)
    _mark(faults, _resident_id(texts, day)[rows] == FINE, IdentifierFault.RESIDENT_ID)
    _mark(faults, ~credit_code_holds(m), IdentifierFault.CHECK_DIGIT)
    office = np.zeros(len(rows), np.bool_)
    for first, seconds in _OFFICES.items():
        office |= (m[0] == ord(first)) & np.isin(m[1], [ord(s) for s in seconds])
    _mark(faults, ~office, IdentifierFault.OFFICE)
    _mark(faults, ~(are_in(m, CREDIT_CODE) & are_digits(m[2:8])), IdentifierFault.CHARACTER)
    found[rows] = faults
    return found


def _lei(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.LENGTH)
    rows = texts.of_width(20)
    m = texts.matrix(rows, 20)
    faults = np.full(len(rows), FINE)
    _mark(faults, remainder_97(m) != 1, IdentifierFault.CHECK_DIGIT)
    _mark(faults, ~(are_in(m, DIGITS + CAPITALS) & are_digits(m[18:])), IdentifierFault.CHARACTER)
    found[rows] = faults
    return found


def _iban(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.COUNTRY)
    long = np.flatnonzero(~texts.null & (texts.length >= 4))
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
        m = texts.matrix(right, width)
        faults = np.full(len(right), FINE)
        _mark(faults, remainder_97(np.roll(m, -4, axis=0)) != 1, IdentifierFault.CHECK_DIGIT)
        fits, at = are_digits(m[2:4]), 4
        for n, kind in runs:
            fits &= are_in(m[at : at + n], _KINDS[kind])
            at += n
        _mark(faults, ~fits, IdentifierFault.CHARACTER)
        found[right] = faults
    return found


_KINDS = {"n": DIGITS, "a": CAPITALS, "c": DIGITS + CAPITALS}


def _runs(layout: str) -> list[tuple[str, str]]:
    return re.findall(r"(\d+)([nac])", layout)


def _luhn(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.LENGTH)
    for width in np.unique(texts.length[~texts.null]):
        if not 2 <= width <= _LONGEST_LUHN:
            continue
        rows = texts.of_width(int(width))
        m = texts.matrix(rows, int(width))
        faults = np.full(len(rows), FINE)
        _mark(faults, ~luhn_holds(m), IdentifierFault.CHECK_DIGIT)
        _mark(faults, ~are_digits(m), IdentifierFault.CHARACTER)
        found[rows] = faults
    return found


def _mobile(texts: Texts, day: np.datetime64 | None) -> Faults:
    found = _all(texts, IdentifierFault.LENGTH)
    for prefix in ("", "86", "+86", "0086"):
        width = len(prefix) + 11
        rows = texts.of_width(width)
        if not len(rows):
            continue
        m = texts.matrix(rows, width, copy=False)
        own = m[len(prefix) :]
        faults = np.full(len(rows), FINE)
        _mark(faults, (own[0] != ord("1")) | (own[1] < ord("3")), IdentifierFault.RANGE)
        for place, sign in enumerate(prefix):
            _mark(faults, m[place] != ord(sign), IdentifierFault.COUNTRY)
        _mark(faults, ~are_digits(own), IdentifierFault.CHARACTER)
        found[rows] = faults
    return found


def _email(texts: Texts, day: np.datetime64 | None) -> Faults:
    fits = pc.fill_null(pc.match_substring_regex(texts.array, _EMAIL), False)
    found = np.where(fits.to_numpy(zero_copy_only=False), FINE, _CODE[IdentifierFault.SHAPE])
    found[texts.length > 254] = _CODE[IdentifierFault.LENGTH]
    return found.astype(np.int8)


CHECKS = {
    IdentifierScheme.RESIDENT_ID: _Check(_resident_id, " -"),
    IdentifierScheme.CREDIT_CODE: _Check(_credit_code, " -"),
    IdentifierScheme.LEI: _Check(_lei, " -"),
    IdentifierScheme.IBAN: _Check(_iban, " -."),
    IdentifierScheme.LUHN: _Check(_luhn, " -"),
    IdentifierScheme.MOBILE: _Check(_mobile, " -()"),
    IdentifierScheme.EMAIL: _Check(_email, upper=False),
}


def _all(texts: Texts, fault: IdentifierFault) -> Faults:
    found = np.full(len(texts.null), _CODE[fault])
    found[~texts.ascii] = _CODE[IdentifierFault.CHARACTER]
    return found


def _mark(faults: Faults, rows: Mask, fault: IdentifierFault) -> None:
    """A later mark replaces an earlier one: the gravest is marked last."""
    faults += (_CODE[fault] - faults) * rows  # arithmetic on bytes is far faster than a mask


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
