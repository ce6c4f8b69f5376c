"""Match keys as codes: equal codes are equal keys, -1 is no key."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow.compute as pc
from pandas.api import types

from bankcrm.errors import DataError
from bankcrm.frames.arrays import Codes, codes
from bankcrm.quality.identifiers.check import normalise_identifiers
from bankcrm.quality.identifiers.texts import texts_of
from bankcrm.quality.measures.reading import contract_of, stand_ins
from bankcrm.quality.measures.records import Placeholder
from bankcrm.quality.unification.records import Identifier, MatchKey

_DROPPED = " -.,'/()·"


@attrs.frozen(eq=False)
class KeyFields:
    """The fields of records, numbered for matching.

    Attributes:
        frame: The records.
        placeholders: Values that stand for a missing one.
        identifiers: The fields whose values are checked.
    """

    frame: pd.DataFrame
    placeholders: tuple[Placeholder, ...]
    identifiers: tuple[Identifier, ...]

    @functools.cached_property
    def _numbered(self) -> dict[str, Codes]:
        return {}

    def missing(self, field: str) -> npt.NDArray[np.bool_]:
        """Where a field has no value, or one that stands for a missing one."""
        values = self.frame[field]
        column = contract_of(values, field)
        found: npt.NDArray[np.bool_] = values.isna().to_numpy()
        return found | stand_ins(values, column, self.placeholders)

    def code(self, field: str) -> Codes:
        """The values of a field in normal form, numbered; -1 where there is none, or no valid one.

        Raises:
            DataError: The values are no ids or words.
        """
        if field not in self._numbered:
            try:
                self._numbered[field] = self._code(field)
            except DataError as error:
                raise DataError(f"{field}: {error}") from None
        return self._numbered[field]

    def exclusive(self) -> list[str]:
        """The fields of which two different values are two customers."""
        return [i.field for i in self.identifiers if i.exclusive and i.field in self.frame]

    def _code(self, field: str) -> Codes:
        values = self.frame[field].rename(None)  # `code` names it
        missing = self.missing(field)
        schemes = next((i.schemes for i in self.identifiers if i.field == field), ())
        if schemes:
            if not missing.all():
                values = _normal(values, schemes)
            found, _ = codes(values)
        elif _is_text(values) and not missing.all():
            texts = texts_of(values, _DROPPED, upper=False)
            upper = pc.utf8_upper(texts.array).dictionary_encode()
            found = upper.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.intp)
            found = np.where(texts.null, -1, found)
        else:
            found, _ = codes(values)
        return np.where(missing, -1, found)


def key_codes(key: MatchKey, fields: KeyFields) -> tuple[Codes, int]:
    """The code of each record's key, and how many records share theirs with too many."""
    found = combined([fields.code(f) for f in key.fields])
    shared = np.bincount(found + 1)[1:] > key.max_shared
    lost = (found >= 0) & shared[found] if len(shared) else np.zeros(len(found), np.bool_)
    return np.where(lost, -1, found), int(lost.sum())


def combined(parts: Sequence[Codes]) -> Codes:
    """One number per distinct combination of codes, 0, 1, 2 ...; -1 where a part is -1."""
    found = parts[0].astype(np.int64)
    none = found < 0
    for part in parts[1:]:
        none = none | (part < 0)
        both = found * (int(part.max(initial=0)) + 1) + part
        found = pd.factorize(np.where(none, -1, both))[0].astype(np.int64)
    dense = pd.factorize(np.where(none, -1, found))[0]
    return _shifted(dense, none)


def _shifted(dense: npt.NDArray[np.intp], none: npt.NDArray[np.bool_]) -> Codes:
    """Codes from 0 on, though those without a key were numbered, too."""
    if not none.any():
        return dense.astype(np.intp)
    place = dense[np.argmax(none)]
    return np.where(none, -1, dense - (dense > place)).astype(np.intp)


def _is_text(values: pd.Series) -> bool:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.categories)
    if types.is_object_dtype(values.dtype):
        return types.infer_dtype(values) == "string"
    return bool(types.is_string_dtype(values.dtype))


def _normal(values: pd.Series, schemes: Sequence[str]) -> pd.Series:
    found = normalise_identifiers(values, schemes[0])
    for scheme in schemes[1:]:
        found = found.fillna(normalise_identifiers(values, scheme))
    return found
