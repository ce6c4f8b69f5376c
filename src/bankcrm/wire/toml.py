"""Public values as TOML and back, by their JSON form."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Self, TypeVar

import tomli_w

from bankcrm.errors import DataError, reason_of
from bankcrm.wire.json import from_json, to_json

T = TypeVar("T")


def to_toml(value: object, path: str | Path | None = None) -> str:
    """A value as TOML text, which is also written to a file if one is named.

    >>> from bankcrm.rules import Parameter
    >>> to_toml(Parameter(365, unit="days")).splitlines()[:2]
    ['value = 365', 'unit = "days"']
    """
    text = tomli_w.dumps(json.loads(to_json(value)))
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


class Saved:
    """A public value that can be written as TOML text and read again."""

    __slots__ = ()

    def to_toml(self, path: str | Path | None = None) -> str:
        """The value as TOML text, which is also written to a file if one is named."""
        return to_toml(self, path)

    @classmethod
    def from_toml(cls, source: str | Path) -> Self:
        """Read what `to_toml` wrote: TOML text, or a file.

        Raises:
            DataError: The text is not that of such a value.
        """
        return from_toml(source, cls)


def from_toml(source: str | Path, kind: type[T]) -> T:
    """The value that TOML text or a file holds.

    Raises:
        DataError: The file cannot be read, or its text does not fit.
    """
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
        raw = tomllib.loads(text)
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(f"{kind.__name__}: not valid TOML: {reason_of(error)}") from error
    return from_json(json.dumps(raw), kind)
