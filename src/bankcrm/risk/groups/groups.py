"""Groups of connected customers: who belongs together for credit, and by which ties (EB-4)."""

from __future__ import annotations

import functools

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, first_few
from bankcrm.arguments import as_kind
from bankcrm.errors import UnknownNameError
from bankcrm.frames import DataFault
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.risk.groups.control import Control, Ints, Mask, Places, Shares, control, forest_of
from bankcrm.risk.groups.findings import findings_on
from bankcrm.risk.groups.identity import group_names
from bankcrm.risk.groups.spanning import Spanning, spanning
from bankcrm.risk.groups.ties import (
    CONTROL,
    DEPENDENCE,
    JOINT,
    STAKE,
    TIES,
    Ties,
    ties_of,
)
from bankcrm.rules import Rule

_HEAD = "head"
_MEMBER_TIES = (_HEAD, *TIES[:3])
_NONE = np.iinfo(np.int32).min  # no link


@attrs.frozen
class Tie:
    """One tie of a chain between two members of a group.

    Attributes:
        parent: The controller, or the first party of the link.
        child: The other party.
        tie: ``control``, ``joint`` or ``dependence``.
        share: The share of the link, or of all holdings together; None where it is not known.
        rule: The rule of the table ``tie``.
        source: The source of the rule.
        because: The reason in words.
        holders: Who holds how much, where only the sum controls.
    """

    parent: object
    child: object
    tie: str
    share: float | None
    rule: str
    source: str
    because: str
    holders: tuple[tuple[object, float], ...] = ()

    def __str__(self) -> str:
        share = "" if self.share is None else f" {self.share:.2%}"
        held = ", ".join(f"{who} {part:.2%}" for who, part in self.holders)
        held = f" ({held})" if held else ""
        return f"{self.parent} -> {self.child}: {self.tie}{share}{held}, {self.because}"


@attrs.frozen(eq=False, repr=False)
class Groups:
    """Groups of two or more connected parties.

    Attributes:
        members: One row per member of a group, by ``customer_id``: ``group`` (text), ``head`` (the
            member that controls most of it), ``tie`` by which it belongs (``head``, ``control``,
            ``joint``, ``dependence``), ``via`` (the member to which it is tied) and ``level``
            (ties up to the head). Parties that are no customers are members too.
        ties: One row per link as it came, with ``tie`` (what it is) and ``rule``: every link is
            used or says why it is not.
        changes: One row per member whose group changed since ``previous``: ``before``, ``after``,
            and ``change``: ``joined``, ``left``, ``merged`` or ``split``.
        findings: What is odd about the links.
    """

    members: pd.DataFrame
    ties: pd.DataFrame
    changes: pd.DataFrame
    findings: tuple[DataFault, ...]
    _ties: Ties = attrs.field(alias="_ties")
    _control: Control = attrs.field(alias="_control")
    _tree: Spanning = attrs.field(alias="_tree")
    _row: Places = attrs.field(alias="_row")
    _policy: Policy = attrs.field(alias="_policy")

    def __len__(self) -> int:
        return int((self._tree.size > 1).sum())

    def __repr__(self) -> str:
        return f"<Groups: {len(self):,} of {len(self.members):,} members>"

    def _repr_html_(self) -> str:
        sizes = self.members["group"].value_counts().head(5)
        rows = [{"group": str(g), "members": int(n)} for g, n in sizes.items()]
        figures = {"groups": len(self), "members": len(self.members)}
        return card("Groups of connected customers", figures, rows=rows)

    def explain(self, a: object, b: object) -> tuple[Tie, ...]:
        """The chain of ties that puts two parties into one group.

        Args:
            a: The id of one party.
            b: The id of the other.

        Returns:
            The ties from ``a`` to ``b``; empty where they are not in one group.

        Raises:
            UnknownNameError: No link names the party.

        Source: EB-4.

        >>> links = pd.DataFrame({"parent_id": [1, 2], "child_id": [2, 3], "link": "owns",
        ...                       "share": [0.6, 0.6]})
        >>> [str(t) for t in find_groups(links, as_of="2026-06-30").explain(1, 2)]
        ['1 -> 2: control 60.00%, holds more than the controlling share']
        """
        first, second = self._place(a), self._place(b)
        if self._tree.group[first] != self._tree.group[second]:
            return ()
        up, level = self._tree.up, self._tree.level
        ahead, back = [], []
        while first != second:
            if level[first] >= level[second]:
                ahead.append(self._tie(first))
                first = int(up[first])
            else:
                back.append(self._tie(second))
                second = int(up[second])
        return (*ahead, *reversed(back))

    def _place(self, party: object) -> int:
        ids = self._ties.ids
        place = int(ids.get_indexer(pd.Index([party]))[0])
        if place < 0:
            raise UnknownNameError("party", party, first_few(ids), advice="no link names it")
        return place

    def _tie(self, member: int) -> Tie:
        """The tie between a member and the next one on its way to the head."""
        ids, row = self._ties.ids, int(self._row[member])
        if row < 0:
            return self._together(-row - 1)
        ties = self._ties
        rule = self._rules[ties.rule.iloc[row]]
        share = float(ties.share[row])
        return Tie(
            ids[ties.parent[row]], ids[ties.child[row]], TIES[ties.code[row]],
            None if np.isnan(share) else share, rule.id, rule.source, rule.because,
        )  # fmt: skip

    def _together(self, number: int) -> Tie:
        """The tie of a controller to what it holds together with what it controls."""
        found, ties = self._control, self._ties
        start = found.ends[number - 1] if number else 0
        rows = found.holdings[start : found.ends[number]]
        holders = tuple((ties.ids[ties.parent[r]], float(ties.share[r])) for r in rows)
        share = float(found.share[number])
        decision = self._policy.table("tie").decide({"link": "holdings", "share": share})
        return Tie(
            ties.ids[found.parent[number]], ties.ids[found.child[number]], TIES[CONTROL], share,
            str(decision.rule), decision.source, decision.because, holders,
        )  # fmt: skip

    @functools.cached_property
    def _rules(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self._policy.table("tie").rules}


