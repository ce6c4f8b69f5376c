"""Concentration by group, and its parts within groups and between groups."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.arguments import refuse
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.valuation.arrays import Floats, Integers, finite_values, in_range, summed
from bankcrm.valuation.concentration.lorenz import Concentration, concentration


@attrs.frozen
class GroupedConcentration:
    """Concentration of each group and the split of the whole.

    Attributes:
        groups: Frame by group: ``customers``, ``total``, ``share`` (of the total), ``mean``,
            ``gini``, ``top_fifth`` (share of the best fifth); null where a group has no total
            above 0.
        gini: Of the whole; ``gini_within + gini_between + gini_overlap``.
        gini_within: Groups' own Gini, each weighted by its shares of customers and of value.
        gini_between: Gini if every customer had the mean of the group.
        gini_overlap: The rest, because the ranges of groups overlap.
        theil: Of the whole; ``theil_within + theil_between`` exactly; None with losses.
        theil_within: Groups' own Theil, weighted by their share of the value.
        theil_between: Theil if every customer had the mean of the group.
    """

    groups: pd.DataFrame = attrs.field(repr=False, eq=False)
    gini: float
    gini_within: float
    gini_between: float
    gini_overlap: float
    theil: float | None
    theil_within: float | None
    theil_between: float | None

    def _repr_html_(self) -> str:
        names = ("gini", "gini_within", "gini_between", "gini_overlap", "theil")
        figures = figures_of(self, *names)
        return card("Concentration by group", figures, self.groups.round(4))


def concentration_by(data: object, value: str, by: str) -> GroupedConcentration:
    """Concentration of each group, and its split within and between groups.

    Args:
        data: Frame with one row per customer.
        value: Column of values.
        by: Column of groups, without nulls.

    Raises:
        DataError: A column missing, values missing, a row without group, a total not above 0.

    Source: CBM-5; Bourguignon (1979) for Theil, Lambert and Aronson (1993) for Gini.

    >>> book = pd.DataFrame({"profit": [1.0, 3, 2, 6], "branch": ["a", "a", "b", "b"]})
    >>> split = concentration_by(book, "profit", "branch")
    >>> abs(split.gini - split.gini_within - split.gini_between - split.gini_overlap) < 1e-12
    True
    """
    frame = as_frame(data)
    for name, column in (("value", value), ("by", by)):
        if not isinstance(column, str):
            refuse(name, "the name of a column", column)
    require_columns(frame, (value, by), "data")
    x, power = in_range(finite_values(frame[value], value))
    group, index = codes(frame[by])
    advice = "fill in the group or leave these rows out"
    fault_in_rows("data", by, "null", frame.index[group < 0], "a group", advice).refuse()
    whole = concentration(x)
    parts = _parts(x, group, len(index))
    count = np.array([len(p.values) for p in parts], dtype=np.float64)
    total = summed(group, x, len(index))
    gini = whole.gini
    own = np.array([_gini_or_nan(p) for p in parts])
    means = total / count
    # A group's mean difference, so that a group with no total of its own has its part as well.
    within = sum(_rank_difference(p) for p in parts) / (len(x) * whole.total)
    between = concentration(means, weights=count).gini
    theil = theil_within = theil_between = None
    if x.min() >= 0:
        theil = whole.theil
        share = total / whole.total
        inner = [p.theil if p.total > 0 else 0.0 for p in parts]
        theil_within = float(share @ np.array(inner))
        theil_between = concentration(means, weights=count).theil
    groups = pd.DataFrame(
        {
            "customers": count.astype(np.int64),
            "total": np.ldexp(total, power),
            "share": total / whole.total,
            "mean": np.ldexp(means, power),
            "gini": own,
            "top_fifth": [_top_or_nan(p) for p in parts],
        },
        index=index.rename(by),
    )
    return GroupedConcentration(
        groups=groups,
        gini=gini,
        gini_within=within,
        gini_between=between,
        gini_overlap=gini - within - between,
        theil=theil,
        theil_within=theil_within,
        theil_between=theil_between,
    )


def _parts(x: Floats, group: Integers, groups: int) -> list[Concentration]:
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=groups))[:-1]
    return [concentration(part) for part in np.split(x[order], ends)]


def _rank_difference(part: Concentration) -> float:
    """Gini times customers times total: half the sum of all absolute differences."""
    return part.rank_total - part.holders * part.total


def _gini_or_nan(part: Concentration) -> float:
    return part.gini if part.has_total else float("nan")


def _top_or_nan(part: Concentration) -> float:
    return part.share_of_top(0.2) if part.has_total else float("nan")
