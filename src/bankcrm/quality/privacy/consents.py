"""What customers refused, and the consents of records that are one customer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import days
from bankcrm.frames.numbering import places_of
from bankcrm.vocabulary import Channel, ConsentState, ContactPurpose

_STATES = [str(s) for s in ConsentState]  # the strictest last
STATEMENTS = (
    Column("customer_id", "id"),
    Column("purpose", "category", nullable=True, choices=tuple(ContactPurpose)),
    Column("channel", "category", required=False, nullable=True, choices=tuple(Channel)),
    Column("state", "category", choices=tuple(ConsentState)),
    Column("until", "date", required=False, nullable=True),
)
"""The statements that hold on a day, as `bankcrm.marketing.consents_as_of` gives them."""


def refused_purposes(
    consents: object, ids: pd.Series, day: np.datetime64
) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.bool_]]:
    """The purposes that each customer refused or withdrew on every channel.

    Args:
        consents: The statements that hold on the day; None: none are known.
        ids: The customers.
        day: The day.

    Returns:
        The purposes joined by commas, null for none; and who withdrew the consent to everything.
    """
    purposes = np.full(len(ids), None, dtype=object)
    withdrawn = np.zeros(len(ids), np.bool_)
    if consents is None:
        return purposes, withdrawn
    said = check_frame(as_frame(consents), STATEMENTS, frame="consents")
    whole = np.ones(len(said), np.bool_)
    if "channel" in said:
        whole &= said["channel"].isna().to_numpy()
    if "until" in said:
        whole &= ~(days(said["until"]) < day)
    strict = said[whole & (said["state"] != ConsentState.GRANTED).to_numpy()]
    named = strict["purpose"].astype(object)
    named = named.where(named.notna(), "all")
    joined = (
        pd.DataFrame({"customer_id": strict["customer_id"], "purpose": named})
        .drop_duplicates()
        .sort_values(["customer_id", "purpose"])
        .groupby("customer_id")["purpose"]
        .agg(", ".join)
    )
    place = joined.index.get_indexer(pd.Index(ids))
    known = place >= 0
    purposes[known] = joined.to_numpy(dtype=object)[place[known]]
    gone = strict[(strict["state"] == ConsentState.WITHDRAWN) & strict["purpose"].isna()]
    return purposes, ids.isin(gone["customer_id"]).to_numpy(np.bool_)


def strictest_of(held: object, crosswalk: pd.DataFrame) -> pd.DataFrame:
    """The statements of records as those of their customers: the strictest of several holds.

    Args:
        held: The statements of each record that hold on a day; ``customer_id`` is the record.
        crosswalk: ``record_id`` and ``customer_id``.
    """
    said = check_frame(as_frame(held), STATEMENTS, frame="consents")
    place = pd.Index(crosswalk["record_id"]).get_indexer(pd.Index(said["customer_id"]))
    said = said[place >= 0]
    said = said.assign(customer_id=crosswalk["customer_id"].array.take(place[place >= 0]))
    key = [c for c in ("customer_id", "purpose", "channel") if c in said]
    strict = places_of(said["state"], _STATES)
    ordered = said.assign(_strict=strict).sort_values([*key, "_strict"], kind="stable")
    found: pd.DataFrame = ordered.drop_duplicates(key, keep="last").drop(columns="_strict")
    return found.reset_index(drop=True)
