"""Prospects: look-alikes without leaks, counterparties as a row loop has them, referral chains."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames.findings import findings_of
from bankcrm.marketing import counterparties, fit_lookalike, referral_chain
from bankcrm.policy import default_policy
from bankcrm.scoring import score_card

# --- look-alikes


def people(rows: int = 3000, seed: int = 1) -> pd.DataFrame:
    """Holders of a fund: more of them in one city and among the well paid."""
    rng = np.random.default_rng(seed)
    city, income = rng.choice(list("ABC"), rows), rng.lognormal(11, 0.5, rows).round(-2)
    odds = -3 + 1.5 * (city == "A") + income / 80_000
    holds = rng.random(rows) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "customer_id": np.arange(rows) + 7,
            "city": city,
            "income": income,
            "fund": holds,
            "age_years": rng.integers(18, 80, rows),
            "fund_fees": np.where(holds, 100.0, 0.0) + rng.normal(0, 1, rows),
        }
    )


PEOPLE = people()
PROSPECTS = PEOPLE[["city", "income"]].head(50)
LOOK = fit_lookalike(PEOPLE, "fund", prospects=PROSPECTS)


def test_a_look_alike_prints_its_check_on_customers_held_out() -> None:
    assert "AUC 0." in repr(LOOK)
    assert "customers held out" in repr(LOOK)
    assert "AUC" in LOOK._repr_html_()
    assert 0.25 * len(PEOPLE) < LOOK.checks.rows < 0.35 * len(PEOPLE)
    assert LOOK.card.rows == len(PEOPLE)
    assert LOOK.useful


def test_facts_that_no_prospect_has_are_not_used() -> None:
    assert LOOK.not_known == ("age_years", "fund_fees")
    assert {f.name for f in LOOK.card.features} == {"city", "income"}
    empty = PROSPECTS.assign(fund_fees=np.nan)
    assert "fund_fees" in fit_lookalike(PEOPLE, "fund", prospects=empty).not_known
    with pytest.raises(DataError, match="fund_fees not known of any prospect"):
        fit_lookalike(PEOPLE, "fund", prospects=empty, features=["income", "fund_fees"])


def test_protected_attributes_are_refused_unless_allowed() -> None:
    known = PROSPECTS.assign(age_years=40)
    with pytest.raises(DataError, match="age_years is protected"):
        fit_lookalike(PEOPLE, "fund", prospects=known)
    found = fit_lookalike(PEOPLE, "fund", prospects=known, allow=["age_years"])
    assert found.protected == ("age_years",)
    names = ["birth_date", "Gender", "customerSex", "ageBand", "marital_status", "客户年龄"]
    for name in names:
        renamed = PEOPLE.rename(columns={"age_years": name})
        with pytest.raises(DataError, match="protected"):
            fit_lookalike(renamed, "fund", prospects=known.rename(columns={"age_years": name}))
    harmless = PEOPLE.rename(columns={"age_years": "page_views"})
    views = known.rename(columns={"age_years": "page_views"})
    assert fit_lookalike(harmless, "fund", prospects=views).protected == ()
    open_policy = default_policy("marketing").with_parameters(protected_attributes=["zodiac"])
    assert fit_lookalike(PEOPLE, "fund", prospects=known, policy=open_policy).protected == ()


def test_the_order_of_rows_changes_no_look_alike_and_blocks_no_score() -> None:
    mixed = fit_lookalike(PEOPLE.sample(frac=1, random_state=3), "fund", prospects=PROSPECTS)
    assert mixed.card == LOOK.card
    assert mixed.checks.auc == LOOK.checks.auc
    whole = score_card(PROSPECTS, LOOK.card)
    parts = pd.concat([score_card(part, LOOK.card) for part in (PROSPECTS[:9], PROSPECTS[9:])])
    pd.testing.assert_frame_equal(
        parts[["points", "probability"]], whole[["points", "probability"]]
    )
    likely = whole["probability"].idxmax()
    assert PROSPECTS.loc[likely, "city"] == "A"


def test_noise_is_called_no_better_than_chance() -> None:
    rng = np.random.default_rng(8)
    noise = pd.DataFrame({f"x{i}": rng.normal(size=800) for i in range(12)})
    noise = noise.assign(customer_id=range(800), member=rng.random(800) < 0.3)
    found = fit_lookalike(noise, "member", prospects=noise.drop(columns="member"), features=
                          [f"x{i}" for i in range(12)])  # fmt: skip
    assert not found.useful
    assert "NO BETTER THAN CHANCE" in repr(found)


def test_the_duration_of_a_call_is_not_known_of_a_prospect(shared_data: Path) -> None:
    raw = pd.read_csv(shared_data / "bank_marketing" / "bank_marketing.csv.gz")
    calls = raw.assign(customer_id=range(len(raw)), bought=raw["y"] == "yes").drop(columns="y")
    before = raw.drop(columns=["y", "duration", "age", "marital"]).head(1000)
    found = fit_lookalike(calls, "bought", prospects=before)
    assert {"duration", "age", "marital"} <= set(found.not_known)
    assert 0.70 < found.checks.auc.estimate < 0.80  # 0.761 of all fields without duration
    leaking = before.assign(duration=raw["duration"])
    assert fit_lookalike(calls, "bought", prospects=leaking).checks.auc.estimate > 0.85
    with pytest.raises(DataError, match="duration not known"):
        fit_lookalike(calls, "bought", prospects=before, features=["duration", "job"])


def test_members_and_columns_are_checked() -> None:
    with pytest.raises(DataError, match="missing column"):
        fit_lookalike(PEOPLE, "card", prospects=PROSPECTS)
    with pytest.raises(UnknownNameError, match="town"):
        fit_lookalike(PEOPLE, "fund", prospects=PROSPECTS, features=["town"])
    with pytest.raises(DataError, match="0 members of 3,000"):
        fit_lookalike(PEOPLE.assign(fund=False), "fund", prospects=PROSPECTS)
    with pytest.raises(DataError, match="duplicate"):
        fit_lookalike(PEOPLE.assign(customer_id=1), "fund", prospects=PROSPECTS)
    with pytest.raises(DataError, match="no column with values"):
        fit_lookalike(PEOPLE, "fund", prospects=pd.DataFrame({"town": ["A"]}))


# --- counterparties

POLICY = default_policy("marketing").with_parameters(collecting_customers=8)


def payments(seed: int, rows: int = 120) -> pd.DataFrame:
    """Random payments with few accounts at few banks, one of them the bank itself."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "customer_id": rng.integers(1, 12, rows),
            "date": np.datetime64("2026-06-30") - rng.integers(-20, 500, rows),
            "amount": rng.choice([-20.55, -3.1, 0.0, 7.2, 9000.1], rows),
            "counterparty": rng.choice(["1", "2", "10", None], rows),
            "counterparty_bank": rng.choice(["A", "B", "own", None], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "kind": rng.choice(["salary", "pension", "card", None], rows),
        }
    )
    return frame.astype({"date": "datetime64[s]"})


