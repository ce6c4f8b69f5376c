"""The command ``inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bankcrm.cli.options import JSON
from bankcrm.cli.output import echo, show, show_json

if TYPE_CHECKING:
    from bankcrm.inspection import Inspection


@click.command()
@click.argument("path")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder of the draft of a database; the draft of a folder is written there.",
)
@click.option("--force", is_flag=True, help="Draft anew, and replace a book.toml that is there.")
@JSON
def inspect(path: str, out: Path | None, force: bool, as_json: bool) -> None:
    """Draft the book.toml of a bank's own files.

    It says which file and column is which, what to decide, and what a review will have. PATH is a
    folder of CSV, TSV, Parquet or Excel files, or the URL of a database. A book.toml that is there
    is checked, and not changed.
    """
    from bankcrm.databases.reading import is_url
    from bankcrm.inspection import inspect_book

    database = is_url(path)
    if out is not None and not database:
        raise click.UsageError("--out is for a database: the draft of a folder is written there")
    target = out if database else Path(path)
    found = inspect_book(path, fresh=force)
    written = found.write(target, force=force) if found.drafted and target is not None else None
    if as_json:
        show_json({**attrs.asdict(found), "written": written})
        return
    _show(found)
    if written is not None:
        echo(f"draft: {written}")
    elif found.drafted:
        echo("draft: give --out FOLDER to write it as book.toml")
    else:
        echo(f"checked: {Path(path) / 'book.toml'}; --force writes a new draft over it")


def _show(found: Inspection) -> None:
    """The proposals as a table, and what the book will support."""
    if found.columns:
        show([attrs.asdict(column) for column in found.columns])
        echo()
    echo(found)
