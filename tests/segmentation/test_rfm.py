"""RFM metrics, thresholds, scores and segments: laws, the R package, real data, bad input."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames import DataFault, findings_frame, findings_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    RfmCuts,
    RfmThresholds,
    fit_rfm,
    rfm_metrics,
    rfm_migration,
    score_rfm,
    segment_rfm,
    weighted_rfm,
)

AS_OF = "2026-06-30"
SCORES = pd.DataFrame(list(product(range(1, 6), repeat=3)), columns=["r", "f", "m"])


def moves(rows: list[tuple[Any, str, float]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


@st.composite
def books(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    offset = draw(st.sampled_from([0, 10**12]))
    days = rng.integers(0, 500, size)
    return pd.DataFrame(
        {
            "customer_id": rng.integers(0, 8, size) * 37 + offset,
            "date": np.datetime64("2025-05-01", "ns") + days.astype("timedelta64[D]"),
            "amount": rng.integers(-500, 5000, size) / 100,
            "product": rng.choice(["demand", "fund"], size),
        }
    )


def slowly(frame: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """The metrics of every customer, one after the other, by pandas alone."""
    day = pd.Timestamp(as_of)
    frame = frame[frame["date"] <= day]
    rows = {
        customer: {
            "recency_days": (day - part["date"].max()).days,
            "frequency": len(part),
            "monetary": round(part["amount"].abs().sum(), 4),
        }
        for customer, part in frame.groupby("customer_id")
    }
    return pd.DataFrame.from_dict(rows, orient="index")


@given(books())
def test_metrics_equal_a_slow_loop(book: pd.DataFrame) -> None:
    metrics = rfm_metrics(book, as_of=AS_OF)
    expected = slowly(book, AS_OF)
    assert metrics.index.tolist() == expected.index.tolist()
    for name in expected:
        assert metrics[name].tolist() == pytest.approx(expected[name].tolist(), abs=1e-4)
    left = metrics.attrs["left_out"].get("after_as_of", 0)
    assert metrics["frequency"].sum() + left == len(book)


@given(books(), st.integers(0, 2**32))
def test_row_order_never_matters(book: pd.DataFrame, seed: int) -> None:
    shuffled = book.sample(frac=1, random_state=seed % 2**31)
    one, two = rfm_metrics(book, as_of=AS_OF), rfm_metrics(shuffled, as_of=AS_OF)
    pd.testing.assert_frame_equal(one, two)
    if len(one):
        scored = score_rfm(one.sample(frac=1, random_state=1), fit_rfm(two))
        pd.testing.assert_frame_equal(scored.sort_index(), score_rfm(one, fit_rfm(one)))


@given(books(), st.sampled_from(["string", "category", "int64[pyarrow]", "Int64", "object"]))
def test_ids_of_any_dtype_measure_alike(book: pd.DataFrame, dtype: str) -> None:
    plain = rfm_metrics(book, as_of=AS_OF)
    other = rfm_metrics(book.assign(customer_id=book["customer_id"].astype(dtype)), as_of=AS_OF)
    words = book["customer_id"].astype(str).astype(object)
    assert rfm_metrics(book.assign(customer_id=words), as_of=AS_OF).index.tolist() == sorted(
        map(str, plain.index)
    )
    by_text = {str(k): v for k, v in other.to_dict("index").items()}
    assert by_text == {str(k): v for k, v in plain.to_dict("index").items()}


@given(books())
def test_by_product_gives_one_set_for_each(book: pd.DataFrame) -> None:
    both = rfm_metrics(book, as_of=AS_OF, by="product")
    for name in book["product"].unique():
        alone = rfm_metrics(book[book["product"] == name], as_of=AS_OF)
        if len(alone):
            part = both.xs(name, level="product")
            pd.testing.assert_frame_equal(part, alone, check_index_type=False)
    assert len(both) == sum(
        len(rfm_metrics(p, as_of=AS_OF)) for _, p in book.groupby("product", observed=True)
    )


def test_options_are_explicit() -> None:
    book = moves(
        [
            (1, "2026-06-01", 100.0),
            (1, "2026-06-01", 50.0),
            (1, "2026-06-20", -30.0),
            (2, "2026-01-05", 0.0),
            (2, "2026-02-05", 80.0),
            (3, "2026-06-29", -5.0),
        ]
    )
    counted = rfm_metrics(book, as_of=AS_OF)
    assert counted.loc[1].tolist() == [10, 3, 180.0]
    netted = rfm_metrics(book, as_of=AS_OF, refunds="net")
    assert netted.loc[1].tolist() == [29, 2, 120.0]
    assert 3 not in netted.index
    assert netted.attrs["left_out"] == {"only_refunds": 1}
    refunds = "at least one movement of zero or more"
    assert findings_of(netted) == (
        DataFault("transactions", "amount", "only_refunds", 1, (), refunds),
    )
    assert rfm_metrics(book, as_of=AS_OF, count="days").loc[1, "frequency"] == 2
    assert rfm_metrics(book, as_of=AS_OF, value="mean").loc[1, "monetary"] == 60.0
    assert rfm_metrics(book, as_of=AS_OF, zeros="leave_out").loc[2].tolist() == [145, 1, 80.0]
    recent = rfm_metrics(book, as_of=AS_OF, window=31)
    assert recent.index.tolist() == [1, 3]
    assert recent.attrs["left_out"] == {"before_window": 2}
    with pytest.raises(DataError, match=r"refund in 2 rows .*refunds='refuse'"):
        rfm_metrics(book, as_of=AS_OF, refunds="refuse")
    with pytest.raises(DataError, match=r"amount: zero_amount in 1 rows .*; zeros='refuse'"):
        rfm_metrics(book, as_of=AS_OF, zeros="refuse")


def test_window_includes_its_first_day() -> None:
    book = moves([(1, "2026-06-01", 1.0), (2, "2026-05-31", 1.0)])
    assert rfm_metrics(book, as_of=AS_OF, window=30).index.tolist() == [1]
    assert rfm_metrics(book, as_of="2026-06-01", window=1).index.tolist() == [1]


def test_as_of_counts_to_its_last_second() -> None:
    book = moves([(1, "2026-06-30 23:59:59", 1.0), (1, "2026-07-01 00:00:00", 1.0)])
    metrics = rfm_metrics(book, as_of=AS_OF)
    assert metrics.loc[1].tolist() == [0, 1, 1.0]
    assert metrics.attrs["left_out"] == {"after_as_of": 1}


def test_own_only_leaves_out_what_the_bank_books() -> None:
    book = moves([(1, "2026-06-01", 100.0), (1, "2026-06-29", 2.0), (2, "2026-06-29", -1.0)])
    book["kind"] = ["salary", "interest", "fee"]
    with pytest.raises(DataError, match="missing column kinds; present: customer_id"):
        rfm_metrics(book, as_of=AS_OF, own_only=True, kind="kinds")
    own = rfm_metrics(book, as_of=AS_OF, own_only=True)
    assert own.loc[1].tolist() == [29, 1, 100.0]
    assert own.attrs["left_out"] == {"not_own": 2}


def test_each_row_is_left_out_for_one_reason_only() -> None:
    book = moves([(1, "2026-07-09", 0.0), (1, "2026-06-09", 0.0), (1, "2026-06-08", 4.0)])
    metrics = rfm_metrics(book, as_of=AS_OF, zeros="leave_out")
    assert metrics.attrs["left_out"] == {"after_as_of": 1, "zero_amount": 1}
    assert metrics.loc[1].tolist() == [22, 1, 4.0]
    told = findings_of(metrics)
    assert told == (
        DataFault("transactions", "date", "after_as_of", 1, ("row 0",), f"dates up to {AS_OF}"),
        DataFault(
            "transactions", "amount", "zero_amount", 1, ("row 1",), "amounts other than zero"
        ),
    )
    assert findings_frame(told)["examples"].tolist() == ["row 0", "row 1"]


def test_empty_and_wholly_left_out_books_are_defined() -> None:
    assert len(rfm_metrics(moves([]), as_of=AS_OF)) == 0
    later = rfm_metrics(moves([("a", "2027-01-01", 1.0)]), as_of=AS_OF)
    assert len(later) == 0
    assert later.attrs["left_out"] == {"after_as_of": 1}
    refunds = rfm_metrics(moves([(1, "2026-01-01", -1.0)]), as_of=AS_OF, refunds="net")
    assert len(refunds) == 0
    assert refunds.attrs["left_out"] == {"only_refunds": 1}


def test_bad_transactions_are_told_all_at_once() -> None:
    book = moves([(1, "2026-06-01", np.nan), (1, "2026-06-02", np.inf), (2, "2026-06-03", 1.0)])
    book.loc[2, "date"] = pd.NaT
    book["product"] = ["a", None, "b"]
    with pytest.raises(DataError) as caught:
        rfm_metrics(book, as_of=AS_OF, by="product")
    text = str(caught.value)
    assert "3 faults" in text
    assert "transactions.amount: not finite in 2 rows (row 0, row 1)" in text
    assert "transactions.date: null in 1 row (row 2)" in text
    assert "transactions.product: null in 1 row (row 1)" in text
    ids = moves([(None, "2026-06-01", 1.0), ("a", "2026-06-01", 1.0)])
    with pytest.raises(DataError) as alone:
        rfm_metrics(ids, as_of=AS_OF)
    assert str(alone.value) == (
        "transactions.customer_id: null in 1 row (row 0); expected a value; "
        "set such rows aside first with bankcrm.frames.screen_frame"
    )


def test_bad_arguments_are_named() -> None:
    book = moves([(1, "2026-06-01", 1.0)])
    with pytest.raises(DataError, match=r"missing columns cust, amt; present: customer_id"):
        rfm_metrics(book, as_of=AS_OF, customer="cust", amount="amt")
    with pytest.raises(DataError, match="present: no column at all"):
        rfm_metrics(pd.DataFrame(), as_of=AS_OF)
    with pytest.raises(DataError, match="window: 0 days"):
        rfm_metrics(book, as_of=AS_OF, window=0)
    aware = book.assign(date=book["date"].dt.tz_localize("UTC"))
    with pytest.raises(DataError, match="time zone"):
        rfm_metrics(aware, as_of=AS_OF)
    with pytest.raises(DataError, match="time zone"):
        rfm_metrics(book, as_of=pd.Timestamp("2026-06-30", tz="UTC").to_pydatetime())
    with pytest.raises(DataError, match="amount: expected numbers"):
        rfm_metrics(book.assign(amount="1"), as_of=AS_OF)


def test_the_callers_frame_is_left_alone() -> None:
    book = moves([(1, "2026-06-01", -1.0), (2, "2026-07-01", 2.0)])
    copy = book.copy(deep=True)
    rfm_metrics(book, as_of=AS_OF)
    pd.testing.assert_frame_equal(book, copy)


# -------------------------------------------------------------------------------------- scores


@st.composite
def metrics_frames(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 60))
    few = st.lists(st.integers(0, 9), min_size=size, max_size=size)
    return pd.DataFrame(
        {"recency_days": draw(few), "frequency": draw(few), "monetary": np.array(draw(few)) / 2}
    )


@given(metrics_frames(), st.integers(2, 9), st.sampled_from(["quantile", "r-rfm"]))
def test_scores_are_monotone_and_ties_share_them(
    metrics: pd.DataFrame, bins: int, method: Any
) -> None:
    scores = score_rfm(metrics, fit_rfm(metrics, bins=bins, method=method))
    for metric, score, sign in (("recency_days", "r", -1), ("frequency", "f", 1)):
        value = sign * metrics[metric].to_numpy()
        order = np.argsort(value, kind="stable")
        found = scores[score].to_numpy()[order].astype(int)
        assert (np.diff(found) >= 0).all()
        assert (np.diff(found)[np.diff(value[order]) == 0] == 0).all()
    assert scores[["r", "f", "m"]].to_numpy().min() >= 1
    assert scores[["r", "f", "m"]].to_numpy().max() <= bins
    digits = scores["r"].astype(int) * 100 + scores["f"].astype(int) * 10 + scores["m"].astype(int)
    assert scores["rfm_score"].tolist() == digits.tolist()


@given(metrics_frames(), st.integers(2, 9))
def test_quantile_scores_are_those_of_cut_where_cut_works(metrics: pd.DataFrame, bins: int) -> None:
    """On data without repeated cut points pandas' cut (right-closed, type 7) agrees."""
    values = metrics["monetary"]
    cuts = np.quantile(values, np.arange(0, bins + 1) / bins)
    if len(np.unique(cuts)) < bins + 1:
        return
    expected = pd.cut(values, cuts, labels=False, include_lowest=True) + 1
    assert score_rfm(metrics, fit_rfm(metrics, bins=bins))["m"].tolist() == expected.tolist()


