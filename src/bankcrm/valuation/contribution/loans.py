"""Positions of loans: the average amount lent over a period, by plan or as recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from bankcrm.book.balances import average_outstanding
from bankcrm.book.view import BookView
from bankcrm.frames.numbering import words_of
from bankcrm.policy import Policy
from bankcrm.valuation.contribution.accounts import Accounts, is_loan


def loan_rows(
    view: BookView, accounts: Accounts, first: int, last: int, policy: Policy
) -> dict[str, Any]:
    """One row per loan that is out within the period."""
    loans = view.get("loans")
    if loans is None:
        return {"customer": np.empty(0, dtype=np.int32)}
    granted = loans.day("granted_date")
    amount, term = loans.numbers("amount"), loans.numbers("term_months")
    begins = np.maximum(granted, first)
    left = loans.numbers("outstanding")
    year_days = float(policy.value("year_days"))
    planned = average_outstanding(granted, term, amount, begins, last, year_days=year_days)
    at_end = average_outstanding(granted, term, amount, last, last, year_days=year_days)
    # Where the bank knows what was left at the end, the whole schedule is shifted to meet it.
    average = np.where(np.isnan(left), planned, np.maximum(planned + left - at_end, 0.0))
    out = (granted <= last) & ((average > 0) | (np.nan_to_num(left) > 0))
    columns: dict[str, Any] = {
        "customer": loans.customer(),
        "product": _loan_products(view, accounts, policy),
        "start": begins,
        "end": np.full(len(loans), last),
        "loan": np.arange(len(loans), dtype=np.int32),
        "outstanding": average,
        "tenor_months": term,
        "rate_charged": loans.numbers("rate"),
        "pd": loans.numbers("pd"),
        "lgd": loans.numbers("lgd"),
        "ead": left,
    }
    if loans.has("status"):
        columns["status"] = loans.frame["status"].to_numpy(dtype=object)
    return {name: values[out] for name, values in columns.items()}


def _loan_products(view: BookView, accounts: Accounts, policy: Policy) -> Any:
    """Product of each loan: its own, else its account's if that is a loan, else the default."""
    loans = view["loans"]
    product = np.full(len(loans), policy.value("default_loan_product"), dtype=object)
    if loans.has("account_id"):
        account = loans.account()
        # The last place serves the position -1 of a loan without account.
        of_account = np.append(accounts.product, -1)[account]
        lent = np.append(is_loan(accounts.products, policy), False)[of_account]
        names = np.array([*accounts.products, ""], dtype=object)
        product = np.where(lent, names[of_account], product)
    if loans.has("product"):
        own = words_of(loans.frame["product"], "loans.product")  # no column of the contract
        names = np.array([*map(str, own.categories), ""], dtype=object)
        product = np.where(own.codes >= 0, names[own.codes], product)
    return product
