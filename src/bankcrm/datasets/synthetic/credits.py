"""Synthetic credits of customers, and the capital of the bank that grants them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.datasets._categories import coded
from bankcrm.datasets.synthetic.draws import Draws, Ints, lognormal
from bankcrm.datasets.synthetic.holdings import Holdings
from bankcrm.datasets.synthetic.people import FIRST_ID, NEVER, People, to_dates
from bankcrm.vocabulary import CreditKind

_KINDS = tuple(kind.value for kind in CreditKind)
_LOAN = _KINDS.index("loan")
_OTHER_WEIGHTS = (0, 14, 12, 3, 9, 2, 18, 12, 10, 3, 1, 1, 3, 1, 11)  # of the kinds but loans
_MONTHS = np.array([12, 6, 6, 48, 12, 3, 6, 6, 24, 12, 6, 60, 36, 12, 18])
_COVERED = np.array([60, 20, 30, 100, 0, 0, 40, 30, 20, 20, 0, 10, 20, 0, 0])  # percent


def make_credits(people: People, holdings: Holdings, seed: int) -> pd.DataFrame:
    """Loans that are still owed, and the credit of other kinds that companies have."""
    draw = Draws(seed, 8)
    loans = holdings.loans
    owed = np.flatnonzero(loans["outstanding"].to_numpy())
    lent = loans.iloc[owed]
    firms = np.flatnonzero(people.company & people.signed & (people.end == NEVER))
    asking = firms[draw.chance(350, len(firms))]
    times = 1 + draw.below(3, len(asking))
    who = np.repeat(asking, times)
    kind = draw.pick(_OTHER_WEIGHTS, len(who))
    limit = draw.about(people.wealth[who] // 4, 60) + draw.quantile(
        lognormal(80_000, 0.9), len(who)
    )
    limit = limit // 1000 * 1000 + 1000
    used = limit * draw.below(1001, len(who)) // 1000
    used = np.where(kind == len(_KINDS) - 1, 0, used)
    committed = draw.chance(400, len(who)) | (kind == len(_KINDS) - 1)
    customer = np.concatenate([lent["customer_id"].to_numpy() - FIRST_ID, who])
    all_kinds = np.concatenate([np.full(len(owed), _LOAN), kind]).astype(np.int8)
    cents = np.concatenate([_cents(lent["outstanding"]), used * 100])
    share = np.where(draw.chance(500, len(cents)), _COVERED[all_kinds], 0)
    home = people.frame["branch"].cat.codes.to_numpy().astype(np.int64)[customer]
    branches = list(people.frame["branch"].cat.categories)
    elsewhere = draw.below(len(branches), len(home))
    away = draw.chance(120, len(home)) & people.company[customer]
    granted = np.concatenate([_days(lent["granted_date"]), _since(draw, people, who)])
    return pd.DataFrame(
        {
            "credit_id": np.arange(1, len(customer) + 1, dtype=np.int32),
            "customer_id": (customer + FIRST_ID).astype(np.int32),
            "branch": coded(np.where(away, elsewhere, home).astype(np.int8), branches),
            "kind": coded(all_kinds, _KINDS),
            "limit": np.concatenate([_cents(lent["amount"]) / 100, limit.astype(np.float64)]),
            "drawn": cents / 100,
            "committed": np.concatenate([np.ones(len(owed), np.bool_), committed]),
            "months": np.concatenate([lent["term_months"].to_numpy(), _MONTHS[kind]]),
            "cover": cents * share // 100 / 100,
            "granted_date": to_dates(granted),
        }
    )


def make_capital(granted: pd.DataFrame, last: int) -> pd.DataFrame:
    """The bank's capital at the ends of the last three years and on the day."""
    year = int(np.datetime64(last, "D").astype("datetime64[Y]").astype(np.int64)) + 1970
    ends = [np.datetime64(f"{y}-12-31", "D").astype(np.int64) for y in range(year - 3, year)]
    base = _cents(granted["drawn"]).sum() // 100 + 1_000_000
    net = np.array([base * part // 1000 for part in (104, 110, 116, 120)]) // 1000 * 1000
    return pd.DataFrame(
        {
            "date": to_dates(np.array([*ends, last])),
            "net": net.astype(np.float64),
            "tier1": (net * 8 // 10).astype(np.float64),
        }
    )


def _cents(amounts: pd.Series) -> Ints:
    cents: Ints = np.rint(amounts.to_numpy() * 100).astype(np.int64)
    return cents


def _days(dates: pd.Series) -> Ints:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)


def _since(draw: Draws, people: People, who: Ints) -> Ints:
    """A day of the relationship, at most two years ago."""
    first = np.maximum(people.start[who], people.last - 730)
    return first + draw.below(people.last - first, len(who))
