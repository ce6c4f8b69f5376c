"""Concentration by ranges of the value: partial sums that combine exactly, and no global sort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.valuation.concentration.curves import ProfitSplit, WhaleCurve

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine
    from bankcrm.engines.relation import Relation

Floats = npt.NDArray[np.float64]
SMALL = 50_000
"""Rows that are not worth parting."""


@attrs.frozen(eq=False)
class Spread:
    """How a value is spread over customers; the figures of `bankcrm.valuation.Concentration`.

    Args:
        engine: where the values are.
        ranked: SQL of the distinct values: ``part``, ``v``, ``w`` (customers that have it) and
            ``cum`` (customers of the same part up to it).
        parts: a row a range of the value, lowest first: ``part``, ``n``, ``s`` (sum), ``odd``
            (sum of value times odd rank within the part).
        sums: totals of the whole book.
    """

    engine: Engine
    ranked: str
    parts: pd.DataFrame
    sums: pd.Series[Any]

    @property
    def holders(self) -> int:
        """The number of customers."""
        return int(self.sums["n"])

    @property
    def total(self) -> float:
        """The sum of the values."""
        return float(self.parts["s"].sum())

    @property
    def gini(self) -> float:
        """Gini coefficient, by the sum of value times odd rank; above 1 possible with losses."""
        return self._rank_total() / (self.holders * self._shared_total()) - 1

    @property
    def gini_normalised(self) -> float:
        """Gini between 0 and 1 also with losses (Raffinetti, Siletti and Vernizzi 2015)."""
        gross = float(self.sums["gross"])
        if gross == 0 or self.holders <= 1:
            raise DataError("values: the normalised Gini needs two customers and a value not 0")
        return (self._rank_total() - self.holders * self.total) / ((self.holders - 1) * gross)

    @property
    def hhi(self) -> float:
        """Herfindahl-Hirschman index: sum of the squared shares of the customers."""
        return float(self.sums["squares"]) / self._shared_total() ** 2

    @property
    def theil(self) -> float:
        """Theil's T; refused with losses."""
        if self.sums["least"] < 0:
            raise DataError("values: some are below 0, and Theil's index takes their logarithm")
        mean = repr(self._shared_total() / self.holders)
        ratio = f"(v / CAST('{mean}' AS DOUBLE))"
        found = self.engine.fetch(
            f"SELECT SUM(CASE WHEN v > 0 THEN w * {ratio} * LN({ratio}) ELSE 0e0 END) AS t "
            f"FROM ({self.ranked}) r"
        )
        return float(found["t"].iloc[0]) / self.holders

    def share_of_top(self, share: float) -> float:
        """Part of the total that the best ``share`` of customers holds."""
        return 1 - float(self.lorenz_at([1 - _share(share)])[0])

    def holders_of(self, share: float) -> float:
        """Smallest share of customers, best first, that holds ``share`` of the total."""
        target = _share(share) * self._shared_total()
        falling = self.parts.iloc[::-1]
        held = falling["s"].to_numpy().cumsum()
        at = int(np.argmax(held >= target * (1 - 1e-15)))
        before = float(held[at - 1]) if at else 0.0
        above = float(falling["n"].iloc[:at].sum())
        inside = self._values_of([int(falling["part"].iloc[at])]).iloc[::-1]
        money = before + (inside["v"] * inside["w"]).cumsum().to_numpy()
        row = int(np.argmax(money >= target * (1 - 1e-15)))
        piece = float(inside["v"].iloc[row] * inside["w"].iloc[row])
        missing = target - (float(money[row - 1]) if row else before)
        part = min(missing / piece, 1.0) if piece > 0 else 0.0
        people = above + float(inside["w"].iloc[:row].sum()) + part * float(inside["w"].iloc[row])
        return people / self.holders

    def lorenz_at(self, shares: Sequence[float] | Floats) -> Floats:
        """Part of the total that the poorest ``shares`` of customers hold, linear in between."""
        wanted = np.asarray(shares, dtype=np.float64) * self.holders
        people = self.parts["n"].to_numpy().cumsum()
        at = np.minimum(np.searchsorted(people, wanted), len(people) - 1)
        before = np.append(0.0, people)[at]
        below = np.append(0.0, self.parts["s"].to_numpy().cumsum())[at]
        rows = ", ".join(
            f"({i}, {self.parts['part'].iloc[p]}, CAST('{float(t)!r}' AS DOUBLE))"
            for i, (p, t) in enumerate(zip(at, wanted - before, strict=True))
        )
        found = self.engine.fetch(
            "SELECT i, SUM(v * LEAST(CAST(w AS DOUBLE), GREATEST(0e0, t - (cum - w)))) AS s "
            f"FROM ({self.ranked}) r JOIN (VALUES {rows}) AS p(i, part, t) USING (part) "
            "GROUP BY i ORDER BY i"
        )
        result: Floats = (below + found["s"].to_numpy()) / self._shared_total()
        return result

    def lorenz(self, points: int = 101) -> pd.DataFrame:
        """Lorenz curve at evenly spaced shares of customers, poorest first."""
        shares = np.linspace(0.0, 1.0, points)
        return pd.DataFrame({"customers": shares, "value": self.lorenz_at(shares)})

    def whale_curve(self, points: int = 101) -> WhaleCurve:
        """Cumulative profit over customers in falling order, with its peak and what is lost."""
        shares = np.linspace(0.0, 1.0, points)
        curve = 1 - self.lorenz_at(1 - shares)
        peak = float(self.sums["gains"]) / self._shared_total()
        return WhaleCurve(
            points=pd.DataFrame({"customers": shares, "profit": curve}),
            peak=peak,
            peak_customers=int(self.sums["gainers"]) / self.holders,
            destroyed=max(peak - 1, 0.0) if self.sums["least"] < 0 else 0.0,
        )

    def profit_split(self, margin: float) -> ProfitSplit:
        """Customers that give profit, are marginal (up to ``margin`` both ways) or lose money."""
        edge = f"CAST('{float(margin)!r}' AS DOUBLE)"
        group = f"CASE WHEN v > {edge} THEN 0 WHEN v < -{edge} THEN 2 ELSE 1 END"
        found = self.engine.fetch(
            "SELECT g, CAST(SUM(w) AS BIGINT) AS n, SUM(v * w) AS s "
            f"FROM (SELECT {group} AS g, v, w FROM ({self.ranked}) r) q GROUP BY g"
        )
        people, money = np.zeros(3), np.zeros(3)
        people[found["g"]], money[found["g"]] = found["n"], found["s"]
        shares = people / self.holders
        return ProfitSplit(
            margin=float(margin),
            customers=(float(shares[0]), float(shares[1]), float(shares[2])),
            profit=(float(money[0]), float(money[1]), float(money[2])),
        )

    def quantiles(self, probs: Sequence[float] | Floats) -> list[float]:
        """Quantiles of type 7, equal to those of `numpy.quantile` to the last bit."""
        place = np.asarray(probs, dtype=np.float64) * (self.holders - 1)
        low = np.floor(place).astype(np.int64)
        high = np.minimum(low + 1, self.holders - 1)
        order = self.order_statistics(np.concatenate([low, high]))
        pairs = zip(order[: len(low)], order[len(low) :], place - low, strict=True)
        return [float(np.quantile(np.array([a, b]), t)) for a, b, t in pairs]

    def order_statistics(self, ranks: npt.NDArray[np.int64]) -> Floats:
        """The values at ranks 0, 1, 2 ... of the rising order."""
        people = self.parts["n"].to_numpy().cumsum()
        at = np.searchsorted(people, ranks, side="right")
        before = np.append(0, people)
        inside = self._values_of(sorted({int(p) for p in self.parts["part"].iloc[at]}))
        place = inside["part"].map(pd.Series(before[:-1], index=self.parts["part"]))
        upto = (inside["cum"] + place).to_numpy()
        values: Floats = inside["v"].to_numpy(dtype=np.float64)
        return values[np.searchsorted(upto, ranks, side="right")]

    def _values_of(self, parts: list[int]) -> pd.DataFrame:
        listed = ", ".join(map(str, parts))
        return self.engine.fetch(
            f"SELECT part, v, w, cum FROM ({self.ranked}) r WHERE part IN ({listed}) ORDER BY v"
        )

    def _rank_total(self) -> float:
        sums, people = self.parts["s"].to_numpy(), self.parts["n"].to_numpy()
        before = np.append(0, people.cumsum())[:-1]
        return float(self.parts["odd"].sum() + 2.0 * (before * sums).sum())

    def _shared_total(self) -> float:
        if self.total > 1e-12 * float(self.sums["gross"]):
            return self.total
        raise DataError(
            f"values: {self.holders:,} values total {self.total:g}; a share of the total needs a "
            "total above 0; use gini_normalised or profit_split"
        )


