"""Public values to JSON and back: nothing is lost, unknown fields are refused."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm import models
from bankcrm.errors import DataError
from bankcrm.marketing.offers.cards import Offers
from bankcrm.models import Link, Record
from bankcrm.models.record import columns_of
from bankcrm.pipeline import Fitted
from bankcrm.pipeline.churn import ChurnModel
from bankcrm.plugins import PluginInfo
from bankcrm.policy import DOMAINS, Policy, default_policy
from bankcrm.rules import (
    Decision,
    DecisionTable,
    Fact,
    Finding,
    HitPolicy,
    Parameter,
    Rule,
    Trace,
)
from bankcrm.scoring import Card, PointScale
from bankcrm.segmentation.clusters.model import Clusters
from bankcrm.testing.strategies import records
from bankcrm.testing.tables import clean_tables, policies, rows, tables
from bankcrm.valuation.lifetime.fit import PurchaseModel
from bankcrm.valuation.lifetime.spend import SpendModel
from bankcrm.vocabulary import Stage
from bankcrm.wire import converter, from_json, json_schema, to_json
from bankcrm.wire.toml import Saved, to_toml
from bankcrm.wire.values import open_value, opened_value

RECORDS = [
    k
    for k in vars(models).values()
    if isinstance(k, type) and issubclass(k, Record) and k is not Record
]


@given(st.data())
def test_decisions_and_traces_read_back_equal(data: st.DataObject) -> None:
    table = data.draw(clean_tables())
    explained = table.explain(data.draw(rows(table)))
    assert from_json(to_json(explained), Trace) == explained
    again = from_json(to_json(explained.decision), Decision)
    assert again == explained.decision
    assert type(again.outcome) is type(explained.decision.outcome)


@given(tables())
def test_tables_and_findings_read_back_equal(table: DecisionTable) -> None:
    assert from_json(to_json(table), DecisionTable) == table
    for finding in table.check():
        assert from_json(to_json(finding), Finding) == finding


@given(policies())
def test_policies_read_back_equal(policy: Policy) -> None:
    assert from_json(to_json(policy, indent=1), Policy) == policy


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_shipped_policies_read_back_equal(domain: str) -> None:
    policy = default_policy(domain)
    again = from_json(to_json(policy), Policy)
    assert (again, again.fingerprint) == (policy, policy.fingerprint)


@pytest.mark.parametrize("kind", RECORDS)
@given(st.data())
def test_models_read_back_equal(kind: type[Record], data: st.DataObject) -> None:
    record = data.draw(records(kind))
    assert from_json(to_json(record), kind) == record


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        2.5,
        "gold",
        dt.date(2026, 1, 31),
        dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
        Decimal("12.50"),
        float("inf"),
        (1, "a", dt.date(2026, 1, 31)),
        {"a": (1, 2), "date": "x"},
    ],
)
def test_open_fields_keep_their_type(value: Any) -> None:
    written = json.loads(json.dumps(open_value(value), allow_nan=False))
    again = opened_value(written)
    assert again == value
    assert type(again) is type(value) or isinstance(value, dict)


def test_open_fields_take_what_decisions_see() -> None:
    assert open_value(np.float64(2)) == 2.0
    assert open_value(np.datetime64("2026-01-31")) == {"date": "2026-01-31"}
    assert open_value(Stage.LOST) == "lost"
    assert open_value(float("nan")) is None
    with pytest.raises(DataError, match="has no form in JSON"):
        open_value(object())


def test_undecided_decisions_say_so() -> None:
    table = DecisionTable("t", (Rule("a", {"x": "> 1"}, 1), Rule("b", {}, 2)))
    undecided = table.decide({}, on_missing="undecided")
    text = to_json(undecided)
    assert json.loads(text)["outcome"] is None
    assert from_json(text, Decision) == undecided


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("{", Parameter, "Parameter: not JSON: "),
        ("[1]", Parameter, "expected a JSON object, found list"),
        ('{"value": 1, "x": 2}', Parameter, "unknown key(s) x; known: value, unit"),
        ('{"value": NaN}', Parameter, "NaN is not a JSON number"),
        ('{"value": {"y": 1}}', Parameter, "expected a plain value or one of date, instant"),
        ('{"value": {"date": "2026-02-30"}}', Parameter, "@ $.value"),
        ('{"value": {"map": 3}}', Parameter, "expected a plain value or one of date, instant"),
        ('{"value": {"date": 3}}', Parameter, "expected a plain value or one of date, instant"),
        ('{"value": {"a": "b"}}', Parameter, "expected a plain value or one of date, instant"),
        ('{"value": {}}', Parameter, "expected a plain value or one of date, instant"),
        ('{"value": {"date": "2026-01-01", "x": 1}}', Parameter, "expected a plain value or"),
        ("3", Link, "expected a JSON object, found int"),
        ('{"parent_id": 1, "x": 2, "y": 3}', Link, "child_id"),
        ('{"parent_id": 1, "x": 2, "y": 3}', Link, "x: unknown field; y: unknown field"),
        ('{"value": 1, "effective_from": 3}', Parameter, "expected an ISO 8601 text, saw 3"),
        ('{"unit": 3}', Parameter, "expected str, saw 3 @ $.unit"),
        ('{"id": "a", "when": {"x": ">"}, "then": 1}', Rule, "$.when"),
        ('{"type": "money"}', Fact, "money not in literal"),
        ("[" * 100_000, Parameter, "not JSON"),
    ],
)
def test_json_that_does_not_fit_is_refused(text: str, kind: type, expected: str) -> None:
    with pytest.raises(DataError) as raised:
        from_json(text, kind)
    assert expected in str(raised.value)


def test_only_public_values_are_written() -> None:
    with pytest.raises(DataError, match="expected a public value of bankcrm, saw dict"):
        to_json({"a": 1})
    with pytest.raises(DataError, match="expected a public class"):
        json_schema(dict)
    info = PluginInfo("a", hooks=("facts",))
    assert from_json(to_json(info), PluginInfo) == info


def test_schemas_name_every_field() -> None:
    for kind in (Decision, Trace, DecisionTable, Policy, Parameter, Finding, PluginInfo):
        schema = json_schema(kind)
        assert set(schema["properties"]) == {a.name for a in attrs.fields(kind)}
        assert schema["additionalProperties"] is False
        json.dumps(schema)
    table = json_schema(DecisionTable)["properties"]
    assert table["hit_policy"]["enum"] == [p.value for p in HitPolicy]
    assert table["rules"]["items"]["properties"]["when"]["additionalProperties"] == {
        "type": "string"
    }
    assert table["effective_from"]["anyOf"][0]["format"] == "date"
    assert json_schema(Fact)["properties"]["type"]["enum"][0] == "number"
    record = RECORDS[0]
    assert set(json_schema(record)["properties"]) == {c.name for c in columns_of(record)}


VALUES = [Decision, Trace, DecisionTable, Policy, Parameter, Finding, PluginInfo, Fact, Rule]


@pytest.mark.parametrize("kind", [*RECORDS, *VALUES])
def test_a_schema_names_what_cannot_be_left_out(kind: type) -> None:
    schema = json_schema(kind)
    required = {a.name for a in attrs.fields(kind) if a.default is attrs.NOTHING}
    if issubclass(kind, Record):
        required = {c.name for c in columns_of(kind) if c.required}
        with pytest.raises(DataError) as raised:
            from_json("{}", kind)
        assert all(name in str(raised.value) for name in required)
    assert set(schema["required"]) == required
    assert schema["description"] == (kind.__doc__ or "").splitlines()[0]
    assert schema["title"] == kind.__name__


@pytest.mark.parametrize("kind", RECORDS)
def test_a_schema_has_the_limits_units_and_choices_of_the_columns(kind: type[Record]) -> None:
    properties = json_schema(kind)["properties"]
    for column in columns_of(kind):
        found = properties[column.name]
        numeric = column.kind in ("number", "integer")
        limits = (column.minimum, column.maximum) if numeric else (None, None)
        assert (found.get("minimum"), found.get("maximum")) == limits
        assert None not in (found.get("minimum", 0), found.get("maximum", 0))
        assert found.get("x-unit", "") == column.unit
        assert ("null" in found["type"]) == column.nullable
        choices = [*column.choices, *([None] if column.nullable else [])] if column.choices else []
        assert found.get("enum", []) == choices
        assert found.get("minLength") == (1 if column.kind == "id" else None)


class _Plain:
    pass


@attrs.frozen
class _Made:
    inner: int
    again: _Plain


def test_a_class_without_a_docstring_has_an_empty_description() -> None:
    schema = json_schema(_Made)
    assert schema["description"] == ""
    assert schema["properties"] == {"inner": {"type": "integer"}, "again": {}}


def test_letters_are_written_and_what_is_no_number_is_not() -> None:
    assert to_json(Parameter(1, note="沉睡")).count("沉睡") == 1
    table = DecisionTable("t", (Rule("a", {"x": "> 1"}, 1), Rule("b", {}, 2)))
    endless = table.decide({"x": float("inf")})
    assert '"x": {"number": "inf"}' in to_json(endless)
    assert from_json(to_json(endless), Decision) == endless
    with pytest.raises(DataError, match="value: expected a value that JSON can hold"):
        to_json(PointScale(float("inf")))
    left_out = json.loads(to_json(Link(parent_id=1, child_id=2, link="owns")))
    assert left_out == {"parent_id": 1, "child_id": 2, "link": "owns"}
    with pytest.raises(DataError, match="kind: expected a public class of bankcrm, got the int 3"):
        from_json("{}", 3)
    with pytest.raises(DataError, match="expected a public class of bankcrm"):
        from_json("{}", dict)


def test_dates_of_a_record_are_texts() -> None:
    """What is no date is left for the record, which names the field; other texts are not read."""
    text = '{"parent_id": "2026-01-31", "child_id": 2, "link": "owns", "since": "2026-01-31"}'
    link = from_json(text, Link)
    assert (link.parent_id, link.since) == ("2026-01-31", dt.date(2026, 1, 31))
    with pytest.raises(DataError, match="since"):
        from_json(text.replace('"since": "2026-01-31"', '"since": "2026-02-30"'), Link)


def test_a_users_converter_takes_our_values() -> None:
    @attrs.frozen
    class Case:
        name: str
        decision: Decision

    table = DecisionTable("t", (Rule("b", {}, 2),))
    case = Case("x", table.decide({}))
    mine = converter()
    assert mine.structure(mine.unstructure(case), Case) == case
    with pytest.raises(Exception, match="Case"):
        mine.structure({**mine.unstructure(case), "other": 1}, Case)


SAVED = [ChurnModel, Clusters, Card, Fitted, Offers, PurchaseModel, SpendModel]


def test_every_saved_value_is_tried() -> None:
    # By name: attrs makes a second class with slots, and the first one lives until it is collected.
    kinds = {kind.__name__ for kind in Saved.__subclasses__()}
    assert kinds | {Fitted.__name__} == {kind.__name__ for kind in SAVED}


@pytest.mark.parametrize("kind", SAVED)
def test_files_that_hold_no_such_value_get_a_sentence(kind: Any, tmp_path: Path) -> None:
    file = tmp_path / "saved.toml"
    with pytest.raises(DataError, match=r"saved\.toml cannot be read: no such file"):
        kind.from_toml(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"saved\.toml cannot be read"):
        kind.from_toml(file)
    for text in ("a = ", "a = 2026-01-01", "[fitted]\npolicies = 2026-01-01\n[values]"):
        with pytest.raises(DataError):
            kind.from_toml(text)


def test_a_saved_value_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"p\.toml"):
        to_toml(Parameter(365, unit="days"), tmp_path / "nowhere" / "p.toml")
    assert to_toml(Parameter(365, unit="days"), tmp_path / "p.toml")
    assert [p.name for p in tmp_path.iterdir()] == ["p.toml"]
