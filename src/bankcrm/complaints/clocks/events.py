"""A case as its event log: the allowed events of each status, and reasons for a refusal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import attrs

from bankcrm.errors import DataError, IllegalTransitionError
from bankcrm.policy import Policy
from bankcrm.vocabulary import CaseStatus, EventKind, Kind, Severity, word

K, S = EventKind, CaseStatus
_WORK = {
    *(K.SENT, K.ACKNOWLEDGED, K.ASSESSED, K.ASSIGNED, K.TRANSFERRED, K.POLICY_CHANGED),
    *(K.INFORMED, K.DELAY_EXPLAINED),
}

MOVES: dict[CaseStatus | None, dict[EventKind, CaseStatus]] = {
    None: {K.RECEIVED: S.OPEN},
    S.OPEN: {
        **dict.fromkeys([*_WORK, K.NEW_FACTS, K.EXTENDED], S.OPEN),
        K.PAUSED: S.PAUSED,
        K.RESPONDED: S.ANSWERED,
        K.MERGED: S.MERGED,
        K.WITHDRAWN: S.WITHDRAWN,
    },
    S.PAUSED: {
        **dict.fromkeys([*_WORK, K.EXTENDED], S.PAUSED),
        K.RESUMED: S.OPEN,
        K.MERGED: S.MERGED,
        K.WITHDRAWN: S.WITHDRAWN,
    },
    S.ANSWERED: {
        **dict.fromkeys([K.ACCEPTED, K.ASSIGNED, K.TRANSFERRED, K.POLICY_CHANGED], S.ANSWERED),
        K.CLOSED: S.CLOSED,
        K.REOPENED: S.OPEN,
        K.NEW_FACTS: S.OPEN,
        K.WITHDRAWN: S.WITHDRAWN,
    },
    S.CLOSED: {K.REOPENED: S.OPEN, K.POLICY_CHANGED: S.CLOSED},
    S.MERGED: {},
    S.WITHDRAWN: {},
}
"""Status -> event -> the status after it; any other event is refused."""

_HINTS = {
    (S.PAUSED, K.RESPONDED): "resume the case first, so that the pause has an end",
    (S.PAUSED, K.PAUSED): "it is paused already",
    (S.PAUSED, K.NEW_FACTS): "resume the case first",
    (S.OPEN, K.CLOSED): "answer the customer first",
    (S.OPEN, K.RESUMED): "it is not paused",
    (S.OPEN, K.REOPENED): "it is open already",
}


NEEDED = {
    K.PAUSED: ("reason", "why the clock stops"),
    K.EXTENDED: ("reason", "why the time is not enough"),
    K.TRANSFERRED: ("to", "who has the case now"),
    K.ASSIGNED: ("to", "who has the case now"),
    K.MERGED: ("to", "the case that it is merged into"),
    K.ASSESSED: ("severity", "how severe the case is"),
    K.POLICY_CHANGED: ("policy", "the policy from now on"),
}
"""The field that an event of a kind must have, and its meaning."""


def _kind(value: EventKind | str) -> EventKind:
    return word(EventKind, value)


def _severity(value: Severity | str | None) -> Severity | None:
    return None if value is None else word(Severity, value)


def _message(value: Kind | str | None) -> Kind | None:
    return None if value is None else word(Kind, value)


@attrs.frozen
class CaseEvent:
    """One event of a case.

    Attributes:
        at: When, with a time zone.
        kind: What happened.
        by: Who did it; on ``received`` the employee asked first, who stays accountable.
        to: Who has the case from now on, or the case into which it is merged.
        reason: Why; required for a pause and an extension.
        approver: Who approved an extension.
        notice: Whether the customer was informed of an extension.
        severity: On ``received`` or ``assessed``.
        topic: On ``received``: what the case is about, for clocks that bind only some topics.
        policy: On ``policy_changed``: the policy from now on.
        message: On ``received``: consultation, suggestion or complaint; None counts as the
            policy's ``not_stated_kind`` says.

    >>> import datetime as dt
    >>> noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.timezone.utc)
    >>> CaseEvent(noon, "received", by="Wang").kind.label("zh")
    '收到'
    """

    at: dt.datetime
    kind: EventKind = attrs.field(converter=_kind)
    by: str = ""
    to: str = ""
    reason: str = ""
    approver: str = ""
    notice: bool = False
    severity: Severity | None = attrs.field(default=None, converter=_severity)
    topic: str = ""
    policy: Policy | None = attrs.field(default=None, repr=False)
    message: Kind | None = attrs.field(default=None, converter=_message)

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.at, dt.datetime) or self.at.tzinfo is None:
            raise DataError(f"event {self.kind} at {self.at}: no time zone; give an aware datetime")
        name, meaning = NEEDED.get(self.kind, ("", ""))
        if name and not getattr(self, name):
            raise DataError(f"event {self.kind} at {self.at}: {name} is missing: {meaning}")


def in_place(events: Iterable[CaseEvent], as_of: dt.datetime) -> tuple[CaseEvent, ...]:
    """The events up to ``as_of`` in the order in which they happened.

    An event that is recorded late takes its place by its time; events at one instant keep the
    order in which they were recorded.
    """
    return tuple(sorted((e for e in events if e.at <= as_of), key=lambda e: e.at))


def next_status(status: CaseStatus | None, event: CaseEvent) -> CaseStatus:
    """The status after an event.

    Raises:
        IllegalTransitionError: The event is not allowed in that status.
    """
    allowed = MOVES[status]
    if event.kind in allowed:
        return allowed[event.kind]
    now = "not received yet" if status is None else str(status)
    hint = _HINTS.get((status, event.kind)) if status is not None else None
    legal = ", ".join(str(k) for k in EventKind if k in allowed) or "nothing more"
    why = hint or f"allowed: {legal}"
    raise IllegalTransitionError(
        f"{event.kind} at {event.at.isoformat()}: the case is {now}; {why}"
    )
