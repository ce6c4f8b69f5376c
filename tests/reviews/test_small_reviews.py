"""Whole reviews of a small bank: its figures are those of its rows, in memory and on an engine."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import openpyxl
import pandas as pd
import pytest
import sqlalchemy as sa
from pandas.testing import assert_frame_equal

import bankcrm
from bankcrm import Review, review
from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.pipeline import STEPS
from bankcrm.pipeline.reading import counted_columns, decisions_of, shown_columns
from bankcrm.reviews import EngineReview, read_earlier, read_history
from bankcrm.reviews.model import _is_found
from bankcrm.reviews.quality import LATER, ON_ENGINE
from bankcrm.reviews.risk import RiskResults
from bankcrm.reviews.summary import HOLDING, figure_columns, figures_of
from bankcrm.valuation.contribution.components import COMPONENTS

BEFORE = "2026-03-31"


@pytest.fixture(scope="module")
def book() -> Book:
    return make_book(30, seed=6)


@pytest.fixture(scope="module")
def before(book: Book) -> Review:
    return review(book, as_of=BEFORE)


@pytest.fixture(scope="module")
def now(book: Book, before: Review) -> Review:
    return review(book, as_of=book.as_of, earlier=before)


@pytest.fixture(scope="module")
def progress() -> list[tuple[int, int, str]]:
    return []


@pytest.fixture(scope="module")
def on_disk(book: Book, before: Review, progress: list[tuple[int, int, str]]) -> EngineReview:
    return review(DuckDBEngine(book), as_of=book.as_of, earlier=before, blocks=2,
                  progress=lambda *step: progress.append(step))  # fmt: skip


def rows_of(facts: pd.DataFrame) -> list[dict[str, Any]]:
    return [{k: None if pd.isna(v) else v for k, v in row.items()}
            for row in facts.reset_index().to_dict("records")]  # fmt: skip


# --- the figures ---


def test_the_summary_is_that_of_its_rows(book: Book, now: Review) -> None:
    rows = rows_of(now.facts)
    mine = [r for r in rows if r["is_customer"]]
    others = [r for r in rows if not r["is_customer"]]
    found = now.summary
    assert found["customers"] == len(mine)
    assert found["others"]["stage"] == Counter(str(r["stage"]) for r in others)
    for column in set(counted_columns(STEPS)) - {"warning"}:
        people = rows if column == "stage" else mine
        expected = Counter(str(r[column] or "(none)") for r in people)
        assert {k: n for k, n in found[column].items() if n} == expected, column
    for column in (*COMPONENTS, "contribution"):
        known = [r[column] for r in mine if r[column] is not None]
        assert found["contribution"][column] == pytest.approx(sum(known), abs=0.005)
    other = [r["contribution"] for r in others if r["contribution"] is not None]
    assert found["others"]["contribution"] == (pytest.approx(sum(other), abs=1) if other else None)
    holding = sum(r["stage_rule"] == HOLDING for r in mine)
    active = sum(r["stage"] == "active" for r in rows)
    assert found["active"] == {"moving": active - holding, "holding": holding}
    for tier in found["tiers"]:
        own = [r for r in mine if str(r["tier"] or "(none)") == tier["tier"]]
        assert tier["customers"] == len(own)
        scores = [r["value_score"] for r in own if r["value_score"] is not None]
        mean = pytest.approx(sum(scores) / len(scores), abs=0.06) if scores else None
        assert tier["value_score"] == mean
    cells = Counter((r["r"], r["f"]) for r in mine if r["r"] is not None)
    rfm = found["rfm"]
    for f, counts in zip(rfm["f"], rfm["customers"], strict=True):
        assert counts == [cells[r, f] for r in rfm["r"]]
    assert sum(map(sum, rfm["customers"])) == sum(cells.values())
    assert found["as_of"] == str(book.as_of)
    assert (found["book"], found["bankcrm"]) == (book.name, bankcrm.__version__)
    moves = pd.to_datetime(book.transactions["date"])
    days = moves[moves <= pd.Timestamp(str(book.as_of))]
    assert found["period"] == {"first": str(days.min().date()), "last": str(days.max().date())}
    assert found["findings"] == now.findings["count"].sum()


def test_figures_of_parts_are_those_of_the_whole(now: Review) -> None:
    whole = figures_of([now.facts], STEPS)
    for places in ([0, 7], [0, 1, 20]):
        ends = [*places[1:], len(now.facts)]
        parts = [now.facts.iloc[a:b] for a, b in zip(places, ends, strict=True)]
        found = figures_of(parts, STEPS)
        for name in ("customers", "others", "counts", "holding"):
            assert getattr(found, name) == getattr(whole, name), name
        for name, total in whole.totals.items():
            assert found.totals[name] == pytest.approx(total)
        assert_frame_equal(found.tiers, whole.tiers, check_dtype=False)
        assert_frame_equal(found.warned, whole.warned, check_dtype=False, check_categorical=False)
        assert_frame_equal(found.rfm, whole.rfm, check_dtype=False)
        assert found.concentration is not None
        assert whole.concentration is not None
        assert sorted(found.concentration.values) == sorted(whole.concentration.values)
    known = now.facts.assign(contribution=np.nan)
    none = figures_of([known.drop(columns=[*COMPONENTS])], STEPS)
    assert none.concentration is None
    assert set(none.totals.values()) == {None}
    assert none.other_total is None
    everyone = figures_of([now.facts.drop(columns="is_customer")], STEPS)
    assert (everyone.customers, everyone.others) == (len(now.facts), {})
    columns = figure_columns(STEPS)
    assert len(set(columns)) == len(columns)


def test_an_engine_gives_the_same_with_its_customers_on_disk(
    now: Review, on_disk: EngineReview
) -> None:
    assert_frame_equal(
        on_disk.all_customers(), now.customers, check_dtype=False, check_categorical=False
    )
    assert_frame_equal(
        on_disk.standing(), now.standing(), check_dtype=False, check_categorical=False
    )
    assert (
        on_disk.customers.index.tolist() == now.customers.index.tolist()
    )  # few: all are explained
    for name in ("actions", "complaints", "trend"):
        ours, theirs = getattr(now, name), getattr(on_disk, name)
        assert_frame_equal(theirs, ours, check_dtype=False, check_categorical=False)
    differ = {k for k in now.summary if on_disk.summary[k] != now.summary[k]}
    assert differ <= {"quality", "not_available", "findings"}
    assert on_disk.reasons["quality"] == ON_ENGINE
    assert on_disk.summary["quality"]["failing"] == 0
    assert on_disk.summary["quality"]["records"] is None
    assert dict(on_disk.limits) == dict(now.limits)
    assert {k: v for k, v in on_disk.reasons.items() if k != "quality"} == dict(now.reasons)
    ours, theirs = now.risk.frames(), on_disk.risk.frames()
    assert list(ours) == list(theirs)
    for name, frame in ours.items():
        assert_frame_equal(theirs[name], frame, check_dtype=False, check_categorical=False)
    customer = now.customers.index[3]
    assert on_disk.explain(customer) == now.explain(customer)
    for nobody in ("nobody", 7):
        with pytest.raises(UnknownNameError, match="the review"):
            on_disk.explain(nobody)


def test_a_review_names_what_it_lacks(book: Book, now: Review) -> None:
    assert now.risk.groups is not None
    assert now.risk.group_changes is not None
    assert now.summary["quality"]["records"] == len(book.customers)
    bare = Book(customers=book.customers, transactions=book.transactions)
    found = review(bare, as_of=BEFORE)
    assert found.risk.frames().keys() == {"watch_list"} - set(found.reasons)
    assert {"groups", "exposure", "limit_use", "group_warnings", "complaints"} <= set(found.reasons)
    assert found.risk.groups is found.risk.exposure is found.risk.limit_use is None
    assert found.summary["complaints"]["accepted"] == 0
    later = review(attrs.evolve(bare, as_of="2026-06-30"), as_of=BEFORE)
    assert later.reasons["quality"] == LATER
    assert later.summary["quality"]["records"] is None
    same = review(attrs.evolve(bare, as_of=BEFORE), as_of=BEFORE)
    assert "quality" not in same.reasons
    assert "quality" not in found.reasons


def test_progress_on_an_engine_ends_with_its_total(
    on_disk: EngineReview, progress: list[tuple[int, int, str]]
) -> None:
    assert on_disk.customers.size
    assert [done for done, _, _ in progress] == list(range(len(progress)))
    assert {total for _, total, _ in progress} == {len(progress) - 1}


def test_an_earlier_review_gives_the_fitted_values(book: Book, before: Review, now: Review) -> None:
    again = review(book, as_of=book.as_of, fitted=before.fitted)
    assert again.fitted == before.fitted
    assert again.fitted != now.fitted


# --- explanations ---


def test_an_explanation_has_the_main_decisions_and_all_that_is_found(now: Review) -> None:
    for customer in now.customers.index[::4]:
        found = now.explain(customer)
        row = now.facts.loc[customer]
        assert found == now.explain(str(customer))
        assert found.actions["action_id"].tolist() == [
            a for a, c in zip(now.actions["action_id"], now.actions["customer_id"], strict=True)
            if c == customer
        ]  # fmt: skip
        own = now.complaints[now.complaints["customer_id"] == customer]
        assert {c.complaint_id for c in found.complaints} == set(own.index)
        expected = []
        for step, d in decisions_of(now.steps):
            made = found[d.table].decision
            if d.counted:
                assert made.outcome == (None if pd.isna(row[d.outcome]) else row[d.outcome])
                expected.append(d.outcome)
            elif not d.outcome and made.outcome not in (None, (), "none", ("none",)):
                expected.append(step.name if len(step.decisions) == 1 else d.table)
        assert [line.name for line in found.decisions] == expected
    with pytest.raises(UnknownNameError, match="the review"):
        now.explain(-1)


@pytest.mark.parametrize("outcome", [None, (), "", "none", ("none",)])
def test_nothing_is_found_without_an_outcome(outcome: object) -> None:
    assert not _is_found(outcome)
    assert _is_found(("a", "none"))
    assert _is_found("a")


def test_the_page_has_the_rules_and_facts_of_each_customer(now: Review) -> None:
    found = now.explanations()
    decisions = list(decisions_of(now.steps))
    assert [t["id"] for t in found["tables"]] == [d.table for _, d in decisions]
    assert set(found["facts"]) <= set(now.facts)
    assert list(found["customers"]) == [str(c) for c in now.facts.index]
    for customer in now.facts.index[::5]:
        traces = now.explain(customer)
        values = found["customers"][str(customer)]
        for (step, d), table, rules in zip(decisions, found["tables"], values, strict=False):
            made = traces[d.table].decision
            named = [table["rules"][n]["id"] for n in rules]
            assert "+".join(named) == (made.rule or "")
            assert table["where"] == step.where_of(d)
            assert bool(table["elsewhere"]) == bool(table["where"])
            assert table["brief"] == ("outcome" in d.shown and bool(d.outcome))
            result = d.outcome or d.rule_column
            assert table["absent"] == now.reasons.get(result, "a fact is missing")
        facts = dict(zip(found["facts"], values[len(decisions) :], strict=True))
        assert facts["is_customer"] == bool(now.facts.loc[customer, "is_customer"])
    assert len(now.explanations(3)["customers"]) == 3


# --- files and tables ---


def test_a_written_review_is_the_earlier_one_of_the_next(
    book: Book, before: Review, now: Review, tmp_path: Path
) -> None:
    before.write(tmp_path / "r")
    names = {p.name for p in (tmp_path / "r").iterdir()}
    assert not {"changes.csv", "moved.csv", "settled.csv"} & names
    assert {"groups.csv", "groups.parquet", "watch_list.parquet", "limit_use.csv"} <= names
    assert "limit_use.parquet" not in names
    read = read_earlier(tmp_path / "r")
    again = review(book, as_of=book.as_of, earlier=read)
    assert_frame_equal(again.actions, now.actions, check_dtype=False, check_categorical=False)
    assert again.summary == now.summary
    now.write(tmp_path / "r", earlier=before)
    changed = now.change_since(before)
    for name in ("figures", "moved", "settled"):
        file = tmp_path / "r" / ("changes.csv" if name == "figures" else f"{name}.csv")
        rows = pd.read_csv(file)
        assert rows.columns.tolist() == getattr(changed, name).columns.tolist()
        assert len(rows) == len(getattr(changed, name))
    listed = pd.read_csv(tmp_path / "r" / "actions.csv")
    assert listed["action_id"].tolist() == now.actions["action_id"].tolist()
    assert listed.columns.tolist() == now.actions.columns.tolist()
    assert pd.read_csv(tmp_path / "r" / "trend.csv").columns.tolist() == [*now.trend.columns]
    assert pd.read_csv(tmp_path / "r" / "findings.csv").columns.tolist() == [*now.findings.columns]
    for name, frame in now.risk.frames().items():
        kept = pd.read_csv(tmp_path / "r" / f"{name}.csv")
        assert kept.columns.tolist() == frame.columns.tolist()
    assert set(read_history(tmp_path / "r")["as_of"]) == {BEFORE, str(book.as_of)}
    with pytest.raises(DataError, match="after the day"):
        before.change_since(now)


def test_parquet_and_excel_hold_every_result(
    now: Review, on_disk: EngineReview, tmp_path: Path
) -> None:
    now.to_parquet(tmp_path / "memory")
    on_disk.to_parquet(tmp_path / "disk")
    for folder in (tmp_path / "memory", tmp_path / "disk"):
        for name in ("complaints", "actions", "findings", *now.risk.frames()):
            assert (folder / f"{name}.parquet").is_file(), name
    people = pd.read_parquet(tmp_path / "memory" / "customers.parquet")
    parts = pd.read_parquet(tmp_path / "disk" / "customers")
    assert sorted(people.index) == sorted(now.customers.index) == sorted(parts.index)
    on_disk.write(tmp_path / "page")
    assert read_earlier(tmp_path / "page").standing.sort_index().index.equals(people.index)
    now.to_excel(tmp_path / "r.xlsx")
    sheets = openpyxl.load_workbook(tmp_path / "r.xlsx", read_only=True)
    assert sheets.sheetnames == [
        "figures", "customers", "complaints", "actions", *now.risk.frames(), "findings"
    ]  # fmt: skip
    for frame, sheet in ((now.customers.reset_index(), "customers"), (now.actions, "actions")):
        rows = list(sheets[sheet].iter_rows(values_only=True))
        assert rows[0] == tuple(frame.columns)
        assert len(rows) == len(frame) + 1


def test_a_folder_of_others_is_refused_before_anything_is_computed(
    now: Review, on_disk: EngineReview, book: Book, tmp_path: Path
) -> None:
    (tmp_path / "summary.json").write_text("mine")
    steps: list[object] = []
    ways: list[Callable[[], object]] = [
        lambda: now.write(tmp_path), lambda: now.to_parquet(tmp_path),
        lambda: on_disk.write(tmp_path), lambda: on_disk.to_parquet(tmp_path),
        lambda: review(DuckDBEngine(book), as_of=BEFORE, out=tmp_path,
                       progress=lambda *step: steps.append(step)),
    ]  # fmt: skip
    for way in ways:
        with pytest.raises(DataError, match="which bankcrm did not write"):
            way()
    assert not steps
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_tables_hold_every_result(now: Review, on_disk: EngineReview, tmp_path: Path) -> None:
    for found in (now, on_disk):
        url = f"sqlite:///{tmp_path}/{type(found).__name__}.db"
        found.to_database(url)
        engine = sa.create_engine(url)
        people = pd.read_sql_table("customers", engine).sort_values("customer_id")
        assert people["customer_id"].tolist() == sorted(now.customers.index)
        assert set(people) == {"review_date", "customer_id", *now.customers.columns}
        [row] = pd.read_sql_table("summary", engine).to_dict("records")
        assert json.loads(row["summary"]) == json.loads(json.dumps(found.summary))
        for name, frame in {"actions": now.actions, **now.risk.frames()}.items():
            if len(frame):
                assert len(pd.read_sql_table(name, engine)) == len(frame), name
        engine.dispose()


def test_figures_that_are_no_json_are_not_written(now: Review, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    odd = attrs.evolve(now, summary={**now.summary, "customers": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        odd.to_database(url)
    engine = sa.create_engine(url)
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()


def test_tables_whose_types_no_row_shows_come_with_their_first_row(
    now: Review, tmp_path: Path
) -> None:
    nothing = {name: getattr(now, name).iloc[:0] for name in ("complaints", "actions", "findings")}
    url = f"sqlite:///{tmp_path}/r.db"
    attrs.evolve(now, **nothing, risk=RiskResults()).to_database(url)
    engine = sa.create_engine(url)
    assert set(sa.inspect(engine).get_table_names()) == {"customers", "findings", "summary"}
    engine.dispose()


def test_the_page_compares_with_an_earlier_review(
    before: Review, now: Review, tmp_path: Path
) -> None:
    plain = now.to_html(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == plain
    compared = now.to_html(earlier=before)
    assert BEFORE in compared
    assert len(compared) > len(plain)
    content = now._content(before)
    assert content.earlier is not None
    assert content.earlier.as_of == dt.date.fromisoformat(BEFORE)
    assert now._content(None).earlier is None


def test_results_of_a_customer_are_explained_where_they_are_null(now: Review) -> None:
    for column in shown_columns(now.steps)[::6]:
        assert now.why_null(column).notna().eq(now.facts[column].isna()).all(), column
