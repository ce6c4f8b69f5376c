"""Figures of the reviews that were written to one folder, the earliest first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bankcrm.arguments import as_path
from bankcrm.errors import DataError, reason_of
from bankcrm.report.html import HISTORY_COLUMNS

SERIES = "history.csv"


def read_history(folder: str | Path) -> pd.DataFrame:
    """The figures of every review that was written to a folder.

    Each review that `Review.write` writes adds its own. Contribution, tiers and warnings need a
    whole review, so they are known only for the days of these reviews.

    Args:
        folder: The folder of a review.

    Returns:
        One row per review and figure: ``as_of``, ``book``, ``section``, ``name``, ``value``; empty
        where no review was written.

    Raises:
        DataError: The history cannot be read.
    """
    path = as_path(folder, "folder") / SERIES
    if not path.is_file():
        return pd.DataFrame(columns=HISTORY_COLUMNS)
    try:
        return pd.read_csv(path, dtype={"book": str})[HISTORY_COLUMNS]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path}: not the history of reviews: {reason_of(error)}") from error


def with_review(
    history: pd.DataFrame, summary: Mapping[str, Any], actions: pd.DataFrame
) -> pd.DataFrame:
    """The history with the figures of one more review, which replace those of its day.

    Reviews of another book are left out.

    Args:
        history: From `read_history`.
        summary: The summary of the review.
        actions: Its action list.
    """
    own = pd.DataFrame(
        [
            (summary["as_of"], summary["book"], section, name, value)
            for section, figures in section_figures(summary, actions).items()
            for name, value in figures.items()
            if value is not None
        ],
        columns=HISTORY_COLUMNS,
    )
    kept = history[(history["book"] == summary["book"]) & (history["as_of"] != summary["as_of"])]
    parts = [kept, own] if len(kept) else [own]
    every: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return every.sort_values("as_of", kind="stable", ignore_index=True)


def section_figures(
    summary: Mapping[str, Any], actions: pd.DataFrame | None
) -> dict[str, dict[str, Any]]:
    """The figures of every section of a review.

    Args:
        summary: The summary of the review.
        actions: Its action list, if it is known.
    """
    measured = summary["concentration"]
    return {
        "customers": {"customers": summary["customers"]},
        "stage": summary.get("stage", {}),
        "segment": summary.get("segment", {}),
        "contribution": summary["contribution"],
        "concentration": {n: measured[n] for n in ("top_fifth_share", "gini_normalised")},
        "tier": summary.get("tier", {}),
        "resource_level": summary.get("resource_level", {}),
        "warning": summary["warning"],
        "complaints": {n: summary["complaints"][n] for n in ("accepted", "overdue")},
        "actions": {} if actions is None else actions["department"].value_counts().to_dict(),
    }
