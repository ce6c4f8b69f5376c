"""The Berka bank: every transaction kept with its sign and kind, balances from the running ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import CONTRACT, Book, read_book
from bankcrm.datasets import convert_berka, load_berka
from bankcrm.errors import DataError

AS_OF = "1994-03-30"

# A bank of two owners: 1 is a woman of 1970-12-13 in Praha, 2 a man of 1945-02-04 in Brno.
FILES = {
    "account": 'account_id;district_id;frequency;date\n10;1;"X";930101\n20;2;"X";930315\n'
    '30;2;"X";970101\n',
    "card": 'card_id;disp_id;type;issued\n1;101;"gold";930301 00:00:00\n'
    '2;102;"junior";980301 00:00:00\n',
    "client": 'client_id;birth_number;district_id\n1;"706213";1\n2;"450204";2\n3;"450204";2\n'
    '4;"450204";2\n',
    "disp": 'disp_id;client_id;account_id;type\n101;1;10;"OWNER"\n102;2;20;"OWNER"\n'
    '103;3;20;"DISPONENT"\n104;4;30;"OWNER"\n',
    "district": 'A1;A2;A3;A4\n1;"Praha";"Prague";5\n2;"Brno";"south Moravia";6\n',
    "loan": 'loan_id;account_id;date;amount;duration;payments;status\n'
    '7;10;930201;1200;12;100.00;"A"\n8;20;930401;600;6;100.00;"B"\n9;30;970201;600;6;100.00;"C"\n',
    "order": 'order_id;account_id;bank_to;account_to;amount;k_symbol\n'
    '1;10;"AB";"111";250.00;" "\n2;10;"AB";"222";90.00;"SIPO"\n',
    "trans": "trans_id;account_id;date;type;operation;amount;balance;k_symbol;bank;account\n"
    '1;10;930101;"PRIJEM";"VKLAD";1000.00;1000.00;"";;\n'
    '2;10;930201;"VYDAJ";"PREVOD NA UCET";250.00;750.00;" ";"AB";"111"\n'
    '3;10;930201;"VYDAJ";"PREVOD NA UCET";90.00;660.00;"SIPO";"AB";"222"\n'
    '4;10;930228;"PRIJEM";"";1.50;651.50;"UROK";;\n'
    '5;10;930228;"VYBER";"VYBER";10.00;650.00;"";;\n'
    '6;10;930301;"VYDAJ";"PREVOD NA UCET";99.00;551.00;"";"AB";"111"\n'
    '7;10;930301;"VYDAJ";"PREVOD NA UCET";100.00;451.00;"UVER";"AB";"333"\n'
    '8;20;930315;"PRIJEM";"PREVOD Z UCTU";900.00;900.00;"DUCHOD";"CD";"444"\n'
    '9;20;930402;"VYDAJ";"VYBER KARTOU";100.00;800.00;"";;\n'
    '10;20;930410;"PRIJEM";"PREVOD Z UCTU";5.00;805.00;"";"CD";"555"\n',
}  # fmt: skip
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the small bank, with some files changed."""

    def made(**changes: str) -> Path:
        for name, text in (FILES | changes).items():
            (tmp_path / f"{name}.asc").write_bytes(text.replace("\n", "\r\n").encode("cp1250"))
        return tmp_path

    return made


def test_signs_kinds_channels_and_standing_orders(write: Write) -> None:
    moves = load_berka(write()).transactions.set_index("transaction_id")
    assert moves["amount"].tolist() == [1000, -250, -90, 1.5, -10, -99, -100, 900, -100, 5]
    assert moves["kind"].tolist() == [
        "cash_in",
        "standing_order",
        "household",
        "interest",
        "cash_out",
        "transfer_out",  # the receiver of an order, but another amount
        "loan_payment",
        "pension",
        "card",
        "transfer_in",
    ]
    assert moves["channel"].dropna().to_dict() == {1: "branch", 5: "branch", 9: "atm"}
    assert moves.loc[8, "counterparty"] == "CD/444"
    assert moves["customer_id"].tolist() == [1] * 7 + [2] * 3


