"""The terms of positions (amounts, rates, prices), and the components computed from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.arrays import codes, row_blocks
from bankcrm.valuation.arrays import Floats, Integers
from bankcrm.valuation.contribution.rates import Rates, year_fraction

Mask = NDArray[np.bool_]
Needed = Callable[[slice], Mask]

POSITION_COLUMNS = (
    Column("customer_id", "id", meaning="Owner of the position."),
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


@attrs.frozen(eq=False)
class Terms:
    """Amounts and rates of some positions, one value per position."""

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


@attrs.frozen(eq=False)
class Tables:
    """The columns of positions, and the rates of each product."""

    columns: Mapping[str, Floats]
    product: Integers
    products: tuple[str, ...]
    days: NDArray[np.int64]
    years: Floats
    by_product: Mapping[str, Floats]
    rates: Rates
    unit_costs: Mapping[str, float]

    @classmethod
    def of(cls, frame: pd.DataFrame, rates: Rates) -> Tables:
        """Look up every rate that the positions need; a missing one raises a DataError."""
        product, index = codes(frame["product"])
        products = tuple(str(p) for p in index)
        years, days = _periods(frame, rates)
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
        wrong = _among(product, np.isin(side, ["loan", "none"]), lambda rows: balance[rows] != 0)
        _refuse(
            wrong,
            frame,
            "have a balance, but their product is no deposit and not managed",
            "what is owed in `outstanding`",
        )
        if "ead" in columns:
            columns["ead"] = np.where(np.isnan(columns["ead"]), lent, columns["ead"])
        exposure = columns.setdefault("ead", lent)
        if "pd" not in columns or np.isnan(columns["pd"]).any():
            columns["pd"] = _default_probability(frame, columns.get("pd"), rates)

        def table(name: str, needed: Needed, own: str = "", only: Mask = side != "") -> Floats:
            return _by_product(
                getattr(rates, name), name, products, product, needed, columns.get(own), only
            )

        deposit, managed = side == "deposit", side == "managed"
        tenors = table(
            "tenor_months",
            lambda rows: (deposit.take(product[rows]) & (balance[rows] != 0)) | (lent[rows] != 0),
            "tenor_months",
        )
        by_product = {
            "tenor": tenors,
            "transfer": rates.curve.at(tenors),
            "rate_paid": table("rate_paid", lambda rows: balance[rows] != 0, "rate_paid", deposit)
            * deposit,
            "rate_charged": table("rate_charged", lambda rows: lent[rows] != 0, "rate_charged"),
            "commission": table("commission", lambda rows: balance[rows] != 0, only=managed)
            * managed,
            "account_cost": table("account_cost", lambda rows: product[rows] >= 0),
            "lgd": table("loss_given_default", lambda rows: exposure[rows] != 0, "lgd"),
            "risk_weight": table("risk_weight", lambda rows: exposure[rows] != 0),
            "deposit": deposit.astype(np.float64),
        }
        return cls(columns, product, products, days, years, by_product, rates, unit_costs)

    def terms(self, rows: slice) -> Terms:
        """The terms of some positions: their own rates, else those of their product."""
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
        return Terms(
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


def parts_of(terms: Terms, rates: Rates) -> dict[str, Floats]:
    """The components of each position; costs and losses of the bank are negative."""
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


def _by_product(
    table: Mapping[str, float],
    name: str,
    products: tuple[str, ...],
    product: Integers,
    needed: Needed,
    own: Floats | None,
    only: Mask,
) -> Floats:
    """The rate of each product, 0 where none is needed; a needed rate must not be missing.

    ``only`` marks the products that may need one.
    """
    values = np.array([table.get(p, 0.0) for p in products], dtype=np.float64)
    absent = np.array([p not in table for p in products], dtype=np.bool_) & only

    def lacking(rows: slice) -> Mask:
        return needed(rows) if own is None else needed(rows) & np.isnan(own[rows])

    rows = _among(product, absent, lacking)
    if rows is not None:
        which = few([products[p] for p in np.unique(product[rows])], repr)
        raise DataError(
            f"rates.{name}: missing for product {which} ({int(rows.sum())} positions need it); "
            f"there are rates for {', '.join(table) or 'none'}; add the product to the policy"
        )
    return values


def _among(product: Integers, some: Mask, condition: Needed) -> Mask | None:
    """Which positions of some products fulfil a condition; None if there is none."""

    def found(rows: slice) -> Mask:
        return some.take(product[rows]) & condition(rows)

    if some.any() and any(found(rows).any() for rows in row_blocks(len(product))):
        return found(slice(None))
    return None


def _periods(frame: pd.DataFrame, rates: Rates) -> tuple[Floats, NDArray[np.int64]]:
    """Years and days of each position; computed once where all have the same period."""
    start, end = frame["start"].to_numpy(), frame["end"].to_numpy()
    size = len(frame)
    if size and bool((start == start[0]).all()) and bool((end == end[0]).all()):
        start, end = start[:1], end[:1]
    if (end < start).any():
        wrong = np.broadcast_to(end < start, size)
        _refuse(wrong, frame, "end before they start", "the last day on or after the first")
    first, last = start.astype("datetime64[D]"), end.astype("datetime64[D]")
    years = year_fraction(first, last, rates.day_count)
    days = (last - first).astype(np.int64) + 1
    return np.broadcast_to(years, size), np.broadcast_to(days, size)


def _sides(products: tuple[str, ...], rates: Rates) -> NDArray[np.str_]:
    unknown = [p for p in products if p not in rates.side]
    if unknown:
        raise DataError(
            f"rates.side: missing for product {few(unknown, repr)}; there are sides for "
            f"{', '.join(rates.side)}; give deposit, loan, managed or none for each product"
        )
    return np.array([rates.side[p] for p in products], dtype=np.str_)


def _unit_costs(frame: pd.DataFrame, rates: Rates) -> dict[str, float]:
    names = sorted(str(c) for c in frame.columns if str(c).startswith("n_"))
    unknown = [n[2:] for n in names if n[2:] not in rates.activity_cost]
    if unknown:
        raise DataError(
            f"rates.activity_cost: missing for activity {few(unknown, repr)}; there are costs for "
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
            f"rates.default_probability: missing for status {few(unknown or ['running'], repr)}; "
            f"there are probabilities for {', '.join(table)}; add the status to the policy"
        )
    # The last place serves the code -1 of a position without status.
    values = np.array([table[str(s)] for s in statuses] + [table["running"]], dtype=np.float64)
    by_status = np.full(len(frame), values[-1]) if code is None else values[code]
    return by_status if own is None else np.where(np.isnan(own), by_status, own)


def _refuse(wrong: Mask | None, frame: pd.DataFrame, what: str, expected: str) -> None:
    if wrong is not None and wrong.any():
        raise DataError(
            f"positions: {int(wrong.sum())} of {len(frame)} {what} "
            f"(rows {few(frame.index[wrong])}); expected {expected}"
        )
