"""The columns that the functions of segmentation need, and those that may be missing or null."""

from __future__ import annotations

import pandas as pd
from tests.column_contracts import check_columns

from bankcrm.segmentation import (
    allocate,
    assign_managers,
    assign_tiers,
    average_balance,
    memberships,
    product_use,
    review_tiers,
    segment_attributes,
    tier_migration,
)

DAY = pd.Timestamp("2026-06-30")


def test_columns_of_tiers() -> None:
    facts = pd.DataFrame({"contribution": [1.0, 2.0], "value_score": [1.0, 2.0],
                          "growth": [1.0, 2.0], "risk": [1.0, 2.0],
                          "credit_standing": ["good", "good"]}, index=[1, 2])  # fmt: skip
    check_columns(assign_tiers, facts, required=["contribution"], nullable=list(facts))
    held = pd.DataFrame({"tier": ["key", "key"], "since": [DAY, DAY], "grace_until": [DAY, DAY]},
                        index=[1, 2])  # fmt: skip
    check_columns(lambda frame: review_tiers(frame, facts, as_of=DAY), held,
                  required=["tier", "since"], nullable=["grace_until"])  # fmt: skip
    override = held.assign(override_tier=["premium", None], override_until=[DAY, pd.NaT],
                           override_reason=["a friend", None])  # fmt: skip
    check_columns(
        lambda frame: review_tiers(frame, facts, as_of=DAY), override,
        required=["tier", "since", "override_tier", "override_until", "override_reason"],
        nullable=["grace_until"],
    )  # fmt: skip
    history = pd.DataFrame({"customer_id": [1, 2], "date": [DAY, DAY], "tier": ["key", "key"]})
    check_columns(tier_migration, history, required=list(history), nullable=["tier"])


def test_columns_of_clubs_products_and_balances() -> None:
    club = pd.DataFrame({"daily_average": [1.0, 2.0], "monthly_average": [1.0, 2.0],
                         "club": ["none", "none"], "term_start": [DAY, DAY],
                         "term_end": [DAY, DAY]}, index=[1, 2])  # fmt: skip
    check_columns(lambda frame: memberships(frame, as_of=DAY), club, required=[],
                  nullable=list(club))  # fmt: skip
    accounts = pd.DataFrame({"account_id": [1, 2], "customer_id": [1, 2],
                             "product": ["demand", "fund"], "opened_date": [DAY, DAY],
                             "closed_date": [DAY, DAY]})  # fmt: skip
    check_columns(lambda frame: product_use(frame, as_of=DAY), accounts,
                  required=["account_id", "customer_id", "product", "opened_date"],
                  nullable=["opened_date", "closed_date"])  # fmt: skip
    balances = pd.DataFrame({"customer_id": [1, 2], "account_id": [1, 2], "date": [DAY, DAY],
                             "balance": [1.0, 2.0]})  # fmt: skip
    check_columns(lambda frame: average_balance(frame, start=DAY, end=DAY), balances,
                  required=list(balances), nullable=[])  # fmt: skip
    people = pd.DataFrame({"kind": ["person", "company"]}, index=[1, 2])
    check_columns(lambda frame: segment_attributes(frame, as_of=DAY), people, required=["kind"],
                  nullable=[])  # fmt: skip


def test_columns_of_resources() -> None:
    rows = pd.DataFrame({"tier": ["key", "key"], "potential": [1.0, 1.0], "weight": [1.0, 1.0],
                         "floor": [0, 0], "cap": [9, 9]}, index=[1, 2])  # fmt: skip
    check_columns(lambda frame: allocate(frame, budget=2), rows, required=["tier"],
                  nullable=["tier", "potential", "floor", "cap"])  # fmt: skip
    people = pd.DataFrame({"tier": ["key", "key"], "branch": ["n", "n"], "language": ["zh", "zh"]},
                          index=[1, 2])  # fmt: skip
    staff = pd.DataFrame({"manager_id": [1, 2], "capacity": [1, 1], "tiers": ["key", "key"],
                          "branch": ["n", "n"], "languages": ["zh", "zh"]})  # fmt: skip
    check_columns(lambda frame: assign_managers(frame, staff), people, required=["tier"],
                  nullable=list(people))  # fmt: skip
    check_columns(
        lambda frame: assign_managers(people, frame), staff,
        required=["manager_id", "capacity"], nullable=["tiers", "branch", "languages"],
    )  # fmt: skip
