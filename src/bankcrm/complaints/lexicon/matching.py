"""Search for many expressions at once: only those are tried whose keys a text holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from functools import cached_property

import attrs

from bankcrm.complaints.lexicon.anchors import Need, needs

_ENGLISH, _CHINESE = re.compile("[a-z]"), re.compile("[\u3400-\u9fff]")
_LATIN = re.compile(r"(?<![\\\\\[a-z-])[a-z]{2,}(?![a-z\]])")  # a Latin word in a Chinese term

# A run of characters or words with an upper limit: what makes a scan slow.
_COUNTED = re.compile(r"(?:\[[^\]]*\]|\(\?:\[[^\]]*\]\*,?\??[ ]?\))\{\d,\d+\}")
_APART = r" ?\b("  # an optional space before a group: the group begins a word


@attrs.frozen
class View:
    """A text in its normal form, and its keys."""

    text: str
    keys: Set[str]

    @cached_property
    def languages(self) -> tuple[bool, bool]:
        """Whether the text is to be read in English and in Chinese."""
        return bool(_ENGLISH.search(self.text)), bool(_CHINESE.search(self.text))


@attrs.frozen
class Term:
    """An expression, and the keys that a text must hold for it to match.

    Only texts with a Latin letter are searched for an English term, and only those with a Chinese
    character for a Chinese one.
    """

    expression: str
    needs: tuple[Need, ...]
    chinese: bool

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The expression, with ASCII word edges."""
        return re.compile(self.expression, re.ASCII)

    def possible(self, keys: Set[str]) -> bool:
        """Whether a text with these keys may match."""
        return not any(need.isdisjoint(keys) for need in self.needs)


def by_key(terms: Iterable[Term]) -> dict[str, list[int]]:
    """The places of the terms whose first need holds a key; the empty key is in every text."""
    made: dict[str, list[int]] = {}
    for i, term in enumerate(terms):
        for key in term.needs[0] if term.needs else ("",):
            made.setdefault(key, []).append(i)
    return made


@attrs.frozen
class Terms:
    """The terms of one language, in the order in which they are tried at a place of a text."""

    terms: tuple[Term, ...]

    @classmethod
    def of(cls, expressions: Iterable[str], *, chinese: bool) -> Terms:
        """Terms from expressions."""
        made = tuple(expressions)
        return cls(tuple(Term(e, n, chinese) for e, n in zip(made, needs(made), strict=True)))

    @cached_property
    def by_key(self) -> Mapping[str, list[int]]:
        """The places of the terms that a key makes possible, if their other needs are met."""
        return by_key(self.terms)

    def find(self, view: View) -> Iterator[re.Match[str]]:
        """Places of terms from left to right, none over another."""
        found = {i for key in self.by_key.keys() & view.keys for i in self.by_key[key]}
        regexes = [t.regex for i in sorted(found) if (t := self.terms[i]).possible(view.keys)]
        place = 0
        while regexes:
            matches = [m for regex in regexes if (m := regex.search(view.text, place))]
            if not matches:
                return
            first = min(matches, key=re.Match.start)
            yield first
            place = max(first.end(), place + 1)


@attrs.frozen
class Pattern:
    """The terms of both languages, each searched in texts of its language."""

    english: Terms
    chinese: Terms

    @classmethod
    def of(cls, english: Iterable[str], chinese: Iterable[str]) -> Pattern:
        """Whole English words; Chinese terms, in which Latin words are whole."""
        return cls(
            Terms.of(
                (rf"\b(?:{term.replace(' ?(', _APART)})\b" for term in english), chinese=False
            ),
            Terms.of((_LATIN.sub(r"\\b\g<0>\\b", term) for term in chinese), chinese=True),
        )

    def __bool__(self) -> bool:
        return bool(self.english.terms or self.chinese.terms)

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms."""
        return (*self.english.terms, *self.chinese.terms)

    @property
    def first_keys(self) -> frozenset[str]:
        """A text that holds none of these keys holds no term."""
        return frozenset((*self.english.by_key, *self.chinese.by_key))

    def find(self, view: View) -> Iterator[re.Match[str]]:
        """Every place of a term."""
        english, chinese = view.languages
        if english:
            yield from self.english.find(view)
        if chinese:
            yield from self.chinese.find(view)

    def search(self, view: View) -> str:
        """The words of the first term; empty if there is none."""
        return next((m.group() for m in self.find(view)), "")


def loosened(expression: str) -> str:
    """An expression that matches wherever another does, and more, but is scanned much faster."""
    return _COUNTED.sub(lambda _: r"[^\x00]*", expression)
