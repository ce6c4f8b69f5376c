"""The watch list: who enters, stays and leaves, who owns the case, and when it is next due."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day, days
from bankcrm.frames.customers import by_customer
from bankcrm.frames.numbering import categorical, is_among, places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.risk.groups.groups import Groups, refuse_no_groups
from bankcrm.risk.watch_list.assessment import LEVELS

MOVEMENTS = ("enter", "stay", "leave")
_HIGH = len(LEVELS) - 1
LIFTED = "another member of the group has a high risk"
_PREVIOUS = (
    Column("since", "date", meaning="The first day on the list."),
    Column("movement", "category", False, True, meaning="What the last review decided."),
    Column("level", "category", False, True, choices=LEVELS, meaning="The level then."),
    Column("owner", "text", False, True, meaning="Who owns the case."),
    Column("next_review", "date", False, True, meaning="The day of the next review."),
)
_RISKS = (
    Column("risk_level", "category", True, True, choices=LEVELS),
    Column("raised_risks", "integer", True, True, minimum=0),
    Column("risk_reasons", "text", False, True),
    Column("is_customer", "boolean", False, False),
)


def review_watch_list(
    previous: object,
    risks: object,
    *,
    as_of: object,
    groups: Groups | None = None,
    owners: pd.Series | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Review the watch list on a day: entry, stay and exit, with owner and next review.

    One high risk or several raised ones put a customer on the list; it leaves only when no risk is
    raised and the least time is over, or when it is no longer a customer. A member with a high risk
    lifts its whole group. The table ``watch_list`` decides. A next review that is still to come is
    not put off. A second review on the same day and facts changes nothing but ``enter``, which
    becomes ``stay``, and those who left, who are gone.

    Args:
        previous: The last result; None for the first review.
        risks: From `assess_risks`, by ``customer_id``. A customer of the list who is not there, or
            whose level is null, stays, unless an optional column ``is_customer`` is false.
        as_of: The day of the review.
        groups: From `find_groups`; None: nobody is lifted.
        owners: Who owns the case of each customer, by ``customer_id``; others keep their owner, or
            get the one of their level (parameter ``watch_owners``).
        policy: Risk policy; the library's default if None.

    Returns:
        One row per customer on the list and per customer who leaves it, by ``customer_id``:
        ``movement`` (``enter``, ``stay``, ``leave``), ``rule``, ``level``, ``reasons``,
        ``lifted_by`` (the member with a high risk, as text), ``since``, ``owner`` and
        ``next_review`` (null for a customer who leaves).

    Raises:
        DataError: A frame does not fit, or a date of the list lies after ``as_of``.

    Source: PB-7, EB-4.

    >>> risks = pd.DataFrame({"risk_level": ["high", "none"], "raised_risks": [1, 0],
    ...                       "risk_reasons": ["bad credit standing", ""]}, index=[7, 8])
    >>> watch = review_watch_list(None, risks, as_of="2026-06-30")
    >>> watch[["movement", "owner"]].iloc[0].tolist(), str(watch["next_review"].iloc[0].date())
    (['enter', 'risk'], '2026-07-30')
    """
    policy = policy_of(policy, "risk")
    today = as_of_day(as_of)
    held = _held(previous, today)
    refuse_no_groups(groups)
    found = by_customer(risks, _RISKS, "risks")
    level = places_of(found["risk_level"], LEVELS)
    lifted = _lifted(found.index[level == _HIGH], groups)
    everyone = held.index.union(found.index)
    # Nothing can happen to a customer who is neither listed, lifted nor at risk.
    asked = everyone[
        is_among(everyone, held.index)
        | is_among(everyone, lifted.index)
        | is_among(everyone, found.index[level > 0])
    ]
    own = found.reindex(asked)
    level = places_of(own["risk_level"], LEVELS)
    since = days(held["since"].reindex(asked), "since")
    listed = ~np.isnat(since)
    began = np.where(listed, since, today)
    by = lifted.reindex(asked)
    customer = own.get("is_customer", pd.Series(index=asked, dtype=object))
    facts = pd.DataFrame(
        {
            "on_list": listed,
            "is_customer": customer.ne(False).to_numpy(np.bool_),
            "level_known": level >= 0,
            "level": categorical(level, LEVELS),
            "raised_risks": own["raised_risks"].astype("Int64"),
            "lifted": by.notna().to_numpy(np.bool_),
            "held_days": (today - began).astype(np.int64),
        },
        index=asked,
    )
    decided = policy.table("watch_list").decide_frame(facts, on_missing="undecided")
    movement = places_of(decided["outcome"], MOVEMENTS)
    at = np.maximum(level, facts["lifted"].to_numpy().astype(np.int64))
    result = pd.DataFrame(
        {
            "movement": categorical(movement, MOVEMENTS),
            "rule": decided["rule"].array,
            "level": categorical(np.maximum(at, 0), LEVELS, ordered=True),
            "reasons": _reasons(own.get("risk_reasons"), by),
            "lifted_by": by.astype(object).array,
            "since": began.astype("datetime64[s]"),
            "owner": _owners(asked, held, owners, np.maximum(at, 0), policy),
            "next_review": _next(today, movement, np.maximum(at, 0), held.reindex(asked), policy),
        },
        index=asked.rename("customer_id"),
    )
    return policy.stamp(result[movement >= 0])


