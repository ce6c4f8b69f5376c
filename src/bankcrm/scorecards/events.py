"""The measures of the default indicators, as dated events of a book and of staff records."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.book import Book
from bankcrm.book.holdings import open_on
from bankcrm.book.model import refuse_no_book
from bankcrm.book.relationship import own_movements, relationship_on
from bankcrm.book.view import NEVER, BookView, FrameView, book_view, day_number
from bankcrm.errors import DataError
from bankcrm.frames import DataFault, check_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import categorical
from bankcrm.models import Check, Survey, Training, columns_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

Mask = npt.NDArray[np.bool_]
_COLUMNS = ("date", "value", "customer_id", "employee_id", "department", "branch")
_ROWS = {"surveys": Survey, "checks": Check, "trainings": Training}


@attrs.frozen(eq=False)
class _Part:
    """The events of one measure."""

    measure: str
    frame: pd.DataFrame


def kpi_events(
    book: Book,
    *,
    since: object,
    as_of: object = None,
    surveys: object | None = None,
    checks: object | None = None,
    trainings: object | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Read the measures of the default indicators from a book and from records of staff.

    Every part of a ratio has the day and the owner of its whole: a lead counts on the day on which
    ``conversion_days`` are over, a lost customer on the first day of the month in which it left. A
    month counts for losses when it is over.

    Args:
        book: The book.
        since: First day; that of a month.
        as_of: The day; that of the book if None. Nothing later is used.
        surveys: One row per question (`bankcrm.models.Survey`).
        checks: One row per check (`bankcrm.models.Check`).
        trainings: One row per training of an employee (`bankcrm.models.Training`).
        policy: Its ``conversion_days`` and ``satisfied_from``.

    Returns:
        One row per event for `kpi_values`: ``measure`` (categorical, its categories are the
        measures that the book records), ``date``, ``value``, ``customer_id``, ``employee_id``,
        ``department``, ``branch``. Rows without a scale or possible points are findings.

    Raises:
        DataError: A frame does not fit, or ``since`` is no first day of a month up to ``as_of``.

    Source: LCM-6, LCM-7, LCM-9.
    """
    if not isinstance(book, Book):
        refuse_no_book(book, "a Book in memory; the rows of an engine as one: read_book(folder)")
    policy = policy_of(policy, "scorecards")
    checked, _ = book.check(as_of, zone=policy.value("time_zone"))
    day = as_of_day(checked.as_of)
    first = as_of_day(since)
    if first > day or first != first.astype("datetime64[M]").astype("datetime64[D]"):
        raise DataError(f"since: {first} is not the first day of a month up to as_of, {day}")
    view = book_view(checked, zone=policy.value("time_zone"))
    staff = {
        name: check_frame(data, columns_of(model), frame=name)
        for (name, model), data in zip(_ROWS.items(), (surveys, checks, trainings), strict=True)
        if data is not None
    }
    faults: list[DataFault] = []
    parts = [
        *_beginnings(view, policy),
        *_activity(view, policy),
        *_monthly(view, first, day, policy),
        *(_answers(staff["surveys"], policy, faults) if "surveys" in staff else ()),
        *(_checked(staff["checks"], faults) if "checks" in staff else ()),
        *(_trained(staff["trainings"]) if "trainings" in staff else ()),
    ]
    return policy.stamp(with_findings(_together(parts, first, day), faults))


def _together(parts: Iterable[_Part], first: np.datetime64, day: np.datetime64) -> pd.DataFrame:
    """One frame of all parts, of the days that count."""
    kept: list[pd.DataFrame] = []
    sizes: dict[str, int] = {}
    for part in parts:
        when = part.frame["date"].to_numpy().astype("datetime64[D]")
        rows = part.frame[(when >= first) & (when <= day)]
        kept.append(rows.reindex(columns=list(_COLUMNS)).assign(date=rows["date"].astype("M8[s]")))
        sizes[part.measure] = len(rows)
    code = np.repeat(np.arange(len(sizes)), [*sizes.values()])
    filled = [_nullable(frame.dropna(axis=1, how="all")) for frame in kept if len(frame)]
    found = pd.concat(filled or kept, ignore_index=True).reindex(columns=list(_COLUMNS))
    full = [c for c in found if found[c].dtype == "Int64" and found[c].notna().all()]
    found = found.astype(dict.fromkeys(full, np.int64))
    found["value"] = found["value"].astype(np.float64).fillna(1.0)
    found.insert(0, "measure", pd.Series(categorical(code, [*sizes])))
    return found.dropna(axis=1, how="all") if len(found) else found


