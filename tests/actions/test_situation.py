"""Due days on the bank's calendar, and where it does not reach."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from bankcrm.actions.situation import Situation, calendar_for
from bankcrm.calendars import working_calendar
from bankcrm.policy import default_policies


def test_an_occasion_before_the_calendar_counts_monday_to_friday() -> None:
    """A customer may be in a stage since a day that no calendar knows."""
    day = dt.date(2026, 6, 30)
    calendar = calendar_for(working_calendar("CN"), day)
    here = Situation(pd.DataFrame(), pd.DataFrame(), day, default_policies(), calendar)
    friday, saturday, missing = "1998-07-03", "1998-07-04", "NaT"
    before_golden_week = "2025-09-30"
    occasions = np.array([friday, saturday, missing, before_golden_week], dtype="datetime64[D]")
    due = here.due(occasions, 1, "working_days")
    assert due.astype(str).tolist() == ["1998-07-06", "1998-07-06", "NaT", "2025-10-09"]
    assert here.on_working_day(occasions).astype(str).tolist() == [
        "1998-07-03", "1998-07-06", "NaT", "2025-09-30"
    ]  # fmt: skip
