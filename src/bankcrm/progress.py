"""A progress bar for long tasks, in a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bankcrm.errors import MissingExtraError

Progress = Callable[[int, int, str], None]
"""Called with (steps done, steps in all, name of the next step)."""


@contextmanager
def progress_bar(*, show: bool = True) -> Iterator[Progress]:
    """Show a bar on standard error, or below the cell of a notebook, while the block runs.

    Args:
        show: False turns it off.

    Yields:
        The callback for a long task, as in ``review(..., progress=report)``.

    Raises:
        MissingExtraError: The extra ``cli`` is not installed.

    >>> with progress_bar(show=False) as report:
    ...     report(1, 3, "lifecycle stages")
    """
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
    except ImportError as error:
        raise MissingExtraError("rich", "cli") from error
    columns = (TextColumn("{task.description:<36}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    if not show or not (console.is_terminal or console.is_jupyter):  # no bar in a log file
        yield lambda done, total, name: None
        return
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=1)

        def report(done: int, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, description=name)

        yield report
