"""Results as Parquet by review date; a killed run leaves the last complete result intact."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, cast

import attrs
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.disk import locked, read_json, whole_file
from bankcrm.errors import DataError, EngineError, reason_of
from bankcrm.folders import ResultFolder, recover
from bankcrm.frames.arrays import as_of_day

MANIFEST = "_manifest.json"


@attrs.frozen
class Output:
    """A complete result on disk.

    Attributes:
        folder: The folder of the Parquet files.
        manifest: The files with their rows and bytes, and the entries of the writer.
        kept: The temporary folder of the result, which is deleted with this value; None if the
            caller named a folder.
    """

    folder: Path
    manifest: Mapping[str, Any]
    kept: tempfile.TemporaryDirectory[str] | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def files(self) -> list[Path]:
        """The Parquet files, in order."""
        return [self.folder / name for name in sorted(self.manifest["files"])]

    @property
    def rows(self) -> int:
        """The number of rows in all files."""
        return sum(int(f["rows"]) for f in self.manifest["files"].values())

    def parts(self, columns: list[str]) -> Iterator[pd.DataFrame]:
        """Read the files one after the other.

        Args:
            columns: The columns to read; columns that a file does not have are left out.
        """
        import pyarrow.parquet as pq

        for file in self.files:
            present = set(pq.read_schema(file).names)
            yield pd.read_parquet(
                file, columns=[c for c in columns if c in present], partitioning=None
            )

    def frame(
        self, columns: list[str] | None = None, customers: pd.Index | None = None
    ) -> pd.DataFrame:
        """Read the result into memory; a large one is better read from ``files``.

        Args:
            columns: The columns to read; None: all.
            customers: The customers to read; None: all.
        """
        import pyarrow.parquet as pq

        requested = None if customers is None else pc.field("customer_id").isin(pa.array(customers))
        tables = [
            pq.read_table(
                file,
                columns=columns,
                filters=requested,
                use_pandas_metadata=True,
                partitioning=None,
            )
            for file in self.files
        ]
        frame: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
        return frame

    def copy_to(self, folder: Path) -> None:
        """Put the files into another folder, without a second copy where the disk allows it.

        Raises:
            DataError: Another run has replaced the result meanwhile.
        """
        if _manifest_in(self.folder) != self.manifest:
            raise DataError(f"{self.folder}: another run has replaced the result; review again")
        folder.mkdir(parents=True)
        for file in (*self.files, self.folder / MANIFEST):
            try:
                os.link(file, folder / file.name)
            except OSError:
                shutil.copyfile(file, folder / file.name)


@attrs.frozen
class OutputWriter:
    """Writes the parts of a result to a partial folder, which replaces the result when complete.

    A part is written under a temporary name and renamed, so that a file with the final name is
    complete. A later run with the same ``key`` continues with the parts of a killed run.

    Attributes:
        root: The folder of all review dates.
        day: The review date; its folder is ``review_date=YYYY-MM-DD``.
        key: Everything on which the parts depend; parts of another key are deleted.
        force: Whether a result of the day is replaced that bankcrm did not write.
        beside: Files of the root that describe the last result of the day, and go with it.

    Raises:
        EngineError: The disk is full, or the folder cannot be written.
    """

    root: Path
    day: date
    key: Mapping[str, Any]
    force: bool = False
    beside: tuple[str, ...] = ()

    @property
    def folder(self) -> ResultFolder:
        """The folder of all review dates, in which only the result of the day is replaced."""
        names = (*self.beside, f"{self.target.name}/*", f"{self.target.name}/{MANIFEST}")
        return ResultFolder(self.root, "review", names, self.force)

    @property
    def target(self) -> Path:
        """The folder of the complete result."""
        return self.root / f"review_date={self.day.isoformat()}"

    @property
    def partial(self) -> Path:
        """The folder of the parts; readers of Parquet ignore it because of the leading dot."""
        return self._staging / self.target.name

    @property
    def _staging(self) -> Path:
        return self.root / f".{self.target.name}.partial"

    @property
    def _noted(self) -> Path:
        return self.root / f".{self.target.name}.key"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs for the same day away while the block runs.

        Raises:
            DataError: Another run is writing there, or the folder has files of others.
        """
        self.folder.claim()
        with disk(self._staging):
            self._staging.mkdir(exist_ok=True)
        with locked(self._staging):
            yield

    def begin(self) -> list[str]:
        """Prepare the folder; returns the names of the parts that exist already."""
        self.folder.claim()
        recover(self.root)
        text = json.dumps({"key": digest_of(self.key)})
        noted = self._noted
        with disk(self.partial):
            same = noted.is_file() and noted.read_text(encoding="utf-8") == text
            if not same or not self.partial.is_dir():  # a killed commit has used the parts up
                noted.unlink(missing_ok=True)
                shutil.rmtree(self.partial, ignore_errors=True)
                self.partial.mkdir(parents=True)
                write_text(noted, text)
        return sorted(p.name for p in self.partial.glob("*.parquet"))

    def write(self, name: str, frame: pd.DataFrame | pa.Table) -> Path:
        """Write one part completely, or not at all."""
        import pyarrow.parquet as pq

        table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame)
        path = self.partial / name
        temporary = path.with_name(f".{name}.{os.getpid()}")
        with disk(path):
            try:
                pq.write_table(table, temporary, compression="zstd")
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        return path

    def commit(self, entries: Mapping[str, Any] | None = None) -> Output:
        """Replace the last complete result by the parts.

        Args:
            entries: More entries of the manifest.
        """
        import pyarrow.parquet as pq

        files = {}
        for path in sorted(self.partial.glob("*.parquet")):
            rows = pq.read_metadata(path).num_rows
            files[path.name] = {"rows": rows, "bytes": path.stat().st_size}
        manifest = {"key": digest_of(self.key), "files": files, **(entries or {})}
        with disk(self.partial):
            for path in self.partial.iterdir():
                if path.name not in files:  # what a killed worker left
                    path.unlink()
            write_text(self.partial / MANIFEST, json.dumps(manifest, indent=2, sort_keys=True))
            self.folder.commit(self._staging)
            self._noted.unlink(missing_ok=True)
        return Output(self.target, manifest)


