"""Laws of scorecards, against oracles that count row by row."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bankcrm.scorecards import Scorecard, attain, kpi_values, rank_subjects, rewards, scorecard

DAYS = pd.date_range("2025-11-01", "2026-04-30")
DAY = st.sampled_from(list(DAYS))
SUBJECTS = ("A", "B", "C")


def values_of(kpi: str, *figures: float, **columns: object) -> pd.DataFrame:
    """Values of one indicator, as `kpi_values` gives them, one subject per figure."""
    frame = pd.DataFrame({"kpi": kpi, "subject": [f"S{i}" for i in range(len(figures))]})
    frame = frame.assign(period=pd.Timestamp("2026-01-01"), numerator=np.nan, denominator=1000.0)
    frame = frame.assign(value=figures, low=figures, high=figures, present=1.0, reason=None)
    return frame.assign(**columns)


# A card takes 50 milliseconds, so the laws of one take fewer examples.
FEWER = settings(max_examples=12)
numbers = st.floats(-1e6, 1e6, allow_nan=False)


@FEWER
@given(numbers, numbers, st.lists(numbers, min_size=2, max_size=8), st.booleans())
def test_attainment_is_0_at_the_baseline_1_at_the_target_and_monotone(
    base: float, target: float, actual: list[float], lower: bool
) -> None:
    assume(abs(target - base) > 1e-3)
    low, high = sorted((base, target))
    kpi, ends = ("churn", (high, low)) if lower else ("transaction_amount", (low, high))
    goal = pd.DataFrame({"kpi": [kpi], "baseline": [ends[0]], "target": [ends[1]]})
    done = attain(values_of(kpi, *ends, *sorted(actual)), goal)
    found = done["attainment"].to_numpy()
    assert found[0] == pytest.approx(0, abs=1e-9)
    assert found[1] == pytest.approx(1)
    steps = np.diff(found[2:])
    assert (steps <= 0).all() if lower else (steps >= 0).all()
    assert ((done["credited"] >= 0) & (done["credited"] <= 1.5)).all()


def card_of(attained: list[list[float]], weights: list[float]) -> Scorecard:
    """A scorecard of two indicators per subject, with these attainments."""
    kpis = ("transactions", "new_customers")
    parts = [values_of(kpi, *(row[i] for row in attained)) for i, kpi in enumerate(kpis)]
    for part in parts:
        part["reason"] = part["reason"].where(part["value"].notna(), "not recorded")
    goal = pd.DataFrame({"kpi": kpis, "target": 1.0, "weight": weights})
    return scorecard(attain(pd.concat(parts, ignore_index=True), goal))


attained_lists = st.lists(st.lists(st.floats(0, 2), min_size=2, max_size=2), min_size=1, max_size=6)
weight_pairs = st.lists(st.floats(0.01, 100), min_size=2, max_size=2)


@FEWER
@given(attained_lists, weight_pairs, st.floats(0.01, 1000))
def test_weights_scale_out_and_parts_add_up(
    attained: list[list[float]], weights: list[float], scale: float
) -> None:
    card, scaled = card_of(attained, weights), card_of(attained, [w * scale for w in weights])
    assert card.scores["score"].tolist() == pytest.approx(scaled.scores["score"].tolist())
    assert card.parts["points"].groupby(card.parts["card"]).sum().tolist() == pytest.approx(
        card.scores["score"].tolist()
    )
    by_hand = [
        sum(w * min(a, 1.5) for w, a in zip(weights, row, strict=True)) / sum(weights)
        for row in attained
    ]
    assert card.scores["score"].tolist() == pytest.approx(by_hand)


some_undecided = attained_lists.flatmap(
    lambda rows: st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)).map(
        lambda known: [r if k else [np.nan, np.nan] for r, k in zip(rows, known, strict=True)]
    )
)


@FEWER
@given(some_undecided, weight_pairs, st.integers(0, 10**12))
def test_rewards_add_up_to_the_budget_to_the_cent(
    attained: list[list[float]], weights: list[float], budget: int
) -> None:
    paid = rewards(card_of(attained, weights), budget)
    undecided = [bool(np.isnan(row[0])) for row in attained]
    assert paid["cents"].isna().tolist() == paid["reward"].isna().tolist() == undecided
    rewarded = paid["reward"].isin(["bonus", "promotion"])
    assert int(paid["cents"].sum()) == (budget if rewarded.any() else 0)
    assert (paid["cents"][~rewarded].dropna() == 0).all()
    order = paid.dropna(subset="cents").sort_values("weight")["cents"].to_numpy(np.int64)
    assert (np.diff(order) >= -1).all()


owned = st.lists(
    st.tuples(st.integers(1, 4), DAY, st.sampled_from(SUBJECTS)), min_size=0, max_size=10
)
happened = st.lists(
    st.tuples(st.integers(1, 5), DAY, st.sampled_from([None, None, None, *SUBJECTS])),
    min_size=1,
    max_size=30,
)


def spans(rows: list[tuple[int, pd.Timestamp, str]]) -> pd.DataFrame:
    """Assignments that follow each other; every second customer's last one ends."""
    frame = pd.DataFrame(rows, columns=["customer_id", "since", "employee_id"])
    frame = frame.drop_duplicates(["customer_id", "since"]).sort_values(["customer_id", "since"])
    next_ = frame.groupby("customer_id")["since"].shift(-1) - pd.Timedelta(days=1)
    ended = next_.isna() & (frame["customer_id"] % 2 == 0)
    frame["until"] = next_.where(~ended, frame["since"] + pd.Timedelta(days=40))
    return frame.sample(frac=1, random_state=3).reset_index(drop=True)


