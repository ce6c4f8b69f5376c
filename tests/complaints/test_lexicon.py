"""The lexicon: hits, negation, both languages, and the fast path against the slow one."""

from __future__ import annotations

import importlib.resources
import re

import attrs
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.complaints import SIGNALS, Lexicon, default_lexicon, read_lexicon
from bankcrm.complaints.lexicon.terms import Negation
from bankcrm.errors import DataError, PolicyError

LEXICON = default_lexicon()
PLAIN = re.compile("[a-z' ]+|[\u3400-\u9fff]+")
PIECES = [
    *(t for e in LEXICON.entries for t in (*e.terms_en, *e.terms_zh) if PLAIN.fullmatch(t)),
    *LEXICON.english.words,
    *LEXICON.english.except_,
    *LEXICON.chinese.words,
    *LEXICON.chinese.except_,
    *[
        " ",
        ",",
        "。",
        "，",
        "but",
        "但是",
        "银行",
        "the bank",
        "my",
        "\n",
        "(",
        "’",
        "if",
        "如果",
        "朋友",
    ],
    *[
        "a friend",
        "someone",
        "account",
        "有人",
        "账户",
        "帳戶",
        "1,234",
        "20240131",
        "12378",
        "\u00ad",
    ],
]
texts = st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
    lambda parts: st.sampled_from(["", " "]).map(lambda s: s.join(parts))
)


def signals(text: str) -> set[str]:
    row = LEXICON(pd.Series([text])).iloc[0]
    return {name for name in SIGNALS if row[name]}


@settings(max_examples=10)
@given(st.lists(texts, min_size=21, max_size=30, unique=True))
def test_the_scanner_reads_what_the_spans_show(many: list[str]) -> None:
    read = LEXICON(pd.Series(many))
    for text, row in zip(many, read[list(SIGNALS)].to_numpy(), strict=True):
        shown = {s.label for s in LEXICON.find(text) if s.field == "signal" and not s.negated}
        assert (
            {name for name, hit in zip(SIGNALS, row, strict=True) if hit} == shown == signals(text)
        )


@given(st.lists(st.one_of(st.none(), texts), max_size=8))
def test_every_row_is_read_like_a_text_of_its_own(many: list[str | None]) -> None:
    read = LEXICON(pd.Series(many, dtype=object))
    for text, row in zip(many, read[list(SIGNALS)].to_numpy(), strict=True):
        found = {name for name, hit in zip(SIGNALS, row, strict=True) if hit}
        assert found == (set() if text is None else signals(text))


@given(texts)
def test_one_text_is_read_like_a_row_of_many(text: str) -> None:
    row = LEXICON(pd.Series([text])).astype(object).iloc[0]
    one = LEXICON.read(text)
    assert list(one) == list(row.index)
    assert {n: v for n, v in one.items() if v is not None} == row.dropna().to_dict()


@given(texts)
def test_spans_are_the_texts_own_words(text: str) -> None:
    for span in LEXICON.find(text):
        assert text[span.start : span.end] == span.words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("我的信用卡被盗刷了", {"funds_safety"}),
        ("没有被盗刷，只想问问", set()),
        ("不是诈骗", set()),
        ("不仅被骗，还泄露隐私", {"funds_safety", "data_leak"}),
        ("未经同意泄露我的信息", {"data_leak"}),
        ("没有人管，我要起诉", {"legal_threat"}),
        ("My card was stolen", {"funds_safety"}),
        ("There was no fraud on my account", set()),
        ("not only fraud", {"funds_safety"}),
        ("I am not happy. This is fraud", {"funds_safety"}),
        ("It isn't a scam but I will sue you", {"legal_threat"}),
        ("courtesy", set()),
        ("discriminatory", {"discrimination"}),
        ("他们DISCRIMINATE我", {"discrimination"}),
        ("老人被骗，记者已经知道", {"vulnerable", "funds_safety", "media_threat"}),
        ("银保监转办", {"regulator"}),
        ("", set()),
    ],
)
def test_examples(text: str, found: set[str]) -> None:
    assert signals(text) == found


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("请问如何办理转账", "consultation"),
        ("建议增加周末窗口", "suggestion"),
        ("请问为什么乱收费", "complaint"),
        ("请问被盗刷怎么办", "complaint"),
        ("How do I open an account", "consultation"),
        ("今天天气好", None),
    ],
)
def test_kinds(text: str, kind: str | None) -> None:
    told = LEXICON(pd.Series([text]))["kind"].iloc[0]
    assert (None if pd.isna(told) else told) == kind


