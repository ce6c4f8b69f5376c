"""The complaint as a record: its frame, check and JSON are derived from the class."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from bankcrm.models.constraints import NotBefore, RecordConstraint
from bankcrm.models.record import Id, Record, field, record
from bankcrm.vocabulary import Kind, Outcome, Relation, Severity

_SIGNAL = "Signal: "


@record
class Complaint(Record):
    """A complaint of a customer, when it came and how it was handled (CSC-3, CSC-4).

    Personal data is masked in ``repr`` and in errors.

    >>> import datetime as dt
    >>> noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.timezone.utc)
    >>> Complaint(complaint_id=1, received_at=noon, phone="13800138000").phone
    '13800138000'
    """

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (
        NotBefore("sent_at", "received_at"),
        NotBefore("answered_at", "received_at"),
        NotBefore("closed_at", "received_at"),
    )

    complaint_id: Id = field("id", meaning="The complaint's number, unique in the register.")
    customer_id: Id | None = field("id", default=None, meaning="The customer, if known.")
    received_at: dt.datetime = field("instant", meaning="When the bank received it.")
    text: str | None = field("text", default=None, personal=True, meaning="The customer's words.")
    kind: Kind | None = field(
        "category", words=Kind, default=None, meaning="Consultation, suggestion or complaint."
    )
    product: str | None = field("category", default=None, meaning="Product or service concerned.")
    channel: str | None = field("category", default=None, meaning="How it reached the bank.")
    cause: str | None = field("category", default=None, meaning="What caused it.")
    topic: str | None = field(
        "category",
        default=None,
        meaning="What it is about, for clocks that bind only some topics: a topic of the taxonomy.",
    )
    amount_at_stake: Decimal | None = field(
        "money", default=None, unit="CNY", minimum=0, meaning="Money that the customer may lose."
    )
    customers_affected: int | None = field(
        "integer", default=None, minimum=1, meaning="Customers with the same problem."
    )
    contact_name: str | None = field(
        "text", default=None, personal=True, meaning="Who complains (CSC-3)."
    )
    phone: str | None = field("text", default=None, personal=True, meaning="Phone number.")
    email: str | None = field("text", default=None, personal=True, meaning="Mail address.")
    relation: Relation | None = field(
        "category", words=Relation, default=None, meaning="Customer, proxy, heir or guardian."
    )
    authority_shown: bool | None = field(
        "boolean", default=None, meaning="Proxy, heir or guardian has shown the papers."
    )
    first_asked: str | None = field(
        "id", default=None, meaning="Employee asked first, who stays accountable (EB-8)."
    )
    institution: str | None = field(
        "category", default=None, meaning="Whom the complaint is about; missing means this bank."
    )
    in_court: bool | None = field(
        "boolean", default=None, meaning="Already before a court or an arbitrator."
    )
    funds_safety: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "funds at risk, or fraud."
    )
    data_leak: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "customer data were leaked."
    )
    discrimination: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "unequal treatment."
    )
    breach_of_law: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "a law or rule broken."
    )
    regulator: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "referred by a regulator or the government."
    )
    many_customers: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "many customers have the same problem."
    )
    vulnerable: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "old, disabled, under age, in distress."
    )
    legal_threat: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "the customer intends to sue."
    )
    media_threat: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "the customer intends to go public."
    )
    repeat: bool | None = field("boolean", default=None, meaning=_SIGNAL + "the same matter again.")
    reopened: bool | None = field(
        "boolean", default=None, meaning=_SIGNAL + "closed before and opened again.", undated=True
    )
    time_used: float | None = field(
        "number",
        default=None,
        minimum=0,
        unit="share",
        meaning="Share of the time already used.",
        undated=True,
    )
    sent_at: dt.datetime | None = field(
        "instant", default=None, meaning="When it was sent to the institution that it is about."
    )
    acknowledged_at: dt.datetime | None = field(
        "instant", default=None, meaning="When receipt was confirmed to the customer."
    )
    answered_at: dt.datetime | None = field(
        "instant", default=None, meaning="When the answer went to the customer."
    )
    closed_at: dt.datetime | None = field("instant", default=None, meaning="When it was closed.")
    severity: Severity | None = field(
        "category", words=Severity, default=None, meaning="Severity, once assessed.", undated=True
    )
    outcome: Outcome | None = field(
        "category",
        words=Outcome,
        default=None,
        meaning="How it was decided.",
        known_from=("answered_at", "closed_at"),
    )
    redress: Decimal | None = field(
        "money",
        default=None,
        unit="CNY",
        minimum=0,
        meaning="Money paid as redress.",
        known_from=("answered_at", "closed_at"),
    )
    satisfaction: float | None = field(
        "number",
        default=None,
        minimum=0,
        maximum=100,
        unit="points",
        meaning="Satisfaction after the answer.",
        known_from=("answered_at", "closed_at"),
    )
