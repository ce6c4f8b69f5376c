"""Ask pyright whether every public name of the installed package has a type; fail if not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

folder = Path(sys.executable).parent
answer = subprocess.run(
    [folder / "pyright", "--ignoreexternal", "--outputjson", "--verifytypes", "bankcrm"],
    capture_output=True,
    text=True,
    cwd=sys.argv[1],
    env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
)
found = json.loads(answer.stdout)["typeCompleteness"]
counts = found["exportedSymbolCounts"]
sys.stdout.write(f"{counts} completeness {found['completenessScore']:.3f}\n")
for symbol in found["symbols"]:
    if symbol["isExported"] and not (symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]):
        said = [d["message"] for d in symbol["diagnostics"]]
        sys.stdout.write(f"{symbol['name']}: {'; '.join(said)}\n")
if not counts["withKnownType"] or counts["withUnknownType"] or found["completenessScore"] < 0.98:
    sys.exit("the public API is not fully typed")
