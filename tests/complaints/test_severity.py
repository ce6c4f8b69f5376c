"""Severity: every signal can only raise it; who complains never changes it."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.complaints import (
    SIGNALS,
    Complaint,
    assess_severity,
    default_lexicon,
    raise_severity,
    severity_facts,
)
from bankcrm.complaints.facts import _word
from bankcrm.errors import DataError
from bankcrm.models import frame_of
from bankcrm.policy import default_policy
from bankcrm.vocabulary import Severity
from bankcrm.wire import from_json, to_json

from .strategies import complaints

RANK = {s.value: i for i, s in enumerate(Severity)}


def severity_of(*told: Complaint) -> list[str]:
    return assess_severity(frame_of(told, Complaint))["severity"].tolist()


@given(complaints(), st.sampled_from(SIGNALS))
def test_adding_a_signal_never_lowers_severity(complaint: Complaint, signal: str) -> None:
    more = attrs.evolve(complaint, **{signal: True})
    before, after = severity_of(complaint, more)
    assert RANK[after] >= RANK[before]


@given(complaints(), st.integers(0, 200_000), st.integers(1, 50))
def test_more_money_or_more_customers_never_lower_it(
    complaint: Complaint, money: int, customers: int
) -> None:
    more = attrs.evolve(
        complaint,
        amount_at_stake=(complaint.amount_at_stake or 0) + money,
        customers_affected=(complaint.customers_affected or 1) + customers,
        time_used=(complaint.time_used or 0) + 0.3,
    )
    before, after = severity_of(complaint, more)
    assert RANK[after] >= RANK[before]


@given(complaints())
def test_frame_and_table_agree_and_the_record_survives_json(complaint: Complaint) -> None:
    policy = default_policy("complaints")
    facts = severity_facts(frame_of([complaint]))
    decision = policy.table("severity").decide(facts.iloc[0].to_dict())
    assert severity_of(complaint) == [decision.outcome]
    assert from_json(to_json(complaint), Complaint) == complaint


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        ({}, "minor"),
        ({"funds_safety": True}, "severe"),
        ({"regulator": True}, "severe"),
        ({"amount_at_stake": 99_999.0}, "moderate"),
        ({"amount_at_stake": 100_000.0}, "severe"),
        ({"customers_affected": 10}, "severe"),
        ({"media_threat": True}, "moderate"),
        ({"media_threat": True, "reopened": True}, "severe"),
        ({"time_used": 0.8}, "moderate"),
    ],
)
def test_the_default_table(told: dict[str, object], severity: str) -> None:
    assert assess_severity(pd.DataFrame([{**told, "n": 1}]))["severity"].tolist() == [severity]


def test_a_columns_own_answer_stands_against_the_text() -> None:
    frame = pd.DataFrame(
        {
            "text": ["my card was stolen"] * 3,
            "funds_safety": pd.array([False, None, True], "boolean"),
        }
    )
    read = severity_facts(frame, classifier=default_lexicon())["funds_safety"]
    assert read.tolist() == [False, True, True]
    assert severity_facts(frame)["funds_safety"].tolist() == [False, False, True]


def test_severities_are_in_order_and_words_without_a_gap_have_no_default() -> None:
    found = assess_severity(pd.DataFrame({"regulator": [True, False]}))["severity"]
    assert found.cat.categories.tolist() == [s.value for s in Severity]
    assert found.cat.ordered
    stated = pd.Series(["fund", "term"], name="product")
    assert _word(stated, None, 2, "default").categories.tolist() == ["fund", "term"]
    gap = _word(stated.mask([True, False]), None, 2, "default")
    assert gap.tolist() == ["default", "term"]


def test_what_nobody_told_counts_as_the_policy_says() -> None:
    careful = default_policy("complaints").with_parameters(
        not_stated_signal=True, not_stated_amount=7
    )
    facts = severity_facts(pd.DataFrame({"n": [1]}), policy=careful)
    assert facts[list(SIGNALS)].all(axis=None)
    assert facts["amount_at_stake"].tolist() == [7]


def test_a_classifier_that_does_not_fit_is_refused() -> None:
    frame = pd.DataFrame({"text": ["a", "b"]})
    with pytest.raises(DataError, match="got 1 for 2 texts"):
        severity_facts(frame, classifier=lambda t: pd.DataFrame({"repeat": [True]}))
    with pytest.raises(DataError, match="not boolean"):
        severity_facts(frame, classifier=lambda t: pd.DataFrame({"repeat": [1, 0]}))


def test_bad_signals_are_named() -> None:
    with pytest.raises(DataError, match="regulator"):
        severity_facts(pd.DataFrame({"regulator": ["yes", "no"]}))
    with pytest.raises(DataError, match="amount_at_stake: below minimum in 1 row"):
        severity_facts(pd.DataFrame({"amount_at_stake": [-1.0]}))


def test_overrides_raise_only_and_are_logged() -> None:
    frame = pd.DataFrame({"amount_at_stake": [0.0, 6000.0, 1e6]}, index=["a", "b", "c"])
    assessed = assess_severity(frame)
    told = pd.DataFrame(
        {
            "severity": ["severe", "minor"],
            "by": ["Wang", "Li"],
            "reason": ["press asked", "customer is a friend"],
        },
        index=["a", "c"],
    )
    raised, log = raise_severity(assessed, told)
    assert raised["severity"].tolist() == ["severe", "moderate", "severe"]
    assert raised["severity_rule"].tolist()[0] == "override"
    assert log["applied"].tolist() == [True, False]
    assert log["after"].tolist() == ["severe", "severe"]
    assert assessed["severity"].tolist() == ["minor", "moderate", "severe"]
    with pytest.raises(DataError, match="must name one complaint once"):
        raise_severity(assessed, told.set_axis(["a", "z"]))
    with pytest.raises(DataError, match="reason"):
        raise_severity(assessed, told.drop(columns="reason"))


def test_an_override_is_logged_with_what_it_changed() -> None:
    assessed = assess_severity(pd.DataFrame({"amount_at_stake": [0.0, 6000.0]}, index=["a", "b"]))
    told = pd.DataFrame(
        {"severity": ["moderate", "severe"], "by": ["Wang", "Li"], "reason": ["same", "press"]},
        index=["b", "a"],
    )
    raised, log = raise_severity(assessed, told)
    assert log.index.tolist() == ["b", "a"]
    assert log.astype(object).to_dict("list") == {
        "before": ["moderate", "minor"],
        "after": ["moderate", "severe"],
        "by": ["Wang", "Li"],
        "reason": ["same", "press"],
        "applied": [False, True],
    }
    assert raised["severity"].cat.ordered
    assert raised["severity"].cat.categories.tolist() == [s.value for s in Severity]
    assert raised["severity_rule"].tolist() == ["override", assessed["severity_rule"].iloc[1]]
    twice = pd.concat([told, told.iloc[[0]], told.iloc[[0]].set_axis(["z"])])
    with pytest.raises(DataError, match=r"^overrides: .* once; wrong: 'b', 'z'$"):
        raise_severity(assessed, twice)
    with pytest.raises(DataError, match=r"^overrides.severity: "):
        raise_severity(assessed, told.assign(severity="mild"))


def test_a_bank_may_add_a_signal_of_its_own() -> None:
    policy = default_policy("complaints")
    table = policy.table("severity")
    press = attrs.evolve(
        table.rules[0], id="severe-press", when={"press": table.rules[0].when["funds_safety"]}
    )
    own = policy.with_table(
        attrs.evolve(table, rules=(press, *table.rules), facts={**table.facts, "press": "boolean"})
    )
    frame = pd.DataFrame({"press": pd.array([True, None, False], "boolean")})
    told = assess_severity(frame, policy=own)
    assert told["severity"].tolist() == ["severe", "minor", "minor"]
    assert told["severity_rule"].iloc[0] == "severe-press"
    careful = own.with_parameters(not_stated_signal=True)
    assert severity_facts(frame, policy=careful)["press"].tolist() == [True, True, False]
    silent = frame.drop(columns="press").assign(text="x")
    read = severity_facts(
        silent, policy=own, classifier=lambda t: pd.DataFrame({"press": [False, True, False]})
    )
    assert read["press"].tolist() == [False, True, False]
    with pytest.raises(DataError, match=r"'severity': missing column press"):
        assess_severity(silent, policy=own)
    joined = assess_severity(silent, policy=own, extend_facts=lambda f: f.assign(press=True))
    assert set(joined["severity_rule"]) == {"severe-press"}


def test_every_kind_of_boolean_column_reads_alike() -> None:
    plain = [True, False]
    for values in (np.array(plain), pd.array(plain, "boolean"), pd.array(plain, "bool[pyarrow]")):
        frame = pd.DataFrame({"regulator": values})
        assert assess_severity(frame)["severity"].tolist() == ["severe", "minor"]
