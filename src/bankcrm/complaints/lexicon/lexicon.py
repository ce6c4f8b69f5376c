"""Signals, kind and cause from a text, by a list of Chinese and English terms."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.complaints.base import Mask
from bankcrm.complaints.lexicon.normal import normal, normal_many, positions
from bankcrm.complaints.lexicon.terms import (
    CHINESE,
    ENGLISH,
    FIELDS,
    STOPS,
    Entry,
    Negation,
    Pattern,
    Span,
    longest_first,
)
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Codes
from bankcrm.frames.numbering import categorical
from bankcrm.vocabulary import SIGNALS, Kind

_FEW = 20
_SILENT = ("negated", "blocked", "context")
_Place = tuple[int, int, str, str]  # start, end, rule, the words behind the rule
_STOP = re.compile(f"[{STOPS}]")
_LOOK = 60  # characters before and after a term that are searched
_BREAK = re.compile(r"\b(?:but|however|although|yet)\b|但是|但|可是|不过|然而|却", re.ASCII)


@attrs.frozen
class Lexicon:
    """A list of terms that classifies texts; pass it as ``classifier=``.

    >>> from bankcrm.complaints import default_lexicon
    >>> lexicon = default_lexicon()
    >>> spans = lexicon.find("This is not a scam, but my card was stolen")
    >>> [(s.label, s.rule) for s in spans if s.field == "signal"]
    [('funds_safety', 'negated'), ('funds_safety', 'term')]
    """

    entries: tuple[Entry, ...]
    english: Negation
    chinese: Negation

    def __attrs_post_init__(self) -> None:
        unknown = [e.label for e in self.entries if e.field == "signal" and e.label not in SIGNALS]
        unknown += [
            e.label for e in self.entries if e.field == "kind" and e.label not in list(Kind)
        ]
        names = [(e.field, e.label) for e in self.entries]
        twice = sorted({f"{f} {label}" for f, label in names if names.count((f, label)) > 1})
        if unknown or twice:
            raise DataError(
                "lexicon: " + "; ".join([*(f"no label {u!r}" for u in unknown), *twice])
            )

    def find(self, text: str) -> tuple[Span, ...]:
        """Every occurrence of a term, in the order of the text, and why it counts or not."""
        plain, place = normal(text), positions(text)
        spans = []
        for entry in self.entries:
            for start, end, rule, by in self._places(plain, entry):
                first, last = place[start], place[end - 1] + 1
                words = text[first:last]
                negated = rule in _SILENT
                spans.append(Span(entry.field, entry.label, first, last, words, negated, rule, by))
        return tuple(sorted(spans, key=lambda s: (s.start, s.end)))

    def __call__(self, texts: pd.Series) -> pd.DataFrame:
        """Read many texts; each distinct text is read once.

        Args:
            texts: Texts; values may be missing.

        Returns:
            The texts' index; one boolean column per signal, ``kind`` and ``cause`` (categorical,
            missing where the text does not give it).

        Source: CSC-4.
        """
        code, distinct = pd.factorize(texts, use_na_sentinel=True)
        hits = np.zeros((len(distinct) + 1, len(self.entries)), dtype=np.bool_)  # last: missing
        if len(distinct):
            hits[:-1] = self._hits(normal_many([str(t) for t in distinct]))
        columns: dict[str, Any] = {name: np.zeros(len(texts), dtype=np.bool_) for name in SIGNALS}
        for i, label in self._labels["signal"].items():
            columns[label] = hits[code, i]
        for name in ("kind", "cause"):
            columns[name] = categorical(self._first(name, hits)[code], self._words(name))
        return pd.DataFrame(columns, index=texts.index)

    def read(self, text: str) -> dict[str, object]:
        """Read one text, as a row of many texts; None where the text gives no value.

        >>> from bankcrm.complaints import default_lexicon
        >>> default_lexicon().read("信用卡被盗刷了")["kind"]
        'complaint'
        """
        hits = self._hits([normal(text)])
        result: dict[str, object] = dict.fromkeys(SIGNALS, False)
        result |= {label: bool(hits[0, i]) for i, label in self._labels["signal"].items()}
        for name in ("kind", "cause"):
            place = int(self._first(name, hits)[0])
            result[name] = None if place < 0 else self._words(name)[place]
        return result

    @cached_property
    def _labels(self) -> dict[str, dict[int, str]]:
        """The labels of each field by the place of their entry."""
        return {f: {i: e.label for i, e in enumerate(self.entries) if e.field == f} for f in FIELDS}

    def _words(self, field: str) -> list[str]:
        return list(self._labels[field].values())

    def _first(self, field: str, hits: Mask) -> Codes:
        """The place of the first label of a field that each text gives; -1 where it gives none."""
        given = hits[:, list(self._labels[field])]
        # One more column that is always true, so that a text without a label has a place too.
        ended = np.column_stack([given, np.ones(len(hits), dtype=np.bool_)])
        first: Codes = ended.argmax(axis=1)
        first[first == given.shape[1]] = -1
        words = self._words(field)
        if field == "kind" and "complaint" in words:
            # A text with a signal, such as fraud, is a complaint, whatever kind its terms give.
            first[hits[:, list(self._labels["signal"])].any(axis=1)] = words.index("complaint")
        return first

    def _hits(self, texts: list[str]) -> Mask:
        """Which entries count in each text (in its normal form).

        Arrow's linear-time scanner finds the clauses that contain a term, and those in which
        something may negate, hide or block it. Only the latter are checked place by place. A text
        gives the same result alone and among many.
        """
        if len(texts) <= _FEW:  # too few for the scanner to be faster
            return np.array([[self._holds(t, e) for e in self.entries] for t in texts])
        parts = [_STOP.split(text) for text in texts]
        code, distinct = pd.factorize(np.array([c for p in parts for c in p], dtype=object))
        begins = np.cumsum([0, *(len(p) for p in parts[:-1])])
        hits = np.logical_or.reduceat(self._clauses(list(distinct))[code], begins, axis=0)
        whole = _Scan.of(texts)
        for i, entry in enumerate(self.entries):
            if entry.across:
                hits[:, i] |= whole.matches(entry.across)
            if entry.context:
                found = np.flatnonzero(hits[:, i])
                hits[found, i] = ~whole.take(found).matches(entry.context)
        return hits

    def _clauses(self, clauses: list[str]) -> Mask:
        """Which entries count in each clause, by the terms that stand in one clause."""
        scan = _Scan.of(clauses)
        hits = np.zeros((len(clauses), len(self.entries)), dtype=np.bool_)
        denies = scan.finds(self._negators)
        for i, entry in enumerate(self.entries):
            found = np.flatnonzero(scan.matches(entry.any))
            hits[found, i] = True
            with_term = scan.take(found)
            doubt = denies[found] | with_term.matches(entry.hides)
            doubt |= with_term.matches(entry.blocks)
            doubt &= ~with_term.matches(entry.sure)
            for row in found[doubt]:
                hits[row, i] = any(
                    rule == "term" for *_, rule, _ in self._weighed(clauses[row], entry)
                )
        return hits

    def _holds(self, text: str, entry: Entry) -> bool:
        """Whether some term of an entry occurs in the text and counts."""
        return any(rule not in _SILENT for _, _, rule, _ in self._places(text, entry))

    def _places(self, text: str, entry: Entry) -> list[_Place]:
        """Start, end, rule and words of every term of an entry in a text of normal form."""
        found: list[_Place] = []
        begin = 0
        for clause in _STOP.split(text):
            found += [
                (begin + start, begin + end, rule, by)
                for start, end, rule, by in self._weighed(clause, entry)
            ]
            found += [
                (begin + m.start(), begin + m.end(), "sure", "") for m in entry.sure.find(clause)
            ]
            begin += len(clause) + 1
        found += [(*m.span(), "across", "") for m in entry.across.find(text)]
        if found and (block := entry.context.search(text)):
            return [(start, end, "context", block) for start, end, *_ in found]
        return found

    def _weighed(self, clause: str, entry: Entry) -> list[_Place]:
        """The terms of one clause that something may negate, hide or block, and whether it does."""
        if not entry.terms.search(clause):
            return []
        clause = entry.hides.mask(clause)
        return [
            (*m.span(), *self._decide(clause, m.start(), m.end(), entry))
            for m in entry.terms.find(clause)
        ]

    def _decide(self, text: str, start: int, end: int, entry: Entry) -> tuple[str, str]:
        """Why a term counts or does not, and the words behind that."""
        before = _BREAK.split(text[max(0, start - _LOOK) : start])[-1]
        if entry.blocks:
            after = _BREAK.split(text[end : end + _LOOK])[0]
            if block := entry.blocks.search(before + text[start:end] + after):
                return "blocked", block
        if denial := self._denial(before):
            return "negated", denial
        return "term", ""

    def _denial(self, clause: str) -> str:
        """The word that negates the term after the beginning of a clause; empty if none does."""
        if not self._negator.search(clause):
            return ""
        exceptions, english, chinese, through = self._tests
        clause = exceptions.sub(lambda m: "+" * len(m.group()), clause)
        if through is None:
            near = " ".join(clause.split()[-self.english.reach :])
            last = clause[-self.chinese.reach :]
            found = english.search(near) or chinese.search(last)
            return found.group() if found else ""
        negations: list[str] = []
        while True:
            clause = through.sub("", clause)
            found = self._last.search(clause)
            if not found:
                return negations[0] if len(negations) % 2 else ""  # two negations affirm
            negations.append(found.group().strip())
            clause = clause[: found.start()]

    @cached_property
    def _negators(self) -> str:
        return f"{_words(self.english.words)}|{_runs(self.chinese.words)}".strip("|")

    @cached_property
    def _negator(self) -> re.Pattern[str]:
        return re.compile(self._negators, re.ASCII)

    @cached_property
    def _last(self) -> re.Pattern[str]:
        """A negation at the end of a clause."""
        return re.compile(f"(?:{_words(self.english.words)}|{_runs(self.chinese.words)})\\s*$")

    @cached_property
    def _tests(
        self,
    ) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str] | None]:
        """Exceptions, English and Chinese negations, and the words that they reach through."""
        exceptions = _runs((*self.english.except_, *self.chinese.except_))
        through = None
        if self.english.through or self.chinese.through:
            words = f"(?:{_words(self.english.through)}|{_runs(self.chinese.through)})"
            through = re.compile(rf"(?:{words}\s*)+$|\s+$", re.ASCII)
        return (
            re.compile(exceptions, re.ASCII),
            re.compile(_words(self.english.words), re.ASCII),
            re.compile(_runs(self.chinese.words)),
            through,
        )


def _words(words: tuple[str, ...]) -> str:
    """Whole English words; ``n't`` is the end of a word."""
    made = [
        rf"\b{re.escape(w)}\b" if w[0].isalpha() and w != "n't" else rf"{re.escape(w)}\b"
        for w in longest_first(words)
    ]
    return "|".join(made) or r"[^\s\S]"


