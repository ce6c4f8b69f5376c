"""Check digits over a matrix of bytes, one column per number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]

DIGITS = "0123456789"
CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CREDIT_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a unified social credit code: no I, O, S, V, Z (GB 32100)."""

OTHER = 255
_RESIDENT_WEIGHTS = tuple(pow(2, 17 - i, 11) for i in range(17))
_CREDIT_WEIGHTS = tuple(pow(3, i, 31) for i in range(17))


def values_of(alphabet: str) -> Bytes:
    """The value of each byte in an alphabet, by the byte; `OTHER` for those outside it."""
    table = np.full(256, OTHER, np.uint8)
    table[[ord(c) for c in alphabet]] = np.arange(len(alphabet), dtype=np.uint8)
    return table


VALUE = values_of(DIGITS + CAPITALS)
"""Digits are 0 to 9 and capitals 10 to 35, as in ISO 7064."""

_CREDIT_VALUE = values_of(CREDIT_CODE)
_RESIDENT_SIGN = np.frombuffer(b"0123456789X", np.uint8)


def are_digits(matrix: Bytes) -> Mask:
    """Which columns hold digits only."""
    value = matrix - np.uint8(48)  # bytes wrap around below 48
    return np.asarray(value.max(axis=0, initial=0) < 10)


def are_in(matrix: Bytes, alphabet: str) -> Mask:
    """Which columns hold characters of an alphabet only."""
    return np.asarray((values_of(alphabet)[matrix] != OTHER).all(axis=0))


def number_of(matrix: Bytes) -> Codes:
    """The number that the digits of each column are; junk where they are no digits."""
    total = np.zeros(matrix.shape[1], np.int64)
    for row in matrix:
        total = total * 10 + (row - np.uint8(48))
    return total


def resident_sign(matrix: Bytes) -> Bytes:
    """The check sign of the first 17 digits of a resident id (ISO 7064 MOD 11-2)."""
    total = _weighted(matrix[:17] - np.uint8(48), _RESIDENT_WEIGHTS)
    return _RESIDENT_SIGN[(12 - total) % 11]


def credit_code_holds(matrix: Bytes) -> Mask:
    """Which credit codes have the check sign of their first 17 (ISO 7064 MOD 31-3 in effect)."""
    value = _CREDIT_VALUE[matrix]
    found: Mask = (_weighted(value[:17], _CREDIT_WEIGHTS) + value[17]) % 31 == 0
    return found


def remainder_97(matrix: Bytes) -> Codes:
    """Digits and capitals as one number, divided by 97: the remainder (ISO 7064 MOD 97-10)."""
    rest = np.zeros(matrix.shape[1], np.int32)
    for row in matrix:
        value = VALUE[row]
        rest = (rest * np.where(value >= 10, np.int32(100), np.int32(10)) + value) % 97
    return rest.astype(np.int64)


def luhn_holds(matrix: Bytes) -> Mask:
    """Which digits pass the check of Luhn."""
    digit = (matrix[::-1] - np.uint8(48)).astype(np.int16)
    twice = digit[1::2] * 2
    total = digit[::2].sum(axis=0) + (twice - 9 * (twice > 9)).sum(axis=0)
    found: Mask = total % 10 == 0
    return found


def _weighted(values: Bytes, weights: Sequence[int]) -> npt.NDArray[np.int16]:
    total = np.zeros(values.shape[1], np.int16)
    for row, weight in zip(values, weights, strict=True):
        total += row.astype(np.int16) * np.int16(weight)
    return total