def owner_on(assignments: pd.DataFrame, customer: int, day: pd.Timestamp) -> str | None:
    for row in assignments.to_dict("records"):
        last = pd.Timestamp.max if pd.isna(row["until"]) else row["until"]
        if row["customer_id"] == customer and row["since"] <= day <= last:
            return str(row["employee_id"])
    return None


@given(owned, happened, st.sampled_from(["month", "quarter", "year"]), st.sampled_from([0, 2**27]))
def test_counts_by_owner_and_period_against_a_loop(
    held: list[tuple[int, pd.Timestamp, str]],
    rows: list[tuple[int, pd.Timestamp, str | None]],
    period: Any,
    table: int,
) -> None:
    """Sums add over employees; customers of a department are the union of its employees'."""
    assignments = spans(held)
    staff = pd.DataFrame(
        {"employee_id": SUBJECTS, "department": ["marketing", "marketing", "product"]}
    )
    department = dict(zip(SUBJECTS, staff["department"], strict=True))
    columns = ["customer_id", "date", "employee_id"]
    events = pd.DataFrame(rows, columns=columns).assign(measure="transactions")
    size = {"month": "M", "quarter": "Q", "year": "Y"}[period]
    ways: list[tuple[Any, Any]] = [("employee_id", str), ("department", department.get)]
    for by, name_of in ways:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bankcrm.scorecards.values.TABLE", table)
            found = kpi_values(
                events,
                as_of="2026-04-30",
                by=by,
                period=period,
                employees=staff,
                assignments=assignments,
            )
        sums: dict[object, int] = defaultdict(int)
        customers: dict[object, set[int]] = defaultdict(set)
        for customer, day, own in rows:
            owner = own or owner_on(assignments, customer, day)
            if owner is not None:
                key = (name_of(owner), day.to_period(size).start_time)
                sums[key] += 1
                customers[key].add(customer)
        for kpi, expected in (
            ("transactions", sums),
            ("active_customers", {k: len(v) for k, v in customers.items()}),
        ):
            shown = found[(found["kpi"] == kpi).to_numpy()]
            keys = zip(shown["subject"], shown["period"], strict=True)
            got = {k: v for k, v in zip(keys, shown["value"], strict=True) if v}
            assert got == expected


@pytest.mark.parametrize(
    ("kpi", "measures", "better"),
    [
        ("satisfied_share", ("answers_satisfied", "answers"), 1),
        ("churn", ("customers_lost", "customers_exposed"), -1),
    ],
)
@given(cases=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=12))
def test_ranks_against_a_loop(
    kpi: str, measures: tuple[str, str], better: int, cases: list[tuple[int, int]]
) -> None:
    cases = [(min(hits, n), n) for hits, n in cases]
    rows = pd.DataFrame(
        [(m, f"E{i:02}", v) for i, pair in enumerate(cases)
         for m, v in zip(measures, pair, strict=True)],
        columns=["measure", "employee_id", "value"],
    ).assign(date=pd.Timestamp("2026-03-01"))  # fmt: skip
    found = rank_subjects(kpi_values(rows, as_of="2026-03-31", by="employee_id"))
    assert found["rank"].isna().tolist() == (found["kpi"] != kpi).tolist()
    found = found[(found["kpi"] == kpi).to_numpy()]
    ends = [
        tuple(sorted((better * low, better * high)))
        for low, high in zip(found["low"], found["high"], strict=True)
    ]
    assert found["rank"].tolist() == [1 + sum(a > low for a, _ in ends) for low, _ in ends]
    best = [1 + sum(a > high for a, _ in ends) for _, high in ends]
    worst = [sum(b >= low for _, b in ends) for low, _ in ends]
    assert found["rank_best"].tolist() == best
    assert found["rank_worst"].tolist() == worst
    assert (found["rank_best"] <= found["rank"]).all()
    assert (found["rank"] <= found["rank_worst"]).all()


@FEWER
@given(st.permutations(range(6)))
def test_the_order_of_rows_does_not_count(order: list[int]) -> None:
    rows = pd.DataFrame(
        {
            "measure": ["answers", "answers_satisfied"] * 3,
            "employee_id": ["A", "A", "B", "B", None, None],
            "customer_id": [1, 1, 2, 2, 3, 3],
            "date": pd.Timestamp("2026-03-01"),
        }
    )
    held = pd.DataFrame({"customer_id": [3], "employee_id": ["C"]})
    asked = {"as_of": "2026-03-31", "by": "employee_id", "assignments": held}
    pd.testing.assert_frame_equal(
        kpi_values(rows, **asked),  # type: ignore[arg-type]
        kpi_values(rows.iloc[order].reset_index(drop=True), **asked),  # type: ignore[arg-type]
    )
