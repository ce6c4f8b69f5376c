"""How much of each limit is used: limits are records of subject, measure, base and share (EB-4)."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.frames import DataFault
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import categorical
from bankcrm.models import Capital
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.risk.exposure.credit import MEASURES
from bankcrm.risk.exposure.subjects import KINDS, checked_exposure, group_exposure, subjects_of
from bankcrm.risk.groups.groups import Groups, refuse_no_groups

OTHER = "other"
"""The class of a customer that is neither a bank nor a bank of global importance."""


@attrs.frozen
class Limit:
    """A limit of the credit to one customer, or to one group.

    Attributes:
        name: Its name.
        subject: ``customer``: each customer, whether in a group or not; ``group``: each group, and
            each customer that is in none.
        measure: What is limited: ``exposure``, ``loans`` or ``uncovered``.
        base: The capital that it is a part of: ``net`` or ``tier1``.
        share: The parameter that says which part.
        counterparty: The class of customers that it is for, such as ``bank``; ``any``: all.
    """

    name: str
    subject: Literal["customer", "group"]
    measure: Literal["exposure", "loans", "uncovered"]
    base: Literal["net", "tier1"]
    share: str
    counterparty: str = "any"


def limit_use(
    exposure: object,
    groups: Groups | None = None,
    *,
    capital: Capital | None,
    policy: Policy | None = None,
    classes: pd.Series | None = None,
) -> pd.DataFrame:
    """Compare exposures with the limits of the policy.

    Args:
        exposure: From `credit_exposure`, by the same policy.
        groups: From `find_groups`; None: every customer is alone.
        capital: The bank's capital; None, or a figure that is missing, leaves use and state null.
        policy: Its records ``limit`` are the limits, its table ``limit_state`` judges their use.
            The default has the limit of EB-4: 15 % of net capital for a group. Presets
            ``cn_2018`` and ``basel_lex`` have those of regulators.
        classes: The class of customers by ``customer_id``, such as ``bank`` or ``gsib``; others
            are ``other``. A group is of a class if all of its borrowers are.

    Returns:
        One row per limit and subject with a credit, the highest use of each limit first: ``limit``,
        ``subject``, ``kind`` (``customer`` or ``group``), ``measure``, ``used`` and ``allowed`` in
        money, ``use`` (their ratio), ``state`` (``within``, ``near``, ``breach``), ``rule``,
        ``source`` and ``confirmation`` of the limit.

    Raises:
        DataError: The exposure has other columns, or the capital is no `Capital`.

    Source: EB-4.

    >>> import datetime as dt
    >>> lent = pd.DataFrame({"customer_id": [7], "exposure": [165.0], "loans": [0.0],
    ...                      "uncovered": [0.0]})
    >>> ours = Capital(date=dt.date(2026, 6, 30), net=1000, tier1=800)
    >>> limit_use(lent, capital=ours)["state"].tolist()
    ['breach']
    """
    policy = policy_of(policy, "risk")
    if capital is not None:
        as_kind(capital, Capital, "capital", "such as Capital(date=..., net=..., tier1=...)")
    refuse_no_groups(groups)
    frame = checked_exposure(exposure)
    return limit_use_of(frame, group_exposure(frame, groups), groups, capital, policy, classes)


def limit_use_of(
    exposure: pd.DataFrame,
    of_groups: pd.DataFrame,
    groups: Groups | None,
    capital: Capital | None,
    policy: Policy,
    classes: pd.Series | None = None,
) -> pd.DataFrame:
    """The same from a checked exposure and what `group_exposure` made of it; see `limit_use`."""
    limits = policy.records("limit", Limit)
    sums, words = {"group": of_groups}, {}
    for kind in {limit.subject for limit in limits}:
        words[kind] = _classes(exposure, groups if kind == "group" else None, classes)
        if kind == "customer":
            sums[kind] = group_exposure(exposure)
    parts = [_use(limit, sums[limit.subject], words[limit.subject], capital, policy)
             for limit in limits]  # fmt: skip
    found = pd.concat(parts, ignore_index=True) if parts else _use_of_nothing()
    decided = policy.table("limit_state").decide_frame(found[["use"]], on_missing="undecided")
    found = found.assign(state=decided["outcome"].array, rule=decided["rule"].array)
    found = found[["limit", "subject", "kind", "measure", "used", "allowed", "use", "state", "rule",
                   "source", "confirmation"]]  # fmt: skip
    return policy.stamp(with_findings(found, _unknown(limits, capital)))


def _use(
    limit: Limit, sums: pd.DataFrame, words: pd.Series, capital: Capital | None, policy: Policy
) -> pd.DataFrame:
    """The use of one limit by all subjects that it is for."""
    share = policy.parameter(limit.share)
    base = _base(capital, limit.base)
    rows = sums[sums[limit.measure] > 0]
    if limit.counterparty != "any":
        rows = rows[(words.reindex(rows.index) == limit.counterparty).to_numpy(np.bool_)]
    used = rows[limit.measure].to_numpy(np.float64)
    allowed = base * float(share.value)
    if np.isnan(allowed):
        use = np.full(len(used), np.nan)
    else:  # without capital any credit is too much
        use = used / allowed if allowed > 0 else np.full(len(used), np.inf)
    found = pd.DataFrame(
        {
            "limit": limit.name,
            "subject": rows.index.astype(object),
            "kind": categorical(rows["kind"].cat.codes.to_numpy(), KINDS),
            "measure": pd.Categorical([limit.measure] * len(rows), categories=list(MEASURES)),
            "used": used,
            "allowed": allowed,
            "use": use,
            "source": share.source,
            "confirmation": share.confirmation,
        }
    )
    return found.sort_values("use", ascending=False, kind="stable")


def _use_of_nothing() -> pd.DataFrame:
    names = ("limit", "subject", "kind", "measure", "used", "allowed", "use", "source")
    found = pd.DataFrame({name: pd.Series(dtype=object) for name in (*names, "confirmation")})
    return found.astype({"used": "float64", "allowed": "float64", "use": "float64"})


def _base(capital: Capital | None, name: str) -> float:
    value = None if capital is None else getattr(capital, name)
    return np.nan if value is None else float(value)


def _classes(frame: pd.DataFrame, groups: Groups | None, classes: pd.Series | None) -> pd.Series:
    """The class of each subject: that of all its borrowers, else `OTHER`."""
    subject = subjects_of(frame["customer_id"], groups)
    if classes is not None:
        as_kind(classes, pd.Series, "classes", "give a Series by customer_id")
    if classes is None:
        return pd.Series(OTHER, index=pd.Index(subject.unique()))
    word = classes.reindex(frame["customer_id"]).astype(object).fillna(OTHER).to_numpy()
    by = pd.Series(word, index=frame.index).groupby(subject.to_numpy())
    return by.first().where(by.nunique() == 1, OTHER)


def _unknown(limits: tuple[Limit, ...], capital: Capital | None) -> list[DataFault]:
    """The figures of the capital that are not known, though a limit needs them."""
    return [
        DataFault("capital", name, "null", 0, (), "the base of a limit",
                  "use and state of the limits on it are null")
        for name in dict.fromkeys(limit.base for limit in limits)
        if np.isnan(_base(capital, name))
    ]  # fmt: skip
