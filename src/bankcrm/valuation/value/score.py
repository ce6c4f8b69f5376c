"""Customer value from indicators: measures scaled, weighted and summed, with every part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, few, line
from bankcrm.arguments import as_kind
from bankcrm.book.view import Mask
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.conversion import require_columns
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats
from bankcrm.valuation.value.scales import GradeScale, Scale, ScaleMethod, fit_scale, points_scale
from bankcrm.valuation.value.weights import Weights, check_weights

FITTED: tuple[ScaleMethod, ...] = ("rank", "robust_z", "min_max")
MISSING_RULES = ("present", "neutral", "worst", "raise")


@attrs.frozen
class Measure:
    """One raw measure of an indicator, as the policy defines it.

    Attributes:
        indicator: The indicator that it belongs to.
        name: The column of its values.
        scale: ``rank``, ``robust_z``, ``min_max``, ``points`` or ``grades``.
        better: ``higher`` or ``lower``: the end that is good for the bank.
        weight: Weight within its indicator.
        points: Value and score, for ``points``.
        grades: Word -> score, for ``grades``.
        source: DOMAIN id, or ``default``.
    """

    indicator: str
    name: str
    scale: str = "rank"
    better: str = "higher"
    weight: float = 1.0
    points: tuple[tuple[float, float], ...] = ()
    grades: Mapping[str, float] = attrs.field(factory=dict)
    source: str = "default"

    def fitted(self, column: pd.Series) -> Scale | GradeScale:
        """The scale of this measure, fitted on the column if its method needs a fit."""
        higher = self.better == "higher"
        if self.scale == "grades":
            return GradeScale(self.grades)
        if self.scale == "points":
            return points_scale(dict(self.points), higher_is_better=higher)
        for method in FITTED:
            if self.scale == method:
                return fit_scale(column, method, higher_is_better=higher)
        raise DataError(
            f"measures.{self.name}: scale {self.scale!r}; expected one of "
            f"{', '.join((*FITTED, 'points', 'grades'))}"
        )


@attrs.frozen
class ValueModel:
    """Fitted scales and weights: scores one new customer like the book it was fitted on.

    Attributes:
        measures: The measures used.
        scales: The scale of each.
        weights: Indicator -> weight; they sum to 1.
        against: Indicators that count against the customer (risk), shown as such.
        missing: The rule for missing measures.
        left_out: Measures of the policy whose column was absent.
    """

    measures: tuple[Measure, ...]
    scales: tuple[Scale | GradeScale, ...]
    weights: Mapping[str, float]
    against: tuple[str, ...]
    missing: str
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return line("ValueModel", {"measures": len(self.measures), **self._figures()})

    def _repr_html_(self) -> str:
        rows = [
            {
                "indicator": m.indicator,
                "measure": m.name,
                "scale": m.scale,
                "better": m.better,
                "weight": m.weight,
                "source": m.source,
            }
            for m in self.measures
        ]
        return card("Value model", self._figures(), rows=rows)

    def _figures(self) -> dict[str, object]:
        return {
            "weights": self.weights,
            "against": self.against,
            "missing": self.missing,
            "left out": self.left_out,
        }

    def unknown(self) -> float:
        """Score of an indicator of which nothing is known."""
        return {"neutral": 0.5, "worst": 0.0}.get(self.missing, float("nan"))


def fit_value_model(
    indicators: object, *, weights: Weights | None = None, policy: Policy | None = None
) -> ValueModel:
    """Fit the scales of a value model on a book.

    Args:
        indicators: One row per customer, one column per raw measure; see `value_measures`. A
            measure of the policy whose column is absent or empty is left out, and named in the
            model's ``left_out``. An indicator without any measure follows the rule for missing
            measures; with ``present`` the weights of the others fill its place.
        weights: Indicator -> weight, summing to 1; by default those of the policy.
        policy: Valuation policy; by default the library's (five indicators of CSC-2). The preset
            ``private_banking`` is the model of PB-5.

    Returns:
        A frozen model.

    Raises:
        DataError: No measure at all (or, under ``raise``, none of one indicator), or weights that
            do not fit.
    """
    policy = policy_of(policy, "valuation")
    frame = as_frame(indicators)
    stated = policy.records("measures", Measure)
    use = [m for m in stated if m.name in frame and bool(frame[m.name].notna().any())]
    names = list(dict.fromkeys(m.indicator for m in stated))
    empty = [n for n in names if n not in {m.indicator for m in use}]
    missing = str(policy.value("missing_measures"))
    if missing not in MISSING_RULES:
        raise DataError(f"missing_measures: got {missing!r}; expected {', '.join(MISSING_RULES)}")
    if len(empty) == len(names) or (empty and missing == "raise"):
        needed = [m.name for m in stated if m.indicator in empty]
        raise DataError(
            f"indicators: no measure of {', '.join(empty)} is there; expected a column such as "
            f"{few(needed)}; present: {', '.join(map(str, frame.columns))}"
        )
    return ValueModel(
        measures=tuple(use),
        scales=tuple(m.fitted(frame[m.name]) for m in use),
        weights=check_weights(policy.value("weights") if weights is None else weights, names),
        against=tuple(policy.value("against")),
        missing=missing,
        left_out=tuple(m.name for m in stated if m not in use),
    )


def score_value(
    indicators: object,
    *,
    weights: Weights | None = None,
    model: ValueModel | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Value score of each customer from 0 to 100, with every indicator and its part.

    A measure is scaled to 0..1 (1 is best for the bank), an indicator is the weighted mean of its
    measures, and the score the weighted sum of the indicators. Risk counts against: its column
    shows how risky the customer is, its part what the lack of risk adds.

    Args:
        indicators: One row per customer, one column per raw measure; see `value_measures`.
        weights: Indicator -> weight, summing to 1; by default those of the policy.
        model: A fitted model; by default one is fitted on these rows.
        policy: Valuation policy; by default the library's.

    Returns:
        Frame with the index of the rows: each indicator (0 to 100), ``part_<indicator>``,
        ``score`` (the sum of the parts) and ``missing`` (number of measures missing).

    Raises:
        DataError: No measure at all, weights that do not fit, unknown grades.

    Source: CSC-2, PB-5.

    >>> rows = pd.DataFrame({
    ...     "contribution": [10.0, 900.0], "satisfaction": [60.0, 80.0], "tenure_years": [1.0, 9.0],
    ...     "income": [1e5, 2e5], "credit_standing": ["watch", "good"],
    ... })
    >>> scored = score_value(rows)
    >>> bool(scored["score"].iloc[1] > scored["score"].iloc[0])
    True
    """
    policy = policy_of(policy, "valuation")
    if model is None:
        model = fit_value_model(indicators, weights=weights, policy=policy)
    as_kind(model, ValueModel, "model", "give the result of fit_value_model")
    if weights is not None:
        model = attrs.evolve(model, weights=check_weights(weights, list(model.weights)))
    result = policy.stamp(_scored(as_frame(indicators), model))
    result.attrs["left_out"] = model.left_out
    return result


