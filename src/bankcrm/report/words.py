"""The words of the report, in English and Chinese."""

from __future__ import annotations

from bankcrm.vocabulary import (
    CustomerKind,
    Department,
    Kind,
    Labelled,
    Language,
    ResourceLevel,
    Severity,
    Stage,
    Tier,
)

_SHARED: tuple[type[Labelled], ...] = (
    Stage,
    Tier,
    ResourceLevel,
    Department,
    Kind,
    Severity,
    CustomerKind,
)

_ZH = {
    # headings
    "Customer review": "客户评审",
    "as of": "截至",
    "Contents": "目录",
    "Key figures": "关键指标",
    "Lifecycle": "客户生命周期",
    "Lifecycle stages": "生命周期阶段",
    "RFM segments": "RFM 分群",
    "Early warnings": "预警",
    "Warning levels": "预警级别",
    "Tiers and movement": "客户层级与变动",
    "Movement since": "变动，自",
    "Concentration": "贡献集中度",
    "Contribution over a year": "全年贡献构成",
    "Resources": "资源配置",
    "Complaints and deadlines": "投诉与期限",
    "By severity": "按严重程度",
    "By state": "按处理状态",
    "Next due": "即将到期",
    "Findings about the data": "数据检查结果",
    "Policies in force": "现行政策",
    "Why a customer stands where it does": "客户判定依据查询",
    # figures
    "Customers": "客户数",
    "Active": "活跃",
    "Dormant": "沉睡",
    "Lost": "流失",
    "Contribution a year": "全年贡献",
    "Share of the top fifth": "前20%客户占比",
    "Gini": "基尼系数",
    "Complaints": "投诉",
    "Overdue complaints": "逾期投诉",
    "Data findings": "数据问题",
    # columns and words
    "name": "名称",
    "count": "数量",
    "share": "占比",
    "tier": "层级",
    "customers": "客户数",
    "customer": "客户",
    "contribution": "贡献",
    "mean value score": "平均价值分",
    "level": "级别",
    "manager": "客户经理",
    "response (hours)": "响应时限（小时）",
    "discount": "价格优惠",
    "component": "构成",
    "amount": "金额",
    "complaint": "投诉编号",
    "kind": "类别",
    "severity": "严重程度",
    "owner": "责任部门",
    "state": "状态",
    "due": "到期日",
    "stage": "阶段",
    "reasons": "原因",
    "warning": "预警",
    "domain": "领域",
    "policy": "政策",
    "version": "版本",
    "fingerprint": "指纹",
    "frame": "数据表",
    "column": "字段",
    "problem": "问题",
    "examples": "示例",
    "expected": "要求",
    "advice": "建议",
    "before": "之前",
    "after": "之后",
    "decision": "判定",
    "outcome": "结果",
    "rule": "规则",
    "source": "依据",
    "because": "理由",
    "values seen": "所见数值",
    "profitable": "盈利",
    "marginal": "微利",
    "losing": "亏损",
    "share of customers": "客户占比",
    "share of customers, lowest first": "客户累计占比（由低到高）",
    "share of customers, best first": "客户累计占比（由高到低）",
    "share of value": "价值占比",
    "cumulated profit": "累计利润",
    "profit": "利润",
    "rule of thumb": "经验法则",
    "Lorenz curve": "洛伦兹曲线",
    "Whale curve": "鲸鱼曲线",
    # sentences
    "None: every row of the book was used.": "无：账册的每一行均已使用。",
    "No complaints.": "没有投诉。",
    "None.": "无。",
    "Customer id": "客户编号",
    "Show": "查询",
    "No such customer on this page.": "本页没有该客户。",
    "undecided": "未判定",
    "otherwise": "其他情况",
    "Shares of a total have no meaning: the total is not above zero.": (
        "总额不大于零，占比没有意义。"
    ),
    "change": "变化",
    # outcomes that are no shared word
    "champions": "重要价值客户",
    "loyal": "忠诚客户",
    "potential_loyalist": "潜在忠诚客户",
    "promising": "有前景客户",
    "needs_attention": "需关注客户",
    "about_to_sleep": "即将沉睡客户",
    "at_risk": "有流失风险客户",
    "cannot_lose": "不可流失客户",
    "hibernating": "休眠客户",
    "alarm": "警报",
    "watch": "关注",
    "none": "无",
    "(none)": "（无）",
    "in_time": "按时答复",
    "late": "逾期答复",
    "open": "处理中",
    "overdue": "已逾期",
    "deposit_margin": "存款利差",
    "loan_margin": "贷款利差",
    "fees": "手续费",
    "commission": "佣金",
    "cost_to_serve": "服务成本",
    "expected_loss": "预期损失",
    "capital_charge": "资本占用",
    "tax": "税费",
}


class Words:
    """Looks words up in one language; a word that it does not know stays as it is.

    >>> Words("zh")("dormant"), Words("en")("at_risk"), Words("zh")("no such word")
    ('沉睡', 'at risk', 'no such word')
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        shared = {m.value: m.label(language) for kind in _SHARED for m in kind}
        self._known = shared | (_ZH if language == "zh" else {})

    def __call__(self, word: object) -> str:
        """The word for people."""
        text = str(word)
        return self._known.get(text, text.replace("_", " "))
