"""What the values of a column of the source are: how many, how they are written, what they fit."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.mapping import BookMapping, Formats
from bankcrm.book.reading.cells import Array, as_text, dates, instants, is_text, mask_of, numbers
from bankcrm.book.reading.ids import id_cells
from bankcrm.book.reading.problems import Problems
from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.arrays import Numbers

K = TypeVar("K")

MARKS: tuple[tuple[str, str | None], ...] = (
    (".", None), (".", ","), (",", "."), (",", None),
    (".", " "), (",", " "), (".", "\u00a0"), (",", "\u00a0"), (".", "'"), (".", "’"),
)  # fmt: skip
"""Decimal mark and mark between thousands, the usual ones first."""

PATTERNS: tuple[str | None, ...] = (
    None, "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y年%m月%d日",
    "%Y.%m.%d", "%Y/%m/%d", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y",
    "%b %d, %Y", "%d%b%Y", "%d%m%Y", "%y%m%d",
)  # fmt: skip
"""Patterns of days, the usual ones first; None: as they are read without one."""

TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "%H%M%S")
EXPLICIT = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d")
"""The days that are read without a pattern, for columns that mix several."""

_SAMPLE = 2_000
"""Distinct values by which is judged how a column is written."""
_TRIED = 500
_SURE = 0.95
_HALF = 0.5
_MIXED = 3
"""The most patterns that are proposed for one column."""
_MANY_WORDS = 60


@attrs.frozen(eq=False)
class SourceColumn:
    """One column of a source.

    Attributes:
        name: Its name.
        values: Its cells; words for a missing value are null.
    """

    name: str
    values: Array = attrs.field(repr=False)

    @functools.cached_property
    def _text(self) -> Array:
        return as_text(self.values)

    @functools.cached_property
    def _counted(self) -> tuple[Array, npt.NDArray[np.int64]]:
        found = pc.value_counts(self._text)
        found = found.filter(found.field("values").is_valid())
        return found.field("values"), found.field("counts").to_numpy()

    @property
    def distinct(self) -> Array:
        """All of its distinct values as text."""
        return self._counted[0]

    @functools.cached_property
    def by_word(self) -> dict[str, int]:
        """Distinct value as text -> number of cells, the most frequent first.

        Of more than 2,000, that many from all parts of the table: enough to see how they are
        written. Whether all can be read as proposed shows when the draft is tried.
        """
        words, counts = self._counted
        if len(words) > _SAMPLE:
            chosen = np.linspace(0, len(words) - 1, _SAMPLE).astype(np.intp)
            words, counts = words.take(chosen), counts[chosen]
        order = np.argsort(-counts, kind="stable")
        return dict(zip(words.take(order).to_pylist(), counts[order].tolist(), strict=True))

    @property
    def words(self) -> list[str]:
        """Its distinct values as text, the most frequent first; a sample as in `by_word`."""
        return list(self.by_word)

    def rows_of(self, word: str) -> npt.NDArray[np.bool_]:
        """The rows that have a value."""
        return mask_of(pc.fill_null(pc.equal(self._text, word), False))

    def without(self, words: set[str]) -> SourceColumn:
        """The column in which some words are null."""
        if not self.text or not self.among(words):
            return self
        text = self._text
        return SourceColumn(
            self.name, pc.if_else(pc.is_in(text, pa.array(words, pa.string())), None, text)
        )

    def among(self, words: Iterable[str]) -> set[str]:
        """The words that are values of the column."""
        known = pc.is_in(self.distinct, pa.array(words, pa.string()))
        return set(self.distinct.filter(known).to_pylist())

    @property
    def filled(self) -> int:
        """Cells with a value."""
        return int(self._counted[1].sum())

    @property
    def text(self) -> bool:
        """Whether its cells are text, so that formats decide what they mean."""
        return is_text(self.values)

    @functools.cached_property
    def ids(self) -> Array:
        """Its distinct values as ids in text, as the reading takes them."""
        found = id_cells(self.distinct, Column("id", "id"), Problems("")).values
        return pc.unique(pc.drop_null(pc.cast(found, pa.string())))

    @property
    def unique(self) -> bool:
        """Whether no value occurs twice."""
        return self.filled > 0 and len(self.ids) == self.filled

    def share_in(self, ids: Array) -> float:
        """The share of its distinct ids that are among others."""
        if not len(self.ids):
            return 0.0
        return float(pc.mean(pc.is_in(self.ids, ids).cast(pa.float64())).as_py())

    @functools.cached_property
    def marks(self) -> tuple[tuple[str, str | None], ...]:
        """The number marks with which most cells are numbers; empty if none are numbers."""
        if not self.text:
            return MARKS if _numeric(self.values) else ()
        words = pa.array(self.words, pa.string())
        shares: dict[tuple[str, str | None], float] = {}
        for decimal, thousands in MARKS:
            if thousands:  # 0.5 has no thousands
                mark = rf"^[+-]?0{re.escape(thousands)}"
                if pc.any(pc.match_substring_regex(words, mark)).as_py():
                    continue
            cells = numbers(words, Formats(decimal=decimal, thousands=thousands))
            shares[decimal, thousands] = self._share(cells.wrong)
        return _best(shares)

    @property
    def numeric(self) -> bool:
        """Whether nearly all cells are numbers."""
        if not self.marks or not self.text:
            return bool(self.marks)
        decimal, thousands = self.marks[0]
        cells = numbers(pa.array(self.words), Formats(decimal=decimal, thousands=thousands))
        return self._share(cells.wrong) >= _SURE

    def amounts(self, marks: tuple[str, str | None]) -> Numbers:
        """Its cells as numbers."""
        return _amounts(self.values, marks)

    def sample_amounts(self, marks: tuple[str, str | None]) -> Numbers:
        """Its `words` as numbers."""
        return _amounts(pa.array(self.words, pa.string()), marks)

    @functools.cached_property
    def patterns(self) -> tuple[tuple[str | None, ...], ...]:
        """The patterns with which most cells are days; several together where they are mixed."""
        if not self.text:
            kind = self.values.type
            days = pa.types.is_date(kind) or pa.types.is_timestamp(kind)
            return ((None,),) if days or self._fits_compact() else ()
        words = pa.array(self.words, pa.string())
        few = words[:_TRIED]
        first = few[:1].to_pylist()
        if not first or not re.search(r"\d", first[0]):
            return ()
        requested = [p for p in _with_times(few) if _days(few, p)[0] > 0]
        shares = {p: self._share(_days(words, p)[1]) for p in requested}
        highest = max(shares.values(), default=0.0)
        if _SURE / _MIXED <= highest < _SURE and (mixed := self._mixed(words, requested)):
            return mixed
        return tuple((p,) for p in _best(shares))

    def _mixed(self, words: Array, patterns: Sequence[str | None]) -> tuple[tuple[str, ...], ...]:
        """A few patterns that together fit nearly every cell, and do not contradict each other."""
        chosen: list[str] = []
        unread = np.ones(len(words), dtype=np.bool_)
        named = [*EXPLICIT, *(p for p in patterns if p and p not in EXPLICIT)]
        while len(chosen) < _MIXED and self._share(unread) < _SURE:
            left = {p: _days(words, p)[1] & unread for p in named}
            best = min(named, key=lambda p: int(left[p].sum()))
            if left[best].sum() == unread.sum():
                return ()
            chosen.append(best)
            unread = left[best]
        try:
            BookMapping(formats=Formats(dates=chosen))
        except DataError:
            return ()
        return (tuple(chosen),) if self._share(unread) >= _SURE else ()

    def _fits_compact(self) -> bool:
        """Whether whole numbers are days such as 20260630."""
        if not pa.types.is_integer(self.values.type) or not self.filled:
            return False
        return self._share(np.array([not _plausible_compact(w) for w in self.words])) >= _SURE

    @property
    def instants(self) -> bool:
        """Whether every cell has a time of day."""
        if pa.types.is_timestamp(self.values.type):
            return True
        if not self.text:
            return False
        untimed = [not re.search(r"\d[T ]?\d?\d:\d\d", w) for w in self.words]
        return self._share(np.array(untimed)) >= _SURE

    @property
    def zoned(self) -> bool:
        """Whether every cell states its time zone."""
        if pa.types.is_timestamp(self.values.type):
            return self.values.type.tz is not None
        return instants(pa.array(self.words[:_TRIED], pa.string()), Formats()).wrong is None

    @property
    def coded(self) -> bool:
        """Whether it has few distinct values, as a code does; then they may be shown."""
        few = len(self.words)
        return 0 < few <= _MANY_WORDS and (few <= 10 or few * 5 <= self.filled)

    def _share(self, wrong: npt.NDArray[np.bool_] | None) -> float:
        """The share of the cells that fit, by the distinct values that do not."""
        if not self.filled:
            return 0.0
        if wrong is None:
            return 1.0
        counts = np.array(list(self.by_word.values()))
        return float(counts[~wrong].sum() / counts.sum())


def _amounts(values: Array, marks: tuple[str, str | None]) -> Numbers:
    cells = numbers(values, Formats(decimal=marks[0], thousands=marks[1]))
    return np.asarray(pc.cast(cells.values, pa.float64()).to_numpy(zero_copy_only=False))


def _best(shares: Mapping[K, float]) -> tuple[K, ...]:
    """The choices that fit most cells, if these are at least half of them."""
    highest = max(shares.values(), default=0.0)
    return tuple(k for k, share in shares.items() if share == highest >= _HALF)


def _numeric(values: Array) -> bool:
    kind = values.type
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _plausible_compact(word: str) -> bool:
    return bool(re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", word))


def _with_times(words: Array) -> list[str | None]:
    """The patterns to try: with a time of day only where there is one."""
    timed = pc.any(pc.match_substring_regex(words, r"\d:\d\d|^\d{12,14}$")).as_py()
    if not timed:
        return list(PATTERNS)
    return [
        None,
        *(f"{p}{t}" for p in (*EXPLICIT, *PATTERNS) if p for t in TIMES[1:]),
        *PATTERNS[1:],
    ]


def _days(words: Array, pattern: str | None) -> tuple[int, npt.NDArray[np.bool_]]:
    """How many texts a pattern reads as days of 1900 to 2100, and which it does not."""
    cells = dates(words, Formats(dates=pattern, time_zone="UTC"))
    days = np.asarray(cells.values.to_numpy(zero_copy_only=False), dtype="datetime64[D]")
    sane = (days >= np.datetime64("1900-01-01")) & (days < np.datetime64("2101-01-01"))
    return int(sane.sum()), ~sane


def days_of(words: Array, patterns: tuple[str | None, ...]) -> Any:
    """Texts as days by patterns."""
    named = tuple(p for p in patterns if p) or None
    return dates(words, Formats(dates=named, time_zone="UTC")).values
