"""Shares of a total: exact apportionment and concentration."""

from __future__ import annotations

from bankcrm.shares.apportionment import apportion
from bankcrm.shares.concentration import herfindahl

__all__ = ["apportion", "herfindahl"]
