"""The commands that review a book: ``review``, ``explain`` and ``simulate``."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from bankcrm.cli.books import SAMPLE_CUSTOMERS, SAMPLE_SEED
from bankcrm.cli.options import AS_OF, BOOK, DONE, EARLIER, FORCE, JSON, POLICY, QUIET
from bankcrm.cli.output import action_rows, echo, show, show_json
from bankcrm.progress import Progress, progress_bar

if TYPE_CHECKING:
    from pandas import DataFrame

    from bankcrm.book import Book
    from bankcrm.engines import Engine
    from bankcrm.policy import Policy, PolicySet
    from bankcrm.reviews import EarlierReview, Review, ReviewChange
    from bankcrm.vocabulary import Language


_MOVES = 12
"""How many moves since an earlier review are printed."""


@click.command()
@BOOK
@AS_OF
@POLICY
@click.option(
    "--engine",
    type=click.Choice(["memory", "duckdb"]),
    default="memory",
    show_default=True,
    help="Where to compute; duckdb reviews a BOOK that is larger than memory.",
)
@click.option("--memory-limit", metavar="SIZE", help="Memory that DuckDB may use, for example 4GB.")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that review blocks of customers at the same time, with duckdb.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("bankcrm-review"),
    show_default=True,
    help="The folder to write to.",
)
@EARLIER
@DONE
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="The report's language.",
)
@FORCE
@JSON
@QUIET
def review(
    book: Path | None,
    as_of: date | None,
    files: tuple[str, ...],
    engine: str,
    memory_limit: str | None,
    workers: int,
    out: Path,
    earlier: Path | None,
    done: Path | None,
    language: Language,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Review a bank's book and write the report.

    BOOK is a folder of Parquet or CSV files; without one, the embedded synthetic bank is reviewed.
    """
    from bankcrm.book.files import refuse_book_folder
    from bankcrm.reviews import read_earlier
    from bankcrm.reviews.folder import review_folder

    if memory_limit is not None and engine != "duckdb":
        raise click.UsageError("--memory-limit is an option of --engine duckdb")
    if workers > 1 and engine != "duckdb":
        raise click.UsageError("--workers is an option of --engine duckdb")
    if engine == "duckdb" and book is None:
        raise click.UsageError("give a BOOK: --engine duckdb reads the book from a folder")
    if book is not None:
        refuse_book_folder(out, book)
    target = review_folder(out, force=force)
    target.refuse_foreign()
    before = None if earlier is None else read_earlier(earlier)
    quiet_run = quiet or as_json
    if book and engine == "duckdb":
        # Work in a hidden folder: the earlier review stays whole until this one is.
        source, work = _engine(book, memory_limit, workers), target.work
        result = _review(source, as_of, files, quiet=quiet_run, out=work, earlier=before, done=done)
        result.write(out, earlier=before, language=language, force=force)
        shutil.rmtree(work, ignore_errors=True)
    else:
        result = _review(book, as_of, files, quiet=quiet_run, earlier=before, done=done)
        result.write(out, earlier=before, language=language, force=force)
    report = out / "index.html"
    if as_json:
        show_json({**result.summary, "report": str(report)})
    elif not quiet:
        _print_summary(result)
        if before is not None:
            _print_change(result.change_since(before))
        echo(f"report: {report}")


@click.command()
@click.argument("customer")
@BOOK
@AS_OF
@POLICY
@click.option("--full", is_flag=True, help="Print every rule that was tested, with its values.")
@JSON
def explain(
    customer: str,
    book: Path | None,
    as_of: date | None,
    files: tuple[str, ...],
    full: bool,
    as_json: bool,
) -> None:
    """Explain the decisions about one customer, and what is due.

    It prints the main decisions about CUSTOMER with their reasons, the actions and the complaints.
    """
    found = _review(book, as_of, files, quiet=True).explain(customer)
    if as_json:
        traces = {name: attrs.asdict(t) for name, t in found.traces.items()}
        show_json({**found.to_dict(), **({"traces": traces} if full else {})})
    else:
        echo(found.full() if full else found)


