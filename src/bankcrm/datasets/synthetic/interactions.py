"""Synthetic contacts, complaints and links."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.datasets._categories import coded
from bankcrm.datasets.synthetic.draws import Draws, Ints, Mask
from bankcrm.datasets.synthetic.people import (
    DORMANT,
    FADING,
    FIRST_ID,
    People,
    to_dates,
)
from bankcrm.vocabulary import Channel

_CHANNELS = tuple(c.value for c in Channel)
_CONTACT_WAYS = (8, 0, 40, 3, 9, 6, 20, 14, 0)  # weights of _CHANNELS
_PURPOSES = ("contact", "inquiry", "revisit", "campaign", "greeting")
_OUTCOMES = ("none", "positive", "negative", "no_answer")
_CAMPAIGNS = ("spring_deposits", "card_cashback", "wealth_day", "mobile_bank")

# Kind, cause, product, weight, at stake, most days to the answer (0: on the day of receipt),
# English, Chinese. {} is an amount where one is at stake. Weights and days are `default`.
_TEXTS = (
    (
        "consultation",
        "disclosure",
        "term",
        90,
        False,
        0,
        "Could you tell me the present rate of a one-year term deposit?",
        "请问现在一年期定期存款的利率是多少？",
    ),
    (
        "consultation",
        "rules_process",
        "mortgage",
        70,
        False,
        0,
        "I would like to know how to repay my mortgage early.",
        "我想咨询一下房贷提前还款怎么办理。",
    ),
    (
        "consultation",
        "rules_process",
        "credit_card",
        60,
        False,
        0,
        "How can I raise the limit of my credit card?",
        "请问信用卡额度怎么提高？",
    ),
    (
        "suggestion",
        "facilities",
        "demand",
        60,
        False,
        9,
        "I suggest opening more counters at noon; the queue is long every day.",
        "建议中午多开几个窗口，每天排队都很长。",
    ),
    (
        "suggestion",
        "facilities",
        "demand",
        50,
        False,
        9,
        "It would be better if the mobile bank could export statements by year.",
        "希望手机银行能按年份导出流水。",
    ),
    (
        "complaint",
        "service_quality",
        "demand",
        110,
        False,
        0,
        "I waited two hours at the counter and nobody explained why.",
        "我在柜台等了两个小时，没有人解释原因。",
    ),
    (
        "complaint",
        "service_quality",
        "demand",
        90,
        False,
        0,
        "The clerk was rude and refused to answer my question.",
        "柜员态度恶劣，拒绝回答我的问题。",
    ),
    (
        "complaint",
        "pricing_fees",
        "credit_card",
        110,
        True,
        0,
        "A fee of {} yuan was charged without notice. Please refund it.",
        "未经通知就扣了{}元手续费，请退还。",
    ),
    (
        "complaint",
        "rules_process",
        "demand",
        100,
        True,
        0,
        "My transfer of {} yuan has not arrived after three days.",
        "我转账的{}元三天了还没有到账。",
    ),
    (
        "complaint",
        "pricing_fees",
        "credit_card",
        60,
        True,
        0,
        "This is the third time I complain about the same wrong charge of {} yuan.",
        "同一笔{}元的错误扣款，我已经是第三次投诉了。",
    ),
    (
        "complaint",
        "marketing",
        "wealth",
        55,
        True,
        0,
        "The adviser promised principal and interest were safe; I have lost {} yuan.",
        "理财经理承诺保本保息，现在我亏损了{}元。",
    ),
    (
        "complaint",
        "funds_safety",
        "demand",
        30,
        True,
        9,
        "My card was used fraudulently and {} yuan were stolen. I have called the police.",
        "我的卡被盗刷了{}元，已经报警，怀疑是诈骗。",
    ),
    (
        "complaint",
        "contract_terms",
        "consumer_loan",
        20,
        True,
        9,
        "You withheld {} yuan. If this is not solved I will report it to the regulator.",
        "你们多扣了{}元，如果不解决我将向银保监会举报。",
    ),
    (
        "complaint",
        "data_protection",
        "credit_card",
        15,
        False,
        9,
        "My personal data was leaked; strangers know my account number. I will sue.",
        "我的个人信息被泄露，陌生人知道我的账号，我要起诉。",
    ),
    (
        "complaint",
        "returns",
        "wealth",
        14,
        True,
        9,
        "A group of us lost {} yuan each and will go to the newspapers.",
        "我们一群人每人损失{}元，准备向媒体曝光。",
    ),
)
_LARGE = 5_000  # CNY; a complaint about more is looked into for days (default)
# Of a thousand. FCA, 2023 H2: 6 % are closed after eight weeks; CFPB, 2018: 2 % are not in time.
_LATE, _FORGOTTEN = 30, 10
_DAY = 86_400
_ZONE = "Asia/Shanghai"


def make_contacts(people: People, seed: int) -> pd.DataFrame:
    """Contacts of the last year: leads are asked and answered, customers greeted and revisited."""
    draw = Draws(seed, 5)
    frame = people.frame
    first = frame["first_contact_date"].to_numpy().astype("datetime64[D]")
    lead = np.flatnonzero(~people.signed & ~np.isnat(first))
    lead_day = first[lead].astype(np.int64)
    count = draw.pick((45, 30, 17, 8), len(people.company)).astype(np.int64)
    count[~people.signed] = 0
    who = np.repeat(np.arange(len(count)), count)
    day = people.last - draw.below(365, len(who))
    kept = (day >= people.start[who]) & (day <= people.end[who])
    who, day = who[kept], day[kept]
    purpose = draw.pick((14, 10, 26, 34, 16), len(who))
    reached = np.isin(people.behaviour[who], (DORMANT, FADING))
    outcome = np.where(
        reached, draw.pick((35, 8, 17, 40), len(who)), draw.pick((45, 30, 6, 19), len(who))
    )
    campaign = np.where(purpose == 3, draw.below(len(_CAMPAIGNS), len(who)), -1)
    all_who = np.concatenate([lead, who])
    all_day = np.concatenate([lead_day, day])
    order = np.argsort(all_day, kind="stable")
    nothing = np.full(len(lead), -1)
    return pd.DataFrame(
        {
            "contact_id": np.arange(1, len(order) + 1, dtype=np.int32),
            "customer_id": (all_who[order] + FIRST_ID).astype(np.int32),
            "date": to_dates(all_day[order]),
            "channel": coded(draw.pick(_CONTACT_WAYS, len(order)), _CHANNELS),
            "purpose": coded(
                np.concatenate([draw.below(2, len(lead)), purpose])[order].astype(np.int8),
                _PURPOSES,
            ),
            "campaign": coded(
                np.concatenate([nothing, campaign])[order].astype(np.int8), _CAMPAIGNS
            ),
            "outcome": coded(
                np.concatenate([draw.pick((60, 40), len(lead)), outcome])[order].astype(np.int8),
                _OUTCOMES,
            ),
        }
    )


def make_complaints(people: People, seed: int) -> pd.DataFrame:
    """Consultations, suggestions and complaints of the last year, in English and Chinese."""
    draw = Draws(seed, 6)
    signed = np.flatnonzero(people.signed)
    # Those who are leaving complain more often.
    chance = np.where(np.isin(people.behaviour[signed], (DORMANT, FADING)), 70, 28)
    who = np.repeat(signed, draw.chance(chance, len(signed)).astype(np.int64))
    who = np.concatenate([who, who[draw.chance(120, len(who))]])  # some come back
    size = len(who)
    day = np.minimum(people.last - draw.below(365, size), people.end[who])
    second = day * _DAY + 8 * 3_600 + draw.below(13 * 3_600, size) - 8 * 3_600  # UTC
    order = np.argsort(second, kind="stable")
    who, second = who[order], second[order]
    what = draw.pick([t[3] for t in _TEXTS], size)
    money = np.array([t[4] for t in _TEXTS])[what]
    stake = _stakes(draw, people, who, size)
    wait = _waits(draw, what, money & (stake >= _LARGE))
    now = (people.last + 1) * _DAY - 8 * 3_600
    answered = second + wait
    closed = answered + draw.below(5 * _DAY, size)
    received = _instants(second, np.ones(size, dtype=np.bool_))
    forgotten = draw.chance(_FORGOTTEN, size)
    stranger = draw.chance(25, size)
    text = _texts(draw, what, stake, size)
    names = people.frame["name"].to_numpy(dtype=object)[who]
    score = 100 - np.minimum(wait // 21_600, 60) - draw.below(45, size)
    rated = (closed < now) & ~forgotten & draw.chance(450, size)
    return pd.DataFrame(
        {
            "complaint_id": np.arange(1, size + 1, dtype=np.int32),
            "customer_id": pd.Series(
                pd.arrays.IntegerArray((who + FIRST_ID).astype(np.int32), stranger)
            ),
            "received_at": received,
            "text": pd.Series(text, dtype="str"),
            "kind": coded(
                np.array([_KINDS.index(t[0]) for t in _TEXTS], dtype=np.int8)[what], _KINDS
            ),
            "product": coded(
                np.array([_PRODUCTS.index(t[2]) for t in _TEXTS], dtype=np.int8)[what], _PRODUCTS
            ),
            "channel": coded(draw.pick((22, 0, 38, 4, 0, 14, 16, 6, 0), size), _CHANNELS),
            "cause": coded(
                np.array([_CAUSES.index(t[1]) for t in _TEXTS], dtype=np.int8)[what], _CAUSES
            ),
            "amount_at_stake": np.where(money, stake.astype(np.float64), np.nan),
            "contact_name": pd.Series(names, dtype="str"),
            "phone": people.frame["phone"].iloc[who].reset_index(drop=True),
            "answered_at": _instants(answered, (answered < now) & ~forgotten),
            "closed_at": _instants(closed, (closed < now) & ~forgotten),
            "satisfaction": np.where(rated, np.maximum(score, 0), np.nan),
        }
    )


_KINDS = ("consultation", "suggestion", "complaint")
_PRODUCTS = tuple(sorted({t[2] for t in _TEXTS}))
_CAUSES = tuple(sorted({t[1] for t in _TEXTS}))


def _stakes(draw: Draws, people: People, who: Ints, size: int) -> Ints:
    """Money at stake: a part of the customer's wealth, rarely much."""
    part = draw.below(1000, size) * draw.below(1000, size) // 1000 + 1
    return np.asarray(np.maximum(people.wealth[who] * part // 5_000, 20))


def _waits(draw: Draws, what: npt.NDArray[np.int8], large: Mask) -> Ints:
    """Seconds to the answer: within the time that CSC-5 allows, for a few weeks after it."""
    days = np.array([t[5] for t in _TEXTS])[what]
    days = np.where(large, np.maximum(days, 4), days)
    size = len(days)
    in_time = 300 + draw.below(np.where(days > 0, days * _DAY, 3 * 3_600 - 300), size)
    late = draw.chance(_LATE, size)
    return np.asarray(in_time + np.where(late, 15 * _DAY + draw.below(15 * _DAY, size), 0))


def _texts(
    draw: Draws, what: npt.NDArray[np.int8], stake: Ints, size: int
) -> npt.NDArray[np.object_]:
    """The template of each, four of five in Chinese, with its amount."""
    chinese = draw.chance(800, size)
    pieces = [text.partition("{}") for t in _TEXTS for text in (t[6], t[7])]
    heads, middles, tails = (np.array(column, dtype=object) for column in zip(*pieces, strict=True))
    place = what.astype(np.int64) * 2 + chinese
    amounts = np.where(middles[place] == "", "", stake.astype(str)).astype(object)
    return np.asarray(heads[place] + amounts + tails[place], dtype=object)


def _instants(second: Ints, known: npt.NDArray[np.bool_]) -> pd.Series:
    """Seconds from 1970 as instants in the bank's time zone."""
    moments = second.astype("datetime64[s]")
    moments[~known] = np.datetime64("NaT", "s")
    return pd.Series(pd.DatetimeIndex(moments).tz_localize("UTC").tz_convert(_ZONE))


def make_links(people: People, seed: int) -> pd.DataFrame:
    """Company groups as trees with cross-holdings, guarantees, families, managers and suppliers.

    A few of the ties have ended.
    """
    draw = Draws(seed, 7)
    firms = np.flatnonzero(people.company)
    grouped = firms[draw.chance(300, len(firms))]
    first, chain = _blocks(draw, len(grouped))
    place = np.arange(len(grouped))
    above = first + draw.below(place - first, len(grouped))
    above = np.where(chain, np.maximum(place - 1, first), above)
    child = place[place != first]
    parent = above[child]
    crossed = child[draw.chance(60, len(child))]  # a daughter that holds a part of the head
    persons = np.flatnonzero(~people.company)
    wed = persons[draw.chance(40, len(persons))]
    wed = wed[: len(wed) // 2 * 2].reshape(-1, 2)
    backed = grouped[draw.chance(60, len(grouped))]
    backer = persons[draw.below(len(persons), len(backed))] if len(persons) else backed[:0]
    backed = backed[: len(backer)]
    parents = [grouped[parent], grouped[crossed], backer, wed[:, 0]]
    children = [grouped[child], grouped[first[crossed]], backed, wed[:, 1]]
    sizes = [len(p) for p in parents]
    kind = np.repeat(np.array([0, 0, 2, 3]), sizes)
    share = np.full(len(kind), np.nan)
    share[: sizes[0]] = (300 + draw.below(701, sizes[0])) / 1000
    share[sizes[0] : sizes[0] + sizes[1]] = (10 + draw.below(150, sizes[1])) / 1000
    controls = draw.chance(80, sizes[0])
    kind[: sizes[0]][controls] = 1
    since = people.last - 30 - draw.below(3_650, len(kind))
    more = _managers_and_suppliers(draw, firms, persons)
    kind = np.concatenate([kind, more.kind])
    since = np.concatenate([since, people.last - 30 - draw.below(3_650, len(more.kind))])
    ended = draw.chance(30, len(kind))
    until = since + draw.below(people.last - since, len(kind))
    words = ["owns", "controls", "guarantees", "family", "manages", "depends"]
    return pd.DataFrame(
        {
            "parent_id": (np.concatenate([*parents, more.parent]) + FIRST_ID).astype(np.int32),
            "child_id": (np.concatenate([*children, more.child]) + FIRST_ID).astype(np.int32),
            "share": np.concatenate([share, more.share]),
            "link": coded(kind.astype(np.int8), words),
            "since": to_dates(since),
            "until": to_dates(until, ended),
        }
    )


class _Ties(NamedTuple):
    parent: Ints
    child: Ints
    kind: Ints
    share: npt.NDArray[np.float64]


def _managers_and_suppliers(draw: Draws, firms: Ints, persons: Ints) -> _Ties:
    """Persons who manage a company, and companies that sell most of what they make to another."""
    managed = firms[draw.chance(50, len(firms))] if len(persons) else firms[:0]
    manager = persons[draw.below(len(persons), len(managed))]
    selling = firms[draw.chance(60, len(firms))]
    buyer = firms[draw.below(len(firms), len(selling))]
    other = buyer != selling
    parts = (100 + draw.below(801, len(selling))) / 1000
    return _Ties(
        np.concatenate([manager, buyer[other]]),
        np.concatenate([managed, selling[other]]),
        np.repeat([4, 5], [len(managed), int(other.sum())]),
        np.concatenate([np.full(len(managed), np.nan), parts[other]]),
    )


def _blocks(draw: Draws, count: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Groups of 2 to 12 neighbours: the first place of each group, and whether it is a chain."""
    sizes = 2 + draw.pick((40, 22, 12, 8, 6, 4, 3, 2, 2, 1, 1), count)
    starts = np.concatenate([[0], np.cumsum(sizes.astype(np.int64))])
    group = np.searchsorted(starts, np.arange(count), side="right") - 1
    chained = draw.chance(250, count)
    return starts[group], chained[group] if count else chained
