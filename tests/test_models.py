"""A record is defined once: frame, JSON, schema and strategy follow, and cannot drift apart."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import typing
from decimal import Decimal
from enum import EnumType
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm import models
from bankcrm.errors import DataError
from bankcrm.frames import check_frame
from bankcrm.models import (
    Account,
    Balance,
    Contact,
    Customer,
    Differ,
    Link,
    Loan,
    Needs,
    NotBefore,
    OnlyFor,
    Record,
    Transaction,
    columns_of,
    field,
    frame_of,
    models_of,
    record,
)
from bankcrm.models.complaint import Complaint
from bankcrm.models.personal import personal_columns
from bankcrm.testing.strategies import frames, records
from bankcrm.vocabulary import CustomerKind
from bankcrm.wire import converter, from_json, json_schema, to_json

MODELS = (Customer, Account, Transaction, Balance, Loan, Contact, Link, Complaint)
# Every law runs for every record, so each takes fewer examples.
FEWER = settings(max_examples=settings.default.max_examples // 5)
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
each_model = pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)


# Laws


@each_model
@FEWER
@given(data=st.data())
def test_records_round_trip_through_a_frame(model: type[Record], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(records(model), max_size=4))
    assert models_of(frame_of(drawn, model), model) == drawn


@each_model
@FEWER
@given(data=st.data())
def test_records_round_trip_through_json(model: type[Record], data: st.DataObject) -> None:
    drawn = data.draw(records(model))
    assert from_json(to_json(drawn), model) == drawn
    assert converter().structure(converter().unstructure(drawn), model) == drawn


@each_model
@FEWER
@given(data=st.data())
def test_what_is_written_fits_the_schema(model: type[Record], data: st.DataObject) -> None:
    """A small reading of JSON Schema, written apart from the code under test."""
    schema: dict[str, Any] = json_schema(model)
    written = json.loads(to_json(data.draw(records(model))))
    assert set(schema["required"]) <= set(written) <= set(schema["properties"])
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    for name, value in written.items():
        rule = schema["properties"][name]
        kinds = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        assert names[type(value)] in kinds or (type(value) is int and "number" in kinds)
        assert value in rule.get("enum", [value])
        if not isinstance(value, str):
            assert rule.get("minimum", value) <= value <= rule.get("maximum", value)


@each_model
@FEWER
@given(data=st.data())
def test_frames_of_records_fit_their_contract(model: type[Record], data: st.DataObject) -> None:
    frame = data.draw(frames(model, max_size=3))
    assert list(frame.columns) == [c.name for c in columns_of(model)]
    pd.testing.assert_frame_equal(check_frame(frame, columns_of(model)), frame)
    for rule in model.CONSTRAINTS:
        assert not rule.broken_rows(frame).any()


@each_model
@FEWER
@given(data=st.data())
def test_records_are_hashable_values_that_pickle(model: type[Record], data: st.DataObject) -> None:
    drawn = data.draw(records(model))
    assert pickle.loads(pickle.dumps(drawn)) == drawn
    assert hash(attrs.evolve(drawn)) == hash(drawn)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        drawn.customer_id = 5


@each_model
@FEWER
@given(data=st.data())
def test_personal_data_never_shows_in_repr(model: type[Record], data: st.DataObject) -> None:
    drawn = data.draw(records(model))
    secret = {c.name for c in columns_of(model) if c.personal}
    changed = {n: "SECRET" for n in secret if n != "birth_date"}
    shown = repr(attrs.evolve(drawn, **changed))
    assert "SECRET" not in shown
    assert shown.count("***") == sum(getattr(drawn, n) is not None or n in changed for n in secret)


@each_model
def test_the_contract_is_complete(model: type[Record]) -> None:
    for column in columns_of(model):
        assert column.meaning.endswith(".")
        assert column.required != column.nullable
        assert (column.kind != "money") or column.unit.startswith("CNY")
        hint = typing.get_type_hints(model)[column.name]
        words = [k for k in (hint, *typing.get_args(hint)) if isinstance(k, EnumType)]
        assert column.choices == tuple(str(member.value) for k in words for member in k)


RECORDS = [k for k in vars(models).values()
           if isinstance(k, type) and issubclass(k, Record) and k is not Record]  # fmt: skip
LIMITS: dict[tuple[int, int | None], str] = {
    (0, 1): "Competitor.share Link.share Loan.lgd Loan.pd",
    (-1, 1): "Account.rate Loan.rate",
    (0, 100): "Complaint.satisfaction Customer.satisfaction",
    (1, None): "Complaint.customers_affected Loan.term_months Target.cap",
    (0, None): "Check.maximum Check.points Complaint.amount_at_stake Complaint.redress "
    "Complaint.time_used Credit.cover Credit.drawn Credit.limit Credit.months "
    "Customer.employees Customer.income Customer.revenue Customer.total_assets Loan.amount "
    "Loan.outstanding Loan.payment Target.weight Training.hours",
}
"""Written anew: lowest and highest value -> fields."""
UNDATED = (
    "Account.rate Complaint.reopened Complaint.severity Complaint.time_used Credit.committed "
    "Credit.cover Credit.drawn Credit.limit Customer.credit_standing Customer.deceased "
    "Customer.do_not_contact Customer.employees Customer.income Customer.manager "
    "Customer.revenue Customer.risk_grade Customer.satisfaction Customer.total_assets Loan.lgd "
    "Loan.outstanding Loan.pd Loan.status"
)
"""States that may change, of which no field says since when they hold."""
PERSONAL = (
    "Complaint.contact_name Complaint.email Complaint.phone Complaint.text Customer.birth_date "
    "Customer.email Customer.name Customer.phone"
)


def test_limits_states_and_personal_data_of_the_contract() -> None:
    fields = {f"{k.__name__}.{c.name}": c for k in RECORDS for c in columns_of(k)}
    for limits, names in LIMITS.items():
        found = [n for n, c in fields.items() if (c.minimum, c.maximum) == limits]
        assert sorted(found) == names.split()
    every = sorted(name for names in LIMITS.values() for name in names.split())
    assert sorted(n for n, c in fields.items() if c.minimum is not None) == every
    assert sorted(n for n, c in fields.items() if c.undated) == UNDATED.split()
    assert sorted(n for n, c in fields.items() if c.personal) == PERSONAL.split()


def test_personal_columns_are_those_of_the_class_or_of_any() -> None:
    names = ["name", "customer_id", "phone", "text", "x", "id_number"]
    assert personal_columns(names) == ["name", "phone", "text", "id_number"]
    assert personal_columns(names, more=["x"]) == ["name", "phone", "text", "x", "id_number"]
    mine = personal_columns(["name", "text", "phone", "city", "id_number"], Customer)
    assert mine == ["name", "text", "phone", "id_number"]


def test_a_record_takes_its_fields_by_name_alone() -> None:
    with pytest.raises(TypeError, match="positional"):
        Link(1, 2)
    with pytest.raises(DataError, match="is not a record class"):
        columns_of(dict)
    with pytest.raises(DataError, match="is not a record class"):
        columns_of(3)


@pytest.mark.parametrize(("fault", "fields"), [("", "late early"), ("early", "early late")])
def test_the_doubtful_date_comes_first(fault: str, fields: str) -> None:
    assert list(NotBefore("late", "early", fault).fields) == fields.split()


# Rules across fields: one record and a frame agree

DATES = st.none() | st.dates(dt.date(2026, 1, 1), dt.date(2026, 1, 3))


@given(st.lists(st.tuples(DATES, DATES), min_size=1, max_size=6))
def test_not_before_is_the_same_for_a_record_and_a_frame(
    pairs: list[tuple[dt.date | None, dt.date | None]],
) -> None:
    rule = NotBefore("closed", "opened")
    frame = pd.DataFrame(
        {
            name: np.array([p[i] for p in pairs], dtype="datetime64[D]").astype("datetime64[s]")
            for i, name in enumerate(("closed", "opened"))
        }
    )
    single = [rule.broken({"closed": a, "opened": b}) for a, b in pairs]
    assert rule.broken_rows(frame).tolist() == single
    zoned = frame.apply(lambda c: c.dt.tz_localize("UTC"))
    assert rule.broken_rows(zoned).tolist() == single


FEW = st.sampled_from([None, 1, 2])


@pytest.mark.parametrize("rule", [Differ("a", "b"), Needs("a", "b"), OnlyFor("a", "b", "x")])
@given(pairs=st.lists(st.tuples(FEW, FEW), min_size=1, max_size=6))
def test_other_rules_are_the_same_for_a_record_and_a_frame(
    rule: Differ | Needs | OnlyFor, pairs: list[tuple[int | None, int | None]]
) -> None:
    if isinstance(rule, OnlyFor):
        words = {None: None, 1: "x", 2: "y"}
        rows: list[tuple[object, object]] = [(a, words[b]) for a, b in pairs]
        frame = pd.DataFrame(rows, columns=["a", "b"]).astype({"a": "Int64", "b": "category"})
    else:
        rows = list(pairs)
        frame = pd.DataFrame(rows, columns=["a", "b"]).astype("Int64")
    single = [rule.broken({"a": a, "b": b}) for a, b in rows]
    assert rule.broken_rows(frame).tolist() == single


# Construction


def test_words_become_members_and_amounts_exact() -> None:
    customer = Customer(customer_id=np.int64(1), kind="person", income="1200.50")
    assert customer.kind is CustomerKind.PERSON
    assert customer.income == Decimal("1200.50")
    assert type(customer.customer_id) is int


def test_all_errors_of_a_record_are_reported_together() -> None:
    with pytest.raises(DataError) as caught:
        Customer(
            customer_id=True,
            kind="gold",
            phone=13_800_138_000,
            income=1.5,
            satisfaction=101,
        )
    message = str(caught.value)
    assert message.startswith("Customer: ")
    for part in (
        "customer_id: True is not a whole number or text",
        "kind: 'gold' is not one of person, company",
        "phone: *** is not text",
        "income: 1.5 is not an exact amount",
        "satisfaction: 101 is not at most 100 points",
    ):
        assert part in message


LINK: dict[str, Any] = {"parent_id": 1, "child_id": 2, "link": "owns"}
LOAN: dict[str, Any] = {
    "loan_id": 1,
    "customer_id": 1,
    "granted_date": dt.date(2026, 1, 1),
    "amount": 1000,
    "term_months": 12,
    "status": "running",
}


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (Link, LINK | {"share": 1.5}, "share: 1.5 is not at most 1"),
        (Link, LINK | {"share": -0.1}, "share: -0.1 is not at least 0"),
        (Link, LINK | {"share": float("nan")}, "share: nan is not a finite number"),
        (Link, LINK | {"share": True}, "share: True is not a finite number"),
        (Link, LINK | {"child_id": 1}, "child_id: expected child_id other than parent_id"),
        (Link, LINK | {"child_id": ""}, "child_id: '' is not a whole number or text"),
        (Link, LINK | {"link": None}, "link: missing; expected a word of the vocabulary"),
        (Link, LINK | {"since": dt.datetime(2026, 1, 1)}, "since: .* is not a date"),
        (Link, LINK | {"since": "2026-01-01"}, "since: '2026-01-01' is not a date"),
        (Loan, LOAN | {"term_months": 0}, "term_months: 0 is not at least 1 months"),
        (Loan, LOAN | {"term_months": 1.5}, "term_months: 1.5 is not a whole number"),
        (Loan, LOAN | {"amount": Decimal("NaN")}, "amount: .* is not an exact amount"),
        (Loan, LOAN | {"amount": "ten"}, "amount: 'ten' is not an exact amount"),
        (Loan, LOAN | {"amount": True}, "amount: True is not an exact amount"),
        (Loan, LOAN | {"pd": 2}, "pd: 2 is not at most 1 probability per year"),
        (
            Complaint,
            {"complaint_id": 1, "received_at": dt.datetime(2026, 1, 1)},
            "received_at: .* is not a datetime with a time zone",
        ),
        (
            Complaint,
            {"complaint_id": 1, "received_at": NOON, "in_court": "no"},
            "in_court: 'no' is not true or false",
        ),
        (
            Complaint,
            {"complaint_id": 1, "received_at": NOON, "channel": 5},
            "channel: 5 is not a word",
        ),
        (
            Account,
            {
                "account_id": 1,
                "customer_id": 1,
                "product": "demand",
                "opened_date": dt.date(2026, 2, 1),
                "closed_date": dt.date(2026, 1, 1),
            },
            "closed_date: expected closed_date on or after opened_date",
        ),
        (
            Customer,
            {"customer_id": 1, "kind": "company", "gender": "female"},
            "gender: expected gender only where kind is person",
        ),
        (
            Customer,
            {"customer_id": 1, "kind": "person", "closure_reason": "moved"},
            "closure_reason: expected closure_reason only with closed_date",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    model: type[Record], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        model(**values)


def test_a_missing_required_field_and_an_unknown_one_are_refused() -> None:
    with pytest.raises(TypeError, match="customer_id"):
        Customer(kind=CustomerKind.PERSON)
    with pytest.raises(TypeError, match="colour"):
        Customer(customer_id=1, kind=CustomerKind.PERSON, colour="red")


def test_repr_shows_what_is_known() -> None:
    customer = Customer(customer_id=1, kind=CustomerKind.PERSON, name="Li Na", city="Beijing")
    assert repr(customer) == "Customer(customer_id=1, kind='person', name=***, city='Beijing')"


def test_a_users_record_has_contract_frame_and_json() -> None:
    """With a default that is not None, a field need not be given and is never missing."""

    @record
    class Visit(Record):
        """A visit."""

        visit_id: int = field("id", meaning="Number.")
        minutes: int = field("integer", default=10, minimum=1, meaning="Length.")

    visit = Visit(visit_id=1)
    assert visit.minutes == 10
    assert from_json('{"visit_id": 1}', Visit) == visit
    assert models_of(pd.DataFrame({"visit_id": [1]}), Visit) == [visit]
    assert [(c.required, c.nullable) for c in columns_of(Visit)] == [(True, False), (False, False)]


# Frames


def test_a_frame_needs_records_of_one_class() -> None:
    link = Link(parent_id=1, child_id=2, link="owns")
    with pytest.raises(DataError, match="expected Loan records only, found Link"):
        frame_of([Loan(**LOAN), link])
    with pytest.raises(DataError, match="no record and no class"):
        frame_of([])
    assert len(frame_of([], Link)) == 0
    with pytest.raises(DataError, match="found int in 1 of 2 rows"):
        frame_of([link, attrs.evolve(link, parent_id="a")])
    with pytest.raises(DataError, match="is not a record class"):
        columns_of(int)


def test_a_frame_with_other_columns_is_no_list_of_records() -> None:
    frame = frame_of([Loan(**LOAN)]).assign(colour="red")
    with pytest.raises(DataError, match="unknown columns colour; expected loan_id"):
        models_of(frame, Loan)


def test_rows_that_break_a_rule_are_named() -> None:
    rows = pd.DataFrame({"parent_id": range(9), "child_id": range(9), "link": "owns"})
    with pytest.raises(DataError) as caught:
        models_of(rows, Link)
    assert str(caught.value).startswith("9 rows do not fit\n  row 0: Link: child_id")
    assert str(caught.value).endswith("\n  and 4 more")


def test_money_reads_back_as_the_shortest_text() -> None:
    rows = pd.DataFrame({"parent_id": [1], "child_id": [2], "link": ["owns"], "share": [0.1]})
    assert models_of(rows, Link)[0].share == 0.1
    loans = frame_of([Loan(**LOAN)]).assign(amount=12.1)
    assert models_of(loans, Loan)[0].amount == Decimal("12.1")


# JSON


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "not JSON"),
        ("[1]", "expected a JSON object, found list"),
        ('{"share": NaN}', "NaN is not a JSON number"),
        ('{"parent_id": 1}', "child_id: missing.*link: missing"),
        ('{"parent_id": 1, "child_id": 2, "link": "owns", "x": 1}', "x: unknown field; known: "),
        ('{"parent_id": 1, "child_id": 2, "link": "own", "x": 1}', "'own' is not .*x: unknown"),
        (
            '{"parent_id": 1, "child_id": 2, "link": "owns", "since": "1.2.2026"}',
            "since: '1.2.2026' is not a date",
        ),
    ],
)
def test_json_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_json(text, Link)


def test_a_json_number_is_not_money() -> None:
    good = to_json(Loan(**LOAN))
    assert '"amount": "1000"' in good
    with pytest.raises(DataError, match=r"12\.5 is not an exact amount"):
        from_json(good.replace('"1000"', "12.5"), Loan)


def test_records_inside_your_own_classes() -> None:
    @attrs.frozen
    class Pair:
        first: Link
        second: Link | None

    data = {"first": LINK, "second": None}
    found = converter().structure(data, Pair)
    assert found.first.child_id == 2
    assert found.second is None


def test_values_that_no_file_can_hold_are_refused_by_their_field() -> None:
    """Half a character, and numbers beyond a float, however long they are."""
    known = {"contact_id": 1, "customer_id": 1, "date": dt.date(2026, 1, 1),
             "channel": "phone", "purpose": "contact"}  # fmt: skip
    for name in ("contact_id", "customer_id", "campaign", "response"):
        with pytest.raises(DataError, match=f"Contact: {name}: .* is not "):
            Contact(**{**known, name: "a\ud800"})
    link = {"parent_id": 1, "child_id": 2, "link": "owns"}
    for wrong in (10**400, -(10**5000), float("nan"), float("inf")):
        with pytest.raises(DataError, match=r"Link: share: .* is not a finite number"):
            Link(**link, share=wrong)
