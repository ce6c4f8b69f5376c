"""Whether a ranking of offers meets what customers open next, beside popularity and chance."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_generator, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import codes, numbers
from bankcrm.frames.numbering import positions_in
from bankcrm.intervals import Interval, quantile, wilson

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_RANKED = (
    Column("customer_id", "id"),
    Column("rank", "integer", nullable=True),
    Column("product", "category", nullable=True),
)
_ACQUIRED = (Column("customer_id", "id"), Column("product", "category"))


@attrs.frozen(eq=False, repr=False)
class RankingCheck:
    """How well a ranking met what customers opened.

    Attributes:
        k: The first places that count.
        customers: Customers who were ranked and opened something.
        left_out: Customers who opened something and were not ranked.
        measures: One row per ``ranking`` (``model``, ``popularity``, ``random``) and ``measure``:
            ``value`` with ``lower`` and ``upper``. The measures are ``map`` (mean average
            precision), ``precision``, ``recall``, ``hit_rate`` (customers with at least one hit)
            and ``coverage`` (share of the ranked products that come into somebody's first places,
            without an interval).
        gain: The mean average precision of the model less that of popularity, customer by customer.
    """

    k: int
    customers: int
    left_out: int
    measures: pd.DataFrame
    gain: Interval

    def __repr__(self) -> str:
        found = {"customers": self.customers, "map": f"{self._map():.4f}", "gain": str(self.gain)}
        return line("RankingCheck", found)

    def _repr_html_(self) -> str:
        note = "A gain whose interval reaches below 0 is none: popularity ranks as well."
        return card(f"Ranking, first {self.k}", {"gain": str(self.gain)}, self.measures, note)

    def _map(self) -> float:
        return float(self.measures["value"].to_numpy()[0])


def check_ranking(
    ranked: object,
    acquired: object,
    *,
    popularity: Mapping[str, float],
    k: int = 7,
    seed: int = 0,
    confidence: float = 0.95,
) -> RankingCheck:
    """Compare a ranking with what customers opened afterwards, beside popularity and chance.

    All three rank the same products of each customer; so give those of ``rank_offers`` with
    ``top=None``. Customers who opened nothing tell nothing about the order and do not count.

    Args:
        ranked: ``customer_id``, ``rank`` and ``product``, as `rank_offers` gives them, made from
            what was known before the window. Rows without a rank are passed over.
        acquired: One row per opening within the window: ``customer_id`` and ``product``.
        popularity: Product -> how often it was opened before the window, such as ``offers.rates``.
            A product that is not there comes last.
        k: The first places that count.
        seed: Seed of the random ranking.
        confidence: Coverage of the intervals: Wilson for the hit rate, normal for the others.

    Raises:
        DataError: A frame does not fit, ``k`` is below 1, or no ranked customer opened anything.

    Source: EB-9.

    >>> ranked = pd.DataFrame({"customer_id": [1, 1, 2, 2], "rank": [1, 2, 1, 2],
    ...                        "product": ["fund", "card", "fund", "card"]})
    >>> opened = pd.DataFrame({"customer_id": [1, 2], "product": ["fund", "card"]})
    >>> found = check_ranking(ranked, opened, popularity={"card": 0.2, "fund": 0.1}, k=2)
    >>> found.measures.loc[("model", "map"), "value"], found.gain.estimate
    (np.float64(0.75), np.float64(0.0))
    """
    k = as_whole_number(k, "k", 1)
    as_generator(seed)  # refuses what is no seed
    places = check_frame(ranked, _RANKED, frame="ranked").dropna(subset=["rank", "product"])
    opened = check_frame(acquired, _ACQUIRED, frame="acquired").drop_duplicates()
    customers = pd.Index(codes(opened["customer_id"])[1])
    mine = positions_in(places["customer_id"], customers).astype(np.int64)
    places, mine = places[mine >= 0], mine[mine >= 0]
    if not len(places):
        raise DataError("acquired: no customer of the ranking opened anything; nothing to check")
    judged, owner = np.unique(mine, return_inverse=True)
    products = sorted({*places["product"].astype(str), *opened["product"].astype(str)})
    product = pd.Index(products).get_indexer(places["product"].astype(str)).astype(np.int64)
    requested = np.zeros((len(customers), len(products)), np.bool_)
    at = positions_in(opened["customer_id"], customers)
    requested[at, pd.Index(products).get_indexer(opened["product"].astype(str))] = True
    requested = requested[judged]
    rank = places["rank"].to_numpy(np.float64)
    popular = np.array([-float(popularity.get(p, -np.inf)) for p in products])[product]
    chance = _shuffled(places["customer_id"], product, seed)
    found = {
        "model": _places(owner, product, (product, rank), k),
        "popularity": _places(owner, product, (product, popular), k),
        "random": _places(owner, product, (chance,), k),
    }
    figures = {name: _figures(first, requested) for name, first in found.items()}
    parts = {
        name: _measures(figures[name], first, len(np.unique(product)), confidence)
        for name, first in found.items()
    }
    return RankingCheck(
        k=int(k),
        customers=len(judged),
        left_out=len(customers) - len(judged),
        measures=pd.concat(parts, names=["ranking", "measure"]),
        gain=_mean(figures["model"]["map"] - figures["popularity"]["map"], confidence),
    )


def _shuffled(customers: pd.Series, product: Ints, seed: int) -> Floats:
    """A random number for each row that its customer, its product and the seed decide."""
    key = pd.util.hash_pandas_object(customers.reset_index(drop=True), index=False, categorize=True)
    mixed = pd.DataFrame({"customer": key, "product": product, "seed": seed})
    drawn = pd.util.hash_pandas_object(mixed, index=False)
    return numbers(drawn, "drawn")


def _places(owner: Ints, product: Ints, by: tuple[Ints | Floats, ...], k: int) -> Ints:
    """Customers by places: the product in each of the first ``k``; -1 where there is none."""
    order = np.lexsort((*by, owner))
    begins = np.searchsorted(owner[order], np.arange(int(owner.max()) + 1))
    place = np.arange(len(order)) - begins[owner[order]]
    first = place < k
    found: Ints = np.full((len(begins), k), -1, np.int64)
    found[owner[order][first], place[first]] = product[order][first]
    return found


def _figures(first: Ints, requested: npt.NDArray[np.bool_]) -> dict[str, Floats]:
    """Average precision, precision, recall and hit of each customer."""
    rows = np.arange(len(first))[:, None]
    hit = (first >= 0) & requested[rows, first]
    for place in range(1, first.shape[1]):  # a product named twice is met once
        hit[:, place] &= ~(first[:, :place] == first[:, place : place + 1]).any(axis=1)
    places = np.arange(1, first.shape[1] + 1)
    precision: Floats = np.cumsum(hit, axis=1) / places
    size = requested.sum(axis=1)
    return {
        "map": (precision * hit).sum(axis=1) / np.minimum(size, first.shape[1]),
        "precision": hit.sum(axis=1) / first.shape[1],
        "recall": hit.sum(axis=1) / size,
        "hit_rate": hit.any(axis=1).astype(np.float64),
    }


def _measures(
    figures: dict[str, Floats], first: Ints, products: int, confidence: float
) -> pd.DataFrame:
    means = [_mean(values, confidence) for values in figures.values()]
    rows = [(m.estimate, m.lower, m.upper) for m in means]
    hits = figures["hit_rate"]
    share, lower, upper = wilson([hits.sum()], [len(hits)], confidence)
    rows[-1] = (float(share[0]), float(lower[0]), float(upper[0]))
    shown = len(np.unique(first[first >= 0])) / products
    index = pd.Index([*figures, "coverage"], name="measure")
    return pd.DataFrame([*rows, (shown, np.nan, np.nan)], index, ["value", "lower", "upper"])


def _mean(values: Floats, confidence: float) -> Interval:
    """The mean of one figure per customer with its normal interval."""
    size = len(values)
    error = quantile(confidence) * (values.std(ddof=1) / np.sqrt(size) if size > 1 else np.nan)
    mean = values.mean()
    return Interval(mean, mean - error, mean + error, confidence, "normal", size)
