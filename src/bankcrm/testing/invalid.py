"""Frames with one fault that is known: what checks have to find."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from bankcrm.frames import Column
from bankcrm.models import Record, columns_of, frame_of
from bankcrm.testing.strategies import records

_AS_OF = dt.date(2026, 6, 30)


@attrs.frozen(eq=False)
class Invalid:
    """A frame with a fault.

    Attributes:
        frame: The frame.
        column: The column that is wrong.
        problem: What is wrong with it: ``missing_column``, ``null``, ``not_finite``,
            ``outside_choices``, ``below_minimum``, ``above_maximum`` or ``after_as_of``.
    """

    frame: pd.DataFrame
    column: str
    problem: str


@st.composite
def invalid_frames(
    draw: st.DrawFn, model: type[Record], *, as_of: dt.date = _AS_OF, max_size: int = 4
) -> Invalid:
    """Frames of valid records, but for one fault in one column.

    Args:
        draw: Given by Hypothesis.
        model: The record class.
        as_of: The day after which a date is a fault.
        max_size: The greatest number of rows; at least one is drawn.
    """
    rows = draw(st.lists(records(model, as_of=as_of), min_size=1, max_size=max_size))
    frame = frame_of(rows, model)
    faults = [(c, problem) for c in columns_of(model) for problem in _problems(c)]
    column, problem = draw(st.sampled_from(faults))
    row = draw(st.integers(0, len(frame) - 1))
    return Invalid(_FAULTS[problem](frame.copy(), column, row, as_of), column.name, problem)


def _problems(column: Column) -> list[str]:
    made = ["missing_column"] if column.required else []
    made += ["null"] if not column.nullable and column.kind != "id" else []
    made += ["outside_choices"] if column.choices else []
    made += ["after_as_of"] if column.kind == "date" and not column.known_from else []
    if column.kind in ("money", "number"):
        made += ["not_finite"]
        made += ["below_minimum"] if column.minimum is not None else []
        made += ["above_maximum"] if column.maximum is not None else []
    return made


def _drop(frame: pd.DataFrame, column: Column, row: int, as_of: dt.date) -> pd.DataFrame:
    return frame.drop(columns=column.name)


def _put(frame: pd.DataFrame, column: Column, row: int, value: Any) -> pd.DataFrame:
    values = frame[column.name].astype(object).to_list()
    values[row] = value
    return frame.assign(**{column.name: values})


def _number(frame: pd.DataFrame, column: Column, row: int, value: float) -> pd.DataFrame:
    values = frame[column.name].astype("float64").to_numpy(copy=True)
    values[row] = value
    return frame.assign(**{column.name: values})


_FAULTS: dict[str, Callable[[pd.DataFrame, Column, int, dt.date], pd.DataFrame]] = {
    "missing_column": _drop,
    "null": lambda f, c, r, _: _put(f, c, r, None),
    "outside_choices": lambda f, c, r, _: _put(f, c, r, "no such word"),
    "after_as_of": lambda f, c, r, day: f.assign(
        **{c.name: pd.to_datetime(_put(f, c, r, day + dt.timedelta(days=1))[c.name])}
    ),
    "not_finite": lambda f, c, r, _: _number(f, c, r, np.inf),
    "below_minimum": lambda f, c, r, _: _number(f, c, r, float(c.minimum or 0) - 1),
    "above_maximum": lambda f, c, r, _: _number(f, c, r, float(c.maximum or 0) + 1),
}
