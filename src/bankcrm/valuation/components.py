"""What each customer, product or position contributes: margins, fees, costs, risk, capital, tax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csc_array

from bankcrm.columns import Column, as_frame, check_frame, codes
from bankcrm.errors import DataError
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Floats, Integers, Values, customer_index
from bankcrm.valuation.rates import Rates, year_fraction

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

POSITION_COLUMNS = (
    Column("customer_id", "id", meaning="whose position it is"),
    Column("product", "category", meaning="product, a name that the rates know"),
    Column("start", "date", meaning="first day of the period"),
    Column("end", "date", meaning="last day of the period, inside it"),
    Column("balance", "money", required=False, minimum=0, meaning="average credit balance"),
    Column("outstanding", "money", required=False, minimum=0, meaning="average amount lent"),
    Column("tenor_months", "number", required=False, nullable=True, unit="months", minimum=0),
    Column("rate_paid", "number", required=False, nullable=True, unit="rate per year"),
    Column("rate_charged", "number", required=False, nullable=True, unit="rate per year"),
    Column("interest_paid", "money", required=False, nullable=True, meaning="as booked"),
    Column("interest_received", "money", required=False, nullable=True, meaning="as booked"),
    Column("fees", "money", required=False, meaning="fees booked in the period"),
    Column("status", "category", required=False, nullable=True, meaning="loan status"),
    Column("pd", "number", required=False, nullable=True, minimum=0, maximum=1),
    Column("lgd", "number", required=False, nullable=True, minimum=0, maximum=1),
    Column("ead", "money", required=False, nullable=True, minimum=0, meaning="exposure at default"),
)


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
        positions: one row an account or loan over a period, as `positions_of` makes it. Needs
            ``customer_id, product, start, end``; amounts are averages over the period. A rate or
            interest that is null is taken from ``rates``. A column ``n_<activity>`` counts an
            activity, such as ``n_branch``.
        rates: rates and unit costs; None: those of the policy.
        policy: valuation policy; None: the defaults.
        by: one row a ``customer``, ``product``, ``customer_product`` or ``position``.
        customers: ids that the result must hold, in this order, with zeros where there is no
            position; only with ``by="customer"``.

    Returns:
        Frame indexed by ``customer_id`` (or product, or both, or the positions' index) with
        ``funds_credit, interest_paid, interest_received, funds_cost``, the components,
        ``contribution`` and the average ``balance`` and ``outstanding``.

    Raises:
        DataError: columns that do not fit, rates missing for a product, a status or an activity,
            a position that ends before it starts, a customer that ``customers`` does not hold.

    Source: CSC-2, CBM-2.

    >>> held = pd.DataFrame({
    ...     "customer_id": [7], "product": ["demand"], "balance": [36500.0],
    ...     "start": pd.to_datetime(["2026-01-01"]), "end": pd.to_datetime(["2026-01-10"]),
    ...     "interest_paid": [1.0], "fees": [5.0],
    ... })
    >>> worth = contribution(held)
    >>> worth.loc[7, ["funds_credit", "deposit_margin", "fees"]].round(2).tolist()
    [15.0, 14.0, 5.0]
    """
    policy = default_policy("valuation") if policy is None else policy
    rates = Rates.from_policy(policy) if rates is None else rates
    frame = _checked(positions)
    asked = None if customers is None else customer_index(customers)
    result = _gathered(frame, rates, by, asked)
    result.attrs["policy"] = policy.id
    result.attrs["fingerprint"] = policy.fingerprint
    return result


