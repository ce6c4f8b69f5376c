"""Signals, kind and cause from a text by an open list of words in Chinese and English."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.complaints.base import Mask
from bankcrm.errors import DataError, PolicyError
from bankcrm.frames import Codes, categorical
from bankcrm.rules.toml import converter, parse_toml, structure
from bankcrm.vocabulary import SIGNALS, Kind

FIELDS = ("signal", "kind", "cause")
_IN_CLAUSE = r"[^.!?;,:\n。！？；，：、]"
_FEW = 20
_LOOK = 30  # characters that are looked back over for an English negation
_BREAK = re.compile(
    r"[.!?;,:\n。！？；，：、]|\b(?:but|however|although)\b|但是|但|可是|不过", re.IGNORECASE
)


@attrs.frozen
class Negation:
    """How a language says no.

    Args:
        words: What turns the words after it round.
        except_: Phrases that hold such a word and deny nothing.
        reach: How far it reaches: words in English, characters in Chinese.
    """

    words: tuple[str, ...]
    except_: tuple[str, ...] = ()
    reach: int = 3


@attrs.frozen
class Entry:
    """The terms of one label.

    Args:
        field: ``signal``, ``kind`` or ``cause``.
        label: What the terms tell.
        terms_en: Whole English words; a term that ends in ``*`` takes any ending.
        terms_zh: Runs of Chinese characters.
    """

    field: str = attrs.field(validator=attrs.validators.in_(FIELDS))
    label: str
    terms_en: tuple[str, ...] = ()
    terms_zh: tuple[str, ...] = ()

    @cached_property
    def pattern(self) -> str:
        """A regular expression that both Python and RE2 read alike."""
        english = "|".join(_english(t) for t in _longest_first(self.terms_en))
        chinese = "|".join(re.escape(t) for t in _longest_first(self.terms_zh))
        return "|".join(p for p in (rf"\b(?:{english})\b" if english else "", chinese) if p)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The pattern, compiled: ASCII word edges, so that Chinese may touch English words."""
        return re.compile(self.pattern, re.IGNORECASE | re.ASCII)


@attrs.frozen
class Span:
    """A place in a text where a term stands.

    Args:
        field: ``signal``, ``kind`` or ``cause``.
        label: What it tells.
        start: First character.
        end: One past the last.
        words: The text's own words.
        negated: Whether a negation stands before it in its clause, so that it does not count.
    """

    field: str
    label: str
    start: int
    end: int
    words: str
    negated: bool


