"""What early warnings look at, measured against the customer's own rhythm (PB-3)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.balances import average_balances, observations_of
from bankcrm.book.view import NEVER, BookView, DayNumbers, FrameView, Mask, day_number
from bankcrm.policy import Policy

Floats: TypeAlias = npt.NDArray[np.float64]


def signal_facts_of(
    view: BookView, facts: pd.DataFrame, day: np.datetime64, policy: Policy
) -> pd.DataFrame:
    """The facts of early warnings, beside those of stages.

    Args:
        view: ``customers``, ``transactions``, ``accounts``, ``balances`` and ``complaints``, as
            far as the book records them.
        facts: ``has_contract``, ``days_idle``, ``active_days`` and ``usual_gap_days`` from
            `bankcrm.lifecycle.stages.facts.stage_facts_of`, one row per customer of the view.
        day: The day.
        policy: Windows, kinds of pay and the memory for complaints.

    Returns:
        One row per customer: ``has_rhythm`` (enough own active days for a usual gap),
        ``overdue_ratio`` (days idle over that gap, null without a rhythm); ``balance_known``,
        ``balance_ratio`` (average balance of the recent window over that of the earlier one, null
        where it is not known); ``product_closed``; ``complaint_open``; ``complaint_badly_solved``;
        ``salary_gone``.

    Source: PB-3.
    """
    number = day_number(day)
    gap = facts["usual_gap_days"].to_numpy()
    enough = facts["active_days"] >= policy.value("rhythm_days")
    rhythm = enough & facts["has_contract"] & ~np.isnan(gap)
    idle = facts["days_idle"].to_numpy(dtype=np.float64, na_value=np.nan)
    ratio = _balance_ratio(view, number, policy)
    still_open, badly_solved = _complaints(view, number, policy)
    return pd.DataFrame(
        {
            "has_rhythm": rhythm.to_numpy(dtype=np.bool_),
            "overdue_ratio": np.where(rhythm, idle / gap, np.nan),
            "balance_known": ~np.isnan(ratio),
            "balance_ratio": ratio,
            "product_closed": _closed_lately(view, number, policy),
            "complaint_open": still_open,
            "complaint_badly_solved": badly_solved,
            "salary_gone": _salary_gone(view, number, policy),
        },
        index=view.customers,
    )


def _balance_ratio(view: BookView, day: int, policy: Policy) -> Floats:
    """Average balance of the recent window over that of the earlier one, of all accounts."""
    balances = view.get("balances", "account_id", "balance")
    if balances is None:
        return np.full(view.size, np.nan)
    middle = day - int(policy.value("recent_days"))
    start = middle - int(policy.value("earlier_days"))
    closing = _closing_days(view)
    first = np.full(view.size, NEVER, dtype=np.int32)
    np.minimum.at(first, balances.customer(), balances.day("date"))
    with np.errstate(divide="ignore", invalid="ignore"):
        earlier = _average_balance(balances, closing, first, start + 1, middle)
        recent = _average_balance(balances, closing, first, middle + 1, day)
        return np.where(earlier > 0, recent / earlier, np.nan)


def _average_balance(
    balances: FrameView, closing: DayNumbers, first: DayNumbers, start: int, end: int
) -> Floats:
    """Each customer's average balance since the first one known; 0 or null if none is by then."""
    seen, size = observations_of(balances), len(balances.customers)
    found = average_balances(
        seen.account, seen.day, seen.balance, len(closing), start=start, end=end, last_day=closing
    )
    total = np.bincount(seen.owner, found.credit - found.debit, size) * (end - start + 1)
    days = end + 1 - np.maximum(first, start).astype(np.int64)
    average: Floats = total / days
    return average


def _closing_days(view: BookView) -> DayNumbers:
    """The closing day of each account; `NEVER` where it is open or not known."""
    closing = np.full(len(view.accounts()), NEVER, dtype=np.int32)
    accounts = view.get("accounts", "account_id", "closed_date")
    if accounts is not None:
        closing[accounts.account()] = accounts.day("closed_date")
    return closing


def _closed_lately(view: BookView, day: int, policy: Policy) -> Mask:
    """Who closed an account in the recent window."""
    lately = np.zeros(view.size, dtype=np.bool_)
    accounts = view.get("accounts")
    if accounts is not None:
        closed = accounts.day("closed_date")
        recent = (closed > day - int(policy.value("recent_days"))) & (closed <= day)
        lately[accounts.customer()[recent]] = True
    return lately


def _complaints(view: BookView, day: int, policy: Policy) -> tuple[Mask, Mask]:
    """Who has a complaint open, and who has one that was closed to little satisfaction."""
    still, badly = np.zeros(view.size, dtype=np.bool_), np.zeros(view.size, dtype=np.bool_)
    complaints = view.get("complaints", "customer_id")
    if complaints is None:
        return still, badly
    ends = "closed_at" if complaints.has("closed_at") else "answered_at"
    customer, closed = complaints.customer(), complaints.day(ends)
    known = (customer >= 0) & (complaints.day("received_at") <= day)
    if complaints.has(ends):  # else nothing says which are open; the complaints' finding names it
        still[customer[known & (closed > day)]] = True
    low = complaints.numbers("satisfaction") < policy.value("bad_satisfaction")
    fresh = (closed <= day) & (closed > day - int(policy.value("complaint_memory_days")))
    badly[customer[known & low & fresh]] = True
    return still, badly


def _salary_gone(view: BookView, day: int, policy: Policy) -> Mask:
    """Who used to receive regular pay here and no longer does."""
    moves = view.get("transactions", "date", "kind")
    if moves is None:
        return np.zeros(view.size, dtype=np.bool_)
    when = moves.day("date")
    since = day - int(policy.value("salary_memory_days"))
    paid = moves.is_any("kind", policy.value("salary_kinds")) & (when > since) & (when <= day)
    customer, when = moves.customer()[paid], when[paid]
    times = np.bincount(customer, minlength=view.size)
    last = np.full(view.size, since, dtype=np.int32)
    np.maximum.at(last, customer, when)
    gone: Mask = (times >= policy.value("salary_times")) & (
        day - last > int(policy.value("salary_gone_after_days"))
    )
    return gone
