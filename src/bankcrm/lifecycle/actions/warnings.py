"""Signals of coming dormancy or loss, against the customer's own rhythm (PB-3, PB-7)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, as_of_day, check_frame, codes, numbers
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.lifecycle.stages.assign import assign_stages
from bankcrm.lifecycle.stages.facts import stage_facts
from bankcrm.lifecycle.stages.timeline import ACCOUNT_COLUMNS, Names, positions
from bankcrm.policy import Policy

Mask = npt.NDArray[np.bool_]

BALANCE_COLUMNS = (
    Column("account_id", "id"),
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("balance", "money", unit="CNY"),
)
COMPLAINT_COLUMNS = (
    Column("customer_id", "id", nullable=True),
    Column("received_at", "instant"),
    Column("closed_at", "instant", required=False, nullable=True),
    Column("satisfaction", "number", required=False, nullable=True),
)
SALARY_COLUMNS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("kind", "text", nullable=True),
)


@attrs.frozen
class Signal:
    """What a warning signal weighs.

    Args:
        signal: Outcome of a rule of the table ``warning``.
        weight: Its part in the score.
        because: The reason in words.
    """

    signal: str
    weight: float
    because: str


def early_warnings(
    customers: object,
    transactions: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    accounts: object = None,
    balances: object = None,
    complaints: object = None,
    value: pd.Series | None = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Who shows signs of falling asleep or leaving, with reasons, the most at stake first.

    Args:
        customers: As in `stage_facts`.
        transactions: As in `stage_facts`; salaries are told by ``kind``.
        as_of: The day.
        policy: Its table ``warning`` (which collects) says what a signal is, its records
            ``signal`` what each weighs, its table ``warning_level`` how serious the sum is.
        accounts: For closed products: as in `stage_facts`.
        balances: For falling balances: ``account_id``, ``customer_id``, ``date``, ``balance``.
        complaints: For complaints open or badly solved: ``customer_id``, ``received_at``,
            ``closed_at``, ``satisfaction``.
        value: What is at stake with each customer, by customer id, in money.
        names: Frame name -> {canonical column: the caller's column}.

    Returns:
        A row a customer, those with signals first: ``signals`` (number), ``rules`` (ids joined by
        ``+``; categorical), ``reasons`` (text), ``score``, ``level`` (categorical),
        ``value_at_stake`` (where ``value`` is given), ``rank`` (from 1; null without a signal):
        by value at stake if given, else by score.

    Raises:
        DataError: A frame does not fit, or ``value`` lacks a customer with a signal.

    Source: PB-3, PB-7.
    """
    policy = lifecycle_policy(policy)
    facts = warning_facts(
        customers,
        transactions,
        as_of=as_of,
        policy=policy,
        accounts=accounts,
        balances=balances,
        complaints=complaints,
        names=names,
    )
    return assign_warnings(facts, policy=policy, value=value)


def assign_warnings(
    facts: pd.DataFrame, *, policy: Policy | None = None, value: pd.Series | None = None
) -> pd.DataFrame:
    """Decide and rank the warnings from facts; see `early_warnings`."""
    policy = lifecycle_policy(policy)
    table = policy.table("warning")
    decided = table.decide_frame(facts)["rule"]
    weigh = {s.signal: s for s in policy.records("signal", Signal)}
    quiet = policy.value("no_signal")
    then = {r.id: str(r.then) for r in table.rules}
    kinds = [
        [then[i] for i in str(c).split("+") if then.get(i, quiet) != quiet]
        for c in decided.cat.categories
    ]
    if strange := sorted({s for k in kinds for s in k} - set(weigh)):
        raise DataError(
            f"warning: signals {', '.join(strange)} have no record 'signal' in the policy"
        )
    which = decided.cat.codes.to_numpy()
    score = np.array([sum(weigh[s].weight for s in k) for k in kinds], dtype=np.float64)[which]
    result = pd.DataFrame(
        {
            "signals": np.array([len(k) for k in kinds], dtype=np.int64)[which],
            "rules": decided,
            "reasons": np.array(
                ["; ".join(weigh[s].because for s in k) for k in kinds], dtype=object
            )[which],
            "score": score,
            "level": policy.table("warning_level").decide_frame(
                pd.DataFrame({"score": score}, index=facts.index)
            )["outcome"],
        },
        index=facts.index,
    )
    order = _order(result, value)
    place = np.arange(1, len(order) + 1)
    ranked = result.iloc[order]
    quiet_rows = ranked["signals"].to_numpy() == 0
    ranked = ranked.assign(rank=pd.arrays.IntegerArray(place, quiet_rows))
    ranked.attrs.update(policy=policy.id, fingerprint=policy.fingerprint)
    return ranked


