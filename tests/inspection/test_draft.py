"""The lines of a draft for one frame, and how it is written to a folder."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from tests.inspection.test_small_parts import clients, moves, table, transactions

from bankcrm.errors import DataError
from bankcrm.inspection.draft import sections_of, signs_of
from bankcrm.inspection.formats import DECIDE, Entry
from bankcrm.inspection.lines import Line
from bankcrm.inspection.matching import FrameMatch, matched
from bankcrm.inspection.model import Inspection
from bankcrm.inspection.tables import _encodings, _place, _recognised, tables_of_folder


def drafted(found: FrameMatch, *, assumed: bool = False) -> dict[str, Any]:
    """The entries of one frame in a draft."""
    text = "\n".join(s.text(assumed=assumed) for s in sections_of("b", Entry(DECIDE), [found]))
    entries: dict[str, Any] = tomllib.loads(text)[found.frame]
    return entries


def lines_of(found: FrameMatch) -> dict[str, Line]:
    """Column -> its line in a draft."""
    sections = sections_of("b", Entry(DECIDE), [found])
    [columns] = [s for s in sections if s.name == f"{found.frame}.columns"]
    return {line.key: line for line in columns.lines}


def test_a_word_that_is_its_own_meaning_needs_no_line() -> None:
    own = drafted(transactions(txn_cd=["card", "salary"] * 20))
    assert "values" not in own
    other = drafted(transactions(txn_cd=["card", "SALARY"] * 20))
    assert other["values"]["kind"] == {"card": "card", "SALARY": "salary"}
    channel = drafted(transactions(chnl=["ATM", "branch"] * 20))
    assert channel["values"]["channel"] == {"ATM": "atm", "branch": "branch"}
    empty = drafted(transactions(chnl=[None] * 40))
    assert set(empty["values"]) == {"kind"}


def test_many_unknown_words_of_a_required_column_get_a_default() -> None:
    kinds: list[object] = [f"ZQ{n % 5}" if n % 2 else "POS" for n in range(40)]
    found = transactions(txn_cd=kinds)
    assert drafted(found)["default"] == {"kind": DECIDE}
    assert drafted(found, assumed=True)["default"] == {"kind": "other"}
    assert drafted(found)["values"]["kind"] == {"POS": "card"}
    few = drafted(transactions(txn_cd=["ZQ", "POS"] * 20))
    assert few["values"]["kind"] == {"ZQ": DECIDE, "POS": "card"}
    assert "default" not in few
    optional = drafted(transactions(chnl=[f"zq{n % 5}" if n % 2 else "ATM" for n in range(40)]))
    assert "default" not in optional, "a word of an optional column may be left out"
    assert set(optional["values"]["channel"].values()) == {"atm", ""}


def test_a_code_depends_on_the_sign_of_its_amounts_only_among_movements() -> None:
    signs = drafted(transactions(txn_cd=["TRF" if n % 2 else "SALARY" for n in range(40)]))
    assert signs["values"]["kind"]["TRF"] == "transfer_out"


def test_a_unit_stands_with_its_column_where_columns_differ() -> None:
    one = drafted(matched([clients(**{"income(万元)": [1.5] * 40}), moves()])[0])
    assert one["columns"]["income"] == "income(万元)"
    both = matched([clients(**{"income(万元)": [1.5] * 40, "revenue": [2.5] * 40}), moves()])[0]
    assert drafted(both)["columns"]["income"] == {
        "column": "income(万元)", "unit": "ten_thousands"
    }  # fmt: skip
    assert drafted(both)["columns"]["revenue"] == "revenue"
    units = matched(
        [clients(**{"income(万元)": [1.5] * 40, "revenue(千元)": [2.5] * 40}), moves()]
    )[0]
    assert drafted(units)["columns"]["revenue"]["unit"] == "thousands"
    alike = matched([clients(**{"income(万元)": [1.5] * 40, "revenue(万元)": [2.5] * 40}), moves()])
    assert drafted(alike[0])["columns"]["revenue"] == "revenue(万元)"


def test_the_direction_of_an_amount_is_decided_where_a_word_is_not_known() -> None:
    plain: list[object] = [n + 1.25 for n in range(40)]
    unclear = transactions(amt=plain, dr_cr=["?" if n % 4 == 0 else "C" for n in range(40)])
    asked = lines_of(unclear)["amount"].entry
    assert asked.value == {
        "column": "amt", "direction": "dr_cr", "plus": [DECIDE], "minus": [DECIDE]
    }  # fmt: skip
    assert asked.assumed == {"column": "amt", "direction": "dr_cr", "plus": ["C"], "minus": ["?"]}
    assert asked.comment == "which word is for what comes in: C (30), ? (10)"
    assert signs_of(unclear) is None
    single = transactions(amt=plain, dr_cr=["C"] * 40)
    assert DECIDE in str(lines_of(single)["amount"].entry.value), "nothing goes out"


def test_amounts_in_two_columns_are_one_line() -> None:
    found = transactions(amt=[], paid_in=[1.25, None] * 20, paid_out=[None, 2.25] * 20)
    entry = lines_of(found)["amount"].entry
    assert entry.value == {"credit": "paid_in", "debit": "paid_out"}
    assert "amount" not in found.lacking
    signs = signs_of(transactions(amt=[], paid_in=[1.25, 0.0] * 20, paid_out=[0.0, -2.25] * 20))
    assert signs is not None
    assert signs.tolist() == [1.0, -1.0] * 20


def test_the_comment_of_a_column_has_its_reason_and_its_evidence() -> None:
    found = transactions(cust_no=[*range(38), None, 99], chnl=[None] * 40)
    comments = {k: line.entry.comment for k, line in lines_of(found).items()}
    assert comments["customer_id"] == "customer id; 1 empty, unique, 97.4% of them are in customers"
    assert comments["channel"] == "channel; empty"
    assert comments["date"] == "date"
    twice = transactions(cust_no=[0, 0, *range(38)])
    assert "38 distinct, 100.0% of them are" in lines_of(twice)["customer_id"].entry.comment
    days: list[object] = [f"2024-03-{n % 28 + 1:02}" for n in range(40)]
    rival = lines_of(transactions(posting_dt=days))["date"].entry
    assert rival.comment == "date; or is it 'posting_dt'?"
    accounts = table("acct", acct_no=[n + 500 for n in range(40)], cust_no=list(range(40)),
                     product=["demand"] * 40, opened=["2020-01-15"] * 40)  # fmt: skip
    by_account = moves(cust_no=[], acct_no=[n + 500 for n in range(40)])
    every = {f.frame: f for f in matched([clients(), by_account, accounts])}
    line = lines_of(every["transactions"])["customer_id"]
    assert line.entry.value == {"account": "acct_no"}
    assert line.entry.comment == "of the account; unique, 100.0% of them are in accounts"
    assert lines_of(every["accounts"])["account_id"].entry.comment == "account id; unique"


def test_a_draft_replaces_no_file_unless_told_to(tmp_path: Path) -> None:
    made = Inspection("b", "[customers]\n", True, ())
    path = made.write(tmp_path / "new")
    assert path == tmp_path / "new" / "book.toml"
    with pytest.raises(DataError, match=r"is there already; --force"):
        Inspection("b", "[loans]\n", True, ()).write(tmp_path / "new")
    assert path.read_text() == "[customers]\n"
    Inspection("b", "[loans]\n", True, ()).write(tmp_path / "new", force=True)
    assert path.read_text() == "[loans]\n"


# --- files ---


def test_encodings_that_give_different_texts_are_choices(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("a;b\nB\u00e9ziers \u0159;2\n".encode("cp1250"))
    assert {"cp1252", "cp1250"} <= set(_encodings(path))
    formats, choices, _ = _recognised(path)
    assert choices["encoding"] == _encodings(path)
    assert formats.encoding is None, "it is to be chosen"
    path.write_bytes("a;b\nB\u00e9ziers;2\n".encode("cp1252"))
    same = _encodings(path)
    assert ("cp1252" in same, "cp1250" in same) == (True, False), "both give one text"
    path.write_bytes(b"a,b\n\xff\x81,2\n")
    assert all(path.read_bytes().decode(e) for e in _encodings(path))


def test_a_separator_is_stated_where_another_would_be_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a;b;c,d\n1;2;3,4\n")
    formats, choices, about = _recognised(path)
    assert (formats.separator, choices) == (None, {"separator": [";", ","]})
    path.write_text("a|b\n1|2\n")
    formats, choices, about = _recognised(path)
    assert (formats.separator or "|", choices, about[1]) == ("|", {}, "separator '|'")


def test_the_place_of_files_is_their_name_or_their_pattern(tmp_path: Path) -> None:
    one, two = tmp_path / "t_2023.csv", tmp_path / "t_2024.csv"
    assert _place([one]) == ("t_2023.csv", [])
    assert _place([one, two]) == ("t_*.csv", ["2 files"])
    assert _place([tmp_path / "t[1].csv"])[0] == "t[[]1].csv"


def test_a_workbook_has_a_table_for_each_sheet(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed (extra report)")
    book = openpyxl.Workbook()
    book.worksheets[0].title = "clients"
    for row in (["A bank", None], ["cust_no", "kind"], [1, "P"], [2, "C"]):
        book.worksheets[0].append(row)
    plain = book.create_sheet("Sheet2")
    for row in (["x", "y"], [1, 2]):
        plain.append(row)
    book.create_sheet("empty")
    book.save(tmp_path / "bank_2024.xlsx")
    problems: list[str] = []
    found = {t.place["sheet"]: t for t in tables_of_folder(tmp_path, problems)}
    assert set(found) == {"clients", "Sheet2"}
    assert (found["clients"].name, found["Sheet2"].name) == ("clients", "bank")
    assert (found["clients"].rows, found["Sheet2"].rows) == (2, 1)
    assert (found["clients"].formats.header, found["Sheet2"].formats.header) == (2, None)
    assert found["clients"].about == "sheet 'clients', 2 rows, header in line 2"
    assert found["clients"].title == "bank_2024.xlsx (clients)"
    alone = openpyxl.Workbook()
    alone.worksheets[0].title = "whatever"
    for row in (["x", "y"], [1, 2]):
        alone.worksheets[0].append(row)
    folder = tmp_path / "alone"
    folder.mkdir()
    alone.save(folder / "moves_1.xlsx")
    alone.save(folder / "moves_2.xlsx")
    [both] = tables_of_folder(folder, problems)
    assert (both.name, both.rows, both.place["file"]) == ("moves", 2, "moves_*.xlsx")