def explain_contribution(
    positions: object,
    customer: object,
    *,
    rates: Rates | None = None,
    policy: Policy | None = None,
) -> pd.DataFrame:
    """How a customer's contribution comes about: a row for each position and component, in words.

    Args:
        positions: as for `contribution`.
        customer: id of the customer.
        rates: rates and unit costs; None: those of the policy.
        policy: valuation policy; None: the defaults.

    Returns:
        Frame with ``product``, ``component``, ``amount`` and ``how``; the amounts sum to the
        contribution. Components of 0 are left out.

    Raises:
        DataError: as `contribution`, or the customer has no position.

    >>> held = pd.DataFrame({
    ...     "customer_id": [7], "product": ["demand"], "balance": [36500.0],
    ...     "start": pd.to_datetime(["2026-01-01"]), "end": pd.to_datetime(["2026-01-10"]),
    ... })
    >>> explain_contribution(held, 7)["how"].iloc[0]
    '36,500.00 x transfer price 1.50 % x 10 days ACT/365'
    """
    policy = default_policy("valuation") if policy is None else policy
    rates = Rates.from_policy(policy) if rates is None else rates
    frame = _checked(positions)
    mine = frame[(frame["customer_id"] == customer).to_numpy()]
    if not len(mine):
        raise DataError(f"customer_id: no position of {customer!r} among {len(frame)} positions")
    tables = _Tables.of(mine, rates)
    terms = tables.terms(slice(None))
    parts = _with_sums(_parts(terms, rates), rates)
    rows = []
    for row, product in enumerate(tables.product):
        how = _words(terms, rates, row, tables.days[row])
        for component, words in how.items():
            amount = float(parts[component][row])
            if amount:
                rows.append((tables.products[product], component, amount, words))
    result = pd.DataFrame(rows, columns=["product", "component", "amount", "how"])
    result.attrs["policy"] = policy.id
    result.attrs["fingerprint"] = policy.fingerprint
    return result


def _checked(positions: object) -> pd.DataFrame:
    """The positions in canonical form, with their counts of activities."""
    raw = as_frame(positions)
    counts = [Column(c, "number", minimum=0) for c in map(str, raw) if c.startswith("n_")]
    return check_frame(raw, (*POSITION_COLUMNS, *counts), frame="positions")


@attrs.frozen
class _Terms:
    """What the components of some positions are computed from, row by row."""

    years: Floats
    balance: Floats
    managed: Floats
    outstanding: Floats
    transfer: Floats
    rate_paid: Floats
    rate_charged: Floats
    interest_paid: Floats | None
    interest_received: Floats | None
    fees: Floats
    commission: Floats
    account_cost: Floats
    activities: Floats
    ead: Floats
    default: Floats
    lost: Floats
    weight: Floats


