"""Severity of a complaint: a decision table over signals, independent of the customer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.complaints.base import Mask, complaints_policy
from bankcrm.complaints.facts import (
    NUMBERS,
    Classifier,
    ExtendFacts,
    checked_columns,
    complaint_facts,
    identity,
    own_facts,
    read_texts,
)
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame, column_of
from bankcrm.frames.arrays import look_up
from bankcrm.frames.numbering import categorical, places_of, words_of
from bankcrm.policy import Policy
from bankcrm.vocabulary import SIGNALS, Severity


def severity_facts(
    frame: pd.DataFrame, *, policy: Policy | None = None, classifier: Classifier | None = None
) -> pd.DataFrame:
    """The facts that the severity table reads.

    A column's value comes first. The classifier fills the signals whose column is null or absent,
    and the policy's ``not_stated_...`` parameters fill the rest.

    Args:
        frame: Complaints; any of the signal columns, ``amount_at_stake``, ``customers_affected``,
            ``time_used`` and ``text``.
        policy: The policy whose ``not_stated_...`` parameters fill missing values.
        classifier: Reads the column ``text``; None leaves the text unread.

    Returns:
        The frame's index; the signals as booleans, the three numbers as float64, and the further
        facts that the bank's own table reads and the frame contains.

    Source: CSC-4.

    >>> severity_facts(pd.DataFrame({"amount_at_stake": [None, 10.0]}))["amount_at_stake"].tolist()
    [0.0, 10.0]
    """
    policy = complaints_policy(policy)
    facts = _facts(frame, policy, classifier, identity)
    known = (*SIGNALS, *NUMBERS, *own_facts(policy, ("severity",)))
    return facts[[name for name in known if name in facts]]


def _facts(
    frame: pd.DataFrame, policy: Policy, classifier: Classifier | None, extend_facts: ExtendFacts
) -> pd.DataFrame:
    checked = check_frame(frame, checked_columns(policy), frame="complaints")
    return extend_facts(complaint_facts(checked, policy, read_texts(frame, policy, classifier)))


def assess_severity(
    frame: pd.DataFrame,
    *,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
    extend_facts: ExtendFacts = identity,
) -> pd.DataFrame:
    """The severity of every complaint, and the rule that gave it.

    Args:
        frame: Complaints; see `severity_facts`.
        policy: The policy whose table ``severity`` decides.
        classifier: Reads the column ``text``; None leaves the text unread.
        extend_facts: Adds columns to the facts, such as those of plug-ins.

    Returns:
        The frame's index; ``severity`` and ``severity_rule`` (categorical).

    Raises:
        DataError: The table reads a fact that neither the frame, the text nor ``extend_facts``
            gives.

    Source: CSC-4.

    >>> complaints = pd.DataFrame({"regulator": [True, False], "amount_at_stake": [0.0, 8000.0]})
    >>> assess_severity(complaints)["severity"].tolist()
    ['severe', 'moderate']
    """
    policy = complaints_policy(policy)
    return decide_severity(_facts(frame, policy, classifier, extend_facts), policy)


def decide_severity(facts: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """The severity by the policy's table, for given facts."""
    result = pd.DataFrame(severities(facts, policy), index=facts.index, copy=False)
    result.attrs.update(**severity_attrs(policy))
    return policy.stamp(result)


def severities(
    facts: pd.DataFrame, policy: Policy, assessed: Mask | None = None
) -> dict[str, pd.Categorical]:
    """The columns ``severity``, mildest first, and ``severity_rule``; null if not to be assessed.

    Args:
        facts: The facts that the table reads.
        policy: Its table ``severity`` decides.
        assessed: Which rows are to be assessed; None for all.
    """
    table = policy.table("severity")
    codes = table.decide_codes(facts)
    words = [s.value for s in Severity]
    place = [words.index(w) if w in words else -1 for w in table.vocabulary]
    severity, rule = look_up(np.array([*place, -1], dtype=np.int8), codes.outcome), codes.rule
    if assessed is not None:
        severity, rule = np.where(assessed, severity, -1), np.where(assessed, rule, -1)
    return {
        "severity": categorical(severity, words, ordered=True),
        "severity_rule": categorical(rule, [r.id for r in table.rules]),
    }


def severity_attrs(policy: Policy) -> dict[str, str]:
    """The table behind severities, for the ``attrs`` of a frame that holds them."""
    table = policy.table("severity")
    return {"table": table.id, "version": table.version}


def raise_severity(
    assessed: pd.DataFrame, overrides: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Raise severities by hand; an override that would lower one is reported and not applied.

    Args:
        assessed: Indexed by complaint, with ``severity`` and ``severity_rule``.
        overrides: Indexed by complaint, with ``severity``, ``by`` and ``reason``.

    Returns:
        The assessed frame with the raised severities (their rule is ``override``), and the log:
        one row per override with ``before``, ``after``, ``by``, ``reason`` and ``applied``.

    Raises:
        DataError: An override names no complaint, has no reason, or occurs twice.

    Source: CSC-4.

    >>> assessed = pd.DataFrame({"severity": ["minor"], "severity_rule": ["minor"]}, index=["C1"])
    >>> override = {"severity": ["severe"], "by": ["Wang"], "reason": ["press"]}
    >>> raise_severity(assessed, pd.DataFrame(override, index=["C1"]))[0]["severity"].tolist()
    ['severe']
    """
    checked, assessed = check_frame(overrides, _OVERRIDES, frame="overrides"), as_frame(assessed)
    if not assessed.index.is_unique:
        raise DataError("assessed: a complaint is in it more than once; keep one row for each")
    place = assessed.index.get_indexer(checked.index)
    if (place < 0).any() or checked.index.has_duplicates:
        wrong = few(checked.index[(place < 0) | checked.index.duplicated()].tolist(), repr)
        raise DataError(f"overrides: each must name one complaint once; wrong: {wrong}")
    words = [s.value for s in Severity]
    before = places_of(column_of(assessed, "severity", "assessed"), words)
    requested = pd.Categorical(checked["severity"], categories=words).codes
    applied = requested > before[place]
    rank = before.copy()
    rank[place[applied]] = requested[applied]
    rules = words_of(column_of(assessed, "severity_rule", "assessed"), "assessed.severity_rule")
    rule = np.array(rules, dtype=object)
    rule[place[applied]] = "override"
    log = pd.DataFrame(
        {
            "before": categorical(before[place], words),
            "after": categorical(rank[place], words),
            "by": checked["by"],
            "reason": checked["reason"],
            "applied": applied,
        },
        index=checked.index,
    )
    severity = categorical(rank, words, ordered=True)
    return assessed.assign(severity=severity, severity_rule=pd.Categorical(rule)), log


_OVERRIDES = (
    Column("severity", "category", choices=tuple(s.value for s in Severity)),
    Column("by", "id"),
    Column("reason", "text"),
)
