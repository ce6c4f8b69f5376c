"""Which table is which frame, and which column is which: what names and values say."""

from __future__ import annotations

import datetime as dt

import pytest
from tests.inspection.test_small_parts import COLUMNS, clients, moves, source, table, transactions

from bankcrm.inspection.columns import SourceColumn
from bankcrm.inspection.matching import (
    FrameMatch,
    _are_ids,
    _frame_match,
    _name_score,
    _only_by_values,
    _value_score,
    matched,
    other_tables,
)
from bankcrm.inspection.tables import SourceTable


def frames(*tables: SourceTable) -> dict[str, FrameMatch]:
    return {f.frame: f for f in matched(tables)}


def accounts(**more: list[object]) -> dict[str, list[object]]:
    """Forty accounts, each of one customer."""
    plain: dict[str, list[object]] = {
        "acct_no": [n + 500 for n in range(40)], "cust_no": list(range(40)),
        "product": ["demand"] * 40, "opened": ["2020-01-15"] * 40,
    }  # fmt: skip
    return {n: c for n, c in {**plain, **more}.items() if c}


# --- names and values ---


def test_a_name_fits_a_frame_the_better_the_earlier_its_concept() -> None:
    """The first concept of a frame counts 1, each later one 0.3 less, its own name 1.5."""
    names = {"accounts": 1.5, "Accounts": 1.5, "acct": 1.0, "acct_2024": 1.0, "prod": 0.7,
             "deposit": 0.4, "deposit_acct": 1.0, "zzz": 0.0, "customer": 0.0}  # fmt: skip
    assert {n: _name_score(n, "accounts") for n in names} == pytest.approx(names)


MANY = [f"w{n}" for n in range(11)]


VALUES: list[tuple[str, str, list[object], float]] = [
    ("transactions", "customer_id", ["a1", "a2"], 1.0),
    ("transactions", "customer_id", ["two words", "more of them"], 0.0),
    ("transactions", "amount", ["1.5"], 1.0),
    ("transactions", "amount.credit", ["1.5"], 1.0),
    ("transactions", "amount", ["w"], 0.0),
    ("customers", "satisfaction", [3], 1.0),
    ("customers", "employees", ["w"], 0.0),
    ("transactions", "amount.direction", ["C", "D"], 1.0),
    ("transactions", "amount.direction", ["C"], 1.0),
    ("transactions", "amount.direction", ["D"], 1.0),
    ("transactions", "amount.direction", ["C", "D", "?"], 0.7),
    ("transactions", "amount.direction", ["C", "D", "?", "!"], 0.7),
    ("transactions", "amount.direction", ["C", "D", "?", "!", "#"], 0.0),
    ("transactions", "amount.direction", ["?"], 0.7),
    ("customers", "deceased", ["Y", "N"], 1.0),
    ("customers", "deceased", ["Y", "perhaps"], 0.0),
    ("customers", "gender", ["F", "M"], 1.0),
    ("customers", "gender", ["F", "zq"], 0.875),
    ("customers", "gender", MANY, 0.0),
    ("customers", "city", MANY, 0.7),
    ("customers", "city", MANY[:10], 1.0),
    ("customers", "city", [*MANY, "w1"], 1.0),
    ("customers", "name", MANY, 1.0),
    ("customers", "gender", [None], 0.9),
    ("customers", "no column", ["x"], 0.9),
]
DAYS: list[tuple[str, str, list[object], float]] = [
    ("transactions", "date", ["2026-01-13"], 1.0),
    ("transactions", "date", ["w1"], 0.0),
    ("complaints", "received_at", ["2026-01-13 10:00"], 1.0),
    ("complaints", "received_at", ["2026-01-13"], 0.8),
    ("complaints", "received_at", ["w1"], 0.0),
]


@pytest.mark.parametrize("cases", [VALUES, DAYS], ids=["plain", "days"])
def test_the_values_of_a_column_are_those_of_its_kind_or_not(
    cases: list[tuple[str, str, list[object], float]],
) -> None:
    for frame, target, values, score in cases:
        found = _value_score(source(*values), target, frame)
        assert found == pytest.approx(score), (target, values)


