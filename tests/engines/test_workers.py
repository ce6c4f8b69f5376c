"""Several processes on one machine: the same review, and errors that say what happened."""

from __future__ import annotations

import operator
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bankcrm import review
from bankcrm.arguments import as_number
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.engines.workers import Workers
from bankcrm.errors import DataError, EngineError

from .conftest import assert_same


@pytest.fixture
def workers() -> Iterator[Workers]:
    """One process."""
    made = Workers(1)
    yield made
    made.end()


def test_the_review_is_the_same_for_any_number(tmp_path: Path) -> None:
    """Every row and action; each task is reported once, in order."""
    book = make_book(60, seed=3)
    titles: dict[int, list[str]] = {}
    found = {}
    for number in (1, 2):
        engine = DuckDBEngine(book, workers=number)
        seen = titles.setdefault(number, [])
        found[number] = review(
            engine,
            as_of=book.as_of,
            blocks=2,
            out=tmp_path / str(number),
            progress=lambda done, total, title, seen=seen: seen.append(title),
        )
    assert titles[1] == titles[2]
    assert_same(found[2].all_customers(), found[1].all_customers())
    assert_same(found[2].actions, found[1].actions)
    assert found[2].fitted.to_toml() == found[1].fitted.to_toml()


def test_an_error_in_a_process_is_the_callers(workers: Workers) -> None:
    """With its class and its words; the next work is done."""
    begun: list[int] = []
    with pytest.raises(DataError, match="share: expected numbers, got the text 'a'"):
        workers.each(partial(as_number, name="share"), [1.0, "a", 2.0], begun.append)
    assert begun == [0, 1]
    workers.each(operator.index, [1, 2], begun.append)
    assert begun == [0, 1, 0, 1]


def test_a_process_that_is_gone_is_told(workers: Workers) -> None:
    with pytest.raises(EngineError, match="use fewer workers or more blocks"):
        workers.each(os._exit, [1], lambda number: None)


def test_after_an_error_the_jobs_that_have_not_begun_are_left_out(tmp_path: Path) -> None:
    pool = Workers(1)
    slow = [["sh", "-c", f"sleep 0.3; mkdir '{tmp_path}/{number}'"] for number in range(20)]
    with pytest.raises(subprocess.CalledProcessError):
        pool.each(subprocess.check_call, [["false"], *slow], lambda number: None)
    pool.end()
    assert len([*tmp_path.iterdir()]) < len(slow)


def test_work_that_cannot_be_sent_is_refused(workers: Workers) -> None:
    with pytest.raises(EngineError, match="not lambdas or inner functions"):
        workers.each(lambda job: None, [1], lambda number: None)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2", None])
def test_a_number_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(DataError, match="workers: expected a whole number of processes"):
        DuckDBEngine({}, workers=wrong)


def test_the_processes_end_with_a_killed_caller(tmp_path: Path) -> None:
    """The next run finds nobody else at work in its folder."""
    script = tmp_path / "caller.py"
    script.write_text(
        "import os\n"
        "from pathlib import Path\n"
        "from bankcrm.engines.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    pool = Workers(1)\n"
        "    tell = lambda number: print(number, flush=True)\n"
        f"    pool.each(Path({str(tmp_path)!r}).joinpath('_').with_name, ['x'], tell)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    # It waits until nobody has the pipe of the caller's output any more.
    ended = subprocess.run(
        [sys.executable, str(script)], stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (-9, b"0\n")
