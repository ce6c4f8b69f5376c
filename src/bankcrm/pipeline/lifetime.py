"""Lifetime value as a step of a review, so that tables of tiers and actions can read it (PB-6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd

from bankcrm.arguments import as_items, as_kind
from bankcrm.errors import UnknownNameError
from bankcrm.pipeline.step import CUSTOMER, Need, Step
from bankcrm.policy import PolicySet
from bankcrm.rules.values import frozen_dict


def with_lifetime_value(steps: Sequence[Step], retention: Mapping[str, float]) -> tuple[Step, ...]:
    """The steps of a review with ``lifetime_value`` of each customer, right after the contribution.

    It is the contribution of a year for as long as the customer stays, discounted by the
    ``discount_rate`` of the valuation policy; see `bankcrm.valuation.lifetime.lifetime_value`.

    Args:
        steps: The steps, with one named ``contribution``.
        retention: Stage -> probability of staying a year, for each stage of customers. Measure it.

    Source: PB-6, EB-7.

    >>> from bankcrm.pipeline import STEPS
    >>> yearly = {"new": 0.8, "active": 0.9, "dormant": 0.5}
    >>> names = [s.name for s in with_lifetime_value(STEPS, yearly)]
    >>> names[names.index("contribution") + 1]
    'lifetime_value'
    """
    as_kind(retention, Mapping, "retention", "give stage and probability")
    listed = [as_kind(s, Step, "steps") for s in as_items(steps, "steps", "the steps of a review")]
    names = [s.name for s in listed]
    if "contribution" not in names:
        raise UnknownNameError("step", "contribution", names)
    step = Step(
        name="lifetime_value",
        title="lifetime value",
        domain="valuation",
        derive=partial(_value, frozen_dict(retention)),
        derives_from=("stage", "contribution", CUSTOMER),
        needs=(Need(("contribution",)), Need(("stage",))),
        where=CUSTOMER,
        shown=("lifetime_value",),
    )
    place = 1 + names.index("contribution")
    return (*listed[:place], step, *listed[place:])


def _value(
    retention: Mapping[str, float], found: pd.DataFrame, policies: PolicySet
) -> pd.DataFrame:
    from bankcrm.valuation.lifetime import lifetime_value  # scipy's functions are slow to import

    stage = found["stage"].astype(object).where(found[CUSTOMER].to_numpy(bool))
    discount = policies["valuation"].value("discount_rate")
    rows = pd.DataFrame({"stage": stage, "contribution": found["contribution"]})
    return lifetime_value(rows, retention=retention, discount=discount).to_frame()
