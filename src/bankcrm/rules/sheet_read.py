"""Decision tables read from spreadsheets; all errors together, each with its cell."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from bankcrm.arguments import as_path
from bankcrm.errors import MissingExtraError, PolicyError
from bankcrm.rules.allowed import read_allowed
from bankcrm.rules.check import check
from bankcrm.rules.feel import read_cell, read_value, write_value
from bankcrm.rules.model import TableDefinition
from bankcrm.rules.sheet import COLUMN, HEADER, NOTES, OF_FACT, PARAMETER
from bankcrm.rules.toml import RawTable, table_of
from bankcrm.rules.values import FACT_TYPES, Fact

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

Table = TypeVar("Table", bound=TableDefinition)

FILE_LIMIT, CONTENT_LIMIT = 20_000_000, 100_000_000
"""The greatest size in bytes of a workbook's file, and of what is packed in it."""
ROWS, COLUMNS = 50_000, 1_000
"""The greatest number of rows and columns of a sheet."""
DATES = ("effective_from", "effective_to")


def open_workbook(path: str | Path) -> Workbook:
    """Open a workbook without running anything that it holds.

    Raises:
        PolicyError: No workbook, too large, or one with macros or a document type.
        MissingExtraError: openpyxl is not installed.
    """
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise MissingExtraError("openpyxl", "report") from None
    path = as_path(path)
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise PolicyError(f"{path}: more than {FILE_LIMIT:,} bytes")
        with zipfile.ZipFile(path) as packed:
            _refuse_active(path, packed)
        book = load_workbook(path, keep_links=False)
    except PolicyError:
        raise
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged file makes openpyxl raise errors of many kinds
        raise PolicyError(f"{path}: not a workbook (.xlsx): {error}") from None
    large = [s.title for s in book.worksheets if s.max_row > ROWS or s.max_column > COLUMNS]
    if large:
        raise PolicyError(f"{path}: sheet {large[0]!r} has over {ROWS:,} rows or {COLUMNS} columns")
    return book


def _refuse_active(path: Path, packed: zipfile.ZipFile) -> None:
    """Refuse a file that unpacks to too much, or has macros or XML entities."""
    if sum(part.file_size for part in packed.infolist()) > CONTENT_LIMIT:
        raise PolicyError(f"{path}: unpacks to more than {CONTENT_LIMIT:,} bytes")
    for part in packed.infolist():
        if "vba" in part.filename.lower():
            raise PolicyError(f"{path}: has macros; save it as .xlsx without them")
        if part.filename.endswith((".xml", ".rels")):
            content = packed.read(part)
            if b"<!DOCTYPE" in content or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
                raise PolicyError(f"{path}: {part.filename} has a document type or is not UTF-8")


@attrs.define
class Reading:
    """What was found in a workbook so far.

    Attributes:
        faults: What is wrong, each with its cell.
        cells: Path in a policy file (``rules[0].when.age``) -> the cell that holds it.
    """

    faults: list[str] = attrs.field(factory=list)
    cells: dict[str, str] = attrs.field(factory=dict)

    def located(self, fault: str) -> str:
        """A fault with the cell of its path, as far as one is known."""
        path = fault.partition(": ")[0]
        while path:
            if path in self.cells:
                return f"{self.cells[path]}: {fault}"
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return fault


class Grid:
    """The cells of one sheet as texts."""

    def __init__(self, sheet: Worksheet, reading: Reading) -> None:
        self.sheet = sheet
        self.reading = reading
        for merged in sheet.merged_cells.ranges:
            reading.faults.append(f"{sheet.title}!{merged}: merged cells; split them")

    @property
    def rows(self) -> range:
        """The numbers of the rows."""
        return range(1, self.sheet.max_row + 1)

    @property
    def columns(self) -> range:
        """The numbers of the columns after the first."""
        return range(2, self.sheet.max_column + 1)

    def place(self, row: int, column: int) -> str:
        """A cell by its sheet and address."""
        return f"{self.sheet.title}!{self.sheet.cell(row, column).coordinate}"

    def fault(self, row: int, column: int, message: str) -> None:
        """Note what is wrong with a cell."""
        self.reading.faults.append(f"{self.place(row, column)}: {message}")

    def text(self, row: int, column: int, *, literal: bool = False) -> str:
        """The text of a cell; empty for an empty cell.

        Args:
            row: The row.
            column: The column.
            literal: Whether a number or date of the program is written as a literal.
        """
        cell = self.sheet.cell(row, column)
        value = cell.value
        if value is None:
            return ""
        if cell.data_type in ("f", "e"):
            what = "a formula" if cell.data_type == "f" else "an error"
            self.fault(row, column, f"{what} ({value}); write the value itself, as text")
            return ""
        if isinstance(value, datetime):
            if value != datetime.combine(value.date(), datetime.min.time()):
                self.fault(row, column, f"{value} has a time; expected a day")
            value = value.date()
        if isinstance(value, date):
            return write_value(value) if literal else value.isoformat()
        if isinstance(value, bool | int | float):
            return write_value(value)
        if not isinstance(value, str):
            self.fault(row, column, f"{value} is no text, number or date")
            return ""
        return value

    def empty(self, row: int) -> bool:
        """Whether a row has no value."""
        return all(
            self.sheet.cell(row, c).value is None for c in range(1, self.sheet.max_column + 1)
        )

    def value(self, row: int, column: int) -> Any:
        """The literal in a cell; None for an empty cell."""
        text = self.text(row, column, literal=True)
        if not text:
            return None
        try:
            return read_value(text, bare=True)
        except PolicyError as error:
            self.fault(row, column, str(error))
            return None

    def day(self, row: int, column: int) -> date | None:
        """The day in a cell; None for an empty cell."""
        text = self.text(row, column)
        try:
            return date.fromisoformat(text) if text else None
        except ValueError:
            self.fault(row, column, f"{text!r} is no date such as 2026-01-31")
            return None


