"""The architecture is a failing test: the layers hold, and importing the package stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bankcrm.policy import DOMAINS as POLICIES

ROOT = Path(__file__).resolve().parents[1]
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"
OPTIONAL = ("matplotlib", "duckdb", "sqlglot", "rich", "click", "jinja2", "openpyxl", "hypothesis")
HEAVY = ("pandas", "numpy", "scipy", "matplotlib", "pyarrow", "duckdb", "rich", "click", "jinja2")


def test_every_module_keeps_to_its_layer() -> None:
    """A lower layer never imports a higher one, and sibling domains never import each other."""
    pytest.importorskip("importlinter", reason="import-linter is a developers' tool (extra dev)")
    checked = subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_importing_the_package_loads_nothing_heavy() -> None:
    """Sub-packages load on first use, so that a service starts fast."""
    timed = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import bankcrm"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rsplit("|", 1)[-1].strip() for line in timed.stderr.splitlines()}
    assert "bankcrm" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_review_loads_what_is_slow_to_import_at_its_first_use() -> None:
    """SciPy alone takes longer than all of the library; the others serve files and workers."""
    slow = {"scipy", "pyarrow.parquet", "pyarrow.csv", "pyarrow.dataset", "multiprocessing",
            "importlib.metadata"}  # fmt: skip
    code = "import sys; from bankcrm import review; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert slow.isdisjoint(found.stdout.split())


DOMAINS = [domain for domain in POLICIES if domain != "bank"]


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_domain_loads_neither_siblings_nor_optional_packages(domain: str) -> None:
    """Domains share columns, not modules, and need no extra."""
    listed = subprocess.run(
        [sys.executable, "-c", f"import sys, bankcrm.{domain}; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(listed.stdout.split())
    assert loaded.isdisjoint(OPTIONAL)
    siblings = {*DOMAINS} - {domain}
    assert {f"bankcrm.{name}" for name in siblings}.isdisjoint(loaded)