def _scored(frame: pd.DataFrame, model: ValueModel) -> pd.DataFrame:
    names = [m.name for m in model.measures]
    require_columns(frame, names, "indicators", "give them, null where unknown")
    each = zip(model.measures, model.scales, strict=True)
    scaled = [scale.apply(frame[m.name]) for m, scale in each]
    gaps = [np.isnan(values) for values in scaled]
    if model.missing == "raise":
        _refuse_gaps(model, gaps, frame.index)
    if model.missing in ("neutral", "worst"):
        scaled = [np.where(g, model.unknown(), v) for g, v in zip(gaps, scaled, strict=True)]
    good = {name: _indicator(name, scaled, model, len(frame)) for name in model.weights}
    weights = list(model.weights.values())
    _, reach = _weighted(list(good.values()), weights, len(frame))
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = {
            name: np.where(
                reach > 0, np.nan_to_num(values) * (model.weights[name] / reach) * 100, np.nan
            )
            for name, values in good.items()
        }
    shown = {
        name: 100 * (1 - values if name in model.against else values)
        for name, values in good.items()
    }
    columns: dict[str, object] = {**shown, **{f"part_{n}": part for n, part in parts.items()}}
    columns["score"] = sum(parts.values())
    columns["missing"] = sum(g.astype(np.int64) for g in gaps)
    return pd.DataFrame(columns, index=frame.index)


def _indicator(name: str, scaled: Sequence[Floats], model: ValueModel, size: int) -> Floats:
    """Weighted mean of the measures of an indicator that are known."""
    mine = [k for k, m in enumerate(model.measures) if m.indicator == name]
    weights = [model.measures[k].weight for k in mine]
    total, reach = _weighted([scaled[k] for k in mine], weights, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        result: Floats = np.where(reach > 0, total / reach, model.unknown())
    return result


def _weighted(
    columns: Sequence[Floats], weights: Sequence[float], size: int
) -> tuple[Floats, Floats]:
    """Weighted sum of the known values of each row, and the sum of their weights.

    It adds column by column, so that the sum of a row never depends on the other rows.
    """
    total, reach = np.zeros(size), np.zeros(size)
    for values, weight in zip(columns, weights, strict=True):
        total += np.nan_to_num(values) * weight
        reach += ~np.isnan(values) * weight
    return total, reach


def _refuse_gaps(model: ValueModel, gaps: Sequence[Mask], index: pd.Index) -> None:
    each = zip(model.measures, gaps, strict=True)
    counts = [f"{m.name}: {int(g.sum())}" for m, g in each if g.any()]
    if not counts:
        return
    rows = np.flatnonzero(np.logical_or.reduce(gaps))
    raise DataError(
        f"indicators: missing values ({'; '.join(counts)}; customers {few(index[rows])}); fill "
        "them or choose another rule for missing measures: present, neutral or worst"
    )
