"""Rules across the fields of one record, for one record and for a frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.frames.arrays import days

Mask = npt.NDArray[np.bool_]


class RecordConstraint(ABC):
    """A rule over several fields of a record, for one record and for a frame."""

    __slots__ = ()

    @property
    @abstractmethod
    def fields(self) -> tuple[str, ...]:
        """The fields that the rule reads, the one at fault first."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What the rule asks for, in words."""

    @abstractmethod
    def broken(self, record: Mapping[str, object]) -> bool:
        """Whether a record, given as its fields by name, breaks the rule."""

    @abstractmethod
    def broken_rows(self, frame: pd.DataFrame) -> Mask:
        """Which rows of a checked frame with all ``fields`` break the rule."""


@attrs.frozen
class NotBefore(RecordConstraint):
    """``later`` is on or after ``earlier``, where both are known.

    ``at_fault`` names the field to report; the later date by default.
    """

    later: str
    earlier: str
    at_fault: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """The two dates, the doubtful one first."""
        pair = self.later, self.earlier
        return pair[::-1] if self.at_fault == self.earlier else pair

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.later} on or after {self.earlier}"

    def broken(self, record: Mapping[str, object]) -> bool:
        """Whether the dates are the wrong way round."""
        late, early = record[self.later], record[self.earlier]
        if late is None or early is None:
            return False
        return bool(late < early)  # type: ignore[operator] # both are dates or both instants

    def broken_rows(self, frame: pd.DataFrame) -> Mask:
        """Rows with the dates the wrong way round."""
        late, early = frame[self.later], frame[self.earlier]
        if isinstance(late.dtype, pd.DatetimeTZDtype):
            return (late < early).to_numpy(dtype=np.bool_)
        return np.asarray(days(late) < days(early))


@attrs.frozen
class _Pair(RecordConstraint):
    """A rule over a field, which is at fault, and another."""

    field: str
    other: str

    @property
    def fields(self) -> tuple[str, ...]:
        """The two fields."""
        return self.field, self.other


@attrs.frozen
class Differ(_Pair):
    """The two fields hold different values."""

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.field} other than {self.other}"

    def broken(self, record: Mapping[str, object]) -> bool:
        """Whether the values are the same."""
        return record[self.field] is not None and record[self.field] == record[self.other]

    def broken_rows(self, frame: pd.DataFrame) -> Mask:
        """Rows whose values are the same."""
        same = frame[self.field].astype(object) == frame[self.other].astype(object)
        return (same & frame[self.field].notna()).to_numpy(dtype=np.bool_)


@attrs.frozen
class Needs(_Pair):
    """``field`` is known only where ``other`` is."""

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.field} only with {self.other}"

    def broken(self, record: Mapping[str, object]) -> bool:
        """Whether only ``field`` is known."""
        return record[self.field] is not None and record[self.other] is None

    def broken_rows(self, frame: pd.DataFrame) -> Mask:
        """Rows where only ``field`` is known."""
        return (frame[self.field].notna() & frame[self.other].isna()).to_numpy(dtype=np.bool_)


@attrs.frozen
class OnlyFor(_Pair):
    """``field`` is known only where ``other`` is ``value``."""

    value: str

    @property
    def expected(self) -> str:
        """In words."""
        return f"{self.field} only where {self.other} is {self.value}"

    def broken(self, record: Mapping[str, object]) -> bool:
        """Whether ``field`` is known for another value."""
        return record[self.field] is not None and record[self.other] != self.value

    def broken_rows(self, frame: pd.DataFrame) -> Mask:
        """Rows where ``field`` is known for another value."""
        other = (frame[self.other] != self.value).to_numpy(dtype=np.bool_, na_value=True)
        known: Mask = frame[self.field].notna().to_numpy()
        return known & other
