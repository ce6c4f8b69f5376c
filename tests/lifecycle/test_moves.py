"""Moves: the scalar and the vector agree, and every refusal says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError, IllegalTransitionError, MissingFactError
from bankcrm.lifecycle import (
    Event,
    Move,
    Stage,
    StageModel,
    stage_model,
    transition,
    transition_frame,
)
from bankcrm.lifecycle.model import MODELS, Term
from bankcrm.lifecycle.transitions import REASONS

models = st.sampled_from([stage_model(name) for name in MODELS])


@st.composite
def some_moves(draw: Any) -> Any:
    """A model, and stages, events and facts for it, some of them outside the model or missing."""
    model = draw(models)
    size = draw(st.integers(0, 12))
    stage = st.sampled_from([*model.stage_names, "elsewhere", None])
    event = st.sampled_from([*model.event_names, "nothing", None])
    days = st.integers(0, 800)
    facts = {
        "closed": draw(st.lists(st.booleans(), min_size=size, max_size=size)),
        "days_idle": draw(st.lists(days, min_size=size, max_size=size)),
        "value_trend": draw(st.lists(st.floats(-1, 1), min_size=size, max_size=size)),
    }
    lists = [draw(st.lists(w, min_size=size, max_size=size)) for w in (stage, event)]
    kind = draw(st.sampled_from(["object", "category", "coded", "string"]))
    words = []
    for values, names in zip(lists, (model.stage_names, model.event_names), strict=True):
        series = pd.Series(values, dtype=object)
        if kind == "coded" and set(values) <= {*names, None}:
            series = pd.Series(pd.Categorical(values, categories=list(names)))
        elif kind != "coded":
            series = series.astype(kind)
        words.append(series)
    return model, lists, words, pd.DataFrame(facts)


@given(some_moves(), st.booleans())
def test_a_frame_moves_every_row_as_the_scalar_does(drawn: Any, guarded: bool) -> None:
    model, (stages, events), words, facts = drawn
    moved = transition_frame(*words, model=model, facts=facts if guarded else None)
    assert list(moved.index) == list(words[0].index)
    for i, (stage, event) in enumerate(zip(stages, events, strict=True)):
        row = moved.iloc[i]
        known = dict(facts.iloc[i]) if guarded else None
        after, refusal = one_move(stage, event, model, known)
        assert row["legal"] == (after is not None)
        assert (row["reason"] == "guard_failed") == ("guard failed" in refusal)
        if after is None:
            assert pd.isna(row["next"])
            assert row["reason"] not in ("moved", "stayed")
        else:
            assert row["next"] == after
            assert row["reason"] == ("stayed" if after == stage else "moved")


def one_move(
    stage: str, event: str, model: StageModel, facts: dict[str, Any] | None
) -> tuple[str | None, str]:
    """Where the scalar leads, or the words in which it refuses."""
    try:
        return transition(stage, event, model=model, facts=facts).after, ""
    except IllegalTransitionError as refusal:
        return None, str(refusal)


def test_every_reason_is_distinct() -> None:
    rows = [
        ("dormant", "reactivated"),
        ("lead", "contacted"),
        ("prospect", "won_back"),
        ("active", "went_idle"),
        ("asleep", "contacted"),
        ("active", "unknown"),
        (None, "contacted"),
        ("active", None),
    ]
    facts = pd.DataFrame({"closed": [False] * len(rows), "days_idle": [1] * len(rows)})
    stages, events = (pd.Series(c, dtype=object) for c in zip(*rows, strict=True))
    assert tuple(transition_frame(stages, events, facts=facts)["reason"]) == REASONS


def test_return_is_a_move_like_any_other() -> None:
    for stage, event in ((Stage.DORMANT, Event.REACTIVATED), (Stage.LOST, Event.WON_BACK)):
        assert transition(stage, event).after == Stage.ACTIVE
    assert transition(Stage.LOST, Event.CONTRACT_SIGNED).after == Stage.NEW


def test_a_refusal_names_the_legal_events() -> None:
    with pytest.raises(IllegalTransitionError, match="legal from here: contract_signed, won_back"):
        transition(Stage.LOST, Event.WENT_IDLE)
    with pytest.raises(IllegalTransitionError, match="none, the stage is final"):
        transition("exit", "met", model=stage_model("private_banking"))


def test_an_error_names_every_failed_guard_with_value_and_threshold() -> None:
    with pytest.raises(IllegalTransitionError) as refusal:
        transition("active", "went_idle", facts={"closed": True, "days_idle": 12})
    assert "closed = false, saw True" in str(refusal.value)
    assert "days_idle >= 90, saw 12" in str(refusal.value)


def test_a_guard_that_cannot_be_known_is_not_false() -> None:
    with pytest.raises(MissingFactError, match="days_idle"):
        transition("active", "went_idle", facts={"closed": False})
    with pytest.raises(MissingFactError, match="days_idle"):
        transition_frame(
            ["active"],
            ["went_idle"],
            facts=pd.DataFrame({"closed": [False], "days_idle": [None]}, dtype=object),
        )


def test_words_outside_the_model_are_named() -> None:
    with pytest.raises(IllegalTransitionError, match="stage 'asleep' is not in model 'bank'"):
        transition("asleep", "contacted")
    with pytest.raises(IllegalTransitionError, match="event 'unknown'"):
        transition("active", "unknown")


def test_lengths_must_agree() -> None:
    with pytest.raises(DataError, match="2 stages but 1 events"):
        transition_frame(["new", "new"], ["activated"])
    with pytest.raises(DataError, match="facts for 2 rows"):
        transition_frame(["new"], ["activated"], facts=pd.DataFrame({"closed": [False, False]}))


def test_the_index_and_the_callers_data_are_kept() -> None:
    stages = pd.Series(["new", "lost"], index=[7, 9])
    events = pd.Series(["activated", "activated"], index=[7, 9])
    before = stages.copy(), events.copy()
    assert list(transition_frame(stages, events).index) == [7, 9]
    pd.testing.assert_series_equal(stages, before[0])
    pd.testing.assert_series_equal(events, before[1])


@pytest.mark.parametrize(("size", "many"), [(14, 14), (15, 14), (40, 20), (127, 120)])
def test_a_large_model_moves_as_a_small_one(size: int, many: int) -> None:
    stages = tuple(Term(f"s{i}") for i in range(size))
    events = tuple(Term(f"e{i}") for i in range(many))
    model = stage_model("bank").__class__(
        id="wide",
        initial="s0",
        stages=stages,
        events=events,
        moves=tuple(Move(f"s{i}", f"e{i % many}", f"s{(i + 1) % size}") for i in range(size)),
    )
    moved = transition_frame(
        [f"s{i}" for i in range(size)], [f"e{i % many}" for i in range(size)], model=model
    )
    assert moved["next"].tolist() == [f"s{(i + 1) % size}" for i in range(size)]


def test_nothing_to_move_is_no_fault() -> None:
    moved = transition_frame(np.array([], dtype=object), np.array([], dtype=object))
    assert moved.empty
    assert list(moved.columns) == ["next", "legal", "reason"]
