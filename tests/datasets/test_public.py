"""Public sets come in canonical form, with the published row counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import CONTRACT
from bankcrm.datasets import load_cdnow, load_cfpb, load_gleif, load_rfm_r
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import check_frame
from bankcrm.risk import find_groups


def test_cdnow(shared_data: Path) -> None:
    folder = shared_data / "cdnow"
    master, sample = load_cdnow(folder), load_cdnow(folder, "sample")
    summary = load_cdnow(folder, "summary")
    assert (len(master), master["customer_id"].nunique()) == (69_659, 23_570)
    assert (len(sample), sample["customer_id"].nunique()) == (6_919, 2_357)
    assert (master["amount"] == 0).sum() == 80
    assert str(master["date"].max().date()) == "1998-06-30"
    # The summary counts repeat purchase days up to the end of September 1997 of the same people.
    days = sample[sample["date"] <= "1997-09-30"].drop_duplicates(["customer_id", "date"])
    repeats = days.groupby("customer_id").size().sub(1).reindex(summary.index)
    assert repeats.tolist() == summary["frequency"].tolist()


def test_rfm_r(shared_data: Path) -> None:
    orders = load_rfm_r(shared_data / "rfm_r")
    table = load_rfm_r(shared_data / "rfm_r", "table").set_index("customer")
    assert (len(orders), orders["customer_id"].nunique(), len(table)) == (4_906, 995, 995)
    assert orders["amount"].sum() == table["amount"].sum()
    last = orders.groupby("customer_id")["date"].max()
    recency = (pd.Timestamp("2006-12-31") - last).dt.days
    assert sorted(recency) == sorted(table["recency_days"])


def test_cfpb_fits_the_contract_and_keeps_its_flaws(shared_data: Path) -> None:
    frame = load_cfpb(shared_data / "cfpb")
    assert len(frame) == 9_418
    assert frame["text"].notna().sum() == 3_485
    checked = check_frame(frame, CONTRACT["complaints"], key="complaint_id", frame="complaints")
    assert (checked["sent_at"] < checked["received_at"]).sum() >= 1
    assert frame["timely"].sum() == 9_207
    assert frame["disputed"].isna().sum() == 6_181
    assert frame["channel"].isna().sum() == 586


def test_complaints_without_a_number_are_numbered_by_their_place(tmp_path: Path) -> None:
    day = ["2026-03-01"] * 4
    text = pd.array(["a", "b", None, "d"], dtype="str")
    rows = pd.DataFrame(
        {"Complaint ID": [None, "77", None, "78"], "Date received": day,
         "Date sent to company": day, "Consumer complaint narrative": text,
         "Timely response?": ["Yes", "No", None, "Yes"],
         "Consumer disputed?": [None, "No", "Yes", None],
         "Submitted via": ["Web", "Referral", None, "Phone"]}
    )  # fmt: skip
    for column in ("Product", "Issue", "Company", "State", "Company response to consumer"):
        rows[column] = text
    rows.to_parquet(tmp_path / "cfpb_full_fields.parquet")
    frame = load_cfpb(tmp_path)
    assert frame["complaint_id"].tolist() == ["row-1", "77", "row-3", "78"]
    assert frame["timely"].fillna(value=False).tolist() == [True, False, False, True]
    assert frame["disputed"].isna().tolist() == [True, False, False, True]
    assert frame["channel"].isna().tolist() == [False, True, True, False]
    assert set(frame["received_at"]) == {pd.Timestamp("2026-03-01", tz="America/New_York")}


def test_gleif(shared_data: Path) -> None:
    frame = load_gleif(shared_data / "gleif")
    assert len(frame) == 8_044
    checked = check_frame(frame, CONTRACT["links"], frame="links")
    assert set(checked["link"]) == {"controls"}
    assert frame["level"].value_counts().to_dict() == {"direct": 4_041, "ultimate": 4_003}


def test_gleif_takes_the_whole_set(tmp_path: Path) -> None:
    """A file of the size and the form of the full set: every relationship is used or reported."""
    draw = np.random.default_rng(3)
    size, edges = 145_381, 108_828
    child = draw.permutation(size)[:edges] + 1
    parent = draw.integers(1, 40_000, edges)
    parent[-10:] = child[-10:]
    kinds = ["IS_ULTIMATELY_CONSOLIDATED_BY", "IS_INTERNATIONAL_BRANCH_OF", "IS_FUND-MANAGED_BY",
             "IS_SUBFUND_OF", "IS_FEEDER_TO"]  # fmt: skip
    more = pd.DataFrame({"START_ID": range(1, 6), "END_ID": range(11, 16), "TYPE": kinds,
                         "STATUS": ["ACTIVE", "INACTIVE", "NULL", "ACTIVE", "ACTIVE"]})  # fmt: skip
    direct = pd.DataFrame({"START_ID": child, "END_ID": parent,
                           "TYPE": "IS_DIRECTLY_CONSOLIDATED_BY", "STATUS": "ACTIVE"})  # fmt: skip
    file = tmp_path / "relations.csv.gz"
    pd.concat([direct, more]).to_csv(file, index=False)
    links = load_gleif(file)
    assert links["level"].value_counts().to_dict() == {
        "direct": edges, "ultimate": 1, "branch": 1, "fund_manager": 1, "subfund": 1, "feeder": 1,
    }  # fmt: skip
    assert links["status"].tail(5).isna().tolist() == [False, False, True, False, False]
    assert links["link"].tail(5).tolist() == ["controls", "controls"] + ["depends"] * 3
    assert links["child_id"].head(edges).tolist() == child.tolist()
    groups = find_groups(links, as_of="2026-06-30")
    tie = groups.ties["tie"].value_counts()
    assert tie["self_loop"] == (child == parent).sum()
    assert tie["watch"] == 3
    assert tie["control"] + tie["self_loop"] + tie["watch"] == len(links) == edges + 5
    (tmp_path / "other.csv").write_text("START_ID,END_ID,TYPE,STATUS\n1,2,IS_FRIEND_OF,ACTIVE\n")
    with pytest.raises(DataError, match="TYPE has IS_FRIEND_OF; known: IS_DIRECTLY"):
        load_gleif(tmp_path / "other.csv")


@pytest.mark.parametrize("load", [load_cdnow, load_rfm_r, load_cfpb, load_gleif])
def test_a_missing_file_is_reported(load: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        load(tmp_path)


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gleif_sample_edges.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"missing columns START_ID.*; present: a, b"):
        load_gleif(tmp_path)
    (tmp_path / "cdnow_master.parquet").write_text("no")
    with pytest.raises(DataError, match=r"cdnow_master\.parquet: "):
        load_cdnow(tmp_path)


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no part 'all'; known: master, sample, summary"):
        load_cdnow(tmp_path, "all")
    with pytest.raises(UnknownNameError, match="no part 'all'; known: orders, table"):
        load_rfm_r(tmp_path, "all")
