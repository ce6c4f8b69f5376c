"""Every public function of the domains that takes a frame, each called with good frames."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np
import pandas as pd
from more_frame_calls import more_calls
from other_frame_calls import other_calls

from bankcrm import Book, complaints, lifecycle, marketing, segmentation, valuation
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.reviews import review

Frames = Mapping[str, Any]
DAY = "2026-06-30"
NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)


@attrs.frozen(eq=False)
class Call:
    """A call of a public function, as a function of its frames.

    Attributes:
        name: The function.
        frames: Good frames by name.
        call: The call.
    """

    name: str
    frames: Frames
    call: Callable[[Frames], object]


def _events(taken: pd.DataFrame) -> pd.DataFrame:
    """A complaint's receipt and a pause, as its event log."""
    log = pd.DataFrame({"complaint_id": taken.index, "at": taken["received_at"].array})
    began = log.assign(kind="received", severity="severe", reason=None)
    later = log["at"] + pd.Timedelta(minutes=30)
    return pd.concat(
        [began, log.assign(at=later, kind="paused", severity=None, reason="papers")],
        ignore_index=True,
    )


def first(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call that gives its frames in order, and other arguments by name."""
    return lambda frames: function(*frames.values(), **given)


def named(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call that gives its frames by name."""
    return lambda frames: function(**frames, **given)


def of_book(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call with a book of the frames."""
    return lambda frames: function(Book(**frames), **given)


def on_duckdb(frames: Frames) -> object:
    """A review on DuckDB; its result is read, because it lies on disk."""
    return review(DuckDBEngine(dict(frames)), as_of=DAY).all_customers()


@cache
def calls(*, engines: bool = False) -> list[Call]:
    """Every public function of the domains that takes a frame."""
    book = make_book(30, seed=3)
    days = working_calendar("CN")
    all_frames: dict[str, Any] = book.frames()
    found = review(book, as_of=DAY)
    people, moves = {"customers": book.customers}, {"transactions": book.transactions}
    both = {**people, **moves}
    extra = {n: all_frames[n] for n in ("contacts", "accounts")}
    cases = {"complaints": all_frames["complaints"]}
    dates = pd.to_datetime(["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"])
    history = lifecycle.stage_history(book.customers, book.transactions, dates=dates)
    log = lifecycle.stage_log(history)
    facts = lifecycle.stage_facts(book.customers, book.transactions, as_of=DAY)
    metrics = segmentation.rfm_metrics(book.transactions, as_of=DAY)
    thresholds = segmentation.fit_rfm(metrics)
    scores = segmentation.score_rfm(metrics, thresholds)
    positions = valuation.positions_of(
        **{n: all_frames[n] for n in ("accounts", "balances", "transactions", "loans")},
        start="2025-07-01", end=DAY,
    )  # fmt: skip
    measures = valuation.value_measures(book, as_of=DAY)
    routed = found.complaints
    taken = book.complaints
    tiers = found.customers[["tier"]]
    handlers = pd.DataFrame(
        {"department": ["service", "risk"], "handler": ["a", "b"], "capacity": [5, 5]}
    )
    values = {"values": found.facts["contribution"]}
    averages = segmentation.average_balance(all_frames["balances"], start="2025-07-01", end=DAY)
    one = {"history": history}
    period = {"start": "2026-01-01", "end": DAY}
    rng = np.random.default_rng(1)
    grouped = pd.DataFrame({"customer_id": np.arange(400), "idle": rng.integers(0, 99, 400)})
    grouped = grouped.assign(
        visits=grouped["idle"] % 7, member=rng.random(400) < grouped["idle"] / 99
    )
    clusters = segmentation.fit_clusters(grouped, ["idle", "visits"], k=2)
    made = [
        Call("stage_facts", {**both, **extra},
             lambda f: lifecycle.stage_facts(f["customers"], f["transactions"], as_of=DAY,
                                             contacts=f["contacts"], accounts=f["accounts"])),
        Call("stage_history", both, first(lifecycle.stage_history, dates=dates)),
        Call("early_warnings", {**both, **extra},
             lambda f: lifecycle.early_warnings(f["customers"], f["transactions"], as_of=DAY,
                                                contacts=f["contacts"], accounts=f["accounts"])),
        Call("assign_stages", {"facts": facts}, first(lifecycle.assign_stages)),
        Call("stage_log", one, first(lifecycle.stage_log)),
        Call("replay", {"log": log}, first(lifecycle.replay, as_of=DAY)),
        Call("append_events", {"log": log, "events": log.head(2)},
             first(lifecycle.append_events, as_of=DAY)),
        Call("churn_rates", one, first(lifecycle.churn_rates)),
        Call("dwell_times", one, first(lifecycle.dwell_times)),
        Call("growth", one, first(lifecycle.growth)),
        Call("migration_matrix", one, first(lifecycle.migration_matrix)),
        Call("move_rate", one, first(lifecycle.move_rate, before=["active"], after=["dormant"])),
        Call("reactivation_rate", one, first(lifecycle.reactivation_rate)),
        Call("win_back_rate", one, first(lifecycle.win_back_rate)),
        Call("stage_funnel", one, first(lifecycle.stage_funnel)),
        Call("stage_spells", one, first(lifecycle.stage_spells)),
        Call("loss_causes", people, first(lifecycle.loss_causes)),
        Call("plan_actions", {"customers": found.facts.reset_index()},
             first(lifecycle.plan_actions, as_of=DAY, calendar=days)),
        Call("value_facts", {**people, "values": found.facts[["contribution"]].reset_index().assign(
    date=pd.Timestamp(DAY))},
             first(lifecycle.value_facts, as_of=DAY)),
        Call("rfm_metrics", moves, first(segmentation.rfm_metrics, as_of=DAY)),
        Call("fit_rfm", {"metrics": metrics}, first(segmentation.fit_rfm)),
        Call("score_rfm", {"metrics": metrics},
             first(segmentation.score_rfm, thresholds=thresholds)),
        Call("segment_rfm", {"scores": scores}, first(segmentation.segment_rfm)),
        Call("weighted_rfm", {"scores": scores},
             first(segmentation.weighted_rfm, weights=(0.2, 0.3, 0.5))),
        Call("rfm_migration", {"before": segmentation.segment_rfm(scores),
                               "after": segmentation.segment_rfm(scores)},
             first(segmentation.rfm_migration)),
        Call("allocate", {"customers": found.facts.reset_index()},
             first(segmentation.allocate, budget=100)),
        Call("assign_tiers", {"facts": found.facts.reset_index()},
             first(segmentation.assign_tiers)),
        Call("fit_tiers", {"facts": found.facts.reset_index()}, first(segmentation.fit_tiers)),
        Call("average_balance", {"balances": all_frames["balances"]},
             first(segmentation.average_balance, start="2025-07-01", end=DAY)),
        Call("fit_clusters", {"facts": grouped},
             first(segmentation.fit_clusters, features=["idle", "visits"], k=2)),
        Call("assign_clusters", {"facts": grouped},
             first(segmentation.assign_clusters, clusters=clusters)),
        Call("cluster_rules", {"facts": grouped},
             first(segmentation.cluster_rules, clusters=clusters)),
        Call("portrait", {"facts": grouped},
             lambda f: segmentation.portrait(f["facts"], grouped["idle"] > 50)),
        Call("counterparties", {"transactions": book.transactions[:90].assign(
                 counterparty="6222", counterparty_bank="A")},
             first(marketing.counterparties, own_banks=["B"], as_of=DAY)),
        Call("fit_lookalike", {"customers": grouped, "prospects": grouped[["idle"]]},
             lambda f: marketing.fit_lookalike(f["customers"], "member",
                                               prospects=f["prospects"])),
        Call("referral_chain", people, first(marketing.referral_chain)),
        Call("memberships", {"average_balances": averages.reset_index().rename(
    columns={"average_balance": "daily_average"})},
             first(segmentation.memberships, as_of=DAY)),
        Call("product_use", {"accounts": all_frames["accounts"]},
             first(segmentation.product_use, as_of=DAY)),
        Call("profile", {"view": found.facts}, first(segmentation.profile, by="stage")),
        Call("customer_view", {"a": tiers, "b": scores},
             lambda f: segmentation.customer_view(f)),
        Call("resource_levels", {"tiers": tiers}, first(segmentation.resource_levels)),
        Call("segment_attributes", people, first(segmentation.segment_attributes, as_of=DAY)),
        Call("tier_migration", {"history": history.assign(tier="key")},
             first(segmentation.tier_migration)),
        Call("positions_of", {n: all_frames[n] for n in ("accounts", "balances", "transactions",
                                                         "loans", "contacts")},
             named(valuation.positions_of, start="2025-07-01", end=DAY)),
        Call("contribution", {"positions": positions}, first(valuation.contribution)),
        Call("explain_contribution", {"positions": positions},
             first(valuation.explain_contribution, customer=book.customers["customer_id"].iloc[0])),
        Call("concentration_by", {"data": found.facts.reset_index()},
             first(valuation.concentration_by, value="contribution", by="stage")),
        Call("concentration", values, first(valuation.concentration)),
        Call("is_eighty_twenty", values, first(valuation.is_eighty_twenty, seed=1)),
        Call("pareto_alpha", {"values": pd.Series(np.arange(1.0, 200.0))},
             first(valuation.pareto_alpha, seed=1, replicates=10)),
        Call("compare_concentration", {"before": values["values"], "after": values["values"]},
             first(valuation.compare_concentration, seed=1, replicates=20)),
        Call("entropy_weights", {"frame": measures[["volume", "products"]].fillna(0.0)},
             first(valuation.entropy_weights)),
        Call("fit_value_model", {"indicators": measures}, first(valuation.fit_value_model)),
        Call("score_value", {"indicators": measures}, first(valuation.score_value)),
        Call("value_measures", all_frames, of_book(valuation.value_measures, as_of=DAY)),
        Call("rules_of_thumb", all_frames, of_book(valuation.rules_of_thumb, as_of=DAY)),
        Call("intake", cases, first(complaints.intake, as_of=DAY)),
        Call("severity_facts", {"frame": taken}, first(complaints.severity_facts)),
        Call("assess_severity", {"frame": taken}, first(complaints.assess_severity)),
        Call("link_repeats", {"complaints": taken}, first(complaints.link_repeats)),
        Call("route_frame", {"complaints": taken}, first(complaints.route_frame, calendar=days)),
        Call("process_complaints", {"frame": taken},
             first(complaints.process_complaints, as_of=DAY, calendar=days)),
        Call("queue_order", {"routed": routed}, first(complaints.queue_order, as_of=DAY)),
        Call("assign_handlers", {"queue": routed, "handlers": handlers},
             first(complaints.assign_handlers)),
        Call("ageing", {"complaints": routed.reset_index()},
             first(complaints.ageing, as_of=DAY, calendar=days)),
        Call("deadlines", {"complaints": taken},
             first(complaints.deadlines, calendar=days, as_of=NOON)),
        Call("replay_clock_frame", {"events": _events(taken)},
             first(complaints.replay_clock_frame, calendar=days, as_of=NOON)),
        Call("fca_return", {"complaints": taken},
             first(complaints.fca_return, calendar=days, **period)),
        Call("follow_ups", {"complaints": routed.reset_index()},
             first(complaints.follow_ups, calendar=days)),
        Call("pareto", {"complaints": taken}, first(complaints.pareto, by="kind")),
        Call("summarise", {"complaints": routed.reset_index()},
             first(complaints.summarise, calendar=days, as_of=DAY)),
        Call("review", all_frames, of_book(review, as_of=DAY)),
    ]  # fmt: skip
    made += [Call(*each) for each in (*more_calls(book, found), *other_calls(book, found))]
    return [*made, Call("review on duckdb", all_frames, on_duckdb)] if engines else made
