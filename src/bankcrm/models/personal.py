"""Which columns of a frame hold personal data."""

from __future__ import annotations

from collections.abc import Iterable

from bankcrm.frames.column import PERSONAL
from bankcrm.models.record import Record, columns_of


def personal_columns(
    names: Iterable[object], model: type[Record] | None = None, more: Iterable[str] = ()
) -> list[str]:
    """The columns that hold personal data, in the order given.

    A column of the record class is personal if the class says so; another one, if any record class
    of the library does, or if it is a number or address by which a person is found.

    Args:
        names: The columns of a frame.
        model: The record class of its rows; None for a frame of several.
        more: Further columns that are personal.

    >>> personal_columns(["customer_id", "name", "id_number", "tier"])
    ['name', 'id_number']
    """
    declared = {} if model is None else {c.name: c.personal for c in columns_of(model)}
    own = set(more)
    return [str(name) for name in names if name in own or declared.get(str(name), name in PERSONAL)]