def test_causes_and_empty_input() -> None:
    assert LEXICON(pd.Series(["手续费太高"]))["cause"].tolist() == ["pricing_fees"]
    empty = LEXICON(pd.Series([], dtype=object))
    assert len(empty) == 0
    assert set(SIGNALS) < set(empty.columns)


def test_a_small_lexicon_of_ones_own() -> None:
    own = read_lexicon('[[entries]]\nfield = "signal"\nlabel = "repeat"\nterms_en = ["twice"]\n')
    read = own(pd.Series(["not twice", "once"]))
    assert read["repeat"].tolist() == [True, False]  # no negation is told, so none is read
    assert read["kind"].isna().all()


def test_a_lexicon_of_ones_own_says_no_in_its_own_way() -> None:
    own = read_lexicon("""
        [negation.en]
        words = ["no"]
        except = ["no doubt"]
        reach = 1
        [negation.zh]
        words = ["没"]
        reach = 2
        [[entries]]
        field = "signal"
        label = "repeat"
        terms_en = ["twice"]
        terms_zh = ["再次"]
        """)
    assert own.english == Negation(("no",), ("no doubt",), 1)
    assert own.chinese == Negation(("没",), (), 2)
    texts = ["no twice", "no, twice", "no way twice", "no doubt twice", "没有再次", "没有人再次"]
    read = own(pd.Series(texts))
    assert read["repeat"].tolist() == [False, True, True, True, False, True]
    bare = read_lexicon('[negation.en]\nwords = ["no"]\n')
    assert bare.entries == ()
    assert bare.chinese == Negation(())


def test_named_words_context_and_terms_across_clauses() -> None:
    own = read_lexicon("""
        [words.en]
        pay = ["pay", "give"]
        [[entries]]
        field = "signal"
        label = "repeat"
        terms_en = ["{pay}~back"]
        across_en = ["first~second"]
        context_en = ["for(got|get) it"]
        """)
    read = own(pd.Series(["give it back", "pay. back", "first. second", "pay back, forget it"]))
    assert read["repeat"].tolist() == [True, False, True, False]
    assert [(s.rule, s.by) for s in own.find("pay back, forget it")] == [("context", "forget it")]
    assert [s.rule for s in own.find("at first. Then a second")] == ["across"]


RULES = read_lexicon("""
    [negation.en]
    words = ["no"]
    reach = 2
    [[entries]]
    field = "signal"
    label = "repeat"
    terms_en = ["pay"]
    sure_en = ["surely"]
    except_en = ["pay desk"]
    unless_en = ["fine"]
    context_en = ["forget"]
    """)
PARTS = ["pay", "pay", "surely", "pay desk", "fine", "forget", "no", "no", "x", "desk", ",", "."]
sentences = st.lists(st.sampled_from(PARTS), max_size=9).map(" ".join)


def counted(text: str) -> list[str]:
    """The words that count, by the rules of the small lexicon, word by word."""
    found, clauses = [], [clause.split() for clause in re.split("[,.]", text)]
    for clause in clauses:
        words = " ".join(clause).replace("pay desk", "#").split()
        for place, word in enumerate(words):
            denied = "no" in words[max(place - 2, 0) : place]
            if word == "surely" or (word == "pay" and not denied and "fine" not in words):
                found.append(word)
        for place, word in enumerate(clause):
            if word == "forget" and "no" not in clause[max(place - 2, 0) : place]:
                return []
    return found