def refuse_no_groups(groups: object) -> None:
    """Refuse what is neither None nor the result of `find_groups`.

    Raises:
        DataError: It is something else.
    """
    if groups is not None:
        as_kind(groups, Groups, "groups", "give the result of find_groups")


def find_groups(
    links: object, *, as_of: object, policy: Policy | None = None, previous: object = None
) -> Groups:
    """Find the groups of connected customers on a day.

    X controls Y when X, together with what X controls, holds more than ``control_share`` of Y, or
    by other means that the table ``tie`` names. Close relatives act as one. A group is everything
    that is tied by control, jointly, or by economic dependence. Guarantees and small stakes are
    kept as ties to watch, and make no group. Records ``exception`` of the policy are documented
    decisions that links of a party, such as the state, do not tie.

    Args:
        links: One row per link: ``parent_id``, ``child_id`` and ``link``; ``share``, ``since`` and
            ``until`` (its first and last day) where known.
        as_of: The day; links that do not hold on it are not used.
        policy: Risk policy; the library's default if None.
        previous: ``members`` of an earlier day: groups keep their ids, and ``changes`` says what
            is different.

    Raises:
        DataError: The links do not fit the contract.

    Source: EB-4.

    >>> links = pd.DataFrame({"parent_id": [1, 1, 2, 3], "child_id": [2, 3, 4, 4], "link": "owns",
    ...                       "share": [1.0, 1.0, 0.3, 0.3]})
    >>> groups = find_groups(links, as_of="2026-06-30")
    >>> groups.members["tie"].to_dict()
    {1: 'head', 2: 'control', 3: 'control', 4: 'control'}
    >>> print(groups.explain(4, 3)[0])
    1 -> 4: control 60.00% (2 30.00%, 3 30.00%), holds more than the controlling share together \
with what it controls
    """
    policy = policy_of(policy, "risk")
    ties = ties_of(links, as_of_day(as_of), policy)
    found, pools = _controlled(ties, policy)
    edges = _edges(ties, found)
    by_control = len(edges.row) - edges.more
    forest = found.forest
    if pools:  # which stand for their members there
        size = len(ties.ids)
        forest = forest_of(size, edges.parent[:by_control], edges.child[:by_control])
    joins = np.concatenate([forest.extra, np.ones(edges.more, np.bool_)])
    tree = spanning(forest, edges.parent[joins], edges.child[joins])
    rows = _rows_of(tree, edges, ties)
    members, changes = _members(ties, tree, rows, previous)
    findings = findings_on(ties, found, policy.value("share_tolerance"))
    policy.stamp(with_findings(members, findings))
    decided = policy.stamp(ties.decided())
    return Groups(members, decided, changes, findings, ties, found, tree, rows, policy)


@attrs.frozen(eq=False)
class _Edges:
    """The ties that make groups: those of control first.

    Attributes:
        parent: The first party.
        child: The other party.
        row: The row of the link; below zero for the pairs that control together.
        more: How many of the last ones are joint ties and dependences.
    """

    parent: Places
    child: Places
    row: Places
    more: int


