"""Shared helpers of complaints: the policy, the columns, local days and business days."""

from __future__ import annotations

import datetime as dt
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_choice, refuse
from bankcrm.book.known import without_later_events
from bankcrm.calendars import business_day, local_day
from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.arrays import Days
from bankcrm.frames.readers import LastDay
from bankcrm.models import columns_of
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import W, word

Mask: TypeAlias = npt.NDArray[np.bool_]

_CONTRACT = {c.name: c for c in columns_of(Complaint)}


def complaints_policy(policy: Policy | None) -> Policy:
    """The given policy, or the domain's default."""
    return policy_of(policy, "complaints")


def contract(*names: str, required: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Columns of the complaint's contract; those not in ``required`` may be absent or null."""
    return tuple(
        attrs.evolve(_CONTRACT[n], required=n in required, nullable=n not in required)
        for n in names
    )


def zoned(as_of: dt.datetime) -> dt.datetime:
    """An instant that has a time zone.

    Raises:
        DataError: It has none, or is no instant.
    """
    if not isinstance(as_of, dt.datetime):
        refuse("as_of", "an aware datetime", as_of)
    if as_of.tzinfo is None:
        raise DataError(f"as_of: {as_of} has no time zone; give an aware datetime")
    return as_of


def time_of(hour: float) -> dt.time | None:
    """An hour such as 16.5 as a time of day; None for 24, the end of the day."""
    minutes = round(hour * 60)
    return None if minutes >= 24 * 60 else dt.time(*divmod(minutes, 60))


def cutoff_of(policy: Policy) -> dt.time | None:
    """The local time from which an instant belongs to the next day; None without a cut-off."""
    return time_of(float(policy.value("cutoff_hour")))


def local_days(instants: pd.Series, policy: Policy) -> Days:
    """The local day of each instant, for questions of what is known and in which month."""
    return local_day(instants, policy.value("time_zone"))


def business_days(instants: pd.Series, policy: Policy) -> Days:
    """The business day of each instant, from which clocks and due days count."""
    return business_day(instants, zone=policy.value("time_zone"), cutoff=cutoff_of(policy))


def known_by(frame: pd.DataFrame, day: np.datetime64, policy: Policy) -> pd.DataFrame:
    """Checked complaints as a day knows them: without later answers, closings and their outcome."""
    until = LastDay(day, policy.value("time_zone"))
    return without_later_events("complaints", frame, until)


def answered_at(frame: pd.DataFrame) -> pd.Series:
    """When each complaint was answered; one closed without an answer counts as answered then.

    Returns:
        Aware instants with the frame's index; missing where it is neither answered nor closed.
    """
    never = pd.Series(pd.DatetimeIndex([pd.NaT] * len(frame), tz="UTC"), index=frame.index)
    answered = frame.get("answered_at", never)
    if "closed_at" not in frame or not answered.isna().any():
        return answered
    closed = frame["closed_at"]
    return closed if answered.isna().all() else answered.where(answered.notna(), closed)


def not_stated(vocabulary: type[W], policy: Policy) -> W:
    """What a policy takes for the kind or the severity of a case that states none.

    Raises:
        DataError: The policy names no such word.

    >>> from bankcrm.vocabulary import Severity
    >>> not_stated(Severity, complaints_policy(None)).value
    'moderate'
    """
    name = f"not_stated_{vocabulary.__name__.lower()}"
    return word(vocabulary, as_choice(policy.value(name), [w.value for w in vocabulary], name))
