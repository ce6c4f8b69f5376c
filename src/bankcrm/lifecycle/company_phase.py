"""The phase of a company's own life: entry, growth, maturity, decline (CBM-1)."""

from __future__ import annotations

import pandas as pd

from bankcrm.lifecycle.facts import lifecycle_policy
from bankcrm.policy import Policy


def assign_company_phases(facts: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """The phase of every company, from its age, the growth of its revenue and its industry.

    Args:
        facts: ``years_in_business``, ``revenue_growth`` (share per year) and ``industry_outlook``
            (``rising``, ``steady``, ``setting`` or ``dead``: the bank's own judgement).
        policy: Whose table ``company_phase`` decides.

    Returns:
        The facts' index; ``phase`` and ``rule`` (categorical), null with the fact in ``missing``
        where a fact is missing that would be needed.

    Source: CBM-1.

    >>> facts = pd.DataFrame({"years_in_business": [12.0], "revenue_growth": [0.3],
    ...                       "industry_outlook": ["rising"]})
    >>> assign_company_phases(facts)["phase"].tolist()
    ['growth']
    """
    policy = lifecycle_policy(policy)
    decided = policy.table("company_phase").decide_frame(facts, on_missing="undecided")
    phases = decided.rename(columns={"outcome": "phase"})
    phases.attrs.update(policy=policy.id, fingerprint=policy.fingerprint)
    return phases
