"""How severe a complaint is: a decision table over signals, never over who complains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.complaints._frames import categories
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame, numbers
from bankcrm.models import columns_of
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy, default_policy
from bankcrm.vocabulary import SIGNALS, Severity

Classifier: TypeAlias = Callable[["pd.Series"], pd.DataFrame]
"""Texts in, a frame with boolean columns named as signals out, one row a text."""

NUMBERS = {
    "amount_at_stake": "untold_amount",
    "customers_affected": "untold_customers",
    "time_used": "untold_time_used",
}

_CONTRACT = {c.name: c for c in columns_of(Complaint)}


def complaints_policy(policy: Policy | None) -> Policy:
    """The policy given, or the domain's own."""
    return default_policy("complaints") if policy is None else policy


def contract(*names: str, required: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Columns of the complaint's contract, optional unless named in ``required``."""
    import attrs

    return tuple(
        attrs.evolve(_CONTRACT[n], required=n in required, nullable=n not in required)
        for n in names
    )


def severity_facts(
    frame: pd.DataFrame, *, policy: Policy | None = None, classifier: Classifier | None = None
) -> pd.DataFrame:
    """The facts that the severity table reads, each told or filled as the policy says.

    A column's own answer stands. The classifier answers only where the column is silent, and what
    neither tells counts as the policy's ``untold_...`` parameters say.

    Args:
        frame: Complaints; any of the signal columns, ``amount_at_stake``, ``customers_affected``,
            ``time_used`` and ``text``.
        policy: Whose ``untold_...`` parameters fill the gaps.
        classifier: Reads the column ``text``; None leaves the text unread.

    Returns:
        The frame's index; the signals as booleans and the three numbers as float64.

    Source: CSC-4.

    >>> severity_facts(pd.DataFrame({"amount_at_stake": [None, 10.0]}))["amount_at_stake"].tolist()
    [0.0, 10.0]
    """
    return facts_of(frame, complaints_policy(policy), read_texts(frame, classifier))


def facts_of(frame: pd.DataFrame, policy: Policy, read: pd.DataFrame | None) -> pd.DataFrame:
    """The facts, where the texts are read already."""
    own = own_signals(policy)
    columns = (*contract(*SIGNALS, *NUMBERS), *(Column(n, "boolean", False, True) for n in own))
    checked = check_frame(frame, columns, frame="complaints")
    untold = bool(policy.value("untold_signal"))
    facts: dict[str, npt.NDArray[np.generic]] = {
        name: _signal(
            checked.get(name), None if read is None else read.get(name), len(frame), untold
        )
        for name in (*SIGNALS, *own)
    }
    for name, parameter in NUMBERS.items():
        told = numbers(checked[name], name) if name in checked else np.full(len(frame), np.nan)
        fill = float(policy.value(parameter))
        facts[name] = np.where(np.isnan(told), fill, told)
    return pd.DataFrame(facts, index=frame.index, copy=False)


def own_signals(policy: Policy) -> tuple[str, ...]:
    """The signals that a bank's own severity table names beside those of the library."""
    facts = policy.table("severity").compiled.facts
    return tuple(n for n, f in facts.items() if f.type == "boolean" and n not in SIGNALS)


def read_texts(frame: pd.DataFrame, classifier: Classifier | None) -> pd.DataFrame | None:
    """What the classifier says of the column ``text``; None where there is nothing to read."""
    if classifier is None or "text" not in frame.columns:
        return None
    read = classifier(frame["text"])
    if len(read) != len(frame):
        raise DataError(f"classifier: {len(read):,} answers for {len(frame):,} texts; give as many")
    unknown = [c for c in read.columns if c in SIGNALS and read[c].dtype != bool]
    if unknown:
        raise DataError(f"classifier: columns {', '.join(unknown)} are not boolean")
    return read


def _signal(
    told: pd.Series | None, read: pd.Series | None, rows: int, untold: bool
) -> npt.NDArray[np.bool_]:
    """A signal from its column, else from the text, else as the policy says."""
    fill = np.full(rows, untold) if read is None else read.to_numpy(dtype=np.bool_)
    if told is None:
        return fill
    if told.dtype == bool:
        return told.to_numpy()
    known = told.notna().to_numpy()
    return np.where(known, told.to_numpy(dtype=np.bool_, na_value=False), fill)


def assess_severity(
    frame: pd.DataFrame, *, policy: Policy | None = None, classifier: Classifier | None = None
) -> pd.DataFrame:
    """The severity of every complaint, and the rule that gave it.

    Args:
        frame: Complaints; see `severity_facts`.
        policy: Whose table ``severity`` decides.
        classifier: Reads the column ``text``; None leaves the text unread.

    Returns:
        The frame's index; ``severity`` and ``severity_rule`` (categorical).

    Source: CSC-4.

    >>> told = pd.DataFrame({"regulator": [True, False], "amount_at_stake": [0.0, 8000.0]})
    >>> assess_severity(told)["severity"].tolist()
    ['severe', 'moderate']
    """
    policy = complaints_policy(policy)
    facts = severity_facts(frame, policy=policy, classifier=classifier)
    return decide_severity(facts, policy)


def decide_severity(facts: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The severity by the policy's table, for facts that are ready."""
    decided = policy.table("severity").decide_frame(facts)
    result = decided.rename(columns={"outcome": "severity", "rule": "severity_rule"})
    result["severity"] = in_order(result["severity"])
    result.attrs.update(policy=policy.id, fingerprint=policy.fingerprint)
    return result


def in_order(severity: pd.Series) -> pd.Series:
    """Severities as an ordered categorical, mildest first."""
    return severity.cat.set_categories([s.value for s in Severity], ordered=True)


def scalar_facts(
    complaint: Complaint, policy: Policy, read: Mapping[str, object] | None
) -> dict[str, object]:
    """The facts of one complaint, told, read from its text, or filled as the policy says."""
    untold = policy.value("untold_signal")
    facts: dict[str, object] = {}
    for name in SIGNALS:
        told = getattr(complaint, name)
        fill = untold if read is None or name not in read else bool(read[name])
        facts[name] = fill if told is None else told
    for name in own_signals(policy):
        facts[name] = untold if read is None or name not in read else bool(read[name])
    for name, parameter in NUMBERS.items():
        value = getattr(complaint, name)
        facts[name] = float(policy.value(parameter) if value is None else value)
    return facts


def raise_severity(
    assessed: pd.DataFrame, overrides: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raise severities by hand; an override that would lower one is left out and told.

    Args:
        assessed: Indexed by complaint, with ``severity`` and ``severity_rule``.
        overrides: Indexed by complaint, with ``severity``, ``by`` and ``reason``.

    Returns:
        The assessed frame with the raised severities (their rule is ``override``), and the log:
        a row an override with ``before``, ``after``, ``by``, ``reason`` and ``applied``.

    Raises:
        DataError: An override names no complaint, has no reason, or comes twice.

    Source: CSC-4.

    >>> facts = pd.DataFrame({"severity": ["minor"], "severity_rule": ["minor"]}, index=["C1"])
    >>> told = {"severity": ["severe"], "by": ["Wang"], "reason": ["press"]}
    >>> raise_severity(facts, pd.DataFrame(told, index=["C1"]))[0]["severity"].tolist()
    ['severe']
    """
    checked = check_frame(overrides, _OVERRIDES, frame="overrides")
    place = assessed.index.get_indexer(checked.index)
    if (place < 0).any() or checked.index.has_duplicates:
        raise DataError(
            "overrides: each must name one complaint once; "
            f"wrong: {checked.index[(place < 0) | checked.index.duplicated()][:5].tolist()}"
        )
    words = [s.value for s in Severity]
    before = pd.Categorical(assessed["severity"], categories=words).codes.copy()
    asked = pd.Categorical(checked["severity"], categories=words).codes
    applied = asked > before[place]
    rank = before.copy()
    rank[place[applied]] = asked[applied]
    rule = assessed["severity_rule"].astype(object).to_numpy(copy=True)
    rule[place[applied]] = "override"
    log = pd.DataFrame(
        {
            "before": categories(before[place], words),
            "after": categories(rank[place], words),
            "by": checked["by"],
            "reason": checked["reason"],
            "applied": applied,
        },
        index=checked.index,
    )
    severity = categories(rank, words, ordered=True)
    return assessed.assign(severity=severity, severity_rule=pd.Categorical(rule)), log


_OVERRIDES = (
    Column("severity", "category", choices=tuple(s.value for s in Severity)),
    Column("by", "id"),
    Column("reason", "text"),
)
