"""Errors of the library: each names the field, what was expected and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[object]) -> str:
    """A question that names the known name closest to a wrong one; empty if none is close.

    >>> nearest("custmer_id", ["customer_id", "date"])
    "; did you mean 'customer_id'?"
    """
    lowered = {str(k).lower(): str(k) for k in known}
    found = difflib.get_close_matches(str(name).lower(), lowered, n=1)
    return f"; did you mean {lowered[found[0]]!r}?" if found else ""


class BankcrmError(Exception):
    """Base of every error that the library raises on purpose."""


class DataError(BankcrmError, ValueError):
    """Data that does not fit its contract: names the column, the rows and what was expected."""


class MissingFactError(DataError):
    """A decision table needs a fact that is missing: names the fact and the rows."""


class PolicyError(BankcrmError, ValueError):
    """A policy or decision table with errors: reports all together, each with its path.

    Attributes:
        faults: The errors.

    >>> print(PolicyError(["rules[0].then: 'gold' is not an outcome", "table.id: missing"]))
    2 faults
      rules[0].then: 'gold' is not an outcome
      table.id: missing
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return self.faults[0]
        return "\n  ".join([f"{len(self.faults)} faults", *self.faults])


class IllegalTransitionError(BankcrmError, ValueError):
    """A move that the stage model does not allow: names the allowed events and failed guards."""


class InfeasibleError(BankcrmError, ValueError):
    """A request that cannot be met: names the binding constraint."""


class CalendarError(BankcrmError, ValueError):
    """A date that the working-day calendar does not cover."""


class PluginError(BankcrmError):
    """A plug-in that does not load, does not fit its hook, or conflicts with another."""


class UnknownNameError(BankcrmError, LookupError):
    """A name that is not there: lists the names that are.

    Attributes:
        name: The name.
        known: The names that are there.

    >>> print(UnknownNameError("table", "stages", ["stage"], where="policy 'bankcrm.lifecycle'"))
    no table 'stages' in policy 'bankcrm.lifecycle'; known: stage
    """

    def __init__(self, what: str, name: object, known: Iterable[object], where: str = "") -> None:
        self.name = name
        self.known = tuple(str(k) for k in known)
        super().__init__(what, name, self.known, where)  # the arguments with which it unpickles

    def __str__(self) -> str:
        what, name, _, where = self.args
        place = f" in {where}" if where else ""
        return f"no {what} {name!r}{place}; known: {', '.join(self.known) or 'none'}"


class MissingExtraError(BankcrmError, ImportError):
    """An optional package is not installed: names the extra that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(package, extra)  # the arguments with which it unpickles

    def __str__(self) -> str:
        return f"{self.args[0]} is not installed; run: pip install 'bankcrm[{self.extra}]'"


class EngineError(BankcrmError, RuntimeError):
    """An engine that did not finish: out of memory, disk full, a lost task, cancelled."""


class DatabaseError(BankcrmError, RuntimeError):
    """A database that cannot be reached or refuses a statement; it shows no value of a row."""
