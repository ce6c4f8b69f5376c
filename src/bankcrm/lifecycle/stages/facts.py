"""The facts that a stage rests on, for every customer as of a day (LCM-2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.relationship import LONG_AGO, automatic_kinds, relationship
from bankcrm.book.view import BookView, Mask, Names, Needs, day_number, view_of
from bankcrm.frames import as_of_day, categorical
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages.timeline import (
    NEEDS,
    Ints,
    Timeline,
    Windows,
    read_timeline,
)
from bankcrm.policy import Policy


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

    Whatever happened after ``as_of`` is left out. A customer without a contract date who has
    movements is taken to have signed on the first of them (``contract_basis`` tells which). A
    customer who moved money of their own, or signed anew, after the closing day has returned and
    is not closed. Days idle count from the last movement of the customer's own, else from the
    contract; the policy's ``bank_made_kinds`` and
    ``standing_order_kinds`` are not the customer's own.

    Args:
        customers: ``customer_id``; ``kind``, ``first_contact_date``, ``inquiry_date``,
            ``contract_date``, ``closed_date`` where known. Without ``kind`` all are persons.
        transactions: ``customer_id``, ``date``; ``kind`` and ``amount`` where known. May be empty.
        as_of: The day.
        policy: Windows, automatic kinds and quiet products.
        contacts: ``customer_id``, ``date``, ``purpose``: contacts and inquiries besides those dated
            in ``customers``.
        accounts: ``customer_id``, ``product``, ``opened_date``, ``closed_date``: who holds a
            product that may be quiet, such as a term deposit.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        A row a customer, in the order of ``customers``: ``kind``, ``has_contract``, ``closed``,
        ``returned``, ``contacted``, ``inquired``, ``quiet_product`` (bool);
        ``days_since_contract``, ``days_idle`` (Int64, null without a contract);
        ``activity_ratio`` (recent over earlier movements a day: 0 where the recent window is
        empty, 1 where only the earlier one is); ``recent_count``, ``earlier_count``,
        ``automatic_count`` (int64, in the recent window); ``recent_amount``,
        ``earlier_amount`` (turnover, CNY); ``last_activity``; ``active_days``, ``usual_gap_days``
        (mean days between own active days, null below two); ``contract_basis``; and every column
        of ``customers`` that the policy's stage table asks for.

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
    view = lifecycle_view(frames, policy, names)
    facts = stage_facts_of(view, as_of=as_of_day(as_of), policy=policy)
    facts.attrs["as_of"] = str(as_of_day(as_of))
    return policy.stamp(facts)


def stage_facts_of(view: BookView, *, as_of: np.datetime64, policy: Policy) -> pd.DataFrame:
    """The stage facts from a view of checked frames; see `stage_facts`.

    The facts of a customer depend on that customer's rows alone.
    """
    day = day_number(as_of)
    timeline = timeline_for(policy, view, day)
    windows = windows_for(policy, timeline)
    windows.advance(day)
    facts = facts_at(timeline, windows, day, policy, tuple(policy.table("stage").facts))
    _add_amounts(facts, timeline, windows, day, int(policy.value("recent_days")))
    return facts


def lifecycle_view(
    frames: Mapping[str, object],
    policy: Policy,
    names: Mapping[str, Names] | None,
    needs: Mapping[str, Needs] = NEEDS,
) -> BookView:
    """A view of the frames that a function was given."""
    return view_of(frames, needs, names=names, zone=policy.value("time_zone"))


def timeline_for(policy: Policy, view: BookView, until: int) -> Timeline:
    """The book laid out under the policy's lists of kinds, purposes and products."""
    return read_timeline(
        view,
        until=until,
        automatic_kinds=automatic_kinds(policy),
        lead_purposes=tuple(policy.value("lead_purposes")),
        quiet_products=tuple(policy.value("quiet_products")),
    )


def windows_for(policy: Policy, timeline: Timeline) -> Windows:
    """The policy's recent and earlier window over a timeline."""
    return Windows(timeline, int(policy.value("recent_days")), int(policy.value("earlier_days")))


