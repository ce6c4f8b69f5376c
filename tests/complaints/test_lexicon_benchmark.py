"""The lexicon on hand-labelled texts: precision and recall of every signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bankcrm.complaints import SIGNALS, default_lexicon
from bankcrm.complaints.lexicon.anchors import keys
from bankcrm.complaints.lexicon.normal import normal

LINES = [
    tuple(part.strip() for part in line.split("|"))
    for line in (Path(__file__).parent / "lexicon_texts.txt")
    .read_text(encoding="utf-8")
    .splitlines()
    if line and not line.startswith("#")
]
TEXTS = pd.DataFrame(LINES, columns=["language", "labels", "text", "reason"])


def test_the_texts_are_many_and_half_of_them_have_no_signal() -> None:
    assert len(TEXTS) >= 800
    assert TEXTS["text"].is_unique
    assert 0.4 < (TEXTS["labels"] == "").mean() < 0.65
    assert set(",".join(TEXTS["labels"]).replace(" ", "").split(",")) <= {*SIGNALS, ""}
    assert (TEXTS["reason"] != "").all()


def test_precision_and_recall_of_every_signal() -> None:
    """The figures are printed: run ``pytest -s``."""
    read = default_lexicon()(TEXTS["text"])
    hit = miss = wrong = 0
    lines = []
    low = []
    for name in SIGNALS:
        expected = TEXTS["labels"].str.contains(rf"\b{name}\b")
        found = read[name].to_numpy()
        tp, fn, fp = (
            int((expected & found).sum()),
            int((expected & ~found).sum()),
            int((~expected & found).sum()),
        )
        hit, miss, wrong = hit + tp, miss + fn, wrong + fp
        lines.append(f"{name:15} precision {tp / max(tp + fp, 1):.2f} recall {tp / (tp + fn):.2f}")
        low += [name] if tp < 0.9 * (tp + max(fn, fp)) else []
        lines += [f"    missed: {t}" for t in TEXTS["text"][expected & ~found]]
        lines += [f"    wrong:  {t}" for t in TEXTS["text"][~expected & found]]
    precision, recall = hit / (hit + wrong), hit / (hit + miss)
    lines.append(f"all            precision {precision:.3f} recall {recall:.3f}")
    print("\n" + "\n".join(lines))  # noqa: T201
    assert not low
    assert precision >= 0.97
    assert recall >= 0.97


@pytest.mark.parametrize("language", ["zh", "tw", "en"])
def test_every_language_is_read(language: str) -> None:
    texts = TEXTS[TEXTS["language"] == language]
    assert len(texts) >= 150
    expected = np.array(
        [
            [s in labels.split(",") for s in SIGNALS]
            for labels in texts["labels"].str.replace(" ", "")
        ]
    )
    found = default_lexicon()(texts["text"])[list(SIGNALS)].to_numpy()
    assert 2 * (expected & found).sum() / (expected.sum() + found.sum()) >= 0.95


def test_a_text_that_a_term_matches_holds_its_keys() -> None:
    """Keys only save time: leaving a term out because of them never changes a result."""
    terms = [
        term
        for entry in default_lexicon().entries
        for name in entry.patterns
        for term in getattr(entry, name).terms
    ]
    known = frozenset(key for term in terms for need in term.needs for key in need)
    texts = [normal(text) for text in TEXTS["text"].sample(40, random_state=1)]
    held = [keys(text, known) for text in texts]
    matched = 0
    for term in terms:
        for text, some in zip(texts, held, strict=True):
            if term.regex.search(text):
                assert term.possible(some), (text, term.expression)
                matched += 1
    assert matched > 100


def test_a_text_is_read_alike_alone_and_in_any_batch() -> None:
    """Whatever the number of texts, and on whatever path they are read."""
    lexicon = default_lexicon()
    curly = "It isn\u2019t fraud, I just want a statement"
    texts = pd.concat(
        [TEXTS["text"], pd.Series([curly, "盜\u00ad刷", "ＦＲＡＵＤ", "\U00020000 欺诈"])]
    )
    many = lexicon(texts)[list(SIGNALS)].to_numpy()
    for text, row in zip(texts, many, strict=True):
        one = lexicon.read(text)
        assert [one[name] for name in SIGNALS] == row.tolist(), text
    for size in (20, 21, 40):
        mixed = np.random.default_rng(size).permutation(len(texts))[: 4 * size]
        for rows in mixed.reshape(4, size):
            read = lexicon(texts.iloc[rows])[list(SIGNALS)].to_numpy()
            assert (read == many[rows]).all()
    assert not lexicon.read(curly)["funds_safety"]
