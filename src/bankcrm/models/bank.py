"""The records of a bank: customers, what they hold and owe, and how they belong together."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import ClassVar

from bankcrm.models.constraints import Differ, Needs, NotBefore, OnlyFor, RecordConstraint
from bankcrm.models.record import Id, Record, field, record
from bankcrm.vocabulary import (
    Channel,
    ConsentState,
    ContactOutcome,
    ContactPurpose,
    CreditKind,
    CreditStanding,
    CustomerKind,
    Gender,
    LinkKind,
    LoanStatus,
    Product,
    Sector,
    TransactionKind,
)


@record
class Customer(Record):
    """A person or a company that the bank knows, from first contact on (LCM-1, CBM-9).

    >>> Customer(customer_id=7, kind=CustomerKind.PERSON, name="Li Na").name
    'Li Na'
    """

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (
        NotBefore("closed_date", "contract_date"),
        NotBefore("contract_date", "birth_date", at_fault="birth_date"),
        Needs("closure_reason", "closed_date"),
        Differ("referred_by", "customer_id"),
        OnlyFor("birth_date", "kind", "person"),
        OnlyFor("gender", "kind", "person"),
        OnlyFor("marital_status", "kind", "person"),
    )

    customer_id: Id = field("id", meaning="The customer's number, unique in the book.")
    kind: CustomerKind = field("category", words=CustomerKind, meaning="Person or company.")
    name: str | None = field("text", default=None, personal=True, meaning="Full name.")
    birth_date: dt.date | None = field(
        "date", default=None, personal=True, meaning="Day of birth of a person."
    )
    gender: Gender | None = field("category", words=Gender, default=None, meaning="Gender.")
    occupation: str | None = field(
        "category", default=None, meaning="Occupation, in the bank's own words (CSC-1)."
    )
    education: str | None = field(
        "category", default=None, meaning="Education, in the bank's own words."
    )
    marital_status: str | None = field(
        "category", default=None, meaning="Marital status, in the bank's own words."
    )
    income: Decimal | None = field(
        "money",
        default=None,
        unit="CNY per year",
        minimum=0,
        meaning="Income of a person.",
        undated=True,
    )
    city: str | None = field("category", default=None, meaning="City of residence or seat.")
    region: str | None = field("category", default=None, meaning="Region of residence or seat.")
    branch: str | None = field("category", default=None, meaning="Branch that keeps the customer.")
    manager: str | None = field(
        "category",
        default=None,
        meaning="Employee who looks after the customer (EB-10).",
        undated=True,
    )
    sector: Sector | None = field(
        "category", words=Sector, default=None, meaning="Sector of the economy (CBM-2)."
    )
    industry: str | None = field("category", default=None, meaning="Industry of a company.")
    employees: int | None = field(
        "integer",
        default=None,
        unit="people",
        minimum=0,
        meaning="Staff of a company.",
        undated=True,
    )
    revenue: Decimal | None = field(
        "money",
        default=None,
        unit="CNY per year",
        minimum=0,
        meaning="Revenue of a company.",
        undated=True,
    )
    total_assets: Decimal | None = field(
        "money",
        default=None,
        unit="CNY",
        minimum=0,
        meaning="Assets as the customer reports them.",
        undated=True,
    )
    first_contact_date: dt.date | None = field(
        "date", default=None, meaning="First contact of any kind (LCM-2)."
    )
    inquiry_date: dt.date | None = field(
        "date", default=None, meaning="First question about a product (LCM-2)."
    )
    contract_date: dt.date | None = field(
        "date", default=None, meaning="First contract; missing for prospects and leads (LCM-2)."
    )
    closed_date: dt.date | None = field(
        "date", default=None, meaning="Day on which the customer ended the relationship (LCM-2)."
    )
    closure_reason: str | None = field(
        "category",
        default=None,
        meaning="Why the relationship ended (CBM-5, CBM-9).",
        known_from=("closed_date",),
    )
    referred_by: Id | None = field(
        "id", default=None, meaning="Customer who referred this one (LCM-6)."
    )
    risk_grade: str | None = field(
        "category",
        default=None,
        meaning="Risk grade, in the bank's own words (CSC-2).",
        undated=True,
    )
    credit_standing: CreditStanding | None = field(
        "category",
        words=CreditStanding,
        default=None,
        meaning="Credit standing (CBM-3).",
        undated=True,
    )
    satisfaction: float | None = field(
        "number",
        default=None,
        unit="points",
        minimum=0,
        maximum=100,
        meaning="Last survey (CSC-2).",
        undated=True,
    )
    do_not_contact: bool | None = field(
        "boolean", default=None, meaning="Whether the customer refuses all contact.", undated=True
    )
    deceased: bool | None = field(
        "boolean", default=None, meaning="Whether the customer has died.", undated=True
    )
    phone: str | None = field("text", default=None, personal=True, meaning="Phone number.")
    email: str | None = field("text", default=None, personal=True, meaning="Mail address.")


@record
class Account(Record):
    """A product that a customer holds."""

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (NotBefore("closed_date", "opened_date"),)

    account_id: Id = field("id", meaning="The account's number, unique in the book.")
    customer_id: Id = field("id", meaning="The owner.")
    product: Product = field("category", words=Product, meaning="What the account is.")
    opened_date: dt.date = field("date", meaning="Day of opening.")
    closed_date: dt.date | None = field("date", default=None, meaning="Day of closing.")
    currency: str | None = field("category", default=None, meaning="Currency by ISO 4217.")
    rate: float | None = field(
        "number",
        default=None,
        unit="rate per year",
        minimum=-1,
        maximum=1,
        meaning="Interest rate, 0.03 for three per cent.",
        undated=True,
    )


@record
class Transaction(Record):
    """A movement on a customer's account."""

    transaction_id: Id | None = field("id", default=None, meaning="The transaction's number.")
    customer_id: Id = field("id", meaning="The customer whose account moved.")
    account_id: Id | None = field("id", default=None, meaning="The account that moved.")
    date: dt.date = field("date", meaning="Booking day.")
    amount: Decimal = field(
        "money", unit="CNY", meaning="Signed amount: in is positive, out is negative."
    )
    kind: TransactionKind = field("category", words=TransactionKind, meaning="What it is for.")
    channel: Channel | None = field(
        "category", words=Channel, default=None, meaning="Where it was made (PB-8)."
    )
    product: Product | None = field(
        "category", words=Product, default=None, meaning="Product that it belongs to."
    )
    counterparty: str | None = field(
        "text", default=None, meaning="The other side, as the bank codes it."
    )
    balance: Decimal | None = field(
        "money", default=None, unit="CNY", meaning="Balance of the account afterwards."
    )


