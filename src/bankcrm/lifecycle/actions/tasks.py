"""What to do when a decision asks for it: the tasks of the policy (PB-7, CBM-4, EB-2, CSC-6)."""

from __future__ import annotations

from typing import Literal

import attrs

from bankcrm.policy import Policy
from bankcrm.vocabulary import Channel, ContactPurpose, Department, word


def _department(name: str) -> Department:
    return word(Department, name)


def _channel(name: str | None) -> Channel | None:
    return word(Channel, name) if name else None


def _purpose(name: str | None) -> ContactPurpose | None:
    return word(ContactPurpose, name) if name else None


@attrs.frozen
class Task:
    """A task that an event asks for, beside the playbook of the stages.

    Attributes:
        event: What asks for it: ``alarm``, ``watch``, ``tier_up``, ``tier_down``, ``reprice``,
            ``cut_cost``, ``exit``, ``wealth``, ``private_banking``, ``answer``, ``follow_up``, or a
            level on the watch list: ``risk_high``, ``risk_raised``, ``risk_none``; of staff:
            ``staff_warning``, ``staff_deduction``, ``staff_transfer``, ``staff_mend_finding``.
        action: The task's name.
        title: The task in words.
        owner: The department that does it (LCM-5); a complaint has an owner of its own.
        channel: How the bank contacts the customer; None: it contacts nobody.
        purpose: What the contact is for; None: ``contact`` where there is a channel, else none.
        due: Days from the event until it is due; 0 for an event with a day of its own.
        unit: Whether those are working days or calendar days.
        source: Where it comes from.
        title_zh: The Chinese title.
    """

    event: str
    action: str
    title: str
    owner: Department = attrs.field(converter=_department)
    channel: Channel | None = attrs.field(default=None, converter=_channel)
    purpose: ContactPurpose | None = attrs.field(default=None, converter=_purpose)
    due: int = 0
    unit: Literal["working_days", "days"] = "working_days"
    source: str = "default"
    title_zh: str = ""


def tasks_for(policy: Policy, *events: str) -> tuple[Task, ...]:
    """The tasks of some events; none where the policy has no list of tasks.

    Args:
        policy: Its records ``task``.
        events: The events.

    >>> from bankcrm.policy import default_policy
    >>> [t.action for t in tasks_for(default_policy("lifecycle"), "alarm")]
    ['retention_call']
    """
    if "task" not in policy.raw_records:
        return ()
    return tuple(t for t in policy.records("task", Task) if t.event in events)
