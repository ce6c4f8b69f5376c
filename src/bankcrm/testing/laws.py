"""Laws that any bank's policies, stage models and plug-ins must keep; call them in your tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np
import pandas as pd
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import SIGNALS, route_frame
from bankcrm.errors import MissingFactError
from bankcrm.lifecycle import StageModel, transition
from bankcrm.lifecycle.model_check import model_faults
from bankcrm.plugins import assemble
from bankcrm.policy import Policy, PolicySet, load_policy
from bankcrm.policy.given import policies_of
from bankcrm.rules import DecisionTable, Parameter
from bankcrm.segmentation import TIER_LADDER, assign_tiers, review_tiers
from bankcrm.testing.tables import frames, rows


class LawError(AssertionError):
    """A law that does not hold, with the case that shows it."""


def _law(holds: bool, message: str) -> None:
    if not holds:
        raise LawError(message)


def _for_all(strategy: st.SearchStrategy[Any], law: Callable[[Any], None], examples: int) -> None:
    """Try a law on many cases; the smallest that breaks it is raised."""
    quiet = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
    )
    quiet(given(strategy)(law))()


def check_table(table: DecisionTable, *, examples: int = 30) -> None:
    """A table has no findings that are errors, decides every complete row, and a frame as its rows.

    Raises:
        LawError: What does not hold.

    >>> from bankcrm.policy import default_policy
    >>> check_table(default_policy("complaints").table("route"), examples=5)
    """
    errors = [str(f) for f in table.check() if f.severity == "error"]
    _law(not errors, f"table {table.id!r}: {'; '.join(errors)}")

    def total(row: dict[str, Any]) -> None:
        try:
            decision = table.decide(row)
        except MissingFactError as error:
            raise LawError(f"table {table.id!r} does not decide {row}: {error}") from error
        known = table.hit_policy.collects or decision.outcome in table.vocabulary
        _law(known, f"table {table.id!r}: outcome {decision.outcome!r} is not in its vocabulary")

    def alike(frame: pd.DataFrame) -> None:
        decided = table.decide_frame(frame, on_missing="undecided")
        rows = frame.to_dict("records") if len(frame.columns) else [{}] * len(frame)
        for row, rule in zip(rows, decided["rule"], strict=True):
            facts = {str(name): value for name, value in row.items()}
            alone = table.decide(facts, on_missing="undecided")
            same = pd.isna(rule) if alone.rule is None else rule == alone.rule
            _law(same, f"table {table.id!r}: {facts} gives {alone.rule}, in a frame {rule}")

    _for_all(rows(table, missing=False), total, examples)
    _for_all(frames(table), alike, examples)


def check_policy(policy: Policy, *, examples: int = 30) -> None:
    """Every table of a policy keeps `check_table`, and the policy reads back equal from TOML.

    Args:
        policy: The policy; one with dated versions is looked at as it stands at each change.
        examples: How many cases to try for each law.

    Raises:
        LawError: What does not hold.
    """
    policy.checked()
    again = attrs.evolve(load_policy(policy.to_toml()), shared=policy.shared)
    _law(again == policy, f"policy {policy.id!r} is not read back equal")
    for day in _days_of_change(policy):
        now = policy if day is None else policy.at(day)
        for name in now.tables:
            check_table(now.table(name), examples=examples)


def _days_of_change(policy: Policy) -> list[Any]:
    versions: list[tuple[Parameter, ...] | tuple[DecisionTable, ...]] = [
        *policy.parameters.values(),
        *policy.tables.values(),
    ]
    if all(len(v) == 1 for v in versions):
        return [None]
    starts = {v.effective_from for many in versions for v in many if v.effective_from}
    return sorted(starts)


def check_stage_model(model: StageModel, *, examples: int = 50) -> None:
    """A stage model is valid, and every sequence of allowed events stays inside it.

    Raises:
        LawError: What does not hold.
    """
    faults = list(model_faults(model))
    _law(not faults, f"stage model {model.id!r}: {'; '.join(faults)}")
    for stage in model.stage_names:
        events = model.legal_events(stage)
        _law(bool(events) != (stage in model.final), f"{stage!r} has {len(events)} legal events")

    def walk(choices: list[int]) -> None:
        stage = model.initial
        for choice in choices:
            events = model.legal_events(stage)
            if not events:
                return
            moved = transition(stage, events[choice % len(events)], model=model)
            _law(moved.after in model.stage_names, f"{moved} leaves the model")
            stage = moved.after

    _for_all(st.lists(st.integers(0, 99), max_size=12), walk, examples)


def check_tier_policy(policy: Policy) -> None:
    """More contribution never gives a worse tier, and a review with the same facts moves nobody.

    Raises:
        LawError: The facts that show it.
    """
    facts = _tier_facts()
    tiers = assign_tiers(facts, policy=policy)["tier"].astype(str)
    _law(bool(tiers.isin(TIER_LADDER).all()), "a tier is not on the ladder")
    rank = tiers.map({str(tier): i for i, tier in enumerate(TIER_LADDER)}).to_numpy()
    others = ["value_score", "growth", "risk", "credit_standing"]
    ordered = facts.assign(rank=rank).sort_values("contribution", kind="stable")
    for case, group in ordered.groupby(others, dropna=False, sort=False):
        worse = np.flatnonzero(np.diff(group["rank"].to_numpy()) < 0)
        shown = group["contribution"].iloc[[*worse[:1], *(worse[:1] + 1)]].tolist()
        _law(not worse.size, f"contribution {shown} with {dict(zip(others, case, strict=True))}")
    _no_flapping(facts, policy)


def _tier_facts() -> pd.DataFrame:
    contribution = [-1e6, -1e4, -1.0, 0.0, 1.0, 5e2, 5e3, 1e4, 3e4, 1e5, 1e6, 1e8]
    scores = (None, 0.0, 50.0, 100.0)
    cases = itertools.product(contribution, scores, scores, scores, ("good", "watch", "bad", None))
    frame = pd.DataFrame(
        cases, columns=["contribution", "value_score", "growth", "risk", "credit_standing"]
    )
    numeric = ["contribution", "value_score", "growth", "risk"]
    frame[numeric] = frame[numeric].astype("float64")
    return frame.set_index(pd.RangeIndex(1, len(frame) + 1, name="customer_id"))


def _no_flapping(facts: pd.DataFrame, policy: Policy) -> None:
    """Reviewed again and again with the same facts, tiers come to rest."""
    day = pd.Timestamp("2026-01-05")
    first = assign_tiers(facts, policy=policy)[["tier"]].assign(since=day)
    current: pd.DataFrame = first
    moved = pd.Series(True, index=facts.index)
    for _ in range(4):
        day += pd.DateOffset(months=6)
        reviewed = review_tiers(current, facts, as_of=day, policy=policy)
        moved = reviewed["before"].astype(str) != reviewed["tier"].astype(str)
        current = reviewed
    who = facts[moved.to_numpy()].head(1).to_dict("records")
    _law(not moved.any(), f"{int(moved.sum())} customers still move with the same facts: {who}")


def check_route_policy(policy: Policy, *, calendar: WorkingCalendar | None = None) -> None:
    """Every complaint gets an owner and a date, whatever its kind and signals.

    Raises:
        LawError: The complaints that do not.
    """
    table = policy.table("severity")
    signals = [s for s in SIGNALS if s in table.compiled.facts]
    single = np.vstack(
        [np.zeros((1, len(signals)), np.bool_), np.eye(len(signals), dtype=np.bool_)]
    )
    parts = []
    for kind, amount in itertools.product(
        ("consultation", "suggestion", "complaint", None), (0.0, 1e4, 1e7)
    ):
        part = pd.DataFrame(single, columns=signals)
        parts.append(part.assign(kind=kind, amount_at_stake=amount))
    cases = pd.concat(parts, ignore_index=True)
    cases["received_at"] = pd.Timestamp("2024-09-27 10:00", tz="Asia/Shanghai")
    routed = route_frame(cases, policy=policy, calendar=calendar or working_calendar("CN"))
    for column in ("route", "owner", "due"):
        missing = routed[column].isna()
        _law(
            not missing.any(),
            f"{column} is missing for {cases[missing].head(1).to_dict('records')}",
        )
    early = routed["due"] < pd.Timestamp("2024-09-27")
    _law(
        not early.any(),
        f"due before it was received: {cases[early].head(1).to_dict('records')}",
    )


def check_plugin(plugin: object, *, policies: PolicySet | None = None, examples: int = 10) -> None:
    """A plug-in assembles, always to the same; what it changed keeps the laws; without it all is as
    before.

    Args:
        plugin: The module or object.
        policies: The base; None: the defaults.
        examples: How many cases to try for each law.

    Raises:
        LawError: What does not hold.
        PluginError: It does not assemble.
    """
    base = policies_of(policies)
    made = assemble(base, plugins=[plugin])
    again = assemble(base, plugins=[plugin])
    _law(made.fingerprint == again.fingerprint, "two assemblies differ; return the same each time")
    (info,) = made.plugins
    without = assemble(base, plugins=[plugin], disable=[info.name])
    _law(without.fingerprint == base.fingerprint, "disabled, it still changes the policies")
    for policy in made:
        if policy != base.policies.get(policy.domain):
            check_policy(policy, examples=examples)
    read = made.classifier()
    if read is not None:
        texts = pd.Series(["", "我要投诉 the ATM ate my card", "?" * 500], index=["a", "b", "c"])
        found = read(texts)
        _law(found.index.equals(texts.index), "its classifier loses texts")
        _law(read(texts).equals(found), "its classifier gives another answer the second time")
        _law(len(read(texts.iloc[:0])) == 0, "its classifier does not take an empty column")
    made.calendar(working_calendar("CN"))
