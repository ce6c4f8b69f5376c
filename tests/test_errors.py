"""Errors report what was expected, and are caught by their base or by Python's own."""

from __future__ import annotations

import pickle

import pytest

from bankcrm import errors
from bankcrm.errors import (
    BankcrmError,
    CalendarError,
    DataError,
    IllegalTransitionError,
    InfeasibleError,
    MissingExtraError,
    MissingFactError,
    PluginError,
    PolicyError,
    UnknownNameError,
)


def test_every_error_has_the_common_base() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, Exception)]
    assert len(kinds) >= 10
    assert all(issubclass(k, BankcrmError) for k in kinds)


@pytest.mark.parametrize(
    ("ours", "python"),
    [
        (DataError, ValueError),
        (MissingFactError, DataError),
        (PolicyError, ValueError),
        (IllegalTransitionError, ValueError),
        (InfeasibleError, ValueError),
        (CalendarError, ValueError),
        (PluginError, BankcrmError),
        (MissingExtraError, ImportError),
        (UnknownNameError, LookupError),
    ],
)
def test_errors_are_also_the_matching_python_errors(ours: type, python: type) -> None:
    assert issubclass(ours, python)


def test_a_policy_error_lists_its_faults() -> None:
    one = PolicyError("rules[0].then: wrong")
    assert (one.faults, str(one)) == (("rules[0].then: wrong",), "rules[0].then: wrong")
    two = PolicyError(f"{path}: wrong" for path in ("a", "b"))
    assert str(two) == "2 faults\n  a: wrong\n  b: wrong"


def test_an_unknown_name_lists_the_known_ones() -> None:
    error = UnknownNameError("preset", "gold", ["a", 2])
    assert (error.name, error.known) == ("gold", ("a", "2"))
    assert str(error) == "no preset 'gold'; known: a, 2"
    assert str(UnknownNameError("preset", "gold", ())) == "no preset 'gold'; known: none"
    many = str(UnknownNameError("calendar", "c104", [f"c{n}" for n in range(105)]))
    assert many.endswith(", c98, c99, and 5 more; did you mean 'c104'?")
    assert "more" not in str(UnknownNameError("calendar", "x", map(str, range(100))))


def test_a_missing_extra_says_what_to_install() -> None:
    error = MissingExtraError("duckdb", "engines")
    assert error.extra == "engines"
    assert str(error) == (
        "duckdb is not installed; run: pip install 'bankcrm[engines]' "
        "(in a clone: pip install '.[engines]')"
    )


@pytest.mark.parametrize(
    "error",
    [
        PolicyError(["a: wrong", "b: wrong"]),
        PolicyError("a: wrong"),
        UnknownNameError("preset", "gold", ["a"]),
        MissingExtraError("duckdb", "engines"),
        DataError("column x"),
    ],
)
def test_errors_pickle(error: BankcrmError) -> None:
    """A worker's error arrives in the parent with its words and its parts."""
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_a_message_does_not_quote_a_whole_file() -> None:
    long = DataError(f"text {'x' * 10**6}: expected a day such as 2026-06-30")
    assert len(str(long)) < 20_000
    assert str(long).endswith("expected a day such as 2026-06-30")
