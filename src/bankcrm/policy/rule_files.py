"""Files of rules in three forms: TOML, DMN and workbooks."""

from __future__ import annotations

from pathlib import Path

import attrs

from bankcrm.disk import whole_file
from bankcrm.errors import DataError, PolicyError
from bankcrm.policy.load import load_policy
from bankcrm.policy.model import Policy
from bankcrm.rules import DecisionTable, LeftOut, read_dmn
from bankcrm.rules.dmn_write import write_dmn
from bankcrm.rules.sheet_read import open_workbook
from bankcrm.rules.toml import parse_toml

SUFFIXES = (".toml", ".dmn", ".xlsx")


@attrs.frozen
class RuleFile:
    """What a file of rules holds.

    Attributes:
        policy: The policy; None for a file of tables alone.
        tables: The tables, the policy's too, with their parameters filled in.
        left_out: What of a DMN file was not read.
    """

    policy: Policy | None
    tables: tuple[DecisionTable, ...]
    left_out: tuple[LeftOut, ...] = ()

    def only(self, table: str) -> RuleFile:
        """One of the tables alone.

        Raises:
            PolicyError: There is no such table.
        """
        found = [t for t in self.tables if t.id == table]
        if not found:
            known = ", ".join(t.id for t in self.tables) or "none"
            raise PolicyError(f"no table {table!r}; there are {known}")
        return RuleFile(None, tuple(found))


def read_rules(path: str | Path) -> RuleFile:
    """Read a policy or decision tables from a file.

    Args:
        path: A file of `SUFFIXES`: a policy or one table as TOML or as a workbook, or DMN.

    Raises:
        PolicyError: All errors of the file together, or another kind of file.
    """
    path = Path(path)
    match _suffix(path):
        case ".dmn":
            file = read_dmn(path)
            return RuleFile(None, file.tables, file.left_out)
        case ".xlsx":
            first = open_workbook(path).worksheets[0].cell(1, 1).value
            table = None if first == "policy" else DecisionTable.from_xlsx(path)
        case _:
            table = DecisionTable.from_toml(path) if "table" in parse_toml(path) else None
    if table is not None:
        return RuleFile(None, (table,))
    policy = load_policy(path)
    tables = [policy.table(name) for name, found in policy.tables.items() if len(found) == 1]
    return RuleFile(policy, tuple(tables))


def write_rules(rules: RuleFile, path: str | Path, *, force: bool = False) -> list[str]:
    """Write what a file of rules holds in the form that the path's suffix names.

    Args:
        rules: The content.
        path: The file, with a suffix of `SUFFIXES`.
        force: Whether to replace a file that exists.

    Returns:
        What the form cannot hold, in words: dated tables, records and unused parameters in DMN.

    Raises:
        PolicyError: The file exists, or several tables do not fit in one file of this form.
    """
    path = Path(path)
    kind = _suffix(path)
    if path.exists() and not force:
        raise PolicyError(f"{path}: exists; pass force=True (--force) to replace it")
    if kind == ".dmn":
        if not rules.tables:
            raise PolicyError("there is no table to write")
        _write_text(path, write_dmn(rules.tables, "guard"))
        return _not_in_dmn(rules)
    if rules.policy is None and len(rules.tables) != 1:
        names = ", ".join(t.id for t in rules.tables) or "none"
        raise PolicyError(f"{path}: holds one table; choose one (--table) of {names}")
    content = rules.tables[0] if rules.policy is None else rules.policy
    if kind == ".xlsx":
        content.to_xlsx(path, force=True)
    else:
        _write_text(path, content.to_toml())
    return []


def _suffix(path: Path) -> str:
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise PolicyError(f"{path}: expected a file that ends in {', '.join(SUFFIXES)}")
    return kind


def _write_text(path: Path, text: str) -> None:
    try:
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except DataError as error:
        raise PolicyError(str(error)) from None


def _not_in_dmn(rules: RuleFile) -> list[str]:
    policy = rules.policy
    if policy is None:
        return []
    used = {name for table in rules.tables for name in table.parameters}
    dated = [f"table {n}: {len(v)} dated versions" for n, v in policy.tables.items() if len(v) > 1]
    unused = [f"parameter {n}: no table names it" for n in policy.parameters if n not in used]
    records = [f"records {n}: DMN holds only tables" for n in policy.raw_records]
    return [*dated, *unused, *records]
