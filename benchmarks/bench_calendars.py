"""Working-day arithmetic beside a bare look-up in a table, and numpy's and pandas' own.

    python benchmarks/bench_calendars.py [--quick]

The bare look-up checks nothing: no missing date, no date outside the table, no provisional day.
numpy is made exact by a week mask of seven days with every off-day as a holiday.
"""

from __future__ import annotations

import datetime as dt
import sys

import numpy as np
import pandas as pd

from bankcrm.calendars import business_day, working_calendar
from timing import compare, peak_memory_mb, within


def main(rows: int) -> None:
    cn = working_calendar("CN")
    rng = np.random.default_rng(20260101)
    start = np.datetime64("2007-01-01") + rng.integers(0, 19 * 365, rows)
    end = start + rng.integers(0, 60, rows)
    each = rng.integers(1, 31, rows)
    off = np.arange(cn.first, cn.last + 1)[~cn.working]
    exact = np.busdaycalendar(weekmask="1111111", holidays=off)
    count = np.cumsum(cn.working)  # working days up to and with each day of the table
    rank = np.flatnonzero(cn.working)  # the place of each working day

    def place(day: np.ndarray) -> np.ndarray:
        return (day - cn.first).view(np.int64)

    def added(n: object) -> np.ndarray:
        return cn.first + rank.take(count.take(place(start)) + n - 1)

    def numpy_added(n: object) -> np.ndarray:
        return np.busday_offset(start, n, roll="backward", busdaycal=exact)

    if (cn.add(start, each) != numpy_added(each)).any() or (cn.add(start, 5) != added(5)).any():
        raise SystemExit("ours and the rivals' differ")
    for label, n in (("one n for all", 5), ("an n for each", each)):
        compare(
            f"calendar add, {rows:,} dates, {label}",
            lambda n=n: cn.add(start, n),
            {"bare look-up": lambda n=n: added(n), "numpy": lambda n=n: numpy_added(n)},
            limit=1.3,
            repeat=9,
        )
    compare(
        f"calendar between, {rows:,} pairs",
        lambda: cn.between(start, end),
        {
            "bare look-up": lambda: count.take(place(end)) - count.take(place(start)),
            "numpy": lambda: np.busday_count(start + 1, end + 1, busdaycal=exact),
        },
        limit=1.3,
        repeat=9,
    )
    compare(
        f"calendar is_working, {rows:,} dates",
        lambda: cn.is_working(start),
        {
            "bare look-up": lambda: cn.working.take(place(start)),
            "numpy": lambda: np.is_busday(start, busdaycal=exact),
        },
        limit=1.3,
        repeat=9,
    )
    friday = dt.date(2024, 9, 27)
    within("calendar add, one date", lambda: cn.add(friday, 5), 5e-6, times=2_000)
    instants = pd.Series(pd.to_datetime(start).tz_localize("UTC"))
    compare(
        f"business_day, {rows:,} instants",
        lambda: business_day(instants),
        {"pandas": lambda: instants.dt.tz_convert("Asia/Shanghai").dt.normalize()},
    )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main(100_000 if "--quick" in sys.argv else 1_000_000)