def test_customers_are_the_owners_of_accounts_that_moved(write: Write) -> None:
    book = load_berka(write())
    people = book.customers.set_index("customer_id")
    assert people.index.tolist() == [1, 2]
    assert people.loc[1, "birth_date"] == pd.Timestamp("1970-12-13")
    assert people.loc[2, "birth_date"] == pd.Timestamp("1945-02-04")
    assert people["gender"].tolist() == ["female", "male"]
    assert people["city"].tolist() == ["Praha", "Brno"]
    assert people["contract_date"].tolist() == [
        pd.Timestamp("1993-01-01"),
        pd.Timestamp("1993-03-15"),
    ]
    assert people["card"].astype(object).tolist()[0] == "gold"
    assert people["card"].isna().tolist() == [False, True]  # the other card came later
    assert {n: f["fault"].tolist() for n, f in book.rejected.items()} == {
        "accounts": ["account without a transaction"],
        "loans": ["granted after the last transaction"],
        "links": ["not the owner"],
    }
    assert "Left out: 1 accounts" in book.note


def test_loans_are_known_as_of_the_last_transaction(write: Write) -> None:
    """The file's status is of 1998: in April 1993 both loans still run, and one is behind."""
    loans = load_berka(write()).frame("loans").set_index("loan_id")
    assert loans["status"].tolist() == ["running", "running"]
    assert loans["outstanding"].tolist() == [1100, 600]
    late = FILES["trans"] + '11;20;930930;"PRIJEM";"VKLAD";5.00;810.00;"";;\n'
    loans = load_berka(write(trans=late)).frame("loans").set_index("loan_id")
    assert loans["status"].tolist() == ["in_debt", "in_debt"]
    over = FILES["trans"] + '11;20;981231;"PRIJEM";"VKLAD";5.00;810.00;"";;\n'
    loans = load_berka(write(trans=over)).frame("loans").set_index("loan_id")
    assert loans["status"].tolist() == ["finished", "unpaid", "running"][:2]


def _status(write: Write, loan: str, payments: str, last: str = "930401") -> tuple[str, float]:
    """Status and debt of a loan of account 10, with payments, and a last transaction by a day."""
    end = f'99;20;{last};"PRIJEM";"VKLAD";1.00;1.00;"";;\n'
    trans = FILES["trans"].splitlines()[0] + "\n" + payments + end
    head = FILES["loan"].splitlines()[0]
    loans = load_berka(write(trans=trans, loan=f"{head}\n{loan}\n")).frame("loans")
    return loans["status"].iloc[0], loans["outstanding"].iloc[0]


def _paid(*amounts: float) -> str:
    return "".join(
        f'{n};10;9303{n:02};"VYDAJ";"PREVOD NA UCET";{amount:.2f};0.00;"UVER";"AB";"1"\n'
        for n, amount in enumerate(amounts, start=1)
    )


@pytest.mark.parametrize(
    ("paid", "status"),
    [
        ([100, 100, 100], "running"),
        ([100, 100], "running"),  # the present one may still come
        ([100, 99.5], "running"),  # rounding
        ([100, 99], "in_debt"),
        ([100], "in_debt"),
        ([], "in_debt"),
    ],
)
def test_a_loan_is_in_debt_if_more_than_an_instalment_is_missing(
    write: Write, paid: list[float], status: str
) -> None:
    """Granted in January, so that by April two instalments of 100 are due beside the present."""
    other = '50;10;930105;"PRIJEM";"VKLAD";1.00;1.00;"";;\n'
    found = _status(write, '7;10;930115;1200;12;100.00;"D"', other + _paid(*paid))
    assert found == (status, pytest.approx(1200 - sum(paid)))


def test_after_its_term_a_loan_has_the_status_of_the_file(write: Write) -> None:
    loan = '7;10;930115;300;3;100.00;"B"'
    assert _status(write, loan, _paid(100, 100))[0] == "unpaid", "three months are over in April"
    assert _status(write, loan, _paid(100, 100), "930331")[0] == "running"
    assert _status(write, loan, _paid(100, 100, 100)) == ("unpaid", 0.0)
    assert _status(write, loan, _paid(100, 100, 150)) == ("unpaid", 0.0), "no debt below zero"
    long = '7;10;930115;12000;120;100.00;"C"'
    assert _status(write, long, _paid(100), "981230")[0] == "in_debt"
    assert _status(write, long, _paid(100), "981231")[0] == "running", "the file's own day"


