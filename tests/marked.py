"""A marked customer, and the calls of all public functions through which he is sent.

The calls are found, not listed: the examples of the docstrings are run with each public function
replaced by one that records what it is given, and the good calls of the test of bad frames are
taken as they are.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import doctest
import functools
import importlib
import inspect
import io
import pkgutil
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pandas as pd
from tests.test_bad_frames import HARNESS

import bankcrm
from bankcrm.book import Book
from bankcrm.models import Record, columns_of

MARKS: dict[str, Any] = {
    "name": "MARKER-NAME",
    "phone": "MARKER-PHONE",
    "email": "MARKER-MAIL@example.org",
    "id_number": "MARKER-NUMBER",
    "contact_name": "MARKER-CONTACT",
    "text": "MARKER-TEXT rude",
    "birth_date": pd.Timestamp("1907-03-04"),
    "counterparty": "MARKER-ACCOUNT",
}
"""Personal columns and the marked value of each."""

SIGNS = ("MARKER", "1907-03-04", "1907, 3, 4", "19070304")
"""What none of the marked customer's values can be shown without."""


def marks_in(text: str) -> list[str]:
    """The marks that a text shows."""
    return [sign for sign in SIGNS if sign in text]


def public_functions() -> dict[Callable[..., Any], str]:
    """Every function that a public module lists, and that module."""
    found: dict[Callable[..., Any], str] = {}
    for info in pkgutil.walk_packages(bankcrm.__path__, "bankcrm."):
        if any(part.startswith("_") for part in info.name.split(".")[1:]):
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isfunction(value):
                found.setdefault(value, info.name)
    return found


@attrs.frozen(eq=False)
class Call:
    """A good call of a public function."""

    function: str
    given: tuple[Any, ...]
    named: Mapping[str, Any]
    call: Callable[..., Any]

    def parts(self) -> dict[int | str, Any]:
        """The arguments by place or name."""
        return {**dict(enumerate(self.given)), **self.named}

    def run(self, changed: Mapping[int | str, Any]) -> Any:
        """Call with some arguments replaced."""
        given = [changed.get(i, v) for i, v in enumerate(self.given)]
        named = {k: changed.get(k, v) for k, v in self.named.items()}
        return self.call(*given, **named)


def calls_of_examples() -> Iterator[Call]:
    """The calls in the examples of the docstrings."""
    finder = doctest.DocTestFinder(recurse=False)
    for function, package in public_functions().items():
        found: list[Call] = []

        @functools.wraps(function)
        def recorder(
            *given: Any, _f: Any = function, _found: list[Call] = found, **named: Any
        ) -> Any:
            _found.append(Call(_f.__name__, given, named, _f))
            return _f(*given, **named)

        places = [importlib.import_module(package), importlib.import_module(function.__module__)]
        scope = dict(vars(places[1]))
        tests = finder.find(function, name=function.__name__, module=places[1], globs=scope)
        try:
            for place in places:
                setattr(place, function.__name__, recorder)
            for test in tests:
                test.globs[function.__name__] = recorder
                with contextlib.redirect_stdout(io.StringIO()):
                    doctest.DocTestRunner(verbose=False).run(
                        test, out=lambda text: None, clear_globs=False
                    )
        finally:
            for place in places:
                setattr(place, function.__name__, function)
        yield from found


def calls_with_good_frames() -> Iterator[Call]:
    """The calls of the test of bad frames."""
    for case in HARNESS.calls():
        yield Call(case.name.split()[0], (), case.frames, lambda _c=case, **frames: _c.call(frames))


def marked(value: Any, *, more: bool = True) -> Any:
    """The same value with the marks of the customer in each row.

    Args:
        value: A frame, a book, a record, or a container of them; others are left as they are.
        more: Whether a frame gets the personal columns that it lacks, as a caller's may have them.
    """
    if isinstance(value, pd.DataFrame):
        more = more and not isinstance(value.columns, pd.MultiIndex)
        columns = [c for c in MARKS if c in value or more]
        return value.assign(**{c: MARKS[c] for c in columns})
    if isinstance(value, Book):
        frames = {n: marked(f, more=more) for n, f in value.frames().items() if n != "transactions"}
        return attrs.evolve(value, **frames)
    if isinstance(value, Record):
        fields = {c.name for c in columns_of(type(value)) if c.personal} & set(MARKS)
        plain = {f: MARKS[f] for f in fields}
        if "birth_date" in plain:
            plain["birth_date"] = dt.date(1907, 3, 4)
        return attrs.evolve(value, **plain)
    if isinstance(value, list | tuple) and any(isinstance(v, Record) for v in value):
        return type(value)(marked(v, more=more) for v in value)
    return value


def fields_shown(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text that a result holds: the cells of its frames, findings, and its fields."""
    if isinstance(value, pd.DataFrame | pd.Series):
        frame = value.to_frame() if isinstance(value, pd.Series) else value
        yield frame.to_csv(date_format="%Y-%m-%d")
        yield repr(value.attrs)
    elif isinstance(value, str):
        yield value
    elif depth > 3:
        return
    elif isinstance(value, Mapping):
        for part in (*value, *value.values()):
            yield from fields_shown(part, depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for part in list(value)[:1000]:
            yield from fields_shown(part, depth + 1)
    elif attrs.has(type(value)) and not isinstance(value, Record):
        for field in attrs.fields(type(value)):
            yield from fields_shown(getattr(value, field.name, None), depth + 1)


def displays(value: Any) -> Iterator[str]:
    """How a result shows itself: in a terminal, in text and in a notebook."""
    yield repr(value)
    yield str(value)
    if hasattr(value, "_repr_html_"):
        yield value._repr_html_()


def told_by(error: BaseException) -> str:
    """All that a log shows of an error: its message, its causes and theirs."""
    return "".join(traceback.format_exception(error))
