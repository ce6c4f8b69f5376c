"""A lexicon from a TOML file, and the one that ships with the library."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from bankcrm.complaints.lexicon.lexicon import Lexicon
from bankcrm.complaints.lexicon.terms import Entry, Negation, expand, pattern
from bankcrm.errors import PolicyError, known_names
from bankcrm.rules.toml import converter, parse_toml, structure

_LANGUAGES = ("en", "zh")
_REFUSED = re.compile(r"\(\?(?!:)|\\[1-9AZ]")


def read_lexicon(source: str | Path) -> Lexicon:
    """Read a lexicon from a TOML file or from TOML text.

    Raises:
        PolicyError: The file has faults; the error lists all of them, each with its path.
    """
    return _lexicon(source, check=True)


def _lexicon(source: str | Path, *, check: bool) -> Lexicon:
    raw = parse_toml(source)
    known = ("words", "negation", "entries")
    faults = [f"{k}: unknown key; {known_names(k, known)}" for k in raw if k not in known]
    made = converter()
    words = {x: _named(raw.get("words", {}).get(x, {}), f"words.{x}", faults) for x in _LANGUAGES}
    entries = []
    for i, item in enumerate(raw.get("entries", [])):
        path = f"entries[{i}]"
        entry = structure(made, _filled_in(item, words, path, faults), Entry, path, faults)
        if entry is not None and check:
            faults += _unreadable(entry, path)
        entries.append(entry)
    negations: dict[str, Negation] = {}
    for language in _LANGUAGES:
        fields = dict(raw.get("negation", {}).get(language, {"words": []}))
        fields["except_"] = fields.pop("except", [])
        negation = structure(made, fields, Negation, f"negation.{language}", faults)
        if negation is not None:
            negations[language] = negation
    if faults:
        raise PolicyError(faults)
    known_entries = tuple(e for e in entries if e is not None)
    return Lexicon(known_entries, negations["en"], negations["zh"])


def _named(raw: Mapping[str, list[str]], path: str, faults: list[str]) -> dict[str, str]:
    """The words of each name as one group; a group may name those before it."""
    made: dict[str, str] = {}
    for name, words in raw.items():
        made[name] = (
            f"({'|'.join(_filled(word, made, f'{path}.{name}', faults) for word in words)})"
        )
    return made


def _filled_in(
    raw: dict[str, Any], words: Mapping[str, dict[str, str]], path: str, faults: list[str]
) -> dict[str, Any]:
    """An entry of the file with words in the place of each name."""
    return {
        key: [_filled(t, words[key[-2:]], f"{path}.{key}", faults) for t in value]
        if key[-2:] in words and isinstance(value, list)
        else value
        for key, value in raw.items()
    }


def _filled(term: str, words: Mapping[str, str], path: str, faults: list[str]) -> str:
    try:
        return expand(term, words)
    except KeyError as fault:
        faults.append(f"{path}: no words named {fault}; expected one of {', '.join(words)}")
    except TypeError:
        faults.append(f"{path}: {term!r} is no text")
    return ""


def _unreadable(entry: Entry, path: str) -> list[str]:
    """What is wrong with the terms of an entry that cannot be read."""
    faults = []
    for key in entry.term_lists():
        for term in getattr(entry, key):
            try:
                re.compile(pattern(term, ".", "[0-9]"))
            except (re.error, RecursionError, OverflowError) as fault:
                faults.append(f"{path}.{key}: {term[:80]!r} cannot be read: {fault}")
            if _REFUSED.search(term):
                faults.append(f"{path}.{key}: {term!r} may not look ahead or refer to a group")
    return faults


@cache
def default_lexicon() -> Lexicon:
    """The lexicon that ships with the library.

    >>> import pandas as pd
    >>> texts = pd.Series(["信用卡被盗刷了", "请问如何办理挂失", None])
    >>> read = default_lexicon()(texts)
    >>> read["funds_safety"].tolist(), read["kind"].tolist()[:2]
    ([True, False, False], ['complaint', 'consultation'])
    """
    file = importlib.resources.files("bankcrm.complaints.lexicon") / "lexicon.toml"
    return _lexicon(file.read_text(encoding="utf-8"), check=False)  # the tests check it
