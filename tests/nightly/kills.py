"""Kill a review while it writes, at every placed moment and at random ones, and look at the folder.

    python tests/nightly/kills.py [--random 40] [--customers 300] [--every 1]

A folder has the result of one book; a child process writes that of another book there and is
killed. The files that are left must be of one of the two only, and what `read_earlier` then reads
must be one of the two as a whole. The same for a disk that is full.
It prints one line per way of writing, and ends with exit code 1 if any folder is mixed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attrs

from bankcrm import Book, read_book, review, write_book
from bankcrm.cli import main as command
from bankcrm.datasets import make_book
from bankcrm.disk import locked
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import BankcrmError
from bankcrm.folders import digests_in
from bankcrm.reviews import read_earlier
from bankcrm.reviews.folder import review_folder

WATCHED = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "open", "shutil.rmtree"}


@attrs.frozen
class Way:
    """A way of writing a folder.

    Attributes:
        name: Its name.
        write: Writes the result of the book of a number to a folder.
        read: Reads the folder; equal results are equal.
    """

    name: str
    write: Callable[[int, Path], object]
    read: Callable[[Path], object]


def earlier(folder: Path) -> object:
    """What a later review reads of a folder."""
    found = read_earlier(folder)
    counts = Counter(map(str, found.standing.to_numpy().tolist()))
    return json.dumps(found.summary, sort_keys=True), tuple(sorted(counts.items()))


def content(folder: Path) -> object:
    """What is in the folder of a book."""
    frames = read_book(folder).frames()
    return tuple((n, len(f), f.astype(str).to_csv()) for n, f in sorted(frames.items()))


def ways(folder: Path, books: list[Book]) -> list[Way]:
    """Every way of writing that is put to the test."""
    places = [write_book(book, folder / f"bank{n}") for n, book in enumerate(books)]
    results = [review(book, as_of=book.as_of) for book in books]

    def on_duckdb(number: int, out: Path) -> None:
        words = ["review", str(places[number]), "--engine", "duckdb", "--out", str(out), "--quiet"]
        try:
            command(words)
        except SystemExit as stop:
            if stop.code:
                raise OSError(f"exit code {stop.code}") from None

    def with_workers(number: int, out: Path) -> None:
        """As the command does, in blocks: two processes work in a hidden folder of the result."""
        engine = DuckDBEngine(places[number], workers=2)
        work = review_folder(out).work
        review(engine, as_of=books[number].as_of, out=work, blocks=3).write(out)
        shutil.rmtree(work, ignore_errors=True)

    return [
        Way("memory", lambda number, out: results[number].write(out), earlier),
        Way("duckdb", on_duckdb, earlier),
        Way("workers", with_workers, earlier),
        Way("book", lambda number, out: write_book(books[number], out), content),
    ]


def visible(folder: Path) -> dict[str, str]:
    """The files of a folder that are not hidden, with their digests."""
    found = digests_in(folder) if folder.is_dir() else {}
    return {n: d for n, d in found.items() if not any(p.startswith(".") for p in n.split("/"))}


def in_child(call: Callable[[], object], seconds: float | None = None) -> int:
    """Run a call in a child process, killed after some seconds; its exit code, -9 if killed."""
    child = os.fork()
    if not child:
        try:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            call()
        except BaseException:
            os._exit(1)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(moment: int, folder: Path, call: Callable[[], object]) -> Callable[[], object]:
    """The call, killed before its n-th operation on a file below the folder."""

    def run() -> None:
        seen = 0

        def watch(event: str, details: tuple[object, ...]) -> None:
            nonlocal seen
            if event in WATCHED and str(folder) in str(details[0]):
                seen += 1
                if seen == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        call()

    return run


def limited(size: int, call: Callable[[], object]) -> Callable[[], object]:
    """The call on a disk on which no file may be larger than some bytes."""

    def run() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        call()

    return run


@attrs.define
class Tally:
    """What was seen for one way of writing.

    Attributes:
        way: The way.
        out: The folder that is written.
        before: A copy of the folder of the first book.
        whole: The visible files of each of the two results.
        seen: The number of each outcome.
        faults: What must not be.
    """

    way: Way
    out: Path
    before: Path
    whole: list[dict[str, str]]
    results: list[object]
    seen: Counter[str] = attrs.field(factory=Counter)
    faults: list[str] = attrs.field(factory=list)

    def look(self, when: str) -> None:
        """Look at the folder after a kill."""
        left = visible(self.out)
        of = [n for n in (0, 1) if left.items() <= self.whole[n].items()]
        if not of:
            self.faults.append(f"{when}: mixed, {sorted(left)}")
        for number in of:
            if left == self.whole[number]:
                self.seen["old" if not number else "new"] += 1
                break
        else:
            self.seen["incomplete, of one run" if of else "mixed"] += 1
        try:
            found = self.way.read(self.out)
        except BankcrmError as error:
            self.seen["refused"] += 1
            self.faults.append(f"{when}: not readable: {error}")
            return
        if found not in self.results:
            self.faults.append(f"{when}: what is read is neither the old nor the new")
        if visible(self.out) not in self.whole:
            self.faults.append(f"{when}: not whole after it was read")

    def reset(self) -> None:
        """Put the result of the first book back, once no worker of a killed run is left."""
        for _ in range(100):
            try:
                shutil.rmtree(self.out)
                break
            except OSError:
                time.sleep(0.1)
        shutil.copytree(self.before, self.out)


def attack(way: Way, folder: Path, *, at_random: int, every: int) -> Tally:
    """Kill one way of writing at placed and at random moments, and fill its disk."""
    out, before = folder / way.name / "out", folder / way.name / "before"
    whole, results = [], []
    for number in (1, 0):
        shutil.rmtree(out, ignore_errors=True)
        assert not in_child(lambda n=number: way.write(n, out)), way.name
        whole.insert(0, visible(out))
        results.insert(0, way.read(out))
    shutil.copytree(out, before)
    tally = Tally(way, out, before, whole, results)
    start = time.monotonic()
    assert not in_child(lambda: way.write(1, out))
    lasts = time.monotonic() - start
    moment = 1
    while True:
        tally.reset()
        if in_child(killed_at(moment, out, lambda: way.write(1, out))) != -signal.SIGKILL:
            break
        tally.look(f"{way.name}, before operation {moment}")
        moment += every
    draw = random.Random(17)
    for _ in range(at_random):
        tally.reset()
        seconds = draw.uniform(0, lasts)
        if in_child(lambda: way.write(1, out), seconds) == -signal.SIGKILL:
            tally.look(f"{way.name}, after {seconds:.3f} s")
    for size in (100, 2_000, 20_000, 150_000):
        tally.reset()
        code = in_child(limited(size, lambda: way.write(1, out)))
        expected = tally.whole[0 if code else 1]
        tally.seen["disk full" if code else "disk large enough"] += 1
        if visible(out) != expected:
            tally.faults.append(f"{way.name}, files of at most {size} bytes: not as before")
    tally.reset()
    staging = out / ".bankcrm-partial"
    staging.mkdir()
    with locked(staging):
        refused = in_child(lambda: way.write(1, out))
    tally.seen["second run refused"] += 1
    if not refused or visible(out) != tally.whole[0]:
        tally.faults.append(f"{way.name}: a second run wrote into the folder of a first")
    return tally


def main() -> None:
    """Run all attacks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--random", type=int, default=40, help="kills at random times, each way")
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--every", type=int, default=1, help="every n-th placed moment")
    parser.add_argument("--ways", nargs="*", default=["memory", "duckdb", "workers", "book"])
    chosen = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="bankcrm-kills-") as name:
        books = [make_book(chosen.customers, seed=seed) for seed in (1, 2)]
        for way in ways(Path(name), books):
            if way.name in chosen.ways:
                tally = attack(way, Path(name), at_random=chosen.random, every=chosen.every)
                print(f"{way.name:<8} {dict(sorted(tally.seen.items()))}", flush=True)
                faults += tally.faults
    print("\n".join(faults) or "no folder is mixed, none is lost")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
