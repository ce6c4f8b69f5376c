"""Repeat complaints: the same customer on the same matter within a set time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.complaints.base import complaints_policy
from bankcrm.frames import categorical, codes
from bankcrm.policy import Policy

CLOCKS = ("starts", "joins", "restarts")


def link_repeats(complaints: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """Link each repeat to the first complaint of its chain, and say what its clock does.

    A repeat that comes while the one before it is open is merged into the chain: with the same
    words it *joins* the running clock, with new ones it *restarts* it (new facts). After the one
    before was closed it *starts* a clock of its own.

    Args:
        complaints: Checked complaints; without ``customer_id`` nothing can be linked.
        policy: ``repeat_within_days`` and ``matter_fields``.

    Returns:
        The same rows and ``repeat_of``, ``merged_into`` (ids, missing where there is none) and
        ``clock`` (``starts``, ``joins``, ``restarts``); ``repeat`` becomes true for repeats.

    Source: CSC-3; LCM-8.
    """
    policy = complaints_policy(policy)
    rows = len(complaints)
    numbers = complaints["complaint_id"]
    first = np.arange(rows)
    clock = np.zeros(rows, dtype=np.int8)
    if "customer_id" in complaints and rows:
        order, start, linked = _chains(complaints, policy)
        first[order] = order[start]
        before = np.empty(rows, dtype=np.intp)
        before[order] = np.concatenate(([0], order[:-1]))
        repeat = np.zeros(rows, dtype=np.bool_)
        repeat[order] = linked
        clock[repeat & _still_open(complaints, before)] = 1
        clock[(clock == 1) & _new_words(complaints, before)] = 2
        told = complaints.get("repeat", pd.Series(False, index=complaints.index))
        complaints = complaints.assign(
            repeat=told.to_numpy(dtype=np.bool_, na_value=False) | repeat
        )
    is_repeat = first != np.arange(rows)
    root = numbers.iloc[first].set_axis(complaints.index)
    if root.dtype.kind in "iu":
        root = root.astype("Int64")  # so that a gap does not turn numbers into floats
    return complaints.assign(
        repeat_of=root.where(is_repeat),
        merged_into=root.where(clock > 0),
        clock=categorical(clock, CLOCKS),
    )


def _chains(complaints: pd.DataFrame, policy: Policy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows by customer, matter and time; the place of each chain's start; who is linked."""
    customer, _ = codes(complaints["customer_id"])
    matter = np.zeros(len(complaints), dtype=np.intp)
    for name in policy.value("matter_fields"):
        if name in complaints:
            code, words = codes(complaints[name])
            matter = matter * (len(words) + 1) + code + 1
    received = complaints["received_at"].to_numpy(dtype="datetime64[us]")
    order = np.lexsort((np.arange(len(complaints)), received, matter, customer))
    window = np.timedelta64(int(policy.value("repeat_within_days")), "D")
    near = np.diff(received[order]) <= window
    same = (np.diff(customer[order]) == 0) & (np.diff(matter[order]) == 0)
    linked = np.concatenate(([False], near & same & (customer[order][1:] >= 0)))
    start = np.maximum.accumulate(np.where(linked, 0, np.arange(len(complaints))))
    return order, start, linked


def _still_open(complaints: pd.DataFrame, before: np.ndarray) -> np.ndarray:
    """Whether the complaint before was open when this one came."""
    if "closed_at" not in complaints:
        return np.ones(len(complaints), dtype=np.bool_)
    closed = complaints["closed_at"].iloc[before].set_axis(complaints.index)
    return (closed.isna() | (closed > complaints["received_at"])).to_numpy()


def _new_words(complaints: pd.DataFrame, before: np.ndarray) -> np.ndarray:
    """Whether this complaint says something that the one before did not."""
    if "text" not in complaints:
        return np.zeros(len(complaints), dtype=np.bool_)
    text = complaints["text"].astype("string").str.strip()
    earlier = text.iloc[before].set_axis(complaints.index)
    return (text.notna() & (text != earlier).fillna(True)).to_numpy(dtype=np.bool_)
