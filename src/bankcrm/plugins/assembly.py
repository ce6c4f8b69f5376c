"""Policies assembled from defaults, files and plug-ins into one frozen value."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from typing import Literal, Self, TypeAlias, get_args

import attrs

from bankcrm.arguments import as_choice, as_mapping
from bankcrm.errors import PluginError, PolicyError, UnknownNameError
from bankcrm.lifecycle.model import MODELS, StageModel, stage_model
from bankcrm.plugins.changes import changed, known_facts
from bankcrm.plugins.compute import OnError
from bankcrm.plugins.conflicts import Attributed, GaveWay, resolve_conflicts
from bankcrm.plugins.effects import Effects
from bankcrm.plugins.loading import (
    ENTRY_POINTS,
    HookCaller,
    Plugin,
    PluginFaultError,
    PluginInfo,
    find,
)
from bankcrm.plugins.order import (
    COMPLAINT_STEPS,
    CUSTOMER_STEPS,
    check_fact_names,
    check_fact_order,
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
from bankcrm.policy import Policy, PolicySet, default_policy, presets
from bankcrm.policy.given import policies_of
from bankcrm.rules import Fact, Rule
from bankcrm.rules.fingerprint import digest

_KnownFacts: TypeAlias = Mapping[str, Mapping[str, Fact]]
"""Domain -> the facts of plug-ins that its rules may read."""
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
_GIVEN_POLICIES = ("policies", "changes")  # the hooks that take the policies


@attrs.frozen(eq=False)
class Assembled(PolicySet):
    """A set of policies with the contributions of plug-ins; use it wherever a `PolicySet` is taken.

    Attributes:
        policies: Domain to policy.
        effects: What the plug-ins add beyond rules.
        dated: Policies that are in force on some days only; `at` uses them.
        models: Stage models that plug-ins changed, by name.
        plugins: Every plug-in, with what it changed or why it was left out.
    """

    dated: tuple[Policy, ...] = ()
    models: Mapping[str, StageModel] = attrs.field(factory=dict)
    plugins: tuple[PluginInfo, ...] = ()

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over policies and plug-ins; without plug-ins, that of the plain set."""
        policies = {d: p.fingerprint for d, p in self.policies.items()}
        active = [
            [p.name, p.distribution, p.version, *p.hooks, *p.changes]
            for p in self.plugins
            if not p.error
        ]
        if not active:
            return digest(policies)
        dated = [p.fingerprint for p in self.dated]
        return digest({"policies": policies, "dated": dated, "plugins": active})

    def at(self, day: date) -> Self:
        """Every policy as it stood on a day; a dated policy takes the place of its domain's."""
        chosen = dict(self.policies)
        for policy in self.dated:
            starts, ends = policy.effective_from or date.min, policy.effective_to or date.max
            if starts <= day <= ends:
                chosen[policy.domain] = policy
        return attrs.evolve(self, policies={d: p.at(day) for d, p in chosen.items()}, dated=())

    def stage_model(self, name: str = "bank") -> StageModel:
        """A stage model with the plug-ins' stages, events and moves."""
        return self.models.get(name) or stage_model(name)


def assemble(
    policies: PolicySet | None = None,
    *,
    plugins: Literal["entry-points"] | Sequence[object] = ENTRY_POINTS,
    disable: Iterable[str] = (),
    choose: Mapping[str, str] | None = None,
    on_error: OnError = "raise",
) -> Assembled:
    """Assemble policies from a base and plug-ins. Nothing is kept: pass the result on.

    Args:
        policies: The base; None for the library's defaults.
        plugins: ``entry-points`` for the installed ones (group ``bankcrm``), or plug-ins.
        disable: Names of plug-ins to leave out; ``BANKCRM_DISABLE_PLUGINS`` adds to them.
        choose: Domain to the name of the preset to use for it, shipped or from a plug-in.
        on_error: ``raise``, or ``isolate`` to leave a faulty plug-in out and give the reason in
            ``plugins``. A veto is raised in any case.

    Raises:
        PluginError: A plug-in does not load or fit, raises, conflicts with another, reads a fact
            before it is computed, or vetoes.
        PolicyError: The assembled policies do not pass their checks.

    >>> from bankcrm.policy import default_policies
    >>> assemble(plugins=[]).fingerprint == default_policies().fingerprint
    True
    """
    as_choice(on_error, get_args(OnError), "on_error")
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
class _Answers:
    """What the plug-ins returned: one entry per plug-in, and all values in order."""

    infos: tuple[PluginInfo, ...]
    values: tuple[Attributed, ...]

    def of(self, *kinds: type) -> list[Attributed]:
        return [a for a in self.values if isinstance(a.value, kinds)]


