"""Units of policy parameters: which are known, and which values they allow."""

from __future__ import annotations

import re
import sys
import zoneinfo
from collections.abc import Mapping
from datetime import date, time
from typing import Any, Literal, TypeAlias

Period: TypeAlias = Literal["month", "quarter", "year"]
MONTHS: Mapping[Period, int] = {"month": 1, "quarter": 3, "year": 12}
"""The months in each period."""

_DAYS = {
    "minute": 1 / 1440, "hour": 1 / 24, "day": 1, "week": 7, "month": 30, "quarter": 91,
    "half-year": 182, "year": 365,
}  # fmt: skip
"""Unit of time -> about how many days it has."""
_LONGEST = 365_250
"""Days of the longest time: 1,000 years, of which every date can still be written."""
_COUNTS = (
    "customer transaction complaint employee person account contact product card case "
    "point score step member click event replicate position"
)
_PLAIN = (
    "share rate ratio percent count number weight z text code date boolean list "
    "deviations quantile multiple odds"
)
_NOT_NEGATIVE = {"share", "count", "weight", "percent"}
_KNOWN = {*_DAYS, *_COUNTS.split(), *_PLAIN.split(), "people", "standard deviation"}


def unit_fault(value: Any, unit: str) -> str:
    """What is wrong with a value and its unit; empty if nothing is.

    A unit is empty, one of the known words (plural or not, ``working`` or ``calendar`` before a
    time), a currency code, or two of these joined by ``per``.

    >>> unit_fault(0.2, "share"), unit_fault(30, "working days"), unit_fault(5, "CNY per year")
    ('', '', '')
    >>> unit_fault(20, "share")
    "20 is not a share: expected a number from 0 to 1 (unit 'share')"
    """
    if not unit:
        return ""
    parts = re.split(r" per ", unit)
    unknown = [p for p in parts if not _is_known(p)]
    if unknown:
        words = ", ".join(sorted(_KNOWN))
        return f"unknown unit {unknown[0]!r}; known: currency codes and {words}, joined by 'per'"
    if unit in ("text", "code", "list", "boolean", "date"):
        return ""
    bad = next((v for v in figures(value) if not _fits(v, parts[0])), None)
    if bad is None:
        return ""
    if parts[0] == "share":
        return f"{bad!r} is not a share: expected a number from 0 to 1 (unit 'share')"
    if _days_of(parts[0]) and isinstance(bad, int | float):
        return f"{bad!r} does not fit the unit {unit!r}: expected 0 to 1,000 years"
    return f"{bad!r} does not fit the unit {unit!r}"


def is_finite(value: Any) -> bool:
    """Whether a figure is finite and a float can hold it; true of what is no figure.

    >>> is_finite(5), is_finite(10**400), is_finite(float("nan")), is_finite("inf")
    (True, False, False, True)
    """
    return not isinstance(value, int | float) or abs(value) <= sys.float_info.max


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and word[:-1] in _KNOWN else word


def _is_known(part: str) -> bool:
    word = re.sub(r"^(working|business|calendar) (?=(minute|hour|day))", "", part)
    word = re.sub(r"^(thousand|1000|1,000) ", "", word)
    return bool(re.fullmatch(r"[A-Z]{3}", word)) or word in _KNOWN or _singular(word) in _KNOWN


def figures(value: Any) -> list[Any]:
    """The plain values in a value, which may be a list or a mapping.

    >>> figures({"a": 1, "b": (2, 3)})
    [1, 2, 3]
    """
    if isinstance(value, Mapping):
        return [f for v in value.values() for f in figures(v)]
    if isinstance(value, tuple | list):
        return [f for v in value for f in figures(v)]
    return [value]


def _fits(value: Any, unit: str) -> bool:
    if isinstance(value, bool | str | date) or not isinstance(value, int | float):
        return False
    if days := _days_of(unit):
        return 0 <= value * days <= _LONGEST
    word = _singular(unit)
    if word == "share":
        return 0 <= value <= 1
    return value >= 0 or word not in _NOT_NEGATIVE


def _days_of(unit: str) -> float:
    """About how many days a unit of time has; 0 for another unit."""
    return _DAYS.get(_singular(re.sub(r"^(working|business|calendar) ", "", unit)), 0)


WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WINDOW = re.compile(r"(?:(\w{3}) )?(\d\d):(\d\d)-(\d\d):(\d\d)")


def read_windows(texts: Any) -> dict[str, list[tuple[time, time]]] | str:
    """Stretches of working time by weekday (empty for the rest), or what is wrong with them.

    >>> read_windows(["09:00-17:00", "Sat 09:00-12:00"])["Sat"]
    [(datetime.time(9, 0), datetime.time(12, 0))]
    >>> read_windows(["9-17"])
    "'9-17' is no stretch of time; write such as '09:00-17:00', '00:00-24:00' or 'Sat 09:00-12:00'"
    """
    if isinstance(texts, str) or not isinstance(texts, list | tuple):
        return f"{texts!r} is no list of stretches of time; write such as ['09:00-17:00']"
    found: dict[str, list[tuple[time, time]]] = {}
    for text in texts:
        match = _WINDOW.fullmatch(text) if isinstance(text, str) else None
        minutes = [int(g) for g in match.groups()[1:]] if match else [99, 0, 0, 0]
        begin, end = (60 * minutes[i] + minutes[i + 1] for i in (0, 2))
        day = (match.group(1) or "") if match else ""
        whole = max(minutes[1], minutes[3]) < 60 and begin < end <= 24 * 60
        if not whole or day not in ("", *WEEKDAYS):
            return (
                f"{text!r} is no stretch of time; write such as '09:00-17:00', '00:00-24:00' "
                "or 'Sat 09:00-12:00'"
            )
        before = found.setdefault(day, [])
        if before and begin < (_minutes(before[-1][1]) or 24 * 60):
            return f"{text!r} begins before the stretch ahead of it has ended"
        before.append((time(*divmod(begin, 60)), time(end // 60 % 24, end % 60)))
    return found if "" in found else "no stretch of time for an ordinary working day"


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def time_fault(name: str, value: Any) -> str:
    """What is wrong with a parameter that says when a bank works; empty where nothing is.

    The names ``working_hours`` and ``time_zone`` are checked, and those that end in ``_hour``.

    >>> time_fault("cutoff_hour", 17.5), time_fault("cutoff_hour", 25)
    ('', '25 is no hour of the day; expected a number from 0 to 24 in whole minutes')
    """
    if name == "working_hours":
        found = read_windows(value)
        return found if isinstance(found, str) else ""
    if name.endswith("_hour"):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and 0 <= value <= 24 and abs(value * 60 - round(value * 60)) < 1e-6:
            return ""
        return f"{value!r} is no hour of the day; expected a number from 0 to 24 in whole minutes"
    if name == "time_zone" and not is_time_zone(value):
        return f"{value!r} is no time zone; write such as 'Asia/Shanghai'"
    return ""


def is_time_zone(name: Any) -> bool:
    """Whether a text names a time zone.

    >>> is_time_zone("Asia/Shanghai"), is_time_zone("Shanghai"), is_time_zone("")
    (True, False, False)
    """
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        return False
    return True
