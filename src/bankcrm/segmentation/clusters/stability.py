"""How sure a number of clusters is: bootstrap Jaccard similarity, and the silhouette."""

from __future__ import annotations

import numpy as np

from bankcrm.segmentation.clusters.kmeans import Labels, fit_centres, nearest
from bankcrm.segmentation.clusters.scales import Floats

_DRAWS = 50
_STARTS = 2


def jaccard(points: Floats, label: Labels, k: int, rng: np.random.Generator) -> Floats:
    """The mean similarity of each cluster to the most similar one of clusters of bootstrap samples.

    Rows drawn several times count once, as in Hennig's ``clusterboot``.

    Source: Hennig (2007), Computational Statistics and Data Analysis 52, 258-271.
    """
    rows = points.shape[1]
    found = []
    for _ in range(_DRAWS):
        drawn = np.unique(rng.integers(0, rows, rows))
        part = np.ascontiguousarray(points[:, drawn])
        again, _gap = nearest(part, fit_centres(part, k, rng, _STARTS))
        both = np.bincount(label[drawn] * k + again, minlength=k * k).reshape(k, k)
        either = both.sum(axis=1)[:, None] + both.sum(axis=0)[None, :] - both
        found.append((both / np.maximum(either, 1)).max(axis=1))
    mean: Floats = np.mean(found, axis=0)
    return mean


def silhouette(points: Floats, label: Labels, k: int) -> float:
    """The mean silhouette of rows; 0 for a row that is alone in its cluster.

    Every pair of rows is compared: give some thousand rows at most.

    Source: Rousseeuw (1987).

    >>> points = np.array([[0.0, 1.0, 9.0, 10.0]])
    >>> round(silhouette(points, np.array([0, 0, 1, 1], np.int16), 2), 4)
    0.8885
    """
    from scipy.spatial.distance import cdist  # slow to import

    order = np.argsort(label, kind="stable")
    points, label = points[:, order].T, label[order]
    count = np.bincount(label, minlength=k)
    filled = np.flatnonzero(count)
    total = np.add.reduceat(cdist(points, points), np.searchsorted(label, filled), axis=1)
    rows, place = np.arange(len(label)), np.searchsorted(filled, label)
    own = count[label]
    inside = total[rows, place] / np.maximum(own - 1, 1)
    mean = total / count[filled]
    mean[rows, place] = np.inf
    outside = mean.min(axis=1)
    with np.errstate(invalid="ignore"):
        each = np.where(own > 1, (outside - inside) / np.maximum(inside, outside), 0.0)
    return float(np.nan_to_num(each).mean())