def read_output(root: str | Path, day: object) -> Output:
    """The complete result of a review date.

    Args:
        root: The folder of all review dates.
        day: The review date.

    Raises:
        DataError: There is no complete result, or its files are not those that were written.
    """
    date_ = cast("date", as_of_day(day).item())
    target = Path(root) / f"review_date={date_.isoformat()}"
    recover(Path(root))
    path = target / MANIFEST
    if not path.is_file():
        known = sorted(p.parent.name for p in Path(root).glob(f"review_date=*/{MANIFEST}"))
        raise DataError(
            f"{target}: no complete result; complete: {', '.join(known) or 'none'}; "
            "run the review again; it continues where it stopped"
        )
    manifest = _manifest_in(target)
    for name, written in manifest["files"].items():
        file = target / name
        found = file.stat().st_size if file.is_file() else None
        if found != written["bytes"]:
            raise DataError(
                f"{file}: {'missing' if found is None else f'{found:,} bytes'}, but "
                f"{written['bytes']:,} were written; run the review again"
            )
    return Output(target, manifest)


def _manifest_in(folder: Path) -> dict[str, Any]:
    """The manifest of a result.

    Raises:
        DataError: It cannot be read, or is not as a review writes it.
    """
    try:
        manifest: dict[str, Any] = read_json(folder / MANIFEST)
        if all(int(written["bytes"]) >= 0 for written in manifest["files"].values()):
            return manifest
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise DataError(f"{folder / MANIFEST}: not as a review writes it; run the review again")


def digest_of(key: Mapping[str, Any]) -> str:
    """SHA-256 of a key."""
    text = json.dumps(key, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a small file completely, or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Convert an error of the disk to an `EngineError` with advice."""
    try:
        yield
    except OSError as error:
        raise EngineError(
            f"{path}: cannot be written ({reason_of(error)}); the last complete result is "
            "unchanged; free space or choose another folder, and run again"
        ) from error
