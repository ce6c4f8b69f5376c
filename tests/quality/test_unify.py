"""One record per customer: real data, guards, and laws."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quality.matched import f1, febrl, synthetic

from bankcrm.errors import DataError, PolicyError
from bankcrm.marketing import consents_as_of
from bankcrm.policy import Policy, default_policy
from bankcrm.quality import Unified, unify

POLICY = default_policy("quality")
A_ID, B_ID = "11010519491231002X", "360426199101010071"


def with_keys(*keys: dict[str, object], **records: tuple[object, ...]) -> Policy:
    return attrs.evolve(POLICY, raw_records={**POLICY.raw_records, "match_key": keys, **records})


def labels(found: Unified) -> list[object]:
    return found.crosswalk["customer_id"].tolist()


@pytest.mark.parametrize("number", [3, 4])
def test_febrl_with_the_default_keys(shared_data: Path, number: int) -> None:
    records, truth = febrl(shared_data, number)
    found = unify(records)
    assert f1(truth, found.crosswalk["customer_id"]) >= 0.996
    assert len(found.doubtful) == 0


def test_a_phone_as_key_needs_its_guards() -> None:
    records, truth = synthetic(20_000, seed=4)
    key = {"id": "phone", "fields": ("phone",)}
    phone = {"field": "phone", "schemes": ("mobile",)}
    bare = with_keys({**key, "max_shared": 10**9}, identifier=(phone,))
    plain = unify(records.assign(phone=records["phone"]), policy=bare)
    assert f1(truth, plain.crosswalk["customer_id"]) < 0.5
    guarded = unify(records, policy=with_keys(key, {"id": "number", "fields": ("id_number",)}))
    assert f1(truth, guarded.crosswalk["customer_id"]) > 0.85
    assert guarded.keys.loc["phone", "shared_by_too_many"] > 100


@settings(max_examples=12)
@given(st.lists(st.tuples(*[st.sampled_from(["Lina", "Wuhan", "Xu", None])] * 2), min_size=1,
                max_size=7))  # fmt: skip
def test_each_record_names_the_first_key_that_ties_it_to_another(
    values: list[tuple[str | None, str | None]],
) -> None:
    records = pd.DataFrame(values, columns=["name", "city"], dtype=object)
    records.insert(0, "record_id", range(len(values)))
    keys = [{"id": f"by-{field}", "fields": (field,)} for field in ("name", "city")]
    found = unify(records, policy=with_keys(*keys))
    for place, own in enumerate(values):
        others = [v for i, v in enumerate(values) if i != place]
        ties = [f"by-{name}" for at, name in enumerate(("name", "city"))
                if own[at] is not None and own[at] in {o[at] for o in others}]  # fmt: skip
        key = found.crosswalk["key"].iloc[place]
        assert (None if pd.isna(key) else key) == (ties[0] if ties else None)


def test_two_valid_ids_never_merge() -> None:
    records = pd.DataFrame(
        {
            "record_id": [1, 2, 3, 4, 5],
            "name": ["Li Na"] * 5,
            "birth_date": pd.to_datetime(["1990-01-01"] * 5),
            "id_number": [A_ID, B_ID, A_ID[:6] + A_ID[8:17], None, "12345"],
        }
    )
    found = unify(records)
    assert labels(found) == [1, 2, 1, 4, 5]
    assert found.doubtful["record_id"].tolist() == [1, 2, 3, 4, 5]
    assert set(found.doubtful["reason"]) == {"two different valid ids"}
    alone = unify(records[records["record_id"] != 2])
    assert labels(alone) == [1, 1, 1, 1]
    assert len(alone.doubtful) == 0


def test_pairs_known_to_be_apart() -> None:
    records = pd.DataFrame({"record_id": ["a", "b", "c"], "document_number": ["7", "7", "7"]})
    apart = pd.DataFrame({"left": ["a"], "right": ["c"]})
    assert labels(unify(records)) == ["a", "a", "a"]
    found = unify(records, apart=apart)
    assert labels(found) == ["a", "b", "c"]
    assert set(found.doubtful["reason"]) == {"known to be different customers"}


def test_pairs_of_a_linker() -> None:
    records = pd.DataFrame({"record_id": [1, 2, 3], "name": ["a", "b", "c"]})
    pairs = pd.DataFrame({"left": [1, 2], "right": [2, 3], "weight": [0.999, 0.8]})
    found = unify(records, pairs=pairs)
    assert labels(found) == [1, 1, 3]
    assert found.crosswalk["key"].astype(object).fillna("").tolist() == ["pair", "pair", ""]
    assert labels(unify(records, pairs=pairs[["left", "right"]])) == [1, 1, 1]
    with pytest.raises(DataError, match="1 pairs name a record that is not in records"):
        unify(records, pairs=pd.DataFrame({"left": [1], "right": [9]}))


def test_survivors_conflicts_and_provenance() -> None:
    records = pd.DataFrame(
        {
            "record_id": [1, 2, 3, 4],
            "document_number": ["7"] * 4,
            "source": ["crm", "core", "web", None],
            "updated": pd.to_datetime(["2026-01-03", "2025-01-01", "2026-02-01", None]),
            "name": ["Li N.", "Li Na", None, "L"],  # by source
            "birth_date": pd.to_datetime(["1990-01-01", "1990-01-01", "1991-01-01", None]),
            "city": ["Wuhan", "Beijing", "NA", None],  # the most recent
            "email": ["a@x.cn", "b@x.cn", "a@x.cn", None],
        }
    )
    every = ({"field": "email", "rule": "keep_all"}, *POLICY.raw_records["survivor"])
    policy = attrs.evolve(POLICY, raw_records={**POLICY.raw_records, "survivor": every})
    found = unify(records, policy=policy)
    row = found.customers.iloc[0]
    assert row[["customer_id", "records", "name", "city"]].tolist() == [1, 4, "Li Na", "Wuhan"]
    assert row["birth_date"] == pd.Timestamp("1990-01-01")
    assert row["email"] == ("a@x.cn", "b@x.cn")
    source = found.provenance.iloc[0]
    assert source[["name", "city", "birth_date"]].tolist() == [2, 1, 1]
    lost = found.conflicts.set_index(["field", "record_id"])["value"]
    assert lost.loc["name"].to_dict() == {1: "Li N.", 4: "L"}
    assert lost.loc["city"].to_dict() == {2: "Beijing"}
    assert list(lost.loc["birth_date"].index) == [3]
    assert found.conflicts.set_index(["field", "record_id"])["kept_from"].loc["name"].eq(2).all()
    assert "Li" not in repr(found) + found._repr_html_()


def test_ids_stay() -> None:
    records = pd.DataFrame({"record_id": [10, 20, 30], "document_number": ["5", "6", "5"]})
    first = unify(records)
    assert labels(first) == [10, 20, 10]
    again = records.assign(customer_id=first.crosswalk["customer_id"])
    more = pd.DataFrame({"record_id": [1, 2], "document_number": ["5", "9"]})
    found = unify(pd.concat([more, again], ignore_index=True))
    assert labels(found) == [10, 2, 10, 20, 10]


words = st.sampled_from([None, "a", "b", "NA", " A "])


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    size = draw(st.integers(1, 9))
    columns = {
        "name": words,
        "birth_date": st.sampled_from([None, dt.date(1990, 1, 1), dt.date(1991, 1, 1)]),
        "id_number": st.sampled_from([None, A_ID, B_ID, "12"]),
        "document_number": words,
        "source": st.sampled_from([None, "core", "web"]),
        "updated": st.sampled_from([None, dt.date(2026, 1, 1), dt.date(2026, 2, 1)]),
    }
    frame = pd.DataFrame(
        {
            n: pd.Series(draw(st.lists(v, min_size=size, max_size=size)), dtype=object)
            for n, v in columns.items()
        }
    )
    return frame.assign(record_id=draw(st.permutations(range(size))))


def key_of(record: dict[str, object], fields: tuple[str, ...]) -> tuple[object, ...] | None:
    """The key of one record, in plain words: the oracle of the next test."""
    parts = []
    for field in fields:
        value = record[field]
        if value is None or value in ("NA", "12"):
            return None
        parts.append(value.strip().upper() if isinstance(value, str) else value)
    return tuple(parts)


@given(tables())
def test_clusters_equal_those_of_a_loop_over_pairs(frame: pd.DataFrame) -> None:
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    keys = [("id_number",), ("document_number",), ("name", "birth_date")]
    head = list(range(len(rows)))
    for _ in rows:
        for i, a in enumerate(rows):
            for j, b in enumerate(rows):
                if any((k := key_of(a, f)) is not None and k == key_of(b, f) for f in keys):
                    head[i] = head[j] = min(head[i], head[j])
    expected: dict[int, object] = {}
    for i, row in enumerate(rows):
        mates = [r for r, h in zip(rows, head, strict=True) if h == head[i]]
        if {A_ID, B_ID} <= {r["id_number"] for r in mates}:
            mates = [
                r
                for r in mates
                if r["id_number"] == row["id_number"] and r["id_number"] in (A_ID, B_ID)
            ]
        expected[i] = min([r["record_id"] for r in mates], default=row["record_id"])
    assert labels(unify(frame)) == list(expected.values())


@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(frame: pd.DataFrame, random: object) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)  # type: ignore[attr-defined]
    one, two = unify(frame), unify(frame.iloc[order])
    assert labels(two) == [labels(one)[i] for i in order]
    for part in ("customers", "provenance", "conflicts", "doubtful", "keys"):
        pd.testing.assert_frame_equal(getattr(one, part), getattr(two, part))


@given(tables())
def test_unify_twice_is_unify_once_and_nothing_is_lost(frame: pd.DataFrame) -> None:
    first = unify(frame)
    again = unify(frame.assign(customer_id=first.crosswalk["customer_id"]))
    for part in ("crosswalk", "customers", "provenance", "conflicts", "doubtful"):
        pd.testing.assert_frame_equal(getattr(first, part), getattr(again, part))
    assert first.customers["records"].sum() == len(frame)
    assert first.customers["customer_id"].is_unique
    # Every value is a survivor's, or a conflict.
    by_record = frame.set_index("record_id")
    cluster = first.crosswalk.set_index("record_id")["customer_id"]
    kept = first.customers.set_index("customer_id")
    lost = set(zip(first.conflicts["record_id"], first.conflicts["field"], strict=True))
    for record, row in by_record.iterrows():
        for field in ("name", "id_number", "document_number"):
            value = row[field]
            if value not in (None, "NA") and value == value:
                survives = kept.loc[cluster[record], field] == value
                assert survives != ((record, field) in lost)


def test_mistakes_are_named_without_values() -> None:
    twice = pd.DataFrame({"record_id": [1, 1], "name": ["MARKER", "MARKER"]})
    with pytest.raises(DataError, match="record_id") as error:
        unify(twice)
    assert "MARKER" not in str(error.value)
    with pytest.raises(DataError, match=r"^id_number: expected text") as error:
        unify(pd.DataFrame({"record_id": [1], "id_number": [11010519491231]}))
    assert "1101" not in str(error.value)
    with pytest.raises(PolicyError, match="no IdentifierScheme 'passport'"):
        unify(
            pd.DataFrame({"record_id": [1]}),
            policy=with_keys(identifier=({"field": "x", "schemes": ("passport",)},)),
        )
    empty = unify(pd.DataFrame({"record_id": np.zeros(0, np.int64), "name": []}))
    assert len(empty.customers) == 0


def test_the_strictest_consent_of_several_records_holds() -> None:
    rows = pd.DataFrame(
        {"record_id": ["a", "b", "c"], "name": ["Li Na", "Li Na", "Wang"], "phone": "13812345678"}
    )
    said = pd.DataFrame(
        {
            "customer_id": ["a", "b", "b", "c", "z"],
            "purpose": ["campaign", "campaign", "greeting", "campaign", "campaign"],
            "channel": None,
            "state": ["refused", "granted", "granted", "granted", "refused"],
            "since": pd.to_datetime(["2025-01-01", "2026-01-01"] + ["2026-01-01"] * 3),
        }
    )
    found = unify(rows).consents(consents_as_of(said, "2026-06-30"))
    assert found[["customer_id", "purpose", "state"]].to_numpy().tolist() == [
        ["a", "campaign", "refused"], ["a", "greeting", "granted"], ["c", "campaign", "granted"],
    ]  # fmt: skip
    again = consents_as_of(found, "2026-06-30")
    assert again["state"].tolist() == found["state"].tolist()
    one = pd.DataFrame({**said.iloc[[1]].to_dict("list"), "state": ["allowed"]})
    with pytest.raises(DataError, match=r"consents.state: outside choices"):
        unify(rows).consents(one)
