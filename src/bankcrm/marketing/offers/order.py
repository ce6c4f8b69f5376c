"""In which order customers acquire products, and how far the products form a scale (EB-9)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line
from bankcrm.book.view import day_number
from bankcrm.frames.arrays import as_of_day
from bankcrm.intervals import wilson
from bankcrm.marketing.offers.holdings import Accounts
from bankcrm.marketing.offers.itemsets import cells_of

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False, repr=False)
class AcquisitionOrder:
    """The order in which customers acquire products.

    Attributes:
        customers: Customers who acquired a product by the day.
        products: One row per product, the most widespread first: ``customers`` (who ever acquired
            it), ``share`` and ``h`` (its own coefficient of scalability; null where it does not
            vary). From top to bottom it is the natural order, as far as ``h`` confirms it.
        transitions: One row per pair of products that follow each other: ``product``, ``then``,
            ``customers`` (who went on from the one to the other), ``of`` (who went on to anything
            after the first), ``share`` with Wilson's ``lower`` and ``upper``, and ``median_days``
            between the two.
        h: Loevinger's coefficient of all products: 1 if nobody has a rarer product without all
            that are more widespread, 0 if products are independent; None where nothing varies.
    """

    customers: int
    products: pd.DataFrame
    transitions: pd.DataFrame
    h: float | None

    def __repr__(self) -> str:
        found = {"customers": self.customers, "products": len(self.products), "h": self._h()}
        return line("AcquisitionOrder", found)

    def _repr_html_(self) -> str:
        figures = {"customers": f"{self.customers:,}", "h": self._h()}
        return card("Order of acquisition", figures, self.products)

    def _h(self) -> str:
        return "not known" if self.h is None else f"{self.h:.3f}"


def acquisition_order(
    accounts: object, *, as_of: object, confidence: float = 0.95
) -> AcquisitionOrder:
    """In which order customers acquire products.

    The first account of each product counts, also if it was closed since. Products that a customer
    opened on one day have no order among each other; the next ones follow all of them.

    Args:
        accounts: ``customer_id``, ``product`` and ``opened_date`` as in a book; accounts opened
            after the day are left out.
        as_of: The day.
        confidence: Coverage of the intervals.

    Raises:
        DataError: A column does not fit.

    Source: EB-9; Loevinger (1948), Paas (1998).

    >>> rows = pd.DataFrame({"customer_id": [1, 1, 2], "product": ["card", "fund", "card"],
    ...     "opened_date": pd.to_datetime(["2024-01-05", "2024-03-05", "2025-02-01"])})
    >>> found = acquisition_order(rows, as_of="2026-03-31")
    >>> found.transitions[["product", "then", "customers", "of", "median_days"]].values.tolist()
    [['card', 'fund', 1, 1, 60.0]]
    """
    found = Accounts.of(accounts)
    known = found.opened <= day_number(as_of_day(as_of))
    owner, product, day = _first_days(found, known)
    names = np.array(found.products, dtype=object)
    held = np.zeros((len(found.customers), len(names)), np.bool_)
    held[owner, product] = True
    held = held[held.any(axis=1)]
    h, own = loevinger(*cells_of(held))
    holders = held.sum(axis=0)
    order = np.lexsort((np.arange(len(names)), -holders))
    order = order[holders[order] > 0]
    products = pd.DataFrame(
        {
            "customers": holders[order],
            "share": holders[order] / max(len(held), 1),
            "h": own[order],
        },
        index=pd.Index(names[order], name="product"),
    )
    return AcquisitionOrder(
        customers=len(held),
        products=products,
        transitions=_transitions(owner, product, day, names, confidence),
        h=None if np.isnan(h) else h,
    )


def _first_days(found: Accounts, known: npt.NDArray[np.bool_]) -> tuple[Ints, Ints, Ints]:
    """Customer, product and first day of each acquisition, by customer and day."""
    owner = found.rows.customer()[known].astype(np.int64)
    product, day = found.product[known], found.opened[known].astype(np.int64)
    cell = owner * len(found.products) + product
    order = np.lexsort((day, cell))
    first = order[np.append(True, np.diff(cell[order]) > 0)] if len(order) else order
    first = first[np.lexsort((product[first], day[first], owner[first]))]
    return owner[first], product[first], day[first]


def _transitions(
    owner: Ints, product: Ints, day: Ints, names: npt.NDArray[np.object_], confidence: float
) -> pd.DataFrame:
    """Each product with those that follow it on the customer's next day of acquisition."""
    begins = np.flatnonzero((np.diff(owner, prepend=-1) != 0) | (np.diff(day, prepend=0) != 0))
    size = np.diff(np.append(begins, len(owner)))
    group = np.repeat(np.arange(len(begins)), size)
    follows = np.append(owner[begins[1:]] == owner[begins[:-1]], False)[: len(begins)]
    rows = np.flatnonzero(follows[group])  # rows after which the customer acquired more
    times = size[group[rows] + 1]
    before = np.repeat(rows, times)
    place = np.arange(len(before)) - np.repeat(np.cumsum(times) - times, times)
    after = begins[group[before] + 1] + place
    pair = product[before] * max(len(names), 1) + product[after]
    days = pd.Series(day[after] - day[before], dtype=np.float64).groupby(pair)
    went, median = days.size(), days.median()
    first, then = np.divmod(went.index.to_numpy(np.int64), max(len(names), 1))
    of = np.bincount(product[rows], minlength=len(names))[first]
    share, lower, upper = wilson(went.to_numpy(), of, confidence)
    return pd.DataFrame(
        {
            "product": names[first],
            "then": names[then],
            "customers": went.to_numpy(np.int64),
            "of": of.astype(np.int64),
            "share": share,
            "lower": lower,
            "upper": upper,
            "median_days": median.to_numpy(np.float64),
        }
    )


def loevinger(held: npt.NDArray[np.bool_], customers: Ints) -> tuple[float, Floats]:
    """Loevinger's H of all products and of each; nan where nothing varies.

    One less the errors of a scale (the rarer product without the more widespread one) by those
    that independent products would have.

    Args:
        held: Distinct rows of holdings, rows by products.
        customers: How many customers have each row.

    >>> scale = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0]], bool)
    >>> loevinger(scale, np.array([4, 3, 2, 1]))[0]
    1.0
    """
    total = float(customers.sum())
    matrix = held.astype(np.float64)
    both = (matrix * customers[:, None]).T @ matrix
    each = np.diag(both).copy()
    rarer, wider = np.minimum(each[:, None], each), np.maximum(each[:, None], each)
    errors = rarer - both
    expected = rarer * (total - wider) / max(total, 1.0)
    np.fill_diagonal(errors, 0.0)
    np.fill_diagonal(expected, 0.0)
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing varies
        own = 1 - errors.sum(axis=1) / expected.sum(axis=1)
        whole = 1 - errors.sum() / expected.sum()
    return float(whole), own
