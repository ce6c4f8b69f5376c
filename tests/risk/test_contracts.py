"""The columns that the functions of risk need, and those that may be missing or null."""

from __future__ import annotations

import pandas as pd
from tests.column_contracts import check_columns

from bankcrm.risk import (
    allot_limit,
    apply_changes,
    find_groups,
    funding_concentration,
    group_exposure,
    group_warnings,
    review_watch_list,
    summarise_watch_list,
)

DAY = pd.Timestamp("2026-06-30")


def test_columns_of_credit() -> None:
    check_columns(
        lambda frame: allot_limit(1, frame),
        pd.DataFrame({"need": [1.0, 1.0], "floor": [0.0, 0.0], "cap": [1.0, 1.0]}),
        required=["need"], nullable=["floor", "cap"],
    )  # fmt: skip
    lent = pd.DataFrame({"customer_id": [1, 2], "branch": ["a", "b"], "exposure": [1.0, 2.0],
                         "loans": [1.0, 2.0], "uncovered": [1.0, 2.0]})  # fmt: skip
    measures = ["customer_id", "exposure", "loans", "uncovered"]
    check_columns(group_exposure, lent, required=measures, nullable=["branch"])
    links = pd.DataFrame({"parent_id": [1], "child_id": [2], "link": ["controls"]})
    groups = find_groups(links, as_of=DAY)
    flows = pd.DataFrame({"payer_id": [1, 2], "payee_id": [2, 1], "amount": [1.0, 1.0]})
    check_columns(
        lambda frame: group_warnings(lent, groups, flows=frame), flows,
        required=list(flows), nullable=[],
    )  # fmt: skip
    deposits = pd.DataFrame({"customer_id": [1, 2], "balance": [1.0, 2.0], "matures": [DAY, DAY]})
    check_columns(funding_concentration, deposits, required=["customer_id", "balance"],
                  nullable=["matures"])  # fmt: skip


def test_columns_of_groups() -> None:
    members = pd.DataFrame({"group": ["G1", "G1"]}, index=[1, 2])
    changes = pd.DataFrame({"before": [None, "G1"], "after": ["G2", None]}, index=[3, 2])
    check_columns(lambda frame: apply_changes(frame, changes.iloc[:0]), members,
                  required=["group"], nullable=[])  # fmt: skip
    check_columns(lambda frame: apply_changes(members, frame), changes,
                  required=["before", "after"], nullable=["before", "after"])  # fmt: skip


def test_columns_of_the_watch_list() -> None:
    listed = pd.DataFrame({"since": [DAY, DAY], "movement": ["stay", "enter"],
                           "level": ["high", "none"], "owner": ["a", "b"],
                           "next_review": [DAY, DAY]}, index=[1, 2])  # fmt: skip
    risks = pd.DataFrame({"risk_level": ["high", "none"], "raised_risks": [0, 0],
                          "risk_reasons": ["r", ""], "is_customer": [True, True]},
                         index=[1, 2])  # fmt: skip
    check_columns(
        lambda frame: review_watch_list(frame, risks, as_of=DAY), listed,
        required=["since"], nullable=["movement", "level", "owner", "next_review"],
    )  # fmt: skip
    check_columns(
        lambda frame: review_watch_list(listed, frame, as_of=DAY), risks,
        required=["risk_level", "raised_risks"],
        nullable=["risk_level", "raised_risks", "risk_reasons"],
    )  # fmt: skip
    history = listed.rename_axis("customer_id").reset_index().assign(review_date=DAY)
    history = history[["review_date", "customer_id", "movement", "level", "since"]]
    check_columns(summarise_watch_list, history, required=list(history), nullable=[])
