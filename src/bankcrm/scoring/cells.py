"""The cells of a feature: ranges of numbers or groups of words, before they become bins."""

from __future__ import annotations

import itertools
from decimal import ROUND_FLOOR, Decimal
from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays import codes, found_in, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.rules import UnaryTest
from bankcrm.rules.unary import Argument

FeatureKind = Literal["number", "text", "boolean"]
Codes = npt.NDArray[np.intp]

CELLS = 40
"""The most cells of a feature."""


@attrs.frozen(eq=False)
class Cells:
    """The cells of one feature, in order.

    Attributes:
        kind: ``number``, ``text`` or ``boolean``.
        code: Cell of each row; -1 where the value is missing.
        size: Number of cells.
        edges: Numbers: the least value of each cell but the first, and the greatest value below.
        words: Texts and booleans: the words of each cell.
        other: Texts: the cell of rare words, which takes unknown words as well; None without one.
    """

    kind: FeatureKind
    code: Codes
    size: int
    edges: tuple[tuple[float, float], ...] = ()
    words: tuple[tuple[Argument, ...], ...] = ()
    other: int | None = None

    def tests(self, starts: tuple[int, ...]) -> list[UnaryTest]:
        """The test of each bin that begins with one of these cells.

        A bin with the rare words is tested by the words of all other bins.
        """
        ends = (*starts[1:], self.size)
        if len(starts) == 1:
            return [UnaryTest("present")]
        if self.kind == "number":
            cuts = [_short(*self.edges[s - 1]) for s in starts[1:]]
            inner = itertools.pairwise(cuts)
            between = [UnaryTest("between", pair, (True, False)) for pair in inner]
            return [UnaryTest("<", (cuts[0],)), *between, UnaryTest(">=", (cuts[-1],))]
        spans = list(zip(starts, ends, strict=True))
        named = [tuple(w for c in self.words[a:b] for w in c) for a, b in spans]
        tests = [UnaryTest("in", words) if words else UnaryTest("present") for words in named]
        for i, (a, b) in enumerate(spans):
            if self.other is not None and a <= self.other < b:
                rest = tuple(w for j, words in enumerate(named) if j != i for w in words)
                tests[i] = UnaryTest("not", rest)
        return tests


def kind_of(values: pd.Series, feature: str) -> FeatureKind:
    """What a feature holds.

    Raises:
        DataError: It holds dates or objects.
    """
    held = values.cat.categories if isinstance(values.dtype, pd.CategoricalDtype) else values
    if types.is_bool_dtype(held.dtype):
        return "boolean"
    if types.is_numeric_dtype(held.dtype):
        return "number"
    found = types.infer_dtype(held)
    if found == "boolean":
        return "boolean"
    if found in ("string", "empty"):
        return "text"
    if found in ("decimal", "floating", "integer", "mixed-integer-float"):
        return "number"
    texts = sum(isinstance(v, str) for v in values) * 2 > len(values)
    others = found_in(values, "text" if texts else "number")
    raise DataError(
        f"{feature}: expected numbers, texts or booleans, found {others}; give a date as the days "
        "since it, and leave other columns out of 'features'"
    )


def cells_of(
    values: pd.Series, event: npt.NDArray[np.bool_], feature: str, *, min_count: int
) -> Cells:
    """Number the cells of a feature: at most forty ranges, or words in order of their event rate.

    Args:
        values: The feature, one value per row.
        event: Whether the event happened, one per row.
        feature: Its name, for errors.
        min_count: Words that occur less often are one cell.

    Raises:
        DataError: The values are of no known kind, or infinite.
    """
    kind = kind_of(values, feature)
    if kind == "number":
        return _ranges(numbers(values, feature), feature)
    code, index = codes(values)
    return _words(kind, code, index, event, 1 if kind == "boolean" else min_count)


def _ranges(x: npt.NDArray[np.float64], feature: str) -> Cells:
    absent = np.isnan(x)
    known = np.sort(x[~absent] if absent.any() else x)
    if len(known) and np.isinf(known[[0, -1]]).any():
        fault_in_rows(
            feature, "", "infinite", np.flatnonzero(np.isinf(x)), "a number or null"
        ).refuse()
    change = np.flatnonzero(known[1:] != known[:-1]) + 1
    if len(change) >= CELLS:
        # the first of equal values, so that equal values stay together
        places = known[(np.arange(1, CELLS) * len(known)) // CELLS]
        change = np.unique(np.searchsorted(known, places, side="left"))
        change = change[change > 0]
    code = np.searchsorted(known[change], x, side="right")
    code[absent] = -1
    edges = tuple(zip(known[change].tolist(), known[change - 1].tolist(), strict=True))
    return Cells("number", code, len(change) + 1, edges)


def _words(
    kind: FeatureKind,
    code: Codes,
    index: pd.Index,
    event: npt.NDArray[np.bool_],
    min_count: int,
) -> Cells:
    count = np.bincount(code[code >= 0], minlength=len(index))
    hits = np.bincount(code[event & (code >= 0)], minlength=len(index))
    rare = count < min_count
    # rare words are judged together, and take the place of one word
    group = np.where(rare, len(index), np.arange(len(index)))
    n = np.append(np.where(rare, 0, count), count[rare].sum())
    e = np.append(hits, hits[rare].sum())
    used = np.flatnonzero(n)
    names = [str(index[g]) if g < len(index) else "" for g in used.tolist()]
    order = used[np.lexsort((names, e[used] / n[used]))]
    total = n[order].sum()
    above = np.cumsum(n[order]) - n[order]
    cell = np.arange(len(order))
    if len(order) > CELLS:
        _, cell = np.unique(above * CELLS // total, return_inverse=True)
    place = np.empty(len(index) + 1, dtype=np.intp)  # each entry that is read is set below
    place[order] = cell
    size = int(cell.max(initial=-1)) + 1
    plain = [bool(w) if kind == "boolean" else str(w) for w in index]
    words = tuple(
        tuple(plain[g] for g in order[cell == c].tolist() if g < len(index)) for c in range(size)
    )
    return Cells(
        kind,
        np.append(place[group], -1)[code],
        size,
        words=words,
        other=int(place[len(index)]) if count[rare].any() else None,
    )


def _short(edge: float, below: float) -> int | float:
    """The number with the fewest digits that is above ``below`` and at most ``edge``.

    >>> _short(12.0, 11.0), _short(0.4837, 0.4712), _short(25.0, 11.0)
    (12, 0.48, 20)
    """
    exact = Decimal(repr(edge))
    digits = Decimal(max(abs(edge), abs(below))).adjusted() + 1
    tried = below
    while tried <= below:
        tried = float(exact.quantize(Decimal(f"1e{digits}"), ROUND_FLOOR))
        digits -= 1
    return int(tried) if tried.is_integer() and abs(tried) < 1e15 else tried
