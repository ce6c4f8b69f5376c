"""The shipped fixture, also where the package is not installed with its entry points."""

from __future__ import annotations

from bankcrm.testing.pytest_plugin import bankcrm_book as bankcrm_book
