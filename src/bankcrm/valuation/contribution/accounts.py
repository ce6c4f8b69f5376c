"""The accounts and customers that a book's frames name, each once and numbered."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm.book.balances import Days
from bankcrm.errors import DataError
from bankcrm.frames import Column, codes, days
from bankcrm.policy import Policy
from bankcrm.valuation.arrays import Floats, Integers

NO_DAY = np.datetime64("NaT", "D")
_ACCOUNT_FACTS = ("customer_id", "product", "opened_date", "closed_date", "rate")

ACCOUNTS = (
    Column("account_id", "id"),
    Column("customer_id", "id"),
    Column("product", "category"),
    Column("opened_date", "date", required=False, nullable=True),
    Column("closed_date", "date", required=False, nullable=True),
    Column("rate", "number", required=False, nullable=True, unit="rate per year"),
)
BALANCES = (
    Column("account_id", "id"),
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("balance", "money"),
    Column("product", "category", required=False, nullable=True),
)
TRANSACTIONS = (
    Column("customer_id", "id"),
    Column("account_id", "id", required=False, nullable=True),
    Column("date", "date"),
    Column("amount", "money"),
    Column("kind", "category", required=False),
    Column("channel", "category", required=False, nullable=True),
    Column("product", "category", required=False, nullable=True),
    Column("balance", "money", required=False, nullable=True),
)
CONTACTS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("channel", "category"),
)
LOANS = (
    Column("loan_id", "id"),
    Column("customer_id", "id"),
    Column("account_id", "id", required=False, nullable=True),
    Column("granted_date", "date"),
    Column("amount", "money", minimum=0),
    Column("term_months", "number", minimum=0),
    Column("status", "category", required=False, nullable=True),
    Column("rate", "number", required=False, nullable=True, unit="rate per year"),
    Column("outstanding", "money", required=False, nullable=True, minimum=0),
    Column("product", "category", required=False, nullable=True),
    Column("pd", "number", required=False, nullable=True, minimum=0, maximum=1),
    Column("lgd", "number", required=False, nullable=True, minimum=0, maximum=1),
)


@attrs.frozen
class Accounts:
    """The accounts that any frame names, numbered; and the customers, numbered."""

    ids: pd.Index
    owners: pd.Index
    owner: Integers
    product: NDArray[np.object_]
    opened: Days
    closed: Days
    rate: Floats


def accounts_of(frames: Mapping[str, pd.DataFrame], policy: Policy) -> Accounts:
    """Every account once: as its own frame says, else as balances or transactions name it."""
    pieces = []
    known = pd.Index([])
    for name in ("accounts", "balances", "transactions"):
        if name not in frames or "account_id" not in frames[name]:
            continue
        frame = frames[name]
        code, ids = codes(frame["account_id"])
        if name == "accounts" and len(ids) < len(frame):
            raise DataError(
                f"accounts.account_id: {len(frame) - len(ids)} of {len(frame)} rows repeat an "
                "account; expected one row each"
            )
        row = np.zeros(len(ids), dtype=np.intp)
        named = np.flatnonzero(code >= 0)[::-1]
        row[code[named]] = named  # the first row of each account
        fresh = ~ids.isin(known)
        columns = [c for c in _ACCOUNT_FACTS if c in frame]
        piece = frame[columns].iloc[row[fresh]]
        if fresh.any():
            pieces.append(piece.set_axis(ids[fresh], axis=0))
        known = known.append(ids[fresh]) if len(known) else ids
    table = pd.concat(pieces) if pieces else pd.DataFrame({"customer_id": []})
    owners = _owners(frames)
    size = len(table)
    product = table["product"].astype(object) if "product" in table else pd.Series([None] * size)
    product = product.where(product.notna(), policy.value("default_product"))

    def day(column: str) -> Days:
        return days(table[column]) if column in table else np.full(size, NO_DAY)

    return Accounts(
        ids=pd.Index(table.index),
        owners=owners,
        owner=placed(table["customer_id"], owners),
        product=product.to_numpy(dtype=object),
        opened=day("opened_date"),
        closed=day("closed_date"),
        rate=table["rate"].to_numpy(np.float64) if "rate" in table else np.full(size, np.nan),
    )


def _owners(frames: Mapping[str, pd.DataFrame]) -> pd.Index:
    owners = pd.Index([])
    for frame in frames.values():
        ids = codes(frame["customer_id"])[1]
        owners = ids if not len(owners) else owners.append(ids[~ids.isin(owners)])
    return owners


def placed(ids: pd.Series, index: pd.Index) -> Integers:
    """The place of each id in the index; -1 for a null."""
    code, distinct = codes(ids)
    return np.append(index.get_indexer(distinct), -1)[code].astype(np.intp)