@attrs.frozen
class Lexicon:
    """An open list of words that classifies texts; give it as ``classifier=``.

    >>> lexicon = default_lexicon()
    >>> spans = lexicon.find("This is not a scam, but my card was stolen")
    >>> [(s.label, s.words, s.negated) for s in spans if s.field == "signal"]
    [('funds_safety', 'scam', True), ('funds_safety', 'stolen', False)]
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
        """Every place where a term stands, in the order of the text."""
        spans = [
            Span(e.field, e.label, m.start(), m.end(), m.group(), self._negated(text, m.start()))
            for e in self.entries
            for m in e.regex.finditer(text)
        ]
        return tuple(sorted(spans, key=lambda s: (s.start, s.end)))

    def __call__(self, texts: pd.Series) -> pd.DataFrame:
        """Read many texts; each distinct text is read once.

        Args:
            texts: Texts, missing ones among them.

        Returns:
            The texts' index; a boolean column a signal, ``kind`` and ``cause`` (categorical,
            missing where the text does not tell).

        Source: CSC-4.
        """
        code, distinct = pd.factorize(texts, use_na_sentinel=True)
        hits = np.zeros((len(distinct) + 1, len(self.entries)), dtype=np.bool_)  # last: missing
        if len(distinct):
            hits[:-1] = self._hits([str(t) for t in distinct])
        columns: dict[str, Any] = {name: np.zeros(len(texts), dtype=np.bool_) for name in SIGNALS}
        for i, label in self._labels["signal"].items():
            columns[label] = hits[code, i]
        for name in ("kind", "cause"):
            columns[name] = categorical(self._first(name, hits)[code], self._words(name))
        return pd.DataFrame(columns, index=texts.index)

    def read(self, text: str) -> dict[str, object]:
        """Read one text: the row that reading many gives for it, with None for what is not told.

        >>> default_lexicon().read("信用卡被盗刷了")["kind"]
        'complaint'
        """
        hits = self._hits([text])
        told: dict[str, object] = dict.fromkeys(SIGNALS, False)
        told |= {label: bool(hits[0, i]) for i, label in self._labels["signal"].items()}
        for name in ("kind", "cause"):
            place = int(self._first(name, hits)[0])
            told[name] = None if place < 0 else self._words(name)[place]
        return told

    @cached_property
    def _labels(self) -> dict[str, dict[int, str]]:
        """The labels of each field by the place of their entry."""
        return {f: {i: e.label for i, e in enumerate(self.entries) if e.field == f} for f in FIELDS}

    def _words(self, field: str) -> list[str]:
        return list(self._labels[field].values())

    def _first(self, field: str, hits: Mask) -> Codes:
        """The place of the first label of a field that each text tells; -1 where it tells none."""
        told = hits[:, list(self._labels[field])]
        # One more column that always holds, so that a text which tells nothing has a place too.
        ended = np.column_stack([told, np.ones(len(hits), dtype=np.bool_)])
        first: Codes = ended.argmax(axis=1)
        first[first == told.shape[1]] = -1
        words = self._words(field)
        if field == "kind" and "complaint" in words:
            # Who tells of fraud complains, whatever the words.
            first[hits[:, list(self._labels["signal"])].any(axis=1)] = words.index("complaint")
        return first

    def _hits(self, texts: list[str]) -> Mask:
        """Which entries each text holds, negated ones left out.

        The linear-time scanner of Arrow finds the texts that hold a term at all. Only those in
        which a negation stands before one in its clause are looked at place by place.
        """
        if len(texts) <= _FEW:  # not worth the scanner's start
            return np.array([self._by_places(t) for t in texts])
        array = pa.array(texts, type=pa.large_string())
        hits = np.zeros((len(texts), len(self.entries)), dtype=np.bool_)
        some = _matches(array, "|".join(f"(?:{e.pattern})" for e in self.entries))
        rows = np.flatnonzero(some)
        if not len(rows):
            return hits
        held = array.take(pa.array(rows))
        for i, entry in enumerate(self.entries):
            hits[rows, i] = _matches(held, entry.pattern)
        denies = _matches(held, self._negators)
        for i, entry in enumerate(self.entries):
            asked = np.flatnonzero(hits[rows, i] & denies)
            near = f"(?:{self._near})(?:{entry.pattern})"
            doubtful = asked[_matches(held.take(pa.array(asked)), near)]
            for row in rows[doubtful]:
                hits[row, i] = self._holds(texts[row], entry)
        return hits

    def _by_places(self, text: str) -> list[bool]:
        return [self._holds(text, entry) for entry in self.entries]

    def _holds(self, text: str, entry: Entry) -> bool:
        """Whether some term of an entry stands in the text and is not denied."""
        return any(not self._negated(text, m.start()) for m in entry.regex.finditer(text))

    @cached_property
    def _negators(self) -> str:
        return "|".join(re.escape(w) for w in (*self.english.words, *self.chinese.words))

    @cached_property
    def _near(self) -> str:
        """Every text before a term that may deny it, and more: a cheap sieve."""
        english = "|".join(re.escape(w) for w in self.english.words) or "$."
        chinese = "|".join(re.escape(w) for w in self.chinese.words) or "$."
        gaps = _IN_CLAUSE + "*", _IN_CLAUSE + f"{{0,{self.chinese.reach}}}"
        return f"(?:{english}){gaps[0]}|(?:{chinese}){gaps[1]}"

    @cached_property
    def _tests(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        """Exceptions, English and Chinese negations."""
        exceptions = (*self.english.except_, *self.chinese.except_)
        flags = re.IGNORECASE | re.ASCII
        english = "|".join(
            rf"\b{re.escape(w)}\b" if w[0].isalpha() and w != "n't" else rf"{re.escape(w)}\b"
            for w in self.english.words
        )
        chinese = "|".join(re.escape(w) for w in _longest_first(self.chinese.words))
        return (
            re.compile("|".join(re.escape(w) for w in _longest_first(exceptions)) or "(?!)", flags),
            re.compile(english or "(?!)", flags),
            re.compile(f"(?:{chinese})" if chinese else "(?!)"),
        )

    def _negated(self, text: str, start: int) -> bool:
        """Whether a negation reaches the place from within its clause."""
        before = text[max(0, start - _LOOK) : start]
        clause = _BREAK.split(before.replace("’", "'"))[-1]
        exceptions, english, chinese = self._tests
        clause = exceptions.sub(lambda m: "+" * len(m.group()), clause)
        near = " ".join(clause.split()[-self.english.reach :])
        if english.search(near):
            return True
        return bool(chinese.search(clause[-self.chinese.reach :]))


def _english(term: str) -> str:
    stem = re.escape(term.removesuffix("*"))
    return stem + "[a-z]*" if term.endswith("*") else stem


def _longest_first(terms: Iterable[str]) -> list[str]:
    return sorted(terms, key=lambda t: (-len(t), t))


def _matches(texts: pa.Array, pattern: str) -> Mask:
    found = pc.match_substring_regex(texts, pattern, ignore_case=True)
    result: Mask = found.to_numpy(zero_copy_only=False)
    return result


def read_lexicon(source: str | Path) -> Lexicon:
    """Read a lexicon from a TOML file or from TOML text.

    Raises:
        PolicyError: Every fault of the file, each with its path.
    """
    raw = parse_toml(source)
    faults = [f"{k}: unknown key" for k in raw if k not in ("negation", "entries")]
    made = converter()
    entries = [
        structure(made, item, Entry, f"entries[{i}]", faults)
        for i, item in enumerate(raw.get("entries", []))
    ]
    negations = {}
    for language in ("en", "zh"):
        told = dict(raw.get("negation", {}).get(language, {"words": []}))
        told["except_"] = told.pop("except", [])
        negations[language] = structure(made, told, Negation, f"negation.{language}", faults)
    english, chinese = negations["en"], negations["zh"]
    if faults or english is None or chinese is None:
        raise PolicyError(faults)
    return Lexicon(tuple(e for e in entries if e is not None), english, chinese)


@cache
def default_lexicon() -> Lexicon:
    """The lexicon that ships with the library.

    >>> texts = pd.Series(["信用卡被盗刷了", "请问如何办理挂失", None])
    >>> read = default_lexicon()(texts)
    >>> read["funds_safety"].tolist(), read["kind"].tolist()[:2]
    ([True, False, False], ['complaint', 'consultation'])
    """
    file = importlib.resources.files("bankcrm.complaints") / "lexicon.toml"
    return read_lexicon(file.read_text(encoding="utf-8"))
