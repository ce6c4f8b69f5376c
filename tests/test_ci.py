"""CI runs the commands of the README."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", ["review", "pytest"])
def test_ci_runs_the_readme_command_as_it_stands(word: str) -> None:
    """The helper that `.ci/run` uses prints the README block exactly."""
    printed = subprocess.run(
        [sys.executable, ".ci/readme_command.py", word],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert f"```sh\n{printed}```" in README
    assert f'$(readme_command {word})"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_dependency_has_a_lower_bound_that_ci_tests() -> None:
    """The constraints for the lowest-bounds run name every run-time requirement once."""
    pins = subprocess.run(
        [sys.executable, ".ci/lowest.py"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    names = [pin.split("==")[0] for pin in pins]
    assert {"numpy", "pandas", "attrs", "duckdb", "matplotlib"} <= set(names)
    assert len(names) == len(set(names))


def test_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link of the README is a file of the repository."""
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_ci_locks_every_package_that_it_names() -> None:
    """What the package and its extras require has one version in the lock, within its bounds."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (ROOT / ".ci" / "lock.txt").read_text(encoding="utf-8")
    locked = {Requirement(n).name: n for n in lock.splitlines() if not n.startswith("#")}
    extras = project["optional-dependencies"]
    named = [
        *project["dependencies"],
        *(r for name in extras if name != "spark" for r in extras[name]),
    ]
    for asked in (Requirement(r) for r in named):
        if asked.name == project["name"]:
            continue
        [version] = Requirement(locked[canonicalize_name(asked.name)]).specifier
        assert version.operator == "=="
        assert asked.specifier.contains(version.version), (asked, version)


WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda p: p.name)
def test_actions_are_pinned_by_commit_and_may_read_only(path: Path) -> None:
    """A tag can be moved to other code; a commit cannot. Only the deployment may write."""
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    assert [name for name, _ in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []
    assert all(re.match(r" # v[\d.]+$", version) for _, version in used)
    assert re.findall(r"^permissions: (.*)", text, re.MULTILINE) == ["{ contents: read }"]
