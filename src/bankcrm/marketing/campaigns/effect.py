"""What a campaign changed: each treated group against the control group (CSC-8)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, few, line
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, ColumnKind, check_frame
from bankcrm.frames.arrays import codes
from bankcrm.frames.customers import by_customer
from bankcrm.intervals import Interval, newcombe, quantile
from bankcrm.marketing.campaigns.groups import CONTROL

Floats = npt.NDArray[np.float64]
_GROUPS = (Column("customer_id", "id"), Column("group", "category"))
SUSPECT = 0.001
"""A sample ratio less probable than this is no accident: the groups were changed afterwards."""


@attrs.frozen
class ArmEffect:
    """What one treated group did against the control group.

    Attributes:
        arm: The group.
        customers: Its customers.
        mean: Its response rate, or mean money.
        control_mean: That of the control group.
        difference: The effect per customer, ``mean - control_mean``; with ``before``, adjusted.
        extra: The effect on the whole group: responses, or money.
        relative: The effect as a part of ``control_mean``; None where that is not above 0.
        p_value: Probability of such a difference without any effect, corrected by Holm's method
            where there are several treated groups.
        variance_saved: Share of the variance that the money before the campaign explains; 0
            without it.
    """

    arm: str
    customers: int
    mean: float
    control_mean: float
    difference: Interval
    extra: Interval
    relative: Interval | None
    p_value: float
    variance_saved: float


@attrs.frozen
class Balance:
    """Whether the groups are as large as they were planned, and the control was left alone.

    Attributes:
        customers: Group -> customers.
        planned: Group -> share planned; empty if it is not known.
        p_value: Probability of such sizes by chance (chi-square); None if no plan is known.
        contacted_control: Customers of the control group who were contacted all the same; None
            if it is not known.
    """

    customers: Mapping[str, int]
    planned: Mapping[str, float]
    p_value: float | None
    contacted_control: int | None

    @property
    def suspect(self) -> bool:
        """Whether the groups were changed: an effect measured on them means nothing."""
        changed = self.p_value is not None and self.p_value < SUSPECT
        return changed or bool(self.contacted_control)


@attrs.frozen(eq=False, repr=False)
class CampaignEffect:
    """The effect of a campaign on each treated group.

    Attributes:
        balance: The check of the groups; look at it first.
        arms: One effect per treated group, in the order of the groups.
        measure: ``share`` or ``money``.
    """

    balance: Balance
    arms: tuple[ArmEffect, ...]
    measure: str

    def arm(self, name: str) -> ArmEffect:
        """The effect on one treated group.

        Raises:
            UnknownNameError: There is no such group.
        """
        for found in self.arms:
            if found.arm == name:
                return found
        raise UnknownNameError("treated group", name, (a.arm for a in self.arms))

    def frame(self) -> pd.DataFrame:
        """One row per treated group: figures with ``_low`` and ``_high`` beside each estimate."""
        rows = []
        for found in self.arms:
            row: dict[str, object] = {"arm": found.arm, "customers": found.customers}
            row |= {"mean": found.mean, "control_mean": found.control_mean}
            for name in ("difference", "extra", "relative"):
                row |= _ends(name, getattr(found, name))
            row |= {"p_value": found.p_value, "variance_saved": found.variance_saved}
            rows.append(row)
        return pd.DataFrame(rows).set_index("arm")

    def __repr__(self) -> str:
        warning = {"SUSPECT GROUPS": "see balance"} if self.balance.suspect else {}
        effects = {found.arm: str(found.difference) for found in self.arms}
        return line("CampaignEffect", {**warning, **effects})

    def _repr_html_(self) -> str:
        note = "The groups are not as planned: see balance." if self.balance.suspect else ""
        return card("Effect of the campaign", {}, self.frame(), note)


def _ends(name: str, found: Interval | None) -> dict[str, object]:
    if found is None:
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
    return {name: found.estimate, f"{name}_low": found.lower, f"{name}_high": found.upper}


def campaign_effect(
    groups: object,
    outcomes: object,
    *,
    value: str = "responded",
    before: str | None = None,
    contacted: str | None = None,
    confidence: float = 0.95,
) -> CampaignEffect:
    """Compare every treated group of a campaign with its control group.

    All assigned customers count, whether they were reached or not: those who opened a message are
    no random part of their group. Responses (booleans, or 0 and 1) are compared as shares by
    Newcombe's interval, money as means by Welch's; with ``before``, money is first adjusted by
    what the customer did before the campaign (CUPED). The size of the groups is checked against
    the plan.

    Args:
        groups: From `assign_groups`: ``customer_id`` and ``group``, one of which is ``control``.
        outcomes: One row per assigned customer: ``customer_id`` and the columns named below; who
            did nothing has 0. Rows of other customers are left out.
        value: Column with the response or the money after the campaign.
        before: Column with money before the campaign; None: not adjusted.
        contacted: Boolean column: whom the campaign contacted; it shows a control group that was
            not left alone.
        confidence: Coverage of each interval; p-values of several groups are corrected.

    Raises:
        DataError: An assigned customer has no outcome, there is no control group or no treated
            one, or a group has fewer than 2 customers.

    Source: CSC-8; Newcombe (1998), Welch (1947), Deng et al. (2013), Holm (1979).

    >>> groups = pd.DataFrame({"customer_id": range(150),
    ...                        "group": ["offer"] * 70 + ["control"] * 80})
    >>> did = pd.DataFrame({"customer_id": range(150),
    ...                     "responded": [1] * 56 + [0] * 14 + [1] * 48 + [0] * 32})
    >>> print(campaign_effect(groups, did).arm("offer").difference)
    0.2 [0.05243, 0.3339] at 95%
    """
    plan = dict(getattr(groups, "attrs", {}).get("shares", {}))
    assigned = check_frame(groups, _GROUPS, frame="groups", key="customer_id")
    place, names = codes(assigned["group"])
    arms = [str(name) for name in names]
    _check_arms(arms, place)
    requested = [Column(value, _kind(outcomes, value))]
    requested += [Column(before, "money")] if before is not None else []
    requested += [Column(contacted, "boolean")] if contacted is not None else []
    found = _outcomes_of(assigned["customer_id"], outcomes, requested)
    y = found[value].to_numpy(np.float64)
    share = bool(np.isin(y, (0.0, 1.0)).all()) and before is None
    saved = 0.0
    control = place == arms.index(CONTROL)
    if before is not None:
        y, saved = _adjusted(y, found[before].to_numpy(np.float64), place)
    treated = [name for name in arms if name != CONTROL]
    compare = _compare_shares if share else _compare_money
    raw = found[value].to_numpy(np.float64)
    effects = []
    for name in treated:
        rows = place == arms.index(name)
        difference, ratio, p = compare(y[rows], y[control], confidence)
        effects.append(
            ArmEffect(
                arm=name,
                customers=int(rows.sum()),
                mean=float(raw[rows].mean()),
                control_mean=float(raw[control].mean()),
                difference=difference,
                extra=_times(difference, int(rows.sum())),
                relative=ratio,
                p_value=p,
                variance_saved=saved,
            )
        )
    corrected = _holm([e.p_value for e in effects])
    return CampaignEffect(
        balance=_balance(arms, place, plan, control, found, contacted),
        arms=tuple(attrs.evolve(e, p_value=p) for e, p in zip(effects, corrected, strict=True)),
        measure="share" if share else "money",
    )


def _kind(outcomes: object, value: str) -> ColumnKind:
    column = outcomes[value] if isinstance(outcomes, pd.DataFrame) and value in outcomes else None
    return "boolean" if column is not None and pd.api.types.is_bool_dtype(column) else "money"


def _check_arms(arms: list[str], place: npt.NDArray[np.intp]) -> None:
    if CONTROL not in arms or len(arms) < 2:
        raise DataError(
            f"groups.group: expected {CONTROL!r} and one treated group or more, found "
            f"{', '.join(arms) or 'none'}"
        )
    sizes = np.bincount(place)
    if sizes.min() < 2:
        small = arms[int(sizes.argmin())]
        raise DataError(f"groups.group: {small!r} has fewer than 2 customers; no effect shows")


def _outcomes_of(customers: pd.Series, outcomes: object, requested: list[Column]) -> pd.DataFrame:
    checked = by_customer(outcomes, requested, "outcomes")
    at = checked.index.get_indexer(pd.Index(customers))
    absent = customers[at < 0]
    if len(absent):
        first = few(absent.tolist(), repr)
        raise DataError(
            f"outcomes: {len(absent):,} assigned customers have no row ({first}); give one with 0 "
            "for who did nothing: the effect is that on all who were assigned"
        )
    return checked.iloc[at]


def _compare_shares(
    treated: Floats, control: Floats, confidence: float
) -> tuple[Interval, Interval | None, float]:
    x, n = float(treated.sum()), len(treated)
    x0, n0 = float(control.sum()), len(control)
    _, low, high = newcombe(x, n, x0, n0, confidence)
    difference = x / n - x0 / n0
    found = Interval(difference, float(low), float(high), confidence, "newcombe", n + n0)
    both = (x + x0) / (n + n0)
    error = math.sqrt(both * (1 - both) * (1 / n + 1 / n0))
    p = math.erfc(abs(difference) / error / math.sqrt(2)) if error else 1.0
    return found, _ratio(treated, control, confidence), p


def _compare_money(
    treated: Floats, control: Floats, confidence: float
) -> tuple[Interval, Interval | None, float]:
    from scipy.stats import t

    parts = [float(v.var(ddof=1)) / len(v) for v in (treated, control)]
    error = math.sqrt(sum(parts))
    difference = float(treated.mean() - control.mean())
    n = len(treated) + len(control)
    if error == 0:
        found = Interval(difference, difference, difference, confidence, "welch", n)
        return found, _ratio(treated, control, confidence), float(difference == 0)
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(v) - 1) for part, v in zip(parts, (treated, control), strict=True)
    )
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * error
    found = Interval(difference, difference - half, difference + half, confidence, "welch", n)
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return found, _ratio(treated, control, confidence), p


def _ratio(treated: Floats, control: Floats, confidence: float) -> Interval | None:
    """The relative effect, by the delta method on the logarithm of the ratio of means."""
    mean, base = float(treated.mean()), float(control.mean())
    if base <= 0 or mean <= 0:
        return None
    error = math.sqrt(sum(float((v / v.mean()).var(ddof=1)) / len(v) for v in (treated, control)))
    factor = math.exp(quantile(confidence) * error)
    ratio = mean / base
    n = len(treated) + len(control)
    return Interval(ratio - 1, ratio / factor - 1, ratio * factor - 1, confidence, "log", n)


def _adjusted(y: Floats, x: Floats, place: npt.NDArray[np.intp]) -> tuple[Floats, float]:
    """Money less what the money before explains within the groups; and how much that is."""
    sizes = np.bincount(place)
    own_x = x - (np.bincount(place, x) / sizes)[place]
    own_y = y - (np.bincount(place, y) / sizes)[place]
    spread = float(own_x @ own_x)
    slope = float(own_x @ own_y) / spread if spread else 0.0
    total = float(own_y @ own_y)
    saved = slope * float(own_x @ own_y) / total if total else 0.0
    return y - slope * (x - x.mean()), saved


def _holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction, in the order given."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    result = np.empty(len(p_values))
    result[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in result]


def _balance(
    arms: list[str],
    place: npt.NDArray[np.intp],
    plan: dict[str, float],
    control: npt.NDArray[np.bool_],
    found: pd.DataFrame,
    contacted: str | None,
) -> Balance:
    from scipy.stats import chisquare

    sizes = np.bincount(place, minlength=len(arms))
    p = None
    if plan:
        absent = [name for name in arms if name not in plan]
        if absent:
            raise DataError(f"groups.group: {', '.join(absent)} not in the planned shares")
        seen = np.array([int(sizes[arms.index(n)]) if n in arms else 0 for n in plan])
        p = float(chisquare(seen, np.array(list(plan.values())) * seen.sum()).pvalue)
    wrong = None if contacted is None else int(found[contacted].to_numpy(np.bool_)[control].sum())
    return Balance(
        customers=dict(zip(arms, sizes.tolist(), strict=True)),
        planned=plan,
        p_value=p,
        contacted_control=wrong,
    )


def _times(found: Interval, factor: float) -> Interval:
    return attrs.evolve(
        found,
        estimate=found.estimate * factor,
        lower=found.lower * factor,
        upper=found.upper * factor,
    )
