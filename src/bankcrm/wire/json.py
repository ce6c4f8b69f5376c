"""Public values as JSON: dates by ISO 8601, money as text, enumerations by value."""

from __future__ import annotations

import datetime as dt
import functools
import json
import typing
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn
from cattrs.preconf.json import JsonConverter, make_converter

from bankcrm.arguments import as_whole_number, refuse
from bankcrm.errors import DataError
from bankcrm.models.record import Record
from bankcrm.rules import UnaryTest, parse_test
from bankcrm.rules.toml import exactly, words_of
from bankcrm.wire.records import record_of
from bankcrm.wire.schema import hints_of
from bankcrm.wire.values import open_value, opened_value

T = TypeVar("T")


def converter() -> JsonConverter:
    """A new cattrs converter for records and every other public value.

    It refuses unknown fields and coerces nothing.

    Use it to structure these values inside your own classes, or register hooks of your own on it.
    """
    made = make_converter(forbid_extra_keys=True)
    made.register_unstructure_hook(Decimal, str)
    for plain in (str, int, float, bool):
        made.register_structure_hook(plain, exactly(plain))
    for kind, read in ((dt.date, dt.date.fromisoformat), (dt.datetime, dt.datetime.fromisoformat)):
        made.register_structure_hook(kind, functools.partial(_iso, read))
    made.register_unstructure_hook(UnaryTest, str)
    made.register_structure_hook(UnaryTest, lambda text, _: parse_test(text))
    made.register_unstructure_hook_factory(_is_value, functools.partial(_writer, made))
    made.register_structure_hook_func(_is_open, lambda value, _: opened_value(value))
    made.register_structure_hook_func(_is_record, record_of)
    made.register_structure_hook_factory(_is_value, lambda k: make_dict_structure_fn(k, made))
    return made


@functools.cache
def _shared() -> JsonConverter:
    return converter()


def to_json(value: object, *, indent: int | None = None) -> str:
    """A record, decision, trace, table, policy or other public value as JSON.

    Fields of a record that are missing are left out. Personal data is written in full.

    >>> from bankcrm.models import Link
    >>> to_json(Link(parent_id=1, child_id=2, link="owns"))
    '{"parent_id": 1, "child_id": 2, "link": "owns"}'

    >>> from bankcrm.rules import Parameter
    >>> to_json(Parameter(365, unit="days"))
    '{"value": 365, "unit": "days", "source": "default", "note": "", "confirmation": ""}'
    """
    if not attrs.has(type(value)):
        raise DataError(f"expected a public value of bankcrm, saw {type(value).__name__}")
    if indent is not None:
        indent = as_whole_number(indent, "indent", 0, 100)
    plain = _shared().unstructure(value)
    if isinstance(value, Record):
        plain = {name: v for name, v in plain.items() if v is not None}
    try:
        return json.dumps(plain, indent=indent, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # a number of a plain field that is not finite
        refuse("value", "a value that JSON can hold", value, "write a Book with write_book")


def from_json(text: str | bytes, kind: type[T]) -> T:
    """The value that JSON holds.

    Raises:
        DataError: The text is not JSON, has unknown fields or does not fit; all errors are
            reported together, each with its path.

    >>> from bankcrm.rules import Parameter
    >>> from_json('{"value": 365, "unit": "days"}', Parameter).unit
    'days'
    """
    public: bool = isinstance(kind, type) and attrs.has(kind)
    if not public:
        refuse("kind", "a public class of bankcrm", kind)
    try:
        raw = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError, TypeError) as error:
        raise DataError(f"{kind.__name__}: not JSON: {error}") from None
    if not isinstance(raw, Mapping):
        raise DataError(f"{kind.__name__}: expected a JSON object, found {type(raw).__name__}")
    try:
        return _shared().structure(raw, kind)
    except cattrs.BaseValidationError as error:
        messages = cattrs.transform_error(error, path="$", format_exception=words_of)
        raise DataError(f"{kind.__name__}: {'; '.join(messages)}") from None
    except DataError:  # a record names itself
        raise
    except (ValueError, TypeError) as error:
        raise DataError(f"{kind.__name__}: {error}") from None


def _writer(made: JsonConverter, kind: type) -> Callable[[Any], dict[str, Any]]:
    """A function that writes the values of a class, field by field."""
    hints = hints_of(kind)
    optional = {a.name for a in attrs.fields(kind) if a.default is None}

    def write(value: Any) -> dict[str, Any]:
        fields = {n: _written(made, getattr(value, n), hint) for n, hint in hints.items()}
        return {n: v for n, v in fields.items() if v is not None or n not in optional}

    return write


def _written(made: JsonConverter, value: Any, hint: Any) -> Any:
    args = typing.get_args(hint)
    if _is_open(hint):
        return open_value(value)
    if isinstance(value, Mapping):
        return {str(k): _written(made, v, args[1]) for k, v in value.items()}
    if isinstance(value, tuple):
        return [_written(made, v, args[0]) for v in value]
    return made.unstructure(value)


def _is_open(kind: object) -> bool:
    return kind is Any or kind is object


def _is_record(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Record)


def _is_value(kind: object) -> bool:
    return isinstance(kind, type) and attrs.has(kind) and not issubclass(kind, Record | UnaryTest)


def _iso(read: Callable[[str], Any], value: Any, _: object) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"expected an ISO 8601 text, saw {value!r}")
    return read(value)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON number")
