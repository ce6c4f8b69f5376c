"""The PKDD'99 Czech bank data ("Berka"): the eight .asc files as a book."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.arguments import as_path
from bankcrm.book import Book, write_book
from bankcrm.book.files import book_folder
from bankcrm.datasets._categories import category, constant
from bankcrm.errors import DataError, reason_of
from bankcrm.frames.arrays import codes

__all__ = ["convert_berka", "load_berka"]

_FILES: dict[str, dict[str, str]] = {
    "account": {"account_id": "int64", "district_id": "int64", "date": "int64"},
    "card": {"disp_id": "int64", "type": "str", "issued": "str"},
    "client": {"client_id": "int64", "birth_number": "int64", "district_id": "int64"},
    "disp": {"client_id": "int64", "disp_id": "int64", "account_id": "int64", "type": "str"},
    "district": {"A1": "int64", "A2": "str", "A3": "str"},
    "loan": {
        "loan_id": "int64",
        "account_id": "int64",
        "date": "int64",
        "amount": "float64",
        "duration": "int64",
        "payments": "float64",
        "status": "str",
    },
    "order": {"account_id": "int64", "bank_to": "str", "account_to": "str", "amount": "float64"},
    "trans": {
        "trans_id": "int64",
        "account_id": "int64",
        "date": "int64",
        "type": "category",
        "operation": "category",
        "amount": "float64",
        "balance": "float64",
        "k_symbol": "category",
        "bank": "str",
        "account": "str",
    },
}

_SIGNS = {"PRIJEM": 1, "VYDAJ": -1, "VYBER": -1}

# What a payment is for, by its k_symbol; where that is blank, by its operation.
_SYMBOLS = {
    "UROK": "interest",
    "SIPO": "household",
    "SLUZBY": "fee",
    "POJISTNE": "insurance",
    "SANKC. UROK": "penalty_interest",
    "DUCHOD": "pension",
    "UVER": "loan_payment",
}
_OPERATIONS = {
    "VKLAD": "cash_in",
    "VYBER": "cash_out",
    "PREVOD Z UCTU": "transfer_in",
    "PREVOD NA UCET": "transfer_out",
    "VYBER KARTOU": "card",
    "": "other",
}
_CHANNELS = {"VKLAD": "branch", "VYBER": "branch", "VYBER KARTOU": "atm"}

_STATUS = {"A": "finished", "B": "unpaid", "C": "running", "D": "in_debt"}
_LOANS_KNOWN_AT = np.datetime64("1998-12-31")  # the day of the loan statuses in the file


def load_berka(folder: str | Path, *, as_of: object = None) -> Book:
    """Read the eight ``.asc`` files of the PKDD'99 set, or a part of them, as a book.

    A customer is the owner of an account that has transactions; the day on which the account was
    opened is the contract date. What is left out (owners without a transaction, holders of a right
    to dispose, later loans) is in ``book.rejected`` and described in ``book.note``.

    Payments to another bank that match a permanent order are ``standing_order``, unless their
    symbol is more specific (household, insurance, loan payment). Balances are those at month
    ends, from the running balances. A loan whose term runs past the last transaction is
    ``running`` or, where more than one instalment is missing, ``in_debt``: the file's own status
    is that of 1998-12-31 and must not be known earlier.

    Args:
        folder: Where ``account.asc``, ``card.asc``, ``client.asc``, ``disp.asc``,
            ``district.asc``, ``loan.asc``, ``order.asc`` and ``trans.asc`` are.
        as_of: The day to record in the book; none is guessed.

    Raises:
        DataError: A file or column is missing, or holds an unknown code.
    """
    folder = as_path(folder, "folder")
    missing = [f"{name}.asc" for name in _FILES if not (folder / f"{name}.asc").is_file()]
    if missing:
        raise DataError(f"{folder}: {', '.join(missing)} missing; all eight .asc files are needed")
    raw = {name: _read(folder / f"{name}.asc", columns) for name, columns in _FILES.items()}
    owners = raw["disp"].loc[raw["disp"]["type"] == "OWNER", ["client_id", "account_id", "disp_id"]]
    twice = owners["account_id"].duplicated()
    if twice.any():
        raise DataError(
            f"disp.asc: {twice.sum():,} accounts have two owners "
            f"({few(owners['account_id'][twice])}); expected one each"
        )
    transactions = _transactions(raw["trans"], raw["order"], owners)
    last = transactions["date"].to_numpy().max().astype("datetime64[D]")
    accounts = raw["account"].merge(owners, on="account_id", how="left")
    accounts["opened_date"] = _days(accounts["date"])
    moved = accounts["account_id"].isin(transactions["account_id"])
    loans = _loans(raw["loan"], owners, transactions, last)
    in_book = (loans["granted_date"] <= last) & loans["account_id"].isin(
        accounts.loc[moved, "account_id"]
    )
    rejected: dict[str, pd.DataFrame] = {
        "accounts": accounts.loc[~moved].assign(fault="account without a transaction"),
        "loans": loans.loc[~in_book].assign(fault="granted after the last transaction"),
        "links": raw["disp"].loc[raw["disp"]["type"] != "OWNER"].assign(fault="not the owner"),
    }
    accounts = accounts.loc[moved]
    return Book(
        customers=_customers(accounts, raw, last),
        transactions=transactions,
        accounts=_accounts(accounts),
        balances=_balances(transactions, last),
        loans=loans.loc[in_book].reset_index(drop=True),
        as_of=as_of,
        name="berka",
        currency="CZK",
        presets=("valuation/czk_1993",),
        note=(
            f"Transactions up to {last}. Left out: {len(rejected['accounts']):,} accounts without "
            f"a transaction and their owners, {len(rejected['links']):,} holders of a right to "
            f"dispose, {len(rejected['loans']):,} loans granted later."
        ),
        rejected={n: f for n, f in rejected.items() if len(f)},
    )


def convert_berka(
    src: str | Path, dst: str | Path, *, as_of: object = None, force: bool = False
) -> Book:
    """Convert the ``.asc`` files in ``src`` to a book of Parquet files in ``dst``.

    Args:
        src: Folder of the eight ``.asc`` files; see `load_berka`.
        dst: Folder of the book; made if it is not there.
        as_of: The day to record in the book; none is guessed.
        force: Replace the frames of a folder that bankcrm did not write; see `write_book`.

    Returns:
        The book.
    """
    book_folder(dst, force=force).refuse_foreign()
    book = load_berka(src, as_of=as_of)
    write_book(book, dst, force=force)
    return book


def _read(path: Path, columns: dict[str, str]) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            path,
            sep=";",
            usecols=list(columns),
            dtype=defaultdict(lambda: "str", columns),
            keep_default_na=False,
            encoding="cp1250",
        )
    except (ValueError, OSError) as error:
        raise DataError(f"{path}: {reason_of(error)}") from None
    if frame.empty:
        raise DataError(f"{path}: no row")
    return frame


def _days(yymmdd: pd.Series) -> npt.NDArray[np.datetime64]:
    """Days from numbers such as 930101, all in the 1900s."""
    number = yymmdd.to_numpy(dtype=np.int64)
    months = (number // 10_000 - 70) * 12 + number // 100 % 100 - 1
    wrong = (number // 100 % 100 < 1) | (number // 100 % 100 > 12) | (number % 100 < 1)
    first = months.astype("datetime64[M]")
    day = first.astype("datetime64[D]") + (number % 100 - 1).astype("timedelta64[D]")
    wrong |= day.astype("datetime64[M]") != first
    if wrong.any():
        raise DataError(
            f"{yymmdd.name}: {wrong.sum():,} values are no days in the form YYMMDD "
            f"({few(number[wrong])})"
        )
    seconds: npt.NDArray[np.datetime64] = day.astype("datetime64[s]")
    return seconds


def _mapped(values: pd.Series, words: dict[str, str], file: str) -> npt.NDArray[np.object_]:
    """Code by code through a small table; an unknown code is an error."""
    code, index = codes(values.astype("category"))
    known = [str(v).strip() for v in index]
    if unknown := sorted({v for v in known if v not in words}):
        raise DataError(
            f"{file}.{values.name}: unknown code {', '.join(map(repr, unknown))}; "
            f"known: {', '.join(map(repr, words))}"
        )
    table = np.array([words[v] for v in known], dtype=object)
    return table[code]


def _transactions(trans: pd.DataFrame, order: pd.DataFrame, owners: pd.DataFrame) -> pd.DataFrame:
    sign = _mapped(trans["type"], {k: str(v) for k, v in _SIGNS.items()}, "trans.asc")
    by_symbol = _mapped(trans["k_symbol"], _SYMBOLS | {"": ""}, "trans.asc")
    kind = np.where(
        by_symbol == "", _mapped(trans["operation"], _OPERATIONS, "trans.asc"), by_symbol
    )
    kind = np.where((kind == "transfer_out") & _ordered(trans, order), "standing_order", kind)
    channel = _mapped(trans["operation"], dict.fromkeys(_OPERATIONS, "") | _CHANNELS, "trans.asc")
    owner = owners.set_index("account_id")["client_id"].reindex(trans["account_id"]).to_numpy()
    if np.isnan(owner).any():
        none = trans["account_id"][np.isnan(owner)]
        raise DataError(
            f"trans.asc: {len(none):,} transactions of accounts without an owner "
            f"({few(none.unique())}); give the owner of each in disp.asc"
        )
    bank = trans["bank"].to_numpy(dtype=object)
    other = bank + "/" + trans["account"].to_numpy(dtype=object)
    return pd.DataFrame(
        {
            "transaction_id": trans["trans_id"],
            "customer_id": owner.astype(np.int64),
            "account_id": trans["account_id"],
            "date": _days(trans["date"]),
            "amount": trans["amount"].to_numpy() * sign.astype(np.int64),
            "kind": category(kind),
            "channel": category(channel),
            "product": constant("demand", len(trans)),
            "counterparty": category(np.where(other == "/", "", other)),
            "balance": trans["balance"],
        }
    )


def _ordered(trans: pd.DataFrame, order: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Which payments carry out a permanent order: same account, receiver and amount."""
    named = order.rename(columns={"bank_to": "bank", "account_to": "account"})
    keys = ["account_id", "bank", "account", "amount"]
    found = pd.MultiIndex.from_frame(trans[keys]).isin(pd.MultiIndex.from_frame(named[keys]))
    return np.asarray(found)


