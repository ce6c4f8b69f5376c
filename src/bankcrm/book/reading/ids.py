"""Ids: exact, of one type in the whole book, whether a file holds them as numbers or as text."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.contract import CONTRACT, FAMILY
from bankcrm.book.reading.cells import Array, Cells, as_text, is_text, mask_of, trimmed
from bankcrm.book.reading.problems import Problems
from bankcrm.frames import Column

WHOLE = r"^(0|-?[1-9]\d{0,18})$"
"""An integer as it is written; ``007`` stays text."""

_DECIMALS = r"\.0+$"
_CUT = r"^\d\.\d+[eE]\+?\d+$"
_EXACT = 2.0**53  # as a float it may have been 2**53 + 1


def id_cells(raw: Array, column: Column, problems: Problems) -> Cells:
    """Ids as integers or text; decimals such as in ``17850.0`` are dropped, and noted.

    Args:
        raw: The cells.
        column: The column of the contract.
        problems: Where a conversion is noted.
    """
    if pa.types.is_floating(raw.type) or pa.types.is_decimal(raw.type):
        return _whole_numbers(raw, column, problems)
    if pa.types.is_dictionary(raw.type):
        raw = pc.cast(raw, raw.type.value_type)
    if not is_text(raw):
        return Cells(raw)
    if (whole := _integers(raw)) is not None:
        return Cells(whole)
    text = trimmed(raw)
    pointed = pc.match_substring(text, ".")
    if not pc.any(pointed).as_py():
        return Cells(text)
    cut = pc.fill_null(pc.match_substring_regex(text, _CUT), False)
    decimals = pc.fill_null(pc.match_substring_regex(text, r"^-?\d+\.0+$"), False)
    _note(column, int(pc.sum(decimals).as_py() or 0), problems)
    whole = pc.replace_substring_regex(text, _DECIMALS, "")
    return Cells(
        pc.if_else(decimals, whole, text),
        mask_of(cut) if pc.any(cut).as_py() else None,
        "ids with all their digits",
        "a spreadsheet has cut them; export the column as text",
    )


def _integers(text: Array) -> Array | None:
    """Ids as integers, if each is written as an integer is."""
    padded = pc.and_(pc.starts_with(text, "0"), pc.not_equal(text, "0"))
    if pc.any(padded).as_py() or pc.any(pc.starts_with(text, "-0")).as_py():
        return None
    if pc.any(pc.starts_with(text, "+")).as_py():
        return None
    try:
        return pc.cast(text, pa.int64())
    except pa.ArrowInvalid:
        return None


def _whole_numbers(raw: Array, column: Column, problems: Problems) -> Cells:
    """Ids of a decimal column as integers; the check refuses those with decimals."""
    number = pc.cast(raw, pa.float64())
    exact = pc.and_(pc.equal(number, pc.floor(number)), pc.less(pc.abs(number), _EXACT))
    if pc.all(exact).as_py() is False:
        return Cells(raw)
    _note(column, len(raw) - raw.null_count, problems)
    return Cells(pc.cast(number, pa.int64()))


def _note(column: Column, count: int, problems: Problems) -> None:
    if count:
        where = f"{problems.frame}.{column.name}"
        problems.notes[f"{where}: ids with decimals such as 17850.0 read as 17850"] += count


def ids_alike(frames: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """Give each family of ids one type: integers if all ids of the family are, else text."""
    families: dict[str, list[tuple[str, str]]] = {}
    for name, table in frames.items():
        for column in CONTRACT[name]:
            if column.kind == "id" and column.name in table.column_names:
                family = FAMILY.get(column.name, column.name)
                families.setdefault(family, []).append((name, column.name))
    changed = dict(frames)
    for places in families.values():
        columns = {place: changed[place[0]][place[1]] for place in places}
        for (name, id_column), values in _alike(columns).items():
            table = changed[name]
            position = table.schema.get_field_index(id_column)
            changed[name] = table.set_column(position, id_column, values)
    return changed


def _alike(columns: Mapping[tuple[str, str], Array]) -> dict[tuple[str, str], Array]:
    """The columns of one family that change their type."""
    texts = {place: values for place, values in columns.items() if is_text(values)}
    integers = {p: v for p, v in columns.items() if pa.types.is_integer(v.type)}
    if all(pc.all(pc.match_substring_regex(v, WHOLE)).as_py() is not False for v in texts.values()):
        try:
            return {place: pc.cast(values, pa.int64()) for place, values in texts.items()}
        except pa.ArrowInvalid:  # beyond 64 bits
            pass
    return {place: as_text(values) for place, values in integers.items()} if texts else {}
