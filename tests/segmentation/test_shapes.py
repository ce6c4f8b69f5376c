"""Every result has the index, columns and types that its docstring promises."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from bankcrm import segmentation
from bankcrm.policy import default_policy
from bankcrm.segmentation.resources.plan import ResourcePlan

DAY = "2026-03-31"
POLICY = default_policy("segmentation")
MOVES = pd.DataFrame(
    {
        "customer_id": [1, 2],
        "date": pd.to_datetime(["2026-01-01", "2026-02-01"]),
        "amount": [1.0, 2.0],
        "line": ["a", "b"],
    }
)
FACTS = pd.DataFrame({"contribution": [1.0, 60_000.0]}, index=[1, 2])
HELD = pd.DataFrame({"tier": ["key"], "since": pd.to_datetime(["2025-01-01"])}, index=[1])
BALANCES = pd.DataFrame(
    {"customer_id": [1], "account_id": [1], "date": pd.to_datetime(["2026-01-01"]), "balance": 1.0}
)
ACCOUNTS = pd.DataFrame(
    {
        "account_id": [1],
        "customer_id": [7],
        "product": ["demand"],
        "opened_date": pd.to_datetime(["2020-01-01"]),
    }
)


def metrics() -> pd.DataFrame:
    return segmentation.rfm_metrics(MOVES, as_of=DAY)


def scores() -> pd.DataFrame:
    return segmentation.score_rfm(metrics(), segmentation.fit_rfm(metrics()))


def segments() -> pd.DataFrame:
    return segmentation.segment_rfm(scores())


def tiers() -> pd.DataFrame:
    return segmentation.assign_tiers(FACTS)


def plan() -> ResourcePlan:
    return segmentation.allocate(tiers()[["tier"]], budget=1000)


OF_METRICS = {"int64": "recency_days frequency", "float64": "monetary"}
OF_BALANCES = {"float64": "average_balance", "int64": "days_known"}

PROMISED: dict[str, tuple[Callable[[], pd.DataFrame], str, dict[str, str]]] = {
    "rfm_metrics": (metrics, "customer_id", OF_METRICS),
    "rfm_metrics by line": (
        lambda: segmentation.rfm_metrics(MOVES, as_of=DAY, by="line"),
        "customer_id line",
        OF_METRICS,
    ),
    "score_rfm": (scores, "customer_id", {"int8": "r f m", "int16": "rfm_score"}),
    "segment_rfm": (
        segments,
        "customer_id",
        {"category": "segment segment_rule rfm_level rfm_level_rule treatment"},
    ),
    "rfm_migration": (
        lambda: segmentation.rfm_migration(segments(), segments()),
        "before",
        {"int64": " ".join(POLICY.table("rfm_segment").outcomes)},
    ),
    "assign_tiers": (
        tiers,
        "customer_id",
        {
            "category": "tier standing value_level growth_level "
            "standing_rule value_level_rule growth_level_rule tier_rule"
        },
    ),
    "product_use": (
        lambda: segmentation.product_use(ACCOUNTS, as_of=DAY),
        "customer_id",
        {"int64": "products", "float64": "invest_share consume_share save_share"},
    ),
    "average_balance daily": (
        lambda: segmentation.average_balance(BALANCES, start="2026-01-01", end=DAY),
        "customer_id",
        OF_BALANCES,
    ),
    "average_balance monthly": (
        lambda: segmentation.average_balance(
            BALANCES, start="2026-01-01", end=DAY, method="monthly"
        ),
        "customer_id month",
        OF_BALANCES,
    ),
    "memberships": (
        lambda: segmentation.memberships(
            pd.DataFrame({"daily_average": [2e7], "monthly_average": [2e7]}, index=[1]), as_of=DAY
        ),
        "customer_id",
        {
            "category": "club qualifies_for status status_rule",
            "date": "term_start term_end notice_from grace_until next_review",
            "Int64": "days_left",
        },
    ),
    "resource_levels": (
        lambda: segmentation.resource_levels(tiers()),
        "customer_id",
        {"category": "resource_level resource_level_rule"},
    ),
    "allocate": (
        lambda: plan().customers,
        "customer_id",
        {
            "category": "tier resource_level resource_level_rule",
            "float64": "weight",
            "int64": "amount",
        },
    ),
    "allocate tiers": (
        lambda: plan().tiers,
        "tier",
        {"int64": "customers floor cap amount", "float64": "weight"},
    ),
    "compare": (
        lambda: plan().compare(plan()),
        "customer_id",
        {"int64": "before after change", "category": "tier_before tier_after"},
    ),
    "assign_managers": (
        lambda: segmentation.assign_managers(
            tiers()[["tier"]], pd.DataFrame({"manager_id": [1], "capacity": [1]})
        ),
        "customer_id",
        {"Int64": "manager_id", "category": "status reason"},
    ),
    "profile": (
        lambda: segmentation.profile(tiers(), by="tier"),
        "segment feature word",
        {"int64": "customers known", "float64": "segment_value overall_value index"},
    ),
}
WITH_POLICY = [
    "segment_rfm",
    "assign_tiers",
    "product_use",
    "memberships",
    "resource_levels",
    "allocate",
    "assign_managers",
]


@pytest.mark.parametrize("name", PROMISED)
def test_columns_types_and_index_are_those_promised(
    name: str, kind: Callable[[object], str]
) -> None:
    make, index, columns = PROMISED[name]
    frame = make()
    assert list(frame.index.names) == index.split()
    promised = {c: what for what, names in columns.items() for c in names.split()}
    assert {str(c): kind(t) for c, t in frame.dtypes.items()} == promised


def test_a_review_has_its_columns_in_order(kind: Callable[[object], str]) -> None:
    after = segmentation.review_tiers(HELD, FACTS, as_of=DAY)
    assert after.index.name == "customer_id"
    assert list(after.columns) == [
        "before", "proposed", "tier", "movement", "reason", "reason_rule", "since", "grace_until",
        "next_review", "override_tier", "override_until", "override_reason", "action",
    ]  # fmt: skip
    words = [
        "before",
        "proposed",
        "tier",
        "movement",
        "reason",
        "reason_rule",
        "override_tier",
        "action",
    ]
    assert {kind(after[c].dtype) for c in words} == {"category"}
    days = ["since", "grace_until", "next_review", "override_until"]
    assert {str(after[c].dtype) for c in days} == {"datetime64[s]"}


@pytest.mark.parametrize("name", WITH_POLICY)
def test_a_result_names_the_policy_that_decided_it(name: str) -> None:
    attrs = PROMISED[name][0]().attrs
    assert attrs["policy"] == f"{POLICY.id}@{POLICY.version}"
    assert attrs["fingerprint"] == POLICY.fingerprint


def test_a_table_of_moves_names_its_columns() -> None:
    assert segmentation.rfm_migration(segments(), segments()).columns.name == "after"


def test_weighted_scores_are_named() -> None:
    assert segmentation.weighted_rfm(scores(), weights=(1, 1, 1)).name == "weighted"


def test_a_book_with_nothing_left_out_says_so() -> None:
    made = PROMISED["average_balance daily"][0]()
    assert metrics().attrs == made.attrs == {"left_out": {}, "findings": []}
