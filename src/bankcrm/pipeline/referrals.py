"""Referrals: how many customers of the whole book each customer has referred (LCM-6)."""

from __future__ import annotations

from typing import Any

import attrs
import pandas as pd

from bankcrm.frames import codes
from bankcrm.pipeline.block import Block
from bankcrm.policy import PolicySet


@attrs.frozen
class Referrals:
    """Who has referred others, and how many. A customer may be referred by one in another part of
    the book, so this is learned from the whole of it.

    Attributes:
        customers: The ids of those who referred somebody.
        counts: How many each of them referred.
    """

    customers: tuple[Any, ...] = ()
    counts: tuple[int, ...] = ()


def referrers(block: Block) -> pd.DataFrame:
    """One row per customer who was referred: who referred them."""
    people = block.view["customers"].frame
    referred = people.loc[people["referred_by"].notna(), ["customer_id", "referred_by"]]
    other = referred["referred_by"].to_numpy() != referred["customer_id"].to_numpy()
    found: pd.DataFrame = referred.loc[other, ["referred_by"]]
    return found


def count_referrals(sample: pd.DataFrame, _: PolicySet) -> Referrals:
    """How many customers each referrer has referred."""
    code, ids = codes(sample["referred_by"])
    counts = pd.Series(code).value_counts().sort_index()
    return Referrals(tuple(ids.tolist()), tuple(counts.tolist()))


def referrals_of(block: Block, _: pd.DataFrame, known: Referrals) -> pd.DataFrame:
    """The number of referrals of every customer of a block; 0 for those who referred nobody."""
    counts = pd.Series(known.counts, index=pd.Index(known.customers), dtype="float64")
    return pd.DataFrame({"referrals": counts.reindex(block.customers).fillna(0.0)})
