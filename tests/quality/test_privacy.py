"""Masks, pseudonyms and retention; a marked customer goes through the library."""

from __future__ import annotations

import datetime as dt
import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankcrm.errors import DataError
from bankcrm.marketing import consents_as_of
from bankcrm.models import Complaint, Customer, columns_of
from bankcrm.quality import (
    mask_personal,
    pseudonymise,
    retention_plan,
)

DAY = dt.date(2026, 6, 30)
KEY = b"sixteen byte key"


def unmarked(text: str) -> bool:
    return "MARKER" not in text


def test_masks_by_kind_of_field() -> None:
    rows = pd.DataFrame(
        {
            "customer_id": [1, 2, 3],
            "name": ["王小明", "L", None],
            "phone": ["13800138000", "1380", None],
            "email": ["lina@mail.cn", "a@b.cn", "nobody"],
            "birth_date": pd.to_datetime(["1990-05-01", None, "2001-01-01"]),
            "id_number": ["11010519491231002X", "1", None],
            "city": ["Wuhan", "Xian", None],
        }
    )
    found = mask_personal(rows)
    assert found["name"].tolist() == ["王***", "***", None]
    assert found["phone"].tolist() == ["138***00", "***", None]
    assert found["email"].tolist() == ["l***@mail.cn", "***", "***"]
    assert found["birth_date"].tolist() == ["1990-***", None, "2001-***"]
    assert found["id_number"].tolist() == ["***", "***", None]
    assert found["city"].tolist()[:2] == ["Wuhan", "Xian"]
    assert rows["name"][0] == "王小明"


@given(st.lists(st.one_of(st.none(), st.text(max_size=20)), min_size=1, max_size=6))
def test_a_mask_shows_at_most_half_of_a_value(values: list[str | None]) -> None:
    rows = pd.DataFrame({"name": values, "phone": values}, dtype=object)
    found = mask_personal(rows)
    for field in ("name", "phone"):
        for value, shown in zip(values, found[field], strict=True):
            assert (shown is None) == (value is None)
            assert shown is None or 2 * (len(shown) - 3) <= len(value or "")


@pytest.mark.parametrize("model", [Customer, Complaint])
def test_every_personal_field_of_a_record_is_masked_and_replaced(model: type) -> None:
    personal = [c.name for c in columns_of(model) if c.personal]
    rows = pd.DataFrame({c.name: ["MARKER-VALUE"] for c in columns_of(model)})
    for found in (mask_personal(rows, model), pseudonymise(rows, model, key=KEY)):
        assert unmarked(found[personal].to_string())
        assert found.drop(columns=personal).eq("MARKER-VALUE").all(axis=None)


def test_pseudonyms_are_keyed_blake2b() -> None:
    rows = pd.DataFrame({"customer_id": [1, 2], "name": ["Li Na", None], "email": ["Li Na", "x"]})
    found = pseudonymise(rows, key=KEY)
    own = hashlib.blake2b(b"name", key=KEY, digest_size=32).digest()
    assert found["name"][0] == hashlib.blake2b(b"Li Na", key=own, digest_size=16).hexdigest()
    assert found["name"][1] is None
    assert found["name"][0] != found["email"][0], "another key for each field"
    assert found["name"][0] != pseudonymise(rows, key=KEY + b"2")["name"][0]
    other = pd.DataFrame({"customer_id": ["1", "9"], "email": ["y", "x"]})
    again = pseudonymise(other, key=KEY, fields=["customer_id"])
    assert again["email"][1] == found["email"][1], "joined over frames"
    assert (
        again["customer_id"][0]
        == pseudonymise(rows, key=KEY, fields=["customer_id"])["customer_id"][0]
    )


@given(st.lists(st.text(max_size=5), min_size=1, max_size=8))
def test_tokens_are_equal_where_values_are(values: list[str]) -> None:
    found = pseudonymise(pd.DataFrame({"name": pd.Series(values, dtype=object)}), key=KEY)["name"]
    assert [found[0] == f for f in found] == [values[0] == v for v in values]


@pytest.mark.parametrize("key", ["MARKER", b"short", None, b"", b"x" * 65])
def test_plain_hashes_are_refused(key: object) -> None:
    with pytest.raises(DataError, match="a hash without a key") as error:
        pseudonymise(pd.DataFrame({"name": ["x"]}), key=key)  # type: ignore[arg-type]
    assert unmarked(str(error.value))


