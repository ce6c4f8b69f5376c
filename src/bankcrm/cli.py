"""The command ``bankcrm``: review a book, make a sample, convert data, show policies."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import bankcrm
from bankcrm.errors import BankcrmError, MissingExtraError
from bankcrm.progress import progress_bar

try:
    import click
    from rich.console import Console
    from rich.table import Table
except ImportError as error:  # the command is an extra: report it in one line
    sys.stderr.write(f"bankcrm: {MissingExtraError(error.name or 'click', 'cli')}\n")
    sys.exit(2)

if TYPE_CHECKING:
    from bankcrm.book import Book
    from bankcrm.engines import Engine
    from bankcrm.policy import PolicySet
    from bankcrm.reviews import Review
    from bankcrm.vocabulary import Language

SAMPLE_CUSTOMERS = 5_000
SAMPLE_SEED = 7


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bankcrm.__version__, prog_name="bankcrm")
def cli() -> None:
    """Bank customer relationship management as decision tables and pure functions."""


_BOOK = click.argument("book", type=click.Path(path_type=Path), required=False)
_AS_OF = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day of the review; by default the day in book.toml.",
)
_POLICY = click.option(
    "--policy",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="A policy that replaces its domain's default; may be repeated.",
)
_QUIET = click.option("--quiet", is_flag=True, help="Print no progress bar and no figures.")


@cli.command()
@_BOOK
@_AS_OF
@_POLICY
@click.option(
    "--engine",
    type=click.Choice(["memory", "duckdb"]),
    default="memory",
    show_default=True,
    help="Where to compute; duckdb reviews a BOOK that is larger than memory.",
)
@click.option("--memory-limit", metavar="SIZE", help="Memory that DuckDB may use, for example 4GB.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("bankcrm-review"),
    show_default=True,
    help="The folder to write to.",
)
@click.option(
    "--earlier",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder of an earlier review, to show what has changed since.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="The report's language.",
)
@_QUIET
def review(
    book: Path | None,
    as_of: datetime | None,
    files: tuple[Path, ...],
    engine: str,
    memory_limit: str | None,
    out: Path,
    earlier: Path | None,
    language: Language,
    quiet: bool,
) -> None:
    """Review a BOOK (a folder of Parquet or CSV); without one, the embedded synthetic bank."""
    from bankcrm.reviews import read_earlier

    before = None if earlier is None else read_earlier(earlier)
    if engine == "duckdb" and book is None:
        raise click.UsageError("give a BOOK: --engine duckdb reads the book from a folder")
    source = _engine(book, memory_limit) if book and engine == "duckdb" else book
    result = _review(source, as_of, files, quiet=quiet, out=out)
    result.write(out, earlier=before, language=language)
    if not quiet:
        _print_summary(result)
        click.echo(f"report: {out / 'index.html'}")


@cli.command()
@click.argument("customer")
@_BOOK
@_AS_OF
@_POLICY
def explain(
    customer: str, book: Path | None, as_of: datetime | None, files: tuple[Path, ...]
) -> None:
    """Explain CUSTOMER: every rule that was tested, with the values of its facts."""
    result = _review(book, as_of, files, quiet=True)
    numbered = result.facts.index.dtype.kind in "iu" and customer.lstrip("-").isdecimal()
    for trace in result.explain(int(customer) if numbered else customer).values():
        click.echo(f"{trace}\n")


def _engine(folder: Path, memory_limit: str | None) -> Engine:
    from bankcrm.engines import DuckDBEngine

    return DuckDBEngine(folder, memory_limit=memory_limit)


def _review(
    book: Path | Engine | None,
    as_of: datetime | None,
    files: tuple[Path, ...],
    *,
    quiet: bool,
    out: Path | None = None,
) -> Review:
    from bankcrm.reviews import review as run

    with progress_bar(show=not quiet) as step:
        data = _book(book) if book is None or isinstance(book, Path) else book
        policies = _policies(data, files)
        day = as_of.date() if as_of else data.as_of
        if day is None:
            raise click.UsageError("give --as-of: the book records no date (book.toml, as_of)")
        return run(data, as_of=day, policies=policies, progress=step, out=out)


def _book(folder: Path | None) -> Book:
    from bankcrm.book import read_book
    from bankcrm.datasets import make_book

    return make_book(SAMPLE_CUSTOMERS, seed=SAMPLE_SEED) if folder is None else read_book(folder)


def _policies(book: Book | Engine, files: tuple[Path, ...]) -> PolicySet:
    """The defaults, the files that replace some of them, and the changes of installed plug-ins."""
    from bankcrm.plugins import assemble
    from bankcrm.policy import default_policies, load_policy

    policies = default_policies(book.presets)
    for file in files:
        policies = policies.with_policy(load_policy(file, shared=policies["bank"]))
    return assemble(policies)


def _print_summary(result: Review) -> None:
    table = Table(title=f"{result.name} as of {result.as_of}", title_justify="left")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in result.key_figures().items():
        table.add_row(name, value)
    Console().print(table)
    for step, reason in result.reasons.items():
        click.echo(f"not available: {step} ({reason})")
    for policy in result.policies:
        if policy.unconfirmed:
            click.echo(f"not confirmed: {', '.join(policy.unconfirmed)} (policy {policy.id})")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--customers", type=click.IntRange(min=1), default=SAMPLE_CUSTOMERS, show_default=True
)
@click.option("--seed", type=int, default=SAMPLE_SEED, show_default=True)
@click.option(
    "--format", "kind", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True
)
def sample(folder: Path, customers: int, seed: int, kind: str) -> None:
    """Write a synthetic bank to FOLDER; the same seed gives the same bank."""
    from bankcrm.book import write_book
    from bankcrm.datasets import make_book
    from bankcrm.report.words import Count

    write_book(
        make_book(customers, seed=seed), folder, format="csv" if kind == "csv" else "parquet"
    )
    made = Count(customers)
    click.echo(f"{made} {made:customer|customers} in {folder}")


@cli.group()
def convert() -> None:
    """Convert a public data set to a book."""


@convert.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def berka(source: Path, folder: Path) -> None:
    """Convert the eight .asc files of the PKDD'99 Czech bank in SOURCE to a book in FOLDER."""
    from bankcrm.datasets import convert_berka

    book = convert_berka(source, folder)
    click.echo(
        f"{len(book.customers):,} customers and {len(book.transactions):,} transactions in {folder}"
    )
    click.echo(book.note)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a policy or a single decision table: gaps, overlaps, shadowed rules, dates, units."""
    from bankcrm.policy import load_policy
    from bankcrm.report.words import Count
    from bankcrm.rules import DecisionTable
    from bankcrm.rules.toml import parse_toml

    if "table" in parse_toml(file):
        table = DecisionTable.from_toml(file)
        warnings = table.check()
        rules = Count(len(table.rules))
        click.echo(f"table {table.id} {table.version}: {rules} {rules:rule|rules}, no errors")
    else:
        policy = load_policy(file)
        warnings = []
        values, tables = Count(len(policy.parameters)), Count(len(policy.tables))
        click.echo(
            f"policy {policy.id} {policy.version}: {values} {values:parameter|parameters}, "
            f"{tables} {tables:table|tables}, no errors, fingerprint {policy.fingerprint[:12]}"
        )
    for finding in warnings:
        click.echo(f"{finding.severity}: {finding}")


@cli.command()
@click.argument("domain", required=False)
@click.option("--preset", help="One of the domain's presets instead of its defaults.")
def policies(domain: str | None, preset: str | None) -> None:
    """List the policies of the package, or print the one of DOMAIN as TOML."""
    from bankcrm.policy import DOMAINS, default_policy, presets

    if domain is not None:
        click.echo(default_policy(domain, preset).to_toml(), nl=False)
        return
    table = Table("domain", "preset", "version", "parameters", "tables", "fingerprint")
    doubts = []
    for name in DOMAINS:
        for variant in (None, *presets(name)):
            policy = default_policy(name, variant)
            counts = (str(len(policy.parameters)), str(len(policy.tables)))
            table.add_row(
                name, variant or "(defaults)", policy.version, *counts, policy.fingerprint[:12]
            )
            if policy.unconfirmed:
                figures = ", ".join(policy.unconfirmed)
                doubts.append(f"not confirmed: {name}/{variant or 'defaults'}: {figures}")
    Console().print(table)
    for doubt in doubts:
        click.echo(doubt)


@cli.command()
def plugins() -> None:
    """List the installed plug-ins: hooks, order, changes and load errors."""
    from bankcrm.plugins import assemble

    found = assemble(on_error="isolate").plugins
    if not found:
        click.echo("no plug-in is installed (entry-point group 'bankcrm')")
        return
    table = Table("order", "name", "distribution", "version", "priority", "hooks", "changes")
    for order, info in enumerate(found, start=1):
        does = f"LEFT OUT: {info.error}" if info.error else "\n".join(info.changes)
        package = (info.distribution, info.version, str(info.priority))
        table.add_row(str(order), info.name, *package, ", ".join(info.hooks), does)
    Console().print(table)
    if any(info.error for info in found):
        sys.exit(2)


@cli.command()
@_BOOK
@_AS_OF
@_POLICY
@click.option(
    "--proposed",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    metavar="FILE",
    help="A policy that would replace its domain's; may be repeated.",
)
def simulate(
    book: Path | None,
    as_of: datetime | None,
    files: tuple[Path, ...],
    proposed: tuple[Path, ...],
) -> None:
    """Compare policies on BOOK: who moves, by which rules, and how value and workload change.

    --policy names the policies in force, --proposed those that would replace them.
    """
    from bankcrm.simulation import simulate as run

    day = as_of.date() if as_of else None
    data = _book(book)
    current, changed = _policies(data, files), _policies(data, (*files, *proposed))
    click.echo(run(data, current, changed, as_of=day))


def main(words: Sequence[str] | None = None) -> None:
    """Run the command; an error prints one line and exits with code 2.

    Args:
        words: The arguments; None: those of the process.
    """
    try:
        cli.main(words, prog_name="bankcrm", standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (BankcrmError, OSError) as error:
        click.echo(f"bankcrm: {error}", err=True)
        sys.exit(2)
