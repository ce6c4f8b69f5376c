"""The id of one customer, as a caller gives it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from bankcrm._display import first_few
from bankcrm.errors import UnknownNameError


def as_id(customer: object, ids: pd.Index) -> object:
    """An id as the type of the ids of the book: from text to a whole number, or back.

    >>> as_id("100001", pd.Index([100001])), as_id(7, pd.Index(["7"])), as_id("x", pd.Index([1]))
    (100001, '7', 'x')
    """
    whole = isinstance(customer, int | np.integer) and not isinstance(customer, bool)
    if ids.dtype.kind in "iu":
        digits = isinstance(customer, str) and re.fullmatch(r"\s*-?\d+\s*", customer)
        return int(str(customer)) if digits else customer
    return (
        str(customer) if whole and ids.dtype.kind not in "f" and customer not in ids else customer
    )


def unknown_customer(customer: object, ids: pd.Index, where: str) -> UnknownNameError:
    """The error for a customer that is not in a result, with the type of its ids.

    >>> print(unknown_customer("x", pd.Index([7, 8]), "the review"))
    no customer 'x' in the review; ids are whole numbers, such as 7, 8
    """
    kind = "whole numbers" if ids.dtype.kind in "iu" else "texts"
    some = first_few(ids)
    advice = f"ids are {kind}, such as {', '.join(some)}" if some else f"{where} has no customer"
    return UnknownNameError("customer", customer, some, where, advice)