def plan(**columns: list[object]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    rows = pd.DataFrame({"customer_id": range(size), **columns})
    for name in ("contract_date", "closed_date", "last_transaction"):
        rows[name] = pd.to_datetime(rows.get(name, pd.Series([None] * size)))
    return rows


def test_the_longest_duty_decides() -> None:
    rows = plan(
        contract_date=["2000-01-01"] * 4 + [None],
        closed_date=["2010-06-30", "2010-06-30", "2016-02-29", None, None],
        last_transaction=["2010-01-01", "2016-06-30", None, "2001-01-01", None],
    )
    found = retention_plan(rows, as_of=DAY)
    assert found["action"].tolist() == ["erase", "keep", "erase", "keep", "keep"]
    assert found["duty"].astype(object).tolist()[:3] == ["identity", "transactions", "identity"]
    assert found["keep_until"].astype(str).tolist()[:3] == [
        "2020-06-30",
        "2026-06-30",
        "2026-02-28",
    ]
    assert "person decides" in found["reason"][4]
    assert found.loc[3, "reason"] == "in a relationship with the bank"
    assert found["source"][0] == "Anti-Money Laundering Law of 2024"
    tomorrow = retention_plan(rows, as_of=DAY + dt.timedelta(1))
    assert tomorrow["action"].tolist() == ["erase", "erase", "erase", "keep", "keep"]


def test_open_complaints_hold_and_requests_restrict() -> None:
    rows = plan(
        contract_date=["2000-01-01"] * 3, closed_date=["2010-01-01", "2024-01-01", "2024-01-01"]
    )
    case = pd.DataFrame({"customer_id": [0]})
    asked = pd.DataFrame({"customer_id": [0, 1]})
    found = retention_plan(rows, as_of=DAY, complaints=case, requests=asked)
    assert found["action"].tolist() == ["hold", "restrict", "keep"]
    assert found["keep_until"].astype(str)[1] == "2034-01-01"


def test_complaints_that_are_closed_or_yet_to_come_do_not_hold() -> None:
    rows = plan(contract_date=["2000-01-01"] * 4, closed_date=["2010-01-01"] * 4)
    at = pd.to_datetime(["2026-01-01T10:00+08:00"] * 3 + ["2026-07-01T00:30+08:00"], utc=True)
    closed = ["2026-06-30T23:59+08:00", "2026-07-01T00:00+08:00", None, None]
    cases = pd.DataFrame(
        {
            "customer_id": range(4),
            "received_at": at,
            "closed_at": pd.to_datetime(closed, utc=True),
        }
    )
    found = retention_plan(rows, as_of=DAY, complaints=cases)
    assert found["action"].tolist() == ["erase", "hold", "hold", "erase"]


def test_consent_is_respected() -> None:
    said = pd.DataFrame(
        {
            "customer_id": [0, 1, 1, 2, 2, 3, 4, 9],
            "purpose": [None, "campaign", "greeting", "campaign", None, None, "campaign", None],
            "channel": [None, None, None, None, "phone", None, None, None],
            "state": ["withdrawn", "refused", "withdrawn", "granted", "withdrawn", "refused",
                      "refused", "withdrawn"],
            "since": pd.Timestamp("2026-01-01"),
            "until": pd.to_datetime([None] * 6 + ["2026-06-29", None]),
        }
    )  # fmt: skip
    rows = plan(
        contract_date=["2000-01-01"] * 6,
        closed_date=["2024-01-01"] * 2 + [None] * 3 + ["2010-01-01"],
    )
    found = retention_plan(rows, as_of=DAY, consents=consents_as_of(said, DAY))
    assert found["action"].tolist() == ["restrict", "keep", "keep", "keep", "keep", "erase"]
    refused = found["not_for"].fillna("-").tolist()
    assert refused == ["all", "campaign, greeting", "-", "all", "-", "-"]
    assert retention_plan(rows, as_of=DAY)["not_for"].isna().all(), "none are given"
    held = retention_plan(rows, as_of=DAY, consents=said, complaints=rows[["customer_id"]])
    assert held["action"].eq("hold").all(), "an open complaint holds, whatever is withdrawn"
