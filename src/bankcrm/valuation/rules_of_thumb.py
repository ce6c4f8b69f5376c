"""The rules of thumb of CBM-5 measured on a bank's own book, with their uncertainty and origin."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from bankcrm._display import card, figures_of
from bankcrm.book.balances import Days
from bankcrm.book.loss_reasons import count_loss_reasons
from bankcrm.errors import DataError
from bankcrm.frames import as_of_day, codes, days, numbers
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Floats, Values, customer_index
from bankcrm.valuation.concentration.intervals import Interval
from bankcrm.valuation.concentration.lorenz import concentration
from bankcrm.valuation.contribution.components import contribution as contribution_of
from bankcrm.valuation.contribution.positions import positions_of
from bankcrm.valuation.model import BookFrames, absent
from bankcrm.valuation.retention import retention_economics
from bankcrm.valuation.value.measures import customer_places

Mask = NDArray[np.bool_]
YEAR = np.timedelta64(365, "D")


@attrs.frozen
class EightyTwenty:
    """How far a book is from 20:80, as a statement and not a yes.

    Attributes:
        share: part of the total that the best fifth holds.
        interval: its confidence interval.
        holders: share of customers, best first, that hold four fifths of the total.
        within: whether 80 % lies in the interval.
        statement: the same in words.
    """

    share: float
    interval: Interval
    holders: float
    within: bool
    statement: str

    def __str__(self) -> str:
        return self.statement

    def _repr_html_(self) -> str:
        return card(self.statement, figures_of(self, "share", "holders", "interval"))


def is_eighty_twenty(values: Values, *, seed: int, level: float = 0.95) -> EightyTwenty:
    """What the best fifth of the customers gives, beside the four fifths of the rule.

    Args:
        values: one number a customer.
        seed: of the bootstrap behind the interval.
        level: confidence.

    Source: CBM-5 (20:80).

    >>> print(is_eighty_twenty([1, 1, 1, 1, 16] * 200, seed=1).statement[:46])
    The best 20 % of 1,000 customers give 80.0 % o
    """
    spread = concentration(values)
    share, holders = spread.share_of_top(0.2), spread.holders_of(0.8)
    interval = spread.interval("share_of_top", share=0.2, level=level, seed=seed, replicates=500)
    within = 0.8 in interval
    verdict = "as the rule says" if within else f"{'above' if share > 0.8 else 'below'} its 80 %"
    statement = (
        (
            f"The best 20 % of {len(spread.values):,} customers give {share:.1%} of the total "
            f"({level:.0%} interval {interval.low:.1%} to {interval.high:.1%}), {verdict}; "
            f"80 % comes from the best {holders:.1%}."
        )
        .replace("%", " %")
        .replace("  %", " %")
    )
    return EightyTwenty(share, interval, holders, within, statement)


@attrs.frozen
class _Row:
    """One rule, or one figure of it, beside the book's."""

    rule: str
    figure: str
    says: float
    shows: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    sample_size: int = 0
    method: str = ""
    note: str = ""


