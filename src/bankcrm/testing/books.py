"""Hypothesis strategies of whole books, stage histories and the event logs of complaints."""

from __future__ import annotations

import datetime as dt
from typing import Any

import attrs
import pandas as pd
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.contract import KEYS, MODELS
from bankcrm.complaints.clocks.events import MOVES, CaseEvent
from bankcrm.lifecycle import StageModel
from bankcrm.lifecycle.model import given_model
from bankcrm.models import frame_of
from bankcrm.testing.strategies import records
from bankcrm.vocabulary import CaseStatus, EventKind, Severity

_AS_OF = dt.date(2026, 6, 30)
_MILDEST_FIRST = list(Severity)
_OF_POLICY = (EventKind.POLICY_CHANGED, EventKind.EXTENDED)  # the policy says when these may be
_OWNED = (
    *("transactions", "accounts", "balances", "loans"),
    *("contacts", "complaints", "credits", "consents"),
)


@st.composite
def books(draw: st.DrawFn, *, as_of: dt.date = _AS_OF, max_customers: int = 4) -> Book:
    """Books whose frames fit together: unique keys, and no row of an unknown customer.

    `Book.check` finds nothing wrong with them.

    Args:
        draw: Given by Hypothesis.
        as_of: No date lies after this day, which the book records.
        max_customers: The greatest number of customers; at least one is drawn.
    """
    ids = draw(st.lists(st.integers(1, 99), min_size=1, max_size=max_customers, unique=True))
    customers = []
    for i, customer_id in enumerate(ids):
        drawn = draw(records(MODELS["customers"], as_of=as_of))
        known = getattr(drawn, "referred_by", None) in ids[:i]  # a customer of the book
        changes = {} if known else {"referred_by": None}
        customers.append(_with(drawn, customer_id=customer_id, **changes))
    frames: dict[str, Any] = {"customers": frame_of(customers, MODELS["customers"])}
    accounts = draw(_rows("accounts", ids, as_of))
    for name in _OWNED:
        rows = accounts if name == "accounts" else draw(_rows(name, ids, as_of))
        if any(hasattr(r, "account_id") for r in rows) and name != "accounts":
            rows = [r for r in (_on_account(r, accounts) for r in rows) if r is not None]
        if rows or name == "transactions":
            frames[name] = frame_of(rows, MODELS[name])
    capital = draw(records(MODELS["capital"], as_of=as_of))
    frames["capital"] = frame_of([capital], MODELS["capital"])
    if len(ids) > 1:
        frames["links"] = frame_of(draw(_links(ids, as_of)), MODELS["links"])
    return Book(**frames, as_of=as_of, name="drawn")


def _with(record: Any, **changes: Any) -> Any:
    return attrs.evolve(record, **changes)


@st.composite
def _rows(draw: st.DrawFn, name: str, ids: list[int], as_of: dt.date) -> list[Any]:
    found = draw(st.lists(records(MODELS[name], as_of=as_of), max_size=4))
    made = []
    for number, record in enumerate(found, start=1):
        changes: dict[str, Any] = {"customer_id": draw(st.sampled_from(ids))}
        if name in KEYS:
            changes[KEYS[name]] = number
        made.append(_with(record, **changes))
    return made


def _on_account(record: Any, accounts: list[Any]) -> Any:
    """The record on one of its customer's accounts; None where it needs one and there is none."""
    own = [a.account_id for a in accounts if a.customer_id == record.customer_id]
    if own:
        return _with(record, account_id=own[0])
    optional = next(a for a in attrs.fields(type(record)) if a.name == "account_id")
    return None if optional.default is attrs.NOTHING else _with(record, account_id=None)


@st.composite
def _links(draw: st.DrawFn, ids: list[int], as_of: dt.date) -> list[Any]:
    link = draw(records(MODELS["links"], as_of=as_of))
    parent, child = draw(st.permutations(ids))[:2]
    return [_with(link, parent_id=parent, child_id=child)]


@st.composite
def stage_logs(
    draw: st.DrawFn, *, model: StageModel | None = None, max_customers: int = 3, max_moves: int = 6
) -> pd.DataFrame:
    """Logs of legal moves, as `bankcrm.lifecycle.stage_log` gives them.

    Args:
        draw: Given by Hypothesis.
        model: The stage model; the bank's six stages by default.
        max_customers: The greatest number of customers.
        max_moves: The greatest number of moves of one customer.
    """
    model = given_model(model)
    rows: list[dict[str, Any]] = []
    for customer in range(1, 1 + draw(st.integers(1, max_customers))):
        stage = model.initial
        day = draw(st.dates(dt.date(2020, 1, 1), dt.date(2022, 1, 1)))
        rows.append(_entry(len(rows), customer, day, None, None, stage, ""))
        for _ in range(draw(st.integers(0, max_moves))):
            events = model.legal_events(stage)
            if not events:
                break
            move = model.move(stage, draw(st.sampled_from(events)))
            if move is None:  # pragma: no cover - legal events have a move
                break
            day += dt.timedelta(days=draw(st.integers(1, 200)))
            rows.append(_entry(len(rows), customer, day, move.event, stage, move.after, move.rule))
            stage = move.after
    log = pd.DataFrame(rows)
    for name in ("date", "recorded"):
        log[name] = pd.to_datetime(log[name])
    log["event"] = pd.Categorical(log["event"], categories=model.event_names)
    for name in ("before", "after"):
        log[name] = pd.Categorical(log[name], categories=model.stage_names)
    return log


def _entry(
    number: int,
    customer: int,
    day: dt.date,
    event: str | None,
    before: str | None,
    after: str,
    rule: str,
) -> dict[str, Any]:
    return {
        "entry": number,
        "customer_id": customer,
        "date": day,
        "event": event,
        "before": before,
        "after": after,
        "rule": rule,
        "cause": None,
        "recorded": day,
    }


@st.composite
def case_events(draw: st.DrawFn, *, max_events: int = 6) -> tuple[CaseEvent, ...]:
    """Event logs of a complaint in which every event is allowed when it happens.

    Args:
        draw: Given by Hypothesis.
        max_events: The greatest number of events.
    """
    at = draw(
        st.datetimes(dt.datetime(2024, 1, 2), dt.datetime(2025, 6, 1), timezones=st.just(dt.UTC))
    )
    severity = draw(st.sampled_from(_MILDEST_FIRST))
    events = [CaseEvent(at, EventKind.RECEIVED, by="first", severity=severity)]
    status = CaseStatus.OPEN
    for _ in range(draw(st.integers(0, max_events - 1))):
        allowed = [k for k in MOVES[status] if k not in _OF_POLICY]
        if not allowed:
            break
        kind = draw(st.sampled_from(allowed))
        at += dt.timedelta(hours=draw(st.integers(1, 200)))
        # a severity is only ever raised
        severity = draw(st.sampled_from(_MILDEST_FIRST[_MILDEST_FIRST.index(severity) :]))
        events.append(
            CaseEvent(
                at,
                kind,
                by="somebody",
                to="another",
                reason="a reason",
                approver="a head",
                notice=True,
                severity=severity,
            )
        )
        status = MOVES[status][kind]
    return tuple(events)
