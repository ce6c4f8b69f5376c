"""Intake: nothing is lost, every reason is told, and real complaints go through whole."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.calendars import working_calendar
from bankcrm.complaints import Complaint, deadlines, intake, link_repeats, pareto
from bankcrm.errors import DataError
from bankcrm.models import frame_of, models_of
from bankcrm.policy import default_policy

from .strategies import ZONE, complaints

POLICY = default_policy("complaints")


def instants(*texts: str | None) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), format="ISO8601")).dt.tz_localize(str(ZONE))


def register(**told: Any) -> pd.DataFrame:
    rows = max(len(v) for v in told.values())
    base = {
        "complaint_id": list(range(1, rows + 1)),
        "received_at": instants(*["2026-03-02"] * rows),
    }
    return pd.DataFrame({**base, **told})


def one_matter(**told: Any) -> pd.DataFrame:
    """A register whose complaints are about the same matter where nothing else is told."""
    frame = register(**told)
    same = {"product": "fund", "cause": "pricing_fees"}
    return frame.assign(**{name: v for name, v in same.items() if name not in frame})


def reasons(frame: pd.DataFrame, **given: Any) -> dict[int, str]:
    taken = intake(frame, **given)
    return dict(zip(taken.rejected["complaint_id"], taken.rejected["reasons"], strict=True))


# --- laws -------------------------------------------------------------------------------------


@settings(max_examples=20)
@given(st.lists(complaints(), max_size=12), st.randoms(use_true_random=False))
def test_rows_in_are_rows_accepted_plus_rows_rejected(many: list[Complaint], mix: Any) -> None:
    frame = frame_of(many, Complaint)
    if len(frame):
        frame = frame.iloc[[mix.randrange(len(frame)) for _ in range(len(frame))]]
        frame = frame.set_axis(range(100, 100 + len(frame)))
    before = frame.copy(deep=True)
    taken = intake(frame)
    assert sorted([*taken.accepted.index, *taken.rejected.index]) == frame.index.tolist()
    told = set(taken.findings.loc[taken.findings["effect"] == "rejected", "row"])
    assert told == set(taken.rejected.index)
    pd.testing.assert_frame_equal(frame, before)


@settings(max_examples=15)
@given(complaints())
def test_one_complaint_and_its_frame_are_taken_alike(complaint: Complaint) -> None:
    one, many = intake(complaint), intake(frame_of([complaint]))
    assert len(one.accepted) == len(many.accepted)
    if len(one.accepted):
        assert one.accepted["clock"].tolist() == ["starts"]


@given(complaints())
def test_models_survive_the_frame(complaint: Complaint) -> None:
    assert models_of(frame_of([complaint]), Complaint)[0] == complaint


# --- every reason -----------------------------------------------------------------------------


def test_every_reason_of_a_row_is_told() -> None:
    frame = register(
        received_at=instants(None, "1900-01-01", "2026-03-09", "2026-03-02", "2026-03-02"),
        answered_at=instants(None, None, None, "2026-03-01", None),
        closed_at=instants(None, None, None, "2026-03-01", None),
        amount_at_stake=[-1.0, 5.0, 5.0, 5.0, np.inf],
        relation=["self", "proxy", None, "cousin", "self"],
    )
    told = reasons(frame, as_of="2026-03-05")
    assert told == {
        1: "missing: received_at; bad_value: amount_at_stake",
        2: "too_early: received_at; no_authority: authority_shown",
        3: "after_as_of: received_at",
        4: "bad_value: relation; out_of_order: answered_at; out_of_order: closed_at",
        5: "bad_value: amount_at_stake",
    }


def test_every_finding_advises_what_to_do() -> None:
    frame = register(
        complaint_id=[1, 2, 3, 4, 4, None, 7, 8, 8],
        received_at=instants(
            None, "1980-01-01", "2026-03-09", "2026-03-02", "2026-03-02", "2026-03-02",
            "2026-03-02", "2026-03-02", "2026-03-02",
        ),
        answered_at=instants(None, None, None, "2026-03-01", *[None] * 5),
        relation=["self", "self", "self", "cousin", "proxy", "self", "self", "self", "self"],
        phone=["1", *["13800138000"] * 8],
        email=["x", *["li@example.com"] * 8],
        institution=[*[None] * 6, "other bank", None, None],
        text=list("abcdefghh"),
        contact_name=[None, *["Li"] * 8],
    )  # fmt: skip
    told = intake(frame, as_of="2026-03-05").findings
    found = list(told.drop(columns="effect").itertuples(index=False, name=None))
    assert found == [
        (0, "missing", "received_at", "give received_at"),
        (0, "bad_phone", "phone", "ask the customer for the phone again"),
        (0, "bad_email", "email", "ask the customer for the email again"),
        (0, "gap", "contact_name", "ask the customer for the contact_name"),
        (1, "too_early", "received_at", "expected 1990-01-01 or later"),
        (2, "after_as_of", "received_at", "expected 2026-03-05 or earlier"),
        (3, "bad_value", "relation", "expected one of self, proxy, heir, guardian"),
        (3, "out_of_order", "answered_at", "expected answered_at on or after received_at"),
        (4, "duplicate_id", "complaint_id", "give it a unique number"),
        (4, "no_authority", "authority_shown", "ask for the proxy's papers"),
        (5, "unnumbered", "complaint_id", "intake assigned a number"),
        (6, "refer", "jurisdiction", "explain and refer; see referred_to"),
        (8, "repeated_row", "complaint_id", "an earlier row is identical"),
    ]
    noted = {"bad_phone", "bad_email", "gap", "unnumbered"}
    assert set(told.loc[told["effect"] == "noted", "problem"]) == noted


def test_the_first_and_the_last_day_are_taken() -> None:
    days = instants("1990-01-01 00:00", "1989-12-31 23:59", "2026-03-05 23:59", "2026-03-06 00:00")
    told = reasons(register(received_at=days), as_of="2026-03-05")
    assert told == {2: "too_early: received_at", 4: "after_as_of: received_at"}
    same = instants("2026-03-02")
    assert reasons(register(received_at=same, sent_at=same, closed_at=same)) == {}


def test_ids_keep_their_plain_types_once_faulty_rows_are_out() -> None:
    frame = register(
        complaint_id=[1.0, 2.0], customer_id=[7.0, None], received_at=instants("2026-03-02", None)
    )
    taken = intake(frame).accepted
    assert taken[["complaint_id", "customer_id"]].dtypes.astype(str).tolist() == ["int64"] * 2
    words = intake(register(complaint_id=["A", "B"], customer_id=["x", "y"])).accepted
    assert words["complaint_id"].tolist() == ["A", "B"]
    assert words["customer_id"].tolist() == ["x", "y"]
    strangers = intake(register(customer_id=[7, None])).accepted
    assert strangers["customer_id"].isna().tolist() == [False, True]


def test_gaps_and_contacts_are_noted_and_show_no_personal_data() -> None:
    frame = register(
        contact_name=["Li Na", None, " "],
        phone=["138 0013 8000x", "13800138000", None],
        email=["li@example.com", "nobody at home", None],
        text=["a", "b", "c"],
    )
    taken = intake(frame)
    assert taken.accepted["notes"].tolist() == [
        "bad_phone: phone",
        "bad_email: email; gap: contact_name",
        "gap: contact_name; gap: contact",
    ]
    assert "138" not in taken.findings.to_string()
    assert "nobody" not in taken.findings.to_string()


@pytest.mark.parametrize(
    "phone", ["13800138000", "+86 13800138000", "010-88886666", "400-888-6666", "+44 20 7946 0018"]
)
def test_good_phones(phone: str) -> None:
    assert "bad_phone" not in intake(register(phone=[phone])).accepted["notes"].iloc[0]


def test_repeated_rows_and_taken_numbers() -> None:
    frame = register(
        complaint_id=[7, 7, 7, 8], product=["fund", "fund", "term", "fund"], text=list("aaba")
    )
    taken = intake(frame)
    assert taken.rejected["reasons"].tolist() == [
        "repeated_row: complaint_id",
        "duplicate_id: complaint_id",
    ]
    assert taken.accepted.index.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("given_ids", "numbers"),
    [
        ([None, 5.0, None], [6, 5, 7]),
        (["A", None, "C"], ["A", "new-2", "C"]),
        ([None, None, None], ["new-1", "new-2", "new-3"]),
        ([float("nan")] * 3, [1, 2, 3]),
    ],
)
def test_a_complaint_without_a_number_gets_one(given_ids: list[Any], numbers: Any) -> None:
    frame = register(complaint_id=given_ids, text=["a", "b", "c"])
    taken = intake(frame)
    assert taken.accepted["complaint_id"].is_unique
    assert taken.accepted["complaint_id"].tolist() == numbers
    assert "unnumbered" in set(taken.findings["problem"])
    without = intake(frame.drop(columns="complaint_id"))
    assert without.accepted["complaint_id"].tolist() == [1, 2, 3]


@pytest.mark.parametrize("dtype", [object, "string", "str", "category"])
def test_white_space_is_no_value_whatever_the_type_of_the_column(dtype: Any) -> None:
    phones = pd.Series(["  ", None, "", "13800138000"], dtype=dtype)
    found = intake(register(phone=phones, email=pd.Series([None] * 4, dtype=object))).findings
    assert "bad_phone" not in set(found["problem"])
    gaps = found[(found["problem"] == "gap") & (found["column"] == "contact")]
    assert gaps["row"].tolist() == [0, 1, 2]


def test_proxies_and_heirs_need_their_papers() -> None:
    frame = register(
        relation=["proxy", "heir", "guardian", "self"], authority_shown=[True, False, None, None]
    )
    assert list(reasons(frame)) == [2, 3]


def test_what_is_not_ours_is_referred_with_its_clock_effect() -> None:
    frame = register(
        institution=["this bank", "other bank", None, None], in_court=[False, False, True, None]
    )
    taken = intake(frame)
    assert taken.rejected["referred_to"].tolist() == [
        "the institution concerned",
        "the court or arbitrator",
    ]
    assert taken.rejected["clock"].str.startswith("no clock starts").all()
    unknown = intake(frame.drop(columns="in_court")).rejected  # nothing is known of a court
    assert unknown["referred_to"].tolist() == ["the institution concerned"]
    ours = POLICY.with_parameters(our_names=("this bank", "other bank"))
    assert len(intake(frame, policy=ours).rejected) == 1


def test_a_bank_may_let_rows_pass_that_others_turn_away() -> None:
    lenient = POLICY.with_parameters(reject_for=("missing",))
    taken = intake(register(relation=["proxy"]), policy=lenient)
    assert taken.accepted["notes"].tolist() == [
        "gap: contact_name; gap: contact; gap: text; no_authority: authority_shown"
    ]


def test_columns_that_are_wrong_as_a_whole_are_errors() -> None:
    frame = register(text=["a"])
    with pytest.raises(DataError, match="missing column received_at"):
        intake(frame.drop(columns="received_at"))
    more = POLICY.with_parameters(required_fields=("received_at", "product", "cause"))
    with pytest.raises(DataError, match=r"^complaints: missing columns product, cause; present: "):
        intake(frame, policy=more)
    with pytest.raises(DataError, match="time zone"):
        intake(frame.assign(received_at=pd.to_datetime(["2026-03-02"])))
    with pytest.raises(DataError, match="no column"):
        intake(frame, names={"cause": "Issue"})
    with pytest.raises(DataError, match="colour"):
        intake(frame, names={"colour": "text"})
    with pytest.raises(DataError, match="expected a pandas DataFrame"):
        intake(3)


def test_mappings_models_and_empty_frames_are_taken() -> None:
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=ZONE)
    assert len(intake({"complaint_id": 1, "received_at": noon}).accepted) == 1
    model = Complaint(complaint_id=1, received_at=noon, phone="13800138000")
    assert intake(model).accepted["phone"].tolist() == ["13800138000"]
    assert "138" not in repr(model)
    empty = intake(register(text=["a"]).iloc[:0])
    assert (len(empty.accepted), len(empty.rejected), len(empty.findings)) == (0, 0, 0)
    columns = ["row", "problem", "column", "effect", "advice"]
    assert list(empty.findings) == list(intake(register(text=["a"])).findings) == columns
    whole = register(text=["a"], contact_name=["Li"], phone=["13800138000"])
    assert list(intake(whole).findings) == columns
    assert repr(empty) == "<Intake: accepted 0, rejected 0, findings 0>"


def test_the_model_tells_what_is_wrong() -> None:
    noon = dt.datetime(2026, 3, 2, 12, tzinfo=ZONE)
    with pytest.raises(DataError, match="closed_at: expected closed_at on or after received_at"):
        Complaint(complaint_id=1, received_at=noon, closed_at=noon - dt.timedelta(days=1))
    with pytest.raises(DataError, match="amount_at_stake"):
        Complaint(complaint_id=1, received_at=noon, amount_at_stake=Decimal(-1))


# --- repeats ----------------------------------------------------------------------------------


def test_repeats_join_or_restart_the_open_case_and_start_anew_after_its_end() -> None:
    frame = one_matter(
        customer_id=[1, 1, 1, 1, 1, 2, None],
        product=["fund", "fund", "fund", "term", "fund", "fund", "fund"],
        text=["fees", "fees", "new paper", "fees", "fees", "fees", "fees"],
        received_at=instants(
            "2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-03-01", "2026-01-05",
            "2026-01-05",
        ),
        closed_at=instants(None, None, "2026-02-01", None, None, None, None),
    )  # fmt: skip
    linked = intake(frame).accepted
    repeat_of = [None if pd.isna(r) else r for r in linked["repeat_of"]]
    assert repeat_of == [None, 1, 1, None, 1, None, None]
    assert linked["clock"].tolist()[:5] == ["starts", "joins", "restarts", "starts", "starts"]
    assert [None if pd.isna(m) else m for m in linked["merged_into"]][:5] == [
        None,
        1,
        1,
        None,
        None,
    ]
    assert linked["repeat"].tolist() == [False, True, True, False, True, False, False]


def test_the_window_ends_with_its_last_day_and_strangers_are_never_linked() -> None:
    frame = one_matter(
        customer_id=[1, 1, 1, None, None],
        received_at=instants("2025-01-01", "2025-06-30", "2025-12-28", "2025-01-01", "2025-01-02"),
    )  # 180 days, then 181
    linked = link_repeats(frame)["repeat_of"]
    assert linked.notna().tolist() == [False, True, False, False, False]


def test_a_bank_has_its_own_window_and_matters() -> None:
    frame = one_matter(
        customer_id=[1, 1, 1],
        product=["fund", "term", "term"],
        received_at=instants("2026-01-05", "2026-01-07", "2026-01-10"),
    )
    own = POLICY.with_parameters(repeat_within_days=2, matter_fields=("cause",))
    linked = link_repeats(frame, policy=own)["repeat_of"]
    assert linked.dtype == "Int64"
    assert linked.fillna(0).tolist() == [0, 1, 0]
    assert link_repeats(frame)["repeat_of"].fillna(0).tolist() == [0, 0, 2]


def test_missing_fields_link_nothing_and_only_an_open_case_takes_others_in() -> None:
    texts = ["mortgage interest wrong", "card stolen"]
    frame = one_matter(
        customer_id=[1, 1], product=[None, None], cause=[None, None], text=texts,
        received_at=instants("2026-01-05", "2026-01-06"),
    )  # fmt: skip
    absent = ([], ["product"], ["cause"], ["product", "cause"])
    for unknown in (frame.drop(columns=names) for names in absent):
        linked = link_repeats(unknown)
        assert linked["repeat_of"].isna().all()
        assert linked["clock"].tolist() == ["starts", "starts"]
    frame = one_matter(
        customer_id=[1] * 5,
        product=["fund"] * 5,
        text=["fees"] * 5,
        received_at=instants("2026-01-05", "2026-01-06", "2026-02-01", "2026-02-02", "2026-02-03"),
        closed_at=instants("2026-01-20", None, None, "2026-02-10", None),
    )
    linked = link_repeats(frame)
    merged = [None if pd.isna(m) else m for m in linked["merged_into"]]
    ids = frame["complaint_id"].tolist()
    assert merged == [None, ids[0], None, ids[2], ids[2]]
    assert linked["clock"].tolist() == ["starts", "joins", "starts", "joins", "joins"]


def test_words_that_come_after_none_are_new() -> None:
    days = instants("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09")
    frame = one_matter(
        customer_id=[1] * 5, text=[None, "fees", " fees ", None, "fees"], received_at=days
    )
    clocks = link_repeats(frame)["clock"].tolist()
    assert clocks == ["starts", "restarts", "joins", "joins", "restarts"]


@given(
    st.lists(
        st.tuples(
            st.tuples(
                st.integers(1, 2),
                st.sampled_from(["fund", "term", None]),
                st.sampled_from(["fees", "queue", None]),
            ),
            st.integers(0, 900),
        ),
        min_size=1,
        max_size=25,
    ),
    st.randoms(use_true_random=False),
)
@example([((1, "fund", None), 0), ((1, "term", None), 1), ((1, None, "fees"), 2)], random.Random(0))
def test_chains_agree_with_a_slow_loop(
    told: list[tuple[tuple[int, str | None, str | None], int]], dice: random.Random
) -> None:
    """A matter is a customer, a product and a cause; what is missing equals nothing."""
    text = [dice.choice([None, "a", "b"]) for _ in told]
    closed = [dice.choice([None, d + dice.randrange(200)]) for _, d in told]
    stated = [dice.choice([None, False, True]) for _ in told]
    start = pd.Timestamp("2024-01-01", tz=str(ZONE))
    frame = pd.DataFrame(
        {
            "complaint_id": range(len(told)),
            "customer_id": [customer for (customer, _, _), _ in told],
            "product": [product for (_, product, _), _ in told],
            "cause": [cause for (_, _, cause), _ in told],
            "received_at": [start + pd.Timedelta(days=d) for _, d in told],
            "closed_at": [None if d is None else start + pd.Timedelta(days=d) for d in closed],
            "text": text,
            "repeat": pd.Series(stated, dtype="boolean"),
        }
    )
    frame["closed_at"] = pd.to_datetime(frame["closed_at"], utc=True)
    expected: dict[int, tuple[int | None, int | None, str]] = {}
    for matter in {m for m, _ in told}:
        rows = sorted((d, i) for i, (m, d) in enumerate(told) if m == matter)
        root, case, before, ends = -1, -1, None, None
        for day, i in rows:
            linked = before is not None and day - told[before][1] <= 180 and None not in matter
            root = root if linked else i
            if linked and not (ends is not None and ends <= day):
                ends = min((c for c in (ends, closed[i]) if c is not None), default=None)
                new = text[i] is not None and text[i] != text[before]
                expected[i] = (root, case, "restarts" if new else "joins")
            else:
                case, ends = i, closed[i]
                expected[i] = (root if linked else None, None, "starts")
            before = i
    linked = link_repeats(frame)
    found = [
        (*(None if pd.isna(n) else int(n) for n in numbers), clock)
        for *numbers, clock in linked[["repeat_of", "merged_into", "clock"]].itertuples(index=False)
    ]
    assert found == [expected[i] for i in range(len(told))]
    known = [bool(s) or expected[i][0] is not None for i, s in enumerate(stated)]
    assert linked["repeat"].tolist() == known


# --- real complaints --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cfpb(shared_data: Path) -> pd.DataFrame:
    frame = pd.read_parquet(shared_data / "cfpb" / "cfpb_full_fields.parquet")
    for name in ("Date received", "Date sent to company"):
        frame[name] = pd.to_datetime(frame[name]).dt.tz_localize("America/New_York")
    return frame


NAMES = {
    "complaint_id": "Complaint ID",
    "received_at": "Date received",
    "sent_at": "Date sent to company",
    "product": "Product",
    "cause": "Issue",
    "text": "Consumer complaint narrative",
    "channel": "Submitted via",
}


def test_the_cfpb_register_goes_through_whole(cfpb: pd.DataFrame) -> None:
    taken = intake(cfpb, names=NAMES)
    assert len(taken.accepted) + len(taken.rejected) == len(cfpb) == 9418
    wrong_way = (cfpb["Date sent to company"] < cfpb["Date received"]).to_numpy()
    again = cfpb.duplicated().to_numpy()
    told = taken.findings[taken.findings["effect"] == "rejected"]
    by_problem = told.groupby("problem", observed=True)["row"].apply(list)
    assert by_problem["out_of_order"] == np.flatnonzero(wrong_way).tolist()
    assert by_problem["repeated_row"] == np.flatnonzero(again).tolist()
    assert (wrong_way.sum(), again.sum()) == (8, 20)
    assert taken.accepted["complaint_id"].is_unique


def test_cfpb_timeliness_and_pareto(cfpb: pd.DataFrame) -> None:
    accepted = intake(cfpb, names=NAMES).accepted
    policy = default_policy("complaints", "cfpb")
    as_of = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
    clocks = deadlines(accepted, policy=policy, calendar=working_calendar("US"), as_of=as_of)
    sent = accepted["sent_at"].dt.tz_localize(None)
    bound = (sent >= "2012-01-19").to_numpy()  # before that the portal asked for 10 days
    assert clocks["us_response_due"].notna().to_numpy().tolist() == bound.tolist()
    assert ((clocks["us_response_due"] - sent)[bound].dt.days == 15).all()
    assert (~bound).sum() == 1
    timely = accepted["Timely response?"].eq("Yes").mean()
    assert timely == pytest.approx(0.9776, abs=0.001)
    issues = pareto(accepted, by="cause")
    assert issues.index[0] == "Incorrect information on your report"
    assert issues["cumulative"].iloc[-1] == pytest.approx(1)
    vital = issues[issues["vital"]]
    assert vital["share"].sum() >= 0.8 > vital["share"].sum() - vital["share"].iloc[-1]
    assert len(vital) == 24


@pytest.mark.parametrize("ids", [[7, None], ["7", None], [7, 8]])
def test_customers_in_categories_are_read_as_plain_ones(ids: list[object]) -> None:
    """Whole numbers with a null among them as well."""
    frame = pd.DataFrame(
        {
            "complaint_id": [1, 2],
            "received_at": pd.to_datetime(["2026-06-01", "2026-06-02"]).tz_localize(ZONE),
            "customer_id": pd.Series(ids, dtype=object),
        }
    )
    given = frame.assign(customer_id=pd.Categorical(frame["customer_id"]))
    plain, coded = (intake(f).accepted["customer_id"] for f in (frame, given))
    assert coded.dropna().tolist() == plain.dropna().tolist()
    assert coded.isna().tolist() == plain.isna().tolist()
