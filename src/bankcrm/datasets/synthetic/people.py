"""Who the customers of the synthetic bank are, and how each behaves."""

from __future__ import annotations

from typing import NamedTuple

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.datasets._categories import coded
from bankcrm.datasets.synthetic.draws import Draws, Ints, Mask, heavy_tailed, lognormal

Days = npt.NDArray[np.datetime64]

FIRST_ID = 100_001
NEVER = np.iinfo(np.int64).max  # a day that does not come

# How a customer behaves: weight in a thousand of those with a contract.
BEHAVIOURS = ("steady", "growing", "fading", "dormant", "returning", "closed", "seldom")
STEADY, GROWING, FADING, DORMANT, RETURNING, CLOSED, SELDOM = range(len(BEHAVIOURS))
_BEHAVIOUR_WEIGHTS = (540, 150, 95, 90, 40, 50, 35)

# City, region, weight.
_CITIES = (
    ("Beijing", "North", 12),
    ("Tianjin", "North", 5),
    ("Shijiazhuang", "North", 3),
    ("Shenyang", "Northeast", 4),
    ("Harbin", "Northeast", 3),
    ("Shanghai", "East", 13),
    ("Hangzhou", "East", 7),
    ("Nanjing", "East", 6),
    ("Suzhou", "East", 6),
    ("Jinan", "East", 4),
    ("Wuhan", "Central", 6),
    ("Changsha", "Central", 4),
    ("Zhengzhou", "Central", 4),
    ("Guangzhou", "South", 9),
    ("Shenzhen", "South", 10),
    ("Nanning", "South", 2),
    ("Chengdu", "Southwest", 6),
    ("Chongqing", "Southwest", 5),
    ("Kunming", "Southwest", 2),
    ("Xi'an", "Northwest", 4),
)
_BRANCHES_A_CITY = 3
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹"
_GIVEN = (
    *"伟芳娜敏静丽强磊军洋勇艳杰涛明超霞平刚",
    *("秀兰", "桂英", "建华", "志强", "晓东", "雪梅", "海燕", "文博", "子涵", "浩然", "思远"),
    *("雨桐", "嘉怡", "俊杰", "欣怡", "天宇", "佳琪", "梓萱", "宇航", "春梅", "国栋"),
)
_FIRMS = (
    *("华信", "恒达", "金石", "东方", "新源", "宏远", "泰和", "天成"),
    *("中瑞", "鼎盛", "百川", "明德", "远航", "立新", "永安", "长青"),
)
_TRADES = (
    ("agriculture", "农业", "primary"),
    ("mining", "矿业", "primary"),
    ("manufacturing", "制造", "secondary"),
    ("construction", "建筑", "secondary"),
    ("energy", "能源", "secondary"),
    ("retail", "商贸", "tertiary"),
    ("logistics", "物流", "tertiary"),
    ("software", "软件", "tertiary"),
    ("catering", "餐饮", "tertiary"),
    ("real_estate", "置业", "tertiary"),
)
_TRADE_WEIGHTS = (6, 2, 26, 12, 4, 24, 9, 9, 5, 3)
_OCCUPATIONS = (
    "employee",
    "civil_servant",
    "self_employed",
    "professional",
    "farmer",
    "student",
    "retired",
)
_OCCUPATION_WEIGHTS = (46, 11, 17, 14, 8, 4)
_RETIRED, _STUDENT = 6, 5
_INCOME_PERCENT = np.array([100, 110, 140, 190, 45, 15, 55])
_EDUCATION = ("primary", "secondary", "college", "bachelor", "master")
_MARITAL = ("single", "married", "divorced", "widowed")
_REASONS = ("product", "complaint", "competition", "moved", "indifference", "other")
_REASON_WEIGHTS = (7, 7, 9, 5, 62, 10)  # CBM-5: 14 : 9 : 9 : 68
_GRADES = ("C1", "C2", "C3", "C4", "C5")
_STANDING = ("good", "watch", "bad")


@attrs.frozen(eq=False)
class People:
    """The customers as arrays, one position per customer; days count from 1970-01-01."""

    last: int
    company: Mask
    behaviour: npt.NDArray[np.int8]
    start: Ints
    end: Ints
    turn: Ints
    wealth: Ints
    income: Ints
    age: Ints
    frame: pd.DataFrame

    @property
    def ids(self) -> npt.NDArray[np.int32]:
        """The customers' numbers."""
        return np.arange(FIRST_ID, FIRST_ID + len(self.company), dtype=np.int32)

    @property
    def signed(self) -> Mask:
        """Who has a contract."""
        return np.asarray(self.start != NEVER)


