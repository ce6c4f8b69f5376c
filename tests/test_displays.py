"""The display of results: one line in a terminal, a card in a notebook, every text escaped."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm import complaints, lifecycle, marketing, plots, segmentation, simulation, valuation
from bankcrm._display import card, figures_of, line, shown
from bankcrm.book import Book
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.policy import Change, default_policies, default_policy
from bankcrm.reviews import review
from bankcrm.rules import DecisionTable, Parameter, Rule

HOSTILE = "<script>alert(1)</script>"
CHINA = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 3, 9, 9, tzinfo=CHINA)
IDLE = Rule("idle", {"days_idle": ">= @limit"}, "dormant", HOSTILE, HOSTILE)
TABLE = DecisionTable(
    id=HOSTILE,
    title=HOSTILE,
    rules=(IDLE, Rule("moves", {}, HOSTILE)),
    parameters={"limit": Parameter(90)},
)
ROWS = pd.DataFrame({"days_idle": [3, 120]}, index=[HOSTILE, "b"])
VALUES = [-50.0, 0.0, 10.0, 30.0, 400.0]
HISTORY = pd.DataFrame(
    {
        "customer_id": np.repeat(np.arange(40), 3),
        "date": np.tile(pd.to_datetime(["2026-01-31", "2026-02-28", "2026-03-31"]), 40),
        "stage": ["new", "active", "dormant"] * 20 + ["new", "new", "active"] * 20,
    }
)
TIERS = pd.DataFrame({"tier": ["premium", "ordinary", "ordinary"]}, index=[HOSTILE, "b", "c"])
EVENTS = pd.DataFrame(
    {"customer_id": [1, 1], "date": ["2026-01-05"] * 2, "event": ["inquired", HOSTILE]}
)


def recorded() -> object:
    log = lifecycle.append_events(
        pd.DataFrame(),
        EVENTS.assign(date=pd.to_datetime(EVENTS["date"])),
        as_of="2026-02-01",
    )
    assert len(log.log) + len(log.rejected) == len(EVENTS)
    return log


def one_complaint() -> complaints.Complaint:
    return complaints.Complaint(
        complaint_id=HOSTILE, customer_id="c", received_at=NOW, text="rude", kind="complaint"
    )


def routed() -> object:
    return complaints.route(one_complaint(), calendar=working_calendar("CN"))


def clock() -> object:
    log = [complaints.CaseEvent(NOW, "received", severity="moderate", topic=HOSTILE)]
    return complaints.replay_clock(log, calendar=working_calendar("CN"), as_of=NOW)


def taken() -> object:
    frame = pd.DataFrame({"customer_id": [HOSTILE], "received_at": [pd.Timestamp(NOW)]})
    return complaints.intake(frame.assign(phone="13800138000"), as_of="2026-03-31")


def facts() -> pd.DataFrame:
    """Facts of three customers, one of them on the line between dormant and lost."""
    known = {"has_contract": True, "closed": False, "contacted": True, "inquired": True}
    rest = {"quiet_product": False, "days_since_contract": 900, "activity_ratio": 0.1}
    idle = {"kind": "person", "days_idle": [100, 380, 3]}
    return pd.DataFrame(idle | known | rest, index=[HOSTILE, "b", "c"])


def impact() -> simulation.Impact:
    current = default_policies()
    milder = current["lifecycle"].with_parameters(lost_after_days=400)
    return simulation.simulate(facts(), current, current.with_policy(milder))


def a_book() -> Book:
    customers = pd.DataFrame({"customer_id": ["c"], "kind": "person", "name": "Ann Personal"})
    moves = pd.DataFrame({"customer_id": ["c"], "date": pd.Timestamp("2026-01-05"), "amount": 1.0})
    return Book(customers, moves.assign(kind="card"), name=HOSTILE, note=HOSTILE)


PAIRS = {("profit", "risk"): 2, (HOSTILE, "risk"): 4, ("profit", HOSTILE): 0.5}
WORTH = pd.DataFrame({"worth": [1.0, 3, 2, 6], "branch": [HOSTILE, HOSTILE, "b", "b"]})
METRICS = pd.DataFrame(
    {"recency_days": range(10), "frequency": range(1, 11), "monetary": range(10)}
)
GROUPS = pd.DataFrame(
    {HOSTILE: [1, 2, 2, 3, 30, 31, 33, 35] * 50, "member": ([0] * 5 + [1] * 3) * 50}
)
GROUPS.loc[::7, "member"] = 1 - GROUPS["member"]
CLUSTERS = segmentation.fit_clusters(GROUPS, [HOSTILE], k=2)
CURVE = valuation.SpendCurve.through(5.0, 0.3, ceiling=0.4)

SHOWN: dict[str, tuple[Callable[[], Any], str]] = {
    "Decision": (lambda: TABLE.decide({"days_idle": 120}), "days_idle: 120"),
    "undecided": (lambda: TABLE.decide({}, on_missing="undecided"), "undecided"),
    "Trace": (lambda: TABLE.explain({"days_idle": 3}), "saw 3: failed"),
    "DecisionTable": (lambda: TABLE, "days_idle &gt;= @limit"),
    "TableComparison": (
        lambda: TABLE.compare(TABLE.with_parameters({"limit": 200}), ROWS),
        "1 of 2 rows move",
    ),
    "Policy": (lambda: default_policy("lifecycle"), "lost_after_days"),
    "PolicySet": (default_policies, "bankcrm.valuation"),
    "Change": (lambda: Change("parameters.x", HOSTILE, 2), "before"),
    "Book": (a_book, "transactions"),
    "Transition": (lambda: lifecycle.transition("dormant", "reactivated"), "LCM-3"),
    "StageModel": (lifecycle.stage_model, "reactivated"),
    "MigrationMatrix": (lambda: lifecycle.migration_matrix(HISTORY), "pairs of dates"),
    "duration": (lambda: lifecycle.migration_matrix(HISTORY, method="duration"), "moves"),
    "DwellTimes": (lambda: lifecycle.dwell_times(HISTORY), "median_days"),
    "Recorded": (recorded, "log entries"),
    "Concentration": (lambda: valuation.concentration(VALUES), "Gini"),
    "no total": (lambda: valuation.concentration([-5.0, 1.0]), "values below 0"),
    "WhaleCurve": (lambda: valuation.concentration(VALUES).whale_curve(), "112.8%"),
    "ProfitSplit": (lambda: valuation.concentration(VALUES).profit_split(5), "profitable"),
    "ConcentrationChange": (
        lambda: valuation.compare_concentration(VALUES, VALUES[1:], seed=1, replicates=20),
        "Lorenz curves",
    ),
    "GroupedConcentration": (lambda: valuation.concentration_by(WORTH, "worth", "branch"), "gini"),
    "ParetoTail": (
        lambda: valuation.pareto_alpha(range(1, 99), start=1.0, seed=1),
        "alpha",
    ),
    "EightyTwenty": (lambda: valuation.is_eighty_twenty(range(1, 50), seed=1), "holders"),
    "Finding": (
        lambda: DecisionTable(id="t", rules=(Rule("a", {HOSTILE: ">= 1"}, 1),)).check()[0],
        "rules",
    ),
    "Interval": (lambda: valuation.concentration(range(1, 9)).interval("gini", seed=1), "95%"),
    "RetentionEconomics": (
        lambda: valuation.retention_economics(100, 0.9, 0.1),
        "keep at most",
    ),
    "SpendPlan": (lambda: valuation.spend_to_win(100.0, CURVE), "marginal cost"),
    "ValueModel": (
        lambda: valuation.fit_value_model(pd.DataFrame({"contribution": VALUES})),
        "contribution",
    ),
    "AhpWeights": (lambda: valuation.ahp_weights(PAIRS), "consistency ratio"),
    "ResourcePlan": (lambda: segmentation.allocate(TIERS, budget=1000), "1,000 units"),
    "RfmThresholds": (lambda: segmentation.fit_rfm(METRICS, bins=5), "recency_days"),
    "Clusters": (lambda: CLUSTERS, "stability"),
    "ClusterRules": (lambda: segmentation.cluster_rules(GROUPS, CLUSTERS), "agreement"),
    "LookAlike": (
        lambda: marketing.fit_lookalike(
            GROUPS.astype({"member": bool}), "member", prospects=GROUPS[[HOSTILE]]
        ),
        "held out",
    ),
    "Route": (routed, "severity"),
    "ClockState": (clock, "elapsed"),
    "Intake": (taken, "accepted"),
    "Trend": (lambda: complaints.trend([3, 4, 6, 9, 11, 15]), "rising"),
    "DecisionImpact": (lambda: impact().decisions["stage"], "1 of 3 rows move"),
    "Impact": (impact, "lost_after_days"),
}


class _Balanced(HTMLParser):
    """Remembers tags; a tag that is not closed, or a script, stays visible."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", SHOWN)
