"""Counts of movements in two windows that roll from day to day over a timeline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bankcrm.book.relationship import LONG_AGO
from bankcrm.book.view import DayNumbers
from bankcrm.lifecycle.stages.timeline import Timeline
from bankcrm.policy import Policy


class Windows:
    """Counts of own movements in a recent and an earlier window.

    Each movement is counted when it enters the recent window, when it passes to the earlier one
    and when it leaves that, however many days the windows roll over.

    Attributes:
        last: Day of each customer's last own movement, int32; `LONG_AGO` where there is none.
        recent: Own movements in the recent window, int64, one value per customer.
        earlier: Own movements in the window before it, int64, one value per customer.
        span: Positions among the own movements where the earlier window starts, where the recent
            one starts, and where it ends.
    """

    def __init__(self, timeline: Timeline, policy: Policy) -> None:
        """Windows that have not started; their lengths are those of the policy."""
        self._timeline = timeline
        self._lengths = int(policy.value("recent_days")), int(policy.value("earlier_days"))
        size = timeline.size
        self.last: DayNumbers = np.full(size, LONG_AGO, dtype=np.int32)
        self.recent: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.earlier: npt.NDArray[np.int64] = np.zeros(size, dtype=np.int64)
        self.span = (0,) * 3

    def advance(self, day: int) -> None:
        """Roll on to ``day``, which must not lie before the last one."""
        own, size = self._timeline.own, self._timeline.size
        recent_days, earlier_days = self._lengths
        stop = own.upto(day)
        middle = own.upto(day - recent_days)
        start = own.upto(day - recent_days - earlier_days)
        was_start, was_middle, was_stop = self.span
        self.last[own.customer[was_stop:stop]] = own.day[was_stop:stop]  # in order of days
        # Movements that passed through a window since the last day are not counted in and out.
        if middle >= was_stop:
            self.recent[:] = own.count(size, middle, stop)
            self.earlier[:] = own.count(size, start, middle)
        else:
            moved = own.count(size, was_middle, middle)
            self.recent += own.count(size, was_stop, stop) - moved
            self.earlier += moved - own.count(size, was_start, start)
        self.span = start, middle, stop