@record
class Balance(Record):
    """The balance of an account at the end of a day."""

    account_id: Id = field("id", meaning="The account.")
    customer_id: Id = field("id", meaning="The owner.")
    date: dt.date = field("date", meaning="Day at whose end the balance holds.")
    balance: Decimal = field(
        "money", unit="CNY", meaning="Balance; what the customer owes is negative."
    )
    product: Product | None = field(
        "category", words=Product, default=None, meaning="What the account is."
    )


@record
class Loan(Record):
    """A loan to a customer."""

    loan_id: Id = field("id", meaning="The loan's number, unique in the book.")
    customer_id: Id = field("id", meaning="The borrower.")
    account_id: Id | None = field("id", default=None, meaning="The account that pays.")
    granted_date: dt.date = field("date", meaning="Day of granting.")
    amount: Decimal = field("money", unit="CNY", minimum=0, meaning="Principal granted.")
    term_months: int = field("integer", unit="months", minimum=1, meaning="Length of the loan.")
    payment: Decimal | None = field(
        "money", default=None, unit="CNY per month", minimum=0, meaning="Monthly payment."
    )
    rate: float | None = field(
        "number",
        default=None,
        unit="rate per year",
        minimum=-1,
        maximum=1,
        meaning="Interest rate.",
    )
    outstanding: Decimal | None = field(
        "money", default=None, unit="CNY", minimum=0, meaning="Principal still owed.", undated=True
    )
    status: LoanStatus = field(
        "category", words=LoanStatus, meaning="How the loan stands.", undated=True
    )
    pd: float | None = field(
        "number",
        default=None,
        unit="probability per year",
        minimum=0,
        maximum=1,
        meaning="Probability of default.",
        undated=True,
    )
    lgd: float | None = field(
        "number",
        default=None,
        unit="share",
        minimum=0,
        maximum=1,
        meaning="Loss given default.",
        undated=True,
    )


