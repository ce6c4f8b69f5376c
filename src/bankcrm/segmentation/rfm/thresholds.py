"""RFM thresholds, fitted once, and the scores by them (EB-3)."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import attrs
import cattrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import tomli_w

from bankcrm._display import card, few, figures_of
from bankcrm.arguments import as_kind, as_number, as_numbers
from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames import DataFault, as_frame
from bankcrm.frames.arrays import Numbers, numbers, row_blocks
from bankcrm.frames.conversion import require_columns

Method: TypeAlias = Literal["quantile", "r-rfm", "fixed"]
_Values: TypeAlias = npt.NDArray[np.int64] | Numbers
_METRICS = ("recency_days", "frequency", "monetary")


@attrs.frozen
class RfmCuts:
    """The cut points of one group, ascending; ``bins - 1`` of each metric."""

    recency_days: tuple[float, ...]
    frequency: tuple[float, ...]
    monetary: tuple[float, ...]
    group: str = ""

    def of(self, metric: str) -> tuple[float, ...]:
        """The cut points of one metric."""
        cuts: tuple[float, ...] = getattr(self, metric)
        return cuts


@attrs.frozen
class RfmThresholds:
    """Cut points that score each customer by the same rule, whenever it is scored.

    Attributes:
        method: ``quantile`` and ``r-rfm`` are fitted, ``fixed`` are a bank's own.
        bins: Number of scores, 2 to 9.
        groups: The cut points, one for each group of ``by``, or one in all.
        by: Column or index level of the groups; None for one set of cut points.

    Raises:
        PolicyError: Cut points that are not finite, not increasing, or not ``bins - 1``.

    Source: EB-3.
    """

    method: Method
    bins: int
    groups: tuple[RfmCuts, ...]
    by: str | None = None

    def __attrs_post_init__(self) -> None:
        if faults := list(_threshold_faults(self)):
            raise PolicyError(faults)

    def _repr_html_(self) -> str:
        rows = [
            {"group": cuts.group or "all", **{m: cuts.of(m) for m in _METRICS}}
            for cuts in self.groups
        ]
        return card("RFM cut points", figures_of(self, "method", "bins", "by"), rows=rows)

    @property
    def findings(self) -> tuple[DataFault, ...]:
        """Metrics in which no customer of the book can get some score, because many are equal."""
        return tuple(
            DataFault(
                "metrics",
                metric,
                "repeated_cut_points",
                0,
                (f"{cuts.group or 'all'}: {', '.join(f'{p:g}' for p in cuts.of(metric))}",),
                f"{self.bins - 1} different cut points for {self.bins} scores",
                "many customers have the same value; use fewer bins or method='fixed'",
            )
            for cuts in self.groups
            for metric in _METRICS
            if len(set(cuts.of(metric))) < self.bins - 1
        )

    def to_toml(self) -> str:
        """The thresholds as TOML text."""
        return tomli_w.dumps(_plain(self))

    @classmethod
    def from_toml(cls, text: str) -> RfmThresholds:
        """Read thresholds from TOML text; one error lists all of them."""
        try:
            return _structured(tomllib.loads(text))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise PolicyError(f"thresholds: not TOML: {error}") from None

    def to_json(self) -> str:
        """The thresholds as JSON text."""
        return json.dumps(_plain(self))

    @classmethod
    def from_json(cls, text: str) -> RfmThresholds:
        """Read thresholds from JSON text; one error lists all of them."""
        try:
            return _structured(json.loads(text))
        except (json.JSONDecodeError, RecursionError) as error:
            raise PolicyError(f"thresholds: not JSON: {error}") from None


def _threshold_faults(thresholds: RfmThresholds) -> list[str]:
    faults = []
    if not 2 <= thresholds.bins <= 9:
        faults.append(f"bins: {thresholds.bins}; expected 2 to 9")
    if thresholds.method not in ("quantile", "r-rfm", "fixed"):
        faults.append(f"method: {thresholds.method!r}; expected quantile, r-rfm or fixed")
    names = [cuts.group for cuts in thresholds.groups]
    if not names or len(set(names)) < len(names):
        faults.append(f"groups: {names}; expected at least one, each once")
    if thresholds.by is None and len(names) > 1:
        faults.append("by: missing, but there are several groups")
    for i, cuts in enumerate(thresholds.groups):
        for metric in _METRICS:
            path, points = f"groups[{i}].{metric}", cuts.of(metric)
            steps = np.diff(points)
            # Fitted points may repeat where many customers share a value; a bank's own may not.
            rising = (steps > 0).all() if thresholds.method == "fixed" else (steps >= 0).all()
            if len(points) != thresholds.bins - 1:
                faults.append(f"{path}: {len(points)} cut points for {thresholds.bins} bins")
            elif not np.isfinite(points).all():
                faults.append(f"{path}: {few(points)} are not all finite")
            elif not rising:
                faults.append(f"{path}: {few(points)} are not increasing")
    return faults


def _plain(thresholds: RfmThresholds) -> dict[str, Any]:
    data: dict[str, Any] = cattrs.unstructure(thresholds)
    groups = [{k: list(v) if k in _METRICS else v for k, v in g.items()} for g in data["groups"]]
    return {k: v for k, v in {**data, "groups": groups}.items() if v is not None}


def _structured(data: object) -> RfmThresholds:
    if not isinstance(data, dict):
        raise PolicyError(f"thresholds: expected fields by name, found a {type(data).__name__}")
    converter = cattrs.Converter(forbid_extra_keys=True)
    # RfmThresholds itself checks the method, and says which there are.
    converter.register_structure_hook_func(lambda kind: kind == Method, lambda word, _: word)
    try:
        return converter.structure(data, RfmThresholds)
    except cattrs.BaseValidationError as error:
        if found := _own_faults(error):
            raise PolicyError(found) from None
        raise PolicyError(cattrs.transform_error(error, path="thresholds")) from None


def _own_faults(error: BaseException) -> tuple[str, ...]:
    """The faults of a PolicyError inside cattrs' group, if there is one."""
    if isinstance(error, PolicyError):
        return error.faults
    inner = getattr(error, "exceptions", ())
    return next((faults for e in inner if (faults := _own_faults(e))), ())


