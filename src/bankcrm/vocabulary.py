"""Every enumeration of the library, with English and Chinese labels (DOMAIN.md section 6)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self, TypeVar

from bankcrm.errors import DataError

Language = Literal["en", "zh"]


def in_chinese(language: Language) -> bool:
    """Whether texts are Chinese.

    Raises:
        DataError: The language is neither ``en`` nor ``zh``.

    >>> in_chinese("zh"), in_chinese("en")
    (True, False)
    """
    if isinstance(language, str) and language in ("en", "zh"):
        return language == "zh"
    raise DataError(f"language: expected 'en' or 'zh', got {language!r}")


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
        return self._zh if in_chinese(language) else str(self.value).replace("_", " ")


W = TypeVar("W", bound=Labelled)


def word(vocabulary: type[W], value: object) -> W:
    """The member of a vocabulary that has this value.

    >>> word(Severity, "severe").label("zh")
    '重度'
    """
    for member in vocabulary:
        if isinstance(value, str) and member.value == value:
            return member
    known = ", ".join(m.value for m in vocabulary)
    raise DataError(f"no {vocabulary.__name__} {value!r}; known: {known}")


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


class Event(Labelled):
    """An event that moves a customer from stage to stage (LCM-2)."""

    CONTACTED = "contacted", "首次接触"
    INQUIRED = "inquired", "咨询"
    CONTRACT_SIGNED = "contract_signed", "签约"
    ACTIVATED = "activated", "激活"
    WENT_IDLE = "went_idle", "转为沉睡"
    REACTIVATED = "reactivated", "唤醒"
    CLOSED = "closed", "销户"
    WENT_SILENT = "went_silent", "长期无往来"
    WON_BACK = "won_back", "赢回"


class JourneyStep(Labelled):
    """The five steps of the private-banking relationship (PB-1)."""

    AWARENESS = "awareness", "认知"
    CONSIDERATION = "consideration", "考虑"
    DECISION = "decision", "决策"
    EXPERIENCE = "experience", "体验"
    EXIT = "exit", "退出"


class ValuePhase(Labelled):
    """The four phases of a relationship's value (PB-2)."""

    INTRODUCTION = "introduction", "引入期"
    GROWTH = "growth", "成长期"
    MATURITY = "maturity", "成熟期"
    DECLINE = "decline", "衰退期"


class Tier(Labelled):
    """The five customer tiers (CBM-3), the best first, in which order every result shows them.

    `bankcrm.segmentation.TIER_LADDER` is the same order from the lowest.
    """

    PREMIUM = "premium", "优质"
    KEY = "key", "重点"
    POTENTIAL = "potential", "潜力"
    ORDINARY = "ordinary", "普通"
    RESTRICTED = "restricted", "限制"


class ResourceLevel(Labelled):
    """How resources go to a tier (CBM-6)."""

    PRIORITY = "priority", "优先投入"
    INCREASE = "increase", "重点增加投入"
    MAINTAIN = "maintain", "稳定投入"
    REDUCE = "reduce", "削减"
    SELECTIVE = "selective", "按潜力"


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


class Gender(Labelled):
    """Gender as recorded by the bank."""

    FEMALE = "female", "女"
    MALE = "male", "男"
    OTHER = "other", "其他"


class Sector(Labelled):
    """Sector of the economy (CBM-2)."""

    PRIMARY = "primary", "第一产业"
    SECONDARY = "secondary", "第二产业"
    TERTIARY = "tertiary", "第三产业"


class CreditStanding(Labelled):
    """Credit standing of a customer (CBM-3)."""

    GOOD = "good", "良好"
    WATCH = "watch", "关注"
    BAD = "bad", "不良"


class Product(Labelled):
    """What an account is."""

    DEMAND = "demand", "活期存款"
    TERM = "term", "定期存款"
    WEALTH = "wealth", "理财"
    FUND = "fund", "基金"
    MORTGAGE = "mortgage", "住房贷款"
    CONSUMER_LOAN = "consumer_loan", "消费贷款"
    BUSINESS_LOAN = "business_loan", "经营贷款"
    CREDIT_CARD = "credit_card", "信用卡"
    INSURANCE = "insurance", "保险"


