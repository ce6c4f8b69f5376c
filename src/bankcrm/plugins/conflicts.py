"""Which contributions of plug-ins conflict, and which of them is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from bankcrm.plugins import values as v
from bankcrm.plugins.loading import PluginFaultError

_KEYS: Mapping[type, Callable[[Any], tuple[object, ...]]] = {
    v.AddRule: lambda x: ("rule", x.domain, x.table, x.rule.id),
    v.ReplaceRule: lambda x: ("rule", x.domain, x.table, x.rule.id),
    v.AddTable: lambda x: ("table", x.domain, x.table.id),
    v.SetParameter: lambda x: ("parameter", x.domain, x.name),
    v.AddRecords: lambda x: ("records", x.domain, x.name, x.rows),  # only the same rows conflict
    v.AddRoute: lambda x: ("route", x.name),
    v.AddIndicators: lambda x: (  # the weights are one whole
        ("weights",) if x.weights else ("measures", *(m.name for m in x.measures))
    ),
    v.Preset: lambda x: ("preset", x.policy.domain, x.name),
    v.StageChange: lambda x: ("moves", x.model, *(m.rule for m in x.moves)),
    v.FactSource: lambda x: ("facts", x.domain, x.name),
    v.Signal: lambda x: ("signal", x.name),
    v.TextClassifier: lambda x: ("classifier", x.name),
    v.CalendarDay: lambda x: ("day", x.calendar, x.day),
    v.Section: lambda x: ("section", x.title),
}


@attrs.frozen
class Attributed:
    """A value and the name of the plug-in that gave it."""

    plugin: str
    value: Any

    @property
    def conflict_key(self) -> tuple[object, ...]:
        """The key that detects conflicts: values of several plug-ins must not share one."""
        key = next(key for kind, key in _KEYS.items() if isinstance(self.value, kind))
        return key(self.value)


@attrs.frozen
class GaveWay:
    """A value that is not used, since a plug-in of higher priority gives one in its place."""

    value: Attributed
    winner: str

    def __str__(self) -> str:
        return f"gives way to {self.winner}: {self.value.value}"


def resolve_conflicts(
    values: Iterable[Attributed], priorities: Mapping[str, int]
) -> tuple[list[Attributed], list[GaveWay]]:
    """Keep the value of the highest priority where several plug-ins conflict.

    Args:
        values: The values of all plug-ins, in order.
        priorities: Plug-in to priority.

    Returns:
        The values that are used, and those that gave way.

    Raises:
        PluginFaultError: Two plug-ins of the same priority conflict, or one repeats itself.
    """
    kept: dict[tuple[object, ...], Attributed] = {}
    gave_way: list[GaveWay] = []
    for new in values:
        before = kept.setdefault(new.conflict_key, new)
        if before is new:
            continue
        if before.plugin == new.plugin:
            raise PluginFaultError(
                new.plugin, f"plug-in {new.plugin} gives the same twice: {new.value}"
            )
        higher = priorities[new.plugin] - priorities[before.plugin]
        if not higher:
            raise PluginFaultError(
                new.plugin,
                f"plug-ins {before.plugin} and {new.plugin} conflict: {new.value}; give one of "
                "them a higher PRIORITY, or disable one",
            )
        loser, winner = (before, new) if higher > 0 else (new, before)
        gave_way.append(GaveWay(loser, winner.plugin))
        kept[new.conflict_key] = winner
    return list(kept.values()), gave_way
