"""From a stranger's folder to a true report: inspect, edit a few lines, review."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import attrs
import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.book.foreign import rows_of
from tests.inspection.strangers import kept, stranger

from bankcrm import Book, Inspection, inspect_book, read_book, review, write_book
from bankcrm.book.contract import CONTRACT
from bankcrm.cli import main
from bankcrm.datasets import make_book
from bankcrm.errors import DataError
from bankcrm.policy import default_policy
from bankcrm.quality import measure_quality
from bankcrm.quality.measures.records import null_words
from bankcrm.testing.books import books

ANSWERS: dict[str, dict[str, str]] = {
    "chinese": {
        'time_zone = "DECIDE"': 'time_zone = "Asia/Shanghai"',
        'DK01 = "DECIDE"': 'DK01 = "loan_payment"',
        'YZ02 = "DECIDE"': 'YZ02 = "securities"',
    },
    "legacy": {
        '# TRFI = "other"': 'TRFI = "transfer_in"',
        '# TRFO = "other"': 'TRFO = "transfer_out"',
        '# LNPY = "other"': 'LNPY = "loan_payment"',
        '# SECU = "other"': 'SECU = "securities"',
        'kind = "DECIDE"': "",
        'G = ""': 'G = "good"',
        'W = ""': 'W = "watch"',
        'B = ""': 'B = "bad"',
    },
    "pinyin": {},
    "german": {},
    "excel": {},
}
"""Start of a line of the draft -> what a person makes of it."""

EDITS = {"chinese": 3, "legacy": 8, "pinyin": 0, "german": 0, "excel": 0}


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(300, seed=11)


def run(*words: str | Path) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            main([str(w) for w in words])
        except SystemExit as stop:
            return int(stop.code or 0), out.getvalue()
    return 0, out.getvalue()


def edited(draft: str, answers: Mapping[str, str]) -> str:
    """The draft as a person leaves it: one line for each answer."""
    lines = draft.splitlines()
    for old, new in answers.items():
        [place] = [n for n, line in enumerate(lines) if line.startswith(old)]
        lines[place] = new
    return "\n".join(lines)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_strangers_folder_gives_a_true_report_after_a_few_edits(
    name: str, bank: Book, tmp_path: Path
) -> None:
    folder = tmp_path / "bank"
    stranger(name, bank, folder)
    code, printed = run("inspect", folder)
    assert code == 0, printed
    toml = folder / "book.toml"
    draft = toml.read_text(encoding="utf-8")
    if EDITS[name]:  # nothing is guessed: the draft alone is refused
        code, refused = run("review", folder, "--out", tmp_path / "none")
        assert code == 2
        assert "DECIDE" in refused
    final = edited(draft, ANSWERS[name])
    pairs = zip(draft.splitlines(), final.splitlines(), strict=True)
    assert sum(a != b for a, b in pairs) == EDITS[name]
    toml.write_text(final, encoding="utf-8")
    code, printed = run("inspect", folder)
    assert code == 0
    assert "to decide" not in printed
    assert "problems" not in printed
    code, printed = run("review", folder, "--out", tmp_path / "out", "--quiet")
    assert code == 0, printed

    true = review(kept(bank, name), as_of=bank.as_of)
    true.write(tmp_path / "true")
    for file in ("customers.parquet",):
        theirs, ours = (pd.read_parquet(tmp_path / f / file) for f in ("out", "true"))
        pd.testing.assert_frame_equal(
            theirs, ours, check_dtype=False, check_categorical=False, check_index_type=False
        )
    theirs, ours = (
        json.loads((tmp_path / f / "summary.json").read_text("utf-8")) for f in ("out", "true")
    )
    differ = {k for k in {*theirs, *ours} if theirs.get(k) != ours.get(k)}
    assert differ <= {"name", "book", "currency", "note", "limits", "reasons", "files"}, differ


def texts_of(bank: Book) -> Iterator[str]:
    """The personal texts of a book: names, phones, mail addresses, texts of complaints."""
    for frame, rows in bank.frames().items():
        for column in CONTRACT[frame]:
            if column.personal and column.kind == "text" and column.name in rows:
                yield from (str(v) for v in rows[column.name].dropna() if str(v))


@pytest.mark.parametrize("name", ANSWERS)
def test_no_personal_value_is_printed_or_written(name: str, bank: Book, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    stranger(name, bank, folder)
    shown = "".join(run("inspect", folder, *more)[1] for more in ([], ["--force", "--json"], []))
    shown += (folder / "book.toml").read_text(encoding="utf-8")
    assert len(shown) > 1000
    assert not [text for text in texts_of(bank) if text in shown]


def test_a_users_file_is_not_replaced(bank: Book, tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    stranger("pinyin", bank, folder)
    mine = 'name = "mine"\n'
    (folder / "book.toml").write_text(mine, encoding="utf-8")
    code, printed = run("inspect", folder)
    assert code == 0
    assert "--force" in printed
    assert "no file" in printed  # it is checked as it stands: both required frames are missing
    assert (folder / "book.toml").read_text(encoding="utf-8") == mine
    with pytest.raises(DataError, match="--force"):
        inspect_book(folder, fresh=True).write(folder)
    assert run("inspect", folder, "--force")[0] == 0
    assert "kehuhao" in (folder / "book.toml").read_text(encoding="utf-8")


def test_json_has_the_proposals(bank: Book, tmp_path: Path) -> None:
    stranger("pinyin", bank, tmp_path / "bank")
    found = json.loads(run("inspect", tmp_path / "bank", "--json")[1])
    proposals = {(c["frame"], c["column"]): c["source"] for c in found["columns"]}
    assert proposals["transactions", "amount"] == "jine"
    assert proposals["customers", "gender"] == "xingbie"
    assert "contribution" in found["available"]
    assert found["written"] == str(tmp_path / "bank" / "book.toml")


Rows = list[dict[str, object]]


def looked_at(folder: Path, **tables: Rows) -> Inspection:
    """The inspection of a folder of small CSV files."""
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return inspect_book(folder)


def small(**moves: list[object]) -> dict[str, Rows]:
    """Forty customers and moves of them, with the columns that are given."""
    clients: Rows = [{"cust_no": n, "cust_type": "P" if n % 4 else "C"} for n in range(40)]
    plain: dict[str, list[object]] = {
        "cust_no": list(range(40)),
        "txn_dt": [f"2024-03-{n % 28 + 1:02}" for n in range(40)],
        "amt": [(-1) ** n * (n + 1.25) for n in range(40)],
        "txn_cd": ["POS" if n % 2 else "SALARY" for n in range(40)],
    }
    columns = {**plain, **moves}
    return {
        "clients": clients,
        "txns": [
            dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)
        ],
    }


def test_days_that_can_be_read_in_two_ways_are_a_question(tmp_path: Path) -> None:
    days = [f"{n % 12 + 1:02}/{(n + 3) % 12 + 1:02}/2024" for n in range(40)]
    found = looked_at(tmp_path, **small(txn_dt=list(days)))
    [asked] = [d for d in found.decisions if "dates" in d]
    assert "%d/%m/%Y" in asked
    assert "%m/%d/%Y" in asked
    with pytest.raises(DataError, match="DECIDE"):
        _ = found.mapping


def test_days_with_one_reading_are_no_question(tmp_path: Path) -> None:
    days = [f"{n % 28 + 1:02}/03/2024" for n in range(40)]
    found = looked_at(tmp_path, **small(txn_dt=list(days)))
    assert not found.decisions
    assert found.mapping.frame("transactions").formats.dates == ("%d/%m/%Y",)


def test_a_number_with_one_mark_is_a_question(tmp_path: Path) -> None:
    amounts = [f"{'-' if n % 2 else ''}{n + 1},{n + 100}" for n in range(40)]
    found = looked_at(tmp_path, **small(amt=list(amounts)))
    assert any("decimal" in d for d in found.decisions)


def test_a_second_candidate_is_a_question(tmp_path: Path) -> None:
    posted = [f"2024-03-{n % 28 + 2:02}" for n in range(40)]
    found = looked_at(tmp_path, **small(posting_dt=list(posted)))
    assert any("txn_dt" in n and "posting_dt" in n and "?" in n for n in found.notes)


def test_a_code_with_amounts_of_both_signs_is_a_question(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small(txn_cd=["TRF"] * 40))
    [asked] = [d for d in found.decisions if "TRF" in d]
    assert "both signs" in asked


def test_a_code_whose_amounts_all_go_out_says_why(tmp_path: Path) -> None:
    codes = ["TRF" if n % 2 else "SALARY" for n in range(40)]
    found = looked_at(tmp_path, **small(txn_cd=list(codes)))
    assert not found.decisions
    assert found.mapping.frame("transactions").values["kind"]["TRF"] == "transfer_out"
    assert "all of its amounts go out" in found.draft


@pytest.mark.parametrize(("side", "meaning"), [("in", "transfer_in"), ("out", "transfer_out")])
def test_the_column_of_an_amount_tells_what_a_code_means(
    side: str, meaning: str, tmp_path: Path
) -> None:
    amounts = [f"{n + 1}.50" for n in range(40)]
    tables = small(txn_cd=["TRF"] * 40, amt=[""] * 40)
    tables["txns"] = [
        {**{k: v for k, v in row.items() if k != "amt"}, "in": "", "out": "", side: amount}
        for row, amount in zip(tables["txns"], amounts, strict=True)
    ]
    found = looked_at(tmp_path, **tables)
    assert found.mapping.frame("transactions").values["kind"]["TRF"] == meaning


def test_amounts_without_a_sign_are_a_problem(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small(amt=[n + 1.25 for n in range(40)]))
    assert any("no amount is negative" in p for p in found.problems)


def test_a_word_that_looks_missing_is_a_word_beside_others_of_its_kind(tmp_path: Path) -> None:
    tables = small()
    for n, row in enumerate(tables["clients"]):
        row["xingbie"] = "nan" if n % 2 else "nv"
    found = looked_at(tmp_path, **tables)
    assert found.mapping.frame("customers").values["gender"] == {"nan": "male", "nv": "female"}
    assert found.mapping.formats.missing is None


def test_the_quality_of_the_customers_is_measured_as_elsewhere(bank: Book, tmp_path: Path) -> None:
    people = bank.customers.assign(city=None)
    write_book(attrs.evolve(bank, customers=people), tmp_path / "book", "csv")
    found = inspect_book(tmp_path / "book")
    measured = measure_quality(people, as_of=bank.as_of)
    share = measured.dimensions.loc["completeness", "share"]
    [line] = [q for q in found.quality if q.startswith("completeness")]
    assert line.startswith(f"completeness {share:.1%}: ")
    assert "city 0.0%" in line
    assert f"quality of the customers' records\n  {found.quality[0]}" in str(found)


def test_ids_that_are_no_customers_are_named(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small(cust_no=[n + 1000 for n in range(40)]))
    assert any("of the ids" in p and "cust_no" in p for p in found.problems)
    assert not [n for n in range(1000, 1040) if str(n) in f"{found} {found.draft}"]  # ids


def test_a_wrong_header_is_asked_about(tmp_path: Path) -> None:
    tables = small()
    tables["clients"] = [
        {"custmer_no": r["cust_no"], "cust_type": r["cust_type"]} for r in tables["clients"]
    ]
    found = looked_at(tmp_path, **tables)
    assert "did you mean" in found.draft
    assert found.mapping.frame("customers").source("customer_id").column == "custmer_no"


@settings(max_examples=10)
@given(books(), st.sampled_from(["csv", "parquet"]))
def test_a_folder_in_the_contract_is_drafted_as_itself(
    tmp_path_factory: pytest.TempPathFactory, book: Book, kind: Literal["csv", "parquet"]
) -> None:
    folder = tmp_path_factory.mktemp("own")
    write_book(book, folder, kind)
    (folder / "book.toml").unlink()
    draft = inspect_book(folder).draft.replace('as_of = "DECIDE"', "as_of = 2026-06-30")
    assert "DECIDE" not in draft.split("\n\n", 1)[1]
    (folder / "book.toml").write_text(draft, encoding="utf-8")
    found = read_book(folder)
    for name, frame in book.frames().items():
        if len(frame):
            assert _without_marks(found.frame(name), name) == _without_marks(frame, name)


def _without_marks(frame: pd.DataFrame, name: str) -> list[tuple[object, ...]]:
    """The rows of a frame; a text such as "-" is drafted as a missing value."""
    marks = null_words(default_policy("quality"))
    return [tuple(None if v in marks else v for v in row) for row in rows_of(frame, name)]


def test_the_order_of_columns_and_rows_does_not_matter(bank: Book, tmp_path: Path) -> None:
    stranger("pinyin", bank, tmp_path / "bank")
    first = inspect_book(tmp_path / "bank").mapping
    chance = random.Random(1)
    for path in (tmp_path / "bank").glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        names = list(rows[0])
        chance.shuffle(names)
        chance.shuffle(rows)
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(rows)
    assert inspect_book(tmp_path / "bank").mapping == first


def test_what_a_book_will_not_have_is_what_its_review_has_not(bank: Book, tmp_path: Path) -> None:
    stranger("pinyin", bank, tmp_path / "bank")
    (tmp_path / "bank" / "zhanghuyue_0.csv").unlink()
    found = inspect_book(tmp_path / "bank")
    found.write(tmp_path / "bank")
    book = read_book(tmp_path / "bank")
    made = review(book, as_of=book.as_of)
    assert "contribution" in found.reasons
    assert dict(found.limits) == dict(made.limits)
    assert {k: v for k, v in found.reasons.items() if k in made.reasons} == dict(made.reasons)


def test_the_results_of_a_small_folder_are_those_of_its_review(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small())
    made = review(read_book(tmp_path, mapping=found.mapping), as_of="2024-03-28")
    shown = {c for step in made.steps for c in step.results if c not in step.hidden}
    rules = {d.rule_column for step in made.steps for d in step.decisions}
    known = shown - rules - set(made.reasons)
    assert set(found.available) & shown == known
    assert not set(found.available) & rules
    assert not set(found.available) & set(found.reasons)
    assert set(found.reasons) == set(made.reasons)
    assert dict(found.limits) == dict(made.limits)
    assert "as_of = 2024-03-28" in found.draft
    assert found.drafted
    assert [(f.name, f.rows) for f in found.frames] == [("customers", 40), ("transactions", 40)]
    columns = {(c.frame, c.column): c.source for c in found.columns}
    assert columns["transactions", "amount"] == "amt"
    with pytest.raises(DataError, match="is a file"):
        inspect_book(tmp_path / "txns.csv")
    with pytest.raises(DataError, match="no such folder"):
        inspect_book(tmp_path / "none")


def test_the_fields_that_lack_most_are_named(tmp_path: Path) -> None:
    tables = small()
    for n, row in enumerate(tables["clients"]):
        row |= {"name": "Li" if n % 2 else "", "phone": "1" if n % 3 else "", "city": ""}
    [line] = [q for q in looked_at(tmp_path, **tables).quality if q.startswith("completeness")]
    named = [part.rpartition(" ") for part in line.partition(": ")[2].split(", ")]
    shares = [float(share.rstrip("%")) for _, _, share in named]
    assert shares == sorted(shares)
    assert max(shares) < 100
    assert len(named) <= 5


def in_tables(folder: Path, url: str) -> None:
    """The Chinese files as tables of a database, with columns of numbers and, of a server, days."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    for path in sorted(folder.glob("*.csv")):
        rows = pd.read_csv(path, encoding="gb18030", sep=";", thousands=",")
        if not url.startswith("sqlite"):
            for column in [c for c in rows if c.endswith("日期")]:
                rows[column] = pd.to_datetime(rows[column], format="%Y/%m/%d").dt.date
        table = path.stem.rstrip("_0123456789")
        rows.to_sql(table, engine, index=False, if_exists="append")
    engine.dispose()


