"""Identifiers of a column: whether they are valid, why not, and their normal form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.frames.arrays import ArrayLike, as_of_day
from bankcrm.frames.numbering import categorical
from bankcrm.quality.identifiers.schemes import CHECKS, FAULTS, FINE, Faults, extended
from bankcrm.quality.identifiers.texts import Texts, texts_of
from bankcrm.vocabulary import IdentifierScheme, word


def check_identifiers(
    values: ArrayLike, scheme: IdentifierScheme | str, *, as_of: object = None
) -> pd.DataFrame:
    """Check identifiers by their length, characters and check digits.

    Spaces and hyphens are left out, letters are made capitals, full-width forms are made plain.
    That a number is valid does not say that it was issued.

    Args:
        values: Text; a missing or blank one has no verdict.
        scheme: ``resident_id`` (GB 11643, 18 or 15 digits), ``credit_code`` (GB 32100), ``lei``
            (ISO 17442), ``iban`` (ISO 13616, without national check digits), ``luhn`` (bank
            cards, ISO 7812), ``mobile`` (mainland China) or ``email`` (shape only).
        as_of: A birth date in a resident id is not after this day; None: any day.

    Returns:
        The same index: ``valid`` (boolean, null where there is no value) and ``reason`` (an
        `IdentifierFault`, categorical; null where there is none).

    Raises:
        DataError: There is no such scheme, or the values are no text.

    Source: GB 11643, GB 32100, ISO 17442, ISO 13616, ISO 7812.

    >>> check_identifiers(["11010519491231002X", "110105194912310021", None], "resident_id")
       valid       reason
    0   True          NaN
    1  False  check_digit
    2   <NA>          NaN
    """
    texts, faults, index = _examined(values, scheme, as_of)
    fine = faults == FINE
    return pd.DataFrame(
        {
            "valid": pd.arrays.BooleanArray(fine, texts.null),
            "reason": categorical(np.where(texts.null, FINE, faults), [f.value for f in FAULTS]),
        },
        index=index,
    )


def normalise_identifiers(values: ArrayLike, scheme: IdentifierScheme | str) -> pd.Series:
    """Write valid identifiers in one form, so that equal ones are equal texts.

    Args:
        values: Text.
        scheme: As for `check_identifiers`.

    Returns:
        Text with the same index, null where the identifier is missing or invalid. Resident ids of
        15 digits have 18, mobile numbers no country code, mail addresses small letters.

    Raises:
        DataError: There is no such scheme, or the values are no text.

    >>> normalise_identifiers(["110105 491231 002", "bad"], "resident_id").tolist()
    ['11010519491231002X', nan]
    """
    texts, faults, index = _examined(values, scheme, None)
    array = _normal(texts, word(IdentifierScheme, scheme))
    array = pc.if_else(pa.array((faults == FINE) & ~texts.null), array, None)
    return pd.Series(array.to_pandas(), dtype="str").set_axis(index)


def valid_identifiers(
    values: pd.Series, scheme: IdentifierScheme | str, *, as_of: object = None
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which values are valid identifiers, and which are there at all.

    Raises:
        DataError: There is no such scheme, or the values are no text.
    """
    texts, faults, _ = _examined(values, scheme, as_of)
    there = ~texts.null
    return (faults == FINE) & there, there


def _normal(texts: Texts, scheme: IdentifierScheme) -> pa.LargeStringArray:
    if scheme == IdentifierScheme.MOBILE:
        return pc.utf8_slice_codeunits(texts.array, -11)
    if scheme == IdentifierScheme.EMAIL:
        return pc.utf8_lower(texts.array)
    if scheme != IdentifierScheme.RESIDENT_ID:
        return texts.array
    old = texts.of_width(15)
    matrix = extended(texts.matrix(old, 15))
    plain = np.ascontiguousarray(matrix.T).view("S18").ravel().astype("U18")
    mask = np.zeros(len(texts.null), np.bool_)
    mask[old] = True
    return pc.replace_with_mask(texts.array, pa.array(mask), pa.array(plain, pa.large_string()))


def _examined(
    values: ArrayLike, scheme: IdentifierScheme | str, as_of: object
) -> tuple[Texts, Faults, pd.Index]:
    check = CHECKS[word(IdentifierScheme, scheme)]
    column = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    texts = texts_of(column, check.dropped, check.upper)
    day = None if as_of is None else as_of_day(as_of)
    return texts, check.faults(texts, day), column.index
