"""The options that several commands have."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import click

from bankcrm.errors import DataError


class _Day(click.ParamType):  # type: ignore[type-arg]  # generic only in newer versions of click
    """A day, in the forms that `bankcrm.frames.arrays.as_of_day` reads."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day of a text."""
        from bankcrm.frames.arrays import as_of_day  # numpy and pandas, which no help needs

        try:
            return cast("date", as_of_day(value).item())
        except DataError:
            self.fail(f"{value!r} is no day; give one such as 2026-06-30", param, ctx)


BOOK = click.argument("book", type=click.Path(path_type=Path), required=False)
AS_OF = click.option(
    "--as-of",
    type=_Day(),
    help="The day of the review, such as 2026-06-30; by default the day in book.toml.",
)
POLICY = click.option(
    "--policy",
    "files",
    multiple=True,
    metavar="FILE",
    help="A policy file, or a preset such as valuation/czk_1993, that replaces its domain's "
    "default; may be repeated.",
)
FORCE = click.option(
    "--force", is_flag=True, help="Replace files in a folder that bankcrm did not write."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
EARLIER = click.option(
    "--earlier",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder of an earlier review, to show what has changed since.",
)
DONE = click.option(
    "--done",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A CSV file of actions that were done (action_id, day, note): they are not listed again.",
)
QUIET = click.option("--quiet", is_flag=True, help="Print no progress bar and no figures.")
