"""How long records have to be kept, and what may be erased: the longest duty decides."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import PolicyError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Days, as_of_day, days
from bankcrm.frames.instants import local_day
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.quality.privacy.consents import refused_purposes

_CASES = (
    Column("customer_id", "id"),
    Column("received_at", "instant", required=False, nullable=True),
    Column("closed_at", "instant", required=False, nullable=True),
)
ACTIONS = ("keep", "hold", "restrict", "erase")


@attrs.frozen
class RetentionDuty:
    """A duty to keep the records of a customer.

    Attributes:
        id: The duty's name.
        after: The column with the day from which it runs, such as ``closed_date``.
        years: For how long.
        because: Why, for people.
        source: The law or rule.
        confirmation: Whether the figure was checked against its source.
    """

    id: str
    after: str
    years: int
    because: str
    source: str
    confirmation: Literal["primary", "secondary", "unconfirmed"] = "unconfirmed"

    def __attrs_post_init__(self) -> None:
        """Refuse a length below zero."""
        if self.years < 0:
            raise PolicyError(f"retention_duty {self.id}: years are at least 0, saw {self.years}")


def retention_plan(
    customers: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    complaints: object = None,
    requests: object = None,
    consents: object = None,
) -> pd.DataFrame:
    """Plan what is kept, and until when; nothing is erased by it.

    The longest of several duties decides. A customer in a relationship is kept, one with an open
    complaint is held, whatever the dates say. A request for erasure during a duty restricts the use
    of the record and has the day from which it can be met. So does a consent to everything that is
    withdrawn. A duty to keep a record is no permission to use it: ``not_for`` has the purposes that
    the customer refused or withdrew on every channel.

    Args:
        customers: ``customer_id``, ``contract_date`` and ``closed_date`` (null while it lasts), and
            the columns that duties of the policy run from, such as ``last_transaction``.
        as_of: The day.
        policy: The policy ``quality``, whose records ``retention_duty`` are the duties.
        complaints: Complaints or lawsuits: ``customer_id``, and optional ``received_at`` and
            ``closed_at``; one that is not closed by ``as_of`` is open, and so is one without them.
        requests: Requests for erasure: ``customer_id``.
        consents: The statements that hold on the day, from `bankcrm.marketing.consents_as_of`:
            ``customer_id``, ``purpose`` (null: all), ``state`` and optional ``until``.

    Returns:
        One row per customer: ``customer_id``, ``keep_until`` (last day of the longest duty; null
        where no duty has a day), ``duty``, ``action`` (``keep``, ``hold``, ``restrict`` or
        ``erase``), ``reason``, ``source`` and ``not_for`` (purposes joined by commas, ``all`` for
        all; null for none, and where no consents are given).

    Raises:
        DataError: A column is missing or of another type.

    Source: CSC-9, PIPL art. 47.

    >>> begun, ended = pd.to_datetime(["2001-01-01"] * 2), pd.to_datetime(["2010-06-30", None])
    >>> rows = pd.DataFrame({"customer_id": [1, 2], "contract_date": begun, "closed_date": ended})
    >>> retention_plan(rows, as_of="2026-06-30")["action"].tolist()
    ['erase', 'keep']
    """
    policy = policy_of(policy, "quality")
    day = as_of_day(as_of)
    data = as_frame(customers)
    duties = policy.records("retention_duty", RetentionDuty)
    dated = dict.fromkeys(["contract_date", "closed_date", *(d.after for d in duties)])
    contract = [Column("customer_id", "id")]
    contract += [Column(n, "date", n in ("contract_date", "closed_date"), True) for n in dated]
    frame = check_frame(data, contract, frame="customers", key="customer_id")
    until, duty = _longest(frame, duties)
    ids = frame["customer_id"]
    zone = str(policy.value("time_zone"))
    open_case = _named(complaints, ids, "complaints", day, zone)
    asked = _named(requests, ids, "requests", day, zone)
    not_for, withdrawn = refused_purposes(consents, ids, day)
    asked = asked | withdrawn
    begun = days(frame["contract_date"])
    closed = days(frame["closed_date"])
    current = ~np.isnat(begun) & (np.isnat(closed) | (closed > day))
    running = ~np.isnat(until) & (until >= day)
    unknown = np.isnat(until)
    # The first that holds decides.
    cases = [
        (open_case, 1, "an open complaint or lawsuit"),
        (current, 0, "in a relationship with the bank"),
        (running & asked, 2, "asked for erasure or withdrew consent; a duty to keep still runs"),
        (running, 0, ""),
        (unknown & ~asked, 0, "no day from which a duty runs is known: a person decides"),
        (unknown, 2, "asked for erasure or withdrew consent; no duty is known: a person decides"),
        (np.ones(len(frame), np.bool_), 3, "every duty to keep is over"),
    ]
    number = np.select([c[0] for c in cases], range(len(cases)))
    action = np.array([c[1] for c in cases], np.int8)[number]
    reason = np.array([c[2] for c in cases], dtype=object)[number]
    because = np.array([*(d.because for d in duties), ""], dtype=object)[duty]
    shown = np.where(number == 3, because, reason)
    return policy.stamp(
        pd.DataFrame(
            {
                "customer_id": ids,
                "keep_until": until.astype("datetime64[s]"),
                "duty": categorical(duty, [d.id for d in duties]),
                "action": categorical(action, ACTIONS),
                "reason": shown,
                "source": np.array([*(d.source for d in duties), None], dtype=object)[duty],
                "not_for": not_for,
            },
            index=frame.index,
        )
    )


def _longest(
    frame: pd.DataFrame, duties: tuple[RetentionDuty, ...]
) -> tuple[Days, npt.NDArray[np.int8]]:
    """The last day of the longest duty of each customer, and its number; NaT and -1 for none."""
    until = np.full(len(frame), np.datetime64("NaT", "D"))
    number = np.full(len(frame), -1, np.int8)
    for place, duty in enumerate(duties):
        if duty.after not in frame:
            continue
        end = _years_after(days(frame[duty.after]), duty.years)
        longer = ~np.isnat(end) & (np.isnat(until) | (end > until))
        until[longer], number[longer] = end[longer], place
    return until, number


def _years_after(day: Days, years: int) -> Days:
    """The same day of the month after some years; 29 February becomes the 28th."""
    month = day.astype("datetime64[M]")
    later = month + np.timedelta64(12 * years, "M")
    following = (later + np.timedelta64(1, "M")).astype("datetime64[D]")
    last = following - np.timedelta64(1, "D")
    same = later.astype("datetime64[D]") + (day - month.astype("datetime64[D]"))
    return np.asarray(np.minimum(same, last))


def _named(
    rows: object, ids: pd.Series, name: str, day: np.datetime64, zone: str
) -> npt.NDArray[np.bool_]:
    """The customers that some rows name, of those that are known and not closed on the day."""
    if rows is None:
        return np.zeros(len(ids), np.bool_)
    found = check_frame(as_frame(rows), _CASES, frame=name)
    if "received_at" in found:
        received = local_day(found["received_at"], zone)
        found = found[~(received > day)]
    if "closed_at" in found:
        closed = local_day(found["closed_at"], zone)
        found = found[~(closed <= day)]
    return ids.isin(found["customer_id"]).to_numpy(np.bool_)
