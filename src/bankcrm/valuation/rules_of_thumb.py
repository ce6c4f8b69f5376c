"""The rules of thumb of CBM-5 measured on a bank's own book, with intervals and origin."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pandas as pd

from bankcrm.book import Book
from bankcrm.book.loss_reasons import count_loss_reasons
from bankcrm.book.relationship import own_movements, relationship_on
from bankcrm.book.view import BookView, Mask, Needs, day_number
from bankcrm.errors import DataError
from bankcrm.frames.arrays import as_of_day, numbers
from bankcrm.intervals import wilson
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats
from bankcrm.valuation.concentration.lorenz import concentration
from bankcrm.valuation.contribution import positions as positions_module
from bankcrm.valuation.contribution.components import contribution as contribution_of
from bankcrm.valuation.contribution.interest import fill_interest, interest_products
from bankcrm.valuation.contribution.positions import positions_in
from bankcrm.valuation.retention import retention_economics
from bankcrm.valuation.value.measures import recorded_view

NEEDS = {
    "customers": Needs(("customer_id",), ("contract_date", "closed_date", "closure_reason")),
    **positions_module.NEEDS,
}


@attrs.frozen
class _Row:
    """One rule, or one figure of it, beside the book's."""

    rule: str
    figure: str
    reference: float
    observed: float = float("nan")
    lower: float = float("nan")
    upper: float = float("nan")
    sample_size: int = 0
    method: str = ""
    note: str = ""


@attrs.frozen(eq=False)
class _Year:
    """The year of a book that is measured."""

    view: BookView
    start: int
    end: int
    policy: Policy
    confidence: float

    def reference(self, name: str) -> float:
        """The figure of a rule."""
        return float(self.policy.value(name))


