"""Hostile ``book.toml`` files and names: one line, exit code 2, nothing drives the terminal."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.scripts import nightly

from bankcrm import read_book, write_book
from bankcrm.cli import cli, main
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.inspection import inspect_book

REFUSED = {
    "presets of numbers": "presets = [1]",
    "presets that are not there": 'presets = ["../../etc/passwd"]',
    "the last day of all": 'as_of = "9999-12-31"',
    "the first day of all": 'as_of = "0001-01-01"',
    "no day": 'as_of = "2026-13-45"',
    "a time": "as_of = 12:00:00",
    "arrays without end": "a = " + "[" * 100_000,
    "tables without end": "a = " + "{a = " * 20_000,
    "a number of 5,000 digits": "seed = " + "9" * 5_000,
    "a control character": 'name = "\x1b[2J"',
    "no text": "\x00\xff",
    "a number for a name": "name = 5",
}
NAMES = ["[/red]", "ok [bold]x[/bold] \\u001b]0;owned\\u0007", "\\u202Egnp.exe", "\\u009b2J", "名"]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(make_book(25, seed=2), tmp_path_factory.mktemp("hostile") / "bank")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The exit code and what was printed."""
    code = 0
    try:
        main(list(words))
    except SystemExit as stop:
        code = int(stop.code or 0)
    found = capsys.readouterr()
    return code, found.out, found.err


def controls(text: str) -> set[str]:
    """Characters by which a text can drive a terminal."""
    return {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs")} - {"\n"}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("command", ["review", "check"])
def test_a_hostile_file_is_refused_in_a_sentence(
    command: str, what: str, bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (bank / "book.toml").write_text(REFUSED[what], encoding="utf-8")
    out = ["--out", str(tmp_path / "out"), "--quiet"] if command == "review" else []
    code, _, err = run(capsys, command, str(bank), *out)
    assert code == 2, err
    assert "Traceback" not in err
    assert 0 < len(err.strip().splitlines()) <= 4
    assert len(err) < 1_000
    assert not controls(err)
    assert not (tmp_path / "out" / "summary.json").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_drives_no_terminal(
    name: str, bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = f'name = "{name}"\nas_of = "2026-06-30"\nnote = "{name}"\ncurrency = "{name}"\n'
    (bank / "book.toml").write_text(toml, encoding="utf-8")
    code, out, err = run(capsys, "review", str(bank), "--out", str(tmp_path / "out"))
    assert code == 0, err
    assert not controls(out)
    assert "[/red]" in out or "red" not in name
    assert "[bold]x[/bold]" in out or "bold" not in name


def test_a_damaged_parquet_file_is_refused(bank: Path) -> None:
    """The codes of a column may lie beyond its words."""
    file = bank / "customers.parquet"
    good = file.read_bytes()
    table = pq.read_table(file)
    beyond = pa.array([9] * len(table), pa.int32())
    kind = pa.DictionaryArray.from_arrays(beyond, pa.array(["person", "company"]), safe=False)
    pq.write_table(table.set_column(table.column_names.index("kind"), "kind", kind), file)
    with pytest.raises(DataError, match=r"customers\.parquet"):
        read_book(bank)
    file.write_bytes(good)


def test_a_sample_of_hostile_command_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The full run is ``tests/nightly/command_lines.py``."""
    script = nightly("command_lines")
    monkeypatch.chdir(tmp_path)
    draw, made = random.Random(3), script.Tables(tmp_path)
    for word in script.WORDS:
        assert not script.fault_of(["check", word]), ascii(word)
    for _ in range(12):
        name = draw.choice(["check", "convert", "convert-rules", "inspect", "policies", "sample"])
        words = [name, *script.line_of(cli.commands[name], made, draw)]
        assert not script.fault_of(words), words


def test_a_sample_of_hostile_inputs_of_every_parser(tmp_path: Path) -> None:
    """The full run is ``tests/nightly/parsers.py``."""
    script = nightly("parsers")
    draw = random.Random(5)
    for parser in script.parsers(tmp_path):
        assert not script.fault_of(parser, parser.valid[0], tmp_path), parser.name
        drawn = [script.mutated(draw.choice(parser.valid), draw) for _ in range(parser.weight)]
        for given in [*drawn, "not(" + "[" * 2_000, "x" * 20_000]:
            assert not script.fault_of(parser, given, tmp_path), (parser.name, given[:200])


@pytest.mark.parametrize("heading", ["custmer_id", "c" * 20_000, "名" * 20_000, "no,no,no"])
def test_hostile_headings_are_inspected(heading: str, tmp_path: Path) -> None:
    """Neither a hang nor a traceback, whatever the columns are called."""
    rows = f"{heading},kind,birth_date\n1,person,1970-01-02\n2,company,\n"
    (tmp_path / "customers.csv").write_text(rows, encoding="utf-8")
    assert inspect_book(tmp_path)


def test_bytes_that_are_no_text_are_refused(bank: Path) -> None:
    file = bank / "customers.parquet"
    good = file.read_bytes()
    table = pq.read_table(file)
    raw = pa.array([b"\xff"] * len(table), pa.binary())
    pq.write_table(table.set_column(table.column_names.index("kind"), "kind", raw), file)
    with pytest.raises(DataError, match=r"^customers.kind: a column of binary is no text"):
        read_book(bank)
    file.write_bytes(good)
