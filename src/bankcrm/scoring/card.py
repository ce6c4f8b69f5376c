"""A scorecard: points for the bins of features, whose sum is a probability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm import _display
from bankcrm.arguments import as_numbers
from bankcrm.errors import DataError
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Rule
from bankcrm.rules.fingerprint import canonical, digest
from bankcrm.scoring.bins import Bins, event_of, series_of
from bankcrm.wire.toml import Saved


@attrs.frozen
class PointScale:
    """What points mean.

    Attributes:
        base: Points at which the odds are ``odds``.
        odds: Rows without the event for each row with it, at ``base`` points.
        double: Points that double the odds.
    """

    base: float = 600.0
    odds: float = 50.0
    double: float = 20.0

    def __attrs_post_init__(self) -> None:
        """Refuse a scale on which points mean nothing."""
        if not (self.odds > 0 and self.double > 0):
            raise DataError(
                f"scale: odds {self.odds} and double {self.double}; expected both above 0"
            )

    @property
    def factor(self) -> float:
        """Points per unit of the natural logarithm of the odds."""
        return self.double / math.log(2)

    @property
    def offset(self) -> float:
        """Points at even odds."""
        return self.base - self.factor * math.log(self.odds)


@attrs.frozen
class CardFeature:
    """A feature of a card.

    Attributes:
        bins: Its bins.
        points: Points of each bin: above zero where the event is rarer than in the whole sample.
        coefficient: Of its weight of evidence in the regression; 1 if no other feature mattered.
    """

    bins: Bins
    points: tuple[int, ...]
    coefficient: float

    @property
    def name(self) -> str:
        """The feature."""
        return self.bins.feature


@attrs.frozen
class Dropped:
    """A feature that is not in the card, and why."""

    feature: str
    reason: str


@attrs.frozen(repr=False)
class Card(Saved):
    """A fitted scorecard; it scores one row as it scores a million.

    Attributes:
        features: Its features, the most informative first.
        base_points: Points of a row whose features all weigh nothing.
        scale: What points mean.
        shift: What is added to the log odds of the event so that probabilities fit; see
            `recalibrated`.
        covariance: Of the constant and the coefficients.
        dropped: Features that were left out, with the reason.
        rows: Rows of the fit.
        events: Rows with the event.
    """

    features: tuple[CardFeature, ...]
    base_points: int
    scale: PointScale
    shift: float
    covariance: tuple[tuple[float, ...], ...]
    dropped: tuple[Dropped, ...]
    rows: int
    events: int

    def __repr__(self) -> str:
        found = {"features": len(self.features), "rows": self.rows, "events": self.events}
        return _display.line("Card", found)

    def _repr_html_(self) -> str:
        figures = _display.figures_of(self, "rows", "events", "base_points")
        note = "; ".join(f"without {d.feature}: {d.reason}" for d in self.dropped)
        return _display.card("Scorecard", figures, self.frame(), note)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical content: equal cards have equal fingerprints."""
        return digest(canonical(self))

    def tables(self) -> tuple[DecisionTable, ...]:
        """One decision table per feature, with points as outcomes; their sum is the score.

        A card has ``base_points`` beside them.
        """
        return self._tables

    @cached_property
    def _tables(self) -> tuple[DecisionTable, ...]:
        return tuple(map(_table, self.features))

    def frame(self) -> pd.DataFrame:
        """One row per feature and bin: ``feature``, ``test``, ``points``, and as `Bins.frame`."""
        parts = [
            f.bins.frame().assign(feature=f.name, points=list(f.points)) for f in self.features
        ]
        found = pd.concat(parts, ignore_index=True)
        return found[
            ["feature", "test", "points", *found.columns.drop(["feature", "test", "points"])]
        ]

    def probability(self, points: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The probability of the event at given points; null where points are."""
        from scipy.special import expit  # slow to import

        x = as_numbers(points, "points")
        found: npt.NDArray[np.float64] = expit(
            (self.scale.offset - x) / self.scale.factor + self.shift
        )
        return found

    def to_sql(self, dialect: str, *, columns: Mapping[str, str] | None = None) -> str:
        """The points of a row as a SQL expression; null where a fact is missing.

        Args:
            dialect: As for `bankcrm.rules.DecisionTable.to_sql`.
            columns: Feature -> column of the relation, where the names differ.
        """
        named = dict(columns or {})
        parts = []
        for table in self.tables():
            mine = {f: c for f, c in named.items() if f in table.compiled.facts}
            parts.append(f"({table.to_sql(dialect, columns=mine).outcome})")
        return " + ".join([str(self.base_points), *parts])

    def recalibrated(self, points: npt.ArrayLike, event: npt.ArrayLike) -> Card:
        """The same card with probabilities that add up to the events of another sample.

        Points and their order stay; only ``shift`` changes.

        Args:
            points: Points of each row; rows without points are left out.
            event: Whether the event happened, one per row.

        Raises:
            DataError: The event happened to all or to none.
        """
        x, happened = as_numbers(points, "points"), series_of(event, "event")
        if x.ndim != 1 or len(x) != len(happened):
            raise DataError(f"event: {len(happened):,} values for points of shape {x.shape}")
        known = ~np.isnan(x)
        hits = event_of(happened[known]).astype(np.float64)
        return attrs.evolve(self, shift=shift_of(self.scale, x[known], hits))


def shift_of(
    scale: PointScale, points: npt.NDArray[np.float64], events: npt.NDArray[np.float64]
) -> float:
    """What to add to the log odds so that the mean probability is the rate of the event."""
    from scipy.special import expit  # slow to import

    distinct, place = np.unique(points, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    total = float(events.sum())
    if not 0 < total < len(points):
        raise DataError(
            f"event: happened in {int(total):,} of {len(points):,} rows with points; expected rows "
            "with and rows without it"
        )
    odds = (scale.offset - distinct) / scale.factor
    shift = 0.0
    for _ in range(100):
        p = expit(odds + shift)
        step = float((total - counts @ p) / (counts @ (p * (1 - p))))
        shift += max(-2.0, min(2.0, step))
        if abs(step) < 1e-12:
            break
    return shift


def _table(feature: CardFeature) -> DecisionTable:
    """The points of a feature as a decision table."""
    name = feature.name
    kind = feature.bins.kind
    rules = [
        Rule(
            f"bin_{i}" if b.test.op != "missing" else "missing",
            {name: b.test},
            points,
            because=f"{name} {b.test}: {points:+d} points",
        )
        for i, (b, points) in enumerate(zip(feature.bins.bins, feature.points, strict=True), 1)
    ]
    return DecisionTable(
        id=f"points_{name}",
        title=f"Points for {name}",
        rules=rules,
        hit_policy=HitPolicy.UNIQUE,
        facts={name: Fact(kind)},
    )