@record
class Contact(Record):
    """A meeting of bank and customer (CSC-7, CSC-8, PB-8)."""

    contact_id: Id = field("id", meaning="The contact's number, unique in the book.")
    customer_id: Id = field("id", meaning="The customer.")
    date: dt.date = field("date", meaning="Day of the contact.")
    channel: Channel = field("category", words=Channel, meaning="Where they met.")
    purpose: ContactPurpose = field("category", words=ContactPurpose, meaning="Why they met.")
    campaign: str | None = field("category", default=None, meaning="Campaign that it belongs to.")
    outcome: ContactOutcome | None = field(
        "category", words=ContactOutcome, default=None, meaning="What it led to."
    )
    response: str | None = field("text", default=None, meaning="What the customer answered.")


@record
class Consent(Record):
    """What a customer said to a kind of contact on a day (CSC-7)."""

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (NotBefore("until", "since"),)

    customer_id: Id = field("id", meaning="The customer.")
    purpose: ContactPurpose | None = field(
        "category", words=ContactPurpose, default=None, meaning="For what; missing: for all."
    )
    channel: Channel | None = field(
        "category", words=Channel, default=None, meaning="By which channel; missing: by all."
    )
    state: ConsentState = field("category", words=ConsentState, meaning="What the customer said.")
    since: dt.date = field("date", meaning="Day of the statement.")
    until: dt.date | None = field(
        "date",
        default=None,
        meaning="Last day on which it holds; it may lie ahead.",
        known_from=("since",),
    )


@record
class Link(Record):
    """A tie between two customers, or a customer and an outside party (EB-4)."""

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (
        Differ("child_id", "parent_id"),
        NotBefore("until", "since"),
    )

    parent_id: Id = field(
        "id",
        meaning="Owner, controller, manager, guarantor, head of the family, or the party on whom "
        "the other depends.",
    )
    child_id: Id = field("id", meaning="The other party.")
    share: float | None = field(
        "number",
        default=None,
        unit="share",
        minimum=0,
        maximum=1,
        meaning="Share of the votes held; for `depends`, part of the other's revenue or cost.",
    )
    link: LinkKind = field("category", words=LinkKind, meaning="What ties them.")
    since: dt.date | None = field("date", default=None, meaning="Day from which the tie holds.")
    until: dt.date | None = field("date", default=None, meaning="Last day on which the tie holds.")


@record
class Credit(Record):
    """Credit that the bank grants to a customer, on or off the balance sheet (EB-4)."""

    credit_id: Id = field("id", meaning="The credit's number, unique in the book.")
    customer_id: Id = field("id", meaning="The customer.")
    branch: str | None = field("category", default=None, meaning="Branch that grants the credit.")
    kind: CreditKind = field("category", words=CreditKind, meaning="One of the 15 kinds of EB-4.")
    limit: Decimal | None = field(
        "money", default=None, unit="CNY", minimum=0, meaning="Limit granted.", undated=True
    )
    drawn: Decimal = field(
        "money", unit="CNY", minimum=0, meaning="Amount used or issued.", undated=True
    )
    committed: bool | None = field(
        "boolean",
        default=None,
        meaning="Whether the bank cannot take back the unused part.",
        undated=True,
    )
    months: int | None = field(
        "integer", default=None, unit="months", minimum=0, meaning="Original maturity."
    )
    cover: Decimal | None = field(
        "money",
        default=None,
        unit="CNY",
        minimum=0,
        meaning="Value of deposits and collateral that cover it.",
        undated=True,
    )
    currency: str | None = field(
        "category",
        default=None,
        meaning="Currency of the contract (ISO 4217); the amounts are in that of the book.",
    )
    granted_date: dt.date | None = field("date", default=None, meaning="Day of granting.")


@record
class Capital(Record):
    """The bank's own capital on a day, the base of the limits of credit (EB-4)."""

    date: dt.date = field("date", meaning="Day of the figures.")
    net: Decimal | None = field(
        "money", default=None, unit="CNY", meaning="Net capital after deductions."
    )
    tier1: Decimal | None = field(
        "money", default=None, unit="CNY", meaning="Net tier 1 capital after deductions."
    )