@given(metrics_frames(), st.sampled_from(["quantile", "r-rfm"]))
def test_thresholds_survive_toml_and_json_and_score_alone(
    metrics: pd.DataFrame, method: Any
) -> None:
    """A customer scored alone tomorrow gets what it gets in the whole book today."""
    fitted = fit_rfm(metrics, method=method)
    kept = RfmThresholds.from_toml(fitted.to_toml())
    assert kept == fitted == RfmThresholds.from_json(fitted.to_json())
    whole = score_rfm(metrics, fitted)
    pd.testing.assert_frame_equal(score_rfm(metrics.iloc[[-1]], kept), whole.iloc[[-1]])


def test_constant_data_one_customer_and_one_time_buyers_are_defined() -> None:
    constant = pd.DataFrame({"recency_days": [5] * 9, "frequency": [1] * 9, "monetary": [7.0] * 9})
    assert set(score_rfm(constant, fit_rfm(constant))["rfm_score"]) == {511}
    one = constant.iloc[[0]]
    assert score_rfm(one, fit_rfm(one))["rfm_score"].tolist() == [511]
    once = pd.DataFrame(
        {"recency_days": range(10), "frequency": [1] * 8 + [2, 9], "monetary": [1.0] * 10}
    )
    scores = score_rfm(once, fit_rfm(once))
    assert scores["f"].tolist() == [1] * 8 + [5, 5], "one-time buyers share the lowest score"
    segment_rfm(scores)


