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
    "number": "编号",
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
    # notes
    "compared with": "对比",
    "amounts in": "金额单位",
    "per customer": "户均贡献",
    "Most at stake": "贡献最大的预警客户",
    "By kind": "按类型",
    "By department": "按责任部门",
    "Who makes the profit": "利润来自哪些客户",
    "Facts": "事实",
    "New in the book": "新增客户",
    "No longer in it": "已不在册",
    "Rows left out": "未列出的行数",
    "no change": "无变化",
    "lifecycle": "生命周期",
    "segmentation": "客户分层",
    "valuation": "价值评估",
    "complaints": "投诉",
    "true": "是",
    "false": "否",
    "Each customer stands in one stage on this day, by the first rule that fits.": (
        "每位客户当日只处于一个阶段，由第一条适用的规则判定。"
    ),
    "By how lately, how often and with how much money a customer moves; (none): no movement of "
    "their own.": "按最近一次、频率和金额划分；（无）：没有主动交易。",
    "Customers whose ways changed, those with the largest contribution a year first; at most 25.": (
        "行为发生变化的客户，按全年贡献从大到小排列，最多25位。"
    ),
    "Tiers follow value, growth and credit standing; the value score runs from 0 to 100.": (
        "层级取决于价值、成长性和信用状况；价值分为0至100分。"
    ),
    "Each row tells where the customers of a tier stand now; the shaded ones stayed.": (
        "每一行表示原层级客户现在所处的层级；阴影为未变动。"
    ),
    "The further the curve sags below the dashed line of equal shares, the fewer customers bring "
    "the contribution. Below 0: customers that cost more than they bring.": (
        "曲线离虚线（平均分布）越远，贡献越集中于少数客户。低于0：成本高于贡献的客户。"
    ),
    "Customers are added up from the best to the worst. What rises above 100% is earned with some "
    "customers and lost again with others; the point is the peak.": (
        "客户按贡献由高到低累计。超过100%的部分由一些客户赚得、又在另一些客户上亏掉；圆点为最高点。"
    ),
    "Marginal: a contribution between these amounts a year:": "微利：全年贡献在此金额之间：",
    "The rule of thumb says 25 : 45 : 30.": "经验法则为25 : 45 : 30。",
    "What the bank earns on its customers, less what they cost; the last line is the sum.": (
        "银行从客户获得的收入减去成本；最后一行为合计。"
    ),
    "What a customer of each tier is entitled to by the policy.": "政策规定各层级客户享有的资源。",
    "Late: answered after its day. Overdue: its day has passed and it is not answered.": (
        "逾期答复：超过期限才答复。已逾期：期限已过仍未答复。"
    ),
    "(none): consultations and suggestions.": "（无）：咨询和建议。",
    "Not answered yet, the earliest day first; at most 25.": (
        "尚未答复，按到期日先后排列，最多25件。"
    ),
    "The same policy file always has the same fingerprint: it proves which rules decided.": (
        "同一政策文件的指纹始终相同，可证明由哪些规则判定。"
    ),
    "All {n} customers of the book can be looked up here.": "可查询全部{n}位客户。",
    "{n} of {all} customers can be looked up here: those with a warning and those with the largest "
    "contribution, gained or lost. For the others ask the library: review.explain(id).": (
        "可查询{all}位客户中的{n}位：有预警的和贡献（盈或亏）最大的。"
        "其他客户请用程序库查询：review.explain(id)。"
    ),
    "{active} of {all} customers ({share}) are active; {dormant} are dormant, {lost} are lost.": (
        "{all}位客户中{active}位活跃（{share}），{dormant}位沉睡，{lost}位流失。"
    ),
    "The best fifth of the customers bring {share} of the contribution; {losing} of all customers "
    "lose money: {amount} a year.": (
        "前20%的客户带来{share}的贡献；{losing}的客户亏损，全年{amount}。"
    ),
    "{alarm} customers show an alarm, {watch} want watching.": (
        "{alarm}位客户触发警报，{watch}位需要关注。"
    ),
    "{overdue} complaints are past their day without an answer; {late} of {answered} answers came "
    "late.": "{overdue}件投诉已过期限仍未答复；{answered}件答复中{late}件逾期。",
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