def test_a_strangers_database_gives_a_true_report_after_a_few_edits(
    bank: Book, database: str, tmp_path: Path
) -> None:
    stranger("chinese", bank, tmp_path / "files")
    in_tables(tmp_path / "files", database)
    code, printed = run("inspect", database, "--out", tmp_path / "drafted")
    assert code == 0, printed
    assert "problems" not in printed
    toml = tmp_path / "drafted" / "book.toml"
    toml.write_text(edited(toml.read_text("utf-8"), ANSWERS["chinese"]), encoding="utf-8")
    code, printed = run("review", tmp_path / "drafted", "--out", tmp_path / "out", "--quiet")
    assert code == 0, printed
    found = pd.read_parquet(tmp_path / "out" / "customers.parquet").sort_index()  # tables have none
    true = review(kept(bank, "chinese"), as_of=bank.as_of).customers.sort_index()
    pd.testing.assert_frame_equal(
        found, true, check_dtype=False, check_categorical=False, check_index_type=False
    )


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_header_under_lines_of_a_title_is_found(kind: str, tmp_path: Path) -> None:
    for name, rows in small().items():
        lines = [["A Bank", *[""] * (len(rows[0]) - 1)], [f"{name} of 2024"], [], list(rows[0])]
        lines += [[str(cell) for cell in row.values()] for row in rows]
        if kind == "csv":
            with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(lines)
        else:
            workbook = openpyxl.Workbook()
            for line in lines:
                workbook.worksheets[0].append(line)
            workbook.save(tmp_path / f"{name}.xlsx")
    found = inspect_book(tmp_path)
    assert not found.problems
    assert found.mapping.formats.header == 4
    assert len(read_book(tmp_path, mapping=found.mapping).transactions) == 40


