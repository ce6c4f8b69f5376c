r"""Sampled mutants of one module: the tests must notice each; what survives is printed.

    python tests/nightly/mutants.py src/bankcrm/lifecycle/actions/signals.py \
        tests/lifecycle/test_warnings.py [--sample 30] [--seed 17] [--seconds 120]

A mutant has one comparison, operator, number or truth value changed. The tests given run on a copy
of the package with the mutant; a mutant that they do not notice survives. A mutant on which they
take longer than the limit counts as noticed, for it does not end. Equivalent mutants are not told
apart: look at the survivors. The last line is the share that was noticed. Exit code 0.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
OTHER: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Add: ("+", "-"), ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.Is: ("is", "is not"),
}  # fmt: skip
"""Operator -> how it is written, and what takes its place."""


class Mutant(NamedTuple):
    """A change of the text of a module."""

    start: int
    end: int
    text: str


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line.encode()))
    raw = source.encode()

    def at(line: int, column: int) -> int:
        return len(raw[: starts[line - 1] + column].decode())

    def between(left: ast.expr, right: ast.expr, operator: ast.AST) -> list[Mutant]:
        if type(operator) not in OTHER:
            return []
        written, other = OTHER[type(operator)]
        first = at(left.end_lineno or 0, left.end_col_offset or 0)
        gap = source[first : at(right.lineno, right.col_offset)]
        found = re.search(rf"(?<![\w<>=!]){re.escape(written)}(?![\w<>=])", gap)
        return [Mutant(first + found.start(), first + found.end(), other)] if found else []

    made: list[Mutant] = []
    tree = ast.parse(source)
    annotations = {
        id(part)
        for node in ast.walk(tree)
        for field in ("annotation", "returns")
        if (note := getattr(node, field, None)) is not None
        for part in ast.walk(note)
    }
    for node in ast.walk(tree):
        if id(node) in annotations:
            continue
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                for one, operator, two in zip([left, *others], ops, others, strict=False):
                    made += between(one, two, operator)
            case ast.BinOp(left=left, op=operator, right=right):
                made += between(left, right, operator)
            case ast.BoolOp(op=operator, values=values):
                for one, two in itertools.pairwise(values):
                    made += between(one, two, operator)
            case ast.Constant(value=bool() | int() | float() as value):
                place = at(node.lineno, node.col_offset)
                text = repr(not value if isinstance(value, bool) else value + 1)
                made.append(Mutant(place, at(node.end_lineno or 0, node.end_col_offset or 0), text))
            case _:
                pass
    return sorted(set(made))


def noticed(tests: list[str], tree: Path, seconds: float) -> bool:
    """Whether the tests fail on the copy of the package."""
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    given = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(words, cwd=ROOT, env=given, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return True
    return bool(done.returncode)


def main() -> None:
    """Run the tests on a sample of the mutants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", type=Path)
    parser.add_argument("tests", nargs="+")
    parser.add_argument("--sample", type=int, default=30)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--seconds", type=float, default=120, help="of one run of the tests")
    chosen = parser.parse_args()
    module = (ROOT / chosen.module).resolve()
    source = module.read_text(encoding="utf-8")
    every = mutants(source)
    sample = sorted(random.Random(chosen.seed).sample(every, min(chosen.sample, len(every))))
    with tempfile.TemporaryDirectory(prefix="bankcrm-mutants-") as name:
        tree = Path(name)
        shutil.copytree(ROOT / "src" / "bankcrm", tree / "bankcrm")
        copy = tree / module.relative_to(ROOT / "src")
        if noticed(chosen.tests, tree, 5 * chosen.seconds):
            sys.exit("the tests fail without a mutant")
        dead = 0
        for mutant in sample:
            changed = source[: mutant.start] + mutant.text + source[mutant.end :]
            copy.write_text(changed, encoding="utf-8")
            if noticed(chosen.tests, tree, chosen.seconds):
                dead += 1
                continue
            line = source.count("\n", 0, mutant.start)
            print(f"line {line + 1}: {changed.splitlines()[line].strip()}", flush=True)
    seen = f"{dead} of {len(sample)} mutants noticed, {100 * dead / max(len(sample), 1):.0f} %"
    print(f"{chosen.module}: {seen}; all: {len(every)}")


if __name__ == "__main__":
    main()
