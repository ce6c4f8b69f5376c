"""The columns that the functions of scorecards need, and those that may be missing or null."""

from __future__ import annotations

import pandas as pd
from tests.column_contracts import check_columns

from bankcrm.scorecards import attain, kpi_values, rank_subjects, scorecard, with_states

DAY = pd.Timestamp("2026-06-30")
EVENTS = pd.DataFrame(
    {"measure": ["answers", "answers_satisfied"], "date": [DAY, DAY], "value": [20.0, 20.0],
     "customer_id": [1, 1], "employee_id": ["A", "A"], "department": ["product", "product"],
     "branch": ["n", "n"]}
)  # fmt: skip


def test_columns_of_events_and_states() -> None:
    people = ["customer_id", "employee_id", "department", "branch"]
    check_columns(lambda frame: kpi_values(frame, as_of=DAY), EVENTS,
                  required=["measure", "date"], nullable=people)  # fmt: skip
    states = pd.DataFrame({"customer_id": [1, 2], "date": [DAY, DAY], "stage": ["new", "new"]})
    check_columns(lambda frame: with_states(EVENTS, frame, columns=[]), states,
                  required=["customer_id", "date"], nullable=["stage"])  # fmt: skip


def test_columns_of_values_and_attainments() -> None:
    values = kpi_values(EVENTS, as_of=DAY)
    values = values[(values["kpi"] == "satisfied_share").to_numpy()].reset_index(drop=True)
    numbers = ["numerator", "denominator", "value", "low", "high"]
    asked = ["kpi", "period", "low", "high"]
    check_columns(rank_subjects, values[asked], required=asked, nullable=["low", "high"])
    goal = pd.DataFrame({"kpi": ["satisfied_share"], "target": [0.9]})
    check_columns(lambda frame: attain(frame, goal), values, required=list(values),
                  nullable=[*numbers, "reason"])  # fmt: skip
    done = attain(values, goal)
    more = ["target", "weight", "attainment", "credited", "credited_low", "credited_high"]
    needed = done[[*values, *more]]
    check_columns(scorecard, needed, required=list(needed), nullable=[*numbers, "reason", *more])
