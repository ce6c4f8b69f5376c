"""Working-day calendars with make-up weekends, the bank's own days and working hours.

The start day never counts. Day 1 is the first working day after it, whether the start
itself is a working day or not.
"""

from __future__ import annotations

from bankcrm.calendars.countries import (
    add_working_days,
    working_calendar,
    working_days_between,
)
from bankcrm.calendars.hours import WorkingHours
from bankcrm.calendars.instants import business_day
from bankcrm.calendars.table import (
    MarkedCounts,
    MarkedDates,
    ProvisionalDateWarning,
    WorkingCalendar,
)
from bankcrm.frames.instants import local_day

__all__ = [
    "MarkedCounts",
    "MarkedDates",
    "ProvisionalDateWarning",
    "WorkingCalendar",
    "WorkingHours",
    "add_working_days",
    "business_day",
    "local_day",
    "working_calendar",
    "working_days_between",
]
