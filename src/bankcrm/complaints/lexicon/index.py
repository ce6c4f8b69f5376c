"""Search of many texts for the terms of all entries at once.

A text is searched only for the terms whose keys it holds. In many texts, keys are found by
arithmetic on all characters at once, and terms by Arrow's linear-time scanner.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from functools import cache, cached_property, reduce
from operator import or_

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.complaints.base import Mask
from bankcrm.complaints.lexicon.anchors import LONGEST, Need
from bankcrm.complaints.lexicon.matching import Pattern, Term, View, by_key, loosened

_Ints = npt.NDArray[np.int64]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789_"
_BITS = len(_LETTERS).bit_length()  # of a letter in the code of a word
_CHAR = sys.maxunicode.bit_length()  # of a character in the code of two
_PAIR = 1 << 62  # marks the code of a Chinese character or digit and what stands after it
_LANES, _SLOTS = 4, 63  # the further needs of terms share so many bits: a few terms too many pass
_LATIN = re.compile("[a-z0-9_]+ ?")
_WIDE = re.compile("[0-9\u3400-\u9fff]{1,2}")
_FEW = 400  # pairs of a text and a term for which Python is faster than the scanner


@attrs.frozen(eq=False)
class Index:
    """The terms of several entries, each with the number of its entry."""

    terms: tuple[Term, ...]
    owners: tuple[int, ...]
    entries: int

    @classmethod
    def of(cls, patterns: Sequence[Iterable[Pattern]]) -> Index:
        """The terms of all patterns of each entry."""
        made = [(t, i) for i, several in enumerate(patterns) for p in several for t in p.terms]
        terms, owners = zip(*made, strict=True) if made else ((), ())
        return cls(terms, owners, len(patterns))

    def possible(self, view: View) -> set[int]:
        """The places of the terms that may occur in one text."""
        held = self._by_key.keys() & view.keys
        lacking = ~_union(map(self._met.__getitem__, self._met.keys() & view.keys))
        needed, languages, chinese = self._needed, view.languages, self._in_chinese
        return {
            i
            for key in held
            for i in self._by_key[key]
            if not needed[i] & lacking and languages[chinese[i]]
        }

    def occurring(self, view: View) -> set[int]:
        """The entries of which a term occurs in one text."""
        found: set[int] = set()
        for i in self.possible(view):
            if self.owners[i] not in found and self.terms[i].regex.search(view.text):
                found.add(self.owners[i])
        return found

    def possible_many(self, texts: Sequence[str]) -> Mask:
        """The entries of which a term may occur: one row per text, one column per entry."""
        found = np.zeros((len(texts), self.entries), dtype=np.bool_)
        row, term = self._pairs(texts)
        found[row, np.array(self.owners, dtype=np.int64)[term]] = True
        return found

    def begun(self, texts: Sequence[str]) -> Mask:
        """Whether each text holds a key of the first need of some term."""
        code, row = tokens(texts)
        place, distinct = pd.factorize(code)
        token, key = self._codes.held(distinct)
        first = np.zeros(len(distinct), dtype=np.bool_)
        first[token[self._by_number.counts[key] > 0]] = True
        found = np.full(len(texts), "" in self._by_key, dtype=np.bool_)
        found[row[first[place]]] = True
        return found

    def matches(self, texts: Sequence[str]) -> Mask:
        """The entries of which a term occurs: one row per text, one column per entry."""
        found = np.zeros((len(texts), self.entries), dtype=np.bool_)
        array = pa.array(texts, type=pa.large_string())
        row, term = self._pairs(texts)
        order = np.argsort(term, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(term[order])) + 1):
            if len(rows):
                i = term[rows[0]]
                rows = pd.unique(row[rows])
                rows = rows[~found[rows, self.owners[i]]]
                found[self._search(texts, array, rows, self.terms[i]), self.owners[i]] = True
        return found

    def _search(self, texts: Sequence[str], array: pa.Array, rows: _Ints, term: Term) -> _Ints:
        """The rows in which a term occurs."""
        if len(rows) <= _FEW:
            regex = term.regex
            return np.array([r for r in rows.tolist() if regex.search(texts[r])], dtype=np.int64)
        for expression in dict.fromkeys([loosened(term.expression), term.expression]):
            some = array.take(pa.array(rows))
            rows = rows[holds(some, expression)]
        return rows

    def _pairs(self, texts: Sequence[str]) -> tuple[_Ints, _Ints]:
        """Pairs of a text and a term that may occur in it."""
        code, row = tokens(texts)
        place, distinct = pd.factorize(code)
        token, key = self._codes.held(distinct)
        row, key = _Lists.of(token, key, len(distinct)).expand(row, place)
        met = np.zeros((_LANES, len(texts)), dtype=np.int64)
        for lane, bits in zip(met, self._bits, strict=True):
            some = np.flatnonzero(bits[key])
            np.bitwise_or.at(lane, row[some], bits[key[some]])
        row, term = self._by_number.expand(row, key)
        for lane, needed in zip(met, self._masks, strict=True):
            passed = lane[row] & needed[term] == needed[term]
            row, term = row[passed], term[passed]
        always = np.array(self._by_key.get("", []), dtype=np.int64)  # terms that need no key
        row = np.concatenate([row, np.tile(np.arange(len(texts)), len(always))])
        term = np.concatenate([term, np.repeat(always, len(texts))])
        array = pa.array(texts, type=pa.large_string())
        spoken = np.array([holds(array, letters) for letters in ("[a-z]", "[\u3400-\u9fff]")])
        passed = spoken[self._chinese[term], row]
        return row[passed], term[passed]

    @cached_property
    def _by_key(self) -> dict[str, list[int]]:
        return by_key(self.terms)

    @cached_property
    def _in_chinese(self) -> list[bool]:
        return [t.chinese for t in self.terms]

    @cached_property
    def _chinese(self) -> _Ints:
        return np.array(self._in_chinese, dtype=np.int64)

    @cached_property
    def _codes(self) -> KeyCodes:
        return KeyCodes.of(sorted({k for t in self.terms for need in t.needs for k in need}))

    @cached_property
    def _by_number(self) -> _Lists:
        """The terms that each key makes possible."""
        made = [(k, i) for k, key in enumerate(self._codes.keys) for i in self._by_key.get(key, ())]
        pairs = np.array(made, dtype=np.int64).reshape(-1, 2)
        return _Lists.of(pairs[:, 0], pairs[:, 1], len(self._codes.keys))

    @cached_property
    def _slots(self) -> dict[Need, int]:
        """A bit for each need after the first of a term."""
        distinct = dict.fromkeys(need for t in self.terms for need in t.needs[1:])
        return {need: 1 << i % (_LANES * _SLOTS) for i, need in enumerate(distinct)}

    @cached_property
    def _needed(self) -> list[int]:
        """The bits of the further needs of each term."""
        return [_union(self._slots[need] for need in t.needs[1:]) for t in self.terms]

    @cached_property
    def _met(self) -> dict[str, int]:
        """The bits of the further needs that a key meets."""
        made: dict[str, int] = {}
        for need, bit in self._slots.items():
            for key in need:
                made[key] = made.get(key, 0) | bit
        return made

    @cached_property
    def _masks(self) -> _Ints:
        """The bits of the further needs of each term, in lanes."""
        return _lanes(self._needed)

    @cached_property
    def _bits(self) -> _Ints:
        """The bits of the further needs that each key meets, in lanes."""
        return _lanes(self._met.get(key, 0) for key in self._codes.keys)


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)


def _lanes(bits: Iterable[int]) -> _Ints:
    """Sets of bits in lanes of as many bits as an integer holds."""
    mask = (1 << _SLOTS) - 1
    whole = list(bits)
    made = [[some >> _SLOTS * lane & mask for some in whole] for lane in range(_LANES)]
    return np.array(made, dtype=np.int64)


@attrs.frozen(eq=False)
class _Lists:
    """Lists of numbers, one after the other."""

    starts: _Ints
    counts: _Ints
    items: _Ints

    @classmethod
    def of(cls, lists: _Ints, items: _Ints, many: int) -> _Lists:
        """Lists from pairs of the number of the list and an item."""
        counts = np.bincount(lists, minlength=many)
        return cls(np.cumsum(counts) - counts, counts, items[np.argsort(lists, kind="stable")])

    def expand(self, row: _Ints, lists: _Ints) -> tuple[_Ints, _Ints]:
        """Each row once for each item of its list, and the item."""
        times = self.counts[lists]
        shift = self.starts[lists] - (np.cumsum(times) - times)
        return np.repeat(row, times), self.items[np.arange(times.sum()) + np.repeat(shift, times)]


@attrs.frozen(eq=False)
class KeyCodes:
    """Keys as numbers, by the part of the code of a word that they fix."""

    keys: list[str]
    by_part: dict[int, tuple[_Ints, _Ints]]

    @classmethod
    def of(cls, known: list[str]) -> KeyCodes:
        """The codes of keys."""
        made: dict[int, list[tuple[int, int]]] = {}
        for number, key in enumerate(known):
            if _LATIN.fullmatch(key):
                part = -1 if key[-1] == " " else (1 << _BITS * len(key)) - 1 | _PAIR
                code = sum(_LETTERS.index(c) + 1 << _BITS * i for i, c in enumerate(key.strip()))
                made.setdefault(part, []).append((code, number))
            if _WIDE.fullmatch(key):
                part = -1 if len(key) > 1 else -1 << _CHAR
                made.setdefault(part, []).append((_wide(key), number))
        return cls(known, {p: tuple(np.array(sorted(c)).T) for p, c in made.items()})

    def held(self, tokens: _Ints) -> tuple[_Ints, _Ints]:
        """Pairs of the place of a code of a text, and the number of a key that it holds."""
        places, numbers = [], []
        for part, (codes, number) in self.by_part.items():
            fixed = tokens & part
            near = np.minimum(np.searchsorted(codes, fixed), len(codes) - 1)
            hit = np.flatnonzero(codes[near] == fixed)
            places.append(hit)
            numbers.append(number[near[hit]])
        if not places:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        return np.concatenate(places), np.concatenate(numbers)


def _wide(text: str) -> int:
    """The code of one or two Chinese characters or digits."""
    return _PAIR | ord(text[0]) << _CHAR | (ord(text[1]) if len(text) > 1 else 0)


def holds(texts: pa.Array, expression: str) -> Mask:
    """Whether an expression occurs in each text."""
    found: Mask = pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False)
    return found


@cache
def _letters() -> npt.NDArray[np.uint8]:
    """For each character of ASCII the number of its letter, 0 if it is part of no Latin word."""
    return np.array([_LETTERS.find(chr(code)) + 1 for code in range(128)], dtype=np.uint8)


def tokens(texts: Sequence[str]) -> tuple[_Ints, _Ints]:
    """The code and the row of each word, and of each Chinese character or digit.

    The code of a word is that of its first letters; the code of a Chinese character or digit is
    that of the character and the next one.
    """
    text = "\0" + "\0".join(texts) + "\0" * LONGEST
    chars = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    letter = _letters().take(chars, mode="clip")
    inside = letter > 0
    starts = np.flatnonzero(inside[1:] & ~inside[:-1]) + 1
    word = letter[starts].astype(np.int64)
    alive = np.ones(len(starts), dtype=np.bool_)
    for i in range(1, LONGEST):
        more = letter[starts + i]
        alive &= more > 0
        word |= (more * alive).astype(np.int64) << _BITS * i
    wide = np.flatnonzero((chars >= 0x3400) & (chars <= 0x9FFF) | (chars >= 48) & (chars <= 57))
    pair = chars[wide].astype(np.int64) << _CHAR | chars[wide + 1] | _PAIR
    row = np.searchsorted(np.flatnonzero(chars == 0), np.concatenate([starts, wide])) - 1
    return np.concatenate([word, pair]), row
