"""Small parts of the book, each by itself: encodings, units, files and the days of movements."""

from __future__ import annotations

import datetime as dt
import inspect
import itertools
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT, FRAMES, Book, write_book
from bankcrm.book.known import not_yet_known, without_later_events
from bankcrm.book.mapping import ColumnSource, Formats, FrameMapping
from bankcrm.book.mapping.validation import POWERS, _format_faults
from bankcrm.book.oddities import period_of
from bankcrm.book.reading.amounts import Directions
from bankcrm.book.reading.cells import dates
from bankcrm.book.reading.conversion import _power
from bankcrm.book.reading.frames import joined
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.sources import _excel
from bankcrm.book.reading.text_files import (
    _missing_bytes,
    _separator_of,
    _stated_encoding,
    _wide,
    text_file,
)
from bankcrm.book.signs import SIGNS, _Dates
from bankcrm.book.view import NEVER
from bankcrm.errors import DataError
from bankcrm.frames.readers import LastDay

NAN = float("nan")

LETTERS = "a\x7f\x80\u07ff\u0800\u8d26\uffff\U00010000\U0010ffff"


@given(st.text(st.sampled_from(LETTERS), max_size=4), st.sampled_from(LETTERS))
def test_a_character_that_is_cut_needs_the_rest_of_its_bytes(before: str, last: str) -> None:
    whole = last.encode()
    for size in range(1, len(whole) + 1):
        assert _missing_bytes(before.encode() + whole[:size]) == len(whole) - size
    assert _missing_bytes(before.encode()) == 0


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_an_encoding_is_that_of_its_mark_or_of_its_zeros(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = "客户号,amount\n1,12.50\n" * 9
    path.write_bytes(text.encode(encoding))
    found = _stated_encoding(path, None)
    assert (found is None) == (encoding == "utf-8")
    assert path.read_text(encoding=found or "utf-8") == text
    assert _stated_encoding(path, "gb18030" if found is None else found)


def test_zeros_in_half_of_the_bytes_are_utf_16() -> None:
    for text, found in (("a,b" * 20, True), ("账号a" * 20, True), ("账号" * 20, False)):
        assert _wide(text.encode("utf-16-le")) == ("utf-16-le" if found else None)
        assert _wide(text.encode("utf-16-be")) == ("utf-16-be" if found else None)
        assert _wide(text.encode()) is None
    assert _wide(b"\0\0" * 40) is None, "zeros in every byte are no text"
    assert _wide(b"") is None


def test_a_unit_of_amounts_is_not_one_of_other_numbers() -> None:
    columns = {c.name: c for c in CONTRACT["customers"]}
    cents = Formats(amounts_in="cents")
    plain, own = ColumnSource("x"), ColumnSource("x", unit="ten_thousands")
    assert _power(columns["income"], plain, cents) == -2
    assert _power(columns["income"], own, cents) == 4
    assert _power(columns["satisfaction"], plain, cents) == 0
    assert _power(columns["employees"], plain, cents) == 0
    assert _power(columns["income"], plain, Formats()) == 0


@given(st.lists(st.sampled_from(["whole", "float", "text"]), min_size=1, max_size=4))
def test_parts_of_a_frame_are_joined_in_their_order(kinds: list[str]) -> None:
    types = {"whole": pa.int64(), "float": pa.float64(), "text": pa.string()}
    parts = [
        pa.table({"amount": pa.array([str(n) if k == "text" else n]).cast(types[k])})
        for n, k in enumerate(kinds)
    ]
    found = joined(parts, "transactions")["amount"].to_pylist()
    assert [float(value) for value in found] == list(range(len(kinds)))


@pytest.mark.parametrize("missing", [(), ("NA", "-")])
def test_words_for_a_missing_value_are_those_that_are_named(
    missing: tuple[str, ...], tmp_path: Path
) -> None:
    """A manager called NA or None is somebody, in a text file as in Excel."""
    pytest.importorskip("openpyxl")
    words = ["NA", "None", "nan", "null", "-", "n/a", "Wang"]
    path = tmp_path / "customers.xlsx"
    pd.DataFrame({"manager": words, "customer_id": range(7)}).to_excel(path, index=False)
    mapping = FrameMapping(formats=Formats(missing=missing or None))
    found = _excel(path, mapping, False).table["manager"].to_pylist()
    assert found == [None if w in missing else w for w in words]


@pytest.mark.parametrize(
    ("header", "asked", "found"),
    [
        ("customer_id,kind", set(), ","),
        ("customer_id;kind", set(), ";"),
        ("customer_id;note, free;kind", {"customer_id"}, ";"),
        ("customer_id,note; free,kind", {"customer_id"}, ","),
        ("customer_id", {"customer_id"}, ","),
        ("customer_id;note, free;kind", set(), None),
    ],
)
def test_of_several_separators_the_one_that_gives_a_known_name_is_taken(
    header: str, asked: set[str], found: str | None
) -> None:
    if found is None:
        with pytest.raises(DataError, match="name the separator"):
            _separator_of(Path("t.csv"), header, asked)
    else:
        assert _separator_of(Path("t.csv"), header, asked) == found


@pytest.mark.parametrize("words", [1, 9, 10, 11, 30])
def test_words_that_a_mapping_lacks_are_named_up_to_ten(words: int) -> None:
    kind = next(c for c in CONTRACT["customers"] if c.name == "kind")
    counts = Counter({f"K{n:02}": 100 - n for n in range(words)})
    advice = Problems("customers")._unmapped_fault(kind, counts).advice
    assert [f"'K{n:02}' ({100 - n})" in advice for n in range(words)] == [
        n < 10 for n in range(words)
    ]
    assert (f" and {words - 10} more" in advice) == (words > 10)


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
@pytest.mark.parametrize("stated", [None, "UTC", "America/New_York"])
def test_an_instant_has_its_local_day_where_both_zones_are_known(
    stated: str | None, zone: str | None
) -> None:
    moments = (
        pa.array(["2026-06-30 18:30:00", None])
        .cast(pa.timestamp("us"))
        .cast(pa.timestamp("us", stated))
    )
    found = dates(moments, Formats(time_zone=zone)).values
    if stated and zone:
        assert found.to_pylist() == [dt.date(2026, 7, 1), None]
    else:
        assert found.equals(moments)


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("hour", [0, 3, 12, 20, 23])
def test_a_text_with_an_offset_has_its_local_day(zone: str | None, hour: int) -> None:
    """Against the standard library; without a zone, such a text has no day."""
    moment = dt.datetime(2026, 6, 30, hour, 30, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    texts = pa.array([moment.isoformat(), "2026-06-30", None])
    found = dates(texts, Formats(time_zone=zone))
    local = moment.astimezone(ZoneInfo(zone)).date() if zone else None
    day = pa.array(found.values).cast(pa.date32()).to_pylist()
    assert day == [local, dt.date(2026, 6, 30), None]


def test_each_unit_is_a_power_of_ten() -> None:
    factors = {"one": 1, "cents": 0.01, "thousands": 1e3, "ten_thousands": 1e4, "millions": 1e6,
               "percent": 0.01}  # fmt: skip
    assert {unit: 10.0**power for unit, power in POWERS.items()} == pytest.approx(factors)


def test_the_header_may_be_the_first_line_or_a_later_one() -> None:
    for line in (None, 1, 2, 9):
        assert not list(_format_faults(Formats(header=line), "formats"))
    for line in (0, -1):
        (fault,) = _format_faults(Formats(header=line), "formats")
        assert fault == f"formats.header: {line} is no line; the first is 1"


def test_frames_are_given_by_name() -> None:
    kinds = {p.name: p.kind for p in inspect.signature(Book).parameters.values()}
    plain = [n for n, kind in kinds.items() if kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    assert set(plain) == set(FRAMES)
    assert {kinds[n] for n in kinds if n not in plain} == {inspect.Parameter.KEYWORD_ONLY}


def test_a_written_file_has_days_and_the_times_of_other_columns(tmp_path: Path) -> None:
    people = pd.DataFrame(
        {
            "customer_id": [1, 2],
            "kind": pd.Categorical(["person", "company"]),
            "contract_date": pd.to_datetime(["2024-01-02", None]),
            "birth_date": [None, None],
            "changed": pd.to_datetime(["2024-01-02 10:30", "2024-01-02 11:00"]),
        }
    )
    moves = pd.DataFrame({"customer_id": [1], "date": [pd.Timestamp("2026-05-05")],
                          "amount": 1.5, "kind": "card"})  # fmt: skip
    write_book(Book(people, moves), tmp_path, "csv")
    lines = (tmp_path / "customers.csv").read_text(encoding="utf-8").replace('"', "").splitlines()
    assert lines[1].startswith("1,person,2024-01-02,,2024-01-02 10:30:00")
    assert lines[2].startswith("2,company,,,2024-01-02 11:00:00")


def test_the_period_is_that_of_the_days_of_movements() -> None:
    def sign(kind: str, frame: str, place: int) -> dict[str, object]:
        return {**dict.fromkeys(SIGNS, 0), "sign": kind, "frame": frame, "place": place}

    rows = [sign("day", "transactions", 20_000), sign("day", "transactions", 20_009),
            sign("day", "balances", 30_000), sign("value", "transactions", 5)]  # fmt: skip
    assert period_of(pd.DataFrame(rows)) == ("2024-10-04", "2024-10-13")
    assert period_of(pd.DataFrame(rows[2:])) == (None, None)


@given(st.lists(st.tuples(st.sampled_from([-1.0, 1.0, NAN]), st.sampled_from([-5.0, 0, 5, NAN]))))
def test_directions_are_counted_row_by_row(rows: list[tuple[float, float]]) -> None:
    found = Directions()
    for part in (rows[:2], rows[2:]):
        signs, amounts = (np.array([r[i] for r in part], np.float64) for i in (0, 1))
        found.add(amounts, signs)
    counts = Counter((sign, amount > 0) for sign, amount in rows if abs(amount) > 0)
    assert found.minus_negative == counts[-1.0, False]
    assert found.minus_positive == counts[-1.0, True]
    assert found.plus_negative == counts[1.0, False]
    twice = counts[-1.0, False] and not counts[-1.0, True] and not counts[1.0, False]
    assert found.signed_already == bool(twice)


@given(st.lists(st.sampled_from([3, 5, 6, 9, NEVER])))
def test_days_are_counted_from_the_first_one_on(days: list[int]) -> None:
    found = _Dates.of(np.array(days, np.int32))
    known = [d for d in days if d < NEVER]
    span = range(min(known), max(known) + 1) if known else range(0)
    assert found.number.tolist() == [*(days.count(d) for d in span), days.count(NEVER)]
    assert [found.first + d for d in found.present().tolist()] == sorted(set(known))


def test_a_closing_day_says_that_a_customer_was_known_before_it_alone() -> None:
    """Of four who signed later: closed before the day, on it, after it, and never."""
    day = pd.Timestamp("2026-03-31")
    closed = [day - pd.Timedelta(days=1), day, day + pd.Timedelta(days=1), pd.NaT]
    customers = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4],
            "contract_date": pd.Timestamp("2026-05-01"),
            "closed_date": pd.Series(closed, dtype="datetime64[s]"),
        }
    )
    until = LastDay(np.datetime64("2026-03-31"), "Asia/Shanghai")
    assert not_yet_known(customers, {}, {}, until).tolist() == [False, False, True, True]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_file_of_a_book_has_the_columns_of_the_frame(form: str, tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [7, 8], "kind": "person"}, index=["a", "b"])
    moves = pd.DataFrame(
        {"customer_id": [7], "date": pd.to_datetime(["2026-01-02"]), "amount": [1.0], "kind": "fee"}
    )
    write_book(Book(people, moves, as_of="2026-06-30"), tmp_path / "b", format=form)
    for name, frame in (("customers", people), ("transactions", moves)):
        path = tmp_path / "b" / f"{name}.{form}"
        names = pq.read_schema(path).names if form == "parquet" else pd.read_csv(path).columns
        assert list(names) == list(frame.columns)


