"""Entries of a lexicon: terms, what hides or blocks them, and the negations of a language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

import attrs

from bankcrm.complaints.lexicon.normal import normal

FIELDS = ("signal", "kind", "cause")
STOPS = r".!?;,:\n。、"  # normal form: full-width punctuation has become ASCII
IN_CLAUSE = rf"[^{STOPS}]"
_GAP_EN, _GAP_ZH = 40, 10


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
    """The terms of one label.

    In a term ``*`` matches any ending of an English word, ``~`` other words of the same clause
    and ``(a|b)`` one of several; ``(a|b)?`` may be absent.

    Attributes:
        field: ``signal``, ``kind`` or ``cause``.
        label: The signal, kind or cause that the terms give.
        terms_en: Whole English words.
        terms_zh: Runs of Chinese characters.
        except_en: Longer English words in which a term does not count: "power of attorney".
        except_zh: Longer Chinese words in which a term does not count: 个人行为 contains 人行.
        unless_en: What blocks a term in its clause: a condition, a question, another person.
        unless_zh: The same in Chinese.
        sure_en: Terms that nothing blocks, not even a negation.
        sure_zh: The same in Chinese.
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

    @cached_property
    def pattern(self) -> str:
        """A regular expression over the normal form, with the same meaning in Python and RE2."""
        en, zh = (*self.sure_en, *self.terms_en), (*self.sure_zh, *self.terms_zh)
        return either(en, zh)

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The terms, compiled with ASCII word edges, so that Chinese may adjoin English words."""
        return compiled(self.terms_en, self.terms_zh)

    @cached_property
    def sure(self) -> re.Pattern[str]:
        """The terms that nothing blocks."""
        return compiled(self.sure_en, self.sure_zh)

    @cached_property
    def hidden(self) -> str:
        """What hides a term."""
        return either(self.except_en, self.except_zh)

    @cached_property
    def blocked(self) -> str:
        """What blocks a term in its clause."""
        return either(self.unless_en, self.unless_zh)

    @cached_property
    def hides(self) -> re.Pattern[str]:
        """What hides a term, compiled."""
        return compiled(self.except_en, self.except_zh)

    @cached_property
    def blocks(self) -> re.Pattern[str]:
        """What blocks a term, compiled."""
        return compiled(self.unless_en, self.unless_zh)


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
        rule: The rule that decided: ``term``, ``sure``, or why it does not count: ``negated`` or
            ``blocked``.
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


def either(english: Iterable[str], chinese: Iterable[str]) -> str:
    """A pattern for any of the terms."""
    en = "|".join(_pattern(t, _GAP_EN, True) for t in longest_first(english))
    zh = "|".join(_pattern(t, _GAP_ZH, False) for t in longest_first(chinese))
    return "|".join(p for p in (rf"\b(?:{en})\b" if en else "", zh) if p)


def compiled(english: Iterable[str], chinese: Iterable[str]) -> re.Pattern[str]:
    """The pattern; it tests first whether a character can begin a term, which is much faster."""
    terms = [normal(t) for t in (*english, *chinese)]
    if not terms:
        return re.compile("(?!)")
    first = "".join(sorted(set().union(*(_first(t) for t in terms))))
    return re.compile(rf"(?=[{re.escape(first)}])(?:{either(english, chinese)})", re.ASCII)


def _first(term: str) -> set[str]:
    """The characters that a term may begin with."""
    if not term.startswith("("):
        return {term[:1]}
    depth, starts, end = 0, [1], 0
    for place, char in enumerate(term):
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 1:
            starts.append(place + 1)
        if depth == 0:
            end = place
            break
    found = set().union(*(_first(term[start:]) for start in starts))
    optional = term[end + 1 : end + 2] == "?"
    return found | _first(term[end + 2 :]) if optional else found


def _pattern(term: str, gap: int, english: bool) -> str:
    made = []
    for char in normal(term):
        if char in "()|?":
            made.append("(?:" if char == "(" else char)
        elif char == "*":
            made.append("[a-z]*")
        elif char == "~":
            made.append(rf"\b{IN_CLAUSE}{{0,{gap}}}\b" if english else f"{IN_CLAUSE}{{0,{gap}}}")
        else:
            made.append(re.escape(char))
    return "".join(made)


def longest_first(terms: Iterable[str]) -> list[str]:
    """Terms from long to short, so that a term is tried before its own beginning."""
    return sorted(terms, key=lambda t: (-len(t), t))
