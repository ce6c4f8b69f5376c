"""Complaints at scale: routes with due dates, texts, clocks, summaries.

The rival of `route_frame` is the same decision written by hand with numpy.select and
numpy.busday_offset, that of `deadlines` two clocks by hand with numpy.busday_count, that of
the lexicon one regular expression per signal, which knows no negation, and for one text an
automaton of its plain terms that looks for a negation before each.
Run: python benchmarks/bench_complaints.py [--quick]
"""

from __future__ import annotations

import datetime as dt
import re
import sys
import unicodedata
from collections.abc import Callable
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from bankcrm.calendars import working_calendar
from bankcrm.complaints import (
    SIGNALS,
    Complaint,
    deadlines,
    default_lexicon,
    intake,
    replay_clock,
    replay_clock_frame,
    route,
    route_frame,
    summarise,
)
from bankcrm.complaints.clocks.events import CaseEvent
from bankcrm.complaints.lexicon.lexicon import Lexicon
from bankcrm.policy import default_policy
from rivals import rival
from timing import compare, peak_memory_mb, seconds, within

CN = working_calendar("CN")
PIECES = [
    "我的信用卡账单有问题", "手机银行登录不了", "柜员态度很差", "昨天被盗刷了三千元",
    "没有诈骗的意思", "请问如何办理挂失", "建议增加窗口", "已经多次投诉",
    "再不解决我就起诉", "贷款利率和说的不一样",
    "I was charged a fee twice", "the app crashed", "nobody answers the phone",
    "there was no fraud",
    "I am 78 years old", "my mortgage payment was not credited", "this is unacceptable",
]  # fmt: skip


