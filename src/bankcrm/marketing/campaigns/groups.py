"""Assign customers to the groups of a campaign, by a hash of customer and campaign (CSC-8)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_kind, as_share, as_utf8, refuse
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.numbering import categorical
from bankcrm.shares import apportion

CONTROL = "control"
"""The group that the campaign leaves alone."""
_CUSTOMERS = (Column("customer_id", "id"),)
_UNITS = 10**9  # the shares of strata are apportioned by whole units


def assign_groups(
    customers: object,
    *,
    campaign: str,
    shares: Mapping[str, float],
    by: str | None = None,
) -> pd.DataFrame:
    """Assign each customer to a group of a campaign, repeatably.

    The group follows from a hash of the customer's number, read as text, and of the campaign:
    neither the order of the rows nor the other customers change it. With strata, each stratum is
    shared exactly, in the order of the hash, so its other customers count.

    Args:
        customers: One row per customer: ``customer_id`` and the column ``by``.
        campaign: The campaign's name; another campaign draws other groups.
        shares: Group -> share of the customers; one group is named ``control``. They add up to 1.
        by: A column of strata, such as the tier; None for none.

    Returns:
        One row per customer in the order given: ``customer_id`` and ``group`` (categorical); the
        shares are in ``attrs["shares"]``, which `campaign_effect` checks the groups against.

    Raises:
        DataError: A customer occurs twice, a stratum is null, the shares do not add up to 1, or
            none of them is ``control``.

    Source: CSC-8.

    >>> people = pd.DataFrame({"customer_id": range(1, 9)})
    >>> found = assign_groups(people, campaign="spring", shares={"control": 0.5, "offer": 0.5})
    >>> found["group"].tolist().count("control"), found.attrs["shares"]["offer"]
    (3, 0.5)
    """
    if not isinstance(campaign, str):
        refuse("campaign", "the name of a campaign", campaign)
    names, parts = _checked(shares)
    strata = (Column(by, "category"),) if by is not None else ()
    frame = check_frame(customers, (*_CUSTOMERS, *strata), frame="customers", key="customer_id")
    draw = draws(frame["customer_id"], campaign)
    if by is None:
        place = np.searchsorted(np.cumsum(parts)[:-1], draw / 2.0**64, side="right")
    else:
        place = _within_strata(draw, codes(frame[by])[0], parts)
    result = pd.DataFrame(
        {
            "customer_id": frame["customer_id"].array,
            "group": categorical(place.astype(np.int16), names),
        },
        index=frame.index,
    )
    result.attrs.update(campaign=campaign, shares=dict(zip(names, parts.tolist(), strict=True)))
    return result


def _checked(shares: Mapping[str, float]) -> tuple[list[str], npt.NDArray[np.float64]]:
    as_kind(shares, Mapping, "shares", "give each group and its share")
    parts = [
        as_share(share, f"shares[{name!r}]", zero=False, one=False)
        for name, share in shares.items()
    ]
    if not math.isclose(sum(parts), 1, abs_tol=1e-9):
        raise DataError(
            f"shares: expected shares that add up to 1, got {', '.join(map(str, parts))}"
        )
    if CONTROL not in shares:
        raise DataError(
            f"shares: no group is {CONTROL!r} (got {', '.join(shares)}); without one the effect "
            "of the campaign cannot be measured"
        )
    return list(shares), np.array(parts)


def draws(customers: pd.Series, campaign: str) -> npt.NDArray[np.uint64]:
    """A number of 64 bits per customer: SipHash of the id as text, keyed by the campaign's name."""
    key = hashlib.blake2b(as_utf8(campaign, "campaign"), digest_size=8).hexdigest()  # 16 characters
    ids = customers.astype(object).map(str).to_numpy(dtype=object)
    found: npt.NDArray[np.uint64] = pd.util.hash_array(ids, hash_key=key, categorize=False)
    return found


def _within_strata(
    draw: npt.NDArray[np.uint64], stratum: npt.NDArray[np.intp], parts: npt.NDArray[np.float64]
) -> npt.NDArray[np.intp]:
    """The group of each row where each stratum is shared exactly, in the order of the draws."""
    order = np.lexsort((draw, stratum))
    sizes = np.bincount(stratum)
    weights = np.rint(parts * _UNITS).astype(np.int64)
    place = np.empty(len(draw), np.intp)
    counts = [apportion(int(n), weights) for n in sizes.tolist()]  # one step per stratum
    groups = [np.repeat(np.arange(len(parts)), c) for c in counts]
    place[order] = np.concatenate(groups) if groups else np.empty(0, np.intp)
    return place
