"""Contribution: components by hand, conservation, rates that are missing, words."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.valuation import (
    Rates,
    TransferBand,
    TransferCurve,
    contribution,
    explain_contribution,
)
from bankcrm.valuation.contribution.components import CHUNK, COMPONENTS, MARGIN_PARTS
from bankcrm.valuation.contribution.rates import year_fraction

RATES = Rates(
    curve=TransferCurve.of_bands([TransferBand(0, 12, 0.02), TransferBand(12, 120, 0.03)]),
    side={"demand": "deposit", "fund": "managed", "mortgage": "loan", "none": "none"},
    rate_paid={"demand": 0.005},
    rate_charged={"demand": 0.2, "mortgage": 0.05},
    commission={"fund": 0.01},
    tenor_months={"demand": 3, "mortgage": 60},
    account_cost={"demand": 36.5, "fund": 0.0, "mortgage": 73.0, "none": 0.0},
    activity_cost={"branch": 10.0, "mobile": 0.5},
    default_probability={"running": 0.02, "unpaid": 1.0},
    loss_given_default={"demand": 0.5, "mortgage": 0.25},
    risk_weight={"demand": 1.0, "mortgage": 0.5},
    capital_ratio=0.1,
    cost_of_capital=0.1,
    tax_rate=0.25,
)


def positions(**columns: object) -> pd.DataFrame:
    """Positions over 73 days: a fifth of a year under ACT/365."""
    size = len(next(iter(columns.values())))
    base = {
        "customer_id": np.arange(size),
        "product": ["demand"] * size,
        "start": pd.Timestamp("2026-01-01"),
        "end": pd.Timestamp("2026-03-14"),
    }
    return pd.DataFrame({**base, **columns}, index=pd.RangeIndex(size))


def test_a_deposit_by_hand() -> None:
    row = contribution(positions(balance=[10_000.0], fees=[7.0], n_branch=[2.0]), rates=RATES).iloc[
        0
    ]
    expected = {
        "funds_credit": 10_000 * 0.02 / 5,
        "interest_paid": -10_000 * 0.005 / 5,
        "deposit_margin": 30.0,
        "loan_margin": 0.0,
        "fees": 7.0,
        "cost_to_serve": -(36.5 / 5 + 20),
        "expected_loss": 0.0,
        "capital_charge": 0.0,
        "tax": -0.25 * (30 + 7 - 27.3),
        "contribution": 0.75 * (30 + 7 - 27.3),
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_a_loan_by_hand() -> None:
    loan = positions(product=["mortgage"], outstanding=[50_000.0], status=["unpaid"], lgd=[np.nan])
    row = contribution(loan, rates=RATES).iloc[0]
    expected = {
        "interest_received": 50_000 * 0.05 / 5,
        "funds_cost": -50_000 * 0.03 / 5,
        "loan_margin": 200.0,
        "expected_loss": -1.0 * 0.25 * 50_000 / 5,
        "capital_charge": -50_000 * 0.5 * 0.1 * 0.1 / 5,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_a_managed_product_earns_commission_and_no_margin() -> None:
    row = contribution(positions(product=["fund"], balance=[20_000.0]), rates=RATES).iloc[0]
    assert row["commission"] == pytest.approx(20_000 * 0.01 / 5)
    assert row["deposit_margin"] == 0


def test_terms_of_a_position_come_before_the_rates() -> None:
    rows = positions(
        balance=[1000.0, 1000.0, 0.0],
        product=["demand", "demand", "mortgage"],
        outstanding=[0.0, 0.0, 1000.0],
        tenor_months=[24.0, np.nan, 3.0],
        rate_paid=[0.01, np.nan, np.nan],
        rate_charged=[np.nan, np.nan, 0.08],
        interest_paid=[np.nan, 4.0, np.nan],
        interest_received=[np.nan, np.nan, 16.5],
        pd=[np.nan, np.nan, 0.5],
        lgd=[np.nan, np.nan, 1.0],
        ead=[np.nan, np.nan, 1500.0],
    )
    found = contribution(rows, rates=RATES, by="position")
    assert found["funds_credit"].tolist() == pytest.approx([6.0, 4.0, 0.0])
    assert found["interest_paid"].tolist() == pytest.approx([-2.0, -4.0, 0.0])
    assert found["interest_received"].tolist() == pytest.approx([0.0, 0.0, 16.5])
    assert found["funds_cost"].tolist() == pytest.approx([0.0, 0.0, -4.0])
    assert found["expected_loss"].tolist() == pytest.approx([0.0, 0.0, -0.5 * 1500 / 5])
    booked = rows.drop(columns="interest_received")
    assert contribution(booked, rates=RATES)["interest_received"].iloc[2] == pytest.approx(16.0)


cents = st.integers(0, 10**10).map(lambda c: c / 100)
some_positions = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(["demand", "fund", "mortgage"]),
        cents,
        cents,
        st.integers(-(10**6), 10**6).map(lambda c: c / 100),
        st.integers(0, 30),
        st.dates(pd.Timestamp("2025-01-01").date(), pd.Timestamp("2025-06-30").date()),
        st.integers(0, 400),
    ),
    min_size=1,
    max_size=40,
)


@given(some_positions)
def test_components_are_conserved_to_the_cent(rows: list[tuple[object, ...]]) -> None:
    names = ["customer_id", "product", "a", "b", "fees", "n_branch", "start", "days"]
    frame = pd.DataFrame(rows, columns=names)
    lent = frame["product"] == "mortgage"
    frame["balance"] = frame["a"].where(~lent, 0.0)
    frame["outstanding"] = frame["b"].where(lent, 0.0)
    frame["start"] = pd.to_datetime(frame["start"])
    frame["end"] = frame["start"] + pd.to_timedelta(frame["days"], unit="D")
    frame = frame.drop(columns=["a", "b", "days"])
    tables = {
        by: contribution(frame, rates=RATES, by=by)
        for by in ("position", "customer", "product", "customer_product")
    }
    for table in tables.values():
        assert table[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(
            table["contribution"].tolist(), abs=1e-6, rel=1e-14
        )
        margins = table[list(MARGIN_PARTS)].sum(axis=1)
        both = table["deposit_margin"] + table["loan_margin"]
        assert margins.tolist() == pytest.approx(both.tolist(), abs=1e-6, rel=1e-12)
        assert table.sum().tolist() == pytest.approx(
            tables["position"].sum().tolist(), abs=0.005, rel=1e-14
        )
    for customer in tables["customer"].index:
        mine = explain_contribution(frame, customer, rates=RATES)
        assert mine["amount"].sum() == pytest.approx(
            tables["customer"].loc[customer, "contribution"], abs=0.005
        )


def test_every_customer_asked_for_has_a_row() -> None:
    found = contribution(positions(balance=[100.0, 50.0]), rates=RATES, customers=[7, 1, 0])
    assert found.index.tolist() == [7, 1, 0]
    assert found.index.name == "customer_id"
    assert found.loc[7].tolist() == [0.0] * found.shape[1]
    with pytest.raises(DataError, match=r"2 customers are not among the 1 .*\(1, 2\)"):
        contribution(positions(balance=[100.0, 50.0, 1.0]), rates=RATES, customers=[0])
    with pytest.raises(DataError, match=r"^customers: null in 1 row \(row 2\)"):
        contribution(positions(balance=[1.0]), rates=RATES, customers=pd.Index([0.0, 0.0, np.nan]))


def test_ids_of_text_and_both_keys() -> None:
    rows = positions(balance=[1.0, 2.0, 4.0], product=["demand", "fund", "demand"])
    rows["customer_id"] = ["ann", "ann", "bob"]
    found = contribution(rows, rates=RATES, by="customer_product")
    assert found["balance"].to_dict() == {
        ("ann", "demand"): 1.0,
        ("ann", "fund"): 2.0,
        ("bob", "demand"): 4.0,
    }
    assert found.index.names == ["customer_id", "product"]
    by_product = contribution(rows, rates=RATES, by="product")
    assert by_product["balance"].to_dict() == {"demand": 5.0, "fund": 2.0}
    assert by_product.index.name == "product"


def test_more_positions_than_one_chunk() -> None:
    size = CHUNK + 3
    rows = positions(balance=np.full(size, 10_000.0))
    found = contribution(rows, rates=RATES, by="position")
    assert found["deposit_margin"].to_numpy() == pytest.approx(np.full(size, 30.0))


def test_the_callers_frame_is_not_changed() -> None:
    rows = positions(balance=[1.0], pd=[np.nan])
    copy = rows.copy(deep=True)
    contribution(rows, rates=RATES)
    pd.testing.assert_frame_equal(rows, copy)


def test_no_positions_give_an_empty_or_zero_result() -> None:
    none = positions(balance=[1.0]).iloc[:0]
    assert contribution(none, rates=RATES).empty
    assert contribution(none, rates=RATES, customers=[4])["contribution"].tolist() == [0.0]


def test_the_policy_is_stamped_and_its_figures_count() -> None:
    policy = default_policy("valuation")
    rows = positions(balance=[10_000.0])
    found = contribution(rows, policy=policy)
    assert found.attrs == {
        "policy": f"{policy.id}@{policy.version}",
        "fingerprint": policy.fingerprint,
    }
    assert explain_contribution(rows, 0, policy=policy).attrs == found.attrs
    richer = policy.with_parameters(rate_paid={"demand": 0.0, "term": 0.0})
    gain = contribution(rows, policy=richer) - found
    assert gain["contribution"].iloc[0] == pytest.approx(10_000 * 0.001 / 5)


def test_explanations_name_every_rate() -> None:
    rows = positions(
        product=["mortgage"], outstanding=[50_000.0], fees=[3.0], n_mobile=[4.0], status=["unpaid"]
    )
    explained = explain_contribution(rows, 0, rates=RATES).set_index("component")["how"]
    assert explained["interest_received"] == "50,000.00 x 5.00 % x 73 days ACT/365"
    assert explained["funds_cost"] == "50,000.00 x transfer price 3.00 % x 73 days ACT/365"
    assert explained["fees"] == "as booked"
    assert explained["cost_to_serve"].endswith("activities 2.00")
    assert explained["expected_loss"].startswith("pd 100.00 % x lgd 25.00 %")
    assert "weight 50.00 %" in explained["capital_charge"]
    assert explained["tax"].startswith("25.00 %")
    booked = explain_contribution(rows.assign(interest_received=1.0), 0, rates=RATES)
    assert booked.set_index("component").loc["interest_received", "how"] == "as booked"
    with pytest.raises(DataError, match="no position of 99"):
        explain_contribution(rows, 99, rates=RATES)


# --- bad input


def test_rates_that_are_missing_are_named_with_their_product() -> None:
    bare = attrs.evolve(RATES, rate_paid={}, tenor_months={"mortgage": 60})
    with pytest.raises(
        DataError, match=r"rates\.tenor_months: missing for product 'demand' \(1 pos"
    ):
        contribution(positions(balance=[5.0]), rates=bare)
    with pytest.raises(DataError, match=r"rates\.rate_paid: missing for product 'demand'"):
        contribution(positions(balance=[5.0], tenor_months=[1.0]), rates=bare)
    own = positions(balance=[5.0], tenor_months=[1.0], rate_paid=[0.0])
    assert contribution(own, rates=bare)["funds_credit"].iloc[0] > 0
    assert contribution(positions(balance=[0.0]), rates=bare)["funds_credit"].iloc[0] == 0
    with pytest.raises(DataError, match=r"rates\.side: missing for product 'gold'"):
        contribution(positions(product=["gold"]), rates=RATES)
    with pytest.raises(DataError, match=r"rates\.activity_cost: missing for activity 'fax'"):
        contribution(positions(n_fax=[1.0]), rates=RATES)
    with pytest.raises(DataError, match=r"rates\.default_probability: missing for status 'odd'"):
        contribution(positions(status=["odd"]), rates=RATES)
    with pytest.raises(DataError, match=r"rates\.account_cost: missing for product 'demand'"):
        contribution(positions(fees=[1.0]), rates=attrs.evolve(RATES, account_cost={}))
    with pytest.raises(DataError, match=r"rates\.loss_given_default"):
        contribution(positions(outstanding=[1.0]), rates=attrs.evolve(RATES, loss_given_default={}))


def test_positions_that_do_not_fit() -> None:
    with pytest.raises(DataError, match=r"^positions.product, start, end: missing column"):
        contribution(pd.DataFrame({"customer_id": [1]}), rates=RATES)
    with pytest.raises(DataError, match=r"1 of 1 end before they start \(rows 0\)"):
        contribution(positions(start=pd.to_datetime(["2026-05-01"])), rates=RATES)
    with pytest.raises(DataError, match="have a balance, but their product is no deposit"):
        contribution(positions(product=["mortgage"], balance=[5.0]), rates=RATES)
    with pytest.raises(DataError, match="below minimum"):
        contribution(positions(balance=[-5.0]), rates=RATES)
    with pytest.raises(DataError, match="null"):
        contribution(positions(balance=[np.nan]), rates=RATES)
    with pytest.raises(DataError, match="not finite"):
        contribution(positions(balance=[np.inf]), rates=RATES)
    with pytest.raises(DataError, match=r"by: expected one of .*'branch'"):
        contribution(positions(balance=[5.0]), rates=RATES, by="branch")
    with pytest.raises(DataError, match=r"n_branch: null"):
        contribution(positions(n_branch=[np.nan]), rates=RATES)


# --- rates


def test_transfer_prices_are_matched_in_term() -> None:
    curve = RATES.curve
    assert curve.at([0, 11.9, 12, 119, 500]).tolist() == [0.02, 0.02, 0.03, 0.03, 0.03]
    assert np.isnan(curve.at([np.nan])).all()
    line = TransferCurve.of_points({12: 0.02, 0: 0.01})
    assert line.at([3, 99]).tolist() == pytest.approx([0.0125, 0.02])
    assert np.isnan(line.at([np.nan])).all()
    with pytest.raises(DataError, match=r"negative in 1 row \(row 0\)"):
        curve.at([-1])


@pytest.mark.parametrize(
    ("bands", "message"),
    [
        ([(0, 12, 0.1), (6, 24, 0.1)], "bands 0 to 12 and 6 to 24 overlap"),
        ([(0, 12, 0.1), (24, 36, 0.1)], "no rate between 12 and 24 months"),
        ([(1, 12, 0.1)], "must begin at 0"),
        ([(0, 0, 0.1)], "band 0 to 0 is empty"),
        ([], "must begin at 0"),
    ],
)
def test_tenors_that_overlap_or_leave_a_gap(bands: list[tuple[float, ...]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TransferCurve.of_bands([TransferBand(*band) for band in bands])


def test_a_curve_needs_a_point() -> None:
    with pytest.raises(DataError, match="no points"):
        TransferCurve.of_points({})


@pytest.mark.parametrize(
    ("count", "start", "end", "years"),
    [
        ("ACT/365", "2026-01-01", "2026-12-31", 1.0),
        ("ACT/365", "2024-01-01", "2024-12-31", 366 / 365),
        ("ACT/360", "2026-01-01", "2026-03-31", 90 / 360),
        ("30/360", "2026-01-01", "2026-01-31", 30 / 360),
        ("30/360", "2026-02-01", "2026-02-28", 30 / 360),
        ("30/360", "2026-01-31", "2026-03-30", 60 / 360),
        ("30/360", "2026-01-31", "2026-02-14", 15 / 360),
        ("30/360", "2024-01-01", "2024-12-31", 1.0),
    ],
)
def test_day_counts(count: str, start: str, end: str, years: float) -> None:
    days = (np.array([d], dtype="datetime64[D]") for d in (start, end))
    assert year_fraction(*days, count).tolist() == pytest.approx([years])


def test_an_unknown_day_count() -> None:
    day = np.array(["2026-01-01"], dtype="datetime64[D]")
    with pytest.raises(DataError, match="ACT/365, ACT/360 or 30/360"):
        year_fraction(day, day, "ACT/ACT")
