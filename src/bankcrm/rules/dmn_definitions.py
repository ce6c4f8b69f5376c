"""What a DMN file defines beside its tables: inputs, types and constants."""

from __future__ import annotations

from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

from bankcrm.errors import PolicyError
from bankcrm.rules.dmn_xml import is_guard, own, text_of
from bankcrm.rules.feel import read_value
from bankcrm.rules.model import Parameter
from bankcrm.rules.values import FactType

DEPTH = 5
"""How deep the definition of a type may refer to others."""

_TYPES: dict[str, FactType] = {
    "number": "number",
    "double": "number",
    "integer": "integer",
    "long": "integer",
    "string": "text",
    "boolean": "boolean",
    "date": "date",
}


class Definitions:
    """The inputs, types and constants of a DMN file.

    Attributes:
        decisions: The decisions, in order.
        inputs: Name of an input, or of a component as ``order.price`` -> what says its type.
        constants: Name of a decision that is one constant -> the parameter.
        broken: Name of a constant that cannot be read -> why.
    """

    def __init__(self, root: ET.Element) -> None:
        self.decisions = root.findall("decision")
        self._items = {e.get("name", ""): e for e in root.findall("itemDefinition")}
        self.inputs: dict[str, ET.Element] = {}
        for data in root.findall("inputData"):
            variable = data.find("variable")
            if variable is not None:
                self._add_input(data.get("name", ""), variable)
        self.constants: dict[str, Parameter] = {}
        self.broken: dict[str, str] = {}
        for decision in self.decisions:
            self._add_constant(decision)

    def _add_input(self, name: str, typed: ET.Element, depth: int = 0) -> None:
        """An input by its name, and its components as ``order.price``."""
        self.inputs[name] = typed
        item = self._items.get(reference(typed))
        components = [] if item is None else item.findall("itemComponent")
        for component in components if depth < DEPTH else []:
            self._add_input(f"{name}.{component.get('name', '')}", component, depth + 1)

    def _add_constant(self, decision: ET.Element) -> None:
        text = decision.findtext("literalExpression/text")
        if text is None or is_guard(decision):
            return
        name = decision.get("name", "")
        try:
            value = read_value(text)
        except PolicyError:
            self.broken[name] = "an expression; only tables and constants are read"
            return
        try:
            self.constants[name] = _parameter(decision, value)
        except PolicyError as error:
            self.broken[name] = str(error)

    def is_decision(self, name: str) -> bool:
        """Whether a name is that of a decision, and not of an input."""
        return name not in self.inputs and any(d.get("name") == name for d in self.decisions)

    def type_of(self, typed: ET.Element) -> tuple[FactType | None, str]:
        """The type that an element names as a fact's type, and the values that it allows.

        Raises:
            PolicyError: A list, or a type that no fact has.
        """
        return self._type(reference(typed), 0)

    def _type(self, name: str, depth: int) -> tuple[FactType | None, str]:
        if name in _TYPES:
            return _TYPES[name], ""
        if name == "Any":
            return None, ""
        item = self._items.get(name)
        if item is None or depth > DEPTH:
            raise PolicyError(f"type {name!r} is not supported")
        if item.get("isCollection") == "true":
            raise PolicyError(f"type {name!r} is a list")
        kind, allowed = self._type(reference(item), depth + 1)
        return kind, allowed_by(item) or allowed

    def values_of(self, output: ET.Element) -> str:
        """The values that the type of an output allows, as text; empty where it says nothing."""
        item = self._items.get(reference(output))
        return "" if item is None else allowed_by(item)


def reference(typed: ET.Element) -> str:
    """The name of an element's type, without the prefix that DMN 1.1 has."""
    name = typed.get("typeRef") or text_of(typed, "typeRef")
    return name.strip().removeprefix("feel:")


def allowed_by(item: ET.Element) -> str:
    """The values that the definition of a type allows, as text."""
    return text_of(item, "allowedValues/text") or text_of(item, "typeConstraint/text")


def _parameter(decision: ET.Element, value: Any) -> Parameter:
    details = dict(next(own(decision, "parameter"), ET.Element("none")).attrib)
    days = day_of(details.get("effective_from")), day_of(details.get("effective_to"))
    try:
        return Parameter(
            value,
            details.get("unit", ""),
            details.get("source", "default"),
            text_of(decision, "description"),
            *days,
            details.get("confirmation", ""),
        )
    except ValueError as error:
        raise PolicyError(str(error)) from None


def day_of(text: str | None) -> date | None:
    """The day that a text names; None for no text.

    Raises:
        PolicyError: It is no date.
    """
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise PolicyError(f"{text!r} is no date such as 2026-01-31") from None
