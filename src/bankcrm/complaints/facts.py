"""The facts of a complaint, with one definition for single complaints and for frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeAlias

import attrs
import numpy as np
import pandas as pd

from bankcrm.arguments import as_mapping
from bankcrm.complaints.base import contract, not_stated
from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.arrays import numbers
from bankcrm.frames.numbering import categorical, words_of
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy
from bankcrm.vocabulary import SIGNALS, Kind, Tier, word

Classifier: TypeAlias = Callable[["pd.Series"], pd.DataFrame]
"""Texts to one row per text: boolean columns named as signals, and ``kind`` and ``cause``."""

ExtendFacts: TypeAlias = Callable[["pd.DataFrame"], pd.DataFrame]
"""The facts of complaints to the same rows with further columns."""

NOT_STATED = "not_stated"
TABLES = ("severity", "route", "departments", "priority")
NUMBERS = {
    "amount_at_stake": "not_stated_amount",
    "customers_affected": "not_stated_customers",
    "time_used": "not_stated_time_used",
}
WORDS = ("kind", "cause", "product", "tier")
READ_WORDS = ("kind", "cause")
_TIER = Column("tier", "category", required=False, nullable=True, choices=tuple(Tier))


def identity(facts: pd.DataFrame) -> pd.DataFrame:
    """The facts as they are."""
    return facts


@attrs.frozen
class Defaults:
    """The values of facts that neither a column nor the text gives.

    Attributes:
        signal: Every signal.
        numbers: Each number by its name.
        words: ``kind``, ``cause``, ``product`` and ``tier``.
    """

    signal: bool
    numbers: Mapping[str, float]
    words: Mapping[str, str]


@lru_cache
def defaults_of(policy: Policy) -> Defaults:
    """The policy's ``not_stated_...`` parameters."""
    words = dict.fromkeys(WORDS, NOT_STATED) | {"kind": not_stated(Kind, policy).value}
    figures = {name: float(policy.value(p)) for name, p in NUMBERS.items()}
    signal = bool(policy.value("not_stated_signal"))
    return Defaults(signal, MappingProxyType(figures), MappingProxyType(words))


@lru_cache
def own_facts(policy: Policy, tables: tuple[str, ...] = TABLES) -> Mapping[str, str]:
    """Facts that the tables read in addition to those of the library, and their types."""
    known = {*SIGNALS, *NUMBERS, *WORDS, "severity"}
    named = {n: f.type for t in tables for n, f in policy.table(t).compiled.facts.items()}
    return MappingProxyType({n: kind for n, kind in named.items() if n not in known})


def checked_columns(policy: Policy) -> tuple[Column, ...]:
    """The contract of the columns that facts are read from."""
    own = [
        Column(n, "boolean", required=False, nullable=True)
        for n, kind in own_facts(policy).items()
        if kind == "boolean"
    ]
    return (*contract(*SIGNALS, *NUMBERS, "kind", "cause", "product"), _TIER, *own)


def read_texts(
    frame: pd.DataFrame, policy: Policy, classifier: Classifier | None
) -> pd.DataFrame | None:
    """What the classifier reads in the column ``text``; None if there is nothing to read.

    A frame without texts is read as missing texts if the tables read facts of a plug-in,
    since such a fact may be a signal: a signal that no text gives is then false, not unknown.
    """
    if classifier is None:
        return None
    if "text" in frame.columns:
        texts = frame["text"]
    elif "boolean" in own_facts(policy).values():
        texts = pd.Series(None, index=frame.index, dtype=object)
    else:
        return None
    read = classifier(texts)
    if len(read) != len(frame):
        raise DataError(
            f"classifier: expected one row per text; got {len(read):,} for {len(frame):,} texts"
        )
    unknown = [c for c in read.columns if c in SIGNALS and read[c].dtype != bool]
    if unknown:
        raise DataError(f"classifier: columns {', '.join(unknown)} are not boolean")
    return read


