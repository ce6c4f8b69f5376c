"""Folders of results: a mark lists the files that bankcrm wrote, and no other file is replaced.

The mark is the hidden file ``.bankcrm.json``. It has the SHA-256 of each file, so that a file which
somebody has changed or put there since is not taken for one of ours, and a copied folder is.
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

from bankcrm.errors import DataError, reason_of

FolderKind: TypeAlias = Literal["book", "review"]
MARK = ".bankcrm.json"
_PARTIAL = ".bankcrm-partial"
_OURS = (MARK, _PARTIAL)  # what a killed run may leave
_SHOWN = 3


@attrs.frozen
class ResultFolder:
    """A folder that bankcrm writes, and may write again.

    Attributes:
        path: The folder; it need not exist.
        kind: What it holds; a review does not replace a book, nor a book a review.
        names: Patterns of the files that are replaced, relative to the folder.
        force: Whether files of others are replaced too.
    """

    path: Path
    kind: FolderKind
    names: tuple[str, ...]
    force: bool = False

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
        present = sorted(p.name for p in self.path.iterdir() if not p.name.startswith(_OURS))
        if not present:
            return
        kind, written = self._mark()
        if kind is None:
            raise self._refused(f"has {_few(present)}, which bankcrm did not write")
        if kind != self.kind:
            raise self._refused(f"is the folder of a {kind}, not of a {self.kind}")
        changed = [n for n, file in self._existing().items() if not _is_ours(file, written.get(n))]
        if changed:
            raise self._refused(f"{_few(changed)} changed since bankcrm wrote there")

    def claim(self) -> None:
        """Make the folder, if it is ours or empty, and mark it."""
        self.refuse_foreign()
        with _writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._write_mark(self._mark()[1])

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """A folder to write to; when the block ends, its files replace those of this folder.

        If the block fails, the folder keeps what it had.

        Raises:
            DataError: As for `refuse_foreign`, or the disk cannot be written.
        """
        self.refuse_foreign()
        made = not self.path.exists()
        partial = self.path / _PARTIAL
        try:
            with _writing(self.path):
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
                yield partial
                files = {
                    p.relative_to(partial).as_posix(): p for p in partial.rglob("*") if p.is_file()
                }
                with self.recorded(files):
                    for name, file in self._existing().items():
                        if name not in files:
                            file.unlink()
                    for name, file in files.items():
                        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                        os.replace(file, self.path / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
            if made and self.path.is_dir() and not any(self.path.iterdir()):
                self.path.rmdir()

    @contextmanager
    def recorded(self, files: Mapping[str, Path]) -> Iterator[None]:
        """Record files that the block moves into the folder.

        While the block runs, the mark has both the old and the new files: after a kill at any
        moment every file is known as ours.

        Args:
            files: The name of each file in the folder, and where it is now.
        """
        new = {name: (_digest(file),) for name, file in files.items()}
        before = self._mark()[1]
        both = {name: (*new.get(name, ()), *before.get(name, ())) for name in {**before, **new}}
        self._write_mark(both)
        yield
        now = self._mark()[1]  # another process may have recorded another day meanwhile
        kept = {n: found for n, found in now.items() if (self.path / n).is_file()}
        self._write_mark({**kept, **new})

    def _existing(self) -> dict[str, Path]:
        """The files of the folder that writing replaces, by name."""
        found = {p for name in self.names for p in self.path.glob(name)}
        return {p.relative_to(self.path).as_posix(): p for p in sorted(found)}

    def _mark(self) -> tuple[str | None, dict[str, tuple[str, ...]]]:
        """The kind of the folder, None if it has no mark, and the digests of each file."""
        try:
            mark: Any = json.loads((self.path / MARK).read_text(encoding="utf-8"))
            return str(mark["kind"]), {str(n): tuple(d) for n, d in mark["files"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None, {}

    def _write_mark(self, files: Mapping[str, Sequence[str]]) -> None:
        about = "Files that bankcrm wrote here, with their SHA-256. It replaces only these."
        mark = {"about": about, "kind": self.kind, "files": {n: list(d) for n, d in files.items()}}
        temporary = self.path / f"{MARK}.{os.getpid()}"
        temporary.write_text(json.dumps(mark, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(temporary, self.path / MARK)

    def _refused(self, what: str) -> DataError:
        return DataError(
            f"{self.path}: {what}; give a new folder, or --force (in Python force=True) to replace "
            "files there"
        )


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


def _is_ours(file: Path, digests: Sequence[str] | None) -> bool:
    return bool(digests) and file.is_file() and _digest(file) in (digests or ())


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """Convert an error of the disk to one sentence."""
    try:
        yield
    except OSError as error:
        why = reason_of(error)
        raise DataError(f"{folder}: cannot be written: {why}; choose another folder") from error
