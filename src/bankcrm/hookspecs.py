"""The hooks that a plug-in may implement; each runs once, when policies are assembled.

A plug-in is a module (or any object) with functions marked by `hookimpl`, announced under the
entry-point group ``bankcrm``. It takes the arguments that it needs by name and returns values of
`bankcrm.plugins`; what it is given is frozen. What has to look at data (facts, signals,
classifiers, sections) is returned as a value that holds a function, which runs once per frame.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from bankcrm.plugins.values import (
        CalendarDay,
        Change,
        FactSource,
        Preset,
        Section,
        Signal,
        StageChange,
        TextClassifier,
    )
    from bankcrm.policy import Policy, PolicySet

PROJECT = "bankcrm"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def policies(policies: PolicySet) -> Iterable[Policy]:
    """Policies that replace their domain's; one with dates is in force on those days only."""
    return ()


@hookspec
def presets() -> Iterable[Preset]:
    """Named policies that `bankcrm.plugins.assemble` can choose."""
    return ()


@hookspec
def changes(policies: PolicySet) -> Iterable[Change]:
    """Rules to add or replace, parameters to set, tables, records, routes and indicators to add."""
    return ()


@hookspec
def stages() -> Iterable[StageChange]:
    """Stages, events and moves of a stage model."""
    return ()


@hookspec
def facts() -> Iterable[FactSource]:
    """Facts that rules may name, each with the function that computes them for a frame."""
    return ()


@hookspec
def signals() -> Iterable[Signal]:
    """Severity signals that are read from the text of a complaint."""
    return ()


@hookspec
def classifiers() -> Iterable[TextClassifier]:
    """Classifiers of the text of a complaint: signals, kind and cause."""
    return ()


@hookspec
def calendar_days() -> Iterable[CalendarDay]:
    """Days on which the bank works or rests against the calendar."""
    return ()


@hookspec
def sections() -> Iterable[Section]:
    """Sections of the report of a review."""
    return ()


@hookspec
def veto(policies: PolicySet) -> str | None:
    """A reason why these policies must not be used; None or an empty text accepts them."""
    return None
