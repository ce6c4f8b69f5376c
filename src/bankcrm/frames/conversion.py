"""Any data as a pandas frame, and columns of it that need no other check."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable

import pandas as pd

from bankcrm._display import few
from bankcrm.errors import DataError, missing_columns
from bankcrm.frames.column import PERSONAL


def as_frame(data: object) -> pd.DataFrame:
    """The data as a pandas DataFrame; pandas itself is passed through, not copied.

    Labels of rows that are personal data, such as an index ``name``, become a column: errors name
    rows by their labels.

    Args:
        data: A DataFrame, or anything with the Arrow PyCapsule protocol
            (``__arrow_c_stream__``): Polars, DuckDB, PyArrow.

    Raises:
        DataError: The data is neither, or two columns have one name.
    """
    frame = frame_of_any(data)
    if not frame.columns.is_unique:
        twice = few(frame.columns[frame.columns.duplicated()].unique())
        raise DataError(f"columns: {twice} more than once; give each column its own name")
    return frame


def frame_of_any(data: object) -> pd.DataFrame:
    """The data as a pandas DataFrame, its columns not looked at.

    Raises:
        DataError: It is no frame, its columns have levels, or two index levels share a name.
    """
    if isinstance(data, pd.DataFrame):
        if isinstance(data.columns, pd.MultiIndex):
            raise DataError("columns: expected one name each, found several levels; join them")
        names = [n for n in data.index.names if n is not None]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise DataError(f"index: the level {twice} more than once; give each its own name")
        return with_personal_levels(data, PERSONAL)
    if isinstance(data, pd.Series) or not hasattr(data, "__arrow_c_stream__"):
        raise DataError(
            f"expected a pandas DataFrame or an Arrow table (Polars, DuckDB, PyArrow), "
            f"found {type(data).__name__}; for plain records use pandas.DataFrame(records)"
        )
    import pyarrow as pa

    table = pa.table(data)
    for n, kind in enumerate(table.schema.types):
        # Older releases of Arrow cannot turn these into pandas; DuckDB makes them of an ENUM.
        if pa.types.is_dictionary(kind) and pa.types.is_unsigned_integer(kind.index_type):
            signed = pa.dictionary(pa.int32(), kind.value_type, ordered=kind.ordered)
            table = table.set_column(n, table.column_names[n], table[n].cast(signed))
    # A null would turn 64-bit integers into floats, which cannot hold every id.
    exact = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    nullable = {
        name: column.to_pandas(types_mapper=exact.get)
        for name, column in zip(table.column_names, table.columns, strict=True)
        if column.type in exact and column.null_count
    }
    return frame.assign(**nullable) if nullable else frame


def with_personal_levels(data: pd.DataFrame, personal: Collection[str]) -> pd.DataFrame:
    """The frame with personal labels of rows as a column, since a fault names rows by labels."""
    for name in [n for n in data.index.names if n in personal]:
        data = data.reset_index(name, drop=name in data.columns)
    return data


def with_levels(data: pd.DataFrame, names: Collection[str]) -> pd.DataFrame:
    """The frame with named levels of its index as columns, where it has no such column.

    The rows keep their labels, without names. The caller's frame stays as it is.

    >>> rows = pd.DataFrame({"amount": [5]}, index=pd.Index([7], name="customer_id"))
    >>> with_levels(rows, ["customer_id"]).columns.tolist()
    ['customer_id', 'amount']
    """
    levels = [n for n in data.index.names if n in names and n not in data.columns]
    if levels:
        labels = data.index
        data = data.reset_index(levels)
        data.index = labels.set_names([None] * labels.nlevels)
    return data


def column_of(data: object, name: str, frame: str) -> pd.Series:
    """One column of a frame, which need not be checked otherwise.

    Raises:
        DataError: The data is no frame, or lacks the column.
    """
    found = as_frame(data)
    if isinstance(name, str) and name in found.index.names and name not in found:
        found = found.reset_index(name)
    if not isinstance(name, str) or name not in found:
        raise missing_columns(frame, [name], found.columns)
    return found[name]


def require_columns(
    frame: pd.DataFrame, names: Iterable[object], where: str, advice: str = ""
) -> None:
    """Refuse a frame that lacks one of some columns.

    Args:
        frame: The frame.
        names: The columns.
        where: What to call the frame in the error.
        advice: What to do.

    Raises:
        DataError: A column is missing.
    """
    if absent := [n for n in names if not isinstance(n, Hashable) or n not in frame.columns]:
        raise missing_columns(where, absent, frame.columns, advice)
