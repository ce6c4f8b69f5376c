"""A marked customer goes through the library: no display, error, finding or log shows him."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import logging
import sqlite3
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from tests.marked import (
    MARKS,
    Call,
    calls_of_examples,
    calls_with_good_frames,
    displays,
    fields_shown,
    marked,
    marks_in,
    public_functions,
    told_by,
)

from bankcrm.book import Book, read_book, write_book
from bankcrm.cli import cli, main
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import BankcrmError
from bankcrm.models import Complaint, Customer, Record, columns_of
from bankcrm.policy import default_policy
from bankcrm.reviews import review
from bankcrm.wire import from_json

CARRIES = {
    "Book": "the frames of the book, whose display has none of them",
    "Policy.stamp": "the frame itself, stamped",
    "Unified.consents": "the statements of each customer, with their other columns",
    "as_frame": "the frame itself",
    "append_events": "the log keeps the columns of its events",
    "assign_handlers": "the rows of the queue, with their handler",
    "attain": "the rows of the values, with their attainment",
    "check_frame": "the frame itself, converted",
    "consents_as_of": "the statements that hold, as they came",
    "counterparties": "an outside account is what its rows are about",
    "customer_view": "the columns of its frames, side by side",
    "find_groups": "the links as they came, each with its tie",
    "intake": "the accepted and the rejected complaints",
    "link_repeats": "the complaints, with their case",
    "measure_quality": "keeps the frame, by whose columns it groups",
    "queue_order": "the rows of the queue, ordered",
    "raise_severity": "the complaints, with their severity",
    "rank_subjects": "the rows of the values, with their rank",
    "scorecard": "the rows of the attainments",
    "screen_frame": "the valid and the rejected rows",
    "select_actions": "the rows of the actions that are asked for",
    "unify": "the surviving values of each customer, and those that lost",
    "with_states": "the rows of the events, with the state of the day",
}
"""The functions whose result has the caller's columns by design, and what it is."""

FILES = "reads or writes files: see the tests of folders below"
FIGURES = "takes figures or names, no record"
EXEMPT = {
    **dict.fromkeys(
        ("convert_berka", "load_berka", "load_cdnow", "load_cfpb", "load_gleif", "load_rfm_r"),
        "reads a public data set",
    ),
    **dict.fromkeys(
        ("inspect_book", "main", "mapped_frames", "read_book", "read_done", "read_earlier",
         "read_frames", "read_history", "read_output", "render_html", "tried_frames", "write_book",
         "write_csv", "write_excel", "write_parts"),
        FILES,
    ),
    **dict.fromkeys(
        ("actions_in", "churn_samples", "churn_steps", "fit_churn", "find_actions", "kpi_events",
         "scorecard_steps"),
        "works on the facts of a review or the checked book: see the review below",
    ),
    **dict.fromkeys(
        ("backtest", "challenge", "fit_by_segment", "fit_purchases", "follow_up",
         "forecast_purchases", "funnel", "holdout_check", "purchase_interval",
         "rfm_heatmap", "score_case", "sizes", "stage_flow",
         "tier_movement"),
        "takes the figures that another function made",
    ),
    **dict.fromkeys(
        ("contract_page", "converter", "empty_frame", "fact_sources_of", "field", "frames",
         "load_policy", "presets", "read_lexicon", "record", "records", "values"),
        FIGURES,
    ),
    **dict.fromkeys(("as_frame", "column_of"), "gives the frame or the column back"),
}  # fmt: skip
"""The public functions that are not called here, and why."""


class Odd:
    """An object whose text is marked."""

    def __repr__(self) -> str:
        return "MARKER-OBJECT"


ODD: list[Any] = [Odd(), ["MARKER-LIST"], b"MARKER-BYTES", {"MARKER": 1}, "MARKER\ud800", 19070304]


@pytest.fixture(scope="module")
def calls() -> list[Call]:
    """A good call of every public function that has an example or a good frame."""
    return [*calls_of_examples(), *calls_with_good_frames()]


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """What is logged, warned of and printed."""
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    root, output = logging.getLogger(), io.StringIO()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
        ):
            warnings.simplefilter("always")
            yield said
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
        said += [str(w.message) for w in caught]
        said.append(output.getvalue())


