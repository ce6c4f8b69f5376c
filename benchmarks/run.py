"""Run all benchmarks, each in a process of its own, and print one table of their measurements.

    python benchmarks/run.py [--quick] [--only NAME ...]

A rival that is not installed (polars, duckdb, numba, pyahocorasick) is left out and named. Ends
with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import ROWS, shown

HERE = Path(__file__).parent
HEADER = ("work", "bankcrm", "wall", "best rival", "its time", "ratio", "goal", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller books and fewer rounds")
    parser.add_argument("--only", nargs="*", help="names of benchmarks, such as rules")
    asked = parser.parse_args()
    names = asked.only or sorted(p.stem.removeprefix("bench_") for p in HERE.glob("bench_*.py"))
    failed = []
    with tempfile.TemporaryDirectory(prefix="bankcrm-bench-") as folder:
        rows = Path(folder) / "rows.jsonl"
        for name in names:
            print(f"\n== {name}", flush=True)
            command = [sys.executable, str(HERE / f"bench_{name}.py")]
            command += ["--quick"] if asked.quick else []
            if subprocess.run(command, env={**os.environ, ROWS: str(rows)}, check=False).returncode:
                failed.append(name)
        lines = rows.read_text(encoding="utf-8").splitlines() if rows.exists() else []
    table = [row_of(json.loads(line)) for line in lines]
    print("\n" + "\n".join(markdown(table)))
    if failed:
        print(f"\nended with an error: {', '.join(failed)}")
    return int(bool(failed) or any(row[-1] == "missed" for row in table))


def row_of(found: dict[str, object]) -> tuple[str, ...]:
    """One measurement as the cells of a line."""
    goal, ratio = found["goal"], float(str(found["ratio"]))
    verdict = "" if goal is None else "met" if ratio <= float(str(goal)) else "missed"
    return (
        str(found["work"]),
        shown(float(str(found["ours"]))),
        "" if found["wall"] is None else shown(float(str(found["wall"]))),
        str(found["rival"]),
        shown(float(str(found["theirs"]))),
        f"{ratio:.2f}",
        "" if goal is None else f"{float(str(goal)):.3g}",
        verdict,
    )


def markdown(rows: list[tuple[str, ...]]) -> list[str]:
    """The lines of a table."""
    cells = [HEADER, tuple("---" for _ in HEADER), *rows]
    return ["| " + " | ".join(line) + " |" for line in cells]


if __name__ == "__main__":
    sys.exit(main())
