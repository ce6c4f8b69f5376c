"""Under ``collect`` a rule whose cells are all ``-`` is a match, as DMN has it."""

from __future__ import annotations

import pandas as pd
import pytest

from bankcrm.rules import DecisionTable, Rule


@pytest.mark.parametrize(
    ("number", "expected"), [(5, ("big", "all", "more")), (1, ("all", "more"))]
)
def test_rules_of_dashes_match_beside_others(number: int, expected: tuple[str, ...]) -> None:
    rules = (
        Rule("big", {"n": "> 3"}, "big"),
        Rule("all", {"n": "-"}, "all"),
        Rule("more", {"n": "-"}, "more"),
        Rule("otherwise", {}, "none"),
    )
    table = DecisionTable("t", rules, hit_policy="collect")
    assert table.decide({"n": number}).outcome == expected
    assert table.decide_frame(pd.DataFrame({"n": [number]}))["outcome"].tolist() == [expected]
