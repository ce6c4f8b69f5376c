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
from bankcrm.vocabulary import Channel

SCALES: list[tuple[Any, int, int]] = [("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)]


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


WITH_COST = {"phone": 1.0, "mail": np.nan, "branch": np.nan}


def share_of(name: str, hits: int, trials: int) -> dict[str, float]:
    """A share and Wilson's interval; null without a trial."""
    if not trials:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), np.nan)
    low, high = stats.binomtest(int(hits), int(trials)).proportion_ci(method="wilson")
    return {name: hits / trials, f"{name}_low": low, f"{name}_high": high}


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
    wanted = {}
    for name, rows in made.groupby("channel"):
        recorded = rows["outcome"].dropna()
        positive, cost = (recorded == "positive").sum(), 2.0 * len(rows) * WITH_COST[name]
        wanted[name] = {
            "contacts": len(rows),
            "customers": rows["customer_id"].nunique(),
            "recorded": len(recorded),
            **share_of("answered", (recorded != "no_answer").sum(), len(recorded)),
            **share_of("response", positive, len(recorded)),
            "cost": cost,
            "cost_per_response": cost / positive if positive else np.nan,
        }
    by_hand = pd.DataFrame.from_dict(wanted, orient="index").reindex(found.index)
    assert set(found.index) == set(wanted)
    assert found.index.tolist() == [c.value for c in Channel if c.value in wanted]
    pd.testing.assert_frame_equal(found, by_hand, check_dtype=False, check_names=False)
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
    by_hand = {
        name: {"matters": matters, "settled": settled, "open": waiting,
               **share_of("share", settled, matters - waiting)}
        for name, (matters, settled, waiting) in seen.items()
        if matters
    }  # fmt: skip
    wanted = pd.DataFrame.from_dict(by_hand, orient="index").reindex(found.index)
    assert set(found.index) == set(by_hand)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False, check_names=False)


