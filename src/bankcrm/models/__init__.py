"""The records of a bank, each defined once: model, frame contract, JSON and schema."""

from __future__ import annotations

from bankcrm.models.bank import (
    Account,
    Balance,
    Capital,
    Consent,
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
from bankcrm.models.personal import personal_columns
from bankcrm.models.record import Id, Record, columns_of, field, record
from bankcrm.models.staff import (
    Assignment,
    Check,
    Competitor,
    Employee,
    Survey,
    Target,
    Training,
)

__all__ = [
    "Account",
    "Assignment",
    "Balance",
    "Capital",
    "Check",
    "Competitor",
    "Complaint",
    "Consent",
    "Contact",
    "Credit",
    "Customer",
    "Differ",
    "Employee",
    "Id",
    "Link",
    "Loan",
    "Needs",
    "NotBefore",
    "OnlyFor",
    "Record",
    "RecordConstraint",
    "Survey",
    "Target",
    "Training",
    "Transaction",
    "columns_of",
    "field",
    "frame_of",
    "models_of",
    "personal_columns",
    "record",
]