def test_an_event_of_a_later_day_has_not_happened() -> None:
    """Of three cases: answered before the day and closed after it, both before, both after."""
    day = pd.Timestamp("2026-03-31 12:00", tz="UTC")
    before, after = day - pd.Timedelta(days=2), day + pd.Timedelta(days=2)
    cases = pd.DataFrame(
        {
            "received_at": [before] * 3,
            "answered_at": [before, before, after],
            "closed_at": [after, before, after],
            "outcome": ["upheld"] * 3,
            "satisfaction": [4, 5, 3],
        }
    )
    until = LastDay(np.datetime64("2026-03-31"), "UTC")
    found = without_later_events("complaints", cases, until)
    assert found["received_at"].tolist() == [before] * 3
    assert found["answered_at"].isna().tolist() == [False, False, True]
    assert found["closed_at"].isna().tolist() == [True, False, True]
    labels = ("outcome", "satisfaction")
    first = {c.name: c.known_from for c in CONTRACT["complaints"] if c.name in labels}
    for name in labels:
        known = cases[list(first[name])].min(axis=1) <= day
        assert found[name].notna().tolist() == known.tolist(), name


def test_a_text_is_kept_as_utf_8_where_it_had_to_be_decoded(tmp_path: Path) -> None:
    written = "name,kind\n张,person\n"
    for encoding, keep in itertools.product(("utf-8", "gb18030"), (False, True)):
        path = tmp_path / f"{encoding}.csv"
        path.write_bytes(written.encode(encoding))
        found = text_file(path, Formats(encoding=encoding), (), keep=keep)
        kept = keep and encoding != "utf-8"
        assert found.text == (written.encode() if kept else None), (encoding, keep)
