"""Which dated version is in force on a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from bankcrm.rules import DecisionTable, Parameter

Versioned = Parameter | DecisionTable


class Dated(Protocol):
    """What is in force from a day to a day."""

    @property
    def effective_from(self) -> date | None:
        """First day in force; None for "always was"."""

    @property
    def effective_to(self) -> date | None:
        """Last day in force; None for "until further notice"."""


def covers(item: Dated, day: date) -> bool:
    """Whether something is in force on a day."""
    first, last = item.effective_from, item.effective_to
    return (first is None or first <= day) and (last is None or day <= last)


def at_day(
    items: Mapping[str, tuple[Any, ...]], day: date, path: str, faults: list[str]
) -> dict[str, tuple[Any, ...]]:
    """The versions in force on a day; names without one are told in ``faults``."""
    chosen = {}
    for name, versions in items.items():
        found = tuple(v for v in versions if covers(v, day))
        if not found:
            faults.append(f"{path}.{name}: no version is in force on {day}")
        chosen[name] = found
    return chosen
