"""Findings about the data of a result, kept with the frame as plain data."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames.column import DataFault


def raise_faults(faults: Sequence[DataFault]) -> None:
    """Raise one error that lists all faults, if there are any.

    Raises:
        DataError: There is at least one fault.
    """
    if faults:
        text = str(faults[0])
        if len(faults) > 1:
            text = "\n  ".join([f"{len(faults)} faults", *map(str, faults)])
        raise DataError(text)


def with_findings(frame: pd.DataFrame, faults: Sequence[DataFault]) -> pd.DataFrame:
    """The frame itself, with the faults in its ``attrs`` as plain data, which any file can hold."""
    frame.attrs["findings"] = [attrs.asdict(fault) for fault in faults]
    return frame


def findings_of(frame: pd.DataFrame) -> tuple[DataFault, ...]:
    """The findings of a result: what was left out of it, how many rows, and the first of them.

    Args:
        frame: A result, such as that of `bankcrm.segmentation.rfm_metrics`.

    Returns:
        The findings; empty if nothing was left out.

    >>> findings_of(pd.DataFrame())
    ()
    """
    return tuple(DataFault(**fault) for fault in frame.attrs.get("findings", ()))
