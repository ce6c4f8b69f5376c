"""The review of tiers: bands, holding time, grace, overrides, restriction (CBM-4)."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.calendars.terms import ONE_DAY, next_review
from bankcrm.errors import DataError, PolicyError
from bankcrm.frames import Column
from bankcrm.frames.arrays import as_of_day, days, midnights
from bankcrm.frames.customers import by_customer
from bankcrm.frames.numbering import categorical, is_among, places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.segmentation.tiers.assignment import decide_tiers, tier_facts
from bankcrm.segmentation.tiers.ladder import TIER_LADDER
from bankcrm.vocabulary import Tier

_NAMES = tuple(tier.value for tier in TIER_LADDER)
_MOVEMENTS = ("down", "same", "up", "first")
_FIRST = 3
_RESTRICTED = 0
_UNKNOWN = -1
_Codes = npt.NDArray[np.int64]
_Days = npt.NDArray[np.datetime64]
_Bools = npt.NDArray[np.bool_]
_NEVER = np.datetime64("NaT", "D")

_PREVIOUS = (
    Column("tier", "category", choices=_NAMES, meaning="The tier that the customer holds."),
    Column("since", "date", meaning="The first day in that tier."),
    Column("grace_until", "date", False, True, meaning="Last day of a grace period."),
    Column("override_tier", "category", False, True, choices=_NAMES, meaning="Set by hand."),
    Column("override_until", "date", False, True, meaning="Last day of the override."),
    Column("override_reason", "text", False, True, meaning="Why it was set by hand."),
)
_OVERRIDE = ("override_tier", "override_until", "override_reason")
#: Entry lines; ``<line>_keep`` is the lower line down to which a customer keeps its tier.
_KEEP = ("premium_contribution", "key_contribution", "premium_score", "key_score")


def review_tiers(
    previous: object, facts: object, *, as_of: object, policy: Policy | None = None
) -> pd.DataFrame:
    """Review the tier of every customer on a day, with the reason of each move.

    A customer moves up only above the entry line and down only below the lower keep line, so a
    value between the two moves nobody. The table ``tier_movement`` decides from the direction, the
    days held, grace, override and restriction. The result is the ``previous`` of the next review.

    Args:
        previous: One row per customer: ``tier`` and ``since``; where they apply ``grace_until``,
            and ``override_tier`` with ``override_until`` and ``override_reason`` (all three or
            none).
        facts: As for `assign_tiers`. A customer only in the facts is new; one only in ``previous``,
            or for whom the facts decide no tier, keeps its tier, with the reason ``no_facts``.
        as_of: The day of the review.
        policy: Segmentation policy; the library's default if None.

    Returns:
        Index ``customer_id``: ``before``, ``proposed``, ``tier`` (after), ``movement`` (first, up,
        down, same), ``reason`` (code) and ``reason_rule``, ``since``, ``grace_until``,
        ``next_review``, the three ``override_`` columns, and ``action`` for restricted customers
        (reprice, cut_cost, exit).

    Raises:
        DataError: Errors in either frame, an override without reason or end, a date after
            ``as_of``.
        PolicyError: A keep line on the wrong side of its entry line.

    Source: CBM-4.

    >>> previous = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])},
    ...                         index=[1])
    >>> facts = pd.DataFrame({"contribution": [9_000.0]}, index=[1])
    >>> review_tiers(previous, facts, as_of="2026-01-01")[["tier", "reason"]].iloc[0].tolist()
    ['key', 'unchanged']
    >>> facts = pd.DataFrame({"contribution": [7_000.0]}, index=[1])
    >>> review_tiers(previous, facts, as_of="2026-01-01")[["tier", "reason"]].iloc[0].tolist()
    ['key', 'grace_start']
    """
    policy = policy_of(policy, "segmentation")
    today = as_of_day(as_of)
    held = _previous(previous, today)
    known = tier_facts(facts)
    everyone = held.index.union(known.index)
    held, there = held.reindex(everyone), is_among(everyone, known.index)
    proposals = _proposals(known, policy, everyone)
    there &= (proposals[["assigned", "up", "down"]] >= 0).all(axis=1).to_numpy()
    before = places_of(held["tier"], _NAMES)
    moves = _movement_facts(held, before, proposals, there, today, policy)
    decided = policy.table("tier_movement").decide_frame(moves)
    reason = decided["outcome"].astype(object).to_numpy()
    override = places_of(held["override_tier"], _NAMES)
    after = _after(reason, before, proposals, override, policy)
    result = pd.DataFrame(index=everyone.rename("customer_id"))
    result["before"] = categorical(before, _NAMES, ordered=True)
    result["proposed"] = categorical(_proposed(reason, before, proposals), _NAMES, ordered=True)
    result["tier"] = categorical(after, _NAMES, ordered=True)
    moved = np.where(before == _UNKNOWN, _FIRST, np.sign(after - before) + 1)
    result["movement"] = categorical(moved, _MOVEMENTS, ordered=True)
    result["reason"] = decided["outcome"].array
    result["reason_rule"] = decided["rule"].array
    result["since"] = midnights(np.where(before == after, days(held["since"]), today))
    grace = _grace(reason, days(held["grace_until"]), today, policy)
    result["grace_until"] = midnights(grace)
    review = next_review(today, policy.value("review_months"))
    result["next_review"] = midnights(np.fmin(np.full(len(result), review), grace + ONE_DAY))
    runs = np.isin(reason, ["override", "no_facts"])
    result["override_tier"] = categorical(np.where(runs, override, _UNKNOWN), _NAMES, ordered=True)
    until = np.where(runs, days(held["override_until"]), _NEVER)
    result["override_until"] = midnights(until)
    stated = held["override_reason"]
    result["override_reason"] = stated.where(pd.Series(runs, index=everyone)).array
    result["action"] = _actions(proposals, after, policy)
    return policy.stamp(result)


def _previous(previous: object, today: np.datetime64) -> pd.DataFrame:
    held = by_customer(previous, _PREVIOUS, "previous")
    for column in _PREVIOUS:
        if column.name not in held:
            held[column.name] = pd.NaT if column.kind == "date" else None
    partial = held[list(_OVERRIDE)].isna()
    wrong = partial.any(axis=1) & ~partial.all(axis=1)
    if wrong.any():
        first = few(held.index[wrong])
        raise DataError(
            f"previous: {int(wrong.sum())} overrides without tier, reason or end date "
            f"({first}); give override_tier, override_reason and override_until together"
        )
    late = days(held["since"]) > today
    if late.any():
        first = few(held.index[late])
        raise DataError(f"previous.since: {int(late.sum())} dates after as_of {today} ({first})")
    return held


@functools.lru_cache(maxsize=32)
def _lines(policy: Policy) -> tuple[Policy, Policy]:
    """The policy with the lines for moving up, and with those for moving down."""
    growth = ("potential_growth",)
    faults = [
        f"parameters.{n}_keep: {policy.value(f'{n}_keep')} is above {n} {policy.value(n)}"
        for n in (*_KEEP, *growth)
        if policy.value(f"{n}_keep") > policy.value(n)
    ]
    if policy.value("restricted_contribution_leave") < policy.value("restricted_contribution"):
        faults.append("parameters.restricted_contribution_leave: below restricted_contribution")
    if policy.value("restricted_risk_leave") > policy.value("restricted_risk"):
        faults.append("parameters.restricted_risk_leave: above restricted_risk")
    if faults:
        raise PolicyError(faults)
    leave = ("restricted_contribution", "restricted_risk")
    up = policy.with_parameters(**{n: policy.value(f"{n}_leave") for n in leave})
    down = policy.with_parameters(**{n: policy.value(f"{n}_keep") for n in (*_KEEP, *growth)})
    return up, down


def _proposals(known: pd.DataFrame, policy: Policy, everyone: pd.Index) -> pd.DataFrame:
    """Tier on the ladder by entry lines, for moving up and for moving down; -1 without facts."""
    up, down = _lines(policy)
    assigned = decide_tiers(known, policy)
    found = assigned[["standing", "value_level"]].astype(object)
    for name, tiers in (
        ("assigned", assigned["tier"]),
        ("up", decide_tiers(known, up)["tier"]),
        ("down", decide_tiers(known, down)["tier"]),
    ):
        found[name] = places_of(tiers, _NAMES)
    result = found.reindex(everyone)
    for name in ("assigned", "up", "down"):
        result[name] = result[name].fillna(_UNKNOWN).astype(np.int64)
    return result


def _movement_facts(
    held: pd.DataFrame,
    before: _Codes,
    proposals: pd.DataFrame,
    there: _Bools,
    today: np.datetime64,
    policy: Policy,
) -> pd.DataFrame:
    up, down = proposals["up"].to_numpy(), proposals["down"].to_numpy()
    direction = np.where(up > before, 2, np.where(down < before, 0, 1))
    since, grace = days(held["since"]), days(held["grace_until"])
    override = days(held["override_until"])
    since = np.where(np.isnat(since), today, since)
    if policy.value("grace_days") == 0:
        grace = np.where(direction == 0, today - ONE_DAY, _NEVER)
    held_days = (today - since).astype(np.int64)
    return pd.DataFrame(
        {
            "facts_known": there,
            "new_customer": before == _UNKNOWN,
            "restricted": before == _RESTRICTED,
            "must_restrict": down == _RESTRICTED,
            "direction": categorical(direction, _MOVEMENTS[:3], ordered=True),
            "moved_today": held_days == 0,
            "held_enough": held_days >= policy.value("min_hold_days"),
            "waited_enough": held_days >= policy.value("reentry_days"),
            "grace": _period_state(grace, today),
            "override": _period_state(override, today),
        },
        index=held.index,
    )


def _period_state(until: _Days, today: np.datetime64) -> pd.Categorical:
    return categorical(
        (until >= today) + 2 * (until < today), ("none", "running", "over"), ordered=True
    )


@functools.cache
def _steps() -> _Codes:
    """The next tier from one towards another; potential is a step only where it is the goal."""
    potential = TIER_LADDER.index(Tier.POTENTIAL)
    size = len(TIER_LADDER)
    step = np.zeros((size, size), dtype=np.int64)
    for here in range(size):
        for goal in range(size):
            way = 1 if goal > here else -1
            path = [t for t in range(here + way, goal + way, way) if t in (goal,) or t != potential]
            step[here, goal] = path[0] if goal != here else here
    return step


def _after(
    reason: npt.NDArray[np.object_],
    before: _Codes,
    proposals: pd.DataFrame,
    override: _Codes,
    policy: Policy,
) -> _Codes:
    assigned, up, down = (proposals[n].to_numpy() for n in ("assigned", "up", "down"))
    one_step = policy.value("review_step") == "one"
    entry = _NAMES.index(policy.value("reentry_tier"))
    goals = {
        "upgrade": _steps()[before, up] if one_step else up,
        "downgrade": _steps()[before, down] if one_step else down,
        "reentry": np.minimum(entry, up),
        "restrict": np.full(len(before), _RESTRICTED, dtype=np.int64),
        "override": override,
        "override_ended": assigned,
        "first": assigned,
    }
    after = before.copy()
    for name, goal in goals.items():
        after = np.where(reason == name, goal, after)
    return after


def _proposed(reason: npt.NDArray[np.object_], before: _Codes, proposals: pd.DataFrame) -> _Codes:
    assigned, up, down = (proposals[n].to_numpy() for n in ("assigned", "up", "down"))
    proposed = np.where(up > before, up, np.where(down < before, down, before))
    proposed = np.where(np.isin(reason, ["first", "override_ended"]), assigned, proposed)
    return np.where(reason == "no_facts", before, proposed)


def _grace(
    reason: npt.NDArray[np.object_], grace: _Days, today: np.datetime64, policy: Policy
) -> _Days:
    length = np.timedelta64(int(policy.value("grace_days")), "D")
    kept = np.where(np.isin(reason, ["grace", "no_facts", "held_down"]), grace, _NEVER)
    return np.where(reason == "grace_start", today + length, kept)


def _actions(proposals: pd.DataFrame, after: _Codes, policy: Policy) -> pd.Categorical:
    """The action for each restricted customer: reprice, cut cost, exit."""
    table = policy.table("restricted_action")
    rows = np.flatnonzero((after == _RESTRICTED) & (proposals["assigned"].to_numpy() >= 0))
    decided = table.decide_frame(proposals.iloc[rows][["standing", "value_level"]])
    action = np.full(len(after), None, dtype=object)
    action[rows] = decided["outcome"].astype(object).to_numpy()
    return pd.Categorical(action, categories=list(table.outcomes))
