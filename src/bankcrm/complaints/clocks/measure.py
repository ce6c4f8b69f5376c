"""Integer arithmetic of clocks, for one case and for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from bankcrm.complaints.base import Mask
from bankcrm.complaints.clocks.time_units import Instants, Moments, Ticks, TimeUnits
from bankcrm.vocabulary import ClockStateKind

KINDS_OF_STATE = tuple(ClockStateKind)
STATES = tuple(s.value for s in KINDS_OF_STATE)
_CODE = {s: i for i, s in enumerate(ClockStateKind)}
StateCodes: TypeAlias = npt.NDArray[np.int8]


@attrs.frozen(eq=False)
class PauseRound:
    """One pause of some cases, each case at most once in a round.

    Attributes:
        row: Position of each case.
        begin: When it was paused, as naive UTC microseconds.
        stop: When it was resumed; NaT while it is still paused.
    """

    row: npt.NDArray[np.intp]
    begin: Instants
    stop: Instants


@attrs.frozen(eq=False)
class Measured:
    """Elapsed time and last tick of clocks.

    Attributes:
        limit: How long each may run, in ticks.
        elapsed: Time used without pauses, in ticks.
        paused: Time of the pauses, in ticks.
        last: The last tick in time.
        breached: Which clocks have used more than their limit.
        is_paused: Which clocks are still paused.
    """

    limit: Ticks
    elapsed: Ticks
    paused: Ticks
    last: Ticks
    breached: Mask
    is_paused: Mask

    def part(self, rows: Mask) -> Measured:
        """Some of the clocks."""
        return Measured(
            self.limit[rows],
            self.elapsed[rows],
            self.paused[rows],
            self.last[rows],
            self.breached[rows],
            self.is_paused[rows],
        )


def measure(
    units: TimeUnits,
    unit: str,
    start: Moments,
    end: Moments,
    limit: Ticks,
    pauses: Sequence[PauseRound] = (),
) -> Measured:
    """Measure clocks from their start to an end.

    A clock is breached if and only if it has used more than its limit. Events after a breach
    change nothing: a later pause moves neither the due day nor the day of the breach.

    A pause removes the working days that begin in it. A pause that begins on a working day and
    ends on a day off removes one more: the interrupted day continues on the next working day.

    Args:
        units: The bank's units.
        unit: What the clock counts.
        start: When each clock started.
        end: Up to when it is measured.
        limit: How long it may run, in ticks.
        pauses: Pauses in the order in which they happened; those after the end are left out.
    """
    at_once = limit == 0  # due on the day of receipt itself, or on the first working day after it
    anchor = np.where(at_once, start.reached, start.position) if at_once.any() else start.position
    shift = np.zeros(len(limit), dtype=np.int64)
    begun = anchor.copy()  # the day with which each clock last started or resumed
    is_paused = np.zeros(len(limit), dtype=np.bool_)
    for pause in pauses:
        begin, row = units.moments(unit, pause.begin), pause.row
        late = begin.reached > (anchor + limit + shift)[row]
        use = ~late & (begin.at >= start.at[row]) & (begin.at <= end.at[row])
        row, begin, stop = row[use], begin.part(use), pause.stop[use]
        going = np.isnat(stop) | (stop > end.at[row])
        is_paused[row[np.isnat(stop)]] = True
        stop = np.where(going, end.at[row], stop)
        first, last = _span(begun[row], begin, units.moments(unit, stop))
        shift[row] += last - first
        begun[row] = last
    # a day off before the first working day of a clock does not count
    early = (end.position <= start.position) & start.off
    reached = np.where(is_paused, begun, end.reached)  # time in a pause does not count
    elapsed = np.where(early, 0, reached - anchor - shift)
    last = anchor + limit + shift
    return Measured(limit, elapsed, shift, last, elapsed > limit, is_paused)


def _span(begun: Ticks, begin: Moments, stop: Moments) -> tuple[Ticks, Ticks]:
    """Positions between which a pause removes time."""
    interrupted = ~begin.off | (begin.position < begun)
    first = np.maximum(begin.position, begun)
    last = stop.position + (interrupted & stop.off)
    return first, np.maximum(last, first)


def states(measured: Measured, at_risk_share: float, met: Mask, stopped: Mask) -> StateCodes:
    """The state of each clock as a code of `STATES`: a breach overrides every other state."""
    state = np.full(len(measured.limit), _CODE[ClockStateKind.RUNNING], dtype=np.int8)
    state[measured.elapsed >= at_risk_share * measured.limit] = _CODE[ClockStateKind.AT_RISK]
    state[measured.is_paused] = _CODE[ClockStateKind.PAUSED]
    state[stopped] = _CODE[ClockStateKind.STOPPED]
    state[met] = _CODE[ClockStateKind.MET]
    state[measured.breached] = _CODE[ClockStateKind.BREACHED]
    return state


def share_used(measured: Measured) -> npt.NDArray[np.float64]:
    """The share of its time that a clock has used; without a limit, the time itself."""
    return measured.elapsed / np.where(measured.limit == 0, 1, measured.limit)
