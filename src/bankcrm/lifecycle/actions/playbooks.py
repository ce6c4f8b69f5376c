"""What to do for a customer in a stage: the playbook of the policy (LCM-3, LCM-5, CSC-7)."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import attrs

from bankcrm.errors import UnknownNameError
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy
from bankcrm.vocabulary import Channel, ContactPurpose, Department, Tier, word

Starts = Literal["stage", "contract", "birthday", "festival", "regular"]


def _department(name: str) -> Department:
    return word(Department, name)


def _channel(name: str) -> Channel:
    return word(Channel, name)


def _purpose(name: str) -> ContactPurpose:
    return word(ContactPurpose, name)


@attrs.frozen
class Action:
    """One action of a playbook.

    Attributes:
        stage: The stage of the customers.
        action: The action's name.
        title: The action in words.
        owner: The department that does it (LCM-5).
        channel: How the bank contacts the customer.
        due: Days from the occasion until it is due.
        unit: Whether those are working days or calendar days.
        starts: The occasion: entering the ``stage``, the ``contract``, the ``birthday``, a
            ``festival``, or ``regular``: every ``due`` days from the contract on.
        cause: Only where the cause of dormancy or loss is known to be this one; empty for any.
        tier: Only for this tier; empty for any.
        source: Where it comes from.
        title_zh: The Chinese title.
        purpose: What the contact is for.
    """

    stage: str
    action: str
    title: str
    owner: Department = attrs.field(converter=_department)
    channel: Channel = attrs.field(converter=_channel)
    due: int
    unit: Literal["working_days", "days"] = "working_days"
    starts: Starts = "stage"
    cause: str = ""
    tier: str = ""
    source: str = "default"
    title_zh: str = ""
    purpose: ContactPurpose = attrs.field(default=ContactPurpose.CONTACT, converter=_purpose)


@attrs.frozen
class Festival:
    """A day on which the bank greets its customers.

    Attributes:
        name: The festival's name.
        date: The day.
        zh: The Chinese name.
    """

    name: str
    date: dt.date
    zh: str = ""


def playbook(
    stage: str,
    cause: str | None = None,
    tier: Tier | str | None = None,
    *,
    policy: Policy | None = None,
) -> tuple[Action, ...]:
    """What to do for a customer in a stage.

    Of several actions of one name, the most specific one for the given cause and tier is taken;
    actions for other causes and tiers are left out.

    Args:
        stage: The stage.
        cause: The coded cause of dormancy or loss, if known.
        tier: The customer's tier, if known.
        policy: Its records ``playbook`` are the actions.

    Raises:
        UnknownNameError: The playbook has no such stage.

    Source: LCM-3, LCM-5.

    >>> [a.action for a in playbook("new")][:2]
    ['open_accounts', 'welcome_call']
    """
    actions = lifecycle_policy(policy).records("playbook", Action)
    if not isinstance(stage, str) or stage not in {a.stage for a in actions}:
        raise UnknownNameError(
            "stage in the playbook", str(stage), dict.fromkeys(a.stage for a in actions)
        )
    if tier is not None:
        word(Tier, tier)
    chosen: dict[str, Action] = {}
    for action in actions:
        fits = action.cause in ("", cause) and action.tier in (
            "",
            None if tier is None else str(tier),
        )
        if action.stage == stage and fits:
            other = chosen.get(action.action)
            if other is None or specificity(action) > specificity(other):
                chosen[action.action] = action
    return tuple(chosen.values())


def specificity(action: Action) -> int:
    """Rank of an action among those of one name: a cause counts more than a tier."""
    return 2 * bool(action.cause) + bool(action.tier)
