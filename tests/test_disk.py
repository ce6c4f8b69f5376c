"""Output is whole or absent: kills, full disks, two runs at once, parts of two runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bankcrm import Book, Review, review
from bankcrm.datasets import make_book
from bankcrm.disk import locked, move_all, whole_file, writing
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError
from bankcrm.folders import ResultFolder, recover
from bankcrm.reviews import read_earlier

KILLS = Path(__file__).parent / "nightly" / "kills.py"
BOOKS = [make_book(60, seed=seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def results() -> list[Review]:
    return [review(book, as_of=book.as_of) for book in BOOKS]


def test_a_killed_run_leaves_files_of_one_result() -> None:
    """A few of the placed kills; the script kills at every moment of every way of writing."""
    words = [sys.executable, str(KILLS), "--random", "1", "--customers", "30", "--every", "9",
             "--ways", "memory"]  # fmt: skip
    ran = subprocess.run(words, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no folder is mixed" in ran.stdout


def test_a_commit_that_stops_anywhere_is_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moves of a commit, stopped after each of them; a reader completes the rest."""
    import bankcrm.folders as folders

    class StopError(Exception):
        pass

    for moves_done in range(6):
        path = tmp_path / str(moves_done)
        folder = ResultFolder(path, "review", ("a/*", "b.txt", "last.txt"))
        for content in ("old", "new"):
            if content == "new":

                def some(moves: list[tuple[Path, Path]], n: int = moves_done) -> None:
                    move_all(moves[:n])
                    raise StopError

                monkeypatch.setattr(folders, "move_all", some)
            try:
                with folder.replaced() as target:
                    (target / "a").mkdir()
                    for name in ("a/1.txt", "b.txt", "last.txt"):
                        (target / name).write_text(content)
            except StopError:
                pass
            monkeypatch.undo()
        seen = {p.name: p.read_text() for p in path.rglob("*.txt") if "/." not in str(p)}
        assert len(set(seen.values())) <= 1
        assert "last.txt" not in seen or len(seen) == 3
        recover(path)
        assert {p.read_text() for p in path.rglob("*.txt")} == {"new"}
        assert sorted(p.name for p in path.iterdir()) == [".bankcrm.json", "a", "b.txt", "last.txt"]


def test_an_error_of_the_disk_undoes_the_moves(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    with pytest.raises(OSError):
        move_all([(tmp_path / "a", tmp_path / "x" / "a"), (tmp_path / "none", tmp_path / "b")])
    assert (tmp_path / "a").read_text() == "a"
    with pytest.raises(DataError, match=r"out: cannot be written: no such file"), \
            writing(tmp_path / "out"):  # fmt: skip
        (tmp_path / "none" / "file").write_text("")


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), whole_file(path) as temporary:
        temporary.write_text("half" * 100_000 + chr(0xD800), encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"
    with pytest.raises(DataError, match=r"none/report.html: cannot be written: no such file"), \
            whole_file(tmp_path / "none" / "report.html") as temporary:  # fmt: skip
        temporary.write_text("new")


FULL = """
import resource, sys
from bankcrm.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
main(["review", "--as-of", "2026-06-30", "--quiet", "--out", sys.argv[2]])
"""


def test_a_full_disk_is_reported_with_the_file_and_changes_nothing(
    results: list[Review], tmp_path: Path
) -> None:
    results[0].write(tmp_path / "out")
    before = {p: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    ran = subprocess.run([sys.executable, "-c", FULL, "20000", str(tmp_path / "out")],
                         check=False, capture_output=True, text=True)  # fmt: skip
    assert ran.returncode == 2
    assert "out/customers.parquet: cannot be written" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert {p: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("engine", ["memory", "duckdb"])
def test_a_second_run_says_that_another_is_writing(
    results: list[Review], engine: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    results[0].write(out)
    before = {p: p.read_bytes() for p in out.iterdir()}
    day = BOOKS[1].as_of
    name = ".bankcrm-partial" if engine == "memory" else f".review_date={day}.partial"
    (out / name).mkdir()
    write = results[1].write if engine == "memory" else partial(on_duckdb, BOOKS[1])
    with locked(out / name), pytest.raises(DataError, match="out: another run is writing there"):
        write(out)
    (out / name).rmdir()
    assert {p: p.read_bytes() for p in out.iterdir()} == before
    results[1].write(out)


@pytest.mark.parametrize("name", ["customers.parquet", "customers.csv", "summary.json",
                                  "index.html"])  # fmt: skip
def test_a_folder_with_parts_of_two_runs_is_refused(
    results: list[Review], name: str, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    results[0].write(one)
    results[1].write(other)
    assert read_earlier(one).summary == json.loads(json.dumps(results[0].summary))
    shutil.copy(other / name, one / name)
    with pytest.raises(DataError, match=r"one: .*(changed since|another run)"):
        read_earlier(one)


def on_duckdb(book: Book, out: Path) -> Review:
    return review(DuckDBEngine(book), as_of=book.as_of, out=out)


def test_an_engine_replaces_the_customers_of_a_day_with_all_that_describes_them(
    tmp_path: Path,
) -> None:
    """New customers never lie beside the old figures."""
    out = tmp_path / "out"
    first = on_duckdb(BOOKS[0], out)
    first.write(out)
    assert read_earlier(out).summary["customers"] == first.summary["customers"]
    second = on_duckdb(BOOKS[1], out)
    assert not (out / "summary.json").exists()
    with pytest.raises(DataError, match="another run has replaced the result"):
        first.write(out)
    second.write(out)
    earlier = read_earlier(out)
    assert earlier.summary["customers"] == second.summary["customers"]
    assert len(earlier.standing) == sum(second.summary["stage"].values())


def test_an_engine_review_is_written_whole_to_any_folder(tmp_path: Path) -> None:
    found = review(DuckDBEngine(BOOKS[0]), as_of=BOOKS[0].as_of)
    found.write(tmp_path / "elsewhere")
    assert len(read_earlier(tmp_path / "elsewhere").standing) == found.output.rows


def test_the_temporary_output_lives_as_long_as_it_is_used() -> None:
    output = review(DuckDBEngine(BOOKS[0]), as_of=BOOKS[0].as_of).output
    assert len(output.frame()) == output.rows
