"""What plug-ins compute over frames: called once per frame, on copies, and checked before use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Literal, TypeVar

import attrs
import numpy as np
import pandas as pd

from bankcrm.errors import DataError, PluginError
from bankcrm.frames import as_frame
from bankcrm.frames.conversion import require_columns
from bankcrm.plugins.conflicts import Attributed
from bankcrm.plugins.values import FactSource, Section, Signal, TextClassifier
from bankcrm.policy.effects import Sections
from bankcrm.rules.fact_columns import fact_column

OnError = Literal["raise", "isolate"]
R = TypeVar("R")
_LOG = logging.getLogger("bankcrm.plugins")


def run(owner: str, what: str, call: Callable[[], R], on_error: OnError) -> R | None:
    """Call a plug-in's function; under ``isolate`` a fault is logged and gives None."""
    try:
        return call()
    except PluginError as error:
        fault = error
    except Exception as error:  # whatever a plug-in raises is reported with its name
        fault = PluginError(f"plug-in {owner}: {what} raised {type(error).__name__}: {error}")
        fault.__cause__ = error
    if on_error == "raise":
        raise fault
    _LOG.warning("left out: %s", fault)
    return None


@attrs.frozen
class PluginFacts:
    """A fact source of a plug-in, ready to run over the facts of a domain.

    Attributes:
        plugin: The plug-in's name.
        source: The source.
        on_error: What happens when it fails.
    """

    plugin: str
    source: FactSource
    on_error: OnError

    @property
    def domain(self) -> str:
        """The domain whose tables read the facts."""
        return self.source.domain

    @property
    def columns(self) -> tuple[str, ...]:
        """The facts that it gives."""
        return tuple(self.source.columns)

    @property
    def reads(self) -> tuple[str, ...]:
        """The facts that it reads."""
        return tuple(self.source.inputs.get("facts", ()))

    @property
    def frames(self) -> tuple[str, ...]:
        """The frames of the book that it reads."""
        return tuple(name for name in self.source.inputs if name != "facts")

    def compute(
        self, facts: pd.DataFrame, frames: Mapping[str, object], as_of: date
    ) -> pd.DataFrame:
        """The columns of the source, one row per row of the facts; null if it failed in isolation.

        Raises:
            PluginError: The source fails, or gives what it has not declared.
            DataError: A frame or column that it needs is not given.
        """
        present = [c for c in self.columns if c in facts]
        if present:
            raise PluginError(
                f"plug-in {self.plugin}: source {self.source.name!r}: facts {', '.join(present)} "
                "are there already"
            )
        given = _inputs(self.plugin, self.source, facts, frames)
        found = run(
            self.plugin,
            f"source {self.source.name!r}",
            partial(_compute, Attributed(self.plugin, self.source), given, as_of),
            self.on_error,
        )
        if found is None:
            return pd.DataFrame(dict.fromkeys(self.columns), index=facts.index, dtype=object)
        return found


def _inputs(
    owner: str, source: FactSource, facts: pd.DataFrame, frames: Mapping[str, object]
) -> dict[str, pd.DataFrame]:
    """The columns that a source has declared, and the index of the facts in any case."""
    given = {"facts": facts[list(source.inputs.get("facts", ()))]}
    for name, columns in source.inputs.items():
        frame = facts if name == "facts" else frames.get(name)
        if frame is None:
            raise DataError(
                f"plug-in {owner}: source {source.name!r} needs the frame {name!r}; given: "
                f"{', '.join(['facts', *frames])}"
            )
        table = as_frame(frame)
        require_columns(table, columns, f"plug-in {owner}: source {source.name!r}: {name}")
        given[name] = table[list(columns)]
    return given


def _compute(owned: Attributed, given: Mapping[str, pd.DataFrame], as_of: date) -> pd.DataFrame:
    source: FactSource = owned.value
    who = f"plug-in {owned.plugin}: source {source.name!r}"
    own = {name: frame.copy(deep=True) for name, frame in given.items()}
    found = source.compute(own, as_of)
    touched = [name for name, frame in given.items() if not frame.equals(own[name])]
    if touched:
        raise PluginError(f"{who} changed its input {', '.join(touched)}; work on new columns")
    if not isinstance(found, pd.DataFrame):
        raise PluginError(f"{who} returned {type(found).__name__}, not a DataFrame")
    index = given["facts"].index
    if len(found) != len(index):
        raise PluginError(f"{who} returned {len(found):,} rows for {len(index):,}")
    if not found.index.equals(index):
        raise PluginError(f"{who} returned another index than that of facts, or another order")
    if set(found.columns) != set(source.columns):
        raise PluginError(
            f"{who} returned column(s) {', '.join(map(str, found.columns)) or 'none'}; it declares "
            f"{', '.join(source.columns)}"
        )
    for name, expected in source.columns.items():
        try:
            fact_column(found[name], expected, name)
        except DataError as error:
            raise PluginError(f"{who}: {error}") from error
    return found[list(source.columns)]


def classify(
    texts: pd.Series,
    base: Callable[[pd.Series], pd.DataFrame] | None,
    readers: Sequence[Attributed],
    on_error: OnError,
) -> pd.DataFrame:
    """What a base classifier and the plug-ins' classifiers and signals read from texts.

    A signal is true where any of them reads it; kind and cause come from the first that gives one.
    """
    made = pd.DataFrame(index=texts.index) if base is None else base(texts).copy()
    for o in readers:
        read = run(
            o.plugin, f"{o.value.name!r}", partial(_read, o, texts.copy(deep=True)), on_error
        )
        if read is None:
            continue
        for name, column in read.items():
            if name not in made:
                made[name] = column
            elif column.dtype == bool:
                made[name] = made[name].to_numpy(dtype=np.bool_) | column.to_numpy()
            else:
                made[name] = made[name].astype(object).fillna(column.astype(object))
    return made


def _read(owned: Attributed, texts: pd.Series) -> pd.DataFrame:
    reader: Signal | TextClassifier = owned.value
    who = f"plug-in {owned.plugin}: {reader.name!r}"
    found = reader.read(texts)
    if isinstance(reader, Signal):
        if not isinstance(found, pd.Series) or found.dtype != bool:
            raise PluginError(f"{who} must give a Series of true and false, none missing")
        found = found.to_frame(reader.name)
    if not isinstance(found, pd.DataFrame):
        raise PluginError(f"{who} returned {type(found).__name__}, not a DataFrame")
    if not found.index.equals(texts.index):
        raise PluginError(f"{who} returned {len(found):,} rows, or another index, for its texts")
    return found


def sections(review: object, owned: Sequence[Attributed], on_error: OnError) -> Sections:
    """Title and content of every section of a report."""
    made = []
    for o in owned:
        section: Section = o.value
        content = run(
            o.plugin, f"section {section.title!r}", partial(section.make, review), on_error
        )
        if isinstance(content, pd.DataFrame | str):
            made.append((section.title, content))
        elif content is not None:
            raise PluginError(
                f"plug-in {o.plugin}: section {section.title!r} returned "
                f"{type(content).__name__}; expected a DataFrame or a text"
            )
    return tuple(made)
