"""Whether the bank may make each contact of the action list (CSC-7)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.actions.contract import ACTION_COLUMNS, PERMISSIONS
from bankcrm.actions.records import ContactRecords
from bankcrm.actions.situation import Situation
from bankcrm.frames.numbering import categorical, places_of

_UNKNOWN = PERMISSIONS.index("unknown")
_NOBODY = "the customer is not known"
_NO_CONSENTS = "consent is not known"


def permitted(actions: pd.DataFrame, situation: Situation) -> pd.DataFrame:
    """The action list with whether each contact may be made.

    An action counts as a contact on its due day, or today where that is past. Contacts of one
    customer count against each other, by day and then by priority. Without consents nothing is
    allowed: a contact is ``unknown``, or ``never`` where that is sure all the same.

    Args:
        actions: The list, without the columns of the result.
        situation: Its ``contacting`` has the records.

    Returns:
        The list with all columns of the contract.
    """
    contacts = actions["purpose"].notna().to_numpy()
    named = contacts & actions["customer_id"].notna().to_numpy()
    records = situation.contacting
    outcome = np.where(contacts, _UNKNOWN, -1)
    reason = np.full(len(actions), None, dtype=object)
    reason[contacts] = np.where(named, _NO_CONSENTS, _NOBODY)[contacts]
    rule = np.full(len(actions), None, dtype=object)
    free = np.full(len(actions), np.datetime64("NaT", "s"))
    if records is not None and named.any():
        verdict = _verdict(actions[named], situation, records)
        place = places_of(verdict["outcome"], PERMISSIONS)
        sure = place >= 0
        if records.consents is None:
            sure = place == PERMISSIONS.index("never")
        at = np.flatnonzero(named)
        outcome[at[sure]] = place[sure]
        rule[at[sure]] = verdict["rule"].astype(object).to_numpy()[sure]
        recorded = sure | (records.consents is not None)
        reason[at[recorded]] = verdict["reason"].astype(object).to_numpy()[recorded]
        free[at[sure]] = verdict["next_day"].to_numpy()[sure]
    found = actions.assign(
        contact=categorical(outcome, PERMISSIONS),
        contact_rule=pd.Categorical(rule),
        contact_reason=pd.Categorical(reason),
        contact_from=free,
    )
    return found[[c.name for c in ACTION_COLUMNS]]


def _verdict(actions: pd.DataFrame, situation: Situation, records: ContactRecords) -> pd.DataFrame:
    """What the contact policy says to actions that contact a known customer."""
    from bankcrm.marketing import may_contact  # slow to import

    due = actions["due"].to_numpy().astype("datetime64[D]")
    planned = pd.DataFrame(
        {
            "customer_id": actions["customer_id"].astype(records.customers["customer_id"].dtype),
            "date": np.maximum(due, situation.today).astype("datetime64[s]"),
            "purpose": actions["purpose"],
            "channel": actions["channel"],
            "priority": actions["priority"].cat.codes.astype(np.int64),
        }
    )
    cases = situation.complaints
    known = records.complaints and bool(cases["state"].notna().all())
    unanswered = cases[cases["state"].isin(["open", "overdue"]) & cases["customer_id"].notna()]
    return may_contact(
        planned,
        customers=records.customers,
        consents=records.consents,
        contacts=records.contacts,
        complaints=unanswered[["customer_id", "received_at"]] if known else None,
        as_of=situation.day,
        policy=situation.policies["marketing"],
    )