@given(st.lists(sentences, min_size=1, max_size=30, unique=True))
@example(["no x x pay", "no forget , pay", "forget . pay", "fine pay , pay", "no pay desk pay"])
def test_terms_count_by_the_rules_of_a_small_lexicon(many: list[str]) -> None:
    """Alone, among many, and as spans: sure, negated, hidden, blocked, or without their context."""
    expected = [counted(text) for text in many]
    assert RULES(pd.Series(many))["repeat"].tolist() == [bool(found) for found in expected]
    for text, found in zip(many, expected, strict=True):
        assert RULES.read(text)["repeat"] is bool(found)
        spans = RULES.find(text)
        assert [s.words for s in spans if not s.negated] == found
        assert all(s.words in ("pay", "surely") for s in spans)
        assert {s.rule for s in spans if s.words == "surely"} <= {"sure", "context"}


THROUGH = read_lexicon("""
    [negation.en]
    words = ["no", "not", "n't", "no longer"]
    except = ["no doubt"]
    through = ["any", "a kind of", "is"]
    [negation.zh]
    words = ["不", "不是", "没"]
    except = ["不但"]
    through = ["被", "想要"]
    [[entries]]
    field = "signal"
    label = "repeat"
    terms_en = ["pay"]
    terms_zh = ["付款"]
    """)
ENGLISH = [
    "no",
    "not",
    "isn't",
    "any",
    "a kind of",
    "no doubt",
    "no longer",
    "but",
    "x",
    "know",
    "many",
]
CHINESE = ["不", "不是", "没", "被", "想要", "不但", "但", "人", "是", "要"]


def denials(words: list[str], negations: dict[str, str], through: set[str]) -> list[str]:
    """The negations that stand before a term, the nearest first; other words end their reach."""
    found = []
    for word in reversed(words):
        if word in negations:
            found.append(negations[word])
        elif word not in through:
            break
    return found


@given(st.lists(st.sampled_from(ENGLISH), max_size=6))
@example(["not", "isn't", "no"])
@example(["x", "no longer", "a kind of", "any"])
def test_negations_reach_a_term_through_some_words_alone(before: list[str]) -> None:
    negations = {"no": "no", "not": "not", "isn't": "n't", "no longer": "no longer"}
    found = denials(before, negations, {"any", "a kind of"})
    text = " ".join([*before, "pay"])
    [span] = THROUGH.find(text)
    assert (span.rule, span.by) == (("negated", found[0]) if len(found) % 2 else ("term", ""))
    assert THROUGH(pd.Series([text] * 30))["repeat"].tolist() == [len(found) % 2 == 0] * 30


@given(st.lists(st.sampled_from(CHINESE), max_size=5))
@example(["人", "不是", "被"])
@example(["没", "想要", "不"])
def test_negations_in_chinese_reach_a_term_through_some_characters_alone(parts: list[str]) -> None:
    text = "".join(parts)
    words = re.findall("不但|但|不是|不|没|被|想要|.", text)
    words = words[len(words) - 1 - words[::-1].index("但") + 1 :] if "但" in words else words
    words = re.findall("不但|不是|不|没|被|想要|.", "".join(words))
    found = denials(words, {w: w for w in ("不", "不是", "没")}, {"被", "想要"})
    [span] = THROUGH.find(text + "付款")
    assert (span.rule, span.by) == (("negated", found[0]) if len(found) % 2 else ("term", ""))


