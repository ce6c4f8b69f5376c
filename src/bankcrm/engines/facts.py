"""The facts of customers as SQL group-bys: the same definitions as the functions on frames.

Each function gives one SELECT in DuckDB's dialect over the canonical views of a book (see
`bankcrm.engines.engine`); engines of another dialect transpile it. Property tests hold every
column to be equal to that of the function of the same name.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

import numpy as np

from bankcrm.errors import DataError
from bankcrm.lifecycle.facts import automatic_kinds
from bankcrm.policy import Policy
from bankcrm.rules.sql import quoted

VIEW = "bankcrm_"
"""What the names of the canonical views begin with: ``bankcrm_customers`` and so on."""

Columns = Mapping[str, tuple[str, ...]]
"""The columns that each frame of the book has."""


def text(value: str) -> str:
    """A text constant."""
    import sqlglot

    return sqlglot.exp.Literal.string(value).sql(dialect="duckdb")


def day_of(value: date) -> str:
    """A date constant."""
    return f"CAST('{value.isoformat()}' AS DATE)"


def _in(column: str, values: Iterable[str]) -> str:
    listed = ", ".join(text(v) for v in values)
    return f"({column} IS NOT NULL AND {column} IN ({listed}))" if listed else "FALSE"


def stage_facts_sql(columns: Columns, *, day: date, policy: Policy, rhythm: bool = True) -> str:
    """The facts of `bankcrm.lifecycle.stage_facts`, a row a customer.

    Args:
        columns: The columns that each frame has.
        day: The day.
        policy: The lifecycle policy.
        rhythm: With ``active_days`` and ``usual_gap_days``, which cost a distinct count.

    Source: LCM-2.
    """
    recent, earlier = int(policy.value("recent_days")), int(policy.value("earlier_days"))
    person = columns["customers"]
    moved = f"LEFT JOIN ({_moves(columns, day, policy, rhythm)}) t USING (customer_id)"
    met = _contacts(columns, day, policy)
    quiet = _quiet(columns, day, policy)
    contacted = [_upto("c.first_contact_date", day)] if "first_contact_date" in person else []
    inquired = [_upto("c.inquiry_date", day)] if "inquiry_date" in person else []
    if met:
        contacted.append("k.met")
        inquired.append("k.asked")
    closing = f"CASE WHEN c.closed_date <= {day_of(day)} THEN c.closed_date END"
    signing = f"CASE WHEN c.contract_date <= {day_of(day)} THEN c.contract_date END"
    asked = policy.table("stage").compiled.facts
    facts = [
        ("kind", "c.kind" if "kind" in person else "'person'"),
        ("contract", f"COALESCE({signing}, t.first_day)" if "contract_date" in person
         else "t.first_day"),
        ("signed", f"{signing} IS NOT NULL" if "contract_date" in person else "FALSE"),
        ("shut", closing if "closed_date" in person else "CAST(NULL AS DATE)"),
        ("last_own", "t.last_own"),
        ("contacted", _any(contacted)),
        ("inquired", _any(inquired)),
        ("quiet_product", "q.customer_id IS NOT NULL" if quiet else "FALSE"),
        *((n, f"COALESCE(t.{n}, 0)") for n in ("recent_count", "earlier_count", "automatic_count")),
        *((n, f"COALESCE(t.{n}, 0e0)" if "amount" in columns["transactions"]
           else "CAST('NaN' AS DOUBLE)") for n in ("recent_amount", "earlier_amount")),
    ]  # fmt: skip
    if rhythm:
        facts += [("active_days", "COALESCE(t.active_days, 0)"), ("span", "t.span")]
    known = {name for name, _ in facts} | {"activity_ratio", "has_contract", "closed", "returned"}
    known |= {"days_since_contract", "days_idle", "customer_id"}
    carried = [n for n in asked if n in person and n not in known]
    inner = ", ".join(
        [*(f"{sql} AS {name}" for name, sql in facts)]
        + [f"c.{quoted(n, 'duckdb')} AS {quoted(n, 'duckdb')}" for n in carried]
    )
    joins = " ".join([moved, met, quiet])
    return _from_dates(
        f"SELECT c.customer_id, {inner} FROM {VIEW}customers c {joins}",
        day, recent, earlier, rhythm, carried,
    )  # fmt: skip


def _from_dates(
    inner: str, day: date, recent: int, earlier: int, rhythm: bool, carried: list[str]
) -> str:
    """What follows from the dates and counts of one customer alone."""
    today = day_of(day)
    after = "COALESCE(last_own > shut, FALSE) OR COALESCE(contract > shut, FALSE)"
    back = f"shut IS NOT NULL AND ({after})"
    ratio = (
        "CASE WHEN earlier_count = 0 AND recent_count > 0 THEN 1e0 ELSE "
        f"(CAST(recent_count AS DOUBLE) / {recent}e0) "
        f"/ (CAST(GREATEST(earlier_count, 1) AS DOUBLE) / {earlier}e0) END"
    )
    idle = "CASE WHEN last_own > contract THEN last_own ELSE contract END"
    length = "CAST(span AS DOUBLE) / CAST(active_days - 1 AS DOUBLE)"
    gap = f"CASE WHEN active_days > 1 THEN {length} END"
    facts = [
        "customer_id",
        "kind",
        "contract IS NOT NULL AS has_contract",
        f"shut IS NOT NULL AND NOT ({back}) AS closed",
        f"{back} AS returned",
        "contacted",
        "inquired",
        "quiet_product",
        f"DATE_DIFF('day', contract, {today}) AS days_since_contract",
        f"DATE_DIFF('day', {idle}, {today}) AS days_idle",
        f"{ratio} AS activity_ratio",
        "recent_count",
        "earlier_count",
        "recent_amount",
        "earlier_amount",
        "automatic_count",
        "last_own AS last_activity",
        *(["active_days", f"{gap} AS usual_gap_days"] if rhythm else []),
        "CASE WHEN contract IS NULL THEN 'none' WHEN signed THEN 'contract_date' "
        "ELSE 'first_movement' END AS contract_basis",
        *(quoted(n, "duckdb") for n in carried),
    ]
    return f"SELECT {', '.join(facts)} FROM ({inner}) d"


def _moves(columns: Columns, day: date, policy: Policy, rhythm: bool) -> str:
    """What the movements of each customer tell, in one pass."""
    there = columns["transactions"]
    recent = day - timedelta(days=int(policy.value("recent_days")))
    earlier = recent - timedelta(days=int(policy.value("earlier_days")))
    automatic = _in("kind", automatic_kinds(policy)) if "kind" in there else "FALSE"
    own = f"NOT {automatic}" if automatic != "FALSE" else "TRUE"
    late = f"{own} AND date > {day_of(recent)}"
    early = f"{own} AND date > {day_of(earlier)} AND date <= {day_of(recent)}"
    facts = [
        "MIN(date) AS first_day",
        f"MAX(CASE WHEN {own} THEN date END) AS last_own",
        f"COUNT(CASE WHEN {late} THEN 1 END) AS recent_count",
        f"COUNT(CASE WHEN {early} THEN 1 END) AS earlier_count",
        f"COUNT(CASE WHEN {automatic} AND date > {day_of(recent)} THEN 1 END) AS automatic_count",
    ]
    if "amount" in there:
        facts += [
            f"SUM(CASE WHEN {late} THEN ABS(amount) ELSE 0e0 END) AS recent_amount",
            f"SUM(CASE WHEN {early} THEN ABS(amount) ELSE 0e0 END) AS earlier_amount",
        ]
    if rhythm:
        first = f"MIN(CASE WHEN {own} THEN date END)"
        last = f"MAX(CASE WHEN {own} THEN date END)"
        facts += [
            f"COUNT(DISTINCT CASE WHEN {own} THEN date END) AS active_days",
            f"DATE_DIFF('day', {first}, {last}) AS span",
        ]
    return (
        f"SELECT customer_id, {', '.join(facts)} FROM {VIEW}transactions "
        f"WHERE date <= {day_of(day)} GROUP BY customer_id"
    )


def _contacts(columns: Columns, day: date, policy: Policy) -> str:
    if "contacts" not in columns:
        return ""
    met, asked = "TRUE", "FALSE"
    if "purpose" in columns["contacts"]:
        met = _in("purpose", [*policy.value("lead_purposes"), "inquiry"])
        asked = "COALESCE(purpose = 'inquiry', FALSE)"
    return (
        f"LEFT JOIN (SELECT customer_id, BOOL_OR({met}) AS met, BOOL_OR({asked}) AS asked "
        f"FROM {VIEW}contacts WHERE date <= {day_of(day)} GROUP BY customer_id) k "
        "USING (customer_id)"
    )


def _quiet(columns: Columns, day: date, policy: Policy) -> str:
    if "accounts" not in columns:
        return ""
    open_ = f"opened_date <= {day_of(day)}"
    if "closed_date" in columns["accounts"]:
        open_ += f" AND (closed_date IS NULL OR closed_date > {day_of(day)})"
    held = _in("product", policy.value("quiet_products"))
    return (
        f"LEFT JOIN (SELECT DISTINCT customer_id FROM {VIEW}accounts WHERE {held} AND {open_}) q "
        "USING (customer_id)"
    )


def _upto(column: str, day: date) -> str:
    return f"{column} <= {day_of(day)}"


def _any(conditions: list[str]) -> str:
    if not conditions:
        return "FALSE"
    return "(" + " OR ".join(f"COALESCE({c}, FALSE)" for c in conditions) + ")"


def rfm_metrics_sql(
    columns: Columns,
    *,
    day: date,
    by: str | None = None,
    window: int | None = None,
    count: str = "rows",
    value: str = "sum",
    refunds: str = "count",
    zeros: str = "keep",
    bank_made: Iterable[str] | None = None,
) -> str:
    """The metrics of `bankcrm.segmentation.rfm_metrics`, a row a customer (and group).

    Args:
        columns: The columns that each frame has.
        day: The day; it still counts.
        by: Column of a product line or customer group.
        window: Days to look back, the day included.
        count: ``rows`` or ``days``.
        value: ``sum`` or ``mean``.
        refunds: ``count`` or ``net``; ``refuse`` is for frames.
        zeros: ``keep`` or ``leave_out``; ``refuse`` is for frames.
        bank_made: Kinds that the bank itself books, to be left out.

    Source: EB-3.
    """
    options = {
        "count": (count, ("rows", "days")),
        "value": (value, ("sum", "mean")),
        "refunds": (refunds, ("count", "net")),
        "zeros": (zeros, ("keep", "leave_out")),
    }
    for option, (given, known) in options.items():
        if given not in known:
            raise DataError(f"{option}: {given!r}; an engine takes {' or '.join(known)}")
    if window is not None and window < 1:
        raise DataError(f"window: {window} days; give at least 1, or none for the whole history")
    where = [f"date <= {day_of(day)}"]
    if window is not None:
        where.append(f"date > {day_of(day - timedelta(days=window))}")
    if zeros == "leave_out":
        where.append("amount <> 0")
    if bank_made is not None and "kind" in columns["transactions"]:
        where.append(f"NOT {_in('kind', bank_made)}")
    visit = "amount >= 0" if refunds == "net" else "TRUE"
    money = "amount" if refunds == "net" else "ABS(amount)"
    visits = f"COUNT(CASE WHEN {visit} THEN 1 END)"
    if count == "days":
        visits = f"COUNT(DISTINCT CASE WHEN {visit} THEN date END)"
    keys = ["customer_id", *([quoted(by, "duckdb")] if by else [])]
    inner = (
        f"SELECT {', '.join(keys)}, MAX(CASE WHEN {visit} THEN date END) AS last_visit, "
        f"{visits} AS frequency, ROUND(SUM({money}), 4) AS total "
        f"FROM {VIEW}transactions WHERE {' AND '.join(where)} GROUP BY {', '.join(keys)}"
    )
    monetary = "total / CAST(frequency AS DOUBLE)" if value == "mean" else "total"
    return (
        f"SELECT {', '.join(keys)}, DATE_DIFF('day', last_visit, {day_of(day)}) AS recency_days, "
        f"frequency, {monetary} AS monetary FROM ({inner}) m WHERE frequency > 0"
    )


def average_balance_sql(
    *, start: date, end: date, method: str = "daily", before_first: str = "zero"
) -> str:
    """The averages of `bankcrm.segmentation.average_balance`, a row a customer (and month).

    Source: EB-2.
    """
    if end < start:
        raise DataError(f"end {end} lies before start {start}")
    if method not in ("daily", "monthly") or before_first not in ("zero", "leave_out"):
        raise DataError(f"method {method!r}, before_first {before_first!r}: no such option")
    periods = _months(start, end) if method == "monthly" else [(start, end + timedelta(days=1))]
    rows = ", ".join(
        f"({day_of(low)}, {day_of(high)}, {day_of(low.replace(day=1))})" for low, high in periods
    )
    held = "GREATEST(DATE_DIFF('day', GREATEST(b.date, p.low), LEAST(b.until, p.high)), 0)"
    spans = (
        "SELECT customer_id, account_id, date, balance, COALESCE(LEAD(date) OVER (PARTITION BY "
        "customer_id, account_id ORDER BY date), CAST('9999-12-31' AS DATE)) AS until "
        f"FROM {VIEW}balances"
    )
    accounts = (
        f"SELECT b.customer_id, b.account_id, p.month, p.low, p.high, "
        f"SUM(b.balance * {held}) AS money, SUM({held}) AS held, MIN(b.date) AS begun "
        f"FROM ({spans}) b CROSS JOIN (VALUES {rows}) AS p(low, high, month) "
        "GROUP BY b.customer_id, b.account_id, p.month, p.low, p.high"
    )
    length = "CAST(DATE_DIFF('day', low, high) AS DOUBLE)"
    average = f"SUM(money) / {length}"
    if before_first == "leave_out":
        average = "SUM(CASE WHEN held > 0 THEN money / CAST(held AS DOUBLE) ELSE 0e0 END)"
    known = "DATE_DIFF('day', LEAST(GREATEST(MIN(begun), low), high), high)"
    month = "month, " if method == "monthly" else ""
    return (
        f"SELECT customer_id, {month}ROUND({average}, 4) AS average_balance, {known} AS days_known "
        f"FROM ({accounts}) a GROUP BY customer_id, month, low, high"
    )


def _months(start: date, end: date) -> list[tuple[date, date]]:
    """Half-open day ranges of the period's part in each month."""
    low, high = np.datetime64(start, "D"), np.datetime64(end, "D") + np.timedelta64(1, "D")
    edges = np.arange(
        low.astype("datetime64[M]"), high.astype("datetime64[M]") + np.timedelta64(2, "M")
    )
    days = np.clip(edges.astype("datetime64[D]"), low, high)
    return [(a.item(), b.item()) for a, b in itertools.pairwise(np.unique(days))]


