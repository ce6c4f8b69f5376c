"""Stale and odd books: each sign is found, and a sound book has none."""

from __future__ import annotations

import datetime as dt
import itertools
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bankcrm.book import Book
from bankcrm.book.oddities import _other_months, _other_products, _typical, oddities
from bankcrm.book.signs import SIGNS, signs_of
from bankcrm.book.view import book_view
from bankcrm.datasets import load_berka, load_cdnow, make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.frames import DataFault
from bankcrm.policy import default_policy
from bankcrm.reviews import review

POLICY = default_policy("bank")
PROBLEMS = {
    "stale",
    "ends_early",
    "constant",
    "several_customers",
    "repeated_rows",
    "another_unit",
}
SOUND = make_book(300, seed=5)
END = pd.Timestamp(SOUND.as_of)


def found_in(book: Book, day: object = None) -> list[DataFault]:
    checked, _ = book.check(day)
    assert checked.as_of is not None
    return oddities(signs_of(book_view(checked)), checked.as_of, POLICY)


def spoiled(**frames: Any) -> Book:
    return Book(**{**SOUND.frames(), **frames}, as_of=SOUND.as_of, name="spoiled")


def moves(**changes: Any) -> pd.DataFrame:
    return SOUND.transactions.assign(**changes)


def changed(name: str, column: str, rows: Callable[[pd.DataFrame], Any], by: float) -> pd.DataFrame:
    frame = SOUND.frame(name).copy()
    chosen = rows(frame)
    frame.loc[chosen, column] = (frame.loc[chosen, column] * by).round(2)
    return frame


def in_month(frame: pd.DataFrame) -> Any:
    return frame["date"].dt.to_period("M") == pd.Period("2026-02", "M")


def loaded_twice(day: str) -> pd.DataFrame:
    frame = SOUND.transactions
    again = frame[frame["date"] == pd.Timestamp(day)]
    again = again.assign(transaction_id=np.arange(len(again)) + 10**9)
    return pd.concat([frame, again], ignore_index=True)


def before(name: str, days: int) -> pd.DataFrame:
    frame = SOUND.frame(name)
    return frame[frame["date"] <= END - pd.Timedelta(days=days)]


def shared() -> pd.DataFrame:
    """The account of the first customer is the second one's as well."""
    frame = SOUND.transactions.copy()
    owners = frame.dropna(subset=["account_id"]).drop_duplicates("customer_id")
    mine, yours = owners.iloc[0], owners.iloc[1]
    frame.loc[frame["customer_id"] == yours["customer_id"], "account_id"] = mine["account_id"]
    return frame


