"""Rewards shared from a budget to the cent, and penalties and findings as actions."""

from __future__ import annotations

import datetime as dt
from typing import cast

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_kind, as_numbers
from bankcrm.calendars import WorkingCalendar, add_working_days
from bankcrm.errors import DataError
from bankcrm.frames import DataFault, check_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.findings import with_findings
from bankcrm.models import Check, columns_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scorecards.card import Scorecard, of_period, owners
from bankcrm.shares import apportion

PENALTIES = ("warning", "deduction", "transfer")
_ACTIONS = ["subject", "action", "owner", "due", "because", "source"]


def rewards(
    card: Scorecard,
    budget_cents: int,
    *,
    period: object = None,
    base: pd.Series | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Decide reward or penalty of each subject, and share a budget among those rewarded.

    Args:
        card: From `scorecard`.
        budget_cents: The budget in minor units.
        period: First day of the period; needed if the card has several.
        base: What each subject's share is in proportion to, by subject, such as salaries; equal
            if None.
        policy: That of the card if None. Its table ``reward`` decides; ``reward_weights`` says
            how much each reward weighs.

    Returns:
        One row per subject: ``subject``, ``score``, ``grade``, ``reward``, ``rule``, ``because``,
        ``weight`` (score times weight of the reward times base) and ``cents``, which add up to the
        budget. An undecided subject has null. Where nobody is rewarded, nothing is paid, and a
        finding says so.

    Raises:
        DataError: No scorecard, no whole budget, several periods, or a base is missing.

    Source: LCM-6.

    >>> from bankcrm.scorecards import attain, kpi_values, scorecard
    >>> rows = pd.DataFrame({"measure": "transactions", "employee_id": ["A", "B", "C"],
    ...                      "date": pd.to_datetime("2026-03-01"), "value": [90, 120, 100]})
    >>> values = kpi_values(rows, as_of="2026-03-31", by="employee_id")
    >>> goal = pd.DataFrame({"kpi": ["transactions"], "target": [100]})
    >>> rewards(scorecard(attain(values, goal)), 1000)["cents"].tolist()
    [0, 545, 455]
    """
    as_kind(card, Scorecard, "card", "from scorecard(done)")
    policy = policy_of(policy or card.policy, "scorecards")
    scores = of_period(card, period)
    facts = scores[["grade", "score_high"]]
    decided = policy.table("reward").decide_frame(facts, on_missing="undecided")
    result = scores[["subject", "score", "grade"]].assign(
        reward=decided["outcome"].array, rule=decided["rule"].array
    )
    because = {r.id: r.because for r in policy.table("reward").rules}
    result["because"] = result["rule"].astype(object).map(because)
    result["because"] = result["because"].where(
        result["rule"].notna(), "undecided: " + scores["missing"].astype(object).fillna("no weight")
    )
    known = result["reward"].notna().to_numpy()
    factor = result["reward"].astype(object).map(dict(policy.value("reward_weights"))).fillna(0.0)
    weight = np.maximum(result["score"].fillna(0.0), 0.0) * factor.astype(np.float64)
    result["weight"] = np.where(known, weight * _base(base, result["subject"]), np.nan)
    cents, faults = _shared(budget_cents, result["weight"].fillna(0.0).to_numpy(np.float64))
    result["cents"] = pd.arrays.IntegerArray(cents, ~known)
    return policy.stamp(with_findings(result.reset_index(drop=True), faults))


def follow_up(
    card: Scorecard,
    checks: object | None = None,
    *,
    as_of: object,
    period: object = None,
    calendar: WorkingCalendar | str = "CN",
    policy: Policy | None = None,
) -> pd.DataFrame:
    """List what is to be done: penalties of a period, and findings of checks that are overdue.

    Args:
        card: From `scorecard`.
        checks: One row per check (`bankcrm.models.Check`).
        as_of: The day.
        period: First day of the period; needed if the card has several.
        calendar: For the due days of penalties.
        policy: That of the card if None. Its table ``reward`` decides on penalties,
            ``action_days`` is the time to act.

    Returns:
        One row per action, the earliest due first: ``subject``, ``action`` (the penalty, or
        ``mend_finding``), ``owner`` (for a penalty the department that answers for the indicator
        that cost most; for a finding who was checked), ``due``, ``because``, ``source`` (rule or
        check).

    Raises:
        DataError: A frame does not fit, or several periods.

    Source: LCM-6, LCM-7.
    """
    as_kind(card, Scorecard, "card", "from scorecard(done)")
    policy = policy_of(policy or card.policy, "scorecards")
    day = as_of_day(as_of)
    found = rewards(card, 0, period=period, policy=policy)
    index = of_period(card, period).index
    owner = owners(card.parts, policy).reindex(index).to_numpy()
    bad = found["reward"].isin(PENALTIES).to_numpy()
    days = int(policy.value("action_days"))
    until = cast("dt.date", add_working_days(day.astype(dt.date), days, calendar=calendar))
    penalties = pd.DataFrame(
        {
            "subject": found["subject"][bad].astype(object),
            "action": found["reward"][bad].astype(object),
            "owner": owner[bad],
            "due": pd.Timestamp(until).as_unit("s"),
            "because": found["because"][bad],
            "source": "rule " + found["rule"][bad].astype(object),
        }
    )
    parts = [penalties, *([] if checks is None else [_overdue(checks, day)])]
    parts = [p for p in parts if len(p)] or [penalties]
    result = pd.concat(parts, ignore_index=True)[_ACTIONS]
    return policy.stamp(result.sort_values("due", kind="stable", ignore_index=True))


def _base(base: pd.Series | None, subjects: pd.Series) -> np.ndarray:
    if base is None:
        return np.ones(len(subjects))
    as_kind(base, pd.Series, "base", "one number per subject, indexed by subject")
    if not base.index.is_unique:
        twice = base.index[base.index.duplicated()].unique()
        raise DataError(f"base: subjects with several numbers ({few(twice)}); give each one number")
    found = as_numbers(base.reindex(subjects.astype(object)), "base")
    missing = np.isnan(found) | (found < 0)
    if missing.any():
        raise DataError(
            f"base: missing or negative for {missing.sum():,} of {len(found):,} subjects "
            f"({few(subjects[missing])}); give each subject of the card a number, 0 or more"
        )
    return found


def _shared(budget: int, weight: np.ndarray) -> tuple[np.ndarray, list[DataFault]]:
    if weight.sum() > 0 or budget == 0:
        return apportion(budget, weight if weight.sum() > 0 else np.ones(len(weight))), []
    apportion(budget, [1])  # refuses a budget that is no whole number of cents
    return np.zeros(len(weight), np.int64), [
        DataFault("card", "reward", "nobody rewarded", 0, (), "a subject with a reward",
                  f"the budget of {budget} cents is not paid")
    ]  # fmt: skip


def _overdue(checks: object, day: np.datetime64) -> pd.DataFrame:
    """The findings that should have been resolved before the day."""
    frame = check_frame(checks, columns_of(Check), frame="checks", key="check_id")
    for name in ("employee_id", "department", "branch", "finding", "due", "resolved"):
        if name not in frame:
            frame[name] = pd.NaT  # missing, for words as for days
    due, resolved = (frame[name].to_numpy().astype("datetime64[D]") for name in ("due", "resolved"))
    made = frame["date"].to_numpy().astype("datetime64[D]") <= day
    late = made & (due < day) & ~(resolved <= day)
    rows = frame[late]
    who = rows["employee_id"].astype(object)
    for name in ("department", "branch"):
        who = who.where(who.notna(), rows[name].astype(object))
    return pd.DataFrame(
        {
            "subject": who,
            "action": "mend_finding",
            "owner": who,
            "due": rows["due"],
            "because": "overdue: " + rows["finding"].astype(object).fillna("finding not stated"),
            "source": "check " + rows["check_id"].astype(str),
        }
    )
