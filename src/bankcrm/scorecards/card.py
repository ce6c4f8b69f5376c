"""The scorecard: weighted attainments, their score and grade, and why."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card as shown_card
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scorecards.attainment import VALUES
from bankcrm.scorecards.kpi import kpis_of
from bankcrm.scorecards.ranking import ranks

_DONE = (
    *VALUES,
    *(Column(name, "number", True, True)
      for name in ("target", "weight", "attainment", "credited", "credited_low", "credited_high")),
)  # fmt: skip


@attrs.frozen(eq=False, repr=False)
class Scorecard:
    """The scores of subjects and the parts that they add up from.

    Attributes:
        scores: One row per subject and period: the other columns of ``by``, ``subject``,
            ``period``, ``score``, ``score_low`` and ``score_high`` (with every indicator at the
            worse and at the better end of its interval), ``grade``, ``rule``, ``decided`` (part of
            the weights), ``missing`` (undecided indicators), ``rank``, ``rank_best``,
            ``rank_worst``.
        parts: One row per indicator with a target: what `attain` gave, ``share`` (of the decided
            weights) and ``points``, which add up to the score.
        policy: The policy.
    """

    scores: pd.DataFrame
    parts: pd.DataFrame
    policy: Policy

    def __repr__(self) -> str:
        """Only the size, because a scorecard contains personal data."""
        return f"Scorecard({len(self.scores):,} scores, {len(self.parts):,} parts)"

    def _repr_html_(self) -> str:
        return shown_card("Scorecard", {"scores": len(self.scores), "parts": len(self.parts)})

    def explain(self, subject: object, period: object = None) -> str:
        """Say in words how the score of a subject comes about.

        Args:
            subject: The employee, department or branch.
            period: A day of the first of the period; needed if there are several.

        Raises:
            UnknownNameError: There is no such subject.
            DataError: There are several scores of the subject.
        """
        rows = (self.scores["subject"] == subject).to_numpy(bool)
        if not rows.any():
            raise UnknownNameError("subject", subject, self.scores["subject"].unique())
        if period is not None:
            first = self.scores["period"].to_numpy().astype("datetime64[D]")
            rows = rows & (first == as_of_day(period))
        if rows.sum() != 1:
            known = self.scores["period"].drop_duplicates().dt.date.astype(str).tolist()
            raise DataError(f"period: {rows.sum()} scores of the subject; periods: {known}")
        score = self.scores[rows].iloc[0]
        parts = self.parts[(self.parts["card"] == self.scores.index[rows][0]).to_numpy(bool)]
        return "\n".join([_headline(score, self.policy), *map(_line, parts.to_dict("records"))])


def scorecard(done: object, *, policy: Policy | None = None) -> Scorecard:
    """Weigh the attainments of each subject and period into a score, and grade it.

    An undecided indicator is neither 0 nor 1. The score is null if less than ``least_weight`` of
    the weights is decided; otherwise the weights of the decided ones are scaled up.

    Args:
        done: From `attain`.
        policy: Its table ``grade`` gives the grade.

    Returns:
        The scorecard; ranks are by ``score_low``.

    Raises:
        DataError: The frame is not from `attain`.

    Source: LCM-6.

    >>> from bankcrm.scorecards import attain, kpi_values
    >>> rows = pd.DataFrame({"measure": "transactions", "employee_id": ["A", "B"],
    ...                      "date": pd.to_datetime("2026-03-01"), "value": [90, 120]})
    >>> values = kpi_values(rows, as_of="2026-03-31", by="employee_id")
    >>> goal = pd.DataFrame({"kpi": ["transactions"], "target": [100]})
    >>> scorecard(attain(values, goal)).scores[["score", "grade"]].values.tolist()
    [[0.9, 'fair'], [1.2, 'excellent']]
    """
    policy = policy_of(policy, "scorecards")
    frame = check_frame(done, _DONE, frame="done")
    by = [*getattr(done, "attrs", {}).get("by", [])]
    keys = [*by[:-1], "subject", "period"]
    frame = frame[frame["weight"].notna().to_numpy()].reset_index(drop=True)
    cards = frame.groupby(keys, sort=True, observed=True, dropna=False)
    frame["card"] = cards.ngroup()
    scores = frame.drop_duplicates("card").sort_values("card")[keys].reset_index(drop=True)
    _add_scores(scores, frame, policy)
    graded = policy.table("grade").decide_frame(scores[["score"]], on_missing="undecided")
    scores["grade"], scores["rule"] = graded["outcome"].array, graded["rule"].array
    low, high = scores["score_low"].to_numpy(), scores["score_high"].to_numpy()
    scores = scores.assign(**ranks(low, high, scores[[k for k in keys if k != "subject"]]))
    for result in (scores, frame):
        result.attrs |= {"by": by}
        policy.stamp(result)
    return Scorecard(scores, frame, policy)


def _add_scores(scores: pd.DataFrame, parts: pd.DataFrame, policy: Policy) -> None:
    """Add shares and points to the parts, and their sums to the scores."""
    card, weight = parts["card"].to_numpy(), parts["weight"].to_numpy()
    size = len(scores)
    known = parts["credited"].notna().to_numpy()
    total = np.bincount(card, weight, size)
    decided = np.bincount(card, np.where(known, weight, 0.0), size)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores["decided"] = decided / total
        enough = (decided > 0) & (decided >= total * (float(policy.value("least_weight")) - 1e-12))
        parts["share"] = np.where(known, weight / decided[card], np.nan)
    for column, end in (("score", "credited"), ("score_low", "credited_low"),
                        ("score_high", "credited_high")):  # fmt: skip
        points = parts["share"].to_numpy() * parts[end].to_numpy()
        if end == "credited":
            parts["points"] = np.where(enough[card], points, np.nan)
        scores[column] = np.where(enough, np.bincount(card, np.nan_to_num(points), size), np.nan)
    lacking = parts[~known & (weight > 0)]
    text = (
        lacking["kpi"].astype(str)
        + " ("
        + lacking["reason"].astype(object).fillna("no reason").astype(str)
        + ")"
    )
    named = text.groupby(lacking["card"]).agg("; ".join)
    scores["missing"] = named.reindex(range(size)).astype(object)
    scores["missing"] = scores["missing"].where(scores["missing"].notna(), None)


def _headline(score: pd.Series, policy: Policy) -> str:
    day = f"{score['period']:%Y-%m-%d}"
    if pd.isna(score["score"]):
        return f"{score['subject']} from {day}: undecided; missing: {score['missing']}"
    because = next(r.because for r in policy.table("grade").rules if r.id == score["rule"])
    return (
        f"{score['subject']} from {day}: score {score['score']:.3f}, {score['grade']}"
        f", {because} (rule {score['rule']}); rank {score['rank']}, between "
        f"{score['rank_best']} and {score['rank_worst']}"
    )


def _line(part: dict[str, object]) -> str:
    if pd.isna(part["credited"]):  # type: ignore[call-overload]
        return f"  {part['kpi']}: undecided, {part['reason']} (weight {part['weight']:g})"
    return (
        f"  {part['kpi']}: {part['value']:g} against {part['target']:g}, attained "
        f"{part['attainment']:.3f}, counts {part['credited']:.3f} x {part['share']:.3f} of the "
        f"weight = {part['points']:.3f}"
    )


def owners(parts: pd.DataFrame, policy: Policy) -> pd.Series:
    """The department that answers for the indicator that costs each card most points."""
    lost = parts["share"] * (1 - parts["credited"])
    worst = parts.assign(lost=lost).sort_values("lost", ascending=False, kind="stable")
    first = worst.drop_duplicates("card").set_index("card")["kpi"]
    found: pd.Series = first.map({k: v.owner for k, v in kpis_of(policy).items()}).astype(object)
    return found


def of_period(card: Scorecard, period: object) -> pd.DataFrame:
    """The scores of one period.

    Raises:
        DataError: The card has several periods and none is named, or has not the one that is.
    """
    first = card.scores["period"].to_numpy().astype("datetime64[D]")
    rows = np.ones(len(first), np.bool_) if period is None else first == as_of_day(period)
    if len(np.unique(first[rows])) == 1 or not len(first):
        return card.scores[rows]
    known = ", ".join(np.unique(first).astype(str)[:12])
    raise DataError(
        f"period: expected one of the periods of the card, got {period}; it has {known}"
    )
