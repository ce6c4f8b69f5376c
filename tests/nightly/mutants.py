"""Sampled mutants of packages: the tests must notice each; what survives is printed.

    python tests/nightly/mutants.py risk scoring [--sample 40] [--seed 17] [--at limits.py]

A mutant has one comparison, operator, number or truth value changed. The tests of a package are
collected once and run once, to see which test runs which line. Then each mutant gets a forked
process that runs the tests of its line, the quickest first, until one fails. A mutant on which
they take five times as long as usual counts as noticed, for it does not end. Tests beyond
``--seconds`` of CPU are not run, so the share that was noticed, the last line of a package, is a
lower bound. Equivalent mutants are not told apart: look at the survivors.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import random
import re
import sys
import tempfile
from pathlib import Path
from types import CodeType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "bankcrm"
OTHER: dict[type[ast.AST], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.Add: ("+", "-"), ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.And: ("and", "or"), ast.Or: ("or", "and"),
    ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"), ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"), ast.NotIn: ("not in", "in"),
}  # fmt: skip
"""Operator -> how it is written, and what takes its place."""
PREFIXES = {ast.Not: "not ", ast.Invert: "~", ast.USub: "-"}
"""Operator before a value -> how it is written; the mutant leaves it out."""
UNOBSERVABLE = frozenset({"strict", "copy", "stacklevel"})
"""Arguments of other libraries whose value changes no result, so no mutant is made of them."""
MORE_TESTS = {
    "actions": ("tests/risk/test_reviews.py",),
    "calendars": ("tests/test_calendar_history.py", "tests/complaints/test_working_hours.py"),
    "engines": ("tests/test_disk.py",),
    "frames": ("tests/test_ids.py", "tests/book/test_oddities.py"),
    "reviews": (
        "tests/actions/test_change.py",
        "tests/actions/test_trend.py",
        "tests/risk/test_reviews.py",
        "tests/test_folders.py",
    ),
}
"""Package -> tests of it outside its own folder of tests."""
EVERY = "tests/test_array_values.py"
"""Tests of every package."""


class Mutant(NamedTuple):
    """A change of the text of a module; the lines are those of the changed statement."""

    module: str
    start: int
    end: int
    text: str
    lines: tuple[int, int]

    def source(self) -> str:
        """The text of the module with the change."""
        source = (SOURCE / self.module).read_text(encoding="utf-8")
        return source[: self.start] + self.text + source[self.end :]

    def code(self) -> tuple[CodeType, CodeType]:
        """The compiled module without and with the change."""
        place = SOURCE / self.module
        sources = (place.read_text(encoding="utf-8"), self.source())
        one, two = (compile(s, str(place), "exec", dont_inherit=True) for s in sources)
        return one, two

    def shown(self) -> str:
        """The place and the changed line."""
        source = self.source()
        line = source.count("\n", 0, self.start)
        return f"{self.module}:{line + 1}: {source.splitlines()[line].strip()}"


def mutants(module: str) -> list[Mutant]:
    """Every mutant of a module of the package, in the order of its text."""
    source = (SOURCE / module).read_text(encoding="utf-8")
    raw = source.encode()
    starts = [0, *itertools.accumulate(len(li.encode()) for li in source.splitlines(keepends=True))]
    tree = ast.parse(source)
    spans = sorted(_statements(tree), key=lambda s: s[1] - s[0])

    def at(line: int, column: int) -> int:
        return len(raw[: starts[line - 1] + column].decode())

    def made(line: int, start: int, end: int, text: str) -> Mutant:
        span = next((s for s in spans if s[0] <= line <= s[1]), (line, line))
        return Mutant(module, start, end, text, span)

    def between(left: ast.expr, right: ast.expr, operator: ast.AST) -> list[Mutant]:
        if type(operator) not in OTHER:
            return []
        written, other = OTHER[type(operator)]
        first = at(left.end_lineno or 0, left.end_col_offset or 0)
        gap = source[first : at(right.lineno, right.col_offset)]
        found = re.search(rf"(?<![\w<>=!]){re.escape(written)}(?![\w<>=])", gap)
        if not found:
            return []
        return [made(left.end_lineno or 0, first + found.start(), first + found.end(), other)]

    every: list[Mutant] = []
    unchanged = _unchanged(tree)
    for node in ast.walk(tree):
        if id(node) in unchanged:
            continue
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                for one, operator, two in zip([left, *others], ops, others, strict=False):
                    every += between(one, two, operator)
            case ast.BinOp(left=left, op=operator, right=right):
                every += between(left, right, operator)
            case ast.BoolOp(op=operator, values=values):
                for one, two in itertools.pairwise(values):
                    every += between(one, two, operator)
            case ast.UnaryOp(op=operator) if type(operator) in PREFIXES:
                place = at(node.lineno, node.col_offset)
                if source.startswith(written := PREFIXES[type(operator)], place):
                    every.append(made(node.lineno, place, place + len(written), ""))
            case ast.Constant(value=bool() | int() | float() as value):
                place = at(node.lineno, node.col_offset)
                text = repr(not value if isinstance(value, bool) else value + 1)
                end = at(node.end_lineno or 0, node.end_col_offset or 0)
                every.append(made(node.lineno, place, end, text))
            case _:
                pass
    return sorted(set(every))


def _statements(tree: ast.Module) -> list[tuple[int, int]]:
    """The first and the last line of each statement, of a compound one without its body."""
    spans = []
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.match_case):
            body = getattr(node, "body", None)
            first = node.pattern.lineno if isinstance(node, ast.match_case) else node.lineno
            last = body[0].lineno - 1 if body else getattr(node, "end_lineno", first)
            spans.append((first, max(first, last or first)))
    return spans


def _unchanged(tree: ast.Module) -> set[int]:
    """The parts of a module of which no mutant is made: annotations and unobservable arguments."""
    parts: list[ast.AST] = []
    for node in ast.walk(tree):
        parts += [n for f in ("annotation", "returns") if (n := getattr(node, f, None)) is not None]
        if isinstance(node, ast.keyword) and node.arg in UNOBSERVABLE:
            parts.append(node.value)
    return {id(node) for part in parts for node in ast.walk(part)}


def modules_of(package: str) -> list[str]:
    """The modules of a package, by their path below the library."""
    place = SOURCE / package
    found = sorted(place.rglob("*.py")) if place.is_dir() else [SOURCE / f"{package}.py"]
    return [str(p.relative_to(SOURCE)) for p in found]


def tests_of(package: str) -> list[str]:
    """The tests and the doctests of a package, as arguments of pytest."""
    own = (f"tests/{package}", f"tests/test_{package}.py", *MORE_TESTS.get(package, ()), EVERY)
    source = SOURCE / package
    doctests = source if source.is_dir() else source.with_suffix(".py")
    return [p for p in own if (ROOT / p).exists()] + [str(doctests.relative_to(ROOT))]


def sample_of(package: str, at: str | None, size: int, seed: int) -> tuple[list[Mutant], int]:
    """The mutants to try, those that change the compiled code, and how many there are in all."""
    every = [m for module in modules_of(package) for m in mutants(module)]
    if at:
        name, _, line = at.partition(":")
        every = [m for m in every if m.module.endswith(name)]
        if line:
            every = [m for m in every if m.shown().startswith(f"{m.module}:{line}:")]
        if not every:
            sys.exit(f"{package}: no mutant at {at}")
    order = random.Random(f"{package} {seed}").sample(every, len(every))
    changing = (m for m in order if len(set(m.code())) == 2)
    return sorted(itertools.islice(changing, size)), len(every)


def main() -> None:
    """Run the tests of each package on a sample of its mutants."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", nargs="+", metavar="package")
    parser.add_argument("--sample", type=int, default=40)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--seconds", type=float, default=20, help="of CPU for one mutant")
    parser.add_argument("--at", help="MODULE or MODULE:LINE, a sample of these mutants alone")
    parser.add_argument("--tests", nargs="+", help="instead of the tests of the package")
    chosen = parser.parse_args()
    os.environ["HYPOTHESIS_PROFILE"] = "mutation"
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.chdir(ROOT)
    sys.path.insert(0, str(SOURCE.parent))
    from mutant_runs import Runs  # imports what is slow to import, once

    for package in chosen.packages:
        sample, count = sample_of(package, chosen.at, chosen.sample, chosen.seed)
        with tempfile.TemporaryDirectory(prefix="bankcrm-mutants-") as folder:
            runs = Runs(chosen.tests or tests_of(package), Path(folder), chosen.seconds)
            runs.measure(sample)
            survivors = [m for m in sample if not runs.noticed(m)]
            for mutant in survivors:
                print(f"{mutant.shown()}{runs.note(mutant)}", flush=True)
        dead = len(sample) - len(survivors)
        share = f"{dead} of {len(sample)} mutants noticed, {100 * dead / max(len(sample), 1):.0f} %"
        print(f"{package}: {share}; seed {chosen.seed}; all: {count}", flush=True)
        if runs.broken:
            print(f"left out, for they fail without a mutant: {json.dumps(runs.broken)}")


if __name__ == "__main__":
    main()
