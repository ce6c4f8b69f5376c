"""Average balances against a day-by-day loop; memberships and their dates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.calendars.terms import last_day_of_term, next_review
from bankcrm.errors import DataError, MissingFactError
from bankcrm.frames import DataFault
from bankcrm.frames.findings import findings_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import average_balance, memberships

POLICY = default_policy("segmentation")
START, END = pd.Timestamp("2026-01-20"), pd.Timestamp("2026-04-10")

snapshots = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(1, 2), st.integers(0, 120), st.integers(-5_000, 10**6)
    ),
    min_size=1,
    max_size=25,
    unique_by=lambda row: row[:3],
)


def frame(rows: list[tuple[int, int, int, int]]) -> pd.DataFrame:
    book = pd.DataFrame(rows, columns=["customer_id", "account_id", "date", "balance"])
    book["date"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(book["date"], unit="D")
    return book.assign(balance=book["balance"] / 100)


def day_by_day(book: pd.DataFrame, days: pd.DatetimeIndex, zero: bool) -> dict[Any, float]:
    """The mean of the balance of every single day, account by account."""
    result: dict[Any, float] = {}
    for (customer, _), part in book.groupby(["customer_id", "account_id"]):
        daily = part.set_index("date")["balance"].sort_index()
        known = daily.reindex(daily.index.union(days)).ffill().reindex(days)
        mean = known.fillna(0).mean() if zero else known.mean()
        result[customer] = result.get(customer, 0.0) + (0.0 if np.isnan(mean) else mean)
    return result


@given(snapshots, st.booleans())
def test_daily_average_is_exact_to_the_day(
    rows: list[tuple[int, int, int, int]], zero: bool
) -> None:
    book = frame(rows)
    before: Any = "zero" if zero else "leave_out"
    ours = average_balance(book, start=START, end=END, before_first=before)
    expected = day_by_day(book, pd.date_range(START, END), zero)
    assert ours["average_balance"].to_dict() == pytest.approx(expected, abs=1e-4)
    first = book.groupby("customer_id")["date"].min()
    known = (END - first.clip(START, END + pd.Timedelta(days=1))).dt.days + 1
    assert ours["days_known"].to_dict() == known.to_dict()
    late = int((book["date"] > END).sum())
    reported = DataFault("balances", "date", "after_end", late, (), "dates up to 2026-04-10")
    assert findings_of(ours) == ((reported,) if late else ())


@given(snapshots)
def test_monthly_averages_are_those_of_each_month(rows: list[tuple[int, int, int, int]]) -> None:
    book = frame(rows)
    months = average_balance(book, start=START, end=END, method="monthly")
    edges = [("2026-01-20", "2026-01-31"), ("2026-02-01", "2026-02-28")]
    edges += [("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-10")]
    for low, high in edges:
        expected = day_by_day(book, pd.date_range(low, high), zero=True)
        part = months.xs(pd.Timestamp(low).to_period("M").to_timestamp(), level="month")
        assert part["average_balance"].to_dict() == pytest.approx(expected, abs=1e-4)
    assert months["days_known"].groupby("customer_id").sum().max() <= 81


@given(snapshots, st.integers(0, 99))
def test_row_order_does_not_matter_for_balances(
    rows: list[tuple[int, int, int, int]], seed: int
) -> None:
    book = frame(rows).astype({"customer_id": "string"})
    shuffled = book.sample(frac=1, random_state=seed)
    one, two = (average_balance(b, start=START, end=END) for b in (book, shuffled))
    pd.testing.assert_frame_equal(one, two)


def test_leap_day_counts() -> None:
    book = frame([(1, 1, 0, 366_00)]).assign(date=pd.Timestamp("2028-02-29"))
    year = average_balance(book, start="2028-01-01", end="2028-12-31")
    assert year["average_balance"].iloc[0] == pytest.approx(366 * 307 / 366)
    assert year["days_known"].iloc[0] == 307


def test_bad_balances_are_reported() -> None:
    book = frame([(1, 1, 0, 100), (1, 1, 5, 200)])
    with pytest.raises(DataError, match="end 2026-01-01 lies before start 2026-01-02"):
        average_balance(book, start="2026-01-02", end="2026-01-01")
    with pytest.raises(DataError, match="duplicate key"):
        average_balance(pd.concat([book, book]), start=START, end=END)
    with pytest.raises(DataError, match=r"balances\.balance: null"):
        average_balance(book.assign(balance=np.nan), start=START, end=END)
    empty = average_balance(book.iloc[:0], start=START, end=END)
    assert len(empty) == 0


# ---------------------------------------------------------------------------------------- clubs


def members(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({k: [v] for k, v in columns.items()}, index=[1])


def member(as_of: str, policy: Any = None, **columns: Any) -> pd.Series:
    return memberships(members(**columns), as_of=as_of, policy=policy).iloc[0]


def day(value: Any) -> str:
    return "none" if pd.isna(value) else str(value.date())


@pytest.mark.parametrize(
    ("daily", "monthly", "club"),
    [
        (10_000_000.0, 0.0, "private_banking"),
        (9_999_999.99, 1_000_000.0, "wealth"),
        (9_999_999.99, 999_999.99, "none"),
        (None, 1_000_000.0, "wealth"),
        (None, 999_999.0, "none"),
        (12_000_000.0, None, "private_banking"),
        (1_000_000.0, None, "wealth"),
        (999_999.0, None, "none"),
    ],
)
def test_clubs_of_the_bank(daily: float | None, monthly: float | None, club: str) -> None:
    row = member("2026-03-10", daily_average=daily, monthly_average=monthly)
    assert (row["club"], row["qualifies_for"]) == (club, club)
    assert row["status"] == ("none" if club == "none" else "join")


def test_terms_run_by_half_years() -> None:
    for as_of, end in (
        ("2026-01-01", "2026-06-30"),
        ("2026-06-30", "2026-06-30"),
        ("2026-07-01", "2026-12-31"),
        ("2027-12-31", "2027-12-31"),
    ):
        row = member(as_of, daily_average=2e7, monthly_average=2e7)
        assert day(row["term_end"]) == end
        assert day(row["next_review"]) == str((pd.Timestamp(end) + pd.Timedelta(days=1)).date())


def test_a_membership_runs_is_noticed_has_grace_and_ends() -> None:
    held = {
        "club": "private_banking",
        "term_start": pd.Timestamp("2026-01-01"),
        "term_end": pd.Timestamp("2026-06-30"),
    }
    low = held | {"daily_average": 10.0, "monthly_average": 10.0}
    wealthy = held | {"daily_average": 2e6, "monthly_average": 2e6}
    rich = held | {"daily_average": 2e7, "monthly_average": 2e7}
    runs = member("2026-05-30", **low)
    assert (runs["status"], runs["days_left"], day(runs["notice_from"])) == (
        "member",
        31,
        "2026-05-31",
    )
    assert member("2026-05-31", **low)["status"] == "notice"
    assert member("2026-05-31", **rich)["status"] == "member"
    assert member("2026-06-30", **low)["club"] == "private_banking"
    grace = member("2026-07-01", **low)
    assert (grace["status"], grace["club"]) == ("grace", "private_banking")
    assert day(grace["grace_until"]) == "2026-09-28"
    assert member("2026-09-28", **low)["status"] == "grace"
    over = member("2026-09-29", **low)
    assert (over["status"], over["club"]) == ("expired", "none")
    assert (day(over["term_start"]), day(over["term_end"])) == ("none", "none")
    assert over["days_left"] is pd.NA
    assert member("2026-09-29", **wealthy)[["status", "club"]].tolist() == ["step_down", "wealth"]
    renewed = member("2026-07-01", **rich)
    assert (renewed["status"], day(renewed["term_end"])) == ("renew", "2026-12-31")
    up = member("2026-02-01", **(rich | {"club": "wealth"}))
    assert up[["status", "club"]].tolist() == ["move_up", "private_banking"]


def test_a_term_of_the_past_is_not_carried_by_who_is_no_member() -> None:
    past = {"term_start": pd.Timestamp("2025-01-01"), "term_end": pd.Timestamp("2025-06-30")}
    row = member("2026-02-01", club="none", daily_average=10.0, monthly_average=10.0, **past)
    assert (row["status"], row["club"]) == ("none", "none")
    assert (day(row["term_start"]), day(row["term_end"])) == ("none", "none")
    assert row["days_left"] is pd.NA


def test_clubs_stand_in_order() -> None:
    row = memberships(members(daily_average=2e6, monthly_average=2e6), as_of="2026-02-01")
    assert row["club"].cat.ordered
    assert list(row["club"].cat.categories) == ["none", "wealth", "private_banking"]


def test_the_result_is_the_next_input() -> None:
    first = memberships(members(daily_average=2e7, monthly_average=2e7), as_of="2026-02-01")
    again = first.assign(daily_average=2e7, monthly_average=2e7)
    twice = memberships(again, as_of="2026-02-01")
    kept = ["club", "term_start", "term_end", "next_review", "days_left"]
    pd.testing.assert_frame_equal(twice[kept], first[kept])


def test_anniversary_terms_end_on_the_right_day() -> None:
    policy = POLICY.with_parameters(membership_terms="anniversary")
    for as_of, end in (
        ("2026-03-01", "2026-08-31"),
        ("2026-08-31", "2027-02-28"),
        ("2027-08-30", "2028-02-29"),
        ("2027-08-29", "2028-02-28"),
    ):
        row = member(as_of, policy, daily_average=2e7, monthly_average=2e7)
        assert day(row["term_end"]) == end


@given(st.integers(0, 40_000), st.integers(1, 24))
def test_terms_follow_each_other_without_gap_or_drift(start: int, months: int) -> None:
    """Term after term no day is left out, and each is as long as its months."""
    first = np.array([np.datetime64("1990-01-01") + start])
    end = last_day_of_term(first, months)
    following = end + 1
    assert (following.astype("datetime64[M]") - first.astype("datetime64[M]")).astype(int)[0] in (
        months,
        months + 1,
    )
    oracle = pd.Timestamp(first[0]) + pd.DateOffset(months=months)
    if oracle.day == pd.Timestamp(first[0]).day:
        assert pd.Timestamp(following[0]) == oracle
    else:
        assert pd.Timestamp(end[0]) == oracle, "the month is too short, so it ends with the month"


@given(st.integers(0, 40_000), st.sets(st.integers(1, 12), min_size=1))
def test_next_review_is_the_first_such_day_after(day_number: int, months: set[int]) -> None:
    today = np.datetime64("1990-01-01") + day_number
    found = next_review(today, tuple(months))
    ahead = pd.date_range(pd.Timestamp(today) + pd.Timedelta(days=1), periods=366)
    wanted = ahead[(ahead.day == 1) & ahead.month.isin(months)][0]
    assert pd.Timestamp(found) == wanted


def test_bad_memberships_are_reported() -> None:
    with pytest.raises(
        DataError, match="missing column daily_average or monthly_average; present: club"
    ):
        memberships(members(club="none"), as_of="2026-01-01")
    with pytest.raises(DataError, match="monthly_average; present: none"):
        memberships(pd.DataFrame(index=[1]), as_of="2026-01-01")
    with pytest.raises(
        DataError, match=r"1 members without a term \(1\); give term_start and term_end"
    ):
        memberships(members(club="wealth", daily_average=1.0), as_of="2026-01-01")
    with pytest.raises(DataError, match=r"average_balances\.club: "):
        memberships(members(club="gold", daily_average=1.0), as_of="2026-01-01")
    with pytest.raises(MissingFactError):
        memberships(members(daily_average=np.nan), as_of="2026-01-01")
