"""Any column or array as plain numpy days, numbers and codes.

For the packages of the library, not for its callers: it has no ``__all__``.
"""

from __future__ import annotations

from bankcrm.frames.arrays.bank_days import Days as Days
from bankcrm.frames.arrays.bank_days import as_of_day as as_of_day
from bankcrm.frames.arrays.bank_days import day_stamps as day_stamps
from bankcrm.frames.arrays.bank_days import days as days
from bankcrm.frames.arrays.bank_days import midnights as midnights
from bankcrm.frames.arrays.bank_days import whole_days as whole_days
from bankcrm.frames.arrays.blocks import row_blocks as row_blocks
from bankcrm.frames.arrays.coding import Codes as Codes
from bankcrm.frames.arrays.coding import SmallCodes as SmallCodes
from bankcrm.frames.arrays.coding import codes as codes
from bankcrm.frames.arrays.coding import dense_range as dense_range
from bankcrm.frames.arrays.coding import distinct_values as distinct_values
from bankcrm.frames.arrays.coding import is_whole_numbers as is_whole_numbers
from bankcrm.frames.arrays.coding import look_up as look_up
from bankcrm.frames.arrays.coding import small_codes as small_codes
from bankcrm.frames.arrays.coding import surely_distinct as surely_distinct
from bankcrm.frames.arrays.floats import Numbers as Numbers
from bankcrm.frames.arrays.floats import flags as flags
from bankcrm.frames.arrays.floats import numbers as numbers
from bankcrm.frames.arrays.found import found_in as found_in
from bankcrm.frames.arrays.found import is_unicode as is_unicode
from bankcrm.frames.arrays.inputs import ArrayLike as ArrayLike
from bankcrm.frames.arrays.texts import arrow_texts as arrow_texts
