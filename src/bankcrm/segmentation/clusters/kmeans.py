"""K-means without chance: the same rows give the same centres, bit by bit.

Sums run over rows in a fixed order and no linear algebra is used, so that neither threads nor the
cut of blocks change a bit.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm.frames.arrays import row_blocks
from bankcrm.segmentation.clusters.scales import Floats

Labels = npt.NDArray[np.int16]
_BLOCK = 8192  # rows that stay in the processor's cache over all centres
_PASSES = 100
ROUGH = 1e-3
"""Share of the inertia that a pass must gain while starts are compared."""
_SETTLED = 1e-7  # and in the end


def nearest(points: Floats, centres: Floats) -> tuple[Labels, Floats]:
    """The nearest centre of each row, the first of equal ones, and the squared distance to it.

    Args:
        points: Shape (features, rows).
        centres: Shape (clusters, features).

    >>> label, gap = nearest(np.array([[0.0, 5.0, 9.0]]), np.array([[0.0], [10.0]]))
    >>> label.tolist(), gap.tolist()
    ([0, 0, 1], [0.0, 25.0, 1.0])
    """
    rows = points.shape[1]
    label, least = np.zeros(rows, np.int16), np.full(rows, np.inf)
    for part in row_blocks(rows, _BLOCK):
        block, best = points[:, part], least[part]
        mine, gap = label[part], np.empty(block.shape[1])
        for number, centre in enumerate(centres):
            squared_gap(block, centre, gap)
            np.copyto(mine, number, where=gap < best)
            np.minimum(best, gap, out=best)
    return label, least


def squared_gap(points: Floats, centre: Floats, out: Floats) -> Floats:
    """The squared distance of each row to one centre."""
    step = np.empty_like(out)
    out[:] = 0.0
    for x, middle in zip(points, centre.tolist(), strict=True):
        np.subtract(x, middle, out=step)
        np.multiply(step, step, out=step)
        out += step
    return out


def fit_centres(points: Floats, k: int, rng: np.random.Generator, starts: int) -> Floats:
    """The centres with the least inertia of several starts, settled roughly.

    Args:
        points: Shape (features, rows), with at least ``k`` distinct rows.
        k: Number of centres.
        rng: Chooses the starts.
        starts: Number of starts.
    """
    found = [converge(points, _start(points, k, rng), ROUGH) for _ in range(starts)]
    return min(found, key=lambda f: f[1])[0]


def converge(points: Floats, centres: Floats, gain: float = _SETTLED) -> tuple[Floats, float]:
    """Move centres to the means of their rows until they converge; with their inertia.

    Args:
        points: Shape (features, rows).
        centres: Shape (clusters, features).
        gain: Share of the inertia that a pass must gain for another one.
    """
    label, gap = nearest(points, centres)
    inertia = float(gap.sum())
    for _ in range(_PASSES):
        centres = _means(points, label, gap, len(centres))
        label, gap = nearest(points, centres)
        before, inertia = inertia, float(gap.sum())
        if before - inertia <= gain * before:
            break
    return centres, inertia


def _means(points: Floats, label: Labels, gap: Floats, k: int) -> Floats:
    """The mean of each cluster; one without rows takes the row that is farthest from its centre."""
    count = np.bincount(label, minlength=k)
    for empty in np.flatnonzero(count == 0):
        far = int(gap.argmax())
        label[far], gap[far] = empty, 0.0
        count = np.bincount(label, minlength=k)
    sums = [np.bincount(label, x, minlength=k) for x in points]
    found: Floats = np.stack(sums, axis=1) / np.maximum(count, 1)[:, None]
    return found


def _start(points: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Rows far from each other: each the best of a few drawn by squared distance (k-means++)."""
    rows = points.shape[1]
    tries = 2 + int(np.log(k))
    chosen = [int(rng.integers(rows))]
    least = squared_gap(points, points[:, chosen[0]], np.empty(rows))
    while len(chosen) < k:
        total = np.cumsum(least)
        drawn = np.searchsorted(total, rng.random(tries) * total[-1], side="right")
        drawn = np.minimum(drawn, rows - 1)  # where no row is left that is far from those chosen
        gaps = [np.minimum(least, squared_gap(points, points[:, i], np.empty(rows))) for i in drawn]
        best = int(np.argmin([g.sum() for g in gaps]))
        chosen.append(int(drawn[best]))
        least = gaps[best]
    return points[:, chosen].T
