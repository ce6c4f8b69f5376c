"""What the customers of the synthetic bank hold: accounts, month-end balances, loans."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.datasets._categories import coded, constant
from bankcrm.datasets.synthetic.draws import Draws, Ints, lognormal
from bankcrm.datasets.synthetic.people import (
    CLOSED,
    DORMANT,
    FADING,
    FIRST_ID,
    GROWING,
    RETURNING,
    People,
    to_dates,
)

FIRST_ACCOUNT = 500_001
PRODUCTS = (
    "demand",
    "term",
    "wealth",
    "fund",
    "insurance",
    "credit_card",
    "mortgage",
    "consumer_loan",
    "business_loan",
)
FUND, MORTGAGE, CONSUMER = 3, 6, 7
_ASSETS = 5  # the first five hold the customer's money
_SHARES = np.array([3, 4, 5, 2, 1])
_RATES = (0.0035, 0.0195, 0.028, np.nan, np.nan, np.nan, 0.0395, 0.062, 0.0485)

# Chance in a thousand to hold each product, by wealth: below 20,000, 200,000, 1,000,000, above.
_STEPS_OF_WEALTH = np.array([20_000, 200_000, 1_000_000])
_PERSON = np.array(
    [
        [1000, 60, 20, 30, 30, 180, 40, 110, 0],
        [1000, 300, 150, 120, 80, 340, 130, 90, 0],
        [1000, 520, 480, 320, 180, 460, 190, 40, 0],
        [1000, 560, 780, 520, 320, 520, 150, 10, 0],
    ]
)
_COMPANY = np.array(
    [
        [1000, 20, 10, 0, 20, 30, 0, 0, 140],
        [1000, 120, 60, 10, 60, 60, 0, 0, 260],
        [1000, 260, 190, 40, 90, 80, 0, 0, 380],
        [1000, 380, 330, 90, 120, 80, 0, 0, 440],
    ]
)
_STATUS = ("running", "finished", "unpaid", "in_debt")


@attrs.frozen(eq=False)
class Holdings:
    """Accounts as arrays and frames."""

    owner: npt.NDArray[np.int32]  # place of the customer
    product: npt.NDArray[np.int8]
    demand_account: npt.NDArray[np.int32]  # by place of the customer; -1 without a contract
    payment: Ints  # monthly payment on loans in cents, by place of the customer
    accounts: pd.DataFrame
    loans: pd.DataFrame


class Months(NamedTuple):
    """The months of a window, as day numbers: first and last day of each."""

    first: Ints
    last: Ints


def months_to(last: int, count: int) -> Months:
    """The ``count`` calendar months up to and with the month of the day ``last``."""
    month = np.datetime64(last, "D").astype("datetime64[M]").astype(np.int64)
    numbers = np.arange(month - count + 1, month + 2).astype("datetime64[M]")
    firsts = numbers.astype("datetime64[D]").astype(np.int64)
    return Months(firsts[:-1], firsts[1:] - 1)


def make_holdings(people: People, seed: int) -> Holdings:
    """Draw the accounts and the loans."""
    draw = Draws(seed, 2)
    count = len(people.company)
    step = np.searchsorted(_STEPS_OF_WEALTH, people.wealth, side="right")
    chance = np.where(people.company[:, None], _COMPANY[step], _PERSON[step])
    owners, products = [], []
    for product in range(len(PRODUCTS)):
        holds = people.signed & draw.chance(chance[:, product], count)
        owners.append(np.flatnonzero(holds).astype(np.int32))
        products.append(np.full(len(owners[-1]), product, dtype=np.int8))
    owner, product_of = np.concatenate(owners), np.concatenate(products)
    number = np.arange(FIRST_ACCOUNT, FIRST_ACCOUNT + len(owner), dtype=np.int32)
    demand = np.full(count, -1, dtype=np.int32)
    demand[owners[0]] = number[: len(owners[0])]
    start, end = people.start[owner], people.end[owner]
    until = np.minimum(end, people.last)
    later = draw.below(until - start, len(owner))
    opened = np.where(product_of == 0, start, start + later)
    accounts = pd.DataFrame(
        {
            "account_id": number,
            "customer_id": owner + np.int32(FIRST_ID),
            "product": coded(product_of, PRODUCTS),
            "opened_date": to_dates(opened),
            "closed_date": to_dates(end),
            "currency": constant("CNY", len(owner)),
            "rate": np.array(_RATES)[product_of],
        }
    )
    loans, payment = _loans(draw, people, owner, product_of, number, opened)
    return Holdings(owner, product_of, demand, payment, accounts, loans)


def _loans(
    draw: Draws,
    people: People,
    owner: npt.NDArray[np.int32],
    product: npt.NDArray[np.int8],
    number: npt.NDArray[np.int32],
    opened: Ints,
) -> tuple[pd.DataFrame, Ints]:
    """Loans with straight repayment: the same principal every month."""
    place = np.flatnonzero(product >= MORTGAGE)
    kind, who = product[place], owner[place]
    size = len(place)
    principal = np.select(
        [kind == MORTGAGE, kind == CONSUMER],
        [draw.quantile(lognormal(650_000, 0.6), size), draw.quantile(lognormal(42_000, 0.7), size)],
        draw.quantile(lognormal(420_000, 0.8), size),
    )
    principal = principal // 1000 * 1000
    years = np.select(
        [kind == MORTGAGE, kind == CONSUMER],
        [10 + draw.below(21, size), 1 + draw.below(5, size)],
        1 + draw.below(7, size),
    )
    term = years * 12
    payment = principal * 100 // term  # cents
    elapsed = (people.last - opened[place]) // 30
    over = elapsed >= term
    troubled = draw.chance(18, size)
    status = np.where(over, np.where(troubled, 2, 1), np.where(troubled, 3, 0))
    status = np.where(people.behaviour[who] == CLOSED, 1, status)
    arrears = np.where(status == 3, 2 + draw.below(6, size), 0)
    left = np.minimum(term - elapsed + arrears, term)
    left = np.where(status == 2, np.minimum(1 + draw.below(6, size), term), left)
    left = np.where(status == 1, 0, left)
    grade = draw.pick((30, 30, 20, 12, 8), size)
    pd_by_grade = np.array([0.001, 0.003, 0.008, 0.02, 0.05])
    default = np.select([status == 3, status == 2], [0.25, 1.0], pd_by_grade[grade])
    # Mortgages: the least that Basel II allows (paragraph 266); the others: default.
    loss = np.select([kind == MORTGAGE, kind == CONSUMER], [0.1, 0.6], 0.4)
    frame = pd.DataFrame(
        {
            "loan_id": number[place],
            "customer_id": who + np.int32(FIRST_ID),
            "account_id": number[place],
            "granted_date": to_dates(opened[place]),
            "amount": principal.astype(np.float64),
            "term_months": term,
            "payment": payment / 100,
            "rate": np.array(_RATES)[kind],
            "outstanding": payment * left / 100,
            "status": coded(status.astype(np.int8), _STATUS),
            "pd": default,
            "lgd": loss,
            "product": coded(kind, PRODUCTS),
        }
    )
    # One paying loan per customer: of two, the later in the list.
    monthly = np.zeros(len(people.company), dtype=np.int64)
    paying = status == 0
    monthly[who[paying]] = payment[paying]
    return frame, monthly


def make_balances(people: People, holdings: Holdings, seed: int, months: int) -> pd.DataFrame:
    """Month-end balances of the accounts that hold the customers' money."""
    draw = Draws(seed, 3)
    window = months_to(people.last, months)
    ends = window.last[window.last <= people.last]
    held = np.flatnonzero(holdings.product < _ASSETS)
    who, product = holdings.owner[held], holdings.product[held]
    weight = _SHARES[product]
    together = np.zeros(len(people.company), dtype=np.int64)
    np.add.at(together, who, weight)
    base = people.wealth[who] * 100 // together[who] * weight
    opened = holdings.accounts["opened_date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    opened_held = opened[held]
    nothing = np.empty(0, dtype=np.int64)
    parts = [(nothing.astype(np.int32), nothing, nothing)]
    for end in ends.tolist():
        live = (opened_held <= end) & (end < people.end[who])
        place = np.flatnonzero(live)
        level = _level(people, who[place], end)
        cents = draw.about(base[place] * level // 1000, 12)
        parts.append((held[place].astype(np.int32), np.full(len(place), end), cents))
    account = np.concatenate([p[0] for p in parts])
    day = np.concatenate([p[1] for p in parts])
    return pd.DataFrame(
        {
            "account_id": account + np.int32(FIRST_ACCOUNT),
            "customer_id": holdings.owner[account] + np.int32(FIRST_ID),
            "date": to_dates(day),
            "balance": np.concatenate([p[2] for p in parts]) / 100,
            "product": coded(holdings.product[account], PRODUCTS),
        }
    )


def _level(people: People, who: npt.NDArray[np.int32], day: int) -> Ints:
    """A customer's money on a day, in thousandths of the full amount."""
    behaviour, turn = people.behaviour[who], people.turn[who]
    back = (people.last - day) // 30  # months ago
    after = day >= turn
    return np.select(
        [
            behaviour == GROWING,
            behaviour == FADING,
            behaviour == DORMANT,
            behaviour == RETURNING,
        ],
        [
            np.full(len(who), max(1000 - 28 * back, 250)),
            np.full(len(who), min(300 + 45 * back, 1000)),
            np.where(after, 180, 900),
            np.where(after, 850, np.where(day >= turn - 240, 300, 1000)),
        ],
        np.full(len(who), 1000),
    )