def rules_of_thumb(
    book: BookFrames,
    *,
    as_of: object,
    contribution: pd.Series | None = None,
    policy: Policy | None = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Each rule of thumb of CBM-5 as it stands, and as this book shows it.

    Args:
        book: an object with the frames of a book, such as ``bankcrm.Book``.
        as_of: the day; the year up to it is measured. Prospects (no contract by then) and those
            who left before the year are no customers of it.
        contribution: contribution of each customer (by ``customer_id``); None: computed from the
            book over the year.
        policy: valuation policy; None: the defaults. The rules' figures are its parameters.
        level: confidence of the intervals.

    Returns:
        Frame with a row a figure: ``rule``, ``figure`` (what is counted), ``says`` (the rule),
        ``shows`` (the book; null where it cannot be told), ``low`` and ``high``, ``sample_size``,
        ``method`` of the interval, ``evidence`` (grade of the rule's own evidence), ``origin``
        and ``note``.

    Source: CBM-5, LCM-6.
    """
    policy = default_policy("valuation") if policy is None else policy
    day = as_of_day(as_of)
    customers = customer_index(book.customers["customer_id"])
    if contribution is None:
        contribution = _contribution(book, customers, day, policy)
    worth = numbers(contribution.reindex(customers), "contribution")
    if np.isnan(worth).any():
        raise DataError(
            f"contribution: missing for {int(np.isnan(worth).sum())} of {len(worth)} customers; "
            "expected a value each, 0 where there was no business"
        )
    served = worth[_in_business(book, customers, day)]
    rows = [
        *_twenty_eighty(served, policy, level),
        *_split(served, policy, level),
        *_keep_and_win(book, customers, day, policy),
        *_five_points(book, customers, worth, day, policy, level),
        *_churn(book, customers, day, policy, level),
        *_reasons(book, day, policy, level),
    ]
    frame = pd.DataFrame([attrs.asdict(row) for row in rows])
    frame.insert(7, "evidence", frame["rule"].map(lambda rule: ORIGINS[rule][0]))
    frame.insert(8, "origin", frame["rule"].map(lambda rule: ORIGINS[rule][1]))
    frame.attrs["policy"] = policy.id
    frame.attrs["fingerprint"] = policy.fingerprint
    return frame


# Evidence grade and origin of each rule; told as they are, also where that is little.
ORIGINS = {
    "20:80": (
        "observed",
        "After Pareto (1896) on incomes and Juran; a regularity that differs from book to book.",
    ),
    "25:45:30": ("unverified", "The source document alone; no other source was found."),
    "1:5": (
        "quoted",
        "Quoted between 3 and 25 without primary data; compares averages, while the next "
        "customer won or kept is a matter of marginal cost.",
    ),
    "5:100": (
        "published",
        "Reichheld, The Loyalty Effect (1996): five points more retention raise the net present "
        "value of a customer, bank branch deposits by 85 %, credit cards by 75 %; not company "
        "profit.",
    ),
    "1:1:75": ("unverified", "The source document alone; no other source was found."),
    "14:9:9:68": (
        "quoted",
        "An American survey split, handed on without traceable primary data.",
    ),
}


def wilson(successes: float, n: int, level: float) -> tuple[float, float]:
    """Wilson's interval of a proportion.

    >>> tuple(round(end, 3) for end in wilson(0, 10, 0.95))
    (0.0, 0.278)
    """
    if not n:
        return float("nan"), float("nan")
    z = float(ndtri((1 + level) / 2))
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def _contribution(
    book: BookFrames, customers: pd.Index, day: np.datetime64, policy: Policy
) -> pd.Series:
    positions = positions_of(
        book.accounts,
        book.balances,
        book.transactions,
        book.loans,
        book.contacts,
        start=day - YEAR + np.timedelta64(1, "D"),
        end=day,
        policy=policy,
    )
    return contribution_of(positions, policy=policy, customers=customers)["contribution"]


def _in_business(book: BookFrames, customers: pd.Index, day: np.datetime64) -> Mask:
    """Who was a customer at some time of the year: signed by its end, not closed before it."""
    people = book.customers
    there = np.ones(len(customers), dtype=np.bool_)
    if "contract_date" in people:
        there &= days(people["contract_date"]) <= day
    if "closed_date" in people:
        there &= ~(days(people["closed_date"]) <= day - YEAR)
    return there


def _twenty_eighty(worth: Floats, policy: Policy, level: float) -> Iterator[_Row]:
    top, says = float(policy.value("rule_top_share")), float(policy.value("rule_top_profit"))
    figure = f"profit share of the best {top:.0%}"
    row = _Row("20:80", figure, says, sample_size=len(worth))
    if len(worth) < 3:
        yield attrs.evolve(row, note=f"{len(worth)} customers are too few")
        return
    spread = concentration(worth)
    if not spread.has_total:
        yield attrs.evolve(row, note="the book has no profit in all to share")
        return
    found = spread.interval("share_of_top", share=top, method="asymptotic", level=level)
    yield attrs.evolve(
        row, shows=found.estimate, low=found.low, high=found.high, method=found.method
    )


def _proportion(row: _Row, successes: float, n: int, level: float) -> _Row:
    if not n:
        return row
    low, high = wilson(successes, n, level)
    return attrs.evolve(
        row, shows=successes / n, low=low, high=high, sample_size=n, method="wilson"
    )


def _split(worth: Floats, policy: Policy, level: float) -> Iterator[_Row]:
    says = policy.value("rule_split")
    split = (0.0, 0.0, 0.0)
    if len(worth):
        split = concentration(worth).profit_split(float(policy.value("rule_marginal"))).customers
    for name, share in zip(("profitable", "marginal", "losing"), split, strict=True):
        row = _Row("25:45:30", f"share of customers that are {name}", float(says[name]))
        yield _proportion(row, round(share * len(worth)), len(worth), level)


def _keep_and_win(
    book: BookFrames, customers: pd.Index, day: np.datetime64, policy: Policy
) -> Iterator[_Row]:
    """Cost of contacts for each customer won, over that for each customer kept."""
    row = _Row("1:5", "cost to win over cost to keep", float(policy.value("rule_keep_win")))
    contacts, people = book.contacts, book.customers
    if contacts is None or absent(contacts, "customer_id", "date", "channel"):
        yield attrs.evolve(row, note="needs contacts with their channel")
        return
    if absent(people, "contract_date"):
        yield attrs.evolve(row, note="needs the customers' contract dates")
        return
    signed = days(people["contract_date"])
    place, when = customer_places(contacts["customer_id"], customers), days(contacts["date"])
    use = (place >= 0) & (when > day - YEAR) & (when <= day)
    place, when = place[use], when[use]
    channel, names = codes(contacts.loc[use, "channel"])
    table = policy.value("activity_cost")
    unit = np.array([table.get(str(name), 0.0) for name in names] + [0.0])
    cost = unit[channel]
    # A contact before the contract (or with somebody who never signed) is an effort to win.
    winning = np.isnat(signed[place]) | (when < signed[place])
    won = (signed > day - YEAR) & (signed <= day)
    closed = days(people["closed_date"]) if "closed_date" in people else np.full(len(people), NO)
    kept = (signed <= day - YEAR) & ~(closed <= day)
    if not (won.any() and kept.any() and cost[~winning].sum() > 0):
        yield attrs.evolve(row, note="nobody was won or kept, or keeping cost nothing")
        return
    win = float(cost[winning].sum()) / int(won.sum())
    keep = float(cost[~winning].sum()) / int(kept.sum())
    yield attrs.evolve(
        row,
        shows=win / keep,
        sample_size=int(use.sum()),
        note=(
            f"contacts only: {win:.2f} for each of {int(won.sum())} won, {keep:.2f} for each of "
            f"{int(kept.sum())} kept; advertising, offers and staff are not in the book"
        ),
    )


NO = np.datetime64("NaT", "D")


def _kept(book: BookFrames, customers: pd.Index, day: np.datetime64) -> tuple[Mask, Mask]:
    """Who was a customer a year ago, and who of them still is.

    A customer had a transaction in the year before last year's day and no closing before it; one
    who is kept had a transaction in the last year and no closing.
    """
    size = len(customers)
    place = customer_places(book.transactions["customer_id"], customers)
    when = days(book.transactions["date"])
    closed: Days = np.full(size, NO)
    if "closed_date" in book.customers:
        closed = days(book.customers["closed_date"])

    def seen(first: np.datetime64, last: np.datetime64) -> Mask:
        use = (place >= 0) & (when > first) & (when <= last)
        active: Mask = (np.bincount(place[use], minlength=size) > 0) & ~(closed <= last)
        return active

    then = seen(day - 2 * YEAR, day - YEAR)
    return then, then & seen(day - YEAR, day)


def _five_points(
    book: BookFrames,
    customers: pd.Index,
    worth: Floats,
    day: np.datetime64,
    policy: Policy,
    level: float,
) -> Iterator[_Row]:
    says, points = (
        float(policy.value(name)) for name in ("rule_five_points_effect", "rule_five_points")
    )
    row = _Row("5:100", f"more customer value by {points:.0%} more retention", says)
    then, still = _kept(book, customers, day)
    n = int(then.sum())
    if not n:
        yield attrs.evolve(row, note="nobody was a customer a year ago")
        return
    discount = float(policy.value("discount_rate"))

    def effect(retention: float) -> float:
        return retention_economics(1.0, retention, discount, points=points).effect

    rate = int(still.sum()) / n
    low, high = wilson(int(still.sum()), n, level)
    if rate == 1:
        yield attrs.evolve(row, sample_size=n, note="nobody was lost: there is nothing to gain")
        return
    ends = sorted((effect(low), effect(min(high, 1 - 1e-9))))
    gained = min(points, 1 - rate)
    note = f"at a retention of {rate:.1%} and a discount of {discount:.0%} a year"
    if gained < points:
        note += f"; only {gained:.1%} are left to gain"
    yield attrs.evolve(
        row,
        shows=effect(rate),
        low=ends[0],
        high=max(ends[1], effect(rate)),
        sample_size=n,
        method="wilson on retention",
        note=note,
    )


def _churn(
    book: BookFrames, customers: pd.Index, day: np.datetime64, policy: Policy, level: float
) -> Iterator[_Row]:
    then, still = _kept(book, customers, day)
    row = _Row(
        "1:1:75",
        "share of last year's customers that are lost",
        float(policy.value("rule_churn")),
        note="the source does not say what its figures count; churn is shown beside the last",
    )
    yield _proportion(row, int((then & ~still).sum()), int(then.sum()), level)


def _reasons(book: BookFrames, day: np.datetime64, policy: Policy, level: float) -> Iterator[_Row]:
    says = policy.value("loss_reason_shares")
    people = book.customers
    counts = pd.Series(0, index=list(says))
    note = "needs closed customers with their reasons"
    if not absent(people, "closed_date", "closure_reason"):
        closed = days(people["closed_date"]) <= day
        counts = count_loss_reasons(people.loc[closed, "closure_reason"], policy=policy)
        note = ""
    n = int(counts.sum())
    for name, count in counts.items():
        row = _Row("14:9:9:68", f"share lost by {name}", float(says[name]), note=note)
        yield _proportion(row, float(count), n, level)
