"""Print the lowest version that pyproject allows of every run-time dependency, as constraints."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("calendars", "cli", "engines", "plot", "report", "sql", "testing")


def lowest(pyproject: str) -> list[str]:
    """Turn each ``name>=1.2`` of the package and its extras into ``name==1.2``."""
    project = tomllib.loads(pyproject)["project"]
    asked = [*project["dependencies"]]
    for extra in EXTRAS:
        asked += project["optional-dependencies"][extra]
    pins = []
    for requirement in asked:
        found = re.fullmatch(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=([0-9.]+)(?:,.*)?", requirement)
        if found is None:
            raise SystemExit(f"pyproject.toml: {requirement!r} has no lower bound")
        pins.append(f"{found[1]}=={found[2]}")
    return pins


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest(Path("pyproject.toml").read_text(encoding="utf-8"))) + "\n")
