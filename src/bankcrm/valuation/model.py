"""What valuation asks of a bank's book: an object with frames, whatever its class."""

from __future__ import annotations

from typing import Protocol

import pandas as pd


class BookFrames(Protocol):
    """A book by its frames, in canonical form; a frame that is not there is None or empty."""

    @property
    def customers(self) -> pd.DataFrame:
        """A row a customer."""

    @property
    def transactions(self) -> pd.DataFrame:
        """A row a movement."""

    @property
    def accounts(self) -> pd.DataFrame | None:
        """A row an account."""

    @property
    def balances(self) -> pd.DataFrame | None:
        """A row an account and day."""

    @property
    def loans(self) -> pd.DataFrame | None:
        """A row a loan."""

    @property
    def contacts(self) -> pd.DataFrame | None:
        """A row a contact."""

    @property
    def complaints(self) -> pd.DataFrame | None:
        """A row a complaint."""


def absent(frame: pd.DataFrame | None, *columns: str) -> bool:
    """Whether a frame is not there, is empty or lacks one of the columns."""
    return frame is None or not len(frame) or any(c not in frame for c in columns)
