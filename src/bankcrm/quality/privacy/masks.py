"""Personal fields of a frame masked for display."""

from __future__ import annotations

from typing import Literal

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import refuse
from bankcrm.errors import PolicyError
from bankcrm.frames import as_frame
from bankcrm.models import Customer, Record, personal_columns
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

HIDDEN = "***"
"""What stands for a value that is hidden as a whole."""


@attrs.frozen
class MaskRule:
    """How a personal field is masked.

    Attributes:
        field: The field.
        keep: ``nothing``; ``ends``: the first and last characters; ``year``: the year of a date;
            ``domain``: the first character and the part after the @.
        first: How many characters stay at the start, for ``ends``.
        last: How many stay at the end, for ``ends``.
        source: Where it comes from.
    """

    field: str
    keep: Literal["nothing", "ends", "year", "domain"] = "nothing"
    first: int = 0
    last: int = 0
    source: str = "default"

    def __attrs_post_init__(self) -> None:
        """Refuse negative counts."""
        if self.first < 0 or self.last < 0:
            raise PolicyError(f"mask of {self.field}: first and last are at least 0")


def personal_fields(data: pd.DataFrame, model: type[Record], extra: set[str]) -> list[str]:
    """The personal columns of a frame: by the record classes, and others of the policy."""
    if not (isinstance(model, type) and issubclass(model, Record)):
        refuse("model", "a record class", model, "such as bankcrm.models.Customer")
    return personal_columns(data.columns, model, extra)


def mask_personal(
    frame: object, model: type[Record] = Customer, *, policy: Policy | None = None
) -> pd.DataFrame:
    """Mask the personal fields of a frame for display.

    A field is personal if its record class says so, or if the policy has a mask for it; so is a
    column beside those of the class that another record class calls personal. One without a mask
    is hidden as a whole. A short value is hidden as a whole, too, so that no mask shows more
    than half of one. A masked frame is still personal data: the row shows whose it is.

    Args:
        frame: The records; not changed.
        model: The record class.
        policy: The policy ``quality``, whose records ``mask`` say what stays.

    Returns:
        The same rows and columns, the personal ones as text; a missing value stays missing.

    Source: CSC-9.

    >>> rows = pd.DataFrame({"customer_id": [1], "name": ["Li Na"], "phone": ["13800138000"]})
    >>> mask_personal(rows).to_dict("records")
    [{'customer_id': 1, 'name': 'L***', 'phone': '138***00'}]
    """
    policy = policy_of(policy, "quality")
    data = as_frame(frame)
    rules = {r.field: r for r in policy.records("mask", MaskRule)}
    fields = personal_fields(data, model, set(rules))
    masked = {name: _masked(data[name], rules.get(name, MaskRule(name))) for name in fields}
    return policy.stamp(data.assign(**masked))


def _masked(values: pd.Series, rule: MaskRule) -> pd.Series:
    null = values.isna().to_numpy()
    if rule.keep == "year" and pd.api.types.is_datetime64_any_dtype(values.dtype):
        shown = values.dt.year.astype("Int64").astype("string") + f"-{HIDDEN}"
    elif rule.keep in ("ends", "domain") and (text := _text(values, null)) is not None:
        shown = _ends(text, rule) if rule.keep == "ends" else _domain(text)
    else:
        shown = pd.Series(HIDDEN, index=values.index, dtype="string")
    found: pd.Series = shown.astype(object).mask(null, None)
    return found


def _text(values: pd.Series, null: npt.NDArray[np.bool_]) -> pd.Series | None:
    """The values as text; None where all are null, or one is no Unicode text."""
    try:
        return None if null.all() else values.astype("string").fillna("")
    except UnicodeError:
        return None


def _ends(text: pd.Series, rule: MaskRule) -> pd.Series:
    end = text.str[-rule.last :] if rule.last else ""
    shown = text.str[: rule.first] + HIDDEN + end
    long = text.str.len() >= 2 * (rule.first + rule.last)
    return shown.where(long, HIDDEN)


def _domain(text: pd.Series) -> pd.Series:
    parts = text.str.partition("@")
    shown = parts[0].str[:1] + HIDDEN + "@" + parts[2]
    right = (parts[0].str.len() > 1) & (parts[2] != "") & ~parts[2].str.contains("@", regex=False)
    return shown.where(right, HIDDEN)
