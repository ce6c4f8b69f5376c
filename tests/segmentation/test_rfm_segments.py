"""RFM segments, levels and migration."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    rfm_migration,
    segment_rfm,
    weighted_rfm,
)

SCORES = pd.DataFrame(list(product(range(1, 6), repeat=3)), columns=["r", "f", "m"])


def test_every_score_has_exactly_one_segment_and_all_segments_are_used() -> None:
    """Total and disjoint over all 125: the table is 'unique', which loading proves; and counted."""
    table = default_policy("segmentation").table("rfm_segment")
    assert table.hit_policy.value == "unique"
    assert table.check() == []
    segments = segment_rfm(SCORES)
    assert segments["segment"].notna().all()
    assert set(segments["segment"]) == set(table.outcomes)
    for row in SCORES.to_dict("records")[::7]:
        one = table.decide(row)
        at = (row["r"] - 1) * 25 + (row["f"] - 1) * 5 + row["m"] - 1
        assert (one.outcome, one.rule) == tuple(segments.iloc[at][["segment", "segment_rule"]])
    some = SCORES.sample(40, random_state=5).iloc[[*range(40), 3, 3]]
    pd.testing.assert_frame_equal(
        segment_rfm(some).astype(object), segments.loc[some.index].astype(object)
    )
    champions = (SCORES >= 4).all(axis=1)
    assert ((segments["segment"] == "champions") == champions).all()


def test_levels_and_treatments_follow_the_report() -> None:
    segments = segment_rfm(SCORES)
    pairs = segments.groupby("rfm_level", observed=True)["treatment"].unique()
    assert {k: list(v) for k, v in pairs.items()} == {
        "high": ["tailor_made_products"],
        "medium": ["promotion_to_convert"],
        "low": ["find_need_and_solve_problem"],
    }
    assert segments.attrs["fingerprint"] == default_policy("segmentation").fingerprint


def test_faulty_scores_are_refused() -> None:
    with pytest.raises(DataError, match="scores: missing column m"):
        segment_rfm(SCORES[["r", "f"]])
    with pytest.raises(DataError, match=r"scores\.r: wrong score in 125 rows"):
        segment_rfm(SCORES.assign(r=np.nan))
    with pytest.raises(DataError, match="wrong score in 125 rows"):
        segment_rfm(SCORES.assign(r=0))
    for bad in (10, 0.5, 4.5):
        with pytest.raises(DataError, match="r: wrong score"):
            segment_rfm(SCORES.assign(r=bad))
    with pytest.raises(DataError):
        segment_rfm(SCORES.assign(r=7))


def test_weighted_rfm() -> None:
    scores = pd.DataFrame({"r": [5, 1], "f": [5, 2], "m": [5, 4]})
    assert weighted_rfm(scores, weights=(1, 1, 1)).tolist() == pytest.approx([5, 7 / 3])
    assert weighted_rfm(scores, weights=(0, 0, 9)).tolist() == [5, 4]
    for bad in ((1, 1), (0, 0, 0), (1, -1, 1), (np.nan, 1, 1)):
        with pytest.raises(DataError, match="weights"):
            weighted_rfm(scores, weights=bad)
    with pytest.raises(DataError, match="m: expected numbers"):
        weighted_rfm(scores.assign(m="high"), weights=(1, 1, 1))
    with pytest.raises(DataError, match="missing columns f, m"):
        weighted_rfm(scores[["r"]], weights=(1, 1, 1))


def test_migration_counts_everybody_once() -> None:
    before, after = segment_rfm(SCORES.iloc[:100]), segment_rfm(SCORES.iloc[20:][::-1])
    table = rfm_migration(before, after)
    assert table.to_numpy().sum() == 125
    assert table.loc["absent"].sum() == 25
    assert table["absent"].sum() == 20
    assert np.trace(table.to_numpy()) == 80
    both = pd.DataFrame({"a": before["segment"], "b": after["segment"]}).astype(object)
    counted = pd.crosstab(*(both[c].fillna("absent") for c in "ab"))
    names = table.index
    pd.testing.assert_frame_equal(
        counted.reindex(index=names, columns=names, fill_value=0), table,
        check_names=False, check_index_type=False, check_column_type=False,
    )  # fmt: skip
    only_left = rfm_migration(before, before.iloc[1:])
    assert (only_left["absent"].sum(), only_left.loc["absent"].sum()) == (1, 0)
    only_new = rfm_migration(before.iloc[1:], before)
    assert (only_new["absent"].sum(), only_new.loc["absent"].sum()) == (0, 1)
    nobody_absent = rfm_migration(before, before)
    assert "absent" not in nobody_absent
    with pytest.raises(DataError, match="before: missing column segment"):
        rfm_migration(SCORES, after)
    with pytest.raises(DataError, match="after: customers with several rows"):
        rfm_migration(before, pd.concat([after, after]))