def _nullable(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with ids that stay exact beside a part that has none."""
    exact = {"i": "Int64", "u": "object"}  # beyond 63 bits there is no type for all of them
    ids = [c for c in ("customer_id", "employee_id") if c in frame]
    return frame.astype({c: exact[k] for c in ids if (k := frame[c].dtype.kind) in exact})


def _days(numbers: npt.NDArray[np.integer]) -> npt.NDArray[np.datetime64]:
    """Days as dates; a day that is not known is after every other."""
    return numbers.astype(np.int64).astype("datetime64[D]").astype("datetime64[s]")


def _rows(ids: pd.Index, number: npt.NDArray[np.integer], rows: Mask) -> pd.DataFrame:
    where = np.flatnonzero(rows & (number < NEVER))
    return pd.DataFrame({"customer_id": ids[where], "date": _days(number[where])})


def _beginnings(view: BookView, policy: Policy) -> list[_Part]:
    """Prospects, leads, their conversion, new customers and those by referral."""
    people, ids = view["customers"], view.customers
    contact, asked = people.day("first_contact_date"), people.day("inquiry_date")
    contract = people.day("contract_date")
    every = np.ones(len(people), np.bool_)
    parts: list[_Part] = []
    if people.has("first_contact_date"):
        parts.append(_Part("prospects", _rows(ids, contact, every)))
    if people.has("inquiry_date"):
        leads = contract >= asked
        parts.append(_Part("leads", _rows(ids, asked, leads)))
        if people.has("contract_date"):
            wait = int(policy.value("conversion_days"))
            over = asked.astype(np.int64) + wait
            parts.append(_Part("leads_judged", _rows(ids, over, leads)))
            parts.append(_Part("leads_converted", _rows(ids, over, leads & (contract <= over))))
    if people.has("contract_date"):
        parts.append(_Part("customers_won", _rows(ids, contract, every)))
        if people.has("referred_by"):
            referred = people.frame["referred_by"].notna().to_numpy()
            parts.append(_Part("customers_referred", _rows(ids, contract, referred)))
    return parts


def _activity(view: BookView, policy: Policy) -> list[_Part]:
    """Transactions of customers' own, openings of accounts, complaints."""
    parts: list[_Part] = []
    moves = view.get("transactions", "date")
    if moves is not None:
        own = own_movements(moves, policy)
        rows = _rows(view.customers[moves.customer()], moves.day("date"), own)
        parts.append(_Part("transactions", rows))
        if moves.has("amount"):
            amount = np.abs(moves.numbers("amount")[own & (moves.day("date") < NEVER)])
            parts.append(_Part("transaction_amount", rows.assign(value=amount)))
    accounts = view.get("accounts", "opened_date")
    if accounts is not None:
        owner, opened = accounts.customer(), accounts.day("opened_date")
        earliest = np.full(view.size, NEVER, np.int64)
        np.minimum.at(earliest, owner, opened)
        every = np.ones(len(accounts), np.bool_)
        ids = view.customers[owner]
        parts.append(_Part("purchases", _rows(ids, opened, every)))
        parts.append(_Part("purchases_repeated", _rows(ids, opened, opened > earliest[owner])))
    cases = view.get("complaints", "customer_id")
    if cases is not None:
        who = cases.customer()  # -1 takes the last customer, and its row is left out
        rows = _rows(view.customers[who], cases.day("received_at"), who >= 0)
        parts.append(_Part("complaints", rows))
    return parts


def _monthly(
    view: BookView, first: np.datetime64, day: np.datetime64, policy: Policy
) -> list[_Part]:
    """Customers in a relationship at the start and the end of each month, and what they hold."""
    one = np.timedelta64(1, "M")
    months = np.arange(first.astype("datetime64[M]"), day.astype("datetime64[M]") + one)
    accounts = view.get("accounts")
    names = ["customer_months", "customers_exposed", "customers_lost", "customers_held"]
    found: dict[str, list[pd.DataFrame]] = {n: [] for n in names}
    if accounts is not None:
        found["products_open"] = []
    edge = day_number(months[0].astype("datetime64[D]"))
    before = relationship_on(view, edge - 1, policy).current
    for month in months:
        start, end = edge, day_number((month + one).astype("datetime64[D]")) - 1
        last = min(end, day_number(day))
        after = relationship_on(view, last, policy).current
        part = (last - start + 1) / (end - start + 1)
        found["customer_months"].append(_on(view, before, start).assign(value=part))
        if last == end:
            found["customers_exposed"].append(_on(view, before, start))
            found["customers_lost"].append(_on(view, before & ~after, start))
            found["customers_held"].append(_on(view, after, end))
            if accounts is not None:
                found["products_open"].append(_held(view, accounts, after, end))
        before, edge = after, end + 1
    empty = _on(view, np.zeros(view.size, np.bool_), 0)
    return [_Part(n, pd.concat(f or [empty], ignore_index=True)) for n, f in found.items()]


def _on(view: BookView, rows: Mask, day: int) -> pd.DataFrame:
    """One row per customer, all of one day."""
    when = np.datetime64(day, "D").astype("datetime64[s]")
    return pd.DataFrame({"customer_id": view.customers[rows], "date": when, "value": 1.0})


def _held(view: BookView, accounts: FrameView, current: Mask, day: int) -> pd.DataFrame:
    owner = accounts.customer()[open_on(accounts, day)]
    count = np.bincount(owner, minlength=view.size)
    rows = current & (count > 0)
    return _on(view, rows, day).assign(value=count[rows].astype(np.float64))


def _answers(frame: pd.DataFrame, policy: Policy, faults: list[DataFault]) -> list[_Part]:
    """Answered questions and satisfied answers, of customers and of employees apart."""
    low, high = (frame[n].to_numpy(np.float64) for n in ("scale_low", "scale_high"))
    points = (
        frame["points"].to_numpy(np.float64, na_value=np.nan)
        if "points" in frame
        else np.full(len(frame), np.nan)
    )
    outside = ~np.isnan(points) & ((points < low) | (points > high))
    bad = (high <= low) | outside
    if bad.any():
        shown = few(frame.index[bad])
        raise DataError(
            f"surveys.points: {int(bad.sum()):,} rows do not fit their scale (rows {shown}); "
            "expected scale_low <= points <= scale_high, and scale_low below scale_high"
        )
    silent = int(np.isnan(points).sum())
    if silent:
        faults.append(DataFault("surveys", "points", "without answer", silent, (), "an answer",
                                "they count neither as satisfied nor as dissatisfied"))  # fmt: skip
    scaled = (points - low) / (high - low)
    satisfied = scaled >= float(policy.value("satisfied_from")) - 1e-9
    by_staff = (
        frame["respondent_id"].notna().to_numpy()
        if "respondent_id" in frame
        else np.zeros(len(frame), np.bool_)
    )
    staff = frame.assign(employee_id=frame.get("respondent_id"))
    answered = ~np.isnan(points)
    parts = [("", frame, ~by_staff)]
    if by_staff.any():
        parts.append(("employee_", staff, by_staff))
    return [
        part
        for prefix, rows, mask in parts
        for part in (
            _Part(f"{prefix}answers", _plain(rows, answered & mask)),
            _Part(f"{prefix}answers_satisfied", _plain(rows, answered & mask & satisfied)),
        )
    ]


def _checked(frame: pd.DataFrame, faults: list[DataFault]) -> list[_Part]:
    """Points of checks and points possible."""
    if "points" not in frame or "maximum" not in frame:
        return []
    known = (frame["points"].notna() & frame["maximum"].notna()).to_numpy()
    if not known.all():
        faults.append(
            fault_in_rows(
                "checks",
                "points",
                "without points",
                frame.index[~known],
                "points and the points possible",
                "they give no points",
            )
        )
    over = known & (frame["points"] > frame["maximum"]).to_numpy(np.bool_, na_value=False)
    fault_in_rows(
        "checks", "points", "above the maximum", frame.index[over], advice="correct it"
    ).refuse()
    return [
        _Part(name, _plain(frame, known).assign(value=frame[column][known]))
        for name, column in (("check_points", "points"), ("check_possible", "maximum"))
    ]


def _trained(frame: pd.DataFrame) -> list[_Part]:
    """Trainings with a result, and those passed."""
    if "passed" not in frame:
        return []
    known = frame["passed"].notna().to_numpy()
    passed = frame["passed"].astype(object).eq(True).to_numpy(np.bool_)
    return [
        _Part("trainings", _plain(frame, known)),
        _Part("trainings_passed", _plain(frame, passed)),
    ]


def _plain(frame: pd.DataFrame, rows: Mask) -> pd.DataFrame:
    return frame.loc[rows, [c for c in _COLUMNS if c in frame]]