@attrs.frozen
class _Tables:
    """The columns of positions, and what the rates say of each product."""

    columns: Mapping[str, Floats]
    product: Integers
    products: tuple[str, ...]
    days: NDArray[np.int64]
    years: Floats
    by_product: Mapping[str, Floats]
    rates: Rates
    unit_costs: Mapping[str, float]

    @classmethod
    def of(cls, frame: pd.DataFrame, rates: Rates) -> _Tables:
        product, index = codes(frame["product"])
        products = tuple(str(p) for p in index)
        start = frame["start"].to_numpy().astype("datetime64[D]")
        end = frame["end"].to_numpy().astype("datetime64[D]")
        _refuse(end < start, frame, "end before they start", "the last day on or after the first")
        unit_costs = _unit_costs(frame, rates)
        kinds = {c.name: c.kind for c in POSITION_COLUMNS}
        numeric = [
            str(c) for c in frame if kinds.get(str(c)) in ("money", "number") or c in unit_costs
        ]
        columns = {c: frame[c].to_numpy(dtype=np.float64) for c in numeric}
        side = _sides(products, rates)
        columns.setdefault("balance", np.zeros(len(frame)))
        columns.setdefault("outstanding", np.zeros(len(frame)))
        balance, lent = columns["balance"], columns["outstanding"]
        wrong = np.isin(side, ["loan", "none"])
        if wrong.any():
            _refuse(
                wrong[product] & (balance != 0),
                frame,
                "have a balance, but their product is no deposit and not managed",
                "what is owed in `outstanding`",
            )
        if "ead" in columns:
            columns["ead"] = np.where(np.isnan(columns["ead"]), lent, columns["ead"])
        exposed = columns.setdefault("ead", lent) != 0
        if "pd" not in columns or np.isnan(columns["pd"]).any():
            columns["pd"] = _default_probability(frame, columns.get("pd"), rates)
        deposit, managed = (side == "deposit")[product], (side == "managed")[product]

        def table(name: str, needed: NDArray[np.bool_], own: str = "") -> Floats:
            return _by_product(
                getattr(rates, name), name, products, product, needed, columns.get(own)
            )

        tenors = table("tenor_months", (balance != 0) & deposit | (lent != 0), "tenor_months")
        by_product = {
            "tenor": tenors,
            "transfer": rates.curve.at(tenors),
            "rate_paid": table("rate_paid", (balance != 0) & deposit, "rate_paid")
            * (side == "deposit"),
            "rate_charged": table("rate_charged", lent != 0, "rate_charged"),
            "commission": table("commission", (balance != 0) & managed) * (side == "managed"),
            "account_cost": table("account_cost", np.ones(len(frame), dtype=np.bool_)),
            "lgd": table("loss_given_default", exposed, "lgd"),
            "risk_weight": table("risk_weight", exposed),
            "deposit": (side == "deposit").astype(np.float64),
        }
        years = year_fraction(start, end, rates.day_count)
        days = (end - start).astype(np.int64) + 1
        return cls(columns, product, products, days, years, by_product, rates, unit_costs)

    def terms(self, rows: slice) -> _Terms:
        product = self.product[rows]
        own = {name: column[rows] for name, column in self.columns.items()}

        def filled(column: str, table: str) -> Floats:
            default = self.by_product[table][product]
            return (
                np.where(np.isnan(own[column]), default, own[column]) if column in own else default
            )

        if "tenor_months" in own:
            transfer = self.rates.curve.at(filled("tenor_months", "tenor"))
        else:
            transfer = self.by_product["transfer"][product]
        lent = own["outstanding"]
        activities = np.zeros(len(product))
        for name, cost in self.unit_costs.items():
            activities += own[name] * cost
        return _Terms(
            years=self.years[rows],
            balance=own["balance"] * self.by_product["deposit"][product],
            managed=own["balance"],
            outstanding=lent,
            transfer=transfer,
            rate_paid=filled("rate_paid", "rate_paid"),
            rate_charged=filled("rate_charged", "rate_charged"),
            interest_paid=own.get("interest_paid"),
            interest_received=own.get("interest_received"),
            fees=own["fees"] if "fees" in own else np.zeros(len(product)),
            commission=self.by_product["commission"][product],
            account_cost=self.by_product["account_cost"][product],
            activities=activities,
            ead=own["ead"],
            default=own["pd"],
            lost=filled("lgd", "lgd"),
            weight=self.by_product["risk_weight"][product],
        )


def _parts(terms: _Terms, rates: Rates) -> dict[str, Floats]:
    """The components of each position; what the bank pays or loses is negative."""
    years = terms.years
    paid = _booked(terms.interest_paid, terms.balance * terms.rate_paid * years)
    received = _booked(terms.interest_received, terms.outstanding * terms.rate_charged * years)
    return {
        "funds_credit": terms.balance * terms.transfer * years,
        "interest_paid": -paid,
        "interest_received": received,
        "funds_cost": -terms.outstanding * terms.transfer * years,
        "fees": terms.fees,
        "commission": terms.managed * terms.commission * years,
        "cost_to_serve": -(terms.account_cost * years + terms.activities),
        "expected_loss": -terms.default * terms.lost * terms.ead * years,
        "capital_charge": -terms.ead
        * terms.weight
        * (rates.capital_ratio * rates.cost_of_capital)
        * years,
        "balance": terms.managed,
        "outstanding": terms.outstanding,
    }


def _booked(booked: Floats | None, computed: Floats) -> Floats:
    return computed if booked is None else np.where(np.isnan(booked), computed, booked)


def _words(terms: _Terms, rates: Rates, row: int, days: int) -> dict[str, str]:
    """In words how each component of one position comes about."""
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


def _by_product(
    table: Mapping[str, float],
    name: str,
    products: tuple[str, ...],
    product: Integers,
    needed: NDArray[np.bool_],
    own: Floats | None,
) -> Floats:
    """A rate for each product, 0 where none is needed; refused where one is needed and missing."""
    values = np.array([table.get(p, 0.0) for p in products], dtype=np.float64)
    absent = np.array([p not in table for p in products], dtype=np.bool_)
    if absent.any():
        rows = absent[product] & needed
        if own is not None:
            rows &= np.isnan(own)
        if rows.any():
            which = ", ".join(products[p] for p in np.unique(product[rows]))
            raise DataError(
                f"rates.{name}: missing for product {which} ({int(rows.sum())} positions need it); "
                f"there are rates for {', '.join(table) or 'none'}; add the product to the policy"
            )
    return values


