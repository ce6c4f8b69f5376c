"""The sources of actions against loops over single customers, at each limit."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm.actions.decisions import membership_actions, restriction_actions, tier_actions
from bankcrm.actions.drafts import Draft, reasons_of, reasons_of_table
from bankcrm.actions.playbook import care_actions, stage_actions
from bankcrm.actions.risks import owners_of
from bankcrm.actions.situation import Situation, calendar_for
from bankcrm.calendars import working_calendar
from bankcrm.lifecycle.actions.playbooks import Festival, playbook
from bankcrm.policy import default_policies
from bankcrm.vocabulary import Stage

TODAY = dt.date(2026, 6, 30)
DAY = dt.timedelta(days=1)
LADDER = ["restricted", "ordinary", "potential", "key", "premium"]


def at(facts: pd.DataFrame, day: dt.date = TODAY, **more: Any) -> Situation:
    calendar = calendar_for(working_calendar("CN"), day)
    return Situation(facts, pd.DataFrame(), day, default_policies(), calendar, **more)


def found_in(drafts: list[Draft]) -> Counter[tuple[int, str, str, str]]:
    """Position of the customer, action, occasion and due day of each task."""
    return Counter(
        (int(row), d.task.action, str(on), str(due))
        for d in drafts
        for row, on, due in zip(d.rows, d.occasion, d.due, strict=True)
    )


def test_a_move_between_tiers_has_a_call_but_none_into_restriction() -> None:
    cases = list(itertools.product([*LADDER, None], [*LADDER, None], [True, False]))
    now, was, customer = zip(*cases, strict=True)
    facts = pd.DataFrame({"tier": now, "is_customer": customer, "tier_rule": None})
    earlier = pd.DataFrame({"tier": [*was, "key"]}).iloc[::-1]
    found = tier_actions(at(facts, earlier=earlier))
    wanted: dict[str, list[int]] = {"tier_up": [], "tier_down": []}
    for place, (new, old, own) in enumerate(cases):
        if own and new and old and new != old:
            up = LADDER.index(new) > LADDER.index(old)
            if up or new != "restricted":
                wanted["tier_up" if up else "tier_down"].append(place)
    assert {d.task.event: d.rows.tolist() for d in found} == wanted
    for d in found:
        told = [f"tier before = {was[r]}; " for r in d.rows]
        assert d.reasons.evidence.tolist() == told
        assert set(d.occasion.tolist()) == {TODAY}
    assert tier_actions(at(facts)) == []
    assert tier_actions(at(facts, earlier=earlier[[]])) == []


@pytest.mark.parametrize(
    ("day", "near"), [("2026-05-31", False), ("2026-06-01", True), ("2026-06-30", True)]
)
def test_memberships_are_reviewed_when_the_half_year_is_near(day: str, near: bool) -> None:
    great, nan = 1e9, np.nan
    facts = pd.DataFrame(
        {
            "daily_average": [great, nan, great, nan, 0.0, great],
            "monthly_average": [great, great, nan, nan, 0.0, great],
            "is_customer": [True, True, True, True, True, False],
        }
    )
    found = membership_actions(at(facts, dt.date.fromisoformat(day)))
    clubs = {d.task.event: d.rows.tolist() for d in found}
    assert clubs == ({"private_banking": [0, 2], "wealth": [1]} if near else {})
    assert all(str(on) == "2026-07-01" for d in found for on in d.occasion)
    assert membership_actions(at(facts.drop(columns="daily_average"))) == []


def test_only_a_restricted_customer_whose_facts_are_known_is_treated() -> None:
    standings, values = ["clear", "watch", "barred", None], ["top", "middle", "loss", None]
    cases = list(itertools.product(["restricted", "key", None], standings, values))
    facts = pd.DataFrame(cases, columns=["tier", "standing", "value_level"])
    wanted: dict[str, list[int]] = {"reprice": [], "cut_cost": [], "exit": []}
    for place, (tier, standing, value) in enumerate(cases):
        if tier == "restricted" and standing and value:
            loss = "exit" if standing == "barred" else "reprice"
            wanted[loss if value == "loss" else "cut_cost"].append(place)
    found = restriction_actions(at(facts.assign(tier_rule=None)))
    assert {d.task.event: d.rows.tolist() for d in found} == wanted
    assert {str(on) for d in found for on in d.occasion} == {str(TODAY)}
    assert {str(due) for d in found for due in d.due} == {"2026-07-01"}
    assert not restriction_actions(at(facts[["tier"]]))[0].rows.size


def people() -> pd.DataFrame:
    """Customers of each stage, with a contact before, on and after the day it counts from."""
    ages, stays, talks = [None, 0, 3, 20], [None, 0, 5], [None, -1, 0, 1]
    cases = itertools.product(map(str, Stage), ages, stays, talks, [False, False, True])
    made = []
    for number, (stage, age, stay, talk, closed) in enumerate(cases):
        since = None if stay is None else TODAY - stay * DAY
        first = TODAY - (age or 0) * DAY if number % 2 else since or TODAY
        made.append(
            {
                "stage": stage,
                "tier": [*LADDER, None][number % 6],
                "closed": closed,
                "days_since_contract": age,
                "stage_since": since,
                "last_contact": None if talk is None else first + talk * DAY,
                "complaint_open": number % 5 == 0,
                "complaint_badly_solved": number % 7 == 0,
                "next_birthday": None if number % 3 else TODAY + (number % 40) * DAY,
                "stage_rule": None,
            }
        )
    facts = pd.DataFrame(made)
    facts["days_since_contract"] = facts["days_since_contract"].astype("Int64")
    for name in ("stage_since", "last_contact", "next_birthday"):
        facts[name] = pd.to_datetime(facts[name])
    return facts


def plays(row: Any) -> list[Any]:
    """The entries of the playbook for a customer."""
    if row.closed:
        return []
    cause = "complaint" if row.complaint_open or row.complaint_badly_solved else None
    return list(playbook(row.stage, cause, row.tier))


def test_what_a_stage_asks_for_starts_with_it_or_with_the_contract() -> None:
    facts = people()
    here = at(facts)
    bundled = here.policies["lifecycle"].value("bundled_channels")
    wanted: Counter[tuple[int, str, str, str]] = Counter()
    for place, row in enumerate(facts.astype(object).itertuples()):
        for action in plays(row):
            if action.starts == "contract" and not pd.isna(row.days_since_contract):
                on = TODAY - row.days_since_contract * DAY
            elif action.starts == "stage":
                on = TODAY if pd.isna(row.stage_since) else row.stage_since.date()
            else:
                continue
            spoke = not pd.isna(row.last_contact) and row.last_contact.date() >= on
            if not (spoke and str(action.channel) in bundled):
                due = here.due(np.array([on], "datetime64[D]"), action.due, action.unit)[0]
                wanted[place, action.action, str(on), str(due)] += 1
    assert found_in(stage_actions(here)) == wanted
    assert len(wanted) > 100


def test_care_is_due_within_the_days_of_the_plan() -> None:
    facts = people()
    festivals = default_policies()["lifecycle"].records("festival", Festival)
    for festival in festivals[-2:]:
        for ahead in (0, 1, 30, 31):
            day = festival.date - ahead * DAY
            shift = day - TODAY
            moved = facts.assign(next_birthday=facts["next_birthday"] + shift)
            here = at(moved, day)
            wanted: Counter[tuple[int, str, str, str]] = Counter()
            for place, row in enumerate(moved.astype(object).itertuples()):
                for action in plays(row):
                    if action.starts == "festival":
                        days = [f.date for f in festivals if day < f.date <= day + 30 * DAY]
                        wanted.update((place, action.action, str(d), str(d)) for d in days)
                    elif action.starts == "birthday" and not pd.isna(row.next_birthday):
                        on = str(row.next_birthday.date())
                        wanted[place, action.action, on, on] += 1
            found = Counter(
                {k: n for k, n in found_in(care_actions(here)).items() if "greeting" in k[1]}
            )
            assert found == wanted


def test_regular_visits_count_from_the_contract() -> None:
    facts = people()
    here = at(facts)
    visits: Counter[tuple[int, str, str, str]] = Counter()
    for place, row in enumerate(facts.astype(object).itertuples()):
        for action in plays(row):
            if action.starts == "regular" and not pd.isna(row.days_since_contract):
                day = TODAY - row.days_since_contract * DAY
                for times in range(1, 200):
                    on = day + times * action.due * DAY
                    if TODAY < on <= TODAY + 30 * DAY:
                        due = here.on_working_day(np.array([on], "datetime64[D]"))[0]
                        visits[place, action.action, str(on), str(due)] += 1
    found = {k: n for k, n in found_in(care_actions(here)).items() if "greeting" not in k[1]}
    assert found == visits


def test_a_case_is_owned_by_a_department_or_by_an_employee() -> None:
    owners = pd.Series(["risk", None, "Xu", "product", "Yi", "Xu"])
    department, manager = owners_of(owners, "legal")
    assert department.tolist() == ["risk", "legal", "legal", "product", "legal", "legal"]
    assert manager.tolist() == ["", "", "Xu", "", "Yi", "Xu"]


def test_reasons_are_those_of_the_rules_that_decided() -> None:
    facts = pd.DataFrame(
        {
            "standing": ["barred", "watch", "clear", "clear", "barred"],
            "value_level": ["loss", "loss", "top", None, None],
        }
    )
    table = default_policies()["segmentation"].table("restricted_action")
    decided = pd.Categorical(["exit", "reprice+cut-cost", None, "gone", "exit"])
    rows = np.array([0, 1, 2, 3, 4])
    why = {str(r.id): str(r.because) for r in table.rules}
    found = reasons_of(table, decided, facts, rows)
    both = f"{why['reprice']}; {why['cut-cost']}"
    assert found.reason.tolist() == [why["exit"], both, "", "", why["exit"]]
    names = ["restricted_action.reprice+restricted_action.cut-cost"]
    assert found.rules.tolist() == [
        "restricted_action.exit", *names, "", "", "restricted_action.exit"
    ]  # fmt: skip
    assert found.source.tolist() == ["CBM-4", "CBM-4", "", "", "CBM-4"]
    assert found.evidence.tolist() == [
        "standing = barred; value_level = loss", "value_level = loss", "", "",
        "standing = barred; value_level = unknown",
    ]  # fmt: skip
    here = at(facts.assign(by=decided))
    picked = reasons_of_table(here, "segmentation", "restricted_action", "by", rows[3:])
    assert picked.reason.tolist() == ["", why["exit"]]
    none = reasons_of_table(here, "segmentation", "restricted_action", "by", rows[:0])
    assert {len(w) for w in (none.reason, none.rules, none.evidence, none.source)} == {0}