def test_its_card_is_complete_and_escaped(name: str) -> None:
    make, text = SHOWN[name]
    page = make()._repr_html_()
    assert text in page
    assert "13800138000" not in page
    assert "Personal" not in page
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    assert parser.seen <= {"div", "strong", "small", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("name", SHOWN)
def test_its_repr_is_short_and_its_text_readable(name: str) -> None:
    value = SHOWN[name][0]()
    for text in (repr(value), str(value)):
        assert text.strip()
        assert "object at 0x" not in text
        assert "13800138000" not in text
        assert "Personal" not in text
    if name != "Trace":
        assert "\n" not in repr(value)
        assert len(repr(value)) < 900


@pytest.mark.parametrize("name", ["Decision", "DecisionTable", "Policy", "ResourcePlan", "Route"])
def test_its_card_shows_the_fingerprint(name: str) -> None:
    value = SHOWN[name][0]()
    prints = (
        {d.fingerprint for d in value.decisions.values()}
        if name == "Route"
        else {value.fingerprint}
    )
    assert all(p[:12] in value._repr_html_() for p in prints)


def test_long_texts_and_tables_are_cut() -> None:
    page = card("t", {"long": "x" * 10_000}, pd.DataFrame({"a": range(100)}))
    assert len(page) < 3_000
    assert "88 more rows" in page
    assert "60 more rows" in card("t", rows=[{"a": 1}] * 100)


def test_values_are_written_for_people() -> None:
    assert [shown(v) for v in (1234567, 1234.5, 0.25, False, None, "", dt.date(2026, 1, 2))] == [
        *("1,234,567", "1,234", "0.25", "no", "-", "-", "2026-01-02")
    ]
    assert line("X", {"a b": 1}) == "<X: a b 1>"
    assert figures_of(IDLE, "id", "then") == {"id": "idle", "then": "dormant"}


plt = pytest.importorskip("matplotlib.pyplot")
plt.switch_backend("agg")


@pytest.fixture
def closing() -> Iterator[None]:
    yield
    plt.close("all")


def texts(ax: Any) -> set[str]:
    legend = ax.get_legend()
    ax.figure.canvas.draw()
    ticks = [t.get_text() for t in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    return (
        {t.get_text() for t in ax.texts}
        | set(ticks)
        | {t.get_text() for t in (legend.get_texts() if legend else ())}
    )


PLOTTED = {
    "Concentration": "top 20% of customers: 103%",
    "WhaleCurve": "peak 113% at 60% of customers",
    "ProfitSplit": "profitable",
    "MigrationMatrix": "dormant",
    "duration": "dormant",
    "DwellTimes": "active",
    "ResourcePlan": "premium",
    "DecisionImpact": "lost → dormant",
    "Impact": "lost → dormant",
}


@pytest.mark.parametrize("name", PLOTTED)
@pytest.mark.usefixtures("closing")
def test_results_draw_themselves(name: str) -> None:
    value = SHOWN[name][0]()
    ax = value.plot()
    assert any(PLOTTED[name] in text for text in texts(ax))
    _, other = plt.subplots()
    assert value.plot(ax=other) is other


@pytest.mark.parametrize("name", PLOTTED)
@pytest.mark.usefixtures("closing")
def test_results_draw_themselves_in_chinese(name: str) -> None:
    try:
        ax = SHOWN[name][0]().plot(language="zh")
    except DataError as error:
        pytest.skip(str(error))
    assert re.search("[\u4e00-\u9fff]", ax.get_title(loc="left"))


def test_a_decision_of_an_impact_is_chosen_by_name() -> None:
    with pytest.raises(UnknownNameError, match="no such table"):
        impact().plot(table="no such table")


@pytest.mark.usefixtures("closing")
def test_a_band_lies_around_the_lorenz_curve() -> None:
    spread = valuation.concentration(np.random.default_rng(3).lognormal(size=400))
    band = spread.lorenz_band(seed=1)
    curve = spread.lorenz()["value"]
    assert ((band["lower"] <= curve + 1e-9) & (curve <= band["upper"] + 1e-9)).all()
    assert len(spread.plot(band=band).collections) == 1
    wide = spread.lorenz_band(seed=1, confidence=0.99)
    assert (wide["upper"] - wide["lower"]).sum() > (band["upper"] - band["lower"]).sum()


def test_the_band_ends_agree_with_the_interval_of_the_top_share() -> None:
    spread = valuation.concentration(np.random.default_rng(4).lognormal(size=300))
    band = spread.lorenz_band(seed=1, replicates=1000).set_index("customers")
    top = spread.interval("share_of_top", share=0.2, seed=2)
    assert 1 - band["upper"].iloc[80] == pytest.approx(top.lower, abs=0.02)
    assert 1 - band["lower"].iloc[80] == pytest.approx(top.upper, abs=0.02)


@pytest.mark.usefixtures("closing")
def test_a_history_flows_and_funnels() -> None:
    ax = plots.stage_flow(HISTORY.set_index(["customer_id", "date"]))
    assert {"new", "active", "dormant", "2026-01-31"} <= texts(ax)
    counted = HISTORY.groupby(["date", "stage"]).size().unstack(fill_value=0)
    layers = [p.get_paths()[0].vertices for p in ax.collections]
    again = [p.get_paths()[0].vertices for p in plots.stage_flow(counted).collections]
    assert all(np.array_equal(a, b) for a, b in zip(layers, again, strict=True))
    funnel = lifecycle.stage_funnel(HISTORY)
    drawn = texts(plots.funnel(funnel))
    assert any(f"{funnel['reached'].iloc[0]:,}" == t for t in drawn)
    assert set(map(str, funnel.index)) <= drawn


@pytest.mark.usefixtures("closing")
def test_scores_tiers_and_complaints_are_drawn_as_they_come() -> None:
    book = make_book(300, seed=2)
    scored = segmentation.score_rfm(METRICS, segmentation.fit_rfm(METRICS, bins=5))
    assert {"2"} == {t.get_text() for t in plots.rfm_heatmap(scored).texts}
    history = pd.DataFrame(
        {
            "customer_id": [1, 1, 2, 2],
            "date": pd.to_datetime(["2026-01-01", "2026-07-01"] * 2),
            "tier": ["ordinary", "key", "key", "key"],
        }
    )
    assert {"100%", "key"} <= texts(plots.tier_movement(segmentation.tier_migration(history)))
    days = working_calendar("CN")
    cases = book.frame("complaints")
    aged = complaints.ageing(cases, as_of=book.as_of, calendar=days)
    assert {"open", "unanswered", *aged.index} <= texts(plots.ageing(aged))
    plots.pareto(complaints.pareto(cases, by="product"))
    months = complaints.summarise(cases, period="month", calendar=days, as_of=book.as_of)
    chart = plots.control_chart(complaints.control_chart(months["received"]))
    assert months.index[0].strftime("%Y-%m-%d") in texts(chart)


@pytest.mark.usefixtures("closing")
def test_a_review_is_drawn_from_its_columns() -> None:
    book = make_book(300, seed=2)
    found = review(book, as_of=book.as_of)
    for column in ("stage", "segment", "tier"):
        counts = found.customers[column].value_counts()
        assert len(plots.sizes(counts).patches) == len(counts)
    assert plots.rfm_heatmap(found.customers).texts


def test_an_impact_without_moves_is_an_error() -> None:
    same = default_policies()
    nobody = simulation.simulate(facts(), same, same)
    with pytest.raises(DataError, match="nothing to draw"):
        nobody.plot()
