"""From a stranger's folder to a true report: inspect, edit a few lines, review."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from bankcrm import Book, inspect_book, review
from bankcrm.cli import main
from bankcrm.datasets import make_book

from .strangers import kept, stranger

ANSWERS: dict[str, dict[str, str]] = {
    "chinese": {
        'time_zone = "DECIDE"': 'time_zone = "Asia/Shanghai"',
        'DK01 = "DECIDE"': 'DK01 = "loan_payment"',
        'YZ02 = "DECIDE"': 'YZ02 = "securities"',
    },
    "legacy": {
        '# TRFI = "other"': 'TRFI = "transfer_in"',
        '# TRFO = "other"': 'TRFO = "transfer_out"',
        '# LNPY = "other"': 'LNPY = "loan_payment"',
        '# SECU = "other"': 'SECU = "securities"',
        'kind = "DECIDE"': 'kind = "other"',
        'G = ""': 'G = "good"',
        'W = ""': 'W = "watch"',
        'B = ""': 'B = "bad"',
    },
    "pinyin": {},
    "german": {},
    "excel": {},
}
"""Start of a line of the draft -> what a person makes of it."""

FIGURES = (
    "stage",
    "segment",
    "days_idle",
    "frequency",
    "monetary",
    "contribution",
    "tier",
    "warning",
)


COLUMNS = (
    "stage",
    "segment",
    "days_idle",
    "frequency",
    "monetary",
    "contribution",
    "tier",
    "warning",
)
"""Columns of a review that rest on ids, days, amounts, words and several frames."""


def edited(draft: str, answers: Mapping[str, str]) -> str:
    """The draft as a person leaves it: one line for each answer."""
    lines = draft.splitlines()
    for old, new in answers.items():
        [place] = [n for n, line in enumerate(lines) if line.startswith(old)]
        lines[place] = new
    return "\n".join(lines)


def run(*words: str | Path) -> tuple[int, str]:
    """Run the command; returns its exit code and what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main([str(w) for w in words])
        except SystemExit as stop:
            return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(300, seed=11)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_strangers_folder_gives_a_true_report_after_a_few_edits(
    name: str, bank: Book, tmp_path: Path
) -> None:
    folder = tmp_path / "bank"
    stranger(name, bank, folder)
    code, printed = run("inspect", folder)
    assert code == 0, printed
    toml = folder / "book.toml"
    draft = toml.read_text(encoding="utf-8")
    if "DECIDE" in draft.split("\n\n", 1)[1]:  # nothing is guessed: the draft alone is refused
        code, refused = run("review", folder, "--out", tmp_path / "none")
        assert code == 2
        assert "DECIDE" in refused
    toml.write_text(edited(draft, ANSWERS[name]), encoding="utf-8")
    code, printed = run("inspect", folder)
    assert code == 0
    assert "to decide" not in printed
    assert "problems" not in printed
    code, printed = run("review", folder, "--out", tmp_path / "out", "--quiet")
    assert code == 0, printed

    true = review(kept(bank, name), as_of=bank.as_of)
    found = pd.read_parquet(tmp_path / "out" / "customers.parquet")
    assert found.index.tolist() == true.customers.index.tolist()
    for column in COLUMNS:
        theirs, ours = found[column].astype(object), true.customers[column].astype(object)
        assert (
            theirs.where(theirs.notna(), None).tolist() == ours.where(ours.notna(), None).tolist()
        )
    summary = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    for figure in ("customers", "stages", "tiers", "contribution"):
        if figure in true.summary:
            assert summary[figure] == json.loads(json.dumps(true.summary[figure], default=str))


def test_the_chinese_folder_needs_three_edits(bank: Book, tmp_path: Path) -> None:
    stranger("chinese", bank, tmp_path / "bank")
    found = inspect_book(tmp_path / "bank")
    assert len(found.decisions) == len(ANSWERS["chinese"]) == 3
