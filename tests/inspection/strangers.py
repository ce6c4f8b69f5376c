"""Folders of strangers: what banks with other habits export, made from one book.

Each bank has its own headers, codes and formats; how it writes them is in
`tests.book.foreign`, which uses nothing of the library's reading.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import openpyxl
import pandas as pd
from tests.book import foreign
from tests.book.foreign import Style, written

from bankcrm.book import Book
from bankcrm.book.mapping import Formats

CHINESE = Style(
    foreign.CHINESE,
    amounts="sides",
    only=True,
    headers={
        "customers": "客户信息表",
        "transactions": "交易流水",
        "accounts": "账户信息",
        "balances": "日终余额",
        "loans": "贷款台账",
        "contacts": "客户联系记录",
        "complaints": "投诉工单",
        "links": "客户关系",
        "customer_id": "客户号",
        "customers.kind": "客户类型",
        "name": "客户姓名",
        "birth_date": "出生日期",
        "gender": "性别",
        "occupation": "职业",
        "education": "学历",
        "income": "年收入(元)",
        "customers.branch": "开户网点",
        "contract_date": "签约日期",
        "first_contact_date": "首次联系日期",
        "inquiry_date": "咨询日期",
        "customers.closed_date": "销户日期",
        "closure_reason": "销户原因",
        "referred_by": "推荐人客户号",
        "credit_standing": "信用状况",
        "customers.satisfaction": "满意度",
        "customers.phone": "手机号码",
        "account_id": "账号",
        "transactions.date": "交易日期",
        "transactions.amount": "发生额",
        "transactions.amount.credit": "贷方发生额",
        "transactions.amount.debit": "借方发生额",
        "transactions.kind": "交易类型",
        "transactions.channel": "交易渠道",
        "transactions.product": "产品类型",
        "accounts.product": "产品类型",
        "accounts.rate": "利率",
        "accounts.opened_date": "开户日期",
        "accounts.closed_date": "销户日期",
        "accounts.currency": "币种",
        "balances.date": "日期",
        "balances.balance": "账户余额",
        "balances.product": "产品类型",
        "loan_id": "借据号",
        "granted_date": "发放日期",
        "loans.amount": "贷款金额",
        "loans.rate": "年利率",
        "term_months": "期限(月)",
        "payment": "月还款额",
        "outstanding": "贷款余额",
        "status": "贷款状态",
        "pd": "违约概率",
        "lgd": "违约损失率",
        "contact_id": "联系编号",
        "contacts.date": "联系日期",
        "contacts.channel": "联系方式",
        "purpose": "联系目的",
        "contacts.outcome": "联系结果",
        "campaign": "营销活动",
        "complaint_id": "工单号",
        "received_at": "受理时间",
        "complaints.text": "投诉内容",
        "complaints.kind": "工单类型",
        "complaints.cause": "投诉原因",
        "complaints.amount_at_stake": "涉及金额",
        "answered_at": "答复时间",
        "closed_at": "结案时间",
        "complaints.satisfaction": "客户满意度",
        "complaints.product": "涉及产品",
        "complaints.channel": "投诉渠道",
        "parent_id": "母公司客户号",
        "child_id": "子公司客户号",
        "share": "持股比例",
        "links.link": "关系类型",
        "since": "建立日期",
    },
    codes={
        "person": "对私", "company": "对公", "female": "女", "male": "男",
        "good": "正常", "watch": "关注", "bad": "不良",
        "salary": "代发工资", "cash_in": "现金存入", "cash_out": "ATM取现", "card": "POS消费",
        "transfer_in": "转入", "transfer_out": "转出", "standing_order": "约定转账",
        "interest": "结息", "fee": "手续费", "pension": "养老金", "household": "生活缴费",
        "transactions.kind.loan_payment": "DK01", "securities": "YZ02",
        "branch": "柜面", "atm": "自助设备", "phone": "电话银行", "online": "网银",
        "mobile": "手机银行", "api": "开放银行", "social": "微信", "face_to_face": "上门",
        "mail": "信函",
        "demand": "活期", "term": "定期", "wealth": "理财", "fund": "基金", "mortgage": "房贷",
        "consumer_loan": "消费贷", "business_loan": "经营贷", "credit_card": "信用卡",
        "accounts.product.insurance": "保险", "balances.product.insurance": "保险",
        "running": "正常", "finished": "结清", "in_debt": "逾期",
        "contacts.purpose.contact": "日常联系", "inquiry": "咨询", "revisit": "回访",
        "contacts.purpose.campaign": "营销", "greeting": "问候",
        "none": "无结果", "positive": "成功", "negative": "拒绝", "no_answer": "未接通",
        "consultation": "咨询", "suggestion": "建议", "complaints.kind.complaint": "投诉",
        "owns": "持股", "family": "家庭",
    },
)  # fmt: skip
"""GBK, Chinese headers, ``;``, ``1,200.00`` in two columns, ``2024/03/01``; two opaque codes."""

LEGACY = Style(
    Formats(encoding="utf-8", separator="|", dates="%Y%m%d", missing="NULL", amounts_in="cents"),
    amounts="direction",
    only=True,
    headers={
        "customers": "CUST_MST",
        "transactions": "TXN_HIST",
        "accounts": "ACCT_MST",
        "balances": "ACCT_BAL",
        "loans": "LN_MST",
        "customer_id": "CUST_NO",
        "customers.kind": "CUST_TYP_CD",
        "name": "CUST_NM",
        "birth_date": "DOB",
        "gender": "SEX_CD",
        "customers.branch": "BR_CD",
        "contract_date": "CUST_OPEN_DT",
        "customers.closed_date": "CUST_CLS_DT",
        "credit_standing": "CR_RATING",
        "customers.phone": "MOB_NO",
        "account_id": "ACCT_NO",
        "transactions.date": "TXN_DT",
        "transactions.amount": "AMT_CENTS",
        "transactions.amount.direction": "DR_CR_IND",
        "transactions.kind": "TXN_CD",
        "transactions.channel": "CHNL_CD",
        "accounts.product": "PROD_CD",
        "accounts.opened_date": "OPEN_DT",
        "accounts.closed_date": "CLOSE_DT",
        "accounts.currency": "CCY",
        "accounts.rate": "INT_RATE",
        "balances.date": "BAL_DT",
        "balances.balance": "EOD_BAL_CENTS",
        "balances.product": "PROD_CD",
        "loan_id": "LN_NO",
        "granted_date": "DISB_DT",
        "loans.amount": "PRIN_AMT_CENTS",
        "term_months": "TENOR_MTHS",
        "outstanding": "OS_PRIN_CENTS",
        "loans.rate": "INT_RATE",
        "status": "LN_STS",
    },
    codes={
        "plus": "C", "minus": "D", "person": "I", "company": "C", "female": "F", "male": "M",
        "good": "G", "watch": "W", "bad": "B",
        "salary": "SAL", "cash_in": "CDEP", "cash_out": "CWDL", "card": "POS",
        "transfer_in": "TRFI", "transfer_out": "TRFO", "standing_order": "STO", "interest": "INT",
        "fee": "CHG", "pension": "PENS", "loan_payment": "LNPY", "household": "UTIL",
        "securities": "SECU",
        "branch": "BRN", "atm": "ATM", "phone": "IVR", "online": "IB", "mobile": "MB", "api": "API",
        "demand": "SAV", "term": "FD", "wealth": "WMP", "fund": "MF", "mortgage": "MTG",
        "consumer_loan": "PL", "business_loan": "BL", "credit_card": "CC", "insurance": "INS",
        "running": "ACTV", "finished": "CLSD", "in_debt": "OVRD",
    },
)  # fmt: skip
"""The tables of an old core system: short names, a direction, cents, ``20240301``, ``NULL``."""

PINYIN = Style(
    Formats(encoding="utf-8-sig", separator=",", dates="%Y-%m-%d"),
    only=True,
    headers={
        "customers": "kehuxinxi",
        "transactions": "jiaoyimingxi",
        "accounts": "zhanghuxinxi",
        "balances": "zhanghuyue",
        "customer_id": "kehuhao",
        "customers.kind": "kehuleixing",
        "name": "xingming",
        "birth_date": "chushengriqi",
        "gender": "xingbie",
        "income": "nianshouru",
        "contract_date": "kaihuriqi",
        "customers.phone": "shoujihao",
        "account_id": "zhanghao",
        "transactions.date": "jiaoyiriqi",
        "transactions.amount": "jine",
        "transactions.kind": "jiaoyileixing",
        "transactions.channel": "qudao",
        "accounts.product": "chanpinleixing",
        "accounts.opened_date": "kaihuriqi",
        "accounts.closed_date": "xiaohuriqi",
        "balances.date": "riqi",
        "balances.balance": "yue",
        "balances.product": "chanpinleixing",
    },
    codes={
        "person": "geren", "company": "qiye", "female": "nv", "male": "nan",
        "salary": "gongzi", "cash_in": "cunxian", "cash_out": "quxian", "card": "xiaofei",
        "transfer_in": "zhuanru", "transfer_out": "zhuanchu", "standing_order": "dingqizhuanzhang",
        "interest": "lixi", "fee": "shouxufei", "pension": "yanglaojin", "loan_payment": "huankuan",
        "household": "jiaofei", "securities": "zhengquan",
        "branch": "guimian", "atm": "ATM", "phone": "dianhua", "online": "wangyin",
        "mobile": "shouji", "api": "API",
        "demand": "huoqi", "term": "dingqi", "wealth": "licai", "fund": "jijin",
        "mortgage": "fangdai", "consumer_loan": "xiaofeidai", "business_loan": "jingyingdai",
        "credit_card": "xinyongka", "insurance": "baoxian",
    },
)  # fmt: skip
"""Pinyin in names and codes."""

GERMAN = Style(
    Formats(
        encoding="utf-16", separator="\t", decimal=",", thousands=".", dates="%d.%m.%Y",
        true="Y", false="N",
    ),
    files=2,
    only=True,
    suffix=".tsv",
    ids={"transactions": ".0"},
    headers={
        "customers": "Clients",
        "transactions": "Postings",
        "accounts": "Accounts",
        "balances": "Account balances",
        "customer_id": "Client number",
        "customers.kind": "Client type",
        "name": "Client name",
        "birth_date": "Date of birth",
        "contract_date": "Client since",
        "income": "Annual income (EUR)",
        "account_id": "Account number",
        "transactions.date": "Booking date",
        "transactions.amount": "Amount",
        "transactions.kind": "Transaction type",
        "accounts.product": "Product",
        "accounts.opened_date": "Opened on",
        "balances.date": "Balance date",
        "balances.balance": "Balance",
    },
    codes={
        "person": "Private", "company": "Corporate",
        "salary": "Salary", "cash_in": "Cash deposit", "cash_out": "Cash withdrawal",
        "card": "Card payment", "transfer_in": "Incoming transfer",
        "transfer_out": "Outgoing transfer", "standing_order": "Standing order",
        "interest": "Interest", "fee": "Fees", "pension": "Pension",
        "loan_payment": "Loan repayment", "household": "Direct debit", "securities": "Securities",
        "demand": "Current account", "term": "Term deposit", "wealth": "Wealth", "fund": "Fund",
        "mortgage": "Mortgage", "consumer_loan": "Consumer loan", "business_loan": "Business loan",
        "credit_card": "Credit card", "insurance": "Insurance",
    },
)  # fmt: skip
"""UTF-16, tabs, ``1.200,00``, ``31.12.2024``, two files of each kind, ids such as ``17850.0``."""

TEXTS = {"chinese": CHINESE, "legacy": LEGACY, "pinyin": PINYIN, "german": GERMAN}


def stranger(name: str, book: Book, folder: Path) -> None:
    """Write the folder of a bank."""
    folder.mkdir(exist_ok=True)
    if name == "excel":
        excel(book, folder)
    else:
        written(book, folder, TEXTS[name])


def excel(book: Book, folder: Path) -> None:
    """One workbook with a sheet per frame, and a sheet of notes; amounts in and out."""
    workbook = openpyxl.Workbook()
    notes = workbook.active
    assert notes is not None
    notes.title = "Read me"
    notes.append(["Export of 30 June", "by operations"])
    _sheet(
        workbook,
        "Customers",
        book.customers,
        {"customer_id": "Customer ID", "kind": "Segment type", "name": "Full Name",
         "birth_date": "Date of Birth", "contract_date": "Relationship start", "city": "City"},
    )  # fmt: skip
    moves = book.transactions.assign(
        paid_in=book.transactions["amount"].clip(lower=0).replace(0, None),
        paid_out=(-book.transactions["amount"]).clip(lower=0).replace(0, None),
    )
    _sheet(
        workbook,
        "Transactions",
        moves,
        {"customer_id": "Customer ID", "account_id": "Account No.", "date": "Txn Date",
         "paid_in": "Money In", "paid_out": "Money Out", "kind": "Txn Type", "channel": "Channel"},
    )  # fmt: skip
    _sheet(
        workbook,
        "Month end balances",
        book.frame("balances"),
        {"account_id": "Account No.", "customer_id": "Customer ID", "date": "Month end",
         "balance": "Closing balance"},
    )  # fmt: skip
    workbook.save(folder / "crm_export.xlsx")


def _sheet(
    workbook: openpyxl.Workbook, title: str, frame: pd.DataFrame, names: dict[str, str]
) -> None:
    sheet = workbook.create_sheet(title)
    sheet.append(list(names.values()))
    plain = frame[list(names)].astype(object)
    for row in plain.where(plain.notna(), None).itertuples(index=False):
        sheet.append([v.to_pydatetime() if isinstance(v, pd.Timestamp) else v for v in row])


def kept(book: Book, name: str) -> Book:
    """The part of a book that a bank's folder has: what its review must agree with."""
    if name == "excel":
        names = {
            "customers": ["customer_id", "kind", "name", "birth_date", "contract_date", "city"],
            "transactions": ["customer_id", "account_id", "date", "amount", "kind", "channel"],
            "balances": ["account_id", "customer_id", "date", "balance"],
        }
    else:
        style = TEXTS[name]
        names = {
            frame: [c.name for c in style.columns(frame, data)]
            for frame, data in book.frames().items()
            if frame in style.headers
        }
    frames = {f: book.frame(f)[columns] if f in names else None for f, columns in
              {f: names.get(f, []) for f in book.frames()}.items()}  # fmt: skip
    return attrs.evolve(book, **frames)
