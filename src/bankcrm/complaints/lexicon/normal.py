"""Texts in one form: width, case and quotes, simplified characters, no hidden characters."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

_HIDDEN = {"\0", "\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"}
_QUOTES = {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u2032": "'"}
_HAN = "\u3400-\u9fff"
# Particles and common verbs of written Cantonese, and those of Mandarin with the same meaning; and
# second spellings of one word: 帳 of a bank account is 帐 or 账.
_SPELLINGS = dict(
    zip(
        "唔冇嘅咗俾畀佢哋喺搵攞嚟啲嗰嘢咁睇帐著妳甚",
        "不没的了给给他们在找拿来些那事这看账着你什",
        strict=True,
    )
)
# Spaces between Chinese characters have no meaning: people insert them to evade filters. Neither
# do the commas of a number, which would end a clause.
_SPACED = re.compile(rf"([{_HAN}])[ \t\u3000]+(?=[{_HAN}])|([0-9]),(?=[0-9]{{3}})")
# The digits of an amount, an account or a telephone say nothing; without them, clauses that differ
# in nothing else are read once. Ages, years and hotlines such as 12345 stay.
_NUMBER = re.compile("(?<![0-9])(?!(?:1[0-9]|20)[0-9]{2}(?![0-9])|12[0-9]{3}(?![0-9]))[0-9]{4,}")
_NONE = 0xFFFFFFFF  # in place of a character that is left out


class _Table(dict[int, str]):
    """Character to its normal form, computed once per character."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in _HIDDEN:
            form = ""
        else:
            plain = unicodedata.normalize("NFKC", _QUOTES.get(char, char)).lower()
            form = "".join(_simplified().get(c, c) for c in plain)
        self[code] = form
        return form


_TABLE = _Table()


@cache
def _simplified() -> dict[str, str]:
    """Characters and their forms in simplified Mandarin; see ``scripts/make_simplified.py``."""
    file = importlib.resources.files("bankcrm.complaints.lexicon") / "simplified.txt"
    before, after = file.read_text(encoding="utf-8").splitlines()
    return {a: _SPELLINGS.get(b, b) for a, b in zip(before, after, strict=True)} | _SPELLINGS


def normal(text: str) -> str:
    """A text in its normal form.

    >>> normal("I isn’t，ＦＲＡＵＤ 盜 刷")
    "i isn't,fraud 盗刷"
    """
    return _plain(text.translate(_TABLE))


def _plain(text: str) -> str:
    """A text without the spaces and digits that have no meaning."""
    return _NUMBER.sub(lambda m: "0" * len(m.group()), _SPACED.sub(r"\1\2", text))


def normal_many(texts: list[str]) -> list[str]:
    """Many texts in their normal form, all characters at once."""
    if any("\0" in text for text in texts):
        return [normal(text) for text in texts]
    joined = "\0".join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    several, form = _lookup()
    within = np.minimum(codes, 0xFFFF)
    rare, plain = (codes > 0xFFFF) | several[within], form[within]
    made = _without_meaning(plain[plain != _NONE])
    found = made.tobytes().decode("utf-32-le", "surrogatepass").split("\0")
    for row in np.unique(np.searchsorted(np.flatnonzero(codes == 0), np.flatnonzero(rare))):
        found[row] = normal(texts[row])
    return found


def _without_meaning(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """What :func:`_plain` does, for the characters of many texts."""
    space = (codes == 32) | (codes == 9)
    han = (codes >= 0x3400) & (codes <= 0x9FFF)
    digit = (codes >= 48) & (codes <= 57)
    first, last = _runs(space)
    inside = (first > 0) & (last < len(codes) - 1)
    first, last = first[inside], last[inside]
    between = han[first - 1] & han[last + 1]
    drop = _covered(first[between], last[between], len(codes))
    comma = np.flatnonzero(codes[1:-3] == 44) + 1
    drop[comma[digit[comma - 1] & digit[comma + 1] & digit[comma + 2] & digit[comma + 3]]] = True
    codes = codes[~drop]
    first, last = _runs((codes >= 48) & (codes <= 57))
    length = last - first + 1
    first, last, length = (a[length > 3] for a in (first, last, length))
    head = (codes[first] - 48) * 10 + codes[first + 1] - 48
    keep = (length == 4) & ((head // 10 == 1) | (head == 20)) | (length == 5) & (head == 12)
    codes[_covered(first[~keep], last[~keep], len(codes))] = 48
    return codes


def _runs(mask: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The first and last places of each run."""
    edges = np.diff(np.concatenate([[False], mask, [False]]).view(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def _covered(
    first: npt.NDArray[np.int64], last: npt.NDArray[np.int64], length: int
) -> npt.NDArray[np.bool_]:
    """The places from each first to its last, of runs that do not touch."""
    edges = np.zeros(length + 1, dtype=np.int8)
    edges[first] = 1
    edges[last + 1] = -1
    return np.cumsum(edges[:-1], dtype=np.int8).view(np.bool_)


@cache
def _lookup() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32]]:
    """For each character, whether its form is several characters, and its only one."""
    forms = [chr(code).translate(_TABLE) for code in range(0x10000)]
    several = np.array([len(form) > 1 for form in forms])
    form = np.array([ord(f[0]) if f else _NONE for f in forms], dtype=np.uint32)
    form[0] = 0  # between two texts
    return several, form


def positions(text: str) -> list[int]:
    """The place in the text of each character of its normal form, and the end of the text."""
    forms = [char.translate(_TABLE) for char in text]
    places = [i for i, form in enumerate(forms) for _ in form]
    joined = "".join(forms)
    dropped = {i for m in _SPACED.finditer(joined) for i in range(m.start() + 1, m.end())}
    return [p for i, p in enumerate(places) if i not in dropped] + [len(text)]
