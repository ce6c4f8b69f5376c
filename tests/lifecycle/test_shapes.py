"""Every result has the index, columns and types that its docstring promises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bankcrm import lifecycle
from bankcrm.calendars import working_calendar
from bankcrm.lifecycle.history.dwell import survival_curve
from bankcrm.policy import default_policy

DAY = "2026-03-31"
POLICY = default_policy("lifecycle")
CUSTOMERS = pd.DataFrame(
    {"customer_id": [1, 2], "contract_date": pd.to_datetime(["2025-01-01", None])}
)
MOVES = pd.DataFrame(
    {
        "customer_id": [1, 1],
        "date": pd.to_datetime(["2026-02-01", "2026-03-01"]),
        "amount": [5.0, -3.0],
    }
)
VALUES = MOVES.rename(columns={"amount": "balance"})
STAGES = " ".join(lifecycle.stage_model().stage_names)


def facts() -> pd.DataFrame:
    return lifecycle.stage_facts(CUSTOMERS, MOVES, as_of=DAY)


def history() -> pd.DataFrame:
    ends = lifecycle.month_ends("2026-01", "2026-03")
    return lifecycle.stage_history(CUSTOMERS, MOVES, dates=ends)


def log() -> pd.DataFrame:
    return lifecycle.stage_log(history())


OF_FACTS = {
    "category": "kind contract_basis",
    "bool": "has_contract closed returned contacted inquired quiet_product",
    "Int64": "days_since_contract days_idle",
    "int64": "recent_count earlier_count automatic_count active_days",
    "float64": "activity_ratio recent_amount earlier_amount usual_gap_days",
    "date": "last_activity",
}
OF_RATES = {"int64": "at_risk moved", "float64": "rate lower upper"}
OF_PHASES = {"category": "value_phase value_phase_rule missing"}

PROMISED: dict[str, tuple[Callable[[], pd.DataFrame], str, dict[str, str]]] = {
    "stage_facts": (facts, "customer_id", OF_FACTS),
    "assign_stages": (
        lambda: lifecycle.assign_stages(facts()),
        "customer_id",
        {"category": "stage stage_rule"},
    ),
    "stage_history": (
        history,
        "customer_id date",
        {"category": "stage furthest stage_rule"},
    ),
    "stage_log": (
        log,
        "",
        {
            "int64": "entry customer_id",
            "date": "date recorded",
            "category": "event before after",
            "text": "rule cause",
        },
    ),
    "replay": (
        lambda: lifecycle.replay(log(), as_of=DAY),
        "customer_id",
        {"category": "stage furthest", "date": "since"},
    ),
    "stage_spells": (
        lambda: lifecycle.stage_spells(history()),
        "",
        {
            "int64": "customer_id",
            "category": "stage after",
            "date": "start end",
            "bool": "from_start",
        },
    ),
    "loss_causes": (
        lambda: lifecycle.loss_causes(pd.DataFrame({"closure_reason": ["fees"]})),
        "group",
        {"int64": "count", "float64": "share lower upper reference", "bool": "within"},
    ),
    "plan_actions": (
        lambda: lifecycle.plan_actions(
            history().xs(pd.Timestamp(DAY), level="date").reset_index()[["customer_id", "stage"]],
            as_of=DAY,
            calendar=working_calendar("CN"),
        ),
        "",
        {
            "int64": "customer_id",
            "text": "action title stage owner channel source",
            "date": "occasion due",
            "bool": "overdue",
        },
    ),
    "early_warnings": (
        lambda: lifecycle.early_warnings(CUSTOMERS, MOVES, as_of=DAY),
        "customer_id",
        {
            "category": "warning warning_rules",
            "text": "warning_reasons",
            "int64": "warning_signals",
            "float64": "warning_score",
        },
    ),
    "churn_rates": (
        lambda: lifecycle.churn_rates(history()),
        "period stage",
        {"int64": "at_risk lost", "float64": "rate lower upper target", "boolean": "met"},
    ),
    "growth": (
        lambda: lifecycle.growth(history()),
        "period",
        {"int64": "before entered left now", "float64": "growth"},
    ),
    "reactivation_rate": (lambda: lifecycle.reactivation_rate(history()), "period", OF_RATES),
    "win_back_rate": (lambda: lifecycle.win_back_rate(history()), "period", OF_RATES),
    "stage_funnel": (
        lambda: lifecycle.stage_funnel(history()),
        "stage",
        {
            "text": "to",
            "int64": "reached converted",
            "float64": "rate lower upper median_days",
        },
    ),
    "migration_matrix counts": (
        lambda: lifecycle.migration_matrix(history()).counts,
        "before",
        {"int64": STAGES},
    ),
    "migration_matrix probabilities": (
        lambda: lifecycle.migration_matrix(history(), by="period").probabilities,
        "by before",
        {"float64": STAGES},
    ),
    "dwell_times": (
        lambda: lifecycle.dwell_times(history()).summary,
        "stage",
        {"int64": "spells ended censored left_truncated", "float64": "median_days mean_days"},
    ),
    "survival_curve": (
        lambda: survival_curve([10, 20], [True, False]),
        "days",
        {"int64": "at_risk ended censored", "float64": "survival lower upper"},
    ),
    "transition_frame": (
        lambda: lifecycle.transition_frame(["new"], ["activated"]),
        "",
        {"category": "next reason", "bool": "legal"},
    ),
    "value_facts": (
        lambda: lifecycle.value_facts(CUSTOMERS, VALUES, as_of=DAY),
        "customer_id",
        {
            "bool": "has_contract trend_known",
            "float64": "months_since_contract value_trend",
        },
    ),
    "assign_value_phases": (
        lambda: lifecycle.assign_value_phases(lifecycle.value_facts(CUSTOMERS, VALUES, as_of=DAY)),
        "customer_id",
        OF_PHASES,
    ),
}
WITH_POLICY = [
    "stage_facts",
    "assign_stages",
    "stage_history",
    "plan_actions",
    "early_warnings",
    "assign_value_phases",
]


@pytest.mark.parametrize("name", PROMISED)
def test_columns_types_and_index_are_those_promised(
    name: str, kind: Callable[[object], str]
) -> None:
    make, index, columns = PROMISED[name]
    frame = make()
    assert [n for n in frame.index.names if n] == index.split()
    promised = {c: what for what, names in columns.items() for c in names.split()}
    assert {str(c): kind(t) for c, t in frame.dtypes.items()} == promised
    if not index:
        assert frame.index.equals(pd.RangeIndex(len(frame)))


@pytest.mark.parametrize("name", WITH_POLICY)
def test_a_result_names_the_policy_that_decided_it(name: str) -> None:
    attrs = PROMISED[name][0]().attrs
    assert (attrs["policy"], attrs["fingerprint"]) == (
        f"{POLICY.id}@{POLICY.version}",
        POLICY.fingerprint,
    )
    assert attrs.get("as_of", DAY) == DAY


def test_facts_name_their_day() -> None:
    assert facts().attrs["as_of"] == DAY


def test_a_history_runs_customer_by_customer_in_order_of_dates() -> None:
    index = history().index
    when = index.get_level_values("date").to_numpy().astype("datetime64[D]")
    assert index.get_level_values("customer_id").tolist() == [1, 1, 1, 2, 2, 2]
    assert (when == np.tile(lifecycle.month_ends("2026-01", "2026-03"), 2)).all()