def test_nearly_all_ids_are_one_word() -> None:
    for texts, ids in ((0, True), (5, True), (6, False), (100, False)):
        words = [f"a{n}" for n in range(100 - texts)] + [f"two words {n}" for n in range(texts)]
        assert _are_ids(source(*words)) == ids, texts
    thousand = [f"a{n}" for n in range(950)] + [f"two words {n}" for n in range(50)]
    assert _are_ids(source(*thousand, "one more")), "a thousand of them decide"
    assert all(_are_ids(source(word)) for word in ("7", "a-b-c", "12.0", "中行7"))
    assert not any(_are_ids(source(word)) for word in ("1.5", "a.b", "a/b", "a:b", "a,b"))


ALONE: list[tuple[str, str, SourceColumn, bool]] = [
    ("customers", "customer_id", source("a1", "a2"), True),
    ("customers", "customer_id", source("a1", "a1"), False),
    ("customers", "customer_id", source("a b", "c d"), False),
    ("transactions", "customer_id", source("a1", "a2"), False),
    ("transactions", "date", source("2026-01-13"), True),
    ("transactions", "date", source(dt.date(2026, 1, 13)), True),
    ("transactions", "date", source(20260113), False),
    ("transactions", "date", source("w1"), False),
    ("transactions", "amount", source(1.5, 2.0), True),
    ("transactions", "amount", source("1.5", "-2"), True),
    ("transactions", "amount", source("1.5", None), True),
    ("transactions", "amount", source(1.0, 2.0), False),
    ("transactions", "amount", source("w"), False),
    ("transactions", "amount", source(1.5, name="paid_in"), False),
    ("transactions", "amount", source(1.5, name="paid_out"), False),
    ("transactions", "kind", source("salary", "fee"), True),
    ("transactions", "kind", source("salary", "zq"), False),
    ("transactions", "kind", source("salary", "fee", "zq"), True),
    ("transactions", "counterparty", source("salary"), False),
]


def test_values_alone_tell_what_a_column_is_only_where_they_are_clear() -> None:
    for frame, target, column, alone in ALONE:
        found = _only_by_values(column, COLUMNS[frame][target], frame)
        assert found == alone, (target, column.words)


# --- tables ---


def test_a_table_scores_by_its_name_its_columns_and_its_key() -> None:
    """Twice the name; 1 off for a column that it lacks; a required column whole, others 0.4."""
    columns: dict[str, list[object]] = {"cust_no": ["a", "b"], "cust_type": ["P", "C"]}
    for ids, city, key in ((["a", "b"], 0.4 * 1.1, 0.5), (["a", "a"], 0.0, -1.5)):
        more: dict[str, list[object]] = {"city": ["Ulm", "Bonn"]} if city else {}
        found = _frame_match(table("clients", **{**columns, "cust_no": ids}, **more), "customers")
        assert found is not None
        assert (found.columns["customer_id"].score, found.columns["kind"].score) == (1.0, 1.0)
        assert found.score == pytest.approx(2 * 1.0 + 1.0 + 1.0 + city + key)
    lacking = _frame_match(table("txn", **columns), "balances")
    assert lacking is None, "a frame that no book needs is known by its name, or by its columns"
    part = _frame_match(table("clients", cust_no=["a", "b"]), "customers")
    assert part is not None
    assert part.score == pytest.approx(2 * 1.0 - 1 + 1.0 + 0.5)


def test_a_table_that_lacks_most_is_a_frame_only_by_its_name() -> None:
    """Of four required columns two may be found in a table of any name, one in a named one."""
    half: dict[str, list[object]] = {"cust_no": list(range(40)), "txn_dt": ["2024-03-01"] * 40}
    for name, columns, known in (
        ("zzz", half, True), ("zzz", {"txn_dt": half["txn_dt"]}, False),
        ("txn", {"txn_dt": half["txn_dt"]}, True), ("txn", {"zz": ["a b"] * 40}, False),
    ):  # fmt: skip
        assert ("transactions" in frames(clients(), table(name, **columns))) == known
    whole = frames(clients(), moves(), table("zzz", **accounts()))
    assert "accounts" in whole
    lacking = frames(clients(), moves(), table("zzz", **accounts(acct_no=[])))
    assert "accounts" not in lacking, "a frame that no book needs is read whole, or by its name"
    assert "accounts" in frames(clients(), moves(), table("acct", **accounts(opened=[])))


