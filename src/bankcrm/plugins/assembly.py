"""Policies assembled from defaults, files and plug-ins: one frozen value, passed on explicitly."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Self

import attrs

from bankcrm.errors import PluginError, PolicyError, UnknownNameError
from bankcrm.lifecycle.model import MODELS, StageModel, stage_model
from bankcrm.plugins import compute
from bankcrm.plugins.changes import Attributed, changed, known_facts, resolve_conflicts
from bankcrm.plugins.compute import OnError, PluginFacts
from bankcrm.plugins.loading import (
    ENTRY_POINTS,
    HookCaller,
    Plugin,
    PluginFaultError,
    PluginInfo,
    find,
)
from bankcrm.plugins.values import (
    AddIndicators,
    AddRecords,
    AddRoute,
    AddRule,
    AddTable,
    CalendarDay,
    FactSource,
    Preset,
    ReplaceRule,
    Section,
    SetParameter,
    Signal,
    StageChange,
    TextClassifier,
)
from bankcrm.policy import Classifier, Policy, PolicySet, default_policies, default_policy, presets
from bankcrm.rules import Rule
from bankcrm.rules.fingerprint import digest

if TYPE_CHECKING:
    import pandas as pd

    from bankcrm.calendars import WorkingCalendar

_CHANGES = (AddRule, ReplaceRule, AddTable, SetParameter, AddRecords, AddRoute, AddIndicators)
_RETURNS: Mapping[str, tuple[type, ...]] = {
    "policies": (Policy,),
    "presets": (Preset,),
    "changes": _CHANGES,
    "stages": (StageChange,),
    "facts": (FactSource,),
    "signals": (Signal,),
    "classifiers": (TextClassifier,),
    "calendar_days": (CalendarDay,),
    "sections": (Section,),
}
_ASKED = ("policies", "changes")  # hooks that are told the policies


@attrs.frozen(eq=False)
class Assembled(PolicySet):
    """A set of policies with what plug-ins brought along; use it wherever a `PolicySet` is taken.

    Args:
        policies: domain to policy.
        dated: policies that are in force on some days only; `at` puts them in.
        models: stage models that plug-ins changed, by name.
        extras: what runs on frames: fact sources, signals, classifiers, calendar days, sections.
        plugins: every plug-in and what became of it.
        on_error: what happens when a plug-in fails on a frame.
    """

    dated: tuple[Policy, ...] = ()
    models: Mapping[str, StageModel] = attrs.field(factory=dict)
    extras: tuple[Attributed, ...] = ()
    plugins: tuple[PluginInfo, ...] = ()
    on_error: OnError = "raise"

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over policies and plug-ins; without plug-ins, that of the plain set."""
        active = [[p.name, p.distribution, p.version, *p.hooks, *p.changes] for p in self._active]
        policies = {d: p.fingerprint for d, p in self.policies.items()}
        if not active:
            return digest(policies)
        dated = [p.fingerprint for p in self.dated]
        return digest({"policies": policies, "dated": dated, "plugins": active})

    @property
    def _active(self) -> tuple[PluginInfo, ...]:
        return tuple(p for p in self.plugins if not p.error)

    def at(self, day: date) -> Self:
        """Every policy as it stood on a day, plug-ins' dated ones in their domain's place."""
        chosen = dict(self.policies)
        for policy in self.dated:
            starts, ends = policy.effective_from or date.min, policy.effective_to or date.max
            if starts <= day <= ends:
                chosen[policy.domain] = policy
        return attrs.evolve(self, policies={d: p.at(day) for d, p in chosen.items()}, dated=())

    def stage_model(self, name: str = "bank") -> StageModel:
        """A stage model with the plug-ins' stages, events and moves."""
        return self.models.get(name) or stage_model(name)

    @property
    def fact_sources(self) -> tuple[PluginFacts, ...]:
        """The fact sources of the plug-ins, ready to run."""
        found = self._extras(FactSource)
        return tuple(PluginFacts(o.plugin, o.value, self.on_error) for o in found)

    def with_facts(
        self, domain: str, facts: pd.DataFrame, frames: Mapping[str, object], *, as_of: date
    ) -> pd.DataFrame:
        """A domain's facts with those of the plug-ins joined on.

        Args:
            domain: Whose facts they are.
            facts: The domain's own facts, one row per customer or complaint.
            frames: The book's frames by name, as far as plug-ins ask for them.
            as_of: The day.

        Raises:
            PluginError: A source fails, or gives what it has not declared.
            DataError: A frame or column that a source needs is not given.
        """
        made = facts
        for source in self.fact_sources:
            if source.domain == domain:
                made = made.join(source.compute(made, frames, as_of))
        return made

    def classifier(self, base: Classifier | None = None) -> Classifier | None:
        """A classifier that reads what ``base`` and the plug-ins read; None where there is none."""
        readers = self._extras(TextClassifier, Signal)
        if not readers:
            return base
        return functools.partial(
            compute.classify, base=base, readers=readers, on_error=self.on_error
        )

    def calendar(self, base: WorkingCalendar) -> WorkingCalendar:
        """A calendar with the plug-ins' working days and days of rest."""
        made = base
        for o in self._extras(CalendarDay):
            day: CalendarDay = o.value
            if day.calendar in ("", base.name):
                change = made.with_openings if day.working else made.with_closures
                made = change([day.day], name=f"{base.name} with plug-ins")
        return made

    def sections(self, review: object) -> tuple[tuple[str, pd.DataFrame | str], ...]:
        """Title and content of the plug-ins' sections of a review's report."""
        return compute.sections(review, self._extras(Section), self.on_error)

    def _extras(self, *kinds: type) -> list[Attributed]:
        return [o for o in self.extras if isinstance(o.value, kinds)]


