"""Folders of results: a mark lists the files that bankcrm wrote, and no other file is replaced.

The mark is the hidden file ``.bankcrm.json``. It has the SHA-256 of each file, so that a file which
somebody has changed or put there since is not taken for one of ours, and a copied folder is.

A result is prepared in a hidden folder and renamed into place in one order: all old files go, then
the new ones come, the last of the names at the end. A run that is killed before leaves the old
result; one that is killed meanwhile leaves files of one result only, and `recover` completes it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from bankcrm._display import few
from bankcrm.disk import STAGING, locked, move_all, read_json, sync, sync_all, whole_file, writing
from bankcrm.errors import DataError, reason_of

FolderKind: TypeAlias = Literal["book", "review", "simulation"]
MARK = ".bankcrm.json"
_HIDDEN = ".bankcrm"  # how the names of everything begin that a killed run may leave
_COMMIT = ".bankcrm-commit"
_OLD = ".bankcrm-old"


@attrs.frozen
class ResultFolder:
    """A folder that bankcrm writes, and may write again.

    Attributes:
        path: The folder; it need not exist.
        kind: What it holds; a review does not replace a book, nor a book a review.
        names: Patterns of the files that are replaced, relative to the folder. While they are
            replaced, a file of the last name goes first and comes last: with it, all are there.
        force: Whether files of others are replaced too.
    """

    path: Path
    kind: FolderKind
    names: tuple[str, ...]
    force: bool = False

    @property
    def work(self) -> Path:
        """A hidden folder for what is computed before it is written."""
        return self.path / f"{_HIDDEN}-work"

    def refuse_foreign(self) -> None:
        """Refuse a folder in which writing would replace or mix with the files of others.

        Raises:
            DataError: The path is a file, or the folder has files that bankcrm did not write.
        """
        for place in (self.path, *self.path.parents):
            if place.exists() and not place.is_dir():
                what = "is a file" if place == self.path else f"{place.name} is a file"
                raise DataError(f"{self.path}: {what}; give a folder")
        if self.force or not self.path.is_dir():
            return
        present = sorted(p.name for p in self.path.iterdir() if not p.name.startswith(_HIDDEN))
        if not present:
            return
        mark = _mark_of(self.path)
        if mark is None:
            raise self._refused(f"has {few(present)}, which bankcrm did not write")
        if mark.kind != self.kind:
            raise self._refused(f"is the folder of a {mark.kind}, not of a {self.kind}")
        changed = [n for n in self._existing() if not mark.has_written(self.path / n, n)]
        if changed:
            raise self._refused(f"{few(changed)} changed since bankcrm wrote there")

    def claim(self) -> None:
        """Make the folder, if it is ours or empty, and mark it."""
        self.refuse_foreign()
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            with locked(self.path, wait=True):
                _write_mark(self.path, _mark_of(self.path) or _Mark(self.kind))

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """A folder to write to; when the block ends, its files replace those of this folder.

        If the block fails or is killed, the folder keeps what it had.

        Raises:
            DataError: As for `refuse_foreign`, another run is writing there, or the disk cannot be
                written; the error names the file.
        """
        self.refuse_foreign()
        made = not self.path.exists()
        staging = self.path / STAGING
        try:
            with writing(self.path):
                staging.mkdir(parents=True, exist_ok=True)
                with locked(staging):
                    try:
                        _empty(staging)
                        yield staging
                        self.commit(staging)
                    finally:
                        shutil.rmtree(staging, ignore_errors=True)
        finally:
            if made and self.path.is_dir() and not any(self.path.iterdir()):
                self.path.rmdir()

    def commit(self, staging: Path) -> None:
        """Replace the files of this folder by those of a folder in it, which is used up.

        Args:
            staging: The folder of the new files, with the names that they get.

        Raises:
            OSError: The disk cannot be written; the folder keeps what it had.
        """
        new = {p.relative_to(staging).as_posix(): p for p in staging.rglob("*") if p.is_file()}
        sync_all(staging)
        digests = {name: (digest_of(file),) for name, file in new.items()}
        with locked(self.path, wait=True):
            recover(self.path, have_lock=True)
            before = (_mark_of(self.path) or _Mark(self.kind)).files
            both = {n: (*digests.get(n, ()), *before.get(n, ())) for n in {**before, **digests}}
            old = sorted(self._existing(), key=self._comes_last, reverse=True)
            pending = _Mark(self.kind, both, tuple(sorted(new, key=self._comes_last)), tuple(old))
            _write_mark(self.path, pending)
            os.rename(staging, self.path / _COMMIT)  # from here on the new result is in force
            try:
                _finish(self.path, pending)
            except OSError:
                if all((self.path / _COMMIT / n).is_file() for n in new):  # every move was undone
                    os.rename(self.path / _COMMIT, staging)
                raise

    def _comes_last(self, name: str) -> bool:
        return name == self.names[-1]

    def _existing(self) -> list[str]:
        """The files of the folder that writing replaces."""
        found = {p for name in self.names for p in self.path.glob(name) if not p.is_dir()}
        return sorted(p.relative_to(self.path).as_posix() for p in found)

    def _refused(self, what: str) -> DataError:
        return DataError(
            f"{self.path}: {what}; give a new folder, or --force (in Python force=True) to replace "
            "files there"
        )


def recover(folder: Path, *, have_lock: bool = False) -> None:
    """Complete a result whose run was killed while its files were put in place.

    Whatever reads a folder of results calls this first.

    Args:
        folder: The folder; it need not exist.
        have_lock: Whether the caller holds the lock of the folder.

    Raises:
        DataError: The folder cannot be written.
    """
    if not (folder / _COMMIT).is_dir():
        return
    if not have_lock:
        with locked(folder, wait=True):
            recover(folder, have_lock=True)
        return
    mark = _mark_of(folder)
    if mark is None:
        raise DataError(f"{folder / MARK}: cannot be read; write the result to a new folder")
    try:
        _finish(folder, mark)
    except OSError as error:
        raise DataError(
            f"{folder}: a run was killed while it put its files in place, and the folder cannot be "
            f"written to complete that: {reason_of(error)}"
        ) from error


def _finish(folder: Path, mark: _Mark) -> None:
    """Move old files out and new ones in, as far as that is not done, and mark the result."""
    commit, old = folder / _COMMIT, folder / _OLD
    waiting = {n for n in mark.incoming if (commit / n).is_file()}
    stale = [n for n in mark.outgoing if n in waiting or n not in mark.incoming]
    moves = [(folder / n, old / n) for n in stale if (folder / n).exists()]
    moves += [(commit / n, folder / n) for n in mark.incoming if n in waiting]
    move_all(moves)
    for place in {(folder / n).parent for n in (*stale, *mark.incoming)} - {folder}:
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
        elif place.is_dir():
            sync(place)
    sync(folder)
    left = {n: d for n, d in mark.files.items() if (folder / n).is_file()}
    new = {n: left[n][:1] for n in mark.incoming if n in left}
    _write_mark(folder, _Mark(mark.kind, {**left, **new}))
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(commit, ignore_errors=True)


@attrs.frozen
class _Mark:
    """What the mark of a folder says.

    Attributes:
        kind: What the folder holds.
        files: The SHA-256 of each file; the new one first while files are replaced.
        incoming: The files that are being put in place, in this order.
        outgoing: The files that go before that, in this order.
    """

    kind: str
    files: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()

    def has_written(self, file: Path, name: str) -> bool:
        """Whether a file is as bankcrm wrote it."""
        return file.is_file() and digest_of(file) in self.files.get(name, ())


def _mark_of(folder: Path) -> _Mark | None:
    """The mark of a folder; None if it has none."""
    try:
        raw = read_json(folder / MARK)
        files = {str(n): tuple(digests) for n, digests in raw["files"].items()}
        pending = [tuple(map(str, raw.get(k, ()))) for k in ("incoming", "outgoing")]
        return _Mark(str(raw["kind"]), files, *pending)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _write_mark(folder: Path, mark: _Mark) -> None:
    about = "Files that bankcrm wrote here, with their SHA-256. It replaces only these."
    raw: dict[str, Any] = {"about": about, "kind": mark.kind, "files": mark.files}
    pending = {"incoming": mark.incoming, "outgoing": mark.outgoing}
    raw |= {key: names for key, names in pending.items() if names}
    for left in folder.glob(f"{_HIDDEN}-*-{MARK.lstrip('.')}"):  # by a run that was killed
        left.unlink()
    with whole_file(folder / MARK) as temporary:
        text = json.dumps(raw, indent=1, sort_keys=True)
        temporary.write_text(text + "\n", encoding="utf-8")


def refuse_source(folder: str | Path, source: str | Path, parts: Sequence[Path] = ()) -> None:
    """Refuse to write results into the folder from which they are computed.

    Args:
        folder: The folder to write.
        source: The folder that is read; results may go to a new folder inside it.
        parts: Folders whose files are all read, so that nothing may be written inside them.

    Raises:
        DataError: The folder is the source, whatever links lead there, or lies in one of the parts.
    """
    target, origin = Path(folder).resolve(), Path(source).resolve()
    same = target == origin or (target.exists() and origin.exists() and target.samefile(origin))
    if same or any(target.is_relative_to(p.resolve()) for p in parts if p.is_dir()):
        raise DataError(
            f"{folder}: the book is read from there; write the results to another folder"
        )


def digest_of(file: Path) -> str:
    """SHA-256 of the content of a file."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digests_in(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path from there."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {p.relative_to(folder).as_posix(): digest_of(p) for p in files}


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
