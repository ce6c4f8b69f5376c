"""The shipped policies, and sets of policies."""

from __future__ import annotations

import importlib.resources
import pickle
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import attrs
import pytest

from bankcrm.errors import UnknownNameError
from bankcrm.policy import (
    DOMAINS,
    PolicySet,
    default_policies,
    default_policy,
    load_policy,
    presets,
)


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_shipped_policies_are_valid(domain: str) -> None:
    """They load, read back equal, and every parameter and rule gives its source."""
    for policy in (default_policy(domain), *(default_policy(domain, p) for p in presets(domain))):
        assert policy.domain == domain
        assert load_policy(policy.to_toml()) == policy
        for versions in policy.parameters.values():
            assert all(p.source for p in versions)
        for tables in policy.tables.values():
            assert all(rule.source for table in tables for rule in table.rules)


def test_unknown_domains_and_presets() -> None:
    with pytest.raises(UnknownNameError, match="no domain 'sales'; known: bank, lifecycle, "):
        default_policy("sales")
    with pytest.raises(UnknownNameError, match="no preset of lifecycle 'none'"):
        default_policy("lifecycle", "none")
    assert presets("no_such_domain") == ()


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_preset_is_the_defaults_with_entries_of_its_own(domain: str) -> None:
    defaults = default_policy(domain)
    folder = importlib.resources.files("bankcrm") / domain / "presets"
    for name in presets(domain):
        preset = default_policy(domain, name)
        own = tomllib.loads((folder / f"{name}.toml").read_text(encoding="utf-8"))
        for part in ("parameters", "tables", "raw_records"):
            ours, theirs = getattr(defaults, part), getattr(preset, part)
            assert set(ours) <= set(theirs)
            raw = own.get(part.removeprefix("raw_"), {})
            named = {t["id"] for t in raw} if part == "tables" else set(raw)
            differing = {n for n in theirs if theirs[n] != ours.get(n)}
            assert differing == named, "a preset names what differs, and nothing else"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: default_policy("czk_1993"), r"it is a preset: default_policy\('valuation', "),
        (lambda: default_policy("valuation/czk_1993"), r"default_policy\('valuation', 'czk_1993'"),
        (lambda: default_policy("complaints", "czk_1993"), "it is a preset: default_policy"),
        (lambda: default_policy("complaints", "cn_2020"), "did you mean 'cn_2020_3'"),
        (lambda: default_policy(["valuation"]), "no domain"),  # type: ignore[arg-type]
        (lambda: default_policies(["czk_1993"]), "did you mean 'valuation/czk_1993'"),
        (lambda: default_policies(["valuation"]), "'valuation' is a domain; name one of its"),
        (lambda: default_policies("valuation"), "'valuation' is a domain"),
        (lambda: default_policies([7]), "no preset '7'"),  # type: ignore[list-item]
    ],
)
def test_a_preset_in_the_wrong_place(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        call()


def test_a_file_may_have_the_name_of_a_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("czk_1993").write_text(default_policy("risk").to_toml(), encoding="utf-8")
    assert load_policy("czk_1993") == default_policy("risk")


def test_one_preset_may_be_given_as_text() -> None:
    one = default_policies("valuation/czk_1993")
    assert one == default_policies(["valuation/czk_1993"])


def test_a_set_of_policies() -> None:
    policies = default_policies()
    assert [p.domain for p in policies] == list(DOMAINS)
    assert policies == default_policies()
    assert hash(policies) == hash(default_policies())
    own = attrs.evolve(default_policy("lifecycle"), version="own")
    changed = policies.with_policy(own)
    assert changed["lifecycle"].version == "own"
    assert policies["lifecycle"].version != "own"
    assert changed.fingerprint != policies.fingerprint
    assert policies != "policies"
    assert changed.at(date(2026, 1, 1))["lifecycle"].version == "own"
    with pytest.raises(UnknownNameError, match="no policy for domain 'sales'"):
        policies["sales"]
    assert pickle.loads(pickle.dumps(changed)) == changed
    assert isinstance(PolicySet({}).fingerprint, str)