def fact_sources_of(policies: PolicySet) -> tuple[PluginFacts, ...]:
    """The fact sources of plug-ins that a set of policies brings along; none in a plain set."""
    return policies.fact_sources if isinstance(policies, Assembled) else ()


def assemble(
    policies: PolicySet | None = None,
    *,
    plugins: Literal["entry-points"] | Sequence[object] = ENTRY_POINTS,
    disable: Iterable[str] = (),
    choose: Mapping[str, str] | None = None,
    on_error: OnError = "raise",
) -> Assembled:
    """Assemble policies from a base and plug-ins. Nothing is kept: the result is passed on.

    Args:
        policies: the base; None: the library's defaults.
        plugins: ``entry-points`` for the installed ones (group ``bankcrm``), or plug-ins.
        disable: names of plug-ins to leave out; ``BANKCRM_DISABLE_PLUGINS`` adds to them.
        choose: domain to the name of a preset, shipped or from a plug-in, for its policy.
        on_error: ``raise``, or ``isolate`` to leave a faulty plug-in out and say so in
            ``plugins``. A veto is raised in any case.

    Raises:
        PluginError: a plug-in does not load or fit, raises, clashes with another, or vetoes.
        PolicyError: the assembled policies do not stand their proofs.

    >>> assemble(plugins=[]).fingerprint == default_policies().fingerprint
    True
    """
    found = find(plugins, disable)
    left_out: dict[str, str] = {}
    while True:
        active = [p for p in found if p.info.name not in left_out]
        try:
            return _assembled(policies, found, active, left_out, choose or {}, on_error)
        except PluginFaultError as error:
            if on_error == "raise":
                raise
            left_out[error.plugin] = str(error)


@attrs.frozen
class _Asked:
    """What the plug-ins answered."""

    infos: tuple[PluginInfo, ...]
    owned: tuple[Attributed, ...]

    def of(self, *kinds: type) -> list[Attributed]:
        return [o for o in self.owned if isinstance(o.value, kinds)]


def _assembled(
    policies: PolicySet | None,
    found: Sequence[Plugin],
    active: Sequence[Plugin],
    left_out: Mapping[str, str],
    choose: Mapping[str, str],
    on_error: OnError,
) -> Assembled:
    base = policies or default_policies()
    callers = [HookCaller(p) for p in active]
    asked = _ask(base, callers)
    base = _chosen(base, choose, asked.of(Preset))
    whole, dated = _placed(base, asked)
    models = _models(asked.of(StageChange))
    extras = asked.of(FactSource, Signal, TextClassifier, CalendarDay, Section)
    infos = {i.name: i for i in asked.infos}
    told = [infos.get(p.info.name) or _failed(p.info, left_out[p.info.name]) for p in found]
    made = Assembled(whole.policies, dated, models, tuple(extras), tuple(told), on_error)
    for caller in callers:
        if reason := _veto(caller, made):
            raise PluginError(f"{caller.info} vetoes these policies: {reason}")
    return made


def _failed(info: PluginInfo, why: str) -> PluginInfo:
    return attrs.evolve(info, error=why.removeprefix(f"{info} "))


def _veto(caller: HookCaller, policies: PolicySet) -> str:
    reason = caller.ask("veto", policies=policies)
    return "" if reason is None else str(reason)


def _ask(base: PolicySet, callers: Sequence[HookCaller]) -> _Asked:
    """Every hook of every plug-in, in order; what gives way to a higher priority is left out."""
    owned: list[Attributed] = []
    for caller in callers:
        for hook, kinds in _RETURNS.items():
            given = {"policies": base} if hook in _ASKED else {}
            owned += [Attributed(caller.info.name, v) for v in caller.values(hook, kinds, **given)]
    keyed = [o for o in owned if not isinstance(o.value, Policy)]
    kept, gave_way = resolve_conflicts(keyed, {a.info.name: a.info.priority for a in callers})
    whole = [o for o in owned if isinstance(o.value, Policy)]
    lines = {a.info.name: _lines(a.info.name, whole, kept, gave_way) for a in callers}
    infos = [attrs.evolve(a.info, hooks=a.hooks, changes=lines[a.info.name]) for a in callers]
    return _Asked(tuple(infos), (*whole, *kept))