def _runs(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(w) for w in longest_first(words)) or r"[^\s\S]"


@attrs.frozen
class _Scan:
    """Texts of normal form, to be searched by Arrow, each in the languages that it holds."""

    texts: pa.Array
    english: Mask
    chinese: Mask

    @classmethod
    def of(cls, texts: list[str]) -> _Scan:
        """Texts, and the languages in which each is to be read."""
        array = pa.array(texts, type=pa.large_string())
        return cls(array, _search(array, ENGLISH), _search(array, CHINESE))

    def take(self, rows: Codes) -> _Scan:
        """Some of the texts."""
        return _Scan(self.texts.take(pa.array(rows)), self.english[rows], self.chinese[rows])

    def finds(self, expression: str) -> Mask:
        """Whether an expression occurs in each text."""
        return _search(self.texts, expression)

    def matches(self, terms: Pattern) -> Mask:
        """Whether some term occurs in each text."""
        found = np.zeros(len(self.texts), dtype=np.bool_)
        for loose, parts, spoken in (
            (terms.loose_en, terms.parts_en, self.english),
            (terms.loose_zh, terms.parts_zh, self.chinese),
        ):
            rows = self._rows(np.flatnonzero(spoken), loose)
            found[self._rows(rows, parts)] = True
        return found

    def _rows(self, rows: Codes, expressions: tuple[str, ...]) -> Codes:
        """The rows in which one of the expressions matches."""
        found = np.zeros(len(rows), dtype=np.bool_)
        if len(rows) and expressions:
            texts = self.texts.take(pa.array(rows))
            for expression in expressions:
                found |= _search(texts, expression)
        return rows[found]


def _search(texts: pa.Array, expression: str) -> Mask:
    found: Mask = pc.match_substring_regex(texts, expression).to_numpy(zero_copy_only=False)
    return found