def marked_call(call: Call) -> tuple[dict[int | str, Any], Any]:
    """The marked arguments of a call, and its result; an error shows no mark."""
    for more in (True, False):
        parts = {k: marked(v, more=more) for k, v in call.parts().items()}
        with heard() as said:
            try:
                result = call.run(parts)
            except BankcrmError as error:
                result = error
        assert not marks_in(" ".join(said)), call.function
        if not isinstance(result, BankcrmError):
            return parts, result
        assert not marks_in(told_by(result)), call.function
    raise AssertionError(f"{call.function} takes no marked frame: {result}")


def is_marked(call: Call, parts: dict[int | str, Any]) -> bool:
    return any(parts[k] is not v for k, v in call.parts().items())


def test_no_function_is_forgotten(calls: list[Call]) -> None:
    public = {f.__name__ for f in public_functions()}
    called = {c.function for c in calls} & public
    assert public - called <= EXEMPT.keys() <= public, "give it an example, or say why not"
    assert len(called) > 150
    assert CARRIES.keys() <= {c.function for c in calls}


@pytest.fixture(scope="module")
def reached(calls: list[Call]) -> list[tuple[Call, dict[int | str, Any], Any]]:
    """The calls that the customer reaches, with the marked arguments and the result."""
    found = []
    for call in calls:
        if is_marked(call, {k: marked(v) for k, v in call.parts().items()}):
            found.append((call, *marked_call(call)))
    return found


def test_no_result_shows_the_customer(
    reached: list[tuple[Call, dict[int | str, Any], Any]],
) -> None:
    holding: set[str] = set()
    for call, _, result in reached:
        of_frames = isinstance(result, pd.DataFrame | pd.Series | tuple)
        if call.function not in CARRIES or not of_frames:
            assert not any(map(marks_in, displays(result))), call.function
        if any(map(marks_in, fields_shown(result))):
            holding.add(call.function)
    assert holding == CARRIES.keys(), "what holds a personal value by design, and nothing else"
    assert len(reached) > 120


def faulty(frame: pd.DataFrame, number: int) -> Iterator[pd.DataFrame]:
    """A few bad frames: odd values in personal columns, names as labels, and other columns bad."""
    size = len(frame)
    odd = {
        c: pd.Series([ODD[(i + n + number) % len(ODD)] for i in range(size)], frame.index, object)
        for n, c in enumerate(MARKS)
        if c in frame
    }
    yield frame.assign(**odd)
    label = f"MARKER-NAME-{number}-" + pd.Series(range(size), frame.index).astype(str)
    others = [c for c in frame if c not in MARKS]
    named = frame.set_index(label.rename("name"))
    for place, column in enumerate(others[number % 3 :: 4]):
        worse = pd.Series([None, "abc", [1], np.inf][place % 4 :][:1] * size, named.index, object)
        yield named.assign(**{column: worse})
    yield pd.concat([frame, frame[["name"]]], axis=1)


DEAR = {"review", "value_measures", "rules_of_thumb", "simulate", "fca_return", "fit_clusters",
        "plan_actions"}  # fmt: skip


def test_no_error_shows_the_customer(
    reached: list[tuple[Call, dict[int | str, Any], Any]],
) -> None:
    tried: set[str] = set()
    raised = 0
    for number, (call, parts, _) in enumerate(reached):
        if call.function in tried | DEAR:
            continue
        tried.add(call.function)
        for key, frame in parts.items():
            if not isinstance(frame, pd.DataFrame) or "name" not in frame or frame.empty:
                continue
            for bad in faulty(frame, number):
                with heard() as said:
                    try:
                        result = call.run({**parts, key: bad})
                    except BankcrmError as error:
                        raised += 1
                        said.append(told_by(error))
                    except Exception as error:  # the test of bad frames looks for raw ones
                        said.append(told_by(error))
                    else:
                        if not isinstance(result, pd.DataFrame | pd.Series | tuple):
                            said.extend(displays(result))
                shown = " ".join(said)
                assert not marks_in(shown), (call.function, key, shown[-300:])
    assert raised > 150
    assert len(tried) > 90


# Folders, commands and pages

COMMANDS = {
    "actions": ["actions", "{book}"],
    "explain": ["explain", "{book}", "{customer}"],
    "inspect": ["inspect", "{book}"],
    "review": ["review", "{book}", "--out", "{out}", "--language", "zh"],
    "simulate": ["simulate", "{book}", "--proposed", "{policy}", "--out", "{out}/impact"],
}
NO_RECORDS = {"check", "convert", "convert-rules", "plugins", "policies", "sample"}
"""Commands that read policies or public data, or make a synthetic bank."""


@pytest.fixture(scope="module")
def book() -> Book:
    """A small bank in which each customer and complaint is marked."""
    whole = make_book(40, seed=3)
    frames = {n: marked(f, more=n == "customers") for n, f in whole.frames().items()}
    return attrs.evolve(whole, **frames)


