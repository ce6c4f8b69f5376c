"""Pictures show the numbers given, label their axes, and refuse what they cannot draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm import plots
from bankcrm.errors import DataError, MissingExtraError
from bankcrm.plots import _style, bars, curves, grids
from bankcrm.rules import DecisionTable, Rule
from bankcrm.segmentation import TIER_LADDER
from bankcrm.vocabulary import Tier

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


STAGES = ["prospect", "lead", "new", "active"]
SHARES = np.linspace(0, 1, 11)
LORENZ = pd.DataFrame({"customers": SHARES, "value": SHARES**2})
WHALE = pd.DataFrame({"customers": SHARES, "profit": 4 * SHARES - 3 * SHARES**2})
SPLIT = pd.DataFrame(
    {"customers": [0.3, 0.4, 0.3], "profit": [1.4, 0.1, -0.5]},
    index=["profitable", "marginal", "losing"],
)
COUNTS = pd.Series({"champions": 120, "at_risk": 60, "lost": 20})
MATRIX = pd.DataFrame([[8, 2], [1, 9]], index=["key", "ordinary"], columns=["key", "ordinary"])
FLOW = pd.DataFrame([[5, 5], [2, 8]], index=["2026-01-31", "2026-02-28"], columns=["new", "active"])
FUNNEL = pd.DataFrame(
    {
        "to": STAGES[1:],
        "reached": [1000, 400, 220],
        "converted": [400, 220, 0],
        "rate": [0.4, 0.55, np.nan],
        "lower": [0.37, 0.5, np.nan],
        "upper": [0.43, 0.6, np.nan],
    },
    index=STAGES[:3],
)
SURVIVAL = pd.DataFrame(
    {
        "stage": ["new", "new", "dormant", "dormant"],
        "days": [10, 90, 5, 90],
        "survival": [1.0, 0.5, 1.0, 0.8],
        "lower": [1.0, 0.4, 1.0, 0.7],
        "upper": [1.0, 0.6, 1.0, 0.9],
    }
)
TIERS = pd.DataFrame({"customers": [10, 90], "amount": [600, 400]}, index=["key", "ordinary"])
CONTROL = pd.DataFrame(
    {
        "value": [5, 6, 20],
        "centre": 6.0,
        "lower": 0.0,
        "upper": 14.0,
        "signal": [False, False, True],
    },
    index=pd.period_range("2026-01", periods=3, freq="M"),
)
SCORES = pd.DataFrame({"r": [5, 5, 1], "f": [5, 5, 2], "value": [10.0, 30.0, 7.0]})

DRAWINGS: dict[str, tuple[Callable[..., Any], Any]] = {
    "ageing": (plots.ageing, FLOW),
    "control_chart": (plots.control_chart, CONTROL),
    "funnel": (plots.funnel, FUNNEL),
    "impact": (bars.impact, {"key -> premium": 4, "ordinary -> key": 12}),
    "lorenz": (curves.lorenz, LORENZ),
    "migration": (grids.migration, MATRIX),
    "pareto": (plots.pareto, COUNTS),
    "profit_split": (bars.profit_split, SPLIT),
    "resource_plan": (bars.resource_plan, TIERS),
    "rfm_heatmap": (plots.rfm_heatmap, SCORES),
    "sizes": (plots.sizes, COUNTS),
    "stage_flow": (plots.stage_flow, FLOW),
    "survival": (curves.survival, SURVIVAL),
    "tier_movement": (plots.tier_movement, MATRIX),
    "whale": (curves.whale, WHALE),
}


def test_every_public_picture_is_tested() -> None:
    assert set(plots.__all__) <= set(DRAWINGS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_it_has_a_title_and_named_axes(name: str) -> None:
    draw, data = DRAWINGS[name]
    ax = draw(data)
    assert ax.get_title(loc="left")
    assert ax.get_xlabel() or ax.get_ylabel()
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", DRAWINGS)
def test_it_draws_on_the_axes_given_and_keeps_the_data(name: str) -> None:
    draw, data = DRAWINGS[name]
    before = data.copy()
    _, ax = plt.subplots()
    assert draw(data, ax=ax) is ax
    assert len(plt.get_fignums()) == 1
    assert before.equals(data) if hasattr(data, "equals") else before == data


@pytest.mark.parametrize("name", DRAWINGS)
def test_chinese_is_written_in_a_font_that_has_it(name: str) -> None:
    draw, data = DRAWINGS[name]
    try:
        ax = draw(data, language="zh")
    except DataError as error:
        pytest.skip(str(error))
    assert any("\u4e00" <= c <= "\u9fff" for c in ax.get_title(loc="left"))
    ax.figure.canvas.draw()


def test_without_such_a_font_the_error_says_which_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_style, "_CHINESE_FONTS", ("No Such Font",))
    with pytest.raises(DataError, match=r"no font with Chinese characters.*No Such Font"):
        plots.sizes(COUNTS, language="zh")


def test_bars_are_as_long_as_the_counts() -> None:
    ax = plots.sizes(COUNTS)
    assert [bar.get_width() for bar in ax.patches] == COUNTS.tolist()
    assert any("60 (30%)" in t.get_text() for t in ax.texts)


def test_the_heatmap_counts_customers_or_averages_a_value() -> None:
    shown = {t.get_text() for t in plots.rfm_heatmap(SCORES).texts}
    assert shown == {"2", "1"}
    assert {t.get_text() for t in plots.rfm_heatmap(SCORES, value="value").texts} == {"20", "7"}


def test_rows_of_a_migration_are_shares() -> None:
    assert [t.get_text() for t in grids.migration(MATRIX).texts] == ["80%", "20%", "10%", "90%"]


def test_the_lorenz_point_shows_the_top_fifth() -> None:
    named = [t.get_text() for t in curves.lorenz(LORENZ).get_legend().get_texts()]
    assert named == ["equal shares", "customers", "top 20% of customers: 36%"]


@pytest.mark.parametrize("name", ["migration", "rfm_heatmap", "tier_movement"])
def test_the_colours_of_a_heatmap_have_a_scale(name: str) -> None:
    draw, data = DRAWINGS[name]
    ax = draw(data)
    [scale] = [a for a in ax.figure.axes if a is not ax]
    assert scale.get_ylabel() in ("share of the row", "customers")


def test_tiers_stand_in_one_order() -> None:
    order = [t.value for t in Tier]
    shuffled = pd.DataFrame(1, index=order[::-1], columns=order[::-1])
    ax = plots.tier_movement(shuffled)
    assert [t.get_text() for t in ax.get_yticklabels()] == order
    assert [t.value for t in reversed(TIER_LADDER)] == order


def test_the_limits_of_a_control_chart_are_named() -> None:
    named = {t.get_text() for t in plots.control_chart(CONTROL).texts}
    assert named == {"centre", "upper limit", "lower limit"}


def test_a_figure_that_cannot_be_drawn_is_closed() -> None:
    with pytest.raises(DataError):
        plots.rfm_heatmap(pd.DataFrame({"r": [None], "f": [None]}))
    assert plt.get_fignums() == []


def test_a_band_is_drawn_around_the_lorenz_curve() -> None:
    band = LORENZ.assign(lower=LORENZ["value"] * 0.9, upper=LORENZ["value"] * 1.1)
    assert len(curves.lorenz(LORENZ, band=band).collections) == 1


def test_the_rule_of_thumb_stands_beside_the_split() -> None:
    ax = bars.profit_split(SPLIT.assign(reference=[0.25, 0.45, 0.3]))
    assert "rule of thumb" in [t.get_text() for t in ax.get_legend().get_texts()]


def test_only_signals_are_marked() -> None:
    marked = plots.control_chart(CONTROL).lines[-1]
    assert marked.get_xdata().tolist() == [2]
    assert len(plots.control_chart(CONTROL.drop(columns="signal")).lines) == 4


def test_pareto_sorts_and_shortens_long_names() -> None:
    ax = plots.pareto({"small": 1, "a cause with a very long name indeed, longer than fits": 9})
    labels = [t.get_text() for t in ax.get_xticklabels()]
    assert labels[0].endswith("…")
    assert labels[1] == "small"


@pytest.mark.parametrize("name", DRAWINGS)
def test_nothing_to_draw_is_an_error(name: str) -> None:
    draw, data = DRAWINGS[name]
    empty = data.head(0) if hasattr(data, "head") else {}
    with pytest.raises(DataError, match="nothing to draw"):
        draw(empty)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match=r"missing column value; present: customers"):
        curves.lorenz(LORENZ[["customers"]])


def test_a_value_that_is_not_finite_is_named() -> None:
    with pytest.raises(DataError, match="missing or not finite: lost"):
        plots.sizes(COUNTS.astype(float).mask(COUNTS.index == "lost"))


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[plot\]"):
        plots.sizes(COUNTS)
    with pytest.raises(MissingExtraError, match=r"bankcrm\[plot\]"):
        _style.axes(None)


def test_a_comparison_of_tables_draws_its_migration() -> None:
    def table(limit: int) -> DecisionTable:
        rules = (Rule("idle", {"days_idle": f">= {limit}"}, "dormant"), Rule("other", {}, "active"))
        return DecisionTable("activity", rules)

    frame = pd.DataFrame({"days_idle": [10, 70, 80, 95]})
    ax = table(90).compare(table(60), frame).plot()
    assert sorted(t.get_text() for t in ax.texts) == ["0%", "100%", "33%", "67%"]


def test_a_heatmap_of_nothing_says_so() -> None:
    scores = pd.DataFrame({"r": [1, 2], "f": [1, 1], "contribution": [None, None]})
    with pytest.raises(DataError, match="none of 2 customers has scores and contribution"):
        plots.rfm_heatmap(scores, value="contribution")
    with pytest.raises(DataError, match=r"none of 2 customers has scores$"):
        plots.rfm_heatmap(scores.assign(r=None))
