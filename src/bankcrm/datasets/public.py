"""Readers of small public data sets from a local folder; nothing is downloaded."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_path
from bankcrm.datasets._categories import category
from bankcrm.errors import DataError, UnknownNameError, reason_of
from bankcrm.frames.arrays import days
from bankcrm.frames.conversion import require_columns

__all__ = ["load_cdnow", "load_cfpb", "load_gleif", "load_rfm_r"]

_CHANNELS = {
    "Web": "online",
    "Web Referral": "online",
    "Phone": "phone",
    "Postal mail": "mail",
    "Fax": "mail",
    "Email": "mail",
}

_GLEIF = {
    "IS_DIRECTLY_CONSOLIDATED_BY": ("direct", "controls"),
    "IS_ULTIMATELY_CONSOLIDATED_BY": ("ultimate", "controls"),
    "IS_INTERNATIONAL_BRANCH_OF": ("branch", "controls"),
    "IS_FUND-MANAGED_BY": ("fund_manager", "depends"),
    "IS_SUBFUND_OF": ("subfund", "depends"),
    "IS_FEEDER_TO": ("feeder", "depends"),
}
"""Type of a relationship -> its level and the kind of link; funds have no share, so no group."""
_CFPB_COLUMNS = (
    "Complaint ID",
    "Date received",
    "Product",
    "Issue",
    "Consumer complaint narrative",
    "Submitted via",
    "Date sent to company",
    "Company",
    "State",
    "Company response to consumer",
    "Timely response?",
    "Consumer disputed?",
)


def load_cdnow(
    folder: str | Path, part: Literal["master", "sample", "summary"] = "master"
) -> pd.DataFrame:
    """Purchases at CDNOW by the cohort of early 1997, up to 1998-06-30.

    Args:
        folder: Where the files are.
        part: ``master`` (all 69,659 purchases), ``sample`` (those of every tenth customer), or
            ``summary`` (one row per customer of the sample).

    Returns:
        Purchases with ``customer_id``, ``date``, ``amount`` (USD) and ``quantity``; or the
        summary with ``frequency`` (repeat purchases), ``recency`` and ``age`` (weeks) and
        ``mean_amount`` (USD), indexed by ``customer_id`` as in ``sample``.

    Raises:
        DataError: The file is missing or is not in the published form.
        UnknownNameError: No such part.
    """
    files = {
        "master": "cdnow_master.parquet",
        "sample": "cdnow_sample.parquet",
        "summary": "cdnow_customers_summary_with_transactions.csv",
    }
    if part not in files:
        raise UnknownNameError("part", part, files)
    if part == "summary":
        raw = _read(as_path(folder, "folder") / files[part], ("ID", "x", "t_x", "T", "zbar"))
        names = {"x": "frequency", "t_x": "recency", "T": "age", "zbar": "mean_amount"}
        return raw.rename(columns={"ID": "customer_id", **names}).set_index("customer_id")
    key = "customer_id" if part == "master" else "sample_id"
    raw = _read(as_path(folder, "folder") / files[part], (key, "date", "cds", "amount"))
    return pd.DataFrame(
        {
            "customer_id": raw[key].to_numpy(),
            "date": _stamps(raw["date"]),
            "amount": raw["amount"].to_numpy(),
            "quantity": raw["cds"].to_numpy(),
        }
    )


def load_rfm_r(folder: str | Path, part: Literal["orders", "table"] = "orders") -> pd.DataFrame:
    """Orders, and the published result table, of the R package rfm (analysis date 2006-12-31).

    Args:
        folder: Where the files are.
        part: ``orders`` or ``table``.

    Returns:
        Orders with ``customer_id``, ``date``, ``amount``; or the table as published.

    Raises:
        DataError: The file is missing or is not in the published form.
        UnknownNameError: No such part.
    """
    files = {"orders": "rfm_data_orders.csv", "table": "published_rfm_table.csv"}
    if part not in files:
        raise UnknownNameError("part", part, files)
    path = as_path(folder, "folder") / files[part]
    if part == "table":
        return _read(path, ("customer", "segment", "rfm_score", "recency_days", "amount"))
    raw = _read(path, ("customer_id", "order_date", "revenue"))
    return pd.DataFrame(
        {
            "customer_id": raw["customer_id"].to_numpy(),
            "date": _stamps(raw["order_date"]),
            "amount": raw["revenue"].to_numpy(dtype=np.float64),
        }
    )


def load_cfpb(folder: str | Path) -> pd.DataFrame:
    """Complaints of the US Consumer Complaint Database in the form of a book's complaints.

    The set names no customer and records days only: an instant is the start of the day in New York.
    Rows without a number of their own are numbered by their place; what came in by referral has
    no channel. Nothing is left out, not even
    repeated rows or one sent before it was received.

    Args:
        folder: Where ``cfpb_full_fields.parquet`` is.

    Returns:
        The canonical columns ``complaint_id``, ``received_at``, ``text``, ``product``,
        ``channel``, ``cause``, ``sent_at``, and as published ``company``, ``state``,
        ``response``, ``timely`` and ``disputed`` (boolean, missing where not filled).

    Raises:
        DataError: The file is missing or is not in the published form.
    """
    raw = _read(
        as_path(folder, "folder") / "cfpb_full_fields.parquet",
        _CFPB_COLUMNS,
    )
    number = raw["Complaint ID"].astype("string")
    place = pd.Series(np.arange(1, len(raw) + 1)).astype("string")
    truth = {"Yes": True, "No": False}
    return pd.DataFrame(
        {
            "complaint_id": number.fillna("row-" + place),
            "received_at": _midnights(raw["Date received"]),
            "text": raw["Consumer complaint narrative"],
            "product": category(raw["Product"]),
            "channel": category(raw["Submitted via"].map(_CHANNELS)),
            "cause": category(raw["Issue"]),
            "sent_at": _midnights(raw["Date sent to company"]),
            "company": category(raw["Company"]),
            "state": category(raw["State"]),
            "response": category(raw["Company response to consumer"]),
            "timely": raw["Timely response?"].map(truth).astype("boolean"),
            "disputed": raw["Consumer disputed?"].map(truth).astype("boolean"),
        }
    )


def load_gleif(path: str | Path) -> pd.DataFrame:
    """Who consolidates whom in its accounts, in the form of a book's links.

    Args:
        path: The folder of ``gleif_sample_edges.csv``, or a file with the same columns, such as the
            whole set of relationships in one CSV file, which may be compressed.

    Returns:
        One row per relationship as published, in its order: ``parent_id``, ``child_id``, ``link``,
        ``level`` and ``status``. A parent that consolidates (``direct``, ``ultimate``) and the head
        office of a ``branch`` control; the ``fund_manager`` of a fund, and the fund of a
        ``subfund`` or a ``feeder`` have the link ``depends``, which makes no group without a share.
        Loops, entities with two parents, repeated rows and relationships that are no longer
        ``ACTIVE`` are kept: select those that you need.

    Raises:
        DataError: The file is missing or is not in the published form.
    """
    source = as_path(path)
    file = source / "gleif_sample_edges.csv" if source.is_dir() else source
    raw = _read(file, ("START_ID", "END_ID", "TYPE", "STATUS"))
    if other := sorted({str(t) for t in raw["TYPE"].unique()} - set(_GLEIF)):
        known = ", ".join(_GLEIF)
        raise DataError(f"{file}: TYPE has {few(other)}; known: {known}")
    return pd.DataFrame(
        {
            "parent_id": raw["END_ID"].to_numpy(),
            "child_id": raw["START_ID"].to_numpy(),
            "link": category(raw["TYPE"].map({t: link for t, (_, link) in _GLEIF.items()})),
            "level": category(raw["TYPE"].map({t: level for t, (level, _) in _GLEIF.items()})),
            "status": category(raw["STATUS"].fillna("")),
        }
    )


def _read(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        raw = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: {reason_of(error)}") from None
    require_columns(raw, columns, str(path))
    return raw


def _stamps(values: pd.Series) -> pd.Series:
    """Days from ISO text or date objects, as datetime64[s]."""
    return pd.Series(days(pd.to_datetime(values), str(values.name)).astype("datetime64[s]"))


def _midnights(values: pd.Series) -> pd.Series:
    midnights: pd.Series = _stamps(values).dt.tz_localize("America/New_York")
    return midnights
