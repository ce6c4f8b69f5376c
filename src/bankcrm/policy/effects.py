"""What plug-ins add to a set of policies beyond their rules; nothing by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias

import attrs
import pandas as pd

from bankcrm.calendars import WorkingCalendar

Classifier: TypeAlias = Callable[[pd.Series], pd.DataFrame]
"""Texts of complaints to a frame with the same index: signals, kind and cause."""
Sections: TypeAlias = tuple[tuple[str, pd.DataFrame | str], ...]


@attrs.frozen
class PluginEffects:
    """The effects of no plug-in; `bankcrm.plugins.assemble` gives those of the plug-ins."""

    def with_facts(
        self, domain: str, facts: pd.DataFrame, frames: Mapping[str, object], as_of: date
    ) -> pd.DataFrame:
        """A domain's facts with the columns of plug-ins added.

        Args:
            domain: Whose facts they are.
            facts: The domain's own facts, one row per customer or complaint.
            frames: The book's frames by name, those that the sources read.
            as_of: The day of the facts.

        Raises:
            PluginError: A source fails, or returns what it has not declared.
            DataError: A frame or column that a source needs is not given.
        """
        return facts

    def classifier(self, base: Classifier | None) -> Classifier | None:
        """A classifier that adds what plug-ins read from texts to what ``base`` reads."""
        return base

    def calendar(self, base: WorkingCalendar) -> WorkingCalendar:
        """A calendar with the working days and closures of plug-ins."""
        return base

    def sections(self, review: object) -> Sections:
        """Title and content of the plug-ins' sections of a review's report."""
        return ()
