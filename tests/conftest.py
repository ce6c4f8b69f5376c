"""Fixtures and settings shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, settings
from pandas.api import types

settings.register_profile(
    "quick", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "brief", max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "thorough", max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(  # short runs that stop at the first failure, without shrinking
    "mutation",
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
PROFILE = "mutation" if "MUTANT_UNDER_TEST" in os.environ else "quick"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", PROFILE))

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; a test that needs it is skipped without it."""
    if not SHARED_DATA.is_dir():
        pytest.skip("real data not found: ../shared/data is missing beside the project")
    return SHARED_DATA


@pytest.fixture(scope="session")
def kind() -> Callable[[object], str]:
    """What a column holds, told alike on every version of pandas."""

    def told(dtype: object) -> str:
        if isinstance(dtype, pd.CategoricalDtype):
            return "category"
        if types.is_datetime64_dtype(dtype):
            return "date"
        return str(dtype) if types.is_numeric_dtype(dtype) else "text"

    return told
