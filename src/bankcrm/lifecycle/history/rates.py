"""Indicators that count stages: funnel, churn, growth, reactivation, win-back (LCM-6, PB-3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.intervals import wilson
from bankcrm.lifecycle.history.panel import Panel, read_panel
from bankcrm.lifecycle.history.stage_history import furthest_stage
from bankcrm.lifecycle.model import StageModel, given_model
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy
from bankcrm.vocabulary import Stage

Mask = npt.NDArray[np.bool_]


def stage_funnel(
    history: object,
    *,
    model: StageModel | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Conversion from stage to stage along the stages of progress.

    A customer reached a stage of progress if they were ever observed in it, in one beyond it, or in
    a stage that implies it (dormant implies new). Customers who were already further when the
    history began count as having reached it; a history that begins late therefore overstates early
    stages.

    Args:
        history: As `stage_history` gives it.
        model: The stage model; the bank's six stages by default.
        confidence: Coverage of Wilson's interval.

    Returns:
        One row per step, indexed by ``stage``: ``to``, ``reached``, ``converted``, ``rate``,
        ``lower``, ``upper``, ``median_days`` (from the first day in or beyond the one to the first
        day in or beyond the other, over those who make the step within the history).

    Source: LCM-6.
    """
    model = given_model(model)
    panel = read_panel(history)
    furthest = furthest_stage(panel.grid, panel.stages, model)
    path = sorted(set(model.progress))
    last = len(panel.dates)
    if not last:
        raise DataError("history: there is no date in it")
    # The first date on which each stage of progress was reached; `last` where it was not.
    first = [
        np.where((furthest >= p).any(axis=1), (furthest >= p).argmax(axis=1), last) for p in path
    ]
    rows = []
    steps = zip(pairwise(path), pairwise(first), strict=True)
    for (here, there), (a, b) in steps:
        reached, converted = int((a < last).sum()), int((b < last).sum())
        seen = (b < last) & (b > a)
        days = (panel.dates[b[seen]] - panel.dates[a[seen]]).astype(np.int64)
        rows.append(
            (
                model.stage_names[here],
                model.stage_names[there],
                reached,
                converted,
                *_rate(converted, reached, confidence),
                float(np.median(days)) if len(days) else np.nan,
            )
        )
    columns = ["stage", "to", "reached", "converted", "rate", "lower", "upper", "median_days"]
    return pd.DataFrame(rows, columns=columns).set_index("stage")


