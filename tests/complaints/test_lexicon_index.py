"""The index of a lexicon: what it finds by arithmetic on all characters is what a loop finds."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from bankcrm.complaints import default_lexicon
from bankcrm.complaints.lexicon.anchors import LONGEST, keys
from bankcrm.complaints.lexicon.index import Index, KeyCodes, tokens
from bankcrm.complaints.lexicon.matching import Pattern, Term, View

WORD, WIDE = "[a-z0-9_]+", "[0-9\u3400-\u9fff]"
CHARACTERS = "az_059/:`{ \u3400\u9fff\u33ff\ua000盗刷\u0100\u017f\uffff\U00010030\U00020000"
word = st.text("az_059", min_size=1, max_size=LONGEST + 2)
texts = st.lists(
    st.lists(st.text(CHARACTERS, max_size=9) | word, max_size=5).map("".join), max_size=6
)
known = st.lists(
    st.text("az_059", min_size=1, max_size=LONGEST)
    | st.text("az_059", min_size=1, max_size=LONGEST - 1).map("{} ".format)
    | st.text("059\u3400\u9fff盗刷", min_size=1, max_size=2),
    unique=True,
    max_size=12,
)


def pieces(text: str) -> tuple[list[str], list[str]]:
    """The words of a text, and each character that is no letter, with the one after it."""
    wide = re.finditer(WIDE, text)
    return re.findall(WORD, text), [f"{text}\0"[m.start() : m.start() + 2] for m in wide]


@given(texts)
@example([])
@example(
    ["azazaza azazazaz azazazazz azazazz azazaz", "盗刷 盗 5 盗", "\u33ff\ua000/:`{", "", "5盗"]
)
def test_each_word_and_each_character_has_its_code(many: list[str]) -> None:
    words, wide = zip(*map(pieces, many), strict=True) if many else ((), ())
    names = [w[:LONGEST] for some in words for w in some] + [w for some in wide for w in some]
    rows = [r for several in (words, wide) for r, some in enumerate(several) for _ in some]
    code, row = tokens(many)
    assert row.tolist() == rows
    count = sum(map(len, words))
    marked = [f"{i < count}{name}" for i, name in enumerate(names)]  # no word is a character
    assert (
        pd.factorize(code)[0].tolist() == pd.factorize(np.array(marked, dtype=object))[0].tolist()
    )


@given(texts, known)
@example(
    ["azazaza azazazaz azazaz az 5 59 599 盗刷 盗盗"], ["azazaza", "az ", "5", "59", "盗", "盗刷"]
)
def test_the_keys_of_many_texts_are_those_of_each(many: list[str], some: list[str]) -> None:
    code, row = tokens(many)
    token, key = KeyCodes.of(some).held(code)
    found = {(int(row[t]), some[k]) for t, k in zip(token, key, strict=True)}
    assert found == {(r, k) for r, text in enumerate(many) for k in keys(text, {*some}) - {""}}


TERMS = st.text("az5盗刷 ", min_size=1, max_size=5) | st.sampled_from(
    ["盗~刷", "az~za", "(a|z)za~(盗刷|5a)", "[az]+", "刷{2,3}", "a ?(za)?", "zazaza~za~az"]
)
entries = st.lists(
    st.tuples(st.lists(TERMS, max_size=3), st.lists(TERMS, max_size=3)), min_size=1, max_size=4
)
spoken = st.lists(st.text("az5盗刷 ", max_size=12), min_size=1, max_size=8)


def spoken_in(term: Term, text: str) -> bool:
    return bool(re.search("[\u3400-\u9fff]" if term.chinese else "[a-z]", text))


@given(entries, spoken, st.sampled_from([1, 450]))
def test_the_terms_of_many_texts_are_those_of_each(
    lists: list[tuple[list[str], list[str]]], many: list[str], times: int
) -> None:
    """Which may occur, which occur, and which texts hold a first key: also by Arrow's scanner."""
    patterns = [
        [
            Pattern.of(
                (t.replace("~", ".{0,9}") for t in one), (t.replace("~", ".{0,9}") for t in two)
            )
        ]
        for one, two in lists
    ]
    index = Index.of(patterns)
    known = frozenset(k for t in index.terms for need in t.needs for k in need)
    possible, occurs, begun = [], [], []
    for text in many:
        view = View(text, keys(text, known))
        by_entry = [[t for t in p.terms if spoken_in(t, text)] for [p] in patterns]
        possible.append([any(t.possible(view.keys) for t in terms) for terms in by_entry])
        occurs.append([any(t.regex.search(text) for t in terms) for terms in by_entry])
        begun.append(any(not t.needs or t.needs[0] & view.keys for t in index.terms))
        tried = {
            i for i, t in enumerate(index.terms) if t.possible(view.keys) and spoken_in(t, text)
        }
        assert index.possible(view) == tried
        assert index.occurring(view) == {i for i, found in enumerate(occurs[-1]) if found}
    assert index.possible_many(many).tolist() == possible
    assert index.matches(many * times).tolist() == occurs * times
    assert index.begun(many).tolist() == begun


def test_the_default_lexicon_tries_each_term_that_may_occur() -> None:
    """With so many terms some share a bit: a few too many may be tried, but none is left out."""
    entries = default_lexicon().entries
    words = [t for e in entries for t in (*e.terms_en, *e.terms_zh, *e.sure_en, *e.across_zh)][::20]
    many = [re.sub(r"[^a-z0-9\u3400-\u9fff ]+", " ", w).strip() for w in words]
    index = Index.of([(e.sure, e.terms) for e in entries])
    known = frozenset(k for t in index.terms for need in t.needs for k in need)
    expected = np.zeros((len(many), len(entries)), dtype=np.bool_)
    for row, text in enumerate(many):
        held = keys(text, known)
        for term, owner in zip(index.terms, index.owners, strict=True):
            if term.possible(held) and spoken_in(term, text):
                expected[row, owner] = True
    found = index.possible_many(many)
    assert expected.sum() > len(many) / 2
    assert found[expected].all()
    assert (found & ~expected).sum() < expected.sum()
