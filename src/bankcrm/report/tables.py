"""Tables written for spreadsheets: no cell can run as a formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def inert(values: pd.Series[Any]) -> pd.Series[Any]:
    """Texts that a spreadsheet would run as a formula, with an apostrophe before them.

    >>> inert(pd.Series(["=1+1", "plain", None])).tolist()[:2]
    ["'=1+1", 'plain']
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        if any(str(c).startswith(_FORMULA_STARTS) for c in values.cat.categories):
            return inert(values.astype(object))
        return values
    if values.dtype.kind not in "OSU" and not pd.api.types.is_string_dtype(values.dtype):
        return values
    texts = values.astype(object)
    risky = texts.map(lambda v: isinstance(v, str) and v.startswith(_FORMULA_STARTS)).astype(bool)
    return texts.where(~risky, "'" + texts.where(risky, "").astype(str))


def write_csv(frame: pd.DataFrame, path: str | Path, *, index: bool = True) -> None:
    """Write a frame as CSV that a spreadsheet opens without running anything in it.

    Args:
        frame: the frame; it is not changed.
        path: the file.
        index: whether the index is written, as the first column.
    """
    flat = frame.reset_index() if index else frame
    safe = pd.DataFrame({name: inert(flat[name]) for name in flat.columns})
    safe.to_csv(path, index=False, encoding="utf-8")
