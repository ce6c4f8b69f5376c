"""What the sources of actions read: the results of a review, and the rules."""

from __future__ import annotations

from datetime import date

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.actions.records import ContactRecords
from bankcrm.arguments import as_whole_number
from bankcrm.calendars import WorkingCalendar
from bankcrm.frames.arrays import Days, as_of_day
from bankcrm.policy import PolicySet

_DAY = np.timedelta64(1, "D")
MARGIN_DAYS = 400
"""How far a calendar must reach before and after the day to count the due days of actions."""


@attrs.frozen(eq=False)
class Situation:
    """The results of a review from which actions follow.

    Attributes:
        facts: All facts and decisions, one row per customer, indexed by ``customer_id``.
        complaints: The routed complaints; see `bankcrm.complaints.process_complaints`.
        day: The day of the review.
        policies: What decides.
        calendar: The calendar whose working days count; see `calendar_for`.
        earlier: Results of an earlier review, indexed by customer; None: nothing is compared.
        watch: The watch list; see `bankcrm.risk.review_watch_list`. None: it is not known.
        contacting: Whom the bank may contact; None: nothing is known about it.
        staff: What follows for staff; see `bankcrm.scorecards.follow_up`. None: nothing.
        known: The action list of an earlier review; None: every action is new.
        known_on: The day of that review.
        done: The tasks that were done up to the day; see `bankcrm.actions.known.checked_done`.
            None: not known.
    """

    facts: pd.DataFrame
    complaints: pd.DataFrame
    day: date
    policies: PolicySet
    calendar: WorkingCalendar
    earlier: pd.DataFrame | None = None
    watch: pd.DataFrame | None = None
    contacting: ContactRecords | None = None
    staff: pd.DataFrame | None = None
    known: pd.DataFrame | None = None
    known_on: date | None = None
    done: pd.DataFrame | None = None

    @property
    def today(self) -> np.datetime64:
        """The day of the review, as numpy has it."""
        return as_of_day(self.day)

    def words(self, column: str) -> pd.Categorical:
        """A column of words; all null where the facts do not have it."""
        if column not in self.facts:
            return pd.Categorical([None] * len(self.facts))
        return pd.Categorical(self.facts[column])

    def is_any(self, column: str, *words: str) -> npt.NDArray[np.bool_]:
        """Which customers have one of these words in a column."""
        found = self.words(column)
        hit: npt.NDArray[np.bool_] = np.append(found.categories.isin(words), False)[found.codes]
        return hit

    def flag(self, column: str) -> npt.NDArray[np.bool_]:
        """Which customers have a true flag."""
        if column not in self.facts:
            return np.zeros(len(self.facts), np.bool_)
        return self.facts[column].to_numpy(np.bool_, na_value=False)

    def days(self, column: str) -> Days:
        """A column of days; NaT where it is missing, and everywhere without the column."""
        if column not in self.facts:
            return np.full(len(self.facts), np.datetime64("NaT", "D"))
        return self.facts[column].to_numpy().astype("datetime64[D]")

    def due(self, occasion: Days, days: int, unit: str) -> Days:
        """The days by which something is due, from its occasions."""
        days = as_whole_number(days, "days", 0, 100_000)
        if unit != "working_days":
            return occasion + days * _DAY
        if not days:
            return self.on_working_day(occasion)
        return self._working_days_after(occasion, days)

    def on_working_day(self, days: Days) -> Days:
        """Each day itself if it is a working day, else the next one."""
        return self._working_days_after(days - _DAY, 1)

    def _working_days_after(self, days: Days, n: int) -> Days:
        """The calendar's nth working day; Monday to Friday count where it does not reach."""
        counted = np.busday_offset(days, n, roll="backward")
        room = (2 * n + 30) * _DAY  # for the holidays in between
        known = (days >= self.calendar.first) & (days <= self.calendar.last - room)
        counted[known] = self.calendar.add_marked(days[known], n).dates
        return counted


def calendar_for(calendar: WorkingCalendar, day: date) -> WorkingCalendar:
    """The calendar, if it covers the due days of actions; else one of Monday to Friday.

    >>> from bankcrm.calendars import working_calendar
    >>> calendar_for(working_calendar("CN"), date(1998, 12, 31)).name
    'Monday to Friday'
    """
    today = as_of_day(day)
    first, last = today - MARGIN_DAYS * _DAY, today + MARGIN_DAYS * _DAY
    if calendar.first <= first and last <= calendar.last:
        return calendar
    days = np.arange(first, last + _DAY)
    weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return WorkingCalendar("Monday to Friday", first, weekday < 5)
