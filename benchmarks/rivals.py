"""Rivals that are no dependency of the project."""

from __future__ import annotations

import importlib
from typing import Any


def rival(name: str) -> Any | None:
    """A module, or None and a line that names it where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        print(f"{name}: left out, not installed")
        return None
