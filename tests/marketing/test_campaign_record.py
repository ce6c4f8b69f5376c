"""The record of a campaign: legal moves, refused ones with a reason, and its budget."""

from __future__ import annotations

import datetime as dt
from itertools import product

import attrs
import pytest

from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.marketing import Campaign, move_campaign
from bankcrm.policy import default_policy
from bankcrm.vocabulary import CampaignEvent, CampaignState

DAY = dt.date(2026, 1, 5)
READY = Campaign("spring", goal="keep 5% more", budget=1_000.0, approved_by="head of retail")
STEPS = ("needs_collected", "analysed", "approved", "started", "ended", "evaluated")


def test_the_five_steps_with_approval() -> None:
    campaign = READY
    for i, event in enumerate(STEPS):
        campaign = move_campaign(campaign, event, date=DAY + dt.timedelta(days=i))
    states = [str(step.state) for step in campaign.history]
    assert states == ["analysis", "plan", "approved", "marketing", "check", "closed"]


def test_every_state_and_event_moves_on_or_is_refused() -> None:
    legal = set()
    for state, event in product(CampaignState, CampaignEvent):
        try:
            move_campaign(attrs.evolve(READY, state=state), event, date=DAY)
        except IllegalTransitionError:
            continue
        legal.add((str(state), str(event)))
    live = ("needs", "analysis", "plan", "approved", "marketing", "check")
    assert legal == {*zip(live, STEPS, strict=True), *((s, "cancelled") for s in live)}


@pytest.mark.parametrize(
    ("lacks", "reason"),
    [
        ({"goal": ""}, "without a goal"),
        ({"budget": None}, "without a budget"),
        ({"approved_by": ""}, "who approved"),
    ],
)
def test_no_approval_without_goal_budget_and_name(lacks: dict[str, object], reason: str) -> None:
    campaign = attrs.evolve(READY, state=CampaignState.PLAN, **lacks)
    with pytest.raises(IllegalTransitionError, match=reason):
        move_campaign(campaign, "approved", date=DAY)


def test_steps_follow_in_time() -> None:
    campaign = move_campaign(READY, "needs_collected", date=DAY)
    assert move_campaign(campaign, "analysed", date=DAY).history[-1].date == DAY
    with pytest.raises(DataError, match="before the last step"):
        move_campaign(campaign, "analysed", date=DAY - dt.timedelta(days=1))
    with pytest.raises(DataError, match="CampaignEvent"):
        move_campaign(campaign, "finished", date=DAY)


def test_the_budget_adds_up() -> None:
    campaign = READY.commit(300).commit(200).spend(450)
    assert (campaign.committed, campaign.spent, campaign.left) == (50, 450, 500)
    assert campaign.commit(500).left == 0
    assert campaign.spend(50).committed == 0
    with pytest.raises(DataError, match="left of the budget"):
        campaign.commit(501)
    with pytest.raises(DataError, match="committed"):
        campaign.spend(51)
    with pytest.raises(DataError, match="left of the budget: None"):
        Campaign("x").commit(1)


def test_the_table_has_no_gap_and_no_shadow() -> None:
    assert not default_policy("marketing").table("campaign_state").check()