def read_xlsx(cls: type[Table], path: str | Path) -> Table:
    """Read the one table of a workbook; see `bankcrm.rules.DecisionTable.from_xlsx`."""
    book, reading = open_workbook(path), Reading()
    parameters: dict[str, Any] = {}
    tables: list[RawTable] = []
    for sheet in named_sheets(book):
        grid = Grid(sheet, reading)
        match grid.text(1, 1):
            case "table":
                tables.append(raw_table(grid, ""))
            case "parameter":
                parameters |= {n: v[0] for n, v in raw_parameters(grid).items()}
            case kind:
                grid.fault(1, 1, f"{kind!r}: expected 'table' or 'parameter'")
    if len(tables) != 1:
        reading.faults.append(f"{path}: {len(tables)} tables; expected one")
    found: list[str] = []
    table = None
    if tables:
        raw = attrs.evolve(tables[0], parameters=parameters)
        table = table_of(cls, raw, found)
    if table is not None:
        found += [str(f) for f in check(table) if f.severity == "error"]
    faults = [*reading.faults, *map(reading.located, found)]
    if faults or table is None:
        raise PolicyError(faults)
    return table


def named_sheets(book: Workbook) -> Iterator[Worksheet]:
    """The sheets that hold something; one whose name begins with ``notes`` is for people."""
    for sheet in book.worksheets:
        used = any(cell.value is not None for row in sheet.iter_rows() for cell in row)
        if used and not sheet.title.lower().startswith("notes"):
            yield sheet


def raw_parameters(grid: Grid) -> dict[str, list[dict[str, Any]]]:
    """The parameters of a sheet as TOML would hold them, each with its dated versions."""
    heads = {c: name for c in grid.columns if (name := grid.text(1, c))}
    for column, name in heads.items():
        if name not in PARAMETER:
            grid.fault(1, column, f"{name!r}: expected one of {', '.join(PARAMETER)}")
    found: dict[str, list[dict[str, Any]]] = {}
    for row in grid.rows[1:]:
        if grid.empty(row):
            continue
        name = grid.text(row, 1)
        versions = found.setdefault(name, [])
        values = {n: _of_parameter(grid, n, row, c) for c, n in heads.items() if n in PARAMETER}
        for path in (f"parameters.{name}", f"parameters.{name}[{len(versions)}]"):
            grid.reading.cells.setdefault(path, grid.place(row, 1))
            for column, head in heads.items():
                grid.reading.cells.setdefault(f"{path}.{head}", grid.place(row, column))
        kept = {n: v for n, v in values.items() if v is not None and (v != "" or n == "value")}
        versions.append(plain_value(kept))
    return found


def _of_parameter(grid: Grid, what: str, row: int, column: int) -> Any:
    if what == "value":
        return grid.value(row, column)
    return grid.day(row, column) if what in DATES else grid.text(row, column)


def plain_value(value: Any) -> Any:
    """A value as TOML holds it: lists, not tuples."""
    if isinstance(value, Mapping):
        return {k: plain_value(v) for k, v in value.items()}
    return [plain_value(v) for v in value] if isinstance(value, tuple) else value