BUSY = str(SOUND.transactions["date"].value_counts().index[0].date())
ODD: dict[str, tuple[Book, str, str]] = {
    "a constant amount": (spoiled(transactions=moves(amount=-7.5)), "constant", "amount"),
    "a constant date": (
        spoiled(customers=SOUND.customers.assign(contract_date=pd.Timestamp("2020-01-01"))),
        "constant",
        "contract_date",
    ),
    "balances that end early": (spoiled(balances=before("balances", 200)), "ends_early", "date"),
    "movements that end early": (
        spoiled(transactions=before("transactions", 80)),
        "ends_early",
        "date",
    ),
    "an account of two": (spoiled(transactions=shared()), "several_customers", "account_id"),
    "a day loaded twice": (spoiled(transactions=loaded_twice(BUSY)), "repeated_rows", ""),
    "a month in cents": (
        spoiled(transactions=changed("transactions", "amount", in_month, 100)),
        "another_unit",
        "amount",
    ),
    "a month in thousands": (
        spoiled(transactions=changed("transactions", "amount", in_month, 0.001)),
        "another_unit",
        "amount",
    ),
    "a month of balances in cents": (
        spoiled(balances=changed("balances", "balance", in_month, 100)),
        "another_unit",
        "balance",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_each_oddity_is_found(case: str) -> None:
    book, problem, column = ODD[case]
    named = {(f.problem, f.column) for f in found_in(book)}
    assert (problem, column) in named
    assert {p for p, _ in named} <= {problem, "stale" if "movements" in case else problem}
    assert all(f.count > 0 for f in found_in(book))


def test_stale_movements_are_found_from_the_limit_on() -> None:
    limit = int(POLICY.value("stale_after_days"))
    for days, stale in ((limit, False), (limit + 1, True)):
        problems = [f.problem for f in found_in(SOUND, END + pd.Timedelta(days=days))]
        last = SOUND.transactions["date"].max()
        assert last == END, "the sample has a movement on its day"
        assert problems == (["stale"] if stale else [])


def test_a_product_in_cents_is_found_and_a_large_round_one_is_not() -> None:
    amounts = np.random.default_rng(3).integers(1000, 9000, 60)
    frame = pd.DataFrame(
        {
            "customer_id": np.arange(120) % 10,
            "date": pd.Timestamp("2026-06-01") + pd.to_timedelta(np.arange(120) % 30, unit="D"),
            "product": ["demand"] * 60 + ["term"] * 60,
            "kind": "card",
        }
    )
    people = pd.DataFrame({"customer_id": range(10), "kind": "person"})
    sizes = {"cents": amounts * 13 + 1, "round": amounts * 100.0, "plain": amounts * 0.97}
    for name, deposit in sizes.items():
        for others in (amounts / 37, amounts // 37):  # in a bank of whole amounts nothing is odd
            rows = frame.assign(amount=np.concatenate([others, deposit]).round(2))
            found = found_in(Book(people, rows), "2026-06-30")
            odd = name == "cents" and others.dtype.kind == "f"
            assert [f.problem for f in found] == (["another_unit"] if odd else [])
        assert not found or found[0].examples[0].startswith("product term: typically")


def judged(*rows: tuple[Any, ...]) -> list[str]:
    """The problems that signs tell on the day after them."""
    signs = pd.DataFrame(list(rows), columns=list(SIGNS))
    return [f.problem for f in oddities(signs, dt.date(1972, 9, 28), POLICY)]


LAST = 1000  # 1972-09-27
FEWEST = int(POLICY.value("odd_rows"))
APART = int(POLICY.value("frames_apart_days"))


def test_the_fewest_rows_of_an_oddity() -> None:
    for rows in (FEWEST - 1, FEWEST, FEWEST + 1):
        odd = rows >= FEWEST
        constant = judged(("value", "transactions", "amount", "", 0, rows, 5.0, 5.0))
        assert constant == (["constant"] if odd else [])
        assert not judged(("value", "transactions", "amount", "", 0, rows, 5.0, 5.1))
        moves = ("day", "transactions", "date", "", LAST, 5, 0.0, 0.0)
        ended = ("day", "balances", "date", "", LAST - APART - 1, rows, 0.0, 0.0)
        assert judged(moves, ended) == (["ends_early"] if odd else [])
        doubled = ("day", "transactions", "date", "", LAST, rows, (rows + 1) // 2, 0.0)
        assert judged(doubled) == (["repeated_rows"] if odd else [])
        scattered = [("day", "transactions", "date", "", LAST - d, 10, float(d < rows), 0.0)
                     for d in range(40)]  # fmt: skip
        assert judged(*scattered) == (["repeated_rows"] if odd else [])


def test_a_frame_has_ended_after_three_of_its_longest_pauses() -> None:
    """A frame that comes twice a quarter has not ended because it pauses for a quarter."""
    moves = ("day", "transactions", "date", "", LAST, 5, 0.0, 0.0)
    for days, pause in itertools.product((APART - 1, APART, APART + 1), (1, APART // 2)):
        rows = [
            ("day", "balances", "date", "", LAST - days - back, 50, 0.0, 0.0) for back in (0, pause)
        ]
        odd = days > max(APART, 3 * pause)
        assert judged(moves, *rows) == (["ends_early"] if odd else []), (days, pause)


def test_a_notable_share_of_repeated_rows() -> None:
    share = POLICY.value("repeated_share")
    for again in (99, 100, 101):
        days = [("day", "transactions", "date", "", LAST - d, 1000 / share / 100, again / 10, 0.0)
                for d in range(10)]  # fmt: skip
        assert judged(*days) == (["repeated_rows"] if again >= 100 else []), again


@pytest.mark.parametrize(("deposit", "odd"), [((21, 22), False), ((23, 24), True)])
def test_a_product_in_cents_is_more_than_ten_times_as_large(
    deposit: tuple[int, int], odd: bool
) -> None:
    """Sizes are counted in bins of a twentieth of a power of ten: 2 to 2.23, then 20 to 22.3."""
    rows = pd.DataFrame(
        {
            "customer_id": np.arange(80) % 10,
            "date": pd.date_range(end="2026-06-30", periods=80),
            "product": ["demand", "term"] * 40,
            "kind": "card",
            "amount": [2.01, deposit[0], 2.22, deposit[1]] * 20,
        }
    )
    people = pd.DataFrame({"customer_id": range(10), "kind": "person"})
    found = found_in(Book(people, rows), "2026-06-30")
    assert [f.problem for f in found] == (["another_unit"] if odd else [])


@pytest.mark.parametrize("owners", [(0, 1), (1, 0), (0, 1, 1), (1, 1, 0), (1, 0, 1), (0, 0, 1)])
def test_every_row_of_an_account_of_two_counts(owners: tuple[int, ...]) -> None:
    size = len(owners)
    rows = pd.DataFrame(
        {
            "customer_id": [*owners, 0, 1],
            "account_id": [5] * size + [6, 7],
            "date": pd.date_range("2026-06-01", periods=size + 2),
            "amount": np.arange(1.5, size + 3),
            "kind": "card",
        }
    )
    people = pd.DataFrame({"customer_id": [0, 1], "kind": "person"})
    (found,) = found_in(Book(people, rows), "2026-06-30")
    assert (found.problem, found.count, found.examples) == ("several_customers", size, ("5",))


SIZES = st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.25, 1.5, 1.625, 2.0, 2.25, 2.375, 2.625, 2.75,
                                  3.0, 3.25, 3.375, -1.0, -2.0, -3.0]), max_size=7)  # fmt: skip


@given(SIZES)
@example([0.0, 2.0])
@example([0.0, 0.0, 2.0])
@example([0.0, 0.0, 2.0, 3.0])
@example([0.0, 0.0, 0.0, 2.0, 1.5])
@example([0.0, 0.0, 1.0, 3.25, 0.5])
def test_a_month_is_in_another_unit_where_the_others_are_alike(sizes: list[float]) -> None:
    """Sizes are powers of ten; the months are at least three, and fewer than half are odd."""
    groups = pd.DataFrame({"size": sizes}, index=[str(n) for n in range(len(sizes))], dtype=float)
    expected = []
    if len(sizes) >= 3:
        usual = statistics.median(sizes)
        odd = [n for n, size in enumerate(sizes) if not usual - 1 <= size <= usual + 1]
        units = [min(abs(abs(sizes[n] - usual) - unit) for unit in (2, 3)) for n in odd]
        if len(odd) < len(sizes) / 2 and all(near < 0.35 for near in units):
            expected = [(str(n), usual) for n in odd]
    assert list(_other_months(groups)) == expected


PRODUCTS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 1.0, 1.5, 2.5, 3.0]),
        st.sampled_from([0.0, 0.5, 0.625, 1.0]),
        st.sampled_from([0.0, 0.0625, 0.1, 0.5]),
    ),
    max_size=5,
)