def churn_rates(
    history: object,
    *,
    policy: Policy | None = None,
    lost: str = "lost",
    stages: Sequence[str] = ("new", "active", "dormant"),
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of the customers of each stage who are lost by the next date.

    Args:
        history: As `stage_history` gives it.
        policy: Its ``churn_targets`` give the highest rate per year that the bank accepts, by stage
            and for ``all``.
        lost: The stage that counts as lost.
        stages: The stages of customers; ``all`` sums them up.
        confidence: Coverage of Wilson's interval.

    Returns:
        Indexed by ``period`` (its last date) and ``stage``: ``at_risk``, ``lost``, ``rate``,
        ``lower``, ``upper``, ``target`` (for the length of the period), ``met`` (nullable boolean).

    Raises:
        DataError: Fewer than two dates.

    Source: LCM-6, PB-3.
    """
    policy = lifecycle_policy(policy)
    targets, year_days = policy.value("churn_targets"), policy.value("year_days")
    panel = read_panel(history)
    for name in (lost, *stages):
        _refuse_unknown(name, panel)
    rows = []
    for j in range(_steps(panel)):
        seen, end = panel.grid[:, j + 1] >= 0, _in(panel, j + 1, [lost])
        at = {s: _in(panel, j, [s]) & seen for s in stages} | {"all": _in(panel, j, stages) & seen}
        years = (panel.dates[j + 1] - panel.dates[j]).astype(np.int64) / year_days
        for stage, here in at.items():
            trials, hits = int(here.sum()), int((here & end).sum())
            rate = _rate(hits, trials, confidence)
            target = 1 - (1 - targets.get(stage, np.nan)) ** years
            met = pd.NA if np.isnan(target) or trials == 0 else bool(rate[0] <= target)
            rows.append((panel.dates[j + 1], stage, trials, hits, *rate, target, met))
    return _by_period(rows, ["at_risk", "lost", "rate", "lower", "upper", "target", "met"], "stage")


def growth(history: object, *, stage: str = "prospect") -> pd.DataFrame:
    """Customers in a stage on each date, those who entered and left it, and the growth rate.

    Args:
        history: As `stage_history` gives it.
        stage: The stage; prospects by default.

    Returns:
        Indexed by ``period`` (its last date): ``before``, ``entered``, ``left``, ``now``,
        ``growth`` (now over before, less 1; null if nobody was there before).
        ``before + entered - left = now``.

    Source: LCM-6.
    """
    panel = read_panel(history)
    _refuse_unknown(stage, panel)
    rows = []
    for j in range(_steps(panel)):
        was, now = _in(panel, j, [stage]), _in(panel, j + 1, [stage])
        before, after = int(was.sum()), int(now.sum())
        rate = after / before - 1 if before else np.nan
        rows.append(
            (
                panel.dates[j + 1],
                before,
                int((now & ~was).sum()),
                int((was & ~now).sum()),
                after,
                rate,
            )
        )
    return _by_period(rows, ["before", "entered", "left", "now", "growth"])


def reactivation_rate(history: object, *, confidence: float = 0.95) -> pd.DataFrame:
    """Share of dormant customers who are active by the next date.

    Returns:
        Indexed by ``period`` (its last date): ``at_risk``, ``moved``, ``rate``, ``lower``,
        ``upper``.

    Source: LCM-3, LCM-6.
    """
    return move_rate(history, before=("dormant",), after=("active",), confidence=confidence)


def win_back_rate(history: object, *, confidence: float = 0.95) -> pd.DataFrame:
    """Share of lost customers who are customers again by the next date.

    Returns:
        As `reactivation_rate`.

    Source: LCM-3, LCM-6.
    """
    after = ("new", "active", "dormant")
    return move_rate(history, before=("lost",), after=after, confidence=confidence)


def move_rate(
    history: object,
    *,
    before: Sequence[str],
    after: Sequence[str],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Share of the customers in some stages who are in others by the next date.

    Args:
        history: As `stage_history` gives it.
        before: The stages that customers were in.
        after: The stages that count as moved.
        confidence: Coverage of Wilson's interval.

    Returns:
        As `reactivation_rate`. Customers not observed on the next date are censored.

    Source: LCM-6.
    """
    panel = read_panel(history)
    rows = []
    for j in range(_steps(panel)):
        at = _in(panel, j, before) & (panel.grid[:, j + 1] >= 0)
        moved = int((at & _in(panel, j + 1, after)).sum())
        rows.append(
            (panel.dates[j + 1], int(at.sum()), moved, *_rate(moved, int(at.sum()), confidence))
        )
    return _by_period(rows, ["at_risk", "moved", "rate", "lower", "upper"])


def _steps(panel: Panel) -> int:
    if len(panel.dates) < 2:
        raise DataError("history: a rate needs at least two dates")
    return len(panel.dates) - 1


def _refuse_unknown(stage: str, panel: Panel) -> None:
    """Refuse a stage that neither the history has nor the vocabulary."""
    known = dict.fromkeys((*panel.stages, *(s.value for s in Stage)))
    if stage not in known:
        raise UnknownNameError("stage", stage, known)


def _in(panel: Panel, column: int, stages: Sequence[str]) -> Mask:
    chosen = np.array([*(s in stages for s in panel.stages), False])  # not observed is not in
    return chosen[panel.grid[:, column]]


def _rate(hits: int, trials: int, confidence: float) -> tuple[float, float, float]:
    share, low, high = wilson([hits], [trials], confidence)
    return float(share[0]), float(low[0]), float(high[0])


def _by_period(rows: Sequence[tuple[object, ...]], columns: list[str], *more: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["period", *more, *columns])
    frame["period"] = pd.DatetimeIndex(frame["period"]).astype("datetime64[s]")
    if "met" in frame:
        frame["met"] = frame["met"].astype("boolean")
    return frame.set_index(["period", *more])
