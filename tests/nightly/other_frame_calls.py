"""What a domain offers beside its main functions: fitted values, offers, pictures and files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bankcrm import (
    complaints,
    default_policy,
    frames,
    lifecycle,
    marketing,
    models,
    quality,
    report,
    scorecards,
    scoring,
    segmentation,
    simulation,
    valuation,
)
from bankcrm.book import Book
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.pipeline import scorecard_steps
from bankcrm.reviews import Review
from bankcrm.valuation import lifetime

Made = tuple[str, dict[str, Any], Callable[[dict[str, Any]], object]]
DAY = "2026-06-30"


def first(function: Callable[..., object], **given: Any) -> Callable[[dict[str, Any]], object]:
    """A call that gives its frames in order, and other arguments by name."""
    return lambda frames: function(*frames.values(), **given)


def other_calls(book: Book, found: Review) -> list[Made]:
    """Each function with its frames and its call."""
    return [
        *_offers(book), *_purchases(), *_cards(), *_staff(book), *_tables(found),
        *_chains(), *_frames(book, found), *_pictures(book, found),
    ]  # fmt: skip


def _offers(book: Book) -> list[Made]:
    n = 200
    ids = np.arange(n)
    held = pd.DataFrame(
        {
            "customer_id": ids,
            "product": ["fund", "card"] * (n // 2),
            "opened_date": pd.Timestamp("2026-02-10"),
            "closed_date": pd.NaT,
        }
    )
    facts = pd.DataFrame({"age": 30 + ids % 7}, index=pd.Index(ids, name="customer_id"))
    people = pd.DataFrame(
        {"customer_id": ids, "kind": "person", "birth_date": pd.Timestamp("1980-05-05")}
    )
    granted = pd.DataFrame({"customer_id": ids[:9], "product": "card", "decision": "approved"})
    when: dict[str, Any] = {"as_ofs": ["2026-01-31"], "horizon_days": 90, "as_of": DAY}
    offers = marketing.fit_offers(lambda day: facts, held, **when)
    ranked = marketing.rank_offers(facts, offers, customers=people, accounts=held, as_of=DAY)
    bought = pd.DataFrame({"customer_id": ids, "product": ["card", "fund"] * (n // 2)})
    flags = pd.DataFrame({"score": ids * 1.0, "treated": ids % 2, "responded": ids % 3 > 0})
    return [
        ("acquisition_order", {"accounts": held}, first(marketing.acquisition_order, as_of=DAY)),
        ("product_holdings", {"accounts": held}, first(marketing.product_holdings, as_of=DAY)),
        ("fit_offers", {"facts": facts, "accounts": held},
         lambda f: marketing.fit_offers(lambda day: f["facts"], f["accounts"], **when)),
        ("rank_offers", {"facts": facts, "customers": people, "accounts": held, "credit": granted},
         lambda f: marketing.rank_offers(f["facts"], offers, customers=f["customers"], as_of=DAY,
                                         accounts=f["accounts"], credit=f["credit"])),
        ("check_ranking", {"ranked": ranked, "acquired": bought},
         first(marketing.check_ranking, popularity=offers.rates)),
        ("uplift_curve", dict(flags.items()), first(marketing.uplift_curve, draws=5)),
    ]  # fmt: skip


def _purchases() -> list[Made]:
    moves = make_book(30, seed=7).transactions  # they settle the parameters of the models
    moves = moves.assign(amount=moves["amount"].abs() + 1)
    history = lifetime.purchase_history(moves, as_of=DAY)
    model, spend = lifetime.fit_purchases(history), lifetime.fit_spend(history)
    one = {"history": history}
    return [
        ("fit_purchases", one, first(lifetime.fit_purchases)),
        ("fit_by_segment", {"history": history.assign(kind="a")},
         first(lifetime.fit_by_segment, by="kind")),
        ("purchase_interval", one,
         first(lifetime.purchase_interval, model=model, days=30.0, seed=1, replicates=5)),
        ("PurchaseModel.alive", one, first(model.alive)),
        ("PurchaseModel.expected", one, first(model.expected, days=30.0)),
        ("SpendModel.expected", one, first(spend.expected)),
        ("holdout_check", {"transactions": moves},
         first(lifetime.holdout_check, as_of="2026-03-31", until=DAY)),
    ]  # fmt: skip


def _cards() -> list[Made]:
    facts = pd.DataFrame({"idle": np.arange(200.0), "kind": ["a", "b"] * 100})
    event = pd.Series(np.arange(200) % 7 < np.arange(200) // 60)
    card = scoring.fit_card(facts, event)
    scored = scoring.score_card(facts, card)
    points = {"points": scored["points"]}
    return [
        ("check_card", {"scored": scored, "event": event}, first(scoring.check_card, bands=4)),
        ("Card.probability", points, first(card.probability)),
        ("Card.recalibrated", {**points, "event": event}, first(card.recalibrated)),
    ]


def _staff(book: Book) -> list[Made]:
    surveys = pd.DataFrame({"survey_id": ["S1", "S2"], "date": pd.Timestamp("2026-05-05"),
                            "customer_id": [1, 2], "employee_id": "A", "points": [5, 2],
                            "scale_low": 1, "scale_high": 5})  # fmt: skip
    checks = pd.DataFrame({"check_id": ["K1", "K2"], "kind": "self",
                           "date": pd.Timestamp("2026-05-05"), "employee_id": "A",
                           "points": [90.0, 50.0], "maximum": 100.0, "finding": ["late", None],
                           "due": [pd.Timestamp("2026-05-20"), pd.NaT]})  # fmt: skip
    events = pd.DataFrame({"measure": "transactions", "employee_id": ["A", "B"],
                           "customer_id": [1, 2], "value": [90, 120],
                           "date": pd.Timestamp("2026-03-01")})  # fmt: skip
    states = pd.DataFrame({"customer_id": [1, 2], "date": pd.Timestamp("2026-02-28"),
                           "stage": ["active", "lost"]})  # fmt: skip
    values = scorecards.kpi_values(events, as_of="2026-03-31", by="employee_id")
    goal = pd.DataFrame({"kpi": ["transactions"], "target": [100.0]})
    card = scorecards.scorecard(scorecards.attain(values, goal))
    base = pd.Series([1.0, 2.0], index=["A", "B"])
    return [
        ("kpi_events", {"surveys": surveys, "checks": checks}, lambda f: scorecards.kpi_events(
            book, since="2026-05-01", as_of=DAY, surveys=f["surveys"], checks=f["checks"])),
        ("with_states", {"events": events, "states": states}, first(scorecards.with_states)),
        ("rewards", {"base": base}, lambda f: scorecards.rewards(card, 1000, base=f["base"])),
        ("follow_up", {"checks": checks},
         lambda f: scorecards.follow_up(card, f["checks"], as_of=DAY)),
        ("scorecard_steps", {"checks": checks},
         lambda f: scorecard_steps(card, checks=f["checks"])),
    ]  # fmt: skip


def _tables(found: Review) -> list[Made]:
    table = default_policy("segmentation").table("tier")
    facts = found.facts[list(table.facts)]
    one = {"facts": facts}
    simulated = found.facts[["tier", "warning", "stage"]]
    return [
        ("DecisionTable.decide_frame", one, first(table.decide_frame, on_missing="undecided")),
        ("DecisionTable.decide_codes", one, first(table.decide_codes, on_missing="undecided")),
        ("DecisionTable.compare", one, lambda f: table.compare(table, f["facts"])),
        ("challenge", one, lambda f: simulation.challenge(
            table, table, f["facts"], share=0.5, trial="t", on_missing="undecided")),
        ("simulate", {"facts": simulated}, lambda f: simulation.simulate(
            f["facts"], proposed=default_policy("segmentation"))),
        ("split", {"ids": facts.index.to_series()},
         first(simulation.split, share=0.5, trial="t")),
    ]  # fmt: skip


def _chains() -> list[Made]:
    names = ["active", "lost"]
    chain = pd.DataFrame([[0.9, 0.1], [0.0, 1.0]], index=names, columns=names)
    ergodic = pd.DataFrame([[0.9, 0.1], [0.3, 0.7]], index=names, columns=names)
    worth = pd.Series([100.0, 0.0], index=names)
    pairs = pd.DataFrame([[1.0, 2.0], [0.5, 1.0]], index=["a", "b"], columns=["a", "b"])
    return [
        ("absorption_times", {"P": chain}, first(lifecycle.absorption_times)),
        ("steady_state", {"P": ergodic}, first(lifecycle.steady_state)),
        ("markov_value", {"P": chain, "rewards": worth},
         first(lifecycle.markov_value, discount=0.1)),
        ("markov_value_interval", {"counts": pd.DataFrame([[90, 10], [0, 50]], names, names),
                                   "rewards": worth},
         first(lifecycle.markov_value_interval, discount=0.1, seed=1, draws=5)),
        ("expected_reward", {"P": chain, "rewards": worth},
         first(lifecycle.expected_reward, period=2)),
        ("ahp_weights", {"pairwise": pairs}, first(valuation.ahp_weights)),
        ("apportion", {"weights": worth}, lambda f: segmentation.apportion(10, f["weights"])),
    ]  # fmt: skip


def _frames(book: Book, found: Review) -> list[Made]:
    contract = models.columns_of(models.Link)
    links = pd.DataFrame({"parent_id": [1, 2], "child_id": [2, 3], "link": "owns",
                          "share": [1.0, 0.5]})  # fmt: skip
    numbers = pd.DataFrame({"idle": np.arange(60.0), "visits": np.arange(60.0) % 7})
    clusters = segmentation.fit_clusters(numbers, ["idle", "visits"], k=2)
    records = book.customers[["customer_id", "name", "birth_date", "phone", "email"]].rename(
        columns={"customer_id": "record_id"}
    )
    unified = quality.unify(records)
    held = pd.DataFrame({"customer_id": records["record_id"], "purpose": "campaign",
                         "state": "granted"})  # fmt: skip
    measure = valuation.fit_value_model(valuation.value_measures(book, as_of=DAY)).measures[0]
    calendar = working_calendar("CN")
    policy = default_policy("bank")
    words = pd.Series(["Late fee", "Closing an account", None])
    return [
        ("as_frame", {"data": links}, first(frames.as_frame)),
        ("column_of", {"data": links}, first(frames.column_of, name="share", frame="links")),
        ("check_frame", {"data": links}, first(frames.check_frame, columns=contract)),
        ("screen_frame", {"data": links}, first(frames.screen_frame, columns=contract)),
        ("models_of", {"frame": links}, first(models.models_of, model=models.Link)),
        ("Book", {"customers": book.customers, "transactions": book.transactions},
         lambda f: Book(**f).check(DAY)),
        ("Clusters.scaled", {"facts": numbers}, first(clusters.scaled)),
        ("Unified.consents", {"held": held}, first(unified.consents)),
        ("Measure.fitted", {"column": pd.Series([1.0, 5.0, 9.0])}, first(measure.fitted)),
        ("Policy.stamp", {"frame": links}, first(policy.stamp)),
        ("Taxonomy.from_cfpb", {"words": words}, first(complaints.taxonomy().from_cfpb,
                                                       axis="cause")),
        ("WorkingCalendar.day_of", {"counts": pd.Series([1, 5, 9])}, first(calendar.day_of)),
        ("write_csv", {"frame": found.customers.head(5)}, _written(report.write_csv, "a.csv")),
        ("write_excel", {"frame": found.customers.head(5)[["stage", "tier", "contribution"]]},
         _written(lambda frame, path: report.write_excel({"s": frame}, path), "a.xlsx")),
    ]  # fmt: skip


def _written(write: Callable[[Any, Path], object], name: str) -> Callable[[dict[str, Any]], object]:
    def call(frames: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="bankcrm-frames-") as folder:
            write(frames["frame"], Path(folder) / name)

    return call


def _pictures(book: Book, found: Review) -> list[Made]:
    try:
        import matplotlib
    except ImportError:  # the extra is not installed
        return []
    matplotlib.use("agg")
    from matplotlib.figure import Figure

    from bankcrm import plots

    def drawn(draw: Callable[..., object]) -> Callable[[dict[str, Any]], object]:
        return lambda f: draw(*f.values(), ax=Figure().subplots())

    dates = pd.to_datetime(["2026-03-31", "2026-06-30"])
    history = lifecycle.stage_history(book.customers, book.transactions, dates=dates)
    ranks = pd.DataFrame({"r": [1, 5, 5], "f": [2, 3, 5]})
    moved = pd.DataFrame([[5, 1], [2, 9]], ["key", "ordinary"], ["key", "ordinary"])
    measured = valuation.concentration(found.facts["contribution"])
    band = measured.lorenz_band(seed=1, replicates=5)
    return [
        ("funnel", {"steps": lifecycle.stage_funnel(history)}, drawn(plots.funnel)),
        ("rfm_heatmap", {"scores": ranks}, drawn(plots.rfm_heatmap)),
        ("stage_flow", {"counts": history}, drawn(plots.stage_flow)),
        ("tier_movement", {"matrix": moved}, drawn(plots.tier_movement)),
        ("plots.ageing", {"counts": pd.DataFrame({"open": [5, 1], "unanswered": [1, 0]},
                                                 index=["0-5", "6+"])}, drawn(plots.ageing)),
        ("plots.control_chart", {"points": complaints.control_chart([3.0, 4.0, 2.0, 5.0])},
         drawn(plots.control_chart)),
        ("plots.pareto", {"counts": pd.DataFrame({"count": [5, 1]}, index=["fees", "app"])},
         drawn(plots.pareto)),
        ("sizes", {"counts": found.facts["stage"].value_counts()}, drawn(plots.sizes)),
        ("Concentration.plot", {"band": band},
         lambda f: measured.plot(Figure().subplots(), band=f["band"])),
    ]  # fmt: skip