def complaint_facts(
    checked: pd.DataFrame, policy: Policy, read: pd.DataFrame | None
) -> pd.DataFrame:
    """The facts of many complaints.

    A column's value comes first, then that of the text, then the policy's default. A fact that the
    bank adds is left out if neither a column nor the text gives it; it is never false by
    default.

    Args:
        checked: Complaints, checked against `checked_columns`.
        policy: The policy whose defaults fill missing values and whose tables name further facts.
        read: From `read_texts`.
    """
    defaults = defaults_of(policy)
    columns = dict(checked.items())
    facts: dict[str, Any] = {}
    for name in SIGNALS:
        from_text = None if read is None else read.get(name)
        facts[name] = _signal(columns.get(name), from_text, len(checked), defaults.signal)
    for name, fill in defaults.numbers.items():
        if name in columns:
            value = numbers(columns[name], name)
            facts[name] = np.where(np.isnan(value), fill, value)
        else:
            facts[name] = np.full(len(checked), fill)
    for name in WORDS:
        from_text = None if read is None or name not in READ_WORDS else read.get(name)
        facts[name] = _word(columns.get(name), from_text, len(checked), defaults.words[name])
    for name, kind in own_facts(policy).items():
        from_text = None if read is None else read.get(name)
        column = columns.get(name)
        if column is None and from_text is None:
            continue  # the table that reads it refuses the frame and names the fact
        if kind == "boolean":
            facts[name] = _signal(column, from_text, len(checked), defaults.signal)
        else:
            facts[name] = from_text if column is None else column
    plain = {n: v.array if isinstance(v, pd.Series) else v for n, v in facts.items()}
    return pd.DataFrame(plain, index=checked.index, copy=False)


def _signal(
    column: pd.Series | None, from_text: pd.Series | None, rows: int, default: bool
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """A signal from its column, else from the text, else the policy's default."""
    if column is not None and column.dtype == bool:
        return column.to_numpy()
    fill = np.full(rows, default) if from_text is None else from_text.to_numpy(dtype=np.bool_)
    if column is None:
        return fill
    known = column.notna().to_numpy()
    return np.where(known, column.to_numpy(dtype=np.bool_, na_value=False), fill)


def _word(
    column: pd.Series | None, from_text: pd.Series | None, rows: int, default: str
) -> pd.Categorical:
    """A word from its column, else from the text, else the default."""
    words = None if from_text is None else words_of(from_text, str(from_text.name))
    stated = None if column is None else words_of(column, str(column.name))
    values = words if stated is None else stated
    if values is None:
        return categorical(np.zeros(rows, dtype=np.int8), [default])
    if stated is not None and words is not None:
        both = stated.categories.union(words.categories, sort=False)
        values = stated.set_categories(both).fillna(words.set_categories(both))
    if (values.codes < 0).any():
        if default not in values.categories:
            values = values.add_categories([default])
        values = values.fillna(default)
    return values


def facts_of_one(
    complaint: Complaint,
    policy: Policy,
    read: Mapping[str, object] | None,
    *,
    tier: Tier | str | None = None,
    extra: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """The facts of one complaint, equal to those of `complaint_facts` for a frame with that row."""
    defaults = defaults_of(policy)
    from_text = read or {}
    facts: dict[str, object] = {}
    for name in SIGNALS:
        value = getattr(complaint, name)
        facts[name] = bool(from_text.get(name, defaults.signal)) if value is None else value
    for name, fill in defaults.numbers.items():
        value = getattr(complaint, name)
        facts[name] = fill if value is None else float(value)
    for name in ("kind", "cause", "product"):
        value = getattr(complaint, name)
        if value is None and name in READ_WORDS and isinstance(from_text.get(name), str):
            value = from_text[name]
        facts[name] = defaults.words[name] if value is None else str(value)
    facts["kind"] = word(Kind, facts["kind"]).value
    facts["tier"] = defaults.words["tier"] if tier is None else word(Tier, tier).value
    for name in own_facts(policy):
        if name in from_text:
            facts[name] = from_text[name]
    return facts | as_mapping(extra, "facts", "a mapping of fact to value")
