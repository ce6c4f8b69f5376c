"""CPU time until the library and the command are ready, each in a process of its own.

python benchmarks/bench_start.py [--quick]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import note

REVIEW, BARE = "from bankcrm import review", "import pandas, pyarrow"
HELP = "import sys; sys.argv = ['bankcrm', '--help']; from bankcrm.cli import main; main()"
ABOVE, COMMAND = 0.4, 0.15


def spent(code: str) -> float:
    """CPU seconds of a process of Python that runs some code."""
    # Compiled files are kept, whatever the environment says: a user's are.
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    kept.setdefault("PYTHONPYCACHEPREFIX", str(Path(tempfile.gettempdir()) / "bankcrm-bench-pyc"))
    before = os.times()
    run = [sys.executable, "-c", code]
    subprocess.run(run, stdout=subprocess.DEVNULL, check=True, env=kept)
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def main(rounds: int) -> None:
    for code in (REVIEW, BARE, HELP):
        spent(code)  # so that every file is compiled
    found = [(spent(REVIEW), spent(BARE), spent(HELP)) for _ in range(rounds)]
    ours, bare, command = (statistics.median(r[i] for r in found) for i in range(3))
    above = statistics.median(r[0] - r[1] for r in found)
    print(f"{REVIEW}: {ours:.2f} s, {BARE}: {bare:.2f} s")
    note(f"{REVIEW}, above {BARE}", above, "limit", ABOVE, above / ABOVE, 1.0)
    note("bankcrm --help", command, "limit", COMMAND, command / COMMAND, 1.0)


if __name__ == "__main__":
    main(5 if "--quick" in sys.argv else 11)