def warning_facts(
    customers: object,
    transactions: object,
    *,
    as_of: object,
    policy: Policy | None = None,
    accounts: object = None,
    balances: object = None,
    complaints: object = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """What early warnings look at, for every customer as of a day.

    Returns:
        The columns of `stage_facts`, and: ``stage``; ``has_rhythm`` (own active days enough to
        tell a usual gap), ``overdue_ratio`` (days idle over that gap, null without a rhythm);
        ``balance_known``, ``balance_ratio`` (mean balance of the recent window over the earlier
        one, null where not known); ``product_closed``; ``complaint_open``;
        ``complaint_badly_solved``; ``salary_gone``.

    Source: PB-3.
    """
    policy = lifecycle_policy(policy)
    names = names or {}
    day = as_of_day(as_of)
    facts = stage_facts(
        customers, transactions, as_of=as_of, policy=policy, accounts=accounts, names=names
    )
    facts["stage"] = assign_stages(facts, policy=policy)["stage"]
    facts["has_rhythm"] = (facts["active_days"] >= policy.value("rhythm_days")) & facts[
        "has_contract"
    ]
    idle = facts["days_idle"].to_numpy(dtype=np.float64, na_value=np.nan)
    gap = facts["usual_gap_days"].to_numpy()
    facts["overdue_ratio"] = np.where(facts["has_rhythm"], idle / gap, np.nan)
    ratio = _balance_ratio(balances, facts.index, day, policy, names.get("balances"))
    facts["balance_known"], facts["balance_ratio"] = ~np.isnan(ratio), ratio
    facts["product_closed"] = _closed_lately(
        accounts, facts.index, day, policy, names.get("accounts")
    )
    facts["complaint_open"], facts["complaint_badly_solved"] = _complaints(
        complaints, facts.index, day, policy, names.get("complaints")
    )
    facts["salary_gone"] = _salary_gone(
        transactions, facts.index, day, policy, names.get("transactions")
    )
    return facts


def _order(result: pd.DataFrame, value: pd.Series | None) -> npt.NDArray[np.intp]:
    """Rows by rank: with signals first, then by value at stake, score and order."""
    signals = result["signals"].to_numpy()
    score = result["score"].to_numpy()
    if value is None:
        return np.lexsort((-score, signals == 0))
    place = value.index.get_indexer(result.index)
    at_stake = np.where(place < 0, np.nan, numbers(value, "value")[place])
    absent = np.isnan(at_stake) & (signals > 0)
    if absent.any():
        first = ", ".join(map(repr, result.index[absent][:5].tolist()))
        raise DataError(
            f"value: missing for {int(absent.sum()):,} customers with a signal ({first}); "
            "give a value, 0 where nothing is at stake"
        )
    result["value_at_stake"] = at_stake
    return np.lexsort((-score, -np.nan_to_num(at_stake), signals == 0))


def _balance_ratio(
    balances: object, index: pd.Index, day: np.datetime64, policy: Policy, names: Names | None
) -> npt.NDArray[np.float64]:
    """Mean balance of the recent window over that of the earlier, summed over accounts."""
    if balances is None:
        return np.full(len(index), np.nan)
    book = check_frame(balances, BALANCE_COLUMNS, frame="balances", names=names)
    customer = positions(book["customer_id"], index, "balances").astype(np.intp)
    account, distinct = codes(book["account_id"])
    owner = np.zeros(len(distinct), dtype=np.intp)
    owner[account] = customer
    age = (day - book["date"].to_numpy().astype("datetime64[D]")).astype(np.int64)
    recent, earlier = int(policy.value("recent_days")), int(policy.value("earlier_days"))
    amount = book["balance"].to_numpy()
    means = []
    for low, high in ((0, recent), (recent, recent + earlier)):
        mine = (age >= low) & (age < high)
        count = np.bincount(account[mine], minlength=len(distinct))
        total = np.bincount(account[mine], weights=amount[mine], minlength=len(distinct))
        held = count > 0
        mean = np.bincount(owner[held], weights=total[held] / count[held], minlength=len(index))
        seen = np.bincount(owner[held], minlength=len(index)) > 0
        means.append(np.where(seen, mean, np.nan))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(means[1] > 0, means[0] / means[1], np.nan)


def _closed_lately(
    accounts: object, index: pd.Index, day: np.datetime64, policy: Policy, names: Names | None
) -> Mask:
    lately = np.zeros(len(index), dtype=np.bool_)
    if accounts is None:
        return lately
    book = check_frame(accounts, ACCOUNT_COLUMNS, frame="accounts", names=names)
    if "closed_date" in book:
        age = (day - book["closed_date"].to_numpy().astype("datetime64[D]")).astype(np.float64)
        mine = (age >= 0) & (age < policy.value("recent_days"))  # NaT gives nan, which is neither
        lately[positions(book["customer_id"], index, "accounts")[mine]] = True
    return lately


def _complaints(
    complaints: object, index: pd.Index, day: np.datetime64, policy: Policy, names: Names | None
) -> tuple[Mask, Mask]:
    """Who has a complaint open, and who had one closed to little satisfaction."""
    still, badly = np.zeros(len(index), dtype=np.bool_), np.zeros(len(index), dtype=np.bool_)
    if complaints is None:
        return still, badly
    book = check_frame(complaints, COMPLAINT_COLUMNS, frame="complaints", names=names)
    book = book[book["customer_id"].notna().to_numpy()]
    customer = positions(book["customer_id"], index, "complaints")
    received = _local_day(book["received_at"])
    closed = (
        _local_day(book["closed_at"])
        if "closed_at" in book
        else np.full(len(book), np.datetime64("NaT", "D"))
    )
    known = received <= day
    shut = closed <= day  # false for NaT
    still[customer[known & ~shut]] = True
    if "satisfaction" in book:
        low = book["satisfaction"].to_numpy(dtype=np.float64) < policy.value("bad_satisfaction")
        fresh = (day - closed).astype(np.float64) < policy.value("complaint_memory_days")
        badly[customer[known & shut & low & fresh]] = True
    return still, badly


def _local_day(instants: pd.Series) -> npt.NDArray[np.datetime64]:
    """The bank's day of an instant, on the clock that the instant was given by."""
    local: npt.NDArray[np.datetime64] = instants.dt.tz_localize(None).to_numpy()
    return local.astype("datetime64[D]")


def _salary_gone(
    transactions: object, index: pd.Index, day: np.datetime64, policy: Policy, names: Names | None
) -> Mask:
    """Who used to be paid a salary here and no longer is."""
    gone = np.zeros(len(index), dtype=np.bool_)
    theirs = (names or {}).get("kind", "kind")
    if theirs not in as_frame(transactions):
        return gone
    book = check_frame(transactions, SALARY_COLUMNS, frame="transactions", names=names)
    code, distinct = codes(book["kind"])
    wanted = np.append(
        np.isin(distinct.to_numpy(dtype=object), policy.value("salary_kinds")), False
    )
    when = book["date"].to_numpy().astype("datetime64[D]")
    paid = wanted[code] & (when <= day)
    customer = positions(book["customer_id"][paid], index, "transactions")
    age = (day - when[paid]).astype(np.int64)
    last = np.full(len(index), np.iinfo(np.int64).max)
    np.minimum.at(last, customer, age)
    memory = age < policy.value("salary_memory_days")
    times = np.bincount(customer[memory], minlength=len(index))
    usual: Mask = times >= policy.value("salary_times")
    long_ago: Mask = last > policy.value("salary_gone_after_days")
    return usual & long_ago
