"""Working-day arithmetic against numpy's and pandas' own.

numpy is made exact by a week mask of seven days with every off-day as a holiday; pandas by the same
list of holidays. Run: python benchmarks/bench_calendars.py [--quick]
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pandas as pd

from bankcrm.calendars import business_day, working_calendar
from timing import compare, peak_memory_mb

LIMIT = 1 / 30


def main(rows: int) -> None:
    cn = working_calendar("CN")
    rng = np.random.default_rng(20260101)
    start = np.datetime64("2007-01-01") + rng.integers(0, 19 * 365, rows)
    end = start + rng.integers(0, 60, rows)
    each = rng.integers(1, 31, rows)
    every = np.arange(cn.first, cn.last + 1)
    off = every[~cn.working]
    exact = np.busdaycalendar(weekmask="1111111", holidays=off)
    print(f"{rows:,} dates; ours against numpy.busday_* made exact, then pandas")

    def numpy_add(n: object) -> np.ndarray:
        return np.busday_offset(start, n, roll="backward", busdaycal=exact)

    if (cn.add(start, each) != numpy_add(each)).any() or (cn.add(start, 5) != numpy_add(5)).any():
        raise SystemExit("ours and numpy's differ")
    compare(
        "add, one n for all", lambda: cn.add(start, 5), lambda: numpy_add(5), limit=1 / 30, repeat=9
    )
    compare(
        "add, an n a row",
        lambda: cn.add(start, each),
        lambda: numpy_add(each),
        limit=1 / 30,
        repeat=9,
    )
    compare(
        "between",
        lambda: cn.between(start, end),
        lambda: np.busday_count(start + 1, end + 1, busdaycal=exact),
    )
    compare(
        "is_working", lambda: cn.is_working(start), lambda: np.is_busday(start, busdaycal=exact)
    )

    # CustomBusinessDay is not vectorised: it is timed on fewer dates, and both per date.
    few = start[: max(rows // 500, 200)]
    index = pd.DatetimeIndex(few)
    step = pd.offsets.CustomBusinessDay(5, weekmask="Mon Tue Wed Thu Fri Sat Sun", holidays=off)

    def pandas_add() -> pd.DatetimeIndex:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
            return index + step

    many = np.tile(few, rows // len(few))
    scale = len(many) / len(few)
    ratio = compare(
        f"add {len(many):,} / pandas CustomBusinessDay {len(few):,}",
        lambda: cn.add(many, 5),
        pandas_add,
        repeat=3,
    )
    print(f"  for the same number of dates: ratio {ratio / scale:.2e}  limit 1e-03  "
          f"{'ok' if ratio / scale <= 1e-3 else 'MISSED'}")  # fmt: skip

    instants = pd.Series(pd.to_datetime(start).tz_localize("UTC"))
    compare(
        "business_day of instants / pandas tz_convert and normalize",
        lambda: business_day(instants),
        lambda: instants.dt.tz_convert("Asia/Shanghai").dt.normalize(),
    )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main(100_000 if "--quick" in sys.argv else 1_000_000)
