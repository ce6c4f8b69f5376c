"""Rates of contributions: transfer prices by tenor, interest, day counts, unit costs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Literal, Self

import attrs
import numpy as np
from numpy.typing import NDArray

from bankcrm.errors import DataError
from bankcrm.frames.column import fault_in_rows
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.valuation.arrays import Floats

DayCount = Literal["ACT/365", "ACT/360", "30/360"]


@attrs.frozen
class TransferBand:
    """One band of the transfer-price curve: tenors from ``from_months`` up to ``to_months``.

    Attributes:
        from_months: First tenor of the band, in months.
        to_months: End of the band, in months; it belongs to the next band.
        rate: Rate per year.
    """

    from_months: float
    to_months: float
    rate: float


@attrs.frozen
class TransferCurve:
    """Transfer price by tenor: the rate that treasury pays and charges for funds of a term.

    Attributes:
        months: Rising tenors: where each band begins (steps) or the points (linear).
        rates: Rate per year at each of them.
        linear: Whether rates between two tenors are interpolated; flat beyond both ends.
    """

    months: tuple[float, ...]
    rates: tuple[float, ...]
    linear: bool = False

    @classmethod
    def of_bands(cls, bands: Iterable[TransferBand]) -> Self:
        """A curve of steps from bands that begin at 0, without gaps or overlaps.

        >>> curve = TransferCurve.of_bands([TransferBand(0, 12, 0.01), TransferBand(12, 60, 0.02)])
        >>> curve.at([3, 12]).tolist()
        [0.01, 0.02]
        """
        ordered = sorted(bands, key=lambda b: (b.from_months, b.to_months))
        faults = []
        if not ordered or ordered[0].from_months != 0:
            faults.append("the first band must begin at 0 months")
        for band in ordered:
            if not band.to_months > band.from_months:
                faults.append(f"band {_span(band)} is empty")
        for left, right in itertools.pairwise(ordered):
            if right.from_months < left.to_months:
                faults.append(f"bands {_span(left)} and {_span(right)} overlap")
            elif right.from_months > left.to_months:
                faults.append(
                    f"no rate between {left.to_months:g} and {right.from_months:g} months"
                )
        if faults:
            raise DataError(f"transfer price: {'; '.join(faults)}; each tenor needs one rate")
        return cls(tuple(b.from_months for b in ordered), tuple(b.rate for b in ordered))

    @classmethod
    def of_points(cls, points: Mapping[float, float]) -> Self:
        """A curve through (tenor in months: rate per year), linear in between, flat outside.

        >>> TransferCurve.of_points({0: 0.01, 12: 0.02}).at([6, 24]).round(4).tolist()
        [0.015, 0.02]
        """
        if not points:
            raise DataError("transfer price: no points; give at least one tenor and its rate")
        months = sorted(points)
        return cls(tuple(months), tuple(points[m] for m in months), linear=True)

    def at(self, months: Floats | Iterable[float]) -> Floats:
        """Rates per year at the tenors in months; a missing tenor gives a missing rate."""
        tenor = np.asarray(months, dtype=np.float64)
        fault_in_rows(
            "tenor_months", "", "negative", np.flatnonzero(tenor < 0), "0 or more"
        ).refuse()
        if self.linear:
            return np.interp(tenor, self.months, self.rates)
        band = np.searchsorted(np.asarray(self.months), tenor, side="right") - 1
        result: Floats = np.where(np.isnan(tenor), np.nan, np.asarray(self.rates)[band])
        return result


def _span(band: TransferBand) -> str:
    return f"{band.from_months:g} to {band.to_months:g}"


@attrs.frozen
class Rates:
    """All rates and unit costs of a contribution; rates are per year.

    Attributes:
        curve: Transfer prices by tenor.
        side: Product -> ``deposit``, ``loan``, ``managed`` (assets of the customer that earn
            commission) or ``none``.
        rate_paid: Product -> interest that the bank pays, where the position has no rate.
        rate_charged: Product -> interest that the bank charges (for a deposit: on its overdraft).
        commission: Product -> commission on managed assets.
        tenor_months: Product -> tenor used where the position has none (behavioural tenor).
        account_cost: Product -> cost of keeping one account for a year.
        activity_cost: Activity (channel, or kind of transaction) -> cost of one.
        default_probability: Loan status -> probability of default within a year.
        loss_given_default: Product -> part of the exposure that is lost on default.
        risk_weight: Product -> regulatory weight of the exposure.
        capital_ratio: Capital required for one unit of weighted exposure.
        cost_of_capital: Required return on the capital.
        tax_rate: Part of the profit before tax; 0 leaves tax out.
        day_count: How days become years.
    """

    curve: TransferCurve
    side: Mapping[str, str]
    rate_paid: Mapping[str, float]
    rate_charged: Mapping[str, float]
    commission: Mapping[str, float]
    tenor_months: Mapping[str, float]
    account_cost: Mapping[str, float]
    activity_cost: Mapping[str, float]
    default_probability: Mapping[str, float]
    loss_given_default: Mapping[str, float]
    risk_weight: Mapping[str, float]
    capital_ratio: float
    cost_of_capital: float
    tax_rate: float = 0.0
    day_count: DayCount = "ACT/365"

    @classmethod
    def from_policy(cls, policy: Policy | None = None) -> Self:
        """The rates of a valuation policy; by default the library's."""
        policy = policy_of(policy, "valuation")
        names = [a.name for a in attrs.fields(cls) if a.name != "curve"]
        bands = policy.value("transfer_price")
        if not all(isinstance(band, tuple) and len(band) == 3 for band in bands):
            raise DataError("transfer_price: expected bands of from_months, to_months and rate")
        curve = TransferCurve.of_bands(TransferBand(*band) for band in bands)
        return cls(curve, **{name: policy.value(name) for name in names})


def year_fraction(start: NDArray[np.datetime64], end: NDArray[np.datetime64], count: str) -> Floats:
    """Years from the first day to the last, both inside, under a day count.

    Args:
        start: First days, ``datetime64[D]``.
        end: Last days, ``datetime64[D]``, not before the first.
        count: ``ACT/365``, ``ACT/360`` or ``30/360`` (bond basis).

    >>> days = np.array(["2026-01-01", "2026-12-31"], "datetime64[D]")
    >>> year_fraction(days[:1], days[1:], "30/360").tolist()
    [1.0]
    """
    after = end + np.timedelta64(1, "D")
    if count in ("ACT/365", "ACT/360"):
        result: Floats = (after - start).astype(np.float64) / float(count[4:])
        return result
    if count != "30/360":
        raise DataError(f"day_count: got {count!r}; expected ACT/365, ACT/360 or 30/360")
    months = after.astype("datetime64[M]") - start.astype("datetime64[M]")
    day1 = (start - start.astype("datetime64[M]")).astype(np.int64) + 1
    day2 = (after - after.astype("datetime64[M]")).astype(np.int64) + 1
    day1 = np.minimum(day1, 30)
    day2 = np.where((day2 == 31) & (day1 == 30), 30, day2)
    fraction: Floats = (months.astype(np.int64) * 30 + day2 - day1) / 360.0
    return fraction
