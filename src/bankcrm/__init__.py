"""Bank customer relationship management as decision tables and pure functions."""

from __future__ import annotations

__version__ = "0.1.0"
