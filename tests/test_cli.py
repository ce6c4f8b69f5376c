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
from bankcrm.policy import default_policy


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
        "findings.csv",
        "summary.json",
        "index.html",
    }
    assert names <= {f.name for f in out.iterdir()}
    reviewed = pd.read_parquet(out / "customers.parquet")
    book = pd.read_csv(sample / "customers.csv")
    assert sorted(reviewed.index) == sorted(book["customer_id"])
    assert json.loads((out / "summary.json").read_text())["customers"] == len(book)


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
    assert "not available: rfm (the book has no transactions)" in result.stdout


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
    assert "saw " in result.stdout
    unknown = run("explain", "nobody", sample)
    assert unknown.returncode == 2
    assert "no customer 'nobody'" in unknown.stderr


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
        (["review", "--as-of", "30.6.2026"], "%Y-%m-%d"),
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
    for domain in ("lifecycle", "segmentation", "valuation", "complaints"):
        assert domain in result.stdout
    assert "not confirmed: complaints/cn_2020_3: cn_review_days" in result.stdout


def test_a_process_ends_with_two_and_no_traceback(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "from bankcrm.cli import main; main()"]
    wrong = subprocess.run(
        [*command, "review", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("bankcrm: ")
    assert "Traceback" not in wrong.stderr
