"""What the five relationship risks look at, one row per customer (PB-7)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pandas as pd

from bankcrm.book.balances import average_balances, observations_of
from bankcrm.book.view import BookView, Mask, day_number
from bankcrm.frames.arrays import Numbers
from bankcrm.frames.numbering import categorical, words_of
from bankcrm.policy import Policy

NOT_STATED = "not_stated"
_STANDINGS = ("good", "watch", "bad", NOT_STATED)


@attrs.frozen
class Funding:
    """The deposits of the whole book.

    Attributes:
        total: Their sum on the day, in money.
    """

    total: float


def risk_facts_of(view: BookView, day: np.datetime64, policy: Policy) -> pd.DataFrame:
    """The facts of the risks that one customer's own records tell.

    Args:
        view: ``customers``, ``loans``, ``transactions``, ``complaints``, ``accounts`` and
            ``balances``, as far as the book records them.
        day: The day.
        policy: Window, causes of complaints, grades, and the products that fund the bank.

    Returns:
        One row per customer: ``recorded_standing``, ``loan_unpaid``, ``loan_in_debt``,
        ``penalty_interest``, ``operational_complaints``, ``reputation_complaints``,
        ``badly_solved``, ``unsuitable_products`` and ``unsuitable_by`` (grades; null where the
        grade of the customer is not known) and ``deposits`` (money; null where the book records no
        balances).

    Source: PB-7.
    """
    number = day_number(day)
    facts = {
        "recorded_standing": _standing(view),
        **_loans(view, number, policy),
        **_complaints(view, number, policy),
        **_suitability(view, number, policy),
        "deposits": _deposits(view, number, policy),
    }
    return pd.DataFrame(facts, index=view.customers)


def with_funding(facts: pd.DataFrame, funding: Funding | None) -> pd.DataFrame:
    """The facts with the part of all deposits that each customer holds.

    >>> with_funding(pd.DataFrame({"deposits": [5.0]}), Funding(100.0))["funding_share"].tolist()
    [0.05]
    """
    total = 0.0 if funding is None else funding.total
    share = facts["deposits"] / total if total > 0 else facts["deposits"] * np.nan
    return facts.assign(funding_share=share)


def _standing(view: BookView) -> pd.Categorical:
    people = view["customers"]
    code = np.full(view.size, _STANDINGS.index(NOT_STATED), np.int8)
    for place, word in enumerate(_STANDINGS):
        code[people.is_any("credit_standing", [word])] = place
    return categorical(code, _STANDINGS)


def _loans(view: BookView, day: int, policy: Policy) -> dict[str, Mask]:
    unpaid, in_debt, penalty = (np.zeros(view.size, np.bool_) for _ in range(3))
    loans = view.get("loans", "status")
    if loans is not None:
        customer = loans.customer()
        unpaid[customer[loans.is_any("status", ["unpaid"])]] = True
        in_debt[customer[loans.is_any("status", ["in_debt"])]] = True
    moves = view.get("transactions", "date", "kind")
    if moves is not None:
        when = moves.day("date")
        recent = (when <= day) & (when > day - int(policy.value("risk_window_days")))
        penalty[moves.customer()[recent & moves.is_any("kind", ["penalty_interest"])]] = True
    return {"loan_unpaid": unpaid, "loan_in_debt": in_debt, "penalty_interest": penalty}


def _complaints(view: BookView, day: int, policy: Policy) -> dict[str, np.ndarray]:
    counts = {name: np.zeros(view.size, np.int64) for name in ("operational", "reputation")}
    badly = np.zeros(view.size, np.bool_)
    cases = view.get("complaints", "customer_id")
    if cases is not None:
        customer, received = cases.customer(), cases.day("received_at")
        since = day - int(policy.value("risk_window_days"))
        recent = (customer >= 0) & (received <= day) & (received > since)
        for name in counts:
            rows = recent & cases.is_any("cause", policy.value(f"{name}_causes"))
            counts[name] = np.bincount(customer[rows], minlength=view.size)
        low = cases.numbers("satisfaction") < policy.value("low_satisfaction")
        badly[customer[recent & low & (cases.day("closed_at") <= day)]] = True
    named = {f"{name}_complaints": found for name, found in counts.items()}
    return {**named, "badly_solved": badly}


def _suitability(view: BookView, day: int, policy: Policy) -> dict[str, object]:
    """How many open products are above the grade of the customer, and by how many grades."""
    own = _grades(view["customers"].frame, "risk_grade", policy.value("customer_grades"))
    count, by = np.zeros(view.size, np.int64), np.zeros(view.size, np.int64)
    accounts = view.get("accounts", "product")
    if accounts is not None:
        grade = _grades(accounts.frame, "product", policy.value("product_grades"))
        live = (accounts.day("opened_date") <= day) & (accounts.day("closed_date") > day)
        customer = accounts.customer()
        above = np.nan_to_num(grade - own[customer], nan=0.0).astype(np.int64)
        rows = live & (above > 0)
        count = np.bincount(customer[rows], minlength=view.size)
        np.maximum.at(by, customer[rows], above[rows])
    known = ~np.isnan(own) & (accounts is not None)
    missing = ~known
    return {
        "unsuitable_products": pd.arrays.IntegerArray(count.astype(np.int64), missing.copy()),
        "unsuitable_by": pd.arrays.IntegerArray(by, missing.copy()),
    }


def _grades(frame: pd.DataFrame, column: str, grades: Mapping[str, float]) -> Numbers:
    """The grade of each row's word; nan where it has none."""
    if column not in frame:
        return np.full(len(frame), np.nan)
    words = words_of(frame[column], column)
    of_word = [float(grades.get(str(w), np.nan)) for w in words.categories]
    found: Numbers = np.array([*of_word, np.nan])[words.codes]
    return found


def _deposits(view: BookView, day: int, policy: Policy) -> Numbers:
    """What each customer has on deposit on the day; null where the book records no balances."""
    balances = view.get("balances", "account_id", "balance")
    if balances is None:
        return np.full(view.size, np.nan)
    seen = observations_of(balances)
    account, when, amount = seen.account, seen.day, seen.balance
    if balances.has("product"):
        funds = balances.is_any("product", policy.value("funding_products"))[seen.rows]
        account, when, amount = account[funds], when[funds], amount[funds]
    found = average_balances(account, when, amount, len(seen.owner), start=day, end=day)
    return np.bincount(seen.owner, found.credit, view.size).astype(np.float64)
