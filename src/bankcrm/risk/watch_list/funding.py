"""How far the bank's funding rests on few customers and few months (PB-7)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bankcrm.arguments import as_whole_number
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import Numbers, codes
from bankcrm.risk.exposure.subjects import subjects_of
from bankcrm.risk.groups.groups import Groups, refuse_no_groups
from bankcrm.shares import herfindahl

_COLUMNS = (
    Column("customer_id", "id"),
    Column("balance", "money", minimum=0),
    Column("matures", "date", False, True),
)


def funding_concentration(
    deposits: object, *, groups: Groups | None = None, top: int = 10
) -> pd.DataFrame:
    """The concentration of deposits by customer, and by group of connected customers.

    Args:
        deposits: One row per deposit: ``customer_id`` and ``balance`` (not negative); where known
            ``matures``, the day on which it falls due (missing: at any time).
        groups: From `find_groups`; None: by customer alone.
        top: How many of the largest depositors are added up.

    Returns:
        One row by ``customer``, and one by ``group`` where groups are given: ``holders``,
        ``total`` in money, ``top_share`` (the part of the ``top`` largest), ``hhi`` (sum of the
        squared shares), ``largest`` (the customer or group, as text) and its ``largest_share``;
        ``month``, the month in which most falls due, and ``month_share`` (null without terms).
        Shares are null where the total is 0.

    Raises:
        DataError: The frame does not fit, or ``top`` is not above 0.

    Source: PB-7.

    >>> deposits = pd.DataFrame({"customer_id": [1, 2, 3, 4], "balance": [30.0, 30, 20, 20]})
    >>> round(float(funding_concentration(deposits, top=2)["hhi"].iloc[0]), 6)
    0.26
    """
    refuse_no_groups(groups)
    top = as_whole_number(top, "top", 1, math.inf)
    frame = check_frame(deposits, _COLUMNS, frame="deposits")
    month, month_share = _largest_month(frame)
    rows = {}
    for name, by in (("customer", None), ("group", groups)):
        if name == "group" and groups is None:
            continue
        sums, largest = _sums(frame, by)
        total = float(sums.sum())
        known = total > 0
        rows[name] = {
            "holders": len(sums),
            "total": total,
            "top_share": float(sums[:top].sum()) / total if known else np.nan,
            "hhi": herfindahl(sums) if known else np.nan,
            "largest": largest if known else None,
            "largest_share": float(sums[0]) / total if known else np.nan,
            "month": month,
            "month_share": month_share,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("by")


def _sums(frame: pd.DataFrame, groups: Groups | None) -> tuple[Numbers, str]:
    """The deposits of each subject, largest first, and the name of the first one."""
    code, ids = codes(frame["customer_id"])
    if groups is not None:  # the members of a group have its number, above those of customers
        of_group, _ = pd.factorize(groups.members["group"].astype(object).reindex(ids))
        code = np.where(of_group < 0, np.arange(len(ids)), len(ids) + of_group)[code]
    sums = frame["balance"].groupby(code).sum()
    sums = sums.sort_values(ascending=False, kind="stable")
    if not len(sums):
        return sums.to_numpy(np.float64), ""
    first = sums.index[sums.to_numpy() == sums.iloc[0]]
    rows = np.flatnonzero(np.isin(code, first))
    names = subjects_of(frame["customer_id"].iloc[rows], groups)
    return sums.to_numpy(np.float64), min(names)


def _largest_month(frame: pd.DataFrame) -> tuple[str | None, float]:
    """The month in which most falls due, and its part of all deposits."""
    if "matures" not in frame or not frame["matures"].notna().any() or not frame["balance"].sum():
        return None, np.nan
    by = frame["balance"].groupby(frame["matures"].dt.strftime("%Y-%m")).sum()
    return str(by.idxmax()), float(by.max() / frame["balance"].sum())
