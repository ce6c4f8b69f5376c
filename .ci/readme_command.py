"""Print the README's shell block that holds a word: CI runs what the reader is told to run."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def readme_command(word: str, readme: Path = Path("README.md")) -> str:
    """The one ```sh block of the README that holds ``word``."""
    blocks = re.findall(r"^```sh\n(.*?)^```", readme.read_text(encoding="utf-8"), re.M | re.S)
    found = [block.strip() for block in blocks if word in block]
    if not found:
        raise SystemExit(f"README.md has no ```sh block with {word!r}")
    return found[0]


if __name__ == "__main__":
    sys.stdout.write(readme_command(sys.argv[1]) + "\n")
