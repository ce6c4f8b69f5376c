"""Instants as wall-clock times, and the local day of each."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias, cast, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_zone, refuse
from bankcrm.errors import DataError
from bankcrm.frames.arrays import Days, found_in

Times: TypeAlias = npt.NDArray[np.datetime64]
Many: TypeAlias = "pd.Series | pd.Index | npt.NDArray[np.generic] | list[Any] | tuple[Any, ...]"
Instants: TypeAlias = "dt.datetime | Many"

ZONE = "Asia/Shanghai"
"""The time zone of days where no policy or caller names another."""


def seconds_of(time: dt.time) -> int:
    """Seconds since midnight."""
    return time.hour * 3600 + time.minute * 60 + time.second


def local_times(instants: Instants, zone: str) -> tuple[Times, bool]:
    """Wall-clock times in a zone as ``datetime64[s]``, and whether one instant was given."""
    if isinstance(instants, dt.datetime) and instants.tzinfo is not None:
        # One instant alone: the standard library knows its zone without building an array.
        wall = instants.astimezone(as_zone(zone)).replace(tzinfo=None)
        return np.array([wall], dtype="datetime64[us]").astype("datetime64[s]"), True
    if isinstance(instants, pd.DatetimeIndex) and instants.tz is not None:
        return _wall_clock(instants, zone), False
    if isinstance(instants, pd.DataFrame | str):
        refuse("instants", "one column", instants, "give a column, such as frame['received_at']")
    scalar = instants is None or isinstance(instants, dt.datetime)
    series = pd.Series([instants] if scalar else instants)
    if series.dtype == object:
        naive = [i for i in series.dropna() if getattr(i, "tzinfo", None) is None]
        if not naive:
            series = pd.to_datetime(series, utc=True)
    elif isinstance(series.dtype, pd.ArrowDtype) and series.dt.tz is not None:
        series = series.astype(pd.DatetimeTZDtype("us", str(series.dt.tz)))
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return _wall_clock(pd.DatetimeIndex(series), zone), scalar
    if series.isna().all():
        return np.full(len(series), np.datetime64("NaT", "s")), scalar
    raise _no_instants(series)


def utc_microseconds(instants: Instants) -> Times:
    """Aware instants as naive UTC in ``datetime64[us]``; missing ones stay missing.

    Raises:
        DataError: The instants have no time zone.
    """
    if isinstance(instants, dt.datetime) and instants.tzinfo is not None:
        plain = instants.astimezone(dt.UTC).replace(tzinfo=None)
        return np.array([plain], dtype="datetime64[us]")
    try:
        index = pd.DatetimeIndex([instants] if instants is None else cast("Any", instants))
    except (TypeError, ValueError, OverflowError):
        raise _no_instants(pd.Series(instants)) from None
    if index.tz is None and not index.isna().all():
        raise _no_instants(pd.Series(instants))
    utc = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    return utc.to_numpy().astype("datetime64[us]")


def _no_instants(values: pd.Series) -> DataError:
    return DataError(
        f"instants: expected a time zone, found {found_in(values, 'instant')}; localise them with "
        "pandas.to_datetime(...).dt.tz_localize('Asia/Shanghai')"
    )


def _wall_clock(instants: pd.DatetimeIndex, zone: str) -> Times:
    return instants.tz_convert(as_zone(zone)).tz_localize(None).to_numpy().astype("datetime64[s]")


def instants_of(local: Times, zone: str) -> pd.DatetimeIndex:
    """Instants of wall-clock times: a skipped one moves on, of a double one the first is taken."""
    first = np.ones(len(local), dtype=np.bool_)
    index = pd.DatetimeIndex(local.astype("datetime64[s]"))
    made = index.tz_localize(zone, ambiguous=first, nonexistent="NaT")
    skipped = made.isna() & ~np.isnat(local)
    if not skipped.any():
        return made
    utc = made.tz_convert("UTC").tz_localize(None).to_numpy().copy()
    utc[skipped] = _first_after(local[skipped].astype("datetime64[s]"), zone)
    return pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(zone)


def _first_after(wall: Times, zone: str) -> Times:
    """The first instant (naive UTC) at which a clock shows a skipped time or a later one.

    Found by halving, since pandas moves every skipped time on as if an hour were skipped.
    """
    low: Times = wall - np.timedelta64(15, "h")
    high: Times = wall + np.timedelta64(13, "h")
    while (high - low > np.timedelta64(1, "s")).any():
        middle: Times = low + (high - low) // 2
        shown = _wall_clock(pd.DatetimeIndex(middle).tz_localize("UTC"), zone)
        low, high = np.where(shown < wall, middle, low), np.where(shown < wall, high, middle)
    return high


@overload
def local_day(instants: dt.datetime, zone: str = ...) -> dt.date: ...
@overload
def local_day(instants: Many, zone: str = ...) -> Days: ...
def local_day(instants: Instants, zone: str = ZONE) -> dt.date | Days:
    """The bank's calendar day of each instant: the date on a clock in the bank's time zone.

    Facts, ``as_of`` and months go by it: it says whether something is known on a day.

    Args:
        instants: One time-zone aware instant, or an array, Series or Index of them.
        zone: The bank's time zone.

    Returns:
        ``datetime.date`` for one instant, else ``datetime64[D]``; a missing instant stays missing.

    Raises:
        DataError: The instants have no time zone.

    >>> local_day(dt.datetime(2026, 3, 1, 17, tzinfo=dt.timezone.utc)).isoformat()
    '2026-03-02'
    """
    local, scalar = local_times(instants, zone)
    return one_day(local.astype("datetime64[D]"), scalar)


def one_day(day: Days, scalar: bool) -> dt.date | Days:
    """The days, or the only one of them as a date where one instant was given."""
    if not scalar:
        return day
    return cast("dt.date", pd.NaT if np.isnat(day[0]) else day[0].item())
