"""griffe extensions: signatures of attrs classes, and docstring examples as code."""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*(?:\n(?!\s*$).+)*", re.M)
DECORATORS = {"attrs.frozen", "attrs.define", "attrs.mutable"}


class AttrsSignatures(griffe.Extension):
    """Add the ``__init__`` of attrs to each attrs class."""

    def on_class_members(self, *, cls: griffe.Class, **_: Any) -> None:
        """Make the signature from the annotated fields."""
        if "__init__" in cls.members or not any(map(_is_attrs, cls.decorators)):
            return
        fields = [
            griffe.Parameter(
                name,
                annotation=member.annotation,
                kind=griffe.ParameterKind.positional_or_keyword,
                default=_default(member.value),
            )
            for name, member in cls.members.items()
            if member.is_attribute
            and member.annotation is not None
            and "property" not in member.labels
        ]
        self_ = griffe.Parameter("self", kind=griffe.ParameterKind.positional_or_keyword)
        init = griffe.Function(
            "__init__", parent=cls, parameters=griffe.Parameters(self_, *fields), returns="None"
        )
        cls.set_member("__init__", init)


class ExamplesAsCode(griffe.Extension):
    """Fence docstring examples, which Markdown would render as quotations."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence each block of lines that starts with a prompt."""
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(_fenced, obj.docstring.value)


SPOKEN = {
    "date | str": ("as_of", "start", "end", "until", "week"),
    "int | str": ("customer", "complaint_id"),
    "Series | Mapping": ("counts", "values", "moves"),
    "DataFrame | ArrowFrame": (
        *(
            "accounts",
            "average_balances",
            "balances",
            "complaints",
            "contacts",
            "customers",
            "data",
        ),
        *("events", "facts", "frame", "history", "indicators", "links", "loans", "log", "managers"),
        *("overrides", "pauses", "positions", "previous", "scored", "transactions"),
    ),
}
"""What an argument annotated ``object`` may be, by its name: the code checks it itself."""
TYPES = {name: kind for kind, names in SPOKEN.items() for name in names}


class SpokenTypes(griffe.Extension):
    """Show what an argument may be where the code takes any object and checks it itself."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Replace the annotation ``object`` of known arguments."""
        if not obj.is_function:
            return
        for parameter in obj.parameters:
            if str(parameter.annotation) == "object" and parameter.name in TYPES:
                parameter.annotation = TYPES[parameter.name]


def _fenced(example: re.Match[str]) -> str:
    return f"```pycon\n{example[0]}\n```"


def _is_attrs(decorator: griffe.Decorator) -> bool:
    value = decorator.value
    path = value.canonical_path if isinstance(value, griffe.Expr) else str(value)
    return path in DECORATORS


def _default(value: Any) -> Any:
    """The default to show: that of the field, or a call of its factory."""
    if not (isinstance(value, griffe.ExprCall) and value.canonical_path.endswith("field")):
        return value
    given = {a.name: a.value for a in value.arguments if isinstance(a, griffe.ExprKeyword)}
    if "factory" in given:
        return f"{given['factory']}()"
    return given.get("default")
