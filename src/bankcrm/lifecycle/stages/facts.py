"""The facts that a stage rests on, for every customer as of a day, and the stage (LCM-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.holdings import open_on
from bankcrm.book.relationship import LONG_AGO, own_movements, relationship
from bankcrm.book.view import NEVER, BookView, DayNumbers, Mask, Names, Needs, day_number, view_of
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.arrays.blocks import BLOCK
from bankcrm.frames.numbering import Positions, categorical
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages.timeline import DATES, Timeline, read_timeline
from bankcrm.lifecycle.stages.windows import Windows
from bankcrm.policy import Policy

NEEDS = {
    "customers": Needs(("customer_id",), ("kind", *DATES)),
    "transactions": Needs(("customer_id", "date"), ("amount", "kind")),
    "contacts": Needs(("customer_id", "date"), ("purpose",)),
    "accounts": Needs(("customer_id", "product", "opened_date"), ("closed_date",)),
}


def stage_facts(
    customers: object,
    transactions: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    contacts: object = None,
    accounts: object = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Contract, closure, contact, rhythm and activity of every customer as of a day.

    Nothing that happened after ``as_of`` is used. The contract of a customer without a contract
    date is dated by the first movement (``contract_basis`` says which). A customer who makes a
    movement, or signs a new contract, after the closing day has returned and is not closed. Days
    idle count from the customer's last own movement, else from the contract. Transactions of the
    policy's ``bank_made_kinds`` and ``standing_order_kinds`` are not the customer's own.

    Args:
        customers: ``customer_id``; ``kind``, ``first_contact_date``, ``inquiry_date``,
            ``contract_date``, ``closed_date`` where known. Without ``kind`` all are persons.
        transactions: ``customer_id``, ``date``; ``kind`` and ``amount`` where known. May be empty.
        as_of: The day.
        policy: Windows, automatic kinds and quiet products.
        contacts: ``customer_id``, ``date``, ``purpose``: contacts and inquiries, in addition to
            those dated in ``customers``.
        accounts: ``customer_id``, ``product``, ``opened_date``, ``closed_date``: who holds a
            product that needs no movements, such as a term deposit.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        One row per customer, in the order of ``customers``: ``kind``, ``has_contract``, ``closed``,
        ``returned``, ``contacted``, ``inquired``, ``quiet_product`` (bool);
        ``days_since_contract``, ``days_idle`` (Int64, null without a contract);
        ``activity_ratio`` (recent over earlier movements per day: 0 where the recent window is
        empty, 1 where only the earlier one is); ``recent_count``, ``earlier_count``,
        ``automatic_count`` (int64, in the recent window); ``recent_amount``,
        ``earlier_amount`` (turnover, CNY); ``last_activity``; ``active_days``, ``usual_gap_days``
        (mean days between own active days, null below two); ``contract_basis``; and every column
        of ``customers`` that the policy's stage table reads.

    Raises:
        DataError: A frame does not fit, or names a customer who is not in ``customers``.

    Source: LCM-2.

    >>> signed, moved = pd.to_datetime(["2025-01-10"]), pd.to_datetime(["2026-03-01"])
    >>> customers = pd.DataFrame({"customer_id": [1], "contract_date": signed})
    >>> movements = pd.DataFrame({"customer_id": [1], "date": moved})
    >>> facts = stage_facts(customers, movements, as_of="2026-03-31")
    >>> int(facts["days_idle"].iloc[0]), int(facts["days_since_contract"].iloc[0])
    (30, 445)
    """
    policy = lifecycle_policy(policy)
    frames = {
        "customers": customers,
        "transactions": transactions,
        "contacts": contacts,
        "accounts": accounts,
    }
    view = view_of(frames, NEEDS, names=names, zone=policy.value("time_zone"))
    facts = stage_facts_of(view, as_of_day(as_of), policy)
    facts.attrs["as_of"] = str(as_of_day(as_of))
    return policy.stamp(facts)


def stage_facts_of(view: BookView, day: np.datetime64, policy: Policy) -> pd.DataFrame:
    """The same from a view of the frames; see `stage_facts`."""
    number = day_number(day)
    timeline = read_timeline(view, policy)
    windows = Windows(timeline, policy)
    windows.advance(number)
    facts = facts_on(number, timeline, windows, policy)
    start, middle, stop = windows.span
    own, size = timeline.own, timeline.size
    moved = windows.last > LONG_AGO
    last = np.where(moved, windows.last, 0).astype("datetime64[D]").astype("datetime64[s]")
    last[~moved] = np.datetime64("NaT", "s")
    active_days, gap = usual_gap(own.customer[:stop], own.day[:stop], size)
    basis = np.where(timeline.contract <= number, 0, np.where(timeline.first <= number, 1, 2))
    more = {
        "recent_amount": own.amount(size, middle, stop),
        "earlier_amount": own.amount(size, start, middle),
        "automatic_count": _automatic_count(view, number, policy),
        "last_activity": last,
        "active_days": active_days,
        "usual_gap_days": gap,
        "contract_basis": categorical(
            basis.astype(np.int8), ["contract_date", "first_movement", "none"]
        ),
    }
    return table_facts({**facts, **more}, view, policy)


FACTS_OF_ANY_DAY = (
    "kind", "has_contract", "closed", "returned", "contacted", "inquired", "quiet_product",
    "days_since_contract", "days_idle", "activity_ratio", "recent_count", "earlier_count",
)  # fmt: skip
"""The facts of `facts_on`, which are known for every day of the past."""


