"""The sources of actions, in one table: each is a pure function from a situation to drafts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import attrs

from bankcrm.actions.complaints import answer_actions, follow_up_actions
from bankcrm.actions.decisions import (
    membership_actions,
    restriction_actions,
    tier_actions,
    warning_actions,
)
from bankcrm.actions.drafts import Draft
from bankcrm.actions.playbook import care_actions, stage_actions
from bankcrm.actions.risks import risk_actions
from bankcrm.actions.situation import Situation
from bankcrm.actions.staff import staff_actions


@attrs.frozen
class ActionSource:
    """One source of actions.

    A new source is one more entry of `SOURCES`: a function that picks customers by their facts and
    makes a `bankcrm.actions.drafts.Draft` of a task.

    Attributes:
        name: Its name, which the column ``origin`` shows.
        about: Whether it reads the facts of ``customers``, the ``complaints``, or is about
            ``staff``.
        find: The drafts of a situation, one per task. It is row-local: a customer among few
            gets the same drafts as among many.
    """

    name: str
    about: Literal["customers", "complaints", "staff"]
    find: Callable[[Situation], list[Draft]]


SOURCES: tuple[ActionSource, ...] = (
    ActionSource("complaint", "complaints", answer_actions),
    ActionSource("warning", "customers", warning_actions),
    ActionSource("follow_up", "complaints", follow_up_actions),
    ActionSource("stage", "customers", stage_actions),
    ActionSource("tier", "customers", tier_actions),
    ActionSource("membership", "customers", membership_actions),
    ActionSource("restriction", "customers", restriction_actions),
    ActionSource("risk", "customers", risk_actions),
    ActionSource("care", "customers", care_actions),
    ActionSource("staff", "staff", staff_actions),
)
"""Every source; where several find an action for one contact, the first one leads."""