def spread_of(engine: Engine, relation: Relation, column: str, parts: int) -> Spread:
    """Part the values into ranges and sum each; see `Engine.concentration`."""
    from bankcrm.rules.sql import quoted

    value = f"CAST({quoted(column, 'duckdb')} AS DOUBLE)"
    infinite = "CAST('Infinity' AS DOUBLE)"
    sums = engine.fetch(
        "SELECT COUNT(*) AS n, COUNT(CASE WHEN v IS NULL OR v = CAST('NaN' AS DOUBLE) "
        f"OR ABS(v) = {infinite} THEN 1 END) AS bad, MIN(v) AS least, SUM(ABS(v)) AS gross, "
        "SUM(v * v) AS squares, SUM(CASE WHEN v > 0 THEN v ELSE 0e0 END) AS gains, "
        "COUNT(CASE WHEN v > 0 THEN 1 END) AS gainers "
        f"FROM (SELECT {value} AS v FROM {relation} r) q"
    ).iloc[0]
    if not sums["n"]:
        raise DataError(f"{column}: no rows; expected one a customer")
    if sums["bad"]:
        raise DataError(f"{column}: {int(sums['bad']):,} values are null or not finite")
    parts = min(parts, 1 + int(sums["n"]) // SMALL)
    edges = sorted(set(engine.cuts(str(relation), column, parts))) if parts > 1 else []
    counted = (
        f"SELECT v, {_part(edges, 0, len(edges))} AS part, COUNT(*) AS w "
        f"FROM (SELECT {value} + 0e0 AS v FROM {relation} r) q GROUP BY v"
    )
    ranked = (
        "SELECT part, v, w, CAST(SUM(w) OVER (PARTITION BY part ORDER BY v "
        f"ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS cum FROM ({counted}) c"
    )
    table = engine.fetch(
        "SELECT part, CAST(SUM(w) AS BIGINT) AS n, SUM(v * w) AS s, "
        f"SUM(v * w * (2 * cum - w)) AS odd FROM ({ranked}) r GROUP BY part ORDER BY part"
    ).astype({"part": "int64", "n": "int64", "s": "float64", "odd": "float64"})
    return Spread(engine, ranked, table, sums)


def _part(edges: list[float], low: int, high: int) -> str:
    """The number of edges at or below ``v``, by halving: 8 comparisons for 256 parts."""
    if low == high:
        return str(low)
    middle = (low + high) // 2
    edge = f"CAST('{edges[middle]!r}' AS DOUBLE)"
    left, right = _part(edges, low, middle), _part(edges, middle + 1, high)
    return f"CASE WHEN v < {edge} THEN {left} ELSE {right} END"


def _share(share: float) -> float:
    if not 0 <= share <= 1:
        raise DataError(f"share: got {share}; expected 0 to 1")
    return share
