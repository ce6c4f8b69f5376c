"""Hostile command lines and folders: a result, or a few lines and exit code 2; never a traceback.

    python tests/nightly/command_lines.py [--lines 500] [--seed 17] [--only review]

Each line is a command with good and hostile values for its arguments and options, as click declares
them. Half of the lines read a copy of a small book in which files have been broken. What is printed
has to be text that a terminal takes as text. Exit code 1 if any line fails.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click

from bankcrm import default_policy, write_book
from bankcrm.cli import cli, main
from bankcrm.datasets import make_book

WORDS = [
    "", " ", ".", "..", "/", "-", "--", "-1", "0", "1", "25", "9" * 400, "1e400", "nan",
    "x" * 5_000,
    "[/red]", "[bold]x[/bold]", "\x1b]0;owned\x07", "\x1b[2J", "a\nb", "\u202eexe", "\udcff", "名",
    "%s%n", "{0}", "$(id)", "'; DROP TABLE x; --", "2026-06-30", "2026-13-45", "0001-01-01",
    "9999-12-31", "2026-W27", "2026-W99", "lifecycle/none", "valuation/czk_1993",
    "sqlite:///none.db",
    "postgresql://nobody@127.0.0.1:1/none", "http://127.0.0.1:1/", "duckdb://none", "4GB",
    "-4GB", "en", "memory", "duckdb", "risk", "lifecycle", "/dev/null",
    "/proc/self/mem", "/etc/passwd",
]  # fmt: skip


def broken(file: Path, draw: random.Random) -> None:
    """Break one file of a book."""
    raw = file.read_bytes()
    place = draw.randrange(len(raw) + 1)
    ways: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: raw[:place],
        lambda: raw[:place] + os.urandom(40) + raw[place:],
        lambda: raw[:place] + bytes([draw.randrange(256)]) + raw[place + 1 :],
        lambda: raw.replace(b",", b";"),
        lambda: raw.replace(b"customer_id", b"customer id"),
        lambda: raw.replace(b"\n", b"\r\n") + b'"',
        lambda: raw + raw,
        lambda: raw.decode("utf-8", "replace").encode("utf-16"),
        lambda: raw.replace(b"2026", b"99999"),
        lambda: raw.replace(b"person", b"\xff\xfe\x00"),
        lambda: b"PK\x03\x04" + raw,
        lambda: b"PAR1" + raw,
    ]
    content = draw.choice(ways)()
    match draw.randrange(8):
        case 0:
            file.unlink()
            file.mkdir()
        case 1:
            file.unlink()
            file.symlink_to(file)  # a loop
        case 2:
            file.with_suffix(draw.choice([".parquet", ".csv", ".xlsx", ".tsv"])).write_bytes(
                content
            )
        case _:
            file.write_bytes(content)


class Tables:
    """What a fuzzing run reads: good folders and files, made once, and broken copies."""

    def __init__(self, root: Path) -> None:
        book = make_book(20, seed=2)
        self.root, self.copies = root, 0
        self.good = [write_book(book, root / "good-csv", "csv"), write_book(book, root / "good")]
        policy = root / "policy.toml"
        policy.write_text(default_policy("lifecycle").to_toml(), encoding="utf-8")
        self.files = [policy, root / "good-csv" / "customers.csv", root / "good" / "book.toml"]

    def folder(self, draw: random.Random) -> Path:
        """A copy of a book, good or broken: a command may be told to write there."""
        self.copies += 1
        copy = self.root / f"book{self.copies}"
        shutil.copytree(draw.choice(self.good), copy)
        for _ in range(draw.choice([0, 1, 2, 3])):
            files = sorted(p for p in copy.iterdir() if p.is_file() and not p.is_symlink())
            if files:
                broken(draw.choice(files), draw)
        return copy

    def file(self, draw: random.Random) -> Path:
        """A file that may be good, broken, or of another kind."""
        source = draw.choice(self.files)
        self.copies += 1
        copy = self.root / f"file{self.copies}{source.suffix}"
        shutil.copyfile(source, copy)
        if draw.random() < 0.6:
            broken(copy, draw)
        return copy


def line_of(command: click.Command, made: Tables, draw: random.Random) -> list[str]:
    """Values for the parameters of a command."""
    words: list[str] = []
    for parameter in command.params:
        required = parameter.required or isinstance(parameter, click.Argument)
        if not required and draw.random() < 0.6:
            continue
        if isinstance(parameter, click.Option):
            words.append(draw.choice(parameter.opts))
            if parameter.is_flag:
                continue
        words.append(_value(parameter, made, draw))
    return words


def _value(parameter: click.Parameter, made: Tables, draw: random.Random) -> str:
    name = parameter.name or ""
    if draw.random() < 0.3:
        return draw.choice(WORDS)
    if name in ("out", "dst", "target"):
        return str(made.root / f"out{draw.randrange(4)}")
    if name in ("book", "src", "source", "folder", "earlier"):
        return str(made.folder(draw))
    if isinstance(parameter.type, click.Choice):
        return str(draw.choice(list(parameter.type.choices)))
    if isinstance(parameter.type, click.types.IntParamType):
        return str(draw.choice([-1, 0, 1, 30, 300]))
    if isinstance(parameter.type, click.Path) or "file" in name or name == "proposed":
        return str(made.file(draw))
    return draw.choice(["2026-06-30", "100001", *WORDS])


def run(words: list[str]) -> tuple[object, str, str]:
    """The exit code, or the traceback, and what was printed."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(words)
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            code = traceback.format_exc()
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())  # type: ignore[attr-defined]
    return code, texts[0], texts[1]


def fault_of(words: list[str]) -> str:
    """What is wrong with the answer to a command line; empty if nothing is."""
    code, out, err = run(words)
    if isinstance(code, str):
        return "\n".join(code.splitlines()[-7:])
    if code not in (0, 2):
        return f"exit code {code}: {err[-300:]}"
    if code and not 0 < len(err.strip().splitlines()) <= 60:
        return f"{len(err.splitlines())} lines of error: {err[:300]}"
    driving = {c for c in out + err if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - set("\n\t")
    if driving:
        return f"drives a terminal: {sorted(map(ascii, driving))}: {ascii(out + err)[:300]}"
    return ""


def main_of_script() -> None:
    """Try command lines and report the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--only", nargs="*", default=sorted(cli.commands))
    chosen = parser.parse_args()
    draw, faults, codes = random.Random(chosen.seed), 0, Counter[str]()
    with tempfile.TemporaryDirectory(prefix="bankcrm-lines-") as name:
        made = Tables(Path(name))
        os.chdir(name)
        for number in range(chosen.lines):
            command = draw.choice(chosen.only)
            words = [command, *line_of(cli.commands[command], made, draw)]
            start = time.monotonic()
            fault = fault_of(words)
            codes[command] += 1
            if time.monotonic() - start > 60:
                print(f"slow: {words}", flush=True)
            if fault:
                faults += 1
                print(f"{number}: {[w[:120] for w in words]}\n   {fault}", flush=True)
    print(f"{chosen.lines:,} command lines {dict(sorted(codes.items()))}, {faults:,} faults")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main_of_script()