def _controlled(ties: Ties, policy: Policy) -> tuple[Control, bool]:
    """Who controls whom, and whether there are parties that act as one."""
    table = policy.table("tie")

    def decide(share: Shares) -> Mask:
        facts = pd.DataFrame({"link": "holdings", "share": share})
        controls: Mask = (table.decide_frame(facts)["outcome"] == TIES[CONTROL]).to_numpy(np.bool_)
        return controls

    parent, child = ties.parent, ties.child
    held = (ties.code == CONTROL) | (ties.code == STAKE)
    counts = held & (ties.frame["link"] == "owns").to_numpy(np.bool_)
    joint = np.flatnonzero(ties.code == JOINT)
    if len(joint):
        pool = forest_pools(len(ties.ids), ties.parent[joint], ties.child[joint])
        parent, child = pool[parent], pool[child]
    found = control(
        len(ties.ids), parent, child, np.where(counts, ties.share, np.nan), ties.code == CONTROL,
        decide=decide, tolerance=policy.value("share_tolerance"),
    )  # fmt: skip
    return found, bool(len(joint))


def forest_pools(size: int, a: Places, b: Places) -> Places:
    """The smallest member of the pool of each entity, of which some act as one."""
    alone = forest_of(size, a[:0], b[:0])
    tree = spanning(alone, a, b)
    first = np.zeros(len(tree.size), np.int32)
    first[tree.group[::-1]] = np.arange(size - 1, -1, -1, dtype=np.int32)
    return first[tree.group]


def _edges(ties: Ties, found: Control) -> _Edges:
    direct, joint, dependent = (
        np.flatnonzero(ties.code == code) for code in (CONTROL, JOINT, DEPENDENCE)
    )
    together = -np.arange(1, len(found.parent) + 1, dtype=np.int32)
    parent, child = ties.parent, ties.child
    return _Edges(
        np.concatenate([parent[direct], found.parent, parent[joint], parent[dependent]]),
        np.concatenate([child[direct], found.child, child[joint], child[dependent]]),
        np.concatenate([direct, together, joint, dependent]).astype(np.int32),
        len(joint) + len(dependent),
    )


def _rows_of(tree: Spanning, edges: _Edges, ties: Ties) -> Places:
    """The link between each member and the next one on its way to the head.

    Of several links between two parties control comes first, and then the larger share.
    """
    found = np.full(len(tree.up), _NONE, np.int32)
    rows = np.flatnonzero(tree.up[edges.child] == edges.parent)
    _write(found, edges.child, rows, edges, ties)
    below = np.flatnonzero((found == _NONE)[edges.parent])  # a joint tie goes either way
    rows = below[tree.up[edges.parent[below]] == edges.child[below]]
    _write(found, edges.parent, rows, edges, ties)
    found[found == _NONE] = 0  # heads have none
    return found


def _write(found: Places, member: Places, rows: Ints, edges: _Edges, ties: Ties) -> None:
    """Set the link of the members of some edges."""
    before = np.count_nonzero(found == _NONE)
    found[member[rows]] = edges.row[rows]  # the last one written stays
    if before - np.count_nonzero(found == _NONE) == len(rows):
        return
    several = np.zeros(len(found), np.bool_)
    several[member[rows[found[member[rows]] != edges.row[rows]]]] = True
    rows = rows[several[member[rows]]]
    row = edges.row[rows]
    share = np.where(row < 0, 0.0, np.nan_to_num(ties.share[row]))
    rows = rows[np.lexsort((share, -ties.code[row].astype(np.int64) * (row >= 0)))]
    found[member[rows]] = edges.row[rows]


def _members(
    ties: Ties, tree: Spanning, rows: Places, previous: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    ids = ties.ids
    grouped = tree.size > 1
    member = np.flatnonzero(grouped[tree.group])
    inside = tree.group[member]
    group = (np.cumsum(grouped, dtype=np.int32) - np.int32(1))[inside]
    names, changes = group_names(ids, member, group, previous)
    head = tree.up[member] == member
    row = rows[member]
    tie = np.where(head, 0, np.where(row < 0, CONTROL, ties.code[row]) + 1).astype(np.int8)
    columns = {
        "group": pd.Categorical.from_codes(group, categories=pd.Index(names, dtype=object)),
        "head": ids[tree.head[inside]],
        "tie": categorical(tie, _MEMBER_TIES),
        "via": ids[tree.up[member]],
        "level": tree.level[member],
    }
    index = ids[member].rename("customer_id")
    return pd.DataFrame(columns, index=index, copy=False), changes
