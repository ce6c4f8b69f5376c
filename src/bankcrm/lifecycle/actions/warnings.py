"""Early warnings: signs that a customer falls dormant or leaves, with reasons (PB-3, PB-7)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.book.balances import average_balances
from bankcrm.book.view import NEVER, BookView, Mask, Names, Needs, day_number
from bankcrm.errors import DataError
from bankcrm.frames import as_frame, as_of_day, numbers
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages.assign import assign_stages
from bankcrm.lifecycle.stages.facts import lifecycle_view, stage_facts_of
from bankcrm.lifecycle.stages.timeline import NEEDS
from bankcrm.policy import Policy

WARNING_NEEDS = {
    **NEEDS,
    "balances": Needs(("account_id", "customer_id", "date", "balance")),
    "complaints": Needs(("received_at",), ("customer_id", "closed_at", "satisfaction")),
}


@attrs.frozen
class Signal:
    """What a warning signal weighs.

    Attributes:
        signal: Outcome of a rule of the table ``warning``.
        weight: Its part in the score.
    """

    signal: str
    weight: float


def early_warnings(
    customers: object,
    transactions: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    contacts: object = None,
    accounts: object = None,
    balances: object = None,
    complaints: object = None,
    value: pd.Series | None = None,
    facts: pd.DataFrame | None = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Who shows signs of dormancy or loss, with reasons, the most at stake first.

    Args:
        customers: As in `stage_facts`.
        transactions: As in `stage_facts`; ``kind`` identifies salaries.
        as_of: The day.
        policy: Its table ``warning`` (which collects) defines the signals, its records ``signal``
            their weights, its table ``warning_level`` how serious the sum is.
        contacts: As in `stage_facts`.
        accounts: As in `stage_facts`; for closed products too.
        balances: For falling balances: ``account_id``, ``customer_id``, ``date``, ``balance``.
        complaints: For complaints open or badly solved: ``customer_id``, ``received_at``,
            ``closed_at``, ``satisfaction``.
        value: What is at stake with each customer, by customer id, in money.
        facts: More facts that rules of the tables read, one row per customer id.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        One row per customer, those with signals first: ``warning`` (categorical),
        ``warning_rules`` (ids joined by ``+``; categorical), ``warning_reasons`` (text),
        ``warning_signals`` (number), ``warning_score``, and ``value_at_stake`` where ``value`` is
        given; by value at stake if given, then by score.

    Raises:
        DataError: A frame does not fit, or ``value`` lacks a customer with a signal.

    Source: PB-3, PB-7.
    """
    policy, day = lifecycle_policy(policy), as_of_day(as_of)
    frames = {
        "customers": customers,
        "transactions": transactions,
        "contacts": contacts,
        "accounts": accounts,
        "balances": balances,
        "complaints": complaints,
    }
    view = lifecycle_view(frames, policy, names, WARNING_NEEDS)
    found = stage_facts_of(view, as_of=day, policy=policy)
    if facts is not None:
        found = found.join(as_frame(facts))
    found["stage"] = assign_stages(found, policy=policy)["stage"]
    found = found.join(signal_facts_of(view, found, as_of=day, policy=policy))
    return assign_warnings(found, policy=policy, value=value)


def assign_warnings(
    facts: pd.DataFrame, *, policy: Policy | None = None, value: pd.Series | None = None
) -> pd.DataFrame:
    """Decide the warnings from facts, the most at stake first; see `early_warnings`."""
    policy = lifecycle_policy(policy)
    rules = policy.table("warning").decide_frame(facts)["rule"]
    weighed = weigh_signals(rules, policy)
    level = policy.table("warning_level").decide_frame(facts.join(weighed))["outcome"]
    result = pd.DataFrame({"warning": level, "warning_rules": rules}).join(weighed)
    if value is not None:
        result["value_at_stake"] = _at_stake(result, value)
    order = ["value_at_stake"] if value is not None else []
    shown = result.assign(_some=result["warning_signals"] > 0).sort_values(
        ["_some", *order, "warning_score"], ascending=False, kind="stable"
    )
    return policy.stamp(shown.drop(columns="_some"))


def signal_facts_of(
    view: BookView, facts: pd.DataFrame, *, as_of: np.datetime64, policy: Policy
) -> pd.DataFrame:
    """What early warnings read beyond the stage and its facts, for every customer of a view.

    Args:
        view: A view of checked frames.
        facts: The stage facts of its customers.
        as_of: The day, ``datetime64[D]``.
        policy: Lifecycle policy.

    Returns:
        ``has_rhythm`` (enough own active days to know a usual gap), ``overdue_ratio`` (days idle
        over that gap, null without a rhythm); ``balance_known``, ``balance_ratio`` (average
        balance of the recent window over that of the earlier one, null where not known);
        ``product_closed``; ``complaint_open``; ``complaint_badly_solved``; ``salary_gone``.

    Source: PB-3.
    """
    day = day_number(as_of)
    rhythm = (facts["active_days"] >= policy.value("rhythm_days")) & facts["has_contract"]
    idle = facts["days_idle"].to_numpy(dtype=np.float64, na_value=np.nan)
    gap = facts["usual_gap_days"].to_numpy()
    ratio = _balance_ratio(view, day, policy)
    still_open, badly_solved = _complaints(view, day, policy)
    return pd.DataFrame(
        {
            "has_rhythm": rhythm,
            "overdue_ratio": np.where(rhythm, idle / gap, np.nan),
            "balance_known": ~np.isnan(ratio),
            "balance_ratio": ratio,
            "product_closed": _closed_lately(view, day, policy),
            "complaint_open": still_open,
            "complaint_badly_solved": badly_solved,
            "salary_gone": _salary_gone(view, day, policy),
        },
        index=view.customers,
    )


