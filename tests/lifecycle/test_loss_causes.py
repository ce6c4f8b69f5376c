"""Reasons of loss beside the rule of thumb."""

from __future__ import annotations

import pandas as pd
import pytest

from bankcrm.errors import DataError
from bankcrm.lifecycle import (
    loss_causes,
)
from bankcrm.policy import default_policy

POLICY = default_policy("lifecycle")


def test_a_book_that_leaves_as_the_rule_says_lies_within_it() -> None:
    causes = (
        ["fees"] * 14 + ["competitor"] * 9 + ["moved_away"] * 9 + [None] * 60 + ["no_reason"] * 8
    )
    table = loss_causes(pd.DataFrame({"closure_reason": causes}))
    assert table["count"].tolist() == [14, 9, 9, 68]
    assert table["share"].tolist() == table["reference"].tolist()
    assert table["within"].all()
    assert (table["lower"] < table["share"]).all()
    assert (table["share"] < table["upper"]).all()


def test_a_book_that_leaves_for_one_cause_alone_breaks_the_rule() -> None:
    table = loss_causes(pd.DataFrame({"closure_reason": ["fees"] * 100}))
    assert table["within"].tolist() == [False] * 4, "too many for one group, too few for the others"
    assert (table["lower"] > table["reference"]).tolist() == [True, False, False, False]


def test_a_figure_on_an_end_of_its_interval_lies_within_it() -> None:
    rule = {**dict.fromkeys(POLICY.value("loss_reason_shares"), 0.0), "product_or_complaint": 1.0}
    table = loss_causes(
        pd.DataFrame({"closure_reason": ["fees"] * 100}),
        policy=POLICY.with_parameters(loss_reason_shares=rule),
    )
    assert (table["upper"] == table["reference"]).tolist() == [True, False, False, False]
    assert (table["lower"] == table["reference"]).tolist() == [False, True, True, True]
    assert table["within"].all()


def test_a_cause_of_another_name_and_a_group_as_cause() -> None:
    table = loss_causes(pd.DataFrame({"why": ["other", "fees"]}), column="why")
    assert table["count"].to_dict() == {
        "product_or_complaint": 1,
        "competition": 0,
        "other": 1,
        "indifference": 0,
    }


def test_unknown_reasons_and_a_missing_column_are_errors() -> None:
    with pytest.raises(DataError, match="2 rows hold reasons that the policy does not know"):
        loss_causes(pd.DataFrame({"closure_reason": ["bored", "bored", "fees"]}))
    with pytest.raises(DataError, match="missing column closure_reason"):
        loss_causes(pd.DataFrame({"why": ["fees"]}))
