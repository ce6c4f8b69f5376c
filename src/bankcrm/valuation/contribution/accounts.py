"""The accounts of a book as arrays: owner, product, days of opening and closing, rate."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.book.view import NEVER, BookView, DayNumbers, Mask
from bankcrm.errors import DataError
from bankcrm.frames.numbering import Positions
from bankcrm.policy import Policy
from bankcrm.valuation.arrays import Floats

OPEN_ENDED = np.int32(-NEVER)
"""The number of an unknown day of opening: the account was open on every earlier day."""


@attrs.frozen(eq=False)
class Accounts:
    """One value per account of `BookView.accounts`.

    Attributes:
        owner: Position of the customer; -1 for an account that only a loan names.
        product: Position of the product in ``products``.
        products: Names of products.
        opened: Day of opening; `OPEN_ENDED` where unknown.
        closed: Day of closing; `NEVER` where the account is open.
        rate: Rate per year; nan where unknown.
    """

    owner: Positions
    product: Positions
    products: tuple[str, ...]
    opened: DayNumbers
    closed: DayNumbers
    rate: Floats

    def __len__(self) -> int:
        return len(self.owner)

    def is_lent(self, policy: Policy) -> Mask:
        """Which accounts are of a loan product."""
        return is_loan(self.products, policy)[self.product]


def is_loan(products: tuple[str, ...], policy: Policy) -> Mask:
    """Which products are loans, by the policy's ``side``."""
    side = policy.value("side")
    return np.array([side.get(p) == "loan" for p in products], dtype=np.bool_)


def accounts_in(view: BookView, policy: Policy) -> Accounts:
    """The accounts of a book: as their own frame has them, else as the first row that names them.

    Args:
        view: A view of checked frames.
        policy: Valuation policy; ``default_product`` is the product of an account without one.
    """
    size = len(view.accounts())
    owner = np.full(size, -1, dtype=np.int32)
    product = np.zeros(size, dtype=np.int32)
    products = [str(policy.value("default_product"))]
    known = np.zeros(size, dtype=np.bool_)
    for name in ("accounts", "balances", "transactions"):
        frame = view.get(name, "account_id")
        if frame is None or known.all():
            continue
        account = frame.account()
        named = (account >= 0) & ~np.append(known, True)[account]
        rows = np.flatnonzero(named)[::-1]  # the first row of an account is written last
        owner[account[rows]] = frame.customer()[rows]
        known[account[rows]] = True
        if frame.has("product"):
            code, names = frame.words("product")
            product[account[rows]] = np.append(_places(names, products), 0)[code[rows]]
    opened, closed = np.full(size, OPEN_ENDED), np.full(size, NEVER)
    rate = np.full(size, np.nan)
    frame = view.get("accounts", "account_id")
    if frame is not None:
        account = frame.account()
        day = frame.day("opened_date")
        opened[account] = np.where(day == NEVER, OPEN_ENDED, day)
        closed[account] = frame.day("closed_date")
        rate[account] = frame.numbers("rate")
    return Accounts(owner, product, tuple(products), opened, closed, rate)


def _places(names: pd.Index, products: list[str]) -> Positions:
    """The position of each name in the products; new names are added to them."""
    products += [n for n in dict.fromkeys(map(str, names)) if n not in products]
    return np.array([products.index(str(n)) for n in names], dtype=np.int32)


def refuse_repeated(view: BookView) -> None:
    """Raise a DataError where an account has several rows in ``accounts``."""
    frame = view.get("accounts", "account_id")
    if frame is None:
        return
    code, ids = frame.words("account_id")
    if len(ids) < len(frame):
        twice = ids[np.bincount(code[code >= 0], minlength=len(ids)) > 1]
        raise DataError(
            f"accounts.account_id: {len(twice):,} accounts have several rows ({few(twice)}); "
            "expected one row per account"
        )
