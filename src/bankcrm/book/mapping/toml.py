"""A mapping to and from TOML; all errors are reported together, each with its path."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cattrs
import tomli_w

from bankcrm.book.contract import ENTRIES, FRAMES
from bankcrm.book.mapping.validation import faults_of, raise_together
from bankcrm.book.mapping.values import BookMapping, ColumnSource, Formats, FrameMapping
from bankcrm.errors import DataError, PolicyError, nearest
from bankcrm.rules.toml import converter, exactly, parse_toml, plain, structure

Texts = tuple[str, ...]


def read_mapping(source: str | Path) -> BookMapping:
    """Read a mapping; see `BookMapping.from_toml`."""
    try:
        raw = parse_toml(source)
    except PolicyError as error:
        raise DataError(str(error)) from None
    faults: list[str] = []
    mapping = mapping_of(raw, faults)
    raise_together(faults)
    return mapping


def mapping_of(raw: Mapping[str, Any], faults: list[str]) -> BookMapping:
    """The mapping in the entries of ``book.toml``; adds what does not fit to ``faults``.

    Where something does not fit, the mapping that is returned is empty.
    """
    known = (*ENTRIES, "database", "formats", *FRAMES)
    faults += [
        f"{key}: unknown key{nearest(key, known)}; known: {', '.join(known)}"
        for key in raw
        if key not in known
    ]
    made = _converter()
    before = len(faults)
    formats = structure(made, raw.get("formats", {}), Formats, "formats", faults) or Formats()
    frames = {
        name: found
        for name in FRAMES
        if name in raw and (found := structure(made, raw[name], FrameMapping, name, faults))
    }
    database = raw.get("database")
    faults += faults_of(frames, formats, database)
    return BookMapping() if len(faults) > before else BookMapping(frames, formats, database)


def write_mapping(mapping: BookMapping) -> str:
    """A mapping as TOML; see `BookMapping.to_toml`."""
    body: dict[str, Any] = {"formats": plain(mapping.formats)}
    for name, frame in mapping.frames.items():
        columns = {
            k: v.column if v == ColumnSource(v.column) else plain(v)
            for k, v in frame.columns.items()
        }
        body[name] = plain(frame) | {"columns": columns}
    tables = {k: _without_empty(v) for k, v in body.items() if v or k != "formats"}
    first = {} if mapping.database is None else {"database": mapping.database}
    return tomli_w.dumps(first | tables)


def _without_empty(table: dict[str, Any]) -> dict[str, Any]:
    """A frame that is only named stays as an empty table; empty parts of it are left out."""
    return {k: v for k, v in table.items() if v not in ({}, ())}


@functools.cache
def _converter() -> cattrs.Converter:
    """The converter of policies, which also takes one text for several, and a name for a source."""
    made = converter().copy()
    column = made.get_structure_hook(ColumnSource)
    made.register_structure_hook_func(lambda kind: kind in (Texts, Texts | None), _texts)
    made.register_structure_hook(
        ColumnSource,
        lambda raw, kind: ColumnSource(raw) if isinstance(raw, str) else column(raw, kind),
    )
    return made


def _texts(raw: Any, kind: Any) -> Texts:
    """One text or a list of texts."""
    text = exactly(str)
    return tuple(text(item, kind) for item in (raw if isinstance(raw, list) else [raw]))
