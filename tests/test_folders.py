"""What writes a folder never deletes or replaces a file that is not its own."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from bankcrm import Book, Review, read_book, review, write_book
from bankcrm.cli import main
from bankcrm.datasets import convert_berka, make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.folders import MARK, ResultFolder, refuse_source
from bankcrm.reviews import EngineReview

BOOK = make_book(40, seed=1)


@attrs.frozen
class Writer:
    """One way to write a folder: as a function of the folder and of ``force``."""

    name: str
    write: Callable[[Path, bool], object]


def command(*words: str | Path) -> Callable[[Path, bool], object]:
    """A command that writes ``FOLDER``; it raises its message where it fails."""

    def write(folder: Path, force: bool) -> None:
        given = [str(folder) if w == "FOLDER" else str(w) for w in words]
        err = io.StringIO()
        with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
            try:
                main([*given, *(["--force"] if force else [])])
            except SystemExit as stop:
                raise DataError(f"exit code {stop.code}: {err.getvalue()}") from None

    return write


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_book(BOOK, tmp_path_factory.mktemp("source") / "bank")


@pytest.fixture(scope="module")
def result() -> Review:
    return review(BOOK, as_of=BOOK.as_of)


BERKA = {
    "account": "account_id;district_id;frequency;date\n1;1;POPLATEK MESICNE;930101\n",
    "card": "card_id;disp_id;type;issued\n1;1;classic;930301 00:00:00\n",
    "client": "client_id;birth_number;district_id\n1;706213;1\n",
    "disp": "disp_id;client_id;account_id;type\n1;1;1;OWNER\n",
    "district": "A1;A2;A3\n1;Hl.m. Praha;Prague\n",
    "loan": "loan_id;account_id;date;amount;duration;payments;status\n1;1;930201;1200;12;100;A\n",
    "order": "order_id;account_id;bank_to;account_to;amount;k_symbol\n1;1;YZ;8;300;SIPO\n",
    "trans": "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account\n"
    "1;1;930105;PRIJEM;VKLAD;700;700;;;\n",
}  # one row per file of the Czech bank


def berka_source(folder: Path) -> Path:
    folder.mkdir()
    for name, text in BERKA.items():
        (folder / f"{name}.asc").write_text(text, encoding="cp1250")
    return folder


NAMES = ["sample", "sample csv", "convert", "review", "review duckdb", "write_book", "Review.write",
         "Review.to_parquet", "engine out", "EngineReview.write", "EngineReview.to_parquet",
         "convert_berka"]  # fmt: skip


@pytest.fixture(scope="module")
def on_disk(bank: Path) -> EngineReview:
    return review(DuckDBEngine(bank), as_of=BOOK.as_of)


@pytest.fixture(params=NAMES)
def writer(request: pytest.FixtureRequest, bank: Path, result: Review, tmp_path: Path) -> Writer:
    """Every command and function that writes a folder."""
    name = request.param
    sample = ("sample", "FOLDER", "--customers", "30")
    ways: dict[str, Callable[[Path, bool], object]] = {
        "sample": command(*sample),
        "sample csv": command(*sample, "--format", "csv"),
        "review": command("review", bank, "--out", "FOLDER", "--quiet"),
        "review duckdb": command(
            "review", bank, "--engine", "duckdb", "--out", "FOLDER", "--quiet"
        ),
        "write_book": lambda folder, force: write_book(BOOK, folder, force=force),
        "Review.write": lambda folder, force: result.write(folder, force=force),
        "Review.to_parquet": lambda folder, force: result.to_parquet(folder, force=force),
        "engine out": lambda folder, force: review(
            DuckDBEngine(bank), as_of=BOOK.as_of, out=folder, force=force
        ),
    }
    if name.startswith("EngineReview"):
        on_disk: EngineReview = request.getfixturevalue("on_disk")
        ways["EngineReview.write"] = lambda folder, force: on_disk.write(folder, force=force)
        ways["EngineReview.to_parquet"] = lambda f, force: on_disk.to_parquet(f, force=force)
    if "convert" in name:
        source = berka_source(tmp_path / "czech")
        ways["convert"] = command("convert", "berka", source, "FOLDER")
        ways["convert_berka"] = lambda folder, force: convert_berka(source, folder, force=force)
    return Writer(name, ways[name])


def contents(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its path."""
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


