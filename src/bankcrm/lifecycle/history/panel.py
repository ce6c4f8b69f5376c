"""Histories as a grid of stage codes, and the unbroken spells in it."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes, days
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.numbering import categorical, words_of

Grid: TypeAlias = npt.NDArray[np.int8]
Days: TypeAlias = npt.NDArray[np.datetime64]


@attrs.frozen(eq=False)
class Panel:
    """Stages of customers (rows) on dates (columns); -1 where a customer was not observed."""

    stages: tuple[str, ...]
    customers: pd.Index
    dates: Days
    grid: Grid


def read_panel(history: object) -> Panel:
    """A history as a grid.

    Args:
        history: ``customer_id``, ``date`` (columns or index levels) and ``stage``, as
            `stage_history` gives it; an absent row or a null stage is "not observed".

    Raises:
        DataError: A column is missing, a date is null, or a customer has two rows for one date.
    """
    frame = as_frame(history)
    stages, code = _stage_codes(frame)
    if isinstance(frame.index, pd.MultiIndex) and _is_product(frame.index):
        customers, when = frame.index.levels
        grid = code.reshape(len(customers), len(when))
        return Panel(stages, pd.Index(customers), days(when), grid)
    names = [n for n in ("customer_id", "date") if n in frame.index.names]
    flat = frame.reset_index(names) if names else frame
    require_columns(flat, ("customer_id", "date"), "history")
    day = days(flat["date"])
    who, customers = codes(flat["customer_id"])
    for name, null in (("customer_id", who < 0), ("date", np.isnat(day))):
        advice = "leave these rows out"
        fault_in_rows("history", name, "null", np.flatnonzero(null), advice=advice).refuse()
    dates, column = np.unique(day, return_inverse=True)
    size = len(customers), len(dates)
    cell = who * size[1] + column
    again = np.ones(len(cell), dtype=np.bool_)
    again[np.unique(cell, return_index=True)[1]] = False
    if again.any():
        raise DataError(
            f"history: {again.sum():,} rows repeat a customer and date (customers "
            f"{few(customers[who[again]])}); keep one row for each"
        )
    grid = np.full(size, -1, dtype=np.int8)
    grid.ravel()[cell] = code
    return Panel(stages, customers, dates, grid)


def history_frame(panel: Panel, extra: dict[str, pd.Categorical]) -> pd.DataFrame:
    """A grid as a history: customer by customer, date by date."""
    size = panel.grid.shape
    places: list[Any] = [
        np.repeat(np.arange(size[0], dtype=np.int32), size[1]),
        np.tile(np.arange(size[1], dtype=np.int16), size[0]),
    ]
    levels: list[Any] = [panel.customers, pd.DatetimeIndex(panel.dates.astype("datetime64[s]"))]
    index = pd.MultiIndex(levels, places, names=["customer_id", "date"], verify_integrity=False)
    columns = {"stage": categorical(panel.grid.ravel(), panel.stages), **extra}
    return pd.DataFrame(columns, index=index, copy=False)


def _stage_codes(frame: pd.DataFrame) -> tuple[tuple[str, ...], Grid]:
    require_columns(frame, ["stage"], "history")
    stage = words_of(frame["stage"], "history.stage")
    names = tuple(map(str, stage.categories))
    if len(names) > 127:
        raise DataError(f"history: {len(names)} different stages; expected at most 127")
    return names, stage.codes.astype(np.int8, copy=False)


def _is_product(index: pd.MultiIndex) -> bool:
    """Whether the index runs through every date for every customer, as `stage_history` gives it."""
    if list(index.names) != ["customer_id", "date"]:
        return False
    customers, dates = index.levshape
    who, when = index.codes
    return bool(
        len(index)
        and np.array_equal(who, np.repeat(np.arange(customers), dates))
        and np.array_equal(when, np.tile(np.arange(dates), customers))
        and index.levels[1].is_monotonic_increasing
    )


def stage_spells(history: object) -> pd.DataFrame:
    """Unbroken stays in one stage.

    Args:
        history: As `stage_history` gives it.

    Returns:
        One row per spell, in order: ``customer_id``, ``stage``, ``start`` and ``end`` (dates
        on which the stage was first observed and first gone, or last observed), ``after`` (the next
        stage, null where the spell was still running or the customer left the observation),
        ``from_start`` (whether the spell began within the history: one that runs on its first date
        did not).

    Source: LCM-2.
    """
    panel = read_panel(history)
    grid, size = panel.grid, panel.grid.shape
    if size[1] == 0:
        raise DataError("history: there is no date in it")
    new = np.ones(size, dtype=np.bool_)
    new[:, 1:] = grid[:, 1:] != grid[:, :-1]
    row, first = np.nonzero(new)
    last_run = np.append(row[1:] != row[:-1], True)
    stop = np.roll(first, -1)
    stop[last_run] = size[1]
    code = grid[row, first]
    following = np.roll(code, -1)
    following[last_run] = -1
    end = np.where(following < 0, stop - 1, stop)
    keep = code >= 0
    dates = panel.dates.astype("datetime64[s]")
    return pd.DataFrame(
        {
            "customer_id": panel.customers.take(row[keep]),
            "stage": categorical(code[keep], panel.stages),
            "start": dates[first[keep]],
            "end": dates[end[keep]],
            "after": categorical(following[keep], panel.stages),
            "from_start": first[keep] > 0,
        }
    )


def groups_of(
    customers: pd.Index, by: pd.Series | None
) -> tuple[npt.NDArray[np.intp], list[object]]:
    """The group of each customer, from a Series over customer ids.

    Raises:
        DataError: Customers without a group.
    """
    if by is None:
        return np.zeros(len(customers), dtype=np.intp), []
    as_kind(by, pd.Series, "by", "give a Series by customer_id")
    group, distinct = codes(by.reindex(customers))
    if (group < 0).any():
        first = few(customers[group < 0].tolist(), repr)
        raise DataError(
            f"by: {int((group < 0).sum()):,} customers have no segment ({first}); give one for each"
        )
    return group.astype(np.intp), distinct.tolist()
