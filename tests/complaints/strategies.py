"""Complaints at random, for the tests of this package."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from bankcrm.complaints import SIGNALS, Complaint
from bankcrm.vocabulary import Kind, Relation

ZONE = ZoneInfo("Asia/Shanghai")
TEXTS = [
    None,
    "信用卡被盗刷，要求退款",
    "请问怎么办理挂失",
    "建议增加自助设备",
    "没有泄露，但是态度差",
    "I will sue you for discrimination",
    "This is not fraud. My fee was wrong",
    "",
]

moments = st.datetimes(
    dt.datetime(2024, 1, 2), dt.datetime(2026, 6, 1), timezones=st.just(ZONE)
).map(lambda t: t.replace(microsecond=0))


@st.composite
def complaints(draw: st.DrawFn, number: int = 1) -> Complaint:
    """One complaint, any field of which may be missing."""
    maybe = st.sampled_from([None, False, True])
    received = draw(moments)
    return Complaint(
        complaint_id=number,
        received_at=received,
        customer_id=draw(st.sampled_from([None, 1, 2])),
        text=draw(st.sampled_from(TEXTS)),
        kind=draw(st.sampled_from([None, *Kind])),
        product=draw(st.sampled_from([None, "mortgage", "demand", "fund"])),
        cause=draw(st.sampled_from([None, "service_quality", "marketing", "data_protection"])),
        amount_at_stake=draw(st.sampled_from([None, *map(Decimal, (0, 4999, 5000, 100000))])),
        customers_affected=draw(st.sampled_from([None, 1, 9, 10])),
        relation=draw(st.sampled_from([None, *Relation])),
        first_asked=draw(st.sampled_from([None, "Wang"])),
        time_used=draw(st.sampled_from([None, 0.0, 0.5, 0.8, 2.0])),
        **{name: draw(maybe) for name in SIGNALS},
    )
