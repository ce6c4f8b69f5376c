"""What decided a complaint, in words: its signals and the times of its clocks."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.calendars import local_day
from bankcrm.complaints.clocks.receipt import KINDS, SEVERITIES, binding, in_force
from bankcrm.complaints.clocks.rules import clock_rules
from bankcrm.complaints.facts import defaults_of
from bankcrm.complaints.routes import routes_of
from bankcrm.frames.numbering import places_of
from bankcrm.policy import Policy
from bankcrm.vocabulary import SIGNALS, EventKind, Severity

NO_SIGNAL = "none"


def signals_of(facts: pd.DataFrame, policy: Policy) -> pd.Categorical:
    """The signals of each complaint, and its numbers where they are stated.

    Args:
        facts: As the tables read them.
        policy: Its defaults stand for what is not stated.

    Returns:
        Texts such as ``repeat; amount_at_stake: 5000``; ``none`` without any.
    """
    bits = np.zeros(len(facts), np.int64)
    for place, name in enumerate(SIGNALS):
        bits |= facts[name].to_numpy(np.bool_).astype(np.int64) << place
    code, distinct = pd.factorize(bits)
    words = ["; ".join(n for i, n in enumerate(SIGNALS) if b >> i & 1) for b in distinct.tolist()]
    texts = np.array([*words, ""], dtype=object)[code]
    for name, nothing in defaults_of(policy).numbers.items():
        value = facts[name].to_numpy(np.float64)
        at = np.flatnonzero(value != nothing)
        said = np.array([f"{name}: {v:g}" for v in value[at]], dtype=object)
        texts[at] = np.where(texts[at] == "", said, texts[at] + "; " + said)
    texts[texts == ""] = NO_SIGNAL
    return pd.Categorical(texts)


def limits_of(accepted: pd.DataFrame, routed: pd.DataFrame, policy: Policy) -> pd.Categorical:
    """The time of each clock that sets the day of the answer, as the receipt starts it.

    Args:
        accepted: Complaints with ``received_at``, and ``topic`` where it is known.
        routed: Their kind, severity and route.
        policy: Its clocks bind; where none does, the days of the route apply.

    Returns:
        Texts such as ``answer: 15 working_days``, joined by ``; ``.
    """
    kind = places_of(routed["kind"], KINDS)
    severity = places_of(routed["severity"], SEVERITIES)
    texts = np.full(len(routed), "", dtype=object)
    for rule in clock_rules(policy):
        if not rule.answers or EventKind.RECEIVED not in (*rule.starts, *rule.restarts):
            continue
        bound = binding(rule, kind, accepted.get("topic"), len(routed))
        if rule.dated:
            zone = rule.time_zone or policy.value("time_zone")
            bound &= in_force(rule, local_day(accepted["received_at"], zone))
        amounts = [rule.amount(policy, s) for s in (*Severity, None)]
        words = np.array([f"{rule.name}: {a:g} {rule.unit}" for a in amounts], dtype=object)
        at = np.flatnonzero(bound)
        said = words[severity[at]]
        texts[at] = np.where(texts[at] == "", said, texts[at] + "; " + said)
    free = texts == ""  # no clock binds: the days of the route apply
    days = {n: f"route: {policy.value(r.days)} working_days" for n, r in routes_of(policy).items()}
    texts[free] = routed["route"].astype(object).map(days).to_numpy(object)[free]
    return pd.Categorical(texts)