def _held(previous: object, today: np.datetime64) -> pd.DataFrame:
    """The customers on the list, without those who left it."""
    if previous is None:
        never = pd.Series(dtype="datetime64[s]")
        return pd.DataFrame({"since": never, "owner": [], "next_review": never})
    found = by_customer(previous, _PREVIOUS, "previous")
    late = days(found["since"], "since") > today
    if late.any():
        first = few(found.index[late].tolist(), repr)
        raise DataError(
            f"previous.since: {int(late.sum()):,} customers are on the list only after {today} "
            f"({first}); review the days in their order"
        )
    if "movement" in found:
        found = found[(found["movement"] != "leave").to_numpy(np.bool_)]
    optional = {"owner": None, "next_review": np.datetime64("NaT", "s")}
    return found.assign(**{name: v for name, v in optional.items() if name not in found})


def _lifted(high: pd.Index, groups: Groups | None) -> pd.Series:
    """The members of groups that another member with a high risk lifts, and which, as text."""
    if groups is None:
        return pd.Series(dtype=object)
    group = groups.members["group"].astype(object)
    bad = group[is_among(group.index, high)]
    first = bad.reset_index().groupby("group")["customer_id"].min()
    members = group[group.isin(first.index)]
    members = members[~is_among(members.index, high)]
    return first.reindex(members).set_axis(members.index).astype(str)


def _reasons(own: pd.Series | None, by: pd.Series) -> npt.NDArray[np.object_]:
    texts = pd.Series("", index=by.index) if own is None else own.astype(object).fillna("")
    lifted = by.notna().to_numpy(np.bool_)
    group = np.where(lifted, LIFTED, "")
    both = (texts != "").to_numpy(np.bool_) & lifted
    joined: npt.NDArray[np.object_] = (
        texts.to_numpy(object) + np.where(both, "; ", "") + group.astype(object)
    )
    return joined


def _owners(
    customers: pd.Index,
    held: pd.DataFrame,
    owners: pd.Series | None,
    level: npt.NDArray[np.int64],
    policy: Policy,
) -> npt.NDArray[np.object_]:
    by_level = policy.value("watch_owners")
    found = pd.Series([by_level[LEVELS[i]] for i in level], index=customers, dtype=object)
    kept = held["owner"].astype(object).reindex(customers)
    found = kept.where(kept.notna(), found)
    if owners is not None:
        as_kind(owners, pd.Series, "owners", "give a Series by customer_id")
        named = owners.astype(object).reindex(customers)
        found = named.where(named.notna(), found)
    return found.to_numpy(object)


def _next(
    today: np.datetime64,
    movement: npt.NDArray[np.int64],
    level: npt.NDArray[np.int64],
    held: pd.DataFrame,
    policy: Policy,
) -> npt.NDArray[np.datetime64]:
    """The next review: at the latest after the time of the level, and no later than planned."""
    wait = np.array([int(policy.value("watch_review_days")[name]) for name in LEVELS])
    due = today + wait[level].astype("timedelta64[D]")
    planned = days(held["next_review"], "next_review")
    due = np.where(planned >= today, np.minimum(planned, due), due)
    due[movement == MOVEMENTS.index("leave")] = np.datetime64("NaT", "D")
    found: npt.NDArray[np.datetime64] = due.astype("datetime64[s]")
    return found


def summarise_watch_list(history: object) -> pd.DataFrame:
    """What happened to the watch list in each year.

    Args:
        history: The results of `review_watch_list` below one another, with the day of each in
            ``review_date``: ``customer_id``, ``movement``, ``level`` and ``since`` too.

    Returns:
        One row per ``year``: ``reviews`` (days of review), ``entered``, ``left``, ``on_list`` and
        ``high`` (at the last review of the year), and ``longest_days`` (on the list by then).

    Raises:
        DataError: A column is missing.

    Source: PB-7.
    """
    columns = (
        Column("review_date", "date"), Column("customer_id", "id"),
        Column("movement", "category", choices=MOVEMENTS),
        Column("level", "category", choices=LEVELS), Column("since", "date"),
    )  # fmt: skip
    frame = check_frame(history, columns, frame="history")
    year = frame["review_date"].dt.year.rename("year")
    last = frame["review_date"] == frame.groupby(year)["review_date"].transform("max")
    listed = last & (frame["movement"] != "leave")
    held = (frame["review_date"] - frame["since"]).dt.days

    def count(rows: pd.Series) -> pd.Series:
        return rows.astype("int64").groupby(year).sum()

    return pd.DataFrame(
        {
            "reviews": frame.groupby(year)["review_date"].nunique(),
            "entered": count(frame["movement"] == "enter"),
            "left": count(frame["movement"] == "leave"),
            "on_list": count(listed),
            "high": count(listed & (frame["level"] == "high")),
            "longest_days": held.where(listed).groupby(year).max().fillna(0).astype("int64"),
        }
    )