def test_fixed_cut_points_mean_from_this_value_on_and_within_these_days() -> None:
    cuts = {"recency_days": [30, 90], "frequency": [2, 10], "monetary": [1000, 10_000]}
    thresholds = fit_rfm(pd.DataFrame(), bins=3, method="fixed", cuts=cuts)
    assert thresholds.groups == (RfmCuts((30, 90), (2, 10), (1000, 10_000)),)
    metrics = pd.DataFrame(
        {
            "recency_days": [30, 31, 91],
            "frequency": [10, 9, 1],
            "monetary": [10_000.0, 1000.0, 999.99],
        }
    )
    assert score_rfm(metrics, thresholds)["rfm_score"].tolist() == [333, 222, 111]


def test_thresholds_per_group_score_each_group_by_its_own() -> None:
    metrics = pd.DataFrame(
        {
            "recency_days": [1, 2, 1, 2],
            "frequency": [1, 2, 10, 20],
            "monetary": [1.0, 2.0, 100.0, 200.0],
            "line": ["a", "a", "b", "b"],
        }
    )
    thresholds = fit_rfm(metrics, bins=2, per="line")
    assert RfmThresholds.from_toml(thresholds.to_toml()) == thresholds
    assert score_rfm(metrics, thresholds)["rfm_score"].tolist() == [211, 122, 211, 122]
    by_level = metrics.set_index(["line"], append=True)
    assert score_rfm(by_level, thresholds)["m"].tolist() == [1, 2, 1, 2]
    with pytest.raises(UnknownNameError, match="known: a, b"):
        score_rfm(metrics.assign(line="c"), thresholds)
    with pytest.raises(UnknownNameError, match="no column or index level for per 'x'"):
        fit_rfm(metrics, per="x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('method="fixed"\nbins=3\n[[groups]]\nrecency_days=[1,1]', "required field"),
        ("bins=", "not TOML"),
        (
            'method="fixed"\nbins=3\n[[groups]]\nrecency_days=[9,3]\nfrequency=[1,2]\n'
            "monetary=[1,2]",
            r"groups\[0\].recency_days: \[9.0, 3.0\] are not increasing",
        ),
        (
            'method="fixed"\nbins=2\n[[groups]]\nrecency_days=[nan]\nfrequency=[1]\nmonetary=[1]',
            "not all finite",
        ),
        (
            'method="x"\nbins=12\n[[groups]]\nrecency_days=[1]\nfrequency=[1]\nmonetary=[1]',
            "bins: 12",
        ),
        (
            'method="fixed"\nbins=3\n[[groups]]\nrecency_days=[3,9]\nfrequency=[2,2]\n'
            "monetary=[1,2]",
            r"groups\[0\].frequency: \[2.0, 2.0\] are not increasing",
        ),
        ('method="quantile"\nbins=2\ngroups=[]', "groups: "),
    ],
)
def test_faulty_thresholds_are_refused(text: str, fault: str) -> None:
    with pytest.raises(PolicyError, match=fault):
        RfmThresholds.from_toml(text)