def to_dates(day: Ints, known: Mask | None = None) -> Days:
    """Days as datetime64[s]; NaT where not known."""
    stamps = np.where(day == NEVER, 0, day).astype("datetime64[D]").astype("datetime64[s]")
    lost = day == NEVER if known is None else ~known
    stamps[lost] = np.datetime64("NaT", "s")
    return stamps


def make_people(count: int, seed: int, last: int) -> People:
    """Draw the customers."""
    draw = Draws(seed, 1)
    company = draw.chance(80, count)
    standing = draw.pick((890, 60, 50), count)  # contract, lead, prospect
    signed = standing == 0
    age_of_tie = draw.below(5_475, count) * (draw.below(1000, count) + 40) // 1040
    start = np.where(signed, last - age_of_tie, NEVER)
    behaviour = draw.pick(_BEHAVIOUR_WEIGHTS, count)
    # A behaviour needs time to show; a young tie is steady or growing.
    young = age_of_tie < 400
    behaviour = np.where(young, draw.pick((75, 25), count), behaviour).astype(np.int8)
    turn = last - 40 - draw.below(500, count)  # the day on which the behaviour shows
    turn = np.where(behaviour == CLOSED, np.maximum(turn, start + 30), turn)
    end = np.where(signed & (behaviour == CLOSED), np.minimum(turn, last), NEVER)
    wealth = _wealth(draw, company, count)
    people = _persons(draw, company, count, last)
    firms = _firms(draw, company, wealth, count)
    place = _places(draw, signed, count)
    contact = _first_contacts(draw, standing, start, count, last)
    scores = _scores(draw, behaviour, signed, count)
    closed = end != NEVER
    referrer = draw.below(np.arange(count), count)
    referred = draw.chance(50, count) & (np.arange(count) > 0)
    serial = np.char.zfill(draw.below(100_000_000, count).astype("U8"), 8)
    ids = np.arange(FIRST_ID, FIRST_ID + count, dtype=np.int32)
    names, name_code = _names(draw, company, firms.trade, count)
    frame = pd.DataFrame(
        {
            "customer_id": ids,
            "kind": coded(company.astype(np.int8), ["person", "company"]),
            "name": coded(name_code, names),
            **people.columns,
            **place,
            **firms.columns,
            **contact,
            "contract_date": to_dates(start),
            "closed_date": to_dates(end),
            "closure_reason": coded(
                np.where(closed, draw.pick(_REASON_WEIGHTS, count), -1).astype(np.int8), _REASONS
            ),
            "referred_by": pd.Series(
                pd.arrays.IntegerArray((referrer + FIRST_ID).astype(np.int32), ~referred)
            ),
            **scores,
            "phone": pd.Series(np.char.add("000", serial), dtype="str"),
            "email": pd.Series(np.char.add(ids.astype("U10"), "@example.com"), dtype="str"),
        }
    )
    return People(
        last, company, behaviour, start, end, turn, wealth, people.income, people.age, frame
    )


def _wealth(draw: Draws, company: Mask, count: int) -> Ints:
    """Financial assets in CNY: most have little, a few very much."""
    person = draw.quantile(heavy_tailed(42_000, 1.2, 0.02, 1.6), count)
    firm = draw.quantile(heavy_tailed(260_000, 1.2, 0.02, 1.6), count)
    return np.where(company, firm, person)


class _Persons(NamedTuple):
    columns: dict[str, object]
    income: Ints
    age: Ints


def _persons(draw: Draws, company: Mask, count: int, last: int) -> _Persons:
    age = 18 + (draw.below(44, count) + draw.below(26, count))
    born = last - age * 365 - age // 4 - draw.below(365, count)
    job = draw.pick(_OCCUPATION_WEIGHTS, count)
    job = np.where(age >= 61, _RETIRED, np.where(age < 23, _STUDENT, job)).astype(np.int8)
    income = draw.quantile(lognormal(96_000, 0.55), count) * _INCOME_PERCENT[job] // 100
    income = income // 100 * 100
    marital = np.where(age < 26, 0, draw.pick((18, 72, 8, 2), count))
    known = ~company & draw.chance(900, count)

    def only(code: npt.NDArray[np.integer], shown: Mask) -> npt.NDArray[np.int8]:
        return np.where(shown, code, -1).astype(np.int8)

    columns: dict[str, object] = {
        "birth_date": to_dates(born, ~company),
        "gender": coded(only(draw.below(2, count), ~company), ["female", "male"]),
        "occupation": coded(only(job, known), _OCCUPATIONS),
        "education": coded(only(draw.pick((5, 30, 28, 30, 7), count), known), _EDUCATION),
        "marital_status": coded(only(marital, known), _MARITAL),
        "income": np.where(known, income, np.nan),
    }
    return _Persons(columns, np.where(company, 0, income), age)


