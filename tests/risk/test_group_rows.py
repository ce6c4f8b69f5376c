"""Groups, ties and findings against plain loops over links; names from day to day."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.policy import Policy, default_policy, load_policy
from bankcrm.risk import Groups, find_groups
from bankcrm.risk.groups.findings import circles_of
from bankcrm.risk.groups.identity import group_names

from . import naive
from .naive import Link
from .policies import with_exceptions

DAY = dt.date(2026, 6, 30)
graphs = st.integers(0, 2**32).map(lambda seed: naive.random_links(random.Random(seed)))
words = st.sampled_from


def found(links: list[Link], **more: Any) -> Groups:
    return find_groups(naive.frame(links), as_of=DAY, **more)


# What each link is


EXCEPTIONS = with_exceptions(
    '[[records.exception]]\nparent = "3"\nwhy = "state"\nsource = "board"\n'
    '[[records.exception]]\nparent = "2"\nchild = "1"\nwhy = "own"\nsource = "board"\n'
    '[[records.exception]]\nparent = "1"\nwhy = "over"\nsource = "b"\nuntil = 2026-06-29\n'
    '[[records.exception]]\nparent = "1"\nwhy = "to come"\nsource = "b"\nsince = 2026-07-01\n'
    '[[records.exception]]\nparent = "4"\nchild = "2"\nwhy = "today"\nsource = "b"\n'
    "since = 2026-06-30\nuntil = 2026-06-30\n"
)
near_days = st.none() | words([DAY - dt.timedelta(1), DAY, DAY + dt.timedelta(1)])
RECORD = st.tuples(
    st.integers(1, 4), st.integers(1, 4), words(["owns", "controls", "family", "depends",
                                                 "guarantees", "manages"]),
    words([None, 0.0, 0.4999, 0.5, 0.5001, 1.0]), near_days, near_days,
)  # fmt: skip


def tie_of(record: tuple[Any, ...]) -> tuple[str, str | None]:
    """What a link is, and the rule that says so, by definition."""
    parent, child, link, share, since, until = record
    if (since and since > DAY) or (until and until < DAY):
        return "not_in_force", None
    if parent == child:
        return "self_loop", None
    if parent == 3 or (parent, child) in ((2, 1), (4, 2)):
        return "excepted", None
    if link == "owns":
        if share is None:
            return "watch", "stake-unknown"
        return ("control", "control-majority") if share > 0.5 else ("stake", "stake")
    if link == "depends":
        if share is None:
            return "watch", "dependence-unknown"
        return ("dependence", "dependence") if share >= 0.5 else ("watch", "dependence-small")
    return {
        "controls": ("control", "control-stated"), "manages": ("control", "control-managed"),
        "family": ("joint", "joint-family"), "guarantees": ("watch", "guarantee"),
    }[link]  # fmt: skip


@given(records=st.lists(RECORD, min_size=1, max_size=12), text=st.booleans())
def test_each_link_is_what_its_words_say(records: list[tuple[Any, ...]], text: bool) -> None:
    names = ["parent_id", "child_id", "link", "share", "since", "until"]
    frame = pd.DataFrame(records, columns=names).astype({"share": float})
    for name in ("since", "until"):
        frame[name] = pd.to_datetime(frame[name])
    if text:
        frame = frame.astype({"parent_id": str, "child_id": str})
    groups = find_groups(frame, as_of=DAY, policy=EXCEPTIONS)
    ties = groups.ties
    assert list(zip(ties["tie"], ties["rule"].astype(object).where(ties["rule"].notna(), None),
                    strict=True)) == [tie_of(r) for r in records]  # fmt: skip
    assert {str(ties[n].dtype) for n in ("tie", "rule")} == {"category"}
    assert ties[names[:4]].astype(object).equals(frame[names[:4]].astype(object))
    reported = {f.problem: f for f in groups.findings}
    rows = {
        "self_loop": [i for i, r in enumerate(records) if tie_of(r)[0] == "self_loop"],
        "null": [i for i, r in enumerate(records)
                 if r[2] in ("owns", "depends") and r[3] is None
                 and tie_of(r)[0] not in ("self_loop", "not_in_force")],
    }  # fmt: skip
    for problem, places in rows.items():
        if places:
            assert reported[problem].count == len(places)
            assert reported[problem].examples == tuple(f"row {i}" for i in places[:5])
        else:
            assert problem not in reported
    whole: dict[int, float] = defaultdict(float)
    for r in records:
        if r[2] == "owns" and tie_of(r)[0] in ("control", "stake"):
            whole[r[1]] += r[3]
    above = sorted(c for c, total in whole.items() if total > 1.0002)
    assert (reported["above_one"].count if above else 0) == len(above)
    if above:
        assert reported["above_one"].examples == tuple(map(str, above))
    assert ("above_one" in reported) == bool(above)


def test_shares_may_exceed_the_whole_by_their_rounding() -> None:
    for more, count in ((0.5, 0), (0.5001, 0), (0.5003, 1)):
        frame = pd.DataFrame({"parent_id": [1, 2], "child_id": [3, 3], "link": "owns",
                              "share": [0.5, more]})  # fmt: skip
        problems = [f.problem for f in find_groups(frame, as_of=DAY).findings]
        assert problems.count("above_one") == count


@pytest.mark.parametrize("name", ["-", "--5", "state", "", "\u00b2", "1.0", "9" * 30])
def test_an_exception_for_nobody_excepts_nobody(name: str) -> None:
    """A customer of number -1 is not everybody whom the links do not name."""
    policy = with_exceptions(
        f'[[records.exception]]\nparent = "{name}"\nwhy = "state"\nsource = "board"\n'
    )
    links = pd.DataFrame({"parent_id": [-1, 5], "child_id": [1, 2], "link": "controls"})
    ties = find_groups(links, as_of=DAY, policy=policy).ties
    assert ties["tie"].tolist() == ["control", "control"]
    own = with_exceptions('[[records.exception]]\nparent = "-1"\nwhy = "w"\nsource = "b"\n')
    ties = find_groups(links, as_of=DAY, policy=own).ties
    assert ties["tie"].tolist() == ["excepted", "control"]


def test_a_table_with_another_outcome_is_refused() -> None:
    base = default_policy("risk")
    own = load_policy(
        '[policy]\nid = "own"\ndomain = "risk"\nversion = "1"\n[[tables]]\nid = "tie"\n'
        'outcomes = ["control", "friend"]\n[tables.facts]\nlink = { type = "text", '
        'values = ["owns", "controls", "manages", "guarantees", "family", "depends", "holdings"] }'
        '\n[[tables.rules]]\nid = "all"\nwhen = { }\nthen = "friend"\n'
    )
    policy = Policy(id="own", domain="risk", version="1", parameters=base.parameters,
                    tables={"tie": own.table("tie")}, raw_records=base.raw_records)  # fmt: skip
    with pytest.raises(DataError, match="table 'tie': expected outcomes control, joint"):
        found([Link(0, 1, "controls")], policy=policy)


# Heads, ways and levels


def reach(links: list[Link], size: int) -> list[set[int]]:
    """Whom each entity controls, itself too, where nobody acts as one."""
    alone = [{i} for i in range(size)]
    return [naive.controlled_by(x, links, size, alone) for x in range(size)]


@given(graph=graphs)
def test_the_head_controls_most_of_its_group(graph: tuple[list[Link], int]) -> None:
    links, size = [k for k in graph[0] if k.link != "family"], graph[1]
    if not links:
        return
    members = found(links).members
    below = reach(links, size)
    for _, rows in members.groupby("group", observed=True):
        inside = [int(i) - 10 for i in rows.index]
        # Who is controlled by nobody but those whom it controls itself.
        free = [x for x in inside if all(y in below[x] for y in inside if x in below[y])]
        most = max(len(below[x]) for x in free)
        best = [x for x in free if len(below[x]) == most]
        (head,) = set(rows["head"] - 10)
        assert head in best
        if not any(x in below[y] for x in best for y in best if x != y):  # no circle at the top
            assert head == min(best)


def test_a_head_by_two_ways_counts_once_and_counts() -> None:
    """Customer 1 controls six others, two of them by two ways; 8 controls three."""
    pairs = [(1, 2), (1, 3), (2, 4), (3, 4), (4, 5), (4, 6), (4, 7), (8, 9), (8, 10), (8, 11)]
    links = pd.DataFrame(pairs, columns=["parent_id", "child_id"]).assign(link="controls")
    joint = pd.DataFrame({"parent_id": [1], "child_id": [8], "link": "depends", "share": 0.5})
    members = find_groups(pd.concat([links, joint], ignore_index=True), as_of=DAY).members
    assert set(members["head"]) == {1}
    assert members["level"].to_dict() == {1: 0, 2: 1, 3: 1, 4: 2, 5: 3, 6: 3, 7: 3, 8: 1, 9: 2,
                                          10: 2, 11: 2}  # fmt: skip


ORDER = {"control": 0, "joint": 1, "dependence": 2}


@given(graph=graphs)
def test_each_member_has_a_tie_to_the_next_on_its_way(graph: tuple[list[Link], int]) -> None:
    """The best tie between the two; and the way by ``via`` is as long as the level."""
    links, size = graph
    if not links:
        return
    groups = found(links)
    members, ties = groups.members, groups.ties
    pools = naive.families(links, size)
    for customer, row in members.iterrows():
        if customer == row["head"]:
            assert (row["tie"], row["via"], row["level"]) == ("head", customer, 0)
            continue
        steps, here = 0, customer
        while here != row["head"]:
            steps, here = steps + 1, members.at[here, "via"]
        assert steps == row["level"]
        (tie,) = groups.explain(customer, row["via"])
        assert (tie,) == groups.explain(row["via"], customer)
        assert {tie.parent, tie.child} == {customer, row["via"]}
        assert tie.tie == row["tie"]
        between = [
            (ORDER[r.tie], -(0.0 if pd.isna(r.share) else r.share), r.rule)
            for a, b in ((row["via"], customer), (customer, row["via"]))
            for r in ties[(ties["parent_id"] == a) & (ties["child_id"] == b)].itertuples()
            if r.tie in ORDER and (a, b) == (tie.parent, tie.child)
        ]
        if tie.holders:
            assert tie.rule == "control-together"
            assert tie.share == pytest.approx(sum(part for _, part in tie.holders))
            assert tie.share > 0.5
            under = naive.controlled_by(tie.parent - 10, links, size, pools)
            assert {who - 10 for who, _ in tie.holders} <= under
            continue
        assert (ORDER[tie.tie], -(tie.share or 0.0)) == min(between)[:2]
        assert (ORDER[tie.tie], -(tie.share or 0.0), tie.rule) in between
    assert str(members["group"].dtype) == str(members["tie"].dtype) == "category"
    assert {str(members[n].dtype) for n in ("head", "via")} == {"int64"}
    assert list(members) == ["group", "head", "tie", "via", "level"]
    assert members.index.name == "customer_id"
    assert members.index.is_monotonic_increasing
    in_order = members["group"].astype(str).unique().tolist()
    assert members["group"].cat.categories.tolist() == in_order, "by the smallest member"


@given(seed=st.integers(0, 2**32))
def test_circles_are_numbered_without_a_gap(seed: int) -> None:
    """Long circles and ways to them, which random links seldom make."""
    draw = np.random.default_rng(seed)
    size = int(draw.integers(2, 40))
    place = draw.permutation(size).astype(np.int32)
    length = int(draw.integers(2, size + 1))
    a, b = place[:length], np.roll(place[:length], -1)
    tail = place[length - 1 :]
    circle = circles_of(np.append(a, tail[:-1]), np.append(b, tail[1:]), size)
    expected = np.full(size, -1)
    expected[a] = 0
    assert circle.tolist() == expected.tolist()
    assert str(circle.dtype) == "int32"
    two = circles_of(np.array([0, 1, 3, 4, 5, 5], np.int32), np.array([1, 0, 4, 3, 5, 3], np.int32),
                     6)  # fmt: skip
    assert two.tolist() == [0, 0, -1, 1, 1, -1]


def test_a_circle_of_owners_is_one_group_with_its_smallest_as_head() -> None:
    """Circles of every size up to 70, with a way of ten below each."""
    for size in (2, 3, 4, 5, 8, 9, 16, 17, 33, 70):
        ring = list(range(size))[::-1]
        pairs = list(zip(ring, [*ring[1:], ring[0]], strict=True))
        pairs += [(size - 1 + i, size + i) for i in range(10)]
        links = pd.DataFrame(pairs, columns=["parent_id", "child_id"]).assign(link="controls")
        groups = find_groups(links, as_of=DAY)
        assert set(groups.members["head"]) == {0}
        assert len(groups.members) == size + 10
        circle = next(f for f in groups.findings if f.problem == "circle")
        assert (circle.count, len(circle.examples)) == (1, min(size, 5))
        assert circle.advice == f"{size} parties in 1 circles, each in one group"


def test_two_controllers_are_found_and_one_by_two_ways_is_not() -> None:
    pairs = [(1, 2), (1, 3), (2, 4), (3, 4), (5, 7), (6, 7), (7, 8), (5, 9), (6, 9)]
    links = pd.DataFrame(pairs, columns=["parent_id", "child_id"]).assign(link="controls")
    found_ = [f for f in find_groups(links, as_of=DAY).findings if f.problem == "two_controllers"]
    assert [(f.count, f.examples) for f in found_] == [(2, ("7", "9"))]


# Names


def names_by_hand(
    parts: dict[int, int], old: dict[int, str]
) -> tuple[dict[int, str], dict[int, tuple[str | None, str | None, str]]]:
    """The group of each member, and the changes, from the number of its part and its old group."""
    of: dict[int, list[int]] = defaultdict(list)
    for member, part in sorted(parts.items()):
        of[part].append(member)
    shared = []
    for members in of.values():
        for name in {old[m] for m in members if m in old}:
            both = [m for m in members if old.get(m) == name]
            shared.append((-len(both), name, min(both), members))
    kept: dict[int, str] = {}
    for _, name, _, members in sorted(shared):
        if members[0] not in kept and name not in kept.values():
            kept[members[0]] = name
    taken = {*old.values()}
    group: dict[int, str] = {}
    for members in sorted(of.values()):
        name, number = kept.get(members[0]) or f"G{members[0]}", 2
        if members[0] not in kept and name in taken:
            while f"{name}.{number}" in taken:
                number += 1
            name = f"{name}.{number}"
        taken.add(name)
        group |= dict.fromkeys(members, name)
    changes = {}
    for member in sorted({*old, *group}):
        before, after = old.get(member), group.get(member)
        if before != after:
            word = ("joined" if before is None else "left" if after is None
                    else "split" if before in group.values() else "merged")  # fmt: skip
            changes[member] = (before, after, word)
    return group, changes


@given(
    part=st.dictionaries(st.integers(1, 9), st.integers(0, 3), max_size=9),
    old=st.dictionaries(st.integers(1, 9), words(["G1", "G2", "G1.2", "G5"]), max_size=9),
)
def test_names_from_day_to_day(part: dict[int, int], old: dict[int, str]) -> None:
    ids = pd.Index(range(1, 10))
    member = np.array(sorted(part), np.int64)
    first: dict[int, int] = {}
    for m in member:  # parts numbered in the order of their smallest member
        first.setdefault(part[m], len(first))
    group = np.array([first[part[m]] for m in member], np.int32)
    earlier = pd.DataFrame({"group": [old[m] for m in sorted(old)]}, index=sorted(old),
                           dtype=object)  # fmt: skip
    names, changes = group_names(ids, member - 1, group, earlier)
    expected, changed = names_by_hand(part, old)
    assert {int(m): names[g] for m, g in zip(member, group, strict=True)} == expected
    plain = changes.astype(object).where(changes.notna(), None)
    assert {k: tuple(v) for k, v in zip(plain.index, plain.to_numpy(), strict=True)} == changed
    assert changes.index.name == "customer_id"
    assert changes["change"].cat.categories.tolist() == ["joined", "left", "merged", "split"]
    fresh, nothing = group_names(ids, member - 1, group)
    assert not len(nothing)
    assert list(nothing) == ["before", "after", "change"]
    assert nothing.index.name == "customer_id"
    by_hand, _ = names_by_hand(part, {})
    assert {int(m): fresh[g] for m, g in zip(member, group, strict=True)} == by_hand


def test_what_a_notebook_shows() -> None:
    pairs = [(10 * i, 10 * i + j) for i in range(1, 8) for j in range(1, 9 - i)]
    links = pd.DataFrame(pairs, columns=["parent_id", "child_id"]).assign(link="controls")
    groups = find_groups(links, as_of=DAY)
    assert repr(groups) == "<Groups: 7 of 35 members>"
    page = groups._repr_html_()
    for name, size in (("G10", 8), ("G20", 7), ("G30", 6), ("G40", 5), ("G50", 4)):
        assert f"<td>{name}</td><td>{size}</td>" in page
    assert "G60" not in page
    third = pd.DataFrame({"parent_id": [1, 1, 2, 3], "child_id": [2, 3, 4, 4], "link": "owns",
                          "share": [1.0, 0.51234, 0.3, 0.25]})  # fmt: skip
    chain = [str(t) for t in find_groups(third, as_of=DAY).explain(3, 4)]
    assert chain == [
        "1 -> 3: control 51.23%, holds more than the controlling share",
        "1 -> 4: control 55.00% (2 30.00%, 3 25.00%), holds more than the controlling share "
        "together with what it controls",
    ]
    stated = pd.DataFrame({"parent_id": [1], "child_id": [2], "link": ["controls"]})
    (tie,) = find_groups(stated, as_of=DAY).explain(2, 1)
    assert str(tie) == "1 -> 2: control, controls the other's business"


def test_parties_are_in_rising_order_whatever_the_order_of_the_links() -> None:
    for ids in (["d", "a", "c", "b"], [4, 1, 3, 2]):
        links = pd.DataFrame({"parent_id": ids[:3], "child_id": ids[1:], "link": "controls"})
        groups = find_groups(links, as_of=DAY)
        assert groups.members.index.tolist() == sorted(ids)
        assert groups.members["via"].tolist() == [ids[0], ids[2], ids[1], ids[0]]
        assert groups.members["level"].tolist() == [1, 3, 2, 0]
        assert set(groups.members["group"]) == {f"G{min(ids)}"}
    with pytest.raises(DataError, match="one of parent_id and child_id has numbers, one texts"):
        find_groups(links.assign(child_id=["a", "b", "c"]), as_of=DAY)


def test_links_that_are_plain_have_no_finding() -> None:
    for link, share in (("controls", None), ("owns", 0.6), ("owns", 0.3), ("family", None)):
        one = pd.DataFrame({"parent_id": [1], "child_id": [2], "link": [link], "share": [share]})
        assert find_groups(one.astype({"share": float}), as_of=DAY).findings == ()


def test_a_stake_of_nothing_is_no_part_of_a_sum() -> None:
    stakes = pd.DataFrame({"parent_id": [1, 1, 1, 2, 3, 4], "child_id": [2, 3, 4, 5, 5, 5],
                           "link": "owns", "share": [1, 1, 1, 0.3, 0.3, 0.0]})  # fmt: skip
    (tie,) = find_groups(stakes, as_of=DAY).explain(1, 5)
    assert tie.holders == ((2, 0.3), (3, 0.3))
    first = pd.DataFrame({"parent_id": [0, 0, 2], "child_id": [1, 2, 1], "link": "owns",
                          "share": [0.3, 1.0, 0.3]})  # fmt: skip
    assert find_groups(first, as_of=DAY).explain(0, 1)[0].holders == ((0, 0.3), (2, 0.3))


@pytest.mark.parametrize("turned", [False, True])
def test_control_comes_before_a_larger_dependence(turned: bool) -> None:
    """Whichever of the links is the first one."""
    links = pd.DataFrame({"parent_id": [1, 1, 1], "child_id": [2, 2, 2], "share": [0.9, 0.6, 0.55],
                          "link": ["depends", "owns", "owns"]})  # fmt: skip
    links = links.iloc[::-1].reset_index(drop=True) if turned else links
    groups = find_groups(links, as_of=DAY)
    (tie,) = groups.explain(1, 2)
    assert (tie.tie, tie.share, groups.members.at[2, "tie"]) == ("control", 0.6, "control")
