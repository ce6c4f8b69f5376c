"""Blocks of whole customers: no row is lost, doubled, moved or separated from its customer."""

from __future__ import annotations

import shutil
from collections import defaultdict
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from bankcrm.engines import DuckDBEngine
from bankcrm.engines.blocks import Workspace, book_of, groups_of, part_book, refuse_shared
from bankcrm.errors import DataError, EngineError

from .conftest import random_frames

DAY = date(2026, 6, 30)


def workspace(folder: Path, key: int = 1) -> Workspace:
    made = Workspace(folder / "work", {"key": key})
    made.begin()
    return made


@pytest.mark.parametrize("seed", [3, 7, 11])
@pytest.mark.parametrize("blocks", [1, 5])
def test_each_row_is_in_the_block_of_its_customer(tmp_path: Path, seed: int, blocks: int) -> None:
    frames = random_frames(seed)
    frames["customers"] = frames["customers"].assign(_row=-1, _block="x")
    for name in ("accounts", "transactions"):  # an account of two customers cannot be split
        if name in frames:
            frames[name] = frames[name].drop(columns="account_id", errors="ignore")
    frames.pop("accounts", None)
    frames.pop("balances", None)
    made = workspace(tmp_path)
    part_book(DuckDBEngine(frames), made, blocks)
    home: dict[object, int] = {}
    for name, frame in frames.items():
        rows = 0
        for block in range(blocks):
            found = made.block(name, [block])
            assert found is not None
            assert found.columns.tolist() == [c for c in frame if c not in ("_row", "_block")]
            assert found.index.tolist() == sorted(found.index)
            for place, customer in found["customer_id"].items():
                given = frame["customer_id"].iloc[int(str(place))]
                assert pd.isna(given) if pd.isna(customer) else customer == given
                if not pd.isna(customer):
                    assert home.setdefault(customer, block) == block
            rows += len(found)
        assert rows == len(frame)
        whole = made.block(name, range(blocks))
        assert whole is not None
        assert whole.index.tolist() == list(range(len(frame)))


def test_an_id_has_one_block_whatever_its_type(tmp_path: Path) -> None:
    """Integers in one frame, decimals of the same value in another."""
    ids = list(range(1, 30))
    moves = pd.DataFrame({"customer_id": ids, "date": "2026-06-01", "amount": 1.0, "kind": "card"})
    moves["date"] = pd.to_datetime(moves["date"])
    people = pd.DataFrame({"customer_id": ids, "kind": "person"})
    for kind in ("int32", "float64", "int64"):
        made = workspace(tmp_path / kind)
        frames = {"customers": people, "transactions": moves.astype({"customer_id": kind})}
        part_book(DuckDBEngine(frames), made, 4)
        for block in range(4):
            both = [made.block(n, [block]) for n in frames]
            one, two = (set() if b is None else set(b["customer_id"]) for b in both)
            assert one == two


def test_a_frame_without_rows_in_a_block_has_its_columns(tmp_path: Path) -> None:
    """Absent frames are none, frames without a row are empty."""
    people = pd.DataFrame({"customer_id": [1], "kind": "person"})
    moves = pd.DataFrame(
        {"customer_id": [1], "date": pd.to_datetime(["2026-06-01"]), "amount": [2.5], "kind": "fee"}
    )
    consents = people.assign(state="given", since=moves["date"])[:0]
    frames = {"customers": people, "transactions": moves, "consents": consents}
    made = workspace(tmp_path)
    part_book(DuckDBEngine(frames), made, 3)
    assert made.block("loans", range(3)) is None
    empty = made.block("consents", range(3))
    assert empty is not None
    assert (len(empty), "customer_id" in empty) == (0, True)
    filled = [n for n in range(3) if (b := made.block("transactions", [n])) is not None and len(b)]
    assert len(filled) == 1
    for block in range(3):
        found = made.block("transactions", [block])
        assert found is not None
        assert found.columns.tolist() == moves.columns.tolist()
        assert found["amount"].tolist() == ([2.5] if block in filled else [])
    group = book_of(made, {}, [0, 1, 2], "b", DAY)
    assert (group.name, group.as_of, len(group.customers)) == ("b", DAY, 1)


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    calls: list[int] = []

    def make() -> dict[str, pd.DataFrame]:
        calls.append(1)
        return {"a": pd.DataFrame({"x": [len(calls)]})}

    for _ in range(3):
        made.frames("pass-0", 7, make)
    assert (len(calls), made.read("pass-0", 7, "a")["x"].tolist()) == (1, [1])
    made.frames("pass-0", 8, make)
    assert made.read("pass-0", 8, "a")["x"].tolist() == [2]
    engine = DuckDBEngine(random_frames(7))
    for sql in ("SELECT 1 AS customer_id", "SELECT 2 AS customer_id"):
        made.part(engine, "customers", sql, "customer_id", 1)
    found = made.block("customers", [0])
    assert found is not None
    assert found["customer_id"].tolist() == [1]
    workspace(tmp_path)
    assert made.read("pass-0", 7, "a")["x"].tolist() == [1]
    workspace(tmp_path, key=2)
    assert [p.name for p in made.folder.iterdir()] == ["_key.json"]
    made.end()
    assert not made.folder.exists()


