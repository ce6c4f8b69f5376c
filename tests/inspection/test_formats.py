"""How the cells of frames are written: what holds for all, for one, and what a person decides."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest
from tests.inspection.test_small_parts import clients, moves, table, transactions

from bankcrm.book.mapping import Formats
from bankcrm.inspection.draft import sections_of
from bankcrm.inspection.formats import DECIDE, Entry, days_in, formats_of, marks_of
from bankcrm.inspection.matching import matched
from bankcrm.inspection.tables import SourceTable

DOTS: list[object] = [f"{n % 28 + 1:02}.03.2024" for n in range(40)]
SLASHES: list[object] = [f"{n % 28 + 1:02}/03/2024" for n in range(40)]
EITHER: list[object] = [f"{n % 12 + 1:02}/{(n + 3) % 12 + 1:02}/2024" for n in range(40)]


def entries(*tables: SourceTable) -> dict[str, dict[str, object]]:
    """Frame -> entry of the formats -> its value; those of all frames under the empty name."""
    found = formats_of(matched(tables))
    return {frame: {k: e.value for k, e in own.items()} for frame, own in found.items()}


# --- words ---


@pytest.mark.parametrize(
    ("words", "stated"),
    [
        (["Y", "N"], {"true": ["Y"], "false": ["N"]}),
        (["Y", "yes", "N"], {"true": ["Y", "yes"], "false": ["N"]}),
        (["Y", "Y", "1", "0"], {"true": ["1", "Y"], "false": ["0"]}),
        (["true", "FALSE"], {}),
        (["1", "0"], {}),
    ],
)
def test_words_for_true_and_false_are_stated_where_they_are_not_the_usual_ones(
    words: list[str], stated: dict[str, list[str]]
) -> None:
    flags: list[object] = [words[n % len(words)] for n in range(40)]
    found = entries(clients(deceased=flags), moves())
    assert found[""] == stated
    assert found["customers"] == found["transactions"] == {}


def test_words_of_all_frames_for_a_missing_value_are_put_together() -> None:
    found = formats_of(
        matched([clients(city=["N/A", "Ulm"] * 20), moves(chnl=["NULL", "ATM"] * 20)])
    )
    assert found[""]["missing"].value == ["N/A", "NULL"]
    assert "missing" not in {*found["customers"], *found["transactions"]}
    one = formats_of(matched([clients(city=["N/A", "Ulm"] * 20), moves()]))
    assert one[""]["missing"].value == ["N/A"]


# --- files ---


def test_what_a_file_states_holds_for_its_frame() -> None:
    people = attrs.evolve(
        clients(),
        formats=Formats(header=3),
        choices={"separator": [";", ","], "encoding": ["big5"]},
    )
    found = formats_of(matched([people, moves()]))
    assert found[""] == {}
    own = found["customers"]
    assert (own["header"].value, own["header"].comment) == (3, "of clients.csv")
    asked = own["separator"]
    assert (asked.value, asked.assumed) == (DECIDE, ";")
    assert asked.comment == "clients.csv can be read with each of these: ';' or ','"
    assert own["encoding"].assumed == "big5"
    money = attrs.evolve(moves(), formats=Formats(header=3))
    both = formats_of(matched([attrs.evolve(people, choices={}), money]))
    assert both[""]["header"].value == 3
    assert both["customers"] == both["transactions"] == {}


def test_a_choice_shows_numbers_as_they_are() -> None:
    assert Entry.choice([1, "a"], "what") == Entry(DECIDE, "what: 1 or 'a'", 1)


# --- numbers ---


def test_only_texts_that_are_read_as_numbers_have_marks() -> None:
    assert marks_of(transactions()) == []
    texts: list[object] = [f"{'-' if n % 2 else ''}{n}.25" for n in range(40)]
    assert marks_of(transactions(amt=texts)) == [(".", None)]
    # a balance in thousands decides, although the amounts fit several marks
    amounts: list[object] = [f"{'-' if n % 2 else ''}{n + 1},{n + 100}" for n in range(40)]
    assert len(marks_of(transactions(amt=amounts))) == 2
    sure: list[object] = [f"{n + 1}.234,5" for n in range(40)]
    assert marks_of(transactions(amt=amounts, balance=sure)) == [(",", ".")]
    assert marks_of(transactions(amt=amounts, balance=[None] * 40)) == marks_of(
        transactions(amt=amounts)
    )


def test_marks_that_are_sure_in_one_file_hold_for_files_without_numbers() -> None:
    comma: list[object] = [f"{'-' if n % 2 else ''}{n},25" for n in range(40)]
    found = entries(clients(), moves(amt=comma))
    assert found[""] == {"decimal": ",", "thousands": "."}, "a sum such as 1.234,25 is read too"
    two = entries(clients(income=["1234.5"] * 40), moves(amt=comma))
    assert two[""] == {}
    assert two["transactions"] == {"decimal": ",", "thousands": "."}
    assert two["customers"] == {}, "a point is read without being stated"
    comments = formats_of(matched([clients(income=["1234.5"] * 40), moves(amt=comma)]))
    assert comments["transactions"]["decimal"].comment == "numbers of transactions"
    thousands: list[object] = [f"{'-' if n % 2 else ''}{n + 1},234.5" for n in range(40)]
    assert entries(clients(), moves(amt=thousands))[""] == {"thousands": ","}
    assert entries(clients(income=["5.5"] * 40), moves(amt=thousands))[""] == {"thousands": ","}


def test_a_number_with_one_mark_is_decided() -> None:
    doubtful: list[object] = [f"{'-' if n % 2 else ''}{n + 1},{n + 100}" for n in range(40)]
    found = formats_of([transactions(amt=doubtful)])[""]
    assert (found["decimal"].assumed, found["thousands"].assumed) == (".", ",")
    assert "decimal '.', thousands ','" in found["decimal"].comment
    assert "decimal ',', thousands '.'" in found["decimal"].comment


# --- days ---


def test_days_are_stated_for_all_for_a_frame_or_for_a_column() -> None:
    assert entries(clients(), moves(txn_dt=DOTS))[""] == {"dates": "%d.%m.%Y"}
    assert entries(clients(birth_date=DOTS), moves(txn_dt=DOTS))[""] == {"dates": "%d.%m.%Y"}
    two = entries(clients(birth_date=SLASHES), moves(txn_dt=DOTS))
    assert (two[""], two["customers"], two["transactions"]) == (
        {}, {"dates": "%d/%m/%Y"}, {"dates": "%d.%m.%Y"}
    )  # fmt: skip
    columns = entries(clients(birth_date=SLASHES, closed_date=DOTS), moves(txn_dt=DOTS))
    assert columns["customers"] == {"dates.birth_date": "%d/%m/%Y", "dates.closed_date": "%d.%m.%Y"}
    assert columns[""] == {}
    assert entries(clients(), moves())[""] == {}, "the usual days need no pattern"
    asked = formats_of(matched([clients(), moves(txn_dt=EITHER)]))[""]["dates"]
    assert (asked.value, asked.assumed) == (DECIDE, "%d/%m/%Y")
    assert asked.comment.endswith("'%d/%m/%Y' or '%m/%d/%Y'")
    assert set(days_in(transactions(txn_dt=DOTS))) == {"date"}


def test_days_of_one_column_are_stated_with_it() -> None:
    found = matched([clients(birth_date=SLASHES, closed_date=EITHER), moves()])
    text = "\n".join(s.text() for s in sections_of("b", Entry(DECIDE), found))
    assert 'birth_date = "birth_date"' in text, "the slashes of one decide for the other"
    found = matched([clients(birth_date=DOTS, closed_date=EITHER), moves()])
    sections = sections_of("b", Entry(DECIDE), found)
    lines = {line.key: line for s in sections if s.name == "customers.columns" for line in s.lines}
    assert lines["birth_date"].entry.value == {"column": "birth_date", "dates": "%d.%m.%Y"}
    asked = lines["closed_date"].entry
    assert asked.value == {"column": "closed_date", "dates": DECIDE}
    assert asked.assumed == {"column": "closed_date", "dates": "%d/%m/%Y"}
    assert not [k for s in sections for k in [line.key for line in s.lines] if "dates." in k]


# --- time zones ---


@pytest.mark.parametrize(
    ("received", "closed", "asked"),
    [
        ("2026-01-13 10:00", "2026-01-14", "complaints.received_at have no time zone"),
        ("2026-01-13T10:00:00Z", "2026-01-14", ""),
        (dt.datetime(2026, 1, 13, 10), "2026-01-14", "complaints.received_at have no time zone"),
        (dt.datetime(2026, 1, 13, 10, tzinfo=dt.UTC), "2026-01-14", ""),
    ],
)
def test_times_without_a_zone_are_a_question(received: object, closed: str, asked: str) -> None:
    ids: dict[str, list[object]] = {"id": list(range(40)), "received_at": [received] * 40}
    found = formats_of(matched([clients(closed_date=[closed] * 40), moves(),
                                table("complaints", **ids)]))  # fmt: skip
    zone = found[""].get("time_zone")
    assert ("" if zone is None else zone.comment).startswith(f"times of {asked}" if asked else "")
    assert zone is None or (zone.value, zone.assumed) == (DECIDE, "Asia/Shanghai")
    assert (zone is None) == (not asked)


@pytest.mark.parametrize(
    ("closed", "asked"),
    [
        ("2026-01-14T10:00:00Z", True),
        (dt.datetime(2026, 1, 13, tzinfo=dt.UTC), True),
        ("2026-01-14 10:00", False),
        ("2026-01-14", False),
        (dt.date(2026, 1, 14), False),
        (None, False),
    ],
)
def test_a_day_of_an_instant_with_a_zone_is_a_question(closed: object, asked: bool) -> None:
    zone = formats_of(matched([clients(closed_date=[closed] * 40), moves()]))[""].get("time_zone")
    assert (zone is not None) == asked
    if zone is not None:
        assert zone.comment.startswith("times of customers.closed_date have a time zone; whose day")
