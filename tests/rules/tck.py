"""The test cases of the DMN technology compatibility kit, read as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

SPACE = "{http://www.omg.org/spec/DMN/20160719/testcase}"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
FOLDER = Path(__file__).parents[3] / "shared" / "data" / "dmn_tck"

Case = tuple[str, dict[str, Any], dict[str, Any]]
"""A case's name, its facts, and the expected results by decision."""


def cases(folder: Path) -> Iterator[Case]:
    """The cases of one model's folder."""
    for file in sorted(folder.glob("*-test-*.xml")):
        for case in ET.parse(file).getroot().iter(f"{SPACE}testCase"):
            facts: dict[str, Any] = {}
            for node in case.findall(f"{SPACE}inputNode"):
                facts |= dict(_flat(node.get("name", ""), _value(node)))
            expected = {
                node.get("name", ""): _value(node.find(f"{SPACE}expected"))
                for node in case.findall(f"{SPACE}resultNode")
            }
            yield f"{folder.name}-{case.get('id')}", facts, expected


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    else:
        yield name, value


def _value(node: ET.Element | None) -> Any:
    assert node is not None
    items = node.find(f"{SPACE}list")
    if items is not None:
        return [_value(item) for item in items.findall(f"{SPACE}item")]
    components = node.findall(f"{SPACE}component")
    if components:
        return {c.get("name", ""): _value(c) for c in components}
    plain = node.find(f"{SPACE}value")
    if plain is None or plain.get(f"{XSI}nil") == "true":
        return None
    text, kind = plain.text or "", plain.get(f"{XSI}type", "").partition(":")[2]
    if kind in ("decimal", "double", "integer"):
        return float(text)
    if kind == "boolean":
        return text == "true"
    return date.fromisoformat(text) if kind == "date" else text
