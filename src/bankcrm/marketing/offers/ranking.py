"""Rank the products that a customer may have by how probable it is that they open them (EB-9)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_kind, as_mapping, as_numbers, as_whole_number
from bankcrm.book.view import known_positions
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.customers import by_customer
from bankcrm.frames.numbering import categorical, positions_in
from bankcrm.marketing.offers.cards import HELD, Offers, ProductOffer, with_holdings
from bankcrm.marketing.offers.holdings import Accounts
from bankcrm.marketing.people import minors
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scoring import score_card
from bankcrm.vocabulary import CustomerKind

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
DECISIONS = ("approved", "refused")
_CUSTOMERS = (
    Column("kind", "category", choices=CustomerKind),
    Column("birth_date", "date", nullable=True),
)
_CREDIT = (
    Column("customer_id", "id"),
    Column("product", "category"),
    Column("decision", "category", choices=DECISIONS),
)
_NOTHING = "no product that the customer lacks and may have"


def rank_offers(
    facts: pd.DataFrame,
    offers: Offers,
    *,
    customers: object,
    accounts: object,
    as_of: object,
    credit: object = None,
    value: Mapping[str, float] | None = None,
    top: int | None = 3,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Rank the products that each customer lacks and may have, the most probable first.

    The table ``offer`` decides which those are: never a product that the customer holds, that the
    bank does not sell, or that is for others; credit only where the bank has decided to grant it.
    Whether the customer may be contacted about it is another decision: see `may_contact`.

    Args:
        facts: Facts of the customers on the day, one row each, indexed by customer id, as for
            `fit_offers`.
        offers: What `fit_offers` learned.
        customers: ``customer_id``, ``kind`` and ``birth_date`` of at least these customers.
        accounts: ``customer_id``, ``product``, ``opened_date`` and ``closed_date`` as in a book.
        as_of: The day.
        credit: The bank's own decisions on credit: ``customer_id``, ``product`` and ``decision``
            (``approved`` or ``refused``). None: it decided on none, and no credit is offered.
        value: Product -> what an opening is worth to the bank, in money; offers are then ranked by
            probability times value. None: by probability.
        top: Most offers per customer; None: every product that they may have.
        policy: Marketing policy; the library's default if None.

    Returns:
        One row per customer and offer, customers in the order given: ``customer_id``, ``rank``
        (from 1), ``product``, ``probability``, ``expected_value`` (with ``value``), ``reason`` (the
        bins of the card that speak most for it) and ``eligible_by`` (the rule). A customer without
        an offer has one row, whose other columns are null and whose ``reason`` says so.

    Raises:
        DataError: A frame does not fit, a customer is not known, or a value is missing.

    Source: EB-9, EB-4.

    >>> from bankcrm.marketing.offers.cards import ProductOffer
    >>> offers = Offers((ProductOffer("fund", 100, 20), ProductOffer("mortgage", 100, 30)), (), 90)
    >>> people = pd.DataFrame({"kind": ["person"], "birth_date": pd.to_datetime(["1990-01-01"])},
    ...                       index=[7])
    >>> held = pd.DataFrame({"customer_id": [7], "product": ["demand"],
    ...                      "opened_date": pd.to_datetime(["2020-01-01"])})
    >>> found = rank_offers(pd.DataFrame(index=[7]), offers, customers=people, accounts=held,
    ...                     as_of="2026-06-30")
    >>> found[["product", "probability", "eligible_by"]].values.tolist()
    [['fund', 0.2, 'nothing-against']]
    """
    as_kind(offers, Offers, "offers", "give the result of fit_offers")
    if top is not None:
        top = as_whole_number(top, "top", 1)
    policy = policy_of(policy, "marketing")
    today = as_of_day(as_of)
    people = by_customer(customers, _CUSTOMERS, "customers")
    read = {f.name.removeprefix(HELD) for p in offers.products if p.card for f in p.card.features
            if f.name.startswith(HELD)}  # fmt: skip
    full = with_holdings(
        facts, Accounts.of(accounts), today, sorted(read | {p.product for p in offers.products})
    )
    place = known_positions(full.index.to_series(), people.index, "facts")
    rules = _eligible(full, people.iloc[place], offers, credit, today, policy)
    chance = np.column_stack([_chances(full, p) for p in offers.products])
    worth = np.where(rules >= 0, chance * _values(value, offers), np.nan)
    order = np.argsort(-worth, axis=1, kind="stable")[:, :top]  # nan comes last
    row, rank = np.nonzero(~np.isnan(np.take_along_axis(worth, order, axis=1)))
    product = order[row, rank]
    none = np.setdiff1d(np.arange(len(full)), row)
    gap, unknown = np.full(len(none), -1), np.full(len(none), np.nan)
    rule = np.append(rules[row, product], gap)
    reason = _reasons(full, offers, row, product) + _why_none(full, offers, rules, none)
    found = pd.DataFrame(
        {
            "customer_id": full.index[np.append(row, none)],
            "rank": pd.array(np.append(rank + 1, unknown), "Int64"),
            "product": categorical(np.append(product, gap), [p.product for p in offers.products]),
            "probability": np.append(chance[row, product], unknown),
            "expected_value": np.append(worth[row, product], unknown),
            "reason": pd.Categorical(reason),
            "eligible_by": categorical(rule, [r.id for r in policy.table("offer").rules]),
        }
    )
    found = found.iloc[np.argsort(np.append(row, none), kind="stable")].reset_index(drop=True)
    return policy.stamp(found if value is not None else found.drop(columns="expected_value"))


