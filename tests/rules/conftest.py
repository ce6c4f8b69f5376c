"""Settings for mutation testing: short runs that stop at the first failure, without shrinking."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile(
    "mutation",
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="session")
def fresh_converter() -> Iterator[None]:
    """Made anew, so that a mutant of its hooks is run and not what was kept before it."""
    from bankcrm.rules.toml import converter

    converter.cache_clear()
    yield
    converter.cache_clear()


if "MUTANT_UNDER_TEST" in os.environ:
    settings.load_profile("mutation")