def rules_of_thumb(
    book: Book,
    *,
    as_of: object,
    contribution: pd.Series | None = None,
    policy: Policy | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Each rule of thumb of CBM-5 beside the figure of this book.

    Args:
        book: The book.
        as_of: The day; the year up to it is measured. Prospects (neither a contract nor a
            movement by then) and customers who left before the year are left out.
        contribution: Contribution of each customer, by ``customer_id``; by default computed from
            the book over the year.
        policy: Valuation policy; by default the library's. The rules' figures are its parameters.
        confidence: Coverage of the intervals, between 0 and 1.

    Returns:
        Frame with one row per figure: ``rule``, ``figure`` (what is counted), ``reference`` (the
        rule's figure), ``observed`` (the book's figure; null where the book does not record what
        it needs), ``lower`` and ``upper``, ``sample_size``, ``evidence`` (grade of the rule's own
        evidence), ``origin``, ``method`` of the interval and ``note``.

    Raises:
        DataError: A frame that does not fit, or a customer without a contribution.

    Source: CBM-5, LCM-6.

    >>> customers = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5]})
    >>> moves = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5], "amount": 9.0,
    ...                       "date": pd.Timestamp("2026-01-05")})
    >>> profit = pd.Series([80.0, 5, 5, 5, 5], index=[1, 2, 3, 4, 5])
    >>> found = rules_of_thumb(Book(customers, moves), as_of="2026-06-30", contribution=profit)
    >>> print(found.loc[0, "rule"], found.loc[0, "reference"], found.loc[0, "observed"])
    20:80 0.8 0.8
    """
    policy = policy_of(policy, "valuation")
    view = recorded_view(book, NEEDS, policy)
    end = day_number(as_of_day(as_of))
    start = end - int(policy.value("year_days")) + 1
    year = _Year(view, start, end, policy, confidence)
    profit = _profit(year, contribution)
    served = profit[_in_business(year)]
    rows = [
        *_twenty_eighty(year, served),
        *_split(year, served),
        *_keep_and_win(year),
        *_five_points(year),
        *_churn(year),
        *_reasons(year),
    ]
    frame = pd.DataFrame([attrs.asdict(row) for row in rows])
    frame.insert(7, "evidence", frame["rule"].map(lambda rule: ORIGINS[rule][0]))
    frame.insert(8, "origin", frame["rule"].map(lambda rule: ORIGINS[rule][1]))
    return policy.stamp(frame)


# Evidence grade and origin of each rule; shown even where the evidence is weak.
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
        "The split of an American survey, repeated without traceable primary data.",
    ),
}


def _profit(year: _Year, contribution: pd.Series | None) -> Floats:
    """The contribution of each customer over the year."""
    customers = year.view.customers
    if contribution is None:
        positions = positions_in(
            year.view,
            start=np.datetime64(year.start, "D"),
            end=np.datetime64(year.end, "D"),
            policy=year.policy,
        )
        positions = fill_interest(positions, interest_products(positions))
        found = contribution_of(positions, policy=year.policy, customers=customers)
        contribution = found["contribution"]
    profit = numbers(contribution.reindex(customers), "contribution")
    missing = int(np.isnan(profit).sum())
    if missing:
        raise DataError(
            f"contribution: missing for {missing} of {len(profit)} customers; give one value per "
            "customer, 0 where there was no business"
        )
    return profit


def _in_business(year: _Year) -> Mask:
    """Which customers were in a relationship with the bank at some time of the year."""
    found = relationship_on(year.view, year.end, year.policy)
    closing = year.view["customers"].day("closed_date")
    return found.current | (found.closed & found.has_contract & (closing >= year.start))


def _twenty_eighty(year: _Year, profit: Floats) -> Iterator[_Row]:
    top = year.reference("rule_top_share")
    figure = f"profit share of the best {top:.0%}"
    row = _Row("20:80", figure, year.reference("rule_top_profit"), sample_size=len(profit))
    if len(profit) < 3:
        yield attrs.evolve(row, note=f"{len(profit)} customers; at least 3 are needed")
        return
    found = concentration(profit)
    if not found.has_total:
        yield attrs.evolve(row, note="the profits of the book do not sum to more than 0")
        return
    interval = found.interval(
        "share_of_top", share=top, method="asymptotic", confidence=year.confidence
    )
    yield attrs.evolve(
        row,
        observed=interval.estimate,
        lower=interval.lower,
        upper=interval.upper,
        method=interval.method,
    )


def _proportion(row: _Row, hits: float, trials: int, confidence: float) -> _Row:
    if not trials:
        return row
    share, lower, upper = (float(ends[0]) for ends in wilson([hits], [trials], confidence))
    return attrs.evolve(
        row, observed=share, lower=lower, upper=upper, sample_size=trials, method="wilson"
    )


def _split(year: _Year, profit: Floats) -> Iterator[_Row]:
    reference = year.policy.value("rule_split")
    split = (0.0, 0.0, 0.0)
    if len(profit):
        split = concentration(profit).profit_split(year.reference("rule_marginal")).customers
    for name, share in zip(("profitable", "marginal", "losing"), split, strict=True):
        row = _Row("25:45:30", f"share of customers that are {name}", float(reference[name]))
        yield _proportion(row, round(share * len(profit)), len(profit), year.confidence)


def _keep_and_win(year: _Year) -> Iterator[_Row]:
    """Cost of contacts for each customer won, over that for each customer kept."""
    row = _Row("1:5", "cost to win over cost to keep", year.reference("rule_keep_win"))
    contacts, people = year.view.get("contacts"), year.view["customers"]
    if contacts is None:
        yield attrs.evolve(row, note="needs contacts with their channel")
        return
    if not people.has("contract_date"):
        yield attrs.evolve(row, note="needs the customers' contract dates")
        return
    signed = people.day("contract_date")
    current = relationship_on(year.view, year.end, year.policy).current
    when = contacts.day("date")
    use = (when >= year.start) & (when <= year.end)
    place, when = contacts.customer()[use], when[use]
    channel, names = contacts.words("channel")
    table = year.policy.value("activity_cost")
    cost = np.array([table.get(str(name), 0.0) for name in names] + [0.0])[channel[use]]
    # A contact before the contract (or with somebody who never signed) is an effort to win.
    winning = when < signed[place]
    won = (signed >= year.start) & (signed <= year.end)
    kept = (signed < year.start) & current
    if not (won.any() and kept.any() and cost[~winning].sum() > 0):
        yield attrs.evolve(row, note="nobody was won or kept, or keeping cost nothing")
        return
    win = float(cost[winning].sum()) / int(won.sum())
    keep = float(cost[~winning].sum()) / int(kept.sum())
    yield attrs.evolve(
        row,
        observed=win / keep,
        sample_size=int(use.sum()),
        note=(
            f"contacts only: {win:.2f} for each of {int(won.sum())} won, {keep:.2f} for each of "
            f"{int(kept.sum())} kept; advertising, offers and staff are not in the book"
        ),
    )


def _kept(year: _Year) -> tuple[int, int]:
    """How many customers were active the day before the year, and how many of them at its end.

    An active customer is in a relationship with the bank, and made a movement or signed the
    contract in the year up to the day. Others are lost, as in the stages of a customer (LCM-2).
    """
    moves = year.view.get("transactions")
    length = year.end - year.start + 1

    def active(end: int) -> Mask:
        found = relationship_on(year.view, end, year.policy)
        recent = found.contract > end - length
        if moves is not None:
            when = moves.day("date")
            use = own_movements(moves, year.policy) & (when > end - length) & (when <= end)
            recent |= np.bincount(moves.customer()[use], minlength=year.view.size) > 0
        return found.current & recent

    before = active(year.start - 1)
    return int(before.sum()), int((before & active(year.end)).sum())


def _five_points(year: _Year) -> Iterator[_Row]:
    points = year.reference("rule_five_points")
    figure = f"more customer value by {points:.0%} more retention"
    row = _Row("5:100", figure, year.reference("rule_five_points_effect"))
    n, kept = _kept(year)
    if not n:
        yield attrs.evolve(row, note="there was no customer one year ago")
        return
    if kept == n:
        yield attrs.evolve(row, sample_size=n, note="nobody was lost: retention cannot rise")
        return
    discount = year.reference("discount_rate")

    def effect(retention: float) -> float:
        return retention_economics(1.0, retention, discount, points=points).effect

    rate, lower, upper = (float(ends[0]) for ends in wilson([kept], [n], year.confidence))
    ends = sorted((effect(lower), effect(min(upper, 1 - 1e-9))))
    gained = min(points, 1 - rate)
    note = f"at a retention of {rate:.1%} and a discount of {discount:.0%} a year"
    if gained < points:
        note += f"; only {gained:.1%} are left to gain"
    yield attrs.evolve(
        row,
        observed=effect(rate),
        lower=ends[0],
        upper=max(ends[1], effect(rate)),
        sample_size=n,
        method="wilson on retention",
        note=note,
    )


def _churn(year: _Year) -> Iterator[_Row]:
    n, kept = _kept(year)
    row = _Row(
        "1:1:75",
        "share of last year's customers that are lost",
        year.reference("rule_churn"),
        note="the source does not say what its figures count; the last is compared with churn",
    )
    yield _proportion(row, n - kept, n, year.confidence)


def _reasons(year: _Year) -> Iterator[_Row]:
    reference = year.policy.value("loss_reason_shares")
    people = year.view["customers"]
    counts = pd.Series(0, index=list(reference))
    note = "needs closed customers with their reasons"
    if people.has("closed_date", "closure_reason"):
        closed = people.day("closed_date") <= year.end
        reasons = people.frame.loc[closed, "closure_reason"]
        counts = count_loss_reasons(reasons, policy=year.policy)
        note = ""
    for name, count in counts.items():
        row = _Row("14:9:9:68", f"share lost by {name}", float(reference[name]), note=note)
        yield _proportion(row, float(count), int(counts.sum()), year.confidence)
