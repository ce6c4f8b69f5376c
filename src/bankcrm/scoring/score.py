"""Points, probability and reasons of rows and of single cases."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_kind, as_whole_number
from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.frames.numbering import categorical
from bankcrm.scoring.card import Card


def score_card(facts: object, card: Card, *, reasons: int = 3) -> pd.DataFrame:
    """Points and probability of each row, and the features that cost it most.

    Args:
        facts: The features of the card, one row per case.
        card: The card.
        reasons: How many features to name at most, the costliest first; 0 names none.

    Returns:
        The same index: ``points`` (float64, whole), ``probability`` (float64) and, if asked for,
        ``reasons`` (categorical text), each feature with the test that holds and the points lost
        against its best bin. All are null where a feature is missing and the card has no points
        for that; ``missing`` (categorical) then names the feature.

    Raises:
        DataError: A feature is not there, or holds values of another type.

    >>> from bankcrm.scoring import fit_card
    >>> sample = pd.DataFrame({"idle": [5, 20, 40, 60, 80, 100] * 60})
    >>> left = [0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0] * 20
    >>> card = fit_card(sample, left, max_bins=2)
    >>> scored = score_card(pd.DataFrame({"idle": [7, 150, None]}), card)
    >>> scored["reasons"].tolist()
    ['', 'idle >= 100 (-49)', nan]
    """
    as_kind(card, Card, "card", "give the result of fit_card")
    reasons = as_whole_number(reasons, "reasons")
    frame = as_frame(facts)
    total = np.full(len(frame), float(card.base_points))
    missing = np.full(len(frame), -1, dtype=np.int16)
    rules: list[npt.NDArray[np.int16]] = []
    for i, (feature, table) in enumerate(zip(card.features, card.tables(), strict=True)):
        code = table.decide_codes(frame, on_missing="undecided").rule
        total += np.array([*feature.points, np.nan])[code]
        if (code < 0).any():
            missing[(code < 0) & (missing < 0)] = i
        if reasons:
            rules.append(code)
    result: dict[str, object] = {"points": total, "probability": card.probability(total)}
    if reasons:
        result["reasons"] = _reasons(card, rules, missing >= 0, reasons)
    result["missing"] = categorical(missing, [f.name for f in card.features])
    made = pd.DataFrame(result, index=frame.index, copy=False)
    made.attrs["card"] = card.fingerprint
    return made


@attrs.frozen
class Score:
    """The score of one case.

    Attributes:
        points: Its points; None where a feature is missing.
        probability: The probability of the event.
        reasons: The costliest features, as text.
        missing: The missing feature; empty where there is none.
    """

    points: int | None
    probability: float | None
    reasons: tuple[str, ...]
    missing: str = ""


def score_case(facts: Mapping[str, object], card: Card, *, reasons: int = 3) -> Score:
    """The same as `score_card` for one case.

    Args:
        facts: Feature -> value.
        card: The card.
        reasons: How many features to name at most.

    Raises:
        DataError: A value is of another type.
    """
    as_kind(card, Card, "card", "give the result of fit_card")
    as_kind(facts, Mapping, "facts", "give feature and value of one case")
    total, lost = card.base_points, []
    for feature, table in zip(card.features, card.tables(), strict=True):
        decision = table.decide(facts, on_missing="undecided")
        if decision.outcome is None:
            return Score(None, None, (), feature.name)
        total += decision.outcome
        loss = max(feature.points) - decision.outcome
        place = next(i for i, r in enumerate(table.rules) if r.id == decision.rule)
        lost.append((loss, f"{feature.name} {feature.bins.bins[place].test} (-{loss})"))
    named = [text for loss, text in sorted(lost, key=lambda pair: -pair[0])[:reasons] if loss]
    return Score(total, float(card.probability(total)), tuple(named))


def _reasons(
    card: Card,
    rules: list[npt.NDArray[np.int16]],
    undecided: npt.NDArray[np.bool_],
    reasons: int,
) -> pd.Categorical:
    """One text per distinct choice of the costliest bins."""
    lost = [max(f.points) - np.array([*f.points, max(f.points)]) for f in card.features]
    left = np.stack([loss[code] for loss, code in zip(lost, rules, strict=True)])
    bins = [len(f.points) for f in card.features]
    first = np.cumsum([0, *bins])  # one number per bin of the card
    none = int(first[-1])
    rows = np.arange(left.shape[1])
    key = np.zeros(left.shape[1], dtype=np.int64)
    if none ** min(reasons, len(bins)) > 2**62:
        raise DataError(f"reasons: got {reasons}; name fewer")
    for _ in range(min(reasons, len(bins))):
        at = left.argmax(axis=0)
        which = first[at] + np.stack(rules)[at, rows]
        which = np.where(left[at, rows] > 0, which, none)
        key = key * (none + 1) + which
        left[at, rows] = 0
    distinct, code = np.unique(key, return_inverse=True)
    texts = [
        f"{f.name} {b.test} (-{max(f.points) - p})"
        for f in card.features
        for b, p in zip(f.bins.bins, f.points, strict=True)
    ]
    names = []
    for value in distinct.tolist():
        parts = []
        for _ in range(min(reasons, len(bins))):
            value, which = divmod(value, none + 1)
            parts.append(texts[which] if which < none else "")
        names.append("; ".join(p for p in reversed(parts) if p))
    return categorical(np.where(undecided, -1, code), names)