def _lines(
    name: str, whole: Sequence[Attributed], kept: Sequence[Attributed], gave_way: Sequence[str]
) -> tuple[str, ...]:
    return (
        *(f"brings policy {o.value.id} {o.value.version}" for o in whole if o.plugin == name),
        *(str(o.value) for o in kept if o.plugin == name),
        *(line.split("\t")[1] for line in gave_way if line.split("\t")[0] == name),
    )


def _chosen(base: PolicySet, choose: Mapping[str, str], offered: Sequence[Attributed]) -> PolicySet:
    """The base with the presets that were asked for."""
    for domain, name in choose.items():
        own = {o.value.name: o for o in offered if o.value.policy.domain == domain}
        if name in own:
            base = base.with_policy(_owned(own[name].value.policy, own[name].plugin))
        elif name in presets(domain):
            base = base.with_policy(default_policy(domain, name))
        else:
            raise UnknownNameError(f"preset of {domain}", name, [*presets(domain), *own])
    return base


def _owned(policy: Policy, plugin: str) -> Policy:
    """A plug-in's policy, each of its rules with the plug-in as owner."""

    def mark(rule: Rule) -> Rule:
        return attrs.evolve(rule, owner=rule.owner or plugin)

    tables = {
        name: tuple(attrs.evolve(t, rules=[mark(r) for r in t.rules]) for t in versions)
        for name, versions in policy.tables.items()
    }
    return attrs.evolve(policy, tables=tables)


def _placed(base: PolicySet, asked: _Asked) -> tuple[PolicySet, tuple[Policy, ...]]:
    """Plug-ins' policies in their domain's place, and every change put in; all of it proven."""
    dated: list[Policy] = []
    for o in asked.of(Policy):
        policy: Policy = o.value
        mine = _owned(policy, o.plugin)
        if policy.effective_from or policy.effective_to:
            dated.append(mine)
        else:
            base = base.with_policy(mine)
    changes = asked.of(*_CHANGES)
    domains = [*base.policies, *(p.domain for p in dated)]
    _known_domains(changes, domains)
    extras = asked.of(FactSource, Signal)
    known = {d: known_facts(d, extras) for d in domains}
    for domain, policy in base.policies.items():
        base = base.with_policy(_proven(policy, changes, known[domain]))
    return base, tuple(_proven(p, changes, known[p.domain]) for p in dated)


def _known_domains(changes: Sequence[Attributed], domains: Sequence[str]) -> None:
    for o in changes:
        domain = getattr(o.value, "domain", "")
        if domain and domain not in domains:
            message = f"there is no policy for domain {domain!r}; known: {', '.join(domains)}"
            raise PluginFaultError(o.plugin, f"plug-in {o.plugin} {o.value}: {message}")


def _proven(policy: Policy, changes: Sequence[Attributed], known: Mapping[str, Any]) -> Policy:
    """The changed policy, if it stands its proofs; else the plug-in without which it would."""
    made = changed(policy, changes, known)
    if made is policy:
        return policy
    try:
        return made.checked()
    except PolicyError as error:
        owners = dict.fromkeys(o.plugin for o in reversed(changes))
        for owner in owners:
            rest = [o for o in changes if o.plugin != owner]
            if _stands(policy, rest, known):
                message = f"plug-in {owner} breaks policy {policy.id}: {'; '.join(error.faults)}"
                raise PluginFaultError(owner, message) from error
        raise


def _stands(policy: Policy, changes: Sequence[Attributed], known: Mapping[str, Any]) -> bool:
    try:
        changed(policy, changes, known).checked()
    except (PolicyError, PluginFaultError):
        return False
    return True


def _models(owned: Sequence[Attributed]) -> dict[str, StageModel]:
    models: dict[str, StageModel] = {}
    for o in owned:
        change: StageChange = o.value
        if change.model not in MODELS:
            known = ", ".join(MODELS)
            message = f"no stage model {change.model!r}; known: {known}"
            raise PluginFaultError(o.plugin, f"plug-in {o.plugin}: {message}")
        before = models.get(change.model) or stage_model(change.model)
        try:
            models[change.model] = before.with_moves(
                *change.moves, stages=change.stages, events=change.events
            )
        except PolicyError as error:
            message = f"plug-in {o.plugin} breaks stage model {change.model}: {error}"
            raise PluginFaultError(o.plugin, message) from error
    return models
