"""Identifiers: python-stdnum as the oracle, laws of check digits, published numbers."""

from __future__ import annotations

import datetime as dt
import random
import re
import string
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.quality import numbers, plain

from bankcrm.errors import DataError
from bankcrm.quality import check_identifiers, normalise_identifiers
from bankcrm.quality.identifiers.checksums import CREDIT_CODE, are_digits, are_in
from bankcrm.quality.identifiers.iban_layouts import LAYOUTS
from bankcrm.quality.identifiers.texts import texts_of
from bankcrm.vocabulary import IdentifierFault, IdentifierScheme

MADE = ("resident_id", "credit_code", "lei", "iban", "luhn")


def verdicts(values: list[str], scheme: str) -> list[bool]:
    return check_identifiers(values, scheme)["valid"].tolist()


@pytest.mark.parametrize("scheme", MADE)
def test_verdicts_equal_those_of_stdnum(scheme: str) -> None:
    pytest.importorskip("stdnum", reason="python-stdnum is not installed")
    import stdnum.iban
    import stdnum.lei
    import stdnum.luhn
    from stdnum.cn import ric, uscc

    oracle = {
        "resident_id": ric.is_valid,
        "credit_code": uscc.is_valid,
        "lei": stdnum.lei.is_valid,
        "iban": lambda n: stdnum.iban.is_valid(n, check_country=False),
        "luhn": stdnum.luhn.is_valid,
    }[scheme]
    values = numbers.mixed(scheme, 4_000, seed=7)
    found = check_identifiers(values, scheme)
    ours = found["valid"].tolist()
    # stdnum lets through offices that do not exist, residents' ids and an LEI of any length.
    lax = ["office", "resident_id", *(["length", "character"] if scheme == "lei" else [])]
    stricter = found["reason"].isin(lax).tolist()
    wrong = [
        (v, o) for v, o, s in zip(values, ours, stricter, strict=True) if not s and oracle(v) != o
    ]
    assert wrong == []
    assert 1_900 < sum(ours) < 2_500


def texts_like(scheme: str, rng: random.Random) -> list[str]:
    """Texts of a scheme, damaged more or less, in other letters, with separators, or made up."""
    marks = "09AZXxz86+1 -.()@[/:１日" + string.ascii_lowercase
    local = ["a", "b.c", "a..b", "x+y", "日", "a b", "", '"a"', "a@b"]
    domains = ["b.cn", "mail.b-c.cn", "-b.cn", "b-.cn", "b", "b.c", "b.xn--p1", "b.xn--", "b.c1"]
    domains += ["银行.中国", "b..cn", "b.cn.", "b_.cn", "b." + "c" * 250, "1.cn", "b.x-n"]
    made = []
    for _ in range(600):
        if scheme == "email":
            text = f"{rng.choice(local)}@{rng.choice(domains)}"
        elif scheme == "mobile":
            digits = "".join(rng.choices(string.digits, k=rng.choice([9, 9, 9, 8])))
            text = rng.choice(["", "86", "+86", "0086", "85", "+68", "0096"])
            text += rng.choice(["1", "1", "2"]) + rng.choice("23456789") + digits
        else:
            text = getattr(numbers, scheme)(rng)
        for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
            at = rng.randrange(len(text) + 1)
            text = text[:at] + rng.choice(marks) + text[at + rng.randrange(2) :]
        made.append(text)
    sizes = [0, 1, 2, 3, 4, 11, 13, 14, 15, 17, 18, 19, 20, 22, 32, 33]
    made += ["".join(rng.choices(marks[:6], k=rng.choice(sizes))) for _ in range(100)]
    made += ["".join(rng.choices("0123456789", k=rng.choice(sizes))) for _ in range(100)]
    return made


def signed_id(body: str) -> str:
    """A resident id of 17 digits with its check sign."""
    total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body))
    return body + "10X98765432"[total % 11]


