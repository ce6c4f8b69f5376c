"""Credit exposure and limits: the worked case, conversion, conservation, allotment, warnings."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bankcrm.datasets import make_book
from bankcrm.errors import DataError, InfeasibleError
from bankcrm.frames.findings import findings_of
from bankcrm.models import Capital, Credit
from bankcrm.policy import default_policy, presets
from bankcrm.risk import (
    allot_limit,
    credit_exposure,
    find_groups,
    group_exposure,
    group_warnings,
    limit_use,
)
from bankcrm.testing.strategies import frames
from bankcrm.vocabulary import CreditKind

DAY = "2026-06-30"
CAPITAL = Capital(date=dt.date(2026, 6, 30), net=1000, tier1=800)


def exposures(*rows: tuple[int, float, float]) -> pd.DataFrame:
    """Customer, exposure and loans."""
    found = pd.DataFrame(rows, columns=["customer_id", "exposure", "loans"])
    return found.assign(uncovered=found["exposure"]).astype({"exposure": float, "loans": float})


def states(lent: pd.DataFrame, preset: str | None, groups: Any = None) -> dict[str, str]:
    policy = default_policy("risk", preset)
    found = limit_use(lent, groups, capital=CAPITAL, policy=policy)
    return {f"{r.limit}/{r.subject}": r.state for r in found.itertuples()}


# The worked case


def test_one_customer_passes_one_rule_and_fails_another() -> None:
    """Loans 105, exposure 118, net capital 1,000, tier 1 800; then exposure 165."""
    lent = exposures((7, 118, 105))
    assert states(lent, None) == {"group_of_net_capital/7": "within"}
    assert states(lent, "cn_2018") == {
        "single_loans_of_net/7": "breach",
        "single_exposure_of_tier1/7": "near",
        "group_exposure_of_tier1/7": "within",
    }
    assert states(lent, "basel_lex") == {"exposure_of_tier1/7": "within"}
    more = exposures((7, 165, 0))
    assert states(more, None) == {"group_of_net_capital/7": "breach"}
    assert states(more, "cn_2018") == {
        "single_exposure_of_tier1/7": "breach",
        "group_exposure_of_tier1/7": "breach",
    }
    assert states(more, "basel_lex") == {"exposure_of_tier1/7": "near"}


def test_the_members_of_a_group_share_its_limit() -> None:
    links = pd.DataFrame({"parent_id": [1, 1], "child_id": [2, 3], "link": "controls"})
    groups = find_groups(links, as_of=DAY)
    lent = exposures((2, 80, 0), (3, 81, 0), (9, 10, 0))
    assert states(lent, None, groups) == {
        "group_of_net_capital/G1": "breach",
        "group_of_net_capital/9": "within",
    }
    assert "single_exposure_of_tier1/2" in states(lent, "cn_2018", groups)
    exact = exposures((7, 150, 0))
    assert states(exact, None) == {"group_of_net_capital/7": "near"}, "150 of 150 is no breach"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("net", "use"), [(0, [np.inf, np.inf]), (4, [2.0 / 0.6, 0.4 / 0.6])])
def test_a_small_or_missing_capital_is_used_up(net: int, use: list[float]) -> None:
    """A quarter of little is little, and of nothing any credit is too much."""
    lent = pd.DataFrame({"customer_id": [7, 8], "exposure": [0.4, 2.0], "loans": [0.4, 1.0],
                         "uncovered": 0.0})  # fmt: skip
    ours = Capital(date=dt.date(2026, 6, 30), net=net, tier1=net)
    found = limit_use(lent, capital=ours)
    assert found["use"].tolist() == pytest.approx(use)
    assert found["subject"].tolist() == ["8", "7"], "the greatest use first"
    assert found["state"].tolist()[0] == "breach"


def test_classes_choose_the_limit() -> None:
    lent = exposures((1, 100, 0), (2, 130, 0))
    policy = default_policy("risk", "cn_2018")
    classes = pd.Series(["bank", "gsib"], index=[1, 2])
    found = limit_use(lent, capital=CAPITAL, policy=policy, classes=classes)
    assert dict(zip(found["limit"], found["subject"], strict=True)) == {
        "bank_exposure_of_tier1": "1",
        "gsib_of_tier1": "2",
    }
    assert found["state"].tolist() == ["within", "breach"]
    assert found["confirmation"].tolist() == ["secondary", "secondary"]
    assert found.index.tolist() == [0, 1], "rows of several limits are numbered through"


def test_unknown_capital_gives_no_state() -> None:
    found = limit_use(exposures((1, 5, 5)), capital=None)
    assert found["state"].isna().all()
    assert found["use"].isna().all()
    assert [(f.column, f.count) for f in findings_of(found)] == [("net", 0)]
    lost = Capital(date=dt.date(2026, 6, 30), net=-5, tier1=1)
    assert limit_use(exposures((1, 5, 5)), capital=lost)["state"].tolist() == ["breach"]
    nobody = limit_use(exposures(), capital=CAPITAL)
    assert not len(nobody)
    with pytest.raises(DataError, match="capital"):
        limit_use(exposures((1, 5, 5)), capital={"net": 1000})  # type: ignore[arg-type]


@pytest.mark.parametrize("preset", [None, *presets("risk")])
def test_policies_name_sources_and_confirmation(preset: str | None) -> None:
    policy = default_policy("risk", preset)
    assert policy.checked() is policy
    for limit in policy.raw_records["limit"]:
        share = policy.parameter(limit["share"])
        assert share.source
        assert share.confirmation
    assert "group_exposure_share" in default_policy("risk", "cn_2018").unconfirmed


# Conversion


def one(**credit: Any) -> pd.DataFrame:
    return pd.DataFrame([{"credit_id": 1, "customer_id": 1, **credit}])


@pytest.mark.parametrize(
    ("credit", "eb4", "cn", "lex"),
    [
        ({"kind": "loan", "drawn": 100.0}, 100, 100, 100),
        ({"kind": "guarantee", "drawn": 100.0}, 100, 100, 100),
        ({"kind": "letter_of_credit", "drawn": 100.0}, 100, 20, 20),
        ({"kind": "loan", "drawn": 60.0, "limit": 100.0, "committed": False}, 60, 64, 64),
        ({"kind": "loan", "drawn": 60.0, "limit": 100.0, "committed": True, "months": 12},
         100, 68, 76),
        ({"kind": "loan", "drawn": 60.0, "limit": 100.0, "committed": True, "months": 13},
         100, 80, 76),
        ({"kind": "loan", "drawn": 60.0, "limit": 100.0}, 100, 80, 76),
        ({"kind": "undrawn_commitment", "drawn": 0.0, "limit": 100.0, "months": 6}, 100, 20, 40),
        ({"kind": "loan", "drawn": 120.0, "limit": 100.0, "committed": True}, 120, 120, 120),
    ],
)  # fmt: skip
def test_conversion(credit: dict[str, Any], eb4: float, cn: float, lex: float) -> None:
    for preset, expected in ((None, eb4), ("cn_2018", cn), ("basel_lex", lex)):
        found = credit_exposure(one(**credit), policy=default_policy("risk", preset))
        assert found["exposure"].iloc[0] == pytest.approx(expected)


def test_what_a_credit_does_not_say_is_reported() -> None:
    found = credit_exposure(one(kind="loan", drawn=60.0, limit=100.0, cover=70.0))
    assert [f.column for f in findings_of(found)] == ["committed"]
    assert found["uncovered"].tolist() == [30.0]
    found = credit_exposure(one(kind="loan", drawn=1.0))
    assert [f.column for f in findings_of(found)] == ["limit"]


def test_the_vocabulary_has_15_kinds() -> None:
    assert len(CreditKind) == 15
    assert sum(k.on_balance for k in CreditKind) == 6
    table = default_policy("risk").table("conversion")
    assert table.facts["kind"].values == tuple(k.value for k in CreditKind)


# Laws


@settings(max_examples=8)
@given(drawn=frames(Credit, as_of=dt.date(2026, 6, 30)), share=st.integers(0, 5))
def test_exposure_is_conserved(drawn: pd.DataFrame, share: int) -> None:
    """From credits to customers to groups; and no preset makes a part of a credit negative."""
    granted = drawn.assign(credit_id=range(len(drawn)), customer_id=np.arange(len(drawn)) % 5)
    links = pd.DataFrame({"parent_id": [0, 1], "child_id": [1, 7], "link": "owns",
                          "share": share / 5})  # fmt: skip
    groups = find_groups(links, as_of=DAY)
    for preset in (None, *presets("risk")):
        lent = credit_exposure(granted, policy=default_policy("risk", preset))
        assert len(lent) == len(granted)
        assert (lent["exposure"] >= -1e-9).all()
        for by in (None, groups):
            sums = group_exposure(lent, by)
            for measure in ("exposure", "loans", "uncovered"):
                assert sums[measure].sum() == pytest.approx(lent[measure].sum())
            assert sums["borrowers"].sum() == lent["customer_id"].nunique()


def test_subjects_are_told_largest_first_and_equal_ones_by_id() -> None:
    lent = pd.DataFrame({"customer_id": [9, 8, 7, 7], "exposure": [5.0, 5.0, 4.0, 2.0],
                         "loans": 0.0, "uncovered": 0.0})  # fmt: skip
    assert group_exposure(lent)["exposure"].to_dict() == {"7": 6.0, "8": 5.0, "9": 5.0}
    assert group_exposure(lent).index.tolist() == ["7", "8", "9"]


@given(
    cents=st.integers(0, 10**9),
    needs=st.lists(st.integers(0, 1000), min_size=1, max_size=8).filter(any),
)
def test_a_limit_is_allotted_exactly(cents: int, needs: list[int]) -> None:
    shares = allot_limit(cents / 100, pd.DataFrame({"need": needs}))
    assert round(shares.sum() * 100) == cents
    assert (shares[np.array(needs) == 0] == 0).all()


def test_allotment_keeps_floors_and_caps() -> None:
    bounds = {"floor": [50.01, 0, None], "cap": [None, 10.0, 80.0]}
    members = pd.DataFrame({"need": [1, 1, 1], **bounds})
    assert allot_limit(100, members).tolist() == [50.01, 10.0, 39.99]
    with pytest.raises(InfeasibleError):
        allot_limit(10, members)
    for wrong in (-1, 1.001, "much", float("nan")):
        with pytest.raises(DataError, match="limit"):
            allot_limit(wrong, members)  # type: ignore[arg-type]


# Warnings


def test_group_warnings_and_their_reasons() -> None:
    links = pd.DataFrame(
        {
            "parent_id": [1, 1, 1, 2, 3, 11],
            "child_id": [2, 3, 4, 3, 2, 12],
            "link": ["controls"] * 3 + ["guarantees"] * 2 + ["controls"],
        }
    )
    groups = find_groups(links, as_of=DAY)
    lent = exposures((1, 60, 0), (2, 10, 0), (3, 10, 0), (12, 5, 0)).assign(branch=list("abcb"))
    lent = pd.concat([lent, exposures((9, 50, 0)).assign(branch="d")])
    plain = group_warnings(lent, groups)
    assert plain["reasons"].to_dict() == {
        "G1": "many branches lend to the group; members guarantee each other in a circle",
        "G11": "",
    }
    assert plain["capacity_ratio"].isna().all()
    capacity = pd.Series({1: 20.0, 2: 60.0, 3: 40.0, 12: 100.0})
    flows = pd.DataFrame({"payer_id": [1, 2, 9], "payee_id": [2, 1, 1], "amount": [30.0, 20, 900]})
    found = group_warnings(lent, groups, capacity=capacity, flows=flows)
    assert found.loc["G1", "warning_rules"] == (
        "many-branches+over-lending+uneven+transfers+guarantee-circle"
    )
    assert found.loc["G1", "capacity_ratio"] == pytest.approx(80 / 120)
    assert found.loc["G1", "transfer_ratio"] == pytest.approx(50 / 120)
    shares, fair = np.array([60, 10, 10]) / 80, np.array([20, 60, 40]) / 120
    assert found.loc["G1", "skew"] == pytest.approx(np.abs(shares - fair).sum() / 2)
    assert found["warnings"].tolist() == [5, 0]
    unknown = group_warnings(lent, groups, capacity=capacity.drop(3))
    assert np.isnan(unknown.loc["G1", "skew"]), "one unknown, all unknown"


def test_the_synthetic_bank() -> None:
    book = make_book(3_000, seed=3)
    groups = find_groups(book.links, as_of=book.as_of)
    lent = credit_exposure(book.credits)
    assert findings_of(lent) == ()
    row = book.capital.iloc[-1]
    ours = Capital(date=row["date"].date(), net=int(row["net"]), tier1=int(row["tier1"]))
    use = limit_use(lent, groups, capital=ours)
    assert {"within", "near", "breach"} >= set(use["state"])
    assert use["used"].sum() == pytest.approx(lent["exposure"].sum())
    assert group_warnings(lent, groups)["warnings"].sum() > 0