def by_loop(frame: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """The same figures and roles, row by row."""
    last = pd.Timestamp("2026-06-30")
    seen: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in frame.itertuples():
        if pd.isna(row.counterparty) or pd.isna(row.counterparty_bank):
            continue
        if last - pd.Timedelta(days=364) <= row.date <= last:
            seen[row.counterparty, row.counterparty_bank].append(row)
    found = {}
    for key, rows in seen.items():
        payees = {r.customer_id for r in rows if r.amount > 0}
        payers = {r.customer_id for r in rows if r.amount < 0}
        wages = defaultdict(set)
        for r in rows:
            if r.amount > 0 and r.kind == "salary":
                wages[r.customer_id].add((r.date.year, r.date.month))
        regular = sum(len(m) >= 3 for m in wages.values())
        money_in = sum(r.amount for r in rows if r.amount > 0)
        money_out = -sum(r.amount for r in rows if r.amount < 0)
        months = {(r.date.year, r.date.month) for r in rows}
        customers = {r.customer_id for r in rows}
        if key[1] == "own":
            role = "own"
        elif len(payees) >= 8 and len(payers) >= 8:
            role = "collecting"
        elif regular >= 3 and regular >= 0.5 * len(payees):
            role = "employer"
        elif len(customers) >= 8:
            role = "collecting"
        elif len(months) < 2 or money_in + money_out == 0:
            role = "occasional"
        else:
            role = "payer" if money_in >= money_out else "supplier"
        found[key] = {
            "role": role, "customers": len(customers), "payees": len(payees),
            "payers": len(payers), "regular_payees": regular, "months": len(months),
            "paid_in": round(money_in, 6), "paid_out": round(money_out, 6),
            "first": min(r.date for r in rows), "last": max(r.date for r in rows),
        }  # fmt: skip
    return found


@given(st.integers(0, 10_000), st.integers(0, 400))
def test_counterparties_are_those_of_a_row_loop(seed: int, rows: int) -> None:
    frame = payments(seed, rows)
    found = counterparties(frame, own_banks=["own"], as_of="2026-06-30", policy=POLICY)
    wanted = by_loop(frame)
    keyed = found.set_index(["counterparty", "counterparty_bank"])
    columns = list(next(iter(wanted.values()), {}))
    assert list(found)[:6] == [
        "counterparty", "counterparty_bank", "role", "rule", "reason", "prospect",
    ]  # fmt: skip
    reasons = {r.id: r.because for r in POLICY.table("counterparty").rules}
    assert found["reason"].tolist() == [reasons[rule] for rule in found["rule"]]
    rounded = keyed.round({"paid_in": 6, "paid_out": 6})[columns].astype(object)
    assert {
        k: dict(r) for k, r in zip(keyed.index, rounded.to_dict("records"), strict=True)
    } == wanted
    assert found["prospect"].equals(found["role"].isin(["employer", "payer", "supplier"]))
    mixed = frame.sample(frac=1, random_state=seed)
    again = counterparties(mixed, own_banks=["own"], as_of="2026-06-30", policy=POLICY)
    pd.testing.assert_frame_equal(again, found, check_exact=True)


def wages(customers: range, account: str, bank: str, **change: object) -> pd.DataFrame:
    months = pd.to_datetime(["2026-04-08", "2026-05-08", "2026-06-08"])
    frame = pd.MultiIndex.from_product([customers, months], names=["customer_id", "date"]).to_frame(
        index=False
    )
    made = {"amount": 8000.0, "counterparty": account, "counterparty_bank": bank, "kind": "salary"}
    return frame.assign(**{**made, **change})


def test_planted_employers_suppliers_and_collecting_accounts_are_found() -> None:
    moves = pd.concat(
        [
            wages(range(1, 300), "11", "A"),  # a large employer
            wages(range(1, 5), "11", "B"),  # the same number at another bank
            wages(range(1, 5), "33", "A", kind="pension"),
            wages(range(1, 3), "22", "A", amount=-500.0, kind="transfer_out"),
            wages(range(1, 200), "44", "A", amount=-50.0, kind="card"),
            wages(range(1, 6), "55", "own"),
        ]
    )
    found = counterparties(moves, own_banks=["own"], as_of="2026-06-30")
    roles = found.set_index(["counterparty", "counterparty_bank"])["role"]
    assert roles.to_dict() == {
        ("11", "A"): "employer", ("11", "B"): "employer", ("33", "A"): "payer",
        ("22", "A"): "supplier", ("44", "A"): "collecting", ("55", "own"): "own",
    }  # fmt: skip
    assert found["customers"].iloc[0] == 299
    assert not found["prospect"].iloc[-2:].any()
    assert found.attrs["policy"]


def test_half_a_key_names_nobody_and_is_reported() -> None:
    moves = wages(range(1, 4), "11", "A")
    moves.loc[[0, 3], "counterparty_bank"] = None
    moves.loc[[6], "counterparty"] = None
    moves.loc[[8], ["counterparty", "counterparty_bank"]] = None
    found = counterparties(moves, own_banks=[], as_of="2026-06-30")
    (finding,) = findings_of(found)
    assert (finding.problem, finding.count) == ("half_a_key", 3)
    assert found["paid_in"].tolist() == [5 * 8000.0]


def test_what_is_later_or_too_old_is_not_read() -> None:
    moves = wages(range(1, 4), "11", "A")
    early = counterparties(moves, own_banks=[], as_of="2026-05-31")
    assert early["months"].tolist() == [2]
    assert early["role"].tolist() == ["payer"]  # no customer is paid in three months yet
    assert counterparties(moves, own_banks=[], as_of="2028-01-01").empty


def test_partners_of_berka_by_number_and_bank(shared_data: Path) -> None:
    trans = pd.read_csv(shared_data / "berka" / "trans.asc", sep=";", dtype=str)
    moves = pd.DataFrame(
        {
            "customer_id": trans["account_id"].astype(int),
            "date": pd.to_datetime(trans["date"], format="%y%m%d"),
            "amount": trans["amount"].astype(float) * np.where(trans["type"] == "PRIJEM", 1, -1),
            "counterparty": trans["account"].where(trans["account"].fillna("0") != "0"),
            "counterparty_bank": trans["bank"].where(trans["bank"].str.strip().fillna("") != ""),
        }
    )
    whole = default_policy("marketing").with_parameters(counterparty_days=4000)
    found = counterparties(moves, own_banks=[], as_of="1999-01-01", policy=whole)
    assert len(found) == 1592
    assert (found["customers"] > 1).sum() == 3
    assert not ((found["payees"] > 0) & (found["payers"] > 0)).any()


def test_columns_of_payments_are_checked() -> None:
    moves = wages(range(1, 4), "11", "A")
    with pytest.raises(DataError, match="counterparty_bank: missing column"):
        counterparties(moves.drop(columns="counterparty_bank"), own_banks=[], as_of="2026-06-30")
    with pytest.raises(DataError, match="own_banks: expected codes"):
        counterparties(moves, own_banks="A", as_of="2026-06-30")
    with pytest.raises(DataError) as error:
        counterparties(moves.assign(counterparty=[["6222"]] * 9), own_banks=[], as_of="2026-06-30")
    assert "6222" not in str(error.value)


# --- referrals


def by_walking(
    parent: dict[int, int | None], worth: dict[int, float]
) -> dict[int, tuple[Any, ...]]:
    """Depth, root, direct, all and value of everybody, and the circles, by walking up."""
    ways = {}
    for who in parent:
        way, at = [who], parent[who]
        while at is not None and at not in way:
            way.append(at)
            at = parent[at]
        ways[who] = (way, at)
    circle = {w for w, (way, at) in ways.items() if at == w}
    found = {}
    for who, (way, at) in ways.items():
        below = [w for w, (other, _) in ways.items() if w != who and who in other]
        direct = sum(p == who for p in parent.values())
        depth, root = (None, None) if at is not None else (len(way) - 1, way[-1])
        known = who not in circle
        money = sum(worth[b] for b in below) if known else None
        found[who] = (depth, root, direct, len(below) if known else None, money, not known)
    return found


@given(st.integers(0, 10_000), st.integers(1, 25))
def test_chains_are_those_of_walking_up(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(1, rows + 1))
    referrers = [int(rng.integers(1, rows + 1)) if rng.random() < 0.8 else None for _ in ids]
    referrers = [None if r == i else r for r, i in zip(referrers, ids, strict=True)]
    worth = dict(zip(ids.tolist(), rng.integers(-5, 9, rows).astype(float).tolist(), strict=True))
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "referred_by": pd.array(referrers, "Int64"),
            "worth": list(worth.values()),
        }
    )
    found = referral_chain(frame, value="worth")
    assert found.index.tolist() == ids.tolist()
    wanted = by_walking(dict(zip(ids.tolist(), referrers, strict=True)), worth)
    for who, row in found.astype(object).iterrows():
        seen = tuple(None if pd.isna(v) else v for v in row)
        assert seen == wanted[who]
    circles = [f.count for f in findings_of(found) if f.problem == "circle"]
    assert sum(circles) == found["in_circle"].sum()


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.booleans())
def test_the_order_of_customers_changes_no_chain(seed: int, texts: bool) -> None:
    rng = np.random.default_rng(seed)
    size = 60
    referrer = pd.Series(rng.integers(-20, size, size))
    frame = pd.DataFrame({"customer_id": range(size), "worth": rng.normal(size=size) * 1e9})
    frame["referred_by"] = referrer.where((referrer >= 0) & (referrer != frame["customer_id"]))
    if texts:
        for name in ("customer_id", "referred_by"):
            known = frame[name].astype("Int64").astype("string").str.zfill(12)
            frame[name] = known.astype(object).where(frame[name].notna(), None)
    found = referral_chain(frame, value="worth")
    mixed = frame.sample(frac=1, random_state=seed)
    again = referral_chain(mixed, value="worth").reindex(found.index)
    pd.testing.assert_frame_equal(again, found, check_exact=True)