def test_the_last_day_counts(write: Write) -> None:
    """A card and a loan of the day of the last transaction are in the book, of the next are not."""
    loan = (
        FILES["loan"].splitlines()[0]
        + '\n7;10;930410;1200;12;100.00;"C"\n8;20;930411;6;6;1.00;"C"\n'
    )
    card = FILES["card"].splitlines()[0] + '\n1;101;"gold";930410 00:00:00\n2;102;"gold";930411 0\n'
    book = load_berka(write(loan=loan, card=card))
    assert book.frame("loans")["loan_id"].tolist() == [7]
    assert book.rejected["loans"]["loan_id"].tolist() == [8]
    assert book.customers["card"].notna().tolist() == [True, False]
    assert book.note == (
        "Transactions up to 1993-04-10. Left out: 1 accounts without a transaction and their "
        "owners, 1 holders of a right to dispose, 1 loans granted later."
    )


@pytest.mark.parametrize(
    ("number", "gender", "born"),
    [
        (700101, "male", "1970-01-01"),
        (705101, "female", "1970-01-01"),
        (701231, "male", "1970-12-31"),
        (706231, "female", "1970-12-31"),
        (690229, "", ""),
        (120229, "male", "1912-02-29"),
        (701301, "", ""),
        (705001, "", ""),
        (700001, "", ""),
        (700100, "", ""),
        (990131, "male", "1999-01-31"),
    ],
)
def test_a_birth_number_has_fifty_more_in_the_month_of_a_woman(
    write: Write, number: int, gender: str, born: str
) -> None:
    folder = write(client=FILES["client"].replace("706213", f"{number:06}"))
    if not born:
        with pytest.raises(DataError, match="1 values are no days"):
            load_berka(folder)
        return
    one = load_berka(folder).customers.iloc[0]
    assert (one["gender"], one["birth_date"]) == (gender, pd.Timestamp(born))


def test_a_customer_of_two_accounts_has_the_contract_of_the_first(write: Write) -> None:
    """The second account was opened earlier, at another branch; the home is the customer's."""
    head, *rows = FILES["disp"].splitlines()
    disp = "\n".join([head, rows[0], '102;1;20;"OWNER"', *rows[2:], ""])
    account = FILES["account"].replace('10;1;"X";930101', '10;1;"X";930201')
    account = account.replace('20;2;"X";930315', '20;2;"X";921231')
    book = load_berka(write(disp=disp, account=account))
    one = book.customers.iloc[0]
    assert len(book.customers) == 1
    assert one["contract_date"] == pd.Timestamp("1992-12-31")
    assert (one["city"], one["region"], one["branch"]) == ("Praha", "Prague", "Brno")
    assert book.frame("accounts")["customer_id"].tolist() == [1, 1]


def test_month_ends_begin_with_the_first_transaction(write: Write) -> None:
    """A quiet month keeps its balance; the month of the last transaction counts once it is over."""
    head = FILES["trans"].splitlines()[0]
    rows = [
        '1;10;921231;"PRIJEM";"VKLAD";5.00;5.00;"";;',
        '2;10;930301;"PRIJEM";"VKLAD";2.00;7.00;"";;',
        '3;20;930131;"PRIJEM";"VKLAD";9.00;9.00;"";;',
    ]
    for last, known in (("930330", 2), ("930331", 3)):
        end = f'4;10;{last};"VYDAJ";"VYBER";1.00;6.00;"";;'
        found = load_berka(write(trans="\n".join([head, *rows, end, ""]))).frame("balances")
        ends = found.groupby("account_id")["balance"].apply(list).to_dict()
        assert ends == {10: [5.0, 5.0, 5.0, 6.0][: known + 1], 20: [9.0, 9.0, 9.0][:known]}
        assert found["customer_id"].tolist() == [1] * (known + 1) + [2] * known
        assert found["date"].iloc[0] == pd.Timestamp("1992-12-31")


def test_month_end_balances_of_the_small_bank(write: Write) -> None:
    """February's last day has two transactions, in the file in the wrong order."""
    found = load_berka(write()).frame("balances")
    rows = [(a, str(d)[:10], b) for a, d, b in found[["account_id", "date", "balance"]].to_numpy()]
    assert rows == [
        (10, "1993-01-31", 1000.0),
        (10, "1993-02-28", 651.5),
        (10, "1993-03-31", 451.0),
        (20, "1993-03-31", 900.0),
    ]


