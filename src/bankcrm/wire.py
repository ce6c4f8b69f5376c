"""Models, decisions, tables and policies as JSON: dates by ISO 8601, money as text, enums by value.

Where a field may hold anything (an outcome, a value seen), what JSON has no form for is told by a
key: ``{"date": "2026-01-31"}``, ``{"money": "12.50"}``, ``{"instant": ...}``, ``{"map": {...}}``.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import math
import types
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeVar, Union

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn
from cattrs.preconf.json import JsonConverter

from bankcrm.errors import DataError
from bankcrm.models import wire
from bankcrm.models.record import Record
from bankcrm.rules import UnaryTest, parse_test
from bankcrm.rules.toml import exactly, words_of
from bankcrm.rules.values import FrozenDict, is_missing, plain_value

T = TypeVar("T")
_TAGS: Mapping[str, Callable[[Any], Any]] = {
    "date": dt.date.fromisoformat,
    "instant": dt.datetime.fromisoformat,
    "money": Decimal,
    "number": float,
}


def converter() -> JsonConverter:
    """A new cattrs converter for every public value; unknown fields are refused, nothing coerced.

    Use it to structure these values inside your own classes, or register hooks of your own on it.
    """
    made = wire.converter()
    made.forbid_extra_keys = True
    for plain in (str, int, float, bool):
        made.register_structure_hook(plain, exactly(plain))
    for kind, read in ((dt.date, dt.date.fromisoformat), (dt.datetime, dt.datetime.fromisoformat)):
        made.register_structure_hook(kind, functools.partial(_iso, read))
    made.register_unstructure_hook(UnaryTest, str)
    made.register_structure_hook(UnaryTest, lambda text, _: parse_test(text))
    made.register_unstructure_hook_factory(_is_value, functools.partial(_writer, made))
    made.register_structure_hook_func(_is_open, lambda value, _: opened_value(value))
    made.register_structure_hook_factory(
        _is_value, lambda kind: make_dict_structure_fn(kind, made, _cattrs_forbid_extra_keys=True)
    )
    return made


@functools.cache
def _shared() -> JsonConverter:
    return converter()


def to_json(value: object, *, indent: int | None = None) -> str:
    """A model, decision, trace, table, policy or other public value as JSON.

    Personal data is written in full.

    >>> from bankcrm.rules import Parameter
    >>> to_json(Parameter(365, unit="days"))
    '{"value": 365, "unit": "days", "source": "default", "note": ""}'
    """
    if isinstance(value, Record):
        return wire.to_json(value, indent=indent)
    if not attrs.has(type(value)):
        raise DataError(f"expected a public value of bankcrm, saw {type(value).__name__}")
    return json.dumps(
        _shared().unstructure(value), indent=indent, ensure_ascii=False, allow_nan=False
    )


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value that JSON holds.

    Raises:
        DataError: the text is not JSON, has unknown fields or does not fit; all faults are told,
            each with its path.

    >>> from bankcrm.rules import Parameter
    >>> from_json('{"value": 365, "unit": "days"}', Parameter).unit
    'days'
    """
    if isinstance(kind, type) and issubclass(kind, Record):
        return typing.cast("T", wire.from_json(text, kind))
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{kind.__name__}: not JSON: {error}") from None
    if not isinstance(raw, Mapping):
        raise DataError(f"{kind.__name__}: expected a JSON object, found {type(raw).__name__}")
    try:
        return _shared().structure(raw, kind)
    except cattrs.BaseValidationError as error:
        told = cattrs.transform_error(error, path="$", format_exception=words_of)
        raise DataError(f"{kind.__name__}: {'; '.join(told)}") from None
    except (ValueError, TypeError) as error:
        raise DataError(f"{kind.__name__}: {error}") from None