def fit_rfm(
    metrics: pd.DataFrame,
    *,
    bins: int = 5,
    method: Method = "quantile",
    by: str | None = None,
    cuts: Mapping[str, Sequence[float]] | None = None,
    lost_after_days: float | None = None,
) -> RfmThresholds:
    """Fit the cut points that divide customers into equal shares, or take a bank's own.

    Args:
        metrics: From `rfm_metrics`.
        bins: Number of scores, 2 to 9.
        method: ``quantile``: the cut points are the quantiles (type 7), and a value above one
            passes it, so equal values always share a score. A value that so many customers share
            that several quantiles fall on it is scored by its place between the customers below
            and above it: the lowest value gets the lowest score, the highest the highest, and one
            that everybody has the middle. ``r-rfm``: the rule of the R package rfm, quantile plus
            1, passed from that value on. ``fixed``: ``cuts`` as given; frequency and monetary
            pass a cut point from its value on, recency stays in the better score up to and
            including it.
        by: Index level or column; each of its values gets its own cut points.
        cuts: For ``fixed``: ``recency_days``, ``frequency`` and ``monetary``, each ascending.
        lost_after_days: Days without a movement after which a customer counts as lost: the cut
            points of recency are at most equal steps up to there, so that nobody is recent only
            because the others are idle even longer. None: recency is compared only with that of
            the others. Not for ``fixed``.

    Returns:
        Frozen thresholds for `score_rfm`; they go to TOML or JSON.

    Raises:
        DataError: No customer to fit on, or values that are not finite.
        PolicyError: Cut points that are not increasing.

    Source: EB-3.

    >>> metrics = pd.DataFrame({"recency_days": range(1, 11), "frequency": range(1, 11),
    ...                         "monetary": [10.0 * v for v in range(1, 11)]})
    >>> fit_rfm(metrics, bins=2).groups[0].monetary
    (55.0,)
    """
    if method == "fixed":
        return RfmThresholds("fixed", bins, (_given(cuts),))
    if cuts is not None:
        raise DataError(f"cuts: given, but method {method!r} fits its own; use method='fixed'")
    if not 2 <= bins <= 9:
        raise PolicyError([f"bins: {bins}; expected 2 to 9"])
    if lost_after_days is not None:
        lost_after_days = as_number(lost_after_days, "lost_after_days")
    if lost_after_days is not None and not 1 <= lost_after_days < np.inf:
        raise PolicyError([f"lost_after_days: {lost_after_days}; expected at least 1 day"])
    values = _values(metrics)
    if not len(metrics):
        raise DataError("metrics: no customer to fit on; use method='fixed' or another period")
    if by is None:
        groups = [("", slice(None))]
    else:
        labels = _labels(metrics, by)
        groups = [(str(name), labels == name) for name in sorted(set(labels))]
    points = _r_rfm_points if method == "r-rfm" else _quantile_points
    probs = np.arange(1, bins) / bins
    fitted = []
    for name, rows in groups:
        recency, frequency, monetary = (points(v[rows].astype(np.float64), probs) for v in values)
        if lost_after_days is not None:
            steps = (lost_after_days - 1) * np.arange(1, bins) / (bins - 1)
            recency = np.minimum(recency, steps)
        fitted.append(_cuts([tuple(p.tolist()) for p in (recency, frequency, monetary)], name))
    return RfmThresholds(method, bins, tuple(fitted), by)


