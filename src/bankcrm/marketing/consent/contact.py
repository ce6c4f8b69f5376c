"""Whether the bank may contact a customer: every planned contact, decided in order (CSC-7)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_choice
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import Days, as_of_day, days
from bankcrm.frames.customers import by_customer
from bankcrm.frames.instants import local_day
from bankcrm.frames.numbering import categorical, places_of, positions_in
from bankcrm.marketing.consent.statements import CHANNELS, PURPOSES, STATES, Consents
from bankcrm.marketing.people import minors
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import CustomerKind

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
_NEVER = -(10**6)  # the day of a contact that was not made
_PLANNED = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("purpose", "category", choices=PURPOSES),
    Column("channel", "category", nullable=True, choices=CHANNELS),
    Column("priority", "integer", required=False),
    Column("in_control", "boolean", required=False),
)
_CUSTOMERS = (
    Column("kind", "category", choices=CustomerKind),
    Column("birth_date", "date", nullable=True),
    Column("do_not_contact", "boolean", nullable=True),
    Column("deceased", "boolean", nullable=True),
)
_CONTACTS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("purpose", "category", choices=PURPOSES),
)
_COMPLAINTS = (
    Column("customer_id", "id", nullable=True),
    Column("received_at", "instant"),
    Column("closed_at", "instant", required=False, nullable=True),
)


def may_contact(
    planned: object,
    *,
    customers: object,
    consents: object,
    contacts: object,
    complaints: object,
    as_of: object,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Decide for each planned contact whether the bank may make it.

    The table ``contact`` decides. The contacts of a customer are taken by day, then by priority;
    those that are allowed count for cool-off and cap of the later ones, beside those made before.
    What the bank does not record (None) is not known, and not none: the contacts that depend on it
    are undecided.

    Args:
        planned: One row per contact: ``customer_id``, ``date`` (not before ``as_of``),
            ``purpose``, ``channel`` (null: not chosen yet, and only statements on all channels
            hold); optional ``priority`` (the smallest first) and
            ``in_control`` (in the control group of its campaign).
        customers: One row per customer: ``kind``, ``birth_date``, ``do_not_contact`` and
            ``deceased``. What is null there holds the contact.
        consents: As for `consents_as_of`; None: not recorded. The strictest statement on the
            purpose or on all purposes, and on the channel or on all channels, holds.
        contacts: Contacts made: ``customer_id``, ``date``, ``purpose``; None: not recorded.
        complaints: ``customer_id``, ``received_at``, ``closed_at`` (optional); None: not recorded.
            One that is not closed by ``as_of`` is open. One without a customer concerns nobody.
        as_of: The day of the plan; what happened later is not known and left out.
        policy: Marketing policy; the library's default if None.

    Returns:
        One row per planned contact, in the order and with the index given: ``customer_id``,
        ``date``, ``outcome`` (``allow``, ``hold``, ``never``; null where a fact is missing that no
        rule expects), ``allowed`` (bool), ``rule``, ``reason`` and ``next_day``: the day from
        which a contact that cool-off or cap hold is allowed, if none is made before; null for
        others.

    Raises:
        DataError: A frame does not fit, a planned contact lies before ``as_of``, or its customer
            is unknown.

    Source: CSC-7, PIPL art. 24.

    >>> people = pd.DataFrame({"kind": ["person"], "birth_date": pd.to_datetime(["1990-01-01"]),
    ...     "do_not_contact": [False], "deceased": [False]}, index=[7])
    >>> said = pd.DataFrame({"customer_id": [7], "purpose": ["campaign"], "channel": [None],
    ...     "state": ["granted"], "since": pd.to_datetime(["2026-01-05"])})
    >>> plan = pd.DataFrame({"customer_id": [7, 7], "purpose": "campaign", "channel": "phone",
    ...     "date": pd.to_datetime(["2026-07-01", "2026-07-03"])})
    >>> made = pd.DataFrame({"customer_id": [], "date": pd.to_datetime([]), "purpose": []})
    >>> open_ = pd.DataFrame({"customer_id": [], "received_at": pd.to_datetime([], utc=True)})
    >>> found = may_contact(plan, customers=people, consents=said, contacts=made,
    ...                     complaints=open_, as_of="2026-06-30")
    >>> found["rule"].tolist(), str(found["next_day"].iloc[1].date())
    (['not-contacted-lately', 'cool-off'], '2026-07-08')
    """
    policy = policy_of(policy, "marketing")
    today = as_of_day(as_of)
    plan = check_frame(planned, _PLANNED, frame="planned")
    people = by_customer(customers, _CUSTOMERS, "customers")
    day = days(plan["date"])
    _refuse_early(plan, day, today)
    place = _places(plan, people.index)
    asked, customer = np.unique(place, return_inverse=True)
    people = people.iloc[asked]
    purpose = places_of(plan["purpose"], PURPOSES)
    channel = places_of(plan["channel"], CHANNELS)
    state = np.full(len(plan), -1, np.int8)
    if consents is not None:
        said = Consents.of(consents, people.index, today)
        state = said.strictest(customer.astype(np.int64), purpose, channel, day)
    own = _own_facts(people, complaints, today, policy).take(customer)
    facts = own.assign(
        purpose=categorical(purpose.astype(np.int8), PURPOSES),
        consent=categorical(state, STATES),
        in_control=plan["in_control"].array if "in_control" in plan else False,
    ).reset_index(drop=True)
    priority = plan["priority"].to_numpy(np.int64) if "priority" in plan else np.zeros(len(plan))
    number = (day - today).astype(np.int64)
    order = np.lexsort((purpose * len(CHANNELS) + channel, priority, number, customer))
    if contacts is None:
        rule, missing, next_day = _at_once(facts, policy)
    else:
        planned = int(np.bincount(customer).max(initial=0))
        recent = _recent(contacts, people.index, today, planned, policy)
        rule, missing, next_day = _in_turn(facts, customer, number, order, recent, policy)
    return policy.stamp(_result(plan, today, rule, missing, next_day, policy))


