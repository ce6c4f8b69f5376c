"""Values that hold arrays are compared by identity: equality of arrays is no truth value."""

from __future__ import annotations

import pytest

from bankcrm.lifecycle.history.dwell import DwellTimes
from bankcrm.lifecycle.history.migration import MigrationMatrix
from bankcrm.lifecycle.history.panel import Panel
from bankcrm.lifecycle.log.append import Appended
from bankcrm.lifecycle.log.apply import Applied, Entries
from bankcrm.lifecycle.stages.timeline import Movements, Timeline


@pytest.mark.parametrize(
    "kind", [DwellTimes, MigrationMatrix, Panel, Appended, Applied, Entries, Movements, Timeline]
)
def test_values_with_arrays_are_compared_by_identity(kind: type) -> None:
    assert kind.__eq__ is object.__eq__
    assert kind.__hash__ is object.__hash__
