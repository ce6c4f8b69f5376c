"""Policies as values: the parameters, tables and records of a domain, dated and fingerprinted."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import attrs
import pandas as pd
import tomli_w

from bankcrm._display import card, line, shown, stamp
from bankcrm.arguments import as_kind, found
from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.frames.arrays import as_of_day
from bankcrm.policy.header import Header
from bankcrm.policy.validation import at_day, covers, faults_of
from bankcrm.rules import DecisionTable, Parameter
from bankcrm.rules.fingerprint import canonical, digest
from bankcrm.rules.model import changed_parameters, freeze
from bankcrm.rules.toml import converter, plain, structure, table_body
from bankcrm.rules.values import FrozenDict

Record = Mapping[str, Any]
T = TypeVar("T")


def _versions(items: Mapping[str, Any]) -> FrozenDict[str, tuple[Any, ...]]:
    if not isinstance(items, Mapping):
        raise PolicyError(
            f"parameters, tables and raw_records: expected a mapping by name, got {found(items)}"
        )
    return FrozenDict(
        {n: tuple(v) if isinstance(v, list | tuple) else (v,) for n, v in items.items()}
    )


def _frozen_records(items: Mapping[str, Any]) -> FrozenDict[str, tuple[Record, ...]]:
    return FrozenDict({n: freeze(v) for n, v in _versions(items).items()})


@attrs.frozen
class Change:
    """One difference between two policies; None where one of them lacks it."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before} -> {self.after}"

    def _repr_html_(self) -> str:
        return card(self.path, {"before": self.before, "after": self.after})


