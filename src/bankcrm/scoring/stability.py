"""How far a population has moved since a card was fitted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import numbers
from bankcrm.rules import DecisionTable
from bankcrm.scoring.card import Card
from bankcrm.scoring.score import score_card

_BANDS = 10


def stability(facts: object, card: Card, *, then: object = None) -> pd.DataFrame:
    """The population stability index of each feature of a card, and of its points.

    Below 0.1 is little change, above 0.25 is much: rules of thumb.

    Args:
        facts: The features of the card on the later day, one row per case.
        card: The card.
        then: The features on an earlier day; None: the sample of the fit, of which the counts by
            bin are known, but not the points.

    Returns:
        Indexed by ``feature``, the most changed first, with ``psi`` and ``bin``, the bin whose
        share changed most; the feature ``points`` (in ten bands) if ``then`` is given. Rows in no
        bin, since the feature is missing, are a bin ``undecided``.

    Source: default.

    >>> from bankcrm.scoring import fit_card
    >>> sample = pd.DataFrame({"idle": [5, 20, 40, 60, 80, 100] * 60})
    >>> left = [0, 0, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0] * 20
    >>> card = fit_card(sample, left)
    >>> float(stability(sample, card)["psi"].iloc[0])
    0.0
    """
    as_kind(card, Card, "card", "give the result of fit_card")
    now = as_frame(facts)
    before = None if then is None else as_frame(then)
    rows: list[tuple[str, float, str]] = []
    for feature, table in zip(card.features, card.tables(), strict=True):
        names = [*(str(b.test) for b in feature.bins.bins), "undecided"]
        earlier = np.array([*(b.count for b in feature.bins.bins), 0])
        if before is not None:
            earlier = _counts(before, table)
        part, worst = _psi(earlier, _counts(now, table))
        rows.append((feature.name, part, names[worst]))
    if before is not None:
        scores = [
            numbers(score_card(f, card, reasons=0)["points"], "points") for f in (before, now)
        ]
        known = np.sort(scores[0][~np.isnan(scores[0])])
        cuts = np.unique(known[(np.arange(1, _BANDS) * len(known)) // _BANDS])
        counted = [np.bincount(np.searchsorted(cuts, x[~np.isnan(x)], side="right"),
                               minlength=len(cuts) + 1) for x in scores]  # fmt: skip
        part, worst = _psi(*counted)
        edges = [f"< {cuts[0]:g}", *(f">= {c:g}" for c in cuts)] if len(cuts) else ["present"]
        rows.append(("points", part, edges[worst]))
    made = pd.DataFrame(rows, columns=["feature", "psi", "bin"]).set_index("feature")
    return made.sort_values("psi", ascending=False, kind="stable")


def _counts(frame: pd.DataFrame, table: DecisionTable) -> npt.NDArray[np.intp]:
    """How many rows each rule decides; undecided ones come last."""
    code = table.decide_codes(frame, on_missing="undecided").rule.astype(np.intp)
    return np.bincount(code % (len(table.rules) + 1), minlength=len(table.rules) + 1)


def _psi(then: npt.NDArray[np.intp], now: npt.NDArray[np.intp]) -> tuple[float, int]:
    """The index over all bins, and the bin that adds most; an empty bin counts as half a row."""
    used = then + now > 0
    a, b = (np.where(used & (x == 0), 0.5, x) / max(x.sum(), 1) for x in (then, now))
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(used, (b - a) * np.log(b / a), 0.0)
    return float(parts.sum()), int(parts.argmax())
