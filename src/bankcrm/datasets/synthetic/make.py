"""The synthetic bank: one call, one seed, one book."""

from __future__ import annotations

import datetime as dt

import numpy as np

from bankcrm.book import Book
from bankcrm.datasets.synthetic.consents import deceased, make_consents
from bankcrm.datasets.synthetic.credits import make_capital, make_credits
from bankcrm.datasets.synthetic.holdings import make_balances, make_holdings
from bankcrm.datasets.synthetic.interactions import make_complaints, make_contacts, make_links
from bankcrm.datasets.synthetic.people import make_people
from bankcrm.datasets.synthetic.transactions import make_transactions
from bankcrm.errors import DataError
from bankcrm.frames.arrays import as_of_day

_AS_OF = dt.date(2026, 6, 30)


def make_book(
    customers: int,
    *,
    seed: int,
    as_of: object = _AS_OF,
    months: int = 24,
    balance_months: int = 13,
) -> Book:
    """A synthetic bank's book: the same seed gives the same book on every platform.

    Persons and companies, prospects and leads without a contract, several products, salaries and
    standing orders, growth, fading, dormancy, return and closure, a heavy-tailed wealth, loans in
    debt, credit of the 15 kinds, company groups and families, contacts and consents, complaints in
    English and Chinese. No person in it exists. Transactions and balances are drawn side by side:
    they do not add up. The page *Data sets* compares its figures with Berka and published ones.

    Args:
        customers: How many customers, with those who have no contract yet.
        seed: Any whole number from 0 on.
        as_of: The day whose state the book shows.
        months: Calendar months with transactions, the month of ``as_of`` included.
        balance_months: Calendar months with month-end balances.

    Raises:
        DataError: A number is out of range.

    Source: CBM-5 (concentration), FCA 2023 H2 and CFPB 2018 (late answers), Global Findex 2021
        (customers who do not move); every other distribution is `default`.

    >>> book = make_book(50, seed=7)
    >>> len(book.customers), str(book.as_of)
    (50, '2026-06-30')
    """
    for name, value, low, high in (
        ("customers", customers, 1, 100_000_000),
        ("seed", seed, 0, 2**63 - 1),
        ("months", months, 1, 600),
        ("balance_months", balance_months, 1, 600),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise DataError(f"{name}: {value!r} is not a whole number from {low} to {high}")
    day = as_of_day(as_of)
    people = make_people(customers, seed, int(day.astype(np.int64)))
    holdings = make_holdings(people, seed)
    granted = make_credits(people, holdings, seed)
    return Book(
        customers=people.frame.assign(deceased=deceased(people, seed)),
        transactions=make_transactions(people, holdings, seed, months),
        accounts=holdings.accounts,
        balances=make_balances(people, holdings, seed, balance_months),
        loans=holdings.loans,
        contacts=make_contacts(people, seed),
        complaints=make_complaints(people, seed),
        links=make_links(people, seed),
        credits=granted,
        capital=make_capital(granted, people.last),
        consents=make_consents(people, seed),
        as_of=day,
        name="synthetic",
        currency="CNY",
        seed=seed,
    )
