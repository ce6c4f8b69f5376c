"""Summaries: sums that add up, slow loops as oracles, known charts and trends."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    Trend,
    ageing,
    control_chart,
    deadlines,
    fca_return,
    pareto,
    summarise,
    trend,
)
from bankcrm.errors import DataError
from bankcrm.policy import default_policy

CN = working_calendar("CN")
START = pd.Timestamp("2025-01-06 09:00", tz="Asia/Shanghai")
AS_OF = dt.date(2025, 9, 30)


@st.composite
def registers(draw: st.DrawFn) -> pd.DataFrame:
    """A register in which each complaint is answered and closed, or not yet."""
    rows = draw(st.integers(0, 25))
    day = st.integers(0, 330)
    told = [
        (draw(day), draw(st.none() | st.integers(0, 60)), draw(st.none() | st.integers(0, 30)))
        for _ in range(rows)
    ]
    received = [START + pd.Timedelta(days=r) for r, _, _ in told]
    answered = [
        pd.NaT if a is None else r + pd.Timedelta(days=a)
        for r, (_, a, _) in zip(received, told, strict=True)
    ]
    closed = [
        pd.NaT if c is None or a is pd.NaT else a + pd.Timedelta(days=c)
        for a, (_, _, c) in zip(answered, told, strict=True)
    ]
    return pd.DataFrame(
        {
            "received_at": pd.DatetimeIndex(received, tz="Asia/Shanghai"),
            "answered_at": pd.DatetimeIndex(answered, tz="Asia/Shanghai"),
            "closed_at": pd.DatetimeIndex(closed, tz="Asia/Shanghai"),
            "due": pd.DatetimeIndex(
                [(r + pd.Timedelta(days=14)).tz_localize(None).normalize() for r in received]
            ),
            "product": draw(
                st.lists(st.sampled_from(["fund", "term", None]), min_size=rows, max_size=rows)
            ),
            "satisfaction": draw(
                st.lists(st.sampled_from([np.nan, 40.0, 90.0]), min_size=rows, max_size=rows)
            ),
        }
    )


RETURN = [
    "outstanding_start", "opened", "closed_3_days", "closed_8_weeks", "closed_later", "closed",
    "outstanding_end", "upheld", "redress",
]  # fmt: skip
COUNTS = ["received", "answered", "closed", "reopened", "merged", "in_time", "breached"]


@given(registers(), st.sampled_from(["month", "quarter", "year"]))
def test_sums_over_periods_and_groups_are_the_sums_over_all(
    frame: pd.DataFrame, period: str
) -> None:
    whole = summarise(frame, calendar=CN, as_of=AS_OF)
    parts = summarise(frame, period=period, by="product", calendar=CN, as_of=AS_OF)
    assert parts[COUNTS].sum().tolist() == whole[COUNTS].sum().tolist()
    if len(parts):
        last = parts.index.get_level_values("period").max()
        assert parts.loc[last, "open"].sum() == whole["open"].sum()


def day_of(instant: pd.Timestamp) -> dt.date | None:
    day = None if instant is pd.NaT else instant.date()
    return day if day is None or day <= AS_OF else None


@given(registers(), st.randoms(use_true_random=False), st.sampled_from([1, 3, 12]))
def test_against_a_slow_loop(frame: pd.DataFrame, dice: random.Random, months: int) -> None:
    """Each column of each period and product, with re-opened and merged cases and no due day."""
    rows = range(len(frame))
    back = [c + pd.Timedelta(days=2) if dice.random() < 0.4 else pd.NaT for c in frame["closed_at"]]
    frame["reopened_at"] = pd.DatetimeIndex(back, tz="Asia/Shanghai")
    frame["merged_into"] = pd.array([dice.choice([None, None, 1]) for _ in rows], dtype="Int64")
    frame["due"] = frame["due"].where([dice.random() < 0.8 for _ in rows])
    cells: dict[tuple[pd.Timestamp, str], dict[str, list[Any]]] = {}

    def add(day: dt.date | None, product: str, name: str, value: Any = 1) -> None:
        if day is not None:
            month = (day.year * 12 + day.month - 1) // months * months
            start = pd.Timestamp(month // 12, month % 12 + 1, 1)
            cells.setdefault((start, product), {}).setdefault(name, []).append(value)

    products = [p if isinstance(p, str) else "(missing)" for p in frame["product"]]
    for case, product in zip(frame.itertuples(), products, strict=True):
        if (came := day_of(case.received_at)) is None:
            continue
        add(came, product, "received")
        if case.merged_into is not pd.NA:
            add(came, product, "merged")
            continue
        due, done = day_of(case.due), day_of(case.answered_at)
        add(day_of(case.closed_at), product, "closed")
        add(day_of(case.reopened_at), product, "reopened")
        add(done, product, "answered")
        in_time = due is not None and done is not None and done <= due
        add(done if due else None, product, "judged", in_time)
        add(due if due and due < AS_OF and not in_time else None, product, "breached")
        add(done, product, "taken", done and CN.between(came, done))
        add(
            done if case.satisfaction == case.satisfaction else None,
            product,
            "points",
            case.satisfaction,
        )
    first = min((start for start, _ in cells), default=None)
    period = {1: "month", 3: "quarter", 12: "year"}[months]
    found = summarise(frame, period=period, by="product", calendar=CN, as_of=AS_OF)
    if first is None:
        assert found[COUNTS].to_numpy().sum() == 0
        return
    step = pd.DateOffset(months=months)
    expected = []
    going = dict.fromkeys(products, 0)
    for start in pd.date_range(first, AS_OF, freq=step):
        for product in dict.fromkeys(products):
            cell = cells.get((start, product), {})
            n = {name: len(cell.get(name, [])) for name in (*COUNTS, "judged", "taken", "points")}
            going[product] += n["received"] + n["reopened"] - n["closed"] - n["merged"]
            soon = sum(cell.get("judged", []))
            expected.append({
                "period": start, "product": product,
                **{name: n[name] for name in COUNTS[:5]},
                "open": going[product], "in_time": soon, "breached": n["breached"],
                "within_time": soon / n["judged"] if n["judged"] else np.nan,
                "median_days": np.median(cell["taken"]) if n["taken"] else np.nan,
                "p90_days": np.quantile(cell["taken"], 0.9) if n["taken"] else np.nan,
                "satisfaction": np.mean(cell["points"]) if n["points"] else np.nan,
                "reopen_rate": n["reopened"] / n["closed"] if n["closed"] else np.nan,
            })  # fmt: skip
    table = pd.DataFrame(expected).set_index(["period", "product"])
    pd.testing.assert_frame_equal(
        found, table, check_index_type=False, check_dtype=False, check_like=True
    )
    assert [str(found[c].dtype) for c in (*COUNTS, "open")] == ["int64"] * 8


def test_rates_per_thousand_customers_by_a_joined_column() -> None:
    frame = pd.DataFrame({"received_at": [START] * 3, "tier": ["key", "key", "ordinary"]})
    people = pd.Series({"key": 100, "ordinary": 10_000})
    table = summarise(frame, by="tier", calendar=CN, as_of=AS_OF, customers=people)
    assert table["per_thousand"].to_dict() == {"key": 20, "ordinary": 0.1}
    monthly = summarise(frame, period="month", calendar=CN, as_of=AS_OF, customers=10_100)
    assert monthly["per_thousand"].iloc[0] == pytest.approx(3 / 10.1)
    assert summarise(frame, calendar=CN, as_of=AS_OF, customers=people)["received"].tolist() == [3]
    with pytest.raises(DataError, match=r"no number for the groups 'ordinary'"):
        summarise(frame, by="tier", calendar=CN, as_of=AS_OF, customers=people[:1])
    with pytest.raises(
        DataError, match=r"^complaints: no column segment to group by; present: received_at, tier$"
    ):
        summarise(frame, by="segment", calendar=CN, as_of=AS_OF)


def test_a_summary_says_by_which_policy_and_calendar() -> None:
    own = default_policy("complaints").with_parameters(cutoff_hour=8)
    frame = pd.DataFrame({"received_at": [START]})  # at nine: the next day's
    table = summarise(frame, period="month", calendar=CN, as_of=AS_OF, policy=own)
    assert table.attrs == {
        "policy": f"{own.id}@{own.version}", "fingerprint": own.fingerprint, "calendar": CN.name,
    }  # fmt: skip
    late = pd.Timestamp("2025-01-24 09:00", tz=START.tz)  # a Friday; Saturday after the cut-off
    answered = pd.Timestamp("2025-01-27 07:00", tz=START.tz)
    end = pd.Timestamp("2025-01-31 09:00", tz=START.tz)
    for policy in (own, default_policy("complaints")):
        case = frame.assign(received_at=late, answered_at=answered)
        found = summarise(case, calendar=CN, as_of=AS_OF, policy=policy)
        assert found["median_days"].tolist() == [2]  # Sunday was worked, and Monday
        months = summarise(
            frame.assign(received_at=end), period="month", calendar=CN, as_of=AS_OF, policy=policy
        )
        # a month and "known on the day" go by the local day, whatever the cut-off
        assert months.index[months["received"] == 1].month.tolist() == [1]
        waits = ageing(
            frame.assign(received_at=end), as_of="2025-01-31", calendar=CN, policy=policy
        )
        assert waits["open"].sum() == 1


def test_reopening_counts_and_two_groupings() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [START, START],
            "closed_at": [START, START],
            "reopened_at": [START + pd.Timedelta(days=1), pd.NaT],
            "a": ["x", "y"],
            "b": ["u", "u"],
        }
    )
    table = summarise(frame, by=["a", "b"], calendar=CN, as_of=AS_OF)
    assert table.loc[("x", "u"), "reopen_rate"] == 1
    assert table.loc[("x", "u"), "open"] == 1
    assert table.index.names == ["a", "b"]


@given(registers())
def test_ageing_counts_every_open_case_once(frame: pd.DataFrame) -> None:
    table = ageing(frame, as_of=AS_OF, calendar=CN)
    assert table["open"].sum() == summarise(frame, calendar=CN, as_of=AS_OF)["open"].sum()


def test_ageing_bands() -> None:
    frame = pd.DataFrame({"received_at": [START] * 2, "closed_at": [pd.NaT, START]})
    day = CN.add(START.date(), 6)
    bands = ageing(frame, as_of=day, calendar=CN)
    assert bands["open"].to_dict()["6-10"] == 1
    assert bands.index.name == "working_days"
    assert bands.index.tolist() == ["0-5", "6-10", "11-15", "16-30", "31-60", "61+"]
    waits = pd.DataFrame({"received_at": [CN.add(START.date(), n) for n in range(5)]})
    waits["received_at"] = pd.to_datetime(waits["received_at"]).dt.tz_localize("Asia/Shanghai")
    waits["answered_at"] = waits["received_at"].where(waits.index == 0)
    own = ageing(waits, as_of=CN.add(START.date(), 4), calendar=CN, edges=(1, 3))
    assert own["open"].to_dict() == {"0-1": 2, "2-3": 2, "4+": 1}
    assert own["unanswered"].to_dict() == {"0-1": 2, "2-3": 2, "4+": 0}
    for edges in ((5, 5), (5, 4), ()):
        with pytest.raises(DataError, match="do not rise"):
            ageing(frame, as_of=day, calendar=CN, edges=edges)
    assert ageing(frame, as_of=day, calendar=CN, edges=(5, 6))["open"].tolist() == [0, 1, 0]


@given(st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=60))
def test_the_vital_few_are_the_fewest_that_reach_the_line(causes: list[str | None]) -> None:
    table = pareto(pd.DataFrame({"cause": causes}))
    assert table["count"].sum() == len(causes)
    assert table["count"].is_monotonic_decreasing
    vital = table["count"][table["vital"]]
    if len(causes):
        assert vital.sum() >= 0.8 * len(causes) - 1e-6
        assert vital.iloc[:-1].sum() < 0.8 * len(causes)


def test_pareto_refuses_what_it_cannot_count() -> None:
    with pytest.raises(DataError, match="no column cause"):
        pareto(pd.DataFrame({"issue": [1]}))
    for line in (0, 1.001, 80):
        with pytest.raises(DataError, match="expected a share"):
            pareto(pd.DataFrame({"cause": ["a"]}), line=line)
    causes = pd.DataFrame({"cause": ["a", "a", "b", "c"]})
    assert pareto(causes, line=1)["vital"].tolist() == [True, True, True]
    assert pareto(causes, line=0.75)["vital"].tolist() == [True, True, False]
    assert pareto(causes, line=0.5)["vital"].tolist() == [True, False, False]
    two = pareto(pd.DataFrame({"a": ["x", "x"], "b": ["u", "v"]}), by=["a", "b"])
    assert two.index.names == ["a", "b"]


def test_trends() -> None:
    assert trend([5, 5, 5, 5]) == Trend(tau=0, p_value=1, slope=0, direction="none")
    up = trend(np.arange(10))
    assert (up.tau, up.slope) == pytest.approx((1, 1))
    assert up.direction == "rising"
    assert trend(np.arange(10)[::-1]).direction == "falling"
    assert trend([3, 5, 2, 4]).direction == "none"
    assert trend([2, 1, 4, 3]).p_value == 0.75
    for confidence, direction in ((0.25, "none"), (0.24, "rising")):  # just as likely, and less
        assert trend([2, 1, 4, 3], confidence=confidence).direction == direction
    with pytest.raises(DataError, match="counts: 2 numbers; expected 4 or more"):
        trend([1, 2])
    for bad in ([1, np.nan, 3, 4], [1, -2, 3, 4]):
        with pytest.raises(DataError, match=r"counts: .* below 0 in 1 row \(row 1\)"):
            trend(bad)


def test_false_alarms_come_about_as_often_as_said() -> None:
    rng = np.random.default_rng(7)
    alarms = [trend(rng.poisson(30, 12)).direction != "none" for _ in range(400)]
    assert 0.02 < np.mean(alarms) < 0.09


def test_the_limits_of_a_chart_by_hand() -> None:
    """Neighbours lie 2.683, 5.970 and 2.683 sigma apart; Laney's factor takes the middle one."""
    counts, exposure = np.array([10.0, 8, 36, 12]), np.array([100.0, 200, 200, 100])
    centre = 66 / 600
    wide = np.sqrt(centre / exposure) * 2.68329868 / 0.954
    found = control_chart(counts, exposure, sigmas=0.25)
    assert found["rate"].tolist() == pytest.approx([0.1, 0.04, 0.18, 0.12])
    assert found["centre"].tolist() == pytest.approx([0.11] * 4)
    assert found["upper"].tolist() == pytest.approx((centre + 0.25 * wide).tolist())
    assert found["lower"].tolist() == pytest.approx((centre - 0.25 * wide).tolist())
    assert found["signal"].tolist() == ["", "below", "above", ""]
    assert control_chart(counts, exposure)["lower"].min() == 0


