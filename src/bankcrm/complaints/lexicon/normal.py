"""Texts in one form: width, case and quotes, simplified characters, no hidden characters."""

from __future__ import annotations

import importlib.resources
import re
import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

_HIDDEN = {"\u00ad", "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff"}
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
_SPACED = re.compile(rf"(?<=[{_HAN}])[ \t\u3000]+(?=[{_HAN}])|(?<=[0-9]),(?=[0-9]{{3}})")
# The digits of an account, a telephone or a reference say nothing; without them, clauses that
# differ in nothing else are read once. Hotlines have five digits or fewer.
_LONG_NUMBER = re.compile("[0-9]{6,}")


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
    """A text, or several joined by a null character, without spaces and digits of no meaning."""
    return _LONG_NUMBER.sub(lambda m: "0" * len(m.group()), _SPACED.sub("", text))


def normal_many(texts: list[str]) -> list[str]:
    """Many texts in their normal form, with one lookup for all characters."""
    joined = "\0".join(texts)
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    if joined.count("\0") != len(texts) - 1 or (codes.size and codes.max() > 0xFFFF):
        return [normal(text) for text in texts]
    single, plain = _lookup()
    if not single[codes].all():
        return [normal(text) for text in texts]
    form = plain[codes].tobytes().decode("utf-32-le", "surrogatepass")
    return _plain(form).split("\0")


@cache
def _lookup() -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint32]]:
    """For each character, whether its form is one character, and that character."""
    forms = [chr(code).translate(_TABLE) for code in range(0x10000)]
    single = np.array([len(form) == 1 for form in forms])
    return single, np.array([ord(f) if len(f) == 1 else 0 for f in forms], dtype=np.uint32)


def positions(text: str) -> list[int]:
    """The place in the text of each character of its normal form, and the end of the text."""
    forms = [char.translate(_TABLE) for char in text]
    places = [i for i, form in enumerate(forms) for _ in form]
    joined = "".join(forms)
    dropped = {i for m in _SPACED.finditer(joined) for i in range(*m.span())}
    return [p for i, p in enumerate(places) if i not in dropped] + [len(text)]