def raw_table(grid: Grid, path: str) -> RawTable:
    """The table of a sheet as TOML would hold it, with the cell of each part."""
    before = len(grid.reading.faults)
    header, start = _header(grid, path)
    kinds = {c: grid.text(start, c) for c in grid.columns}
    for column, kind in kinds.items():
        if kind not in ("in", "out", *NOTES, ""):
            grid.fault(start, column, f"{kind!r}: expected in, out, {', '.join(NOTES)}")
    if list(kinds.values()).count("out") != 1:
        grid.fault(start, 1, "expected one column 'out'")
    for row, name in enumerate(OF_FACT, start=start + 1):
        if grid.text(row, 1) != name:
            grid.fault(row, 1, f"expected {name!r} here")
    inputs = {c: grid.text(start + 1, c) for c, kind in kinds.items() if kind == "in"}
    facts = {n: f for c, n in inputs.items() if (f := _fact(grid, start, c)) is not None}
    rules = [r for row in grid.rows[start + len(OF_FACT) :] if not grid.empty(row)
             for r in _rules(grid, row, kinds, inputs)]  # fmt: skip
    complete = len(grid.reading.faults) == before
    raw = RawTable(path, header, facts, {}, [body for body, _ in rules], complete)
    for number, (_, cells) in enumerate(rules):
        for part, place in cells.items():
            grid.reading.cells[f"{raw.at(f'rules[{number}]')}{part}"] = place
    return raw


def _header(grid: Grid, path: str) -> tuple[dict[str, Any], int]:
    """The first rows, and the row in which the grid begins."""
    header: dict[str, Any] = {}
    for row in grid.rows:
        name = grid.text(row, 1)
        if name == COLUMN:
            return header, row
        if not name:
            continue
        if name not in HEADER:
            grid.fault(row, 1, f"{name!r}: expected one of {', '.join([*HEADER, COLUMN])}")
            continue
        key = "id" if name == "table" else name
        grid.reading.cells[f"{path or 'table'}.{key}"] = grid.place(row, 2)
        text = grid.text(row, 2)
        if name == "outcomes":
            header[key] = _outcomes(grid, row)
        elif text:
            header[key] = grid.day(row, 2) if name in DATES else text
    grid.fault(1, 1, f"no row says {COLUMN!r} in column A, where the grid begins")
    return header, grid.rows[-1] + 1


def _outcomes(grid: Grid, row: int) -> list[Any]:
    text = grid.text(row, 2, literal=True)
    try:
        return list(read_value(f"[{text}]", bare=True))
    except PolicyError as error:
        grid.fault(row, 2, str(error))
        return []


def _fact(grid: Grid, start: int, column: int) -> dict[str, Any] | None:
    """The declaration of a fact; None where the column says nothing of its type."""
    rows = {name: start + i for i, name in enumerate(OF_FACT, start=1)}
    name = grid.text(rows["fact"], column)
    if not name:
        grid.fault(rows["fact"], column, "the name of the fact is missing")
    kind: Any = grid.text(rows["type"], column)
    if not kind:
        return None
    if kind not in FACT_TYPES:
        grid.fault(rows["type"], column, f"{kind!r}: expected one of {', '.join(FACT_TYPES)}")
        return None
    words = {w: t for w in ("unit", "meaning") if (t := grid.text(rows[w], column))}
    try:
        fact = read_allowed(Fact(kind), grid.text(rows["allowed"], column, literal=True), bare=True)
    except PolicyError as error:
        grid.fault(rows["allowed"], column, str(error))
        return None
    body = attrs.asdict(fact) | words
    return {k: plain_value(v) for k, v in body.items() if v not in (None, "", ())}


def _rules(
    grid: Grid,
    row: int,
    kinds: Mapping[int, str],
    inputs: Mapping[int, str],
) -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """The rules of a row, each with the cells of its parts; none where a cell is wrong.

    A cell of several ranges gives several rules.
    """
    before = len(grid.reading.faults)
    name = grid.text(row, 1)
    cells = {"": grid.place(row, 1), ".id": grid.place(row, 1)}
    body: dict[str, Any] = {}
    tests: dict[str, tuple[str, ...]] = {}
    for column, kind in kinds.items():
        text = grid.text(row, column, literal=kind in ("in", "out"))
        if kind == "out":
            body["then"], cells[".then"] = grid.value(row, column), grid.place(row, column)
            if not text:
                grid.fault(row, column, "the outcome is missing")
        elif kind == "in" and text:
            tests[inputs[column]] = _tests(grid, row, column, text)
            cells[f".when.{inputs[column]}"] = grid.place(row, column)
        elif kind in NOTES:
            body[kind] = text
    if len(grid.reading.faults) > before:
        return
    for number, when in enumerate(itertools.product(*tests.values()), start=1):
        several = any(len(t) > 1 for t in tests.values())
        own = f"{name}-{number}" if several else name
        yield {"id": own, "when": dict(zip(tests, when, strict=True)), **body}, cells


def _tests(grid: Grid, row: int, column: int, text: str) -> tuple[str, ...]:
    try:
        return tuple(str(t) for t in read_cell(text, bare=True))
    except PolicyError as error:
        grid.fault(row, column, str(error))
        return ("-",)
