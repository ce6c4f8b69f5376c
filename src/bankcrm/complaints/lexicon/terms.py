"""Entries of a lexicon: terms, what hides or blocks them, and the negations of a language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import ClassVar

import attrs

from bankcrm.arguments import one_of
from bankcrm.complaints.lexicon.matching import Pattern
from bankcrm.complaints.lexicon.normal import normal

FIELDS = ("signal", "kind", "cause")
STOPS = r".!?;,:\n。、"  # normal form: full-width punctuation has become ASCII
IN_CLAUSE = rf"[^{STOPS}]"
_IN_TEXT = r"[^\x00]"
_NUMBER_ZH = "[0-9零一二三四五六七八九十百千万亿两几数]+"
_NAME = re.compile(r"\{([a-z_]+)\}")
_ENDING = re.compile(r"(?<=[a-z])\*")
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

    field: str = attrs.field(validator=one_of(*FIELDS))
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

    patterns: ClassVar = ("terms", "sure", "hides", "blocks", "across", "context")

    @cached_property
    def terms(self) -> Pattern:
        """The terms that count unless something blocks them."""
        return _pattern(self.terms_en, self.terms_zh)

    @cached_property
    def sure(self) -> Pattern:
        """The terms that no other word of the clause blocks."""
        return _pattern(self.sure_en, self.sure_zh)

    @cached_property
    def hides(self) -> Pattern:
        """What hides a term."""
        return _pattern(self.except_en, self.except_zh)

    @cached_property
    def blocks(self) -> Pattern:
        """What blocks a term in its clause."""
        return _pattern(self.unless_en, self.unless_zh)

    @cached_property
    def across(self) -> Pattern:
        """The terms that reach over several clauses."""
        return _pattern(self.across_en, self.across_zh, _IN_TEXT)

    @cached_property
    def context(self) -> Pattern:
        """What blocks every term of the text."""
        return _pattern(self.context_en, self.context_zh, _IN_TEXT)

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


def _pattern(
    english: tuple[str, ...], chinese: tuple[str, ...], between: str = IN_CLAUSE
) -> Pattern:
    """The terms of both languages, in which ``~`` stands for some of the characters in between."""
    return Pattern.of(
        (pattern(t, rf"\b{between}{{0,40}}\b", "[0-9]+") for t in longest_first(english)),
        (pattern(t, f"{between}{{0,10}}", _NUMBER_ZH) for t in longest_first(chinese)),
    )


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
