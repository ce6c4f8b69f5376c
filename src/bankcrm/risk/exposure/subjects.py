"""Whose credit counts together: each group of connected customers, and each customer alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.frames import Column, check_frame
from bankcrm.frames.numbering import categorical
from bankcrm.risk.exposure.credit import MEASURES
from bankcrm.risk.groups.groups import Groups, refuse_no_groups

KINDS = ("customer", "group")
_COLUMNS = (
    Column("customer_id", "id"),
    Column("branch", "category", False, True),
    *(Column(name, "money") for name in MEASURES),
)


def checked_exposure(exposure: object) -> pd.DataFrame:
    """The exposures of credits as `credit_exposure` gives them."""
    return check_frame(exposure, _COLUMNS, frame="exposure")


def subjects_of(customers: pd.Series, groups: Groups | None) -> pd.Series:
    """The subject of each customer as text: its group, or the customer alone."""
    alone = customers.astype(str).astype(object)
    if groups is None:
        return alone
    named = groups.members["group"].astype(object).reindex(customers).to_numpy()
    return pd.Series(np.where(pd.isna(named), alone, named), index=customers.index)


def group_exposure(exposure: object, groups: Groups | None = None) -> pd.DataFrame:
    """Exposure by group, and by customer for those in no group; the total stays the same.

    Args:
        exposure: From `credit_exposure`.
        groups: From `find_groups`; None: every customer is alone.

    Returns:
        One row per subject with a credit, by ``subject`` (the group's id, or the customer's as
        text), the largest exposure first: ``kind`` (``group`` or ``customer``), ``members`` (of
        the group, with those that are no customers), ``borrowers`` (those with a credit),
        ``branches`` (that grant credit), ``exposure``, ``loans``, ``uncovered``, and ``largest``,
        the customer with the largest exposure.

    Raises:
        DataError: The exposure has other columns.

    Source: EB-4.

    >>> from bankcrm.risk import find_groups
    >>> lent = pd.DataFrame({"customer_id": [2, 3, 9], "exposure": [5.0, 7.0, 4.0],
    ...                      "loans": 0.0, "uncovered": 0.0})
    >>> links = pd.DataFrame({"parent_id": [2], "child_id": [3], "link": ["controls"]})
    >>> group_exposure(lent, find_groups(links, as_of="2026-06-30"))["exposure"].to_dict()
    {'G2': 12.0, '9': 4.0}
    """
    refuse_no_groups(groups)
    frame = checked_exposure(exposure)
    frame = frame.assign(subject=subjects_of(frame["customer_id"], groups))
    by_customer = frame.groupby(["subject", "customer_id"])["exposure"].sum()
    largest = by_customer.reset_index().sort_values(
        ["exposure", "customer_id"], ascending=[False, True], kind="stable"
    )
    first = largest.drop_duplicates("subject").set_index("subject")["customer_id"]
    by = frame.groupby("subject")
    sizes = _members(groups)
    found = by[list(MEASURES)].sum()
    branches = by["branch"].nunique() if "branch" in frame else 0
    result = found.assign(
        kind=categorical(found.index.isin(sizes.index).astype(np.int8), KINDS),
        members=sizes.reindex(found.index).fillna(1).astype("int64"),
        borrowers=by["customer_id"].nunique(),
        branches=branches,
        largest=first,
    )
    order = ["kind", "members", "borrowers", "branches", *MEASURES, "largest"]
    return result[order].sort_values("exposure", ascending=False, kind="stable")


def _members(groups: Groups | None) -> pd.Series:
    if groups is None:
        return pd.Series(dtype="int64")
    return groups.members["group"].astype(object).value_counts()
