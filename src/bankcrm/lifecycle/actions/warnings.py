"""Early warnings of dormancy or loss: signals, their weights and how serious they are (PB-7)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_kind
from bankcrm.book.view import Names, Needs, view_of
from bankcrm.errors import DataError
from bankcrm.frames.arrays import as_of_day, numbers
from bankcrm.frames.customers import refuse_repeated
from bankcrm.lifecycle.actions.signals import signal_facts_of
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages import facts as stages
from bankcrm.policy import Policy

NEEDS = {
    **stages.NEEDS,
    "accounts": Needs(
        ("customer_id", "product", "opened_date"), ("account_id", "closed_date")
    ),
    "balances": Needs(("account_id", "customer_id", "date", "balance")),
    "complaints": Needs(
        ("customer_id", "received_at"), ("answered_at", "closed_at", "satisfaction")
    ),
}  # fmt: skip


@attrs.frozen
class Signal:
    """The weight of a warning signal.

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
    facts: pd.DataFrame | None = None,
    value: pd.Series | None = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Customers with signs of dormancy or loss, with reasons, the most at stake first.

    Args:
        customers: As in `stage_facts`.
        transactions: As in `stage_facts`; regular pay is known by its ``kind``.
        as_of: The day.
        policy: Its tables ``stage`` and ``warning`` (which collects) decide what a signal is, its
            records ``signal`` what each weighs, its table ``warning_level`` how serious the sum is.
        contacts: As in `stage_facts`.
        accounts: As in `stage_facts`, and for closed products; ``account_id`` where known.
        balances: For falling balances: ``account_id``, ``customer_id``, ``date``, ``balance``.
        complaints: For complaints open or badly solved: ``customer_id``, ``received_at``,
            ``closed_at``, or where there is no such column ``answered_at``, and ``satisfaction``.
            Without either day no complaint counts as open.
        facts: Facts of your own that the policy's tables read, one row per customer, indexed by
            customer id.
        value: What is at stake with each customer, indexed by customer id, in money; null where it
            is not known. Those rows come after the others.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        One row per customer, those with signals first, by value at stake if it is given, else by
        score: ``warning`` and ``warning_rules`` (ids joined by ``+``; both categorical),
        ``warning_reasons`` (text), ``warning_signals`` (int64, their number), ``warning_score``
        (float64) and ``value_at_stake`` (where ``value`` is given).

    Raises:
        DataError: A frame does not fit, or ``value`` has no row for a customer with a signal.

    Source: PB-3, PB-7.
    """
    policy = lifecycle_policy(policy)
    frames = {
        "customers": customers,
        "transactions": transactions,
        "contacts": contacts,
        "accounts": accounts,
        "balances": balances,
        "complaints": complaints,
    }
    view = view_of(frames, NEEDS, names=names, zone=policy.value("time_zone"))
    day = as_of_day(as_of)
    found = _join(stages.stage_facts_of(view, day, policy), facts)
    found = _join(found, stages.assign_stages(found, policy=policy))
    found = _join(found, signal_facts_of(view, found, day, policy))
    rules = policy.table("warning").decide_frame(found)["rule"].rename("warning_rules")
    found = found.join([rules, weigh_signals(rules, policy)])
    found["warning"] = policy.table("warning_level").decide_frame(found)["outcome"]
    shown = ["warning", "warning_rules", "warning_reasons", "warning_signals", "warning_score"]
    result = found[shown]
    if value is not None:
        result = result.assign(value_at_stake=_at_stake(result, value))
    return policy.stamp(result.iloc[_most_at_stake_first(result)])


def weigh_signals(warning_rules: pd.Series, policy: Policy) -> pd.DataFrame:
    """The number, the score and the reasons of the signals that the rules gave.

    Args:
        warning_rules: Ids of the rules of table ``warning`` that matched, joined by ``+``.
        policy: Its table ``warning`` gives the signal and the reason of each rule, its records
            ``signal`` the weights.

    Returns:
        The same index: ``warning_signals`` (int64; Int64 where some rules are null),
        ``warning_score`` (float64), ``warning_reasons`` (text; empty without a signal). All are
        null where the rules are.

    Raises:
        DataError: A signal has no record.

    Source: PB-7.
    """
    weights = {s.signal: s.weight for s in policy.records("signal", Signal)}
    none = policy.value("no_signal")
    by_id = {r.id: r for r in policy.table("warning").rules}
    rules = warning_rules.astype("category")
    # One label per distinct set of matching rules.
    signals = [
        [rule for i in str(label).split("+") if (rule := by_id[i]).then != none]
        for label in rules.cat.categories
    ]
    if unknown := sorted({str(r.then) for found in signals for r in found} - set(weights)):
        raise DataError(
            f"warning: signals {', '.join(unknown)} have no record 'signal' in the policy; add one "
            "with its weight"
        )
    code = rules.cat.codes.to_numpy()
    unknown_rules = code < 0
    counts = np.array([*map(len, signals), 0], dtype=np.int64)[code]
    # The last place serves the code -1 of rules that are not known.
    score = [*(sum(weights[r.then] for r in found) for found in signals), np.nan]
    reasons = [*("; ".join(r.because or str(r.then) for r in found) for found in signals), None]
    return pd.DataFrame(
        {
            "warning_signals": (
                pd.arrays.IntegerArray(counts, unknown_rules) if unknown_rules.any() else counts
            ),
            "warning_score": np.array(score, dtype=np.float64)[code],
            "warning_reasons": np.array(reasons, dtype=object)[code],
        },
        index=warning_rules.index,
    )


def _join(found: pd.DataFrame, more: pd.DataFrame | None) -> pd.DataFrame:
    """The columns of both, one row per customer of the first."""
    if more is None:
        return found
    as_kind(more, pd.DataFrame, "facts", "give one row per customer, by customer_id")
    refuse_repeated(more.index, "facts")
    if twice := [str(c) for c in more if c in found]:
        raise DataError(
            f"facts: {', '.join(twice)} are computed by the library; give your own other names"
        )
    return found.join(more.reindex(found.index))


def _at_stake(result: pd.DataFrame, value: pd.Series) -> npt.NDArray[np.float64]:
    as_kind(value, pd.Series, "value", "give a Series by customer_id")
    refuse_repeated(value.index, "value")
    absent = ~result.index.isin(value.index) & (result["warning_signals"].to_numpy() > 0)
    if absent.any():
        first = few(result.index[absent].tolist(), repr)
        raise DataError(
            f"value: missing for {int(absent.sum()):,} customers with a signal ({first}); "
            "give a value, 0 where nothing is at stake, null where it is not known"
        )
    return numbers(value.reindex(result.index), "value")


def _most_at_stake_first(result: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Rows with a signal first, then by value at stake, score and order."""
    quiet = result["warning_signals"].to_numpy() == 0
    score = result["warning_score"].to_numpy()
    if "value_at_stake" not in result:
        return np.lexsort((-score, quiet))
    return np.lexsort(
        (-score, -np.nan_to_num(result["value_at_stake"].to_numpy(), nan=-np.inf), quiet)
    )
