"""A book split into blocks of whole customers, each of which fits in memory."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from bankcrm.book import Book, empty_frame
from bankcrm.book.contract import KEYS
from bankcrm.engines.output import digest_of, disk, write_text
from bankcrm.engines.sources import BLOCK, ROW, in_zones
from bankcrm.errors import DataError
from bankcrm.rules.sql_columns import quoted

if TYPE_CHECKING:
    from datetime import date

    from bankcrm.engines.engine import Engine

Zones = Mapping[str, Mapping[str, str]]
PARTED = (
    *("customers", "transactions", "accounts", "balances", "loans"),
    *("contacts", "complaints", "credits", "consents"),
)
ACCOUNT_FRAMES = ("accounts", "transactions", "balances", "loans")


@attrs.frozen
class Workspace:
    """A folder of intermediate results, from which a later run with the same key continues.

    Attributes:
        folder: The folder; it is deleted when the review is complete.
        key: Everything on which the intermediate results depend.
    """

    folder: Path
    key: Mapping[str, Any]

    def begin(self) -> None:
        """Prepare the folder; results of another key are deleted."""
        text = json.dumps({"key": digest_of(self.key)})
        noted = self.folder / "_key.json"
        if not (noted.is_file() and noted.read_text(encoding="utf-8") == text):
            self.end()
            with disk(self.folder):
                self.folder.mkdir(parents=True)
                write_text(noted, text)

    def end(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def frames(self, step: str, block: int, make: Callable[[], dict[str, pd.DataFrame]]) -> None:
        """Make and store the frames of one step and block, unless they exist already."""
        target = self.folder / step / f"{block:05d}"
        if target.is_dir():
            return
        temporary = target.with_name(f".{target.name}.{os.getpid()}")
        shutil.rmtree(temporary, ignore_errors=True)
        made = make()
        with disk(target):
            temporary.mkdir(parents=True)
            for name, frame in made.items():
                write_frame(frame, temporary / f"{name}.arrow")
            if target.is_dir():  # another worker ran the same block and was faster
                shutil.rmtree(temporary)
            else:
                os.replace(temporary, target)

    def read(self, step: str, block: int, name: str) -> pd.DataFrame:
        """One frame of one step and block."""
        return read_frame(self.folder / step / f"{block:05d}" / f"{name}.arrow")

    def part(self, engine: Engine, name: str, sql: str, customer: str, blocks: int) -> None:
        """Split a SELECT by customer into files, unless they exist already."""
        target = self.folder / "parts" / name
        if target.is_dir():
            return
        temporary = target.with_name(f".{name}")
        shutil.rmtree(temporary, ignore_errors=True)
        with disk(target):
            target.parent.mkdir(exist_ok=True)
        engine.part(sql, customer, temporary, blocks)
        with disk(target):
            os.replace(temporary, target)

    def block(self, name: str, blocks: Iterable[int]) -> pd.DataFrame | None:
        """The rows of some blocks of a split frame, in the order of the frame; None if absent.

        Rows have their position in the frame as their label.
        """
        import pyarrow.parquet as pq

        target = self.folder / "parts" / name
        if not target.is_dir():
            return None
        files = [p for b in blocks for p in sorted((target / f"{BLOCK}={b}").glob("*.parquet"))]
        if files:
            tables = [pq.read_table(f, partitioning=None) for f in files]
            table = pa.concat_tables(tables, promote_options="permissive")
        elif not any(target.rglob("*.parquet")):
            return empty_frame(name) if name in PARTED else None
        else:
            table = pq.read_schema(min(target.rglob("*.parquet"))).empty_table()
        frame: pd.DataFrame = table.to_pandas(date_as_object=False, split_blocks=True)
        return frame.drop(columns=BLOCK, errors="ignore").set_index(ROW).sort_index()


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame that lives as long as a run: Arrow IPC costs a quarter of Parquet's time."""
    table = pa.Table.from_pandas(frame)
    options = ipc.IpcWriteOptions(compression="lz4")
    with ipc.new_file(path, table.schema, options=options) as writer:
        writer.write_table(table)


def read_frame(path: Path) -> pd.DataFrame:
    """Read a frame of `write_frame`."""
    with ipc.open_file(path) as reader:
        frame: pd.DataFrame = reader.read_all().to_pandas(split_blocks=True)
    return frame


def part_book(engine: Engine, workspace: Workspace, blocks: int) -> None:
    """Split every frame of an engine's book by customer; each row belongs to one block."""
    if blocks > 1:
        refuse_shared(engine)
    for name in PARTED:
        if "customer_id" in engine.columns.get(name, ()):  # complaints may name no customer
            kept = [c for c in engine.columns[name] if c.lower() not in (ROW, BLOCK)]
            columns = ", ".join(quoted(c, "duckdb") for c in kept)
            select = f"SELECT {columns} FROM {engine.place(name)}"
            workspace.part(engine, name, select, "customer_id", blocks)


def refuse_shared(engine: Engine) -> None:
    """Refuse accounts and record ids that several customers share.

    Blocks of whole customers would separate their rows.

    Raises:
        DataError: Some are shared; the error counts them.
    """
    known = f"customer_id IN (SELECT customer_id FROM {engine.place('customers')})"
    with_account = [n for n in ACCOUNT_FRAMES if "account_id" in engine.columns.get(n, ())]
    faults = []
    if with_account:
        pairs = " UNION ALL ".join(
            f"SELECT account_id, customer_id FROM {engine.place(n)} "
            f"WHERE account_id IS NOT NULL AND {known}"
            for n in with_account
        )
        faults += _shared(engine, pairs, "account_id", " and ".join(with_account))
    for name, key in KEYS.items():
        columns = engine.columns.get(name, ())
        present = key in columns and "customer_id" in columns
        if present and name not in ("accounts", "customers"):
            pairs = (
                f"SELECT {key}, customer_id FROM {engine.place(name)} "
                f"WHERE {key} IS NOT NULL AND {known}"
            )
            faults += _shared(engine, pairs, key, name)
    if faults:
        raise DataError(
            f"{'; '.join(faults)}; an engine reviews each customer in one block: correct the "
            "rows, or review such a book in memory"
        )


def _shared(engine: Engine, pairs: str, key: str, where: str) -> list[str]:
    found = engine.fetch(
        f"SELECT COUNT(*) AS n, MIN({key}) AS first FROM ("
        f"SELECT {key} FROM (SELECT DISTINCT {key}, customer_id FROM ({pairs}) p) d "
        f"GROUP BY {key} HAVING COUNT(*) > 1) q"
    ).iloc[0]
    count = int(found["n"])
    if not count:
        return []
    return [f"{where}: {count:,} {key} belong to several customers (such as {found['first']})"]


def groups_of(workspace: Workspace, blocks: int) -> list[list[int]]:
    """Groups of blocks that are processed together, so that each group has a customer."""
    target = workspace.folder / "parts" / "customers"
    groups: list[list[int]] = []
    waiting: list[int] = []
    for block in range(blocks):
        waiting.append(block)
        if any((target / f"{BLOCK}={block}").glob("*.parquet")):
            groups.append(waiting)
            waiting = []
    if groups:
        groups[-1] += waiting
    return groups


def book_of(workspace: Workspace, zones: Zones, group: list[int], name: str, day: date) -> Book:
    """The book of some blocks, with every frame that the whole book has, if only empty."""
    found = {n: workspace.block(n, group) for n in PARTED}
    frames: dict[str, Any] = {
        n: in_zones(n, f, zones.get(n, {})) for n, f in found.items() if f is not None
    }
    return Book(**frames, name=name, as_of=day)
