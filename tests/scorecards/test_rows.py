"""Values, attainments, cards and rewards, made one row after the other; every column and type."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bankcrm.book import Book
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames.findings import findings_of
from bankcrm.intervals import poisson_rate, wilson
from bankcrm.policy import Policy, default_policy, load_policy
from bankcrm.scorecards import (
    Scorecard,
    attain,
    follow_up,
    kpi_events,
    kpi_values,
    rewards,
    scorecard,
    with_states,
)
from bankcrm.scorecards.card import of_period, owners
from bankcrm.scorecards.kpi import kpis_of
from bankcrm.scorecards.ownership import spans_of

POLICY = default_policy("scorecards")
words = st.sampled_from
D = dt.date
AS_OF = D(2026, 3, 15)


def same(found: Any, expected: Any) -> bool:
    """Whether two values are equal, or both missing; numbers but for rounding."""
    if found is None or found is pd.NaT or found is pd.NA or found != found:
        return expected is None or expected != expected
    if isinstance(expected, float | int) and not isinstance(expected, bool):
        return bool(found == pytest.approx(expected, rel=1e-12, abs=1e-12))
    return bool(found == expected)


def compare(frame: pd.DataFrame, rows: list[dict[str, Any]]) -> None:
    """The frame has these rows, with these columns in this order."""
    assert len(frame) == len(rows)
    if not rows:
        return
    assert list(frame) == list(rows[0])
    for place, row in enumerate(rows):
        for name, value in row.items():
            found = frame[name].iloc[place]
            assert same(found, value), (place, name, found, value)


# Values

STAFF = [  # employee, branch, first and last day
    ("A", "north", None, D(2026, 2, 14)),
    ("A", "south", D(2026, 2, 15), None),
    ("B", "north", D(2026, 2, 1), D(2026, 2, 28)),
    ("D", "west", D(2026, 3, 15), D(2026, 3, 15)),
]
EVENT = st.tuples(
    words(["answers", "both", "transactions", "products_open", "customers_held", "complaints",
           "customer_months"]),
    words([D(2025, 12, 31), D(2026, 1, 1), D(2026, 1, 31), D(2026, 2, 14), D(2026, 2, 15),
           D(2026, 3, 15), D(2026, 3, 16)]),
    words([None, "A", "A", "B", "C"]),
    words([None, 1, 2]),
    words([0.0, 0.5, 1.0, 3.0]),
)  # fmt: skip


def flat(events: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Each satisfied answer is an answer too."""
    rows = []
    for measure, *rest in events:
        names = ("answers", "answers_satisfied") if measure == "both" else (measure,)
        rows += [(name, *rest) for name in names]
    return rows


def branch_of(employee: str | None, day: dt.date) -> str | None:
    for who, branch, since, until in STAFF:
        if who == employee and (since or day) <= day <= (until or day):
            return branch
    return None