def _eligible(
    full: pd.DataFrame,
    people: pd.DataFrame,
    offers: Offers,
    credit: object,
    today: np.datetime64,
    policy: Policy,
) -> Ints:
    """The rule by which each customer may have each product; -1 where none lets them."""
    table = policy.table("offer")
    lets = np.array([*(i if r.then == "offer" else -1 for i, r in enumerate(table.rules)), -1])
    decided = None if credit is None else check_frame(
        credit, _CREDIT, frame="credit", key=("customer_id", "product")
    )  # fmt: skip
    own = pd.DataFrame({"kind": people["kind"].array, "minor": minors(people, today, policy)})
    lists = ("sold_products", "credit_products", "person_products", "company_products")
    sold, on_credit, persons, companies = (set(policy.value(name)) for name in lists)
    rules = np.full((len(full), len(offers.products)), -1, np.int64)
    for number, offer in enumerate(offers.products):
        name = offer.product
        facts = own.assign(
            sold=name in sold,
            held=full[HELD + name].to_numpy(np.bool_),
            credit=name in on_credit,
            credit_decision=_decisions(decided, name, full.index),
            persons_only=name in persons,
            companies_only=name in companies,
        )
        rules[:, number] = lets[table.decide_codes(facts, on_missing="undecided").rule]
    return rules


def _decisions(decided: pd.DataFrame | None, product: str, customers: pd.Index) -> pd.Categorical:
    """What the bank decided on a product of credit for each customer; null where nothing."""
    found = np.full(len(customers), -1, np.int64)
    if decided is not None:
        rows = decided[decided["product"] == product]
        at = positions_in(rows["customer_id"], customers)
        code = rows["decision"].map(DECISIONS.index).to_numpy(np.int64)
        found[at[at >= 0]] = code[at >= 0]
    return categorical(found, DECISIONS)


def _chances(full: pd.DataFrame, offer: ProductOffer) -> Floats:
    if offer.card is None:
        return np.full(len(full), offer.rate)
    found: Floats = score_card(full, offer.card, reasons=0)["probability"].to_numpy()
    return found


def _values(value: Mapping[str, float] | None, offers: Offers) -> Floats:
    names = [p.product for p in offers.products]
    if value is None:
        return np.ones(len(names))
    value = as_mapping(value, "value", "a mapping of product to value")
    if absent := [n for n in names if n not in value]:
        raise DataError(f"value: no value of {', '.join(absent)}; give one for each product")
    return as_numbers([value[n] for n in names], "value")


def _reasons(full: pd.DataFrame, offers: Offers, row: Ints, product: Ints) -> list[str]:
    """The bins that speak most for each offer; without a card, that the rate is that of all."""
    found = np.full(len(row), "", dtype=object)
    for number, offer in enumerate(offers.products):
        at = np.flatnonzero(product == number)
        if offer.card is None:
            found[at] = f"as often as all customers: {offer.reason}"
        elif len(at):
            found[at] = score_card(full.iloc[row[at]], offer.card)["reasons"].astype(str).to_numpy()
    return found.tolist()


def _why_none(full: pd.DataFrame, offers: Offers, rules: Ints, none: Ints) -> list[str]:
    """Why customers have no offer: nothing is left, or a feature of a card is not known."""
    found = np.full(len(none), _NOTHING, dtype=object)
    for number, offer in enumerate(offers.products):
        at = np.flatnonzero(rules[none, number] >= 0)
        if offer.card is not None and len(at):
            scored = score_card(full.iloc[none[at]], offer.card, reasons=0)
            found[at] = scored["missing"].astype(str).to_numpy() + " is not known"
    return found.tolist()
