"""Fixtures for tests of policies and plug-ins; pytest finds them once ``bankcrm`` is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bankcrm.book import Book


@pytest.fixture(scope="session")
def bankcrm_book() -> Book:
    """A synthetic bank of 200 customers, always the same; do not change its frames."""
    from bankcrm.datasets import make_book

    return make_book(200, seed=7)