@pytest.mark.parametrize(("distance", "near"), [(60, True), (61, False)])
def test_what_blocks_a_term_is_looked_for_sixty_characters_around_it(
    distance: int, near: bool
) -> None:
    gap = " " + "x" * (distance - 6) + " "  # between "fine" and the term
    for text in (f"fine{gap}pay", f"y fine{gap}pay", f"pay{gap}fine", f"pay{gap}fine y"):
        rules = [s.rule for s in RULES.find(text)]
        assert rules == ["blocked" if near else "term"], text
    negated = read_lexicon(
        '[negation.en]\nwords = ["no"]\nthrough = ["x"]\n'
        '[[entries]]\nfield = "signal"\nlabel = "repeat"\nterms_en = ["pay"]\n'
    )
    steps = " x" * ((distance - 3) // 2) + " " * (distance % 2)
    [span] = negated.find(f"no{steps} pay")
    assert span.negated == near


def test_terms_of_any_form_are_found_alone_and_in_a_batch() -> None:
    """Also terms and negations without a letter that is known beforehand."""
    own = read_lexicon("""
        [negation.en]
        words = ["??"]
        [[entries]]
        field = "signal"
        label = "repeat"
        terms_en = ["[a-z]*ly", "(re)?(open|close)(s|d)?", "a/c [0-9]{2}", "q\\\\(x\\\\)y", "x.z",
            "((un)?|re)lock"]
        terms_zh = ["[一二]+次", "(再|又)?(来|去)了", "app打不开"]
        """)
    yes = [
        "they gladly",
        "reopens it",
        "lock it",
        "unlock it",
        "relock it",
        "a/c 12",
        "q(x)y",
        "x-z",
        "第二次",
        "又来了",
        "来了",
        "我的app打不开",
    ]
    no = [
        "they glad",
        "reop",
        "a/c 1",
        "xy",
        "x--z",
        "次",
        "又来",
        "来",
        "我的 打不开",
        "myapp 打不开",
    ]
    found = own(pd.Series(yes + no + [f"filler {i}" for i in range(30)]))["repeat"].tolist()
    assert found == [True] * len(yes) + [False] * (len(no) + 30)
    assert [own.read(text)["repeat"] for text in yes + no] == found[: len(yes + no)]


def test_the_lexicon_that_ships_can_be_read() -> None:
    """It is loaded without this check, which compiles every term."""
    file = importlib.resources.files("bankcrm.complaints.lexicon") / "lexicon.toml"
    assert read_lexicon(file.read_text(encoding="utf-8")).entries == LEXICON.entries


def test_bad_lexicons_tell_every_fault() -> None:
    with pytest.raises(PolicyError) as told:
        read_lexicon(
            'x = 1\n[[entries]]\nfield = "mood"\nlabel = "sad"\n[[entries]]\nlabel = 3\n'
            '[negation.zh]\nwords = "no"\nreach = "far"\n'
        )
    paths = " ".join(told.value.faults)
    assert len(told.value.faults) >= 4
    assert told.value.faults[0] == "x: unknown key; known: words, negation, entries"
    for path in ("entries[0]", "entries[1]", "negation.zh"):
        assert path in paths
    with pytest.raises(PolicyError) as told:
        read_lexicon("""
            [words.en]
            pay = ["pay", "give"]
            late = ["{paid}"]
            [[entries]]
            field = "signal"
            label = "repeat"
            terms_en = ["{pay} back", "{owe}", "(twice"]
            """)
    assert [fault.split(":")[0] for fault in told.value.faults] == [
        "words.en.late",
        "entries[0].terms_en",
        "entries[0].terms_en",
    ]
    with pytest.raises(PolicyError) as told:  # of a long term its beginning
        read_lexicon(
            f'[[entries]]\nfield = "signal"\nlabel = "repeat"\nterms_en = ["({"x" * 90}"]\n'
        )
    assert f"'({'x' * 79}' cannot be read: " in told.value.faults[0]
    with pytest.raises(PolicyError, match="look ahead"):
        read_lexicon(
            '[[entries]]\nfield = "signal"\nlabel = "repeat"\nterms_en = ["again(?= and)"]\n'
        )
    entry = LEXICON.entries[0]
    wrong = [attrs.evolve(entry, field="kind", label="praise"), attrs.evolve(entry, label="mood")]
    with pytest.raises(DataError, match=r"^lexicon: no label 'mood'; no label 'praise'$"):
        Lexicon(tuple(wrong), Negation(()), Negation(()))
    with pytest.raises(DataError, match="signal funds_safety"):
        Lexicon((entry, entry), Negation(()), Negation(()))
    with pytest.raises(DataError, match="no label 'sorrow'"):
        read_lexicon('[[entries]]\nfield = "signal"\nlabel = "sorrow"\n')