@pytest.mark.parametrize(("length", "told"), [(7, False), (8, True)])
def test_eight_in_a_row_on_one_side_are_a_run(length: int, told: bool) -> None:
    for low, high in ((8, 12), (12, 8)):
        signal = control_chart([low, *[high] * length, *[low] * length])["signal"]
        runs = np.flatnonzero(signal == "run").tolist()
        assert runs == ([length, 2 * length] if told else [])
        first = control_chart([low] * length + [high] * length)["signal"]
        assert np.flatnonzero(first == "run").tolist() == (
            [length - 1, 2 * length - 1] if told else []
        )


def test_control_charts() -> None:
    rng = np.random.default_rng(3)
    calm = control_chart(rng.poisson(50, 500))
    assert (calm["signal"].isin(["above", "below"])).mean() < 0.02
    # By hand: centre 10, and neighbours no further apart than chance, so 3 sigma is 3 sqrt(10).
    flat = control_chart([10, 10, 10, 10])
    assert flat["upper"].tolist() == pytest.approx([10 + 3 * 10**0.5] * 4)
    assert control_chart([5, 5, 9, 9, 9, 9, 9, 9, 9, 9])["signal"].tolist()[-1] == "run"
    rates = control_chart(pd.Series([10, 20], index=["jan", "feb"]), [1000, 2000])
    assert rates["rate"].tolist() == [0.01, 0.01]
    assert rates.index.tolist() == ["jan", "feb"]
    assert control_chart([0, 0, 0])["signal"].tolist() == ["", "", ""]
    for exposure in ([1, 0], [1, 1, 1]):
        with pytest.raises(DataError, match="exposure: "):
            control_chart([1, 2], exposure)
    with pytest.raises(DataError, match="counts: "):
        control_chart([1])


