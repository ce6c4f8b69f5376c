"""Signals, kind and cause from a text, by a list of Chinese and English terms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa

from bankcrm.complaints.base import Mask
from bankcrm.complaints.lexicon.anchors import keys, needs
from bankcrm.complaints.lexicon.index import Index, holds
from bankcrm.complaints.lexicon.matching import Pattern, View
from bankcrm.complaints.lexicon.normal import normal, normal_many, positions
from bankcrm.complaints.lexicon.terms import (
    FIELDS,
    STOPS,
    Entry,
    Negation,
    Span,
    longest_first,
)
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Codes
from bankcrm.frames.numbering import categorical
from bankcrm.vocabulary import SIGNALS, Kind

_FEW = 20  # texts for which Python is faster than arithmetic on all characters
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
        whole, place = self._view(normal(text)), positions(text)
        edges = [0, *(m.end() for m in _STOP.finditer(whole.text)), len(whole.text) + 1]
        clauses = [(a, self._view(whole.text[a : b - 1])) for a, b in pairwise(edges)]
        spans = []
        for entry in self.entries:
            for start, end, rule, by in self._places(whole, clauses, entry):
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
        plain = normal(text)
        hits = self._one(plain, _STOP.split(plain))
        result: dict[str, object] = dict.fromkeys(SIGNALS, False)
        result |= {label: i in hits for i, label in self._labels["signal"].items()}
        for name in ("kind", "cause"):
            found = (label for i, label in self._labels[name].items() if i in hits)
            result[name] = next(found, None)
        if Kind.COMPLAINT in self._words("kind") and not hits.isdisjoint(self._labels["signal"]):
            result["kind"] = Kind.COMPLAINT.value
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

        A text gives the same result alone and among many: both ways try the terms whose keys a
        clause holds, and weigh one by one those that something may negate, hide or block.
        """
        parts = [_STOP.split(text) for text in texts]
        if len(texts) <= _FEW:
            found = [self._one(t, p) for t, p in zip(texts, parts, strict=True)]
            return np.array([[i in some for i in range(len(self.entries))] for some in found])
        code, some = pd.factorize(np.array([c for p in parts for c in p], dtype=object))
        distinct = some.tolist()
        begins = np.cumsum([0, *(len(p) for p in parts[:-1])])
        hits: Mask = np.logical_or.reduceat(self._clauses(distinct)[code], begins, axis=0)
        rows = np.flatnonzero(np.logical_or.reduceat(self._across.begun(distinct)[code], begins))
        hits[rows] |= self._across.matches([texts[row] for row in rows])
        rows = np.flatnonzero((hits & self._with_context).any(axis=1))
        doubt = self._context.possible_many([texts[row] for row in rows])
        for row, i in np.argwhere(doubt & hits[rows]):
            hits[rows[row], i] = not self._excused(self._view(texts[rows[row]]), self.entries[i])
        return hits

    def _clauses(self, clauses: list[str]) -> Mask:
        """Which entries count in each clause, by the terms that stand in one clause."""
        sure, hits = np.hsplit(self._terms.matches(clauses), 2)
        hits &= ~sure
        rows = np.flatnonzero(hits.any(axis=1))
        some = [clauses[row] for row in rows]
        doubt = self._stops.matches(some)
        doubt |= holds(pa.array(some, type=pa.large_string()), self._negators)[:, None]
        doubt &= hits[rows]
        for row in np.flatnonzero(doubt.any(axis=1)):
            view = self._view(some[row])
            for i in np.flatnonzero(doubt[row]).tolist():
                hits[rows[row], i] = self._counts(view, i)
        result: Mask = sure | hits
        return result

    def _one(self, text: str, parts: list[str]) -> set[int]:
        """Which entries count in one text."""
        many = len(self.entries)
        views = [self._view(part) for part in parts]
        hits: set[int] = set()
        for view in views:
            found = self._terms.occurring(view)
            hits.update(i for i in found if i < many)
            unsure = {i - many for i in found if i >= many}
            hits.update(i for i in unsure - hits if self._counts(view, i))
        whole = View(text, frozenset().union(*(view.keys for view in views)))
        hits |= self._across.occurring(whole)
        return {i for i in hits if not self._excused(whole, self.entries[i])}

    @cached_property
    def _terms(self) -> Index:
        """The sure terms of all entries, and after them the others."""
        return Index.of([*((e.sure,) for e in self.entries), *((e.terms,) for e in self.entries)])

    @cached_property
    def _stops(self) -> Index:
        return Index.of([(e.hides, e.blocks) for e in self.entries])

    @cached_property
    def _across(self) -> Index:
        return Index.of([(e.across,) for e in self.entries])

    @cached_property
    def _context(self) -> Index:
        return Index.of([(e.context,) for e in self.entries])

    @cached_property
    def _with_context(self) -> Mask:
        return np.array([bool(e.context) for e in self.entries])

    def _counts(self, view: View, i: int) -> bool:
        """Whether a term of an entry counts that occurs in a clause and something may stop."""
        return view.keys.isdisjoint(self._stopping[i]) or any(
            rule == "term" for *_, rule, _ in self._weighed(view, self.entries[i])
        )

    @cached_property
    def _stopping(self) -> list[frozenset[str]]:
        """For each entry the keys of what may negate, hide or block a term."""
        several = ((e.hides, e.blocks) for e in self.entries)
        return [self._denying.union(*(p.first_keys for p in pair)) for pair in several]

    def _view(self, text: str) -> View:
        return View(text, keys(text, self._known))

    @cached_property
    def _known(self) -> frozenset[str]:
        """The keys of all terms and negations."""
        patterns = (getattr(e, name) for e in self.entries for name in Entry.patterns)
        terms = (t for p in patterns for t in p.terms)
        return self._denying.union(*(need for t in terms for need in t.needs))

    @cached_property
    def _denying(self) -> frozenset[str]:
        """The keys of the negations; one of them is in each text that holds a negation."""
        words = [_words((w,)) for w in self.english.words] + [
            _runs((w,)) for w in self.chinese.words
        ]
        return frozenset().union(*(found[0] if found else {""} for found in needs(words)))

    def _places(self, whole: View, clauses: list[tuple[int, View]], entry: Entry) -> list[_Place]:
        """Start, end, rule and words of every term of an entry in a text of normal form."""
        found: list[_Place] = []
        for begin, view in clauses:
            if entry.terms.search(view):
                weighed = self._weighed(view, entry)
                found += [(begin + s, begin + e, rule, by) for s, e, rule, by in weighed]
            found += [
                (begin + m.start(), begin + m.end(), "sure", "") for m in entry.sure.find(view)
            ]
        found += [(*m.span(), "across", "") for m in entry.across.find(whole)]
        if found and (block := self._excused(whole, entry)):
            return [(start, end, "context", block) for start, end, *_ in found]
        return found

    def _excused(self, whole: View, entry: Entry) -> str:
        """What blocks every term of a text and is not negated itself; empty if nothing does."""
        for m in entry.context.find(whole):
            if not self._denial(_STOP.split(whole.text[: m.start()])[-1]):
                return m.group()
        return ""

    def _weighed(self, view: View, entry: Entry) -> Iterator[_Place]:
        """The terms of one clause that something may negate, hide or block, and whether it does."""
        view = self._masked(view, entry.hides)
        for m in entry.terms.find(view):
            yield (*m.span(), *self._decide(view, m.start(), m.end(), entry))

    def _masked(self, view: View, hides: Pattern) -> View:
        """A clause in which marks replace the words that hide a term."""
        for terms, spoken in zip((hides.english, hides.chinese), view.languages, strict=True):
            text = view.text
            for m in terms.find(view) if spoken else ():
                text = text[: m.start()] + "\x01" * (m.end() - m.start()) + text[m.end() :]
            if text != view.text:
                view = self._view(text)
        return view

    def _decide(self, view: View, start: int, end: int, entry: Entry) -> tuple[str, str]:
        """Why a term counts or does not, and the words behind that."""
        text = view.text
        before = _BREAK.split(text[max(0, start - _LOOK) : start])[-1]
        if entry.blocks:
            after = _BREAK.split(text[end : end + _LOOK])[0]
            near = before + text[start:end] + after
            if block := entry.blocks.search(View(near, view.keys)):
                return "blocked", block
        if not view.keys.isdisjoint(self._denying) and (denial := self._denial(before)):
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
        back = clause[::-1]
        negations: list[str] = []
        while True:
            back = through.sub("", back)
            found = self._last.match(back)
            if not found:
                return negations[0] if len(negations) % 2 else ""  # two negations affirm
            negations.append(found.group()[::-1])
            back = back[found.end() :]

    @cached_property
    def _negators(self) -> str:
        return f"{_words(self.english.words)}|{_runs(self.chinese.words)}".strip("|")

    @cached_property
    def _negator(self) -> re.Pattern[str]:
        return re.compile(self._negators, re.ASCII)

    @cached_property
    def _last(self) -> re.Pattern[str]:
        """A negation, from its end."""
        return re.compile(_backward(self.english.words, self.chinese.words), re.ASCII)

    @cached_property
    def _tests(
        self,
    ) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str] | None]:
        """Exceptions, English and Chinese negations, and the words that they reach through."""
        exceptions = _runs((*self.english.except_, *self.chinese.except_))
        through = None
        if self.english.through or self.chinese.through:
            words = _backward(self.english.through, self.chinese.through)
            through = re.compile(rf"^(?:\s*(?:{words}))*\s*", re.ASCII)
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


def _backward(english: tuple[str, ...], chinese: tuple[str, ...]) -> str:
    """Words of both languages from their ends."""
    made = [
        rf"\b{re.escape(w[::-1])}" + (r"\b" if w != "n't" else "") for w in longest_first(english)
    ]
    return "|".join([*made, *(re.escape(w[::-1]) for w in longest_first(chinese))]) or r"[^\s\S]"


def _runs(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(w) for w in longest_first(words)) or r"[^\s\S]"