def _assembled(
    policies: PolicySet | None,
    found: Sequence[Plugin],
    active: Sequence[Plugin],
    left_out: Mapping[str, str],
    choose: Mapping[str, str],
    on_error: OnError,
) -> Assembled:
    base = policies_of(policies)
    callers = [HookCaller(p) for p in active]
    answers = _call(base, callers)
    base = _chosen(base, choose, answers.of(Preset))
    whole, dated = _with_changes(base, answers)
    sources = answers.of(FactSource)
    for steps in (CUSTOMER_STEPS, COMPLAINT_STEPS):
        check_fact_names(steps, sources)
        check_fact_order(steps, (*whole, *dated), sources)
    extras = answers.of(FactSource, Signal, TextClassifier, CalendarDay, Section)
    infos = {i.name: i for i in answers.infos}
    made = Assembled(
        policies=whole.policies,
        effects=Effects(tuple(extras), on_error),
        dated=dated,
        models=_models(answers.of(StageChange)),
        plugins=tuple(
            infos.get(p.info.name) or _failed(p.info, left_out[p.info.name]) for p in found
        ),
    )
    for caller in callers:
        if reason := _veto(caller, made):
            raise PluginError(f"{caller.info} vetoes these policies: {reason}")
    return made


def _failed(info: PluginInfo, why: str) -> PluginInfo:
    return attrs.evolve(info, error=why.removeprefix(f"{info} "))


def _veto(caller: HookCaller, policies: PolicySet) -> str:
    reason = caller.call("veto", policies=policies)
    return "" if reason is None else str(reason)


def _call(base: PolicySet, callers: Sequence[HookCaller]) -> _Answers:
    """Call every hook of every plug-in, in order, and resolve conflicts by priority."""
    values: list[Attributed] = []
    for caller in callers:
        for hook, kinds in _RETURNS.items():
            given = {"policies": base} if hook in _GIVEN_POLICIES else {}
            values += [Attributed(caller.info.name, v) for v in caller.values(hook, kinds, **given)]
    whole = [a for a in values if isinstance(a.value, Policy)]
    rest = [a for a in values if not isinstance(a.value, Policy)]
    kept, gave_way = resolve_conflicts(rest, {c.info.name: c.info.priority for c in callers})
    infos = [
        attrs.evolve(c.info, hooks=c.hooks, changes=_lines(c.info.name, whole, kept, gave_way))
        for c in callers
    ]
    return _Answers(tuple(infos), (*whole, *kept))


def _lines(
    plugin: str,
    whole: Sequence[Attributed],
    kept: Sequence[Attributed],
    gave_way: Sequence[GaveWay],
) -> tuple[str, ...]:
    """What a plug-in changed, one line per value."""
    return (
        *(f"brings policy {a.value.id} {a.value.version}" for a in whole if a.plugin == plugin),
        *(str(a.value) for a in kept if a.plugin == plugin),
        *(str(g) for g in gave_way if g.value.plugin == plugin),
    )


def _chosen(base: PolicySet, choose: Mapping[str, str], offered: Sequence[Attributed]) -> PolicySet:
    """The base with the presets that were chosen."""
    for domain, name in as_mapping(choose, "choose", "a mapping of domain to preset").items():
        own = {a.value.name: a for a in offered if a.value.policy.domain == domain}
        if name in own:
            base = base.with_policy(_with_owner(own[name].value.policy, own[name].plugin))
        elif name in presets(domain):
            base = base.with_policy(default_policy(domain, name))
        else:
            raise UnknownNameError(f"preset of {domain}", name, [*presets(domain), *own])
    return base


