"""RFM on the R package's customers, CDNOW and Berka."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bankcrm.segmentation import (
    fit_rfm,
    rfm_metrics,
    rfm_migration,
    score_rfm,
    segment_rfm,
)


def test_all_995_customers_of_the_r_package(shared_data: Path) -> None:
    folder = shared_data / "rfm_r"
    orders = pd.read_csv(folder / "rfm_data_orders.csv", parse_dates=["order_date"])
    metrics = rfm_metrics(orders, as_of="2006-12-31", date="order_date", amount="revenue")
    scores = metrics.join(score_rfm(metrics, fit_rfm(metrics, method="r-rfm")))
    published = pd.read_csv(folder / "published_rfm_table.csv").rename(
        columns={"transaction_count": "frequency", "amount": "monetary"}
    )
    key = ["recency_days", "frequency", "monetary", "rfm_score"]
    ours = scores[key].sort_values(key).to_numpy()
    assert len(ours) == 995
    assert ours.tolist() == published[key].sort_values(key).to_numpy().tolist()
    best = scores[segment_rfm(scores)["segment"] == "champions"]
    assert (len(best), best["frequency"].sum(), best["monetary"].sum()) == (158, 1234, 120_178)


def test_cdnow_master_runs_whole(shared_data: Path) -> None:
    orders = pd.read_parquet(shared_data / "cdnow" / "cdnow_master.parquet")
    metrics = rfm_metrics(orders, as_of="1998-06-30")
    assert (len(metrics), metrics["frequency"].sum()) == (23_570, 69_659)
    assert metrics["monetary"].sum() == pytest.approx(orders["amount"].sum())
    segments = segment_rfm(score_rfm(metrics, fit_rfm(metrics)))
    assert segments["segment"].notna().all()
    kept = rfm_metrics(orders, as_of="1998-06-30", zeros="leave_out")
    assert kept.attrs["left_out"] == {"zero_amount": 80}


def test_berka_runs_whole(shared_data: Path) -> None:
    path = shared_data / "berka" / "trans.asc"
    rows = pd.read_csv(path, sep=";", usecols=["account_id", "date", "amount", "type"])
    rows["date"] = pd.to_datetime(rows["date"].astype(str), format="%y%m%d")
    rows["amount"] = rows["amount"].where(rows["type"] == "PRIJEM", -rows["amount"])
    metrics = rfm_metrics(rows, as_of="1994-03-30", customer="account_id")
    assert (len(metrics), metrics["frequency"].sum()) == (1_229, 46_997)
    assert segment_rfm(score_rfm(metrics, fit_rfm(metrics)))["segment"].notna().all()
    earlier = rfm_metrics(rows, as_of="1993-12-31", customer="account_id")
    before = segment_rfm(score_rfm(earlier, fit_rfm(metrics)))
    after = segment_rfm(score_rfm(metrics, fit_rfm(metrics)))
    assert rfm_migration(before, after).to_numpy().sum() == 1_229