def register(rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """A made-up register with its signals in columns."""
    start = pd.Timestamp("2015-01-01", tz="Asia/Shanghai")
    received = start + pd.to_timedelta(rng.integers(0, 11 * 365 * 86400, rows), unit="s")

    def words(*choices: str) -> pd.Categorical:
        return pd.Categorical.from_codes(rng.integers(0, len(choices), rows), choices)

    return pd.DataFrame(
        {
            "complaint_id": np.arange(rows),
            "customer_id": rng.integers(0, rows, rows),
            "received_at": received,
            "kind": words("consultation", "suggestion", "complaint"),
            "product": words("demand", "term", "mortgage", "credit_card", "fund"),
            "cause": words("service_quality", "marketing", "pricing_fees", "funds_safety"),
            "amount_at_stake": rng.exponential(3000, rows),
            "customers_affected": rng.geometric(0.8, rows),
            **{name: rng.random(rows) < 0.02 for name in SIGNALS},
        }
    )


def by_hand(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Severity and due date as one would write them for this one policy."""
    severe = [
        "funds_safety",
        "data_leak",
        "discrimination",
        "breach_of_law",
        "regulator",
        "many_customers",
    ]
    moderate = ["vulnerable", "legal_threat", "media_threat", "repeat", "reopened"]
    amount = frame["amount_at_stake"].to_numpy()
    worst = frame[severe].to_numpy().any(axis=1) | (frame["customers_affected"].to_numpy() >= 10)
    worst |= amount >= 100_000
    worst |= (frame["media_threat"] & frame["reopened"]).to_numpy()
    middle = frame[moderate].to_numpy().any(axis=1) | (amount >= 5000)
    kind = frame["kind"].to_numpy()
    days = np.select(
        [kind == "consultation", kind == "suggestion", worst, middle], [0, 10, 10, 5], default=0
    )
    off = np.arange(CN.first, CN.last + 1)[~CN.working]
    exact = np.busdaycalendar(weekmask="1111111", holidays=off)
    local = frame["received_at"].dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
    roll = np.where(days > 0, 0, 1)
    day = local.to_numpy().astype("datetime64[D]")
    start = np.busday_offset(day, 0, roll="backward", busdaycal=exact)
    start = np.where(roll, np.busday_offset(day, 0, roll="forward", busdaycal=exact), start)
    return days, np.busday_offset(start, days, busdaycal=exact)


def due_by_hand(cases: pd.DataFrame, as_of: dt.datetime) -> pd.DataFrame:
    """Due day, elapsed days and state of the clocks of this one policy, for answered cases."""
    off = np.arange(CN.first, CN.last + 1)[~CN.working]
    exact = np.busdaycalendar(weekmask="1111111", holidays=off)

    def day(instants: pd.Series) -> np.ndarray:
        local = instants.dt.tz_convert("Asia/Shanghai").dt.tz_localize(None)
        return local.to_numpy().astype("datetime64[D]")

    received = day(cases["received_at"])
    known = (cases["answered_at"] <= as_of).to_numpy()
    now = np.datetime64(as_of.astimezone(ZoneInfo("Asia/Shanghai")).date(), "D")
    end = np.where(known, day(cases["answered_at"]), now)
    start = np.busday_offset(received, 0, roll="backward", busdaycal=exact)
    first = np.busday_offset(received, 0, roll="forward", busdaycal=exact)
    stop = np.busday_offset(end, 0, roll="forward", busdaycal=exact)
    severity = cases["severity"].cat.codes.to_numpy()
    result = {}
    for name, days in (("acknowledge", [1, 1, 1, 1]), ("answer", [0, 5, 10, 5])):
        limit = np.array(days)[severity]
        begin = np.where(limit == 0, first, start)
        used = np.where(end < first, 0, np.busday_count(begin, stop, busdaycal=exact))
        result[f"{name}_due"] = np.busday_offset(begin, limit, busdaycal=exact)
        result[f"{name}_elapsed"] = used
        result[f"{name}_state"] = np.select(
            [used > limit, known, used >= 0.8 * limit], ["breached", "met", "at_risk"], "running"
        )
    return pd.DataFrame(result)


WORDS = {
    "funds_safety": "盗刷|诈骗|被盗|盗用|fraud|stolen|scam|unauthori[sz]ed",
    "legal_threat": "起诉|法院|律师|sue|court|lawyer",
    "media_threat": "曝光|媒体|记者|media|newspaper",
    "regulator": "监管|银监|人民银行|ombudsman|regulator",
    "data_leak": "泄露|泄漏|leak|data breach",
    "vulnerable": "残疾|老人|低保|disabled|elderly|pension",
    "repeat": "多次投诉|再次投诉|complained before|again",
}


def search(texts: pd.Series) -> pd.DataFrame:
    """Signals by plain search for a few words."""
    return pd.DataFrame(
        {n: texts.str.contains(w, case=False, regex=True) for n, w in WORDS.items()}
    )


ONE_TEXT = (
    "The ATM took my card and nobody answers the phone. I will go to the regulator.",
    "信用卡被盗刷了，柜台说不能处理，我要向银保监会投诉",
    "I was charged a fee twice this month for the same transfer, please refund it.",
)
BEFORE = re.compile(r"(?:\b(?:no|not|never|without)|n't|不|没|没有|无)[^.!?;,，。]{0,4}$")


def automaton(lexicon: Lexicon) -> Callable[[str], dict[str, bool]] | None:
    """The signals, kinds and causes of one text by those terms that are plain words."""
    module = rival("ahocorasick")
    if module is None:
        return None
    labels: dict[str, set[str]] = {}
    for entry in lexicon.entries:
        for term in (*entry.terms_en, *entry.sure_en, *entry.terms_zh, *entry.sure_zh):
            if re.fullmatch("[a-z ]+|[\u3400-\u9fff]+", term):
                labels.setdefault(term, set()).add(entry.label)
    made = module.Automaton()
    for piece, named in labels.items():
        made.add_word(piece, (len(piece), named))
    made.make_automaton()

    def read(text: str) -> dict[str, bool]:
        plain = unicodedata.normalize("NFKC", text).lower()
        found: set[str] = set()
        for last, (size, named) in made.iter(plain):
            if not BEFORE.search(plain[max(0, last - size - 11) : last - size + 1]):
                found |= named
        return {entry.label: entry.label in found for entry in lexicon.entries}

    return read


def event_logs(cases: int, rng: np.random.Generator) -> tuple[pd.DataFrame, ...]:
    """The logs of cases with four events each, in order of time, and the same cases as rows."""
    start = np.datetime64("2020-01-01", "us") + rng.integers(0, 5 * 365 * 86400, cases) * 10**6
    gaps = rng.integers(3600, 3 * 86400, (3, cases)).cumsum(axis=0) * 10**6
    times = [pd.DatetimeIndex(t).tz_localize("UTC") for t in (start, *(start + gaps))]
    severity = np.concatenate([rng.integers(0, 3, cases), np.full(3 * cases, -1)])
    kinds = ["received", "paused", "resumed", "responded"]
    log = pd.DataFrame(
        {
            "complaint_id": np.tile(np.arange(cases), 4),
            "at": times[0].append(times[1:]),
            "kind": pd.Categorical.from_codes(np.repeat(np.arange(4), cases), kinds),
            "severity": pd.Categorical.from_codes(severity, ["minor", "moderate", "severe"]),
            "reason": pd.Categorical.from_codes(np.where(severity < 0, 0, -1), ["papers"]),
        }
    )
    ids = {"complaint_id": np.arange(cases)}
    names = ("received_at", "paused_at", "resumed_at", "answered_at")
    row = pd.DataFrame({**ids, **dict(zip(names, times, strict=True))})
    pauses = row[["complaint_id", "paused_at", "resumed_at"]]
    row = row[["complaint_id", "received_at", "answered_at"]].assign(
        severity=log["severity"].iloc[:cases]
    )
    return log.sort_values("at", kind="stable", ignore_index=True), row, pauses


def main(rows: int) -> None:
    rng = np.random.default_rng(20260101)
    frame = register(rows, rng)
    routed = route_frame(frame, calendar=CN)
    if (routed["due"].to_numpy().astype("datetime64[D]") != by_hand(frame)[1]).any():
        raise SystemExit("ours and the hand-written due dates differ")
    print(f"{rows:,} complaints")
    compare(
        "route_frame, signals in columns / by hand with busday_offset",
        lambda: route_frame(frame, calendar=CN),
        lambda: by_hand(frame),
        repeat=3,
    )
    taken = min(seconds(lambda: route_frame(frame, calendar=CN)) for _ in range(3))
    limit = rows / 1_000_000
    print(f"  {taken:.3f} s  limit {limit:g} s  {'ok' if taken <= limit else 'MISSED'}")

    lexicon = default_lexicon()
    pick = rng.integers(0, len(PIECES), (rows, 3))
    text = pd.Series(PIECES, dtype=object).to_numpy()
    joined = pd.Series(text[pick[:, 0]] + "，" + text[pick[:, 1]] + "。" + text[pick[:, 2]])
    unique = joined + pd.Series(np.arange(rows)).astype(str)
    silent = frame.drop(columns=[*SIGNALS, "kind"])
    for label, texts in (("texts that repeat", joined), ("every text another", unique)):
        told = silent.assign(text=texts)
        taken = seconds(lambda told=told: route_frame(told, calendar=CN, classifier=lexicon))
        print(
            f"route_frame, {label} ({texts.nunique():,}): {taken:.1f} s, "
            f"{rows / taken:,.0f} a second"
        )
    few = unique.iloc[: min(rows, 100_000)]
    compare(
        f"lexicon / search for words, {len(few):,} distinct texts",
        lambda: lexicon(few),
        lambda: search(few),
        repeat=3,
    )

    if (read := automaton(lexicon)) is not None:
        compare(
            "lexicon, three texts one by one",
            lambda: [lexicon.read(t) for t in ONE_TEXT for _ in range(100)],
            {"pyahocorasick, plain terms": lambda: [read(t) for t in ONE_TEXT for _ in range(100)]},
            limit=2,
            repeat=9,
        )

    as_of = dt.datetime(2026, 1, 31, tzinfo=dt.UTC)
    answered = frame["received_at"] + pd.to_timedelta(rng.integers(0, 20 * 86400, rows), unit="s")
    cases = frame[["complaint_id", "received_at"]].assign(
        answered_at=answered, closed_at=answered, severity=routed["severity"], due=routed["due"],
        product=frame["product"],
    )  # fmt: skip
    print(f"intake: {seconds(lambda: intake(frame)):.2f} s")
    found, by_hand_ = deadlines(cases, calendar=CN, as_of=as_of), due_by_hand(cases, as_of)
    for name in ("answer_due", "answer_elapsed", "answer_state"):
        if (found[name].astype(str) != by_hand_[name].astype(found[name].dtype).astype(str)).any():
            raise SystemExit(f"{name}: ours and the one written by hand differ")
    compare(
        "deadlines, five clocks / two clocks by hand with busday_count",
        lambda: deadlines(cases, calendar=CN, as_of=as_of),
        lambda: due_by_hand(cases, as_of),
        repeat=3,
    )
    taken = seconds(
        lambda: summarise(cases, period="month", by="product", calendar=CN, as_of="2026-01-31")
    )
    print(f"summarise by month and product: {taken:.2f} s")
    events, row, pauses = event_logs(rows // 4, rng)
    replayed = replay_clock_frame(events, calendar=CN, as_of=as_of)
    known = deadlines(row, calendar=CN, as_of=as_of, pauses=pauses)
    pd.testing.assert_frame_equal(replayed[known.columns], known, check_names=False)
    compare(
        f"replay_clock_frame, {len(events):,} events of {len(row):,} cases",
        lambda: replay_clock_frame(events, calendar=CN, as_of=as_of),
        {
            "deadlines of the same cases": lambda: deadlines(
                row, calendar=CN, as_of=as_of, pauses=pauses
            )
        },
        limit=5,
    )
    log = [
        CaseEvent(dt.datetime(2025, 3, 3, 9, tzinfo=dt.UTC), "received", severity="moderate"),
        CaseEvent(dt.datetime(2025, 3, 4, 9, tzinfo=dt.UTC), "paused", reason="papers"),
        CaseEvent(dt.datetime(2025, 3, 5, 9, tzinfo=dt.UTC), "resumed"),
        CaseEvent(dt.datetime(2025, 3, 6, 9, tzinfo=dt.UTC), "responded"),
    ]
    policy = default_policy("complaints")
    case = Complaint(complaint_id=1, received_at=log[0].at, first_asked="Wang")
    row = frame.iloc[[0]]
    within(
        "replay_clock, one case of four events",
        lambda: replay_clock(log, policy=policy, calendar=CN, as_of=as_of),
        3e-4,
        times=50,
    )
    within(
        "route, one complaint without a text",
        lambda: route(case, policy=policy, calendar=CN),
        3e-4,
        times=50,
    )
    within(
        "route_frame, one complaint",
        lambda: route_frame(row, policy=policy, calendar=CN),
        2e-3,
        times=10,
    )
    print(f"peak memory {peak_memory_mb():,.0f} MB")


if __name__ == "__main__":
    main(50_000 if "--quick" in sys.argv else 1_000_000)
