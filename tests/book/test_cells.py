"""The cells of text files against Python's own reading of each of them."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.book import CONTRACT
from bankcrm.book.mapping import Formats
from bankcrm.book.reading.cells import (
    as_text,
    booleans,
    dates,
    encoded,
    instants,
    is_text,
    numbers,
)
from bankcrm.book.reading.ids import id_cells
from bankcrm.book.reading.problems import Problems
from bankcrm.book.reading.text_files import _is_chinese, _wide, text_file
from bankcrm.errors import DataError

GROUPS = st.lists(st.text("0123456789", max_size=6), min_size=1, max_size=3)


@given(st.sampled_from(["", "-", "+"]), GROUPS, st.none() | GROUPS, st.sampled_from([",.", ".,"]))
@example("", ["1", "000"], ["5"], ",.")
@example("-", ["1", "0000"], ["5"], ".,")
@example("", ["1", "00000"], None, ",.")
@example("", ["", "000"], None, ",.")
@example("", ["1"], ["000", "000"], ".,")
def test_a_mark_between_thousands_stands_before_three_or_four_digits(
    sign: str, whole: list[str], decimals: list[str] | None, marks: str
) -> None:
    """Four as well, since a bank may group by ten thousands."""
    thousands, decimal = marks
    text = sign + thousands.join(whole)
    text += "" if decimals is None else decimal + thousands.join(decimals)
    fits = bool(whole[0]) and all(len(g) in (3, 4) for g in whole[1:])
    fits &= decimals is None or len(decimals) == 1
    digits = "".join(whole)
    if len(whole) == 1 and (decimals is None or len(decimals) == 1):  # no mark at all
        fits = bool(digits or "".join(decimals or []))
    found = numbers(pa.array([text, "1"]), Formats(thousands=thousands, decimal=decimal))
    expected = float(f"{sign}{digits or 0}.{''.join(decimals or []) or 0}") if fits else None
    if not text:
        expected = None
    assert pa.array(found.values).to_pylist() == [expected, 1.0]
    wrong = [False, False] if found.wrong is None else found.wrong.tolist()
    assert wrong == [expected is None and bool(text), False]


@pytest.mark.parametrize("power", [-2, 0, 3])
def test_numbers_of_any_type_are_moved_by_a_power_of_ten(power: int) -> None:
    """To the nearest float of the exact product, where the source is exact."""
    amounts = ["1.1", "-2.05", "0", "1234567.89", "7"]
    exact = [float(Decimal(a).scaleb(power)) for a in amounts]
    decimals = pa.array([Decimal(a) for a in amounts], pa.decimal128(12, 2))
    for source in (pa.array(amounts), decimals, pa.array(amounts).dictionary_encode()):
        assert pa.array(numbers(source, Formats(), power).values).to_pylist() == exact
    for kind in (pa.int64(), pa.float64()):
        found = numbers(pa.array([-3, 0, 25]).cast(kind), Formats(), power).values.to_pylist()
        assert found == [float(Decimal(n).scaleb(power)) for n in (-3, 0, 25)]
    for words in (pa.array(["x", "2e1", "3"]), pa.array(["x", "2e1", "3"]).dictionary_encode()):
        found = numbers(words, Formats(), power)
        assert pa.array(found.values).to_pylist() == [None, 20 * 10.0**power, 3 * 10.0**power]
        assert found.wrong is not None
        assert found.wrong.tolist() == [True, False, False]


@given(st.lists(st.none() | st.floats() | st.integers(-10, 10).map(float), max_size=5))
@example([2.0**62, 2.0**63, -(2.0**63), math.nextafter(2.0**63, 0)])
@example([0.5, -0.0, 1e300, math.inf, math.nan])
def test_a_whole_number_as_text_has_no_decimals(values: list[float | None]) -> None:
    for value, text in zip(
        values, as_text(pa.array(values, pa.float64())).to_pylist(), strict=True
    ):
        if value is None:
            assert text is None
        elif value.is_integer() and abs(value) < 2**63:
            assert text == str(int(value))
        else:
            assert float(text) == pytest.approx(value, rel=0, abs=0, nan_ok=True)


WORDS = st.none() | st.sampled_from(["a", " a", "b ", "", " ", "\t"])


@given(st.lists(WORDS, max_size=6), st.sampled_from(["plain", "encoded", "chunked"]))
def test_codes_and_words_give_each_cell_without_its_spaces(
    cells: list[str | None], form: str
) -> None:
    array: Any = pa.array(cells, pa.string())
    if form == "encoded":
        array = array.dictionary_encode()
    if form == "chunked":
        array = pa.chunked_array([array[:2], array[2:]], pa.string())
    codes, words = encoded(array)
    found = [None if code < 0 else words[code] for code in codes.tolist()]
    assert found == [(cell or "").strip() or None for cell in cells]


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai"])
@pytest.mark.parametrize("unit", ["s", "us"])
def test_instants_without_a_zone_are_those_of_the_wall_clock(zone: str | None, unit: str) -> None:
    """At 9:30 in Shanghai it is 1:30 in UTC, whether the source holds text or timestamps."""
    local = pa.array(["2026-06-30 09:30:00", None]).cast(pa.timestamp(unit))
    typed = instants(local, Formats(time_zone=zone)).values
    text = instants(pa.array(["2026-06-30 09:30:00", None]), Formats(time_zone=zone))
    if zone is None:
        assert typed.equals(local)
        assert text.wrong is not None
        assert text.wrong.tolist() == [True, False]
        return
    for found in (typed, text.values):
        assert found.type == pa.timestamp("us", zone)
        seconds = found.cast(pa.int64()).to_pylist()
        assert seconds == [1_782_783_000 * 10**6, None]
    assert instants(pa.nulls(2), Formats(time_zone=zone)).values.type == text.values.type
    assert instants(pa.nulls(2), Formats()).values.type == pa.timestamp("us", "UTC")
    advice = instants(pa.array(["2026-06-30 09:30:00", "x"]), Formats(time_zone=zone)).advice
    assert ("state time_zone =" in advice) == (zone is None)
    stated = instants(pa.array(["2026-06-30T09:30:00+08:00"]), Formats(time_zone="UTC")).values
    assert stated.cast(pa.int64()).to_pylist() == [1_782_783_000 * 10**6]


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["0", "-5", "17"], [0, -5, 17]),
        (["0", "07"], ["0", "07"]),
        (["-0"], ["-0"]),
        (["+1", "2"], ["+1", "2"]),
        (["9223372036854775807"], [2**63 - 1]),
        (["9223372036854775808"], ["9223372036854775808"]),
        (["17850.0", "12.00", "a.5"], ["17850", "12", "a.5"]),
        ([" a", "1"], ["a", "1"]),
    ],
)
def test_ids_are_integers_only_where_their_text_is_that_of_an_integer(
    ids: list[str], found: list[Any]
) -> None:
    column = CONTRACT["customers"][0]
    problems = Problems("customers")
    for array in (pa.array(ids), pa.array(ids).dictionary_encode()):
        problems = Problems("customers")
        assert pa.array(id_cells(array, column, problems).values).to_pylist() == found
    decimals = sum(i.endswith((".0", ".00")) for i in ids)
    assert sum(problems.notes.values()) == decimals


def test_ids_that_a_spreadsheet_has_cut_are_wrong() -> None:
    cells = id_cells(pa.array(["1.2E+17", "1.5e9", "12.5e3", "a.1e5"]),
                     CONTRACT["customers"][0], Problems("customers"))  # fmt: skip
    assert cells.wrong is not None
    assert cells.wrong.tolist() == [True, True, False, False]


def gb2312(row: int) -> bytes:
    """The characters of one of the 94 rows of GB 2312, those that it defines."""
    made = [bytes((0xA0 + row, 0xA0 + cell)) for cell in range(1, 95)]
    return b"".join(b for b in made if b.decode("gb2312", "ignore"))


@pytest.mark.parametrize("row", range(1, 95))
def test_chinese_is_known_by_the_marks_and_the_frequent_characters_of_gb_2312(row: int) -> None:
    """Rows 1 to 9 of the standard are marks, 16 to 55 its first level."""
    if text := gb2312(row):
        assert _is_chinese(text) == (row <= 9 or 16 <= row <= 55)


def test_nine_of_ten_characters_of_a_chinese_text_are_frequent() -> None:
    frequent, rare = gb2312(20), gb2312(60)
    for common, others in itertools.product((8, 9, 10, 18, 19), (0, 1, 2)):
        text = frequent[: 2 * common] + b"a,1\n" + rare[: 2 * others]
        assert _is_chinese(text) == (common >= 9 * others), (common, others)
    assert not _is_chinese(b"\xb0\xa0\xb1\x40"), "characters of GBK that are not in GB 2312"
    assert not _is_chinese(b"\xff\xff,1")


@pytest.mark.parametrize(("size", "fewest"), [(20, 1), (32, 2), (320, 20)])
def test_utf_16_has_zeros_in_one_of_its_two_bytes(size: int, fewest: int) -> None:
    """At least a sixteenth of all bytes, and at most an eighth as many at the other place."""
    for many in (fewest - 1, fewest, size // 2):
        for few in {0, many // 8, many // 8 + 1}:
            if few > many:
                continue
            text = bytearray(b"x" * size)
            text[0 : 2 * many : 2] = bytes(many)
            text[1 : 2 * few : 2] = bytes(few)
            wide = many >= fewest and few <= many / 8
            assert _wide(bytes(text)) == ("utf-16-be" if wide else None), (many, few)
            shifted = b"x" + bytes(text[:-1])
            assert _wide(shifted) == ("utf-16-le" if wide else None), (many, few)


@pytest.mark.parametrize("opens", range(1, 6))
@pytest.mark.parametrize("above", [0, 2])
def test_a_quotation_mark_that_is_never_closed_is_named_by_its_line(
    opens: int, above: int, tmp_path: Path
) -> None:
    lines = ["a,b"] * above + ["customer_id,kind"] + [f"{n},person" for n in range(6)]
    lines[above + opens] = f'{opens},"person'
    lines[above + 1 : above + opens] = ['"1",person'] * (opens - 1)  # 1, 3, 5 ... marks in all
    path = tmp_path / "customers.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match=rf"opens on line {above + opens + 1} is never closed"):
        text_file(path, Formats(header=above + 1), (), keep=False)


@given(st.lists(st.sampled_from(["1,2", '"1\n3",2', "", "1", "1,2,3"]), max_size=7))
@example(["1"] * 7)
def test_each_row_has_the_number_of_its_first_line(rows: list[str]) -> None:
    """Also below a title, blank lines and cells with a line break."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_text("\n".join(["a title", "a,b", *rows, ""]), encoding="utf-8")
        file = text_file(path, Formats(header=2), (), keep=False)
        line, expected = 3, []
        for row in rows:
            if row:
                expected.append((line, row.count(",") + 1))
            line += 1 + row.count("\n")
        assert [(n, len(cells)) for n, cells in file.rows()] == expected
        fitting = [n for n, width in expected if width == 2]
        assert file.lines([0, 2]) == {k: fitting[k] for k in (0, 2) if k < len(fitting)}
        assert not file.lines([])
        other = [f"line {n}: {width} fields" for n, width in expected if width != 2]
        assert file.ragged() == (len(other), other[:5])
        assert file.quotes == any('"' in row for row in rows)


