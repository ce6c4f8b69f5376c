"""One definition of a record: its class; everything else is derived from the class."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, InvalidOperation
from enum import Enum
from numbers import Integral
from typing import Any, ClassVar, TypeAlias, TypeVar, cast, dataclass_transform

import attrs

from bankcrm.errors import DataError
from bankcrm.frames import Column, ColumnKind
from bankcrm.frames.arrays import is_unicode
from bankcrm.models.constraints import RecordConstraint
from bankcrm.units import is_finite

Id: TypeAlias = int | str
R = TypeVar("R", bound="Record")
C = TypeVar("C", bound=type)

_META = "bankcrm"
_REQUIRED = object()


@attrs.frozen
class _FieldSpec:
    """Column and vocabulary of a field."""

    column: Column
    words: type[Enum] | None


def field(
    kind: ColumnKind,
    *,
    meaning: str,
    unit: str = "",
    words: type[Enum] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    personal: bool = False,
    known_from: tuple[str, ...] = (),
    undated: bool = False,
    default: Any = _REQUIRED,
) -> Any:
    """A field of a `record`.

    Args:
        kind: What it holds; see `bankcrm.frames.Column`. Money is a ``Decimal``, a category a
            member of ``words`` (or text), a date a ``date``, an instant an aware ``datetime``.
        meaning: One short sentence for the data contract.
        unit: Unit of the values.
        words: The vocabulary of a category.
        minimum: Lowest number allowed.
        maximum: Highest number allowed.
        personal: Personal data: masked in ``repr`` and in errors.
        known_from: Date fields from the first of which the value is known; empty: with the record.
        undated: The value is a state that may change, and no field says since when it holds.
        default: ``None`` makes the field optional: its column may be absent, its value missing.
    """
    optional = default is None
    column = Column(
        name="",
        kind=kind,
        required=default is _REQUIRED,
        nullable=optional,
        unit=unit,
        meaning=meaning,
        choices=() if words is None else tuple(str(w.value) for w in words),
        minimum=minimum,
        maximum=maximum,
        personal=personal,
        known_from=known_from,
        undated=undated,
    )
    return attrs.field(
        default=attrs.NOTHING if default is _REQUIRED else default,
        metadata={_META: _FieldSpec(column, words)},
    )


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def record(cls: C) -> C:
    """Make a `Record` subclass a frozen value with keyword fields, checked when it is built."""
    return attrs.frozen(cls, kw_only=True, repr=False)


class Record:
    """Base of the records: checks every field and reports all errors together."""

    __slots__ = ()

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = ()

    def __attrs_post_init__(self) -> None:
        """Convert each field to its exact form; refuse the record if any does not fit."""
        faults: list[str] = []
        for name, spec in _specs(type(self)).items():
            value = getattr(self, name)
            if value is None:
                if not spec.column.nullable:
                    faults.append(f"{name}: missing; expected {_EXPECTED[spec.column.kind]}")
                continue
            try:
                object.__setattr__(self, name, _exact(value, spec))
            except (ValueError, TypeError) as error:
                shown = "***" if spec.column.personal else _plain(value)
                faults.append(f"{name}: {shown} is not {error}")
        if not faults:
            values = {name: getattr(self, name) for name in _specs(type(self))}
            faults = [
                f"{rule.fields[0]}: expected {rule.expected}"
                for rule in self.CONSTRAINTS
                if rule.broken(values)
            ]
        if faults:
            raise DataError(f"{type(self).__name__}: " + "; ".join(faults))

    def __repr__(self) -> str:
        """The fields that are not missing; personal data is masked."""
        shown = []
        for name, spec in _specs(type(self)).items():
            value = getattr(self, name)
            if value is not None:
                shown.append(f"{name}={'***' if spec.column.personal else _plain(value)}")
        return f"{type(self).__name__}({', '.join(shown)})"


def columns_of(model: type[Record]) -> tuple[Column, ...]:
    """The contract of the frame that holds such records.

    >>> from bankcrm.models import Link
    >>> [c.name for c in columns_of(Link)]
    ['parent_id', 'child_id', 'share', 'link', 'since', 'until']
    """
    return tuple(spec.column for spec in _specs(model).values())


_CACHE: dict[type, dict[str, _FieldSpec]] = {}


def _specs(model: type[Record]) -> dict[str, _FieldSpec]:
    """Column and vocabulary of the fields of a record class, by name."""
    if model not in _CACHE:
        if not (isinstance(model, type) and attrs.has(model)):
            raise DataError(f"{model!r} is not a record class; see bankcrm.models.record")
        _CACHE[model] = {
            a.name: attrs.evolve(
                a.metadata[_META], column=attrs.evolve(a.metadata[_META].column, name=a.name)
            )
            for a in attrs.fields(model)
        }
    return _CACHE[model]


def _plain(value: object) -> str:
    if isinstance(value, int) and not is_finite(value):
        return "a number beyond 1e308"  # Python writes no number of more than 4,300 digits
    return repr(value.value) if isinstance(value, Enum) else repr(value)


_EXPECTED: dict[str, str] = {
    "id": "a whole number or text",
    "text": "text",
    "category": "a word of the vocabulary",
    "date": "a date",
    "instant": "a datetime with a time zone",
    "money": "an exact amount: Decimal, int or text such as '12.50'",
    "number": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
}


def _exact(value: object, spec: _FieldSpec) -> object:
    """The value in the exact form of its kind; the error says what was expected."""
    column = spec.column
    result = _READ[column.kind](value, spec)
    if result is None:
        raise ValueError(_EXPECTED[column.kind])
    if column.minimum is not None and cast(float, result) < column.minimum:
        raise ValueError(f"at least {column.minimum:g} {column.unit}".rstrip())
    if column.maximum is not None and cast(float, result) > column.maximum:
        raise ValueError(f"at most {column.maximum:g} {column.unit}".rstrip())
    return result


def _id(value: object, spec: _FieldSpec) -> object:
    if isinstance(value, str):
        return value if value and is_unicode(value) else None
    return _integer(value, spec)


def _text(value: object, spec: _FieldSpec) -> object:
    return value if isinstance(value, str) and is_unicode(value) else None


def _category(value: object, spec: _FieldSpec) -> object:
    if spec.words is None:
        return _text(value, spec)
    try:
        return spec.words(value)
    except ValueError:
        raise ValueError(f"one of {', '.join(spec.column.choices)}") from None


def _date(value: object, spec: _FieldSpec) -> object:
    return value if isinstance(value, dt.date) and not isinstance(value, dt.datetime) else None


def _instant(value: object, spec: _FieldSpec) -> object:
    return value if isinstance(value, dt.datetime) and value.tzinfo is not None else None


def _money(value: object, spec: _FieldSpec) -> object:
    if isinstance(value, bool) or not isinstance(value, (Decimal, int, str)):
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _number(value: object, spec: _FieldSpec) -> object:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not is_finite(value):
        return None
    return float(value)


def _integer(value: object, spec: _FieldSpec) -> object:
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None


def _boolean(value: object, spec: _FieldSpec) -> object:
    return value if isinstance(value, bool) else None


_READ = {
    "id": _id,
    "text": _text,
    "category": _category,
    "date": _date,
    "instant": _instant,
    "money": _money,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
}