def _customers(
    accounts: pd.DataFrame, raw: dict[str, pd.DataFrame], last: np.datetime64
) -> pd.DataFrame:
    owner = accounts.merge(raw["client"], on="client_id", suffixes=("_branch", ""))
    owner = owner.sort_values(["client_id", "opened_date"]).drop_duplicates("client_id")
    number = owner["birth_number"]
    woman = number // 100 % 100 > 50
    place = raw["district"].set_index("A1")
    issued = _days(raw["card"]["issued"].str.partition(" ")[0].astype("int64"))
    cards = raw["card"].loc[issued <= last].drop_duplicates("disp_id")
    card = cards.set_index("disp_id")["type"].reindex(owner["disp_id"])
    home = owner["district_id"]
    return pd.DataFrame(
        {
            "customer_id": owner["client_id"].to_numpy(),
            "kind": constant("person", len(owner)),
            "birth_date": _days(number - woman * 5_000),
            "gender": category(np.where(woman, "female", "male")),
            "city": category(place["A2"].reindex(home)),
            "region": category(place["A3"].reindex(home)),
            "branch": category(place["A2"].reindex(owner["district_id_branch"])),
            "contract_date": owner["opened_date"].to_numpy(),
            "card": category(card),
        }
    )


def _accounts(accounts: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": accounts["account_id"].to_numpy(),
            "customer_id": accounts["client_id"].to_numpy(),
            "product": constant("demand", len(accounts)),
            "opened_date": accounts["opened_date"].to_numpy(),
            "currency": constant("CZK", len(accounts)),
        }
    )