_SIGNALS_ZH = {
    "no movement for much longer than usual": "久未交易，远超平常间隔",
    "far fewer movements than before": "交易明显减少",
    "the balance is falling": "余额持续下降",
    "closed a product lately": "近期关闭了产品",
    "a complaint is open": "有未结投诉",
    "a complaint was badly solved": "投诉未妥善解决",
    "the salary no longer comes in": "工资不再入账",
}

_BECAUSE_ZH = {
    "the customer ended the relationship": "客户已终止关系",
    "asked about the bank's products": "咨询过本行产品",
    "had a first contact with the bank": "与本行有过首次接触",
    "no contract, no inquiry, no contact on file": "无合同、无咨询、无接触记录",
    "signed a short while ago": "近期签约",
    "holds a product that runs quietly": "持有自动运行的产品",
    "no movement of their own for a long time": "长期没有主动交易",
    "little business for a while and activity clearly down": "一段时间业务很少且活跃度明显下降",
    "moves money of their own": "有主动资金往来",
    "recent, frequent, high amounts": "最近来过，频繁，金额大",
    "recent and frequent, medium amounts": "最近来过，频繁，金额中等",
    "recent and regular, medium or high amounts": "最近来过，较有规律，金额中等或较大",
    "regular with high amounts, not recent": "较有规律，金额较大，已有一阵没来",
    "recent and frequent, low amounts so far": "最近来过，频繁，金额尚小",
    "recent, with earlier movements": "最近来过，并非首次",
    "very recent, few movements before": "刚来过，以前很少来",
    "recent, few movements before": "最近来过，以前很少来",
    "infrequent with high amounts, not recent": "很少来但金额较大，已有一阵没来",
    "regular with low amounts, not recent": "较有规律，金额小，已有一阵没来",
    "a few movements with high amounts, not recent": "来过几次，金额较大，已有一阵没来",
    "infrequent with low amounts, not recent": "很少来，金额小，已有一阵没来",
    "once regular with low amounts, inactive for a long time": "曾有规律，金额小，很久没来",
    "high value, inactive for a long time": "曾带来较大金额，很久没来",
    "once among the best, inactive for the longest time": "曾属最好客户，最久没来",
    "once regular with high amounts, inactive for the longest time": "曾有规律，金额较大，最久没来",
    "once frequent with medium amounts, inactive for the longest time": "曾频繁，金额中等，最久没来",
    "infrequent with low amounts, inactive for a long time": "很少来，金额小，很久以前",
    "once regular with low amounts, inactive for the longest time": "曾有规律，金额小，最久没来",
    "a few movements with high amounts, inactive for the longest time": "来过几次，金额较大，最久没来",
    "infrequent with low amounts, inactive for the longest time": "很少来，金额小，最久没来",
    "core customers": "核心客户",
    "probably high value": "可能价值较高",
    "possibly at risk of leaving": "可能有流失风险",
    "neither credit standing nor risk is known": "信用状况和风险均未知",
    "the risk score is too high": "风险分过高",
    "the risk score is acceptable, credit standing is not known": "风险分正常，信用状况未知",
    "credit standing is bad": "信用状况差",
    "credit standing is on watch": "信用在观察中",
    "credit standing is good": "信用状况良好",
    "credit standing is good and risk is acceptable": "信用良好，风险正常",
    "contribution reaches the premium line": "贡献达到优质线",
    "contribution reaches the key line": "贡献达到重点线",
    "the customer costs more than the bank accepts": "客户成本超出本行可接受范围",
    "contribution is between the loss line and the key line": "贡献在两线之间",
    "the value score reaches the premium line": "价值分达到优质线",
    "the value score reaches the key line": "价值分达到重点线",
    "contribution and value score are between the lines": "贡献和价值分在两线之间",
    "growth is not known": "成长性未知",
    "growth is strong": "成长性强",
    "growth is not strong": "成长性不强",
    "credit standing or risk bars the customer": "信用或风险不允许",
    "highest value, no adverse standing": "价值最高，没有不利因素",
    "high value": "价值高",
    "low value today, strong growth": "目前价值小，成长性强",
    "the customer is loss-making and growth is not strong": "客户亏损且没有成长性",
    "neither high value, nor strong growth, nor a reason to restrict": (
        "价值不高，成长性不强，也无限制理由"
    ),
    "first in every resource": "一切优先",
    "resources are increased": "资源向其倾斜",
    "resources are maintained": "适当控制",
    "resources are reduced or stopped": "削减或停止",
    "resources follow the size of the potential": "按潜力大小",
}

