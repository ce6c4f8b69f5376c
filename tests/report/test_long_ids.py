"""Ids of 19 digits, such as card numbers, keep every digit in every file that is written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import openpyxl
import pandas as pd
import pytest

from bankcrm import Book, read_book, review, write_book
from bankcrm.book import CONTRACT
from bankcrm.datasets import make_book

FIRST = 6_222_021_234_567_890_123


def with_long_ids(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    ids = [c.name for c in CONTRACT[name] if c.kind == "id" and c.name in frame]
    return frame.assign(**{c: frame[c].astype("Int64") + FIRST for c in ids})


@pytest.fixture(scope="module")
def book() -> Book:
    plain = make_book(60, seed=1)
    frames: dict[str, Any] = {n: with_long_ids(f, n) for n, f in plain.frames().items()}
    return attrs.evolve(plain, **frames)


@pytest.mark.parametrize("engine", [None, "duckdb"])
def test_a_review_writes_every_digit(book: Book, engine: Any, tmp_path: Path) -> None:
    exact = set(book.customers["customer_id"].astype(str))
    out = {} if engine is None else {"out": tmp_path / "out", "engine": engine}
    result = review(book, as_of=book.as_of, **out)
    result.write(tmp_path / "out")
    result.to_excel(tmp_path / "r.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "r.xlsx")["customers"]
    assert {row[0] for row in list(sheet.values)[1:]} == exact
    parts = [p for p in (tmp_path / "out").rglob("*.parquet") if not p.name.startswith(".")]
    actions = pd.read_parquet(tmp_path / "out" / "actions.parquet")["customer_id"].dropna()
    assert set(actions.astype(str)) <= exact
    frames = [pd.read_parquet(p) for p in parts]
    people = [f.index for f in frames if f.index.name == "customer_id"]
    assert {str(i) for index in people for i in index} == exact
    others = [f["customer_id"].dropna() for f in frames if "customer_id" in f]
    assert {str(i) for ids in others for i in ids} <= exact
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert all(i in page for i in exact)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert {row["customer"] for row in summary["warnings"]} <= exact
    complaints = pd.read_csv(tmp_path / "out" / "complaints.csv", dtype="string")
    assert set(complaints["customer_id"].dropna()) <= exact
    if engine is None:
        customers = pd.read_csv(tmp_path / "out" / "customers.csv", dtype="string")
        assert set(customers["customer_id"]) == exact


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_book_comes_back_with_every_digit(book: Book, kind: Any, tmp_path: Path) -> None:
    back = read_book(write_book(book, tmp_path / "book", format=kind))
    for name, frame in book.frames().items():
        for column in (c.name for c in CONTRACT[name] if c.kind == "id" and c.name in frame):
            found = back.frame(name)[column].dropna().astype(str).tolist()
            assert found == frame[column].dropna().astype(str).tolist(), (name, column)
