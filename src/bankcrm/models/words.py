"""Words that the records use, with English and Chinese labels."""

from __future__ import annotations

from bankcrm.vocabulary import Labelled


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


class LinkKind(Labelled):
    """How two customers belong together (EB-4)."""

    OWNS = "owns", "持股"
    CONTROLS = "controls", "控制"
    GUARANTEES = "guarantees", "担保"
    FAMILY = "family", "家庭"