def extremes(scheme: str) -> list[str]:
    """Every province, month and office, the first and last days, the longest texts."""
    if scheme == "resident_id":
        days = [f"2020{month:02d}{day:02d}" for month in range(14) for day in range(33)]
        days += ["18491231", "18500101", "19000229", "20000229", "20230229", "20240229"]
        days += ["20260101", "20260102"]
        ids = [signed_id(f"11010{5}{day}001") for day in days]
        ids += [signed_id(f"{n:02d}010519900101001") for n in range(100)]
        return ids + [i[:6] + i[8:17] for i in ids if i[6:8] in ("19", "20")]
    if scheme == "credit_code":
        bodies = [f"{a}{b}110105AAAAAAAAA" for a in numbers.CREDIT for b in numbers.CREDIT]
        values = (sum(numbers.CREDIT.index(c) * 3**i for i, c in enumerate(b)) for b in bodies)
        return [b + numbers.CREDIT[-v % 31] for b, v in zip(bodies, values, strict=True)]
    if scheme == "iban":
        return [f"{country}00{'0' * n}" for country in [*LAYOUTS, "ZZ"] for n in range(9, 31)]
    return [f"a@{'b' * n}.cn" for n in (248, 249, 250)] if scheme == "email" else []


@pytest.mark.parametrize("scheme", list(IdentifierScheme))
def test_faults_are_those_of_a_plain_check_of_each_text(scheme: str) -> None:
    values = [*texts_like(scheme, random.Random(11)), *extremes(scheme)]
    last = dt.date(2026, 1, 1)
    found = check_identifiers(values, scheme, as_of=last)
    wrong = []
    for value, valid, reason in zip(values, found["valid"], found["reason"], strict=True):
        text = plain.clean(value, scheme)
        expected = plain.fault(text, scheme, last)
        if not text:
            assert valid is pd.NA
        elif (valid, None if pd.isna(reason) else reason) != (expected is None, expected):
            wrong.append((value, reason, expected))
    assert wrong == []


def test_two_faults_of_stdnum() -> None:
    # python-stdnum raises KeyError: 'county' for the first and takes the second as a credit code.
    assert verdicts(["321119197310306324"], "resident_id") == [True]
    found = check_identifiers(["430407199312020025"], "credit_code")
    assert found["reason"].tolist() == ["office"]


def test_a_resident_id_is_no_credit_code() -> None:
    rng = random.Random(3)
    ids = [numbers.resident_id(rng) for _ in range(4_000)]
    found = check_identifiers([i for i in ids if i.startswith(("11", "51"))], "credit_code")
    assert not found["valid"].any()
    assert "resident_id" in set(found["reason"])


@pytest.mark.parametrize(
    ("number", "scheme"),
    [
        ("360426199101010071", "resident_id"),
        ("11010519491231002X", "resident_id"),
        ("11010519491231002x", "resident_id"),
        ("110105 19491231 002X", "resident_id"),
        ("１１０１０５１９４９１２３１００２Ｘ", "resident_id"),
        ("110105491231002", "resident_id"),
        ("91110000600037341L", "credit_code"),
        ("213800KUD8LAJWSQ9D15", "lei"),
        ("GB82WEST12345698765432", "iban"),
        ("GB82 WEST 1234 5698 7654 32", "iban"),
        ("4111 1111 1111 1111", "luhn"),
        ("79927398713", "luhn"),
        ("+86 138-0013-8000", "mobile"),
        ("13800138000", "mobile"),
        ("a.b+c@mail.example.cn", "email"),
    ],
)
def test_published_numbers(number: str, scheme: str) -> None:
    assert verdicts([number], scheme) == [True]


@pytest.mark.parametrize(
    ("number", "scheme", "reason"),
    [
        ("1101051949123100", "resident_id", "length"),
        ("11010519491231O02X", "resident_id", "character"),
        ("990105194912310024", "resident_id", "region"),
        ("110105190002290023", "resident_id", "date"),
        ("110105194912310021", "resident_id", "check_digit"),
        ("91110000600037341I", "credit_code", "character"),
        ("91110000600037341M", "credit_code", "check_digit"),
        ("41110000600037341L", "credit_code", "check_digit"),
        ("213800KUD8LAJWSQ9D16", "lei", "check_digit"),
        ("213800KUD8LAJWSQ9DAA", "lei", "character"),
        ("ZZ82WEST12345698765432", "iban", "country"),
        ("GB82WEST1234569876543", "iban", "length"),
        ("GB82123412345698765432", "iban", "character"),
        ("4111111111111112", "luhn", "check_digit"),
        ("12800138000", "mobile", "range"),
        ("8513800138000", "mobile", "country"),
        ("1380013800", "mobile", "length"),
        ("a@b", "email", "shape"),
        ("a@b@c.cn", "email", "shape"),
        ("a..b@c.cn", "email", "shape"),
        ("日" * 18, "resident_id", "character"),
        ("日", "luhn", "character"),
    ],
)
def test_each_reason(number: str, scheme: str, reason: str) -> None:
    assert check_identifiers([number], scheme)["reason"].tolist() == [reason]