def test_files_of_quarters_are_one_table_though_their_titles_differ(tmp_path: Path) -> None:
    tables = small()
    looked_at(tmp_path, clients=tables["clients"])
    for quarter in range(4):
        with (tmp_path / f"txns_Q{quarter}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(f"Movements of quarter {quarter}\n")
            writer = csv.DictWriter(file, list(tables["txns"][0]))
            writer.writeheader()
            writer.writerows(tables["txns"][quarter * 10 : quarter * 10 + 10])
    found = inspect_book(tmp_path)
    assert not found.problems
    assert len(read_book(tmp_path, mapping=found.mapping).transactions) == 40


def test_movements_that_name_only_the_account_are_those_of_its_customer(tmp_path: Path) -> None:
    tables = small()
    whole = looked_at(tmp_path, **tables)
    true = read_book(tmp_path, mapping=whole.mapping).transactions
    other = {"product": "demand", "opened": "2020-01-15"}
    accounts = [{"acct_no": n + 900, "cust_no": n, **other} for n in range(40)]
    moves = [
        {"acct_no": n + 900, **{k: v for k, v in row.items() if k != "cust_no"}}
        for n, row in enumerate(tables["txns"])
    ]
    found = looked_at(tmp_path, clients=tables["clients"], accounts=accounts, txns=moves)
    assert not found.problems
    assert 'customer_id = { account = "acct_no" }' in found.draft
    read = read_book(tmp_path, mapping=found.mapping).transactions
    assert read["customer_id"].tolist() == true["customer_id"].tolist()


def test_a_frame_without_its_customers_is_one_problem(tmp_path: Path) -> None:
    tables = small()
    tables["balances"] = [{"acct_no": n, "date": "2024-03-01", "balance": 1.5} for n in range(40)]
    found = looked_at(tmp_path, **tables)
    [problem] = found.problems
    assert "balances" in problem
    assert "customer_id" in problem


def test_a_large_table_is_judged_by_a_sample_and_counted_in_full(tmp_path: Path) -> None:
    rows = 9_000
    tables = small(
        cust_no=[n % 41 for n in range(rows)],
        txn_dt=[f"2024-03-{n % 28 + 1:02}" for n in range(rows)],
        amt=[f"{(-1) ** n * (n + 1.25):,.2f}" for n in range(rows)],
        txn_cd=["POS" if n % 3 else "SALARY" for n in range(rows)],
    )
    found = looked_at(tmp_path, **tables)
    assert found.mapping.frame("transactions").formats.thousands == ","
    assert "9,000 rows" in found.frames[1].about
    assert 'POS = "card"                          # 6,000 rows' in found.draft
    assert "97.6% of them are in customers" in found.draft  # 40 of 41


def test_ids_with_decimals_in_one_file_join_those_of_another(tmp_path: Path) -> None:
    tables = small(cust_no=[f"{n}.0" for n in range(40)])
    found = looked_at(tmp_path, **tables)
    assert not found.decisions
    assert not found.problems
    assert "100.0% of them are in customers" in found.draft


def test_a_text_that_several_encodings_read_is_a_question(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small())
    assert not found.decisions
    text = "cust_no;cust_type;city\n" + "".join(f"{n};P;B\u00e9ziers \u0159\n" for n in range(40))
    (tmp_path / "clients.csv").write_bytes(text.encode("cp1250"))
    asked = inspect_book(tmp_path).decisions
    assert any("encoding" in d and "cp1252" in d and "cp1250" in d for d in asked)


def test_a_text_that_two_separators_split_is_a_question(tmp_path: Path) -> None:
    looked_at(tmp_path, **small())
    rows = "".join(f"{n};P,x;1,2\n" for n in range(40))
    (tmp_path / "clients.csv").write_text("cust_no;cust_type,note;note 2,other\n" + rows)
    assert any("separator" in d for d in inspect_book(tmp_path).decisions)


def test_one_run_reports_the_problems_of_all_files(tmp_path: Path) -> None:
    tables = small()
    del tables["txns"][0]["amt"]
    tables["txns"] = [{k: v for k, v in r.items() if k != "amt"} for r in tables["txns"]]
    tables["clients"][1]["cust_no"] = 0
    (tmp_path / "accounts.xlsx").write_bytes(b"no workbook")
    (tmp_path / "scan.pdf").write_bytes(b"x")
    problems = "\n".join(looked_at(tmp_path, **tables).problems)
    assert "accounts.xlsx: cannot be read as Excel" in problems
    assert "scan.pdf: not looked at" in problems
    assert "has no column for amount" in problems
    assert "customers.customer_id: not unique" in problems


def test_a_mapping_that_is_there_is_checked_with_the_nearest_names(tmp_path: Path) -> None:
    found = looked_at(tmp_path, **small())
    wrong = found.draft.replace('"txn_dt"', '"txn_date"').replace('"cust_type"', '"cust_typ"')
    (tmp_path / "book.toml").write_text(wrong, encoding="utf-8")
    checked = inspect_book(tmp_path)
    assert not checked.drafted
    text = "\n".join(checked.problems)
    assert "did you mean 'txn_dt'" in text
    assert "did you mean 'cust_type'" in text


@pytest.mark.parametrize("content", [None, "notes"])
def test_a_folder_without_tables_is_refused(content: str | None, tmp_path: Path) -> None:
    if content:
        (tmp_path / "readme.md").write_text(content)
    code, printed = run("inspect", tmp_path)
    assert code == 2
    assert "no table" in printed


def test_usage_of_out() -> None:
    assert run("inspect", ".", "--out", "x")[0] == 2
