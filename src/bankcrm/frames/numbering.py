"""Small codes as categoricals, and the position of each row's customer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames.arrays import (
    arrow_texts,
    codes,
    dense_range,
    found_in,
    is_whole_numbers,
    row_blocks,
)

Positions: TypeAlias = npt.NDArray[np.int32]
Numbered: TypeAlias = dict[tuple[str, str], Positions]  # positions by frame and column


def categorical(
    code: npt.NDArray[np.integer[Any]], names: Sequence[Any], *, ordered: bool = False
) -> pd.Categorical:
    """A categorical from codes; several codes may share a name, and -1 is null.

    Args:
        code: Position of each row's name, integer; -1 for none.
        names: The names, in display order.
        ordered: Whether the categories have an order.

    >>> categorical(np.array([1, -1]), ["a", "b"]).tolist()
    ['b', nan]
    """
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) < len(names):
        place = {name: at for at, name in enumerate(distinct)}
        code = np.array([*(place[n] for n in names), -1])[code]
    made: pd.Categorical = pd.Categorical.from_codes(code, dtype=type_of_names(distinct, ordered))
    return made


def type_of_names(names: tuple[Any, ...], ordered: bool = False) -> pd.CategoricalDtype:
    """The type of a categorical with these names, each of them once.

    >>> type_of_names(("low", "high")).categories.tolist()
    ['low', 'high']
    """
    kinds = tuple(map(type, names))  # 1, 1.0 and True are equal, but not the same name
    return (_made_once if len(names) < 256 else _made_once.__wrapped__)(names, kinds, ordered)


@lru_cache(maxsize=1024)
def _made_once(
    names: tuple[Any, ...], kinds: tuple[type, ...], ordered: bool
) -> pd.CategoricalDtype:
    """Few sets of names are used again and again."""
    return pd.CategoricalDtype(pd.Index(names), ordered=ordered)


def words_of(values: pd.Series, name: str) -> pd.Categorical:
    """A column of the caller as a categorical, its words in order.

    Args:
        values: Words; any of them may be null.
        name: The column, for errors.

    Raises:
        DataError: A value is a list or another object that is no word, or no Unicode text.

    >>> words_of(pd.Series(["b", None, "a"]), "stage").categories.tolist()
    ['a', 'b']
    """
    try:
        if not isinstance(values.dtype, pd.CategoricalDtype):
            values = values.astype("category")
        made = cast("pd.Categorical", values.array)
        for word in made.categories.tolist():
            if isinstance(word, bytes):
                raise TypeError  # they are of an unknown encoding
            str(word).encode()  # pandas itself refuses a lone surrogate from version 3 on
        return made
    except (UnicodeEncodeError, TypeError):
        raise DataError(f"{name}: expected words, found {found_in(values, 'value')}") from None


def places_of(values: pd.Series, names: Sequence[str]) -> npt.NDArray[np.int64]:
    """The place of each value in a fixed order of names; -1 for a null or an unknown value.

    >>> places_of(pd.Series(["low", "high", None]), ["high", "low"]).tolist()
    [1, 0, -1]
    """
    found = words_of(values, str(values.name))
    place = {name: i for i, name in enumerate(names)}
    table = np.array([*(place.get(c, -1) for c in found.categories.tolist()), -1], dtype=np.int64)
    return table.take(found.codes, mode="wrap")


def positions_in(ids: pd.Series, index: pd.Index) -> Positions:
    """The position of each id in an index of customers; -1 for a null or an unknown id.

    >>> positions_in(pd.Series([7, 5, 9]), pd.Index([5, 7])).tolist()
    [1, 0, -1]
    """
    if is_whole_numbers(ids) and index.dtype.kind == "i" and len(index):
        known = index.to_numpy().astype(np.int64, copy=False)
        table = dense_range(known, max(len(known), len(ids)))
        if table is not None:
            low, span = table
            place = np.full(span + 1, -1, dtype=np.int32)  # the last is that of unknown ids
            place[known - low] = np.arange(len(known), dtype=np.int32)
            plain, found = ids.to_numpy(), np.empty(len(ids), dtype=np.int32)
            for rows in row_blocks(len(plain)):
                offset = np.subtract(plain[rows], low, dtype=np.int64).view(np.uint64)
                found[rows] = place[np.minimum(offset, np.uint64(span)).view(np.int64)]
            return found
    code, distinct = codes(ids)
    if arrow_texts(distinct) is None or arrow_texts(index) is None:
        return np.append(index.get_indexer(distinct), -1).astype(np.int32)[code]
    return np.append(_among_texts(distinct, index), np.int32(-1))[code]


def _among_texts(texts: pd.Index, index: pd.Index) -> Positions:
    """The positions of texts that Arrow holds; pandas would make an object of each of them."""
    together, every = codes(index.append(texts))
    place = np.full(len(every) + 1, -1, dtype=np.int32)  # the last is that of a null
    place[together[: len(index)]] = np.arange(len(index), dtype=np.int32)
    return place[together[len(index) :]]


def is_among(ids: pd.Series | pd.Index, known: pd.Series | pd.Index) -> npt.NDArray[np.bool_]:
    """Which ids are among the known ones; a null never is.

    The ``isin`` of pandas makes an object of every known text, one after another.

    >>> is_among(pd.Series(["a", None, "c"]), pd.Index(["c", "b"])).tolist()
    [False, False, True]
    """
    index = pd.Index(known)
    place = positions_in(pd.Series(ids), index if index.is_unique else index.unique())
    return place >= 0
