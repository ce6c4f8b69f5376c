"""Warnings about the credit of a group: many branches, over-lending, skew, transfers, circles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.frames import Column, check_frame
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.risk.collected import NONE, collected
from bankcrm.risk.exposure.subjects import checked_exposure, group_exposure, subjects_of
from bankcrm.risk.groups.findings import circles_of
from bankcrm.risk.groups.groups import Groups

_FLOWS = (
    Column("payer_id", "id"),
    Column("payee_id", "id"),
    Column("amount", "money", minimum=0),
)


def group_warnings(
    exposure: object,
    groups: Groups,
    *,
    capacity: pd.Series | None = None,
    flows: object = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Warnings about the credit of each group, with reasons.

    Args:
        exposure: From `credit_exposure`.
        groups: From `find_groups`.
        capacity: What each customer can bear, by ``customer_id``, in money, such as its revenue of
            a year. Without it there is no warning of over-lending, skew or transfers.
        flows: Payments between customers over a year: ``payer_id``, ``payee_id``, ``amount``.
        policy: Its table ``group_warning`` collects the warnings.

    Returns:
        One row per group with credit, by ``group``, most warnings first: ``warnings`` (their
        number), ``warning_rules``, ``reasons``; and the facts: ``exposure``, ``branches``,
        ``capacity_ratio`` (exposure over capacity), ``skew`` (the part of the credit that would
        have to move for each borrower to have the share of its capacity, 0 to 1),
        ``transfer_ratio`` (payments between members over capacity) and ``guarantee_circle``.

    Raises:
        DataError: A frame does not fit.

    Source: EB-4.
    """
    policy = policy_of(policy, "risk")
    if capacity is not None:
        as_kind(capacity, pd.Series, "capacity", "give a Series by customer_id")
    frame = checked_exposure(exposure)
    return group_warnings_of(frame, group_exposure(frame, groups), groups, capacity, flows, policy)


def group_warnings_of(
    exposure: pd.DataFrame,
    of_groups: pd.DataFrame,
    groups: Groups,
    capacity: pd.Series | None,
    flows: object,
    policy: Policy,
) -> pd.DataFrame:
    """The same from a checked exposure and `group_exposure` of it; see `group_warnings`."""
    sums = of_groups[(of_groups["kind"] == "group").to_numpy(np.bool_)]
    facts = pd.DataFrame({"exposure": sums["exposure"], "branches": sums["branches"]})
    bearing, skew = _capacity(exposure, groups, capacity, facts.index)
    moved = _transfers(groups, flows, facts.index)
    facts["capacity_ratio"] = facts["exposure"] / bearing.where(bearing > 0)
    facts["skew"] = skew
    facts["transfer_ratio"] = moved / bearing.where(bearing > 0)
    facts["guarantee_circle"] = facts.index.isin(_in_guarantee_circles(groups))
    for name in ("capacity_ratio", "skew", "transfer_ratio"):
        facts[f"{name}_known"] = facts[name].notna()
    table = policy.table("group_warning")
    rules = table.decide_frame(facts)["rule"]
    found = collected(rules, table, (NONE, "warning"))
    result = pd.DataFrame(
        {
            "warnings": found["signals"].astype("int64"),
            "warning_rules": rules,
            "reasons": found["reasons"],
            **{n: facts[n] for n in map(str, facts) if not n.endswith("_known")},
        }
    ).rename_axis("group")
    return policy.stamp(
        result.sort_values(["warnings", "exposure"], ascending=False, kind="stable")
    )


def _capacity(
    frame: pd.DataFrame, groups: Groups, capacity: pd.Series | None, index: pd.Index
) -> tuple[pd.Series, pd.Series]:
    """The capacity of each group's borrowers, and how far credit is from it; null where unknown."""
    if capacity is None:
        nothing = pd.Series(np.nan, index=index)
        return nothing, nothing
    lent = frame.groupby("customer_id")["exposure"].sum()
    each = pd.DataFrame({"lent": lent, "capacity": capacity.reindex(lent.index).astype("float64")})
    subject = subjects_of(lent.index.to_series(), groups).to_numpy()
    by = each.groupby(subject)
    total = by.sum().where(by["capacity"].count() == by.size())  # one unknown, all unknown
    share = each["lent"] / total["lent"].reindex(subject).to_numpy()
    fair = each["capacity"] / total["capacity"].reindex(subject).to_numpy()
    skew = (share - fair).abs().groupby(subject).sum(min_count=1) / 2
    several = by.size() > 1
    return total["capacity"].reindex(index), skew.where(several).reindex(index)


def _transfers(groups: Groups, flows: object, index: pd.Index) -> pd.Series:
    """Payments between members of each group; null without records of payments."""
    if flows is None:
        return pd.Series(np.nan, index=index)
    frame = check_frame(flows, _FLOWS, frame="flows")
    member = groups.members["group"].astype(object)
    payer, payee = (member.reindex(frame[c]).to_numpy() for c in ("payer_id", "payee_id"))
    inside = ~pd.isna(payer) & (payer == payee)
    inside &= (frame["payer_id"] != frame["payee_id"]).to_numpy(np.bool_)
    sums: pd.Series = frame["amount"][inside].groupby(payer[inside]).sum()
    moved: pd.Series = sums.reindex(index).fillna(0.0)
    return moved


def _in_guarantee_circles(groups: Groups) -> set[str]:
    """The groups of which members guarantee each other in a circle."""
    ties = groups.ties
    given = ties[((ties["link"] == "guarantees") & (ties["tie"] == "watch")).to_numpy(np.bool_)]
    if given.empty:
        return set()
    parties = pd.Index(pd.concat([given["parent_id"], given["child_id"]]).unique())
    a = parties.get_indexer(pd.Index(given["parent_id"])).astype(np.int32)
    b = parties.get_indexer(pd.Index(given["child_id"])).astype(np.int32)
    inside = parties[circles_of(a, b, len(parties)) >= 0]
    return set(groups.members["group"].astype(object).reindex(inside).dropna())
