"""What holds for every row of the synthetic bank: who may have what, when, and in which order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.datasets.synthetic.people import make_people

DAY = pd.Timestamp("2026-06-30")
LAST = int(DAY.to_datetime64().astype("datetime64[D]").astype(np.int64))
YEAR = 365.25


@pytest.fixture(scope="module")
def bank() -> Book:
    return make_book(8_000, seed=5)


@pytest.fixture(scope="module")
def people(bank: Book) -> pd.DataFrame:
    return bank.customers.set_index("customer_id")


def test_the_first_customer_is_referred_by_nobody_and_others_by_an_earlier_one() -> None:
    second = 0
    for seed in (*range(24), 82, 99):  # where the second is
        found = make_people(3, seed, LAST)
        by = found.frame["referred_by"].to_numpy(dtype=float, na_value=np.nan)
        ids = found.ids
        assert np.isnan(by[0])
        for at in (1, 2):
            assert np.isnan(by[at]) or by[at] in ids[:at]
        second += not np.isnan(by[1])
    assert 0 < second < 15


def test_persons_and_companies_have_what_fits_them(people: pd.DataFrame) -> None:
    company = people["kind"] == "company"
    personal = ["birth_date", "gender", "occupation", "education", "marital_status", "income"]
    firms = ["sector", "industry", "employees", "revenue", "total_assets"]
    assert people.loc[company, personal].isna().all(axis=None)
    assert people.loc[~company, firms].isna().all(axis=None)
    assert people.loc[company, firms].notna().all(axis=None)
    assert people.loc[~company, ["birth_date", "gender"]].notna().all(axis=None)
    assert people.loc[~company, "income"].notna().mean() == pytest.approx(0.9, abs=0.02)
    age = (DAY - people["birth_date"]).dt.days / YEAR
    assert 18 <= age.min() < 18.5
    assert 80 < age.max() < 90
    job = people["occupation"].astype(object)
    assert (age[job == "retired"] > 60.9).all()
    assert (job[age > 62].dropna() == "retired").all()
    assert (job[age < 22.9].dropna() == "student").all()
    assert (people["marital_status"].astype(object)[age < 25.9].dropna() == "single").all()
    assert people.loc[~company, "income"].min() > 0
    assert (people.loc[~company, "income"].dropna() % 100 == 0).all()
    income = people["income"].groupby(job).median()
    assert income["student"] < income["farmer"] < income["employee"] < income["professional"]


def test_a_contract_comes_before_what_follows_from_it(people: pd.DataFrame) -> None:
    signed = people["contract_date"].notna()
    tie = (DAY - people["contract_date"]).dt.days
    assert tie.min() >= 0
    assert 14 * YEAR < tie.max() < 15.1 * YEAR
    closed = people["closed_date"].notna()
    assert not (closed & ~signed).any()
    assert (people["closure_reason"].notna() == closed).all()
    assert people["closed_date"].max() <= DAY
    assert (
        people.loc[closed, "closed_date"] - people.loc[closed, "contract_date"]
    ).min().days >= 30
    for column in ("manager", "risk_grade", "credit_standing"):
        assert (people[column].notna() == signed).all()
    assert not (people["satisfaction"].notna() & ~signed).any()
    assert people["satisfaction"].dropna().between(0, 100).all()
    contact, asked = people["first_contact_date"], people["inquiry_date"]
    assert (contact[signed].dropna() <= people["contract_date"][contact.notna() & signed]).all()
    assert not (asked.notna() & contact.isna()).any()
    both = asked.notna()
    assert (asked[both] >= contact[both]).all()
    assert (asked[both & signed] <= people["contract_date"][both & signed]).all()
    assert asked.max() <= DAY


def test_a_branch_is_in_its_city_and_has_two_managers(people: pd.DataFrame) -> None:
    branch = people["branch"].astype(str)
    assert (branch.str.rpartition("-")[0] == people["city"].astype(str)).all()
    assert people["branch"].nunique() == 3 * people["city"].nunique()
    assert (people.groupby("city", observed=True)["region"].nunique() == 1).all()
    signed = people[people["manager"].notna()]
    manager = signed["manager"].astype(str).str.rpartition("-")[0]
    assert (manager == signed["branch"].astype(str)).all()
    assert (signed.groupby("branch", observed=True)["manager"].nunique() == 2).all()


def test_products_go_by_kind_and_wealth(bank: Book, people: pd.DataFrame) -> None:
    accounts = bank.frame("accounts")
    held = pd.crosstab(accounts["customer_id"], accounts["product"]).clip(upper=1)
    company = people["kind"].reindex(held.index) == "company"
    assert (held["demand"] == 1).all()
    assert len(held) == people["contract_date"].notna().sum()
    assert held.loc[company, ["mortgage", "consumer_loan"]].sum().sum() == 0
    assert held.loc[~company, "business_loan"].sum() == 0
    balances = bank.frame("balances")
    total = balances[balances["date"] == balances["date"].max()].groupby("customer_id")["balance"]
    rich = total.sum().reindex(held.index[~company]).dropna()
    quarter = pd.qcut(rich, 4, labels=False)
    share = held.loc[rich.index].groupby(quarter).mean()
    for product in ("term", "wealth", "fund", "insurance", "credit_card"):
        assert share[product].is_monotonic_increasing
    assert share.loc[0, "consumer_loan"] > share.loc[3, "consumer_loan"]
    opened = accounts["opened_date"].to_numpy()
    start = people["contract_date"].reindex(accounts["customer_id"]).to_numpy()
    assert (opened >= start).all()
    assert (opened[accounts["product"] == "demand"] == start[accounts["product"] == "demand"]).all()
    closed = accounts["closed_date"]
    assert (closed.isna() | (accounts["opened_date"] <= closed)).all()


def test_loans_are_repaid_by_the_same_amount_each_month(bank: Book, people: pd.DataFrame) -> None:
    loans = bank.frame("loans").assign(left=lambda x: (x["outstanding"] / x["payment"]).round())
    assert loans["amount"].min() >= 1_000
    assert (loans["amount"] % 1_000 == 0).all()
    assert (loans["term_months"] % 12 == 0).all()
    np.testing.assert_allclose(loans["outstanding"], loans["left"] * loans["payment"], atol=0.01)
    np.testing.assert_allclose(loans["amount"], loans["term_months"] * loans["payment"], rtol=0.01)
    gone = people["closed_date"].reindex(loans["customer_id"]).notna().to_numpy()
    seen = set()
    for row, closed in zip(loans.itertuples(), gone, strict=True):
        still = row.term_months - (DAY - row.granted_date).days // 30
        late = row.left - still
        expected = {
            "finished": row.left == 0 and (closed or still <= 0),
            "unpaid": still <= 0 < row.left <= 6,
            "running": still > 0 and late == 0,
            "in_debt": still > 0 and (2 <= late <= 7 or row.left == row.term_months),
        }
        assert expected[row.status], row
        assert not closed or row.status == "finished"
        seen.add(row.status)
    assert seen == {"finished", "unpaid", "running", "in_debt"}
    chance = loans.groupby("status", observed=True)["pd"]
    assert chance.max()["running"] < chance.min()["in_debt"] < chance.min()["unpaid"] == 1
    assert loans["pd"].between(0, 1, inclusive="right").all()
    loss = loans.groupby("product", observed=True)["lgd"]
    assert (loss.nunique() == 1).all()
    assert loss.max()["mortgage"] < loss.max()["business_loan"] < loss.max()["consumer_loan"] < 1
    years = loans.groupby("product", observed=True)["term_months"]
    assert years.min()["mortgage"] > years.max()[["business_loan", "consumer_loan"]].max()


def test_money_follows_behaviour(bank: Book) -> None:
    """Who grows has more than a year ago, who fades less, who is dormant little."""
    drawn = make_people(8_000, 5, LAST)
    names = dict(
        enumerate(("steady", "growing", "fading", "dormant", "returning", "closed", "seldom"))
    )
    behaviour = pd.Series(drawn.behaviour, drawn.ids).map(names)[drawn.signed]
    table = bank.frame("balances").pivot_table(
        index="customer_id", columns="date", values="balance", aggfunc="sum"
    )
    table = table.dropna()
    change = (table.iloc[:, -1] / table.iloc[:, 0]).groupby(behaviour.reindex(table.index)).median()
    assert 0.95 < change["steady"] < 1.05
    assert 0.95 < change["seldom"] < 1.05
    assert change["growing"] > 1.3
    assert change["fading"] < 0.5
    assert change["dormant"] < 0.5
    assert (bank.frame("balances")["date"].dt.is_month_end).all()
    own = bank.transactions[bank.transactions["kind"].isin(["card", "transfer_in", "transfer_out"])]
    half = own["date"] > DAY - pd.Timedelta(days=182)
    count = pd.crosstab(own["customer_id"].map(behaviour), half)
    assert count.loc["growing", True] > count.loc["growing", False] / 2
    assert count.loc["fading", True] < count.loc["fading", False] / 4
    assert count.loc["dormant", True] < count.loc["dormant", False] / 10


def _last_day(date: pd.Series) -> pd.Series:
    return date.dt.is_month_end


RULES: dict[str, tuple[int, Callable[[pd.Series], pd.Series], str | None]] = {
    "salary": (1, lambda d: d.dt.day.between(5, 22), "api"),
    "pension": (1, lambda d: d.dt.day.between(5, 22), "api"),
    "standing_order": (-1, lambda d: d.dt.day.between(1, 27), "api"),
    "household": (-1, lambda d: d.dt.day.between(1, 27), "api"),
    "loan_payment": (-1, lambda d: d.dt.day.between(1, 25), "api"),
    "interest": (1, lambda d: (d.dt.day == 21) & (d.dt.month % 3 == 0), None),
    "fee": (-1, lambda d: _last_day(d) & (d.dt.month % 6 == 0), None),
    "cash_in": (1, lambda d: d.notna(), "branch atm"),
    "cash_out": (-1, lambda d: d.notna(), "branch atm"),
    "card": (-1, lambda d: d.notna(), "online mobile"),
    "transfer_in": (1, lambda d: d.notna(), "branch online mobile api"),
    "transfer_out": (-1, lambda d: d.notna(), "branch online mobile phone api"),
    "securities": (-1, lambda d: d.notna(), "branch online mobile"),
}
"""Kind -> sign of the amount, days on which it moves, and channels."""


def test_each_kind_has_its_sign_its_days_and_its_channels(bank: Book) -> None:
    moves = bank.transactions
    assert set(moves["kind"]) == set(RULES)
    for kind, (sign, days, channels) in RULES.items():
        rows = moves[moves["kind"] == kind]
        assert (np.sign(rows["amount"]) == sign).all(), kind
        assert days(rows["date"]).all(), kind
        assert set(rows["channel"].dropna()) == set((channels or "").split()), kind
        assert rows["channel"].isna().all() == (channels is None), kind
        product = "fund" if kind == "securities" else "demand"
        assert (rows["product"] == product).all(), kind


def test_wages_pensions_and_payments_are_those_of_the_customer(
    bank: Book, people: pd.DataFrame
) -> None:
    moves = bank.transactions
    for kind in ("salary", "pension"):
        rows = moves[moves["kind"] == kind]
        month = people["income"].reindex(rows["customer_id"]).to_numpy() / 12
        known = ~np.isnan(month)
        ratio = rows["amount"].to_numpy()[known] / month[known]
        assert 0.955 < ratio.min() < 0.97
        assert 1.03 < ratio.max() < 1.045
        age = (DAY - people["birth_date"].reindex(rows["customer_id"])).dt.days / YEAR
        assert (age > 60.9).all() if kind == "pension" else (age < 62).all()
    paid = moves[moves["kind"] == "loan_payment"].groupby("customer_id")["amount"]
    assert (paid.nunique() == 1).all()
    loans = bank.frame("loans")
    running = loans[loans["status"] == "running"].groupby("customer_id")["payment"].last()
    assert set(paid.groups) <= set(running.index)
    np.testing.assert_allclose(-paid.first(), running.reindex(paid.first().index))
    fees = moves[moves["kind"] == "fee"]
    company = (people["kind"].reindex(fees["customer_id"]) == "company").to_numpy()
    assert fees["amount"][~company].min() > fees["amount"][company].max()


def test_consents_begin_with_the_contract(bank: Book, people: pd.DataFrame) -> None:
    rows = bank.frame("consents")
    start = people["contract_date"].reindex(rows["customer_id"]).to_numpy()
    first = rows["state"] != "withdrawn"
    assert (rows["since"].to_numpy()[first] == start[first]).all()
    assert (rows["since"].to_numpy() >= start).all()
    assert rows["since"].between(people["contract_date"].min(), DAY).all()
    assert rows["since"].is_monotonic_increasing
    assert not rows.loc[first, "customer_id"].duplicated().any()
    term = (rows["until"] - rows["since"]).dt.days
    assert set(term.dropna()) == {2 * 365}
    assert rows.loc[term.notna(), "state"].eq("granted").all()
    state = rows["state"].astype(str).groupby(rows["customer_id"]).agg(" ".join)
    assert set(state) == {"granted", "refused", "granted withdrawn"}
    asked = len(state) / people["contract_date"].notna().sum()
    assert asked == pytest.approx(0.85, abs=0.02)
    share = rows["state"].value_counts() / len(state)
    assert share["refused"] == pytest.approx(0.12, abs=0.02)
    assert share["withdrawn"] == pytest.approx(0.05, abs=0.02)
    assert rows.loc[rows["state"] != "refused", "purpose"].isna().all()
    assert rows.loc[rows["state"] == "refused", "purpose"].notna().all()
    dead = people[people["deceased"]]
    assert 0 < len(dead) < len(people) / 100
    assert (dead["kind"] == "person").all()
    assert dead["contract_date"].notna().all()


def test_links_join_the_right_kinds_and_groups_are_trees(bank: Book, people: pd.DataFrame) -> None:
    links = bank.frame("links")
    kind = people["kind"].astype(str)
    ends = {
        "owns": ("company", "company"), "controls": ("company", "company"),
        "guarantees": ("person", "company"), "family": ("person", "person"),
        "manages": ("person", "company"), "depends": ("company", "company"),
    }  # fmt: skip
    for link, (parent, child) in ends.items():
        rows = links[links["link"] == link]
        assert (kind.reindex(rows["parent_id"]) == parent).all()
        assert (kind.reindex(rows["child_id"]) == child).all()
        assert rows["share"].notna().all() == (link in ("owns", "controls", "depends"))
        assert (rows["parent_id"] != rows["child_id"]).all()
    family = links.loc[links["link"] == "family", ["parent_id", "child_id"]].to_numpy().ravel()
    assert len(set(family)) == len(family), "nobody is married twice"
    tied = links[links["link"].isin(["owns", "controls"])]
    down = tied[tied["parent_id"] < tied["child_id"]]
    assert not down["child_id"].duplicated().any(), "a daughter has one parent"
    assert down["share"].between(0.3, 1).all()
    back = tied[tied["parent_id"] > tied["child_id"]]
    assert len(back) > 0
    assert back["share"].between(0.01, 0.16).all()
    heads = set(down["parent_id"]) - set(down["child_id"])
    assert set(back["child_id"]) <= heads
    above = down.set_index("child_id")["parent_id"].to_dict()
    sizes = dict.fromkeys(heads, 1)
    for child in above:
        head = child
        while head in above:
            head = above[head]
        sizes[head] += 1
    assert min(sizes.values()) >= 2
    assert max(sizes.values()) <= 12
    assert (DAY - links["since"]).dt.days.min() >= 30
    ended = links["until"].notna()
    assert (links["until"] >= links["since"])[ended].all()
    assert links["until"].max() <= DAY


def test_credits_are_owed_by_customers_and_covered_by_capital(
    bank: Book, people: pd.DataFrame
) -> None:
    rows = bank.frame("credits")
    loans = bank.frame("loans")
    owed = loans[loans["outstanding"] > 0]
    lent = rows[rows["kind"] == "loan"]
    assert lent["drawn"].tolist() == owed["outstanding"].tolist()
    assert lent["limit"].tolist() == owed["amount"].tolist()
    other = rows[rows["kind"] != "loan"]
    assert (people["kind"].reindex(other["customer_id"]) == "company").all()
    assert people["closed_date"].reindex(other["customer_id"]).isna().all()
    assert other.groupby("customer_id").size().isin([1, 2, 3]).all()
    assert (other["limit"] % 1_000 == 0).all()
    assert (rows["cover"] <= rows["drawn"]).all()
    unused = other.groupby("kind", observed=True)["drawn"].max() == 0
    promised = set(unused.index[unused])
    assert len(promised) == 1, "one kind is a promise alone"
    assert other.loc[other["kind"].isin(promised), "committed"].all()
    ago = (DAY - other["granted_date"]).dt.days
    assert 0 < ago.min() < 10
    assert 700 < ago.max() <= 730
    own = people["branch"].astype(str).reindex(rows["customer_id"]).to_numpy()
    away = rows["branch"].astype(str).to_numpy() != own
    company = (people["kind"].reindex(rows["customer_id"]) == "company").to_numpy()
    assert not away[~company].any()
    assert 0.08 < away[company].mean() < 0.15
    capital = bank.frame("capital")
    assert capital["date"].dt.strftime("%Y-%m-%d").tolist() == [
        "2023-12-31", "2024-12-31", "2025-12-31", "2026-06-30",
    ]  # fmt: skip
    assert (capital["tier1"] < capital["net"]).all()
    assert 0.1 < capital["net"].iloc[-1] / rows["drawn"].sum() < 0.14


def test_complaints_are_known_by_the_end_of_the_day(bank: Book, people: pd.DataFrame) -> None:
    rows = bank.frame("complaints")
    received, answered, closed = (rows[c] for c in ("received_at", "answered_at", "closed_at"))
    assert str(received.dt.tz) == "Asia/Shanghai"
    assert received.is_monotonic_increasing
    assert received.dt.hour.between(8, 20).all()
    midnight = (DAY + pd.Timedelta(days=1)).tz_localize("Asia/Shanghai")
    assert max(received.max(), answered.max(), closed.max()) < midnight
    assert not (closed.notna() & answered.isna()).any()
    assert (closed - answered).min() >= pd.Timedelta(0)
    assert (answered - received).min() >= pd.Timedelta(minutes=5)
    assert (rows["satisfaction"].notna() <= closed.notna()).all()
    assert rows["satisfaction"].dropna().between(0, 100).all()
    quick = (answered - received) < pd.Timedelta(hours=3)
    asked = (rows["kind"] == "consultation") & answered.notna()
    assert quick[asked].mean() > 0.93, "a question is answered on the day"
    ended = people["closed_date"].reindex(rows["customer_id"]).to_numpy()
    day = received.dt.tz_localize(None).dt.normalize()
    assert (np.isnat(ended) | (day <= ended)).all()
    old = day <= DAY - pd.Timedelta(days=365)
    assert (day[old] == ended[old]).all(), "who has left complained on the last day at the latest"
    stake = rows["amount_at_stake"].dropna()
    assert stake.min() > 0
    assert stake.median() < 5_000 < stake.max()
