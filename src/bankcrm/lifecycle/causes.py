"""Why customers fall asleep or leave, in coded causes, beside the 14 : 9 : 9 : 68 rule (CBM-5)."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm.columns import as_frame, codes
from bankcrm.errors import DataError
from bankcrm.lifecycle.facts import lifecycle_policy
from bankcrm.lifecycle.intervals import wilson
from bankcrm.policy import Policy


@attrs.frozen
class Cause:
    """A coded cause of dormancy or loss.

    Args:
        code: The word in data.
        group: The group that it counts under.
        zh: The Chinese label.
    """

    code: str
    group: str
    zh: str = ""


def loss_causes(
    frame: object,
    *,
    column: str = "closure_reason",
    policy: Policy | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Shares of the causes of loss with intervals, beside the rule of thumb.

    A missing cause counts as no reason given, which the rule groups with indifference.

    Args:
        frame: Lost customers, a row each, with the coded cause.
        column: The column of the cause.
        policy: Its records ``cause`` group the codes; its ``loss_rule`` is the rule of thumb.
        confidence: Coverage of Wilson's interval for each share.

    Returns:
        Indexed by ``group``, in the rule's order: ``count``, ``share``, ``lower``, ``upper``,
        ``rule``, ``within`` (whether the rule's figure lies in the interval).

    Raises:
        DataError: The column is missing, or holds codes that the policy does not know.

    Source: CBM-5, LCM-3.

    >>> frame = pd.DataFrame({"closure_reason": ["fees", "moved_bank", None, None]})
    >>> loss_causes(frame)["count"].tolist()
    [1, 1, 0, 2]
    """
    policy = lifecycle_policy(policy)
    rule = policy.value("loss_rule")
    book = as_frame(frame)
    if column not in book:
        raise DataError(
            f"causes: missing column {column}; present: {', '.join(map(str, book.columns))}"
        )
    code, distinct = codes(book[column])
    group_of = {c.code: c.group for c in policy.records("cause", Cause)} | {g: g for g in rule}
    if strange := [v for v in distinct.tolist() if v not in group_of]:
        rows = int(np.isin(code, distinct.get_indexer(pd.Index(strange))).sum())
        raise DataError(
            f"{column}: {rows:,} rows hold causes that the policy does not know ({strange[:5]}); "
            f"add records 'cause' for them, or use {', '.join(group_of)}"
        )
    groups = list(rule)
    table = [groups.index(group_of[v]) for v in distinct.tolist()]
    table.append(groups.index(policy.value("no_cause_group")))
    count = np.bincount(np.array(table, dtype=np.intp)[code], minlength=len(groups))
    share, low, high = wilson(count, np.full(len(groups), len(book)), confidence)
    told = np.array([rule[g] for g in groups])
    return pd.DataFrame(
        {
            "count": count,
            "share": share,
            "lower": low,
            "upper": high,
            "rule": told,
            "within": (low <= told) & (told <= high),
        },
        index=pd.Index(groups, name="group"),
    )
