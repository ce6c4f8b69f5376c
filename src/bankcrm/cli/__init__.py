"""The command ``bankcrm``: review a book, make a sample, convert data, show policies."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import bankcrm
from bankcrm.errors import BankcrmError, MissingExtraError, reason_of

try:
    import click
    import rich  # noqa: F401 - the tables and the progress bar need it
except ImportError as error:  # the command is an extra: report it in one line
    sys.stderr.write(f"bankcrm: {MissingExtraError(error.name or 'click', 'cli')}\n")
    sys.exit(2)

from bankcrm.cli.books import convert, sample
from bankcrm.cli.inspection import inspect
from bankcrm.cli.output import echo
from bankcrm.cli.policies import check, convert_rules, plugins, policies
from bankcrm.cli.reviews import actions, explain, review, simulate

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(bankcrm.__version__, prog_name="bankcrm")
def cli() -> None:
    """Bank customer relationship management as decision tables and pure functions."""


for command in (
    actions,
    check,
    convert,
    convert_rules,
    explain,
    inspect,
    plugins,
    policies,
    review,
    sample,
    simulate,
):
    cli.add_command(command)


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
        shown = io.StringIO()
        error.show(shown)
        echo(shown.getvalue(), nl=False, err=True)
        sys.exit(error.exit_code)
    except BankcrmError as error:
        echo(f"bankcrm: {error}", err=True)
        sys.exit(2)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        echo(f"bankcrm: {place}{reason_of(error)}", err=True)
        sys.exit(2)