def facts_on(day: int, timeline: Timeline, windows: Windows, policy: Policy) -> dict[str, object]:
    """The facts that the default stage table reads, on the day that the windows have reached."""
    relation = relationship(timeline.contract, timeline.closed, timeline.first, windows.last, day)
    has_contract, last = relation.has_contract, windows.last
    since = np.where(has_contract, np.int64(day) - relation.contract, 0)
    # A contract signed anew after the last movement restarts the clock; so idle <= since contract.
    idle = np.minimum(since, np.int64(day) - last)
    return {
        "kind": timeline.kind,
        "has_contract": has_contract,
        "closed": relation.closed,
        "returned": relation.returned,
        "contacted": timeline.contacted <= day,
        "inquired": timeline.inquired <= day,
        "quiet_product": _holds_quiet_product(timeline, day),
        "days_since_contract": pd.arrays.IntegerArray(since, ~has_contract),
        "days_idle": pd.arrays.IntegerArray(idle, ~has_contract),
        "activity_ratio": activity_ratio(windows.recent, windows.earlier, policy),
        "recent_count": windows.recent.copy(),
        "earlier_count": windows.earlier.copy(),
    }


def table_facts(facts: Mapping[str, object], view: BookView, policy: Policy) -> pd.DataFrame:
    """These facts, with the columns of the customers that the policy's stage table reads."""
    customers = view["customers"].frame
    asked = [n for n in policy.table("stage").facts if n not in facts and n in customers]
    return pd.DataFrame(
        {**facts, **{n: customers[n].array for n in asked}}, index=view.customers, copy=False
    )


def _holds_quiet_product(timeline: Timeline, day: int) -> Mask:
    """Who holds, on the day, a product that needs no movements."""
    quiet = np.zeros(timeline.size, dtype=np.bool_)
    if timeline.quiet is not None:
        quiet[timeline.quiet.customer()[open_on(timeline.quiet, day)]] = True
    return quiet


def _automatic_count(view: BookView, day: int, policy: Policy) -> npt.NDArray[np.int64]:
    """Movements in the recent window that ran without the customer."""
    moves = view.get("transactions", "date", "kind")
    if moves is None:
        return np.zeros(view.size, dtype=np.int64)
    when = moves.day("date")
    recent = (when > day - int(policy.value("recent_days"))) & (when <= day)
    return np.bincount(
        moves.customer()[recent & ~own_movements(moves, policy)], minlength=view.size
    )


def activity_ratio(
    recent: npt.NDArray[np.int64], earlier: npt.NDArray[np.int64], policy: Policy
) -> npt.NDArray[np.float64]:
    """Movements per day in the recent window over those in the earlier one.

    Nothing recent gives 0, whatever was before; movements after none at all give 1.

    >>> from bankcrm.policy import default_policy
    >>> activity_ratio(np.array([3, 0, 2]), np.array([6, 0, 0]), default_policy("lifecycle"))
    array([0.5, 0. , 1. ])
    """
    recent_rate = recent / policy.value("recent_days")
    earlier_rate = np.maximum(earlier, 1) / policy.value("earlier_days")
    return np.where((earlier == 0) & (recent > 0), 1.0, recent_rate / earlier_rate)


def usual_gap(
    customer: Positions, day: DayNumbers, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Days with a movement, and the mean gap between them in days (NaN below two such days).

    The movements are in order of their day.

    >>> days, gap = usual_gap(np.array([0, 0, 0]), np.array([10, 10, 40], np.int32), 1)
    >>> days.tolist(), gap.tolist()
    ([2], [30.0])
    """
    active = np.zeros(size, dtype=np.int64)
    first, last = np.full(size, NEVER), np.full(size, LONG_AGO, dtype=np.int32)
    bits = np.int64(size.bit_length())
    for rows in _whole_days(day):
        key = np.sort(day[rows].astype(np.int64) << bits | customer[rows])
        key = key[np.append(True, key[1:] != key[:-1])]
        when, who = (key >> bits).astype(np.int32), key & (1 << bits) - 1
        np.add.at(active, who, 1)
        np.minimum.at(first, who, when)
        last[who] = when  # in order of days
    gap = np.full(size, np.nan)
    several = active > 1
    gap[several] = (last[several] - first[several]) / (active[several] - 1)
    return active, gap


def _whole_days(day: DayNumbers) -> Iterator[slice]:
    """Blocks of movements, each with all those of its days."""
    start = 0
    while start < len(day):
        last = day[min(start + BLOCK, len(day)) - 1]
        stop = int(np.searchsorted(day, last, side="right"))
        yield slice(start, stop)
        start = stop


def assign_stages(facts: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """The stage of every customer, and the rule that decided it.

    Args:
        facts: From `stage_facts`, one row per customer; at least the facts that the policy's stage
            table reads.
        policy: Its table ``stage`` decides.

    Returns:
        The facts' index; ``stage`` and ``stage_rule`` (categorical, in the table's order).

    Raises:
        MissingFactError: A fact that the table needs is missing.

    Source: LCM-2.

    >>> facts = pd.DataFrame({
    ...     "kind": ["person"], "has_contract": [True], "closed": [False], "contacted": [True],
    ...     "inquired": [True], "quiet_product": [False], "days_since_contract": [900],
    ...     "days_idle": [200], "activity_ratio": [0.0]})
    >>> assign_stages(facts).iloc[0].tolist()
    ['dormant', 'dormant-idle-person']
    """
    policy = lifecycle_policy(policy)
    decided = policy.table("stage").decide_frame(facts)[["outcome", "rule"]]
    return policy.stamp(decided.set_axis(["stage", "stage_rule"], axis=1))
