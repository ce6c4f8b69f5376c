"""Decision tables as spreadsheets: what a sheet holds, and how it is written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bankcrm.arguments import as_path
from bankcrm.disk import whole_file
from bankcrm.errors import DataError, MissingExtraError, PolicyError
from bankcrm.rules.allowed import write_allowed
from bankcrm.rules.feel import write_cell, write_value
from bankcrm.rules.model import HitPolicy, Parameter, TableDefinition
from bankcrm.rules.values import FACT_TYPES, Fact

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

HEADER = ("table", "title", "version", "effective_from", "effective_to", "hit_policy", "outcomes")
"""The first rows of a table's sheet: the name of each in column A, its value in column B."""
COLUMN = "column"
"""What column A says in the row where the grid begins; the row has the kind of each column."""
OF_FACT = ("fact", "type", "allowed", "unit", "meaning")
"""The rows after that one; the rules follow, each with its id in column A."""
NOTES = ("because", "source", "owner")
"""The columns after the inputs and the output."""
PARAMETER = tuple(a.name for a in attrs.fields(Parameter))
"""The columns of the sheet of parameters, after the name."""
NARROW, WIDE = 12, 48
"""The least and the greatest width of a column, in characters."""
LONGEST = 32_767
"""The greatest number of characters that a cell of a spreadsheet holds."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_IN_TITLE = re.compile(r"[\[\]:*?/\\']")
_NOT_LISTED = re.compile('[,"\x00-\x1f\ud800-\udfff\ufffe\uffff]')
_LIST_LIMIT = 250


def new_workbook() -> Workbook:
    """An empty workbook.

    Raises:
        MissingExtraError: openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook
    except ImportError:
        raise MissingExtraError("openpyxl", "report") from None
    book = Workbook()
    book.remove(book.worksheets[0])
    return book


def save(book: Workbook, path: str | Path, *, force: bool) -> Path:
    """Write a workbook to a file.

    Raises:
        PolicyError: The file exists and ``force`` is False, or it cannot be written.
    """
    path = as_path(path)
    if path.exists() and not force:
        raise PolicyError(f"{path}: exists; pass force=True to replace it")
    try:
        with whole_file(path) as temporary:
            book.save(temporary)
    except DataError as error:
        raise PolicyError(str(error)) from None
    return path


def write_xlsx(table: TableDefinition, path: str | Path, *, force: bool) -> Path:
    """One table as a workbook; see `bankcrm.rules.DecisionTable.to_xlsx`."""
    book = new_workbook()
    add_table(book, table)
    if table.parameters:
        add_parameters(book, {n: (p,) for n, p in table.parameters.items()})
    return save(book, path, force=force)


def add_table(book: Workbook, table: TableDefinition) -> None:
    """Add a sheet that holds a table but for its parameters."""
    sheet = _sheet(book, table.id)
    header = {"table": table.id, "title": table.title, "version": table.version,
              "effective_from": table.effective_from, "effective_to": table.effective_to,
              "hit_policy": table.hit_policy.value,
              "outcomes": ", ".join(write_value(o, bare=True) for o in table.outcomes)}  # fmt: skip
    for row, name in enumerate(HEADER, start=1):
        _put(sheet, row, [name, header[name]])
    start = len(HEADER) + 2
    facts = list(dict.fromkeys([*table.facts, *(n for r in table.rules for n in r.when)]))
    notes = NOTES if any(r.owner for r in table.rules) else NOTES[:-1]
    _put(sheet, start, [COLUMN, *("in" for _ in facts), "out", *notes])
    for row, name in enumerate(OF_FACT, start=start + 1):
        _put(sheet, row, [name, *(_of_fact(table, f, name) for f in facts)])
    first = start + len(OF_FACT) + 1
    for row, rule in enumerate(table.rules, start=first):
        tests = [write_cell(rule.when[f], bare=True) if f in rule.when else "" for f in facts]
        said = [getattr(rule, name) for name in notes]
        _put(sheet, row, [rule.id, *tests, write_value(rule.then, bare=True), *said])
    _offer(sheet, table, facts, first)
    _dress(sheet, start, first)


def _of_fact(table: TableDefinition, name: str, what: str) -> str:
    declared = table.facts.get(name)
    if what == "fact" or declared is None:
        return name if what == "fact" else ""
    if what == "allowed":
        return write_allowed(declared, bare=True)
    return str(getattr(declared, what))


