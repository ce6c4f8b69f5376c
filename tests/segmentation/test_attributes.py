"""Attribute tables, the 2011 size standard, product use, managers, the combined view."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from bankcrm.calendars.ages import full_years
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import DataFault
from bankcrm.frames.findings import findings_of
from bankcrm.policy import default_policy
from bankcrm.segmentation import (
    assign_managers,
    customer_view,
    product_use,
    profile,
    segment_attributes,
)
from bankcrm.segmentation.attributes.classification import Attribute

POLICY = default_policy("segmentation")
AS_OF = "2026-06-30"


def one(kind: str = "person", **facts: Any) -> pd.Series:
    customers = pd.DataFrame([{"kind": kind} | facts], index=[1])
    return segment_attributes(customers, as_of=AS_OF).iloc[0]


@pytest.mark.parametrize(
    ("attribute", "facts", "expected"),
    [
        ("asset_band", {"assets": 10_000_000.0}, "private_banking"),
        ("asset_band", {"assets": 9_999_999.0}, "wealth"),
        ("asset_band", {"assets": 1_000_000.0}, "wealth"),
        ("asset_band", {"assets": 200_000.0}, "medium"),
        ("asset_band", {"assets": -5.0}, "ordinary"),
        ("age_band", {"birth_date": pd.Timestamp("1991-07-01")}, "young"),
        ("age_band", {"birth_date": pd.Timestamp("1991-06-30")}, "middle_aged"),
        ("age_band", {"birth_date": pd.Timestamp("1966-06-30")}, "old"),
        ("age_band", {"age_years": 59.0}, "middle_aged"),
        ("occupation_group", {"occupation": "teacher"}, "civil_servant"),
        ("occupation_group", {"occupation": "farmer"}, "self_employed"),
        ("occupation_group", {"occupation": "astronaut"}, "other"),
        ("need_type", {"invest_share": 0.5, "consume_share": 0.2, "save_share": 0.3}, "investing"),
        ("need_type", {"invest_share": 0.3, "consume_share": 0.3, "save_share": 0.4}, "mixed"),
        ("loyalty", {"days_idle": 400, "tenure_days": 1, "products": 1}, "lost"),
        ("loyalty", {"days_idle": 10, "tenure_days": 2000, "products": 3}, "loyal"),
        (
            "loyalty",
            {"days_idle": 10, "contract_date": pd.Timestamp("2026-01-01"), "products": 3},
            "potentially_loyal",
        ),
        ("geography", {"region": "local", "multinational": False, "foreign": False}, "local"),
        ("geography", {"region": "far", "multinational": False, "foreign": False}, "domestic"),
        ("geography", {"region": "far", "multinational": False, "foreign": True}, "elsewhere"),
        ("geography", {"multinational": True}, "multinational"),
        ("market", {}, "retail"),
        ("relationship", {"response_rate": 0.01}, "non_cooperative"),
        ("relationship", {"response_rate": 0.5, "days_idle": 3}, "loyal"),
        ("relationship", {"response_rate": 0.1, "days_idle": 3}, "floating"),
        ("density", {"transactions_per_month": 2.0}, "medium"),
        ("financial_knowledge", {"invest_share": 0.1}, "knowing"),
        ("financial_knowledge", {"invest_share": 0.0, "education": "master"}, "knowing"),
        ("financial_knowledge", {"invest_share": 0.0, "education": "primary"}, "learning"),
    ],
)
def test_persons(attribute: str, facts: dict[str, Any], expected: str) -> None:
    found = one(**facts)
    assert found[attribute] == expected
    assert isinstance(found[f"{attribute}_rule"], str)


@pytest.mark.parametrize(
    ("attribute", "facts", "expected"),
    [
        ("sector_class", {"sector": "primary"}, "primary"),
        ("sector_class", {"industry": "construction"}, "secondary"),
        ("sector_class", {"industry": "software"}, "tertiary"),
        ("organisation_size", {"employees": 300}, "large"),
        ("organisation_size", {"employees": 9}, "micro"),
        ("company_phase", {"founded_date": pd.Timestamp("2024-01-01")}, "entry"),
        (
            "company_phase",
            {"founded_date": pd.Timestamp("2000-01-01"), "revenue_growth": -0.2},
            "decline",
        ),
        ("company_phase", {"company_age_years": 9.0, "revenue_growth": 0.2}, "growth"),
        ("company_phase", {"company_age_years": 9.0, "revenue_growth": 0.0}, "maturity"),
        ("company_phase", {"company_age_years": 1.0, "revenue_growth": -0.3}, "entry"),
        (
            "company_phase",
            {"company_age_years": 1.0, "revenue_growth": 0.3, "industry_outlook": "dead"},
            "decline",
        ),
        (
            "company_phase",
            {"company_age_years": 9.0, "revenue_growth": -0.05, "industry_outlook": "setting"},
            "decline",
        ),
        ("company_phase", {"company_age_years": 9.0, "revenue_growth": -0.05}, "maturity"),
        ("market", {}, "wholesale"),
    ],
)
def test_companies(attribute: str, facts: dict[str, Any], expected: str) -> None:
    assert one("company", **facts)[attribute] == expected


def test_what_is_not_known_is_null_and_counted() -> None:
    customers = pd.DataFrame(
        {
            "kind": ["person", "person", "company"],
            "assets": [5.0, np.nan, 7.0],
        }
    )
    found = segment_attributes(customers, as_of=AS_OF)
    assert found["asset_band"].isna().tolist() == [False, True, False]
    assert found["age_band"].isna().all()
    undecided = found.attrs["undecided"]
    assert undecided["asset_band"] == {"assets": 1}
    assert undecided["age_band"] == {"age_years": 2}, "companies have no age"
    assert found["market"].tolist() == ["retail", "retail", "wholesale"]
    assert found.attrs["fingerprint"] == POLICY.fingerprint


def test_every_attribute_of_the_documents_is_there() -> None:
    named = {a.table for a in POLICY.records("attribute", Attribute)}
    assert len(named) == 13
    for name in named:
        assert POLICY.table(name).check() == []


def test_a_bank_replaces_a_table_by_the_2011_standard() -> None:
    """Staff, revenue and assets by industry; below any one line it is the next size."""
    standard = default_policy("segmentation", "cn_sme_2011").table("organisation_size")
    policy = POLICY.with_table(standard)
    rows = [
        ("industry", 1000, 400e6, None, "large"),
        ("industry", 999, 400e6, None, "medium"),
        ("industry", 1000, 399e6, None, "medium"),
        ("industry", 300, 20e6, None, "medium"),
        ("industry", 20, 3e6, None, "small"),
        ("industry", 19, 900e6, None, "micro"),
        ("agriculture", None, 200e6, None, "large"),
        ("agriculture", None, 500_000, None, "small"),
        ("agriculture", None, 499_999, None, "micro"),
        ("construction", None, 800e6, 800e6, "large"),
        ("construction", None, 800e6, 799e6, "medium"),
        ("real_estate", None, 100e6, 100e6, "medium"),
        ("software", 10, 500_000, None, "small"),
        ("leasing_business", 100, None, 80e6, "medium"),
        ("other", 100, None, None, "medium"),
        ("wholesale", 5, 10e6, None, "small"),
    ]
    columns = ["industry", "employees", "revenue", "total_assets", "size"]
    customers = pd.DataFrame(rows, columns=columns).assign(kind="company")
    found = segment_attributes(customers, as_of=AS_OF, policy=policy)
    assert found["organisation_size"].tolist() == customers["size"].tolist()


@given(st.dates(), st.integers(0, 40_000))
def test_full_years_are_counted_as_on_birthdays(born: Any, later: int) -> None:
    day = np.datetime64(born, "D")
    today = day + later
    on = today.astype(object)
    expected = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    assert full_years(np.array([day]), today).tolist() == [expected]


def test_bad_customers_are_reported() -> None:
    with pytest.raises(DataError, match=r"birth_date: 1 dates after as_of 2026-06-30 \(1\)"):
        one(birth_date=pd.Timestamp("2030-01-01"))
    with pytest.raises(DataError, match="kind"):
        one("alien")
    with pytest.raises(DataError):
        one(invest_share=1.5)


def test_product_use_counts_open_products() -> None:
    accounts = pd.DataFrame(
        {
            "account_id": range(6),
            "customer_id": ["a", "a", "a", "b", "b", "c"],
            "product": ["demand", "demand", "fund", "mortgage", "term", "business_loan"],
            "opened_date": pd.to_datetime(["2020-01-01"] * 5 + ["2027-01-01"]),
            "closed_date": pd.to_datetime([None, None, None, None, "2026-06-30", None]),
        }
    )
    use = product_use(accounts, as_of=AS_OF)
    assert use["products"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert use.loc["a", ["invest_share", "save_share"]].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert use.loc["b", "consume_share"] == 1.0
    assert use.loc["c"].isna().sum() == 3
    assert product_use(accounts.iloc[:0], as_of=AS_OF).empty
    without = accounts.drop(columns="closed_date")
    assert product_use(without, as_of=AS_OF).loc["b", "products"] == 2
    one_product = accounts.assign(product="demand", opened_date=pd.Timestamp("2020-01-01"))
    assert product_use(one_product, as_of=AS_OF)["products"].to_dict() == {"a": 1, "b": 1, "c": 1}


# -------------------------------------------------------------------------------------- managers

TIERS = ["premium", "key", "ordinary"]


@st.composite
def staffing(draw: st.DrawFn) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    size, staff = draw(st.integers(1, 9)), draw(st.integers(1, 4))

    def column(values: list[Any], n: int) -> list[Any]:
        return draw(st.lists(st.sampled_from(values), min_size=n, max_size=n))

    customers = pd.DataFrame(
        {
            "tier": column(TIERS, size),
            "branch": column(["N", "S", None], size),
            "language": column(["zh", "en", None], size),
        }
    )
    managers = pd.DataFrame(
        {
            "manager_id": [f"m{i}" for i in range(staff)],
            "capacity": column([0, 1, 2, 5], staff),
            "tiers": column([None, "premium|key", "ordinary"], staff),
            "branch": column([None, "N", "S"], staff),
            "languages": column([None, "zh", "zh|en"], staff),
        }
    )
    held = column([None, *managers["manager_id"]], size)
    return customers, managers, pd.Series(held, dtype=object)


def fits(customer: pd.Series, manager: pd.Series) -> bool:
    pairs = (("tier", "tiers"), ("branch", "branch"), ("language", "languages"))
    return all(
        pd.isna(customer[want])
        or pd.isna(manager[have])
        or customer[want] in manager[have].split("|")
        for want, have in pairs
    )


@settings(max_examples=60)
@given(staffing())
def test_assignment_is_as_good_as_seat_by_seat(
    book: tuple[pd.DataFrame, pd.DataFrame, pd.Series],
) -> None:
    """Against the assignment problem on single seats: same weight served, same moves."""
    customers, managers, current = book
    found = assign_managers(customers, managers, current=current)
    used = found["manager_id"].value_counts()
    capacity = managers.set_index("manager_id")["capacity"]
    assert (used <= capacity.reindex(used.index)).all()
    by_id = managers.set_index("manager_id")
    for row, name in found["manager_id"].items():
        if not pd.isna(name):
            assert fits(customers.loc[row], by_id.loc[name])
    weight = {"premium": 5.0, "key": 4.0, "ordinary": 1.0}
    seats = [m for _, m in managers.iterrows() for _ in range(m["capacity"])]
    cost = np.zeros((len(customers), len(seats) + len(customers)))
    for i, customer in customers.iterrows():
        for j, seat in enumerate(seats):
            moved = not pd.isna(current[i]) and current[i] != seat["manager_id"]
            cost[i, j] = moved - 1000 * weight[customer["tier"]] if fits(customer, seat) else 0
    rows, columns = linear_sum_assignment(cost)
    best = cost[rows, columns].sum()
    served = found["manager_id"].notna()
    ours = (
        found.attrs["moved"] - 1000 * customers.loc[served, "tier"].map(weight).astype(float).sum()
    )
    assert ours == best
    assert found.loc[~served, "reason"].notna().all()
    reported = sum(f.count for f in findings_of(found))
    assert reported == (~served).sum()


def test_status_and_reason_of_each_customer() -> None:
    customers = pd.DataFrame(
        {"tier": ["premium", "key", "ordinary", "restricted", "key"], "branch": list("NNNNS")},
        index=list("abcde"),
    )
    managers = pd.DataFrame({"manager_id": [10, 20], "capacity": [1, 1], "branch": ["N", "N"]})
    current = pd.Series({"a": 20, "c": 10})
    found = assign_managers(customers, managers, current=current)
    assert found["manager_id"].tolist()[:2] == [20, 10]
    assert found["status"].tolist() == ["kept", "assigned", "none", "none", "none"]
    assert found["reason"].tolist()[2:] == ["no_capacity", "no_manager_due", "no_manager_fits"]
    assert list(found["status"].cat.categories) == ["kept", "moved", "assigned", "none"]
    advice = "add managers, or widen what they cover"
    assert findings_of(found) == (
        DataFault("customers", "manager", "no_manager_fits", 1, ("customer e",), advice=advice),
        DataFault("customers", "manager", "no_capacity", 1, ("customer c",), advice=advice),
    )
    both = pd.Series({"a": 20, "b": 20})
    crowded = assign_managers(customers, managers, current=both)
    assert sorted(crowded["status"].tolist()[:2]) == ["kept", "moved"]
    assert crowded.attrs["moved"] == 1
    nobody = assign_managers(customers, managers.assign(capacity=0))
    assert nobody["manager_id"].isna().all()


def test_bad_staffing_is_reported() -> None:
    customers = pd.DataFrame({"tier": ["key"]})
    managers = pd.DataFrame({"manager_id": [1], "capacity": [1]})
    with pytest.raises(DataError, match="managers who are not among the managers"):
        assign_managers(customers, managers, current=pd.Series([9]))
    with pytest.raises(DataError, match="current: customers with several rows"):
        assign_managers(customers, managers, current=pd.Series([1, 1], index=[0, 0]))
    with pytest.raises(DataError, match="capacity"):
        assign_managers(customers, managers.assign(capacity=-1))
    with pytest.raises(DataError, match=r"managers\.manager_id: duplicate key"):
        assign_managers(customers, pd.concat([managers, managers]))


# ------------------------------------------------------------------------------------------ view


def test_view_keeps_every_customer_and_tells_who_is_missing() -> None:
    tiers = pd.DataFrame({"tier": ["key", "key"], "rule": ["a", "b"]}, index=[1, 2])
    scores = pd.DataFrame({"r": [5], "rule": ["x"]}, index=[3])
    value = pd.Series([9.0], index=[1])
    view = customer_view({"tiers": tiers, "rfm": scores, "value": value})
    assert view.index.tolist() == [1, 2, 3]
    assert list(view.columns) == ["tier", "tiers_rule", "r", "rfm_rule", "value"]
    assert findings_of(view) == (
        DataFault("tiers", "customer_id", "not_in_part", 1, ("customer 3",)),
        DataFault("rfm", "customer_id", "not_in_part", 2, ("customer 1", "customer 2")),
        DataFault("value", "customer_id", "not_in_part", 2, ("customer 2", "customer 3")),
    )
    assert view.loc[2].isna().tolist() == [False, False, True, True, True]
    with pytest.raises(DataError, match="parts: none given"):
        customer_view({})
    with pytest.raises(DataError, match="rfm: customers with several rows"):
        customer_view({"rfm": pd.concat([scores, scores])})


@given(st.integers(0, 2**32))
def test_profile_against_groupby(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 60))
    view = pd.DataFrame(
        {
            "tier": rng.choice(["key", "ordinary"], size),
            "age": np.where(rng.random(size) < 0.2, np.nan, rng.integers(18, 90, size)),
            "digital": rng.random(size) < 0.5,
            "city": pd.Categorical(rng.choice(["A", "B", "C"], size)),
            "since": pd.Timestamp("2026-01-01"),
        }
    )
    found = profile(view, by="tier")
    assert "since" not in found.index.get_level_values("feature")
    for tier, part in view.groupby("tier"):
        row = found.loc[(tier, "age", "")]
        assert row["customers"] == len(part)
        assert row["known"] == part["age"].notna().sum()
        assert row["segment_value"] == pytest.approx(part["age"].mean(), nan_ok=True)
        assert found.loc[(tier, "digital", "")]["segment_value"] == part["digital"].mean()
        shares = found.xs((tier, "city"), level=("segment", "feature"))["segment_value"]
        assert shares.sum() == pytest.approx(1)
        for city, share in part["city"].value_counts(normalize=True).items():
            if share:
                assert shares[city] == pytest.approx(share)
                lift = share / (view["city"] == city).mean()
                assert found.loc[(tier, "city", city), "index"] == pytest.approx(lift)


def test_profile_of_nulls_and_of_unknown_columns() -> None:
    view = pd.DataFrame({"tier": ["key", None], "city": [None, None], "age": [1.0, 3.0]})
    found = profile(view, by="tier", features=["age"])
    assert found.loc[("(none)", "age", ""), "index"] == 1.5
    nullable = pd.DataFrame(
        {
            "tier": ["key"] * 3,
            "age": pd.array([1, None, 3], dtype="Int64"),
            "digital": pd.array([True, None, False], dtype="boolean"),
        }
    )
    reported = profile(nullable, by="tier")
    assert reported["segment_value"].tolist() == [2.0, 0.5]
    assert reported["known"].tolist() == [2, 2]
    assert profile(view, by="tier", features=["city"]).empty
    assert profile(view, by="tier", features=[]).empty
    with pytest.raises(UnknownNameError, match="no column in the view 'x'; known: tier"):
        profile(view, by="x")
