"""Real accounts month by month: stages, migration, and what each policy figure changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import Book
from bankcrm.datasets import load_berka
from bankcrm.lifecycle import (
    assign_stages,
    churn_rates,
    dwell_times,
    migration_matrix,
    month_ends,
    replay,
    stage_facts,
    stage_history,
    stage_log,
)
from bankcrm.policy import default_policy

ENDS = month_ends("1993-01", "1994-03")
AS_OF = "1994-03-30"
DEFAULTS = default_policy("lifecycle")
AUTOMATIC = (*DEFAULTS.value("bank_made_kinds"), *DEFAULTS.value("standing_order_kinds"))
# Strict enough to see movement: the defaults, made for quarters, find nobody asleep in 15 months.
SHARP = DEFAULTS.with_parameters(
    new_days=30,
    dormant_after_days=45,
    lost_after_days=180,
    standing_order_kinds=(*AUTOMATIC, "pension"),
)


@pytest.fixture(scope="module")
def berka(shared_data: Path) -> Book:
    return load_berka(shared_data / "berka")


@pytest.fixture(scope="module")
def history(berka: Book) -> pd.DataFrame:
    return stage_history(berka.customers, berka.transactions, dates=ENDS, policy=SHARP)


def test_every_month_end_equals_the_direct_assignment(berka: Book, history: pd.DataFrame) -> None:
    wide = history["stage"].astype(object).unstack("date")
    for end in ENDS:
        facts = stage_facts(berka.customers, berka.transactions, as_of=end, policy=SHARP)
        direct = assign_stages(facts, policy=SHARP)["stage"].astype(object)
        told = wide[pd.Timestamp(end)].reindex(direct.index)
        known = told.notna()
        assert (told[known] == direct[known]).all()
        signed = facts["has_contract"].to_numpy()
        assert (known.to_numpy() == signed).all()


def test_accounts_are_opened_month_by_month(history: pd.DataFrame) -> None:
    known = history["stage"].notna().groupby("date").sum()
    assert known.is_monotonic_increasing
    assert known.iloc[-1] == 1229
    assert len(history) == 1229 * 15


def test_the_rows_of_the_migration_matrix_add_up(history: pd.DataFrame) -> None:
    matrix = migration_matrix(history)
    assert matrix.counts.to_numpy().sum() == matrix.exposure.sum()
    seen = matrix.exposure > 0
    assert np.allclose(matrix.probabilities[seen].sum(axis=1), 1)
    # Everybody on file on a date is on file on the next: no pair is lost.
    known = history["stage"].notna().groupby("date").sum()
    assert matrix.counts.to_numpy().sum() == known.iloc[:-1].sum()
    assert matrix.counts.loc["active", "dormant"] > 0
    assert matrix.counts.loc["dormant", "active"] > 0
    by_month = migration_matrix(history, by="period").counts
    assert by_month.groupby("before", sort=False).sum().to_numpy().tolist() == (
        matrix.counts.to_numpy().tolist()
    )


def test_the_log_of_the_accounts_plays_back(history: pd.DataFrame) -> None:
    log = stage_log(history)
    for end in ENDS[[0, 7, 14]]:
        told = replay(log, as_of=end)["stage"].astype(object)
        expected = history["stage"].xs(pd.Timestamp(end), level="date").dropna().astype(object)
        assert told.to_dict() == expected.to_dict()


def test_stays_and_churn_are_told(history: pd.DataFrame) -> None:
    dwell = dwell_times(history).summary
    assert dwell.loc["dormant", "spells"] > 0
    churn = churn_rates(history)
    assert (churn["rate"].dropna() <= 1).all()
    assert churn.xs("all", level="stage")["at_risk"].is_monotonic_increasing


def stages_under(book: Book, **changes: object) -> pd.Series:
    policy = SHARP.with_parameters(**changes)
    facts = stage_facts(book.customers, book.transactions, as_of=AS_OF, policy=policy)
    return assign_stages(facts, policy=policy)["stage"].value_counts()


def test_each_threshold_of_the_policy_changes_the_stages_as_it_should(berka: Book) -> None:
    base = stages_under(berka)
    every_movement = stages_under(berka, bank_made_kinds=(), standing_order_kinds=())
    own_pensions = stages_under(berka, standing_order_kinds=AUTOMATIC)
    assert base.sum() == every_movement.sum() == own_pensions.sum() == 1229
    # Nobody is dormant if automatic postings count: every account has some each month.
    assert every_movement[["dormant", "lost"]].tolist() == [0, 0]
    assert base["dormant"] > 0
    assert own_pensions["dormant"] < base["dormant"]
    assert stages_under(berka, dormant_after_days=30)["dormant"] > base["dormant"]
    assert stages_under(berka, dormant_after_days=90)["dormant"] < base["dormant"]
    assert stages_under(berka, new_days=90)["new"] > base["new"]