@given(st.integers(0, 10_000))
def test_satisfaction_is_counted_channel_by_channel(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for measure, low, high in SCALES:
        names = rng.choice(list("cab"), 30)
        scores = np.where(rng.random(30) < 0.2, np.nan, rng.integers(low, high + 1, 30))
        asked = pd.DataFrame({"channel": names, "score": scores})
        found = satisfaction(asked, measure=measure, minimum=8)
        assert found.index.tolist() == sorted(set(names))
        values = {}
        for name, row in found.iterrows():
            every = asked.loc[asked["channel"] == name, "score"]
            seen = every.dropna()
            assert (row["asked"], row["answered"]) == (len(every), len(seen))
            assert row["response_rate"] == pytest.approx(len(seen) / len(every))
            if len(seen) < 8:
                assert np.isnan(row["value"])
                assert pd.isna(row["rank"])
                continue
            values[name] = {
                "nps": (seen >= 9).mean() - (seen <= 6).mean(),
                "csat": (seen >= 4).mean(),
                "ces": seen.mean(),
            }[measure]
            assert row["value"] == pytest.approx(values[name])
        for name, value in values.items():
            better = sum(other > value + 1e-12 for other in values.values())
            assert found.loc[name, "rank"] == 1 + better


@pytest.mark.parametrize(
    ("measure", "low", "high"), [("nps", 0, 10), ("csat", 1, 5), ("ces", 1, 7)]
)
def test_a_scale_has_two_ends(measure: Any, low: int, high: int) -> None:
    def asked(*scores: int) -> pd.DataFrame:
        return satisfaction(pd.DataFrame({"channel": "app", "score": scores}), measure=measure)

    assert asked(low, high)["answered"].tolist() == [2]
    for score in (low, high):  # few answers, all at one end: the interval ends there too
        if measure == "nps":
            bounds = asked(score, score)[["lower", "upper"]].iloc[0]
            assert bounds.between(-1, 1).all()
            assert bounds.abs().max() == 1
    for beyond in (low - 1, high + 1):
        with pytest.raises(DataError, match=r"surveys\.score: (below minimum|above maximum)"):
            asked(low, beyond)


def interval_of(measure: str, seen: list[float], confidence: float) -> tuple[float, float, float]:
    """Value, lower and upper of one channel, by its definition."""
    n, z = len(seen), stats.norm.ppf(0.5 + confidence / 2)
    if not n:
        return np.nan, np.nan, np.nan
    if measure == "csat":
        ends = stats.binomtest(sum(s >= 4 for s in seen), n).proportion_ci(confidence, "wilson")
        return sum(s >= 4 for s in seen) / n, ends.low, ends.high
    if measure == "ces":
        if n == 1:
            return seen[0], np.nan, np.nan
        low, high = stats.ttest_1samp(seen, 0).confidence_interval(confidence)
        if len(set(seen)) == 1:
            low = high = seen[0]
        return float(np.mean(seen)), low, high
    up, down = sum(s >= 9 for s in seen), sum(s <= 6 for s in seen)
    good, bad = (up + 0.75) / (n + 3), (down + 0.75) / (n + 3)
    half = z * np.sqrt((good + bad - (good - bad) ** 2) / (n + 3))
    return (up - down) / n, max(good - bad - half, -1), min(good - bad + half, 1)


@pytest.mark.parametrize(("measure", "low", "high"), SCALES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of scipy, where scores do not vary
def test_satisfaction_with_all_its_columns(measure: Any, low: int, high: int) -> None:
    rng = np.random.default_rng(7)
    sizes = {"b": 10, "a": 9, "e": 12, "d": 1, "c": 0, "f": 10}
    scores = {k: rng.integers(low, high + 1, n).astype(float).tolist() for k, n in sizes.items()}
    scores["f"] = scores["b"]  # as good as another
    rows = [(k, s) for k, own in scores.items() for s in [*own, None]]
    asked = pd.DataFrame(rows, columns=["branch", "score"]).sample(frac=1, random_state=1)
    for confidence in (0.95, 0.8):
        found = satisfaction(asked, measure=measure, by="branch", confidence=confidence)
        wanted = pd.DataFrame(
            [(len(scores[k]) + 1, len(scores[k]), len(scores[k]) / (len(scores[k]) + 1),
              *interval_of(measure, scores[k], confidence)) for k in sorted(sizes)],
            pd.Index(sorted(sizes), name="branch"),
            ["asked", "answered", "response_rate", "value", "lower", "upper"],
        )  # fmt: skip
        wanted["value"] = wanted["value"].where(wanted["answered"] >= 10)
        better = [(wanted["value"] > v).sum() + 1 if v == v else None for v in wanted["value"]]
        wanted["rank"] = pd.array(better, "Int64")
        pd.testing.assert_frame_equal(found, wanted)
    pd.testing.assert_frame_equal(
        satisfaction(asked.rename(columns={"branch": "channel"}), measure=measure),
        satisfaction(asked, measure=measure, by="branch", minimum=10).rename_axis("channel"),
    )


def test_measures_are_named() -> None:
    for wrong in ("stars", None, ["nps"]):
        with pytest.raises(DataError, match="measure: expected one of nps, csat, ces"):
            satisfaction(pd.DataFrame({"channel": ["a"], "score": [1]}), measure=wrong)


def test_contacts_are_checked_and_costs_are_optional() -> None:
    made = pd.DataFrame(
        {"customer_id": [1, 1], "channel": ["phone", "mail"], "outcome": [None] * 2}
    )
    found = channel_measures(made)
    assert found[["cost", "cost_per_response", "answered", "response"]].isna().all(axis=None)
    assert found["recorded"].tolist() == [0, 0]
    narrow = channel_measures(made.assign(outcome="positive"), confidence=0.5)
    assert narrow["response_low"].iloc[0] == pytest.approx(
        stats.binomtest(1, 1).proportion_ci(0.5, "wilson").low
    )
    dated = made.assign(date=pd.Timestamp("2026-06-23"), matter="card")

    def resolution(frame: pd.DataFrame) -> pd.DataFrame:
        return first_contact_resolution(frame, as_of="2026-06-30")

    for frame, call in ((made, channel_measures), (dated, resolution)):
        for column in frame.columns.drop("outcome"):
            broken = frame.astype(object)
            broken.loc[1, column] = None
            with pytest.raises(DataError, match=rf"contacts\.{column}: null in 1 row"):
                call(broken)
            with pytest.raises(DataError, match=f"{column}: missing column"):
                call(frame.drop(columns=column))
    judged = first_contact_resolution(dated, as_of="2026-06-30")
    assert judged["open"].tolist() == [0]  # the second contact of one day belongs to the first
    assert first_contact_resolution(dated, as_of="2026-06-29", within_days=6)["open"].tolist() == [
        0
    ]
    alone = dated[:1]
    assert first_contact_resolution(alone, as_of="2026-06-29")["open"].tolist() == [1]
    assert first_contact_resolution(alone, as_of="2026-06-30")["settled"].tolist() == [1]
    assert len(first_contact_resolution(alone, as_of="2026-06-22")) == 0
