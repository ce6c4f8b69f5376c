"""Any column or array as plain numpy days, numbers and codes."""

from __future__ import annotations

from bankcrm.frames.arrays.bank_days import (
    Days,
    as_of_day,
    day_stamps,
    days,
    midnights,
    whole_days,
)
from bankcrm.frames.arrays.blocks import row_blocks
from bankcrm.frames.arrays.coding import (
    Codes,
    SmallCodes,
    codes,
    dense_range,
    distinct_values,
    is_unicode,
    look_up,
    small_codes,
    surely_distinct,
)
from bankcrm.frames.arrays.floats import Numbers, numbers
from bankcrm.frames.arrays.inputs import ArrayLike

__all__ = [
    "ArrayLike",
    "Codes",
    "Days",
    "Numbers",
    "SmallCodes",
    "as_of_day",
    "codes",
    "day_stamps",
    "days",
    "dense_range",
    "distinct_values",
    "is_unicode",
    "look_up",
    "midnights",
    "numbers",
    "row_blocks",
    "small_codes",
    "surely_distinct",
    "whole_days",
]
