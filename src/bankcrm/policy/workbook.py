"""A whole policy as a workbook that the owners of its rules can edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from bankcrm.policy.header import Header
from bankcrm.rules.sheet import (
    add_header,
    add_parameters,
    add_records,
    add_table,
    new_workbook,
    save,
)
from bankcrm.rules.sheet_read import (
    DATES,
    Grid,
    Reading,
    named_sheets,
    open_workbook,
    plain_value,
    raw_parameters,
    raw_table,
)

if TYPE_CHECKING:
    from bankcrm.policy.model import Policy

_HEADER = tuple(a.name for a in attrs.fields(Header))


def write_policy(policy: Policy, path: str | Path, *, force: bool) -> Path:
    """A policy as a workbook; see `bankcrm.policy.Policy.to_xlsx`."""
    book = new_workbook()
    add_header(book, {"policy": policy.id, **{n: getattr(policy, n) for n in _HEADER[1:]}})
    if policy.parameters:
        add_parameters(book, policy.parameters)
    for versions in policy.tables.values():
        for table in versions:
            add_table(book, table)
    for name, rows in policy.raw_records.items():
        add_records(book, name, rows)
    return save(book, path, force=force)


def read_workbook(path: str | Path) -> tuple[dict[str, Any], Reading]:
    """A policy's workbook as TOML would hold it, and where each part stands.

    Raises:
        PolicyError: The file is no workbook.
        MissingExtraError: openpyxl is not installed.
    """
    book, reading = open_workbook(path), Reading()
    raw: dict[str, Any] = {"policy": {}, "parameters": {}, "tables": [], "records": {}}
    for sheet in named_sheets(book):
        grid = Grid(sheet, reading)
        match grid.text(1, 1):
            case "policy":
                raw["policy"] = _header(grid)
            case "parameter":
                raw["parameters"] |= raw_parameters(grid)
            case "table":
                raw["tables"].append(raw_table(grid, f"tables[{grid.text(1, 2)}]"))
            case "records":
                raw["records"][grid.text(1, 2)] = _records(grid)
            case kind:
                known = "policy, parameter, table or records"
                grid.fault(1, 1, f"{kind!r}: expected {known}")
    return raw, reading


def _header(grid: Grid) -> dict[str, Any]:
    header: dict[str, Any] = {}
    for row in grid.rows:
        name = grid.text(row, 1)
        key = "id" if name == "policy" else name
        if key not in _HEADER:
            grid.fault(row, 1, f"{name!r}: expected one of policy, {', '.join(_HEADER[1:])}")
            continue
        grid.reading.cells[f"policy.{key}"] = grid.place(row, 2)
        value: Any = grid.day(row, 2) if name in DATES else grid.text(row, 2)
        if value is not None:
            header[key] = value
    return header


def _records(grid: Grid) -> list[dict[str, Any]]:
    keys = {c: k for c in grid.columns if (k := grid.text(2, c))}
    rows = [row for row in grid.rows[2:] if not grid.empty(row)]
    return [
        {k: plain_value(v) for c, k in keys.items() if (v := grid.value(row, c)) is not None}
        for row in rows
    ]