def _refuse_early(plan: pd.DataFrame, day: Days, today: np.datetime64) -> None:
    early = np.flatnonzero(day < today)
    if len(early):
        first = few(plan.index[early])
        raise DataError(
            f"planned.date: {len(early):,} contacts lie before {today} (rows {first}); give those "
            "made as contacts"
        )


def _places(plan: pd.DataFrame, known: pd.Index) -> Ints:
    place = positions_in(plan["customer_id"], known).astype(np.int64)
    strange = plan["customer_id"][place < 0]
    if len(strange):
        first = few(strange.drop_duplicates().tolist(), repr)
        raise DataError(
            f"planned.customer_id: {len(strange):,} rows of unknown customers ({first})"
        )
    return place


def _own_facts(
    people: pd.DataFrame, complaints: object, today: np.datetime64, policy: Policy
) -> pd.DataFrame:
    """The facts of each customer, whatever is planned."""
    return pd.DataFrame(
        {
            "deceased": people["deceased"].array,
            "do_not_contact": people["do_not_contact"].array,
            "minor": minors(people, today, policy),
            "open_complaint": _complaining(complaints, people.index, today, policy),
        },
        index=people.index,
    )


def _complaining(
    complaints: object, customers: pd.Index, today: np.datetime64, policy: Policy
) -> Mask | pd.arrays.BooleanArray:
    """Who has an open complaint; null for all where complaints are not recorded."""
    if complaints is None:
        return pd.array([pd.NA] * len(customers), "boolean")
    frame = check_frame(complaints, _COMPLAINTS, frame="complaints")
    zone = str(policy.value("time_zone"))
    still = local_day(frame["received_at"], zone) <= today
    if "closed_at" in frame:
        closed = local_day(frame["closed_at"], zone)
        still &= np.isnat(closed) | (closed > today)
    found = np.zeros(len(customers) + 1, np.bool_)  # the last is that of other customers
    still &= frame["customer_id"].notna().to_numpy()
    found[positions_in(frame["customer_id"][still], customers)] = True
    return found[:-1]


def _recent(
    contacts: object, customers: pd.Index, today: np.datetime64, planned: int, policy: Policy
) -> npt.NDArray[np.int32]:
    """The days of the last contacts that count: customers by cap, the newest first.

    A cap that no customer can reach, with so many planned contacts of one, takes no room.
    """
    frame = check_frame(contacts, _CONTACTS, frame="contacts")
    look_back = max(int(policy.value("cap_window_days")), int(policy.value("cool_off_days")))
    day = days(frame["date"])
    counted = [
        PURPOSES.index(as_choice(p, PURPOSES, "counted_purposes"))
        for p in policy.value("counted_purposes")
    ]
    near = (day <= today) & (day > today - np.timedelta64(look_back, "D"))
    near &= np.isin(places_of(frame["purpose"], PURPOSES), counted)
    at = positions_in(frame["customer_id"][near], customers).astype(np.int64)
    ago = (today - day[near]).astype(np.int64)[at >= 0]
    key = np.sort(at[at >= 0] * look_back + ago)  # by customer, the newest first
    owner = key // look_back
    first = np.searchsorted(owner, np.arange(len(customers)))
    rank = np.arange(len(key)) - first[owner]
    cap = min(math.ceil(policy.value("contact_cap")), int(rank.max(initial=-1)) + 1 + planned + 1)
    kept = rank < cap
    recent = np.full((len(customers), cap), _NEVER, np.int32)
    recent[owner[kept], rank[kept]] = -(key[kept] % look_back)
    return recent


