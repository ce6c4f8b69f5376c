"""The plan of retention, consents and masks: against loops over single rows, at each limit."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm.errors import DataError, PolicyError
from bankcrm.models import Customer
from bankcrm.policy import default_policy
from bankcrm.quality import mask_personal, pseudonymise, retention_plan
from bankcrm.quality.privacy.consents import refused_purposes, strictest_of
from bankcrm.quality.privacy.masks import MaskRule
from bankcrm.quality.privacy.retention import RetentionDuty

DAY = dt.date(2026, 6, 30)
TODAY = np.datetime64(DAY)
POLICY = default_policy("quality")
DUTIES = (
    RetentionDuty("identity", "closed_date", 10, "identity data", "Law A"),
    RetentionDuty("tax", "last_transaction", 5, "tax records", "Law B"),
    RetentionDuty("absent", "never_given", 99, "nothing", "Law C"),
)
STRICT = ["granted", "refused", "withdrawn"]


def later(day: dt.date, years: int) -> dt.date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return dt.date(day.year + years, 2, 28)


def plan_of(row: dict[str, Any], case: bool, asked: bool) -> tuple[Any, ...]:
    """Last day, duty, action, reason and source of one customer."""
    ends = [
        (later(row[d.after], d.years), -n, d)
        for n, d in enumerate(DUTIES)
        if row.get(d.after) is not None
    ]
    until, _, duty = max(ends, default=(None, 0, None), key=lambda e: e[:2])
    begun, closed = row["contract_date"], row["closed_date"]
    if case:
        action, reason = "hold", "an open complaint or lawsuit"
    elif begun is not None and (closed is None or closed > DAY):
        action, reason = "keep", "in a relationship with the bank"
    elif until is None and not asked:
        action, reason = "keep", "no day from which a duty runs is known: a person decides"
    elif until is None:
        action = "restrict"
        reason = "asked for erasure or withdrew consent; no duty is known: a person decides"
    elif until >= DAY and asked:
        action = "restrict"
        reason = "asked for erasure or withdrew consent; a duty to keep still runs"
    elif until >= DAY:
        assert duty is not None
        action, reason = "keep", duty.because
    else:
        action, reason = "erase", "every duty to keep is over"
    return until, duty and duty.id, action, reason, duty and duty.source


BEGUN = [None, dt.date(2000, 1, 1)]
CLOSED = [None, dt.date(2016, 6, 30), dt.date(2016, 6, 29), dt.date(2016, 2, 29),
          DAY, dt.date(2026, 7, 1)]  # fmt: skip
MOVED = [None, dt.date(2021, 6, 30), dt.date(2021, 6, 29), dt.date(2024, 2, 29)]


def test_the_plan_of_each_customer() -> None:
    rows = [
        {"contract_date": b, "closed_date": c, "last_transaction": m, "case": case, "asked": asked}
        for b, c, m, case, asked in itertools.product(BEGUN, CLOSED, MOVED, *[[False, True]] * 2)
    ]
    frame = pd.DataFrame(rows).assign(customer_id=lambda f: f.index + 5)
    for name in ("contract_date", "closed_date", "last_transaction"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame = frame.set_axis(pd.Index(range(9, 9 + len(frame)), name="line"), axis=0)
    duties = [attrs.asdict(d) for d in DUTIES]
    raw = {**POLICY.raw_records, "retention_duty": tuple(duties)}
    found = retention_plan(
        frame[["customer_id", "contract_date", "closed_date", "last_transaction"]],
        as_of=DAY,
        policy=attrs.evolve(POLICY, raw_records=raw),
        complaints=frame.loc[frame["case"], ["customer_id"]],
        requests=frame.loc[frame["asked"], ["customer_id"]],
    )
    wanted = pd.DataFrame(
        [plan_of(r, r["case"], r["asked"]) for r in rows],
        columns=["keep_until", "duty", "action", "reason", "source"],
        index=frame.index,
    )
    wanted["keep_until"] = pd.to_datetime(wanted["keep_until"]).astype("datetime64[s]")
    wanted["duty"] = pd.Categorical(wanted["duty"], [d.id for d in DUTIES])
    wanted["action"] = pd.Categorical(wanted["action"], ["keep", "hold", "restrict", "erase"])
    wanted["not_for"] = pd.Series([None] * len(frame), frame.index, dtype=object)
    wanted.insert(0, "customer_id", frame["customer_id"])
    assert found.attrs.pop("policy")
    pd.testing.assert_frame_equal(found, wanted)


def test_cases_by_their_local_days() -> None:
    """A case is open from the day on which it comes in, until the day on which it is closed."""
    received = [None, "2026-06-30T23:59", "2026-07-01T00:00"]
    closed = [None, "2026-06-30T00:00", "2026-06-30T23:59", "2026-07-01T00:00"]
    pairs = list(itertools.product(received, closed))
    frame = pd.DataFrame(pairs, columns=["received_at", "closed_at"])
    for name in frame:
        times = pd.to_datetime(frame[name])
        frame[name] = times.dt.tz_localize("Asia/Shanghai").dt.tz_convert("UTC")
    frame["customer_id"] = range(len(frame))
    rows = frame[["customer_id"]].assign(contract_date=pd.NaT, closed_date=pd.Timestamp(1999, 1, 1))
    for columns in (["received_at"], ["closed_at"], ["received_at", "closed_at"]):
        found = retention_plan(rows, as_of=DAY, complaints=frame[["customer_id", *columns]])
        wanted = [
            not ("received_at" in columns and r == received[2])
            and not ("closed_at" in columns and c in closed[1:3])
            for r, c in pairs
        ]
        assert (found["action"] == "hold").tolist() == wanted


def test_a_duty_has_a_length() -> None:
    assert RetentionDuty("d", "x", 0, "b", "s").years == 0
    with pytest.raises(PolicyError, match="retention_duty d: years are at least 0, saw -1"):
        RetentionDuty("d", "x", -1, "b", "s")


def statements(seed: int, rows: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    return [
        {
            "customer_id": int(rng.integers(0, 8)),
            "purpose": rng.choice([None, "campaign", "greeting"]),
            "channel": rng.choice([None, None, "phone"]),
            "state": rng.choice(STRICT),
            "until": [None, DAY, DAY - dt.timedelta(1)][int(rng.integers(0, 3))],
        }
        for _ in range(rows)
    ]


@pytest.mark.parametrize("left_out", [[], ["channel"], ["until"]])
def test_refusals_are_those_of_each_statement(left_out: list[str]) -> None:
    said = statements(1)
    ids = pd.Series(range(9))
    frame = pd.DataFrame(said).drop(columns=left_out)
    if "until" in frame:
        frame["until"] = pd.to_datetime(frame["until"])
    purposes, withdrawn = refused_purposes(frame, ids, TODAY)
    for customer in ids:
        refused, gone = set(), False
        for s in said:
            whole = s["channel"] is None or "channel" in left_out
            ended = s["until"] is not None and s["until"] < DAY and "until" not in left_out
            if s["customer_id"] == customer and whole and not ended and s["state"] != "granted":
                refused.add(s["purpose"] or "all")
                gone |= s["state"] == "withdrawn" and s["purpose"] is None
        assert purposes[customer] == (", ".join(sorted(refused)) or None)
        assert withdrawn[customer] == gone
    assert (purposes.dtype, withdrawn.dtype) == (object, bool)
    nothing, nobody = refused_purposes(None, ids, TODAY)
    assert nothing.tolist() == [None] * 9
    assert not nobody.any()


def test_the_strictest_statement_of_records_that_are_one_customer() -> None:
    rows = statements(2)
    said = pd.DataFrame(rows).assign(until=pd.NaT)
    customer = {record: f"c{record % 3}" for record in range(7)}  # record 7 is of nobody
    crosswalk = pd.DataFrame({"record_id": [*customer], "customer_id": [*customer.values()]})
    wanted: dict[tuple[Any, ...], int] = {}
    for s in rows:
        if s["customer_id"] in customer:
            key = customer[s["customer_id"]], s["purpose"], s["channel"]
            wanted[key] = max(wanted.get(key, 0), STRICT.index(s["state"]))
    found = strictest_of(said, crosswalk)
    keys = ["customer_id", "purpose", "channel"]
    plain = found[keys].astype(object).where(found[keys].notna(), None)
    assert {
        tuple(k): STRICT.index(s) for k, s in zip(plain.to_numpy(), found["state"], strict=True)
    } == wanted
    assert found["customer_id"].tolist() == sorted(found["customer_id"])
    assert found.index.equals(pd.RangeIndex(len(wanted)))
    assert list(found) == [*keys, "state", "until"]
    short = strictest_of(said.drop(columns=["channel", "until"]), crosswalk)
    assert list(short) == ["customer_id", "purpose", "state"]
    for broken in ({"customer_id": None}, {"state": None}):
        with pytest.raises(DataError, match="consents"):
            strictest_of(said.assign(**broken), crosswalk)


def masked(values: list[Any], **rule: Any) -> list[Any]:
    """One column, by one rule of its own."""
    raw = {**POLICY.raw_records, "mask": ({"field": "more", **rule},)}
    policy = attrs.evolve(POLICY, raw_records=raw)
    found = mask_personal(pd.DataFrame({"more": pd.Series(values, dtype=object)}), policy=policy)
    return [None if pd.isna(v) else v for v in found["more"]]


@pytest.mark.parametrize(("first", "last"), [(1, 0), (0, 2), (3, 2), (0, 0)])
def test_the_ends_of_a_text(first: int, last: int) -> None:
    texts = ["abcdefghijklmn"[:n] for n in range(1, 14)]
    wanted = [
        t[:first] + "***" + t[len(t) - last :] if len(t) >= 2 * (first + last) else "***"
        for t in texts
    ]
    assert masked([*texts, None], keep="ends", first=first, last=last) == [*wanted, None]


def test_other_masks() -> None:
    mails = ["ab@c.cn", "a@c.cn", "ab@", "ab", "ab@c@d", "ab@c", None, ""]
    wanted = ["a***@c.cn", "***", "***", "***", "***", "a***@c", None, "***"]
    assert masked(mails, keep="domain") == wanted
    assert masked(["ab", None], keep="nothing") == ["***", None]
    assert masked(["ab", None]) == ["***", None]
    assert masked(["1990-01-01", None], keep="year") == ["***", None]  # a text is no date
    assert masked([None, None], keep="ends", first=1) == [None, None]
    assert masked(["\ud800abc", "abc"], keep="ends", first=1) == ["***", "***"]
    plain = pd.DataFrame({"birth_date": pd.to_datetime(["1990-05-01", None])}, index=[4, 7])
    found = mask_personal(plain)["birth_date"]
    assert found.dropna().to_dict() == {4: "1990-***"}
    assert found.index.tolist() == [4, 7]


@pytest.mark.parametrize(("first", "last"), [(-1, 0), (0, -1)])
def test_a_mask_has_no_negative_counts(first: int, last: int) -> None:
    with pytest.raises(PolicyError, match="mask of x: first and last are at least 0"):
        MaskRule("x", "ends", first, last)
    assert (MaskRule("x").keep, MaskRule("x").first, MaskRule("x").last) == ("nothing", 0, 0)


@pytest.mark.parametrize("size", [15, 16, 64, 65])
def test_keys_are_of_16_to_64_bytes(size: int) -> None:
    rows = pd.DataFrame({"name": ["x"]})
    if 16 <= size <= 64:
        assert len(pseudonymise(rows, key=bytearray(size))["name"][0]) == 32
    else:
        with pytest.raises(DataError, match="key: expected 16 to 64 secret bytes"):
            pseudonymise(rows, key=bytes(size))


def test_equal_ids_have_one_token_whatever_holds_them() -> None:
    key = b"sixteen byte key"

    def tokens(values: Any) -> list[Any]:
        rows = pd.DataFrame({"customer_id": values}, index=[3, 5, 6])
        found = pseudonymise(rows, Customer, key=key, fields=["customer_id"])["customer_id"]
        assert found.index.tolist() == [3, 5, 6]
        return found.tolist()

    whole = tokens([7, 8, 7])
    assert whole[0] == whole[2] != whole[1]
    assert tokens([7.0, None, 8.0]) == [whole[0], None, whole[1]]
    assert tokens(["7", "8", None]) == [*whole[:2], None]
    assert tokens([7.5, 8.0, 7.0])[0] not in whole
    days = pd.to_datetime(["2026-01-02", None, "2026-01-03"])
    assert tokens(days.astype("datetime64[s]")) == tokens(["2026-01-02", None, "2026-01-03"])
    with pytest.raises(DataError, match=r"no column 'nme'.*'name'"):
        pseudonymise(pd.DataFrame({"name": ["x"]}), key=key, fields=["nme"])
    with pytest.raises(DataError, match="name: expected plain values, found list"):
        pseudonymise(pd.DataFrame({"name": [["x"]]}), key=key)
