"""Clusters as a decision table: a tree of thresholds with one leaf per cluster."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm import _display
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError
from bankcrm.rules import DecisionTable, Fact, HitPolicy, Rule, UnaryTest
from bankcrm.segmentation.clusters.kmeans import Labels, nearest
from bankcrm.segmentation.clusters.model import Clusters, scaled_by
from bankcrm.segmentation.clusters.scales import Floats, in_order, values_of

Box = dict[str, tuple[float | None, float | None]]
"""Least value (included) and greatest (excluded) of each feature; None for no limit."""


@attrs.frozen(eq=False, repr=False)
class ClusterRules:
    """Clusters described by rules, and what the rules lose.

    Attributes:
        table: One rule per cluster; exactly one of them holds for a row.
        agreement: Share of the rows that the rules put into the cluster of the nearest centre.
        price: Inertia of the groups that the rules make, by that of the clusters.
        rows: Rows that both were counted on.
    """

    table: DecisionTable
    agreement: float
    price: float
    rows: int

    def __repr__(self) -> str:
        figures = {"agreement": self.agreement, "price": self.price, "rows": self.rows}
        return _display.line("ClusterRules", figures)

    def _repr_html_(self) -> str:
        rows = [{"cluster": r.then, "if": r.because} for r in self.table.rules]
        figures = _display.figures_of(self, "agreement", "price", "rows")
        return _display.card("Clusters as rules", figures, rows=rows)


def cluster_rules(facts: object, clusters: Clusters) -> ClusterRules:
    """The clusters as one decision table with a rule for each.

    The table is a tree of thresholds on single features. Each threshold separates centres so that
    the fewest rows are cut off from theirs.

    Args:
        facts: The rows to learn the thresholds from, mostly those of the fit.
        clusters: The result of `fit_clusters`.

    Raises:
        DataError: No row has all features, or as for `fit_clusters`.

    Source: PB-4; Moshkovitz, Dasgupta, Rashtchian and Frost (2020), iterative mistake minimization.

    >>> import pandas as pd
    >>> from bankcrm.segmentation import fit_clusters
    >>> sample = pd.DataFrame({"logins": [1, 2, 2, 3, 30, 31, 33, 35]})
    >>> found = cluster_rules(sample, fit_clusters(sample, ["logins"], k=2))
    >>> [(rule.then, rule.because) for rule in found.table.rules], found.agreement
    ([('low logins', 'logins < 20'), ('high logins', 'logins >= 20')], 1.0)
    """
    as_kind(clusters, Clusters, "clusters", "give the result of fit_clusters")
    values = values_of(facts, clusters.features)
    values = in_order(values[:, ~np.isnan(values).any(axis=0)])
    if not values.shape[1]:
        raise DataError("facts: no row has all features of the clusters")
    points = scaled_by(values, clusters.scales)
    label, gap = nearest(points, clusters.centres)
    boxes = dict(_leaves(values, label, clusters))
    table = _table([boxes[i] for i in range(len(boxes))], clusters)
    described = np.full(len(label), -1)
    for number, box in boxes.items():
        described[_inside(values, box, clusters.features)] = number
    return ClusterRules(
        table=table,
        agreement=float((described == label).mean()),
        price=_inertia(points, described) / float(gap.sum()) if gap.any() else 1.0,
        rows=len(label),
    )


def _leaves(values: Floats, label: Labels, clusters: Clusters) -> Iterator[tuple[int, Box]]:
    """Each cluster with the box of its leaf."""
    middles = np.stack(
        [s.value(c) for s, c in zip(clusters.scales, clusters.centres.T, strict=True)]
    )
    open_nodes: list[tuple[list[int], npt.NDArray[np.intp], Box]] = [
        (list(range(middles.shape[1])), np.arange(len(label)), {})
    ]
    while open_nodes:
        centres, rows, box = open_nodes.pop()
        if len(centres) == 1:
            yield centres[0], box
            continue
        which, cut = _best_cut(values[:, rows], label[rows], middles, centres, clusters)
        name = clusters.features[which]
        low, high = box.get(name, (None, None))
        below = values[which, rows] < cut
        kept = below == (middles[which, label[rows]] < cut)  # the others are lost to their centre
        left = [c for c in centres if middles[which, c] < cut]
        right = [c for c in centres if c not in left]
        open_nodes.append((right, rows[~below & kept], {**box, name: (cut, high)}))
        open_nodes.append((left, rows[below & kept], {**box, name: (low, cut)}))


def _best_cut(
    values: Floats, label: Labels, middles: Floats, centres: list[int], clusters: Clusters
) -> tuple[int, int | float]:
    """The feature and threshold that cut the fewest rows off, with the widest gap of equal ones."""
    best: tuple[int, float, int, int | float] | None = None
    for which, scale in enumerate(clusters.scales):
        own = middles[which, centres]
        if own.min() == own.max():
            continue
        edges, place = np.unique(
            np.concatenate([values[which], middles[which]]), return_inverse=True
        )
        at, centre_at = place[: len(label)], place[len(label) :]
        home = centre_at[label]
        change = np.bincount(np.minimum(at, home), minlength=len(edges))
        change -= np.bincount(np.maximum(at, home), minlength=len(edges))
        first, last = centre_at[centres].min(), centre_at[centres].max()
        lost = np.cumsum(change)[first:last]
        least = int(lost.min())
        width = np.diff(scale.scaled(edges[first : last + 1]))
        widest = int(np.where(lost == least, width, -1.0).argmax())
        found = (least, -float(width[widest]), which)
        if best is None or found < best[:3]:
            edge = first + widest
            best = (*found, _between(edges[edge], edges[edge + 1]))
    if best is None:
        raise DataError("clusters: two centres are equal; fit fewer clusters")
    return best[2], best[3]


def _inside(values: Floats, box: Box, features: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    found = np.ones(values.shape[1], np.bool_)
    for name, (low, high) in box.items():
        x = values[features.index(name)]
        if low is not None:
            found &= x >= low
        if high is not None:
            found &= x < high
    return found


def _inertia(points: Floats, label: npt.NDArray[np.signedinteger]) -> float:
    """Squared distances to the means of groups."""
    count = np.bincount(label)
    total = 0.0
    for x in points:
        mean = np.bincount(label, x) / np.maximum(count, 1)
        total += float(((x - mean[label]) ** 2).sum())
    return total


def _table(boxes: list[Box], clusters: Clusters) -> DecisionTable:
    rules = []
    for number, (box, cluster) in enumerate(zip(boxes, clusters.clusters, strict=True), 1):
        tests = {name: _test(*limits) for name, limits in sorted(box.items())}
        because = " and ".join(f"{name} {test}" for name, test in tests.items())
        rules.append(Rule(f"cluster_{number}", tests, cluster.name, "PB-4", because))
    used = sorted({name for box in boxes for name in box})
    return DecisionTable(
        id="clusters",
        title="Cluster of a customer",
        rules=rules,
        hit_policy=HitPolicy.UNIQUE,
        outcomes=clusters.names,
        facts={name: Fact("number") for name in used},
    )


def _test(low: float | None, high: float | None) -> UnaryTest:
    if low is None:
        return UnaryTest("<", (high,)) if high is not None else UnaryTest("present")
    if high is None:
        return UnaryTest(">=", (low,))
    return UnaryTest("between", (low, high), (True, False))


def _between(low: float, high: float) -> int | float:
    """The middle of two numbers, with no more digits than keep it above ``low``.

    >>> _between(3, 30), _between(3, 4), _between(0.2113, 0.2164)
    (20, 4, 0.214)
    """
    middle = float(low / 2 + high / 2)
    for digits in range(-15, 18):
        tried = round(middle, digits)
        if low < tried <= high:
            return int(tried) if tried.is_integer() and abs(tried) < 2**53 else tried
    return float(high)
