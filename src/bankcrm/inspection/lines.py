"""Lines and tables of the draft, as TOML text with comments."""

from __future__ import annotations

import datetime as dt
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from bankcrm.inspection.formats import DECIDE, Entry

_PLACE = 36
"""Where comments begin."""


@attrs.frozen
class Line:
    """One line of the draft.

    Attributes:
        key: The key; empty for a comment alone.
        entry: Its value and comment.
        off: Whether the line is only shown, as a comment.
    """

    key: str
    entry: Entry
    off: bool = False

    @property
    def open(self) -> bool:
        """Whether a person has to decide it."""
        return self.entry.assumed is not None or DECIDE in str(self.entry.value)

    @property
    def shown(self) -> str:
        """The value for people: a name alone, or the parts of several."""
        value = self.entry.value
        if not isinstance(value, Mapping):
            return str(value)
        return ", ".join(
            f"{k} {v if isinstance(v, str) else '/'.join(v)}" for k, v in value.items()
        )

    def text(self, *, assumed: bool = False) -> str:
        """The line as TOML; ``assumed``: with the first choice where a person has to decide."""
        comment = re.sub(r"\s+", " ", self.entry.comment).strip()
        if not self.key:
            return f"# {comment}"
        value = self.entry.value
        if assumed and self.open:
            if self.entry.assumed is None:
                return ""
            value = self.entry.assumed
        start = f"{'# ' if self.off else ''}{_key(self.key)} = {_toml(value)}"
        return f"{_padded(start)}  # {comment}" if comment else start


@attrs.frozen
class Section:
    """A table of the draft.

    Attributes:
        name: Its name; empty for the first entries.
        comment: What it is.
        lines: Its lines.
        lacking: Whether it belongs to a frame that cannot be read yet.
    """

    name: str
    comment: str
    lines: Sequence[Line]
    lacking: bool = False

    def text(self, *, assumed: bool = False) -> str:
        """The table as TOML; ``assumed``: without what cannot be read yet."""
        if assumed and self.lacking:
            return ""
        head = [f"[{self.name}]"] if self.name else []
        if head and self.comment:
            head = [f"{_padded(head[0])}  # {self.comment}"]
        return "\n".join([*head, *(line.text(assumed=assumed) for line in self.lines)])


def _padded(text: str) -> str:
    """A text with blanks to the place of comments; a Chinese character is two places wide."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return text + " " * (_PLACE - len(text) - wide)


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dt.date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