@pytest.mark.parametrize(("change", "kind"), [(-0.6, '"VYDAJ";"VYBER"'), (0.6, '"PRIJEM";"VKLAD"')])
def test_the_first_day_of_an_account_begins_with_nothing(
    write: Write, change: float, kind: str
) -> None:
    """Whatever the drift of the account before it."""
    end = 10 + change
    rows = ['1;10;930105;"PRIJEM";"VKLAD";10.00;10.00;"";;',
            f'2;10;930105;{kind};0.60;{end:.2f};"";;',
            f'3;10;930106;"PRIJEM";"VKLAD";5.00;{end + 6:.2f};"";;',  # a drift of one
            '4;20;930105;"PRIJEM";"VKLAD";10.00;10.00;"";;',
            f'5;20;930105;{kind};0.60;{end:.2f};"";;',
            '6;30;930205;"PRIJEM";"VKLAD";1.00;1.00;"";;']  # fmt: skip
    for days, first in ((rows, end + 6), ([*rows[:2], *rows[3:]], end)):
        head = FILES["trans"].splitlines()[0]
        found = load_berka(write(trans="\n".join([head, *days, ""]))).frame("balances")
        assert found["date"].tolist() == [pd.Timestamp("1993-01-31")] * 2
        assert found["balance"].tolist() == [first, end]


@pytest.mark.parametrize(("account", "other"), [(10, 20), (20, 10)])
def test_the_files_rounding_does_not_blur_the_last_balance_of_a_day(
    write: Write, account: int, other: int
) -> None:
    """Each day the balance gains ten hellers more than the amount says; the sum alone misleads."""
    rows = [f'1;{account};930101;"PRIJEM";"VKLAD";1000.00;1000.00;"";;']
    rows += [f'{20 + i};{account};9302{10 + i};"PRIJEM";"VKLAD";1.00;{1001.1 + 1.1 * i:.2f};"";;'
             for i in range(10)]  # fmt: skip
    rows += [f'40;{account};930226;"PRIJEM";"VKLAD";0.40;1011.90;"";;']
    rows += [f'41;{account};930226;"PRIJEM";"VKLAD";0.50;1011.50;"";;']
    rows += [f'42;{other};930401;"PRIJEM";"VKLAD";5.00;5.00;"";;']
    head = FILES["trans"].splitlines()[0]
    found = load_berka(write(trans="\n".join([head, *rows, ""]))).frame("balances")
    february = found[(found["account_id"] == account) & (found["date"] == "1993-02-28")]
    assert february["balance"].tolist() == [1011.9]


def test_a_converted_book_reads_back(write: Write, tmp_path: Path) -> None:
    converted = convert_berka(write(), tmp_path / "book", as_of="1993-04-30")
    found = read_book(tmp_path / "book")
    assert str(found.as_of) == "1993-04-30"
    assert found.currency == "CZK"
    assert found.note == converted.note
    checked, faults = found.check()
    assert faults == ()
    assert len(checked.transactions) == 10


def test_a_folder_of_others_is_replaced_only_by_force(write: Write, tmp_path: Path) -> None:
    place = tmp_path / "book"
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"notes\.txt, which bankcrm did not write"):
        convert_berka(write(), place)
    assert len(convert_berka(write(), place, force=True).customers) == 2
    assert (place / "notes.txt").read_text() == "mine"


def test_frames_have_columns_of_the_contract_and_rows_in_order(write: Write) -> None:
    """But for the card, of which the contract knows nothing."""
    for name, frame in load_berka(write()).frames().items():
        known = {c.name for c in CONTRACT[name]}
        assert set(frame) - known == ({"card"} if name == "customers" else set())
        assert frame.index.tolist() == list(range(len(frame)))


