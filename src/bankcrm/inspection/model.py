"""What an inspection found, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from bankcrm._display import card
from bankcrm.arguments import as_path
from bankcrm.book.mapping import BookMapping
from bankcrm.disk import whole_file, writing
from bankcrm.errors import DataError

TOML = "book.toml"


@attrs.frozen
class FoundFrame:
    """A frame of the book, and where it comes from.

    Attributes:
        name: The frame.
        source: The file, sheet or table.
        rows: Its rows.
        about: How it is written.
    """

    name: str
    source: str
    rows: int
    about: str = ""


@attrs.frozen
class FoundColumn:
    """A column of the book, and what it is read from.

    Attributes:
        frame: The frame.
        column: The column of the contract.
        source: The column of the source, or several with their parts.
        reason: Why.
    """

    frame: str
    column: str
    source: str
    reason: str = ""


@attrs.frozen
class Inspection:
    """A draft of ``book.toml``, what to decide in it, and what the book will support.

    Nothing in it shows a value of a personal column, or an id.

    Attributes:
        name: The name of the book.
        draft: The text of the draft; of the ``book.toml`` that was there, if that was checked.
        drafted: Whether the draft is new.
        frames: The frames that were found.
        columns: The columns that were found, if the draft is new.
        decisions: What a person has to decide, each with its place in the draft.
        problems: What does not fit, in all frames.
        notes: Files, columns and words that are not used, and what may be another column.
        quality: The quality of the customers' records by dimension, with the fields that lack most;
            see `bankcrm.quality.measure_quality`.
        available: The results of a review of this book.
        reasons: Result -> why it is not available.
        limits: What other results leave out -> why.
    """

    name: str
    draft: str = attrs.field(repr=False)
    drafted: bool
    frames: tuple[FoundFrame, ...]
    columns: tuple[FoundColumn, ...] = ()
    decisions: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()
    available: tuple[str, ...] = ()
    reasons: Mapping[str, str] = attrs.field(factory=dict)
    limits: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def mapping(self) -> BookMapping:
        """The mapping of the draft.

        Raises:
            DataError: Something in it is still to be decided.
        """
        return BookMapping.from_toml(self.draft)

    def write(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the draft as ``book.toml`` to a folder.

        Args:
            folder: The folder; it is made if it does not exist.
            force: Replace a ``book.toml`` that is there.

        Returns:
            The file.

        Raises:
            DataError: There is a ``book.toml``, or the folder cannot be written.
        """
        path = as_path(folder, "folder") / TOML
        if path.exists() and not force:
            raise DataError(f"{path} is there already; --force (in Python force=True) replaces it")
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary:
            temporary.write_text(self.draft, encoding="utf-8")
        return path

    def not_available(self) -> dict[str, list[str]]:
        """Reason -> the results that are not available for it."""
        found: dict[str, list[str]] = {}
        for result, reason in self.reasons.items():
            found.setdefault(reason, []).append(result)
        return found

    def __str__(self) -> str:
        """All of it, for people."""
        parts = [
            ("frames", [f"{f.name}: {f.source} ({f.about})" for f in self.frames]),
            ("to note", list(self.notes)),
            ("to decide", list(self.decisions)),
            ("problems", list(self.problems)),
            ("quality of the customers' records", list(self.quality)),
            ("a review will have", [", ".join(self.available)] if self.available else []),
            (
                "it will not have",
                [f"{', '.join(r)}: {why}" for why, r in self.not_available().items()],
            ),
            ("it will leave out", [f"{what}: {why}" for what, why in self.limits.items()]),
        ]
        lines = [self.name]
        for title, items in parts:
            if items:
                counted = f" ({len(items)})" if title in ("to decide", "problems") else ""
                lines += [f"{title}{counted}", *(f"  {item}" for item in items)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """The frames, and what to decide."""
        rows = [{"frame": f.name, "source": f.source, "rows": f.rows} for f in self.frames]
        figures = {"to decide": len(self.decisions), "problems": len(self.problems)}
        return card(f"Inspection of {self.name}", figures, rows=rows)
