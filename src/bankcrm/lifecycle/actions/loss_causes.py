"""Coded reasons for dormancy and loss, compared with the 14 : 9 : 9 : 68 rule (CBM-5)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book.loss_reasons import count_loss_reasons
from bankcrm.frames import as_frame
from bankcrm.frames.conversion import require_columns
from bankcrm.intervals import wilson
from bankcrm.lifecycle.policy import lifecycle_policy
from bankcrm.policy import Policy


def loss_causes(
    frame: object,
    *,
    column: str = "closure_reason",
    policy: Policy | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Shares of the reasons of loss with intervals, compared with the rule of thumb.

    A missing reason counts as no reason given, which the rule groups with indifference.

    Args:
        frame: One row per lost customer, with the coded reason.
        column: The column of the reason.
        policy: Its records ``loss_reason`` group the codes; its ``loss_reason_shares`` is the
            rule of thumb.
        confidence: Coverage of Wilson's interval for each share.

    Returns:
        Indexed by ``group``, in the rule's order: ``count``, ``share``, ``lower``, ``upper``,
        ``reference`` (the rule's figure), ``within`` (whether it lies in the interval).

    Raises:
        DataError: The column is missing, or has codes that the policy does not have.

    Source: CBM-5, LCM-3.

    >>> frame = pd.DataFrame({"closure_reason": ["fees", "moved_bank", None, None]})
    >>> loss_causes(frame)["count"].tolist()
    [1, 1, 0, 2]
    """
    policy = lifecycle_policy(policy)
    rule = policy.value("loss_reason_shares")
    book = as_frame(frame)
    require_columns(book, [column], "loss_causes")
    count = count_loss_reasons(book[column], policy=policy, column=column)
    groups = list(count.index)
    share, low, high = wilson(count, np.full(len(groups), len(book)), confidence)
    reference = np.array([rule[g] for g in groups])
    return pd.DataFrame(
        {
            "count": count.to_numpy(),
            "share": share,
            "lower": low,
            "upper": high,
            "reference": reference,
            "within": (low <= reference) & (reference <= high),
        },
        index=pd.Index(groups, name="group"),
    )
