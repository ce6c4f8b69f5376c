"""Words that several domains share, with English and Chinese labels (DOMAIN.md section 6)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

Language = Literal["en", "zh"]


class Labelled(StrEnum):
    """A string enum whose members carry an English and a Chinese label.

    >>> Stage.DORMANT.value, Stage.DORMANT.label("zh")
    ('dormant', '沉睡')
    """

    _zh: str

    def __new__(cls, value: str, zh: str) -> Self:
        """Make a member from its value and its Chinese label."""
        member = str.__new__(cls, value)
        member._value_ = value
        member._zh = zh
        return member

    def __str__(self) -> str:
        return str(self.value)

    def label(self, language: Language = "en") -> str:
        """The member's name for people, in English (``en``) or Chinese (``zh``)."""
        return self._zh if language == "zh" else str(self.value).replace("_", " ")


class CustomerKind(Labelled):
    """Who the customer is (LCM-1)."""

    PERSON = "person", "个人"
    COMPANY = "company", "企业"


class Stage(Labelled):
    """The six stages of the customer lifecycle (LCM-2)."""

    PROSPECT = "prospect", "潜在"
    LEAD = "lead", "意向"
    NEW = "new", "新"
    ACTIVE = "active", "活跃"
    DORMANT = "dormant", "沉睡"
    LOST = "lost", "流失"


class Tier(Labelled):
    """The five customer tiers (CBM-3); `bankcrm.segmentation.TIER_LADDER` ranks them."""

    PREMIUM = "premium", "优质"
    KEY = "key", "重点"
    ORDINARY = "ordinary", "普通"
    POTENTIAL = "potential", "潜力"
    RESTRICTED = "restricted", "限制"


class ResourceLevel(Labelled):
    """How resources go to a tier (CBM-6)."""

    PRIORITY = "priority", "优先投入"
    LEAN = "lean", "重点增加投入"
    CONTROLLED = "controlled", "稳定投入"
    CUT = "cut", "削减"
    BY_POTENTIAL = "by_potential", "按潜力"


class Department(Labelled):
    """The five departments that share the work (LCM-5)."""

    MARKETING = "marketing", "营销部门"
    CUSTOMER_SERVICE = "customer_service", "客户服务部门"
    PRODUCT = "product", "产品部门"
    RISK = "risk", "风险管理部门"
    DATA_ANALYSIS = "data_analysis", "数据分析部门"


class Kind(Labelled):
    """What a customer's message is (CSC-4)."""

    CONSULTATION = "consultation", "咨询"
    SUGGESTION = "suggestion", "建议"
    COMPLAINT = "complaint", "投诉"


class Severity(Labelled):
    """How severe a complaint is (CSC-4), mildest first."""

    MINOR = "minor", "轻微"
    MODERATE = "moderate", "中度"
    SEVERE = "severe", "重度"


class Channel(Labelled):
    """How customer and bank meet (PB-8)."""

    BRANCH = "branch", "网点"
    ATM = "atm", "自助设备"
    PHONE = "phone", "电话"
    MAIL = "mail", "邮件"
    FACE = "face_to_face", "面谈"
    ONLINE = "online", "网上银行"
    MOBILE = "mobile", "手机银行"
    SOCIAL = "social", "社交媒体"
    API = "api", "接口"