def test_a_circle_and_a_stranger_are_reported_and_the_rest_is_known() -> None:
    frame = pd.DataFrame({"customer_id": [1, 2, 3, 4, 5, 6], "referred_by": [3, 1, 2, 3, 4, 99]})
    found = referral_chain(frame)
    assert found["in_circle"].tolist() == [True, True, True, False, False, False]
    assert found["depth"].isna().tolist() == [True] * 5 + [False]
    assert found["brought"].tolist()[3:] == [1, 0, 0]
    assert found["root"].tolist()[5] == 6
    assert {f.problem: f.count for f in findings_of(found)} == {"circle": 3, "unknown_referrer": 1}
    assert referral_chain(frame.iloc[:0]).empty


def test_a_long_chain_is_followed_to_its_end() -> None:
    size = 3000
    frame = pd.DataFrame({"customer_id": range(size), "referred_by": range(-1, size - 1)})
    frame["referred_by"] = frame["referred_by"].where(frame["referred_by"] >= 0)
    found = referral_chain(frame)
    assert found["depth"].tolist() == list(range(size))
    assert found["brought"].tolist() == list(range(size - 1, -1, -1))
    assert (found["root"] == 0).all()


def test_columns_of_customers_are_checked() -> None:
    frame = pd.DataFrame({"customer_id": [1, 1], "referred_by": [None, None]})
    with pytest.raises(DataError, match="duplicate"):
        referral_chain(frame)
    with pytest.raises(DataError, match="referred_by: missing column"):
        referral_chain(frame[["customer_id"]])
    with pytest.raises(DataError, match="value: expected the name"):
        referral_chain(frame, value=3)  # type: ignore[arg-type]


