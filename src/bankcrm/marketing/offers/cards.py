"""One scorecard per product: how probable it is that a customer opens it (EB-9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import attrs
import numpy as np
import pandas as pd

from bankcrm import _display
from bankcrm._display import few
from bankcrm.arguments import as_items, as_kind, as_whole_number
from bankcrm.book.holdings import open_on
from bankcrm.book.view import day_number
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.customers import refuse_repeated
from bankcrm.marketing.offers.holdings import Accounts
from bankcrm.scoring import Card, fit_card, outcome_samples
from bankcrm.scoring.samples import FactsAt
from bankcrm.wire.toml import Saved

HELD = "holds_"
"""Prefix of the features that say whether a product is held."""


@attrs.frozen
class ProductOffer:
    """How probable it is that a customer who lacks a product opens it within the horizon.

    Attributes:
        product: The product.
        customers: Customers and days of the fit.
        opened: How many of them opened it within the horizon.
        card: The card; None where there is none, and the rate of all is the probability of each.
        reason: Why there is no card; empty where there is one.
    """

    product: str
    customers: int
    opened: int
    card: Card | None = None
    reason: str = ""

    @property
    def rate(self) -> float:
        """The rate of opening."""
        return self.opened / self.customers if self.customers else 0.0


@attrs.frozen(repr=False)
class Offers(Saved):
    """What `fit_offers` learned: one card per product.

    Attributes:
        products: One entry per product, sorted by name.
        days: The days of the fit.
        horizon_days: Days after each in which an opening counts.
    """

    products: tuple[ProductOffer, ...]
    days: tuple[dt.date, ...]
    horizon_days: int

    def __repr__(self) -> str:
        cards = sum(p.card is not None for p in self.products)
        found = {"products": len(self.products), "cards": cards, "days": len(self.days)}
        return _display.line("Offers", found)

    def _repr_html_(self) -> str:
        figures = _display.figures_of(self, "horizon_days")
        return _display.card("Offers", figures, self.frame())

    @property
    def rates(self) -> pd.Series:
        """Product -> rate of opening, the baseline of every ranking."""
        return pd.Series({p.product: p.rate for p in self.products}, dtype=np.float64)

    def frame(self) -> pd.DataFrame:
        """One row per product: ``customers``, ``opened``, ``rate``, ``features``, ``reason``."""
        rows = [
            {
                "product": p.product,
                "customers": p.customers,
                "opened": p.opened,
                "rate": p.rate,
                "features": ", ".join(f.name for f in p.card.features) if p.card else "",
                "reason": p.reason,
            }
            for p in self.products
        ]
        return pd.DataFrame(rows, columns=list(rows[0]) if rows else None).set_index("product")


def fit_offers(
    facts: FactsAt,
    accounts: object,
    *,
    as_ofs: Sequence[object],
    horizon_days: int,
    as_of: object,
    products: Sequence[str] | None = None,
    min_opened: int = 50,
) -> Offers:
    """Fit one scorecard per product on who opened it after what was known.

    The sample of a product has the customers who did not hold it on the day. What they held of the
    other products on that day is added to their facts; what they opened afterwards is not.

    Args:
        facts: Day -> facts of the customers on that day, indexed by customer id; see
            `bankcrm.scoring.outcome_samples`. Nothing of a later day may enter them.
        accounts: ``customer_id``, ``product``, ``opened_date`` and ``closed_date`` as in a book.
        as_ofs: The days of the samples.
        horizon_days: Length of the window after each day, in days.
        as_of: The day up to which ``accounts`` is known; every window ends by then.
        products: The products; None: all that ``accounts`` names.
        min_opened: Fewest openings for a card. Below, the rate of all is the probability of each.

    Raises:
        DataError: A frame does not fit, or a window ends after ``as_of``.
        UnknownNameError: A product is not known.

    Source: EB-9.

    >>> n = 600
    >>> ids = np.arange(n)
    >>> opened = pd.Timestamp("2026-02-10") + pd.to_timedelta(ids % 2 * 300, unit="D")
    >>> rows = pd.DataFrame({"customer_id": ids, "product": "fund", "opened_date": opened})
    >>> known = pd.DataFrame({"age": 30 + ids % 2 * 20 + ids % 7}, index=ids)
    >>> found = fit_offers(lambda day: known, rows, as_ofs=["2026-01-31"], horizon_days=90,
    ...                    as_of="2026-06-30", min_opened=500)
    >>> found.products[0].opened, found.products[0].reason
    (300, 'opened 300 times; a card needs 500')
    """
    found = Accounts.of(accounts)
    named = found.products if products is None else as_items(products, "products", "a list")
    for name in named:
        if name not in found.products:
            raise UnknownNameError("product", name, found.products)
    days = sorted({as_of_day(d).astype(dt.date) for d in as_items(as_ofs, "as_ofs", "days")})
    horizon_days = as_whole_number(horizon_days, "horizon_days", 1)
    _refuse_open_windows(days, horizon_days, as_of)
    known = {day: with_holdings(facts(day), found, np.datetime64(day, "D")) for day in days}
    fitted = [_fit(name, known, found, days, horizon_days, min_opened) for name in sorted(named)]
    return Offers(tuple(fitted), tuple(days), int(horizon_days))


def _refuse_open_windows(days: Iterable[dt.date], horizon_days: int, as_of: object) -> None:
    until = as_of_day(as_of).astype(dt.date)
    late = [d for d in days if d + dt.timedelta(days=horizon_days) > until]
    if late:
        raise DataError(
            f"as_ofs: the windows of {few(late)} end after {until}, the day "
            "up to which the accounts are known; give earlier days, or a shorter horizon"
        )


def with_holdings(
    facts: pd.DataFrame, found: Accounts, day: np.datetime64, products: Iterable[str] = ()
) -> pd.DataFrame:
    """Facts with what the customers hold on a day: ``holds_`` and the product.

    Args:
        facts: One row per customer, indexed by customer id.
        found: The accounts.
        day: The day.
        products: Products that have a column even if no account names them.

    Raises:
        DataError: The facts are no frame with one customer per row, or have such a column already.
    """
    as_kind(facts, pd.DataFrame, "facts", "one row per customer, indexed by customer id")
    if isinstance(facts.index, pd.MultiIndex):
        raise DataError("facts: expected the customer id as the index, found several levels")
    refuse_repeated(facts.index, "facts")
    held = found.table(open_on(found.rows, day_number(day))).reindex(facts.index, fill_value=False)
    absent = [p for p in dict.fromkeys(products) if p not in held]
    held = held.assign(**dict.fromkeys(absent, False)).add_prefix(HELD)
    if double := [c for c in held.columns if c in facts.columns]:
        raise DataError(f"facts: columns {', '.join(double)} are made of the accounts; rename them")
    return pd.concat([facts, held], axis=1)


def _fit(
    product: str,
    known: dict[dt.date, pd.DataFrame],
    found: Accounts,
    days: Sequence[dt.date],
    horizon_days: int,
    min_opened: int,
) -> ProductOffer:
    own = HELD + product

    def at_risk(day: dt.date) -> pd.DataFrame:
        return known[day][~known[day][own].to_numpy(np.bool_)].drop(columns=own)

    def opened(day: dt.date, last: dt.date) -> pd.Series:
        later = found.opened_between(np.datetime64(day, "D"), np.datetime64(last, "D"))
        return later[product].reindex(known[day].index, fill_value=False)

    samples = outcome_samples(at_risk, opened, as_ofs=days, horizon_days=horizon_days)
    times = int(samples.event.sum())
    offer = ProductOffer(product, len(samples.facts), times)
    if times < min_opened:
        return attrs.evolve(offer, reason=f"opened {times:,} times; a card needs {min_opened:,}")
    try:
        return attrs.evolve(offer, card=fit_card(samples.facts, samples.event))
    except DataError as error:
        return attrs.evolve(offer, reason=str(error))