@given(registers(), st.integers(0, 200), st.integers(0, 200))
def test_the_return_balances(frame: pd.DataFrame, first: int, length: int) -> None:
    start = START.date() + dt.timedelta(days=first)
    table = fca_return(
        frame,
        start=start,
        end=start + dt.timedelta(days=length),
        calendar=CN,
        policy=default_policy("complaints"),
    )
    assert (
        table["outstanding_start"] + table["opened"] - table["closed"] == table["outstanding_end"]
    ).all()
    in_time = table[["closed_3_days", "closed_8_weeks", "closed_later"]].sum(axis=1)
    assert (in_time == table["closed"]).all()
    assert (table.drop(index="total").sum() == table.loc["total"]).all()


def test_the_return_by_hand() -> None:
    gb = working_calendar("GB")
    frame = pd.DataFrame(
        {
            "received_at": pd.DatetimeIndex(["2024-03-04"] * 5, tz="Europe/London"),
            "closed_at": pd.DatetimeIndex(  # 29 April is the last day of the eight weeks
                ["2024-03-07", "2024-03-08", "2024-04-30", None, "2024-04-29"], tz="Europe/London"
            ),
            "product": ["loan", "loan", "loan", "fund", "loan"],
            "outcome": ["upheld", "rejected", "partly_upheld", None, "rejected"],
            "redress": [50.0, None, 25.5, 99.0, None],
        }
    )
    table = fca_return(frame, start="2024-01-01", end="2024-06-30", calendar=gb)
    assert table.loc["loan"].tolist() == [0, 4, 1, 2, 1, 4, 0, 2, 75.5]
    assert table.loc["total", "outstanding_end"] == 1
    with pytest.raises(DataError, match="before start"):
        fca_return(frame, start="2024-06-30", end="2024-01-01", calendar=gb)
    with pytest.raises(DataError, match="no column 'branch'"):
        fca_return(frame, start="2024-01-01", end="2024-06-30", calendar=gb, by="branch")