def test_of_two_workers_on_one_block_the_first_counts(tmp_path: Path) -> None:
    """The other one is faster while this one works."""
    made = workspace(tmp_path)

    def slow() -> dict[str, pd.DataFrame]:
        made.frames("pass-0", 0, lambda: {"a": pd.DataFrame({"x": [1]})})
        return {"a": pd.DataFrame({"x": [2]})}

    made.frames("pass-0", 0, slow)
    assert made.read("pass-0", 0, "a")["x"].tolist() == [1]
    assert [p.name for p in (made.folder / "pass-0").iterdir()] == ["00000"]
    shutil.rmtree(made.folder / "pass-0")
    (made.folder / "pass-0").write_text("in the way")
    with pytest.raises(EngineError, match="cannot be written"):
        made.frames("pass-0", 0, dict)


@pytest.mark.parametrize("filled", [[], [0], [2], [0, 1, 2, 3], [1, 3], [0, 2], [3]])
def test_each_group_of_blocks_has_customers(tmp_path: Path, filled: list[int]) -> None:
    """All blocks in their order, in as many groups as blocks have customers."""
    made = workspace(tmp_path)
    for block in filled:
        folder = made.folder / "parts" / "customers" / f"_block={block}"
        folder.mkdir(parents=True)
        (folder / "a.parquet").touch()
    groups = groups_of(made, 4)
    assert len(groups) == len(filled)
    assert [len(set(group) & set(filled)) for group in groups] == [1] * len(filled)
    assert [n for group in groups for n in group] == (list(range(4)) if filled else [])
    assert [group[-1] for group in groups[:-1]] == filled[:-1]


PEOPLE = pd.DataFrame({"customer_id": [1, 2, 3], "kind": "person"})


def with_owners(owners: list[tuple[object, int]], frame: str, key: str) -> dict[str, pd.DataFrame]:
    """A book whose frame has these (id, customer)."""
    ids, customers = zip(*owners, strict=True)
    day = pd.to_datetime(["2026-06-01"] * len(owners))
    plain = {
        "transactions": {"date": day, "amount": 1.0, "kind": "card"},
        "accounts": {"product": "demand", "opened_date": day},
        "contacts": {"date": day, "channel": "phone", "purpose": "contact"},
    }
    rows = pd.DataFrame({key: ids, "customer_id": customers}).assign(**plain[frame])
    moves = pd.DataFrame({"customer_id": [1]}).assign(date=day[0], amount=1.0, kind="card")
    return {"customers": PEOPLE, "transactions": moves, frame: rows}


@pytest.mark.parametrize(
    ("frame", "key"),
    [("transactions", "account_id"), ("transactions", "transaction_id"),
     ("contacts", "contact_id"), ("accounts", "account_id")],
)  # fmt: skip
@pytest.mark.parametrize(
    "owners",
    [
        [(7, 1), (7, 2), (8, 3), (9, 1), (9, 3)],
        [(7, 1), (7, 1), (8, 2)],
        [(7, 1), (7, 99), (8, 2)],  # nobody knows customer 99
        [(None, 1), (None, 2), (8, 3)],
    ],
)
def test_shared_ids_are_counted_by_a_loop(
    frame: str, key: str, owners: list[tuple[object, int]]
) -> None:
    engine = DuckDBEngine(with_owners(owners, frame, key))
    customers = defaultdict(set)
    for value, customer in owners:
        if value is not None and customer in (1, 2, 3):
            customers[value].add(customer)
    shared = [v for v, c in customers.items() if len(c) > 1]
    if not shared:
        refuse_shared(engine)
        return
    with pytest.raises(DataError) as caught:
        refuse_shared(engine)
    said = str(caught.value).partition(";")[0]
    assert said.endswith(
        f"{frame}: {len(shared)} {key} belong to several customers (such as {min(shared)})"
    )
    assert str(caught.value).count("belong to several customers") == 1


def test_days_of_a_block_are_dates_of_pandas(tmp_path: Path) -> None:
    """Also where the source has days, as DuckDB and Parquet have them."""
    day = pa.array([DAY, None], pa.date32())
    moves = pa.table(
        {"customer_id": [1, 1], "date": day, "amount": [1.0, 2.0], "kind": ["fee"] * 2}
    )
    made = workspace(tmp_path)
    part_book(DuckDBEngine({"customers": PEOPLE, "transactions": moves}), made, 1)
    found = made.block("transactions", [0])
    assert found is not None
    assert found["date"].dtype.kind == "M"
    assert found["date"][0] == pd.Timestamp(DAY)
    assert found["date"].isna().tolist() == [False, True]


def test_only_several_blocks_separate_what_customers_share(tmp_path: Path) -> None:
    engine = DuckDBEngine(with_owners([(7, 1), (7, 2)], "contacts", "contact_id"))
    part_book(engine, workspace(tmp_path / "one"), 1)
    for blocks in (2, 3):
        with pytest.raises(DataError, match="contacts: 1 contact_id belong to several customers"):
            part_book(engine, workspace(tmp_path / str(blocks)), blocks)