def _cuts(points: Sequence[tuple[float, ...]], group: str = "") -> RfmCuts:
    recency, frequency, monetary = points
    return RfmCuts(recency, frequency, monetary, group)


def _r_rfm_points(values: Numbers, probs: Numbers) -> Numbers:
    found: Numbers = np.quantile(values, probs) + 1.0
    return found


def _quantile_points(values: Numbers, probs: Numbers) -> Numbers:
    """Quantiles; of those that fall together on one value, some lie just below it.

    A value passes the quantiles up to its place: the share of the others below it among those who
    have another value, and one half where nobody has.

    >>> _quantile_points(np.array([1.0, 2.0, 2.0, 2.0]), np.array([0.25, 0.5, 0.75])) < 2
    array([ True,  True,  True])
    """
    points: Numbers = np.quantile(values, probs)
    shared, times = np.unique(points, return_counts=True)
    for value in shared[times > 1]:
        below, above = int((values < value).sum()), int((values > value).sum())
        place = below / (below + above) if below + above else 0.5
        points[(points == value) & (probs < place)] = np.nextafter(value, -np.inf)
    return points


def _given(cuts: Mapping[str, Sequence[float]] | None) -> RfmCuts:
    if cuts is None or set(cuts) != set(_METRICS):
        given = few(sorted(cuts or ())) or "none"
        raise PolicyError([f"cuts: expected {', '.join(_METRICS)}, got {given}"])
    return _cuts([tuple(float(p) for p in cuts[metric]) for metric in _METRICS])


def _values(metrics: pd.DataFrame) -> list[_Values]:
    metrics = as_frame(metrics)
    require_columns(metrics, _METRICS, "metrics")
    arrays: list[_Values] = []
    for metric in _METRICS:
        column = metrics[metric]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iu":
            arrays.append(column.to_numpy().astype(np.int64, copy=False))
            continue
        array = numbers(column, metric)
        bad = np.flatnonzero(~np.isfinite(array))
        if len(bad):
            first = few(metrics.index[bad])
            raise DataError(
                f"metrics.{metric}: {len(bad)} values are not finite ({first}); "
                "leave out customers without a movement"
            )
        arrays.append(array)
    return arrays


def _labels(metrics: pd.DataFrame, by: str) -> npt.NDArray[np.object_]:
    if by in metrics.index.names:
        values = pd.Series(metrics.index.get_level_values(by))
    elif by in metrics.columns:
        values = metrics[by]
    else:
        known = [n for n in [*metrics.index.names, *metrics.columns] if n is not None]
        raise UnknownNameError("column or index level for by", by, known)
    return values.astype(str).to_numpy(dtype=object)


