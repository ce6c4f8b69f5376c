"""Errors of the library: each names the field, what was expected and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

_PASSWORDS = (
    (r"(:/{1,2}[^\s:/@]*:)\S*@", r"\1***@"),
    # With spaces in it, or cut off: what follows a colon, if it is no port.
    (r"(:/{1,2}[^\s:/@]*:)(?!\*{3}|\d*(?:[/\s'\",;)]|$))(?:[^\n@]*(?=@)|[^\s'\"]+)", r"\1***"),
    (r"(?i)\b((?:password|passwd|pwd)\s*=\s*)[^\s&;'\"]+", r"\1***"),
)

_LONGEST = 12_000  # characters of one text in a message
_LISTED = 100  # known names in a message; there are hundreds of countries


def without_password(text: str) -> str:
    """A text in which no URL shows its password, nor one that a path has lost a slash of.

    >>> without_password("postgresql:/li:secret@host/crm: no such folder")
    'postgresql:/li:***@host/crm: no such folder'
    """
    for pattern, instead in _PASSWORDS:
        text = re.sub(pattern, instead, text)
    return text


def _masked(value: Any) -> Any:
    """An argument of an error, or several, without passwords, and not without end."""
    if isinstance(value, str):
        text = without_password(value)
        if len(text) > _LONGEST:  # it quotes a whole file
            text = f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"
        return text
    if isinstance(value, PurePath):
        return type(value)(without_password(str(value)))
    return tuple(map(_masked, value)) if type(value) is tuple else value


class BankcrmError(Exception):
    """Base of every error that the library raises on purpose; its message shows no password."""

    def __init__(self, *args: object) -> None:
        super().__init__(*map(_masked, args))


class DataError(BankcrmError, ValueError):
    """Data that does not fit its contract: names the column, the rows and what was expected."""


class MissingFactError(DataError):
    """A decision table needs a fact that is missing: names the fact and the rows."""


class PolicyError(BankcrmError, ValueError):
    """A policy or decision table with errors: reports all together, each with its path.

    Attributes:
        faults: The errors.

    >>> print(PolicyError(["rules[0].then: 'gold' is not an outcome", "table.id: missing"]))
    2 faults
      rules[0].then: 'gold' is not an outcome
      table.id: missing
    """

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults: tuple[str, ...] = _masked(
            (faults,) if isinstance(faults, str) else tuple(faults)
        )
        super().__init__(self.faults)

    def __str__(self) -> str:
        if len(self.faults) == 1:
            return self.faults[0]
        return "\n  ".join([f"{len(self.faults)} faults", *self.faults])


class IllegalTransitionError(BankcrmError, ValueError):
    """A move that the stage model does not allow: names the allowed events and failed guards."""


class InfeasibleError(BankcrmError, ValueError):
    """A request that cannot be met: names the binding constraint."""


class CalendarError(BankcrmError, ValueError):
    """A date that the working-day calendar does not cover."""


class PluginError(BankcrmError):
    """A plug-in that does not load, does not fit its hook, or conflicts with another."""


class UnknownNameError(BankcrmError, LookupError):
    """A name that is not there: lists those that are, and asks for the nearest.

    Attributes:
        name: The name.
        known: The names that are there.

    >>> print(UnknownNameError("table", "stages", ["stage", "route"], where="policy 'bank'"))
    no table 'stages' in policy 'bank'; known: stage, route; did you mean 'stage'?
    """

    def __init__(
        self,
        what: str,
        name: object,
        known: Iterable[object],
        where: str = "",
        advice: str = "",
    ) -> None:
        self.name = name
        self.known = tuple(str(k) for k in known)
        # the arguments with which it unpickles
        super().__init__(what, name, self.known, where, advice)

    def __str__(self) -> str:
        what, name, _, where, advice = self.args
        place = f" in {where}" if where else ""
        return f"no {what} {name!r}{place}; {advice or known_names(name, self.known)}"


def known_names(name: object, known: Iterable[str]) -> str:
    """The names that are there, and the one nearest to a name that is not.

    >>> known_names("dormant_days", ["new_days", "dormant_after_days"])
    "known: new_days, dormant_after_days; did you mean 'dormant_after_days'?"
    >>> known_names("gold", [])
    'known: none'
    """
    names = tuple(dict.fromkeys(known))
    more = f", and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"known: {', '.join(names[:_LISTED]) or 'none'}{more}{nearest(name, names)}"


def missing_columns(
    where: str, missing: Iterable[object], present: Iterable[object], advice: str = ""
) -> DataError:
    """The error for columns that are not there.

    Args:
        where: The frame, or what reads it.
        missing: Names of the columns.
        present: Names of the columns that are there.
        advice: What to do.

    >>> print(missing_columns("links", ["share"], ["shares", "since"]))
    links: missing column share; present: shares, since; did you mean 'shares'?
    """
    names, there = [str(m) for m in missing], [str(p) for p in present]
    close = "".join(nearest(name, there) for name in names)
    return DataError(
        f"{where}: missing column{'s' if len(names) > 1 else ''} {', '.join(names)}; "
        f"present: {', '.join(there) or 'none'}{close}{'; ' if advice else ''}{advice}"
    )


def nearest(name: object, known: Iterable[object]) -> str:
    """A question that names the known name closest to a wrong one; empty if none is close.

    A name with the same last part, as ``valuation/private_banking``, is the closest, then one that
    begins so.

    >>> nearest("custmer_id", ["customer_id", "date"])
    "; did you mean 'customer_id'?"
    """
    names = [str(k) for k in known]
    same = [k for k in names if k.rpartition("/")[2] == str(name)]
    same += [k for k in names if len(str(name)) > 2 and k.startswith(str(name))]
    lowered = {k.casefold(): k for k in names}
    close = difflib.get_close_matches(str(name).casefold(), lowered, n=1)
    found = [*same, *(lowered[c] for c in close)]
    return f"; did you mean {found[0]!r}?" if found else ""


def reason_of(error: BaseException) -> str:
    """Why something failed, in words: of an error of the disk without its number and path.

    >>> reason_of(FileNotFoundError(2, "No such file or directory", "x"))
    'no such file or directory'
    >>> reason_of(OSError(27, "Error writing bytes to file. Detail: [errno 27] File too large"))
    'file too large'
    """
    words = error.strerror if isinstance(error, OSError) else None
    return words.rpartition("] ")[2].lower() if words else str(error)  # Arrow says it at the end


_VALUES = (
    (r"Original Line:.*?(?= Error when | Possible | Failed |$)", ""),
    (r"(?<=ould not convert ).*?(?= with type | to | as |$)", "a value"),
    (r"(?<=onversion of ).*?(?= to )", "a value"),
    (r"((?:string|text|value|key|cell)s?:? )([\"'`]).*?\2", r"\1..."),
    (r"(?<![\w.])([\"'`])(?![\w.]*\1|/)(?:(?!\1).)*\1", "..."),
    (r" (?:LINE \d+:|Possible ).*", ""),
)


def without_values(error: BaseException) -> str:
    """The message of another library in one line, without the values of rows that it quotes.

    >>> without_values(ValueError("Could not convert 'Ann Li' with type str: tried to convert"))
    'Could not convert a value with type str: tried to convert'
    >>> text = 'CSV Error on Line: 6 Original Line: 7,"Ann",555 Error when converting "income"'
    >>> without_values(ValueError(text))
    'CSV Error on Line: 6 Error when converting "income"'
    >>> without_values(ValueError("Expected bytes", "Conversion failed for column income"))
    'Expected bytes; Conversion failed for column income'
    """
    texts = error.args if all(isinstance(a, str) for a in error.args) else ()
    text = re.sub(r"\s+", " ", "; ".join(texts) or str(error)).strip()
    for pattern, instead in _VALUES:
        text = re.sub(pattern, instead, text)
    return re.sub(r"\s+", " ", text)[:300]


class MissingExtraError(BankcrmError, ImportError):
    """An optional package is not installed: names the extra that installs it."""

    def __init__(self, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(package, extra)  # the arguments with which it unpickles

    def __str__(self) -> str:
        return (
            f"{self.args[0]} is not installed; run: pip install 'bankcrm[{self.extra}]' "
            f"(in a clone: pip install '.[{self.extra}]')"
        )


class EngineError(BankcrmError, RuntimeError):
    """An engine that did not finish: out of memory, disk full, a lost task, cancelled."""


class DatabaseError(BankcrmError, RuntimeError):
    """A database that cannot be reached or refuses a statement; it shows no value of a row."""
