"""The level and the reasons that a collecting table gives each row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bankcrm.frames.numbering import categorical
from bankcrm.rules import DecisionTable

NONE = "none"
"""The outcome of a rule that finds nothing."""


def collected(rules: pd.Series, table: DecisionTable, levels: Sequence[str]) -> pd.DataFrame:
    """What the rules of a collecting table that matched say together.

    Args:
        rules: Ids of the rules that matched, joined by ``+``; null where a fact is missing.
        table: The table, whose outcomes are levels, or ``none``.
        levels: The levels in rising order.

    Returns:
        The same index: ``level`` (the highest, an ordered categorical), ``signals`` (Int64, how
        many rules found something) and ``reasons`` (text). All are null where the rules are.

    >>> from bankcrm.policy import default_policy
    >>> table = default_policy("risk").table("credit_risk")
    >>> rules = pd.Series(["standing-watch+loan-in-debt"])
    >>> row = collected(rules, table, ("none", "raised", "high"))
    >>> row["level"].tolist(), row["signals"].tolist()
    (['raised'], [2])
    """
    by_id = {rule.id: rule for rule in table.rules}
    words = rules.astype("category")
    # One label per distinct set of matching rules.
    sets = [
        [rule for i in str(label).split("+") if i and (rule := by_id[i]).then != NONE]
        for label in words.cat.categories
    ]
    place = {level: i for i, level in enumerate(levels)}
    code = words.cat.codes.to_numpy()
    highest = [max((place[r.then] for r in found), default=0) for found in sets]
    reasons = ["; ".join(r.because or str(r.then) for r in found) for found in sets]
    return pd.DataFrame(
        {
            "level": categorical(np.array([*highest, -1], np.int8)[code], levels, ordered=True),
            "signals": pd.arrays.IntegerArray(
                np.array([*map(len, sets), 0], np.int64)[code], code < 0
            ),
            "reasons": np.array([*reasons, None], dtype=object)[code],
        },
        index=rules.index,
    )
