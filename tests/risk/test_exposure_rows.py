"""Credit, exposure, limits and warnings, read one row after the other; every column and type."""

from __future__ import annotations

import datetime as dt
import functools
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from bankcrm.errors import DataError, InfeasibleError
from bankcrm.frames.findings import findings_of
from bankcrm.models import Capital
from bankcrm.policy import default_policy, presets
from bankcrm.risk import (
    Groups,
    allot_limit,
    credit_exposure,
    find_groups,
    group_exposure,
    group_warnings,
    limit_use,
)
from bankcrm.risk.exposure.limits import _use_of_nothing

DAY = "2026-06-30"
POLICIES = [default_policy("risk", preset) for preset in (None, *presets("risk"))]
MEMBERS = {1: "G1", 2: "G1", 3: "G1", 5: "G5", 6: "G5", 8: "G8", 9: "G8"}
words = st.sampled_from


@functools.cache
def tied_customers() -> Groups:
    return find_groups(
        pd.DataFrame({"parent_id": [1, 2, 5, 8], "child_id": [2, 3, 6, 9], "link": "controls"}),
        as_of=DAY,
    )


def plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dicts, each null as None."""
    kept = frame.astype(object).where(frame.notna(), None)
    return [{str(k): v for k, v in row.items()} for row in kept.to_dict("records")]


def types(frame: pd.DataFrame) -> dict[str, str]:
    return {str(name): str(kind) for name, kind in frame.dtypes.items()}


# Credits

CREDIT = st.fixed_dictionaries(
    {
        "customer_id": st.integers(1, 4),
        "kind": words(["loan", "finance_lease", "guarantee", "confirmation", "undrawn_commitment"]),
        "drawn": words([0.0, 0.25, 60.0, 100.0]),
        "limit": words([None, 0.0, 0.5, 60.0, 99.5, 100.0, 100.5]),
        "committed": words([None, True, False]),
        "months": words([None, 12, 13]),
        "cover": words([None, 0.0, 0.125, 60.0, 1000.0]),
        "branch": words([None, "north", "south"]),
    }
)
OPTIONAL = ("limit", "committed", "months", "cover", "branch")


def part_of(policy: Any, credit: dict[str, Any], part: str, amount: float) -> tuple[Any, ...]:
    """Class, rule and exposure of one part of a credit."""
    if amount <= 0:
        return None, None, 0.0
    facts = {"part": part, **{n: credit.get(n) for n in ("kind", "committed", "months")}}
    decided = policy.table("conversion").decide(facts)
    return decided.outcome, decided.rule, amount * policy.value(f"factor_{decided.outcome}")


@settings(max_examples=15)
@given(drawn=st.lists(CREDIT, max_size=9), left_out=st.sets(words(OPTIONAL)),
       policy=words(POLICIES))  # fmt: skip
def test_credits_are_converted_one_after_the_other(
    drawn: list[dict[str, Any]], left_out: set[str], policy: Any
) -> None:
    rows = [{k: v for k, v in c.items() if k not in left_out} for c in drawn]
    names = ["customer_id", "kind", "drawn", *(n for n in OPTIONAL if n not in left_out)]
    frame = pd.DataFrame(rows, columns=names).assign(credit_id=[70 + i for i in range(len(rows))])
    found = credit_exposure(frame, policy=policy)
    expected = []
    for credit in rows:
        limit, cover = credit.get("limit"), credit.get("cover") or 0.0
        undrawn = 0.0 if limit is None else max(limit - credit["drawn"], 0.0)
        first = part_of(policy, credit, "drawn", credit["drawn"])
        second = part_of(policy, credit, "undrawn", undrawn)
        lent = credit["kind"] in policy.value("loan_kinds")
        expected.append(
            {
                "customer_id": credit["customer_id"],
                "branch": credit.get("branch"),
                "kind": credit["kind"],
                "on_balance": credit["kind"] in ("loan", "finance_lease"),
                "drawn_class": first[0], "drawn_rule": first[1],
                "undrawn_class": second[0], "undrawn_rule": second[1],
                "exposure": first[2] + second[2],
                "loans": credit["drawn"] if lent else 0.0,
                "uncovered": max(first[2] + second[2] - cover, 0.0),
            }
        )  # fmt: skip
    assert plain(found) == expected
    assert found.index.tolist() == [70 + i for i in range(len(rows))]
    assert found.index.name == "credit_id"
    if rows:
        assert set(types(found).values()) == {"int64", "category", "bool", "float64"}
        assert [n for n, k in types(found).items() if k == "float64"] == [
            "exposure", "loans", "uncovered",
        ]  # fmt: skip
    no_limit = [i for i, c in enumerate(rows) if c.get("limit") is None]
    open_ = [
        i for i, c in enumerate(rows)
        if (c.get("limit") or 0) > c["drawn"] and c.get("committed") is None
        and c["kind"] != "undrawn_commitment"
    ]  # fmt: skip
    reported = [(f.column, f.count, f.examples) for f in findings_of(found)]
    assert reported == [
        (name, len(places), tuple(f"row {i}" for i in places[:5]))
        for name, places in (("limit", no_limit), ("committed", open_)) if places
    ]  # fmt: skip


# Exposure by subject

LENT = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 8, 10]), words([0.0, 0.5, 120.0, 149.5, 150.0]),
              words([0.0, 0.5, 100.0]), words([0.0, 0.25, 150.5]), words([None, "a", "b", "c"])),
    min_size=1, max_size=9,
)  # fmt: skip
FIELDS = ["customer_id", "exposure", "loans", "uncovered", "branch"]
MEASURES = ("exposure", "loans", "uncovered")


def subject_of(customer: int, grouped: bool) -> str:
    return MEMBERS.get(customer, str(customer)) if grouped else str(customer)


def by_subject(lent: list[tuple[Any, ...]], grouped: bool) -> list[dict[str, Any]]:
    """The exposure of each subject, the largest first."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for values in lent:
        row = dict(zip(FIELDS, values, strict=True))
        found[subject_of(row["customer_id"], grouped)].append(row)
    rows = []
    for subject in sorted(found):
        own = found[subject]
        of: dict[int, float] = defaultdict(float)
        for row in own:
            of[row["customer_id"]] += row["exposure"]
        in_group = subject.startswith("G")
        rows.append(
            {
                "subject": subject,
                "kind": "group" if in_group else "customer",
                "members": list(MEMBERS.values()).count(subject) if in_group else 1,
                "borrowers": len(of),
                "branches": len({row["branch"] for row in own} - {None}),
                **{m: sum(row[m] for row in own) for m in MEASURES},
                "largest": min(of, key=lambda c: (-of[c], c)),
            }
        )
    return sorted(rows, key=lambda r: -r["exposure"])


