"""Clusters, keys and surviving values: against loops over single records."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.policy import Policy, default_policy
from bankcrm.quality import Unified, unify
from bankcrm.quality.unification.clusters import clusters_of
from bankcrm.quality.unification.keys import combined
from bankcrm.quality.unification.records import Identifier, MatchKey, Survivor

POLICY = default_policy("quality")


def with_records(**records: tuple[dict[str, Any], ...]) -> Policy:
    return attrs.evolve(POLICY, raw_records={**POLICY.raw_records, **records})


def parts(size: int, links: list[tuple[int, int]]) -> list[int]:
    """The first record of the part of each record, by walking the links again and again."""
    head = list(range(size))
    for _ in range(size):
        for a, b in links:
            head[a] = head[b] = min(head[a], head[b])
    return head


def same(code: list[int]) -> list[tuple[int, int]]:
    return [(i, j) for i, a in enumerate(code) for j in range(i) if a >= 0 and code[j] == a]


def several(label: list[int], head: int, code: list[int]) -> bool:
    return len({c for lab, c in zip(label, code, strict=True) if lab == head and c >= 0}) > 1


def expected(
    size: int,
    keys: list[list[int]],
    ids: list[list[int]],
    pairs: list[tuple[int, int]],
    apart: list[tuple[int, int]],
) -> tuple[list[int], list[int], list[int]]:
    links = [link for key in keys for link in same(key)] + pairs
    label = parts(size, links)
    two = [any(several(label, h, code) for code in ids) for h in label]
    told = [any(label[a] == label[b] == h for a, b in apart) for h in label]
    bad = [a or b for a, b in zip(two, told, strict=True)]
    sound = [(a, b) for a, b in links if not bad[a] and not bad[b]]
    by_id = [(a, b) for code in ids for a, b in same(code) if bad[a] and bad[b]]
    split = parts(size, sound + by_id)
    for code in ids:
        split = [
            i if bad[i] and several(split, head, code) else head for i, head in enumerate(split)
        ]
    torn = {split[a] for a, b in apart if split[a] == split[b]}
    split = [i if head in torn else head for i, head in enumerate(split)]
    reason = [(0 if t else 1) if b else -1 for t, b in zip(two, bad, strict=True)]
    return split, [h if b else -1 for h, b in zip(label, bad, strict=True)], reason


SIZE = 7
CODE = st.lists(st.integers(-1, 3), min_size=SIZE, max_size=SIZE)
LINKS = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1)), max_size=2)


@given(st.lists(CODE, max_size=2), st.lists(CODE, max_size=2), LINKS, LINKS)
def test_clusters_by_walking_the_links(
    keys: list[list[int]],
    ids: list[list[int]],
    pairs: list[tuple[int, int]],
    apart: list[tuple[int, int]],
) -> None:
    ends = [np.array(p, dtype=np.intp).reshape(-1, 2).T for p in (pairs, apart)]
    found = clusters_of(
        SIZE,
        [np.array(k, np.intp) for k in keys],
        [np.array(i, np.intp) for i in ids],
        (ends[0][0], ends[0][1]),
        (ends[1][0], ends[1][1]),
    )
    wanted = expected(SIZE, keys, ids, pairs, apart)
    assert (found.label.tolist(), found.doubtful.tolist(), found.reason.tolist()) == wanted


def test_an_id_that_is_shared_does_not_hide_a_pair_that_is_apart() -> None:
    key, code = np.zeros(3, np.intp), np.array([5, 5, 5], np.intp)
    none, pair = np.empty(0, np.intp), (np.array([0]), np.array([2]))
    found = clusters_of(3, [key], [code], (none, none), pair)
    assert (found.label.tolist(), found.doubtful.tolist()) == ([0, 1, 2], [0, 0, 0])
    assert found.reason.tolist() == [1, 1, 1]
    nobody = clusters_of(0, [none], [none], (none, none), (none, none))
    assert len(nobody.label) == 0


@given(st.lists(CODE, min_size=1, max_size=3))
def test_a_combination_of_codes_is_a_code(codes: list[list[int]]) -> None:
    found = combined([np.array(c, np.intp) for c in codes])
    keys = [None if min(key) < 0 else key for key in zip(*codes, strict=True)]
    known = list(dict.fromkeys(k for k in keys if k is not None))
    assert found.tolist() == [-1 if k is None else known.index(k) for k in keys]
    assert found.dtype == np.intp


@pytest.mark.parametrize("size", [2, 3])
def test_a_key_that_too_many_share_is_none(size: int) -> None:
    rows = pd.DataFrame({"record_id": range(5), "document_number": ["7"] * 2 + ["8"] * 3})
    key = {"id": "document", "fields": ("document_number",), "max_shared": size}
    other = {"id": "absent", "fields": ("name", "phone")}
    found = unify(rows, policy=with_records(match_key=(key, other)))
    wanted = [[0, 0, 2, 3, 4], [0, 0, 2, 2, 2]][size - 2]
    assert found.crosswalk["customer_id"].tolist() == wanted
    lost = 3 if size == 2 else 0
    used = pd.DataFrame(
        [(5 - lost, lost, None), (0, 0, "no such columns")],
        columns=["records", "shared_by_too_many", "reason"],
        index=pd.Index(["document", "absent"], name="key"),
    )
    keys = found.keys.copy()
    assert keys.attrs.pop("policy")
    pd.testing.assert_frame_equal(keys, used)


def test_defaults_of_the_records() -> None:
    assert MatchKey("k", ("a",)).max_shared == 10
    assert not Identifier("a", ("mobile",)).exclusive
    assert Survivor("a", "keep_all").source == "default"
    rows = pd.DataFrame({"record_id": range(21), "document_number": ["7"] * 10 + ["8"] * 11})
    found = unify(rows).crosswalk["customer_id"]
    assert found.tolist() == [0] * 10 + [*range(10, 21)]


def test_pairs_from_the_least_weight_on() -> None:
    rows = pd.DataFrame({"record_id": [1, 2, 3, 4], "name": list("abcd")})
    pairs = pd.DataFrame({"left": [1, 4], "right": [2, 3], "weight": [0.99, 0.9899]})
    found = unify(rows, pairs=pairs)
    assert found.crosswalk["customer_id"].tolist() == [1, 1, 3, 4]
    assert found.crosswalk["key"].astype(object).where(lambda k: k.notna(), None).tolist() == [
        "pair", "pair", None, None,
    ]  # fmt: skip
    apart = pd.DataFrame({"left": [1], "right": [2], "weight": [0.0]})
    both = unify(rows, pairs=pairs, apart=apart)
    assert both.crosswalk["customer_id"].tolist() == [1, 2, 3, 4]
    assert both.crosswalk["key"].isna().all()
    doubtful = both.doubtful.copy()
    doubtful.attrs = {}
    reason = "known to be different customers"
    pd.testing.assert_frame_equal(
        doubtful,
        pd.DataFrame({"cluster": [1, 1], "record_id": [1, 2], "customer_id": [1, 2],
                      "reason": reason}),
        check_dtype=False,
    )  # fmt: skip
    for pair in ({"left": [1], "right": [9]}, {"left": [9], "right": [1]}):
        with pytest.raises(DataError, match="pairs: 1 pairs name a record that is not in records"):
            unify(rows, pairs=pd.DataFrame(pair))


WORDS = ["a", "b", "c", "NA", None]
SOURCES = ["web", "core", "crm", "shop", None]
DAYS = [None, dt.date(2026, 1, 1), dt.date(2026, 1, 2)]
RULES = {"f": "most_recent", "g": "source_priority", "h": "most_frequent", "k": "keep_all"}


def records(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 10))

    def some(values: list[Any]) -> list[Any]:
        return [values[i] for i in rng.integers(0, len(values), size)]

    found = {"record_id": rng.permutation(size) * 3, "person": some(["p", "q", None])}
    found |= {name: some(WORDS) for name in RULES}
    found |= {"source": some(SOURCES), "updated": some(DAYS)}
    return pd.DataFrame(found, dtype=object).astype({"record_id": np.int64})


def merged(frame: pd.DataFrame) -> Unified:
    policy = with_records(
        match_key=({"id": "person", "fields": ("person",)},),
        survivor=tuple({"field": f, "rule": r} for f, r in RULES.items() if f != "f"),
        identifier=(),
    )
    return unify(frame, policy=policy)


def best_first(own: list[dict[str, Any]], rule: str, field: str) -> list[dict[str, Any]]:
    """The records of one customer that have a value, best first."""
    known = [r for r in own if r[field] not in (None, "NA")]
    rank = {"core": 0, "crm": 1, None: 3}

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        by_source = rank.get(row["source"], 2)
        age = -row["updated"].toordinal() if row["updated"] else 0
        times = sum(r[field] == row[field] for r in known)
        return {
            "source_priority": (by_source, age, row["record_id"]),
            "most_frequent": (-times, age, by_source, row["record_id"]),
        }.get(rule, (age, by_source, row["record_id"]))

    return sorted(known, key=key)


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_what_survives_of_each_customer(seed: int) -> None:
    frame = records(seed)
    found = merged(frame)
    rows = sorted(frame.to_dict("records"), key=lambda r: r["record_id"])
    owner = {}
    for row in rows:
        mates = [r["record_id"] for r in rows if row["person"] and r["person"] == row["person"]]
        owner[row["record_id"]] = min(mates, default=row["record_id"])
    assert found.crosswalk["record_id"].tolist() == frame["record_id"].tolist()
    assert found.crosswalk["customer_id"].tolist() == [owner[r] for r in frame["record_id"]]
    customers, provenance, lost = [], [], []
    for customer in dict.fromkeys(owner.values()):
        own = [r for r in rows if owner[r["record_id"]] == customer]
        values: dict[str, Any] = {"customer_id": customer, "records": len(own)}
        places: dict[str, Any] = {"customer_id": customer}
        for field, rule in RULES.items():
            order = best_first(own, rule, field)
            values[field] = order[0][field] if order else None
            if rule == "keep_all":
                values[field] = tuple(dict.fromkeys(r[field] for r in order))
            places[field] = order[0]["record_id"] if order else None
            lost += [
                (field, r["record_id"], customer, r["source"], r[field], order[0]["record_id"],
                 rule)
                for r in order if rule != "keep_all" and r[field] != order[0][field]
            ]  # fmt: skip
        customers.append(values)
        provenance.append(places)

    def plain(table: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
        whole = table[names].astype(object)
        return [
            {k: None if not isinstance(v, tuple) and pd.isna(v) else v for k, v in row.items()}
            for row in whole.to_dict("records")
        ]

    names = ["customer_id", "records", *RULES]
    assert plain(found.customers, names) == customers
    assert plain(found.provenance, ["customer_id", *RULES]) == provenance
    columns = ["field", "record_id", "customer_id", "source", "value", "kept_from", "rule"]
    assert sorted(
        (tuple(row.values()) for row in plain(found.conflicts, columns)), key=lambda r: r[:2]
    ) == sorted(lost, key=lambda r: r[:2])
    assert list(found.conflicts) == [
        "customer_id", "record_id", "source", "field", "value", "kept_from", "rule",
    ]  # fmt: skip
    assert found.conflicts.index.equals(pd.RangeIndex(len(lost)))


def test_values_that_cannot_be_hashed_are_compared_by_their_texts() -> None:
    frame = pd.DataFrame({"record_id": [1, 2, 3], "document_number": "7"})
    frame["tags"] = [["a"], ["b"], ["a"]]
    found = unify(frame)
    assert found.customers["tags"].tolist() == [["a"]]
    assert found.conflicts["record_id"].tolist() == [2]


def test_ids_of_the_last_time_stay_with_the_first_record() -> None:
    rows = pd.DataFrame(
        {
            "record_id": [10, 20, 30, 40],
            "document_number": ["5", "5", "6", "7"],
            "customer_id": [3, 2, 2, None],
        }
    )
    # Of two clusters that had the id 2, the one with the first record keeps it.
    found = unify(rows).crosswalk["customer_id"]
    assert found.tolist() == [2, 2, 30, 40]
    with pytest.raises(DataError, match="1 new customers would get an id that is in use"):
        unify(rows.assign(customer_id=[30, None, None, None]))
    assert unify(rows.assign(customer_id=None)).crosswalk["customer_id"].tolist() == [
        10,
        10,
        30,
        40,
    ]
    texts = unify(rows.assign(customer_id=["c", "b", None, None]))
    assert texts.crosswalk["customer_id"].tolist() == ["b", "b", 30, 40]
