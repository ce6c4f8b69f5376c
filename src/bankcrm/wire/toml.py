"""Public values as TOML and back, by their JSON form."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import tomli_w

from bankcrm.arguments import as_path
from bankcrm.disk import whole_file
from bankcrm.errors import DataError, reason_of
from bankcrm.wire.json import from_json, to_json

T = TypeVar("T")


def to_toml(value: object, path: str | Path | None = None) -> str:
    """A value as TOML text, which is also written to a file if one is named.

    >>> from bankcrm.rules import Parameter
    >>> to_toml(Parameter(365, unit="days")).splitlines()[:2]
    ['value = 365', 'unit = "days"']
    """
    return write_toml(json.loads(to_json(value)), path)


def write_toml(content: Mapping[str, Any], path: str | Path | None = None) -> str:
    """Plain values as TOML text, which is also written to a file, whole, if one is named.

    Raises:
        DataError: The file cannot be written.
    """
    text = tomli_w.dumps(content)
    if path is not None:
        with whole_file(as_path(path)) as temporary:
            temporary.write_text(text, encoding="utf-8")
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
    return of_plain(read_toml(source, kind.__name__), kind)


def read_toml(source: str | Path, name: str) -> dict[str, Any]:
    """The plain values in TOML text or a file.

    Args:
        source: The text, or the path of the file.
        name: What the error calls it.

    Raises:
        DataError: The file cannot be read, or it is not TOML.
    """
    try:
        text = source.read_text(encoding="utf-8") if isinstance(source, Path) else source
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: {source} cannot be read: {reason_of(error)}") from error
    try:
        return tomllib.loads(text)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{name}: not valid TOML: {reason_of(error)}") from error


def of_plain(content: object, kind: type[T]) -> T:
    """The value that plain values make; a date of TOML is a text.

    Raises:
        DataError: They do not fit.
    """
    return from_json(json.dumps(content, default=str), kind)
