"""The command ``inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bankcrm.cli.options import JSON
from bankcrm.cli.output import show, show_json

if TYPE_CHECKING:
    from bankcrm.inspection import Inspection


@click.command()
@click.argument("path")
@click.option("--write", is_flag=True, help="Write the draft as book.toml to the folder.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write the draft of a database as book.toml to FOLDER.",
)
@click.option("--force", is_flag=True, help="Draft anew, and replace a book.toml that is there.")
@JSON
def inspect(path: str, write: bool, out: Path | None, force: bool, as_json: bool) -> None:
    """Look at a bank's own files or tables and draft their book.toml.

    PATH is a folder of CSV, TSV, Parquet or Excel files, or the URL of a database. A book.toml that
    is there is checked, and not changed.
    """
    from bankcrm.databases.reading import is_url
    from bankcrm.inspection import inspect_book

    target = _target(path, write, out, database=is_url(path))
    found = inspect_book(path, fresh=force or target is not None)
    written = None if target is None else found.write(target, force=force)
    if as_json:
        show_json({**attrs.asdict(found), "written": written})
        return
    _show(found)
    if written is not None:
        click.echo(f"draft: {written}")
    elif found.drafted:
        click.echo(f"\n{found.draft}")


def _target(path: str, write: bool, out: Path | None, *, database: bool) -> Path | None:
    """The folder to write to, if any."""
    if database and write and out is None:
        raise click.UsageError("give --out FOLDER: a database has no folder for book.toml")
    if not database and out is not None:
        raise click.UsageError("--out is for a database; --write writes to the folder itself")
    return out if database else (Path(path) if write else None)


def _show(found: Inspection) -> None:
    """The proposals as a table, and what the book will support."""
    if found.columns:
        show([attrs.asdict(column) for column in found.columns])
        click.echo()
    click.echo(found)
