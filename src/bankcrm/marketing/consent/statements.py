"""Dated consents by customer, purpose and channel: what holds on a day (CSC-7)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import check_frame
from bankcrm.frames.arrays import Days, as_of_day, days
from bankcrm.frames.numbering import places_of, positions_in
from bankcrm.models import Consent, columns_of
from bankcrm.vocabulary import Channel, ConsentState, ContactPurpose

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
PURPOSES = tuple(str(p) for p in ContactPurpose)
CHANNELS = tuple(str(c) for c in Channel)
STATES = ("none", *(str(s) for s in ConsentState))
"""The states of a consent, the strictest last; ``none``: the customer never said."""
_CONSENTS = columns_of(Consent)


def consents_as_of(consents: object, as_of: object) -> pd.DataFrame:
    """The last statement of each customer on each purpose and channel that was made by a day.

    Args:
        consents: All statements ever made, with the columns of `bankcrm.models.Consent`:
            ``customer_id``, ``purpose`` and ``channel`` (null: all), ``state``, ``since`` and
            ``until``. Statements of later days are not known yet and are left out.
        as_of: The day.

    Returns:
        One row per customer, purpose and channel, sorted by them: the columns given. Of several
        statements on one day the strictest holds; one that has expired is still the last.

    Raises:
        DataError: A column does not fit.

    Source: CSC-7.

    >>> said = pd.DataFrame({"customer_id": [7, 7], "purpose": ["campaign"] * 2,
    ...     "channel": ["phone"] * 2, "state": ["granted", "withdrawn"],
    ...     "since": pd.to_datetime(["2026-01-05", "2026-03-01"])})
    >>> [consents_as_of(said, day)["state"].tolist() for day in ("2026-02-01", "2026-04-01")]
    [['granted'], ['withdrawn']]
    """
    frame = check_frame(consents, _CONSENTS, frame="consents")
    empty = {"purpose": None, "channel": None, "until": np.datetime64("NaT", "s")}
    frame = frame.assign(**{n: v for n, v in empty.items() if n not in frame})
    frame = frame[days(frame["since"]) <= as_of_day(as_of)]
    strict = places_of(frame["state"], STATES)
    ordered = frame.assign(_strict=strict).sort_values(
        ["customer_id", "purpose", "channel", "since", "_strict", "until"], kind="stable"
    )
    last = ordered.drop_duplicates(["customer_id", "purpose", "channel"], keep="last")
    return last.drop(columns="_strict").reset_index(drop=True)


@attrs.frozen(eq=False)
class Consents:
    """The last statements of some customers, to look many contacts up.

    Attributes:
        customer: Position of each statement's customer.
        purpose: Position in `PURPOSES`; -1 for all.
        channel: Position in `CHANNELS`; -1 for all.
        state: Position in `STATES`.
        until: The last day on which it holds; NaT for no end.
        customers: Number of customers.
    """

    customer: Ints
    purpose: Ints
    channel: Ints
    state: Codes
    until: Days
    customers: int

    @classmethod
    def of(cls, consents: object, customers: pd.Index, as_of: np.datetime64) -> Consents:
        """The statements of these customers that were made by a day."""
        held = consents_as_of(consents, as_of)
        at = positions_in(held["customer_id"], customers)
        held = held[at >= 0]
        return cls(
            customer=at[at >= 0].astype(np.int64),
            purpose=places_of(held["purpose"], PURPOSES),
            channel=places_of(held["channel"], CHANNELS),
            state=places_of(held["state"], STATES).astype(np.int8),
            until=days(held["until"]),
            customers=len(customers),
        )

    def strictest(self, customer: Ints, purpose: Ints, channel: Ints, day: Days) -> Codes:
        """The strictest state, as a position in `STATES`, that holds for each contact."""
        found = np.zeros(len(customer), np.int8)
        kind = self.purpose * (len(CHANNELS) + 1) + self.channel
        for number in np.unique(kind):  # one step per purpose and channel that statements name
            said = np.flatnonzero(kind == number)
            p, c = self.purpose[said[0]], self.channel[said[0]]
            state = np.zeros(self.customers, np.int8)
            until = np.full(self.customers, np.datetime64("NaT", "D"))
            state[self.customer[said]], until[self.customer[said]] = (
                self.state[said],
                self.until[said],
            )
            holds = ~(until[customer] < day)
            holds &= (p < 0) | (purpose == p)
            holds &= (c < 0) | (channel == c)
            np.maximum(found, state[customer], out=found, where=holds)
        return found
