"""The command: output for people; on failure one clear line and exit code 2."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path

import attrs
import pandas as pd
import pytest

from bankcrm.cli import main
from bankcrm.complaints import combine
from bankcrm.policy import DOMAINS, default_policy, presets
from bankcrm.rules import DecisionTable


@attrs.frozen
class Ran:
    """The result of one run of the command."""

    returncode: int
    stdout: str
    stderr: str


def run(*words: str | Path) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(w) for w in words])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "book"
    result = run("sample", folder, "--customers", "300", "--seed", "3", "--format", "csv")
    assert result.returncode == 0, result.stderr
    assert "300 customers" in result.stdout
    return folder


def test_review_writes_every_customer(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("review", sample, "--out", out)
    assert result.returncode == 0, result.stderr
    assert "report:" in result.stdout
    names = {
        "customers.parquet",
        "customers.csv",
        "complaints.csv",
        "actions.csv",
        "actions.parquet",
        "findings.csv",
        "summary.json",
        "index.html",
    }
    assert names <= {f.name for f in out.iterdir()}
    reviewed = pd.read_parquet(out / "customers.parquet")
    book = pd.read_csv(sample / "customers.csv")
    assert sorted(reviewed.index) == sorted(book["customer_id"])
    assert (
        json.loads((out / "summary.json").read_text())["customers"] == reviewed["is_customer"].sum()
    )


def test_a_later_review_shows_what_moved(sample: Path, tmp_path: Path) -> None:
    first = run("review", sample, "--as-of", "2026-03-31", "--out", tmp_path / "a", "--quiet")
    assert first.returncode == 0, first.stderr
    later = ("review", sample, "--out", tmp_path / "b", "--quiet", "--language", "zh")
    second = run(*later, "--earlier", tmp_path / "a")
    assert second.returncode == 0, second.stderr
    page = (tmp_path / "b" / "index.html").read_text(encoding="utf-8")
    assert "变动，自 2026-03-31" in page
    wrong = run(*later, "--earlier", sample)
    assert wrong.returncode == 2
    assert "not a folder that a review has written" in wrong.stderr


def test_an_engine_gives_the_same_figures(sample: Path, tmp_path: Path) -> None:
    for words in ((), ("--engine", "duckdb")):
        out = tmp_path / (words[-1] if words else "memory")
        result = run("review", sample, "--out", out, "--quiet", *words)
        assert result.returncode == 0, result.stderr
    memory, duckdb = (
        json.loads(next((tmp_path / name).rglob("summary.json")).read_text(encoding="utf-8"))
        for name in ("memory", "duckdb")
    )
    for name in ("stage", "tier", "segment", "warning", "customers"):
        assert duckdb[name] == memory[name]


def test_what_is_not_available_is_printed_with_its_reason(sample: Path, tmp_path: Path) -> None:
    for file in ("customers.csv", "transactions.csv", "book.toml"):
        (tmp_path / file).write_bytes((sample / file).read_bytes())
    lines = (tmp_path / "transactions.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "transactions.csv").write_text(lines[0] + "\n", encoding="utf-8")
    result = run("review", tmp_path, "--out", tmp_path / "out")
    assert result.returncode == 0, result.stderr
    assert "segment, rfm_level, " in result.stdout
    assert "(transactions has no row)" in result.stdout
    assert "note: cost to serve counts no contacts (the book has no contacts)" in result.stdout


def test_quiet_prints_nothing(sample: Path, tmp_path: Path) -> None:
    result = run("review", sample, "--out", tmp_path, "--quiet")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_policy_file_changes_the_review(sample: Path, tmp_path: Path) -> None:
    policy = default_policy("lifecycle").with_parameters(new_days=10_000)
    file = tmp_path / "mine.toml"
    file.write_text(policy.to_toml(), encoding="utf-8")
    result = run("review", sample, "--out", tmp_path / "out", "--policy", file, "--quiet")
    assert result.returncode == 0, result.stderr
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert summary["policies"]["lifecycle"]["fingerprint"] == policy.fingerprint
    assert summary["stage"]["active"] == 0


def test_a_review_prints_the_figures_that_are_not_confirmed(sample: Path, tmp_path: Path) -> None:
    china = default_policy("complaints", "cn_2020_3")
    file = tmp_path / "both.toml"
    file.write_text(combine(default_policy("complaints"), china).to_toml(), encoding="utf-8")
    result = run("review", sample, "--out", tmp_path / "out", "--policy", file)
    assert result.returncode == 0, result.stderr
    assert "not confirmed: cn_review_days (policy bankcrm.complaints+" in result.stdout


def test_explain_shows_rules_and_values(sample: Path) -> None:
    customer = str(pd.read_csv(sample / "customers.csv")["customer_id"].iloc[0])
    result = run("explain", customer, sample)
    assert result.returncode == 0, result.stderr
    assert "stage: " in result.stdout
    assert "saw " not in result.stdout
    assert len(result.stdout.splitlines()) <= 25
    full = run("explain", customer, sample, "--full")
    assert full.stdout.startswith(result.stdout.rstrip())
    assert "saw " in full.stdout
    unknown = run("explain", "nobody", sample)
    assert unknown.returncode == 2
    assert "no customer 'nobody'" in unknown.stderr


def test_actions_of_an_owner_and_a_week(sample: Path, tmp_path: Path) -> None:
    out = tmp_path / "week.csv"
    words = ("actions", sample, "--owner", "customer_service", "--week", "2026-W27")
    shown = run(*words, "--limit", "3", "--out", out)
    assert shown.returncode == 0, shown.stderr
    written = pd.read_csv(out)
    assert f"{len(written):,} actions as of 2026-06-30, the first 3" in shown.stdout
    assert set(written["department"]) == {"customer_service"}
    assert written["due"].max() <= "2026-07-05"
    rows = json.loads(run(*words, "--json").stdout)
    assert [row["due"] for row in rows] == written["due"].tolist()
    wrong = run("actions", sample, "--owner", "nobody")
    assert wrong.returncode == 2
    assert "no owner 'nobody'" in wrong.stderr
    assert "ISO week" in run("actions", sample, "--week", "soon").stderr


def test_as_of_is_never_guessed(sample: Path, tmp_path: Path) -> None:
    for name in ("customers.csv", "transactions.csv"):
        (tmp_path / name).write_bytes((sample / name).read_bytes())
    result = run("review", tmp_path, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "--as-of" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["review", "no-such-folder"], "no-such-folder"),
        (["review", "--as-of", "30.6.2026"], "2026-06-30"),
        (["review", "--memory-limit", "banana"], "--engine duckdb"),
        (["policies", "czk_1993"], "it is a preset"),
        (["policies", "complaints", "--preset", "cn_2020"], "did you mean 'cn_2020_3'"),
        (["policies", "--preset", "czk_1993"], "give the DOMAIN"),
        (["review", "--policy", "valuation/czk"], "did you mean 'czk_1993'"),
        (["simulate", "--proposed", "no-such.toml"], "no-such.toml"),
        (["check", "no-such.toml"], "no-such.toml"),
        (["policies", "weather"], "lifecycle"),
        (["policies", "complaints", "--preset", "none-such"], "none-such"),
        (["convert", "berka", "no-such-folder", "x"], "no-such-folder"),
        (["sample", "x", "--customers", "0"], "customers"),
    ],
)
def test_errors_are_one_clear_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_check_reports_every_fault(tmp_path: Path) -> None:
    text = default_policy("lifecycle").to_toml().replace('">= @', '">= @no_')
    file = tmp_path / "broken.toml"
    file.write_text(text, encoding="utf-8")
    result = run("check", file)
    assert result.returncode == 2
    assert result.stderr.count("unknown parameter") >= 1
    assert "rules[" in result.stderr


def test_check_accepts_what_policies_prints(tmp_path: Path) -> None:
    printed = run("policies", "segmentation")
    file = tmp_path / "segmentation.toml"
    file.write_text(printed.stdout, encoding="utf-8")
    result = run("check", file)
    assert result.returncode == 0, result.stderr
    assert default_policy("segmentation").fingerprint[:12] in result.stdout


def test_check_proves_a_single_table(tmp_path: Path) -> None:
    file = tmp_path / "table.toml"
    file.write_text(
        '[table]\nid = "t"\n[parameters.unused]\nvalue = 1\n'
        '[[rules]]\nid = "all"\nwhen = {}\nthen = "a"\n',
        encoding="utf-8",
    )
    result = run("check", file)
    assert result.returncode == 0
    assert "parameters.unused" in result.stdout


def test_policies_lists_every_domain_and_preset() -> None:
    result = run("policies")
    assert result.returncode == 0
    for domain in ("lifecycle", "segmentation", "valuation", "complaints", "risk"):
        assert domain in result.stdout
    assert "not confirmed: complaints/cn_2020_3: cn_review_days" in result.stdout


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_no_name_is_cut_however_narrow_the_terminal(
    columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    printed = run("policies").stdout
    assert "…" not in printed
    words = set(printed.split())
    for domain in DOMAINS:
        for preset in presets(domain):
            assert preset in words
            assert default_policy(domain, preset).fingerprint[:12] in words


def test_the_help_has_whole_sentences() -> None:
    listed = run("--help").stdout.partition("Commands:")[2]
    assert "review" in listed
    assert "..." not in listed
    assert all(line.rstrip().endswith(".") for line in listed.splitlines() if line.strip())


def test_json_is_printed_instead_of_every_table(sample: Path, tmp_path: Path) -> None:
    customer = str(pd.read_csv(sample / "customers.csv")["customer_id"].iloc[0])
    file = tmp_path / "mine.toml"
    policy = default_policy("lifecycle").with_parameters(lost_after_days=150)
    file.write_text(policy.to_toml(), encoding="utf-8")
    found = {}
    for words in (
        ("review", sample, "--out", tmp_path / "out"),
        ("explain", customer, sample),
        ("simulate", sample, "--proposed", file),
        ("policies",),
        ("policies", "lifecycle"),
        ("check", file),
        ("plugins",),
    ):
        result = run(*words, "--json")
        assert result.returncode == 0, result.stderr
        found[" ".join(map(str, words[:2]))] = json.loads(result.stdout)
    written = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert written.pop("files")  # the digests of what was written
    assert found[f"review {sample}"] == {**written, "report": str(tmp_path / "out" / "index.html")}
    assert found[f"explain {customer}"]["decisions"][0]["outcome"]
    impact = found[f"simulate {sample}"]
    assert impact["changes"] == ["lifecycle: parameters.lost_after_days.value: 365 -> 150"]
    moved = sum(
        rows
        for before, after in impact["decisions"]["stage"]["migration"].items()
        for name, rows in after.items()
        if name != before
    )
    assert moved == impact["decisions"]["stage"]["moved"] > 0
    assert {row["domain"] for row in found["policies"]} == set(DOMAINS)
    assert found["policies lifecycle"]["policy"]["id"] == "bankcrm.lifecycle"
    assert found[f"check {file}"]["fingerprint"] == policy.fingerprint


def test_a_preset_is_taken_as_a_policy(sample: Path, tmp_path: Path) -> None:
    preset = "complaints/fca_disp"
    result = run("review", sample, "--policy", preset, "--out", tmp_path / "out", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["policies"]["complaints"]["id"] == "uk.fca-disp-1"


def test_slashes_in_a_date_are_read(sample: Path, tmp_path: Path) -> None:
    words = ("review", sample, "--as-of", "2026/03/31", "--out", tmp_path / "out", "--json")
    assert json.loads(run(*words).stdout)["as_of"] == "2026-03-31"


def test_a_memory_limit_that_is_none_is_refused(sample: Path, tmp_path: Path) -> None:
    words = ("--engine", "duckdb", "--memory-limit", "banana", "--out", tmp_path / "out")
    result = run("review", sample, *words)
    assert result.returncode == 2
    assert "banana" in result.stderr
    assert "Traceback" not in result.stderr


def test_workers_are_those_of_duckdb(sample: Path, tmp_path: Path) -> None:
    result = run("review", sample, "--workers", 2, "--out", tmp_path / "out")
    assert result.returncode == 2
    assert "--workers is an option of --engine duckdb" in result.stderr


def test_a_process_ends_with_two_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bankcrm"]
    wrong = subprocess.run(
        [*command, "review", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("bankcrm: ")
    assert "Traceback" not in wrong.stderr


def test_rules_are_checked_and_converted_in_every_form(tmp_path: Path) -> None:
    """From the defaults as TOML to a workbook, to DMN, and one table back to TOML."""
    pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra report)")
    toml, sheet, dmn = (tmp_path / f"rules{kind}" for kind in (".toml", ".xlsx", ".dmn"))
    toml.write_text(default_policy("lifecycle").to_toml(), encoding="utf-8")
    assert run("convert-rules", toml, sheet).returncode == 0
    assert "policy bankcrm.lifecycle" in run("check", sheet).stdout
    lost = run("convert-rules", sheet, dmn).stdout
    assert "not in rules.dmn: parameter new_days" not in lost
    assert "not in rules.dmn: parameter recent_days: no table names it" in lost
    assert "table stage 1: 12 rules, no errors" in run("check", dmn).stdout
    refused = run("convert-rules", dmn, tmp_path / "one.toml")
    assert refused.returncode == 2
    assert "choose one (--table)" in refused.stderr
    one = run("convert-rules", dmn, tmp_path / "one.toml", "--table", "stage")
    assert one.returncode == 0
    stage = default_policy("lifecycle").table("stage")
    assert DecisionTable.from_toml(tmp_path / "one.toml") == stage
    assert run("convert-rules", dmn, sheet).returncode == 2  # it exists
