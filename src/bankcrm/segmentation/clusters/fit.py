"""Fit clusters: scales, the number of clusters by stability, centres, names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from bankcrm.arguments import as_generator, as_items, refuse
from bankcrm.errors import DataError
from bankcrm.segmentation.clusters.kmeans import converge, fit_centres, nearest
from bankcrm.segmentation.clusters.model import (
    Cluster,
    Clusters,
    ClusterTrial,
    scaled_by,
)
from bankcrm.segmentation.clusters.naming import medians, names_of, spreads
from bankcrm.segmentation.clusters.scales import (
    Floats,
    ScaleKind,
    features_of,
    fit_scales,
    in_order,
    values_of,
)
from bankcrm.segmentation.clusters.stability import jaccard, silhouette

_SAMPLE, _SMALL = 10_000, 2_000  # rows for the starts, and for stability and silhouette
_STARTS = 10
_MOST = 100


def fit_clusters(
    facts: object,
    features: Sequence[str],
    *,
    k: int | None = None,
    ks: Iterable[int] = range(2, 9),
    scales: ScaleKind | Mapping[str, ScaleKind] = "robust",
    seed: int = 1,
) -> Clusters:
    """Clusters of customers by k-means on scaled features.

    The same rows in any order, with any number of threads, give the same clusters bit by bit.
    Large frames are started on a sample of 10,000 rows and settled on all. Stability and
    silhouette are those of 2,000 rows.

    Args:
        facts: One row per customer. Rows with a missing feature are left out and counted.
        features: Columns of numbers.
        k: Number of clusters; None: the one of ``ks`` whose least stable cluster is the most stable
            (mean Jaccard similarity to clusters of bootstrap samples, to two digits), the largest
            of equal ones.
        ks: Numbers of clusters to try, where ``k`` is None.
        scales: A scale for all features, or one per feature: ``robust`` (median and MAD), ``log``
            (the same of the signed logarithm, for skewed money) or ``none``. Features that are
            not named are ``robust``.
        seed: Seed of the sample, the starts and the bootstrap.

    Returns:
        The clusters; `assign_clusters` applies them.

    Raises:
        DataError: A feature holds no numbers, infinite ones or one value only, or there are fewer
            distinct rows than clusters.
        UnknownNameError: A feature or scale is not known.

    Source: PB-4, EB-9; Hennig (2007) for the stability.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"logins": [1, 2, 2, 3, 30, 31, 33, 35]})
    >>> fit_clusters(sample, ["logins"], k=2).frame()["size"].to_dict()
    {'low logins': 4, 'high logins': 4}
    """
    names = features_of(features)
    asked = [k] if k is not None else as_items(ks, "ks", "numbers of clusters")
    as_generator(seed)  # refuses what is no seed
    values = values_of(facts, names)
    known = ~np.isnan(values).any(axis=0)
    values = in_order(values[:, known])
    _check_numbers(values, asked)
    fitted = fit_scales(values, names, scales)
    points = scaled_by(values, fitted)
    shuffled = np.random.default_rng(seed).permutation(points.shape[1])
    sample, small = (
        np.ascontiguousarray(points[:, np.sort(shuffled[:size])]) for size in (_SAMPLE, _SMALL)
    )
    trials = [_trial(sample, small, int(number), seed) for number in asked]
    best = max(trials, key=_preference)
    centres, inertia = converge(points, best.centres)
    order = np.lexsort(centres.T[::-1])
    centres, stability = centres[order], best.stability[order]
    label, _ = nearest(points, centres)
    middle, spread = spreads(points)
    named = names_of((medians(points, label, len(centres)) - middle) / spread, names)
    size = np.bincount(label, minlength=len(centres))
    rows = zip(named, centres.tolist(), size.tolist(), stability.tolist(), strict=True)
    return Clusters(
        scales=fitted,
        clusters=tuple(Cluster(n, tuple(c), s, j) for n, c, s, j in rows),
        inertia=inertia,
        silhouette=best.found.silhouette,
        trail=tuple(t.found for t in sorted(trials, key=lambda t: t.found.k)),
        rows=points.shape[1],
        left_out=int((~known).sum()),
        seed=int(seed),
    )


@attrs.frozen(eq=False)
class _Trial:
    """Centres on a sample, the stability of each, and the figures for people."""

    centres: Floats
    stability: Floats
    found: ClusterTrial


def _trial(sample: Floats, small: Floats, k: int, seed: int) -> _Trial:
    """Fit one number of clusters on the sample; the other numbers do not change what it draws."""
    rng = np.random.default_rng([seed, k])
    centres, inertia = converge(sample, fit_centres(sample, k, rng, _STARTS))
    label, _ = nearest(small, centres)
    stability = jaccard(small, label, k, rng)
    figures = ClusterTrial(
        k, inertia / sample.shape[1], silhouette(small, label, k), float(stability.min())
    )
    return _Trial(centres, stability, figures)


def _preference(trial: _Trial) -> tuple[float, int]:
    """The most stable number comes first, and of equal ones the largest."""
    return round(trial.found.stability, 2), trial.found.k


def _check_numbers(values: Floats, asked: Sequence[Any]) -> None:
    """Refuse numbers of clusters that the rows cannot give."""
    wrong = [n for n in asked if not isinstance(n, int | np.integer) or not 2 <= n <= _MOST]
    if wrong or not asked:
        refuse("k", f"whole numbers of clusters, 2 to {_MOST}", wrong[0] if wrong else None)
    changed = (values[:, 1:] != values[:, :-1]).any(axis=0)
    distinct = int(changed.sum()) + bool(values.shape[1])
    if distinct < max(asked):
        raise DataError(
            f"facts: {distinct:,} distinct rows without a missing feature; expected at least one "
            f"per cluster ({max(asked)}); ask for fewer clusters, or leave features out"
        )