THEIRS = {
    "customers.csv": "customer_id,kind\n1,person\n",
    "customers.parquet": "not ours",
    "transactions.csv": "customer_id,date,amount,kind\n1,2024-01-05,10,card\n",
    "complaints.csv": "a", "complaints.parquet": "b", "findings.csv": "c", "index.html": "d",
    "findings.parquet": "e", "summary.json": "{}", "notes.txt": "mine",
    "book.toml": 'name = "by hand"\nas_of = 2024-02-01\n',
    "customers/part-0.parquet": "f", "review_date=2026-06-30/part-00000.parquet": "g",
}  # fmt: skip


def put(folder: Path, *names: str) -> dict[str, str]:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(THEIRS[name], encoding="utf-8")
    return contents(folder)


@pytest.mark.parametrize("names", [tuple(THEIRS), ("book.toml", "customers.csv"), ("notes.txt",),
                                   ("summary.json", "index.html")])  # fmt: skip
def test_a_folder_with_files_of_others_is_refused(
    writer: Writer, names: tuple[str, ...], tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    before = put(mine, *names)
    with pytest.raises(DataError, match=r"mine: has .*which bankcrm did not write.*--force"):
        writer.write(mine, False)
    assert contents(mine) == before


def test_force_replaces_the_files_of_its_own_names_only(writer: Writer, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    put(mine, "notes.txt", "index.html" if "book" in writer.name else "transactions.csv")
    stays = ["notes.txt", "transactions.csv"] if "eview" in writer.name else ["notes.txt"]
    kept = {n: h for n, h in contents(mine).items() if n in stays}
    writer.write(mine, True)
    assert kept.items() <= contents(mine).items()
    assert (mine / MARK).is_file()


def test_what_it_wrote_itself_is_replaced_and_files_put_beside_stay(
    writer: Writer, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    writer.write(out, False)
    first = contents(out)
    put(out, "notes.txt")
    writer.write(out, False)
    assert set(contents(out)) == {*first, "notes.txt"}
    assert (out / "notes.txt").read_text() == "mine"


def test_what_somebody_changed_is_not_its_own_any_more(writer: Writer, tmp_path: Path) -> None:
    out = tmp_path / "out"
    writer.write(out, False)
    written = [p for p in out.rglob("*") if p.is_file() and not p.name.startswith(".")]
    for changed in (min(written), max(written)):
        old = changed.read_bytes()
        changed.write_bytes(b"my own notes")
        before = contents(out)
        with pytest.raises(DataError, match=r"changed since bankcrm wrote there.*--force"):
            writer.write(out, False)
        assert contents(out) == before
        changed.write_bytes(old)
    writer.write(out, False)


def test_a_copied_folder_is_still_its_own(writer: Writer, tmp_path: Path) -> None:
    writer.write(tmp_path / "out", False)
    copy = tmp_path / "copy"
    for name in contents(tmp_path / "out"):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).write_bytes((tmp_path / "out" / name).read_bytes())
    writer.write(copy, False)
    assert contents(copy) == contents(tmp_path / "out")


def test_a_file_is_no_folder(writer: Writer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(DataError, match="is a file; give a folder"):
            writer.write(place, False)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_review_does_not_replace_a_book_nor_a_book_a_review(
    bank: Path, result: Review, tmp_path: Path
) -> None:
    write_book(BOOK, tmp_path / "book")
    with pytest.raises(DataError, match="is the folder of a book, not of a review"):
        result.write(tmp_path / "book")
    result.write(tmp_path / "review")
    with pytest.raises(DataError, match="is the folder of a review, not of a book"):
        write_book(BOOK, tmp_path / "review")


@pytest.mark.parametrize("engine", ["memory", "duckdb"])
@pytest.mark.parametrize("way", ["same", "link", "dots", "frame folder", "link to frame folder"])
def test_a_review_is_not_written_into_its_book(engine: str, way: str, tmp_path: Path) -> None:
    book = write_book(BOOK, tmp_path / "bank")
    parts = book / "transactions"
    if "frame" in way and engine == "duckdb":
        parts.mkdir()
        (book / "transactions.parquet").rename(parts / "part.parquet")
    else:
        parts = book
    link = tmp_path / "link"
    link.symlink_to(parts if "frame" in way else book)
    out = {"same": book, "link": link, "dots": book / ".." / "bank", "frame folder": parts / "new",
           "link to frame folder": link / "new"}[way]  # fmt: skip
    if "frame" in way and engine == "memory":
        pytest.skip("a book in memory is read from files, not from folders of files")
    before = contents(tmp_path)
    for force in (False, True):
        with pytest.raises(DataError, match="the book is read from there"):
            command("review", book, "--engine", engine, "--out", out)(out, force)
    if engine == "duckdb":
        with pytest.raises(DataError, match="the book is read from there"):
            review(DuckDBEngine(book), as_of=BOOK.as_of, out=out, force=True)
    assert contents(tmp_path) == before


def test_a_new_folder_inside_the_book_is_allowed(tmp_path: Path) -> None:
    book = write_book(BOOK, tmp_path / "bank")
    before = contents(book)
    for _ in range(2):
        command("review", book, "--out", book / "bankcrm-review", "--quiet")(book, False)
    assert before.items() <= contents(book).items()
    read_book(book)
    with pytest.raises(DataError, match="which bankcrm did not write"):
        command("review", book, "--out", tmp_path, "--quiet")(tmp_path, False)


def test_the_input_of_the_report_survives(tmp_path: Path) -> None:
    """The failure that was reported: a review that replaced the customers that it had read."""
    mine = tmp_path / "mine"
    before = put(mine, "customers.csv", "transactions.csv")
    with pytest.raises(DataError, match="the book is read from there"):
        command("review", mine, "--as-of", "2024-02-01", "--out", mine)(mine, False)
    assert contents(mine) == before


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    odd = attrs.evolve(BOOK, customers=BOOK.customers.assign(extra=[object()] * 40))
    with pytest.raises(DataError, match="cannot be written as parquet"):
        write_book(odd, out)
    assert not out.exists(), "a folder that it made goes again"
    write_book(BOOK, out)
    before = contents(out)
    with pytest.raises(DataError, match="cannot be written as parquet"):
        write_book(odd, out)
    assert contents(out) == before


KILLED = """
import os, signal, sys
from bankcrm.datasets import make_book
from bankcrm import write_book
real, calls = os.replace, []
def replace(source, target):
    if len(calls) == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(target)
    real(source, target)
os.replace = replace
write_book(make_book(50, seed=2), sys.argv[1])
"""


@pytest.mark.parametrize("moment", [0, 1, 3, 6, 9])
def test_a_run_that_was_killed_can_be_repeated(moment: int, tmp_path: Path) -> None:
    out = write_book(BOOK, tmp_path / "bank")
    put(out, "notes.txt")
    ran = subprocess.run([sys.executable, "-c", KILLED, str(out), str(moment)], check=False)
    assert ran.returncode == -9
    write_book(make_book(50, seed=2), out)
    assert len(read_book(out).customers) == 50
    assert (out / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_one_sentence(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DataError, match="cannot be written: permission denied"):
        write_book(BOOK, tmp_path / "bank")


def test_a_damaged_mark_is_no_mark(tmp_path: Path) -> None:
    for text in ("", "[]", '{"kind": "book"}', '{"kind": "book", "files": []}'):
        (tmp_path / MARK).write_text(text)
        put(tmp_path, "customers.csv")
        with pytest.raises(DataError, match="which bankcrm did not write"):
            ResultFolder(tmp_path, "book", ("*.csv",)).refuse_foreign()


def test_a_source_that_is_not_there_is_no_conflict(tmp_path: Path) -> None:
    assert refuse_source(tmp_path / "out", tmp_path / "no such folder") is None


def test_the_book_that_is_written_is_the_book(tmp_path: Path) -> None:
    again = read_book(write_book(BOOK, tmp_path / "a"))
    assert isinstance(again, Book)
    assert len(again.customers) == len(BOOK.customers)