def booked_sums_sql(columns: Columns, *, start: date, end: date, policy: Policy) -> str:
    """What the transactions of a period bring to contribution, a row a customer.

    Fees (positive: paid by the customer), interest and penalty interest as booked, and a column
    ``n_<activity>`` for each channel, or kind where there is no channel, that costs something.

    Source: CSC-2.
    """
    there = columns["transactions"]
    served = "kind" if "kind" in there else "'other'"
    activity = f"COALESCE(channel, {served})" if "channel" in there else served
    unit = policy.value("activity_cost")
    free = _in(served, policy.value("bank_made_kinds"))
    sums = {
        "fees": ("fee", "-"),
        "interest_paid": ("interest", ""),
        "interest_received": ("penalty_interest", "-"),
    }
    facts = [
        f"SUM(CASE WHEN {served} = '{kind}' THEN {sign}amount ELSE 0e0 END) AS {name}"
        for name, (kind, sign) in sums.items()
    ]
    facts += [
        f"COUNT(CASE WHEN NOT {free} AND {activity} = {text(name)} THEN 1 END) "
        f"AS {quoted(f'n_{name}', 'duckdb')}"
        for name in sorted(unit)
    ]
    return (
        f"SELECT customer_id, {', '.join(facts)} FROM {VIEW}transactions "
        f"WHERE date >= {day_of(start)} AND date <= {day_of(end)} GROUP BY customer_id"
    )


def complaint_counts_sql(columns: Columns, *, day: date, window: int | None = None) -> str:
    """Complaints of each known customer up to the end of a day (UTC), a row a customer.

    ``complaints`` counts all of them, ``open_complaints`` those without an answer by then, and
    ``last_complaint`` is the day of the last one.

    Source: LCM-8.
    """
    there = columns["complaints"]
    received = "CAST(received_at AS DATE)"
    where = ["customer_id IS NOT NULL", f"{received} <= {day_of(day)}"]
    if window is not None:
        where.append(f"{received} > {day_of(day - timedelta(days=window))}")
    ended = [c for c in ("answered_at", "closed_at") if c in there]
    answered = _any([f"CAST({c} AS DATE) <= {day_of(day)}" for c in ended])
    return (
        f"SELECT customer_id, COUNT(*) AS complaints, "
        f"COUNT(CASE WHEN NOT {answered} THEN 1 END) AS open_complaints, "
        f"MAX({received}) AS last_complaint FROM {VIEW}complaints "
        f"WHERE {' AND '.join(where)} GROUP BY customer_id"
    )