def json_schema(kind: type) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a public value.

    >>> from bankcrm.rules import Decision
    >>> json_schema(Decision)["properties"]["rule"]
    {'type': ['string', 'null']}
    """
    if issubclass(kind, Record):
        return wire.json_schema(kind)
    if not attrs.has(kind):
        raise DataError(f"expected a public class of bankcrm, saw {kind!r}")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_object(kind, ())}


def _object(kind: type, outer: tuple[type, ...]) -> dict[str, Any]:
    if kind in outer:  # a value that holds another of its own class
        return {"title": kind.__name__, "type": "object"}
    fields = [a for a in attrs.fields(kind) if a.init]
    return {
        "title": kind.__name__,
        "description": (kind.__doc__ or "").strip().split("\n")[0],
        "type": "object",
        "properties": {name: _schema(hint, (*outer, kind)) for name, hint in _hints(kind).items()},
        "required": [a.name for a in fields if a.default is attrs.NOTHING],
        "additionalProperties": False,
    }


_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    dt.date: {"type": "string", "format": "date"},
    dt.datetime: {"type": "string", "format": "date-time"},
    Decimal: {"type": "string"},
    UnaryTest: {"type": "string"},
    type(None): {"type": "null"},
}


def _schema(hint: Any, outer: tuple[type, ...]) -> dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Union, types.UnionType):
        return _either([_schema(a, outer) for a in args])
    if origin is tuple:
        return {"type": "array", "items": _schema(args[0], outer)}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(args[1], outer)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [m.value for m in hint]}
    return _object(hint, outer) if isinstance(hint, type) and attrs.has(hint) else {}


def _either(parts: list[dict[str, Any]]) -> dict[str, Any]:
    if all(set(p) == {"type"} for p in parts):
        return {"type": [p["type"] for p in parts]}
    return {"anyOf": parts}


def _writer(made: JsonConverter, kind: type) -> Callable[[Any], dict[str, Any]]:
    """A function that writes the values of a class, field by field."""
    hints = _hints(kind)
    optional = {a.name for a in attrs.fields(kind) if a.default is None}

    def write(value: Any) -> dict[str, Any]:
        fields = {n: _written(made, getattr(value, n), hint) for n, hint in hints.items()}
        return {n: v for n, v in fields.items() if v is not None or n not in optional}

    return write


def _written(made: JsonConverter, value: Any, hint: Any) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if _is_open(hint):
        return open_value(value)
    if isinstance(value, Mapping):
        return {str(k): _written(made, v, args[1]) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_written(made, v, args[0]) for v in value]
    if origin in (Union, types.UnionType):
        return value if value is None else made.unstructure(value)
    return made.unstructure(value)


def _hints(kind: type) -> dict[str, Any]:
    """The type of every field that a class is made from."""
    hints = typing.get_type_hints(kind)
    return {a.name: hints[a.name] for a in attrs.fields(kind) if a.init}


def _is_open(kind: object) -> bool:
    return kind is Any or kind is object


def _is_value(kind: object) -> bool:
    return isinstance(kind, type) and attrs.has(kind) and not issubclass(kind, Record | UnaryTest)


def open_value(value: Any) -> Any:
    """A value that may be anything, in a form that JSON can tell apart."""
    if is_missing(value):
        return None
    if isinstance(value, Decimal):
        return {"money": str(value)}
    value = plain_value(value)
    if isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"number": str(value)}
    if isinstance(value, dt.datetime):
        return {"instant": value.isoformat()}
    if isinstance(value, dt.date):
        return {"date": value.isoformat()}
    if isinstance(value, tuple | list):
        return [open_value(v) for v in value]
    if isinstance(value, Mapping):
        return {"map": {str(k): open_value(v) for k, v in value.items()}}
    raise DataError(f"{value!r} has no form in JSON; expected a number, text, date or truth value")


def opened_value(value: Any) -> Any:
    """The value that `open_value` wrote."""
    if isinstance(value, list):
        return tuple(opened_value(v) for v in value)
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        ((tag, inner),) = value.items()
        if tag == "map" and isinstance(inner, Mapping):
            return FrozenDict({k: opened_value(v) for k, v in inner.items()})
        if tag in _TAGS and isinstance(inner, str):
            return _TAGS[tag](inner)
    raise ValueError(f"expected a plain value or one of {', '.join([*_TAGS, 'map'])}, saw {value}")


def _iso(read: Callable[[str], Any], value: Any, _: object) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"expected an ISO 8601 text, saw {value!r}")
    return read(value)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
