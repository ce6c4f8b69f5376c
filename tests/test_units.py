"""Units of policy parameters."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.policy import DOMAINS, default_policy
from bankcrm.units import unit_fault


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        (3, ""),
        ("anything", ""),
        (365, "days"),
        (1, "day"),
        (5, "working days"),
        (5, "business days"),
        (2, "calendar days"),
        (0.2, "share"),
        (1, "share"),
        (-0.01, "rate per year"),
        (100, "CNY"),
        (-5.5, "CNY per customer"),
        (100, "thousand CNY"),
        ({"demand": 0.01, "term": [0.02, 0.03]}, "rate per year"),
        ((1, 2, 3), "points"),
        ("gold", "text"),
        (True, "boolean"),
        (date(2026, 1, 1), "date"),
        (8, "people"),
        (2, "standard deviations"),
    ],
)
def test_values_that_fit(value: Any, unit: str) -> None:
    assert unit_fault(value, unit) == ""


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (20, "share", "20 is not a share: expected a number from 0 to 1"),
        (-0.1, "share", "not a share"),
        ({"a": 0.5, "b": 2}, "share", "2 is not a share"),
        ("half", "share", "'half' is not a share"),
        (True, "share", "True is not a share"),
        (-1, "days", "-1 does not fit the unit 'days'"),
        (-1, "working days", "does not fit"),
        (-1, "count", "does not fit"),
        ("5", "days", "'5' does not fit"),
        (date(2026, 1, 1), "CNY", "does not fit"),
        (5, "fortnights", "unknown unit 'fortnights'; known: currency codes and "),
        (5, "CNY per fortnight", "unknown unit 'fortnight'"),
        (5, "cny", "unknown unit 'cny'"),
        (5, "working years", "unknown unit 'working years'"),
    ],
)
def test_values_that_do_not_fit(value: Any, unit: str, expected: str) -> None:
    assert expected in unit_fault(value, unit)


@given(st.text(), st.integers() | st.text() | st.booleans())
def test_any_unit_is_known_or_reported(unit: str, value: object) -> None:
    assert isinstance(unit_fault(value, unit), str)


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_default_parameter_has_a_unit_that_fits(domain: str) -> None:
    for name, versions in default_policy(domain).parameters.items():
        for parameter in versions:
            assert unit_fault(parameter.value, parameter.unit) == "", name
