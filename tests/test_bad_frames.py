"""Bad frames of every public function: a sentence or a right result; a sample of the full run."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.frames import Column, screen_frame
from bankcrm.lifecycle import replay


def harness() -> ModuleType:
    """The script of the full run, ``tests/nightly/frames.py``, as a module."""
    path = Path(__file__).parent / "nightly" / "frames.py"
    spec = importlib.util.spec_from_file_location("bankcrm_bad_frames", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # attrs looks up the module of a class
    spec.loader.exec_module(module)
    return module


HARNESS = harness()


def test_every_call_has_good_frames() -> None:
    """Otherwise a bad frame would be blamed for what the good one does."""
    calls = HARNESS.calls()
    assert len({case.name for case in calls}) > 110
    for case in calls:
        name, frame = next(iter(case.frames.items()))
        assert not HARNESS.attempt(case, name, lambda frame=frame: frame), case.name


@settings(derandomize=True)  # what it finds new belongs to the full run
@given(st.data())
def test_a_bad_frame_gives_a_sentence_and_stays_as_it_is(data: st.DataObject) -> None:
    case = data.draw(st.sampled_from(HARNESS.calls()), label="call")
    name, fault, make = data.draw(st.sampled_from(list(HARNESS.inputs(case))), label="input")
    assert not HARNESS.attempt(case, name, make), (case.name, name, fault)


FOUND = [
    ("replay", "log", "entry: one nan"), ("append_events", "log", "entry: categories"),
    ("append_events", "log", "rule: twice"), ("stage_funnel", "history", "no rows"),
    ("segment_rfm", "scores", "f: bytes"), ("rfm_migration", "after", "segment: lone surrogate"),
    ("profile", "view", "days_idle: lists"), ("profile", "view", "days_idle: complex"),
    ("profile", "view", "days_idle: twice"), ("customer_view", "b", "a word"),
    ("contribution", "positions", "outstanding: 10**400"),
    ("score_value", "indicators", "active_months: twice"),
    ("intake", "complaints", "customer_id: bytes"), ("intake", "complaints", "channel: twice"),
    ("link_repeats", "complaints", "received_at: booleans"),
    ("assign_handlers", "queue", "owner: missing"), ("assign_handlers", "queue", "owner: lists"),
    ("queue_order", "routed", "Polars"), ("assign_handlers", "queue", "Arrow"),
    ("stage_log", "history", "stage_rule: one list"), ("replay", "log", "customer_id: one null"),
    ("append_events", "log", "before: one dict"), ("dwell_times", "history", "stage: all null"),
    ("process_complaints", "frame", "text: one lone surrogate"),
    ("intake", "complaints", "contact_name: one lone surrogate"),
    ("unify", "records", "name: one lone surrogate"),
    ("lifetime_value", "customers", "stage: one lone surrogate"),
    ("mask_personal", "customers", "email: one null"),
    ("mask_personal", "customers", "name: bytes"),
    ("may_contact", "customers", "columns of several levels"),
    ("may_contact", "customers", "an index of several levels"),
    ("find_groups", "links", "parent_id: texts"), ("apply_changes", "changes", "before: missing"),
    ("assess_risks", "facts", "Arrow"), ("select_actions", "actions", "Polars"),
    ("raise_severity", "assessed", "severity: one list"),
    ("scorecard", "done", "credited: all null"), ("fit_spend", "history", "mean_amount: infinite"),
    ("purchase_value", "history", "repeats: 2**70"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "frame", "fault"), FOUND)
def test_what_was_unclear_once(name: str, frame: str, fault: str) -> None:
    [case] = [c for c in HARNESS.calls() if c.name == name]
    [make] = [m for n, f, m in HARNESS.inputs(case) if (n, f) == (frame, fault)]
    assert not HARNESS.attempt(case, frame, make)


def test_numbers_of_decimals_are_described_by_their_mean() -> None:
    [case] = [c for c in HARNESS.calls() if c.name == "profile"]
    view = case.frames["view"]
    decimal = view.assign(days_idle=HARNESS.CELLS["decimals"](view["days_idle"].astype(object)))
    assert len(case.call({"view": decimal})) == len(case.call({"view": view}))


def test_half_a_surrogate_pair_is_a_fault_of_its_row() -> None:
    names = pd.DataFrame({"customer_id": [1, 2, 3], "name": ["Li", "W\ud800", None]}, dtype=object)
    contract = (Column("customer_id", "id"), Column("name", "text", personal=True, nullable=True))
    found = screen_frame(names, contract, frame="customers")
    assert found.frame["customer_id"].tolist() == [1, 3]
    [fault] = found.faults
    assert (fault.problem, fault.examples) == ("not_unicode", ("row 1",))


def test_a_log_with_a_null_customer_gives_no_other_customer_its_stage() -> None:
    [case] = [c for c in HARNESS.calls() if c.name == "replay"]
    log = case.frames["log"].astype({"customer_id": "Int64"})
    log.loc[3, "customer_id"] = pd.NA
    with pytest.raises(DataError, match=r"^log\.customer_id: 1 are null"):
        replay(log, as_of="2026-06-30")
