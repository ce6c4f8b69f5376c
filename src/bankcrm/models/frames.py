"""From records to a frame and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import refuse
from bankcrm.errors import DataError
from bankcrm.frames import Column, check_frame
from bankcrm.models.record import Record, columns_of

R = TypeVar("R", bound=Record)


def frame_of(models: Iterable[R], model: type[R] | None = None) -> pd.DataFrame:
    """A frame with one row per record and the columns of the contract.

    Args:
        models: Records of one class.
        model: Their class; required only where there may be no record.

    Returns:
        Ids as int64 or text, money as float64, dates as datetime64, categories as categoricals.

    Raises:
        DataError: The records are of different classes, or there is none and no class is given.

    >>> from bankcrm.models import Link
    >>> frame_of([Link(parent_id=1, child_id=2, share=0.6, link="owns")])["share"].tolist()
    [0.6]
    """
    records = list(models)
    if model is not None and not (isinstance(model, type) and issubclass(model, Record)):
        refuse("model", "a class of records, such as Customer", model)
    model = model or (type(records[0]) if records else None)
    if model is None:
        raise DataError("no record and no class given; call frame_of(models, Customer), say")
    if others := {type(r).__name__ for r in records if type(r) is not model}:
        raise DataError(
            f"expected {model.__name__} records only, found {', '.join(sorted(others))}"
        )
    columns = columns_of(model)
    data = {c.name: _column(c, [getattr(r, c.name) for r in records]) for c in columns}
    return check_frame(pd.DataFrame(data), columns, frame=model.__name__)


def models_of(frame: object, model: type[R]) -> list[R]:
    """The records that the rows of a frame hold.

    Args:
        frame: A frame that fits ``columns_of(model)`` and has no other columns.
        model: The record class.

    Raises:
        DataError: The frame does not fit, or a row breaks a rule across fields.

    >>> from bankcrm.models import Link
    >>> rows = pd.DataFrame({"parent_id": [1], "child_id": [2], "link": ["owns"]})
    >>> models_of(rows, Link)[0].share is None
    True
    """
    columns = columns_of(model)
    checked = check_frame(frame, columns, frame=model.__name__)
    known = {c.name: c for c in columns}
    if unknown := [str(c) for c in checked.columns if c not in known]:
        raise DataError(
            f"{model.__name__}: unknown columns {', '.join(unknown)}; "
            f"expected {', '.join(known)}; leave the others out first"
        )
    names = [str(c) for c in checked.columns]
    values = [_values(known[name], checked[name]) for name in names]
    build: Callable[..., R] = model
    records: list[R] = []
    faults: list[str] = []
    for label, row in zip(checked.index, zip(*values, strict=True), strict=True):
        try:
            records.append(build(**dict(zip(names, row, strict=True))))
        except DataError as error:
            faults.append(f"row {label}: {error}")
    if faults:
        lines = few(faults, between="\n  ")
        raise DataError(f"{len(faults):,} rows do not fit\n  {lines}")
    return records


def _column(column: Column, values: list[Any]) -> pd.Series:
    """A plain column of the values; dates by numpy, since the range of pandas may be narrower."""
    if column.kind == "date":
        return pd.Series(np.array(values, dtype="datetime64[D]").astype("datetime64[s]"))
    if column.kind == "instant":
        return pd.Series(pd.to_datetime(values, utc=True))
    if column.kind in ("money", "number"):
        return pd.Series([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    if column.kind == "category":
        return pd.Series([None if v is None else str(v) for v in values], dtype=object)
    return pd.Series(values, dtype=object).infer_objects()


def _values(column: Column, values: pd.Series) -> list[Any]:
    """The plain Python values of a checked column; a null is None."""
    null = values.isna().to_numpy()
    plain: list[Any]
    if column.kind == "date":
        plain = values.to_numpy().astype("datetime64[D]").tolist()
    elif column.kind == "instant":
        plain = [v.to_pydatetime() for v in values.array]
    elif column.kind == "money":
        # The shortest text that reads back as the same float: 12.5, not 12.50000000000000071.
        plain = [
            None if n else Decimal(repr(v)) for v, n in zip(values.tolist(), null, strict=True)
        ]
    elif column.kind in ("integer", "id"):
        plain = [int(v) if isinstance(v, float) and v == v else v for v in values.tolist()]
    else:
        plain = values.astype(object).tolist()
    return [None if n else v for v, n in zip(plain, null, strict=True)]