def _in_turn(
    facts: pd.DataFrame,
    customer: Ints,
    number: Ints,
    order: Ints,
    recent: npt.NDArray[np.int32],
    policy: Policy,
) -> tuple[Ints, Ints, Ints]:
    """Rule, missing fact and next day of each contact: the first of every customer, the second ...

    Days are numbered from ``as_of``; ``recent`` is brought up to date on the way.
    """
    table = policy.table("contact")
    window, cool_off = int(policy.value("cap_window_days")), int(policy.value("cool_off_days"))
    counted = facts["purpose"].isin(list(policy.value("counted_purposes"))).to_numpy(np.bool_)
    allows = np.array([r.then == "allow" for r in table.rules] + [False])
    waits = np.array(
        [r.then == "hold" and not r.when.keys().isdisjoint(_WAITING) for r in table.rules] + [False]
    )
    rule, missing = np.full((2, len(order)), -1)
    next_day = np.full(len(order), _NEVER)
    owner = customer[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    turn = np.arange(len(owner)) - np.repeat(starts, np.diff(np.append(starts, len(owner))))
    by_turn = order[np.argsort(turn, kind="stable")]
    for rows in np.split(by_turn, np.cumsum(np.bincount(turn))[:-1]):
        who, day = customer[rows], number[rows]
        made = recent[who]
        last = made[:, 0]
        seen = facts.take(rows).assign(
            days_since_last=pd.arrays.IntegerArray(day - last, last <= _NEVER),
            contacts_in_window=(made > (day - window)[:, None]).sum(axis=1),
        )
        codes = table.decide_codes(seen, on_missing="undecided")
        rule[rows], missing[rows] = codes.rule, codes.missing
        waiting = waits[codes.rule]
        free = np.maximum(last + cool_off, made[:, -1] + window)
        next_day[rows[waiting]] = np.maximum(free, day + 1)[waiting]
        add = allows[codes.rule] & counted[rows]
        recent[who[add], 1:] = made[add, :-1]
        recent[who[add], 0] = day[add]
    return rule, missing, next_day


def _at_once(facts: pd.DataFrame, policy: Policy) -> tuple[Ints, Ints, Ints]:
    """Rule, missing fact and next day of each contact where the contacts made are not known."""
    unknown = pd.array([pd.NA] * len(facts), "Int64")
    seen = facts.assign(days_since_last=unknown, contacts_in_window=unknown)
    codes = policy.table("contact").decide_codes(seen, on_missing="undecided")
    return (
        codes.rule.astype(np.int64),
        codes.missing.astype(np.int64),
        np.full(len(facts), _NEVER),
    )


_WAITING = {"days_since_last", "contacts_in_window"}
"""Facts that time alone changes."""


def _result(
    plan: pd.DataFrame,
    today: np.datetime64,
    rule: Ints,
    missing: Ints,
    next_day: Ints,
    policy: Policy,
) -> pd.DataFrame:
    table = policy.table("contact")
    facts = list(table.compiled.facts)
    outcomes = list(table.vocabulary)
    outcome = np.array([*(outcomes.index(r.then) for r in table.rules), -1])[rule]
    reasons = [*(r.because or r.id for r in table.rules), *(f"{f} is not known" for f in facts)]
    reason = np.where(rule >= 0, rule, len(table.rules) + missing)
    when = today + np.maximum(next_day, 0).astype("timedelta64[D]")
    when[next_day <= _NEVER] = np.datetime64("NaT", "D")
    return pd.DataFrame(
        {
            "customer_id": plan["customer_id"].array,
            "date": plan["date"].array,
            "outcome": categorical(outcome, outcomes),
            "allowed": outcome == outcomes.index("allow"),
            "rule": categorical(rule, [r.id for r in table.rules]),
            "reason": categorical(reason, reasons),
            "next_day": when.astype("datetime64[s]"),
        },
        index=plan.index,
    )
