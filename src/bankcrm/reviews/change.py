"""What changed since an earlier review: every figure, and who moved from where to where."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, line
from bankcrm.actions.known import listed_since, settled_actions
from bankcrm.errors import DataError
from bankcrm.frames.arrays import as_of_day
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.series import section_figures

STANDING = ("stage", "segment", "tier", "resource_level", "warning")
"""The results by which customers are compared."""
NOT_THERE = "(not in the review)"
UNKNOWN = "(none)"


@attrs.frozen(eq=False)
class ReviewChange:
    """The change from an earlier review to a later one.

    Attributes:
        since: The day of the earlier review.
        figures: One row per figure that differs, of every section: ``section``, ``name``,
            ``before``, ``after`` and ``change``; null where one review does not have it.
        moved: One row per customer and result that differs: ``customer_id``, ``result``,
            ``before``, ``after`` (text). The stage says who came and who is no longer there.
        settled: The actions of the earlier review that are no longer listed, with ``state``:
            ``done``, or ``no longer due``.
        repeated: The actions of the later one that are listed since an earlier review.
    """

    since: date
    figures: pd.DataFrame
    moved: pd.DataFrame
    settled: pd.DataFrame
    repeated: pd.DataFrame

    def counts(self) -> pd.DataFrame:
        """Customers by result, before and after, the most frequent first."""
        moves = self.moved.groupby(["result", "before", "after"], sort=False).size()
        frame = moves.rename("customers").reset_index()
        return frame.sort_values("customers", ascending=False, kind="stable", ignore_index=True)

    def __str__(self) -> str:
        parts = [f"since {self.since}:", self.figures.to_string(index=False)]
        return "\n".join([*parts, "who moved:", self.counts().to_string(index=False)])

    def __repr__(self) -> str:
        return line(f"ReviewChange since {self.since}", self._counted())

    def _repr_html_(self) -> str:
        return card(f"Change since {self.since}", self._counted(), self.counts())

    def _counted(self) -> dict[str, int]:
        people = self.moved["customer_id"].nunique()
        actions = {f"actions {name}": n for name, n in self.action_counts().items()}
        return {"figures changed": len(self.figures), "customers moved": int(people), **actions}

    def dated(self, actions: pd.DataFrame) -> pd.DataFrame:
        """The actions of the later review with the day since which they are listed."""
        known = self.repeated.set_index("action_id")["since"]
        since = known.reindex(actions["action_id"]).to_numpy()
        return actions.assign(since=np.where(np.isnat(since), actions["since"], since))

    def action_counts(self) -> dict[str, int]:
        """How many actions are ``repeated``, ``done`` and ``no longer due``."""
        done = int((self.settled["state"] == "done").sum())
        gone = len(self.settled) - done
        return {"repeated": len(self.repeated), "done": done, "no longer due": gone}


def not_later(earlier: EarlierReview, day: date) -> EarlierReview:
    """The earlier review, if it is of the day or earlier: nothing after the day is used.

    Raises:
        DataError: It is of a later day.
    """
    if earlier.as_of > day:
        raise DataError(
            f"earlier: a review of {earlier.as_of}, after the day of this one, {day}; give a "
            "review of that day or before"
        )
    return earlier


def change_since(
    earlier: EarlierReview,
    summary: Mapping[str, Any],
    actions: pd.DataFrame,
    standing: pd.DataFrame,
    done: pd.DataFrame | None = None,
) -> ReviewChange:
    """Compare a review with an earlier one.

    Args:
        earlier: The earlier review.
        summary: The figures of the later one.
        actions: Its action list.
        standing: The results of its customers, indexed by customer.
        done: The tasks that were done; None: not known.

    Raises:
        DataError: The earlier review is of a later day.
    """
    day = date.fromisoformat(summary["as_of"])
    not_later(earlier, day)
    before, after = section_figures(earlier.summary, None), section_figures(summary, actions)
    rows = [
        (section, name, before.get(section, {}).get(name), after.get(section, {}).get(name))
        for section in before | after
        for name in before.get(section, {}) | after.get(section, {})
        if section != "actions"  # an earlier summary does not count them
    ]
    figures = pd.DataFrame(rows, columns=["section", "name", "before", "after"])
    figures = figures.astype({"before": np.float64, "after": np.float64})
    figures["change"] = figures["after"] - figures["before"]
    same = (figures["before"] == figures["after"]) | figures[["before", "after"]].isna().all(axis=1)
    listed = actions if earlier.actions is None else earlier.actions
    since = listed_since(actions["action_id"], day, earlier.actions, earlier.as_of)
    again = since < as_of_day(day)
    return ReviewChange(
        since=earlier.as_of,
        figures=figures[~same].reset_index(drop=True),
        moved=moved_since(earlier.standing, standing),
        settled=settled_actions(listed, earlier.as_of, actions, day, done),
        repeated=actions.assign(since=since)[again].reset_index(drop=True),
    )


def moved_since(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Who moved in which result.

    Args:
        before: Results of customers, indexed by customer.
        after: The same later.

    >>> one = pd.DataFrame({"tier": ["key", "ordinary"]}, index=[1, 2])
    >>> two = pd.DataFrame({"tier": ["key", "key", "ordinary"]}, index=[1, 2, 3])
    >>> moved_since(one, two)[["customer_id", "before", "after"]].values.tolist()
    [[2, 'ordinary', 'key'], [3, '(none)', 'ordinary']]
    """
    everyone = after.index.union(before.index, sort=False)
    parts = []
    for name in STANDING:
        if name not in before or name not in after:
            continue
        was, now = (_words(frame, name, everyone) for frame in (before, after))
        differs = np.flatnonzero(was != now)
        parts.append(
            pd.DataFrame(
                {
                    "customer_id": everyone[differs],
                    "result": name,
                    "before": was[differs],
                    "after": now[differs],
                }
            )
        )
    columns = ["customer_id", "result", "before", "after"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _words(frame: pd.DataFrame, name: str, everyone: pd.Index) -> np.ndarray[Any, Any]:
    words = frame[name].astype(object)
    absent = NOT_THERE if name == "stage" else UNKNOWN
    known = words.where(words.notna(), UNKNOWN).reindex(everyone, fill_value=absent)
    return known.to_numpy(dtype=object)