@attrs.frozen
class Policy:
    """The parameters, tables and records that one domain decides by, dated and cited.

    Attributes:
        id: The policy's name.
        domain: ``bank``, ``lifecycle``, ``segmentation``, ``valuation``, ``complaints`` or another.
        version: The policy's version.
        parameters: Name to the dated versions of a parameter.
        tables: Table id to its dated versions.
        raw_records: Name to plain records; read them with `records`.
        title: What the policy is for, for people.
        note: What a reader should know of it.
        effective_from: First day on which the policy is in force.
        effective_to: Last day on which it is in force.
        shared: The policy ``bank``, read for every parameter, table and list of records that this
            policy does not have; the default one if none is given, None for ``bank`` itself.

    >>> from bankcrm.policy import default_policy
    >>> policy = default_policy("lifecycle")
    >>> policy.table("stage").hit_policy.value
    'first'
    """

    id: str
    domain: str
    version: str
    parameters: Mapping[str, tuple[Parameter, ...]] = attrs.field(factory=dict, converter=_versions)
    tables: Mapping[str, tuple[DecisionTable, ...]] = attrs.field(factory=dict, converter=_versions)
    raw_records: Mapping[str, tuple[Record, ...]] = attrs.field(
        factory=dict, converter=_frozen_records
    )
    title: str = ""
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
    shared: Policy | None = attrs.field()

    @shared.default
    def _shared(self) -> Policy | None:
        from bankcrm.policy.load import default_policy

        return None if self.domain == "bank" else default_policy("bank")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Policy) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __repr__(self) -> str:
        return line(
            f"Policy {self.id!r}",
            {
                "version": self.version,
                "parameters": len(self.parameters),
                "tables": len(self.tables),
                "fingerprint": self.fingerprint[:12],
            },
        )

    def _repr_html_(self) -> str:
        rows = [
            {
                "parameter": name,
                "value": p.value,
                "unit": p.unit,
                "source": p.source,
                "confirmation": p.confirmation,
            }
            for name, versions in self.parameters.items()
            for p in versions
        ]
        in_force = f"{shown(self.effective_from)} to {shown(self.effective_to)}"
        figures = {
            "policy": self.id,
            "in force": in_force if self.effective_from or self.effective_to else "always",
            "tables": tuple(self.tables),
            "records": tuple(self.raw_records),
        }
        note = stamp(self.version, self.fingerprint)
        return card(self.title or self.id, figures, rows=rows, note=note)

    def value(self, name: str) -> Any:
        """The value of a parameter; a mapping or a tuple where the file has one.

        Raises:
            UnknownNameError: Neither the policy nor ``bank`` has such a parameter.
            PolicyError: It has several dated values; narrow the policy with `at` first.
        """
        return self.parameter(name).value

    def parameter(self, name: str) -> Parameter:
        """A parameter with its unit, source and note."""
        versions = self.parameters.get(name, ())
        if len(versions) == 1:
            return versions[0]
        found: Parameter = self._one("parameters", "parameter", name)
        return found

    def has_parameter(self, name: str) -> bool:
        """Whether the policy, or the policy ``bank`` under it, has a parameter."""
        return name in self.parameters or (
            self.shared is not None and name in self.shared.parameters
        )

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The parameters whose value was not checked against its source.

        >>> from bankcrm.policy import default_policy
        >>> default_policy("complaints", "cn_2020_3").unconfirmed
        ('cn_review_days',)
        """
        return tuple(
            name
            for name, versions in self.parameters.items()
            if any(p.confirmation == "unconfirmed" for p in versions)
        )

    def table(self, name: str) -> DecisionTable:
        """A decision table, its parameters filled in."""
        table = self._ready.get(name)
        if table is None:
            table = _with_parameters(self._one("tables", "table", name), self)
            self._ready[name] = table
        return table

    @functools.cached_property
    def _ready(self) -> dict[str, DecisionTable]:
        """Tables with their parameters filled in, by name; made at their first use."""
        return {}

    def records(self, name: str, kind: type[T]) -> tuple[T, ...]:
        """The records of a list, each read as a ``kind`` (an attrs class).

        Raises:
            UnknownNameError: Neither the policy nor ``bank`` has such a list.
            PolicyError: All records that do not fit, each with its path.
        """
        under: Mapping[str, tuple[Record, ...]] = getattr(self.shared, "raw_records", {})
        rows = self.raw_records.get(name, under.get(name))  # an empty list of its own is a list
        if rows is None:
            known = [*self.raw_records, *under]
            raise UnknownNameError("record list", name, known, f"policy {self.id!r}")
        faults: list[str] = []
        read = [
            structure(converter(), r, kind, f"records.{name}[{i}]", faults)
            for i, r in enumerate(rows)
        ]
        if faults:
            raise PolicyError(faults)
        return tuple(r for r in read if r is not None)

    def _one(self, part: str, what: str, name: str) -> Any:
        items: Mapping[str, tuple[Any, ...]] = getattr(self, part)
        under: Mapping[str, tuple[Any, ...]] = getattr(self.shared, part, {})
        versions = items.get(name) or under.get(name)
        if versions is None:
            raise UnknownNameError(what, name, [*items, *under], f"policy {self.id!r}")
        if len(versions) > 1:
            raise PolicyError(
                [f"{what} {name!r} has {len(versions)} dated versions; call policy.at(date) first"]
            )
        return versions[0]

    def at(self, day: date) -> Self:
        """The policy as it stood on a day: one version of every table and parameter.

        Raises:
            PolicyError: The policy, a table or a parameter has no version for that day.
        """
        day = cast("date", as_of_day(day).item())
        faults = [] if covers(self, day) else [f"policy {self.id!r} is not in force on {day}"]
        parameters = at_day(self.parameters, day, "parameters", faults)
        tables = at_day(self.tables, day, "tables", faults)
        if faults:
            raise PolicyError(faults)
        shared = self.shared and self.shared.at(day)
        if (shared, parameters, tables) == (self.shared, self.parameters, self.tables):
            return self  # with what has been derived of it
        return attrs.evolve(self, parameters=parameters, tables=tables, shared=shared)

    def with_parameters(self, **values: Any) -> Self:
        """The same policy with other parameter values, checked like a loaded one.

        Raises:
            PolicyError: An unknown name, a value that does not fit its unit, or a table that the
                new value breaks.
        """
        known = [*self.parameters, *getattr(self.shared, "parameters", {})]
        changed = changed_parameters(values, known, self.parameter)
        kinds = [
            f"parameters.{n}: {p.value!r} is of another kind than {self.value(n)!r}"
            for n, p in changed.items()
            if _kind(p.value) != _kind(self.value(n))
        ]
        new = attrs.evolve(self, parameters={**self.parameters, **changed})
        return new.checked(kinds)

    def with_table(self, table: DecisionTable) -> Self:
        """The same policy with one table added or replaced, checked like a loaded one."""
        new = attrs.evolve(self, tables={**self.tables, table.id: (table,)})
        return new.checked()

    def checked(self, faults: Sequence[str] = ()) -> Self:
        """The same policy, if nothing is wrong with it.

        Raises:
            PolicyError: All errors together: units, dates, and each table's own proofs.
        """
        found = [*faults, *faults_of(self)]
        if found:
            raise PolicyError(found)
        return self

    def stamp(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame itself, with this policy's id, version and fingerprint in its ``attrs``.

        ``attrs["unconfirmed"]`` lists the policy's `unconfirmed` parameters, if it has any.

        >>> import pandas as pd
        >>> from bankcrm.policy import default_policy
        >>> default_policy("bank").stamp(pd.DataFrame()).attrs["policy"]
        'bankcrm.bank@1'
        """
        as_kind(frame, pd.DataFrame, "frame", "its attrs take the stamp")
        frame.attrs["policy"] = f"{self.id}@{self.version}"
        frame.attrs["fingerprint"] = self.fingerprint
        frame.attrs.pop("unconfirmed", None)  # of an earlier stamp
        if self.unconfirmed:
            frame.attrs["unconfirmed"] = self.unconfirmed
        return frame

    def diff(self, other: Policy) -> tuple[Change, ...]:
        """What changes from this policy to another, by path.

        The policies ``bank`` under the two are not compared: call `diff` on those as well.

        >>> from bankcrm.policy import default_policy
        >>> old = default_policy("lifecycle")
        >>> print(old.diff(old.with_parameters(lost_after_days=400))[0])
        parameters.lost_after_days.value: 365 -> 400
        """
        as_kind(other, Policy, "other")
        before, after = (dict(_leaves("", _content(p))) for p in (self, other))
        paths = dict.fromkeys([*before, *after])
        return tuple(
            Change(p.lstrip("."), before.get(p), after.get(p))
            for p in paths
            if before.get(p) != after.get(p)
        )

    def to_toml(self) -> str:
        """The policy as TOML text; `load_policy` with the same ``shared`` gives an equal policy."""
        header = Header(*(getattr(self, a.name) for a in attrs.fields(Header)))
        body: dict[str, Any] = {"policy": plain(header)}
        if self.parameters:
            body["parameters"] = {n: _body(v) for n, v in self.parameters.items()}
        if self.tables:
            body["tables"] = [table_body(t) for v in self.tables.values() for t in v]
        if self.raw_records:
            body["records"] = {n: [plain(r) for r in v] for n, v in self.raw_records.items()}
        return tomli_w.dumps(body)

    def to_xlsx(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the policy to a workbook that a person can edit and `load_policy` reads.

        One sheet each for the policy, its parameters, every table and every list of records. Cells
        are in the notation of DMN, ``parameter_`` before the name of a parameter.

        Args:
            path: The file, ``.xlsx``.
            force: Whether to replace a file that exists.

        Returns:
            The path.

        Raises:
            PolicyError: The file exists, or a text does not fit in a cell.
            MissingExtraError: openpyxl is not installed.
        """
        from bankcrm.policy.workbook import write_policy

        return write_policy(self, path, force=force)

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical content: equal policies have equal fingerprints."""
        return digest(canonical(self))


def _with_parameters(table: DecisionTable, policy: Policy) -> DecisionTable:
    names = dict.fromkeys(p for r in table.rules for t in r.when.values() for p in t.parameters)
    used = {n: policy.parameter(n) for n in names if policy.has_parameter(n)}
    return attrs.evolve(table, parameters={**table.parameters, **used})


def _kind(value: Any) -> str:
    if isinstance(value, bool | str | date):
        return type(value).__name__
    if isinstance(value, int | float):
        return "number"
    return "mapping" if isinstance(value, Mapping) else "list"


def _body(versions: tuple[Parameter, ...]) -> Any:
    bodies = [plain(p) for p in versions]
    return bodies[0] if len(bodies) == 1 else bodies


def _content(policy: Policy) -> dict[str, Any]:
    """The policy by name rather than by position, so that a diff names rules by their ids."""
    tables = {
        name: [{**canonical(t), "rules": {r.id: canonical(r) for r in t.rules}} for t in versions]
        for name, versions in policy.tables.items()
    }
    own = canonical(attrs.evolve(policy, shared=None))
    content: dict[str, Any] = {**own, "tables": tables}
    return content


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
    elif isinstance(value, list) and value and not isinstance(value[0], str | int | float):
        for i, inner in enumerate(value):
            yield from _leaves(path if len(value) == 1 else f"{path}[{i}]", inner)
    else:
        yield path, value