def add_parameters(book: Workbook, parameters: Mapping[str, Sequence[Parameter]]) -> None:
    """Add the sheet of parameters: one row per dated version."""
    sheet = _sheet(book, "parameters")
    _put(sheet, 1, ["parameter", *PARAMETER])
    row = 2
    for name, versions in parameters.items():
        for version in versions:
            rest = [getattr(version, n) for n in PARAMETER[1:]]
            _put(sheet, row, [name, write_value(version.value, bare=True), *rest])
            row += 1
    _dress(sheet, 1, 2)


def add_records(book: Workbook, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add a sheet of plain records: one column per key, values as literals."""
    sheet = _sheet(book, name)
    keys = list(dict.fromkeys(k for row in rows for k in row))
    _put(sheet, 1, ["records", name])
    _put(sheet, 2, ["key", *keys])
    for number, record in enumerate(rows, start=3):
        values = [write_value(record[k], bare=True) if k in record else "" for k in keys]
        _put(sheet, number, [str(number - 2), *values])
    _dress(sheet, 2, 3)


def add_header(book: Workbook, values: Mapping[str, Any]) -> None:
    """Add the first sheet of a policy: names in column A, values in column B."""
    sheet = _sheet(book, "policy")
    for row, (name, value) in enumerate(values.items(), start=1):
        _put(sheet, row, [name, value])


def _sheet(book: Workbook, name: str) -> Worksheet:
    """A new sheet; its title is the name as far as a title can hold it."""
    plain = _NOT_IN_TITLE.sub("_", _CONTROL.sub("_", name))[:28].strip() or "sheet"
    title, number = plain, 2
    while title.lower() in {s.title.lower() for s in book.worksheets}:
        title, number = f"{plain} {number}", number + 1
    found: Worksheet = book.create_sheet(title)
    return found


def _put(sheet: Worksheet, row: int, values: Iterable[object]) -> None:
    """Write texts, and nothing but texts, so that no program reads a date or a formula in them."""
    for column, value in enumerate(values, start=1):
        text = "" if value is None else str(value)
        if not text:
            continue
        if _CONTROL.search(text) or len(text) > LONGEST:
            what = "a control character" if _CONTROL.search(text) else f"{len(text):,} characters"
            raise PolicyError(f"sheet {sheet.title!r}, row {row}: a cell cannot hold {what}")
        cell = sheet.cell(row, column)
        cell.value = text
        cell.data_type = "s"
        cell.number_format = "@"


def _offer(sheet: Worksheet, table: TableDefinition, facts: Sequence[str], first: int) -> None:
    """Offer the values of a column in a list; a cell may still hold any test."""
    from openpyxl.utils import get_column_letter

    last = first + len(table.rules) + 200
    for column, name in enumerate(facts, start=2):
        declared = table.facts.get(name, Fact("any"))
        words = ("true", "false") if declared.type == "boolean" else declared.values
        _list(sheet, words, f"{get_column_letter(column)}{first}:"
              f"{get_column_letter(column)}{last}", strict=False)  # fmt: skip
        place = f"{get_column_letter(column)}{first - len(OF_FACT) + 1}"
        _list(sheet, FACT_TYPES, place, strict=True)
    out = get_column_letter(len(facts) + 2)
    _list(sheet, tuple(map(str, table.outcomes)), f"{out}{first}:{out}{last}", strict=False)
    place = f"B{HEADER.index('hit_policy') + 1}"
    _list(sheet, tuple(HitPolicy), place, strict=True)


def _list(sheet: Worksheet, words: Sequence[str], place: str, *, strict: bool) -> None:
    from openpyxl.worksheet.datavalidation import DataValidation

    text = ",".join(words)
    if not words or len(text) > _LIST_LIMIT or any(_NOT_LISTED.search(w) for w in words):
        return
    offered = DataValidation(type="list", formula1=f'"{text}"', allow_blank=True)
    offered.showErrorMessage = strict
    sheet.add_data_validation(offered)
    offered.add(place)


def _dress(sheet: Worksheet, head: int, first: int) -> None:
    """Bold heads, wrapped texts, widths, and heads that stay in sight."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    bold = Font(name="Calibri", size=11, bold=True)
    for row in sheet.iter_rows():
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
            if cell.column == 1 or head <= cell.row < first:
                cell.font = bold
            if head <= cell.row < first:
                cell.fill = PatternFill("solid", fgColor="E8EEF4")
    for number, column in enumerate(sheet.iter_cols(), start=1):
        longest = max((len(str(c.value)) for c in column if c.value is not None), default=0)
        width = min(max(longest + 2, NARROW), WIDE)
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = sheet.cell(first, 2)
