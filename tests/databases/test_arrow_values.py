"""Values of a driver that returns Arrow, as ADBC does, without a server."""

from __future__ import annotations

import datetime as dt
import uuid
from types import SimpleNamespace

import pyarrow as pa
import pytest

from bankcrm.databases.reading import reading
from bankcrm.errors import DatabaseError, DataError

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (extra sql)")

EPOCH = dt.date(1970, 1, 1)
FIRST, LAST = ((day - EPOCH).days for day in (dt.date.min, dt.date.max))


def chunks(*columns: pa.Array, metadata: dict[str, str] | None = None) -> list[pa.Table]:
    """Batches of one column, as a driver returns them, read chunk by chunk."""
    schema = pa.schema([pa.field("value", columns[0].type, metadata=metadata)])
    batches = [pa.record_batch([column], schema=schema) for column in columns]
    cursor = SimpleNamespace(
        execute=lambda query: None,
        fetch_record_batch=lambda: pa.RecordBatchReader.from_batches(schema, batches),
        close=lambda: None,
    )
    with reading(SimpleNamespace(cursor=lambda: cursor, adbc_get_info=None)) as read:
        return list(read("SELECT"))


def days(*numbers: int | None) -> pa.Array:
    """Days by their number since 1970, also those that Python has no date for."""
    return pa.array(numbers, pa.int32()).cast(pa.date32())


def test_batches_come_one_by_one_after_their_columns() -> None:
    found = chunks(pa.array([1, None]), pa.array([3]))
    assert [chunk["value"].to_pylist() for chunk in found] == [[], [1, None], [3]]
    assert {chunk.schema.field("value").type for chunk in found} == {pa.int64()}


def test_days_of_four_digits_are_read_and_others_counted() -> None:
    _, read = chunks(days(FIRST, None, LAST))
    assert read["value"].to_pylist() == [dt.date.min, None, dt.date.max]
    for outside in ([FIRST - 1], [LAST + 1], [FIRST - 1, LAST + 1]):
        with pytest.raises(DataError, match=rf"value: .* in {len(outside)} rows"):
            chunks(days(FIRST, None, *outside, LAST))


def test_times_of_four_digits_are_read_and_others_counted() -> None:
    instants = pa.array([LAST * 86_400, None, (LAST + 1) * 86_400], pa.int64())
    assert len(chunks(instants[:2].cast(pa.timestamp("s")))[1]) == 2
    with pytest.raises(DataError, match=r"value: .* in 1 rows"):
        chunks(instants.cast(pa.timestamp("s")))


@pytest.mark.parametrize(
    ("texts", "precision", "scale", "kind"),
    [
        (["1", None], 30, 2, pa.float64()),
        (["1.10", None], 30, 1, pa.float64()),
        ([str(2**53 + 1), None], 19, 0, pa.int64()),
        ([str(10**30), None], 31, 0, pa.decimal128(38, 0)),
    ],
)
def test_decimals_are_whole_where_their_scale_is_none(
    texts: list[str | None], precision: int, scale: int, kind: pa.DataType
) -> None:
    _, read = chunks(pa.array(texts).cast(pa.decimal128(precision, scale)))
    assert read["value"].type == kind
    assert read["value"].to_pylist() == [t and pa.scalar(t).cast(kind).as_py() for t in texts]


def test_money_is_refused_and_other_types_are_not() -> None:
    with pytest.raises(DataError, match=r"value: type money; use CAST\(value AS NUMERIC"):
        chunks(pa.array([1]), metadata={"POSTGRESQL:type": "money"})
    _, read = chunks(pa.array([1]), metadata={"POSTGRESQL:type": "int8"})
    assert read["value"].to_pylist() == [1]


def test_what_the_database_says_of_a_value_is_left_out() -> None:
    class Failing:
        schema = pa.schema([("value", pa.int64())])

        def __iter__(self) -> object:
            raise OSError("invalid input: Ada")

        def close(self) -> None: ...

    cursor = SimpleNamespace(
        execute=lambda query: None, fetch_record_batch=Failing, close=lambda: None
    )
    source = SimpleNamespace(cursor=lambda: cursor, adbc_get_info=None)
    with reading(source) as read, pytest.raises(DatabaseError, match="left out") as caught:
        list(read("SELECT"))
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("texts", [["12", None], ["12.00", None], ["9007199254740993"]])
@pytest.mark.parametrize(
    ("declared", "whole"), [((19, 0), True), ((18, 2), False), ((18, 1), False), (None, True)]
)
def test_the_declared_scale_of_a_numeric_decides_its_kind(
    texts: list[str | None], declared: tuple[int, int] | None, whole: bool
) -> None:
    """PostgreSQL packs ``numeric(p, s)`` as ``(p << 16 | s) + 4``, and no declaration as -1."""
    modifier = -1 if declared is None else (declared[0] << 16 | declared[1]) + 4
    kind = pa.opaque(pa.string(), "numeric", "PostgreSQL")
    column = pa.ExtensionArray.from_storage(kind, pa.array(texts))
    about = {"POSTGRESQL:type": "numeric", "POSTGRESQL:typmod": str(modifier)}
    _, read = chunks(column, metadata=about)
    number = int if whole else float
    assert pa.types.is_floating(read["value"].type) is not whole
    assert read["value"].to_pylist() == [t and number(t.removesuffix(".00")) for t in texts]


def test_a_word_of_an_enumeration_is_a_text() -> None:
    kind = pa.opaque(pa.binary(), "unnamed<oid:16385>", "PostgreSQL")
    column = pa.ExtensionArray.from_storage(kind, pa.array([b"card", None]))
    _, read = chunks(column, metadata={"POSTGRESQL:type": "unnamed<oid:16385>"})
    assert read["value"].type == pa.string()
    assert read["value"].to_pylist() == ["card", None]


def test_a_uuid_is_a_text() -> None:
    one = uuid.uuid4()
    column = pa.array([one.bytes, None], pa.binary(16)).cast(pa.uuid())
    _, read = chunks(column)
    assert read["value"].type == pa.string()
    assert read["value"].to_pylist() == [str(one), None]


def test_instants_and_days_that_are_nulls_are_read() -> None:
    for kind in (pa.date32(), pa.timestamp("us", "UTC")):
        _, read = chunks(pa.nulls(2, kind))
        assert read["value"].to_pylist() == [None, None]
