"""The commands that write a book: ``sample`` and ``convert``."""

from __future__ import annotations

from pathlib import Path

import click

from bankcrm.cli.options import FORCE
from bankcrm.cli.output import echo

SAMPLE_CUSTOMERS = 5_000
SAMPLE_SEED = 7


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--customers", type=click.IntRange(min=1), default=SAMPLE_CUSTOMERS, show_default=True
)
@click.option("--seed", type=int, default=SAMPLE_SEED, show_default=True)
@click.option(
    "--format", "kind", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True
)
@FORCE
def sample(folder: Path, customers: int, seed: int, kind: str, force: bool) -> None:
    """Write a synthetic bank to FOLDER.

    The same seed gives the same bank.
    """
    from bankcrm.book import write_book
    from bankcrm.book.files import book_folder
    from bankcrm.datasets import make_book
    from bankcrm.report.words import Count

    book_folder(folder, force=force).refuse_foreign()
    book = make_book(customers, seed=seed)
    write_book(book, folder, "csv" if kind == "csv" else "parquet", force=force)
    made = Count(customers)
    echo(f"{made} {made:customer|customers} in {folder}")


@click.group()
def convert() -> None:
    """Convert a public data set to a book."""


@convert.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@FORCE
def berka(source: Path, folder: Path, force: bool) -> None:
    """Convert the PKDD'99 Czech bank to a book.

    SOURCE has the eight .asc files, FOLDER gets the book.
    """
    from bankcrm.datasets import convert_berka

    book = convert_berka(source, folder, force=force)
    echo(
        f"{len(book.customers):,} customers and {len(book.transactions):,} transactions in {folder}"
    )
    echo(book.note)
