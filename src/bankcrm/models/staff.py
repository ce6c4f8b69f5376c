"""The records behind scorecards: staff, who looks after whom, targets, checks and surveys."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from bankcrm.models.constraints import NotBefore, RecordConstraint
from bankcrm.models.record import Id, Record, field, record
from bankcrm.vocabulary import Channel, CheckKind, Department, Product


@record
class Employee(Record):
    """An employee's time in one department and branch (LCM-5, CBM-9).

    Who moves has one record per department and branch.

    >>> Employee(employee_id="E1", department=Department.MARKETING).department.value
    'marketing'
    """

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (NotBefore("until", "since"),)

    employee_id: Id = field("id", meaning="The employee's number.")
    department: Department = field("category", words=Department, meaning="The department.")
    branch: str | None = field("category", default=None, meaning="The branch.")
    since: dt.date | None = field(
        "date", default=None, meaning="First day there; missing means since ever."
    )
    until: dt.date | None = field(
        "date", default=None, meaning="Last day there; missing means still."
    )


@record
class Assignment(Record):
    """The time for which an employee looks after a customer (EB-10)."""

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (NotBefore("until", "since"),)

    customer_id: Id = field("id", meaning="The customer.")
    employee_id: Id = field("id", meaning="The employee.")
    since: dt.date | None = field(
        "date", default=None, meaning="First day; missing means since ever."
    )
    until: dt.date | None = field("date", default=None, meaning="Last day; missing means still.")


@record
class Target(Record):
    """What a department or an employee is to reach (LCM-6)."""

    kpi: str = field("text", meaning="Id of the indicator.")
    subject: Id | None = field(
        "id", default=None, meaning="Department, branch or employee; missing means each of them."
    )
    period: dt.date | None = field(
        "date", default=None, meaning="First day of the period; missing means each period."
    )
    target: float = field("number", meaning="Value that counts 1; lower end of a band.")
    upper: float | None = field(
        "number", default=None, meaning="Upper end of a band, for indicators that are best within."
    )
    baseline: float | None = field(
        "number",
        default=None,
        meaning="Value that counts 0; by default 0, or twice the target where lower is better.",
    )
    cap: float | None = field(
        "number", default=None, unit="share", minimum=1, meaning="Most that counts."
    )
    weight: float | None = field(
        "number", default=None, minimum=0, meaning="Weight in the score; 1 if missing."
    )


@record
class Check(Record):
    """A check of the work of an employee, a department or a branch (LCM-7, EB-8)."""

    CONSTRAINTS: ClassVar[tuple[RecordConstraint, ...]] = (
        NotBefore("due", "date"),
        NotBefore("resolved", "date"),
    )

    check_id: Id = field("id", meaning="The check's number.")
    kind: CheckKind = field("category", words=CheckKind, meaning="Who checked.")
    topic: str | None = field("category", default=None, meaning="What was checked.")
    date: dt.date = field("date", meaning="Day of the check.")
    employee_id: Id | None = field("id", default=None, meaning="Employee who was checked.")
    department: Department | None = field(
        "category", words=Department, default=None, meaning="Department that was checked."
    )
    branch: str | None = field("category", default=None, meaning="Branch that was checked.")
    points: float | None = field("number", default=None, minimum=0, meaning="Points given.")
    maximum: float | None = field("number", default=None, minimum=0, meaning="Points possible.")
    finding: str | None = field("text", default=None, meaning="What is to be mended.")
    due: dt.date | None = field("date", default=None, meaning="Day by which it is to be mended.")
    resolved: dt.date | None = field("date", default=None, meaning="Day on which it was mended.")


@record
class Survey(Record):
    """One question put to a customer or to an employee, and the answer (LCM-7, CBM-9)."""

    survey_id: Id = field("id", meaning="The survey's number.")
    date: dt.date = field("date", meaning="Day of the question.")
    customer_id: Id | None = field("id", default=None, meaning="Customer who was asked.")
    respondent_id: Id | None = field("id", default=None, meaning="Employee who was asked.")
    employee_id: Id | None = field(
        "id", default=None, meaning="Employee whose service the customer was asked about."
    )
    points: float | None = field(
        "number", default=None, meaning="The answer; missing means that none came."
    )
    scale_low: float = field("number", meaning="Worst answer of the scale, such as 0 or 1.")
    scale_high: float = field("number", meaning="Best answer of the scale, such as 5 or 10.")
    channel: Channel | None = field(
        "category", words=Channel, default=None, meaning="Where the question was put."
    )


@record
class Training(Record):
    """An employee's part in a training (LCM-9)."""

    employee_id: Id = field("id", meaning="The employee.")
    topic: str | None = field("category", default=None, meaning="What was taught.")
    date: dt.date = field("date", meaning="Last day of the training.")
    hours: float | None = field(
        "number", default=None, unit="hours", minimum=0, meaning="Length of the training."
    )
    passed: bool | None = field("boolean", default=None, meaning="Whether the test was passed.")


@record
class Competitor(Record):
    """What is known of a competitor in one market on a day (CBM-9)."""

    name: str = field("text", meaning="The competitor.")
    date: dt.date = field("date", meaning="Day of the information.")
    product: Product | None = field(
        "category", words=Product, default=None, meaning="Product; missing means all."
    )
    region: str | None = field("category", default=None, meaning="Region; missing means all.")
    share: float | None = field(
        "number", default=None, unit="share", minimum=0, maximum=1, meaning="Market share."
    )
    campaign: str | None = field("text", default=None, meaning="Campaign that runs.")
    strength: str | None = field("text", default=None, meaning="Strength or weakness.")
    source: str | None = field("text", default=None, meaning="Where the information is from.")