def starts(period: str, first: dt.date) -> list[tuple[dt.date, dt.date]]:
    """First and last day of each period from that of a day to that of the last one."""
    months = {"month": 1, "quarter": 3, "year": 12}[period]
    found = []
    number = (first.year * 12 + first.month - 1) // months * months
    while D(number // 12, number % 12 + 1, 1) <= AS_OF:
        end = number + months - 1
        last = calendar.monthrange(end // 12, end % 12 + 1)[1]
        found.append((D(number // 12, number % 12 + 1, 1), D(end // 12, end % 12 + 1, last)))
        number += months
    return found


def present(subject: tuple[Any, ...], by: list[str], staff: bool, span: tuple[Any, Any]) -> float:
    """The part of a period, up to the day, in which a subject was there."""
    days = (span[1] - span[0]).days + 1
    there = [(None, None)]
    if staff and "employee_id" in by:
        there = [
            (since, until) for who, branch, since, until in STAFF
            if subject == ((branch, who) if "branch" in by else (who,))
        ]  # fmt: skip
    total = 0
    for since, until in there:
        last = min(span[1], AS_OF, until or AS_OF)
        total += max((last - max(span[0], since or span[0])).days + 1, 0)
    return total / days


def values_by_hand(
    events: list[tuple[Any, ...]], by: list[str], period: str, staff: bool, named: bool
) -> tuple[list[dict[str, Any]], int]:
    """Every value, and how many rows have no owner."""
    rows = [r for r in flat(events) if r[1] <= AS_OF]
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
    lost = 0
    for row in rows:
        key = tuple({"employee_id": row[2], "branch": branch_of(row[2], row[1])}[n] for n in by)
        if None in key:
            lost += 1
        else:
            groups[key].append(row)
    if staff and by:
        for who, branch, *_ in STAFF:
            groups[(branch, who) if "branch" in by else (who,)]
    if not by:
        groups[()]
    spans = starts(period, min([r[1] for r in rows], default=AS_OF))
    recorded = {r[0] for r in rows}
    found = []
    for name, kpi in kpis_of(POLICY).items():
        missing = [m for m in (kpi.numerator, kpi.denominator) if m and m not in recorded]
        if kpi.kind == "distinct" and not named:
            missing = ["customer_id"]
        for key in sorted(groups):
            for span in spans:
                there = present(key, by, staff, span)

                def measured(measure: str, key: Any = key, span: Any = span, stock: bool = False
                             ) -> list[tuple[Any, ...]]:  # fmt: skip
                    days = [r[1] for r in rows if r[0] == measure and span[0] <= r[1] <= span[1]]
                    first = max(days, default=span[1]) if stock else span[0]
                    return [r for r in groups[key] if r[0] == measure and first <= r[1] <= span[1]]

                stock = kpi.kind == "stock"
                top = bottom = value = low = high = why = None
                if missing:
                    why = f"{' and '.join(missing)} not recorded"
                else:
                    of = measured(kpi.numerator, stock=stock)
                    top = float(len({r[3] for r in of if r[3]})) if kpi.kind == "distinct" else sum(
                        r[4] for r in of
                    )  # fmt: skip
                    if kpi.denominator:
                        bottom = sum(r[4] for r in measured(kpi.denominator, stock=stock))
                        if bottom > 0:
                            value = top / bottom
                        else:
                            why = f"no {kpi.denominator.replace('_', ' ')} in the period"
                    elif there <= 0 and top == 0:
                        why = "not there in the period"
                    else:
                        value = top
                    low = high = value
                    if kpi.interval == "rate":
                        low, high = (float(v) for v in poisson_rate(top, bottom, 0.95)[1:])
                    elif kpi.interval == "share":
                        low, high = (float(v) for v in wilson(top, bottom, 0.95)[1:])
                found.append(
                    {
                        **dict(zip(by[:-1], key[:-1], strict=True)), "kpi": name,
                        "subject": key[-1] if by else "bank", "period": pd.Timestamp(span[0]),
                        "numerator": top, "denominator": bottom, "value": value, "low": low,
                        "high": high, "present": there, "reason": why,
                    }
                )  # fmt: skip
    return found, lost


def event_frame(events: list[tuple[Any, ...]], named: bool) -> pd.DataFrame:
    names = ["measure", "date", "employee_id", "customer_id", "value"]
    frame = pd.DataFrame(flat(events), columns=names)
    frame["date"] = pd.to_datetime(frame["date"])
    frame["customer_id"] = frame["customer_id"].astype("Int64")
    return frame if named else frame.drop(columns="customer_id")


@settings(max_examples=9)
@given(
    events=st.lists(EVENT, min_size=1, max_size=9),
    by=words([[], ["employee_id"], ["branch", "employee_id"]]),
    period=words(["month", "quarter", "year"]), staff=st.booleans(), named=st.booleans(),
)  # fmt: skip
@example(
    events=[(m, d, "A", 1, 1.0) for m in ("products_open", "customers_held", "complaints")
            for d in (D(2026, 2, 14), D(2026, 2, 15), D(2026, 3, 16))],
    by=["branch", "employee_id"], period="month", staff=True, named=True,
)  # fmt: skip
def test_the_value_of_each_indicator_subject_and_period(
    events: list[tuple[Any, ...]], by: list[str], period: Any, staff: bool, named: bool
) -> None:
    """Rows after the day change nothing, not even which measures are recorded."""
    if "branch" in by and not staff:
        by = ["employee_id"]
    employees = pd.DataFrame(STAFF, columns=["employee_id", "branch", "since", "until"])
    employees = employees.assign(
        department="product", since=pd.to_datetime(employees["since"]),
        until=pd.to_datetime(employees["until"]),
    )  # fmt: skip
    found = kpi_values(event_frame(events, named), as_of=AS_OF, by=by, period=period,
                       employees=employees if staff else None)  # fmt: skip
    expected, lost = values_by_hand(events, by, period, staff, named)
    compare(found, expected)
    assert found.index.equals(pd.RangeIndex(len(found)))
    assert [(f.column, f.problem, f.count) for f in findings_of(found)] == (
        [("+".join(by), "without owner", lost)] if lost else []
    )
    if len(found):
        assert found["kpi"].cat.categories.tolist() == list(kpis_of(POLICY))
        for name in ("numerator", "denominator", "value", "low", "high", "present"):
            assert str(found[name].dtype) == "float64"
        assert str(found["period"].dtype) == "datetime64[s]"
    assert (found.attrs["by"], found.attrs["period"]) == (by, period)


def test_a_measure_that_comes_after_the_day_is_not_recorded_on_it() -> None:
    rows = pd.DataFrame({"measure": ["transactions", "prospects"],
                         "date": pd.to_datetime(["2026-03-15", "2026-03-16"])})  # fmt: skip
    found = kpi_values(rows, as_of=AS_OF).set_index("kpi")
    assert found.loc["transactions", "value"] == 1.0
    assert found.loc["new_prospects", "reason"] == "prospects not recorded"
    stated = rows.assign(measure=pd.Categorical(rows["measure"]))
    assert kpi_values(stated, as_of=AS_OF).set_index("kpi").loc["new_prospects", "value"] == 0.0


def test_a_part_may_exceed_its_whole_by_rounding_alone() -> None:
    rows = pd.DataFrame({"measure": ["answers", "answers_satisfied"], "value": [1.0, 1.0],
                         "date": pd.Timestamp("2026-03-01")})  # fmt: skip
    for part, fits in ((1.0, True), (1 + 5e-10, True), (1 + 5e-9, False)):
        rows["value"] = [1.0, part]
        if fits:
            found = kpi_values(rows, as_of=AS_OF).set_index("kpi").loc["satisfied_share"]
            assert found["high"] == 1.0
        else:
            with pytest.raises(DataError, match="answers_satisfied exceeds answers in 1 subjects"):
                kpi_values(rows, as_of=AS_OF)


# Attainment

BANDED = default_policy("scorecards").to_toml()
_AT = BANDED.index('id = "product_use"')
BANDED_POLICY = load_policy(BANDED[:_AT] + BANDED[_AT:].replace('"higher"', '"within"', 1))
VALUE = st.fixed_dictionaries(
    {
        "kpi": words(["transactions", "churn", "satisfied_share", "product_use"]),
        "subject": words(["A", "B"]),
        "period": words([pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01")]),
        "denominator": words([None, 0.5, 9.0, 9.5, 10.0, 11.0]),
        "value": words([0.0, 0.5, 1.0, 2.0, 3.0, 4.5]),
        "spread": words([0.0, 0.5, 2.5]),
        "present": words([0.0, 0.5, 1.0]),
        "reason": words([None, None, None, "not recorded"]),
    }
)
GOAL = st.fixed_dictionaries(
    {
        "kpi": words(["transactions", "churn", "satisfied_share", "product_use"]),
        "subject": words([None, "A", "B"]),
        "period": words([None, pd.Timestamp("2026-01-01"), pd.Timestamp("2026-02-01")]),
        "target": words([0.5, 2.0]),
        "upper": words([None, 3.0]),
        "baseline": words([None, 0.25, 5.0]),
        "cap": words([None, 1.0, 1.25, 2.0]),
        "weight": words([None, 0.0, 0.5, 3.0]),
    }
)
BETTER = {"transactions": "higher", "churn": "lower", "satisfied_share": "higher",
          "product_use": "within"}  # fmt: skip


def fits(goal: dict[str, Any]) -> bool:
    """Whether the baseline, as far as it is stated, is on the right side."""
    base, better = goal["baseline"], BETTER[goal["kpi"]]
    if better == "within":
        top = goal["upper"] or goal["target"]
        return base is not None and not goal["target"] <= base <= top
    return base is None or (base < goal["target"]) == (better == "higher")


def attained(value: float, kpi: str, target: float, upper: float, base: float) -> float:
    if BETTER[kpi] == "within":
        if target <= value <= upper:
            return 1.0
        away = target - value if value < target else value - upper
        return 1 - away / (target - base if base < target else base - upper)
    return (value - base) / (target - base)


def attained_by_hand(row: dict[str, Any], goals: list[dict[str, Any]]) -> dict[str, Any]:
    fitting = [
        g for g in goals
        if g["kpi"] == row["kpi"] and g["subject"] in (None, row["subject"])
        and g["period"] in (None, row["period"])
    ]  # fmt: skip
    names = ("target", "upper", "baseline", "weight", "attainment", "credited", "credited_low",
             "credited_high")  # fmt: skip
    kept = {k: row[k] for k in ("kpi", "subject", "period", "numerator", "denominator", "value",
                                "low", "high", "present")}  # fmt: skip
    if not fitting:
        return kept | dict.fromkeys(names) | {"reason": "no target"}
    goal = max(fitting, key=lambda g: (g["subject"] is not None, g["period"] is not None))
    better, kpi = BETTER[row["kpi"]], row["kpi"]
    target, base = goal["target"], goal["baseline"]
    if base is None:
        base = {"higher": 0.0, "lower": 2 * target}[better]
    part = row["present"] if kpi == "transactions" else 1.0
    target, base, upper = target * part, base * part, (goal["upper"] or target) * part
    if goal["upper"] is None:
        upper = target
    least = {"transactions": 0, "product_use": 0, "churn": 10, "satisfied_share": 10}[kpi]
    few = row["denominator"] is not None and row["denominator"] < least
    reason = row["reason"] or ("not there in the period" if part <= 0 else
                               f"fewer than {least} cases" if few else None)  # fmt: skip
    found = kept | {"target": target, "upper": upper, "baseline": base,
                    "weight": 1.0 if goal["weight"] is None else goal["weight"]}  # fmt: skip
    if reason:
        return found | dict.fromkeys(names[4:]) | {"reason": reason}
    at, *ends = (attained(row[n], kpi, target, upper, base) for n in ("value", "low", "high"))
    best = max(ends)
    if better == "within" and row["low"] <= upper and row["high"] >= target:
        best = 1.0
    cap = goal["cap"] or 1.5
    credited = [min(max(a, 0.0), cap) for a in (at, min(ends), best)]
    return found | dict(zip(names[4:], (at, *credited), strict=True)) | {"reason": None}


@settings(max_examples=9)
@given(rows=st.lists(VALUE, min_size=1, max_size=8), drawn=st.lists(GOAL, max_size=6))
def test_how_far_each_value_is(rows: list[dict[str, Any]], drawn: list[dict[str, Any]]) -> None:
    goals: list[dict[str, Any]] = []
    for goal in filter(fits, drawn):
        key = [goal[n] for n in ("kpi", "subject", "period")]
        if key not in [[g[n] for n in ("kpi", "subject", "period")] for g in goals]:
            goals.append(goal)
    for row in rows:
        row |= {
            "numerator": 1.0,
            "low": row["value"] - row.pop("spread"),
            "high": row["value"] + 0.5,
        }
        if row["reason"]:
            row |= dict.fromkeys(("value", "low", "high"))
    frame = pd.DataFrame(rows).astype(dict.fromkeys(("denominator", "value", "low", "high"), float))
    frame = frame[["kpi", "subject", "period", "numerator", "denominator", "value", "low", "high",
                   "present", "reason"]]  # fmt: skip
    targets = pd.DataFrame(goals, columns=["kpi", "subject", "period", "target", "upper",
                                           "baseline", "cap", "weight"])  # fmt: skip
    numbers = ("target", "upper", "baseline", "cap", "weight")
    targets = targets.astype(dict.fromkeys(numbers, float))
    targets["period"] = pd.to_datetime(targets["period"])
    found = attain(frame, targets, policy=BANDED_POLICY)
    expected = [attained_by_hand(row, goals) for row in rows]
    compare(found, expected)
    for name in (*numbers[:3], "weight", "attainment", "credited", "credited_low", "credited_high"):
        assert str(found[name].dtype) == "float64"
    used = set()
    for row in rows:
        fitting = [i for i, g in enumerate(goals) if g["kpi"] == row["kpi"]
                   and g["subject"] in (None, row["subject"])
                   and g["period"] in (None, row["period"])]  # fmt: skip
        if fitting:
            used.add(max(fitting, key=lambda i: (goals[i]["subject"] is not None,
                                                 goals[i]["period"] is not None)))  # fmt: skip
    unused = [i for i in range(len(goals)) if i not in used]
    assert [(f.count, f.examples) for f in findings_of(found)] == (
        [(len(unused), tuple(f"row {i}: {goals[i]['kpi']}" for i in unused[:5]))] if unused else []
    )


def test_the_first_wrong_targets_are_named() -> None:
    values = kpi_values(pd.DataFrame({"measure": ["transactions"], "date": pd.Timestamp(AS_OF)}),
                        as_of=AS_OF)  # fmt: skip
    wrong = pd.DataFrame({"kpi": ["churn"] + ["transactions"] * 6, "target": [1.0] + [0.0] * 6,
                          "subject": list("ABCDEFG")})  # fmt: skip
    with pytest.raises(DataError) as error:
        attain(values, wrong)
    assert "in 6 rows (row 1: transactions, row 2: transactions" in str(error.value)
    assert "row 5: transactions, and 1 more); give" in str(error.value)
    for baseline, fits_ in ((0.99, True), (1.0, False), (1.01, False)):
        goal = pd.DataFrame({"kpi": ["transactions"], "target": 1.0, "baseline": baseline})
        low = pd.DataFrame({"kpi": ["churn"], "target": 1.0, "baseline": 2 - baseline})
        for one in (goal, low):
            if fits_:
                assert len(attain(values, one)) == len(values)
            else:
                with pytest.raises(DataError, match="wrong side of the target in 1 rows"):
                    attain(values, one)


# Cards

PART = st.tuples(
    words(["A", "B", "C"]), words(["2026-01-01", "2026-02-01"]),
    words(["transactions", "new_customers", "churn"]), words([None, 0.0, 0.5, 1.0, 3.0]),
    st.none() | st.tuples(words([0.0, 0.7, 1.0, 1.1]), words([0.0, 0.25]), words([0.0, 0.5])),
)  # fmt: skip


def done_of(parts: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Attainments as `attain` gives them."""
    rows = []
    for subject, period, kpi, weight, credited in parts:
        at, down, up = credited or (None, 0.0, 0.0)
        rows.append(
            {
                "kpi": kpi, "subject": subject, "period": pd.Timestamp(period), "numerator": 1.0,
                "denominator": None, "value": at, "low": at, "high": at, "present": 1.0,
                "target": 1.0, "weight": weight, "attainment": at, "credited": at,
                "credited_low": None if at is None else at - down,
                "credited_high": None if at is None else at + up,
                "reason": None if credited else f"why {kpi}",
            }
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    numbers = [c for c in frame if c not in ("kpi", "subject", "period", "reason")]
    return frame.astype(dict.fromkeys(numbers, float))


def card_by_hand(parts: list[tuple[Any, ...]], least: float) -> list[dict[str, Any]]:
    """The score of each subject and period."""
    cards: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
    for part in parts:
        if part[3] is not None:
            cards[part[:2]].append(part)
    rows = []
    for key in sorted(cards):
        own = cards[key]
        total = sum(p[3] for p in own)
        known = [p for p in own if p[4] is not None]
        decided = sum(p[3] for p in known)
        row: dict[str, Any] = dict(zip(("subject", "period"), key, strict=True))
        row["decided"] = decided / total if total else None
        enough = decided > 0 and decided >= total * least
        ends = [
            sum(p[3] / decided * e(p[4]) for p in known) if enough else None
            for e in (lambda c: c[0], lambda c: c[0] - c[1], lambda c: c[0] + c[2])
        ]
        row |= dict(zip(("score", "score_low", "score_high"), ends, strict=True))
        lacking = [f"{p[2]} (why {p[2]})" for p in own if p[4] is None and p[3] > 0]
        row["missing"] = "; ".join(lacking) or None
        score = row["score"]
        row["grade"] = None if score is None else next(
            name for name, least_ in (("excellent", 1.1), ("good", 1), ("fair", 0.7), ("poor", -9))
            if score >= least_
        )  # fmt: skip
        row["rule"] = row["grade"]
        rows.append(row)
    for row in rows:
        same_period = [
            r for r in rows if r["period"] == row["period"] and r["score_low"] is not None
        ]
        if row["score_low"] is None:
            row |= dict.fromkeys(("rank", "rank_best", "rank_worst"))
            continue
        row["rank"] = 1 + sum(r["score_low"] > row["score_low"] for r in same_period)
        row["rank_best"] = 1 + sum(r["score_low"] > row["score_high"] for r in same_period)
        row["rank_worst"] = sum(r["score_high"] >= row["score_low"] for r in same_period)
    return rows


@settings(max_examples=9)
@given(
    parts=st.lists(PART, min_size=1, max_size=9, unique_by=lambda p: p[:3]),
    least=words([0.5, 0.75, 1.0]),
)
@example(
    parts=[("A", "2026-01-01", "churn", 0.5, (0.7, 0.0, 0.0)),
           ("A", "2026-01-01", "transactions", 0.5, None),
           ("B", "2026-01-01", "churn", 1.0, (1.0, 0.25, 0.5)),
           ("C", "2026-01-01", "churn", 0.0, (1.0, 0.25, 0.5))],
    least=0.5,
)  # fmt: skip
def test_the_score_of_each_card(parts: list[tuple[Any, ...]], least: float) -> None:
    policy = POLICY.with_parameters(least_weight=least)
    card = scorecard(done_of(parts), policy=policy)
    expected = [r | {"period": pd.Timestamp(r["period"])} for r in card_by_hand(parts, least)]
    order = ["subject", "period", "decided", "score", "score_low", "score_high", "missing", "grade",
             "rule", "rank", "rank_best", "rank_worst"]  # fmt: skip
    compare(card.scores, [{k: r[k] for k in order} for r in expected])
    if expected:
        assert {str(card.scores[n].dtype) for n in order[9:]} == {"Int64"}
    place = {(r["subject"], r["period"]): i for i, r in enumerate(expected)}
    weighed = [p for p in parts if p[3] is not None]
    assert len(card.parts) == len(weighed)
    for row, part in zip(card.parts.to_dict("records"), weighed, strict=True):
        at = place[part[0], pd.Timestamp(part[1])]
        own = [p for p in weighed if p[:2] == part[:2] and p[4] is not None]
        total = sum(p[3] for p in own)
        share = part[3] / total if part[4] is not None and total else None
        assert row["card"] == at
        assert same(row["share"], share)
        counts = share is not None and expected[at]["score"] is not None
        assert same(row["points"], share * part[4][0] if counts and share is not None else None)
    lost = owners(card.parts, policy)
    by_kpi = {k: v.owner for k, v in kpis_of(policy).items()}
    for at in range(len(expected)):
        own = [(p, r) for p, r in zip(weighed, card.parts.to_dict("records"), strict=True)
               if r["card"] == at]  # fmt: skip
        known = [
            (r["share"] * (1 - r["credited"]), p[2]) for p, r in own if r["share"] == r["share"]
        ]
        if known:
            most = max(v for v, _ in known)
            assert lost[at] == next(by_kpi[k] for v, k in known if v == most)


def card_of(scores: dict[str, float | None], low: float = 0.0, high: float = 0.0) -> Scorecard:
    parts = [(s, "2026-01-01", "transactions", 1.0, None if v is None else (v, low, high))
             for s, v in scores.items()]  # fmt: skip
    return scorecard(done_of(parts))


def shared_by_hand(budget: int, weights: list[float]) -> list[int]:
    """Whole cents by the largest remainder; of equal ones the larger weight's, then the first."""
    total = sum(map(Fraction, weights))
    if not total:
        return [0] * len(weights)
    exact = [budget * Fraction(w) / total for w in weights]
    cents = [int(e) for e in exact]
    order = sorted(range(len(exact)), key=lambda i: (-(exact[i] - cents[i]), -exact[i], i))
    for i in order[: budget - sum(cents)]:
        cents[i] += 1
    return cents


@settings(max_examples=9)
@example(scores={"A": None, "B": 1.0, "D": 1.0}, budget=2, based=True, up=0.0)  # equal remainders
@given(
    scores=st.dictionaries(words("ABCDE"), words([None, -0.5, 0.0, 0.25, 0.75, 1.0, 1.25, 1.5]),
                           min_size=1),
    budget=st.integers(0, 1000), based=st.booleans(), up=words([0.0, 0.5]),
)  # fmt: skip
def test_the_reward_of_each_subject(
    scores: dict[str, float | None], budget: int, based: bool, up: float
) -> None:
    card = card_of(scores, high=up)
    base = pd.Series({s: i * 0.5 for i, s in enumerate("ABCDE")})
    found = rewards(card, budget, base=base if based else None)
    because = {r.id: r.because for r in POLICY.table("reward").rules}
    rows = []
    for subject in sorted(scores):
        score = scores[subject]
        row: dict[str, Any] = {"subject": subject, "score": score}
        if score is None:
            why = "undecided: transactions (why transactions)"
            rows.append(row | {"grade": None, "reward": None, "rule": None, "because": why,
                               "weight": None})  # fmt: skip
            continue
        grade = ("excellent" if score >= 1.1 else "good" if score >= 1 else "fair"
                 if score >= 0.7 else "poor")  # fmt: skip
        reward, rule = {
            "excellent": ("bonus", "bonus"), "good": ("bonus", "bonus"),
            "fair": ("none", "nothing-fair"),
            "poor": ("none", "nothing-by-chance") if score + up >= 0.7 else ("warning", "warning"),
        }[grade]  # fmt: skip
        weight = score * (reward == "bonus") * (base[subject] if based else 1.0)
        rows.append(row | {"grade": grade, "reward": reward, "rule": rule,
                           "because": because[rule], "weight": weight})  # fmt: skip
    cents = shared_by_hand(budget, [r["weight"] or 0.0 for r in rows])
    for row, share in zip(rows, cents, strict=True):
        row["cents"] = None if row["reward"] is None else share
    compare(found, rows)
    assert str(found["cents"].dtype) == "Int64"
    assert found.index.equals(pd.RangeIndex(len(found)))
    paid = sum(cents)
    faults = [(f.problem, f.count, f.advice) for f in findings_of(found)]
    assert faults == (
        [] if paid == budget else
        [("nobody rewarded", 0, f"the budget of {budget} cents is not paid")]
    )  # fmt: skip
    due = follow_up(card, as_of="2026-03-31")
    bad = [r for r in rows if r["reward"] == "warning"]
    compare(due, [
        {"subject": r["subject"], "action": "warning", "owner": "product",
         "due": pd.Timestamp("2026-04-15"), "because": r["because"], "source": "rule warning"}
        for r in bad
    ])  # fmt: skip


def test_a_base_is_a_number_of_each_subject() -> None:
    card = card_of({"A": 1.0, "B": 1.0, "C": None})
    base = pd.Series({"A": 0.0, "B": 0.5, "C": 0.0})
    assert rewards(card, 3, base=base)["cents"].tolist() == [0, 3, pd.NA]
    for base, said in (
        (pd.Series({"A": 1.0, "B": -0.01, "C": 1.0}), "missing or negative for 1 of 3 subjects"),
        (pd.Series({"A": 1.0, "B": 1.0}), "missing or negative for 1 of 3 subjects"),
        (pd.Series([1.0, 2.0], index=["A", "A"]), "subjects with several numbers"),
    ):
        with pytest.raises(DataError, match=said):
            rewards(card, 3, base=base)
    for budget in (-1, 1.5, "much"):
        for one in (card, card_of({"A": None})):
            with pytest.raises(DataError):
                rewards(one, budget)


def test_a_card_in_words() -> None:
    parts = [
        ("A", "2026-01-01", "transactions", 3.0, (1.0, 0.25, 0.5)),
        ("A", "2026-01-01", "churn", 1.0, (0.5, 0.0, 0.0)),
        ("B", "2026-01-01", "transactions", 2.5, None),
        ("A", "2026-02-01", "transactions", 1.0, (1.1, 0.0, 0.0)),
    ]
    card = scorecard(done_of(parts))
    assert card.explain("A", "2026-01-01").splitlines() == [
        "A from 2026-01-01: score 0.875, fair, most of the way to the targets (rule fair); rank 1, "
        "between 1 and 1",
        "  transactions: 1 against 1, attained 1.000, counts 1.000 x 0.750 of the weight = 0.750",
        "  churn: 0.5 against 1, attained 0.500, counts 0.500 x 0.250 of the weight = 0.125",
    ]
    assert card.explain("B").splitlines() == [
        "B from 2026-01-01: undecided; missing: transactions (why transactions)",
        "  transactions: undecided, why transactions (weight 2.5)",
    ]
    assert repr(card) == "Scorecard(3 scores, 4 parts)"
    page = card._repr_html_()
    assert "<th>scores</th><td>3</td>" in page
    assert "<th>parts</th><td>4</td>" in page
    with pytest.raises(DataError, match=r"2 scores of the subject; periods: \['2026-01-01', '2026"):
        card.explain("A")
    with pytest.raises(DataError, match="0 scores of the subject"):
        card.explain("A", "2026-03-01")
    assert of_period(card, "2026-02-01")["subject"].tolist() == ["A"]
    for period in (None, "2026-03-01"):
        with pytest.raises(DataError, match=r"it has 2026-01-01, 2026-02-01$"):
            of_period(card, period)
    months = [("A", f"2025-{m:02}-01", "churn", 1.0, (1.0, 0.0, 0.0)) for m in range(1, 13)]
    with pytest.raises(DataError, match=r"2025-12-01$"):
        of_period(scorecard(done_of(months)), None)


# Indicators of a policy


def with_kpi(old: str, new: str, at: str = "transactions") -> Policy:
    text = POLICY.to_toml()
    where = text.index(f'id = "{at}"\ntitle')
    assert old in text[where:]
    return load_policy(text[:where] + text[where:].replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ('id = "transactions"', 'id = "new_leads"', "transactions",
         r"records.kpi\[4\].id: 'new_leads' is there twice"),
        ('kind = "sum"', 'kind = "ratio"', "transactions",
         r"records.kpi\[4\].denominator: 'transactions' is a ratio, which needs a one"),
        ('kind = "ratio"', 'kind = "sum"', "churn",
         r"records.kpi\[13\].denominator: 'churn' is a sum, which has no one"),
        ('better = "higher"', 'better = "higher"\ninterval = "share"', "transactions",
         r"records.kpi\[4\].interval: 'transactions' has no denominator, so no interval"),
    ],
)  # fmt: skip
def test_an_indicator_that_does_not_fit_is_refused(old: str, new: str, at: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        kpis_of(with_kpi(old, new, at))


def test_a_stock_has_a_denominator_or_none() -> None:
    plain = with_kpi('denominator = "customers_held"', "", "product_use")
    assert not kpis_of(plain)["product_use"].is_divided
    assert kpis_of(POLICY)["product_use"].is_divided


# States and dated records

STATE = st.tuples(st.integers(1, 2), st.integers(1, 8), words([None, "new", "active"]))


@given(
    states=st.lists(STATE, max_size=9, unique_by=lambda s: s[:2]),
    events=st.lists(st.tuples(words([None, 1, 2, 3]), st.integers(1, 9)), min_size=1, max_size=9),
    indexed=st.booleans(),
)
def test_the_state_before_the_day_of_each_event(
    states: list[tuple[int, int, str | None]], events: list[tuple[int | None, int]], indexed: bool
) -> None:
    frame = pd.DataFrame(states, columns=["customer_id", "date", "stage"])
    frame["customer_id"] = frame["customer_id"].astype("int64")
    frame["date"] = pd.to_datetime([D(2026, 1, d) for _, d, _ in states])
    rows = pd.DataFrame({"measure": "transactions", "value": 1.0,
                         "customer_id": pd.array([c for c, _ in events], "Int64"),
                         "date": pd.to_datetime([D(2026, 1, d) for _, d in events])})  # fmt: skip
    rows.attrs["policy"] = "p"
    found = with_states(rows, frame.set_index(["customer_id", "date"]) if indexed else frame)
    expected = []
    for customer, day in events:
        before = [s for s in states if s[0] == customer and s[1] < day]
        expected.append(max(before, key=lambda s: s[1])[2] if before else None)
    got = found["stage"].astype(object)
    assert got.where(got.notna(), None).tolist() == expected
    assert found.attrs == {"policy": "p"}
    assert_frame_equal(
        found[list(rows)].astype({"measure": object}), rows.astype({"measure": object}),
        check_flags=False, check_dtype=False,
    )  # fmt: skip


def test_second_states_are_named_by_their_rows() -> None:
    states = pd.DataFrame({"customer_id": 1, "date": pd.Timestamp("2026-01-01"),
                           "stage": ["new"] * 7})  # fmt: skip
    rows = pd.DataFrame({"measure": ["transactions"], "customer_id": [1],
                         "date": pd.Timestamp("2026-01-02")})  # fmt: skip
    with pytest.raises(
        DataError, match=r"6 rows are second states .*\(rows 1, 2, 3, 4, 5, and 1 more\)"
    ):
        with_states(rows, states)
    with pytest.raises(UnknownNameError, match="customer_id"):
        with_states(rows.drop(columns="customer_id"), states)


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 6), st.integers(0, 3)), max_size=6))
def test_records_that_overlap_are_refused_and_neighbours_are_not(
    records: list[tuple[int, int, int]],
) -> None:
    """A record may begin on the day after the end of another one, not on its last day."""
    spans = [(who, first, first + more) for who, first, more in records]
    frame = pd.DataFrame(
        {"customer_id": [s[0] for s in spans],
         "since": pd.to_datetime([D(2026, 1, s[1]) for s in spans]),
         "until": pd.to_datetime([D(2026, 1, s[2]) for s in spans])}
    ).astype({"customer_id": "int64"})  # fmt: skip
    ordered = sorted(spans, key=lambda s: s[:2])
    over = sum(a[0] == b[0] and b[1] <= a[2] for a, b in itertools.pairwise(ordered))
    if over:
        order = sorted(range(len(spans)), key=lambda i: spans[i][:2])
        pair = next(
            f"rows {i} and {j}" for i, j in itertools.pairwise(order)
            if spans[i][0] == spans[j][0] and spans[j][1] <= spans[i][2]
        )  # fmt: skip
        said = rf"^records\.since: {over} records of one customer_id overlap \(.*{pair}"
        with pytest.raises(DataError, match=said):
            spans_of(frame, "customer_id", "records")
        return
    held = spans_of(frame, "customer_id", "records")
    days = np.array([D(2026, 1, d) for d in range(1, 12)], "datetime64[D]")
    table = np.arange(-1, len(frame))
    table = np.append(table[1:], -1)
    for who in (1, 2, 3):
        (row,) = held.look_up(pd.Series([who] * len(days)), days, [table])
        expected = [
            next((i for i, s in enumerate(spans) if s[0] == who and s[1] <= d <= s[2]), -1)
            for d in range(1, 12)
        ]
        assert row.tolist() == expected


def test_a_policy_of_its_own_rewards_low_scores_in_proportion() -> None:
    """A score below one weighs what it is, and one below zero nothing."""
    policy = POLICY.with_parameters(good_from=-1.0, fair_from=-2.0)
    scores = {"A": 0.25, "B": 0.75, "C": -0.5}
    parts = [(s, "2026-01-01", "transactions", 1.0, (v, 0.0, 0.0)) for s, v in scores.items()]
    card = scorecard(done_of(parts), policy=policy)
    found = rewards(card, 100)
    assert found["weight"].tolist() == [0.25, 0.75, 0.0]
    assert found["cents"].tolist() == [25, 75, 0]
    double = policy.with_parameters(reward_weights={"bonus": 0.5, "promotion": 2.0})
    assert rewards(card, 100, policy=double)["weight"].tolist() == [0.125, 0.375, 0.0]


def test_cases_are_enough_from_the_least_number_on() -> None:
    """An indicator without a least number is decided by half a customer month."""
    least = {k: v.minimum_n for k, v in kpis_of(POLICY).items()}
    assert (least["complaint_rate"], least["referral"], least["churn"]) == (0, 5, 10)
    rows = pd.DataFrame({"measure": ["complaints", "customer_months"], "value": [1.0, 0.5],
                         "date": pd.Timestamp(AS_OF)})  # fmt: skip
    goal = pd.DataFrame({"kpi": ["complaint_rate"], "target": [2.0], "baseline": [4.0]})
    done = attain(kpi_values(rows, as_of=AS_OF), goal).set_index("kpi")
    assert done.loc["complaint_rate", "attainment"] == 1.0


def test_who_looks_after_whom_is_read_where_it_is_asked_for() -> None:
    rows = pd.DataFrame({"measure": ["transactions"], "customer_id": [1], "city": ["x"],
                         "date": pd.Timestamp(AS_OF)})  # fmt: skip
    twice = pd.DataFrame({"customer_id": [1, 1], "employee_id": ["A", "B"]})
    for by in ([], ["city"]):
        found = kpi_values(rows, as_of=AS_OF, by=by, assignments=twice).set_index("kpi")
        assert found.loc["transactions", "value"] == 1.0
    with pytest.raises(DataError, match="overlap"):
        kpi_values(rows, as_of=AS_OF, by="employee_id", assignments=twice)


# Events of a book of three

BOOK = Book(
    pd.DataFrame({"customer_id": [1, 2, 3], "kind": "person",
                  "inquiry_date": pd.to_datetime(["2026-01-01", "2026-01-01", None]),
                  "contract_date": pd.to_datetime(["2026-02-09", "2026-02-10", "2026-01-01"])}),
    pd.DataFrame({"customer_id": [1, 2, 3], "date": pd.Timestamp("2026-03-01"),
                  "amount": [-5.0, 7.0, 9.0], "kind": ["card", "salary", "fee"]}),
    complaints=pd.DataFrame(
        {"complaint_id": range(4), "customer_id": pd.array([1, 3, None, 3], "Int64"),
         "received_at": pd.to_datetime(["2026-03-01"] * 4).tz_localize("Asia/Shanghai"),
         "text": "slow"}
    ),
    accounts=pd.DataFrame(
        {"account_id": [1, 2, 3], "customer_id": [1, 1, 3], "product": "demand",
         "opened_date": pd.to_datetime(["2026-02-09", "2026-03-01", "2026-03-01"])}
    ),
    as_of=dt.date(2026, 3, 31),
)  # fmt: skip


def test_the_events_of_three_customers() -> None:
    policy = POLICY.with_parameters(conversion_days=40)
    found = kpi_events(BOOK, since="2026-01-01", policy=policy)
    rows = defaultdict(list)
    for r in found.itertuples():
        rows[r.measure].append((r.customer_id, f"{r.date:%m-%d}", r.value))
    assert rows["complaints"] == [(1, "03-01", 1.0), (3, "03-01", 1.0), (3, "03-01", 1.0)]
    assert rows["transactions"] == [(1, "03-01", 1.0), (2, "03-01", 1.0)]
    assert rows["transaction_amount"] == [(1, "03-01", 5.0), (2, "03-01", 7.0)]
    assert rows["leads"] == [(1, "01-01", 1.0), (2, "01-01", 1.0)]
    assert rows["leads_judged"] == [(1, "02-10", 1.0), (2, "02-10", 1.0)]
    assert rows["leads_converted"] == [(1, "02-10", 1.0), (2, "02-10", 1.0)]
    assert rows["purchases"] == [(1, "02-09", 1.0), (1, "03-01", 1.0), (3, "03-01", 1.0)]
    assert rows["purchases_repeated"] == [(1, "03-01", 1.0)]
    assert rows["products_open"][-2:] == [(1, "03-31", 2.0), (3, "03-31", 1.0)]
    sooner = POLICY.with_parameters(conversion_days=39)
    early = kpi_events(BOOK, since="2026-01-01", policy=sooner)
    assert early["customer_id"][(early["measure"] == "leads_converted").to_numpy()].tolist() == [1]
    assert str(found["customer_id"].dtype) == "int64"
    assert str(found["date"].dtype) == "datetime64[s]"
    assert len(kpi_events(BOOK, since="2026-03-01"))
    for since in ("2026-03-02", "2026-04-01"):
        with pytest.raises(DataError, match="is not the first day of a month up to as_of"):
            kpi_events(BOOK, since=since)


def test_answers_on_their_scale() -> None:
    """From three quarters of the scale on an answer is satisfied; the ends are on the scale."""
    points = [0.0, 7.4, 7.5, 10.0, None]
    asked = pd.DataFrame({"survey_id": range(5), "date": pd.Timestamp("2026-03-01"),
                          "points": points, "scale_low": 0, "scale_high": 10})  # fmt: skip
    found = kpi_events(BOOK, since="2026-03-01", surveys=asked)
    counts = found["measure"].value_counts()
    assert (counts["answers"], counts["answers_satisfied"]) == (4, 2)
    assert [(f.problem, f.count) for f in findings_of(found)] == [("without answer", 1)]
    for wrong in ({"points": -0.1}, {"points": 10.1}, {"scale_high": 0}, {"scale_high": -1}):
        with pytest.raises(DataError, match=r"surveys\.points: 5 rows do not fit .*0, 1, 2, 3, 4"):
            kpi_events(BOOK, since="2026-03-01", surveys=asked.assign(**wrong))
    silent = kpi_events(BOOK, since="2026-03-01", surveys=asked.drop(columns="points"))
    assert "answers" in silent["measure"].cat.categories
    assert [(f.problem, f.count) for f in findings_of(silent)] == [("without answer", 5)]


def test_points_up_to_their_maximum_and_trainings_with_a_result() -> None:
    checks = pd.DataFrame({"check_id": range(3), "kind": "self", "date": pd.Timestamp("2026-03-01"),
                           "points": [10.0, 0.0, None], "maximum": [10.0, 5.0, 5.0]})  # fmt: skip
    found = kpi_events(BOOK, since="2026-03-01", checks=checks)
    of = found.groupby(found["measure"].astype(str))["value"].sum()
    assert (of["check_points"], of["check_possible"]) == (10.0, 15.0)
    assert [(f.problem, f.count) for f in findings_of(found)] == [("without points", 1)]
    with pytest.raises(DataError, match=r"checks\.points: above the maximum in 1 row"):
        kpi_events(BOOK, since="2026-03-01", checks=checks.assign(points=[10.1, 0.0, None]))
    bare = kpi_events(BOOK, since="2026-03-01", checks=checks.drop(columns="maximum"))
    assert "check_points" not in bare["measure"].cat.categories
    taught = pd.DataFrame({"employee_id": ["A", "B", "C"], "date": pd.Timestamp("2026-03-01"),
                           "passed": [True, False, None]})  # fmt: skip
    done = kpi_events(BOOK, since="2026-03-01", trainings=taught)
    counts = done["measure"].value_counts()
    assert (counts["trainings"], counts["trainings_passed"]) == (2, 1)
    none = kpi_events(BOOK, since="2026-03-01", trainings=taught.drop(columns="passed"))
    assert "trainings" not in none["measure"].cat.categories


def test_a_row_without_one_of_two_columns_counts_in_no_group() -> None:
    rows = pd.DataFrame({"measure": "transactions", "date": pd.Timestamp(AS_OF), "value": 1.0,
                         "branch": ["n", "n", "s", None, "s"],
                         "employee_id": ["A", "B", None, "A", "B"]})  # fmt: skip
    found = kpi_values(rows, as_of=AS_OF, by=["branch", "employee_id"])
    shown = found[(found["kpi"] == "transactions").to_numpy()]
    assert shown[["branch", "subject", "value"]].to_numpy().tolist() == [
        ["n", "A", 1.0], ["n", "B", 1.0], ["s", "B", 1.0],
    ]  # fmt: skip
    assert [(f.column, f.count, f.examples) for f in findings_of(found)] == [
        ("branch+employee_id", 2, ("transactions: 2",))
    ]


def test_a_check_of_the_day_counts_and_one_of_tomorrow_does_not() -> None:
    card = card_of({"A": 1.0})
    for day, count in (("2026-03-30", 1), ("2026-03-31", 1), ("2026-04-01", 0)):
        checks = pd.DataFrame({"check_id": [1], "kind": "self", "date": pd.Timestamp(day),
                               "employee_id": "A", "due": pd.Timestamp("2026-03-30")})  # fmt: skip
        assert len(follow_up(card, checks, as_of="2026-03-31")) == count
