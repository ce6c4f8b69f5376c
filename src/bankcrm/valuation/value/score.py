"""Customer value from indicators: measures scaled, weighted and summed, each part shown."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm._display import card, line
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Floats
from bankcrm.valuation.value.scales import GradeScale, Scale, ScaleMethod, fit_scale, points_scale
from bankcrm.valuation.value.weights import Weights, check_weights

FITTED: tuple[ScaleMethod, ...] = ("rank", "robust_z", "min_max")
MISSING_RULES = ("present", "neutral", "worst", "raise")


@attrs.frozen
class Measure:
    """One raw measure of an indicator, as the policy states it.

    Attributes:
        indicator: the indicator that it speaks for.
        name: the column that holds it.
        scale: ``rank``, ``robust_z``, ``min_max``, ``points`` or ``grades``.
        better: ``higher`` or ``lower``: which end is good for the bank.
        weight: how much it counts within its indicator.
        points: value and score, for ``points``.
        grades: word -> score, for ``grades``.
        source: where it comes from.
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
        """The scale of this measure, fitted on the column where its method needs that."""
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
        measures: the measures used.
        scales: the scale of each.
        weights: indicator -> weight; they sum to 1.
        against: indicators that count against the customer (risk), shown as such.
        missing: the rule for missing measures.
        left_out: measures of the policy whose column was absent.
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

    def score(self, indicators: object) -> pd.DataFrame:
        """Score of each customer; see `score_value`."""
        frame = as_frame(indicators)
        absent = [m.name for m in self.measures if m.name not in frame]
        if absent:
            raise DataError(
                f"indicators: columns missing: {', '.join(absent)}; present: "
                f"{', '.join(map(str, frame.columns))}; give them, null where unknown"
            )
        scaled = np.column_stack(
            [
                scale.apply(frame[m.name])
                for m, scale in zip(self.measures, self.scales, strict=True)
            ]
        )
        holes = np.isnan(scaled)
        scaled = self._filled(scaled, holes, frame.index)
        good = {name: self._indicator(name, scaled) for name in self.weights}
        table = np.column_stack(list(good.values()))
        weight = np.array(list(self.weights.values()))
        known = ~np.isnan(table)
        reach = known @ weight
        with np.errstate(invalid="ignore", divide="ignore"):
            parts = np.where(known, table, 0.0) * (weight / reach[:, None]) * 100
        parts[reach == 0] = np.nan
        shown = {
            name: 100 * (1 - values if name in self.against else values)
            for name, values in good.items()
        }
        columns = {**shown, **{f"part_{n}": parts[:, k] for k, n in enumerate(self.weights)}}
        result = pd.DataFrame(columns, index=frame.index)
        result["score"] = parts.sum(axis=1)
        result["missing"] = holes.sum(axis=1)
        return result

    def _filled(self, scaled: Floats, holes: NDArray[np.bool_], index: pd.Index) -> Floats:
        if self.missing == "raise" and holes.any():
            told = [
                f"{m.name}: {int(n)}"
                for m, n in zip(self.measures, holes.sum(axis=0), strict=True)
                if n
            ]
            first = ", ".join(str(label) for label in index[np.flatnonzero(holes.any(axis=1))[:5]])
            raise DataError(
                f"indicators: missing values ({'; '.join(told)}; first customers {first}); fill "
                "them or choose another missing rule: present, neutral or worst"
            )
        if self.missing in ("neutral", "worst"):
            return np.where(holes, self._unknown(), scaled)
        return scaled

    def _indicator(self, name: str, scaled: Floats) -> Floats:
        """Weighted mean of the indicator's measures that are there."""
        use = [k for k, m in enumerate(self.measures) if m.indicator == name]
        weight = np.array([self.measures[k].weight for k in use])
        part = scaled[:, use]
        there = ~np.isnan(part)
        reach = there @ weight
        total = np.where(there, part, 0.0) @ weight
        with np.errstate(invalid="ignore", divide="ignore"):
            result: Floats = np.where(reach > 0, total / reach, self._unknown())
        return result

    def _unknown(self) -> float:
        """Score of an indicator that nothing is known of."""
        return {"neutral": 0.5, "worst": 0.0}.get(self.missing, float("nan"))


def fit_value_model(
    indicators: object, *, weights: Weights | None = None, policy: Policy | None = None
) -> ValueModel:
    """Fit the scales of a value model on a book.

    Args:
        indicators: one row a customer, a column a raw measure, as `value_measures` makes it. A
            measure of the policy whose column is absent or empty is left out, and named in the
            model's ``left_out``. An indicator without any measure follows the rule for missing
            measures; with ``present`` the weights of the others fill its place.
        weights: indicator -> weight, summing to 1; None: those of the policy.
        policy: valuation policy; None: the defaults (five indicators of CSC-2). The preset
            ``private_banking`` holds the model of PB-5.

    Returns:
        A frozen model.

    Raises:
        DataError: no measure at all (or, under ``raise``, none of one indicator), or weights that
            do not fit.
    """
    policy = default_policy("valuation") if policy is None else policy
    frame = as_frame(indicators)
    stated = policy.records("measures", Measure)
    use = [m for m in stated if m.name in frame and bool(frame[m.name].notna().any())]
    names = list(dict.fromkeys(m.indicator for m in stated))
    empty = [n for n in names if n not in {m.indicator for m in use}]
    missing = str(policy.value("missing_measures"))
    if missing not in MISSING_RULES:
        raise DataError(f"missing_measures: got {missing!r}; expected {', '.join(MISSING_RULES)}")
    if len(empty) == len(names) or (empty and missing == "raise"):
        wanted = [m.name for m in stated if m.indicator in empty]
        raise DataError(
            f"indicators: no measure of {', '.join(empty)} is there; expected a column such as "
            f"{', '.join(wanted[:5])}; present: {', '.join(map(str, frame.columns))}"
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
        indicators: one row a customer, a column a raw measure; see `value_measures`.
        weights: indicator -> weight, summing to 1; None: those of the policy.
        model: a fitted model; None: one is fitted on these rows.
        policy: valuation policy; None: the defaults.

    Returns:
        Frame with the index of the rows: each indicator (0 to 100), ``part_<indicator>``,
        ``score`` (the sum of the parts) and ``missing`` (number of measures missing).

    Raises:
        DataError: no measure at all, weights that do not fit, unknown grades.

    Source: CSC-2, PB-5.

    >>> rows = pd.DataFrame({
    ...     "contribution": [10.0, 900.0], "satisfaction": [60.0, 80.0], "tenure_years": [1.0, 9.0],
    ...     "income": [1e5, 2e5], "credit_standing": ["watch", "good"],
    ... })
    >>> scored = score_value(rows)
    >>> bool(scored["score"].iloc[1] > scored["score"].iloc[0])
    True
    """
    policy = default_policy("valuation") if policy is None else policy
    if model is None:
        model = fit_value_model(indicators, weights=weights, policy=policy)
    elif weights is not None:
        model = attrs.evolve(model, weights=check_weights(weights, list(model.weights)))
    result = model.score(indicators)
    result.attrs["policy"] = policy.id
    result.attrs["fingerprint"] = policy.fingerprint
    result.attrs["left_out"] = model.left_out
    return result
