"""The records of a bank, each defined once: model, frame contract, JSON and schema."""

from __future__ import annotations

from bankcrm.models.bank import (
    Account,
    Balance,
    Capital,
    Contact,
    Credit,
    Customer,
    Link,
    Loan,
    Transaction,
)
from bankcrm.models.complaint import Complaint
from bankcrm.models.constraints import Differ, Needs, NotBefore, OnlyFor, RecordConstraint
from bankcrm.models.frames import frame_of, models_of
from bankcrm.models.record import Id, Record, columns_of, field, record

__all__ = [
    "Account",
    "Balance",
    "Capital",
    "Complaint",
    "Contact",
    "Credit",
    "Customer",
    "Differ",
    "Id",
    "Link",
    "Loan",
    "Needs",
    "NotBefore",
    "OnlyFor",
    "Record",
    "RecordConstraint",
    "Transaction",
    "columns_of",
    "field",
    "frame_of",
    "models_of",
    "record",
]
