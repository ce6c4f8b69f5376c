"""The words and codes of a column as words of the contract, where their meaning is clear."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping

import attrs
import numpy as np

from bankcrm import vocabulary
from bankcrm.frames import Column
from bankcrm.frames.arrays import Numbers
from bankcrm.inspection.columns import SourceColumn
from bankcrm.inspection.lexicon import Lexicon, data
from bankcrm.vocabulary import Labelled

_FEW = 30
"""Words that a column of codes may have besides those that look like a missing value."""


@attrs.frozen
class Code:
    """A word of the source, and what it is taken for.

    Attributes:
        word: The word.
        rows: The number of its rows.
        meaning: The word of the contract; empty if it is not clear.
        doubt: Why it is not clear, or what decided it.
    """

    word: str
    rows: int
    meaning: str = ""
    doubt: str = ""


def codes_of(source: SourceColumn, column: Column, signs: Numbers | None = None) -> list[Code]:
    """What each word of a column means, the most frequent first.

    Args:
        source: The column.
        column: The column of the contract, with its words.
        signs: The sign of the amount of each row, where words may depend on it.
    """
    found: list[Code] = []
    for word, rows in source.by_word.items():
        meanings = {word} if word in column.choices else _lexicon(column.choices).meaning(word)
        meaning, doubt = "", "not known"
        if len(meanings) == 1:
            meaning, doubt = _by_sign(next(iter(meanings)), source, word, signs)
        elif meanings:
            doubt = " or ".join(sorted(" or ".join(m.split()) for m in meanings))
        found.append(Code(word, rows, meaning, doubt))
    return found


def known_share(source: SourceColumn, column: Column) -> float:
    """The share of the cells of a column whose word has a meaning."""
    lexicon = _lexicon(column.choices)
    known = sum(n for w, n in source.by_word.items() if w in column.choices or lexicon.meaning(w))
    return known / source.filled if source.filled else 0.0


def own_words(words: Collection[str], doubtful: Collection[str]) -> set[str]:
    """The words of a column that look like a missing value, but are words of one vocabulary.

    >>> sorted(own_words(["nan", "nv"], ["nan"])), sorted(own_words(["nan", "12.5"], ["nan"]))
    (['nan'], [])
    """
    others = [w for w in words if w not in doubtful]
    if not others or len(others) > _FEW:
        return set()
    known = [*map(_lexicon, _vocabularies()), Lexicon.of(data("words")["directions"])]
    for lexicon in known:
        found = {w for w in doubtful if lexicon.meaning(w)}
        if found and all(lexicon.meaning(w) for w in others):
            return found
    return set()


def directions(source: SourceColumn) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The words of a column of directions: for what comes in, what goes out, and unknown ones."""
    lexicon = Lexicon.of(data("words")["directions"])
    found: dict[str, list[str]] = {"plus": [], "minus": [], "": []}
    for word in source.words:
        meanings = lexicon.meaning(word)
        found[next(iter(meanings)) if len(meanings) == 1 else ""].append(word)
    return tuple(found["plus"]), tuple(found["minus"]), tuple(found[""])


def _by_sign(
    meaning: str, source: SourceColumn, word: str, signs: Numbers | None
) -> tuple[str, str]:
    """A meaning that depends on the sign of the amounts, by the signs of the rows of the word."""
    ways = meaning.split()
    if len(ways) == 1:
        return meaning, ""
    seen: set[float] = set()
    if signs is not None:
        own = signs[source.rows_of(word)]
        seen = set(np.unique(own[~np.isnan(own) & (own != 0)]).tolist())
    if seen == {1.0}:
        return ways[0], "all of its amounts come in"
    if seen == {-1.0}:
        return ways[1], "all of its amounts go out"
    why = "amounts of both signs" if len(seen) == 2 else "no sign of its amounts is known"
    return "", f"{why}; {' or '.join(ways)}"


@functools.cache
def _lexicon(choices: tuple[str, ...]) -> Lexicon:
    """The words of a vocabulary, their Chinese names, and how banks write them."""
    words = _vocabularies()[choices]
    entries = {str(w.value): [str(w.value), w.label("zh")] for w in words}
    for meaning, others in data("words").get(words.__name__, {}).items():
        entries[meaning] = [*entries.get(meaning, ()), *others]
    return Lexicon.of(entries)


@functools.cache
def _vocabularies() -> Mapping[tuple[str, ...], type[Labelled]]:
    found = [
        v for v in vars(vocabulary).values() if isinstance(v, type) and issubclass(v, Labelled)
    ]
    return {tuple(str(w.value) for w in v): v for v in found}
