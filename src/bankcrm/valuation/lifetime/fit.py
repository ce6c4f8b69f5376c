"""Fit a model of purchases to histories, and apply it to customers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, few, figures_of
from bankcrm.arguments import as_number
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.rules.values import frozen_dict
from bankcrm.valuation.lifetime import bg_bb, bg_nbd, pareto_nbd
from bankcrm.valuation.lifetime.cells import (
    Cells,
    Floats,
    Score,
    columns_of,
    distinct_histories,
)
from bankcrm.valuation.lifetime.maximise import maximise
from bankcrm.wire.toml import Saved

PurchaseModelName: TypeAlias = Literal["mbg_nbd", "bg_nbd", "pareto_nbd", "bg_bb"]


@attrs.frozen(eq=False)
class Kernel:
    """What a model computes.

    Attributes:
        names: Its parameters.
        score_of: The log-likelihood over cells.
        alive: (parameters, repeats, span, age) -> probability of being alive.
        expected: The same and a time -> expected purchases.
        whole: Whether time is counted in whole periods with at most one purchase each.
    """

    names: tuple[str, ...]
    score_of: Callable[[Cells], Score]
    alive: Callable[[Floats, Floats, Floats, Floats], Floats]
    expected: Callable[[Floats, Floats, Floats, Floats, float], Floats]
    whole: bool = False


def _with_chances(extra: int) -> Kernel:
    return Kernel(
        bg_nbd.NAMES,
        lambda cells: bg_nbd.score_of(cells, extra),
        lambda p, x, span, age: bg_nbd.alive(p, x, span, age, extra),
        lambda p, x, span, age, time: bg_nbd.expected(p, x, span, age, time, extra),
    )


KERNELS: Mapping[str, Kernel] = frozen_dict(
    {
        "mbg_nbd": _with_chances(1),
        "bg_nbd": _with_chances(0),
        "pareto_nbd": Kernel(
            pareto_nbd.NAMES, pareto_nbd.score_of, pareto_nbd.alive, pareto_nbd.expected
        ),
        "bg_bb": Kernel(bg_bb.NAMES, bg_bb.score_of, bg_bb.alive, bg_bb.expected, whole=True),
    }
)


@attrs.frozen(repr=False)
class PurchaseModel(Saved):
    """A fitted model of purchases; it forecasts one customer as it forecasts a book.

    Attributes:
        model: Its name.
        parameters: Name -> value, for time in units of ``unit_days``.
        covariance: Of the parameters; empty where the data does not settle them.
        log_likelihood: Of the histories; comparable only between models of one time unit.
        customers: Histories of the fit.
        unit_days: The unit of time, in days.
    """

    model: PurchaseModelName
    parameters: Mapping[str, float] = attrs.field(converter=frozen_dict)
    covariance: tuple[tuple[float, ...], ...]
    log_likelihood: float
    customers: int
    unit_days: float

    @property
    def errors(self) -> dict[str, float]:
        """Standard error of each parameter; not a number where the data does not settle it."""
        if not self.covariance:
            return dict.fromkeys(self.parameters, float("nan"))
        return {n: self.covariance[i][i] ** 0.5 for i, n in enumerate(self.parameters)}

    def __repr__(self) -> str:
        found = ", ".join(f"{n} {v:.4g}" for n, v in self.parameters.items())
        return f"<PurchaseModel {self.model}: {found}; {self.customers:,} customers>"

    def _repr_html_(self) -> str:
        rows = [
            {"parameter": n, "value": self.parameters[n], "standard error": e}
            for n, e in self.errors.items()
        ]
        figures = figures_of(self, "customers", "log_likelihood", "unit_days")
        return card(f"Model of purchases: {self.model}", figures, rows=rows)

    def expected(self, history: object, *, days: float) -> pd.Series:
        """Expected purchases of each customer in the days to come (float64).

        Args:
            history: As `purchase_history` gives it.
            days: Length of the time to come, in days.
        """
        kernel, p = KERNELS[self.model], self._values
        time = days / self.unit_days
        if not days > 0 or (kernel.whole and time != int(time)):
            whole = f" and whole periods of {self.unit_days:g} days" if kernel.whole else ""
            raise DataError(f"days: got {days}; expected more than 0{whole}")
        return self._by_cell(history, "expected", lambda x, s, a: kernel.expected(p, x, s, a, time))

    def alive(self, history: object) -> pd.Series:
        """The probability that each customer is still one (float64)."""
        kernel, p = KERNELS[self.model], self._values
        return self._by_cell(history, "alive", lambda x, s, a: kernel.alive(p, x, s, a))

    @property
    def _values(self) -> Floats:
        return np.array([self.parameters[n] for n in KERNELS[self.model].names])

    def _by_cell(
        self, history: object, name: str, figure: Callable[[Floats, Floats, Floats], Floats]
    ) -> pd.Series:
        frame, x, span, age = columns_of(history, self.unit_days)
        cells, place = distinct_histories(x, span, age)
        values = figure(cells.repeats, cells.span, cells.age)
        return pd.Series(values[place], index=frame.index, name=name)


def fit_purchases(
    history: object, *, model: PurchaseModelName = "mbg_nbd", unit_days: float = 7.0
) -> PurchaseModel:
    """Fit a model of purchases by maximum likelihood.

    Fit customers who joined at about the same time: in a book of many years the older cohorts are
    those who stayed.

    Args:
        history: As `purchase_history` gives it: ``repeats``, ``span_days``, ``age_days``.
        model: ``mbg_nbd`` (the default), ``bg_nbd`` (nobody drops out before a second purchase),
            ``pareto_nbd`` (customers die at any time) or ``bg_bb`` (at most one purchase in each
            whole period of ``unit_days``).
        unit_days: The unit of time of the parameters, in days; a week.

    Raises:
        DataError: A row is no history, no customer has a repeat, or no best parameters are found.
        UnknownNameError: No such model.

    Source: as the modules of the models; PB-6.
    """
    if model not in KERNELS:
        raise UnknownNameError("model", model, KERNELS)
    kernel = KERNELS[model]
    cells = cells_of(history, model, unit_days)
    best = maximise(kernel.score_of(cells), cells.weights, start_of(cells, kernel), model)
    covariance = best.covariance()
    known = np.isfinite(covariance).all()
    return PurchaseModel(
        model=model,
        parameters=dict(zip(kernel.names, best.parameters.tolist(), strict=True)),
        covariance=tuple(map(tuple, covariance.tolist())) if known else (),
        log_likelihood=best.log_likelihood,
        customers=round(cells.customers),
        unit_days=float(unit_days),
    )


def cells_of(history: object, model: str, unit_days: float) -> Cells:
    """The cells of a history, if the model can be fitted to them."""
    if not 0 < as_number(unit_days, "unit_days") < np.inf:
        raise DataError(f"unit_days: got {unit_days}; expected a number above 0")
    _, x, span, age = columns_of(history, unit_days)
    if not x.any():
        raise DataError(
            f"history: none of {len(x):,} customers has a repeat; nothing to learn from"
        )
    if KERNELS[model].whole:
        odd = (span != np.floor(span)) | (age != np.floor(age)) | (x > span)
        if odd.any():
            rows = np.flatnonzero(odd)
            raise DataError(
                f"history: {len(rows):,} rows (positions {few(rows)}) are no whole periods of "
                f"{unit_days:g} days with at most one repeat each; {model} needs them"
            )
    return distinct_histories(x, span, age)[0]


def start_of(cells: Cells, kernel: Kernel) -> Floats:
    """Parameters from which a fit starts."""
    if kernel.whole:
        return np.ones(4)
    mean_age = float(cells.weights @ cells.age / cells.customers)
    rate = float(cells.weights @ cells.repeats / (cells.weights @ cells.age))
    late = mean_age if kernel.names[-1] == "beta" else 1.0
    return np.array([1.0, 1 / rate, 1.0, late])
