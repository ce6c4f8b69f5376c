"""Coded reasons for dormancy and loss: one vocabulary for every domain (CBM-5)."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError
from bankcrm.frames.arrays import codes
from bankcrm.policy import Policy


@attrs.frozen
class LossReason:
    """A coded reason for dormancy or loss.

    Attributes:
        code: The word in data.
        group: The group that it counts under.
        zh: The Chinese label.
    """

    code: str
    group: str
    zh: str = ""


def count_loss_reasons(
    reasons: pd.Series, *, policy: Policy, column: str = "closure_reason"
) -> pd.Series:
    """How many customers left for each group of reasons.

    A missing reason counts as no reason given. A group's own name is a code as well.

    Args:
        reasons: The coded reason of each lost customer; null where none was given.
        policy: Its records ``loss_reason`` group the codes; the groups are those of its
            parameter ``loss_reason_shares``.
        column: The column's name, for errors.

    Returns:
        int64 counts by group, in the order of ``loss_reason_shares``.

    Raises:
        DataError: Some codes are not in the policy.

    Source: CBM-5, LCM-3.

    >>> from bankcrm.policy import default_policy
    >>> reasons = pd.Series(["fees", "moved_bank", None, None])
    >>> count_loss_reasons(reasons, policy=default_policy("bank")).tolist()
    [1, 1, 0, 2]
    """
    groups = list(policy.value("loss_reason_shares"))
    group_of = {r.code: r.group for r in policy.records("loss_reason", LossReason)}
    group_of |= {g: g for g in groups}
    code, distinct = codes(reasons)
    names = [str(v) for v in distinct]
    unknown = [n for n in names if n not in group_of]
    if unknown:
        rows = int(np.isin(code, [names.index(n) for n in unknown]).sum())
        raise DataError(
            f"{column}: {rows:,} rows hold reasons that the policy does not know ({few(unknown)}); "
            f"add records 'loss_reason' to policy 'bank', or use {', '.join(group_of)}"
        )
    known = [groups.index(group_of[n]) for n in names]
    place: npt.NDArray[np.intp] = np.array(
        [*known, groups.index(policy.value("no_reason_group"))], dtype=np.intp
    )
    count = np.bincount(place[code], minlength=len(groups))
    return pd.Series(count, index=pd.Index(groups, name="group"), name="count")
