"""Referrals: how many customers of the whole book each customer has referred (LCM-6)."""

from __future__ import annotations

from typing import Any

import attrs
import pandas as pd

from bankcrm.pipeline.block import Block
from bankcrm.policy import PolicySet
from bankcrm.valuation.value.measures import count_referrals


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
    """One row per customer who referred customers of the block, and how many."""
    counts = count_referrals(block.view)
    if counts is None:
        return pd.DataFrame({"customer_id": [], "referrals": []})
    return counts.rename("referrals").reset_index()


def every_referrer(raw: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """The sample of a block: all of its referrers."""
    return raw


def learn_referrals(sample: pd.DataFrame, _: PolicySet) -> Referrals:
    """How many customers of the whole book each referrer has referred."""
    counts = sample.groupby("customer_id")["referrals"].sum()
    return Referrals(tuple(counts.index.tolist()), tuple(counts.astype("int64").tolist()))


def referrals_of(block: Block, _: pd.DataFrame, known: Referrals) -> pd.DataFrame:
    """The number of referrals of every customer of a block; 0 for those who referred nobody."""
    counts = pd.Series(known.counts, index=pd.Index(known.customers), dtype="float64")
    return pd.DataFrame({"referrals": counts.reindex(block.customers).fillna(0.0)})