_FACTS_ZH = {
    "closed": "已销户",
    "has_contract": "有合同",
    "inquired": "咨询过",
    "contacted": "接触过",
    "days_since_contract": "签约天数",
    "quiet_product": "有自动运行的产品",
    "days_idle": "未动天数",
    "activity_ratio": "活跃度比",
    "r": "最近一次（R）",
    "f": "频率（F）",
    "m": "金额（M）",
    "rfm_score": "RFM 得分",
    "segment": "分群",
    "risk": "风险分",
    "credit_standing": "信用状况",
    "value_score": "价值分",
    "growth": "成长分",
    "standing": "信用与风险判定",
    "value_level": "价值档",
    "growth_level": "成长档",
    "rfm_segment": "RFM 分群",
    "rfm_level": "RFM 档",
    "tier_standing": "信用与风险",
    "tier_value": "价值",
    "tier_growth": "成长性",
    "resource_level": "资源级别",
    "warning_level": "预警级别",
    "warning_score": "预警分",
    "has_rhythm": "有交易节奏",
    "overdue_ratio": "超出平常间隔倍数",
    "earlier_count": "此前交易笔数",
    "balance_known": "余额已知",
    "balance_ratio": "余额比",
    "product_closed": "近期关闭产品",
    "complaint_open": "有未结投诉",
    "complaint_badly_solved": "投诉未妥善解决",
    "salary_gone": "工资不再入账",
    "overdue": "久未交易",
    "activity_down": "交易减少",
    "balance_falling": "余额下降",
    "clear": "正常",
    "barred": "不允许",
    "good": "良好",
    "bad": "差",
    "high": "高",
    "medium": "中",
    "low": "低",
    "top": "最高",
    "middle": "中间",
    "loss": "亏损",
    "strong": "强",
    "plain": "一般",
    "unknown": "未知",
    "dedicated_with_team": "专属团队",
    "dedicated": "专属",
    "shared": "共享",
    "unanswered": "未答复",
}

_EN = {"true": "yes", "false": "no", "r": "recency score", "f": "frequency score"} | {
    "m": "money score",
    "rfm_score": "RFM score",
    "rfm_segment": "RFM segment",
    "rfm_level": "RFM level",
}


class Words:
    """Looks words up in one language; a word that it does not know stays as it is.

    >>> Words("zh")("dormant"), Words("en")("at_risk"), Words("zh")("no such word")
    ('沉睡', 'at risk', 'no such word')
    """

    def __init__(self, language: Language) -> None:
        self.language = language
        shared = {m.value: m.label(language) for kind in _SHARED for m in kind}
        more = {**_FACTS_ZH, **_SIGNALS_ZH, **_BECAUSE_ZH, **_ZH} if language == "zh" else _EN
        self._known = shared | more

    def __call__(self, word: object) -> str:
        """The word for people."""
        text = str(word)
        return self._known.get(text, text.replace("_", " "))

    def reasons(self, text: str) -> str:
        """Reasons joined by semicolons, each in the language as far as it is known.

        >>> Words("zh").reasons("the balance is falling; of the bank's own")
        "余额持续下降；of the bank's own"
        """
        known = (self._known.get(part, part) for part in text.split("; "))
        return ("；" if self.language == "zh" else "; ").join(known)
