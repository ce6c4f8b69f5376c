"""Values that hold arrays are compared by identity: equality of arrays is no truth value."""

from __future__ import annotations

import pytest

from bankcrm.complaints import ProcessedComplaints
from bankcrm.complaints.clocks.cases import ClockColumns, Timed
from bankcrm.complaints.clocks.event_log import EventLog
from bankcrm.complaints.clocks.measure import Measured, PauseRound
from bankcrm.complaints.clocks.pauses import Pauses
from bankcrm.complaints.clocks.time_units import Moments
from bankcrm.complaints.lexicon.index import Index
from bankcrm.complaints.lexicon.matching import Pattern, Term, Terms, View


@pytest.mark.parametrize(
    "kind",
    [ProcessedComplaints, ClockColumns, Timed, EventLog, Measured, PauseRound, Pauses, Moments,
     Index, Pattern, Term, Terms, View],
)  # fmt: skip
def test_values_with_arrays_are_compared_by_identity(kind: type) -> None:
    assert kind.__eq__ is object.__eq__
    assert kind.__hash__ is object.__hash__