@given(st.integers(0, 10**9), st.sampled_from(MADE), st.data())
def test_one_wrong_character_is_always_found(seed: int, scheme: str, data: st.DataObject) -> None:
    number = getattr(numbers, scheme)(random.Random(seed))
    at = data.draw(st.integers(0, len(number) - 1))
    alphabet = string.digits if number[at].isdigit() else string.ascii_uppercase
    other = data.draw(st.sampled_from([c for c in alphabet if c != number[at]]))
    assert verdicts([number, number[:at] + other + number[at + 1 :]], scheme) == [True, False]


@given(st.integers(0, 10**9))
def test_both_forms_of_a_resident_id_are_equal(seed: int) -> None:
    number = numbers.resident_id(random.Random(seed))
    if number[6:8] == "19":
        both = normalise_identifiers([number, number[:6] + number[8:17]], "resident_id")
        assert both.tolist() == [number, number]


@settings(max_examples=12)
@given(
    st.lists(st.one_of(st.none(), st.text(max_size=24)), max_size=8),
    st.sampled_from(list(IdentifierScheme)),
)
def test_any_text_has_a_verdict_or_is_blank(values: list[str | None], scheme: str) -> None:
    found = check_identifiers(pd.Series(values, dtype=object), scheme)
    assert len(found) == len(values)
    normal = normalise_identifiers(pd.Series(values, dtype=object), scheme)
    assert check_identifiers(normal, scheme)["valid"].equals(found["valid"].where(found["valid"]))
    for value, valid, reason, form in zip(
        values, found["valid"], found["reason"], normal, strict=True
    ):
        if valid is pd.NA:
            assert not re.sub(r"[\s.()\-\x1c-\x1f]", "", unicodedata.normalize("NFKC", value or ""))
            assert form != form
        elif valid:
            assert reason != reason
            assert form == form
        else:
            assert reason in set(IdentifierFault)
            assert form != form


def test_alone_and_among_others_are_equal() -> None:
    values = [*numbers.mixed("resident_id", 60, seed=1), "110105491231002", "", "x"]
    together = check_identifiers(values, "resident_id")
    alone = pd.concat([check_identifiers([v], "resident_id") for v in values], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)


def test_every_text_dtype() -> None:
    plain = ["13800138000", None, "x"]
    for dtype in ("object", "string", "str", "category", "string[pyarrow]"):
        found = check_identifiers(pd.Series(plain, dtype=dtype, index=[5, 6, 7]), "mobile")
        assert found["valid"].isna().tolist() == [False, True, False]
        assert found.index.tolist() == [5, 6, 7]
    part = pd.Series(plain * 3, dtype="string[pyarrow]").iloc[3:7]
    assert check_identifiers(part, "mobile")["valid"].fillna(False).tolist() == [
        True,
        False,
        False,
        True,
    ]


def test_born_after_the_day() -> None:
    found = check_identifiers(["11010519491231002X"], "resident_id", as_of=dt.date(1949, 12, 30))
    assert found["reason"].tolist() == ["date"]


def test_errors_show_no_value() -> None:
    with pytest.raises(DataError, match="expected text") as error:
        check_identifiers([13800138000], "mobile")
    assert "138" not in str(error.value)
    with pytest.raises(DataError, match="no IdentifierScheme 'passport'"):
        check_identifiers(["x"], "passport")
    with pytest.raises(DataError, match="no Unicode text"):
        check_identifiers(["MARKER\ud800"], "mobile")


def test_categories_of_numbers_are_refused_as_numbers_are() -> None:
    """With a null among them as well: numbers have lost their leading zeros."""
    for values in ([1, None], [1, 2], [1.5, None]):
        with pytest.raises(DataError, match="read the column as text"):
            check_identifiers(pd.Series(pd.Categorical(values)), "iban")


def each(scheme: str, values: list[str], last: dt.date | None = None) -> None:
    """The verdict on each text is that of the plain check."""
    found = check_identifiers(values, scheme, as_of=last)["reason"]
    wanted = [plain.fault(v, scheme, last or dt.date.max) for v in values]
    assert [None if pd.isna(f) else f for f in found] == wanted