def test_faulty_fits_are_refused() -> None:
    metrics = pd.DataFrame({"recency_days": [1], "frequency": [1], "monetary": [1.0]})
    cuts = {"recency_days": [3, 1], "frequency": [1, 2], "monetary": [1, 2]}
    with pytest.raises(PolicyError, match="not increasing"):
        fit_rfm(metrics, bins=3, method="fixed", cuts=cuts)
    with pytest.raises(PolicyError, match="cuts: expected recency_days"):
        fit_rfm(metrics, method="fixed")
    with pytest.raises(DataError, match="method 'quantile' fits its own"):
        fit_rfm(metrics, cuts={})
    with pytest.raises(PolicyError, match="bins: 1"):
        fit_rfm(metrics, bins=1)
    with pytest.raises(DataError, match="no customer to fit on"):
        fit_rfm(metrics.iloc[:0])
    with pytest.raises(DataError, match="metrics: missing monetary"):
        score_rfm(metrics[["recency_days", "frequency"]], fit_rfm(metrics))
    with pytest.raises(DataError, match="recency_days: 1 values are not finite"):
        fit_rfm(metrics.assign(recency_days=np.nan))
    with pytest.raises(PolicyError, match="not JSON"):
        RfmThresholds.from_json("{")
    two = [fit_rfm(metrics).groups[0]] * 2
    with pytest.raises(PolicyError, match="per: missing"):
        RfmThresholds("quantile", 5, tuple(two))


