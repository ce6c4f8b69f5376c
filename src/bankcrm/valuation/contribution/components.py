"""Contribution of customers, products and positions: margins, fees, costs, risk, capital, tax."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_choice, as_kind
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import codes, row_blocks
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats, Integers, Values, customer_index, summed
from bankcrm.valuation.contribution.rates import Rates
from bankcrm.valuation.contribution.terms import POSITION_COLUMNS, Tables, Terms, parts_of

By = Literal["customer", "product", "customer_product", "position"]

COMPONENTS = (
    "deposit_margin",
    "loan_margin",
    "fees",
    "commission",
    "cost_to_serve",
    "expected_loss",
    "capital_charge",
    "tax",
)
MARGIN_PARTS = ("funds_credit", "interest_paid", "interest_received", "funds_cost")
CHUNK = 1 << 14  # positions computed at once: the intermediate arrays stay in the cache


def contribution(
    positions: object,
    *,
    rates: Rates | None = None,
    policy: Policy | None = None,
    by: By = "customer",
    customers: Values | pd.Index | None = None,
) -> pd.DataFrame:
    """Contribution of customers, products or positions over a period, with every component.

    ``contribution = deposit_margin + loan_margin + fees + commission + cost_to_serve
    + expected_loss + capital_charge + tax``; costs are negative, so the components sum to the
    total. Margins are term-matched: ``deposit_margin = funds_credit + interest_paid`` and
    ``loan_margin = interest_received + funds_cost``, again with costs negative.

    Args:
        positions: One row per account or loan over a period, as `positions_of` gives it. Needs
            ``customer_id, product, start, end``; amounts are averages over the period. A rate or
            interest that is null is taken from ``rates``. A column ``n_<activity>`` counts an
            activity, such as ``n_branch``.
        rates: Rates and unit costs; by default those of the policy.
        policy: Valuation policy; by default the library's.
        by: One row per ``customer``, ``product``, ``customer_product`` or ``position``.
        customers: Ids of the rows of the result, in order, with zeros for a customer without
            a position; only with ``by="customer"``.

    Returns:
        Frame indexed by ``customer_id`` (or product, or both, or the positions' index) with
        ``funds_credit, interest_paid, interest_received, funds_cost``, the components,
        ``contribution`` and the average ``balance`` and ``outstanding``.

    Raises:
        DataError: Columns that do not fit, rates missing for a product, a status or an activity,
            a position that ends before it starts, or a customer who is not in ``customers``.

    Source: CSC-2, CBM-2.

    >>> positions = pd.DataFrame({
    ...     "customer_id": [7], "product": ["demand"], "balance": [36500.0],
    ...     "start": pd.to_datetime(["2026-01-01"]), "end": pd.to_datetime(["2026-01-10"]),
    ...     "interest_paid": [1.0], "fees": [5.0],
    ... })
    >>> found = contribution(positions)
    >>> found.loc[7, ["funds_credit", "deposit_margin", "fees"]].round(2).tolist()
    [15.0, 14.0, 5.0]
    """
    policy = policy_of(policy, "valuation")
    rates = _rates_of(rates, policy)
    frame = _checked(positions)
    index = None if customers is None else customer_index(customers)
    return policy.stamp(_gathered(frame, rates, by, index))


def _rates_of(rates: Rates | None, policy: Policy) -> Rates:
    if rates is None:
        return Rates.from_policy(policy)
    given: Rates = as_kind(rates, Rates, "rates", "use Rates.from_policy(policy)")
    return given


def explain_contribution(
    positions: object,
    customer: object,
    *,
    rates: Rates | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """Explain the contribution of one customer: one row per position and component.

    Args:
        positions: The positions, as for `contribution`.
        customer: Id of the customer.
        rates: Rates and unit costs; by default those of the policy.
        policy: Valuation policy; by default the library's.

    Returns:
        Frame with ``product``, ``component``, ``amount`` and ``how`` (in words); the amounts sum
        to the contribution. Components of 0 are left out.

    Raises:
        DataError: As for `contribution`, or the customer has no position.

    >>> positions = pd.DataFrame({
    ...     "customer_id": [7], "product": ["demand"], "balance": [36500.0],
    ...     "start": pd.to_datetime(["2026-01-01"]), "end": pd.to_datetime(["2026-01-10"]),
    ... })
    >>> explain_contribution(positions, 7)["how"].iloc[0]
    '36,500.00 x transfer price 1.50 % x 10 days ACT/365'
    """
    policy = policy_of(policy, "valuation")
    rates = _rates_of(rates, policy)
    frame = _checked(positions)
    mine = frame[(frame["customer_id"] == customer).to_numpy()]
    if not len(mine):
        raise DataError(f"customer_id: no position of {customer!r} among {len(frame)} positions")
    tables = Tables.of(mine, rates)
    terms = tables.terms(slice(None))
    parts = _with_sums(parts_of(terms, rates), rates)
    rows = []
    for row, product in enumerate(tables.product):
        how = _words(terms, rates, row, tables.days[row])
        for component, words in how.items():
            amount = float(parts[component][row])
            if amount:
                rows.append((tables.products[product], component, amount, words))
    return policy.stamp(pd.DataFrame(rows, columns=["product", "component", "amount", "how"]))


def _checked(positions: object) -> pd.DataFrame:
    """The positions in canonical form, with their counts of activities."""
    raw = as_frame(positions)
    counts = [Column(c, "number", minimum=0) for c in map(str, raw) if c.startswith("n_")]
    return check_frame(raw, (*POSITION_COLUMNS, *counts), frame="positions")


def _words(terms: Terms, rates: Rates, row: int, days: int) -> dict[str, str]:
    """How each component of one position is computed, in words."""
    span = f"{days} days {rates.day_count}"
    lent, transfer = (
        f"{terms.outstanding[row]:,.2f}",
        f"transfer price {_percent(terms.transfer[row])}",
    )
    ead = f"exposure {terms.ead[row]:,.2f}"

    def interest(booked: Floats | None, amount: float, rate: float) -> str:
        if booked is not None and not np.isnan(booked[row]):
            return "as booked"
        return f"{amount:,.2f} x {_percent(rate)} x {span}"

    return {
        "funds_credit": f"{terms.balance[row]:,.2f} x {transfer} x {span}",
        "interest_paid": interest(terms.interest_paid, terms.balance[row], terms.rate_paid[row]),
        "interest_received": interest(
            terms.interest_received, terms.outstanding[row], terms.rate_charged[row]
        ),
        "funds_cost": f"{lent} x {transfer} x {span}",
        "fees": "as booked",
        "commission": f"{terms.managed[row]:,.2f} x {_percent(terms.commission[row])} x {span}",
        "cost_to_serve": (
            f"account {terms.account_cost[row]:,.2f} a year x {span} "
            f"+ activities {terms.activities[row]:,.2f}"
        ),
        "expected_loss": (
            f"pd {_percent(terms.default[row])} x lgd {_percent(terms.lost[row])} x {ead} x {span}"
        ),
        "capital_charge": (
            f"{ead} x weight {_percent(terms.weight[row])} x capital "
            f"{_percent(rates.capital_ratio)} x its cost {_percent(rates.cost_of_capital)} x {span}"
        ),
        "tax": f"{_percent(rates.tax_rate)} of the profit before tax",
    }


def _percent(rate: float) -> str:
    return f"{100 * rate:.2f} %"


# Computed for each position; the other columns are sums of these, taken after the grouping.
_COMPUTED = (
    *MARGIN_PARTS,
    "fees",
    "commission",
    "cost_to_serve",
    "expected_loss",
    "capital_charge",
    "balance",
    "outstanding",
)


def _gathered(
    frame: pd.DataFrame, rates: Rates, by: By, customers: pd.Index | None
) -> pd.DataFrame:
    """The components of all positions, summed for each row of the result."""
    group, index = _groups(frame, by, customers)
    tables = Tables.of(frame, rates)
    size = len(frame)
    ordered = [*MARGIN_PARTS, *COMPONENTS, "contribution", "balance", "outstanding"]
    columns = {name: np.empty(size) for name in (ordered if group is None else _COMPUTED)}
    for rows in row_blocks(size, CHUNK):
        parts = parts_of(tables.terms(rows), rates)
        for name, values in (_with_sums(parts, rates) if group is None else parts).items():
            columns[name][rows] = values
    if group is not None:
        columns = {name: summed(group, v, len(index)) for name, v in columns.items()}
        columns = _with_sums(columns, rates)
    return pd.DataFrame({name: columns[name] for name in ordered}, index=index, copy=False)


def _with_sums(columns: dict[str, Floats], rates: Rates) -> dict[str, Floats]:
    """The components with the margins, the tax and the total."""
    columns["deposit_margin"] = columns["funds_credit"] + columns["interest_paid"]
    columns["loan_margin"] = columns["interest_received"] + columns["funds_cost"]
    before_tax = columns[COMPONENTS[0]].copy()
    for name in COMPONENTS[1:-1]:
        before_tax += columns[name]
    columns["tax"] = 0.0 - rates.tax_rate * before_tax
    columns["contribution"] = before_tax + columns["tax"]
    return columns


def _groups(
    frame: pd.DataFrame, by: By, customers: pd.Index | None
) -> tuple[Integers | None, pd.Index]:
    if by == "position":
        return None, frame.index
    if by == "product":
        group, index = codes(frame["product"])
        return group, index.rename("product")
    as_choice(by, ("customer", "product", "customer_product", "position"), "by")
    group, index = codes(frame["customer_id"])
    if by == "customer":
        if customers is not None:
            place = customers.get_indexer(index)
            unknown = index[place < 0]
            if len(unknown):
                raise DataError(
                    f"positions: {len(unknown)} customers are not among the {len(customers)} in "
                    f"customers ({few(unknown)}); add them, or leave their positions out"
                )
            group, index = place[group].astype(np.intp), customers
        return group, index.rename("customer_id")
    product, products = codes(frame["product"])
    pair, pairs = codes(group * len(products) + product)
    both = pairs.to_numpy(dtype=np.intp)
    return pair, pd.MultiIndex.from_arrays(
        [index[both // len(products)], products[both % len(products)]],
        names=["customer_id", "product"],
    )
