"""From drafts to the action list: one action per contact, with priority, reasons and value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import union_categoricals

from bankcrm.actions.contract import ACTION_COLUMNS, FOUND, PRIORITIES
from bankcrm.actions.drafts import WORDS, joined, relabelled, together
from bankcrm.actions.known import done_drafts, listed_since, subjects_of
from bankcrm.actions.permission import permitted
from bankcrm.actions.situation import Situation
from bankcrm.actions.sources import SOURCES, ActionSource
from bankcrm.frames.numbering import categorical
from bankcrm.policy import PolicySet
from bankcrm.risk.watch_list.assessment import RISKS

_Ints = npt.NDArray[np.int64]
_READ = ("stage", "stage_rule", "stage_since", "closed", "is_customer", "days_since_contract",
         "tier", "tier_rule", "standing", "value_level", "warning", "warning_rule",
         "warning_rules", "complaint_open", "complaint_badly_solved", "value_at_stake",
         "next_birthday", "preferred_channel", "last_contact", "manager",
         "daily_average", "monthly_average", "risk_level",
         *(f"{r}_risk" for r in RISKS), *(f"{r}_risk_rules" for r in RISKS))  # fmt: skip


def find_actions(situation: Situation, sources: Sequence[ActionSource] = SOURCES) -> pd.DataFrame:
    """The action list of a review, the most pressing first.

    Calls and meetings of one customer that are due within the policy's ``bundle_days`` become one
    action: the leading one gives title, department and channel, and all give their reasons. An
    action that was due more than ``lapse_days`` ago is left out, but for the answer to a complaint
    and actions about staff; ``attrs["lapsed"]`` counts them. What was done is left out as well: on
    the same occasion, or for ``done_days`` where it counts from the day of the review.

    A contact that the bank owes, such as the answer to an inquiry, stays alone, so that no
    marketing comes with it. The table ``contact`` decides for each contact whether the bank may
    make it; one that it may not make stays on the list, with the reason.

    Args:
        situation: The results of a review, and the rules.
        sources: Where actions come from; the first one leads.

    Returns:
        One row per action with the columns of `ACTION_COLUMNS`; no two rows have the same id.

    Source: LCM-3, LCM-5, CSC-5 to CSC-7, PB-7, CBM-4.
    """
    found, lapsed = _found(situation, sources)
    return _stamped(permitted(found, situation), situation, lapsed)


def _found(situation: Situation, sources: Sequence[ActionSource]) -> tuple[pd.DataFrame, int]:
    """The actions before it is decided who may be contacted, and how many lapsed."""
    drafts = together([d for s in sources for d in s.find(situation)])
    drafts = drafts[~done_drafts(drafts, situation)]
    if not len(drafts):
        return _no_actions(situation), 0
    due = drafts["due"].to_numpy().astype("datetime64[D]")
    lapse = int(situation.policies["lifecycle"].value("lapse_days"))
    old = due < situation.today - np.timedelta64(lapse, "D")
    stays = (drafts["action"] == "answer_complaint") | (drafts["origin"] == "staff")
    old &= ~stays.to_numpy(np.bool_)
    drafts = drafts[~old].assign(overdue=due[~old] < situation.today)
    if not len(drafts):
        return _no_actions(situation), int(old.sum())
    drafts = drafts.assign(priority=_priorities(situation, drafts))
    merged = _merged(drafts, situation, [s.name for s in sources])
    return _finished(merged, situation), int(old.sum())


def _stamped(actions: pd.DataFrame, situation: Situation, lapsed: int) -> pd.DataFrame:
    actions.attrs["lapsed"] = lapsed
    actions.attrs["calendar"] = situation.calendar.name
    return situation.policies["lifecycle"].stamp(actions)


def _priorities(situation: Situation, drafts: pd.DataFrame) -> npt.NDArray[np.int64]:
    """The place of each draft's priority in `PRIORITIES`."""
    row, complaint = drafts["row"].to_numpy(), drafts["complaint"].to_numpy()
    facts = pd.DataFrame(
        {
            "origin": drafts["origin"],
            "overdue": drafts["overdue"],
            "severity": _picked(situation.complaints, "severity", complaint, "none"),
            "warning": _picked(situation.facts, "warning", row, "none"),
            "risk_level": _picked(situation.facts, "risk_level", row, "unknown"),
            "value_level": _picked(situation.facts, "value_level", row, "unknown"),
        }
    )
    decided = situation.policies["lifecycle"].table("action_priority").decide_frame(facts)
    places = [PRIORITIES.index(str(c)) for c in decided["outcome"].cat.categories]
    return np.array(places)[decided["outcome"].cat.codes]


def _picked(frame: pd.DataFrame, column: str, at: _Ints, missing: str) -> pd.Categorical:
    """The words of a column at some positions; ``missing`` for a null and at position -1."""
    if column not in frame or not len(frame):
        return relabelled(np.zeros(len(at), np.int8), [missing])
    words = pd.Categorical(frame[column])
    codes = np.where(at < 0, -1, words.codes[at])
    return relabelled(
        np.where(codes < 0, len(words.categories), codes), [*map(str, words.categories), missing]
    )


