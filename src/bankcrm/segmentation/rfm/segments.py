"""Segments, levels and treatments of RFM scores, and the migration of segments (EB-3)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames import as_frame
from bankcrm.frames.arrays import codes, numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.conversion import require_columns
from bankcrm.frames.customers import refuse_repeated
from bankcrm.frames.numbering import places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.rules.compare import cross_count

_DIGITS = 1000


@attrs.frozen
class Treatment:
    """The treatment of an RFM level (EB-3)."""

    level: str
    treatment: str
    source: str = "default"


def segment_rfm(scores: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """Find the segment of each score, its level and its treatment.

    The table ``rfm_segment`` gives every one of the 125 scores exactly one of eleven segments; the
    table ``rfm_level`` gives the three levels.

    Args:
        scores: From `score_rfm` with five bins: ``r``, ``f``, ``m``.
        policy: Segmentation policy; the library's default if None.

    Returns:
        The same index, all categorical: ``segment``, ``segment_rule``, ``rfm_level``,
        ``rfm_level_rule``, ``treatment``.

    Raises:
        DataError: Scores are missing, or outside 1 to 5.

    Source: EB-3.

    >>> scores = pd.DataFrame({"r": [5, 1], "f": [5, 4], "m": [4, 5]})
    >>> named = segment_rfm(scores)
    >>> named["segment"].tolist(), named["rfm_level"].tolist()
    (['champions', 'cannot_lose'], ['high', 'low'])
    """
    policy, scores = policy_of(policy, "segmentation"), as_frame(scores)
    code = _code(scores)
    # There are few distinct scores: each is decided once and looked up for every customer.
    found = np.flatnonzero(np.bincount(code, minlength=_DIGITS))
    place = np.zeros(_DIGITS, dtype=np.intp)
    place[found] = np.arange(len(found))
    row = place[code]
    columns = {n: v.take(row) for n, v in _decided(policy, tuple(found.tolist())).items()}
    return policy.stamp(pd.DataFrame(columns, index=scores.index, copy=False))


@lru_cache(maxsize=64)
def _decided(policy: Policy, found: tuple[int, ...]) -> dict[str, pd.Categorical]:
    """The columns of `segment_rfm` for scores given as three digits."""
    code = np.array(found, dtype=np.int64)
    grid = pd.DataFrame({"r": code // 100, "f": code // 10 % 10, "m": code % 10})
    segment = policy.table("rfm_segment").decide_frame(grid)
    level = policy.table("rfm_level").decide_frame(pd.DataFrame({"segment": segment["outcome"]}))
    treatment = {t.level: t.treatment for t in policy.records("rfm_treatment", Treatment)}
    treatments = level["outcome"].astype(object).map(treatment).astype("category")
    return {
        "segment": segment["outcome"].array,
        "segment_rule": segment["rule"].array,
        "rfm_level": level["outcome"].array,
        "rfm_level_rule": level["rule"].array,
        "treatment": treatments.array,
    }


def _code(scores: pd.DataFrame) -> npt.NDArray[np.int64]:
    scores = as_frame(scores)
    require_columns(scores, [*"rfm"], "scores", "give the frame of score_rfm")
    code = np.zeros(len(scores), dtype=np.int64)
    for name in "rfm":
        column = scores[name]
        if isinstance(column.dtype, np.dtype) and column.dtype.kind == "i":
            digit = column.to_numpy()
        else:
            digit = numbers(column, f"scores.{name}")
        bad = scores.index[~((digit >= 1) & (digit <= 9) & (digit % 1 == 0))]
        advice = "give the frame of score_rfm"
        fault_in_rows(
            "scores", name, "wrong score", bad, "a whole number from 1 to 9", advice
        ).refuse()
        code = code * 10 + digit.astype(np.int64)
    return code


def rfm_migration(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Count how customers moved between segments from one date to another.

    Args:
        before: From `segment_rfm` at the first date, indexed by customer.
        after: The same at the second date.

    Returns:
        int64 counts, one row per segment before, one column per segment after, in the table's
        order; a customer of only one of the two counts as ``absent`` in the other. The sum is the
        number of customers of either date.

    Raises:
        DataError: A frame without segments, or with a customer twice.

    Source: EB-3.

    >>> before = pd.DataFrame({"segment": pd.Categorical(["loyal", "new"])}, index=[1, 2])
    >>> after = pd.DataFrame({"segment": pd.Categorical(["lost", "loyal"])}, index=[1, 3])
    >>> rfm_migration(before, after).loc["new", "absent"].item()
    1
    """
    before, after = as_frame(before), as_frame(after)
    for name, frame in (("before", before), ("after", after)):
        require_columns(frame, ["segment"], name)
        refuse_repeated(frame.index, name)
    known = [segment_names(frame["segment"]) for frame in (before, after)]
    names = [*dict.fromkeys([*known[0], *known[1]]), "absent"]
    everyone = before.index.union(after.index)
    places = [_places(frame["segment"], everyone, names) for frame in (before, after)]
    moves = cross_count(places[0], places[1], names)
    used = moves.loc["absent"].any() or moves["absent"].any()
    return moves if used else moves.drop(index="absent", columns="absent")


def segment_names(segment: pd.Series) -> list[Any]:
    """The segments of a column, in the order of its categories, else in their own."""
    if isinstance(segment.dtype, pd.CategoricalDtype):
        return list(segment.cat.categories)
    return sorted(codes(segment)[1].tolist(), key=str)


def _places(segment: pd.Series, everyone: pd.Index, names: list[str]) -> npt.NDArray[np.int64]:
    """The position of each customer's segment; the last one for a null or a customer not there."""
    place = np.append(places_of(segment, names[:-1]), -1)[segment.index.get_indexer(everyone)]
    return np.where(place < 0, len(names) - 1, place)