@given(lent=LENT, grouped=st.booleans(), branches=st.booleans())
def test_exposure_by_subject(lent: list[tuple[Any, ...]], grouped: bool, branches: bool) -> None:
    frame = pd.DataFrame(lent, columns=FIELDS)
    expected = by_subject(lent, grouped)
    if not branches:
        frame, expected = frame.drop(columns="branch"), [r | {"branches": 0} for r in expected]
    found = group_exposure(frame, tied_customers() if grouped else None)
    assert plain(found.reset_index()) == expected
    assert types(found) == {
        "kind": "category", **dict.fromkeys(("members", "borrowers", "branches"), "int64"),
        **dict.fromkeys(MEASURES, "float64"), "largest": "int64",
    }  # fmt: skip


# Limits


def state_of(use: float | None, near: float) -> str | None:
    if use is None:
        return None
    return "breach" if use > 1 else "near" if use >= near else "within"


def uses(
    lent: list[tuple[Any, ...]], policy: Any, capital: Capital | None, classes: dict[int, str],
    grouped: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """The use of each limit of a policy by each subject with a credit, by definition."""
    rows = []
    for limit in policy.raw_records["limit"]:
        together = grouped and limit["subject"] == "group"
        base = None if capital is None else getattr(capital, limit["base"])
        share = policy.parameter(limit["share"])
        part = []
        for row in by_subject(lent, together):
            of = {
                classes.get(c, "other")
                for c, *_ in lent if subject_of(c, together) == row["subject"]
            }  # fmt: skip
            word = of.pop() if len(of) == 1 else "other"
            used = row[limit["measure"]]
            if used <= 0 or limit.get("counterparty", "any") not in ("any", word):
                continue
            allowed = None if base is None else float(base) * share.value
            use = None if allowed is None else used / allowed if allowed > 0 else np.inf
            part.append(
                {
                    "limit": limit["name"], "subject": row["subject"], "kind": row["kind"],
                    "measure": limit["measure"], "used": used, "allowed": allowed, "use": use,
                    "state": state_of(use, policy.value("near_share")),
                    "rule": state_of(use, policy.value("near_share")),
                    "source": share.source, "confirmation": share.confirmation,
                }
            )  # fmt: skip
        rows += sorted(part, key=lambda r: 0.0 if r["use"] is None else -r["use"])
    return rows


@given(
    lent=LENT,
    policy=words(POLICIES),
    figures=words([None, (1000, 800), (1000, None), (None, 800), (0, 1), (-5, -5), (1, 1)]),
    classes=st.none() | st.dictionaries(st.integers(1, 10), words(["bank", "gsib", "other"])),
    grouped=st.booleans(),
)
@example(
    lent=[(1, 150.0, 0.0, 0.0, None), (2, 0.5, 0.0, 0.0, None), (4, 120.0, 0.0, 0.0, None),
          (10, 149.5, 0.0, 0.0, None)],
    policy=POLICIES[0], figures=(1000, 800), classes=None, grouped=False,
)  # fmt: skip
def test_the_use_of_limits(
    lent: list[tuple[Any, ...]], policy: Any, figures: tuple[int | None, int | None] | None,
    classes: dict[int, str] | None, grouped: bool,
) -> None:  # fmt: skip
    capital = figures and Capital(date=dt.date(2026, 6, 30), net=figures[0], tier1=figures[1])
    named = None if classes is None else pd.Series(classes, dtype=object)
    found = limit_use(pd.DataFrame(lent, columns=FIELDS), tied_customers() if grouped else None,
                      capital=capital, policy=policy, classes=named)  # fmt: skip
    assert plain(found) == uses(lent, policy, capital or None, classes or {}, grouped)
    assert found.index.equals(pd.RangeIndex(len(found)))
    kinds = types(found)
    assert {kinds[n] for n in ("used", "allowed", "use")} == {"float64"}
    assert {kinds[n] for n in ("kind", "measure", "state", "rule")} == {"category"}
    bases = dict.fromkeys(limit["base"] for limit in policy.raw_records["limit"])
    lacking = [b for b in bases if capital is None or getattr(capital, b) is None]
    assert [(f.column, f.count, f.examples) for f in findings_of(found)] == [
        (base, 0, ()) for base in lacking
    ]


def test_a_policy_without_limits_limits_nothing() -> None:
    nothing = _use_of_nothing()
    assert not len(nothing)
    some = limit_use(pd.DataFrame([(1, 1.0, 1.0, 1.0)], columns=FIELDS[:4]), capital=None)
    assert set(nothing) == set(some) - {"state", "rule"}
    assert {str(nothing[n].dtype) for n in ("used", "allowed", "use")} == {"float64"}


# Allotment


def test_a_limit_is_an_amount_of_whole_cents() -> None:
    members = pd.DataFrame({"need": [1.0, 0.0]})
    for limit, expected in ((0, [0.0, 0.0]), (0.01, [0.01, 0.0]), (1, [1.0, 0.0])):
        assert allot_limit(limit, members).tolist() == expected
    for limit in (-0.01, 0.001, 1.005, float("inf"), "", None):
        with pytest.raises(DataError, match=r"^limit: .* is no amount of money"):
            allot_limit(limit, members)


@pytest.mark.parametrize("amount", [0.01, 0.07, 0.29, 0.57, 1.15, 50.01, 1_000_000.07])
def test_floors_and_caps_are_exact_to_the_cent(amount: float) -> None:
    """An amount that is no sum of powers of two is the same floor and cap of whole cents."""
    pair = pd.DataFrame({"need": [1.0, 1.0], "floor": [amount, 0.0], "cap": [amount, None]})
    found = allot_limit(round(amount + 3, 2), pair)
    assert found.tolist() == [amount, 3.0]
    assert (str(found.dtype), found.name, found.index.name) == ("float64", "limit", "customer_id")
    with pytest.raises(InfeasibleError):  # the floor takes more than there is
        allot_limit(round(amount - 0.01, 2), pair.assign(cap=None))
    with pytest.raises(InfeasibleError):  # the cap leaves a cent over
        allot_limit(round(amount + 0.01, 2), pair.iloc[:1])


def test_a_need_may_be_nothing_and_is_not_negative() -> None:
    with pytest.raises(DataError, match=r"members\.need"):
        allot_limit(1, pd.DataFrame({"need": [1.0, -0.5]}))
    for name in ("floor", "cap"):
        with pytest.raises(DataError, match=rf"members\.{name}"):
            allot_limit(1, pd.DataFrame({"need": [1.0], name: [-0.01]}))
        some = pd.DataFrame({"need": [0.5, 0.5], name: [0.0, 0.5]})
        assert allot_limit(0.5, some).tolist() == [0.0, 0.5]


# Warnings


def warned(
    lent: list[tuple[Any, ...]], capacity: dict[int, float] | None,
    flows: list[tuple[int, int, float]] | None, policy: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """The warnings about each group, by definition."""
    rows = []
    for row in by_subject(lent, grouped=True):
        name = row["subject"]
        if not name.startswith("G"):
            continue
        of: dict[int, float] = defaultdict(float)
        for values in lent:
            if MEMBERS.get(values[0]) == name:
                of[values[0]] += values[1]
        known = capacity is not None and all(c in capacity for c in of)
        able = sum(capacity[c] for c in of) if capacity is not None and known else None
        ratio = row["exposure"] / able if able else None
        skew = None
        if capacity is not None and able and len(of) > 1 and row["exposure"]:
            skew = sum(abs(v / row["exposure"] - capacity[c] / able) for c, v in of.items()) / 2
        moved = None
        if flows is not None and able:
            inside = [a for x, y, a in flows
                      if x != y and MEMBERS.get(x) == name and MEMBERS.get(y) == name]  # fmt: skip
            moved = sum(inside) / able
        tests = {
            "many-branches": row["branches"] >= policy.value("many_branches"),
            "over-lending": ratio is not None and ratio > policy.value("lending_to_capacity"),
            "uneven": skew is not None and skew > policy.value("skew_share"),
            "transfers": moved is not None and moved > policy.value("transfer_to_capacity"),
        }
        ids = [k for k, v in tests.items() if v]
        reasons = {r.id: r.because for r in policy.table("group_warning").rules}
        rows.append(
            {
                "group": name, "warnings": len(ids),
                "warning_rules": "+".join(ids) or "no-warning",
                "reasons": "; ".join(reasons[i] for i in ids), "exposure": row["exposure"],
                "branches": row["branches"], "capacity_ratio": ratio, "skew": skew,
                "transfer_ratio": moved, "guarantee_circle": False,
            }
        )  # fmt: skip
    return sorted(rows, key=lambda r: (-r["warnings"], -r["exposure"]))


@given(
    lent=LENT,
    capacity=st.none() | st.dictionaries(st.integers(1, 10), words([0.0, 0.5, 100.0, 240.0])),
    flows=st.none() | st.lists(
        st.tuples(st.integers(1, 10), st.integers(1, 10), words([0.0, 0.25, 72.0, 72.5])),
        max_size=6,
    ),
)  # fmt: skip
@example(  # at the limits: half of the capacity, three tenths of it, and 0.4 out of place
    lent=[(1, 120.0, 0.0, 0.0, None)], capacity={1: 240.0}, flows=[(1, 2, 72.0), (3, 3, 9.0)]
)
@example(
    lent=[(5, 0.5, 0.0, 0.0, "a"), (6, 0.0, 0.0, 0.0, "b")], capacity={5: 0.5, 6: 0.5}, flows=[]
)
def test_the_warnings_of_groups(
    lent: list[tuple[Any, ...]], capacity: dict[int, float] | None,
    flows: list[tuple[int, int, float]] | None,
) -> None:  # fmt: skip
    policy = POLICIES[0]
    given_ = None if capacity is None else pd.Series(capacity, dtype=float)
    moves = flows and pd.DataFrame(flows, columns=["payer_id", "payee_id", "amount"])
    if flows == []:
        moves = pd.DataFrame({"payer_id": [1], "payee_id": [10], "amount": [5.0]})
    found = group_warnings(
        pd.DataFrame(lent, columns=FIELDS), tied_customers(), capacity=given_, flows=moves
    )
    expected = pd.DataFrame(warned(lent, capacity, flows, policy))
    if not len(expected):
        assert not len(found)
        return
    assert found["warning_rules"].tolist() == expected.pop("warning_rules").tolist()
    numbers = ["capacity_ratio", "skew", "transfer_ratio"]
    expected = expected.astype(dict.fromkeys(numbers, float)).set_index("group")
    assert list(found) == ["warnings", "warning_rules", *list(expected)[1:]]
    assert_frame_equal(found.drop(columns="warning_rules"), expected, check_index_type=False)


def test_an_amount_between_customers_may_be_nothing_and_is_not_negative() -> None:
    lent = pd.DataFrame([(1, 1.0, 1.0, 1.0)], columns=FIELDS[:4])
    flows = pd.DataFrame({"payer_id": [1, 1], "payee_id": [2, 2], "amount": [0.0, 0.5]})
    able = pd.Series({1: 2.0})
    found = group_warnings(lent, tied_customers(), capacity=able, flows=flows)
    assert found["transfer_ratio"].tolist() == [0.25]
    with pytest.raises(DataError, match=r"flows\.amount"):
        group_warnings(lent, tied_customers(), capacity=able, flows=flows.assign(amount=-0.01))


@pytest.mark.parametrize(
    ("given_by", "circle"),
    [
        ([(1, 2), (2, 1)], {"G1"}),
        ([(1, 2), (2, 3)], set()),
        ([(5, 6), (6, 5), (1, 2)], {"G5"}),
        ([(1, 20), (20, 1)], {"G1"}),
        ([], set()),
    ],
)
def test_guarantee_circles(given_by: list[tuple[int, int]], circle: set[str]) -> None:
    """Guarantees in force alone make a circle, not other ties, nor a guarantee that is over."""
    rows = [(1, 2, "controls", None), (2, 3, "controls", None), (5, 6, "controls", None)]
    rows += [(a, b, "guarantees", None) for a, b in given_by]
    rows += [(2, 1, "owns", None), (6, 5, "depends", None)]
    rows += [(6, 5, "guarantees", "2026-06-29"), (3, 2, "guarantees", "2026-06-29")]
    links = pd.DataFrame(rows, columns=["parent_id", "child_id", "link", "until"])
    links["until"] = pd.to_datetime(links["until"])
    groups = find_groups(links, as_of=DAY)
    lent = pd.DataFrame([(c, 1.0, 1.0, 1.0) for c in (1, 5)], columns=FIELDS[:4])
    found = group_warnings(lent, groups)["guarantee_circle"]
    assert set(found.index[found]) == circle
    assert str(found.dtype) == "bool"
