"""Columns that a book does not use although their names are nearly those of the contract."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from bankcrm.book.contract import CONTRACT
from bankcrm.frames import DataFault

_NEAR = 0.85  # of the letters that two names share: one letter of eight may be another


def nearly_named(columns: Mapping[str, Iterable[object]]) -> list[DataFault]:
    """Say which columns are not used, but are named nearly like a column that the frame lacks.

    Args:
        columns: The columns of each frame.

    Returns:
        One finding per column, with the problem ``unused_column``.

    >>> found = nearly_named({"customers": ["customer_id", "kind", "contract_dat", "Birth Date"]})
    >>> [(f.column, f.expected) for f in found]
    [('contract_dat', 'contract_date, as the name is near'), ('Birth Date', 'birth_date, as the \
name is near')]
    """
    found = []
    for name in (n for n in CONTRACT if n in columns):
        present = [str(c) for c in columns[name]]
        contract = {c.name for c in CONTRACT[name]}
        lacking = {_letters(c): c for c in sorted(contract.difference(present))}
        for column in (c for c in present if c not in contract):
            for near in difflib.get_close_matches(_letters(column), lacking, n=1, cutoff=_NEAR):
                expected = f"{lacking[near]}, as the name is near"
                advice = (
                    f"the column is not used; rename it, or map it, {lacking[near]} = "
                    f'"{column}", under [{name}.columns] in book.toml'
                )
                found.append(DataFault(name, column, "unused_column", 0, (), expected, advice))
    return found


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