# ------------------------------------------------------------------------------------- segments


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
    with pytest.raises(DataError, match="scores: missing m"):
        segment_rfm(SCORES[["r", "f"]])
    with pytest.raises(DataError, match="null"):
        segment_rfm(SCORES.assign(r=np.nan))
    with pytest.raises(DataError, match="expected 1 to 9"):
        segment_rfm(SCORES.assign(r=0))
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
    with pytest.raises(DataError, match="missing f, m"):
        weighted_rfm(scores[["r"]], weights=(1, 1, 1))


def test_migration_counts_everybody_once() -> None:
    before, after = segment_rfm(SCORES.iloc[:100]), segment_rfm(SCORES.iloc[20:][::-1])
    table = rfm_migration(before, after)
    assert table.to_numpy().sum() == 125
    assert table.loc["absent"].sum() == 25
    assert table["absent"].sum() == 20
    assert np.trace(table.to_numpy()) == 80
    nobody_absent = rfm_migration(before, before)
    assert "absent" not in nobody_absent
    with pytest.raises(DataError, match="before: missing segment"):
        rfm_migration(SCORES, after)
    with pytest.raises(DataError, match="after: customers more than once"):
        rfm_migration(before, pd.concat([after, after]))


# ------------------------------------------------------------------------------------ real data


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
