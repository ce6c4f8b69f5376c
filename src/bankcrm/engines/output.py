"""Results as Parquet by review date: a run that is killed leaves the last complete one intact."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import attrs
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from bankcrm.errors import DataError, EngineError
from bankcrm.frames import as_of_day

MANIFEST = "_manifest.json"
_KEY = "_key.json"


@attrs.frozen
class Output:
    """A complete result on disk.

    Args:
        folder: where its Parquet files are.
        manifest: what was written: files with rows and bytes, and what the writer told.
    """

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def files(self) -> list[Path]:
        """The Parquet files, in order."""
        return [self.folder / name for name in sorted(self.manifest["files"])]

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(int(f["rows"]) for f in self.manifest["files"].values())

    def parts(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        """The files one after the other, with those of the columns that they have."""
        for file in self.files:
            there = set(pq.read_schema(file).names)
            yield pd.read_parquet(file, columns=[c for c in columns if c in there])

    def frame(self, columns: list[str] | None = None) -> pd.DataFrame:
        """The whole result in memory; for large ones let an engine read ``files``."""
        tables = [
            pq.read_table(file, columns=columns, use_pandas_metadata=True) for file in self.files
        ]
        frame: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
        return frame


@attrs.frozen
class OutputWriter:
    """Parts of a result, written beside its place and moved there when all are done.

    A part is written under another name and renamed, so that a file with the right name is whole.
    The parts of a run that was killed are taken up again by the next run with the same ``key``.

    Args:
        root: the folder of all review dates.
        day: the review date; its folder is ``review_date=YYYY-MM-DD``.
        key: what the parts depend on; parts of another key are thrown away.

    Raises:
        EngineError: the disk is full, or the folder cannot be written.
    """

    root: Path
    day: date
    key: Mapping[str, Any]

    @property
    def target(self) -> Path:
        """Where the complete result stands."""
        return self.root / f"review_date={self.day.isoformat()}"

    @property
    def partial(self) -> Path:
        """Where the parts are gathered; the leading dot hides it from readers of Parquet."""
        return self.root / f".review_date={self.day.isoformat()}.partial"

    def begin(self) -> list[str]:
        """Make ready; returns the names of the parts that are there already."""
        _recover(self.target)
        told = json.dumps({"key": digest_of(self.key)}, sort_keys=True)
        noted = self.partial / _KEY
        if not (noted.is_file() and noted.read_text(encoding="utf-8") == told):
            shutil.rmtree(self.partial, ignore_errors=True)
            with disk(self.partial):
                self.partial.mkdir(parents=True)
                write_text(noted, told)
        return sorted(p.name for p in self.partial.glob("*.parquet"))

    def write(self, name: str, frame: pd.DataFrame | pa.Table) -> Path:
        """Write one part whole, or not at all."""
        table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
        path = self.partial / name
        beside = path.with_name(f".{name}.{os.getpid()}")
        with disk(path):
            try:
                pq.write_table(table, beside, compression="zstd")
                os.replace(beside, path)
            finally:
                beside.unlink(missing_ok=True)
        return path

    def commit(self, told: Mapping[str, Any] | None = None) -> Output:
        """Put the parts in the place of the last complete result."""
        files = {}
        for path in sorted(self.partial.glob("*.parquet")):
            rows = pq.read_metadata(path).num_rows
            files[path.name] = {"rows": rows, "bytes": path.stat().st_size}
        manifest = {"key": digest_of(self.key), "files": files, **(told or {})}
        with disk(self.partial):
            write_text(self.partial / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True))
            old = _old(self.target)
            shutil.rmtree(old, ignore_errors=True)
            if self.target.exists():
                os.replace(self.target, old)
            os.replace(self.partial, self.target)
            (self.target / _KEY).unlink(missing_ok=True)
            shutil.rmtree(old, ignore_errors=True)
        return Output(self.target, manifest)


def read_output(root: str | Path, day: object) -> Output:
    """The complete result of a review date.

    Args:
        root: the folder that results were written to.
        day: the review date.

    Raises:
        DataError: there is none, or its files are not those that were written.
    """
    wanted = cast("date", as_of_day(day).item())
    target = Path(root) / f"review_date={wanted.isoformat()}"
    _recover(target)
    path = target / MANIFEST
    if not path.is_file():
        known = sorted(p.parent.name for p in Path(root).glob(f"review_date=*/{MANIFEST}"))
        raise DataError(
            f"{target}: no complete result; complete: {', '.join(known) or 'none'}; "
            "run the review again, it goes on where it stopped"
        )
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for name, told in manifest["files"].items():
        file = target / name
        found = file.stat().st_size if file.is_file() else None
        if found != told["bytes"]:
            raise DataError(
                f"{file}: {'missing' if found is None else f'{found:,} bytes'}, but "
                f"{told['bytes']:,} were written; run the review again"
            )
    return Output(target, manifest)


def digest_of(key: Mapping[str, Any]) -> str:
    """SHA-256 of what a result depends on."""
    text = json.dumps(key, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _recover(target: Path) -> None:
    """A run that was killed between two renames left the last result under its other name."""
    old = _old(target)
    if old.is_dir() and not target.exists():
        os.replace(old, target)


def write_text(path: Path, text: str) -> None:
    """Write a small file whole, or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn a failing disk into an error that says what stands."""
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"{path}: cannot be written ({error}); the last complete result stands; "
            "free some space or give another folder, and run again"
        ) from error
