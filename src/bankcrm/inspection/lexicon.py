"""Names and codes read as rows of known words, in English, Chinese and pinyin."""

from __future__ import annotations

import difflib
import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from typing import Any

import attrs

_TOKEN = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[\u3400-\u9fff]+|[+-]$|%")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_LONGEST = 4
"""Tokens that a known word may have."""

_NEAR = 0.8
_NAME = 128  # letters of the longest token that may be glued words: no database has more
_NEAR_LETTERS = 5


@attrs.frozen
class Piece:
    """A part of a name, and what it may mean.

    Attributes:
        text: The part.
        meanings: What it may mean; empty: the part is not known.
        near: Whether it is only close to a known word, as ``custmer`` is.
    """

    text: str
    meanings: frozenset[str] = frozenset()
    near: bool = False


@attrs.frozen
class Lexicon:
    """Words and what they mean; a word may have several meanings.

    Attributes:
        words: Word without spaces and capitals -> its meanings.
    """

    words: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, entries: Mapping[str, Iterable[str]]) -> Lexicon:
        """A lexicon of meaning -> words."""
        found: dict[str, set[str]] = {}
        for meaning, words in entries.items():
            for word in words:
                found.setdefault(joined(word), set()).add(meaning)
        return cls({word: frozenset(meanings) for word, meanings in found.items()})

    def pieces(self, text: str, *, near: bool = True) -> list[Piece]:
        """The parts of a name, longest known words first.

        Args:
            text: The name.
            near: Take a long part that is close to a known word for it.

        >>> found = Lexicon.of({"customer": ["cust", "客户", "kehu"], "id": ["no", "号", "hao"]})
        >>> [[p.text for p in found.pieces(name)] for name in ("CUST_NO", "kehuhao", "客户号")]
        [['cust', 'no'], ['kehu', 'hao'], ['客户', '号']]
        """
        tokens = tokens_of(text)
        pieces: list[Piece] = []
        place = 0
        while place < len(tokens):
            for size in range(min(_LONGEST, len(tokens) - place), 0, -1):
                word = "".join(tokens[place : place + size])
                if word in self.words:
                    pieces.append(Piece(word, self.words[word]))
                    place += size
                    break
            else:
                pieces += self._parts(tokens[place], near=near)
                place += 1
        return pieces

    def meaning(self, text: str) -> frozenset[str]:
        """What a code means: the meanings that all its parts share.

        >>> found = Lexicon.of({"card": ["POS", "消费"], "fee": ["费"]})
        >>> [sorted(found.meaning(t)) for t in ("pos", "POS消费", "XYZ")]
        [['card'], ['card'], []]
        """
        known = joined(text)
        if known in self.words:
            return self.words[known]
        pieces = self.pieces(text, near=False) or [Piece(text)]
        if any(not p.meanings for p in pieces):
            return frozenset()
        return frozenset.intersection(*(p.meanings for p in pieces))

    def _parts(self, token: str, *, near: bool) -> list[Piece]:
        """The parts of one token that is no known word: glued words, or a word close to it."""
        if len(token) > _NAME:
            return [Piece(token)]
        shortest = 1 if _CHINESE.match(token) else 2
        # best[n]: of the first n letters, how many are not covered, the known words, the parts
        best: list[tuple[int, int, list[Piece]]] = [(0, 0, [])]
        for end in range(1, len(token) + 1):
            lost, count, parts = best[end - 1]
            choices = [(lost + 1, count, [*parts, Piece(token[end - 1])])]
            for start in range(end - shortest, -1, -1):
                word = token[start:end]
                if word in self.words:
                    lost, count, parts = best[start]
                    choices.append((lost, count + 1, [*parts, Piece(word, self.words[word])]))
            best.append(min(choices, key=lambda c: c[:2]))
        lost, _, parts = best[-1]
        if not lost:
            return parts
        if shortest == 1:
            return _merged(parts)
        if near and len(token) >= _NEAR_LETTERS:
            long = [w for w in self.words if len(w) >= _NEAR_LETTERS]
            if close := difflib.get_close_matches(token, long, n=1, cutoff=_NEAR):
                return [Piece(token, self.words[close[0]], near=True)]
        return [Piece(token)]


def _merged(parts: list[Piece]) -> list[Piece]:
    """Unknown letters that follow each other as one part."""
    found: list[Piece] = []
    for part in parts:
        if found and not part.meanings and not found[-1].meanings:
            found[-1] = Piece(found[-1].text + part.text)
        else:
            found.append(part)
    return found


def tokens_of(text: str) -> list[str]:
    """The words of a name, without accents and capitals.

    >>> tokens_of("CustomerID"), tokens_of("TXN_DT"), tokens_of("金额(元)")
    (['customer', 'id'], ['txn', 'dt'], ['金额', '元'])
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return [t.casefold() for t in _TOKEN.findall(plain)]


def joined(text: str) -> str:
    """A name without capitals, spaces and marks; one of marks alone stays as it is."""
    return "".join(tokens_of(text)) or text.strip()


@functools.cache
def data(name: str) -> Mapping[str, Any]:
    """The tables of a file of this package."""
    text = resources.files(__package__).joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def fit(pieces: Sequence[Piece], way: str) -> float:
    """How well the parts of a name fit one way of naming a column, from 0 to 1.

    Args:
        pieces: The parts of the name.
        way: The concepts; those with ``?`` may be left out.

    >>> found = Lexicon.of({"customer": ["cust"], "id": ["no"], "date": ["dt"]})
    >>> fit(found.pieces("cust_no"), "customer id?"), fit(found.pieces("dt"), "customer id?")
    (1.0, 0.0)
    """
    words = way.split()
    needed = [w for w in words if not w.endswith("?")]
    allowed = {w.rstrip("?") for w in words}
    known = [p for p in pieces if p.meanings & allowed]
    strange = sum(not p.meanings for p in pieces)
    others = len(pieces) - len(known) - strange
    if strange + others > 1 or others >= max(len(known), 1) or not _covers(known, needed):
        return 0.0
    near = sum(p.near for p in known)
    return round(1.0 - 0.3 * strange - 0.4 * others - 0.1 * near, 2)


def _covers(pieces: Sequence[Piece], needed: list[str]) -> bool:
    """Whether each concept is the meaning of a part of its own."""
    if not needed:
        return True
    first, *rest = needed
    return any(
        first in piece.meanings and _covers([*pieces[:n], *pieces[n + 1 :]], rest)
        for n, piece in enumerate(pieces)
    )
