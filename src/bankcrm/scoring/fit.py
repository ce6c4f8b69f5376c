"""Fit a scorecard: bins of each feature, a regression on their weights of evidence, points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm._display import few
from bankcrm.arguments import as_finite, as_items, as_kind, as_mapping
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import ArrayLike
from bankcrm.scoring.bins import AskedTrend, BinLimits, Bins, Events, binned, event_of
from bankcrm.scoring.card import Card, CardFeature, Dropped, PointScale, shift_of
from bankcrm.scoring.logistic import DistinctRows, LogisticFit, distinct_rows, fit_logistic

_ALIKE = 0.999
"""Correlation from which two features say the same."""
_LEAST = 1.0
"""The least weight of a feature, in standard errors."""
_AGAINST = "beside the other features its points would run against its own trend"
_NOTHING = "beside the other features its weight is below its standard error"


@attrs.frozen(eq=False)
class _Candidate:
    """A feature that may come into the card."""

    bins: Bins
    code: npt.NDArray[np.intp]

    @property
    def woe(self) -> npt.NDArray[np.float64]:
        return np.array([b.woe for b in self.bins.bins])


def fit_card(
    facts: object,
    event: ArrayLike,
    *,
    features: Sequence[str] | None = None,
    trends: Mapping[str, AskedTrend] | None = None,
    min_iv: float = 0.02,
    max_bins: int = 6,
    min_share: float = 0.05,
    min_count: int = 30,
    scale: PointScale | None = None,
) -> Card:
    """A scorecard for an event: more points, less probable.

    Each feature is cut into bins; a logistic regression weighs their weights of evidence. A
    feature is left out, with the reason, if it predicts too little by itself or beside the others,
    says the same as a better one, or would give points against its own trend.

    Args:
        facts: One row per case; numbers, texts and booleans. Give only what is known before the
            event may happen.
        event: Whether the event happened: booleans, or 0 and 1, one per row.
        features: Columns that may be used; None: all.
        trends: Feature -> how the event rate goes as it rises, where experts know it.
        min_iv: The least information value of a feature.
        max_bins: As for `fit_bins`.
        min_share: As for `fit_bins`.
        min_count: As for `fit_bins`.
        scale: What points mean; by default 600 points at odds of 50 to 1, doubled by 20 points.

    Returns:
        The card. Features come in order of their information value.

    Raises:
        DataError: No feature is left, the features tell the event without error, or as for
            `fit_bins`.
        UnknownNameError: A feature or trend is not known.

    Source: default.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"idle": [5, 20, 40, 60, 80, 100] * 60})
    >>> left = [0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0] * 20
    >>> card = fit_card(sample, left, max_bins=2)
    >>> [(str(b.test), p) for b, p in zip(card.features[0].bins.bins, card.features[0].points)]
    [('< 100', 9), ('>= 100', -40)]
    """
    frame, hits = as_frame(facts), event_of(event)
    names = list(map(str, frame.columns))
    if features is not None:
        names = as_items(features, "features", "a list of columns")
    asked = as_mapping(trends, "trends", "a mapping of feature to trend")
    for name in (*names, *asked):
        if name not in frame.columns:
            raise UnknownNameError("feature", name, map(str, frame.columns))
    if scale is not None:
        as_kind(scale, PointScale, "scale")
    min_iv = as_finite(min_iv, "min_iv")
    limits = BinLimits(max_bins, min_share, min_count)
    dropped: list[Dropped] = []
    found: list[_Candidate] = []
    for name in names:
        bins, code = binned(frame[name], hits, name, asked.get(name, "auto"), limits)
        if bins.iv < min_iv:
            dropped.append(Dropped(name, f"its information value {bins.iv:.3f} is below {min_iv}"))
        else:
            found.append(_Candidate(bins, code))
    found.sort(key=lambda c: (-c.bins.iv, c.bins.feature))
    kept, fit = _weigh(found, hits, dropped)
    return _card(kept, fit, hits, dropped, PointScale() if scale is None else scale)


def _weigh(
    found: list[_Candidate], hits: Events, dropped: list[Dropped]
) -> tuple[list[_Candidate], LogisticFit]:
    """The regression without features that repeat others or turn against their own trend."""
    if not found:
        why = few(dropped, lambda d: f"{d.feature}: {d.reason}", between="; ")
        raise DataError(
            f"facts: no feature predicts the event ({why}); give others, or lower min_iv"
        )
    cells = distinct_rows([c.code for c in found], [len(c.bins.bins) for c in found], hits)
    woe = np.column_stack([c.woe[cells.codes[:, i]] for i, c in enumerate(found)])
    kept = _not_repeated(found, woe, cells, dropped)
    start = None
    while True:
        fit = fit_logistic(-woe[:, kept], cells.counts, cells.events, start)
        sure = fit.coefficients[1:] / np.sqrt(np.diag(fit.covariance)[1:])
        if sure.min() > _LEAST:
            return [found[i] for i in kept], fit
        worst = kept[int(sure.argmin())]
        start = np.delete(fit.coefficients, 1 + int(sure.argmin()))
        why = _AGAINST if sure.min() <= 0 else _NOTHING
        dropped.append(Dropped(found[worst].bins.feature, why))
        kept.remove(worst)


def _not_repeated(
    found: list[_Candidate],
    woe: npt.NDArray[np.float64],
    cells: DistinctRows,
    dropped: list[Dropped],
) -> list[int]:
    """The positions of features that do not repeat a better one."""
    around = woe - np.average(woe, axis=0, weights=cells.counts)
    unit = around * np.sqrt(cells.counts)[:, None]
    unit = unit / np.linalg.norm(unit, axis=0)
    alike = np.abs(unit.T @ unit) > _ALIKE
    kept: list[int] = []
    for i, candidate in enumerate(found):
        same = [j for j in kept if alike[i, j]]
        if same:
            why = f"it says the same as {found[same[0]].bins.feature}"
            dropped.append(Dropped(candidate.bins.feature, why))
        else:
            kept.append(i)
    return kept


def _card(
    kept: list[_Candidate],
    fit: LogisticFit,
    hits: Events,
    dropped: list[Dropped],
    scale: PointScale,
) -> Card:
    """Weights as whole points."""
    constant, weights = float(fit.coefficients[0]), fit.coefficients[1:]
    base = round(scale.offset - scale.factor * constant)
    features, total = [], np.full(len(hits), float(base))
    for candidate, weight in zip(kept, weights.tolist(), strict=True):
        points = np.rint(scale.factor * weight * candidate.woe).astype(np.int64)
        total += np.append(points, 0)[candidate.code]
        features.append(CardFeature(candidate.bins, tuple(points.tolist()), weight))
    return Card(
        features=tuple(features),
        base_points=base,
        scale=scale,
        shift=shift_of(scale, total, hits.astype(np.float64)),
        covariance=tuple(map(tuple, fit.covariance.tolist())),
        dropped=tuple(dropped),
        rows=len(hits),
        events=int(hits.sum()),
    )
