"""Channels and satisfaction: published intervals, coverage by simulation, naive counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.marketing import channel_measures, first_contact_resolution, satisfaction


def nps(scores: list[int]) -> pd.Series:
    return satisfaction(pd.DataFrame({"channel": "phone", "score": scores}), measure="nps").iloc[0]


def test_nps_of_the_worked_example() -> None:
    found = nps([10] * 50 + [7] * 30 + [6] * 20)
    assert found["value"] == pytest.approx(0.3)
    middle = (found["lower"] + found["upper"]) / 2
    half = (found["upper"] - found["lower"]) / 2
    assert (round(middle * 100, 1), round(half * 100, 1)) == (29.1, 15.1)


@pytest.mark.parametrize(
    ("n", "shares", "coverage"),
    [  # the plain Wald interval covers .396 and .784 of the first two
        (10, (0.95, 0.04, 0.01), 0.915), (30, (0.95, 0.04, 0.01), 0.975),
        (100, (0.95, 0.04, 0.01), 0.968), (10, (0.5, 0.3, 0.2), 0.963),
    ],
)  # fmt: skip
def test_nps_coverage_by_simulation(
    n: int, shares: tuple[float, float, float], coverage: float
) -> None:
    draws = np.random.default_rng(1).multinomial(n, shares, size=4_000)
    samples = pd.DataFrame(
        {
            "channel": np.repeat(np.arange(4_000).astype(str), n),
            "score": np.repeat(np.tile([10, 8, 0], 4_000), draws.ravel()),
        }
    )
    found = satisfaction(samples, measure="nps")
    truth = shares[0] - shares[2]
    covered = ((found["lower"] <= truth) & (truth <= found["upper"])).mean()
    assert covered == pytest.approx(coverage, abs=0.015)


def test_csat_and_ces_are_wilson_and_student() -> None:
    asked = pd.DataFrame({"channel": "app", "score": [5] * 4 + [4] * 4 + [1, 3]})
    found = satisfaction(asked, measure="csat").iloc[0]
    assert found["value"] == 0.8
    assert (round(found["lower"], 4), round(found["upper"], 4)) == (0.4902, 0.9433)
    effort = pd.DataFrame({"channel": "app", "score": [7, 6, 6, 5, 2, 7, 4, 5, 6, 7, 3]})
    one = satisfaction(effort, measure="ces").iloc[0]
    low, high = stats.ttest_1samp(effort["score"], 0).confidence_interval()
    assert (one["lower"], one["upper"]) == pytest.approx((low, high))


def test_few_answers_give_a_range_and_no_rank() -> None:
    asked = pd.DataFrame(
        {
            "channel": ["a"] * 20 + ["b"] * 20 + ["c"] * 9 + ["d"] * 5,
            "score": [10] * 20 + [8] * 20 + [10] * 9 + [None] * 5,
        }
    )
    found = satisfaction(asked, measure="nps")
    assert found["rank"].astype(object).where(found["rank"].notna(), None).tolist() == [
        1,
        2,
        None,
        None,
    ]
    assert np.isnan(found.loc["c", "value"])
    assert found.loc["c", "lower"] < found.loc["c", "upper"]
    assert found.loc["d", ["value", "lower", "upper"]].isna().all()
    assert found.loc["d", "response_rate"] == 0
    with pytest.raises(DataError, match="score"):
        satisfaction(asked.assign(score=11), measure="nps")


@given(st.integers(0, 10_000))
def test_measures_are_plain_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 6, 40),
            "channel": rng.choice(["phone", "mail", "branch"], 40),
            "outcome": rng.choice(["positive", "none", "no_answer", None], 40),
        }
    )
    found = channel_measures(made, costs={"phone": 2.0})
    assert found["contacts"].sum() == 40
    for name, rows in made.groupby("channel"):
        row = found.loc[name]
        assert row["customers"] == rows["customer_id"].nunique()
        recorded = rows["outcome"].dropna()
        assert row["recorded"] == len(recorded)
        if len(recorded):
            assert row["response"] == pytest.approx((recorded == "positive").mean())
            assert row["answered"] == pytest.approx((recorded != "no_answer").mean())
        if name == "phone":
            assert row["cost"] == 2.0 * len(rows)
        else:
            assert np.isnan(row["cost"])
    again = channel_measures(made.sample(frac=1, random_state=seed), costs={"phone": 2.0})
    pd.testing.assert_frame_equal(again, found)
    with pytest.raises(UnknownNameError, match="did you mean 'phone'"):
        channel_measures(made, costs={"phon": 1})


@given(st.integers(0, 10_000))
def test_first_contacts_by_a_row_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    today = pd.Timestamp("2026-06-30")
    made = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 3, 30),
            "date": today - pd.to_timedelta(rng.integers(-3, 60, 30), unit="D"),
            "matter": rng.choice(["card", "loan"], 30),
        }
    ).drop_duplicates()
    made["channel"] = rng.choice(["phone", "branch"], len(made))
    seen = {"phone": [0, 0, 0], "branch": [0, 0, 0]}  # matters, settled, open
    for _, rows in made[made["date"] <= today].groupby(["customer_id", "matter"]):
        rows = rows.sort_values("date").reset_index(drop=True)
        for i, row in rows.iterrows():
            if i and (row["date"] - rows["date"][i - 1]).days <= 7:
                continue  # belongs to the matter before
            back = i + 1 < len(rows) and (rows["date"][i + 1] - row["date"]).days <= 7
            over = (today - row["date"]).days >= 7
            seen[row["channel"]][0] += 1
            seen[row["channel"]][1] += over and not back
            seen[row["channel"]][2] += not over and not back
    found = first_contact_resolution(made, as_of=today)
    for name, counts in seen.items():
        if counts[0]:
            assert found.loc[name, ["matters", "settled", "open"]].tolist() == counts


@pytest.mark.parametrize(
    ("measure", "low", "high"), [("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)]
)
def test_a_scale_has_two_ends(measure: Any, low: int, high: int) -> None:
    def asked(*scores: int) -> pd.DataFrame:
        return satisfaction(pd.DataFrame({"channel": "app", "score": scores}), measure=measure)

    assert asked(low, high)["answered"].tolist() == [2]
    for beyond in (low - 1, high + 1):
        with pytest.raises(DataError, match=r"surveys\.score: (below minimum|above maximum)"):
            asked(low, beyond)
