"""Write the table of traditional characters and their simplified forms from OpenCC's data.

The package ``opencc`` (Apache License 2.0) is needed here only, not when the library runs: the
lexicon reads single characters, so a table of characters is enough. Run:
``pip install opencc && python scripts/make_simplified.py``
"""

from __future__ import annotations

from pathlib import Path

import opencc

TARGET = Path(__file__).parents[1] / "src/bankcrm/complaints/lexicon/simplified.txt"


def main() -> None:
    """Write the table."""
    convert = opencc.OpenCC("t2s").convert
    blocks = [range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0xF900, 0xFB00)]
    pairs = [(chr(c), convert(chr(c))) for block in blocks for c in block]
    changed = [(a, b) for a, b in pairs if a != b and len(b) == 1 and ord(b) < 0x10000]
    TARGET.write_text(
        "".join(a for a, _ in changed) + "\n" + "".join(b for _, b in changed) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
