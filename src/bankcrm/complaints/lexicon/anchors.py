"""Words that a text must hold for an expression to match: they say which expressions to try.

A key is the beginning of a Latin word (``fraud``), a whole short word with a space after it
(``sue ``), or one or two Chinese characters or digits that stand together (``盗刷``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from functools import cache

import attrs

LONGEST = 7  # letters of a key
_MANY = 1000  # strings of an expression that are written out at most
_MOST = 30  # strings that are made from one piece after another
_SETS = 5  # sets of keys that are kept for one expression
_COMMON_SET = -9
_WORD = re.compile("[a-z0-9_]+")
_RUN = re.compile("[0-9\u3400-\u9fff]+")
_EDGED = re.compile("(?<= )([a-z0-9_]+)( ?)")
_OUTSIDE = re.compile("[^a-z0-9_\u3400-\u9fff]+")
_LEAF = re.compile(r"\\.|\[\^?\]?[^\]]*\]|[.^$]", re.DOTALL)
_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)")
_MARK = 0xF0000  # leaves and groups become characters of a private plane
_PLAIN = rf"[^{chr(_MARK)}-\U0010ffff]"
_PIECE = re.compile(  # several letters, or what is repeated
    rf"((?:{_PLAIN}(?![{{?*+]))+|.)(\{{(\d*)(?:,\d*)?\}}|[?*+])?\??", re.DOTALL
)

# Words that many clauses of complaints hold. They are poor keys, but not wrong ones.
_ENGLISH = """
    a am an and any are as at be been but by call can did do for from had has have he her him his i
    if in is it loan me my no not of on or our out she so that the their them they this time to
    told up us was we were when which who will with would you your account company credit payment
    call pay bank"""
_CHINESE = """
    你们 我的 怎么 已经 银行 没有 什么 可以 账户 客服 信用 用卡 贷款 电话 现在 一个 他们 我们 不是
    不能 不给 我 的 了 不 你 人 行 被 没 是 一 就 卡 个 有 在 么 到 款 上 会 这 说 要 请"""
_COMMON = {word + " " if len(word) < LONGEST else word for word in _ENGLISH.split()}
_COMMON |= {"call", "pay", *_CHINESE.split()}

Need = frozenset[str]  # a text that matches holds one of these keys


def needs(expressions: Iterable[str]) -> list[tuple[Need, ...]]:
    """The sets of keys that each expression needs, the rarest first; none if nothing is known.

    Expressions are those of :func:`~bankcrm.complaints.lexicon.terms.pattern`.

    >>> [sorted(need) for need in needs([r"\\b(?:(stolen|lost) (new )?card)\\b"])[0]]
    [['lost ', 'stolen ']]
    """
    reader = _Reader()
    found = (reader.read(expression).all_needs() for expression in expressions)
    return [(*n[:1], *(x for x in n[1:_SETS] if _rarity(x) > _COMMON_SET)) for n in found]


def keys(text: str, known: Set[str]) -> set[str]:
    """The known keys that a text in its normal form holds; every text holds the empty key.

    >>> sorted(keys("被盗 sue", {"盗", "被盗", "su", "sue ", "sued"}))
    ['', 'su', 'sue ', '盗', '被盗']
    """
    made = {  # the slices are written out, up to LONGEST, since that takes half the time
        key
        for w in _WORD.findall(text)
        for key in (w[:1], w[:2], w[:3], w[:4], w[:5], w[:6], w[:7], w + " ")
        if key in known
    }
    for run in _RUN.findall(text):
        made.update([key for key in run if key in known])
        made.update([key for key in map(str.__add__, run, run[1:]) if key in known])
    made.add("")
    return made


@attrs.frozen
class _Shape:
    """What is known of the strings that an expression matches.

    A space stands for all characters that are part of no word, and for the edge of a word.

    Attributes:
        heads: Each string begins with one of these.
        tails: Each string ends with one of these.
        whole: Whether the strings are exactly these.
        needs: Sets of keys, one of which is in each string.
        blank: Whether the empty string is one, too.
    """

    heads: tuple[str, ...] = ("",)
    tails: tuple[str, ...] = ("",)
    whole: bool = False
    needs: tuple[Need, ...] = ()
    blank: bool = False

    def all_needs(self) -> tuple[Need, ...]:
        """The rarest sets, with those of the heads and tails."""
        made = {*self.needs, *_need(self.heads), *_need(self.tails)}
        return () if self.blank else tuple(sorted(made, key=_rarity, reverse=True))


class _Reader:
    """Reads expressions; what many of them share is read once."""

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}
        self._shapes: dict[str, _Shape] = {}

    def read(self, expression: str) -> _Shape:
        flat, more = _LEAF.sub(lambda m: self._mark(m.group(), _leaf(m.group())), expression), 1
        while more:
            flat, more = _GROUP.subn(self._group, flat)
        return self._any(flat)

    def _group(self, match: re.Match[str]) -> str:
        inside = match.group(1)
        return self._marks.get(inside) or self._mark(inside, self._any(inside))

    def _mark(self, text: str, shape: _Shape) -> str:
        mark = self._marks.setdefault(text, chr(_MARK + len(self._marks)))
        self._shapes[mark] = shape
        return mark

    def _any(self, text: str) -> _Shape:
        """Alternatives."""
        branches = [self._sequence(branch) for branch in text.split("|")]
        if len(branches) == 1:
            return branches[0]
        blank = any(b.blank for b in branches)
        heads = _few(s for b in branches for s in b.heads)
        tails = _few(s for b in branches for s in b.tails)
        if all(b.whole for b in branches) and heads != ("",):
            strings = tuple(s for s in heads if s)
            return _Shape(strings, strings, True, (), blank or strings != heads)
        each = [b.all_needs() for b in branches]
        found = {frozenset().union(*(n[0] for n in each))} if all(each) else set()
        found.update(set(each[0]).intersection(*each[1:]))
        return _Shape(heads, tails, False, tuple(found), blank)

    def _sequence(self, text: str) -> _Shape:
        """Pieces, one after the other."""
        heads: list[str] = []
        front: tuple[str, ...] = ("",)  # strings from the beginning, if no piece broke them off
        run: tuple[str, ...] = ("",)  # strings to the left of the next piece
        whole = blank = True
        found: list[Need] = []
        for piece, repeat, low in _PIECE.findall(text):
            shape = self._shapes.get(piece) or _letters(piece)
            shape = _repeated(shape, repeat, low)
            blank = blank and shape.blank
            begun = (*shape.heads, "") if shape.blank else shape.heads
            if len(run) > 1 and len(run) * len(begun) > _MOST:
                found += _need(run)
                heads, front, run, whole = [*heads, *front], (), _edges(run), False
            if shape.whole:
                front, run = _joined(front, begun), _joined(run, begun)
                continue
            whole = False
            heads += _joined(front, shape.heads)
            found += [*_need(_joined(run, begun)), *shape.needs]
            if shape.blank:
                run = _edges((*run, *shape.tails))
            else:
                front, run = (), shape.tails
        if whole:
            return _Shape(run, run, True, (), blank)
        return _Shape(_few((*heads, *front)), run, False, (*found, *_need(run)), blank)


def _edges(strings: Iterable[str]) -> tuple[str, ...]:
    """The last character of each string if it is outside a word, else nothing."""
    return tuple(sorted({" " if s.endswith(" ") else "" for s in strings}))


def _few(strings: Iterable[str]) -> tuple[str, ...]:
    """Strings that differ; only the empty one, which is the head and tail of all, if too many."""
    made = tuple(dict.fromkeys(strings))
    return made if len(made) <= _MANY else ("",)


def _joined(run: tuple[str, ...], strings: tuple[str, ...]) -> tuple[str, ...]:
    """Each string after each of the run."""
    cut = [b.removeprefix(" ") for b in strings]  # one space between words is enough
    made = [a + b for a in run for b in (cut if a[-1:] == " " else strings)]
    return tuple(dict.fromkeys(made))


def _letters(text: str) -> _Shape:
    plain = _OUTSIDE.sub(" ", text)
    return _Shape((plain,), (plain,), whole=True)


def _leaf(text: str) -> _Shape:
    """An escape, a class or a sign."""
    if text in (r"\b", "^", "$"):
        return _letters(" ")
    if text[0] == "\\" and not text[1].isalnum():
        return _letters(text[1])
    return _Shape()  # any of many characters


def _repeated(shape: _Shape, repeat: str, low: str) -> _Shape:
    """A shape that occurs several times, or perhaps not at all."""
    if not repeat:
        return shape
    least = {"?": 0, "*": 0, "+": 1}.get(repeat, int(low or 0))
    once = shape.whole and repeat in ("?", "{0,1}")
    blank = shape.blank or not least
    found = () if blank else shape.all_needs()
    return attrs.evolve(shape, whole=once, needs=found, blank=blank)


def _need(strings: Iterable[str]) -> list[Need]:
    """One set with the rarest key of each string; none if a string has no key."""
    made = [_key(s) for s in strings]
    return [frozenset(made)] if all(made) else []


@cache
def _key(string: str) -> str:
    """The key of a string that is rarest by its letters; empty if it has none."""
    made = [
        word + " " if end and len(word) < LONGEST else word[:LONGEST]
        for word, end in _EDGED.findall(string)
    ]
    for run in _RUN.findall(string):
        made += map(str.__add__, run, run[1:]) if len(run) > 1 else run
    return min(made, key=_frequency, default="")


@cache
def _frequency(key: str) -> float:
    """About how many of the clauses of complaints hold a key."""
    if key in _COMMON:
        return 0.1
    if key[0] < "\u3400" and not key.isdigit():
        return max(0.001, 0.3 ** len(key))
    return 0.005 if len(key) > 1 else 0.03


def _rarity(need: Need) -> float:
    return -sum(map(_frequency, need))
