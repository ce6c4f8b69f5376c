"""The XML of DMN files: names, types and safe parsing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree as ET

from bankcrm.arguments import as_path
from bankcrm.errors import PolicyError
from bankcrm.rules.model import HitPolicy
from bankcrm.rules.values import FactType

MODEL = "https://www.omg.org/spec/DMN/20191111/MODEL/"
"""The name space that is written: DMN 1.3, which every present tool reads."""
READ = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    MODEL: "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
}
OWN = "urn:bankcrm:dmn:1"
"""The name space of what DMN has no place for: version, dates, units, sources of parameters."""
LIMIT = 20_000_000
"""The greatest size of a file, in bytes."""

TYPES: dict[FactType, str] = {
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "text": "string",
    "date": "date",
    "any": "Any",
}
POLICIES: dict[HitPolicy, tuple[str, str]] = {
    HitPolicy.UNIQUE: ("UNIQUE", ""),
    HitPolicy.FIRST: ("FIRST", ""),
    HitPolicy.ANY: ("ANY", ""),
    HitPolicy.COLLECT: ("COLLECT", ""),
    HitPolicy.SUM: ("COLLECT", "SUM"),
    HitPolicy.MIN: ("COLLECT", "MIN"),
    HitPolicy.MAX: ("COLLECT", "MAX"),
    HitPolicy.COUNT: ("COLLECT", "COUNT"),
}
"""Each hit policy and its aggregation, as DMN names them."""

NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _NoDoctype(ET.TreeBuilder):
    """A builder that stops at a document type, in which entities are declared."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise PolicyError("a document type (<!DOCTYPE>) is not allowed in a DMN file; remove it")


def parse(source: str | Path) -> ET.Element:
    """The root of a DMN file, or of DMN text; its elements without their name space.

    Raises:
        PolicyError: The file cannot be read, is too large, is no DMN or declares entities.
    """
    if isinstance(source, str) and "<" in source:
        data, name = source.encode("utf-8", "surrogatepass"), "DMN"
    else:
        data, name = _bytes(as_path(source, "source")), str(source)
    if len(data) > LIMIT:
        raise PolicyError(f"{name}: {len(data):,} bytes; at most {LIMIT:,} are read")
    try:
        parser = ET.XMLParser(target=_NoDoctype())
        parser.feed(data)
        root: ET.Element = parser.close()
    except (ET.ParseError, ValueError, LookupError) as error:
        raise PolicyError(f"{name}: not XML: {error}") from None
    except PolicyError as error:
        raise PolicyError(f"{name}: {error}") from None
    space, _, tag = root.tag.rpartition("}")
    if space.removeprefix("{") not in READ or tag != "definitions":
        known = ", ".join(READ.values())
        raise PolicyError(f"{name}: not DMN {known}: its root is {root.tag}")
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith(f"{space}}}"):
            element.tag = element.tag.removeprefix(f"{space}}}")
    return root


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        raise PolicyError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from None


def own(parent: ET.Element, name: str) -> Iterator[ET.Element]:
    """The elements of this library's name space that extend an element."""
    for extension in parent.findall("extensionElements"):
        yield from extension.findall(f"{{{OWN}}}{name}")


def is_guard(element: ET.Element) -> bool:
    """Whether an element was written to guard other engines against missing facts."""
    return next(own(element, "guard"), None) is not None


def text_of(parent: ET.Element, path: str) -> str:
    """The text at a path; empty where there is none."""
    return parent.findtext(path) or ""
