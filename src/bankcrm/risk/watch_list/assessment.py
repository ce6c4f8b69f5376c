"""Five relationship risks of each customer, each a level with reasons (PB-7)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from bankcrm.frames import as_frame
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.risk.collected import NONE, collected

RISKS = ("credit", "operational", "market", "reputation", "liquidity")
"""The five relationship risks; the table of each is ``<risk>_risk``."""

LEVELS = (NONE, "raised", "high")
"""The levels of a risk, in rising order."""


def assess_risks(facts: pd.DataFrame, *, policy: Policy | None = None) -> pd.DataFrame:
    """The level and the reasons of the five risks of each customer.

    Args:
        facts: One row per customer, with the facts of the tables ``credit_risk``,
            ``operational_risk``, ``market_risk``, ``reputation_risk`` and ``liquidity_risk``. A
            risk is null where a fact that its table needs is missing.
        policy: Risk policy; the library's default if None.

    Returns:
        The same index: ``credit_risk`` and so on (``none``, ``raised``, ``high``); ``risk_level``,
        the highest of them; ``raised_risks``, how many are not ``none``; ``risk_reasons`` (text).

    Source: PB-7.

    >>> facts = pd.DataFrame({"recorded_standing": ["bad"], "loan_unpaid": [False],
    ...                       "loan_in_debt": [False], "penalty_interest": [True]})
    >>> assess_risks(facts)["risk_level"].tolist()
    ['high']
    """
    policy, facts = policy_of(policy, "risk"), as_frame(facts)
    rules = {
        risk: policy.table(f"{risk}_risk").decide_frame(facts, on_missing="undecided")["rule"]
        for risk in RISKS
        if set(policy.table(f"{risk}_risk").compiled.facts) <= set(facts)
    }
    nothing = pd.Series(pd.Categorical([None] * len(facts)), index=facts.index)
    return policy.stamp(levels_of({r: rules.get(r, nothing) for r in RISKS}, policy))


def levels_of(rules: Mapping[str, pd.Series], policy: Policy) -> pd.DataFrame:
    """The levels and reasons that the rules of the five tables give.

    Args:
        rules: Risk -> the ids of the rules that matched, joined by ``+``.
        policy: Its tables say what each rule means.
    """
    found = {r: collected(rules[r], policy.table(f"{r}_risk"), LEVELS) for r in RISKS}
    index = rules[RISKS[0]].index
    codes = np.stack([found[r]["level"].cat.codes.to_numpy() for r in RISKS])
    texts = [found[r]["reasons"].astype(object).fillna("").to_numpy() for r in RISKS]
    joined = texts[0]
    for text in texts[1:]:
        both = (joined != "") & (text != "")
        joined = joined + np.where(both, "; ", "") + text
    highest = codes.max(axis=0)
    unknown = highest < 0
    raised = (codes > 0).sum(axis=0).astype(np.int64)
    return pd.DataFrame(
        {
            **{f"{r}_risk": found[r]["level"].array for r in RISKS},
            "risk_level": categorical(highest, LEVELS, ordered=True),
            "raised_risks": pd.arrays.IntegerArray(raised, unknown),
            "risk_reasons": pd.Series(joined, index=index, dtype=object).mask(unknown, None),
        },
        index=index,
    )
