"""Rules from one form of file to another, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bankcrm.errors import PolicyError
from bankcrm.policy import DOMAINS, default_policy, load_policy
from bankcrm.policy.rule_files import SUFFIXES, RuleFile, read_rules, write_rules
from bankcrm.rules import DecisionTable, Rule

openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra report)")

TABLE = DecisionTable("t", (Rule("a", {"x": "> 1"}, "big"), Rule("b", {}, "small")))


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_table_comes_back_from_every_form(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"t{kind}"
    assert write_rules(RuleFile(None, (TABLE,)), path) == []
    assert read_rules(path) == RuleFile(None, (TABLE,))


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("kind", [".toml", ".xlsx"])
def test_a_policy_comes_back_whole(tmp_path: Path, kind: str, domain: str) -> None:
    policy = default_policy(domain)
    path = tmp_path / f"p{kind}"
    write_rules(RuleFile(policy, ()), path)
    assert read_rules(path).policy == policy


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_tables_of_a_policy_come_back_from_dmn(tmp_path: Path, domain: str) -> None:
    """What DMN does not hold is named."""
    write_rules(RuleFile(default_policy(domain), ()), tmp_path / "p.toml")
    rules = read_rules(tmp_path / "p.toml")
    if not rules.tables:
        with pytest.raises(PolicyError, match="no table to write"):
            write_rules(rules, tmp_path / "p.dmn")
        return
    lost = write_rules(rules, tmp_path / "p.dmn")
    read = read_rules(tmp_path / "p.dmn")
    assert read.tables == rules.tables
    assert read.left_out == ()
    policy = default_policy(domain)
    unused = set(policy.parameters) - {n for t in rules.tables for n in t.parameters}
    dated = [name for name, versions in policy.tables.items() if len(versions) != 1]
    kinds = {"table": dated, "parameter": unused, "records": policy.raw_records}
    named = [f"{kind} {name}" for kind, names in kinds.items() for name in names]
    assert sorted(text.split(":")[0] for text in lost) == sorted(named)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    two = RuleFile(None, (TABLE, DecisionTable("u", TABLE.rules)))
    with pytest.raises(PolicyError, match=r"choose one .* of t, u"):
        write_rules(two, tmp_path / "x.toml")
    write_rules(two.only("u"), tmp_path / "x.toml")
    with pytest.raises(PolicyError, match="force"):
        write_rules(two.only("u"), tmp_path / "x.toml")
    with pytest.raises(PolicyError, match="there are t, u"):
        two.only("v")
    with pytest.raises(PolicyError, match=r"\.toml, \.dmn, \.xlsx"):
        read_rules(tmp_path / "x.json")
    with pytest.raises(PolicyError, match="no table to write"):
        write_rules(RuleFile(None, ()), tmp_path / "x.dmn")


def test_an_error_of_a_workbook_names_its_cell(tmp_path: Path) -> None:
    default_policy("lifecycle").to_xlsx(tmp_path / "p.xlsx")
    book = openpyxl.load_workbook(tmp_path / "p.xlsx")
    sheets = {sheet.cell(1, 1).value: sheet for sheet in book.worksheets}
    sheets["policy"].cell(2, 1).value = "colour"
    other = book.create_sheet("other")
    other.cell(1, 1).value = "rules"
    book.save(tmp_path / "q.xlsx")
    with pytest.raises(PolicyError) as raised:
        load_policy(tmp_path / "q.xlsx")
    found = "\n".join(raised.value.faults)
    assert f"{sheets['policy'].title}!A2: 'colour': expected one of policy, domain" in found
    assert "other!A1: 'rules': expected policy, parameter, table or records" in found
