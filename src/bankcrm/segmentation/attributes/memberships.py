"""Club memberships by average balance: half-year terms, notice, grace (EB-2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.calendars.terms import ONE_DAY, last_day_of_term, next_review
from bankcrm.errors import DataError, missing_columns
from bankcrm.frames import Column
from bankcrm.frames.arrays import as_of_day, days, midnights
from bankcrm.frames.customers import by_customer
from bankcrm.frames.numbering import categorical, places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

_CLUBS = ("none", "wealth", "private_banking")
_COLUMNS = (
    Column("daily_average", "money", False, True, "CNY", "Mean daily financial assets."),
    Column("monthly_average", "money", False, True, "CNY", "Mean of the month."),
    Column("club", "category", False, True, choices=_CLUBS, meaning="The club joined."),
    Column("term_start", "date", False, True, meaning="First day of the present term."),
    Column("term_end", "date", False, True, meaning="Last day of the present term."),
)
_NEVER = np.datetime64("NaT", "D")
_Days = npt.NDArray[np.datetime64]


def memberships(
    average_balances: object, *, as_of: object, policy: Policy | None = None
) -> pd.DataFrame:
    """Find the club of each customer on a day, its term, and who is about to lose it.

    The table ``club`` decides which club a customer's averages qualify for; the table
    ``membership`` decides what happens: join, move up at once, renew at the end of a term, notice
    before it, grace after it, and then step down or expire. The result is the input of the next
    call, with new averages.

    Args:
        average_balances: One row per customer: ``daily_average`` and / or ``monthly_average`` (CNY,
            from `average_balance`); for members ``club``, ``term_start`` and ``term_end``.
        as_of: The day.
        policy: Segmentation policy; the library's default if None.

    Returns:
        Index ``customer_id``: ``club`` (after), ``qualifies_for``, ``status`` and ``status_rule``,
        ``term_start``, ``term_end``, ``notice_from``, ``grace_until``, ``next_review``
        (datetime64), and ``days_left`` (nullable integer).

    Raises:
        DataError: Errors in the frame, or a member has no term.
        MissingFactError: No average of a customer is known.

    Source: EB-2.

    >>> averages = pd.DataFrame({"daily_average": [12e6], "monthly_average": [9e6]}, index=[1])
    >>> member = memberships(averages, as_of="2026-03-10").iloc[0]
    >>> member["club"], member["status"], str(member["term_end"].date())
    ('private_banking', 'join', '2026-06-30')
    """
    policy = policy_of(policy, "segmentation")
    today = as_of_day(as_of)
    frame = _members(average_balances)
    held = places_of(frame["club"], _CLUBS)
    held = np.where(held < 0, 0, held)
    start, end = days(frame["term_start"]), days(frame["term_end"])
    club = policy.table("club").decide_frame(frame[["daily_average", "monthly_average"]])
    now = places_of(club["outcome"], _CLUBS)
    grace_until = end + np.timedelta64(policy.value("membership_grace_days"), "D")
    notice_from = end - np.timedelta64(policy.value("membership_notice_days"), "D")
    term = np.select([end < today, notice_from <= today], [2, 1], 0)
    compared = np.sign(now - held) + 1
    facts = pd.DataFrame(
        {
            "member": held > 0,
            "qualifies": now > 0,
            "compared": categorical(compared, ("below", "same", "above"), ordered=True),
            "term": categorical(term, ("running", "notice", "over"), ordered=True),
            "grace_over": ~(today <= grace_until),
        },
        index=frame.index,
    )
    decided = policy.table("membership").decide_frame(facts)
    status = decided["outcome"].astype(object).to_numpy()
    fresh = np.isin(status, ["join", "move_up", "renew", "step_down"])
    ended = np.isin(status, ["none", "expired"])
    after = np.where(fresh, now, np.where(ended, 0, held))
    start = np.where(fresh, today, np.where(ended, _NEVER, start))
    end = np.where(fresh, _term_end(today, policy), np.where(ended, _NEVER, end))
    notice = end - np.timedelta64(policy.value("membership_notice_days"), "D")
    left = pd.array((end - today).astype(np.int64), dtype="Int64")
    left[np.isnat(end)] = pd.NA
    review = next_review(today, policy.value("review_months"))
    columns = {
        "club": categorical(after, _CLUBS, ordered=True),
        "qualifies_for": categorical(now, _CLUBS, ordered=True),
        "status": decided["outcome"].array,
        "status_rule": decided["rule"].array,
        "term_start": midnights(start),
        "term_end": midnights(end),
        "notice_from": midnights(notice),
        "grace_until": midnights(np.where(status == "grace", grace_until, _NEVER)),
        "next_review": midnights(np.full(len(frame), review)),
        "days_left": left,
    }
    return policy.stamp(pd.DataFrame(columns, index=frame.index))


def _members(average_balances: object) -> pd.DataFrame:
    frame = by_customer(average_balances, _COLUMNS, "average_balances")
    if not {"daily_average", "monthly_average"} & set(frame.columns):
        names = ["daily_average or monthly_average"]
        raise missing_columns("average_balances", names, frame.columns)
    for column in _COLUMNS:
        if column.name not in frame:
            frame[column.name] = pd.NaT if column.kind == "date" else np.nan
    member = frame["club"].notna() & (frame["club"].astype(object) != "none")
    loose = member & (frame["term_start"].isna() | frame["term_end"].isna())
    if loose.any():
        first = few(frame.index[loose])
        raise DataError(
            f"average_balances: {int(loose.sum())} members without a term ({first}); "
            "give term_start and term_end"
        )
    return frame


def _term_end(today: np.datetime64, policy: Policy) -> np.datetime64:
    """The last day of a term that begins today."""
    if policy.value("membership_terms") == "calendar":
        end: np.datetime64 = next_review(today, policy.value("review_months")) - ONE_DAY
        return end
    last: np.datetime64 = last_day_of_term(
        np.array([today]), int(policy.value("membership_months"))
    )[0]
    return last
