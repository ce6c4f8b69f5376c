"""The record of a campaign: its state, who approved it, and what is left of its budget (CBM-7)."""

from __future__ import annotations

import datetime as dt

import attrs

from bankcrm.arguments import as_kind, as_number, refuse
from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import CampaignEvent, CampaignState, word


@attrs.frozen
class CampaignStep:
    """One event in the life of a campaign.

    Attributes:
        event: What happened.
        date: The day.
        state: The state that followed.
    """

    event: CampaignEvent
    date: dt.date
    state: CampaignState


@attrs.frozen
class Campaign:
    """A campaign, in one of the steps that CBM-7 names.

    Attributes:
        campaign_id: Its name, by which `assign_groups` draws the groups.
        goal: What it should reach, in words.
        budget: Money planned; None until it is.
        approved_by: Who approved it; empty until somebody did (CSC-8).
        committed: Money ordered and not yet paid.
        spent: Money paid.
        state: Its state.
        history: The steps so far, the oldest first.
    """

    campaign_id: str
    goal: str = ""
    budget: float | None = None
    approved_by: str = ""
    committed: float = 0.0
    spent: float = 0.0
    state: CampaignState = CampaignState.NEEDS
    history: tuple[CampaignStep, ...] = ()

    @property
    def left(self) -> float | None:
        """Budget that is neither committed nor spent; None where no budget is planned."""
        return None if self.budget is None else self.budget - self.committed - self.spent

    def commit(self, amount: float) -> Campaign:
        """The campaign after an order of some money.

        Raises:
            DataError: The amount is not above 0, or more than what is left of the budget.

        >>> Campaign("spring", budget=100.0).commit(30).left
        70.0
        """
        money = _amount(amount)
        if self.left is None or money > self.left:
            raise DataError(f"amount: {money} is more than what is left of the budget: {self.left}")
        return attrs.evolve(self, committed=self.committed + money)

    def spend(self, amount: float) -> Campaign:
        """The campaign after a payment for what was ordered.

        Raises:
            DataError: The amount is not above 0, or more than what is committed.

        >>> paid = Campaign("spring", budget=100.0).commit(30).spend(20)
        >>> paid.committed, paid.spent, paid.left
        (10.0, 20.0, 70.0)
        """
        money = _amount(amount)
        if money > self.committed:
            raise DataError(f"amount: {money} is more than what is committed: {self.committed}")
        return attrs.evolve(self, committed=self.committed - money, spent=self.spent + money)


def move_campaign(
    campaign: Campaign, event: str, *, date: dt.date, policy: Policy | None = None
) -> Campaign:
    """The campaign after an event; the table ``campaign_state`` says which moves are legal.

    Args:
        campaign: The campaign.
        event: One of `bankcrm.vocabulary.CampaignEvent`.
        date: The day of the event, not before that of the last one.
        policy: Marketing policy; the library's default if None.

    Raises:
        IllegalTransitionError: The event is not legal in this state, or what it needs (goal,
            budget, approval) is not there.
        DataError: The event is unknown, or lies before the last one.

    Source: CBM-7, CSC-8.

    >>> plan = move_campaign(Campaign("spring", goal="keep 5% more", budget=9000.0),
    ...                      "needs_collected", date=dt.date(2026, 1, 5))
    >>> str(move_campaign(plan, "analysed", date=dt.date(2026, 1, 9)).state)
    'plan'
    """
    as_kind(campaign, Campaign, "campaign")
    what = word(CampaignEvent, event)
    if not isinstance(date, dt.date):
        refuse("date", "a date", date)
    if campaign.history and date < campaign.history[-1].date:
        raise DataError(f"date: {date} lies before the last step, {campaign.history[-1].date}")
    table = policy_of(policy, "marketing").table("campaign_state")
    decided = table.decide(
        {
            "state": campaign.state.value,
            "event": what.value,
            "has_goal": bool(campaign.goal),
            "has_budget": campaign.budget is not None,
            "approved": bool(campaign.approved_by),
        }
    )
    if decided.outcome == "refused":
        rule = next(r for r in table.rules if r.id == decided.rule)
        raise IllegalTransitionError(
            f"campaign {campaign.campaign_id!r} in state {campaign.state.value!r}: "
            f"{what.value!r} is refused: {rule.because}"
        )
    state = word(CampaignState, decided.outcome)
    step = CampaignStep(what, date, state)
    return attrs.evolve(campaign, state=state, history=(*campaign.history, step))


def _amount(amount: float) -> float:
    money = as_number(amount, "amount")
    if not money > 0:
        raise DataError(f"amount: expected money above 0, got {amount}")
    return money