@click.command()
@BOOK
@AS_OF
@POLICY
@click.option("--owner", metavar="NAME", help="Only the actions of this department or manager.")
@click.option(
    "--week",
    metavar="WEEK",
    help="Only those due in this week, such as 2026-W27, or in the week of a day; the week of the "
    "review includes what is overdue.",
)
@EARLIER
@DONE
@click.option(
    "--limit", type=click.IntRange(min=1), default=25, show_default=True, help="Rows to print."
)
@click.option("--out", type=click.Path(path_type=Path), help="A CSV file for all of them.")
@JSON
def actions(
    book: Path | None,
    as_of: date | None,
    files: tuple[str, ...],
    owner: str | None,
    week: str | None,
    earlier: Path | None,
    done: Path | None,
    limit: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """List what to do, for whom, why and by when.

    The most pressing actions come first; within a priority those with the most value at stake.
    With --earlier each says since when it is listed, and the actions of the earlier review that are
    no longer listed follow.
    """
    from bankcrm.actions import select_actions
    from bankcrm.frames.plain import plain_rows
    from bankcrm.report import write_csv
    from bankcrm.report.words import Count
    from bankcrm.reviews import read_earlier

    before = None if earlier is None else read_earlier(earlier)
    result = _review(book, as_of, files, quiet=True, earlier=before, done=done)
    found = select_actions(result.actions, as_of=result.as_of, owner=owner, week=week)
    if out is not None:
        write_csv(found, out, index=False)
    if as_json:
        show_json(plain_rows(found))
        return
    count = Count(len(found))
    first = f", the first {limit:,}" if len(found) > limit else ""
    title = f"{count} {count:action|actions} as of {result.as_of}{first}"
    rows = action_rows(plain_rows(found.head(limit)), since=before is not None)
    show(rows, title=title, right=("at stake",))
    if before is not None:
        settled = result.change_since(before).settled
        if owner is not None:
            mine = (settled["department"] == owner) | (settled["manager"] == owner)
            settled = settled[mine.to_numpy(bool)]
        _print_settled(settled, before.as_of, limit)


@click.command()
@BOOK
@AS_OF
@POLICY
@click.option(
    "--proposed",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A policy file or preset that would replace its domain's; may be repeated.",
)
@click.option("--out", type=click.Path(path_type=Path), help="A folder to write all of it to.")
@FORCE
@JSON
def simulate(
    book: Path | None,
    as_of: date | None,
    files: tuple[str, ...],
    proposed: tuple[str, ...],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Compare two sets of policies on a book.

    It prints who moves from where to where, what it costs, and which actions change. --policy
    names the policies in force, --proposed those that would replace them.
    """
    from bankcrm.simulation import simulate as run

    data = _book(book)
    current, changed = _policies(data, files), _policies(data, (*files, *proposed))
    impact = run(data, current, changed, as_of=as_of)
    if out is not None:
        impact.write(out, force=force)
    if as_json:
        show_json(impact.to_dict())
    else:
        echo(impact)


def _engine(folder: Path, memory_limit: str | None, workers: int) -> Engine:
    from bankcrm.engines import DuckDBEngine

    return DuckDBEngine(folder, memory_limit=memory_limit, workers=workers)


def _review(
    book: Path | Engine | None,
    as_of: date | None,
    files: tuple[str, ...],
    *,
    quiet: bool,
    out: Path | None = None,
    earlier: EarlierReview | None = None,
    done: Path | None = None,
) -> Review:
    from bankcrm.actions import read_done
    from bankcrm.reviews import review as run

    with progress_bar(show=not quiet) as step:
        data = _book(book, step) if book is None or isinstance(book, Path) else book
        policies = _policies(data, files)
        day = as_of or data.as_of
        if day is None:
            raise click.UsageError("give --as-of: the book records no date (book.toml, as_of)")
        finished = None if done is None else read_done(done)
        return run(
            data,
            as_of=day,
            policies=policies,
            progress=step,
            out=out,
            earlier=earlier,
            done=finished,
        )


def _book(folder: Path | None, progress: Progress | None = None) -> Book:
    from bankcrm.book import read_book
    from bankcrm.datasets import make_book

    if folder is None:
        return make_book(SAMPLE_CUSTOMERS, seed=SAMPLE_SEED)
    return read_book(folder, progress=progress)


def _policies(book: Book | Engine, files: tuple[str, ...]) -> PolicySet:
    """The defaults, the files that replace some of them, and the changes of installed plug-ins."""
    from bankcrm.plugins import assemble
    from bankcrm.policy import default_policies

    policies = default_policies(book.presets)
    for file in files:
        policies = policies.with_policy(_policy(file, policies["bank"]))
    return assemble(policies)


def _policy(name: str, bank: Policy) -> Policy:
    """A policy file, or a preset that is named with its domain."""
    from bankcrm.policy import DOMAINS, default_policy, load_policy

    domain, _, preset = name.partition("/")
    if preset and domain in DOMAINS and not Path(name).exists():
        return default_policy(domain, preset)
    return load_policy(Path(name), shared=bank)


def _print_change(change: ReviewChange) -> None:
    """The most frequent moves; the folder has every one."""
    from bankcrm.frames.plain import plain_rows

    moves = plain_rows(change.counts().head(_MOVES))
    if moves:
        show(moves, title=f"moved since {change.since}", right=("customers",))
    else:
        echo(f"nobody moved since {change.since}")
    counted = ", ".join(f"{n:,} {name}" for name, n in change.action_counts().items())
    echo(f"actions since {change.since}: {counted}")


def _print_settled(settled: DataFrame, since: date, limit: int) -> None:
    """The actions of an earlier review that are no longer listed."""
    from bankcrm.frames.plain import plain_rows

    if not len(settled):
        echo(f"every action of {since} is still listed")
        return
    rows = [
        {
            "state": row["state"],
            "due": row["due"],
            "customer": row["customer_id"] or "",
            "complaint": row["complaint_id"] or "",
            "action": row["title"],
            "department": row["department"],
        }
        for row in plain_rows(settled.head(limit))
    ]
    first = f", the first {limit:,}" if len(settled) > limit else ""
    show(rows, title=f"no longer listed since {since}: {len(settled):,}{first}")


def _print_summary(result: Review) -> None:
    figures = [{"figure": name, "value": v} for name, v in result.key_figures().items()]
    show(figures, title=f"{result.name} as of {result.as_of}", right=("value",))
    results: dict[str, list[str]] = {}
    for name, reason in result.reasons.items():
        results.setdefault(reason, []).append(name)
    for reason, names in results.items():
        echo(f"not available: {', '.join(names)} ({reason})")
    for what, reason in result.limits.items():
        echo(f"note: {what} ({reason})")
    for policy in result.policies:
        if policy.unconfirmed:
            echo(f"not confirmed: {', '.join(policy.unconfirmed)} (policy {policy.id})")