def test_no_day_is_guessed(write: Write) -> None:
    assert load_berka(write()).as_of is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trans": FILES["trans"].replace('"VKLAD"', '"DAR"')}, "operation: unknown code 'DAR'"),
        ({"trans": FILES["trans"].replace('"UROK"', '"UROKY"')}, "k_symbol: unknown code 'UROKY'"),
        ({"trans": FILES["trans"].replace('"VYDAJ"', '"X"')}, "type: unknown code 'X'"),
        ({"loan": FILES["loan"].replace('"B"', '"E"')}, "status: unknown code 'E'; known: 'A'"),
        ({"trans": FILES["trans"].replace("930301", "931301")}, "date: 2 values are no days"),
        ({"trans": FILES["trans"].replace("930228", "930229")}, "2 values .*930229"),
        ({"trans": FILES["trans"].replace("1000.00;1000.00", "x;1")}, r"trans\.asc"),
        ({"trans": FILES["trans"].split("\n")[0] + "\n"}, r"trans\.asc: no row"),
        ({"trans": FILES["trans"].replace("balance", "b")}, r"trans\.asc: .*balance"),
        ({"disp": FILES["disp"].replace("DISPONENT", "OWNER")}, "1 accounts have two owners"),
        ({"disp": FILES["disp"].replace("2;20", "2;21")}, "3 transactions of accounts without"),
    ],
)
def test_a_file_of_another_form_is_refused(
    write: Write, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        load_berka(write(**changes))


def test_all_eight_files_are_needed(write: Write) -> None:
    folder = write()
    (folder / "card.asc").unlink()
    (folder / "disp.asc").unlink()
    with pytest.raises(DataError, match=r"card\.asc, disp\.asc missing"):
        load_berka(folder)


# The real files


@pytest.fixture(scope="module")
def raw(shared_data: Path) -> pd.DataFrame:
    text = {"k_symbol": "str", "operation": "str", "bank": "str", "account": "str"}
    path = shared_data / "berka" / "trans.asc"
    return pd.read_csv(path, sep=";", dtype=text, keep_default_na=False)


@pytest.fixture(scope="module")
def berka(shared_data: Path) -> Book:
    return load_berka(shared_data / "berka")


def test_every_owner_and_every_transaction_is_there(berka: Book, raw: pd.DataFrame) -> None:
    assert (len(berka.customers), len(berka.transactions)) == (1_229, 46_997)
    assert berka.customers["customer_id"].is_unique
    checked, faults = berka.check(AS_OF)
    assert faults == ()
    assert (len(checked.customers), len(checked.transactions)) == (1_229, 46_997)
    signed = np.where(raw["type"] == "PRIJEM", raw["amount"], -raw["amount"])
    assert berka.transactions["amount"].tolist() == signed.tolist()
    left_out = {n: len(f) for n, f in berka.rejected.items()}
    assert left_out == {"accounts": 4_500 - 1_229, "loans": 682 - 37, "links": 869}


def test_kinds_agree_with_a_count_by_hand(berka: Book, raw: pd.DataFrame) -> None:
    symbol = raw["k_symbol"].str.strip()
    assert (berka.transactions["kind"] == "interest").sum() == (symbol == "UROK").sum() == 8_305
    assert (berka.transactions["kind"] == "fee").sum() == (symbol == "SLUZBY").sum()
    assert (berka.transactions["kind"] == "card").sum() == 12
    blank = symbol.eq("")
    cash = raw["operation"].eq("VYBER") & blank
    assert (berka.transactions["kind"] == "cash_out").sum() == cash.sum()
    # In this bank every payment to another bank without a symbol carries out a permanent order.
    sent = raw["operation"].eq("PREVOD NA UCET") & blank
    assert (berka.transactions["kind"] == "standing_order").sum() == sent.sum() == 1_973
    assert (berka.transactions["kind"] == "transfer_out").sum() == 0


def test_month_ends_agree_with_a_walk_through_the_days(berka: Book) -> None:
    """Day by day, the closing balance is the one that the day's opening and amounts lead to."""
    moves = berka.transactions.sort_values("date", kind="stable")
    found = berka.frame("balances").set_index(["account_id", "date"])["balance"]
    assert found.index.is_unique
    for account, rows in list(moves.groupby("account_id"))[:150]:
        balance = 0.0
        closing: dict[pd.Timestamp, float] = {}
        for day, day_rows in rows.groupby("date"):
            aim = balance + day_rows["amount"].sum()
            gaps = (day_rows["balance"] - aim).abs()
            assert gaps.min() <= 0.11 * len(day_rows)  # the file rounds to ten hellers
            balance = float(day_rows["balance"].loc[gaps.idxmin()])
            closing[pd.Timestamp(str(day))] = balance
        ends = pd.Series(closing).resample("ME").last().ffill()
        ends = ends[ends.index <= pd.Timestamp("1994-02-28")]
        ours = found[found.index.get_level_values("account_id") == account]
        assert ours.iloc[: len(ends)].tolist() == ends.tolist()
        assert (ours.iloc[len(ends) :] == balance).all()


def test_loans_of_the_real_bank_are_consistent(berka: Book) -> None:
    loans = berka.frame("loans")
    assert len(loans) == 37
    assert (loans["outstanding"] <= loans["amount"]).all()
    assert set(loans["status"]) <= {"running", "in_debt"}
