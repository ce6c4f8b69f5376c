"""A log read as arrays, ready to be folded through a stage model."""

from __future__ import annotations

from typing import TypeAlias

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.errors import DataError
from bankcrm.frames import as_frame, codes, days
from bankcrm.lifecycle.log.fold import Fold, contradictions, fold, next_stage
from bankcrm.lifecycle.model import StageModel

Ints: TypeAlias = npt.NDArray[np.intp]

LOG_COLUMNS = (
    "entry",
    "customer_id",
    "date",
    "event",
    "before",
    "after",
    "rule",
    "cause",
    "recorded",
)
REJECTIONS = (
    "missing_customer",
    "missing_date",
    "missing_event",
    "unknown_event",
    "after_recording",
    "duplicate",
    "before_first_contact",
    "contradictory",
    "guard_failed",
    "no_such_move",
)
"""Why `record` set an event aside; the first that applies is told."""


@attrs.frozen(eq=False)
class Entries:
    """Entries of a log as arrays; ``after`` rules where ``event`` is -1."""

    customers: pd.Index
    who: Ints
    when: npt.NDArray[np.datetime64]
    event: npt.NDArray[np.int8]
    after: npt.NDArray[np.int8]
    rank: npt.NDArray[np.int64]

    def part(self, keep: npt.NDArray[np.bool_] | Ints) -> Entries:
        """Some of the entries."""
        return Entries(
            self.customers,
            self.who[keep],
            self.when[keep],
            self.event[keep],
            self.after[keep],
            self.rank[keep],
        )


def instants(values: pd.Series, name: str) -> npt.NDArray[np.datetime64]:
    """Dates as naive instants, whole seconds; time zones and what is no date are refused."""
    days(values, name)  # refuses time zones and what is no date
    return values.astype("datetime64[s]").to_numpy()


def words(values: pd.Series, known: tuple[str, ...], name: str) -> npt.NDArray[np.int8]:
    """Words as positions among those known; -1 for null.

    Raises:
        DataError: A word is not known.
    """
    code, distinct = codes(values)
    strange = [w for w in distinct.tolist() if str(w) not in known]
    if strange:
        raise DataError(f"log.{name}: {strange} are not in the model, which has {list(known)}")
    table = np.array([*(known.index(str(w)) for w in distinct.tolist()), -1], dtype=np.int8)
    return table[code]


def read_log(log: object, model: StageModel) -> Entries:
    """A log as arrays; an empty frame is an empty log.

    Raises:
        DataError: A column is missing, or a word is not in the model.
    """
    frame = as_frame(log)
    if len(frame) == 0 and len(frame.columns) == 0:
        frame = pd.DataFrame({name: pd.Series(dtype=object) for name in LOG_COLUMNS})
    needed = ("entry", "customer_id", "date", "event", "after")
    if missing := [n for n in needed if n not in frame]:
        raise DataError(
            f"log: missing column {', '.join(missing)}; "
            f"present: {', '.join(map(str, frame.columns))}"
        )
    who, customers = codes(frame["customer_id"])
    return Entries(
        customers,
        who,
        instants(frame["date"], "log.date"),
        words(frame["event"], model.event_names, "event"),
        words(frame["after"], model.stage_names, "after"),
        frame["entry"].to_numpy(dtype=np.int64),
    )


def fold_entries(
    entries: Entries,
    model: StageModel,
    *,
    is_new: npt.NDArray[np.bool_] | None = None,
    closed: npt.NDArray[np.bool_] | None = None,
) -> Fold:
    """What becomes of the entries in order of customer, date and rank; see `fold`."""
    return fold(
        entries.who,
        np.lexsort((entries.rank, entries.when, entries.who)),
        entries.when,
        entries.event,
        entries.after,
        table=next_stage(model),
        clash=contradictions(model),
        initial=model.stage_names.index(model.initial),
        is_new=is_new,
        closed=closed,
        reasons=(
            REJECTIONS.index("contradictory"),
            REJECTIONS.index("guard_failed"),
            REJECTIONS.index("no_such_move"),
        ),
    )