def _merged(drafts: pd.DataFrame, situation: Situation, names: list[str]) -> pd.DataFrame:
    """One row per customer, complaint and contact: the leading draft, with all reasons."""
    rank = {name: place for place, name in enumerate(names)}
    origin = np.array([rank[str(c)] for c in drafts["origin"].cat.categories])
    order = np.lexsort(
        (
            drafts["action"].cat.codes.to_numpy(),
            drafts["due"].to_numpy(),
            origin[drafts["origin"].cat.codes],
            drafts["priority"].to_numpy(),
            *reversed(_contacts(drafts, situation)),
        )
    )
    keys = [k[order] for k in _contacts(drafts, situation)]
    begins = np.append(True, np.logical_or.reduce([k[1:] != k[:-1] for k in keys]))
    start = np.flatnonzero(begins)
    ordered = drafts.iloc[order]
    merged = ordered.iloc[start].reset_index(drop=True)
    merged["due"] = np.minimum.reduceat(ordered["due"].to_numpy(), start)
    merged["overdue"] = np.logical_or.reduceat(ordered["overdue"].to_numpy(), start)
    size = np.diff(np.append(start, len(ordered)))
    for place in range(1, int(size.max())):
        _add_reasons(merged, ordered, np.flatnonzero(size > place), start + place)
    return merged


def _contacts(drafts: pd.DataFrame, situation: Situation) -> list[_Ints]:
    """The keys of a contact: customer, complaint, staff, and the call or the single task."""
    policy = situation.policies["lifecycle"]
    row, complaint = drafts["row"].to_numpy(), drafts["complaint"].to_numpy()
    due = drafts["due"].to_numpy().astype("datetime64[D]").astype(np.int64)
    called = drafts["channel"].isin(policy.value("bundled_channels")).to_numpy() & (complaint < 0)
    staff = (row < 0) & (complaint < 0)
    manager, department, action = (
        drafts[name].cat.codes.to_numpy().astype(np.int64)
        for name in ("manager", "department", "action")
    )
    called &= (
        drafts["purpose"].isin(situation.policies["marketing"].value("counted_purposes")).to_numpy()
    )
    first = np.full(len(situation.facts) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, row[called], due[called])
    window = (due - first[row]) // int(policy.value("bundle_days"))
    return [
        row,
        complaint,
        manager * staff,
        department * staff,
        called.astype(np.int64),
        action * ~called,
        np.where(called, window, due),
    ]


def _add_reasons(
    merged: pd.DataFrame, ordered: pd.DataFrame, groups: npt.NDArray[np.intp], at: _Ints
) -> None:
    """Add the reasons of one more draft to each of these groups."""
    more = ordered.iloc[at[groups]]
    new = ~_same(merged["rules"].iloc[groups], more["rules"])
    evidence = merged["evidence"].to_numpy().copy()
    seen = evidence[groups[new]]
    evidence[groups[new]] = seen + "; " + more["evidence"].to_numpy()[new]
    merged["evidence"] = evidence
    for name in ("tasks", "origin", "reason", "rules", "source"):
        by = "; " if name == "reason" else "+"
        column = merged[name].array
        pair = joined(column[groups], more[name].array, by)
        labels = [*map(str, column.categories), *map(str, pair.categories)]
        codes = column.codes.astype(np.int64)
        codes[groups] = len(column.categories) + pair.codes.astype(np.int64)
        merged[name] = relabelled(codes, labels)


def _same(one: pd.Series, two: pd.Series) -> npt.NDArray[np.bool_]:
    equal: npt.NDArray[np.bool_] = one.astype(object).to_numpy() == two.astype(object).to_numpy()
    return equal


def _finished(merged: pd.DataFrame, situation: Situation) -> pd.DataFrame:
    """The columns of the contract, in order."""
    row, complaint = merged["row"].to_numpy(), merged["complaint"].to_numpy()
    facts = situation.facts
    stake = np.full(len(merged), np.nan)
    if "value_at_stake" in facts:
        stake = np.append(facts["value_at_stake"].to_numpy(np.float64), np.nan)[row]
    manager = _filled(_picked(facts, "manager", row, ""), merged["manager"].array)
    ids = pd.Series(
        subjects_of(merged, situation) + ":" + merged["tasks"].astype(object), dtype="str"
    )
    made: dict[str, Any] = {
        "action_id": ids,
        "since": listed_since(ids, situation.day, situation.known, situation.known_on).astype(
            "datetime64[s]"
        ),
        "customer_id": _ids(facts.index, row),
        "complaint_id": _ids(situation.complaints.index, complaint),
        "priority": categorical(merged["priority"].to_numpy(), PRIORITIES, ordered=True),
        "manager": manager,
        "preferred_channel": _null(_picked(facts, "preferred_channel", row, "")),
        "value_at_stake": stake,
    }
    for name in ("channel", "purpose", "title_zh"):
        made[name] = _null(merged[name].array)
    kept = {n: merged[n].array for n in FOUND if n not in made}
    kept |= {n: kept[n].remove_unused_categories() for n in WORDS if n in kept}
    return _in_order(pd.DataFrame({**made, **kept})[list(FOUND)])