def score_rfm(metrics: pd.DataFrame, thresholds: RfmThresholds) -> pd.DataFrame:
    """Score each customer by thresholds that were fitted before.

    Equal values always share a score, the order of rows never matters, and a new customer needs no
    refitting.

    Args:
        metrics: From `rfm_metrics`.
        thresholds: From `fit_rfm`, for this or an earlier period.

    Returns:
        The same index: ``r``, ``f``, ``m`` (int8, 1 to ``bins``, the highest is the best) and
        ``rfm_score`` (int16, the three as digits, such as 543).

    Raises:
        DataError: Columns are missing or values not finite.
        UnknownNameError: A group that the thresholds do not have.

    Source: EB-3.

    >>> metrics = pd.DataFrame({"recency_days": [3, 200], "frequency": [9, 1],
    ...                         "monetary": [500.0, 20.0]})
    >>> score_rfm(metrics, fit_rfm(metrics, bins=5))["rfm_score"].tolist()
    [555, 111]
    """
    metrics = as_frame(metrics)
    as_kind(thresholds, RfmThresholds, "thresholds", "give the result of fit_rfm")
    values = _values(metrics)
    bins = thresholds.bins
    scores = [np.empty(len(metrics), dtype=np.int8) for _ in _METRICS]
    if thresholds.by is None:
        _score(values, thresholds.groups[0], thresholds, scores)
    else:
        labels = _labels(metrics, thresholds.by)
        known = {cuts.group: cuts for cuts in thresholds.groups}
        for name in sorted(set(labels)):
            if name not in known:
                raise UnknownNameError(f"thresholds for {thresholds.by}", name, known)
            rows = np.flatnonzero(labels == name)
            part = [np.empty(len(rows), dtype=np.int8) for _ in _METRICS]
            _score([v[rows] for v in values], known[name], thresholds, part)
            for score, of_group in zip(scores, part, strict=True):
                score[rows] = of_group
    r, f, m = scores
    np.subtract(np.int8(bins + 1), r, out=r)
    code = r * np.int16(100) + f * np.int16(10) + m
    data = {"r": r, "f": f, "m": m, "rfm_score": code}
    return pd.DataFrame(data, index=metrics.index, copy=False)


def _score(
    values: list[_Values],
    cuts: RfmCuts,
    thresholds: RfmThresholds,
    out: list[npt.NDArray[np.int8]],
) -> None:
    """One more than the number of cut points passed, into ``out``; recency not yet reversed."""
    for metric, array, score in zip(_METRICS, values, out, strict=True):
        above = thresholds.method == "quantile" or (
            thresholds.method == "fixed" and metric == "recency_days"
        )
        passed = np.greater if above else np.greater_equal
        for rows in row_blocks(len(array)):
            block = array[rows]
            band = np.ones(len(block), dtype=np.int8)
            for point in cuts.of(metric):
                band += passed(block, point).view(np.int8)
            score[rows] = band


def weighted_rfm(scores: pd.DataFrame, *, weights: tuple[float, float, float]) -> pd.Series:
    """Combine the three scores to one number, by weights.

    Args:
        scores: From `score_rfm`.
        weights: Three numbers, not negative, not all zero; their sum does not matter.

    Returns:
        float64 Series ``weighted`` between 1 and the highest score.

    Raises:
        DataError: The weights are not such numbers, or scores are missing.

    Source: EB-3.

    >>> scores = pd.DataFrame({"r": [5], "f": [3], "m": [1]})
    >>> weighted_rfm(scores, weights=(2, 1, 1)).tolist()
    [3.5]
    """
    given = as_numbers(weights, "weights")
    if given.shape != (3,) or not np.isfinite(given).all() or (given < 0).any() or not given.any():
        raise DataError(f"weights: {weights}; expected three numbers >= 0, not all zero")
    scores = as_frame(scores)
    require_columns(scores, [*"rfm"], "scores", "give the frame of score_rfm")
    share = given / given.max()  # whose sum is finite
    share /= share.sum()
    total = sum(numbers(scores[c], c) * w for c, w in zip("rfm", share, strict=True))
    return pd.Series(total, index=scores.index, name="weighted")
