"""Files that are written completely or not at all, and locks of folders."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bankcrm.errors import DataError, reason_of

try:
    import fcntl
except ImportError:  # Windows has no lock of a folder
    fcntl = None  # type: ignore[assignment]

STAGING = ".bankcrm-partial"
"""The hidden folder, inside a folder of results, in which its files are prepared."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary file beside ``path``, which replaces it when the block ends without an error.

    Raises:
        DataError: The disk cannot be written; the error names the file.
    """
    temporary = path.with_name(f".bankcrm-{os.getpid()}-{path.name.lstrip('.')}")
    try:
        with writing(path):
            yield temporary
            sync(temporary)
            os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path.name} is nested too deeply") from None


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Convert an error of the disk to one sentence that names the file or folder."""
    try:
        yield
    except OSError as error:
        shown = Path(*(p for p in path.parts if p != STAGING))
        why = reason_of(error)
        raise DataError(f"{shown}: cannot be written: {why}; choose another folder") from error


def sync(path: Path) -> None:
    """Wait until a file or folder, without what is in it, is on the disk."""
    if os.name == "nt" and path.is_dir():
        return
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sync_all(folder: Path) -> None:
    """Wait until a folder with everything in it is on the disk."""
    for path in (*folder.rglob("*"), folder):
        sync(path)


def move_all(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move files one after the other; an error of the disk undoes the moves before it."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(source, target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            os.replace(target, source)
        raise


@contextmanager
def locked(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold the lock of a folder that exists; the system frees it if this process is killed.

    On a file system without locks, and on Windows, the block runs without one.

    Args:
        folder: The folder.
        wait: Whether to wait for the lock.

    Raises:
        DataError: Another process holds it.
    """
    if fcntl is None:
        yield
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # this file system has no locks
            try:
                fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise _busy(folder) from None
        if not _is_open(folder, number):  # the run that had it has just put its files in place
            raise _busy(folder)
        yield
    finally:
        os.close(number)


def _is_open(folder: Path, number: int) -> bool:
    with suppress(OSError):
        return os.path.samestat(os.fstat(number), folder.stat())
    return False


def _busy(folder: Path) -> DataError:
    return DataError(
        f"{folder.parent}: another run is writing there; wait for it, or give another folder"
    )
