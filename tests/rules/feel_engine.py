"""A small evaluator of DMN tables by FEEL's own rules; it shares no code with the library.

It reads the XML that another engine would read. Values are Python's; ``None`` is null. A test gives
True, False or None (unknown), and only True is a match.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"


def decide(xml: str, decision: str, facts: dict[str, Any]) -> Any:
    """What an engine answers for one decision of a file: a table, a constant or a choice."""
    root = ET.fromstring(xml)
    return _decide(root, _by_name(root, decision), facts)


def _by_name(root: ET.Element, name: str) -> ET.Element:
    return next(d for d in root.iter(f"{DMN}decision") if d.get("name") == name)


def _decide(root: ET.Element, decision: ET.Element, facts: dict[str, Any]) -> Any:
    text = decision.findtext(f"{DMN}literalExpression/{DMN}text")
    if text is not None:
        choice = re.fullmatch(r"if (\S+) then null else (\S+)", text)
        if choice is None:
            return literal(text, {})
        if _decide(root, _by_name(root, choice[1]), facts) is True:
            return None
        return _decide(root, _by_name(root, choice[2]), facts)
    table = decision.find(f"{DMN}decisionTable")
    assert table is not None
    names = {
        d.get("name", ""): literal(d.findtext(f"{DMN}literalExpression/{DMN}text") or "", {})
        for d in root.iter(f"{DMN}decision")
        if d.find(f"{DMN}literalExpression") is not None
        and not (d.findtext(f"{DMN}literalExpression/{DMN}text") or "").startswith("if ")
    }
    inputs = [
        i.findtext(f"{DMN}inputExpression/{DMN}text") or "" for i in table.iter(f"{DMN}input")
    ]
    values = [facts.get(name) for name in inputs]
    hits = []
    for rule in table.iter(f"{DMN}rule"):
        cells = [e.findtext(f"{DMN}text") or "" for e in rule.iter(f"{DMN}inputEntry")]
        if all(passes(c, v, names) is True for c, v in zip(cells, values, strict=True)):
            hits.append(rule.findtext(f"{DMN}outputEntry/{DMN}text") or "")
    outputs = [None if h == "null" else literal(h, names) for h in hits]
    default = table.findtext(f"{DMN}output/{DMN}defaultOutputEntry/{DMN}text")
    if not hits and default is not None:
        outputs = [literal(default, names)]
    return _hit(table.get("hitPolicy"), table.get("aggregation"), outputs)


def _hit(policy: str | None, aggregation: str | None, outputs: list[Any]) -> Any:
    if policy == "COLLECT":
        if aggregation is None:
            return outputs
        pick = {"SUM": sum, "MIN": min, "MAX": max, "COUNT": len}[aggregation]
        return pick(outputs) if outputs else None
    if policy == "UNIQUE":
        assert len(outputs) < 2, "several rules match under UNIQUE"
    if policy == "ANY":
        assert len(set(outputs)) < 2, "rules of different outputs match under ANY"
    return outputs[0] if outputs else None


def passes(cell: str, value: Any, names: dict[str, Any]) -> bool | None:
    """A unary test by FEEL: what is compared with null is null, but for equality."""
    cell = cell.strip()
    if cell == "-":
        return True
    if cell.startswith("not("):
        inner = _any([_one(part, value, names) for part in split(cell[4:-1])])
        return None if inner is None else not inner
    return _any([_one(part, value, names) for part in split(cell)])


def _any(found: list[bool | None]) -> bool | None:
    return True if True in found else (None if None in found else False)


def split(cell: str) -> list[str]:
    """The parts of a list, cut at commas outside quotes and brackets of dates."""
    parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', cell)
    return [p.strip() for p in parts]


def _one(part: str, value: Any, names: dict[str, Any]) -> bool | None:
    if part == "null":
        return value is None
    interval = re.fullmatch(r"([\[(\]])(.+?)\.\.(.+)([\])\[])", part)
    if interval:
        left, low, high, right = interval.groups()
        if value is None:
            return None
        low, high = literal(low, names), literal(high, names)
        above = value >= low if left == "[" else value > low
        below = value <= high if right == "]" else value < high
        return bool(above and below)
    compared = re.fullmatch(r"(<=|>=|<|>)\s*(.+)", part, re.DOTALL)
    if compared:
        if value is None:
            return None
        bound = literal(compared[2], names)
        return {"<": value < bound, "<=": value <= bound, ">": value > bound,
                ">=": value >= bound}[compared[1]]  # fmt: skip
    bound = literal(part, names)
    return value is not None and type(value) is not type(None) and value == bound


def literal(text: str, names: dict[str, Any]) -> Any:
    """A literal or the name of a constant."""
    text = text.strip()
    if text in names:
        return names[text]
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"'):
        return json.loads(text, strict=False)
    if text.startswith("date("):
        return date.fromisoformat(text[6:-2])
    if text.startswith(("[", "{")):
        return text
    return float(text)


def fact_names(xml: str) -> list[tuple[str, str]]:
    """The label of each input, and the name that its expression has."""
    found = [
        (i.get("label", ""), i.findtext(f"{DMN}inputExpression/{DMN}text") or "")
        for i in ET.fromstring(xml).iter(f"{DMN}input")
    ]
    return list(dict.fromkeys(found))
