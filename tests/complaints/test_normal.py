"""The normal form of texts: one and many, the numbers in them, their places; the keys of a text."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.complaints import read_lexicon
from bankcrm.complaints.lexicon.anchors import keys, needs
from bankcrm.complaints.lexicon.normal import _Table, normal, normal_many, positions

LETTERS = " \t\u3000,，0123459１盗刷唔帳aＡé_.\u00ad\u2019①㈱ﬁ\uffff\U0001d7d9\U00020000"
letters = st.text(LETTERS, max_size=12)
numbers = st.integers(0, 10**6).map(str) | st.integers(1, 9999999).map("{:,}".format)
texts = st.lists(letters | numbers, max_size=5).map("".join)


@given(st.lists(texts, min_size=1, max_size=9))
@example(["盗 刷", " 盗", "盗 ", "", "1,234", ",123", "1", "234", "12 34"])
@example(["1234", "5678", "199", "2024", "\U000200001 2", "2,024"])
@example([" 盗", "刷"])
@example(["盗", "刷 "])
@example(["盗 刷"])
@example(["\u3400 盗 \u9fff 刷 \u33ff 盗 \ua000 刷"])
@example(["\U00010000 \uffff"])
@example(["1,a34 1,2a4 1,23a 1,234 a,234 1,23: :,234 1,/34", "1,2", "34"])
@example(["1234: :1234 /1234/ 12345 1234"])
@example(["a\x00b", "1 2"])
def test_many_texts_have_the_normal_forms_of_each(many: list[str]) -> None:
    assert normal_many(many) == [normal(text) for text in many]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("999 1000 1999 2000 2099", "999 1000 1999 2000 2099"),  # no more than an age, or a year
        ("2100 0999 3456", "0000 0000 0000"),
        ("11999 12000 12999 13000 123456", "00000 12000 12999 00000 000000"),  # hotlines
        ("19991 20,991", "00000 00000"),
        ("1,234,567 1,23 12,3456 a,123", "0000000 1,23 000000 a,123"),
        ("盗 \t\u3000刷 a 盗 1", "盗刷 a 盗 1"),
        ("ＡB\u2019s ﬁ ①", "ab's fi 1"),
        ("盜\u00ad刷 唔帳", "盗刷不账"),
    ],
)
def test_what_says_nothing_is_left_out(text: str, expected: str) -> None:
    assert normal(text) == expected
    assert normal_many([text, text]) == [expected] * 2


def test_a_character_has_the_same_form_whenever_it_is_first_read() -> None:
    for text, form in (("盜\u00ad刷", "盗刷"), ("ＡB\u2019", "ab'"), ("㈱", "(株)")):
        assert text.translate(_Table()) == form


@given(texts)
def test_each_character_of_the_normal_form_has_a_place_in_the_text(text: str) -> None:
    places, form = positions(text), normal(text)
    assert len(places) == len(form) + 1
    assert places[-1] == len(text)
    assert places == sorted(places)
    for place, char in zip(places, form, strict=False):
        assert char in normal(text[place]) or (char == "0" and normal(text[place]).isdigit())


@given(texts, st.sets(st.text("a01盗刷账 ", max_size=3)))
def test_the_keys_of_a_text_are_beginnings_of_words_and_pairs_of_characters(
    text: str, known: set[str]
) -> None:
    text = normal(text)
    words, runs = re.findall("[a-z0-9_]+", text), re.findall("[0-9\u3400-\u9fff]+", text)
    expected = {
        key
        for key in known
        if any(word.startswith(key) or word + " " == key for word in words)
        or any(key in run and len(key) < 3 for run in runs)
    }
    assert keys(text, known) - {""} == expected - {""}
    assert "" in keys(text, known)


words = st.text("0159_az\u3400\u9fff盗", min_size=1, max_size=4) | st.sampled_from(
    ["zazazaz", "zazazaza", "azazazaz9", "zazazazb"]
)
spoken = st.text("0159_az \u3400\u9fff盗", max_size=12) | st.lists(words, max_size=3).map(" ".join)


@given(st.lists(words, unique=True, max_size=4), st.lists(words, unique=True, max_size=4),
       st.lists(spoken, min_size=1, max_size=6), st.sampled_from([1, 90]))  # fmt: skip
def test_terms_of_any_lexicon_are_found_whatever_their_keys(
    english: list[str], chinese: list[str], texts: list[str], times: int
) -> None:
    """One text and many, by the search of each term in each text of its language."""
    terms = f"terms_en = {json.dumps(english)}\nterms_zh = {json.dumps(chinese)}\n"
    own = read_lexicon(f'[[entries]]\nfield = "signal"\nlabel = "repeat"\n{terms}')
    known = [t for e in own.entries for name in e.patterns for t in getattr(e, name).terms]
    expected = [
        any(
            term.regex.search(normal(text))
            for term in known
            if re.search("[\u3400-\u9fff]" if term.chinese else "[a-z]", normal(text))
        )
        for text in texts
    ]
    assert [own.read(text)["repeat"] for text in texts] == expected
    many = pd.Series(
        [f"{text} a{i}" if times > 1 else text for i in range(times) for text in texts]
    )
    if times == 1:
        assert own(many)["repeat"].tolist() == expected
    else:
        assert own(many)["repeat"].tolist() == [own.read(text)["repeat"] for text in many]


RAREST = [
    ("银行额度", "行额"),  # a pair is rarer than one character, and 银行 is common
    ("的额", "的额"),
    ("[a-z]额", "额"),
    (r"\bcall fraudsters\b", "fraudst"),  # the longest beginning
    (r"\bcall scams\b", "scams "),
    (r"\bthe card\b", "card "),
    (r"\bthe 额", "额"),
    (r"\b15 abc\b", "15"),  # two digits are rarer than three letters
    (r"\bzzz额", "zzz"),  # one character is rarer than two letters, but not than three
    (r"\bzz额", "额"),
    ("\\bzz\u3400", "\u3400"),
    (r"\bzzzzz额度", "zzzzz"),  # and two are rarer than four, but not than five
    (r"\bzzzz额度", "额度"),
    (r"\baccount 额\b", "额"),  # words of complaints are common, and the longest of them
    (r"\bmy z", "my "),
    (r"a?(bb)?额", "额"),
    (r"\bx\.yy\b", "yy "),
]


def test_the_rarest_key_of_an_expression_is_needed() -> None:
    for expression, key in RAREST:
        [found] = needs([expression])
        assert found[0] == {key}, expression


GAP = "[^.]{0,9}"


def sets_of(expression: str) -> list[set[str]]:
    [found] = needs([expression])
    return [set(need) for need in found]


def test_the_five_rarest_sets_of_keys_of_an_expression_are_needed() -> None:
    words = [r"\bq\b", r"\bqqqq\b", r"\bqq\b", r"\bqqq\b", "行额", "额"]
    expected = [{"qqqq "}, {"行额"}, {"qqq "}, {"qq "}, {"额"}]
    assert sets_of(GAP.join(words)) == expected
    assert sets_of(r"(\bqq\b|行额)") == [{"qq ", "行额"}]
    assert sets_of(rf"(行额{GAP}\bqqq\b|行额{GAP}额)") == [{"行额"}, {"qqq ", "额"}]
    assert sets_of("(行额)?(额|行)*q?") == []  # the empty text matches
    assert sets_of("(行额){2}") == sets_of("(行额)+") == [{"行额"}]
    assert sets_of("(行额){0,2}") == sets_of("(行额)*") == []


@pytest.mark.parametrize(("many", "kept"), [(299, True), (301, False)])
def test_a_set_that_nearly_every_text_meets_is_not_needed(many: int, kept: bool) -> None:
    """Beside a rarer one: then it would only cost time."""
    characters = [chr(0x5000 + i) for i in range(many)]
    found = sets_of(f"({'|'.join(characters)}){GAP}" + r"\bqqqq\b")
    assert found == [{"qqqq "}, *([set(characters)] if kept else [])]
    assert sets_of(f"({'|'.join(characters)})") == [set(characters)]


@pytest.mark.parametrize(
    ("first", "second", "joined"), [("abcde", "mnopqr", True), ("abcd", "mnopqrst", False)]
)
def test_words_of_few_parts_are_keys_as_a_whole(first: str, second: str, joined: bool) -> None:
    found = sets_of(rf"\bz({'|'.join(first)})({'|'.join(second)})\b")
    if joined:
        assert found == [{f"z{a}{b} " for a in first for b in second}]
    else:
        assert found == [{f"z{a}" for a in first}]
    many = [a + b for a in "abcd" for b in "mnopqrst"]  # more than two parts may make
    assert sets_of(rf"\bz({'|'.join(many)})") == [{f"z{a}" for a in many}]
