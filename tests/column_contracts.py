"""Which columns of a frame a function needs, and which of them may have nulls."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pandas as pd
import pytest

from bankcrm.errors import DataError


def check_columns(
    call: Callable[[pd.DataFrame], object],
    frame: pd.DataFrame,
    *,
    required: Collection[str],
    nullable: Collection[str],
) -> None:
    """A column may be missing unless it is required, and null where it is nullable.

    Args:
        call: What the frame is given to.
        frame: Valid rows, with every column of the contract.
        required: The columns that must be there.
        nullable: The columns whose first value may be null.
    """
    call(frame)
    for name in frame.columns:
        bare = frame.drop(columns=name)
        null = frame.assign(
            **{name: frame[name].astype(object).where(frame.index != frame.index[0])}
        )
        for changed, fits in ((bare, name not in required), (null, name in nullable)):
            if fits:
                call(changed)
                continue
            with pytest.raises(DataError, match=name):
                call(changed)