def _loans(
    loan: pd.DataFrame, owners: pd.DataFrame, transactions: pd.DataFrame, last: np.datetime64
) -> pd.DataFrame:
    granted = _days(loan["date"]).astype("datetime64[M]")
    status = _mapped(loan["status"], _STATUS, "loan.asc")
    paying = transactions["kind"] == "loan_payment"
    paid_by_account = -transactions.loc[paying].groupby("account_id")["amount"].sum()
    paid = paid_by_account.reindex(loan["account_id"]).fillna(0.0).to_numpy()
    months = (last.astype("datetime64[M]") - granted).astype(np.int64)
    open_ = months < loan["duration"].to_numpy()
    due = np.maximum(months - 1, 0) * loan["payments"].to_numpy()
    if last < _LOANS_KNOWN_AT:
        status = np.where(open_, np.where(paid < due - 0.5, "in_debt", "running"), status)
    amount = loan["amount"].to_numpy()
    return pd.DataFrame(
        {
            "loan_id": loan["loan_id"],
            "customer_id": owners.set_index("account_id")["client_id"]
            .reindex(loan["account_id"])
            .to_numpy(),
            "account_id": loan["account_id"],
            "granted_date": _days(loan["date"]),
            "amount": amount,
            "term_months": loan["duration"],
            "payment": loan["payments"],
            "outstanding": np.maximum(amount - paid, 0.0),
            "status": category(status),
        }
    )