class TransactionKind(Labelled):
    """What a transaction is for."""

    SALARY = "salary", "工资"
    CASH_IN = "cash_in", "现金存入"
    CASH_OUT = "cash_out", "现金支取"
    TRANSFER_IN = "transfer_in", "转入"
    TRANSFER_OUT = "transfer_out", "转出"
    CARD = "card", "刷卡消费"
    STANDING_ORDER = "standing_order", "定期转账"
    INTEREST = "interest", "利息"
    PENALTY_INTEREST = "penalty_interest", "罚息"
    FEE = "fee", "手续费"
    PENSION = "pension", "养老金"
    LOAN_PAYMENT = "loan_payment", "还贷"
    INSURANCE = "insurance", "保险费"
    HOUSEHOLD = "household", "家庭缴费"
    SECURITIES = "securities", "证券"
    OTHER = "other", "其他"


class LoanStatus(Labelled):
    """How a loan stands."""

    RUNNING = "running", "正常"
    FINISHED = "finished", "结清"
    UNPAID = "unpaid", "到期未还"
    IN_DEBT = "in_debt", "逾期"


class ContactPurpose(Labelled):
    """Why bank and customer met (CSC-7, CSC-8)."""

    CONTACT = "contact", "联系"
    INQUIRY = "inquiry", "咨询"
    REVISIT = "revisit", "回访"
    CAMPAIGN = "campaign", "营销活动"
    GREETING = "greeting", "问候"
    COMPLAINT_ANSWER = "complaint_answer", "投诉答复"


class ContactOutcome(Labelled):
    """What a contact led to."""

    NONE = "none", "无结果"
    POSITIVE = "positive", "积极"
    NEGATIVE = "negative", "消极"
    NO_ANSWER = "no_answer", "未接通"


class ConsentState(Labelled):
    """What a customer said to a kind of contact, the strictest last (CSC-7)."""

    GRANTED = "granted", "同意"
    REFUSED = "refused", "拒绝"
    WITHDRAWN = "withdrawn", "撤回"


class CampaignState(Labelled):
    """The steps of a campaign (CBM-7), with its approval (CSC-8) and its end."""

    NEEDS = "needs", "收集需求"
    ANALYSIS = "analysis", "分析"
    PLAN = "plan", "策划"
    APPROVED = "approved", "已批准"
    MARKETING = "marketing", "实施"
    CHECK = "check", "检查"
    CLOSED = "closed", "结束"
    CANCELLED = "cancelled", "取消"


class CampaignEvent(Labelled):
    """What moves a campaign from step to step (CBM-7, CSC-8)."""

    NEEDS_COLLECTED = "needs_collected", "需求已收集"
    ANALYSED = "analysed", "分析完成"
    APPROVED = "approved", "批准"
    STARTED = "started", "启动"
    ENDED = "ended", "实施完成"
    EVALUATED = "evaluated", "评估完成"
    CANCELLED = "cancelled", "取消"


class LinkKind(Labelled):
    """How two customers belong together (EB-4)."""

    OWNS = "owns", "持股"
    CONTROLS = "controls", "控制"
    MANAGES = "manages", "管理"
    GUARANTEES = "guarantees", "担保"
    FAMILY = "family", "家庭"
    DEPENDS = "depends", "经济依存"


class CreditKind(Labelled):
    """The 15 kinds of credit (EB-4): six on the balance sheet, then nine off it."""

    LOAN = "loan", "贷款"
    TRADE_FINANCE = "trade_finance", "贸易融资"
    BILL_FINANCE = "bill_finance", "票据融资"
    FINANCE_LEASE = "finance_lease", "融资租赁"
    OVERDRAFT = "overdraft", "透支"
    ADVANCE = "advance", "垫款"
    BILL_ACCEPTANCE = "bill_acceptance", "票据承兑"
    LETTER_OF_CREDIT = "letter_of_credit", "信用证"
    GUARANTEE = "guarantee", "保函"
    STANDBY_LETTER_OF_CREDIT = "standby_letter_of_credit", "备用信用证"
    CONFIRMATION = "confirmation", "信用证保兑"
    BOND_GUARANTEE = "bond_guarantee", "债券发行担保"
    LOAN_GUARANTEE = "loan_guarantee", "借款担保"
    SALE_WITH_RECOURSE = "sale_with_recourse", "有追索权的资产销售"
    UNDRAWN_COMMITMENT = "undrawn_commitment", "未使用的不可撤销承诺"

    @property
    def on_balance(self) -> bool:
        """Whether the kind is on the balance sheet."""
        return self in _ON_BALANCE


