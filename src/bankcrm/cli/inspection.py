"""The command ``inspect``."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from bankcrm.cli.options import JSON
from bankcrm.cli.output import show_json


@click.command()
@click.argument("path")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to write the draft; by default PATH, for a database it is needed.",
)
@click.option("--force", is_flag=True, help="Replace a book.toml that is there by a new draft.")
@JSON
def inspect(path: str, out: Path | None, force: bool, as_json: bool) -> None:
    """Look at a bank's own files or tables and draft their book.toml.

    PATH is a folder of CSV, TSV, Parquet or Excel files, or the URL of a database. A book.toml that
    is there is checked, and not changed.
    """
    from bankcrm.databases.reading import is_url
    from bankcrm.inspection import inspect_book

    database = is_url(path)
    if out is not None and not database:
        raise click.UsageError("--out is for a database: the draft of a folder is written there")
    target = out if database else Path(path)
    found = inspect_book(path, fresh=force)
    written = None
    if found.drafted and target is not None:
        written = found.write(target, force=force)
    if as_json:
        show_json({**attrs.asdict(found), "written": written})
        return
    click.echo(found)
    if written is not None:
        click.echo(f"draft: {written}")
    elif database:
        click.echo("draft: give --out FOLDER to write it")
    else:
        click.echo(f"checked: {Path(path) / 'book.toml'}; --force writes a new draft over it")
