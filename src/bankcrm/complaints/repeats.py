"""Repeat complaints: the same customer on the same matter within a set time."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd

from bankcrm.complaints.base import complaints_policy
from bankcrm.complaints.clocks.time_units import Instants
from bankcrm.errors import DataError
from bankcrm.frames import as_frame, column_of
from bankcrm.frames.arrays import codes, found_in
from bankcrm.frames.conversion import with_levels
from bankcrm.frames.instants import utc_microseconds
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy

CLOCKS = ("starts", "joins", "restarts")


def link_repeats(complaints: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """Link each repeat to the first complaint of its chain, and give the effect on its clock.

    A repeat received while the previous complaint is open is merged into its case. With the same
    text it *joins* the running clock; with a new text it *restarts* the clock (new facts). A
    repeat received after the previous one was closed *starts* its own clock.

    Args:
        complaints: Checked complaints; without ``customer_id`` or a column of the policy's
            ``matter_fields`` nothing can be linked.
        policy: Gives ``repeat_within_days`` and ``matter_fields``.

    Returns:
        The same rows and ``repeat_of``, ``merged_into`` (ids, missing where there is none) and
        ``clock`` (``starts``, ``joins``, ``restarts``); ``repeat`` becomes true for repeats.

    Source: CSC-3; LCM-8.
    """
    policy = complaints_policy(policy)
    complaints = with_levels(as_frame(complaints), ["customer_id"])
    rows = len(complaints)
    numbers = column_of(complaints, "complaint_id", "complaints")
    first = np.arange(rows)
    target = np.arange(rows)  # the case whose clock applies to each complaint
    clock = np.zeros(rows, dtype=np.int8)
    if "customer_id" in complaints and rows:
        order, start, linked = _chains(complaints, policy)
        first[order] = order[start]
        before = np.empty(rows, dtype=np.intp)
        before[order] = np.concatenate(([0], order[:-1]))
        repeat = np.zeros(rows, dtype=np.bool_)
        repeat[order] = linked
        target = _open_cases(complaints, order, start)
        clock[target != np.arange(rows)] = 1
        clock[(clock == 1) & _new_words(complaints, before)] = 2
        stated = complaints.get("repeat", pd.Series(False, index=complaints.index))
        complaints = complaints.assign(
            repeat=stated.to_numpy(dtype=np.bool_, na_value=False) | repeat
        )
    ids = [_ids(numbers, place, complaints.index) for place in (first, target)]
    return complaints.assign(
        repeat_of=ids[0].where(first != np.arange(rows)),
        merged_into=ids[1].where(clock > 0),
        clock=categorical(clock, CLOCKS),
    )


def _ids(numbers: pd.Series, place: np.ndarray, index: pd.Index) -> pd.Series:
    root = numbers.iloc[place].set_axis(index)
    # a missing value must not turn integers into floats
    if root.dtype.kind not in "iu":
        return root
    return root.astype("UInt64" if root.dtype.kind == "u" else "Int64")


def _chains(complaints: pd.DataFrame, policy: Policy) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows by customer, matter and time; the place of each chain's start; which are linked.

    A missing field of the matter never equals another value, not even another missing one. A
    field without a column is missing in every row.
    """
    fields = ["customer_id", *policy.value("matter_fields")]
    keys = [codes(complaints[name])[0] for name in fields if name in complaints]
    received = utc_microseconds(column_of(complaints, "received_at", "complaints"))
    order = np.lexsort((received, *keys))
    window = np.timedelta64(int(policy.value("repeat_within_days")), "D")
    linked = np.concatenate(([False], np.diff(received[order]) <= window))
    for key in (k[order] for k in keys):
        linked &= (key >= 0) & (key == np.roll(key, 1))
    linked &= set(fields) <= {*complaints}
    start = np.maximum.accumulate(np.where(linked, 0, np.arange(len(complaints))))
    return order, start, linked


def _open_cases(complaints: pd.DataFrame, order: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The case whose clock applies to each complaint: the open one of its chain, else its own.

    All chains are processed in parallel, one complaint of each at a time. A complaint received
    after the open case was closed opens a new case, and later ones are merged into that case.
    """
    rows = len(complaints)
    closed: Instants = np.full(rows, np.datetime64("NaT", "us"))
    if "closed_at" in complaints:
        closed = utc_microseconds(complaints["closed_at"])
    received = utc_microseconds(complaints["received_at"])
    target = np.arange(rows)
    head = order.copy()  # by the place of a chain's start: the case that is open now
    rank = np.arange(rows) - start
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank)) if rows else np.array([], dtype=np.intp)
    for begin, end in itertools.pairwise(ends.tolist()):
        place = by_rank[begin:end]
        row, case = order[place], head[start[place]]
        still_open = ~(closed[case] <= received[row])
        target[row[still_open]] = case[still_open]
        # closing a complaint that was merged into a case closes the case
        closed[case[still_open]] = np.fmin(closed[case], closed[row])[still_open]
        head[start[place][~still_open]] = row[~still_open]
    return target


def _new_words(complaints: pd.DataFrame, before: np.ndarray) -> np.ndarray:
    """Whether the text of each complaint differs from that of the previous one."""
    if "text" not in complaints:
        return np.zeros(len(complaints), dtype=np.bool_)
    try:
        text = complaints["text"].astype("string").str.strip()
    except UnicodeError:
        found = found_in(complaints["text"], "text")
        raise DataError(f"complaints.text: {found}; decode them") from None
    earlier = text.iloc[before].set_axis(complaints.index)
    return (text.notna() & (text != earlier).fillna(True)).to_numpy(dtype=np.bool_)
