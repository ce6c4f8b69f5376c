"""Values that hold arrays are compared by identity: equality of arrays is no truth value."""

from __future__ import annotations

import pytest

from bankcrm.quality import Quality, Unified
from bankcrm.quality.identifiers.texts import Texts
from bankcrm.quality.measures.reading import Field
from bankcrm.quality.measures.verdicts import Verdict
from bankcrm.quality.unification.clusters import Clusters
from bankcrm.quality.unification.keys import KeyFields
from bankcrm.quality.unification.survivors import Order, Survived


@pytest.mark.parametrize(
    "kind", [Quality, Unified, Texts, Field, Verdict, Clusters, KeyFields, Order, Survived]
)
def test_values_with_arrays_are_compared_by_identity(kind: type) -> None:
    assert kind.__eq__ is object.__eq__
    assert kind.__hash__ is object.__hash__