def facts_at(
    timeline: Timeline, windows: Windows, day: int, policy: Policy, asked: Sequence[str]
) -> pd.DataFrame:
    """The facts that a stage table asks for, on the day that the windows stand at."""
    last = windows.last
    known = relationship(timeline.contract, timeline.closed, timeline.first, last, day)
    contract, has_contract = known.contract, known.has_contract
    since = np.where(has_contract, np.int64(day) - contract, 0)
    # A contract signed anew after the last movement restarts the clock; so idle <= since contract.
    idle = np.where(last > contract, np.int64(day) - last, since)
    recent_days, earlier_days = policy.value("recent_days"), policy.value("earlier_days")
    facts: dict[str, object] = {
        "kind": timeline.kind,
        "has_contract": has_contract,
        "closed": known.closed,
        "returned": known.returned,
        "contacted": timeline.contacted <= day,
        "inquired": timeline.inquired <= day,
        "quiet_product": quiet_on(timeline, day),
        "days_since_contract": _nullable(since, ~has_contract),
        "days_idle": _nullable(idle, ~has_contract),
        "activity_ratio": activity_ratio(
            windows.recent, windows.earlier, recent_days, earlier_days
        ),
        "recent_count": windows.recent.copy(),
        "earlier_count": windows.earlier.copy(),
    }
    carried = [c for c in asked if c not in facts and c in timeline.customers]
    facts.update({c: timeline.customers[c].array for c in carried})
    return pd.DataFrame(facts, index=timeline.index, copy=False)


def activity_ratio(
    recent: npt.NDArray[np.int64],
    earlier: npt.NDArray[np.int64],
    recent_days: float,
    earlier_days: float,
) -> npt.NDArray[np.float64]:
    """Movements a day in the recent window over those in the earlier one.

    Nothing recent gives 0, whatever was before; movements after none at all give 1.

    >>> activity_ratio(np.array([3, 0, 2]), np.array([6, 0, 0]), 90, 90).tolist()
    [0.5, 0.0, 1.0]
    """
    ratio = (recent / recent_days) / (np.maximum(earlier, 1) / earlier_days)
    return np.where((earlier == 0) & (recent > 0), 1.0, ratio)


def quiet_on(timeline: Timeline, day: int) -> Mask:
    """Who holds, on the day, a product that may be quiet by its nature."""
    customer, opened, closed = timeline.quiet
    held = np.zeros(timeline.size, dtype=np.bool_)
    held[customer[(opened <= day) & (day < closed)]] = True
    return held


def usual_gap(
    customer: Ints, day: Ints, size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Days with a movement, and the mean gap between them in days (NaN below two such days).

    >>> days, gap = usual_gap(np.array([0, 0, 0]), np.array([10, 10, 40], np.int32), 1)
    >>> days.tolist(), gap.tolist()
    ([2], [30.0])
    """
    low = int(day.min()) if len(day) else 0
    span = (int(day.max()) - low + 1) if len(day) else 1
    key = np.sort(customer.astype(np.int64) * span + (day.astype(np.int64) - low))
    key = key[np.append(True, key[1:] != key[:-1])] if len(key) else key
    who, when = np.divmod(key, span)
    active = np.bincount(who, minlength=size)
    edge = np.cumsum(active)
    some = active > 0
    gap = np.full(size, np.nan)
    length = np.zeros(size)
    length[some] = when[edge[some] - 1] - when[edge[some] - active[some]]
    several = active > 1
    gap[several] = length[several] / (active[several] - 1)
    return active, gap


def _add_amounts(
    facts: pd.DataFrame, timeline: Timeline, windows: Windows, day: int, recent_days: int
) -> None:
    """Put in what reports and warnings read but no stage table needs."""
    start, middle, stop = windows.span
    own, automatic, size = timeline.own, timeline.automatic, timeline.size
    facts["recent_amount"] = own.amount(size, middle, stop)
    facts["earlier_amount"] = own.amount(size, start, middle)
    facts["automatic_count"] = automatic.count(
        size, automatic.upto(day - recent_days), automatic.upto(day)
    )
    moved = windows.last > LONG_AGO
    when = np.where(moved, windows.last, 0).astype("datetime64[D]").astype("datetime64[s]")
    when[~moved] = np.datetime64("NaT", "s")
    facts["last_activity"] = when
    facts["active_days"], facts["usual_gap_days"] = usual_gap(
        own.customer[:stop], own.day[:stop], size
    )
    has = facts["has_contract"].to_numpy()
    basis = np.where(~has, 2, np.where(timeline.contract <= day, 0, 1)).astype(np.int8)
    facts["contract_basis"] = categorical(basis, ["contract_date", "first_movement", "none"])


def _nullable(values: npt.NDArray[np.int64], null: Mask) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(values, null)
