"""Decision records: one JSON line each, which can be decided again and compared later."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import attrs

from bankcrm.arguments import as_kind
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.policy import Policy, PolicySet
from bankcrm.policy.given import policy_of
from bankcrm.rules import Decision
from bankcrm.rules.fingerprint import digest
from bankcrm.wire.values import open_value, opened_value

FORMAT = 1
_KEYS = (
    *("format", "table", "version", "table_fingerprint", "policy", "policy_version"),
    *("policy_fingerprint", "plugins", "inputs", "outcome", "rule", "owner", "missing"),
    *("subject", "at", "digest"),
)


@attrs.frozen
class Replay:
    """The result of deciding a recorded case again.

    Attributes:
        same_policy: Whether the policy is the one that decided then.
        same_outcome: Whether the outcome is the recorded one.
        recorded: The recorded outcome.
        decision: The new decision.
        note: What differs, in words; empty if nothing does.
    """

    same_policy: bool
    same_outcome: bool
    recorded: Any
    decision: Decision
    note: str


def decision_record(
    decision: Decision,
    facts: Mapping[str, object],
    policy: Policy,
    *,
    plugins: tuple[str, ...] = (),
    subject: str = "",
    at: dt.datetime | None = None,
) -> str:
    """A decision as one line of JSON for an append-only log.

    The keys and their order are stable; ``digest`` (SHA-256 over the rest) reveals a line that was
    changed afterwards. Only the facts that the table reads are recorded.

    Args:
        decision: The decision.
        facts: The facts of the case.
        policy: The policy whose table decided.
        plugins: Plug-ins in force, as ``name version``.
        subject: Whom it concerns, such as a customer's id.
        at: The instant of the decision, with its time zone.

    >>> from bankcrm.policy import default_policy
    >>> policy = default_policy("complaints")
    >>> facts = {"kind": "suggestion", "severity": None}
    >>> line = decision_record(policy.table("route").decide(facts), facts, policy)
    >>> replay_record(line, policy).same_outcome
    True
    """
    as_kind(decision, Decision, "decision")
    table = policy_of(policy, "bank").table(decision.table)
    if table.fingerprint != decision.fingerprint:
        raise DataError(
            f"decision: made by another version of table {decision.table!r} than policy "
            f"{policy.id!r} holds; record it with the policy that decided"
        )
    if at is not None and at.tzinfo is None:
        raise DataError("at: expected an instant with its time zone")
    record: dict[str, Any] = {
        "format": FORMAT,
        "table": decision.table,
        "version": decision.version,
        "table_fingerprint": decision.fingerprint,
        "policy": policy.id,
        "policy_version": policy.version,
        "policy_fingerprint": policy.fingerprint,
        "plugins": list(plugins),
        "inputs": {name: open_value(facts.get(name)) for name in table.compiled.facts},
        "outcome": open_value(decision.outcome),
        "rule": decision.rule,
        "owner": decision.owner,
        "missing": decision.missing,
        "subject": subject,
        "at": None if at is None else at.isoformat(),
    }
    return json.dumps({**record, "digest": digest(record)}, ensure_ascii=False)


def replay_record(line: str | bytes, policies: Policy | PolicySet) -> Replay:
    """Decide a recorded case again.

    Args:
        line: What `decision_record` gave.
        policies: The policy of then, for the same outcome; or another one, to see what it says.

    Raises:
        DataError: The line is not a record, or was changed since.
        UnknownNameError: The policies have no such table.
    """
    record = _read(line)
    policy = _holder(policies, record)
    table = policy.table(record["table"])
    inputs = {name: opened_value(value) for name, value in record["inputs"].items()}
    decision = table.decide(inputs, on_missing="undecided")
    same_policy = policy.fingerprint == record["policy_fingerprint"]
    recorded = opened_value(record["outcome"])
    same = decision.outcome == recorded and decision.missing == record["missing"]
    notes = []
    if not same_policy:
        then = (
            f"{record['policy']} {record['policy_version']} ({record['policy_fingerprint'][:12]})"
        )
        now = f"{policy.id} {policy.version} ({policy.fingerprint[:12]})"
        where = (
            "" if table.fingerprint == record["table_fingerprint"] else ", the table differs too"
        )
        notes.append(f"decided then by {then}, now by {now}{where}")
    if not same:
        notes.append(
            f"then {recorded} by {record['rule']}, now {decision.outcome} by {decision.rule}"
        )
    return Replay(same_policy, same, recorded, decision, "; ".join(notes))


def _read(line: str | bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"record: not JSON: {error}") from None
    if not isinstance(record, dict) or tuple(record) != _KEYS or record["format"] != FORMAT:
        raise DataError(f"record: expected an object of format {FORMAT} with {', '.join(_KEYS)}")
    recorded = record["digest"]
    if digest({k: v for k, v in record.items() if k != "digest"}) != recorded:
        raise DataError("record: its digest does not fit; the line was changed after it was made")
    return record


def _holder(policies: Policy | PolicySet, record: Mapping[str, Any]) -> Policy:
    """The policy of that name, else the one that has such a table."""
    if isinstance(policies, Policy):
        return policies
    found = [p for p in policies if record["table"] in p.tables]
    named = [p for p in found if p.id == record["policy"]]
    if not found:
        raise UnknownNameError("table", record["table"], [t for p in policies for t in p.tables])
    return [*named, *found][0]
