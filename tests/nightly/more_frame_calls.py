"""The functions of marketing, risk, quality, scorecards and of small frames, with good frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from bankcrm import (
    complaints,
    lifecycle,
    marketing,
    quality,
    risk,
    scorecards,
    scoring,
    segmentation,
)
from bankcrm.actions import select_actions
from bankcrm.book import Book
from bankcrm.models import Capital
from bankcrm.reviews import Review
from bankcrm.valuation import lifetime

Made = tuple[str, dict[str, Any], Callable[[dict[str, Any]], object]]
DAY = "2026-06-30"


def first(function: Callable[..., object], **given: Any) -> Callable[[dict[str, Any]], object]:
    """A call that gives its frames in order, and other arguments by name."""
    return lambda frames: function(*frames.values(), **given)


def more_calls(book: Book, found: Review) -> list[Made]:
    """Each function with its frames and its call."""
    every: dict[str, Any] = book.frames()
    return [
        *_marketing(every), *_risk(every), *_quality(every), *_scorecards(), *_scoring(found),
        *_small(every, found),
    ]  # fmt: skip


def _marketing(every: dict[str, Any]) -> list[Made]:
    ids = every["customers"]["customer_id"].to_numpy()
    contacts = every["contacts"].assign(matter="card")
    groups = pd.DataFrame({"customer_id": range(150), "group": ["offer"] * 70 + ["control"] * 80})
    did = pd.DataFrame({"customer_id": range(150), "responded": [1.0, 0.0, 1.0] * 50})
    surveys = pd.DataFrame({"channel": "phone", "score": [10] * 50 + [8] * 30 + [3] * 20})
    held = pd.DataFrame({"card": [1, 1, 1, 0], "fund": [1, 1, 0, 0]}, dtype=bool)
    said = pd.DataFrame({"customer_id": ids, "purpose": "campaign", "channel": "phone",
                         "state": "granted", "since": pd.Timestamp("2026-01-05")})  # fmt: skip
    people = (
        every["customers"].set_index("customer_id").assign(do_not_contact=False, deceased=False)
    )
    plan = said[["customer_id", "purpose", "channel"]].assign(date=pd.Timestamp("2026-07-01"))
    may = {"planned": plan, "customers": people, "consents": said, "contacts": contacts,
           "complaints": every["complaints"]}  # fmt: skip
    return [
        ("assign_groups", {"customers": every["customers"]},
         first(marketing.assign_groups, campaign="c", shares={"control": 0.5, "offer": 0.5})),
        ("campaign_effect", {"groups": groups, "outcomes": did}, first(marketing.campaign_effect)),
        ("channel_measures", {"contacts": contacts}, first(marketing.channel_measures)),
        ("first_contact_resolution", {"contacts": contacts},
         first(marketing.first_contact_resolution, as_of=DAY)),
        ("satisfaction", {"surveys": surveys}, first(marketing.satisfaction, measure="nps")),
        ("product_rules", {"holdings": held}, first(marketing.product_rules)),
        ("consents_as_of", {"consents": said}, first(marketing.consents_as_of, as_of=DAY)),
        ("may_contact", may, lambda f: marketing.may_contact(
            f["planned"], as_of=DAY, **{n: f[n] for n in may if n != "planned"})),
    ]  # fmt: skip


def _risk(every: dict[str, Any]) -> list[Made]:
    links = pd.DataFrame({"parent_id": [1, 1, 2, 3], "child_id": [2, 3, 4, 4], "link": "owns",
                          "share": [1.0, 1.0, 0.3, 0.3]})  # fmt: skip
    groups = risk.find_groups(links, as_of=DAY)
    lent = pd.DataFrame({"customer_id": [2, 3, 9], "exposure": [5.0, 7.0, 4.0],
                         "loans": 0.0, "uncovered": 0.0})  # fmt: skip
    risks = pd.DataFrame({"customer_id": [7, 8], "risk_level": ["high", "none"],
                          "raised_risks": [1, 0], "risk_reasons": ["bad", ""]})  # fmt: skip
    watch = risk.review_watch_list(None, risks, as_of="2026-01-31")
    facts = pd.DataFrame({"recorded_standing": ["bad", "good"], "loan_unpaid": [False, True],
                          "loan_in_debt": [False, None], "penalty_interest": True})  # fmt: skip
    ours = Capital(date=dt.date(2026, 6, 30), net=1000, tier1=800)
    members = pd.DataFrame({"need": [6, 3, 1], "floor": [0, 0, 200.0]}, index=[7, 8, 9])
    before = pd.DataFrame({"customer_id": [1, 2], "group": ["G1", "G1"]})
    left = pd.DataFrame({"before": ["G1"], "after": [None]}, index=[2])
    return [
        ("find_groups", {"links": links}, first(risk.find_groups, as_of=DAY)),
        ("find_groups with earlier", {"links": links, "previous": before},
         lambda f: risk.find_groups(f["links"], as_of=DAY, previous=f["previous"])),
        ("apply_changes", {"previous": before, "changes": left}, first(risk.apply_changes)),
        ("allot_limit", {"members": members}, lambda f: risk.allot_limit(1000, f["members"])),
        ("assess_risks", {"facts": facts}, first(risk.assess_risks)),
        ("credit_exposure", {"grants": every["credits"]}, first(risk.credit_exposure)),
        ("funding_concentration", {"deposits": every["balances"].groupby(
            "customer_id", as_index=False)["balance"].sum()}, first(risk.funding_concentration)),
        ("group_exposure", {"exposure": lent}, first(risk.group_exposure, groups=groups)),
        ("group_warnings", {"exposure": lent}, first(risk.group_warnings, groups=groups)),
        ("limit_use", {"exposure": lent}, first(risk.limit_use, groups=groups, capital=ours)),
        ("review_watch_list", {"previous": watch, "risks": risks},
         first(risk.review_watch_list, as_of=DAY)),
        ("summarise_watch_list", {"history": watch.assign(review_date=pd.Timestamp(DAY))},
         first(risk.summarise_watch_list)),
    ]  # fmt: skip


def _quality(every: dict[str, Any]) -> list[Made]:
    people = {"customers": every["customers"]}
    records = every["customers"][["customer_id", "name", "birth_date", "phone", "email"]].rename(
        columns={"customer_id": "record_id"}
    )
    numbers = {"values": pd.Series(["11010519491231002X", "110105194912310021", None])}
    return [
        ("check_identifiers", numbers, first(quality.check_identifiers, scheme="resident_id")),
        ("normalise_identifiers", numbers,
         first(quality.normalise_identifiers, scheme="resident_id")),
        ("mask_personal", people, first(quality.mask_personal)),
        ("measure_quality", people, first(quality.measure_quality, as_of=DAY)),
        ("pseudonymise", people, first(quality.pseudonymise, key=b"sixteen byte key")),
        ("retention_plan", people, first(quality.retention_plan, as_of=DAY)),
        ("unify", {"records": records}, first(quality.unify)),
    ]  # fmt: skip


def _scorecards() -> list[Made]:
    who = ["A", "B", "C"]
    events = pd.DataFrame({"measure": "transactions", "employee_id": who, "value": [90, 120, 100],
                           "date": pd.Timestamp("2026-03-01")})  # fmt: skip
    values = scorecards.kpi_values(events, as_of="2026-03-31", by="employee_id")
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [100.0]})
    done = scorecards.attain(values, goal)
    return [
        ("kpi_values", {"events": events},
         first(scorecards.kpi_values, as_of="2026-03-31", by="employee_id")),
        ("attain", {"values": values, "targets": goal}, first(scorecards.attain)),
        ("rank_subjects", {"values": values}, first(scorecards.rank_subjects)),
        ("scorecard", {"done": done}, first(scorecards.scorecard)),
    ]  # fmt: skip


def _scoring(found: Review) -> list[Made]:
    facts = pd.DataFrame({"idle": np.arange(200.0), "kind": ["a", "b"] * 100})
    event = (np.arange(200) % 7 < np.arange(200) // 60).astype(bool)
    card = scoring.fit_card(facts, event)
    return [
        ("fit_card", {"facts": facts}, lambda f: scoring.fit_card(f["facts"], event)),
        ("score_card", {"facts": facts}, first(scoring.score_card, card=card)),
        ("stability", {"facts": facts}, first(scoring.stability, card=card)),
        ("fit_bins", {"values": facts["idle"]}, first(scoring.fit_bins, event=event)),
    ]  # fmt: skip


def _small(every: dict[str, Any], found: Review) -> list[Made]:
    managers = pd.DataFrame({"manager_id": ["Li", "Wu"], "capacity": [1, 1],
                             "tiers": ["premium|key", "key"]})  # fmt: skip
    tiers = found.customers[["tier"]].reset_index()
    previous = pd.DataFrame({"customer_id": [1], "tier": ["key"],
                             "since": pd.to_datetime(["2025-01-01"])})  # fmt: skip
    facts = pd.DataFrame({"customer_id": [1], "contribution": [9_000.0]})
    clocks = pd.DataFrame({"used": [0.1, 0.85, 3.0], "clock": ["answer", "answer", None]})
    assessed = pd.DataFrame({"severity": ["minor"], "severity_rule": ["minor"]}, index=["C1"])
    override = pd.DataFrame({"severity": ["severe"], "by": ["Wang"], "reason": ["press"]},
                            index=["C1"])  # fmt: skip
    phases = pd.DataFrame({"has_contract": [True], "months_since_contract": [30.0],
                           "trend_known": [True], "value_trend": [0.25]})  # fmt: skip
    income = every["transactions"].assign(amount=every["transactions"]["amount"].abs() + 1)
    history = lifetime.purchase_history(income, as_of=DAY)
    model = lifetime.fit_purchases(history)
    stages = pd.DataFrame({"stage": ["active", "lost", None], "contribution": [1.0, 0.0, 5.0]})
    words = pd.Series(["dormant", "prospect", "active"])
    return [
        ("assign_managers", {"customers": tiers, "managers": managers},
         first(segmentation.assign_managers)),
        ("review_tiers", {"previous": previous, "facts": facts},
         first(segmentation.review_tiers, as_of="2026-01-01")),
        ("escalate", {"clocks": clocks}, first(complaints.escalate)),
        ("raise_severity", {"assessed": assessed, "overrides": override},
         first(complaints.raise_severity)),
        ("assign_value_phases", {"facts": phases}, first(lifecycle.assign_value_phases)),
        ("transition_frame", {"stages": words},
         lambda f: lifecycle.transition_frame(f["stages"], ["went_idle"] * 3)),
        ("lifetime_value", {"customers": stages},
         first(lifetime.lifetime_value, retention={"active": 0.9, "lost": 0.0}, discount=0.1)),
        ("purchase_history", {"transactions": every["transactions"]},
         first(lifetime.purchase_history, as_of=DAY)),
        ("purchase_value", {"history": history}, first(
            lifetime.purchase_value, model=model, spend=lifetime.fit_spend(history),
            horizon_days=90.0, yearly_rate=0.05)),
        ("fit_spend", {"history": history}, first(lifetime.fit_spend)),
        ("select_actions", {"actions": found.actions}, first(select_actions, as_of=DAY)),
        ("control_chart", {"counts": pd.Series([3.0, 4.0, 2.0, 5.0])},
         first(complaints.control_chart)),
        ("trend", {"counts": pd.Series([3.0, 4.0, 2.0, 5.0])}, first(complaints.trend)),
    ]  # fmt: skip