_ON_BALANCE = tuple(CreditKind)[:6]


class CheckKind(Labelled):
    """Who checks the work: the three-check pattern and the mystery visit (LCM-7, EB-8)."""

    SELF = "self", "自查"
    BRANCH = "branch", "支行检查"
    THIRD_PARTY = "third_party", "第三方检查"
    MYSTERY = "mystery", "神秘人检查"


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
    """Who represents the customer (CSC-3)."""

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


class Timeliness(Labelled):
    """Whether a complaint was answered by its due day; open and overdue ones have no answer yet."""

    IN_TIME = "in_time", "按时"
    LATE = "late", "逾期答复"
    OPEN = "open", "处理中"
    OVERDUE = "overdue", "逾期未答复"


class EventKind(Labelled):
    """What can happen to a case (CSC-5, CSC-6)."""

    RECEIVED = "received", "收到"
    SENT = "sent", "转出"
    ACKNOWLEDGED = "acknowledged", "确认"
    ASSESSED = "assessed", "定级"
    ASSIGNED = "assigned", "分派"
    TRANSFERRED = "transferred", "转交"
    POLICY_CHANGED = "policy_changed", "规则变更"
    NEW_FACTS = "new_facts", "新事实"
    RESUMED = "resumed", "恢复"
    EXTENDED = "extended", "延期"
    INFORMED = "informed", "告知进展"
    DELAY_EXPLAINED = "delay_explained", "说明延迟"
    PAUSED = "paused", "暂停"
    RESPONDED = "responded", "答复"
    ACCEPTED = "accepted", "接受"
    CLOSED = "closed", "关闭"
    REOPENED = "reopened", "重新打开"
    MERGED = "merged", "合并"
    WITHDRAWN = "withdrawn", "撤回"


class CaseStatus(Labelled):
    """How a case stands."""

    OPEN = "open", "处理中"
    PAUSED = "paused", "暂停"
    ANSWERED = "answered", "已答复"
    CLOSED = "closed", "已关闭"
    MERGED = "merged", "已合并"
    WITHDRAWN = "withdrawn", "已撤回"


class ClockStateKind(Labelled):
    """How a clock stands."""

    RUNNING = "running", "计时中"
    AT_RISK = "at_risk", "临近超时"
    PAUSED = "paused", "暂停"
    BREACHED = "breached", "超时"
    MET = "met", "达标"
    STOPPED = "stopped", "停止"


class IdentifierScheme(Labelled):
    """A kind of identifier that can be checked (LCM-4, EB-5)."""

    RESIDENT_ID = "resident_id", "居民身份证号"
    CREDIT_CODE = "credit_code", "统一社会信用代码"
    LEI = "lei", "法人机构识别编码"
    IBAN = "iban", "国际银行账号"
    LUHN = "luhn", "银行卡号"
    MOBILE = "mobile", "手机号"
    EMAIL = "email", "电子邮箱"


class IdentifierFault(Labelled):
    """Why an identifier is not valid (LCM-4)."""

    LENGTH = "length", "长度不符"
    CHARACTER = "character", "字符不符"
    COUNTRY = "country", "国家代码不符"
    REGION = "region", "省份代码不符"
    OFFICE = "office", "登记管理部门代码不符"
    RANGE = "range", "号段不符"
    DATE = "date", "出生日期不符"
    CHECK_DIGIT = "check_digit", "校验码不符"
    RESIDENT_ID = "resident_id", "实为居民身份证号"
    SHAPE = "shape", "格式不符"


class QualityDimension(Labelled):
    """What the quality of data is measured by (LCM-4)."""

    COMPLETENESS = "completeness", "完整性"
    VALIDITY = "validity", "有效性"
    CONSISTENCY = "consistency", "一致性"
    TIMELINESS = "timeliness", "及时性"
    UNIQUENESS = "uniqueness", "唯一性"
    ACCURACY = "accuracy", "准确性"