def test_ids_among_nulls_are_read_and_counted() -> None:
    [column] = [c for c in CONTRACT["transactions"] if c.name == "account_id"]
    for cells in (
        pa.array(["1.0", None, "2.0", "x"]),
        pa.array([1.0, None, 2.0]),
    ):
        problems = Problems("transactions")
        found = id_cells(cells, column, problems)
        assert found.wrong is None
        ids = [None if v is None else str(v) for v in pa.array(found.values).to_pylist()]
        assert ids == ["1", None, "2", "x"][: len(cells)]
        assert sum(problems.notes.values()) == 2


def test_cells_that_all_parse_have_no_mask() -> None:
    """Also where all are missing: nothing is wrong, and nothing is to be reported."""
    texts = {numbers: "1", dates: "2026-06-30", instants: "2026-06-30T09:00:00Z", booleans: "true"}
    for parse, text in texts.items():
        for cells in ([text, None], [None, None], []):
            found = parse(pa.array(cells, pa.string()), Formats())
            assert found.wrong is None
            known = [c is not None for c in cells]
            assert [v is not None for v in pa.array(found.values).to_pylist()] == known
        found = parse(pa.array([text, None, "x", " "]), Formats())
        assert found.wrong is not None
        assert found.wrong.tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("patterns", "days", "instant"),
    [
        (None, "ISO dates", "instants with a time zone"),
        (("%d.%m.%Y",), "dates written as '%d.%m.%Y'", "instants with a time zone"),
        (("%d.%m.%Y", "%Y-%m-%d %H:%M"), "dates written as '%d.%m.%Y' or '%Y-%m-%d %H:%M'",
         "instants written as '%Y-%m-%d %H:%M'"),
        (("%Y-%m-%d %I %p",), "dates written as '%Y-%m-%d %I %p'",
         "instants written as '%Y-%m-%d %I %p'"),
    ],
)  # fmt: skip
def test_patterns_with_a_time_are_for_instants_and_all_are_for_days(
    patterns: tuple[str, ...] | None, days: str, instant: str
) -> None:
    formats = Formats(dates=patterns, time_zone="Asia/Shanghai")
    assert dates(pa.array(["?"]), formats).expected.startswith(days)
    assert instants(pa.array(["?"]), formats).expected.startswith(instant)
    moment = dt.datetime(2026, 6, 30, 15, 0)
    for pattern in patterns or ("%Y-%m-%d %H:%M",):
        text = pa.array([moment.strftime(pattern)])
        assert pa.array(dates(text, formats).values).to_pylist() == [moment.date()]
        found = instants(text, formats).values.cast(pa.int64()).to_pylist()
        timed = "%H" in pattern or "%I" in pattern
        utc = moment - dt.timedelta(hours=8)
        expected = int(utc.replace(tzinfo=dt.UTC).timestamp()) * 10**6 if timed else None
        assert found == [expected]


