"""What plug-ins add to a set of policies beyond their rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import partial

import attrs
import pandas as pd

from bankcrm.arguments import as_kind
from bankcrm.calendars import WorkingCalendar
from bankcrm.plugins.compute import OnError, PluginFacts, classify, sections
from bankcrm.plugins.conflicts import Attributed
from bankcrm.plugins.values import CalendarDay, FactSource, Section, Signal, TextClassifier
from bankcrm.policy import PolicySet
from bankcrm.policy.effects import Classifier, PluginEffects, Sections


@attrs.frozen
class Effects(PluginEffects):
    """The effects of plug-ins on facts, texts, calendars and reports.

    Attributes:
        values: Fact sources, signals, classifiers, calendar days and sections.
        on_error: ``raise``, or ``isolate`` to log the failure of a plug-in and go on without it.
    """

    values: tuple[Attributed, ...] = ()
    on_error: OnError = "raise"

    @property
    def fact_sources(self) -> tuple[PluginFacts, ...]:
        """The fact sources, ready to run."""
        return tuple(PluginFacts(a.plugin, a.value, self.on_error) for a in self._of(FactSource))

    def with_facts(
        self, domain: str, facts: pd.DataFrame, frames: Mapping[str, object], as_of: date
    ) -> pd.DataFrame:
        """A domain's facts with the columns of its sources."""
        for source in self.fact_sources:
            if source.domain == domain:
                facts = facts.join(source.compute(facts, frames, as_of))
        return facts

    def classifier(self, base: Classifier | None) -> Classifier | None:
        """A classifier that adds what signals and classifiers read to what ``base`` reads."""
        readers = self._of(TextClassifier, Signal)
        if not readers:
            return base
        return partial(classify, base=base, readers=readers, on_error=self.on_error)

    def calendar(self, base: WorkingCalendar) -> WorkingCalendar:
        """A calendar with the working days and closures for it."""
        made = base
        for a in self._of(CalendarDay):
            day: CalendarDay = a.value
            if day.calendar in ("", base.name):
                change = made.with_openings if day.working else made.with_closures
                made = change([day.day], name=f"{base.name} with plug-ins")
        return made

    def sections(self, review: object) -> Sections:
        """Title and content of every section."""
        return sections(review, self._of(Section), self.on_error)

    def _of(self, *kinds: type) -> list[Attributed]:
        return [a for a in self.values if isinstance(a.value, kinds)]


def fact_sources_of(policies: PolicySet) -> tuple[PluginFacts, ...]:
    """The fact sources of the plug-ins of a set of policies; none in a plain set."""
    effects = as_kind(policies, PolicySet, "policies").effects
    return effects.fact_sources if isinstance(effects, Effects) else ()
