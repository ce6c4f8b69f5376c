"""Decision tables to and from TOML; all errors are reported together, each with its path."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import attrs
import cattrs
import tomli_w

from bankcrm.arguments import as_path
from bankcrm.errors import DataError, PolicyError, known_names, reason_of
from bankcrm.rules.check import local_findings
from bankcrm.rules.model import Parameter, Rule, TableDefinition, check_outcomes
from bankcrm.rules.unary import UnaryTest, parse_test
from bankcrm.rules.values import Fact, fact

T = TypeVar("T")
Table = TypeVar("Table", bound=TableDefinition)


@attrs.frozen
class TableHeader:
    """The ``[table]`` part of a file."""

    id: str
    version: str = "1"
    title: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    hit_policy: Literal[
        "unique",
        "first",
        "any",
        "collect",
        "collect_sum",
        "collect_min",
        "collect_max",
        "collect_count",
    ] = "first"
    outcomes: tuple[Any, ...] = attrs.field(default=(), validator=check_outcomes)


@functools.cache
def converter() -> cattrs.Converter:
    """The converter that refuses unknown keys and wrong types, and collects all errors."""
    made = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for plain in (str, int, float, bool):
        made.register_structure_hook(plain, exactly(plain))
    made.register_structure_hook(date, exactly(date))
    made.register_structure_hook(UnaryTest, lambda text, _: parse_test(text))
    made.register_structure_hook(Fact, lambda raw, _: _fact(made, raw))
    return made


def exactly(kind: type[T]) -> Any:
    """A cattrs hook that takes a value of exactly this type; a whole number for a float."""

    def read(value: Any, _: object) -> T:
        whole = kind is float and type(value) is int
        if (type(value) is not kind and not whole) or isinstance(value, datetime):
            raise PolicyError(f"expected {kind.__name__}, saw {value!r}")
        return kind(value) if whole else value  # type: ignore[call-arg]

    return read


def _fact(made: cattrs.Converter, raw: Any) -> Fact:
    if isinstance(raw, Mapping):
        plain: Fact = cattrs.gen.make_dict_structure_fn(Fact, made, _cattrs_forbid_extra_keys=True)(
            dict(raw), Fact
        )
        return plain
    return fact(raw)


def structure(
    made: cattrs.Converter, raw: Any, kind: type[T], path: str, faults: list[str]
) -> T | None:
    """Read raw TOML as a value; adds what does not fit to ``faults`` with its path."""
    if not isinstance(raw, Mapping):
        faults.append(f"{path}: expected a TOML table, saw {raw!r}")
        return None
    try:
        return made.structure(raw, kind)
    except (cattrs.BaseValidationError, PolicyError, ValueError, TypeError) as error:
        faults.extend(_faults(error, path))
        return None


def _faults(error: BaseException, path: str) -> list[str]:
    if not isinstance(error, cattrs.BaseValidationError):
        return [f"{path}: {reason_of(error)}"]
    messages = cattrs.transform_error(error, path="$", format_exception=words_of)
    return [_with_path(text, path) for text in messages]


def words_of(error: BaseException, kind: type | None) -> str:
    """What is wrong, in words for the author of the file."""
    if isinstance(error, KeyError):
        return f"required key {error.args[0]!r} is missing"
    if isinstance(error, cattrs.ForbiddenExtraKeysError):
        known = ", ".join(a.name for a in attrs.fields(error.cl))
        return f"unknown key(s) {', '.join(sorted(error.extra_fields))}; known: {known}"
    if isinstance(error, AttributeError):  # the generated code asked a scalar for its keys
        return "expected a TOML table"
    return str(error) or f"expected {kind}"


def _with_path(text: str, path: str) -> str:
    message, _, inner = text.rpartition(" @ ")
    inner = re.sub(r"\['([^']*)'\]", r".\1", inner.removeprefix("$"))
    return f"{path}{inner}: {message}"


def read_text(source: str | Path) -> str:
    """The text of a TOML file, or the text itself where it is one (it has a line break or '=')."""
    if isinstance(source, str) and ("\n" in source or "=" in source or not source.strip()):
        return source
    try:
        return as_path(source, "source").read_text(encoding="utf-8")
    except DataError as error:
        raise PolicyError(str(error)) from None
    except (OSError, ValueError) as error:  # also bytes that are no UTF-8, and a null in the name
        raise PolicyError(f"{source}: cannot be read: {reason_of(error)}") from error


def parse_toml(source: str | Path) -> dict[str, Any]:
    """Parse TOML text or a file.

    Raises:
        PolicyError: The file cannot be read or is not TOML; the message has line and column.
    """
    name = "" if isinstance(source, str) and "\n" in source else f"{source}: "
    text = read_text(source)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nestings beyond the limits
        raise PolicyError(f"{name}not valid TOML: {error}") from error


@attrs.frozen
class RawTable:
    """The parts of a table as TOML holds them, not yet checked.

    Attributes:
        path: Path of the table in its file; empty for a file of one table.
        header: Fields of `TableHeader`.
        facts: Facts by name.
        parameters: Parameters by name.
        rules: The rules, in order.
        complete: Whether no rule was left out because of an error; else nothing is proven of it.
    """

    path: str
    header: Any
    facts: Any
    parameters: Any
    rules: Any
    complete: bool = True

    def at(self, part: str) -> str:
        """The path of a part."""
        return f"{self.path}.{part}" if self.path else part


def read_table(cls: type[Table], source: str | Path) -> Table:
    """Read and prove the content of a table; see `bankcrm.rules.DecisionTable.from_toml`."""
    raw = parse_toml(source)
    known = ("table", "facts", "parameters", "rules")
    faults = [f"{key}: unknown key; {known_names(key, known)}" for key in raw if key not in known]
    header = raw.get("table", {})
    facts = raw.get("facts", {})
    if isinstance(header, Mapping) and "facts" in header:
        facts = header["facts"]
        header = {k: v for k, v in header.items() if k != "facts"}
    parts = RawTable("", header, facts, raw.get("parameters", {}), raw.get("rules", []))
    table = table_of(cls, parts, faults)
    if faults or table is None:
        raise PolicyError(faults)
    return table


def table_of(cls: type[Table], raw: RawTable, faults: list[str]) -> Table | None:
    """Build a table from raw TOML parts; adds what does not fit to ``faults``.

    The parts that do fit are still checked, so that one load reports all errors together.
    """
    before = len(faults)
    made = converter()
    head = structure(made, raw.header, TableHeader, raw.path or "table", faults)
    typed = structure(made, raw.facts, dict[str, Fact], raw.at("facts"), faults)
    figures = structure(made, raw.parameters, dict[str, Parameter], raw.at("parameters"), faults)
    rules = raw.rules if isinstance(raw.rules, list) else []
    if rules is not raw.rules:
        faults.append(f"{raw.at('rules')}: expected [[rules]], saw {raw.rules!r}")
    read = [structure(made, r, Rule, raw.at(f"rules[{i}]"), faults) for i, r in enumerate(rules)]
    kept = [(i, r) for i, r in enumerate(read) if r is not None]
    if head is None:
        return None
    table = cls(
        rules=[r for _, r in kept],
        facts=typed or {},
        parameters=figures or {},
        **attrs.asdict(head, recurse=False),
    )
    if len(faults) == before and raw.complete:
        return table
    if kept:
        found = local_findings(table, [i for i, _ in kept])
        faults += [raw.at(str(f)) for f in found if f.severity == "error"]
        faults += [raw.at(text) for text in _outside(table, kept)]
    return None


def _outside(table: TableDefinition, kept: list[tuple[int, Rule]]) -> list[str]:
    return [
        f"rules[{i}].then: {r.then!r} is not an outcome of the table"
        for i, r in kept
        if table.outcomes and r.then not in table.outcomes
    ]


def write_table(table: TableDefinition) -> str:
    """A table as TOML; see `bankcrm.rules.DecisionTable.to_toml`."""
    body = table_body(table)
    rules = body.pop("rules")
    facts = body.pop("facts", None)
    parts: dict[str, Any] = {"table": body}
    if facts:
        parts["facts"] = facts
    if table.parameters:
        parts["parameters"] = {n: plain(p) for n, p in table.parameters.items()}
    return tomli_w.dumps({**parts, "rules": rules})


def table_body(table: TableDefinition) -> dict[str, Any]:
    """The plain content of a table but for its parameters, defaults left out."""
    body: dict[str, Any] = {"id": table.id, "version": table.version}
    for name in ("title", "effective_from", "effective_to"):
        if getattr(table, name):
            body[name] = getattr(table, name)
    body["hit_policy"] = table.hit_policy.value
    if table.outcomes:
        body["outcomes"] = list(table.outcomes)
    if table.facts:
        body["facts"] = {n: plain(f) for n, f in table.facts.items()}
    body["rules"] = [_rule_body(r) for r in table.rules]
    return body


def _rule_body(rule: Rule) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": rule.id,
        "when": {name: str(test) for name, test in rule.when.items()},
        "then": rule.then,
        "source": rule.source,
    }
    extra = {"because": rule.because, "owner": rule.owner}
    return body | {k: v for k, v in extra.items() if v}


def plain(value: Any) -> Any:
    """An attrs value, mapping or sequence as plain TOML; fields at their default are left out."""
    if attrs.has(type(value)):
        items = {a.name: (getattr(value, a.name), a.default) for a in attrs.fields(type(value))}
        return {k: plain(v) for k, (v, default) in items.items() if v is not None and v != default}
    if isinstance(value, Mapping):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, tuple | list) else value