def _in_order(actions: pd.DataFrame) -> pd.DataFrame:
    """The most pressing first, then the most valuable, then the first due."""
    code = actions["action"].cat.categories.argsort().argsort()[actions["action"].cat.codes]
    order = ["priority", "value_at_stake", "due", "customer_id", "complaint_id", "code"]
    up = [True, False, True, True, True, True]
    ordered = actions.assign(code=code).sort_values(
        order, ascending=up, kind="stable", ignore_index=True
    )
    return ordered[list(FOUND)]


def _filled(words: pd.Categorical, better: pd.Categorical) -> pd.Categorical:
    """The second word where there is one, else the first; null where both are empty."""
    labels = [*map(str, words.categories), *map(str, better.categories)]
    given = np.array([bool(str(c)) for c in better.categories])[better.codes]
    codes = np.where(given, len(words.categories) + better.codes.astype(np.int64), words.codes)
    return _null(relabelled(codes, labels))


def _null(words: pd.Categorical) -> pd.Categorical:
    """Empty words as nulls, and only the words that occur."""
    return words.remove_categories(
        [c for c in words.categories if not c]
    ).remove_unused_categories()


def _ids(index: pd.Index, at: _Ints) -> pd.Series:
    """The ids at some positions; null at -1."""
    whole = index.dtype.kind in "iu"
    if not len(index):
        return pd.Series(pd.NA, index=range(len(at)), dtype="Int64" if whole else object)
    ids = pd.Series(index.take(np.maximum(at, 0)))
    return ids.astype("Int64" if whole else object).where(at >= 0)


def _no_actions(situation: Situation) -> pd.DataFrame:
    """An empty list with the columns of the contract."""
    types = {"date": "datetime64[s]", "money": "float64", "boolean": "bool", "category": "category"}
    columns = (c for c in ACTION_COLUMNS if c.name in FOUND)
    made = {c.name: pd.Series(dtype=types.get(c.kind, object)) for c in columns}
    nobody = np.empty(0, np.int64)
    made["customer_id"] = _ids(situation.facts.index, nobody)
    made["complaint_id"] = _ids(situation.complaints.index, nobody)
    made["priority"] = made["priority"].astype(pd.CategoricalDtype(list(PRIORITIES), ordered=True))
    return pd.DataFrame(made)


def facts_read(policies: PolicySet) -> list[str]:
    """The columns of the facts that the default sources read."""
    tables = {"lifecycle": ("stage", "warning", "warning_level"),
              "segmentation": ("tier", "restricted_action"),
              "risk": tuple(f"{r}_risk" for r in RISKS)}  # fmt: skip
    read = dict.fromkeys(_READ)
    for domain, names in tables.items():
        for name in names:
            read |= dict.fromkeys(policies[domain].table(name).facts)
    return list(read)


def actions_in(
    parts: Callable[[list[str]], Iterable[pd.DataFrame]], whole: Situation
) -> pd.DataFrame:
    """The action list of customers that come in parts; the same as of the whole book.

    Args:
        parts: The facts in parts, with the columns that are asked for.
        whole: The complaints of the whole book, and the rules.
    """
    columns = facts_read(whole.policies)
    about_customers = [s for s in SOURCES if s.about == "customers"]
    about_others = [s for s in SOURCES if s.about != "customers"]
    named = whole.complaints["customer_id"].dropna()
    found, complaining = [], []
    for part in parts(columns):
        complaining.append(part.loc[part.index.isin(named)])
        found.append(_found(attrs.evolve(whole, facts=part), about_customers))
    facts = pd.concat([part for part in complaining if len(part)] or complaining[:1])
    found.append(_found(attrs.evolve(whole, facts=facts), about_others))
    lapsed = sum(lapsed for _, lapsed in found)
    united = _united([actions for actions, _ in found])
    found.clear()  # the lists of the parts are as large as that of the whole
    return _stamped(permitted(_in_order(united), whole), whole, lapsed)


def _united(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The actions of all parts; the words of each column are united."""
    some = [p for p in parts if len(p)] or parts[:1]
    made: dict[str, Any] = {}
    for name in FOUND:
        if name == "priority" or not isinstance(some[0][name].dtype, pd.CategoricalDtype):
            made[name] = pd.concat([p[name] for p in some], ignore_index=True)
        else:
            made[name] = union_categoricals([p[name] for p in some])
    return pd.DataFrame(made)
