"""The taxonomy: both labels everywhere, and every word of the CFPB's register finds a place."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bankcrm.complaints import SIGNALS, checklist, default_lexicon, taxonomy
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.policy import default_policy


def test_every_heading_has_a_name_in_both_languages_and_a_known_parent() -> None:
    for axis, headings in taxonomy().axes.items():
        codes = taxonomy().codes(axis)
        assert len(set(codes)) == len(codes)
        for heading in headings:
            assert taxonomy().label(axis, heading.code, "zh")
            assert taxonomy().label(axis, heading.code)
            assert not heading.parent or heading.parent in codes


def test_lexicon_and_departments_use_the_taxonomys_causes() -> None:
    causes = set(taxonomy().codes("cause"))
    assert {e.label for e in default_lexicon().entries if e.field == "cause"} <= causes
    assert {e.label for e in default_lexicon().entries if e.field == "signal"} == set(SIGNALS)
    table = default_policy("complaints").table("departments")
    told = pd.DataFrame({"cause": sorted(causes), "product": "not_stated"})
    by_rule = table.decide_frame(told)["rule"]
    assert (by_rule == "not_stated").sum() == 1  # only the cause "other" leaves it open


def test_every_product_and_issue_of_the_register_has_a_place(shared_data: Path) -> None:
    frame = pd.read_parquet(shared_data / "cfpb" / "cfpb_full_fields.parquet")
    business = taxonomy().from_cfpb(frame["Product"], "business")
    cause = taxonomy().from_cfpb(frame["Issue"], "cause")
    assert business.notna().all()
    assert cause.notna().all()
    assert (cause == "other").mean() < 0.02
    assert taxonomy().from_cfpb(pd.Series([None, "Privacy"]), "cause").isna().tolist() == [
        True,
        False,
    ]


def test_words_that_no_line_knows_are_left_open() -> None:
    told = pd.Series(["Late fee", "Rode off", None, "LATE FEE"], index=list("abcd"))
    cause = taxonomy().from_cfpb(told, "cause")
    assert cause.index.tolist() == list("abcd")
    assert cause.isna().tolist() == [False, True, True, False]
    assert cause.dropna().tolist() == ["pricing_fees"] * 2
    assert cause.cat.categories.tolist() == list(taxonomy().codes("cause"))


def test_labels_are_those_of_the_standard() -> None:
    assert taxonomy().label("cause", "disclosure") == "disclosure of information"
    assert taxonomy().label("cause", "disclosure", "zh") == "信息披露"


def test_unknown_names_are_told() -> None:
    with pytest.raises(UnknownNameError, match="no axis 'mood'"):
        taxonomy().codes("mood")
    with pytest.raises(UnknownNameError, match="no cause heading 'sorrow'"):
        taxonomy().label("cause", "sorrow")
    with pytest.raises(UnknownNameError, match="channel"):
        taxonomy().from_cfpb(pd.Series(["x"]), "channel")


def test_the_checklist_is_there_where_a_standard_has_one() -> None:
    rows = checklist(default_policy("complaints", "iso_10002"))
    assert len({r.id for r in rows}) == len(rows)
    with pytest.raises(DataError, match="has no checklist"):
        checklist(default_policy("complaints"))