def _with_owner(policy: Policy, plugin: str) -> Policy:
    """A plug-in's policy, each of its rules with the plug-in as owner."""

    def mark(rule: Rule) -> Rule:
        return attrs.evolve(rule, owner=rule.owner or plugin)

    tables = {
        name: tuple(attrs.evolve(t, rules=[mark(r) for r in t.rules]) for t in versions)
        for name, versions in policy.tables.items()
    }
    return attrs.evolve(policy, tables=tables)


def _with_changes(base: PolicySet, answers: _Answers) -> tuple[PolicySet, tuple[Policy, ...]]:
    """The set with the plug-ins' policies and changes, and their dated policies; all checked."""
    dated: list[Policy] = []
    for a in answers.of(Policy):
        policy: Policy = _with_owner(a.value, a.plugin)
        if policy.effective_from or policy.effective_to:
            dated.append(policy)
        else:
            base = base.with_policy(policy)
    changes = answers.of(*_CHANGES)
    sources = answers.of(FactSource, Signal)
    domains = [*base.policies, *(p.domain for p in dated)]
    _refuse_unknown_domains([*changes, *sources], domains)
    known = {d: known_facts(d, sources) for d in domains}
    for policy in base.policies.values():
        base = base.with_policy(_checked(policy, changes, known))
    return base, tuple(_checked(p, changes, known) for p in dated)


def _refuse_unknown_domains(values: Sequence[Attributed], domains: Sequence[str]) -> None:
    for a in values:
        domain = getattr(a.value, "domain", "")
        if domain and domain not in domains:
            message = f"there is no policy for domain {domain!r}; known: {', '.join(domains)}"
            raise PluginFaultError(a.plugin, f"plug-in {a.plugin} {a.value}: {message}")


def _checked(policy: Policy, changes: Sequence[Attributed], known: _KnownFacts) -> Policy:
    """The changed policy, if it passes its checks; else an error names the plug-in that breaks it.

    It is the last without which the others pass; where there is none, the first that does not pass
    together with those before it.
    """
    made = _changed(policy, changes, known)
    if made is policy:
        return policy
    try:
        return made.checked()
    except PolicyError as error:
        owner = _breaking(policy, changes, known)
        if not owner:
            raise
        message = f"plug-in {owner} breaks policy {policy.id}: {'; '.join(error.faults)}"
        raise PluginFaultError(owner, message) from error


def _breaking(policy: Policy, changes: Sequence[Attributed], known: _KnownFacts) -> str:
    """The plug-in whose changes break a policy; empty where it is broken without any."""

    def passes(plugins: Collection[str]) -> bool:
        kept = [a for a in changes if a.plugin in plugins]
        try:
            _changed(policy, kept, known).checked()
        except (PolicyError, PluginFaultError):
            return False
        return True

    owners = list(dict.fromkeys(a.plugin for a in changes))
    if not passes(()):
        return ""
    last = (one for one in reversed(owners) if passes({*owners} - {one}))
    first = (one for n, one in enumerate(owners) if not passes(owners[: n + 1]))
    return next(chain(last, first))


def _changed(policy: Policy, changes: Sequence[Attributed], known: _KnownFacts) -> Policy:
    """The policy, and the policy ``bank`` under it, with the changes."""
    if policy.shared is not None:
        under = changed(policy.shared, changes, known.get("bank", {}))
        policy = policy if under is policy.shared else attrs.evolve(policy, shared=under)
    return changed(policy, changes, known[policy.domain])


def _models(values: Sequence[Attributed]) -> dict[str, StageModel]:
    models: dict[str, StageModel] = {}
    for a in values:
        change: StageChange = a.value
        if change.model not in MODELS:
            message = f"no stage model {change.model!r}; known: {', '.join(MODELS)}"
            raise PluginFaultError(a.plugin, f"plug-in {a.plugin}: {message}")
        before = models.get(change.model) or stage_model(change.model)
        try:
            models[change.model] = before.with_moves(
                *change.moves, stages=change.stages, events=change.events
            )
        except PolicyError as error:
            message = f"plug-in {a.plugin} breaks stage model {change.model}: {error}"
            raise PluginFaultError(a.plugin, message) from error
    return models
