"""The subcommands ``plugins`` and ``simulate``."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import pytest

from bankcrm.cli import main
from bankcrm.policy import default_policy

PLUGIN = """
from bankcrm.plugins import SetParameter, hookimpl
from bankcrm.rules import Parameter

@hookimpl
def changes():
    return [SetParameter("lifecycle", "lost_after_days", Parameter(400))]
"""


def run(*words: str | Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(w) for w in words])
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution ``our-bank`` with one plug-in, on the path."""
    info = tmp_path / "our_bank-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: our-bank\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[bankcrm]\nours = our_bank\n")
    (tmp_path / "our_bank.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def test_plugins_are_listed(installed: Path) -> None:
    code, out, _ = run("plugins")
    assert code == 0
    for word in ("ours", "our-bank", "1.2", "changes", "sets lifecycle.lost_after_days to 400"):
        assert word in out


def test_a_plugin_that_fails_is_listed_and_reported(installed: Path) -> None:
    (installed / "our_bank-1.2.dist-info" / "entry_points.txt").write_text(
        "[bankcrm]\nbad = no_such_module\n"
    )
    code, out, _ = run("plugins")
    assert code == 2
    assert "LEFT OUT" in out


def test_no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BANKCRM_DISABLE_PLUGINS", "*")
    assert run("plugins")[1].startswith("no plug-in is installed")


def test_simulate_reports_the_changes(tmp_path: Path) -> None:
    proposed = tmp_path / "new.toml"
    policy = default_policy("lifecycle").with_parameters(lost_after_days=200)
    proposed.write_text(policy.to_toml(), encoding="utf-8")
    book = tmp_path / "book"
    assert run("sample", book, "--customers", "150")[0] == 0
    code, out, err = run("simulate", book, "--proposed", proposed)
    assert (code, err) == (0, "")
    assert "parameters.lost_after_days.value: 365 -> 200" in out
    assert run("simulate", book)[0] == 2
    code, _, err = run("simulate", book, "--proposed", tmp_path / "none.toml")
    assert code == 2
    assert err.count("\n") == 1
