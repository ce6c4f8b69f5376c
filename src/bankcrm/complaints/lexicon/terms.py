"""Entries of a lexicon: terms, what hides or blocks them, and the negations of a language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.complaints.lexicon.normal import normal

FIELDS = ("signal", "kind", "cause")
STOPS = r".!?;,:\n。、"  # normal form: full-width punctuation has become ASCII
IN_CLAUSE = rf"[^{STOPS}]"
ENGLISH, CHINESE = "[a-z]", "[\u3400-\u9fff]"  # a text that holds one is read in that language
_ENGLISH, _CHINESE = re.compile(ENGLISH), re.compile(CHINESE)
_NUMBER_ZH = "[0-9零一二三四五六七八九十百千万亿两几数]+"
_PART = 5000  # characters; an expression of twice that length is scanned 100 times slower
_NAME = re.compile(r"\{([a-z_]+)\}")
_ENDING = re.compile(r"(?<=[a-z])\*")
_LATIN = re.compile(r"(?<![\\\\\[a-z-])[a-z]{2,}(?![a-z\]])")  # a Latin word in a Chinese term
# A run of characters or words with an upper limit: what makes a scan slow.
_COUNTED = re.compile(r"(?:\[[^\]]*\]|\(\?:\[[^\]]*\]\*,?\??[ ]?\))\{\d,\d+\}")
_ANY = r"[^\x00]*"
_GROUP = re.compile(r"(?<!\\)\((?!\?)")


@attrs.frozen
class Negation:
    """The negations of a language.

    Attributes:
        words: Words that negate the words after them.
        except_: Phrases that contain such a word and negate nothing.
        reach: How far a negation reaches: words in English, characters in Chinese. Used only if
            ``through`` is empty.
        through: The only words that may stand between a negation and a term, such as ``any`` or
            ``被``. Any other word ends the reach of the negation: in "did nothing about the stolen
            card" the term "stolen" counts.
    """

    words: tuple[str, ...]
    except_: tuple[str, ...] = ()
    reach: int = 3
    through: tuple[str, ...] = ()


@attrs.frozen
class Entry:
    """The terms of one label; :func:`pattern` describes how a term is written.

    A term and what blocks it stand in one clause, except those of ``across`` and ``context``.

    Attributes:
        field: ``signal``, ``kind`` or ``cause``.
        label: The signal, kind or cause that the terms give.
        terms_en: Whole English words.
        terms_zh: Runs of Chinese characters.
        except_en: Longer English words in which a term does not count: "power of attorney".
        except_zh: Longer Chinese words in which a term does not count: 个人行为 contains 人行.
        unless_en: What blocks a term in its clause: a condition, a question, another person.
        unless_zh: The same in Chinese.
        sure_en: Terms that no other word of the clause blocks, not even a negation.
        sure_zh: The same in Chinese.
        across_en: Sure terms in which ``~`` reaches into the next clauses.
        across_zh: The same in Chinese.
        context_en: What blocks every term of the text, wherever it stands: "you refunded me".
        context_zh: The same in Chinese.
    """

    field: str = attrs.field(validator=attrs.validators.in_(FIELDS))
    label: str
    terms_en: tuple[str, ...] = ()
    terms_zh: tuple[str, ...] = ()
    except_en: tuple[str, ...] = ()
    except_zh: tuple[str, ...] = ()
    unless_en: tuple[str, ...] = ()
    unless_zh: tuple[str, ...] = ()
    sure_en: tuple[str, ...] = ()
    sure_zh: tuple[str, ...] = ()
    across_en: tuple[str, ...] = ()
    across_zh: tuple[str, ...] = ()
    context_en: tuple[str, ...] = ()
    context_zh: tuple[str, ...] = ()

    @cached_property
    def terms(self) -> Pattern:
        """The terms that count unless something blocks them."""
        return Pattern(self.terms_en, self.terms_zh)

    @cached_property
    def sure(self) -> Pattern:
        """The terms that no other word of the clause blocks."""
        return Pattern(self.sure_en, self.sure_zh)

    @cached_property
    def any(self) -> Pattern:
        """All terms of a clause."""
        return Pattern((*self.sure_en, *self.terms_en), (*self.sure_zh, *self.terms_zh))

    @cached_property
    def hides(self) -> Pattern:
        """What hides a term."""
        return Pattern(self.except_en, self.except_zh)

    @cached_property
    def blocks(self) -> Pattern:
        """What blocks a term in its clause."""
        return Pattern(self.unless_en, self.unless_zh)

    @cached_property
    def across(self) -> Pattern:
        """The terms that reach over several clauses."""
        return Pattern(self.across_en, self.across_zh, across=True)

    @cached_property
    def context(self) -> Pattern:
        """What blocks every term of the text."""
        return Pattern(self.context_en, self.context_zh, across=True)

    def readable(self) -> bool:
        """Whether both engines of regular expressions read all terms."""
        patterns = (self.sure, self.terms, self.hides, self.blocks, self.across, self.context)
        try:
            return all(p.readable() for p in patterns)
        except (re.error, pa.ArrowInvalid):
            return False

    @classmethod
    def term_lists(cls) -> list[str]:
        """The names of the attributes that hold terms."""
        return [field.name for field in attrs.fields(cls) if field.name[-3:] in ("_en", "_zh")]


@attrs.frozen
class Span:
    """A place in a text where a term occurs.

    Attributes:
        field: ``signal``, ``kind`` or ``cause``.
        label: The signal, kind or cause of the term.
        start: First character.
        end: One past the last.
        words: The words of the text.
        negated: Whether it does not count.
        rule: The rule that decided: ``term``, ``sure``, ``across``, or why it does not count:
            ``negated``, ``blocked`` or ``context``.
        by: The words that negate or block it.
    """

    field: str
    label: str
    start: int
    end: int
    words: str
    negated: bool
    rule: str = "term"
    by: str = ""


@attrs.frozen
class Pattern:
    """A regular expression for any of several terms, with one meaning in Python and in RE2.

    Attributes:
        english: Terms in English.
        chinese: Terms in Chinese.
        across: Whether ``~`` reaches into the next clauses.
    """

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    across: bool = False

    def __bool__(self) -> bool:
        return bool(self.english or self.chinese)

    @cached_property
    def parts_en(self) -> tuple[str, ...]:
        """Expressions over the normal form of a text, one of which matches if a term does."""
        gap = rf"\b{self._between}{{0,40}}\b"
        made = (pattern(t, gap, "[0-9]+") for t in longest_first(self.english))
        return tuple(rf"\b(?:{part})\b" for part in _joined(made))

    @cached_property
    def parts_zh(self) -> tuple[str, ...]:
        """The same for the Chinese terms."""
        gap = f"{self._between}{{0,10}}"
        made = (pattern(t, gap, _NUMBER_ZH) for t in longest_first(self.chinese))
        return tuple(_joined(_LATIN.sub(r"\b\g<0>\b", part) for part in made))

    @cached_property
    def loose_en(self) -> tuple[str, ...]:
        """Expressions that match wherever the parts do, and more, but are scanned much faster."""
        return tuple(_joined(_COUNTED.sub(lambda _: _ANY, part) for part in self.parts_en))

    @cached_property
    def loose_zh(self) -> tuple[str, ...]:
        """The same for the Chinese terms."""
        return tuple(_joined(_COUNTED.sub(lambda _: _ANY, part) for part in self.parts_zh))

    def readable(self) -> bool:
        """Whether both engines read it; raises their errors if one does not."""
        none = pa.array([""], type=pa.large_string())
        for part in (*self.parts_en, *self.parts_zh):
            pc.match_substring_regex(none, part)
        return bool(self._regexes)

    def find(self, text: str) -> Iterator[re.Match[str]]:
        """Every place of a term in a text of normal form, in the languages that it holds."""
        for regex in self._spoken(text):
            yield from regex.finditer(text)

    def search(self, text: str) -> str:
        """The first term in a text of normal form; empty if there is none."""
        return next((m.group() for m in self.find(text)), "")

    def mask(self, text: str) -> str:
        """The text without the terms, each replaced by as many marks."""
        for regex in self._spoken(text):
            text = regex.sub(lambda m: "\x01" * len(m.group()), text)
        return text

    def _spoken(self, text: str) -> list[re.Pattern[str]]:
        """The expressions for the languages of a text, with ASCII word edges."""
        english, chinese = self._regexes
        found = [english] if english and _ENGLISH.search(text) else []
        return [*found, chinese] if chinese and _CHINESE.search(text) else found

    @cached_property
    def _regexes(self) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        english, chinese = (
            re.compile("|".join(parts), re.ASCII) if parts else None
            for parts in (self.parts_en, self.parts_zh)
        )
        return english, chinese

    @property
    def _between(self) -> str:
        return r"[^\x00]" if self.across else IN_CLAUSE


def _joined(expressions: Iterable[str]) -> list[str]:
    """Alternatives in parts small enough for the scanner to keep all its states in memory."""
    parts: list[str] = []
    for made in expressions:
        if parts and len(parts[-1]) + len(made) < _PART:
            parts[-1] += "|" + made
        else:
            parts.append(made)
    return parts


def pattern(term: str, gap: str, number: str) -> str:
    """A term as a regular expression.

    A term is a regular expression with three short forms: ``~`` is other words in between, ``#``
    a number, and ``*`` after a letter any ending of an English word.

    >>> pattern("scam*~(money|savings)", " .{0,40}", "[0-9]+")
    'scam[a-z]* .{0,40}(?:money|savings)'
    """
    term = _ENDING.sub("[a-z]*", normal(term))
    return _GROUP.sub("(?:", term.replace("~", gap).replace("#", number))


def expand(term: str, words: Mapping[str, str]) -> str:
    """A term in which each ``{name}`` is replaced by the words of that name.

    Raises:
        KeyError: No words have that name.

    >>> expand("{pay} back", {"pay": "(pay|give)"})
    '(pay|give) back'
    """
    return _NAME.sub(lambda m: words[m.group(1)], term)


def longest_first(terms: Iterable[str]) -> list[str]:
    """Terms from long to short, so that a term is tried before its own beginning."""
    return sorted(terms, key=lambda t: (-len(t), t))
