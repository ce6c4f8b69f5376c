"""What each link is: the links in force on a day, decided by the table ``tie``."""

from __future__ import annotations

import re
from datetime import date

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.contract import CONTRACT
from bankcrm.book.view import NEVER, Mask, day_number, day_numbers
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import Numbers, codes
from bankcrm.frames.numbering import categorical, places_of
from bankcrm.policy import Policy

TIES = ("control", "joint", "dependence", "stake", "watch")
"""The outcomes of the table ``tie``; the first three make one group of two customers."""

LEFT_OUT = ("excepted", "self_loop", "not_in_force")
"""Why a link is not decided by the table."""

CONTROL, JOINT, DEPENDENCE, STAKE, _WATCH, EXCEPTED, SELF_LOOP, NOT_IN_FORCE = range(8)
_NAMES = ("parent_id", "child_id", "link", "share", "since", "until")


@attrs.frozen
class TieException:
    """A documented decision of the bank that some links do not tie, such as those of the state.

    Attributes:
        parent: The holder, controller or other first party.
        why: The reason, for people.
        source: The rule or the decision that allows it.
        child: The other party; empty: any party.
        since: First day on which it holds.
        until: Last day on which it holds.
    """

    parent: str
    why: str
    source: str
    child: str = ""
    since: date | None = None
    until: date | None = None


@attrs.frozen(eq=False)
class Ties:
    """The links as arrays.

    Attributes:
        frame: The checked links.
        ids: The parties, in rising order.
        parent: The place of each link's first party, int32.
        child: The place of its other party, int32.
        share: Its share; nan where it is not known.
        code: The place of its tie in ``TIES`` and ``LEFT_OUT``, int8.
        rule: The id of the rule that decided, as a categorical; null where none did.
    """

    frame: pd.DataFrame
    ids: pd.Index
    parent: npt.NDArray[np.int32]
    child: npt.NDArray[np.int32]
    share: Numbers
    code: npt.NDArray[np.int8]
    rule: pd.Series

    def decided(self) -> pd.DataFrame:
        """The links with their ``tie`` and ``rule``."""
        tie = categorical(self.code, [*TIES, *LEFT_OUT])
        return self.frame.assign(tie=tie, rule=self.rule.array)


def ties_of(links: object, day: np.datetime64, policy: Policy) -> Ties:
    """Decide what each link is on a day.

    Args:
        links: As for `find_groups`.
        day: The day.
        policy: Its table ``tie`` and its records ``exception``.

    Raises:
        DataError: The links do not fit the contract.
    """
    frame = check_frame(links, _columns(), frame="links")
    ids, parent, child = _parties(frame)
    share = frame["share"].to_numpy() if "share" in frame else np.full(len(frame), np.nan)
    decided = policy.table("tie").decide_frame(pd.DataFrame({"link": frame["link"], "share": share},
                                                            copy=False))  # fmt: skip
    code = places_of(decided["outcome"], TIES).astype(np.int8)
    if (code < 0).any():
        raise DataError(f"table 'tie': expected outcomes {', '.join(TIES)}; see the risk policy")
    code[_excepted(ids, parent, child, day, policy)] = EXCEPTED
    code[parent == child] = SELF_LOOP
    code[~_in_force(frame, day_number(day))] = NOT_IN_FORCE
    rule = decided["rule"].where(code <= _WATCH)
    return Ties(frame, ids, parent, child, share, code, rule)


def _columns() -> tuple[Column, ...]:
    return tuple(c for c in CONTRACT["links"] if c.name in _NAMES)


def _parties(
    frame: pd.DataFrame,
) -> tuple[pd.Index, npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The parties in rising order, so that the order of the links changes nothing."""
    code, ids = codes(pd.concat([frame["parent_id"], frame["child_id"]], ignore_index=True))
    if ids.inferred_type.startswith("mixed"):
        raise DataError(
            "links: one of parent_id and child_id has numbers, one texts; give one type"
        )
    place = code.astype(np.int32)
    if not ids.is_monotonic_increasing:
        order = np.argsort(ids.to_numpy(), kind="stable")
        rank = np.empty(len(ids), np.int32)
        rank[order] = np.arange(len(ids), dtype=np.int32)
        ids, place = ids[order], rank[place]
    return ids, place[: len(frame)], place[len(frame) :]


def _in_force(frame: pd.DataFrame, day: int) -> Mask:
    """Which links hold on the day; one without a date has always held."""
    held = np.ones(len(frame), np.bool_)
    if "since" in frame:
        since = day_numbers(frame["since"].to_numpy())
        held &= (since <= day) | (since == NEVER)
    if "until" in frame:
        held &= day_numbers(frame["until"].to_numpy()) >= day
    return held


def _excepted(
    ids: pd.Index,
    parent: npt.NDArray[np.int32],
    child: npt.NDArray[np.int32],
    day: np.datetime64,
    policy: Policy,
) -> Mask:
    """Which links fall under an exception in force."""
    found = np.zeros(len(parent), np.bool_)
    on = day.astype("datetime64[D]").item()
    for exception in exceptions_of(policy):
        starts, ends = exception.since, exception.until
        if (starts is not None and on < starts) or (ends is not None and on > ends):
            continue
        rows = parent == _place(ids, exception.parent)
        if exception.child:
            rows &= child == _place(ids, exception.child)
        found |= rows
    return found


def exceptions_of(policy: Policy) -> tuple[TieException, ...]:
    """The documented exceptions of a policy; none where it has no such list."""
    return policy.records("exception", TieException) if "exception" in policy.raw_records else ()


def _place(ids: pd.Index, text: str) -> int:
    """The place of an id that a policy names as text; -1 for one that no link names."""
    requested: object = text
    if ids.dtype.kind in "iu":
        requested = int(text) if re.fullmatch("-?[0-9]+", text) else None
    return int(ids.get_indexer(pd.Index([requested], dtype=object))[0])
