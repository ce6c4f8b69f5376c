"""What each channel is used for, costs and brings, and what it settles at once (PB-8)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_number, as_whole_number
from bankcrm.errors import UnknownNameError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day, codes, days
from bankcrm.frames.numbering import places_of
from bankcrm.intervals import wilson
from bankcrm.vocabulary import Channel, ContactOutcome

_CHANNELS = tuple(str(c) for c in Channel)
_OUTCOMES = tuple(str(o) for o in ContactOutcome)
_CONTACTS = (
    Column("customer_id", "id"),
    Column("channel", "category", choices=_CHANNELS),
    Column("outcome", "category", nullable=True, choices=_OUTCOMES),
)
_DATED = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("channel", "category", choices=_CHANNELS),
    Column("matter", "category"),
)


def channel_measures(
    contacts: object, *, costs: Mapping[str, float] | None = None, confidence: float = 0.95
) -> pd.DataFrame:
    """How each channel is used, what its contacts lead to, and what they cost.

    Customers choose their channels: a difference between two is not due to the channels alone.

    Args:
        contacts: One row per contact: ``customer_id``, ``channel`` and ``outcome`` (null where it
            is not recorded).
        costs: Channel -> cost of one contact, in money; None, or a channel that is not there: the
            cost is null.
        confidence: Coverage of the intervals.

    Returns:
        One row per channel with a contact, in the order of the vocabulary: ``contacts``,
        ``customers``, ``recorded`` (contacts with an outcome), ``answered`` (share of these that
        are not ``no_answer``), ``response`` (share of these that are ``positive``), each with
        ``_low`` and ``_high`` (Wilson), ``cost`` and ``cost_per_response`` (null without one).

    Raises:
        DataError: A column does not fit.
        UnknownNameError: A cost names no channel.

    Source: PB-8.

    >>> made = pd.DataFrame({"customer_id": [1, 1, 2], "channel": ["phone", "phone", "mail"],
    ...                      "outcome": ["positive", "no_answer", None]})
    >>> found = channel_measures(made, costs={"phone": 12})
    >>> found.loc["phone", ["contacts", "customers", "response", "cost_per_response"]].tolist()
    [2.0, 1.0, 0.5, 24.0]
    """
    prices = {k: as_number(v, f"costs[{k!r}]") for k, v in (costs or {}).items()}
    for name in prices:
        if name not in _CHANNELS:
            raise UnknownNameError("channel", name, _CHANNELS)
    frame = check_frame(contacts, _CONTACTS, frame="contacts")
    channel = places_of(frame["channel"], _CHANNELS)
    outcome = places_of(frame["outcome"], _OUTCOMES)

    def count(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(channel[rows], minlength=len(_CHANNELS))

    all_ = count(np.ones(len(frame), np.bool_))
    recorded = count(outcome >= 0)
    positive = count(outcome == _OUTCOMES.index(ContactOutcome.POSITIVE))
    reached = recorded - count(outcome == _OUTCOMES.index(ContactOutcome.NO_ANSWER))
    pairs = np.unique(codes(frame["customer_id"])[0] * len(_CHANNELS) + channel)
    cost = all_ * np.array([prices.get(name, np.nan) for name in _CHANNELS])
    result = {
        "contacts": all_,
        "customers": np.bincount(pairs % len(_CHANNELS), minlength=len(_CHANNELS)),
        "recorded": recorded,
        **_share("answered", reached, recorded, confidence),
        **_share("response", positive, recorded, confidence),
        "cost": cost,
        "cost_per_response": np.divide(
            cost, positive, out=np.full(len(cost), np.nan), where=positive > 0
        ),
    }
    found = pd.DataFrame(result, index=pd.Index(_CHANNELS, name="channel"))
    return found[all_ > 0]


def first_contact_resolution(
    contacts: object, *, as_of: object, within_days: int = 7, confidence: float = 0.95
) -> pd.DataFrame:
    """The share of customers' matters that their first contact settled.

    A matter is settled if the customer does not come back with it within some days, through any
    channel. A contact later than that opens the matter anew. Matters whose days are not over on
    ``as_of`` are not judged yet. Matters count, not contacts: one that takes five contacts is one.

    Args:
        contacts: One row per contact that a customer made: ``customer_id``, ``date``, ``channel``
            and ``matter`` (what it is about, in the bank's own words).
        as_of: The day; later contacts are left out.
        within_days: Days within which a further contact on the matter counts as a return.
        confidence: Coverage of the intervals.

    Returns:
        One row per channel of a first contact, in the order of the vocabulary: ``matters``,
        ``settled``, ``open`` (not judged yet), ``share``, ``share_low`` and ``share_high``
        (Wilson; null where no matter is judged).

    Raises:
        DataError: A column does not fit.

    Source: PB-8.

    >>> made = pd.DataFrame({"customer_id": [1, 1, 2], "channel": ["phone", "branch", "phone"],
    ...     "date": pd.to_datetime(["2026-06-01", "2026-06-04", "2026-06-02"]), "matter": "card"})
    >>> first_contact_resolution(made, as_of="2026-06-30").loc["phone", "share"]
    np.float64(0.5)
    """
    today = as_of_day(as_of)
    within_days = as_whole_number(within_days, "within_days")
    frame = check_frame(contacts, _DATED, frame="contacts")
    frame = frame[days(frame["date"]) <= today]
    day = days(frame["date"]).astype(np.int64)
    matter, _ = codes(frame["matter"])
    customer, _ = codes(frame["customer_id"])
    channel = places_of(frame["channel"], _CHANNELS)
    key = customer * (int(matter.max(initial=0)) + 1) + matter
    order = np.lexsort((channel, day, key))
    key, day, channel = key[order], day[order], channel[order]
    # A contact belongs to the matter before it if it follows within the days.
    gap = np.diff(day, prepend=0)
    opens = (np.diff(key, prepend=-1) != 0) | (gap > within_days)
    returns = np.append(~opens[1:], False)[opens]
    over = (today.astype(np.int64) - day[opens]) >= within_days
    first = channel[opens]

    def count(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
        return np.bincount(first[rows], minlength=len(_CHANNELS))

    judged, settled = count(over | returns), count(over & ~returns)
    matters = count(np.ones(len(first), np.bool_))
    found = pd.DataFrame(
        {
            "matters": matters,
            "settled": settled,
            "open": matters - judged,
            **_share("share", settled, judged, confidence),
        },
        index=pd.Index(_CHANNELS, name="channel"),
    )
    return found[matters > 0]


def _share(
    name: str, hits: npt.NDArray[np.int64], trials: npt.NDArray[np.int64], confidence: float
) -> dict[str, npt.NDArray[np.float64]]:
    share, low, high = wilson(hits, trials, confidence)
    return {name: share, f"{name}_low": low, f"{name}_high": high}
