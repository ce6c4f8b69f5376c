"""How far each value is on the way from the baseline to the target."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few, first_few
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, DataFault, as_frame, check_frame
from bankcrm.frames.arrays import Numbers, numbers
from bankcrm.frames.findings import findings_of, with_findings
from bankcrm.frames.numbering import words_of
from bankcrm.models import Target, columns_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scorecards.kpi import kpis_of

VALUES = (
    Column("kpi", "category"),
    Column("subject", "id"),
    Column("period", "date"),
    *(Column(name, "number", True, True)
      for name in ("numerator", "denominator", "value", "low", "high")),
    Column("present", "number"),
    Column("reason", "text", True, True),
)  # fmt: skip
_EACH = "\0each"


def attain(values: object, targets: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """Compare values with targets: 0 at the baseline, 1 at the target, linear between and beyond.

    Without a baseline it is 0, or twice the target where lower is better. An indicator that is
    best within a band attains 1 inside of it. The target of a sum is reduced to the part of the
    period in which the subject was there.

    Args:
        values: From `kpi_values`.
        targets: One row per target (`bankcrm.models.Target`). The one of the subject and period
            goes before that of the subject, that of the period, and the general one.
        policy: Its ``attainment_floor`` and ``attainment_cap`` bound what counts.

    Returns:
        The values with ``target``, ``baseline``, ``upper``, ``weight``; ``attainment`` (not
        bounded), ``credited`` (bounded), ``credited_low`` and ``credited_high`` (at the worse and
        the better end of the interval), and ``reason`` where it is null. A value without target has
        null in all of these. Targets without a value are in
        `bankcrm.frames.findings.findings_of`.

    Raises:
        DataError: A frame does not fit, two targets are for the same, or a baseline is on the wrong
            side of its target.
        UnknownNameError: A target is for no indicator of the policy.

    Source: LCM-6.

    >>> from bankcrm.scorecards import kpi_values
    >>> rows = pd.DataFrame({"measure": ["customers_lost", "customers_exposed"],
    ...                      "value": [4, 100], "date": pd.to_datetime("2026-03-01")})
    >>> goal = pd.DataFrame({"kpi": ["churn"], "target": [0.05], "baseline": [0.10]})
    >>> done = attain(kpi_values(rows, as_of="2026-03-31"), goal).set_index("kpi")
    >>> round(done.loc["churn", "attainment"], 6)
    np.float64(1.2)
    """
    policy = policy_of(policy, "scorecards")
    frame = check_frame(values, VALUES, frame="values")[list(as_frame(values).columns)]
    goals = _goals(targets, policy)
    place = _targets_of(frame, goals)
    found = frame.drop(columns=["reason"])
    kpis = kpis_of(policy)
    for name in ("target", "upper", "baseline", "cap", "weight"):
        found[name] = np.append(goals[name].to_numpy(np.float64), np.nan)[place]
    sums = frame["kpi"].map({k: v.kind == "sum" for k, v in kpis.items()}).to_numpy(np.bool_)
    scale: Numbers = np.where(sums, numbers(frame["present"]), 1.0)
    for name in ("target", "upper", "baseline"):
        found[name] *= scale
    better = frame["kpi"].map({k: v.better for k, v in kpis.items()}).astype(object).to_numpy()
    least = numbers(frame["kpi"].map({k: float(v.minimum_n) for k, v in kpis.items()}))
    reason = _reasons(frame, place, scale, least)
    low, high = found["low"].to_numpy(), found["high"].to_numpy()
    nearest = np.clip(np.clip(low, found["target"], found["upper"]), low, high)  # to a band
    ends = [_attained(found, better, v) for v in (found["value"].to_numpy(), low, high, nearest)]
    worst, best = np.minimum(ends[1], ends[2]), np.maximum.reduce(ends[1:])
    cap = found.pop("cap").fillna(float(policy.value("attainment_cap"))).to_numpy()
    floor = float(policy.value("attainment_floor"))
    undecided = pd.notna(reason)
    found["attainment"] = np.where(undecided, np.nan, ends[0])
    for name, at in (("credited", ends[0]), ("credited_low", worst), ("credited_high", best)):
        found[name] = np.where(undecided, np.nan, np.clip(at, floor, cap))
    found["reason"] = reason
    found.attrs |= getattr(values, "attrs", {})
    faults = [*findings_of(found), *_unused(goals, place)]
    return policy.stamp(with_findings(found, faults))


def _goals(targets: object, policy: Policy) -> pd.DataFrame:
    """The checked targets with all columns, baselines and weights filled in."""
    goals = check_frame(targets, columns_of(Target), frame="targets").reset_index(drop=True)
    kpis = kpis_of(policy)
    for name in goals["kpi"].unique():
        if name not in kpis:
            raise UnknownNameError("indicator", name, kpis, "the policy", "see its records kpi")
    for name in ("subject", "period", "upper", "baseline", "cap", "weight"):
        if name not in goals:
            goals[name] = None if name == "subject" else pd.NaT if name == "period" else np.nan
    better = goals["kpi"].map({k: v.better for k, v in kpis.items()}).astype(object).to_numpy()
    usual = np.select([better == "higher", better == "lower"], [0.0, 2 * goals["target"]], np.nan)
    goals["baseline"] = goals["baseline"].fillna(pd.Series(usual))
    goals["upper"] = goals["upper"].fillna(goals["target"])
    goals["weight"] = goals["weight"].fillna(1.0)
    target, upper, base = (goals[n].to_numpy(np.float64) for n in ("target", "upper", "baseline"))
    right = np.select(
        [better == "higher", better == "lower"],
        [base < target, base > target],
        (upper >= target) & ((base < target) | (base > upper)),
    )
    _refuse(goals, ~right.astype(np.bool_), "the baseline is on the wrong side of the target",
            "give a baseline below the target where higher is better, above it where lower is "
            "better, and outside the band where within is best")  # fmt: skip
    _refuse(goals, goals.duplicated(["kpi", "subject", "period"]).to_numpy(), "a second target",
            "keep one target per indicator, subject and period")  # fmt: skip
    return goals


def _refuse(goals: pd.DataFrame, bad: npt.NDArray[np.bool_], problem: str, advice: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        shown = few(rows, lambda i: f"row {i}: {goals['kpi'][i]}")
        raise DataError(f"targets: {problem} in {len(rows):,} rows ({shown}); {advice}")


def _targets_of(frame: pd.DataFrame, goals: pd.DataFrame) -> npt.NDArray[np.intp]:
    """The row of the most special target of each value; -1 for none."""
    requested = [_words(frame["kpi"]), _words(frame["subject"]), _words(frame["period"])]
    keys = pd.MultiIndex.from_arrays([_words(goals[n]) for n in ("kpi", "subject", "period")])
    each = np.full(len(frame), _EACH, dtype=object)
    found = [
        keys.get_indexer(pd.MultiIndex.from_arrays([requested[0], subject, period]))
        for subject in (requested[1], each)
        for period in (requested[2], each)
    ]
    return np.select([rows >= 0 for rows in found], found, -1)


def _words(values: pd.Series) -> npt.NDArray[np.object_]:
    """Each value as text; a missing one stands for each."""
    words = words_of(values, str(values.name))
    names = [str(c) for c in words.categories]
    found: npt.NDArray[np.object_] = np.array([*names, _EACH], dtype=object)[words.codes]
    return found


def _attained(found: pd.DataFrame, better: npt.NDArray[np.object_], value: Numbers) -> Numbers:
    target, upper, base = (found[n].to_numpy() for n in ("target", "upper", "baseline"))
    with np.errstate(divide="ignore", invalid="ignore"):
        line = (value - base) / (target - base)
        away = np.maximum(np.maximum(target - value, value - upper), 0.0)
        band = 1 - away / np.maximum(target - base, base - upper)
    attained: Numbers = np.where(better == "within", band, line)
    return attained


def _reasons(
    frame: pd.DataFrame, place: npt.NDArray[np.intp], scale: Numbers, least: Numbers
) -> npt.NDArray[np.object_]:
    """Why a value attains nothing; null where it does."""
    reason = frame["reason"].astype(object).where(frame["reason"].notna(), None).to_numpy().copy()
    none = pd.isna(reason)
    few = none & (frame["denominator"].to_numpy(np.float64) < least)
    reason[few] = [f"fewer than {n:g} cases" for n in least[few]]
    reason[none & (scale <= 0)] = "not there in the period"
    reason[place < 0] = "no target"
    return reason


def _unused(goals: pd.DataFrame, place: npt.NDArray[np.intp]) -> list[DataFault]:
    rows = np.setdiff1d(np.arange(len(goals)), place)
    if not len(rows):
        return []
    shown = first_few(rows, lambda i: f"row {i}: {goals['kpi'][i]}")
    return [
        DataFault(
            "targets",
            "kpi",
            "without value",
            len(rows),
            shown,
            "a value of the indicator and subject",
            "the target judges nothing",
        )
    ]