def _balances(transactions: pd.DataFrame, last: np.datetime64) -> pd.DataFrame:
    """The balance of each account at each month's end, from its opening month on."""
    account, ids = codes(transactions["account_id"])
    day = transactions["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    key, closing = _day_ends(account, day, transactions)
    owner = transactions["customer_id"].to_numpy()
    first_day = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first_day, account, day)
    owner_of = np.empty(len(ids), dtype=np.int64)
    owner_of[account] = owner
    first = first_day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    end = int((last + np.timedelta64(1, "D")).astype("datetime64[M]").astype(np.int64))
    count = end - first
    which = np.repeat(np.arange(len(ids)), count)
    month = np.repeat(first - np.cumsum(count) + count, count) + np.arange(count.sum())
    month_end = (month + 1).astype("datetime64[M]").astype("datetime64[D]")
    month_end -= np.timedelta64(1, "D")
    place = np.searchsorted(key, which * _SPAN + month_end.astype(np.int64), side="right") - 1
    return pd.DataFrame(
        {
            "account_id": ids.to_numpy()[which],
            "customer_id": owner_of[which],
            "date": month_end.astype("datetime64[s]"),
            "balance": closing[place],
            "product": constant("demand", len(which)),
        }
    )


_SPAN = 1_000_000  # more days than any date has


def _day_ends(
    account: npt.NDArray[np.intp], day: npt.NDArray[np.int64], transactions: pd.DataFrame
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """For each account and day with transactions, in order: its key and its closing balance.

    Within a day the file is in no order. The closing balance is the one that the sum of all
    amounts so far points at; the file's rounding makes that sum drift by a few hellers, so the
    drift is taken from the last day that had one transaction only.
    """
    key = account * _SPAN + day
    order = np.argsort(key, kind="stable")
    key, account = key[order], account[order]
    cents = np.rint(transactions["amount"].to_numpy()[order] * 100).astype(np.int64)
    balance = transactions["balance"].to_numpy()[order]
    ends = np.flatnonzero(np.append(key[1:] != key[:-1], True))
    size = np.diff(ends, prepend=-1)
    total = np.cumsum(cents)
    opening = np.flatnonzero(np.append(True, account[1:] != account[:-1]))
    before = np.repeat(total[opening] - cents[opening], np.diff(opening, append=len(account)))
    running = (total - before)[ends] / 100
    drift = np.where(size == 1, balance[ends] - running, np.nan)
    drift[np.append(True, account[ends][1:] != account[ends][:-1]) & np.isnan(drift)] = 0.0
    known = np.maximum.accumulate(np.where(np.isnan(drift), 0, np.arange(len(ends))))
    pointed = np.repeat(running + drift[known], size)
    nearest = np.lexsort((np.abs(balance - pointed), key))
    return key[ends], balance[nearest[ends - size + 1]]
