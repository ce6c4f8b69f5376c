"""A fresh converter for each run, for mutation testing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def fresh_converter() -> Iterator[None]:
    """Made anew, so that a mutant of its hooks is run and not what was kept before it."""
    from bankcrm.rules.toml import converter

    converter.cache_clear()
    yield
    converter.cache_clear()
