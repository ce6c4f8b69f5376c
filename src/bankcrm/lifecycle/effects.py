"""What each figure of the policy changes: stages under one altered parameter at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bankcrm.lifecycle.facts import lifecycle_policy, stage_facts
from bankcrm.lifecycle.stages import assign_stages
from bankcrm.lifecycle.timeline import Names
from bankcrm.policy import Policy


def policy_effects(
    customers: object,
    transactions: object,
    *,
    as_of: object,
    changes: Mapping[str, Mapping[str, object]],
    policy: Policy | None = None,
    contacts: object = None,
    accounts: object = None,
    names: Mapping[str, Names] | None = None,
) -> pd.DataFrame:
    """Stages of a book under a policy and under changed ones.

    Args:
        customers: As in `stage_facts`.
        transactions: As in `stage_facts`.
        as_of: The day.
        changes: A label for each case -> the parameters that it changes, with their new values.
        policy: What the changes start from.
        contacts: As in `stage_facts`.
        accounts: As in `stage_facts`.
        names: As in `stage_facts`.

    Returns:
        A row a case, the unchanged policy first as ``as it is``: the number of customers in each
        stage, and ``moved``, those whose stage is another than under the unchanged policy.

    Raises:
        PolicyError: A change names no parameter, or gives a value that does not fit.

    Source: LCM-2.
    """
    policy = lifecycle_policy(policy)
    cases = {"as it is": policy} | {
        label: policy.with_parameters(**dict(values)) for label, values in changes.items()
    }
    rows = {}
    base = np.empty(0, dtype=object)
    for label, case in cases.items():
        facts = stage_facts(
            customers,
            transactions,
            as_of=as_of,
            policy=case,
            contacts=contacts,
            accounts=accounts,
            names=names,
        )
        stage = assign_stages(facts, policy=case)["stage"]
        words = stage.to_numpy(dtype=object)
        base = words if label == "as it is" else base
        counts = stage.value_counts(sort=False).to_dict()
        rows[label] = {**counts, "moved": int((words != base).sum())}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("case")