def test_a_look_alike_is_useful_above_chance_only() -> None:
    for lower, useful in ((0.5, False), (0.5001, True)):
        auc = attrs.evolve(LOOK.checks.auc, lower=lower)
        look = attrs.evolve(LOOK, checks=attrs.evolve(LOOK.checks, auc=auc))
        assert look.useful == useful
        assert ("NO BETTER THAN CHANCE" in repr(look)) == (not useful)


def test_the_first_rows_of_half_a_key_are_named() -> None:
    moves = wages(range(1, 4), "11", "A").set_axis(pd.Index(range(20, 29)), axis=0)
    moves["counterparty_bank"] = None
    moves.loc[20, ["counterparty", "counterparty_bank"]] = None
    (finding,) = findings_of(counterparties(moves, own_banks=["A"], as_of="2026-06-30"))
    assert finding.count == 8
    assert finding.examples == tuple(f"row {n}" for n in range(21, 26))
    named = moves.drop(columns="kind").assign(counterparty="1", counterparty_bank="B")
    whole = counterparties(named, own_banks=["A"], as_of="2026-06-30")
    assert findings_of(whole) == ()
    assert whole["role"].tolist() == ["employer"]  # without kinds each payment may be a wage


@pytest.mark.parametrize("member", [7, None])
def test_a_member_is_named_by_a_column(member: object) -> None:
    with pytest.raises(DataError, match="member: expected the name of a column"):
        fit_lookalike(PEOPLE, member, prospects=PROSPECTS)