@given(registers(), st.integers(0, 200), st.integers(0, 200))
def test_the_return_against_a_slow_loop(frame: pd.DataFrame, begins: int, length: int) -> None:
    start = START.date() + dt.timedelta(days=begins)
    end = start + dt.timedelta(days=length)
    expected = dict.fromkeys(RETURN, 0)
    for case in frame.itertuples():
        came = case.received_at.date()
        gone = None if case.closed_at is pd.NaT else case.closed_at.date()
        expected["outstanding_start"] += came < start and (gone is None or gone >= start)
        expected["opened"] += start <= came <= end
        expected["outstanding_end"] += came <= end and (gone is None or gone > end)
        if gone is not None and start <= gone <= end:
            days = (gone - came).days
            soon = gone <= CN.add(came, 3)
            expected["closed"] += 1
            expected["closed_3_days"] += soon
            expected["closed_8_weeks"] += not soon and days <= 56
            expected["closed_later"] += not soon and days > 56
    policy = default_policy("complaints")
    table = fca_return(frame, start=start, end=end, calendar=CN, policy=policy)
    assert table.loc["total"].to_dict() == expected
    assert table.dtypes.astype(str).tolist() == ["int64"] * 8 + ["float64"]
    assert table.index.name == "product"
    assert table.index.tolist() == [*sorted(set(frame["product"].fillna("(missing)"))), "total"]
    assert table.attrs == {
        "policy": f"{policy.id}@{policy.version}",
        "fingerprint": policy.fingerprint,
    }


def test_what_was_merged_is_counted_once_and_never_breached() -> None:
    frame = pd.DataFrame(
        {
            "received_at": [START] * 2,
            "due": [START.tz_localize(None).normalize()] * 2,
            "merged_into": pd.array([None, 1], "Int64"),
        }
    )
    row = summarise(frame, calendar=CN, as_of=AS_OF).iloc[0]
    assert row[["received", "merged", "open", "breached"]].tolist() == [2, 1, 1, 1]
    assert ageing(frame, as_of=AS_OF, calendar=CN)["open"].sum() == 1


def test_the_due_days_of_deadlines_count_answered_cases() -> None:
    frame = pd.DataFrame(
        {
            "received_at": instants("2024-03-04", "2024-03-04", "2024-03-04"),
            "answered_at": instants("2024-03-08", "2024-03-20", None),
            "severity": ["moderate"] * 3,
        }
    )
    found = deadlines(frame, calendar=CN, as_of=pd.Timestamp("2024-04-01", tz="UTC"))
    told = summarise(frame.assign(due=found["due"]), calendar=CN, as_of="2024-04-01").iloc[0]
    assert (told["in_time"], told["breached"]) == (1, 2)


def instants(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts)).tz_localize("Asia/Shanghai"))