class _Firms(NamedTuple):
    columns: dict[str, object]
    trade: npt.NDArray[np.int8]


def _firms(draw: Draws, company: Mask, wealth: Ints, count: int) -> _Firms:
    trade = draw.pick(_TRADE_WEIGHTS, count)
    sectors = ("primary", "secondary", "tertiary")
    sector = np.array([sectors.index(t[2]) for t in _TRADES])[trade]
    staff = draw.quantile(lognormal(35, 1.3), count) + 1
    revenue = draw.about(wealth * 14, 60) // 1000 * 1000
    return _Firms(
        {
            "sector": coded(np.where(company, sector, -1).astype(np.int8), sectors),
            "industry": coded(
                np.where(company, trade, -1).astype(np.int8), [t[0] for t in _TRADES]
            ),
            "employees": pd.Series(pd.arrays.IntegerArray(staff, ~company)),
            "revenue": np.where(company, revenue, np.nan),
            "total_assets": np.where(company, draw.about(revenue, 40) // 1000 * 1000, np.nan),
        },
        trade,
    )


def _places(draw: Draws, signed: Mask, count: int) -> dict[str, object]:
    city = draw.pick([c[2] for c in _CITIES], count)
    regions = sorted({c[1] for c in _CITIES})
    region = np.array([regions.index(c[1]) for c in _CITIES], dtype=np.int8)[city]
    branch = city.astype(np.int64) * _BRANCHES_A_CITY + draw.below(_BRANCHES_A_CITY, count)
    branches = [f"{c[0]}-{i + 1}" for c in _CITIES for i in range(_BRANCHES_A_CITY)]
    # Two managers share the customers of a branch.
    managers = [f"{b}-{m}" for b in branches for m in ("A", "B")]
    manager = np.where(signed, 2 * branch + np.arange(count) % 2, -1)
    return {
        "city": coded(city, [c[0] for c in _CITIES]),
        "region": coded(region, regions),
        "branch": coded(branch.astype(np.int8), branches),
        "manager": coded(manager.astype(np.int16), managers),
    }


def _first_contacts(
    draw: Draws, standing: npt.NDArray[np.int8], start: Ints, count: int, last: int
) -> dict[str, object]:
    """Leads were contacted or asked; a prospect is only known of."""
    lead = standing == 1
    before = draw.below(120, count)
    first = np.where(standing == 0, start, last) - before
    asked = first + draw.below(before, count)
    known = (standing == 0) & draw.chance(700, count)
    return {
        "first_contact_date": to_dates(first, lead | known),
        "inquiry_date": to_dates(asked, (lead & draw.chance(650, count)) | known),
    }


def _scores(
    draw: Draws, behaviour: npt.NDArray[np.int8], signed: Mask, count: int
) -> dict[str, object]:
    unhappy = np.isin(behaviour, (FADING, DORMANT, CLOSED)) & signed
    score = 100 - (draw.below(45, count) + draw.below(20, count)) - np.where(unhappy, 25, 0)
    surveyed = signed & draw.chance(350, count)
    return {
        "risk_grade": coded(
            np.where(signed, draw.pick((18, 30, 30, 15, 7), count), -1).astype(np.int8), _GRADES
        ),
        "credit_standing": coded(
            np.where(signed, draw.pick((950, 38, 12), count), -1).astype(np.int8), _STANDING
        ),
        "satisfaction": np.where(surveyed, score, np.nan),
    }


def _names(
    draw: Draws, company: Mask, trade: npt.NDArray[np.int8], count: int
) -> tuple[list[str], npt.NDArray[np.int16]]:
    persons = [s + g for s in _SURNAMES for g in _GIVEN]
    firms = [f"{f}{t[1]}有限公司" for f in _FIRMS for t in _TRADES]
    person = draw.below(len(persons), count)
    firm = draw.below(len(_FIRMS), count) * len(_TRADES) + trade
    return persons + firms, np.where(company, len(persons) + firm, person).astype(np.int16)
