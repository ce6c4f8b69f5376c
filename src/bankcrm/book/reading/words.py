"""Words of the source as words of the contract."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa

from bankcrm.book.mapping import FrameMapping
from bankcrm.book.reading.cells import Array, encoded
from bankcrm.book.reading.problems import Problems
from bankcrm.frames import Column

WORDS = pa.dictionary(pa.int32(), pa.string())
"""The type of a column of words."""


def word_cells(raw: Array, column: Column, mapping: FrameMapping, problems: Problems) -> Array:
    """Words by the mapping of the frame; words that it does not name are reported.

    A column that the mapping does not name at all stays as it is, and `Book.check` judges it.

    Args:
        raw: The cells.
        column: The column of the contract.
        mapping: How the frame is read.
        problems: Where words are reported that the mapping does not name.
    """
    codes, words = encoded(raw)
    stated = {theirs.strip(): ours for theirs, ours in mapping.values.get(column.name, {}).items()}
    named = any(column.name in part for part in (mapping.columns, mapping.values, mapping.default))
    closed = (bool(column.choices) and named) or column.name in mapping.default
    known = {**dict.fromkeys(column.choices if closed else words), **stated}
    ours = {w: (w if known[w] is None else known[w]) for w in words if w in known}
    others = [word for word in words if word and word not in known]
    if column.name in mapping.default:
        ours |= dict.fromkeys(others, mapping.default[column.name])
    elif others:
        counts = np.bincount(codes[codes >= 0], minlength=len(words))
        problems.unmapped(
            column, Counter({w: int(n) for w, n in zip(words, counts, strict=True) if w in others})
        )
    targets = list(dict.fromkeys(w for w in ours.values() if w != ""))
    place = {word: number for number, word in enumerate(targets)}
    moved = np.array([place.get(ours.get(w, ""), -1) for w in words] + [-1], dtype=np.int32)[codes]
    return pa.DictionaryArray.from_arrays(
        pa.array(moved, mask=moved < 0), pa.array(targets, pa.string())
    )