@given(PRODUCTS)
@example([(0.0, 0.5, 0.0), (1.0, 1.0, 0.0), (1.5, 1.0, 0.0625), (3.0, 1.0, 0.1)])
@example([(0.0, 0.5, 0.0), (3.0, 1.0, 0.0)])
@example([(0.0, 0.625, 0.0), (3.0, 1.0, 0.0)])
def test_a_product_is_in_cents_where_the_others_have_them(
    products: list[tuple[float, float, float]],
) -> None:
    """Size, share of whole amounts, and share of whole hundreds."""
    names = [f"P{n}" for n in range(len(products))]
    groups = pd.DataFrame(products, index=names, columns=["size", "whole", "even"], dtype=float)
    uneven = {n for n, (_, whole, even) in zip(names, products, strict=True)
              if whole == 1 and even < 0.1}  # fmt: skip
    others = [p for n, p in zip(names, products, strict=True) if n not in uneven]
    expected = []
    if others and max(whole for _, whole, _ in others) <= 0.5:
        usual = statistics.median(size for size, _, _ in others)
        expected = [(n, usual) for n in sorted(uneven) if groups["size"][n] - usual > 1]
    assert list(_other_products(groups)) == expected


BINS = st.tuples(st.sampled_from("AB"), st.integers(-45, 90), st.integers(1, 5))