def test_movements_of_accounts_are_those_of_their_customers() -> None:
    by_account = moves(cust_no=[], acct_no=[n + 500 for n in range(40)])
    owner = frames(clients(), by_account, table("acct", **accounts()))["transactions"]
    match = owner.columns["customer_id"]
    assert (match.account, match.column.name, match.reason) == (True, "acct_no", "of the account")
    assert match.score == owner.columns["account_id"].score
    assert owner.joins == {"account_id": 1.0, "customer_id": 1.0}
    few = table("acct", **accounts(acct_no=[n + 520 for n in range(40)]))
    assert frames(clients(), by_account, few)["transactions"].joins["customer_id"] == 0.5
    for tables in ([clients(), by_account],
                   [clients(), by_account, table("acct", **accounts(cust_no=[]))]):  # fmt: skip
        assert frames(*tables)["transactions"].lacking == ["customer_id"]
    both = moves(acct_no=[n + 500 for n in range(40)])
    own = frames(clients(), both, table("acct", **accounts()))["transactions"]
    assert (own.columns["customer_id"].column.name, own.lacking) == ("cust_no", [])
    assert not own.columns["customer_id"].account


def test_ids_join_the_frame_that_has_them_all() -> None:
    found = frames(clients(referrer=[None] * 30 + [*range(5), *range(90, 95)]), moves())
    assert found["customers"].joins == {"referred_by": 0.5}
    assert found["transactions"].joins == {"customer_id": 1.0}
    empty = frames(clients(referrer=[None] * 40), moves())
    assert empty["customers"].joins == {}, "no id, no share"


def test_a_wrong_column_gives_way_to_one_with_the_ids_of_customers() -> None:
    """Where fewer than half of the stated ids are customers, and nearly all of another column."""
    for known, taken in ((0, "code"), (19, "code"), (20, "cust_no"), (40, "cust_no")):
        stated: list[object] = [*range(known), *range(900, 940 - known)]
        found = transactions(cust_no=stated, code=list(range(40)))
        match = found.columns["customer_id"]
        assert match.column.name == taken
        assert ("by its values" in match.reason) == (taken == "code")
    assert found.columns["customer_id"].score > 0.5, "a name says more than values"
    [name] = {m.score for m in (transactions(cust_no=[], code=list(range(40))).columns[
        "customer_id"],)}  # fmt: skip
    assert name == 0.5
    teller = transactions(cust_no=[], teller_no=list(range(40)))
    assert teller.lacking == ["customer_id"], "the name says that it is another person"


def test_a_column_is_found_by_its_values_where_no_other_can_be_it() -> None:
    hidden = transactions(amt=[], q=[(-1) ** n * (n + 1.25) for n in range(40)])
    match = hidden.columns["amount"]
    assert (match.column.name, match.score) == ("q", 0.5)
    assert match.reason == "by its values: no other column can be the amount"
    two = [(-1) ** n * (n + 1.25) for n in range(40)]
    assert transactions(amt=[], q=list(two), z=list(two)).lacking == ["amount"]
    empty = transactions(amt=[], q=list(two), z=[None] * 40)
    assert empty.columns["amount"].column.name == "q", "an empty column is no choice"


def test_a_rival_has_nearly_the_same_name() -> None:
    """A candidate at most 0.3 worse than what is taken is asked about; one that is used is not."""
    days: list[object] = [f"2024-03-{n % 28 + 1:02}" for n in range(40)]
    near = transactions(posting_dt=days)
    assert near.rivals == {"date": ["posting_dt"]}
    far = transactions(txn_dt=[], date=days, load_dt=days)
    assert far.columns["date"].column.name == "date"
    assert far.rivals == {}
    assert transactions().rivals == {}


def test_a_way_that_is_named_earlier_is_the_better_one() -> None:
    """The name in the contract is best, then each way of naming it, 0.05 worse than the last."""
    own = transactions(txn_dt=[], date=["2024-03-01"] * 40).columns["date"]
    first = transactions(txn_dt=["2024-03-01"] * 40).columns["date"]
    second = transactions(txn_cd=[], kind_cd=["salary"] * 40).columns["kind"]
    assert (own.score, own.reason) == (1.1, "by its name")
    assert (first.score, first.reason) == (1.0, "date")
    assert second.reason == "kind"
    assert 0.8 < second.score < 1.0


def test_a_table_that_could_be_a_frame_too_says_so() -> None:
    """The next best table of movements is named with the one that is taken."""
    whole, part = moves("transactions"), moves("txn_old", amt=[])
    found = matched([clients(), whole, part])
    assert other_tables([whole, part], found) == [
        "txn_old.csv: not used; it may be transactions too, which transactions.csv has; if both "
        "are needed, put their rows into files of one kind"
    ]