@given(st.lists(st.none() | st.sampled_from(["Y", "n", " y ", "0", "x", ""]), max_size=4))
def test_booleans_go_by_the_stated_words(cells: list[str | None]) -> None:
    for formats, true, false in (
        (Formats(), ("true", "1"), ("false", "0")),
        (Formats(true=("Y",)), ("y",), ("false", "0")),
        (Formats(true=("Y",), false=("N", "X")), ("y",), ("n", "x")),
    ):
        found = booleans(pa.array(cells, pa.string()), formats)
        words = [(c or "").strip().lower() for c in cells]
        known = {w: w in true for w in (*true, *false)}
        assert found.values.to_pylist() == [known.get(w) for w in words]
        wrong = [bool(w) and w not in known for w in words]
        assert (found.wrong.tolist() if found.wrong is not None else [False] * len(wrong)) == wrong
        assert found.expected.lower() == f"{' or '.join(true)}, {' or '.join(false)}"
    typed = pa.array([True, None])
    assert booleans(typed, Formats()).values is typed
    assert booleans(pa.array([1, 0, 2]), Formats()).values.to_pylist() == [True, False, None]


@pytest.mark.parametrize(("decimal", "thousands"), [(None, None), (",", None), (",", "."),
                                                    (".", ","), (".", "'")])  # fmt: skip
def test_the_advice_for_numbers_names_the_marks(decimal: str | None, thousands: str | None) -> None:
    point = decimal or "."
    advice = numbers(pa.array(["x"]), Formats(decimal=decimal, thousands=thousands)).advice
    assert advice.startswith(f"read with decimal mark {point!r}")
    assert (f"and {thousands!r} between thousands" in advice) == (thousands is not None)
    other = {".": ",", ",": "."}[point]
    assert (f"state thousands = {other!r}" in advice) == (thousands is None)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.int64()])
def test_text_is_text_of_any_type(kind: Any) -> None:
    values = pa.array([1, 2]).cast(pa.string() if kind != pa.int64() else kind).cast(kind)
    assert is_text(values) == (kind != pa.int64())
    if kind != pa.string_view():
        assert is_text(values.dictionary_encode()) == (kind != pa.int64())
        assert as_text(values).to_pylist() == ["1", "2"]