def weigh_signals(warning_rules: pd.Series, policy: Policy) -> pd.DataFrame:
    """Number, weight and reasons of the signals that the table ``warning`` collected.

    Args:
        warning_rules: Ids of the rules that applied, joined by ``+``.
        policy: Its table ``warning`` gives each rule's signal and reason, its records ``signal``
            the weights.

    Returns:
        ``warning_score`` (float64), ``warning_signals`` (int64), ``warning_reasons`` (text).

    Raises:
        DataError: A signal has no weight in the policy.
    """
    weights = {s.signal: s.weight for s in policy.records("signal", Signal)}
    quiet = policy.value("no_signal")
    of_rule = {r.id: r for r in policy.table("warning").rules}
    rules = warning_rules.astype("category")
    fired = [
        [of_rule[i] for i in str(label).split("+") if of_rule[i].then != quiet]
        for label in rules.cat.categories
    ]
    unknown = sorted({str(r.then) for some in fired for r in some} - set(weights))
    if unknown:
        raise DataError(
            f"warning: signals {', '.join(unknown)} have no record 'signal' in the policy; "
            "add one with its weight"
        )
    label = rules.cat.codes.to_numpy()
    scores = [sum(weights[r.then] for r in some) for some in fired]
    reasons = ["; ".join(r.because or str(r.then) for r in some) for some in fired]
    return pd.DataFrame(
        {
            "warning_score": np.array(scores, np.float64)[label],
            "warning_signals": np.array([len(f) for f in fired], np.int64)[label],
            "warning_reasons": np.array(reasons, dtype=object)[label],
        },
        index=warning_rules.index,
    )


def _at_stake(warned: pd.DataFrame, value: pd.Series) -> npt.NDArray[np.float64]:
    place = value.index.get_indexer(warned.index)
    at_stake = np.append(numbers(value, "value"), np.nan)[place]
    absent = np.isnan(at_stake) & (warned["warning_signals"].to_numpy() > 0)
    if absent.any():
        first = ", ".join(map(repr, warned.index[absent][:5].tolist()))
        raise DataError(
            f"value: missing for {int(absent.sum()):,} customers with a signal ({first}); "
            "give a value, 0 where nothing is at stake"
        )
    return at_stake


def _balance_ratio(view: BookView, day: int, policy: Policy) -> npt.NDArray[np.float64]:
    """Average balance of the recent window over that of the earlier one, summed over accounts."""
    balances = view.get("balances", "account_id", "customer_id", "date", "balance")
    if balances is None:
        return np.full(view.size, np.nan)
    account, when, amount = balances.account(), balances.day("date"), balances.numbers("balance")
    size = len(view.accounts())
    owner = np.zeros(size, dtype=np.intp)
    owner[account] = balances.customer()
    recent, earlier = int(policy.value("recent_days")), int(policy.value("earlier_days"))
    known = when <= day
    account, when, amount = account[known], when[known], amount[known]
    averages = []
    for end, length in ((day, recent), (day - recent, earlier)):
        found = average_balances(account, when, amount, size, start=end - length + 1, end=end)
        held = found.days > 0
        own = (found.credit[held] - found.debit[held]) * length / found.days[held]
        total = np.bincount(owner[held], weights=own, minlength=view.size)
        seen = np.bincount(owner[held], minlength=view.size) > 0
        averages.append(np.where(seen, total, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(averages[1] > 0, averages[0] / averages[1], np.nan)


def _closed_lately(view: BookView, day: int, policy: Policy) -> Mask:
    lately = np.zeros(view.size, dtype=np.bool_)
    accounts = view.get("accounts", "closed_date")
    if accounts is not None:
        closed = accounts.day("closed_date")
        mine = (closed <= day) & (closed > day - int(policy.value("recent_days")))
        lately[accounts.customer()[mine]] = True
    return lately


def _complaints(view: BookView, day: int, policy: Policy) -> tuple[Mask, Mask]:
    """Who has a complaint open, and who had one closed to little satisfaction."""
    still, badly = np.zeros(view.size, dtype=np.bool_), np.zeros(view.size, dtype=np.bool_)
    complaints = view.get("complaints", "customer_id", "received_at")
    if complaints is None:
        return still, badly
    customer, closed = complaints.customer(), complaints.day("closed_at")
    known = (customer >= 0) & (complaints.day("received_at") <= day)
    shut = closed <= day
    still[customer[known & ~shut]] = True
    low = complaints.numbers("satisfaction") < policy.value("bad_satisfaction")
    fresh = closed > day - int(policy.value("complaint_memory_days"))
    badly[customer[known & shut & low & fresh]] = True
    return still, badly


def _salary_gone(view: BookView, day: int, policy: Policy) -> Mask:
    """Who used to be paid a salary here and no longer is."""
    moves = view.get("transactions", "kind")
    if moves is None:
        return np.zeros(view.size, dtype=np.bool_)
    when = moves.day("date")
    paid = moves.is_any("kind", policy.value("salary_kinds")) & (when <= day)
    customer, when = moves.customer()[paid], when[paid].astype(np.int64)
    last = np.full(view.size, -int(NEVER), dtype=np.int64)
    np.maximum.at(last, customer, when)
    memory = when > day - policy.value("salary_memory_days")
    times = np.bincount(customer[memory], minlength=view.size)
    usual: Mask = times >= policy.value("salary_times")
    long_ago: Mask = day - last > policy.value("salary_gone_after_days")
    return usual & long_ago
