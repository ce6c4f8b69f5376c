"""Amounts that the source splits: into a credit and a debit column, or a value and a direction."""

from __future__ import annotations

from collections import Counter

import attrs
import numpy as np

from bankcrm.book.reading.cells import Array, encoded
from bankcrm.frames.arrays import Numbers
from bankcrm.frames.readers import Mask


def net(credit: Numbers, debit: Numbers) -> tuple[Numbers, Mask]:
    """Credit less debit, and the rows in which both are amounts other than zero.

    >>> net(np.array([5.0, np.nan, np.nan]), np.array([0.0, 2.0, np.nan]))[0].tolist()
    [5.0, -2.0, nan]
    """
    neither = np.isnan(credit) & np.isnan(debit)
    plus, minus = np.nan_to_num(credit), np.nan_to_num(debit)
    return np.where(neither, np.nan, plus - minus), (plus != 0) & (minus != 0)


@attrs.define
class Directions:
    """The signs of amounts by direction, counted over all batches of a frame."""

    minus_negative: int = 0
    minus_positive: int = 0
    plus_negative: int = 0

    def add(self, amounts: Numbers, signs: Numbers) -> None:
        """Count the amounts of one batch."""
        minus, plus = amounts[signs == -1], amounts[signs == 1]
        self.minus_negative += int((minus < 0).sum())
        self.minus_positive += int((minus > 0).sum())
        self.plus_negative += int((plus < 0).sum())

    @property
    def signed_already(self) -> bool:
        """Whether every amount that goes out is negative, and none that comes in: a second sign."""
        return self.minus_negative > 0 and not self.minus_positive and not self.plus_negative


def signs_of(
    directions: Array, plus: tuple[str, ...], minus: tuple[str, ...]
) -> tuple[Numbers, Counter[str]]:
    """The sign of each row, NaN where there is none, and the words that are neither."""
    codes, words = encoded(directions)
    known = dict.fromkeys(plus, 1.0) | dict.fromkeys(minus, -1.0)
    sign = np.array([known.get(w, np.nan) for w in words] + [np.nan])
    counts = np.bincount(codes[codes >= 0], minlength=len(words))
    unknown = {w: int(n) for w, n in zip(words, counts, strict=True) if w and w not in known}
    return sign[codes], Counter(unknown)
