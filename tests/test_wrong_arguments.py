"""A wrong argument gives one sentence of the library, never a message of Python or pandas."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bankcrm
from bankcrm import Book, default_policies, default_policy, review, simulate
from bankcrm.datasets import make_book
from bankcrm.errors import BankcrmError, DataError, PolicyError, UnknownNameError

PACKAGES = (
    "",
    *("book", "rules", "policy", "calendars", "lifecycle", "segmentation", "valuation"),
    *("complaints", "datasets", "reviews", "simulation", "report", "plugins", "frames"),
    *("engines", "wire", "scoring", "valuation.lifetime", "pipeline", "marketing"),
)
BOOK = make_book(40, seed=1)
DAY = BOOK.as_of
WRONG: dict[str, Any] = {
    "a number": 5,
    "not a number": float("nan"),
    "None": None,
    "text": "nonsense",
    "a day that is none": "2026/06/31",
    "a path": Path("/nowhere/x"),
    "a frame": pd.DataFrame({"x": [1, 2]}),
    "a column": pd.Series([1.0, 2.0], name="x"),
    "an empty frame": pd.DataFrame(),
    "a list": ["a", None],
    "nested lists": [[1], [2]],
    "a book": BOOK,
    "a policy": default_policy("bank"),
}
KNOWN = {"as_of": "2026-06-30", "seed": 1}  # so that a call comes past its first check


def public_functions() -> Iterator[Callable[..., object]]:
    """Every public function once."""
    seen = set()
    for package in PACKAGES:
        module = importlib.import_module(f"bankcrm.{package}".rstrip("."))
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value) and value not in seen:
                seen.add(value)
                yield value


FUNCTIONS = sorted(public_functions(), key=lambda f: (f.__module__, f.__name__))


def call_with(function: Callable[..., object], wrong: Any) -> None:
    """Call with the wrong value for every argument that must be given."""
    required = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    plain = [wrong for p in required if p.kind is p.POSITIONAL_OR_KEYWORD]
    named = {p.name: KNOWN.get(p.name, wrong) for p in required if p.kind is p.KEYWORD_ONLY}
    function(*plain, **named)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_no_raw_error(
    function: Callable[..., object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = []
    for name, wrong in WRONG.items():
        try:
            call_with(function, wrong)
        except BankcrmError:
            pass
        except Exception as error:
            raw.append(f"{name}: {type(error).__name__}: {error}")
    assert not raw, "\n".join(raw)


def test_the_public_functions_are_found() -> None:
    assert len(FUNCTIONS) > 120


TAKES_POLICY = [
    (function, name)
    for function in FUNCTIONS
    for name in ("policy", "policies")
    if name in inspect.signature(function).parameters
]


@pytest.mark.parametrize(("function", "name"), TAKES_POLICY)
def test_a_wrong_policy(function: Callable[..., object], name: str) -> None:
    for wrong in (pd.DataFrame({"x": [1]}), "complaints/cn_2020_3", ["a"]):
        with pytest.raises(BankcrmError):
            function(*_needed(function, name), **{name: wrong, **_named(function, name)})


def _needed(function: Callable[..., object], without: str) -> list[Any]:
    given = inspect.signature(function).parameters.values()
    plain = [p for p in given if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return [pd.DataFrame({"x": [1]}) for p in plain if p.name != without]


def _named(function: Callable[..., object], without: str) -> dict[str, Any]:
    given = inspect.signature(function).parameters.values()
    named = [p for p in given if p.default is p.empty and p.kind is p.KEYWORD_ONLY]
    return {p.name: KNOWN.get(p.name, 1) for p in named if p.name != without}


NOON = dt.datetime(2026, 6, 30, 12)
SENTENCES: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: review(BOOK.customers, as_of=DAY), DataError,  # type: ignore[call-overload]
     r"^book: expected a Book or an engine .*, got a DataFrame; make one: Book\(customers="),
    (lambda: review("bank", as_of=DAY), DataError,  # type: ignore[call-overload]
     r"got the text 'bank'; read it first: read_book\('bank'\)"),
    (lambda: review(BOOK, as_of=DAY, policies=default_policy("lifecycle")), DataError,  # type: ignore[arg-type]
     r"^policies: expected a PolicySet, got a Policy; put it into a set"),
    (lambda: review(BOOK, as_of=DAY, policies=["complaints/fca_disp"]), DataError,  # type: ignore[arg-type]
     r"got a list; use default_policies\(\['domain/preset'\]\)"),
    (lambda: review(BOOK, as_of="30.6.2026"), DataError, r"^as_of: '30.6.2026' is not an ISO date"),
    (lambda: simulate(BOOK), PolicyError, r"^proposed: give the policies"),
    (lambda: simulate("bank", proposed=default_policies()), DataError, r"read_book\('bank'\)"),
    (lambda: simulate(BOOK, proposed="x"), DataError, r"^proposed: expected a PolicySet"),  # type: ignore[arg-type]
    (lambda: default_policy("lifecycle").with_parameters(dormant_days=3), PolicyError,
     r"^parameters.dormant_days: no such parameter; known: .*; did you mean 'dormant_after_days'"),
    (lambda: default_policy("lifecycle").table("stages"), UnknownNameError, "did you mean 'stage'"),
    (lambda: default_policies()["lifecycles"], UnknownNameError, "did you mean 'lifecycle'"),
    (lambda: bankcrm.write_book(BOOK.customers, "x"), DataError, "^book: expected a Book, got a D"),  # type: ignore[arg-type]
    (lambda: bankcrm.load_policy("private_banking"), PolicyError,
     "^private_banking: no such file; it is a preset: .* on the command line valuation/private_b"),
    (lambda: bankcrm.load_policy(pd.DataFrame({"name": ["Ann"]})), PolicyError,  # type: ignore[arg-type]
     "^source: expected a path, got a DataFrame$"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), SENTENCES)
def test_what_the_sentence_says(
    call: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "Ann" not in str(caught.value), "no personal data"


def test_a_customer_is_found_by_number_or_text() -> None:
    result = review(BOOK, as_of=DAY)
    first = int(result.facts.index[0])
    traces = result.explain(first)
    for same in (str(first), f" {first} ", np.int64(first)):
        assert result.explain(same) == traces
    with pytest.raises(
        UnknownNameError,
        match=f"no customer 'nobody' in the review; ids are whole numbers, .*{first}",
    ):
        result.explain("nobody")
    texts = Book(
        BOOK.customers.assign(customer_id=BOOK.customers["customer_id"].astype(str)),
        BOOK.transactions.assign(customer_id=BOOK.transactions["customer_id"].astype(str)),
    )
    by_text = review(texts, as_of=DAY)
    assert by_text.explain(first)["stage"] == by_text.explain(str(first))["stage"]
    with pytest.raises(UnknownNameError, match="ids are texts"):
        by_text.explain(5)


@pytest.mark.parametrize("customer", ["nobody", 5, 1.5, None])
def test_an_unknown_customer_of_an_engine(customer: object) -> None:
    pytest.importorskip("duckdb")
    result = review(BOOK, as_of=DAY, engine="duckdb")
    with pytest.raises(UnknownNameError, match="no customer"):
        result.explain(customer)
    first = result.facts.index[0]
    assert result.explain(str(first)).keys() == result.explain(first).keys()


@pytest.mark.parametrize(
    "text", ["2026-06-30", "2026/06/30", "2026/6/30", "2026.06.30", "20260630"]
)
def test_days_in_the_order_year_month_day_are_read(text: str) -> None:
    assert Book(BOOK.customers, BOOK.transactions, as_of=text).as_of == dt.date(2026, 6, 30)


def test_a_simulation_takes_the_policies_in_force_from_the_book() -> None:
    proposed = default_policies().with_policy(
        default_policy("lifecycle").with_parameters(lost_after_days=100)
    )
    whole = simulate(BOOK, default_policies(), proposed)
    assert simulate(BOOK, proposed=proposed).changes == whole.changes
    one = simulate(BOOK, proposed=proposed["lifecycle"], as_of="2026/06/30")
    assert one.moved.equals(whole.moved)
