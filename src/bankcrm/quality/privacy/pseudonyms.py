"""Keyed pseudonyms for personal fields: equal values are equal tokens."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.arguments import as_items
from bankcrm.errors import DataError, known_names
from bankcrm.frames import as_frame
from bankcrm.frames.arrays import found_in
from bankcrm.models import Customer, Record
from bankcrm.quality.privacy.masks import personal_fields

_LEAST_KEY = 16
_BYTES = 16


def pseudonymise(
    frame: object,
    model: type[Record] = Customer,
    *,
    key: bytes,
    fields: Sequence[str] = (),
) -> pd.DataFrame:
    """Replace personal fields by keyed tokens (BLAKE2b, 128 bits).

    Each field has a key of its own, derived from ``key``, so that equal values of two fields have
    different tokens. Equal values of one field have equal tokens in all frames with the same key,
    which can be joined by them. There is no way without a key: whoever tries all mobile numbers
    finds a plain hash in hours. Tokens are still personal data.

    Args:
        frame: The records; not changed.
        model: The record class, whose personal fields are replaced.
        key: At least 16 secret random bytes, such as ``secrets.token_bytes(32)``.
        fields: More columns to replace, such as ``customer_id``.

    Returns:
        The same rows and columns; tokens are 32 hexadecimal digits, a missing value stays missing.

    Raises:
        DataError: The key is no bytes or too short, or a field is not there.

    Source: CSC-9.

    >>> rows = pd.DataFrame({"customer_id": [1, 2], "name": ["Li Na", "Li Na"]})
    >>> safe = pseudonymise(rows, key=b"sixteen byte key")
    >>> safe["name"].nunique(), len(safe["name"][0])
    (1, 32)
    """
    if not isinstance(key, bytes | bytearray) or not _LEAST_KEY <= len(key) <= 64:
        raise DataError(
            f"key: expected {_LEAST_KEY} to 64 secret bytes, as of secrets.token_bytes(32); "
            "a hash without a key is found by trying all numbers"
        )
    data = as_frame(frame)
    more = [str(f) for f in as_items(fields, "fields", "a list of columns")]
    if absent := [f for f in more if f not in data]:
        raise DataError(f"no column {absent[0]!r}; {known_names(absent[0], map(str, data))}")
    names = personal_fields(data, model, set(more))
    return data.assign(**{name: _tokens(data[name], name, bytes(key)) for name in names})


def _tokens(values: pd.Series, field: str, key: bytes) -> pd.Series:
    own = hashlib.blake2b(field.encode(), key=key, digest_size=32).digest()
    code, distinct = _distinct(values)
    # One token per distinct value; a copy of the keyed state is faster than a new one.
    start = hashlib.blake2b(key=own, digest_size=_BYTES)
    tokens = np.empty(len(distinct) + 1, dtype=object)
    for place, text in enumerate(distinct):
        state = start.copy()
        state.update(text.encode("utf-8", "surrogatepass"))
        tokens[place] = state.hexdigest()
    tokens[-1] = None
    return pd.Series(tokens[code], index=values.index, dtype=object)


def _distinct(values: pd.Series) -> tuple[npt.NDArray[np.intp], list[str]]:
    if pd.api.types.is_datetime64_dtype(values.dtype):
        values = values.dt.strftime("%Y-%m-%d")  # one text for a day, whatever its unit
    try:
        code, distinct = pd.factorize(values)
    except TypeError:
        found = found_in(values, "value")
        raise DataError(f"{values.name}: expected plain values, found {found}") from None
    return code, [_text(v) for v in distinct]


def _text(value: object) -> str:
    """One text for equal values: 7, 7.0 and "7" of an id are one."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
