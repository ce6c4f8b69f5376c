"""Words of the complaints domain, with English and Chinese labels."""

from __future__ import annotations

from typing import TypeVar

from bankcrm.errors import DataError
from bankcrm.vocabulary import Department, Kind, Labelled, Severity

__all__ = ["SIGNALS", "Department", "Kind", "Outcome", "Relation", "Severity", "Signal", "word"]

W = TypeVar("W", bound=Labelled)


def word(vocabulary: type[W], value: object) -> W:
    """The member of a vocabulary that has this value.

    >>> word(Severity, "severe").label("zh")
    '重度'
    """
    for member in vocabulary:
        if member.value == value:
            return member
    known = ", ".join(m.value for m in vocabulary)
    raise DataError(f"{value!r} is no {vocabulary.__name__}; known: {known}")


class Signal(Labelled):
    """What raises a complaint's severity (CSC-4); each is a boolean column of a frame."""

    FUNDS_SAFETY = "funds_safety", "资金安全或欺诈"
    DATA_LEAK = "data_leak", "信息泄露"
    DISCRIMINATION = "discrimination", "歧视"
    BREACH_OF_LAW = "breach_of_law", "违法违规"
    REGULATOR = "regulator", "监管或政府转办"
    MANY_CUSTOMERS = "many_customers", "涉及多名客户"
    VULNERABLE = "vulnerable", "特殊群体"
    LEGAL_THREAT = "legal_threat", "诉讼威胁"
    MEDIA_THREAT = "media_threat", "媒体曝光威胁"
    REPEAT = "repeat", "重复投诉"
    REOPENED = "reopened", "重新打开"


SIGNALS: tuple[str, ...] = tuple(s.value for s in Signal)
"""The names of all signals, in the order of the vocabulary."""


class Relation(Labelled):
    """Who speaks for the customer (CSC-3)."""

    SELF = "self", "本人"
    PROXY = "proxy", "代理人"
    HEIR = "heir", "继承人"
    GUARDIAN = "guardian", "监护人"


class Outcome(Labelled):
    """How a complaint was decided."""

    UPHELD = "upheld", "成立"
    PARTLY_UPHELD = "partly_upheld", "部分成立"
    REJECTED = "rejected", "不成立"
    WITHDRAWN = "withdrawn", "撤诉"