def _sides(products: tuple[str, ...], rates: Rates) -> NDArray[np.str_]:
    unknown = [p for p in products if p not in rates.side]
    if unknown:
        raise DataError(
            f"rates.side: missing for product {', '.join(unknown)}; there are sides for "
            f"{', '.join(rates.side)}; say deposit, loan, managed or none for each product"
        )
    return np.array([rates.side[p] for p in products], dtype=np.str_)


def _unit_costs(frame: pd.DataFrame, rates: Rates) -> dict[str, float]:
    names = [str(c) for c in frame.columns if str(c).startswith("n_")]
    unknown = [n[2:] for n in names if n[2:] not in rates.activity_cost]
    if unknown:
        raise DataError(
            f"rates.activity_cost: missing for activity {', '.join(unknown)}; there are costs for "
            f"{', '.join(rates.activity_cost)}; add the activity to the policy"
        )
    return {n: float(rates.activity_cost[n[2:]]) for n in names}


def _default_probability(frame: pd.DataFrame, own: Floats | None, rates: Rates) -> Floats:
    """Probability of default of each position: its own, else by its status, else as running."""
    table = rates.default_probability
    code, statuses = codes(frame["status"]) if "status" in frame else (None, pd.Index([]))
    unknown = [str(s) for s in statuses if str(s) not in table]
    if unknown or "running" not in table:
        raise DataError(
            f"rates.default_probability: missing for status {', '.join(unknown) or 'running'}; "
            f"there are probabilities for {', '.join(table)}; add the status to the policy"
        )
    # The last place serves the code -1 of a position without status.
    values = np.array([table[str(s)] for s in statuses] + [table["running"]], dtype=np.float64)
    by_status = np.full(len(frame), values[-1]) if code is None else values[code]
    return by_status if own is None else np.where(np.isnan(own), by_status, own)


def _refuse(wrong: NDArray[np.bool_], frame: pd.DataFrame, what: str, expected: str) -> None:
    if wrong.any():
        rows = ", ".join(str(label) for label in frame.index[wrong][:5])
        raise DataError(
            f"positions: {int(wrong.sum())} of {len(frame)} {what} (rows {rows}); "
            f"expected {expected}"
        )


# What is computed for each position; the rest are sums of these, taken after the grouping.
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
    """The components of all positions, summed over what the result has a row for."""
    group, index = _groups(frame, by, customers)
    tables = _Tables.of(frame, rates)
    size = len(frame)
    values = np.empty((size, len(_COMPUTED)))
    for first in range(0, size, CHUNK):
        rows = slice(first, min(first + CHUNK, size))
        parts = _parts(tables.terms(rows), rates)
        for column, name in enumerate(_COMPUTED):
            values[rows, column] = parts[name]
    if group is not None:
        # A matrix of ones, a column a position: its product adds whole rows of components.
        ones = csc_array((np.ones(size), group, np.arange(size + 1)), (len(index), size))
        values = np.asarray(ones @ values, dtype=np.float64)
    columns = {name: values[:, column].copy() for column, name in enumerate(_COMPUTED)}
    columns = _with_sums(columns, rates)
    ordered = [*MARGIN_PARTS, *COMPONENTS, "contribution", "balance", "outstanding"]
    return pd.DataFrame({name: columns[name] for name in ordered}, index=index)


def _with_sums(columns: dict[str, Floats], rates: Rates) -> dict[str, Floats]:
    """The margins, the tax and the total beside what they are made of."""
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
    if by not in ("customer", "customer_product"):
        raise DataError(
            f"by: got {by!r}; expected one of customer, product, customer_product, position"
        )
    group, index = codes(frame["customer_id"])
    if by == "customer":
        if customers is not None:
            place = customers.get_indexer(index)
            strangers = index[place < 0]
            if len(strangers):
                first = ", ".join(str(c) for c in strangers[:5])
                raise DataError(
                    f"positions: {len(strangers)} customers are not among the {len(customers)} "
                    f"asked for (first: {first}); give every customer, or leave their rows out"
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
