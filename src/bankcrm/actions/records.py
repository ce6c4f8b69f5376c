"""What a book records about whom the bank may contact (CSC-7)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import pandas as pd

_PERSON = ("kind", "birth_date", "do_not_contact", "deceased")
RECORDED = ("consents", "customers.do_not_contact", "customers.deceased")
"""Frames and columns without any of which a book says nothing about it."""


@attrs.frozen(eq=False)
class ContactRecords:
    """What a book records about whom the bank may contact.

    Attributes:
        customers: ``customer_id``, ``kind``, ``birth_date``, ``do_not_contact``, ``deceased``.
        consents: What customers said; None: not recorded.
        contacts: Contacts made; None: not recorded.
        complaints: Whether complaints are recorded.
    """

    customers: pd.DataFrame
    consents: pd.DataFrame | None = None
    contacts: pd.DataFrame | None = None
    complaints: bool = False

    @classmethod
    def of(cls, frames: Mapping[str, pd.DataFrame], recorded: Collection[str]) -> ContactRecords:
        """The records of a book.

        Consents say who refuses all contact (for every purpose and channel): a book that has them
        needs no column ``do_not_contact``.

        Args:
            frames: Checked frames by name.
            recorded: The frames that the whole book records.
        """
        people = frames["customers"]
        if "consents" in recorded and "do_not_contact" not in people:
            people = people.assign(do_not_contact=False)
        people = people.assign(**{c: None for c in _PERSON if c not in people})
        return cls(
            people[["customer_id", *_PERSON]],
            frames.get("consents") if "consents" in recorded else None,
            frames.get("contacts") if "contacts" in recorded else None,
            "complaints" in recorded,
        )
