"""Average balances and outstanding amounts against a walk over the days."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.book.balances import (
    Hold,
    average_balances,
    average_outstanding,
    observations_of,
)
from bankcrm.book.view import Needs, day_number, view_of
from bankcrm.errors import DataError

D = "datetime64[D]"
START, END = np.datetime64("2026-01-01"), np.datetime64("2026-03-31")
DAYS = np.arange(START, END + 1)
FIRST, LAST = day_number(START), day_number(END)


def numbered(*days: str) -> np.ndarray:
    return np.array(days, D).astype(np.int64)


observed = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(-40, 100) | st.sampled_from([0, 20, 31]),  # some days twice
        st.integers(-500, 500),
    ),
    min_size=1,
    max_size=25,
)


def walked(
    rows: list[tuple[int, int, int]], account: int, hold: str, closed: np.datetime64 | None
) -> tuple[float, float]:
    """Average of the positive and the negative balances, one day after the other."""
    known = {START + np.timedelta64(d, "D"): b for a, d, b in rows if a == account}
    credit = debit = 0.0
    for day in DAYS:
        if closed is not None and day > closed:
            continue
        earlier = [d for d in known if d <= day]
        later = [d for d in known if d >= day]
        level = 0.0
        if hold == "forward" and earlier:
            level = known[max(earlier)]
        elif hold == "backward":
            month = [d for d in later if d.astype("M8[M]") == day.astype("M8[M]")]
            if later and (earlier or month):
                level = known[min(later)]
            elif earlier and not later:
                level = known[max(earlier)]
        elif hold == "linear" and earlier:
            at = sorted(known)
            places = [(d - START).astype(float) for d in at]
            level = float(np.interp((day - START).astype(float), places, [known[d] for d in at]))
        credit += max(level, 0)
        debit += max(-level, 0)
    return credit / len(DAYS), debit / len(DAYS)


@pytest.mark.parametrize("hold", ["forward", "backward", "linear"])
@given(observed, st.one_of(st.none(), st.integers(0, 89)))
def test_averages_equal_a_walk_over_the_days(
    hold: Hold, rows: list[tuple[int, int, int]], closed_after: int | None
) -> None:
    if hold == "linear":  # a line that crosses zero counts by its middle, so keep above it
        rows = [(a, d, abs(b)) for a, d, b in rows]
    closed = None if closed_after is None else START + np.timedelta64(closed_after, "D")
    account, shift, balance = (np.array(v) for v in zip(*rows, strict=True))
    found = average_balances(
        account,
        FIRST + shift,
        balance.astype(float),
        3,
        start=FIRST,
        end=LAST,
        hold=hold,
        last_day=None if closed_after is None else np.full(3, FIRST + closed_after),
    )
    for code in range(3):
        expected = walked(rows, code, hold, closed)
        assert (found.credit[code], found.debit[code]) == pytest.approx(expected)


@given(observed, st.one_of(st.none(), st.integers(0, 89)))
def test_days_are_those_since_the_first_observation(
    rows: list[tuple[int, int, int]], closed_after: int | None
) -> None:
    account, shift, balance = (np.array(v) for v in zip(*rows, strict=True))
    last = 89 if closed_after is None else closed_after
    found = average_balances(
        account, FIRST + shift, balance.astype(float), 3, start=FIRST, end=LAST,
        last_day=np.full(3, FIRST + last),
    )  # fmt: skip
    for code in range(3):
        first = min((d for a, d, _ in rows if a == code), default=90)
        assert found.days[code] == max(last + 1 - max(first, 0), 0)


@given(
    seen=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(-9, 9)), max_size=20
    ),
    hold=st.sampled_from(["forward", "backward", "linear"]),
    block=st.integers(1, 4),
)
def test_the_size_of_blocks_changes_nothing(
    seen: list[tuple[int, int, int]], hold: Hold, block: int
) -> None:
    account, day, balance = np.array(seen, np.int64).reshape(-1, 3).T
    given = account, day, balance.astype(np.float64), 4
    whole = average_balances(*given, start=5, end=20, hold=hold)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        parts = average_balances(*given, start=5, end=20, hold=hold)
    for name in ("credit", "debit", "days"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


SEEN = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), st.integers(-9, 9)), max_size=8)


@given(SEEN, st.booleans(), st.integers(1, 3))
@example([(0, 1, 5), (0, 1, 6), (1, 0, 7)], True, 1)
@example([(1, 0, 5), (0, 1, 6)], False, 1)
@example([(0, 2, 5), (0, 1, 6), (0, 1, 7)], False, 2)
def test_observations_are_the_last_of_each_day_in_order(
    seen: list[tuple[int, int, int]], ordered: bool, block: int
) -> None:
    """Also where the rows come in order, and an account belongs to another customer."""
    if ordered:
        seen = sorted(seen, key=lambda row: row[:2])
    frame = pd.DataFrame(seen, columns=["account_id", "date", "balance"]).astype(
        {"account_id": "int64", "balance": "float64"}
    )
    frame["date"] = np.array([day for _, day, _ in seen], "datetime64[D]").astype("datetime64[s]")
    frame["customer_id"] = 10 * frame["account_id"] + 7
    needs = {"balances": Needs(("customer_id", "account_id", "date", "balance"))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bankcrm.frames.arrays.blocks.BLOCK", block)
        view = view_of({"balances": frame}, needs)
        found = observations_of(view["balances"])
    accounts, customers = view.accounts().tolist(), view.customers.tolist()
    last = {(account, day): (row, balance) for row, (account, day, balance) in enumerate(seen)}
    in_order = sorted(last, key=lambda key: (accounts.index(key[0]), key[1]))
    keys = zip([accounts[code] for code in found.account], found.day.tolist(), strict=True)
    assert list(keys) == in_order
    assert found.balance.tolist() == [last[key][1] for key in in_order]
    assert np.arange(len(seen))[found.rows].tolist() == [last[key][0] for key in in_order]
    assert [customers[code] for code in found.owner] == [10 * a + 7 for a in accounts]


def test_backward_balances_stand_for_the_month_that_they_close() -> None:
    day = numbered("2026-01-31", "2026-02-28", "2026-03-31")
    credit = average_balances(
        np.zeros(3, np.intp), day, np.array([90.0, 180.0, 270.0]), 1,
        start=FIRST, end=LAST, hold="backward",
    ).credit  # fmt: skip
    assert credit[0] == pytest.approx((31 * 90 + 28 * 180 + 31 * 270) / 90)
    first = average_balances(
        np.zeros(1, np.intp), day[1:2], np.array([90.0]), 1, start=FIRST, end=LAST, hold="backward"
    ).credit
    assert first[0] == pytest.approx(28 * 90 / 90 + 31 * 90 / 90)


def test_linear_balances_run_straight_from_one_to_the_next() -> None:
    day = numbered("2026-01-01", "2026-03-31")
    credit = average_balances(
        np.zeros(2, np.intp), day, np.array([0.0, 890.0]), 1,
        start=FIRST, end=LAST, hold="linear",
    ).credit  # fmt: skip
    assert credit[0] == pytest.approx(np.arange(0, 891, 10).mean())


def test_an_unknown_hold() -> None:
    with pytest.raises(DataError, match="forward, backward, linear"):
        average_balances(
            np.zeros(1, np.intp),
            np.zeros(1, np.intp),
            np.ones(1),
            1,
            start=FIRST,
            end=LAST,
            hold="up",
        )


@given(
    st.integers(-400, 80),
    st.integers(1, 60) | st.sampled_from([0.125, 0.5]),
    st.integers(0, 80),
    st.integers(0, 60),
)
@example(0, 0.125, 0, 2)
@example(-3, 1, 0, 0)
def test_outstanding_equals_a_fine_walk(
    granted: int, term: float, begins: int, length: int
) -> None:
    day = START + np.timedelta64(granted, "D")
    first = START + np.timedelta64(begins, "D")
    last = first + np.timedelta64(length, "D")
    found = average_outstanding(
        np.array([day_number(day)]),
        np.array([float(term)]),
        np.array([1200.0]),
        day_number(first),
        day_number(last),
        year_days=365.25,
    )[0]
    moment = np.linspace(0, 1, 20_001)[:-1] + 0.5 / 20_000
    since = (first - day).astype(float) + moment * (length + 1)
    left = 1 - since / (term * 365.25 / 12)
    walked_through = np.where((since >= 0) & (left > 0), 1200 * left, 0.0).mean()
    assert found == pytest.approx(walked_through, abs=0.5)
