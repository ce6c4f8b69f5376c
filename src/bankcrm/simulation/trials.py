"""Champion and challenger: a share of the customers, chosen by a stable hash."""

from __future__ import annotations

import hashlib
from typing import Literal

import numpy as np
import pandas as pd

from bankcrm.arguments import as_kind, as_share, as_utf8
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.column import fault_in_rows
from bankcrm.rules import DecisionTable

Arm = Literal["champion", "challenger"]
ARMS: tuple[Arm, Arm] = ("champion", "challenger")


def split(ids: object, *, share: float, trial: str) -> pd.Series:
    """Assign a share of the customers to the challenger, by a stable hash of their id.

    The same id and trial give the same arm in every process, on every platform and in every
    version. Another trial selects other customers. A larger share keeps the customers that a
    smaller one selects.

    Args:
        ids: Customer ids, integers or texts; ``7`` and ``"7"`` are the same customer.
        share: The share of the challenger, 0 to 1.
        trial: The trial's name.

    Returns:
        Series of ``champion`` and ``challenger`` (categorical), indexed by customer id.

    Raises:
        DataError: The share is not from 0 to 1, or an id is missing.

    >>> split([1, 2, 3, 4], share=0.5, trial="spring").tolist()
    ['champion', 'champion', 'champion', 'challenger']
    """
    share = as_share(share, "share")
    index = pd.Index(ids, name="customer_id")  # type: ignore[call-overload]
    seed = hashlib.blake2b(as_utf8(trial, "trial"), digest_size=8).digest()
    place, known = codes(index)
    fault_in_rows("customer_id", "", "null", np.flatnonzero(place < 0), "an id for each").refuse()
    hashes = np.frombuffer(
        b"".join(hashlib.blake2b(str(i).encode(), digest_size=8, key=seed).digest() for i in known),
        dtype=">u8",
    )
    chosen = (hashes.astype(np.float64) / 2.0**64 < share)[place]
    return pd.Series(
        pd.Categorical.from_codes(chosen.astype(np.int8), categories=pd.Index(ARMS)), index=index
    )


def challenge(
    champion: DecisionTable,
    challenger: DecisionTable,
    facts: object,
    *,
    share: float,
    trial: str,
    on_missing: Literal["raise", "undecided"] = "raise",
) -> pd.DataFrame:
    """Decide a share of the customers by a challenger, the others by the champion.

    Args:
        champion: The table in force.
        challenger: The table on trial.
        facts: One row per customer, indexed by customer id.
        share: The share of the challenger, 0 to 1.
        trial: The trial's name; see `split`.
        on_missing: As for `DecisionTable.decide_frame`.

    Returns:
        One row per customer, in the order of the facts: ``arm``, ``outcome``, ``rule`` and the
        ``fingerprint`` of the table that decided, all categorical.
    """
    for name, table in (("champion", champion), ("challenger", challenger)):
        as_kind(table, DecisionTable, name)
    frame = as_frame(facts)
    arm = split(frame.index, share=share, trial=trial)
    mine = (arm == "challenger").to_numpy()
    parts = []
    for table, rows in ((champion, ~mine), (challenger, mine)):
        decided = table.decide_frame(frame[rows], on_missing=on_missing).astype(object)
        decided["fingerprint"] = table.fingerprint
        parts.append(decided)
    made = pd.concat(parts)
    order = np.argsort(np.concatenate([np.flatnonzero(~mine), np.flatnonzero(mine)]))
    made = made.iloc[order].astype("category")
    made.insert(0, "arm", arm.array)
    return made
