"""How well a score ranks and predicts, from histograms of its points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, figures_of
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import ArrayLike, codes, numbers
from bankcrm.frames.conversion import require_columns
from bankcrm.intervals import Interval, quantile, wilson
from bankcrm.scoring.bins import event_of, series_of
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]


@attrs.frozen(eq=False, repr=False)
class CardChecks:
    """The checks of a score on a sample.

    Attributes:
        rows: Rows with points.
        events: Those with the event.
        undecided: Rows without points, which are not checked.
        auc: Probability that a row with the event has fewer points than one without; the interval
            is DeLong's.
        ks: Greatest distance of the two distributions of points.
        brier: Mean squared error of the probabilities.
        predicted: Mean probability.
        bands: One row per band of about as many rows, fewest points first: ``lowest``,
            ``highest`` (points), ``count``, ``events``, ``rate`` with Wilson's ``lower`` and
            ``upper``, ``predicted`` (mean probability), ``gain`` (share of all events from the
            first band to this one) and ``lift`` (their rate by the rate of all).
    """

    rows: int
    events: int
    undecided: int
    auc: Interval
    ks: float
    brier: float
    predicted: float
    bands: pd.DataFrame

    @property
    def gini(self) -> float:
        """Twice the AUC less one."""
        return 2 * self.auc.estimate - 1

    @property
    def observed(self) -> float:
        """The rate of the event."""
        return self.events / self.rows

    def __repr__(self) -> str:
        return f"<CardChecks: {self.rows:,} rows, AUC {self.auc}, KS {self.ks:.3f}>"

    def _repr_html_(self) -> str:
        names = ("rows", "events", "undecided", "auc", "gini", "ks", "brier", "predicted",
                 "observed")  # fmt: skip
        return card("Checks of a score", figures_of(self, *names), self.bands)

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Predicted and observed rate of each band, with Wilson's intervals."""
        from bankcrm.plots import scores

        return scores.calibration(self.bands, ax=ax, language=language)

    def plot_gain(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """Share of the events found among the rows with the fewest points."""
        from bankcrm.plots import scores

        return scores.gain(self.bands, ax=ax, language=language)


def check_card(
    scored: object, event: ArrayLike, *, bands: int = 10, confidence: float = 0.95
) -> CardChecks:
    """Check a score against what happened: on rows that the card was not fitted on.

    Args:
        scored: ``points`` and ``probability``, one row per case, as `score_card` gives them; of
            another model, any number that falls as the event gets more probable, and its
            probability.
        event: Whether the event happened: booleans, or 0 and 1, one per row.
        bands: The number of bands.
        confidence: Coverage of the intervals, between 0 and 1.

    Raises:
        DataError: A column is not there, or the event happened to all or none of the rows.

    Source: DeLong, DeLong and Clarke-Pearson (1988).

    >>> scored = pd.DataFrame({"points": [1, 2, 3, 4], "probability": [0.9, 0.6, 0.4, 0.1]})
    >>> check_card(scored, [True, False, True, False], bands=2).auc.estimate
    0.75
    """
    frame = as_frame(scored)
    names = ("points", "probability")
    require_columns(frame, names, "scored", "give the result of score_card")
    points = numbers(frame["points"], "points")
    chance = numbers(frame["probability"], "probability")
    hits = series_of(event, "event").reset_index(drop=True)
    if len(hits) != len(points):
        raise DataError(f"event: {len(hits):,} values for {len(points):,} rows")
    if bands < 1:
        raise DataError(f"bands: got {bands}; expected 1 or more")
    known = ~np.isnan(points)
    happened = event_of(hits[known])
    points, chance = points[known], chance[known]
    code, values = _ordered(points)
    n = np.bincount(code, minlength=len(values)).astype(np.float64)
    e = np.bincount(code[happened], minlength=len(values)).astype(np.float64)
    return CardChecks(
        rows=len(points),
        events=int(e.sum()),
        undecided=int((~known).sum()),
        auc=auc_of(n - e, e, confidence),
        ks=float(np.abs(np.cumsum(e) / e.sum() - np.cumsum(n - e) / (n - e).sum()).max()),
        brier=float(((chance - happened) ** 2).mean()),
        predicted=float(chance.mean()),
        bands=_bands(values, n, e, np.bincount(code, chance), bands, confidence),
    )


def _ordered(points: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """The distinct points in rising order, and the place of each row's."""
    code, index = codes(points)
    values = index.to_numpy(np.float64)
    order = np.argsort(values)
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return place[code], values[order]


def auc_of(without: Floats, events: Floats, confidence: float) -> Interval:
    """The area under the ROC curve with DeLong's interval, from counts by rising points.

    >>> auc_of(np.array([0.0, 1.0, 0.0, 1.0]), np.array([1.0, 0.0, 1.0, 0.0]), 0.95).estimate
    0.75
    """
    m, n = events.sum(), without.sum()
    above = (n - np.cumsum(without) + without / 2) / n  # of a row with the event
    below = (np.cumsum(events) - events / 2) / m  # of a row without it
    auc = float(events @ above / m)
    spread = [
        float(w @ (v - auc) ** 2 / max(w.sum() - 1, 1) / w.sum())
        for w, v in ((events, above), (without, below))
    ]
    half = quantile(confidence) * float(np.sqrt(sum(spread)))
    return Interval(
        auc, max(auc - half, 0.0), min(auc + half, 1.0), confidence, "DeLong", int(m + n)
    )


def _bands(
    values: Floats,
    n: Floats,
    e: Floats,
    chance: Floats | npt.NDArray[np.intp],
    bands: int,
    confidence: float,
) -> pd.DataFrame:
    """Bands of equal size as far as equal points stay together."""
    middle = np.cumsum(n) - n / 2
    band = (middle * bands / n.sum()).astype(np.intp)
    _, first, band = np.unique(band, return_index=True, return_inverse=True)
    count, hits = np.bincount(band, n), np.bincount(band, e)
    rate, lower, upper = wilson(hits, count, confidence)
    return pd.DataFrame(
        {
            "lowest": values[first],
            "highest": values[np.append(first[1:], len(values)) - 1],
            "count": count.astype(np.int64),
            "events": hits.astype(np.int64),
            "rate": rate,
            "lower": lower,
            "upper": upper,
            "predicted": np.bincount(band, chance) / count,
            "gain": np.cumsum(hits) / e.sum(),
            "lift": np.cumsum(hits) / np.cumsum(count) * n.sum() / e.sum(),
        }
    ).rename_axis("band")
