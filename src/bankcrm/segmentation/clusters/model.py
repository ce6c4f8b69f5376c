"""Fitted clusters: a frozen value that assigns one customer as it assigns a million."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import attrs
import numpy as np
import pandas as pd

from bankcrm import _display
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import as_frame
from bankcrm.frames.numbering import categorical
from bankcrm.rules.fingerprint import canonical, digest
from bankcrm.segmentation.clusters.kmeans import squared_gap
from bankcrm.segmentation.clusters.scales import FeatureScale, Floats, values_of
from bankcrm.wire.toml import Saved

STABLE = 0.75
"""The mean Jaccard similarity from which a cluster is a valid pattern (Hennig)."""


@attrs.frozen
class Cluster:
    """One cluster.

    Attributes:
        name: Its name, from the features that deviate most from the median of all rows.
        centre: Its centre on the scales, one number per feature.
        size: Rows of the fit.
        stability: Mean Jaccard similarity to the most similar cluster of bootstrap samples; 0.75
            or more is a valid pattern.
    """

    name: str
    centre: tuple[float, ...]
    size: int
    stability: float


@attrs.frozen
class ClusterTrial:
    """What a number of clusters gives on a sample of the rows.

    Attributes:
        k: Number of clusters.
        inertia: Mean squared distance of a row to its centre.
        silhouette: Mean silhouette.
        stability: That of the least stable cluster.
    """

    k: int
    inertia: float
    silhouette: float
    stability: float


@attrs.frozen(repr=False)
class Clusters(Saved):
    """Clusters of customers on scaled features.

    Attributes:
        scales: The features and their scales.
        clusters: The clusters, in rising order of their centres by the first feature, then the
            second ...
        inertia: Sum of the squared distances of the rows to their centres.
        silhouette: Mean silhouette of a sample.
        trail: The numbers of clusters that were tried.
        rows: Rows of the fit.
        left_out: Rows with a missing feature, which were left out.
        seed: The seed of the fit.
    """

    scales: tuple[FeatureScale, ...]
    clusters: tuple[Cluster, ...]
    inertia: float
    silhouette: float
    trail: tuple[ClusterTrial, ...]
    rows: int
    left_out: int
    seed: int

    def __attrs_post_init__(self) -> None:
        """Refuse centres that do not fit the features, and a name that occurs twice."""
        if len(set(self.names)) < len(self.names):
            raise DataError(f"clusters: {', '.join(self.names)}; expected each name once")
        for cluster in self.clusters:
            if len(cluster.centre) != len(self.scales):
                raise DataError(
                    f"cluster {cluster.name!r}: {len(cluster.centre)} numbers in its centre; "
                    f"expected one for each of {len(self.scales)} features"
                )

    @property
    def features(self) -> tuple[str, ...]:
        """The features."""
        return tuple(s.feature for s in self.scales)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the clusters."""
        return tuple(c.name for c in self.clusters)

    @property
    def stable(self) -> bool:
        """Whether every cluster is a valid pattern."""
        return min(c.stability for c in self.clusters) >= STABLE

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical content: equal clusters have equal fingerprints."""
        return digest(canonical(self))

    def frame(self) -> pd.DataFrame:
        """One row per cluster: ``size``, ``share``, ``stability`` and the centre of each feature.

        Centres are in the units of the features.
        """
        found: dict[str, object] = {
            "size": [c.size for c in self.clusters],
            "share": [c.size / self.rows for c in self.clusters],
            "stability": [c.stability for c in self.clusters],
        }
        for scale, centre in zip(self.scales, self.centres.T, strict=True):
            found[scale.feature] = scale.value(centre)
        return pd.DataFrame(found, index=pd.Index(self.names, name="cluster"))

    @property
    def centres(self) -> Floats:
        """The centres on the scales, of shape (clusters, features)."""
        return np.array([c.centre for c in self.clusters])

    def scaled(self, facts: object) -> Floats:
        """The features of facts on the scales, of shape (features, rows)."""
        return scaled_by(values_of(facts, self.features), self.scales)

    def renamed(self, names: Mapping[str, str]) -> Clusters:
        """The same clusters with other names.

        Args:
            names: Name -> new name; the others stay.

        Raises:
            DataError: Two clusters would have one name.
            UnknownNameError: No cluster has the name.
        """
        as_kind(names, Mapping, "names", "give each name and the new one")
        for name in names:
            if name not in self.names:
                raise UnknownNameError("cluster", name, self.names)
        changed = (attrs.evolve(c, name=names.get(c.name, c.name)) for c in self.clusters)
        return attrs.evolve(self, clusters=tuple(changed))

    def matched(self, earlier: Clusters) -> Clusters:
        """The same clusters, which keep the names of an earlier fit where they lie in its clusters.

        Centres are matched so that they moved least in all. A cluster that lies nearer to another
        earlier centre than to its match keeps its own name.

        Args:
            earlier: Clusters of the same features.

        Raises:
            DataError: The features differ.
        """
        from scipy.optimize import linear_sum_assignment  # slow to import

        as_kind(earlier, Clusters, "earlier", "give the result of fit_clusters")
        if set(earlier.features) != set(self.features):
            raise DataError(
                f"earlier: has features {', '.join(earlier.features)}; expected "
                f"{', '.join(self.features)}"
            )
        points = earlier.scaled(self.frame()[list(earlier.features)])
        gaps = np.array(
            [squared_gap(points, centre, np.empty(points.shape[1])) for centre in earlier.centres]
        )
        old, new = linear_sum_assignment(gaps)
        kept = {
            j: earlier.names[i]
            for i, j in zip(old.tolist(), new.tolist(), strict=True)
            if gaps[:, j].argmin() == i
        }
        names = [kept.get(j, name) for j, name in enumerate(self.names)]
        for j, name in enumerate(names):
            if j not in kept and name in (*kept.values(), *names[:j]):
                names[j] = f"{name} (new)"
        pairs = zip(self.clusters, names, strict=True)
        return attrs.evolve(self, clusters=tuple(attrs.evolve(c, name=n) for c, n in pairs))

    def __repr__(self) -> str:
        figures = {"clusters": len(self.clusters), "rows": self.rows, "stable": self.stable}
        return _display.line("Clusters", figures)

    def _repr_html_(self) -> str:
        names = ("rows", "left_out", "features", "inertia", "silhouette", "stable")
        return _display.card("Clusters", _display.figures_of(self, *names), self.frame())


def scaled_by(values: Floats, scales: tuple[FeatureScale, ...]) -> Floats:
    """Values of shape (features, rows) on their scales."""
    return np.stack([s.scaled(x) for s, x in zip(scales, values, strict=True)])


def assign_clusters(facts: object, clusters: Clusters) -> pd.DataFrame:
    """The cluster of each row: that of the nearest centre; each row depends on itself alone.

    Args:
        facts: The features of the clusters, one row per customer.
        clusters: The result of `fit_clusters`.

    Returns:
        The same index: ``cluster`` (categorical), ``distance`` (to its centre, on the scales),
        ``second`` (categorical, the next nearest) and ``missing`` (categorical, the first feature
        that is missing; the others are null then).

    Raises:
        DataError: A feature holds no numbers, or infinite ones.
        UnknownNameError: A feature is not there.

    >>> from bankcrm.segmentation import fit_clusters
    >>> sample = pd.DataFrame({"logins": [1, 2, 2, 3, 30, 31, 33, 35]})
    >>> clusters = fit_clusters(sample, ["logins"], k=2)
    >>> assign_clusters(pd.DataFrame({"logins": [2, 40, None]}), clusters)["cluster"].tolist()
    ['low logins', 'high logins', nan]
    """
    as_kind(clusters, Clusters, "clusters", "give the result of fit_clusters")
    frame = as_frame(facts)
    points = clusters.scaled(frame)
    absent = np.isnan(points)
    unknown = absent.any(axis=0)
    gaps = np.array([squared_gap(points, c, np.empty(len(frame))) for c in clusters.centres])
    rows, label = np.arange(len(frame)), gaps.argmin(axis=0)
    distance = np.sqrt(gaps[label, rows])
    gaps[label, rows] = np.inf
    second = gaps.argmin(axis=0)
    missing = np.where(unknown, absent.argmax(axis=0), -1)
    found = pd.DataFrame(
        {
            "cluster": categorical(np.where(unknown, -1, label), clusters.names),
            "distance": np.where(unknown, np.nan, distance),
            "second": categorical(np.where(unknown, -1, second), clusters.names),
            "missing": categorical(missing, clusters.features),
        },
        index=frame.index,
    )
    found.attrs["clusters"] = clusters.fingerprint
    return found
