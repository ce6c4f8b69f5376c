"""The other side of the customers' payments: payers, suppliers and employers (CBM-8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_items
from bankcrm.frames import Column, DataFault, check_frame
from bankcrm.frames.arrays import as_of_day, codes, days
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.findings import with_findings
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import TransactionKind

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_TRANSACTIONS = (
    Column("customer_id", "id"),
    Column("date", "date"),
    Column("amount", "money", unit="CNY"),
    Column("counterparty", "id", nullable=True),
    Column("counterparty_bank", "id", nullable=True),
    Column("kind", "category", required=False, nullable=True, choices=TransactionKind),
)
_PROSPECTS = ("employer", "payer", "supplier")


def counterparties(
    transactions: object,
    *,
    own_banks: Sequence[str | int],
    as_of: object,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """The accounts at other banks that customers are paid from or pay to, and what they are.

    The table ``counterparty`` decides. A counterparty is an account number at a bank: one number
    at two banks is two of them. Only that bank knows whose it is.

    Args:
        transactions: ``customer_id``, ``date``, ``amount`` (signed), ``counterparty`` (account
            number) and ``counterparty_bank`` (its bank); optional ``kind``. Rows without either
            have no other side. Those with one of the two are left out as findings, see
            `bankcrm.frames.findings.findings_of`.
        own_banks: The codes of the bank itself, as in ``counterparty_bank``.
        as_of: The last day; later rows are not known yet, and those before the policy's window
            are not read.
        policy: Marketing policy; the library's default if None.

    Returns:
        One row per counterparty, prospects first, those with the most customers first:
        ``counterparty``, ``counterparty_bank``, ``role`` (``employer``, ``payer``, ``supplier``,
        ``occasional``, ``collecting``, ``own``), ``rule``, ``reason``, ``prospect`` (bool: one of
        the first three), ``customers`` (who have payments with it), ``payees`` (whom it pays),
        ``regular_payees`` (in at least ``regular_months`` months), ``payers`` (who pay it),
        ``paid_in`` and ``paid_out`` (sums from and to it, both positive), ``months`` (with a
        payment), ``first`` and ``last`` (days).

    Raises:
        DataError: A column does not fit.

    Source: CBM-8.

    >>> moves = pd.DataFrame({
    ...     "customer_id": [1, 2, 3] * 3, "amount": 9000.0, "counterparty": "6222",
    ...     "counterparty_bank": "ICBC",
    ...     "date": pd.to_datetime(["2026-04-05"] * 3 + ["2026-05-05"] * 3 + ["2026-06-05"] * 3)})
    >>> found = counterparties(moves, own_banks=["CCB"], as_of="2026-06-30")
    >>> found[["role", "payees", "reason"]].values.tolist()
    [['employer', 3, 'pays several customers month by month']]
    """
    policy = policy_of(policy, "marketing")
    today = as_of_day(as_of)
    own = {str(b) for b in as_items(own_banks, "own_banks", "codes of the bank itself")}
    frame = check_frame(transactions, _TRANSACTIONS, frame="transactions")
    day = days(frame["date"])
    first_day = today - np.timedelta64(int(policy.value("counterparty_days")) - 1, "D")
    frame = frame[(day >= first_day) & (day <= today)]
    account, bank = frame["counterparty"].notna(), frame["counterparty_bank"].notna()
    half = frame[account != bank]
    frame = frame[account & bank]
    partner, keys = _partners(frame)
    facts = _facts(frame, partner, len(keys), policy)
    facts["own_bank"] = keys["counterparty_bank"].map(str).isin(own).to_numpy(np.bool_)
    table = policy.table("counterparty")
    decided = table.decide_frame(facts)
    reasons = {r.id: r.because or r.id for r in table.rules}
    found = keys.assign(
        role=decided["outcome"].array,
        rule=decided["rule"].array,
        reason=decided["rule"].map(reasons).astype("category").array,
        prospect=decided["outcome"].isin(_PROSPECTS).array,
        **{str(c): facts[c].array for c in facts.columns.drop(["own_bank", "share_in",
                                                              "regular_share"])},
    )  # fmt: skip
    order = np.lexsort(
        (
            np.arange(len(found)),
            -(found["paid_in"] + found["paid_out"]),
            -found["customers"],
            ~found["prospect"],
        )
    )
    found = found.iloc[order].reset_index(drop=True)
    return policy.stamp(with_findings(found, _half_keys(half)))


def _partners(frame: pd.DataFrame) -> tuple[Ints, pd.DataFrame]:
    """The counterparty of each row, and the counterparties in the order of bank and account."""
    account, accounts = _sorted_codes(frame["counterparty"])
    bank, banks = _sorted_codes(frame["counterparty_bank"])
    width = max(len(accounts), 1)
    distinct, partner = np.unique(bank * width + account, return_inverse=True)
    keys = pd.DataFrame(
        {
            "counterparty": accounts.take(distinct % width),
            "counterparty_bank": banks.take(distinct // width),
        }
    )
    return partner.astype(np.int64), keys


def _sorted_codes(values: pd.Series) -> tuple[Ints, pd.Index]:
    """Codes of the values in the order of their texts."""
    code, index = codes(values)
    order = np.argsort(index.map(str).to_numpy(dtype=object), kind="stable")
    return np.argsort(order)[code], index.take(order)


def _facts(frame: pd.DataFrame, partner: Ints, size: int, policy: Policy) -> pd.DataFrame:
    """What is counted and summed for each counterparty."""
    customer, who = codes(frame["customer_id"])
    pair = partner * max(len(who), 1) + customer
    amount = frame["amount"].to_numpy(np.float64)
    date = days(frame["date"])
    month = date.astype("datetime64[M]").astype(np.int64)
    incoming, outgoing = amount > 0, amount < 0
    wages = incoming
    if "kind" in frame:
        wages = incoming & frame["kind"].isin(list(policy.value("wage_kinds"))).to_numpy(np.bool_)
    each = _distinct(pair[wages], month[wages])
    pairs, months = np.unique(each[0], return_counts=True)
    regular = pairs[months >= int(policy.value("regular_months"))]
    width = max(len(who), 1)

    def customers(rows: npt.NDArray[np.bool_]) -> Ints:
        return np.bincount(_once(pair[rows]) // width, minlength=size)

    payees, regular_payees = customers(incoming), np.bincount(regular // width, minlength=size)
    paid_in, paid_out = (
        _sums(partner[rows], np.abs(amount[rows]), size) for rows in (incoming, outgoing)
    )
    number = date.astype(np.int64)
    first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(first, partner, number)
    np.maximum.at(last, partner, number)
    with np.errstate(invalid="ignore"):
        share_in, regular_share = paid_in / (paid_in + paid_out), regular_payees / payees
    return pd.DataFrame(
        {
            "customers": customers(np.ones(len(pair), np.bool_)),
            "payees": payees,
            "regular_payees": regular_payees,
            "payers": customers(outgoing),
            "paid_in": paid_in,
            "paid_out": paid_out,
            "months": np.bincount(_distinct(partner, month)[0], minlength=size),
            "first": first.astype("datetime64[D]").astype("datetime64[s]"),
            "last": last.astype("datetime64[D]").astype("datetime64[s]"),
            "share_in": share_in,
            "regular_share": np.nan_to_num(regular_share),
        }
    )


def _distinct(first: Ints, second: Ints) -> tuple[Ints, Ints]:
    """The distinct pairs of two numbers."""
    low = int(second.min(initial=0))
    width = int(second.max(initial=0)) - low + 1
    found = _once(first * width + (second - low))
    return found // width, found % width + low


def _once(numbers: Ints) -> Ints:
    """The distinct numbers, by sorting: numpy's hashing takes ten times as long."""
    ordered = np.sort(numbers)
    found: Ints = ordered[np.diff(ordered, prepend=-1) != 0]
    return found


def _sums(partner: Ints, amount: Floats, size: int) -> Floats:
    """Sums that do not depend on the order of the rows: the smallest amounts are added first."""
    order = np.argsort(amount, kind="stable")
    found = np.bincount(partner[order], weights=amount[order], minlength=size)
    return found.astype(np.float64)  # of no rows they are counts


def _half_keys(rows: pd.DataFrame) -> list[DataFault]:
    if rows.empty:
        return []
    return [
        fault_in_rows(
            "transactions",
            "counterparty",
            "half_a_key",
            rows.index,
            "account number and bank, or neither",
            "the rows are left out; a number without its bank names nobody",
        )
    ]
