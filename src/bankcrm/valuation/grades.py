"""Grades by contribution: key, ordinary, restricted, potential (CBM-2, CBM-3)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import as_frame
from bankcrm.policy import Policy, default_policy
from bankcrm.valuation.arrays import Values, finite_values


def fit_grades(
    contribution: Values, *, growth: Values | None = None, policy: Policy | None = None
) -> Policy:
    """A policy whose cut points for grades are those of a book, instead of fixed amounts.

    ``key_from`` becomes the contribution of the ``key_quantile`` of the customers, so that equal
    customers get equal grades.

    Args:
        contribution: contribution of each customer of the book.
        growth: growth indicator of each customer; where given, ``potential_growth`` becomes its
            ``key_quantile`` too.
        policy: valuation policy; None: the defaults.

    Returns:
        The policy with the fitted figures: freeze it, and grade tomorrow's customers by it.

    >>> fit_grades([1.0, 2, 3, 4, 5]).value("key_from")
    5.0
    """
    policy = default_policy("valuation") if policy is None else policy
    share = float(policy.value("key_quantile"))

    def cut(values: Values, name: str) -> float:
        return float(np.quantile(finite_values(values, name), share, method="higher"))

    fitted = policy.with_parameters(key_from=cut(contribution, "contribution"))
    if growth is None:
        return fitted
    return fitted.with_parameters(potential_growth=cut(growth, "growth"))


def grade_contribution(facts: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """Grade of each customer by the decision table ``grade``.

    Args:
        facts: frame with ``contribution`` and, where known, ``growth`` (0 to 100). Without a
            growth column nobody is potential.
        policy: valuation policy; None: the defaults. See `fit_grades` for cut points of a book.

    Returns:
        Frame with the same index: ``grade`` and ``grade_rule``.

    Raises:
        DataError: no contribution column.
        MissingFactError: a fact that a rule needs is missing for some customers.

    Source: CBM-2, CBM-3.

    >>> grade_contribution(pd.DataFrame({"contribution": [2e4, -5.0, 10.0]}))["grade"].tolist()
    ['key', 'restricted', 'ordinary']
    """
    policy = default_policy("valuation") if policy is None else policy
    frame = as_frame(facts)
    if "contribution" not in frame:
        raise DataError(f"facts: no column contribution; present: {', '.join(map(str, frame))}")
    known = frame[["contribution"]].assign(growth=frame.get("growth", 0.0))
    decided = policy.table("grade").decide_frame(known)
    result = pd.DataFrame(
        {"grade": decided["outcome"], "grade_rule": decided["rule"]}, index=frame.index
    )
    result.attrs["policy"] = policy.id
    result.attrs["fingerprint"] = policy.fingerprint
    return result
