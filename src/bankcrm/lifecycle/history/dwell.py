"""How long customers stay in a stage, with stays that have not ended yet (Kaplan-Meier)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias, cast

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, line
from bankcrm.errors import DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.intervals import quantile
from bankcrm.lifecycle.history.panel import groups_of, stage_spells
from bankcrm.vocabulary import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Groups: TypeAlias = Iterable[tuple[tuple[int, str], pd.DataFrame]]


@attrs.frozen(eq=False)
class DwellTimes:
    """Stays in each stage.

    Attributes:
        summary: One row per stage (with ``by``: per segment and stage): ``spells``, ``ended``,
            ``censored``, ``left_truncated`` (stays that had begun before the history: their length
            is not known, so they are left out), ``median_days`` (null where more than half stay
            beyond the last day), ``mean_days`` (area under the curve up to its last day: a lower
            bound where stays are censored).
        curve: As `survival_curve`, one block per row of ``summary``.
    """

    summary: pd.DataFrame
    curve: pd.DataFrame

    def plot(self, ax: Axes | None = None, language: Language = "en") -> Axes:
        """The survival curve of every stage; see `bankcrm.plots.survival`."""
        from bankcrm.plots import curves

        return curves.survival(self.curve, ax=ax, language=language)

    def __repr__(self) -> str:
        counts = self.summary[["spells", "ended", "censored"]].sum()
        return line("DwellTimes", {str(k): int(v) for k, v in counts.items()})

    def __str__(self) -> str:
        return f"{self!r}\n{self.summary}"

    def _repr_html_(self) -> str:
        return card("How long stages last", frame=self.summary.round(1))


def dwell_times(
    history: object,
    *,
    by: pd.Series | None = None,
    confidence: float = 0.95,
) -> DwellTimes:
    """Stays in each stage by the Kaplan-Meier estimator.

    A stay that still runs on the last date, or whose customer left the observation, is censored: it
    counts for as long as it was observed. The history's dates limit how exact the days are.

    Args:
        history: As `stage_history` gives it.
        by: A Series over customer ids, for stays by segment.
        confidence: Coverage of the interval.

    Source: LCM-3, LCM-6.

    >>> history = pd.DataFrame({
    ...     "customer_id": [1, 1, 1],
    ...     "date": pd.to_datetime(["2026-01-01", "2026-01-11", "2026-02-10"]),
    ...     "stage": ["new", "active", "dormant"]})
    >>> float(dwell_times(history).summary.loc["active", "median_days"])
    30.0
    """
    spells = stage_spells(history)
    if spells.empty:
        raise DataError("history: no stage is known in it, so no stay; give one with stages")
    customers = pd.Index(spells["customer_id"])
    distinct = customers.unique()
    group, labels = groups_of(distinct, by)
    spells["by"] = group[distinct.get_indexer(customers)]
    spells["days"] = (spells["end"] - spells["start"]).dt.days
    spells["ended"] = spells["after"].notna()
    summaries: dict[tuple[object, ...], dict[str, float]] = {}
    curves: dict[tuple[object, ...], pd.DataFrame] = {}
    keys = spells.groupby(["by", "stage"], observed=True)
    for (number, stage), group_spells in cast("Groups", keys):
        observed = group_spells[group_spells["from_start"]]
        label = (labels[number], stage) if labels else (stage,)
        curve = survival_curve(observed["days"], observed["ended"], confidence=confidence)
        curves[label] = curve
        summaries[label] = {
            "spells": len(observed),
            "ended": int(observed["ended"].sum()),
            "censored": int((~observed["ended"]).sum()),
            "left_truncated": len(group_spells) - len(observed),
            "median_days": median_days(curve),
            "mean_days": mean_days(curve),
        }
    names = ["by", "stage"] if labels else ["stage"]
    return DwellTimes(
        pd.DataFrame(summaries.values(), index=_labels(list(summaries), names)),
        pd.concat(curves.values(), keys=list(_labels(list(curves), names)), names=names),
    )


def survival_curve(days: object, ended: object, *, confidence: float = 0.95) -> pd.DataFrame:
    """The Kaplan-Meier curve of stays that ended or are still running.

    Args:
        days: Length of each stay, 0 or more.
        ended: Whether it ended then; else it was censored.
        confidence: Coverage of the log-log interval (Greenwood's variance).

    Returns:
        Indexed by ``days``: ``at_risk``, ``ended``, ``censored`` (int), ``survival`` (chance of
        staying longer than that), ``lower``, ``upper``.

    Raises:
        DataError: The lengths differ, or a length is negative or missing.

    >>> survival_curve([10, 20, 20, 30], [True, True, False, True])["survival"].tolist()
    [0.75, 0.5, 0.0]
    """
    length = np.asarray(days, dtype=np.float64)
    over = np.asarray(ended, dtype=np.bool_)
    if length.shape != over.shape:
        raise DataError(f"ended: {over.size:,} values for {length.size:,} days; give one for each")
    bad = np.flatnonzero(~(length >= 0))
    fault_in_rows(
        "days", "", "missing or below 0", bad, "the length of each stay, 0 or more"
    ).refuse()
    when, place = np.unique(length, return_inverse=True)
    gone = np.bincount(place[over], minlength=len(when))
    lost = np.bincount(place[~over], minlength=len(when))
    at_risk = len(length) - np.cumsum(gone + lost) + gone + lost
    survival = np.cumprod(1 - gone / np.maximum(at_risk, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(gone / (at_risk * (at_risk - gone)))
        width = quantile(confidence) * np.sqrt(variance) / np.log(survival)
        lower, upper = survival ** np.exp(-width), survival ** np.exp(width)
    open_ = (survival < 1) & (survival > 0)
    return pd.DataFrame(
        {
            "at_risk": at_risk,
            "ended": gone,
            "censored": lost,
            "survival": survival,
            "lower": np.where(open_, lower, survival),
            "upper": np.where(open_, upper, survival),
        },
        index=pd.Index(when, name="days"),
    )


def median_days(curve: pd.DataFrame) -> float:
    """The first day by which half of the stays have ended; null where none is."""
    half = curve.index[curve["survival"].to_numpy() <= 0.5 + 1e-12]
    return float(half[0]) if len(half) else float("nan")


def mean_days(curve: pd.DataFrame) -> float:
    """The area under the curve up to its last day; null for an empty one."""
    if curve.empty:
        return float("nan")
    width = np.diff(np.append(0.0, curve.index.to_numpy(dtype=np.float64)))
    height = np.append(1.0, curve["survival"].to_numpy()[:-1])
    return float(width @ height)


def _labels(labels: list[tuple[object, ...]], names: list[str]) -> pd.Index:
    if len(names) == 1:
        return pd.Index([label[0] for label in labels], name=names[0])
    return pd.MultiIndex.from_tuples(labels, names=names)
