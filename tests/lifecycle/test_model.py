"""Stage models: the shipped ones are valid, and errors are reported together."""

from __future__ import annotations

from pathlib import Path

import pytest

from bankcrm.errors import PolicyError, UnknownNameError
from bankcrm.lifecycle import (
    Event,
    Move,
    Stage,
    StageModel,
    Term,
    stage_model,
)
from bankcrm.vocabulary import JourneyStep, ValuePhase

SMALL = """
[model]
id = "small"
initial = "a"
final = ["b"]

[[stages]]
name = "a"

[[stages]]
name = "b"
zh = "乙"

[[events]]
name = "go"

[[moves]]
before = "a"
event = "go"
after = "b"
source = "LCM-2"
"""


@pytest.mark.parametrize(
    ("name", "words"),
    [("bank", Stage), ("private_banking", JourneyStep), ("value_phases", ValuePhase)],
)
def test_the_models_that_ship_have_the_words_and_labels_of_the_vocabulary(
    name: str, words: type[Stage]
) -> None:
    model = stage_model(name)
    assert model.stage_names == tuple(w.value for w in words)
    assert [model.label(w.value, "zh") for w in words] == [w.label("zh") for w in words]
    assert all(m.source != "default" or m.because for m in model.moves)


def test_the_events_of_the_bank_model_are_the_events() -> None:
    model = stage_model()
    assert set(model.event_names) == {e.value for e in Event}
    assert all(model.label(e.value, "zh") == e.label("zh") for e in Event)
    assert model.label("went_idle") == "went idle"
    with pytest.raises(UnknownNameError, match="no stage or event 'unknown'; known: prospect, "):
        model.label("unknown")


def test_every_stage_of_the_bank_is_reached_from_the_first() -> None:
    paths = stage_model().paths
    assert {b for a, b in paths if a == "prospect"} == {s.value for s in Stage} - {"prospect"}
    assert [m.event for m in paths["prospect", "dormant"]] == ["contract_signed", "went_idle"]
    assert ("active", "prospect") not in paths


def test_a_model_is_read_from_text_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SMALL, encoding="utf-8")
    assert StageModel.from_toml(SMALL) == StageModel.from_toml(file)
    assert StageModel.from_toml(SMALL).legal_events("b") == ()


def test_a_guard_takes_its_figure_from_the_models_parameters() -> None:
    guarded = SMALL.replace('source = "LCM-2"', 'when = { idle = ">= @limit" }')
    for limit, failed in ((30, True), (20, False)):
        model = StageModel.from_toml(f"{guarded}\n[parameters.limit]\nvalue = {limit}\n")
        move = model.move("a", "go")
        assert move is not None
        guard = model.guard(move)
        assert guard is not None
        assert guard.decide({"idle": 25}).outcome != failed


def test_an_unknown_model_is_named_with_those_known() -> None:
    with pytest.raises(UnknownNameError, match="known: bank, private_banking, value_phases"):
        stage_model("retail")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('final = ["b"]', "", "stages[1]: 'b' is a dead end"),
        ('final = ["b"]', 'final = ["a", "b"]', "'a' is final, but a move leads out of it"),
        ('before = "a"', 'before = "c"', "moves[0].before: 'c' is unknown; known: a, b"),
        ('after = "b"', 'after = "c"', "moves[0].after: 'c' is unknown; known: a, b"),
        ('initial = "a"', 'initial = "b"', "no chain of moves leads to 'a' from 'b'"),
        ('initial = "a"', 'initial = "z"', "model: 'z' is not a stage; stages: a, b"),
        ('event = "go"', 'event = "fly"', "moves[0].event: 'fly' is unknown; known: go"),
        (
            'before = "a"',
            'before = ["a", "a"]',
            "moves[1]: a second move for a by go; see moves[0]",
        ),
        ('zh = "乙"', 'reaches = "z"', "stages[1].reaches: 'z' is not a stage"),
        ('source = "LCM-2"', 'when = { idle = ">= @d" }', "when.idle: unknown parameter @d"),
        ('source = "LCM-2"', 'when = { idle = "about 3" }', "moves[0].when.idle"),
        ('name = "go"', 'name = "go"\n\n[[events]]\nname = "go"', "events: 'go' is given twice"),
        ('id = "small"', 'id = "small"\ncolour = "red"', "model: unknown key(s) colour"),
        ("[[stages]]", "[parameters]\nd = 3\n\n[[stages]]", "parameters.d: expected a TOML table"),
        (
            "[[stages]]",
            "[parameters.d]\nvalue = 3\ncolour = 1\n\n[[stages]]",
            "parameters.d: unknown key(s) colour",
        ),
        ("[model]", "[header]", "header: unknown key"),
        ('name = "go"', "nam = 3", "events"),
    ],
)
def test_errors_have_their_path(old: str, new: str, message: str) -> None:
    with pytest.raises(PolicyError) as fault:
        StageModel.from_toml(SMALL.replace(old, new, 1))
    assert message in str(fault.value)


def test_a_file_with_a_header_alone_is_an_error() -> None:
    with pytest.raises(PolicyError) as fault:
        StageModel.from_toml('[model]\nid = "bare"\ninitial = "a"\n')
    assert {"stages: there are none", "events: there are none"} <= set(fault.value.faults)


def test_all_errors_are_reported_together() -> None:
    with pytest.raises(PolicyError) as fault:
        StageModel(id="empty", initial="a", stages=(), events=(), moves=(Move("a", "go", "b"),))
    assert len(fault.value.faults) >= 5


def test_a_model_is_widened_and_its_moves_replaced() -> None:
    model = stage_model().with_moves(
        Move("active", "merged", "merged_away"),
        Move("lost", "won_back", "new"),
        Move("merged_away", "won_back", "active"),
        stages=[Term("merged_away", "已合并")],
        events=[Term("merged", "合并")],
    )
    move = model.move("active", "merged")
    assert move is not None
    assert move.after == "merged_away"
    won_back = model.move("lost", "won_back")
    assert won_back is not None
    assert won_back.after == "new"
    assert stage_model().move("active", "merged") is None


def test_models_are_values() -> None:
    model = StageModel.from_toml(SMALL)
    assert hash(model) == hash(StageModel.from_toml(SMALL))
    with pytest.raises(AttributeError):
        model.id = "other"