def test_every_province_and_day() -> None:
    each("resident_id", extremes("resident_id"))


def test_every_office() -> None:
    each("credit_code", extremes("credit_code"))


def test_every_country_and_length() -> None:
    each("iban", [*extremes("iban"), "DE1", "DE12", "DE123", "ZZ12", "AD12"])


def test_every_length_of_a_card_and_of_a_telephone_number() -> None:
    each("luhn", ["0" * n for n in range(1, 36)])
    numbers_of = ["13812345678", "03812345678", "12812345678", "19999999999", "1381234567"]
    each("mobile", [p + n for p in ("", "1", "86", "+86", "0086", "+085") for n in numbers_of])


def test_the_longest_mail_address() -> None:
    each("email", [*extremes("email"), "a@b.cn", "a@b.c", "a@b.xn--p", "a@b.xn--", "a@1.cn"])


def test_digits_are_no_other_byte() -> None:
    every = np.arange(256, dtype=np.uint8)
    digits = [chr(b) in string.digits for b in every]
    assert are_digits(every[None, :]).tolist() == digits
    for byte in every:
        alone = np.array([[48, 57], [byte, byte]], np.uint8)
        assert are_digits(alone).tolist() == [digits[byte]] * 2
    assert are_digits(np.empty((0, 2), np.uint8)).tolist() == [True, True]
    assert are_in(every[None, :], CREDIT_CODE).tolist() == [chr(b) in CREDIT_CODE for b in every]


@pytest.mark.parametrize("scheme", list(IdentifierScheme))
def test_a_text_alone_has_the_verdict_that_it_has_among_others(scheme: str) -> None:
    """Whatever bytes the other texts of the column have."""
    values = [*texts_like(scheme, random.Random(12))[:40], "---", " ", "a", "z", "{", "A1", "日"]
    together = check_identifiers(values, scheme)
    alone = pd.concat([check_identifiers([v], scheme) for v in values], ignore_index=True)
    pd.testing.assert_frame_equal(together, alone)
    forms = [normalise_identifiers([v], scheme).iloc[0] for v in values]
    pd.testing.assert_series_equal(
        normalise_identifiers(values, scheme), pd.Series(forms, dtype="str")
    )


def test_normal_forms() -> None:
    index = pd.Index([5, 6, 7])
    for scheme, values, forms in (
        ("luhn", ["378282246310005", "4111-1111 11111111", "1"], ["378282246310005",
                                                                  "4111111111111111", None]),
        ("resident_id", ["110105491231002", "110105 19491231 002x", "110105491231"],
         ["11010519491231002X"] * 2 + [None]),
        ("mobile", ["+86 (138) 0013-8000", "008613800138000", None], ["13800138000"] * 2 + [None]),
        ("email", [" A.b@C.CN ", "a@b", ""], ["a.b@c.cn", None, None]),
        ("iban", ["gb82.WEST-1234 5698765432", "GB82", None], ["GB82WEST12345698765432", None,
                                                               None]),
    ):  # fmt: skip
        found = normalise_identifiers(pd.Series(values, index=index, dtype=object), scheme)
        pd.testing.assert_series_equal(found, pd.Series(forms, index=index, dtype="str"))


def test_what_is_under_a_null_of_arrow_is_no_text() -> None:
    """An array of Arrow may hold any bytes under a null."""
    known = pa.array([True, False, True])
    under = pa.LargeStringArray.from_buffers(
        3, pa.array([0, 3, 6, 9], pa.int64()).buffers()[1], pa.py_buffer(b"abcdefghi"),
        known.buffers()[1],
    )  # fmt: skip
    found = texts_of(pd.Series(pd.array(under, dtype=pd.ArrowDtype(pa.large_string()))))
    assert found.null.tolist() == [False, True, False]
    assert found.length.tolist() == [3, 0, 3]
    assert found.of_width(3).tolist() == [0, 2]
    assert found.array.to_pylist() == ["ABC", None, "GHI"]
    mixed = texts_of(pd.Series(["é", None, "", "a"], dtype=object))
    assert mixed.ascii.tolist() == [False, True, True, True]
    assert mixed.null.tolist() == [False, True, True, False]
    assert [a.dtype for a in (mixed.ascii, mixed.null, mixed.length)] == [bool, bool, np.int64]