def unpacked(path: Path) -> str:
    """What a file holds."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).reset_index().to_csv()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as parts:
            return "".join(parts.read(n).decode("utf-8", "replace") for n in parts.namelist())
    return path.read_text(encoding="utf-8", errors="replace")


@pytest.mark.parametrize("damaged", [False, True])
def test_no_command_shows_the_customer(book: Book, tmp_path: Path, damaged: bool) -> None:
    """The output of every command that reads a book, and every file that it writes."""
    assert COMMANDS.keys() | NO_RECORDS == cli.commands.keys(), "say what a new command reads"
    folder = tmp_path / "book"
    people = book.customers.astype({"birth_date": str, "kind": object})
    if damaged:
        people["birth_date"] = "MARKER-DATE"
        people.loc[::2, "kind"] = "nobody"
    write_book(book, folder, "csv")
    people.drop(columns=["text", "contact_name"]).to_csv(folder / "customers.csv", index=False)
    policy = tmp_path / "policy.toml"
    stricter = default_policy("lifecycle").with_parameters(lost_after_days=200)
    policy.write_text(stricter.to_toml(), encoding="utf-8")
    customer = str(people["customer_id"].iloc[5])
    place = {"book": folder, "out": tmp_path / "out", "policy": policy, "customer": customer}
    for name, words in COMMANDS.items():
        if damaged and name not in ("inspect", "review"):
            continue
        with heard() as said, contextlib.suppress(SystemExit):
            main([word.format(**place) for word in words])
        assert len(" ".join(said)) > 20, name
        assert not marks_in(" ".join(said)), (name, said)
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or not marks_in(unpacked(path)), path.name
    assert damaged or (tmp_path / "out" / "index.html").is_file()


def test_no_page_or_sheet_shows_the_customer(book: Book, tmp_path: Path) -> None:
    found = review(book, as_of=book.as_of)
    found.to_excel(tmp_path / "review.xlsx")
    customer = found.customers.index[5]
    results = (found, found.explain(customer), found.actions, found.findings, book.check(), book)
    said = [text for result in results for text in displays(result)]
    said += [found.to_html(), json.dumps(found.summary), unpacked(tmp_path / "review.xlsx")]
    said += [frame.to_csv() for frame in (found.customers, found.facts, found.complaints)]
    assert not any(map(marks_in, said))


def test_an_engine_and_a_database_do_not_show_the_customer(book: Book, tmp_path: Path) -> None:
    people = book.customers.assign(birth_date="MARKER-DATE")
    write_book(book, tmp_path / "book", "csv")
    people.to_csv(tmp_path / "book" / "customers.csv", index=False)
    with sqlite3.connect(tmp_path / "bank.db") as database:
        for name, frame in {**book.frames(), "customers": people}.items():
            frame.astype({c: str for c in frame if frame[c].dtype.kind == "M"}).to_sql(
                name, database, index=False
            )
    for read in (
        lambda: review(DuckDBEngine(tmp_path / "book"), as_of=book.as_of),
        lambda: review(read_book(f"sqlite:///{tmp_path / 'bank.db'}"), as_of=book.as_of),
        lambda: review(read_book(tmp_path / "book"), as_of=book.as_of),
    ):
        with heard() as said:
            try:
                said.extend(displays(read()))
            except BankcrmError as error:
                said.append(told_by(error))
        assert not marks_in(" ".join(said)), said


@pytest.mark.parametrize("odd", ODD, ids=lambda v: type(v).__name__)
@pytest.mark.parametrize("model", [Customer, Complaint])
def test_no_record_shows_the_customer(model: type[Record], odd: Any) -> None:
    noon = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)
    good: dict[type[Record], dict[str, Any]] = {
        Customer: {"customer_id": 1, "kind": "person"},
        Complaint: {"complaint_id": 1, "received_at": noon},
    }
    for name in (c.name for c in columns_of(model) if c.personal):
        for value in (odd, MARKS[name]):
            plain = json.dumps({"customer_id": 1, "kind": [], name: str(value)})
            for make in (
                lambda n=name, v=value: model(**{**good[model], n: v}),
                lambda p=plain: from_json(p, model),
                lambda p=plain: from_json(p[:-2], model),
            ):
                try:
                    said = " ".join(displays(make()))
                except BankcrmError as error:
                    said = told_by(error)
                assert not marks_in(said), (name, said[-300:])
