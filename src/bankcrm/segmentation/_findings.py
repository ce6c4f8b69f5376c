"""Findings travel with a result as plain data, so that the frame still writes to any file."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import DataFault


def stop(faults: Sequence[DataFault]) -> None:
    """Raise one error that tells every fault, if there are any."""
    if faults:
        text = str(faults[0])
        if len(faults) > 1:
            text = "\n  ".join([f"{len(faults)} faults", *map(str, faults)])
        raise DataError(text)


def with_findings(frame: pd.DataFrame, faults: Sequence[DataFault]) -> pd.DataFrame:
    """The frame itself, with the faults in its ``attrs`` as plain data."""
    frame.attrs["findings"] = [attrs.asdict(fault) for fault in faults]
    return frame


def findings_of(frame: pd.DataFrame) -> tuple[DataFault, ...]:
    """What a result says about its data: each thing left out, with count and first rows.

    Args:
        frame: A result of this package.

    Returns:
        The findings, empty if nothing was left out.

    >>> findings_of(pd.DataFrame())
    ()
    """
    return tuple(
        DataFault(**{**fault, "examples": tuple(fault["examples"])})
        for fault in frame.attrs.get("findings", ())
    )
