"""Bad frames of every public function: a sentence or a right result; a sample of the full run."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripts import nightly

import bankcrm
from bankcrm.errors import BankcrmError, DataError
from bankcrm.frames import Column, screen_frame
from bankcrm.lifecycle import replay

HARNESS = nightly("frames")
IDS = importlib.import_module("ids")  # beside the harness, which puts its folder on the path


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
    assert not HARNESS.attempt(case, name, make, fault), (case.name, name, fault)


FOUND = [
    ("expected_reward", "rewards", "one null"), ("WorkingCalendar.day_of", "counts", "one number"),
    ("fit_spend", "history", "mean_amount: 2**70"), ("rules_of_thumb", "loans", "product: bytes"),
    ("product_rules", "holdings", "card: lone surrogate"),
    ("fit_spend", "history", "repeats: 1e300"), ("campaign_effect", "outcomes", "responded: 1e300"),
    ("fit_by_segment", "history", "kind: twice"), ("product_rules", "holdings", "card: one null"),
    ("write_csv", "frame", "an index of several levels"),
    ("review_watch_list", "risks", "customer_id: one lone surrogate"),
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
    ("profile", "view", "stage: one lone surrogate"),
    ("holdout_check", "transactions", "customer_id: year 1"),
    ("kpi_events", "surveys", "customer_id: all 2**63"),
    ("write_excel", "frame", "columns of several levels"),
    ("write_csv", "frame", "growth: one lone surrogate"), ("rewards", "base", "10**400"),
    ("uplift_curve", "responded", "10**400"), ("fit_card", "facts", "kind: one number"),
    ("score_value", "indicators", "tenure_years: infinite"),
    ("assign_managers", "managers", "manager_id: one dict"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "frame", "fault"), FOUND)
def test_what_was_unclear_once(name: str, frame: str, fault: str) -> None:
    [case] = [c for c in HARNESS.calls() if c.name == name]
    [make] = [m for n, f, m in HARNESS.inputs(case) if (n, f) == (frame, fault)]
    assert not HARNESS.attempt(case, frame, make, fault)


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
    with pytest.raises(DataError, match=r"^log\.customer_id: null in 1 row \(row 3\)"):
        replay(log, as_of="2026-06-30")


NO_FRAME = {
    "DecisionTable.decide", "DecisionTable.explain", "score_case", "transition", "route",  # a case
    "Groups.explain", "Review.explain", "EngineReview.explain", "Scorecard.explain",  # ids
    "assemble", "personal_columns", "to_json", "PolicySet.sections", "WorkingHours.worked",
    "read_output",
    "Engine.zoned", "PluginFacts.compute", "PolicySet.with_facts", "ContactRecords.of",
    "actions_in", "ReviewChange.dated", "RecordConstraint.broken", "RecordConstraint.broken_rows",
    # and those of its kinds; they get frames that a review has made or a check has passed
    *(f"{kind}.{name}" for kind in ("Differ", "Needs", "NotBefore", "OnlyFor")
      for name in ("broken", "broken_rows")),
    "forecast_purchases",  # holdout_check and purchase_interval one after the other
}  # fmt: skip
"""Public functions with an argument that may be any object, and that is no frame of a caller."""
DAYS = {"as_of", "as_ofs", "start", "end", "date", "dates", "period", "since", "until", "return"}


def public_functions() -> dict[str, Callable[..., object]]:
    """The functions and methods of every ``__all__`` that may take a frame, by name.

    Names that a domain has too are those of ``plots`` with the package before them.
    """
    found: dict[str, Callable[..., object]] = {}
    for module in pkgutil.walk_packages(bankcrm.__path__, "bankcrm."):
        loaded = importlib.import_module(module.name)
        for value in (getattr(loaded, name) for name in getattr(loaded, "__all__", [])):
            members = vars(value).values() if inspect.isclass(value) else [value]
            for member in members:
                call = getattr(member, "__func__", member)
                if not inspect.isfunction(call) or not str(call.__module__).startswith("bankcrm"):
                    continue
                kinds = [str(k) for n, k in call.__annotations__.items() if n not in DAYS]
                if call.__name__.startswith("_") or not any(map(FRAME.search, kinds)):
                    continue
                name = call.__qualname__
                if found.get(name, call) is not call:
                    name = f"{call.__module__.split('.')[1]}.{name}"
                found[name] = call
    return found


FRAME = re.compile(r"DataFrame|Series|ArrayLike|NDArray|\bobject\b|Chain")


def test_every_public_function_with_a_frame_is_tried() -> None:
    """A new one needs an entry in ``tests/nightly``, or a word why it takes no frame."""
    public = public_functions()
    assert len(public) > 150
    assert {*public} >= NO_FRAME
    assert not {*public} - NO_FRAME - {case.name for case in HARNESS.calls()}


HEAVY = {"review", "profile", "plan_actions"}
"""Calls that take long; `tests/test_ids.py` reviews books of such ids."""


@pytest.mark.parametrize("kind", ["leading_zeros", "unsigned"])
def test_ids_come_out_as_they_went_in(kind: str) -> None:
    """A law of every function: an id of a result is one of its frames, or it refuses them."""
    tried = 0
    for case in HARNESS.calls():
        frames = {n: IDS.with_ids(f, getattr(IDS, kind)) for n, f in case.frames.items()}
        given = {i for f in frames.values() for _, ids in IDS.ids_in(f) for i in IDS.texts(ids)}
        if not given or case.name in HEAVY:
            continue
        try:
            result = case.call(frames)
        except BankcrmError:
            continue
        for name, ids in IDS.ids_in(result):
            tried += 1
            assert not [v for v in ids.dropna() if isinstance(v, float)], (case.name, name)
            if case.name != "kpi_events":  # which reads a book of other ids as well
                assert IDS.texts(ids) <= given, (case.name, name)
    assert tried > 60


@pytest.mark.parametrize(("name", "frame"), [
    ("process_complaints", "frame"), ("intake", "complaints"), ("measure_quality", "customers"),
    ("select_actions", "actions"), ("link_repeats", "complaints"), ("stage_facts", "transactions"),
    ("credit_exposure", "grants"), ("kpi_values", "events"), ("unify", "records"),
])  # fmt: skip
def test_ids_in_the_index_are_not_lost(name: str, frame: str) -> None:
    [case] = [c for c in HARNESS.calls() if c.name == name]
    label = next(c for c in ("customer_id", "record_id", "employee_id") if c in case.frames[frame])
    indexed = case.call({**case.frames, frame: case.frames[frame].set_index(label)})
    assert shown(indexed) == shown(case.call(case.frames))


def shown(result: object) -> str:
    """A result as text, whatever the labels of its rows are."""
    if isinstance(result, pd.DataFrame) and not any(result.index.names):
        return result[sorted(result.columns)].to_csv(index=False)
    return result.to_csv() if isinstance(result, pd.DataFrame) else repr(result)
