"""Whether a customer is a minor, who may not be offered everything."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.calendars.ages import full_years
from bankcrm.frames.arrays import days
from bankcrm.policy import Policy
from bankcrm.vocabulary import CustomerKind


def minors(people: pd.DataFrame, today: np.datetime64, policy: Policy) -> pd.arrays.BooleanArray:
    """Which customers are minors; null for a person without a day of birth, false for a company.

    Args:
        people: Checked ``kind`` and ``birth_date``.
        today: The day.
        policy: Its ``adult_years``.
    """
    company = (people["kind"] == CustomerKind.COMPANY.value).to_numpy(np.bool_)
    years = full_years(days(people["birth_date"]), today)
    young = (years < policy.value("adult_years")) & ~company
    return pd.arrays.BooleanArray(young, np.isnan(years) & ~company)
