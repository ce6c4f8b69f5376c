"""Who answers a complaint and by when (CSC-5); the first-asked person stays accountable."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import attrs
import numpy as np
import pandas as pd

from bankcrm.calendars import WorkingCalendar, business_day
from bankcrm.complaints._frames import Codes, categories, filled
from bankcrm.complaints.rulers import cutoff_of
from bankcrm.complaints.severity import (
    Classifier,
    complaints_policy,
    contract,
    decide_severity,
    facts_of,
    read_texts,
)
from bankcrm.frames import Column, Days, as_frame, check_frame
from bankcrm.policy import Policy
from bankcrm.vocabulary import Kind, Tier

UNTOLD = "untold"


@attrs.frozen
class RouteRule:
    """One route of a policy: who owns it, whom it involves, and the name of its time parameter."""

    name: str
    owner: str
    involves: str = attrs.field(validator=attrs.validators.in_(("none", "concerned")))
    days: str
    source: str
    actions: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


def route_frame(
    complaints: object,
    *,
    calendar: WorkingCalendar,
    policy: Policy | None = None,
    classifier: Classifier | None = None,
) -> pd.DataFrame:
    """Severity, owner, departments, due date and rule of every complaint.

    Args:
        complaints: A frame with ``received_at`` (aware instants); ``complaint_id``, ``kind``,
            ``product``, ``cause``, ``tier``, ``first_asked``, the signals and what else
            `bankcrm.complaints.severity_facts` reads, where they are known.
        calendar: Whose working days count.
        policy: Whose tables and times decide.
        classifier: Reads the column ``text`` where the signal columns, ``kind`` and ``cause`` are
            silent, such as `bankcrm.complaints.default_lexicon`; None leaves texts unread.

    Returns:
        The frame's index; ``kind``, ``severity`` (null unless it is a complaint),
        ``severity_rule``, ``route``, ``rule``, ``owner``, ``departments`` (joined by ``+``, the
        owner first), ``accountable`` (the first-asked person, if told), ``priority``, ``due``
        (date) and ``provisional``.

    Raises:
        DataError: The frame does not fit its contract.
        CalendarError: A complaint lies outside the calendar.

    Source: CSC-5, EB-8.

    >>> from bankcrm.calendars import working_calendar
    >>> told = pd.DataFrame({
    ...     "received_at": pd.to_datetime(["2024-09-27 10:00"]).tz_localize("Asia/Shanghai"),
    ...     "vulnerable": [True]})
    >>> route_frame(told, calendar=working_calendar("CN"))[["route", "due"]].iloc[0].tolist()
    ['with_departments', Timestamp('2024-10-10 00:00:00')]
    """
    policy = complaints_policy(policy)
    frame = as_frame(complaints)
    checked = check_frame(frame, _COLUMNS, frame="complaints")
    read = read_texts(frame, classifier)
    facts = facts_of(frame, policy, read)
    checked = _with_read(checked, read)
    result = decide_severity(facts, policy)
    kind = filled(checked, "kind", policy.value("untold_kind"))
    assessed = kind == Kind.COMPLAINT.value
    for name in ("severity", "severity_rule"):
        result[name] = result[name].where(assessed)
    told = pd.DataFrame({"kind": kind, "severity": result["severity"]}, copy=False)
    table = policy.table("route")
    codes = table.decide_codes(told, on_missing="raise")
    routes = routes_of(policy)
    chosen = [routes[name] for name in table.vocabulary]
    result.insert(0, "kind", kind)
    result["route"] = categories(codes.outcome, [r.name for r in chosen])
    result["rule"] = categories(codes.rule, [r.id for r in table.rules])
    result["owner"] = categories(codes.outcome, [r.owner for r in chosen])
    result["departments"] = _departments(checked, codes.outcome, chosen, policy)
    result["accountable"] = checked.get("first_asked")
    result["priority"] = _priority(frame, facts, policy)
    days = np.array([int(policy.value(r.days)) for r in chosen])[codes.outcome]
    day = received_day(checked["received_at"], policy)
    due, provisional = calendar.add_marked(day, days)
    result["due"] = due.astype("datetime64[s]")
    result["provisional"] = provisional
    result.attrs.update(policy=policy.id, fingerprint=policy.fingerprint, calendar=calendar.name)
    return result


_COLUMNS = contract(
    "received_at", "kind", "product", "cause", "first_asked", required=("received_at",)
)


def _with_read(frame: pd.DataFrame, read: pd.DataFrame | None) -> pd.DataFrame:
    """Kind and cause from the text where the columns are silent."""
    for name in ("kind", "cause"):
        if read is None or name not in read:
            continue
        words = read[name].astype("category")
        if name in frame:
            told = frame[name].cat
            both = told.categories.union(words.cat.categories, sort=False)
            words = told.set_categories(both).fillna(words.cat.set_categories(both))
        frame = frame.assign(**{name: words})
    return frame


@lru_cache(maxsize=64)
def routes_of(policy: Policy) -> Mapping[str, RouteRule]:
    """The routes of a policy by name."""
    return MappingProxyType({r.name: r for r in policy.records("routes", RouteRule)})


def received_day(received_at: pd.Series, policy: Policy) -> Days:
    """The bank's day on which each complaint was received."""
    zone = policy.value("time_zone")
    return business_day(received_at, zone=zone, cutoff=cutoff_of(policy))


def joined(owner: str, concerned: str) -> str:
    """Departments as one text: the owner first, none of them twice."""
    names = [owner, *([] if concerned == "none" else concerned.split("+"))]
    return "+".join(dict.fromkeys(names))


def _departments(
    frame: pd.DataFrame, route: Codes, chosen: list[RouteRule], policy: Policy
) -> pd.Categorical:
    table = policy.table("departments")
    told = {name: filled(frame, name, UNTOLD) for name in ("cause", "product")}
    concerned = table.decide_codes(pd.DataFrame(told, copy=False)).outcome
    words = [
        joined(r.owner, c if r.involves == "concerned" else "none")
        for r in chosen
        for c in table.vocabulary
    ]
    return categories(route * np.int16(len(table.vocabulary)) + concerned, words)


def _priority(frame: pd.DataFrame, facts: pd.DataFrame, policy: Policy) -> pd.Series:
    tier = check_frame(frame, (_TIER,), frame="complaints") if "tier" in frame else frame
    told = {"vulnerable": facts["vulnerable"], "tier": filled(tier, "tier", UNTOLD)}
    decided = policy.table("priority").decide_frame(pd.DataFrame(told, copy=False))
    return decided["outcome"].cat.as_ordered()


_TIER = Column("tier", "category", required=False, nullable=True, choices=tuple(Tier))