@given(st.lists(BINS, min_size=1, max_size=8), st.integers(1, 8))
@example([("A", 20, 2), ("A", 40, 2)], 4)
@example([("A", 20, 2), ("A", 40, 3), ("B", 7, 4)], 5)
def test_the_typical_size_is_the_middle_of_the_bin_of_the_median(
    bins: list[tuple[str, int, int]], fewest: int
) -> None:
    rows = pd.DataFrame(bins, columns=["group", "place", "rows"])
    rows = rows.assign(low=rows["rows"] // 2, high=rows["rows"] // 4)
    found = _typical(rows, fewest)
    for group in "AB":
        own = [(place, n) for name, place, n in bins if name == group]
        total = sum(n for _, n in own)
        assert (group in found.index) == (total >= fewest)
        if group in found.index:
            middle = statistics.median_low([place for place, n in own for _ in range(n)])
            row = found.loc[group]
            assert row["rows"] == total
            assert row["size"] == pytest.approx(math.log10(10 ** ((middle + middle + 1) / 40)))
            assert row["whole"] == sum(n // 2 for _, n in own) / total
            assert row["even"] == sum(n // 4 for _, n in own) / total


def test_a_finding_names_the_days_that_show_it() -> None:
    """The days are those of 1972: 26 and 27 September, and 30 March."""

    def told(*rows: tuple[Any, ...], day: dt.date = dt.date(1972, 9, 28)) -> dict[str, Any]:
        signs = pd.DataFrame(list(rows), columns=list(SIGNS))
        return {f.problem: (f.count, f.examples, f.expected) for f in oddities(signs, day, POLICY)}

    def moved(place: int, rows: int, again: int = 0) -> tuple[Any, ...]:
        return "day", "transactions", "date", "", place, rows, again, 0.0

    found = told(moved(LAST, 3), moved(LAST - 1, 4), day=dt.date(1974, 1, 1))
    limit = f"{POLICY.value('stale_after_days'):g} days before 1974-01-01, not 461"
    assert found["stale"][:2] == (7, ("last movement 1972-09-27",))
    assert limit in found["stale"][2]
    early = [("day", "balances", "date", "", LAST - back, 40, 0.0, 0.0) for back in (181, 182)]
    count, examples, expected = told(moved(LAST, 3), *early)["ends_early"]
    assert (count, examples) == (80, ("last row 1972-03-30",))
    assert "1972-09-27" in expected
    again = told(moved(LAST, FEWEST, FEWEST), moved(LAST - 1, 1000, 1))["repeated_rows"]
    assert again[:2] == (FEWEST + 1, ("1972-09-27",))
    again = told(moved(LAST, 100, FEWEST), moved(LAST - 1, 100, 1), moved(LAST - 2, 1))
    assert again["repeated_rows"][:2] == (FEWEST + 1, ("1972-09-26", "1972-09-27"))
    dates = ("value", "customers", "contract_date", "", 0, FEWEST, float(LAST), float(LAST))
    assert told(dates)["constant"][:2] == (FEWEST, ("1972-09-27",))


def test_movements_are_stale_from_the_day_after_the_limit() -> None:
    limit = int(POLICY.value("stale_after_days"))
    move = ("day", "transactions", "date", "", LAST, 5, 0.0, 0.0)
    signs = pd.DataFrame([move], columns=list(SIGNS))
    for days in (limit - 1, limit, limit + 1):
        day = dt.date(1972, 9, 27) + dt.timedelta(days=days)
        found = [f.problem for f in oddities(signs, day, POLICY)]
        assert found == (["stale"] if days > limit else [])


@given(st.lists(st.none() | st.integers(-9, 9), max_size=6))
def test_the_values_of_a_column_are_those_that_are_known(values: list[int | None]) -> None:
    """Numbers and days alike: how many, the least and the greatest."""
    epoch = dt.date(1970, 1, 1)
    days = [None if v is None else epoch + dt.timedelta(days=v) for v in values]
    people = pd.DataFrame({"customer_id": range(len(values)), "income": values,
                           "birth_date": days, "contract_date": days}, dtype=object)  # fmt: skip
    people = people.astype({"income": float, "customer_id": int})
    for column in ("birth_date", "contract_date"):
        people[column] = pd.to_datetime(people[column]).astype("datetime64[s]")
    signs = signs_of(book_view(Book(people, SOUND.transactions.iloc[:0])))
    signs = signs[signs["sign"] == "value"]
    known = [v for v in values if v is not None]
    expected = [(c, len(known), min(known), max(known))
                for c in ("birth_date", "contract_date", "income") if known]  # fmt: skip
    found = signs[["column", "rows", "low", "high"]].sort_values("column")
    assert list(found.itertuples(index=False, name=None)) == expected


@settings(max_examples=6)
@given(st.integers(0, 10**6), st.sampled_from([30, 150, 500]))
def test_a_sound_synthetic_book_has_none(seed: int, customers: int) -> None:
    assert found_in(make_book(customers, seed=seed)) == []


@settings(max_examples=15)
@given(st.sampled_from(sorted(ODD)), st.integers(2, 5), st.randoms())
def test_the_signs_of_parts_are_those_of_the_whole(case: str, parts: int, draw: Any) -> None:
    """Whole customers in parts, as an engine has them, but for an account in two parts."""
    book, problem, _ = ODD[case]
    if problem == "several_customers":
        return
    checked, _ = book.check()
    part = {c: draw.randrange(parts) for c in checked.customers["customer_id"]}
    pieces = []
    for number in range(parts):
        frames = {
            n: f[f["customer_id"].map(part).to_numpy() == number].reset_index(drop=True)
            for n, f in checked.frames().items()
            if n not in ("links", "capital")
        }
        pieces.append(signs_of(book_view(Book(**frames))))
    joined = oddities(pd.concat(pieces), dt.date(2026, 6, 30), POLICY)
    assert joined == found_in(book)


AMOUNTS = (0.0, -0.0, 0.01, -1.0, 9.99, 10.0, 100.0, -99.5, 12_300.0, 1e6, 1e6 + 1)
MOVE = st.tuples(
    st.sampled_from([1, 2, 3]),
    st.one_of(st.none(), st.dates(dt.date(1969, 12, 30), dt.date(1970, 2, 2))),
    st.one_of(st.none(), st.sampled_from(AMOUNTS)),
    st.sampled_from([None, "term", "demand"]),
)


def by_loop(rows: list[tuple[Any, ...]]) -> dict[tuple[str, str, int], list[int]]:
    """Sign, group and place -> rows, ``low`` and ``high``."""
    found: dict[tuple[str, str, int], list[int]] = {}
    seen = set()
    for row in rows:
        _, day, amount, product = row
        if day is None:
            continue
        number = found.setdefault(("day", "", (day - dt.date(1970, 1, 1)).days), [0, 0, 0])
        number[0] += 1
        number[1] += row in seen
        seen.add(row)
        if not amount:
            continue
        month = str((day.year - 1970) * 12 + day.month - 1)
        size = math.floor(math.log10(abs(amount)) * 20)
        for sign, group in (("month", month), ("product", product)):
            if group is not None:
                number = found.setdefault((sign, group, size), [0, 0, 0])
                number[0] += 1
                number[1] += amount == int(amount)
                number[2] += amount % 100 == 0
    return found


@given(st.lists(MOVE, min_size=1, max_size=30))
@example([(1, dt.date(1970, 1, 1), 10.0, None)] * 3)
@example([(1, None, 5.0, "term"), (1, dt.date(1970, 1, 31), -0.0, None)])
@example([(1, dt.date(1970, 1, 1), 0.0, None), (1, dt.date(1970, 1, 1), -0.0, None)])
def test_the_signs_are_those_of_a_loop_over_the_rows(rows: list[tuple[Any, ...]]) -> None:
    customer, day, amount, product = zip(*rows, strict=True)
    frame = pd.DataFrame(
        {
            "customer_id": customer,
            "date": pd.to_datetime(pd.Series(day, dtype=object)).astype("datetime64[s]"),
            "amount": pd.Series(amount, dtype="float64"),
            "product": pd.Categorical(product),
        }
    )
    people = pd.DataFrame({"customer_id": [1, 2, 3]})
    signs = signs_of(book_view(Book(people, frame)))
    signs = signs[signs["sign"].isin(["day", "month", "product"])]
    keys = zip(signs["sign"], signs["group"], signs["place"], strict=True)
    counts = signs[["rows", "low", "high"]].astype(int).to_numpy().tolist()
    assert dict(zip(keys, counts, strict=True)) == by_loop(rows)


@pytest.mark.parametrize("case", ["a month in cents", "a day loaded twice", "a constant date"])
def test_a_review_reports_them_on_every_engine(case: str) -> None:
    book, problem, _ = ODD[case]
    memory, duck = (
        review(source, as_of=END, **more)
        for source, more in ((book, {}), (DuckDBEngine(book), {"blocks": 3}))
    )
    ours, theirs = (
        r.findings[r.findings["problem"].isin(PROBLEMS)].reset_index(drop=True)
        for r in (memory, duck)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    assert problem in set(ours["problem"])
    assert memory.summary["findings"] == memory.findings["count"].sum() >= ours["count"].sum() > 0
    assert problem.replace("_", " ") in memory.to_html()


def test_real_books_have_none_on_their_last_day(shared_data: Path) -> None:
    """The Czech bank and the shop: years of records without a false alarm."""
    if not ((shared_data / "berka").is_dir() and (shared_data / "cdnow").is_dir()):
        pytest.skip("no Berka or CDNOW data")
    bank = load_berka(shared_data / "berka")
    last = bank.transactions["date"].max()
    for day in (last, last - pd.Timedelta(days=90)):
        assert found_in(bank, day) == []
    assert [f.problem for f in found_in(bank, last + pd.Timedelta(days=400))] == ["stale"]
    shop = load_cdnow(shared_data / "cdnow")
    rows = shop[["customer_id", "date", "amount"]].assign(kind="card")
    people = pd.DataFrame({"customer_id": rows["customer_id"].unique(), "kind": "person"})
    assert found_in(Book(people, rows), rows["date"].max()) == []
