"""Concentration and contribution at scale, beside bare numpy and PySAL's inequality.

Other library: ``pip install inequality``; without it the comparison is left out with a message.

    python benchmarks/bench_valuation.py [--quick]
"""

from __future__ import annotations

import argparse
import importlib.util

import numpy as np
import pandas as pd

from bankcrm.book.view import book_view
from bankcrm.datasets import make_book
from bankcrm.policy import default_policy
from bankcrm.valuation import Rates, concentration, contribution
from bankcrm.valuation.contribution.positions import positions_in
from bankcrm.valuation.value.measures import value_measures_of
from timing import compare, seconds


def concentration_figures(values: np.ndarray) -> tuple[float, float, object]:
    found = concentration(values)
    return found.gini, found.share_of_top(0.2), found.lorenz(101)


def pysal_figures(values: np.ndarray) -> tuple[float, float]:
    from inequality.gini import Gini
    from inequality.theil import Theil

    return Gini(values).g, float(Theil(values).T)


def our_figures(values: np.ndarray) -> tuple[float, float]:
    found = concentration(values)
    return found.gini, found.theil


def bench_concentration(n: int) -> None:
    values = np.random.default_rng(1).lognormal(8, 1.5, n)
    label = f"{n:,} values"
    compare(
        f"Gini, Lorenz curve and top share, {label}, by np.sort",
        lambda: concentration_figures(values),
        lambda: np.sort(values),
        limit=1.6,
    )
    if importlib.util.find_spec("inequality") is None:
        print("PySAL's inequality is not installed: left out")
        return
    few = values[: n // 5]
    ours, theirs = our_figures(few), pysal_figures(few)
    assert np.allclose(ours, theirs, rtol=1e-12), (ours, theirs)  # noqa: S101
    compare(
        f"Gini and Theil, {len(few):,} values, by PySAL inequality",
        lambda: our_figures(few),
        lambda: pysal_figures(few),
        limit=1 / 5,
        repeat=3,
    )


def bench_bootstrap(n: int, replicates: int) -> None:
    values = np.random.default_rng(2).lognormal(8, 1.5, n)
    found = concentration(values)

    def sorted_each(times: int) -> None:
        generator = np.random.default_rng(1)
        for _ in range(times):
            picked = np.sort(values[generator.integers(0, n, n)])
            2 * (np.arange(1, n + 1) @ picked) / (n * picked.sum()) - (n + 1) / n

    few = max(replicates // 50, 1)
    compare(
        f"{few} bootstrap books of {n:,} values, by a sort each",
        lambda: found.interval("gini", seed=1, replicates=few),
        lambda: sorted_each(few),
        repeat=3,
    )
    whole = seconds(lambda: found.interval("gini", seed=1, replicates=replicates))
    print(f"{replicates:,} bootstrap books of {n:,} values: {whole:.1f} s")


def bench_contribution(n: int) -> None:
    generator = np.random.default_rng(3)
    products = np.array(["demand", "term", "mortgage", "consumer_loan"])
    code = generator.integers(0, 4, n)
    lent = code >= 2
    amount = generator.lognormal(9, 1.5, n)
    frame = pd.DataFrame(
        {
            "customer_id": generator.integers(0, n // 3, n),
            "product": pd.Categorical.from_codes(code, products),
            "start": np.full(n, np.datetime64("2026-01-01", "s")),
            "end": np.full(n, np.datetime64("2026-06-30", "s")),
            "balance": np.where(lent, 0.0, amount),
            "outstanding": np.where(lent, amount, 0.0),
            "fees": generator.exponential(5, n),
            "n_branch": generator.poisson(1, n).astype(float),
            "n_mobile": generator.poisson(9, n).astype(float),
        }
    )
    rates = Rates.from_policy()
    for by in ("position", "customer"):
        compare(
            f"contribution of {n:,} positions by {by}",
            lambda by=by: contribution(frame, rates=rates, by=by),
            {"numpy": lambda by=by: by_numpy(frame, rates, products, by)},
            limit=1.5,
        )


def by_numpy(
    frame: pd.DataFrame, rates: Rates, products: np.ndarray, by: str
) -> dict[str, np.ndarray]:
    """The same columns as one writes them for positions of one period without rates of their own.

    By customer the amounts are summed by customer and product first, and the rates applied after.
    """
    of = {name: np.array([getattr(rates, name).get(p, 0.0) for p in products]) for name in
          ("tenor_months", "rate_paid", "rate_charged", "account_cost", "loss_given_default",
           "risk_weight")}  # fmt: skip
    transfer = rates.curve.at(of["tenor_months"])
    default = rates.default_probability["running"]
    equity = rates.capital_ratio * rates.cost_of_capital
    deposit = np.array([rates.side[p] == "deposit" for p in products])
    code = frame["product"].cat.codes.to_numpy().astype(np.intp)
    customer = frame["customer_id"].to_numpy()
    balance, lent = frame["balance"].to_numpy(), frame["outstanding"].to_numpy()
    served = sum(
        frame[f"n_{name}"].to_numpy() * rates.activity_cost[name] for name in ("branch", "mobile")
    )
    fees = frame["fees"].to_numpy()
    count: np.ndarray | float = 1.0
    if by == "customer":
        size, width = int(customer.max()) + 1, len(products)
        cell = customer * width + code
        sums = [np.bincount(cell, v, size * width) for v in (balance, lent)]
        balance, lent = sums
        count = np.bincount(cell, minlength=size * width)
        code = np.tile(np.arange(width), size)
        fees, served = (np.bincount(customer, v, size) for v in (fees, served))
    years = 181 / 365
    found = {
        "funds_credit": balance * (transfer * deposit * years)[code],
        "interest_paid": -balance * (of["rate_paid"] * deposit * years)[code],
        "interest_received": lent * (of["rate_charged"] * years)[code],
        "funds_cost": -lent * (transfer * years)[code],
        "account_cost": count * (of["account_cost"] * years)[code],
        "expected_loss": -lent * (default * of["loss_given_default"] * years)[code],
        "capital_charge": -lent * (of["risk_weight"] * equity * years)[code],
        "balance": balance,
        "outstanding": lent,
    }
    if by == "customer":
        found = {n: v.reshape(size, width).sum(axis=1) for n, v in found.items()}
    found["fees"], found["cost_to_serve"] = fees, -(found.pop("account_cost") + served)
    found["deposit_margin"] = found["funds_credit"] + found["interest_paid"]
    found["loan_margin"] = found["interest_received"] + found["funds_cost"]
    parts = ("deposit_margin", "loan_margin", "fees", "cost_to_serve", "expected_loss",
             "capital_charge")  # fmt: skip
    before = sum(found[n] for n in parts)
    found["tax"] = -rates.tax_rate * before
    found["contribution"] = before + found["tax"]
    return found


def bench_views(n: int) -> None:
    """Positions and measures of a checked book, and the peak of memory."""
    policy = default_policy("valuation")
    book = make_book(n, seed=1).check()[0]
    day = np.datetime64(book.as_of)
    view = book_view(book)

    def positions() -> pd.DataFrame:
        view.release(view.frames)
        return positions_in(view, start=day - 364, end=day, policy=policy)

    print(
        f"{n:,} customers: positions {seconds(positions):.2f} s, measures "
        f"{seconds(lambda: value_measures_of(view, as_of=day, policy=policy)):.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    share = 10 if parser.parse_args().quick else 1
    bench_concentration(10_000_000 // share)
    bench_bootstrap(1_000_000 // share, 1000 // share)
    bench_contribution(2_000_000 // share)
    bench_views(50_000 // share)


if __name__ == "__main__":
    main()
