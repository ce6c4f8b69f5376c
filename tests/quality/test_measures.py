"""Measures of quality: planted defects, laws, and what cannot be assessed."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.errors import DataError, PolicyError
from bankcrm.intervals import wilson
from bankcrm.models import Customer, Link, columns_of, frame_of
from bankcrm.policy import default_policy, load_policy
from bankcrm.quality import Quality, measure_quality
from bankcrm.quality.measures.reading import contract_of, stand_ins
from bankcrm.quality.measures.records import Placeholder
from bankcrm.testing.strategies import records
from bankcrm.vocabulary import QualityDimension

DAY = dt.date(2026, 6, 30)
SHARES = ["share", "low", "high"]


@pytest.fixture(scope="module")
def bank() -> pd.DataFrame:
    """The customers of the synthetic bank, without a defect of their own in the fields below."""
    found = make_book(2_000, seed=5).customers.reset_index(drop=True)
    found["name"] = found["name"].astype(object)
    found["phone"] = [f"138{n:08d}" for n in range(1, len(found) + 1)]
    found["email"] = [f"c{n}@mail.example.cn" for n in range(len(found))]
    found["updated"] = pd.Timestamp("2026-06-01")
    return found


def counts(quality: Quality, rule: str) -> tuple[int, int]:
    found = quality.fields.loc[rule]
    return int(found["assessed"]), int(found["passed"])


def test_planted_defects_are_recovered_exactly(bank: pd.DataFrame) -> None:
    n = len(bank)
    dirty = bank.sample(frac=1, random_state=3).reset_index(drop=True)
    persons = np.flatnonzero((dirty["kind"] == "person").to_numpy())
    born = persons[dirty.loc[persons, "birth_date"].notna().to_numpy()]
    dirty["birth_date"] = dirty["birth_date"].astype("datetime64[s]")
    dirty.loc[dirty.index[:120], "name"] = None
    dirty.loc[dirty.index[120:170], "name"] = "NA"
    dirty.loc[born[:70], "birth_date"] = pd.Timestamp("1900-01-01")  # stands for a missing one
    dirty.loc[born[70:80], "birth_date"] = pd.Timestamp("1850-01-02")
    dirty.loc[persons[:90], "phone"] = "12345"
    dirty.loc[persons[90:100], "phone"] = " "
    dirty.loc[dirty.index[500:533], "email"] = "nobody"
    dirty.loc[dirty.index[:200], "updated"] = pd.Timestamp("2025-01-01")
    dirty.loc[dirty.index[300:320], "updated"] = pd.NaT
    dirty.loc[dirty.index[400:444], "updated"] = pd.Timestamp("2026-07-01")  # is yet to come
    found = measure_quality(dirty, as_of=DAY)
    assert counts(found, "name-filled") == (n, n - 170)
    assert counts(found, "birth_date-filled") == (len(persons), len(born) - 70)
    assert counts(found, "born-in-a-lifetime") == (len(born) - 70, len(born) - 80)
    assert counts(found, "phone-filled") == (n, n - 10)
    assert counts(found, "mobile-number") == (len(persons) - 10, len(persons) - 100)
    assert counts(found, "mail-address") == (n, n - 33)
    assert counts(found, "updated-in-time") == (n - 64, n - 264)
    share, low, high = wilson([n - 33], [n])
    row = found.fields.loc["mail-address"]
    assert row[SHARES].tolist() == [share[0], low[0], high[0]]

    twice = pd.concat([dirty, dirty.iloc[900:915]], ignore_index=True)
    found = measure_quality(twice, as_of=DAY)
    assert counts(found, "customer_id-unique") == (n + 15, n - 15)


def test_what_is_not_assessed_is_null_and_has_a_reason(bank: pd.DataFrame) -> None:
    found = measure_quality(bank[["customer_id", "kind"]], as_of=DAY)
    none = found.fields[found.fields["assessed"] == 0]
    assert none[SHARES].isna().all(axis=None)
    assert none["reason"].notna().all()
    assert found.fields.loc["phone-filled", "reason"] == "no column"
    assert found.fields.loc["kind-as-reference", "reason"] == "no reference"
    assert found.dimensions.loc["accuracy", "share"] != found.dimensions.loc["accuracy", "share"]
    assert found.fields.loc[found.fields["assessed"] > 0, "reason"].isna().all()
    nobody = measure_quality(bank.iloc[:0], as_of=DAY)
    assert np.isnan(nobody.score)
    assert nobody.fields["share"].isna().all()
    assert len(nobody.customers) == 0


def test_a_missing_value_counts_once(bank: pd.DataFrame) -> None:
    dirty = bank.assign(email=None)
    found = measure_quality(dirty, as_of=DAY)
    assert counts(found, "email-filled") == (len(bank), 0)
    assert counts(found, "email-fits")[0] == counts(found, "mail-address")[0] == 0


def test_a_column_of_another_type_is_invalid_as_a_whole(bank: pd.DataFrame) -> None:
    dirty = bank.assign(birth_date="MARKER", income="MARKER")
    found = measure_quality(dirty, as_of=DAY)
    assert counts(found, "income-fits") == (len(bank), 0)
    assert "MARKER" not in repr(found) + found._repr_html_() + found.fields.to_string()
    assert "MARKER" not in found.customers.to_string()


@pytest.mark.parametrize("updated", [20_600, "2026-06-01x", True])
def test_the_age_of_what_is_no_date_is_not_known(bank: pd.DataFrame, updated: object) -> None:
    found = measure_quality(bank.assign(updated=updated), as_of=DAY)
    assert counts(found, "updated-in-time")[1] == 0


def test_accuracy_is_against_a_reference(bank: pd.DataFrame) -> None:
    sample = bank.iloc[100:200].sample(frac=1, random_state=1).assign(unknown=1)
    sample.loc[sample.index[:7], "phone"] = "13911112222"
    sample.loc[sample.index[7:9], "phone"] = None
    stranger = sample.iloc[[0]].assign(customer_id=-1)
    found = measure_quality(bank, as_of=DAY, reference=pd.concat([sample, stranger]))
    assert counts(found, "phone-as-reference") == (98, 91)
    assert counts(found, "kind-as-reference") == (100, 100)
    nameless = bank.assign(customer_id=bank["customer_id"].astype("Int64").mask(bank.index == 150))
    found = measure_quality(nameless, as_of=DAY, reference=sample)
    assert counts(found, "kind-as-reference") == (99, 99)
    with pytest.raises(DataError, match="customer_id: repeated in 1 row"):
        measure_quality(bank, as_of=DAY, reference=pd.concat([sample, sample.iloc[[0]]]))
    with pytest.raises(DataError, match="missing column customer_id"):
        measure_quality(bank, as_of=DAY, reference=sample.drop(columns="customer_id"))


def test_groups_add_up_to_the_whole(bank: pd.DataFrame) -> None:
    dirty = bank.copy()
    dirty.loc[:99, "branch"] = None
    dirty.loc[::7, "phone"] = None
    found = measure_quality(dirty, as_of=DAY)
    by = found.by("branch")
    total = by.groupby("rule")[["assessed", "passed"]].sum()
    whole = found.fields.loc[found.fields["assessed"] > 0, ["assessed", "passed"]]
    pd.testing.assert_frame_equal(total.sort_index(), whole.sort_index(), check_names=False)
    alone = dirty[dirty["branch"] == dirty["branch"].iloc[500]]
    one = by[by["group"] == dirty["branch"].iloc[500]].set_index("rule")
    expected = measure_quality(alone, as_of=DAY).fields
    assert one.loc["phone-filled", "passed"] == expected.loc["phone-filled", "passed"]
    with pytest.raises(DataError, match=r"no column 'brnch'.*did you mean 'branch'"):
        found.by("brnch")


def test_the_score_is_the_mean_of_its_parts(bank: pd.DataFrame) -> None:
    found = measure_quality(bank, as_of=DAY)
    fields = found.fields[(found.fields["assessed"] > 0) & (found.fields["weight"] > 0)]
    parts = [
        np.average(part["share"], weights=part["weight"])
        for _, part in fields.groupby("dimension", observed=True)
    ]
    assert found.score == pytest.approx(np.mean(parts))
    one = measure_quality(bank.iloc[[3]], as_of=DAY)
    assert found.customers["score"].iloc[3] == pytest.approx(one.score)


def test_customers_name_what_failed(bank: pd.DataFrame) -> None:
    dirty = bank.copy()
    dirty.loc[3, ["email", "name"]] = ["nobody", "x"]
    before, after = (measure_quality(f, as_of=DAY).customers for f in (bank, dirty))
    assert after.loc[3, "failed"] != before.loc[3, "failed"]
    assert {"name-filled", "mail-address"} <= set(after.loc[3, "failed"].split(", "))
    assert "no mail address" in after.loc[3, "reasons"]
    assert after.loc[3, "score"] < before.loc[3, "score"]
    pd.testing.assert_frame_equal(after.drop(index=3), before.drop(index=3))


def test_two_days_are_compared(bank: pd.DataFrame) -> None:
    dirty = bank.copy()
    dirty.loc[:399, "email"] = None
    found = measure_quality(dirty, as_of=DAY).compare(measure_quality(bank, as_of=DAY))
    row = found.loc["email-filled"]
    assert row["change"] == pytest.approx(-400 / len(bank))
    assert row["low"] < row["change"] < row["high"] < 0
    assert found.loc["email-as-reference", SHARES[1:]].isna().all()
    with pytest.raises(DataError, match="earlier: expected a Quality"):
        measure_quality(bank, as_of=DAY).compare(bank)


@settings(max_examples=10)
@given(st.lists(records(Customer, as_of=DAY), min_size=1, max_size=6), st.randoms())
def test_records_of_the_class_are_valid_and_order_does_not_matter(
    customers: list[Customer], random: object
) -> None:
    frame = frame_of(customers, Customer)
    found = measure_quality(frame, as_of=DAY)
    class_rules = found.fields[found.fields["source"] == "record class"]
    fits = class_rules[class_rules["dimension"].isin(["validity", "consistency"])]
    assert (fits["passed"] == fits["assessed"]).all()
    turned = measure_quality(frame.iloc[::-1], as_of=DAY)
    pd.testing.assert_frame_equal(turned.fields, found.fields)
    pd.testing.assert_frame_equal(turned.customers.iloc[::-1], found.customers)
    assert (found.fields["passed"] <= found.fields["assessed"]).all()


@given(st.data())
def test_any_columns_are_measured_and_none_raises(data: st.DataObject) -> None:
    value = st.one_of(
        st.none(), st.text(max_size=5), st.integers(-9, 9), st.floats(), st.booleans(),
        st.dates(), st.just(b"x"),
    )  # fmt: skip
    names = [c.name for c in columns_of(Customer)] + ["updated", "id_number"]
    size = data.draw(st.integers(0, 4))
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=5, unique=True))
    frame = pd.DataFrame(
        {n: pd.Series(data.draw(st.lists(value, min_size=size, max_size=size)), dtype=object)
         for n in ["customer_id", *chosen]}
    )  # fmt: skip
    found = measure_quality(frame, as_of=DAY)
    assert (found.fields["assessed"] <= size).all()
    assert len(found.customers) == size


def test_other_record_classes() -> None:
    links = pd.DataFrame({"parent_id": [1, 2], "child_id": [1, 3], "link": ["owns", "likes"]})
    found = measure_quality(links, Link, as_of=DAY)
    assert counts(found, "link-fits") == (2, 1)
    assert found.fields.loc["child-id-other-than-parent-id", "passed"] == 1
    with pytest.raises(DataError, match="Customer: none of its columns is there"):
        measure_quality(links.rename(columns=str.upper), as_of=DAY)
    with pytest.raises(DataError, match="model: expected a record class"):
        measure_quality(links, Quality, as_of=DAY)  # type: ignore[type-var]


def test_rules_of_a_policy_are_checked() -> None:
    text = default_policy("quality").to_toml()
    bad = text.replace('check = "email"', 'check = "e-mail"').replace(
        'dimension = "timeliness"', 'dimension = "speed"'
    )
    with pytest.raises(PolicyError) as error:
        measure_quality(pd.DataFrame({"customer_id": [1]}), as_of=DAY, policy=load_policy(bad))
    assert "no IdentifierScheme 'e-mail'" in str(error.value)
    assert "no QualityDimension 'speed'" in str(error.value)
    assert set(default_policy("quality").value("dimension_weight")) == set(QualityDimension)


STAND_INS = {
    "name": (["NA", "na", "空", "x", "", " ", "\u3000", "Li", "NAs", "unknown person", None],
             ["object", "str", "string", "category"]),
    "kind": (["unknown", "na", "NULL", "person", "x", None], ["object", "str", "category"]),
    "birth_date": ([dt.datetime(1900, 1, 1), dt.datetime(1900, 1, 1, 23, 59, 59),
                    dt.datetime(1900, 1, 2), dt.datetime(1899, 12, 31), pd.NaT, None],
                   ["object", "datetime64[s]", "datetime64[ns]", "category"]),
    "income": ([0, 1, -1, None], ["object", "float64", "Int64", "category"]),
}  # fmt: skip
"""Field -> values, some of which stand for a missing one, and types that hold them."""
WORDS = {"name": {"NA", "na", "空", "x"}, "kind": {"unknown", "na", "NULL"}, "income": {0}}


@pytest.mark.parametrize("field", STAND_INS)
@given(data=st.data())
def test_what_stands_for_a_missing_value_does_so_in_every_type(
    field: str, data: st.DataObject
) -> None:
    values, dtypes = STAND_INS[field]
    drawn = data.draw(st.lists(st.sampled_from(values), max_size=6))
    expected = [
        v.date() == dt.date(1900, 1, 1) if isinstance(v, dt.datetime)
        else v in WORDS[field] or (isinstance(v, str) and not v.strip())
        for v in drawn if not pd.isna(v)
    ]  # fmt: skip
    column = next(c for c in columns_of(Customer) if c.name == field)
    placeholders = default_policy("quality").records("placeholder", Placeholder)
    for dtype in dtypes:  # of one value, however it is held
        series = pd.Series(drawn, dtype=object).astype(dtype)
        found = stand_ins(series, column, placeholders)
        assert found[series.notna().to_numpy()].tolist() == expected, dtype
        assert not found[series.isna().to_numpy()].any()


def test_half_a_surrogate_pair_is_not_valid_but_there() -> None:
    names = ["Li", "NA", "half \ud800", None, " "]
    for more in ([], [dt.date(2020, 1, 1)]):  # texts alone, or among other objects
        frame = pd.DataFrame({"name": pd.Series([*names, *more], dtype=object)})
        frame.insert(0, "customer_id", range(len(frame)))
        found = measure_quality(frame, as_of=DAY)
        assert counts(found, "name-filled") == (len(frame), 2 + len(more))
        assert counts(found, "name-fits") == (2 + len(more), 0 if more else 1)


def test_columns_beside_the_class_are_read_by_what_they_hold() -> None:
    day = dt.date(2026, 6, 1)
    for values, kind in (
        ([True, None], "boolean"), ([1, 2], "number"), (["a", None], "text"), ([day], "date"),
        ([pd.Timestamp(day)], "date"), ([pd.Timestamp(day, tz="UTC")], "instant"),
    ):  # fmt: skip
        column = contract_of(pd.Series(values), "more")
        assert (column.kind, column.required, column.nullable) == (kind, False, True)
        assert column.personal
