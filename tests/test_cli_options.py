"""Options of the command that no other test uses: each test fails where its option is ignored."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bankcrm.cli import main
from bankcrm.datasets import make_book
from bankcrm.policy import default_policy

DAY, THEN = "2026-06-30", "2026-05-31"


def run(*words: str | Path) -> str:
    """What the command prints; it must succeed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        main([str(w) for w in words])
    return out.getvalue()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small bank; its folder also has an earlier review, and a policy with other rules."""
    folder = tmp_path_factory.mktemp("bank")
    run("sample", folder / "book", "--customers", "60", "--seed", "11")
    review = ("review", folder / "book", "--quiet")
    run(*review, "--as-of", THEN, "--out", folder / "earlier")
    later = default_policy("lifecycle").with_parameters(new_days=10_000)
    (folder / "new.toml").write_text(later.to_toml(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def listed(bank: Path) -> pd.DataFrame:
    """The actions of the bank."""
    run("actions", bank / "book", "--out", bank / "all.csv")
    return pd.read_csv(bank / "all.csv")


@pytest.fixture(scope="module")
def done(bank: Path, listed: pd.DataFrame) -> Path:
    """A file with the first two of them."""
    file = bank / "done.csv"
    listed.head(2)[["action_id"]].assign(day=DAY, note="called").to_csv(file, index=False)
    return file


def test_review_on_duckdb_without_what_is_done(
    bank: Path, listed: pd.DataFrame, done: Path, tmp_path: Path
) -> None:
    words = ("--engine", "duckdb", "--done", done, "--quiet")
    run("review", bank / "book", *words, "--out", tmp_path)
    left = set(pd.read_csv(tmp_path / "actions.csv")["action_id"])
    assert set(listed["action_id"]) - left == set(listed["action_id"].head(2))
    summary = json.loads((tmp_path / "summary.json").read_text("utf-8"))
    assert "on disk" in summary["not_available"]["quality"], "in memory it is measured"


def test_actions_earlier_and_done(bank: Path, listed: pd.DataFrame, done: Path) -> None:
    words = ("actions", bank / "book", "--earlier", bank / "earlier", "--done", done)
    rows = json.loads(run(*words, "--json"))
    left = {row["action_id"] for row in rows}
    assert set(listed["action_id"]) - left == set(listed["action_id"].head(2))
    assert {row["since"] for row in rows} == {THEN, DAY}
    printed = run(*words, "--limit", "2")
    assert re.search(rf"no longer listed since {THEN}: \d+, the first 2\b", printed)


def test_actions_of_another_day_and_policy(bank: Path) -> None:
    words = ("--as-of", THEN, "--policy", bank / "new.toml")
    rows = json.loads(run("actions", bank / "book", *words, "--json"))
    assert min(row["since"] for row in rows) == THEN
    before = pd.read_csv(bank / "earlier" / "actions.csv")
    assert "revisit" in set(before["action"])
    assert "revisit" not in {row["action"] for row in rows}, "everybody is new, nobody active"


def test_explain_of_another_day_and_policy(bank: Path) -> None:
    customers = pd.read_parquet(bank / "earlier" / "customers.parquet")
    one = str(customers.index[customers["stage"] == "active"][0])
    words = ("--as-of", THEN, "--policy", bank / "new.toml", "--full", "--json")
    found = json.loads(run("explain", one, bank / "book", *words))
    assert found["as_of"] == THEN
    assert found["traces"]["stage"]["decision"]["outcome"] == "new"


def test_simulate_on_another_day_from_another_policy(bank: Path, tmp_path: Path) -> None:
    new = bank / "new.toml"
    (tmp_path / "mine.txt").write_text("a note", encoding="utf-8")
    words = ("--as-of", THEN, "--policy", new, "--proposed", new, "--out", tmp_path, "--force")
    found = json.loads(run("simulate", bank / "book", *words, "--json"))
    stage = found["decisions"]["stage"]
    assert stage["moved"] == 0, "the policy is in force already"
    known = pd.read_parquet(bank / "earlier" / "customers.parquet")
    assert sum(sum(row.values()) for row in stage["migration"].values()) == len(known) < 60
    assert len(list(tmp_path.iterdir())) > 2


def test_sample_with_a_seed(tmp_path: Path) -> None:
    run("sample", tmp_path, "--customers", "5", "--seed", "11")
    written = pd.read_parquet(tmp_path / "customers.parquet")
    assert written["name"].tolist() == make_book(5, seed=11).customers["name"].tolist()
    assert written["name"].tolist() != make_book(5, seed=12).customers["name"].tolist()


def test_policies_of_a_preset() -> None:
    printed = run("policies", "complaints", "--preset", "fca_disp")
    assert printed == default_policy("complaints", "fca_disp").to_toml()


def test_convert_rules_with_force(bank: Path, tmp_path: Path) -> None:
    target = tmp_path / "rules.toml"
    target.write_text("mine", encoding="utf-8")
    run("convert-rules", bank / "new.toml", target, "--force")
    assert "new_days" in target.read_text("utf-8")
