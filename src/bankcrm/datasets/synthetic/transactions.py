"""What moves on the accounts of the synthetic bank."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.datasets._categories import coded
from bankcrm.datasets.synthetic.draws import Draws, Ints, Mask, counts_table, lognormal
from bankcrm.datasets.synthetic.holdings import FUND, PRODUCTS, Holdings, Months, months_to
from bankcrm.datasets.synthetic.people import (
    CLOSED,
    DORMANT,
    FADING,
    FIRST_ID,
    GROWING,
    RETURNING,
    SELDOM,
    People,
)

_CHUNK = 1 << 16  # part of the definition: another size gives another book

KINDS = (
    "salary",
    "cash_in",
    "cash_out",
    "transfer_in",
    "transfer_out",
    "card",
    "standing_order",
    "interest",
    "fee",
    "pension",
    "loan_payment",
    "household",
    "securities",
)
CHANNELS = ("branch", "atm", "online", "mobile", "phone", "api")
_KIND = {name: code for code, name in enumerate(KINDS)}
_NO_CHANNEL = -1
_BY_ITSELF = 5  # api

# Transactions on the customer's own initiative: kind, weight for persons, for companies, sign,
# channels (weights of CHANNELS), size in thousandths of the usual amount.
_OWN = (
    ("card", 52, 10, -1, (0, 0, 20, 80, 0, 0), 300),
    ("transfer_out", 16, 40, -1, (4, 0, 26, 62, 2, 6), 1400),
    ("transfer_in", 14, 36, 1, (2, 0, 30, 60, 0, 8), 1700),
    ("cash_out", 10, 5, -1, (22, 78, 0, 0, 0, 0), 900),
    ("cash_in", 5, 8, 1, (64, 36, 0, 0, 0, 0), 1600),
    ("securities", 3, 1, -1, (3, 0, 32, 65, 0, 0), 4000),
)
_SIGN = np.array([o[3] for o in _OWN])
_OWN_KIND = np.array([_KIND[o[0]] for o in _OWN], dtype=np.int8)
_SIZE = np.array([o[5] for o in _OWN])
_MEANS = (0.0, 0.08, 0.35, 0.9, 1.7, 2.8, 5.0)  # own transactions a month, by intensity


class _Rows:
    """Rows gathered column by column."""

    def __init__(self) -> None:
        self.parts: list[tuple[npt.NDArray[np.generic], ...]] = []

    def add(
        self,
        who: Ints,
        day: Ints,
        cents: Ints,
        kind: npt.NDArray[np.int8] | str,
        channel: npt.NDArray[np.int8] | int,
        fund: Mask | None = None,
    ) -> None:
        size = len(who)
        code = np.full(size, _KIND[kind], dtype=np.int8) if isinstance(kind, str) else kind
        way = np.full(size, channel, dtype=np.int8) if isinstance(channel, int) else channel
        product = np.zeros(size, dtype=np.int8)
        if fund is not None:
            product[fund] = FUND
        self.parts.append((who.astype(np.int32), day.astype(np.int32), cents, code, way, product))


class _Part(NamedTuple):
    """A part of the customers, and in which months they are there and use the bank."""

    draw: Draws
    people: People
    holdings: Holdings
    who: Ints
    alive: Mask
    moving: Mask
    window: Months
    rows: _Rows


def make_transactions(people: People, holdings: Holdings, seed: int, months: int) -> pd.DataFrame:
    """Draw the transactions of the last ``months`` calendar months, sorted by day."""
    window = months_to(people.last, months)
    rows = _Rows()
    for part, low in enumerate(range(0, len(people.company), _CHUNK)):
        who = np.arange(low, min(low + _CHUNK, len(people.company)))
        _chunk(Draws(seed, 4, part), people, holdings, who[people.signed[who]], window, rows)
    first = int(window.first[0])
    columns = [np.concatenate(c) for c in zip(*rows.parts, strict=True)] if rows.parts else []
    rows.parts.clear()
    who, day = columns[0], columns[1]
    kept = (day >= people.start[who]) & (day <= np.minimum(people.last, people.end[who]))
    # Sixteen bits are sorted by radix, in time proportional to the rows.
    order = np.flatnonzero(kept)
    order = order[np.argsort((day[order] - first).astype(np.int16), kind="stable")]
    who, day, cents, kind, channel, product = (c[order] for c in columns)
    return pd.DataFrame(
        {
            "customer_id": who + np.int32(FIRST_ID),
            "account_id": holdings.demand_account[who],
            "date": day.astype("datetime64[D]").astype("datetime64[s]"),
            "amount": cents / 100,
            "kind": coded(kind, KINDS),
            "channel": coded(channel, CHANNELS),
            "product": coded(product, PRODUCTS),
        }
    )


def _chunk(
    draw: Draws, people: People, holdings: Holdings, who: Ints, window: Months, rows: _Rows
) -> None:
    """All streams of one part of the customers."""
    alive = (window.last >= people.start[who, None]) & (
        window.first <= np.minimum(people.end[who], people.last)[:, None]
    )
    part = _Part(
        draw, people, holdings, who, alive, alive & _moving(people, who, window), window, rows
    )
    for stream in (_wages, _orders, _payments, _closings, _own):
        stream(part)


def _moving(people: People, who: Ints, window: Months) -> Mask:
    """In which months a customer uses the bank at all."""
    behaviour, turn = people.behaviour[who, None], people.turn[who, None]
    gone = (behaviour == DORMANT) & (window.first >= turn)
    away = (behaviour == RETURNING) & (window.first >= turn - 240) & (window.last < turn)
    return np.asarray(~(gone | away))


def _monthly(draw: Draws, mask: Mask, window: Months, day: Ints, jitter: int) -> tuple[Ints, Ints]:
    """The place and the day of a movement in each month of the mask, on about the same day."""
    place, month = np.nonzero(mask)
    moved = day[place] + draw.below(jitter, len(place))
    return place, np.minimum(window.first[month] + moved, window.last[month])


def _wages(p: _Part) -> None:
    """Salaries and pensions, monthly on about the same day."""
    old = p.people.age[p.who] >= 61
    paid = ~p.people.company[p.who] & p.draw.chance(np.where(old, 550, 420), len(p.who))
    payday = 4 + p.draw.below(16, len(p.who))
    for kind, mask in (("salary", paid & ~old), ("pension", paid & old)):
        place, day = _monthly(p.draw, p.moving & mask[:, None], p.window, payday, 3)
        cents = p.draw.about(p.people.income[p.who[place]] * 100 // 12, 4)
        p.rows.add(p.who[place], day, cents, kind, _BY_ITSELF)


def _orders(p: _Part) -> None:
    """Standing orders of a fixed amount, and household bills."""
    usual = _usual(p.people, p.who)
    ordered = p.draw.chance(260, len(p.who))
    amount = p.draw.about(usual * 2, 50) // 1000 * 1000 + 1000
    place, day = _monthly(
        p.draw, p.moving & ordered[:, None], p.window, p.draw.below(27, len(p.who)), 1
    )
    p.rows.add(p.who[place], day, -amount[place], "standing_order", _BY_ITSELF)
    billed = p.draw.chance(220, len(p.who)) & ~p.people.company[p.who]
    place, day = _monthly(
        p.draw, p.moving & billed[:, None], p.window, p.draw.below(25, len(p.who)), 3
    )
    bill = p.draw.quantile(lognormal(18_000, 0.5), len(place)) + 1
    p.rows.add(p.who[place], day, -bill, "household", _BY_ITSELF)


def _payments(p: _Part) -> None:
    """Loan payments, also by those who do nothing else."""
    owes = p.holdings.payment[p.who] > 0
    place, day = _monthly(
        p.draw, p.alive & owes[:, None], p.window, p.draw.below(25, len(p.who)), 1
    )
    p.rows.add(p.who[place], day, -p.holdings.payment[p.who[place]], "loan_payment", _BY_ITSELF)


def _closings(p: _Part) -> None:
    """Interest at the end of each quarter, and fees twice a year."""
    month = p.window.first.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    place, column = np.nonzero(p.alive & (month % 3 == 2))
    cents = p.draw.about(p.people.wealth[p.who[place]] * 3 // 100, 20)
    p.rows.add(p.who[place], p.window.first[column] + 20, cents, "interest", _NO_CHANNEL)
    charged = p.draw.chance(450, len(p.who))
    place, column = np.nonzero(p.alive & charged[:, None] & (month % 6 == 5))
    fee = (
        np.where(p.people.company[p.who[place]], 20_000, 1_500) + p.draw.below(10, len(place)) * 100
    )
    p.rows.add(p.who[place], p.window.last[column], -fee, "fee", _NO_CHANNEL)


def _own(p: _Part) -> None:
    """What the customers do of their own accord, more or less of it."""
    months = len(p.window.first)
    table = counts_table(_MEANS)
    level = _intensity(p.draw, p.people, p.who, p.window)
    drawn = p.draw.below(4096, len(p.who) * months).reshape(len(p.who), months)
    number = table[level, drawn] * p.moving
    place, month = np.nonzero(number)
    times = number[place, month]
    place, month = np.repeat(place, times), np.repeat(month, times)
    length = p.window.last[month] - p.window.first[month] + 1
    day = p.window.first[month] + p.draw.below(length, len(place))
    company = p.people.company[p.who[place]]
    what = np.where(
        company,
        p.draw.pick([o[2] for o in _OWN], len(place)),
        p.draw.pick([o[1] for o in _OWN], len(place)),
    )
    channel = np.zeros(len(place), dtype=np.int8)
    for code, own in enumerate(_OWN):
        rows_of = np.flatnonzero(what == code)
        channel[rows_of] = p.draw.pick(own[4], len(rows_of))
    factor = p.draw.quantile(lognormal(1000, 0.9), len(place))
    cents = _usual(p.people, p.who)[place] * _SIZE[what] // 1000 * factor // 1000 + 1
    fund = _OWN_KIND[what] == _KIND["securities"]
    p.rows.add(p.who[place], day, _SIGN[what] * cents, _OWN_KIND[what], channel, fund)


def _intensity(draw: Draws, people: People, who: Ints, window: Months) -> npt.NDArray[np.int8]:
    """How much a customer does in each month: 0 nothing, 6 very much."""
    usual = draw.pick((0, 6, 22, 34, 24, 10, 4), len(who))
    usual = np.where(people.company[who], np.minimum(usual + 1, 6), usual)
    behaviour = people.behaviour[who]
    usual = np.where(behaviour == SELDOM, 1, usual)
    ago = np.arange(len(window.first))[::-1]
    change = np.zeros((len(who), len(ago)), dtype=np.int64)
    change -= (behaviour == GROWING)[:, None] * np.minimum(ago // 6, 3)
    change -= (behaviour == FADING)[:, None] * (2 - np.minimum(ago // 4, 2))
    late = window.last >= people.turn[who, None] - 90
    change -= ((behaviour == CLOSED)[:, None] & late) * 2
    return np.asarray(np.maximum(usual[:, None] + change, 0), dtype=np.int8)


def _usual(people: People, who: Ints) -> Ints:
    """A usual amount in cents: it grows with wealth, but more slowly."""
    root = np.floor(np.sqrt(people.wealth[who].astype(np.float64))).astype(np.int64)
    return 3_000 + root * np.where(people.company[who], 900, 220)
