"""The folder of a written review, and what a later review reads of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from bankcrm.arguments import as_path
from bankcrm.disk import read_json, writing
from bankcrm.errors import DataError, reason_of
from bankcrm.folders import ResultFolder, digest_of, digests_in, recover
from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import STANDING
from bankcrm.reviews.risk import REMEMBERED, RISK_FRAMES
from bankcrm.reviews.series import SERIES

SUMMARY = "summary.json"
_FILES = (
    "customers.parquet",
    "customers.csv",
    "complaints.csv",
    "actions.csv",
    "actions.parquet",
    "trend.csv",
    SERIES,
    "changes.csv",
    "moved.csv",
    "settled.csv",
    "findings.csv",
    *(f"{name}.csv" for name in RISK_FRAMES),
    *(f"{name}.parquet" for name in REMEMBERED),
    "index.html",
    SUMMARY,  # the last: with it, all are there
)


def review_folder(
    folder: str | Path, *, force: bool = False, as_of: date | None = None
) -> ResultFolder:
    """The folder that `Review.write` writes.

    Args:
        folder: The folder.
        force: Whether files that bankcrm did not write are replaced.
        as_of: The day of the review: what an engine has written for it is replaced as well.
    """
    day = () if as_of is None else (f"review_date={as_of.isoformat()}/*",)
    return ResultFolder(as_path(folder, "folder"), "review", (*day, *_FILES), force)


def write_summary(summary: Mapping[str, Any], folder: Path) -> None:
    """Write the figures with the SHA-256 of every other file, to show that all are of one run.

    Args:
        summary: The figures.
        folder: The folder; every other file is there.
    """
    whole = {**summary, "files": digests_in(folder)}
    text = json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)
    with writing(folder / SUMMARY):
        (folder / SUMMARY).write_text(text + "\n", encoding="utf-8")


def files_of_day(folder: Path, day: date) -> tuple[str, ...]:
    """The files of a written review in a folder if it is of a day; else none."""
    try:
        summary = read_json(folder / SUMMARY)
        return _FILES if summary["as_of"] == day.isoformat() else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def read_earlier(folder: str | Path) -> EarlierReview:
    """Read a folder that `Review.write` has written.

    Args:
        folder: The folder, of a review in memory or on an engine.

    Raises:
        DataError: The folder is not that of a review, or its files are not those of one run.
    """
    source = as_path(folder, "folder")
    recover(source)
    try:
        summary = read_json(source / SUMMARY)
        day = date.fromisoformat(summary["as_of"])
        written: dict[str, str] = dict(summary.pop("files"))
        _refuse_mixed(source, written)
        customers = [n for n in written if n == "customers.parquet" or _is_part(n)]
        pieces = [_standing(source / n) for n in customers]
        standing = pd.concat([piece.astype(object) for piece in pieces])
        kept = {n: pd.read_parquet(source / f"{n}.parquet") for n in REMEMBERED
                if f"{n}.parquet" in written}  # fmt: skip
        kept["actions"] = pd.read_parquet(source / "actions.parquet")
    except DataError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = f"{SUMMARY} has no {error}" if isinstance(error, KeyError) else reason_of(error)
        raise DataError(f"{source}: not a folder that a review has written: {why}") from error
    return EarlierReview(day, summary, standing, **kept)


def _standing(file: Path) -> pd.DataFrame:
    """The results of customers by which a later review is compared."""
    import pyarrow.parquet as pq

    known = [c for c in STANDING if c in pq.read_schema(file).names]
    return pd.read_parquet(file, columns=known, partitioning=None)


def _is_part(name: str) -> bool:
    return name.startswith("review_date=") and name.endswith(".parquet")


def _refuse_mixed(folder: Path, written: Mapping[str, str]) -> None:
    """Refuse a folder in which a file is not that of the run that wrote the summary."""
    other = [n for n, d in written.items() if (folder / n).is_file() and digest_of(folder / n) != d]
    if other:
        raise DataError(
            f"{folder}: {', '.join(other)} changed since {SUMMARY} was written, or another run "
            "wrote there; review again"
        )
