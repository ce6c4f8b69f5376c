"""The stage of every customer as of a day, by the policy's decision table (LCM-2)."""

from __future__ import annotations

import pandas as pd

from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy


def assign_stages(facts: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """The stage of every customer, and the rule that gave it.

    Args:
        facts: From `stage_facts`; at least the facts that the policy's stage table names.
        policy: Whose table ``stage`` decides.

    Returns:
        The facts' index; ``stage`` and ``stage_rule`` (categorical, in the table's order).

    Raises:
        MissingFactError: A fact that the table needs is missing.

    Source: LCM-2.

    >>> facts = pd.DataFrame({
    ...     "kind": ["person"], "has_contract": [True], "closed": [False], "contacted": [True],
    ...     "inquired": [True], "quiet_product": [False], "days_since_contract": [900],
    ...     "days_idle": [200], "activity_ratio": [0.0]})
    >>> assign_stages(facts).iloc[0].tolist()
    ['dormant', 'dormant-idle-person']
    """
    policy = lifecycle_policy(policy)
    decided = policy.table("stage").decide_frame(facts)
    columns = {"outcome": "stage", "rule": "stage_rule"}
    return policy.stamp(decided[list(columns)].rename(columns=columns))
