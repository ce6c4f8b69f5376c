"""Our bank's own rules: payroll customers, broken cash machines, a foundation day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from importlib.resources import files

import pandas as pd

from bankcrm.plugins import CalendarDay, Change, FactSource, Signal, hookimpl, read_changes

NAME = "example"
PRIORITY = 0
ATM_FAULT = r"\b(?:atm|cash machine)\b.*\b(?:ate|broke\w*|fault\w*|kept|retained)\b|吞卡|取款机故障"


@hookimpl
def changes() -> tuple[Change, ...]:
    """The rules of ``rules.toml``."""
    return read_changes(files(__name__).joinpath("rules.toml").read_text(encoding="utf-8"))


def pays_salary(frames: Mapping[str, pd.DataFrame], as_of: date) -> pd.DataFrame:
    """Whether a salary arrived in the ninety days up to the day."""
    moved = frames["transactions"]
    start = pd.Timestamp(as_of) - pd.Timedelta(days=90)
    recent = (moved["kind"] == "salary") & (moved["date"] > start)
    paid = moved.loc[recent & (moved["date"] <= pd.Timestamp(as_of)), "customer_id"].unique()
    index = frames["facts"].index
    return pd.DataFrame({"pays_salary": index.isin(paid)}, index=index)


@hookimpl
def facts() -> list[FactSource]:
    """One fact for the rules of segmentation."""
    return [
        FactSource(
            name="salary",
            domain="segmentation",
            inputs={"transactions": ["customer_id", "date", "kind"]},
            columns={"pays_salary": "boolean"},
            compute=pays_salary,
        )
    ]


def atm_fault(texts: pd.Series) -> pd.Series:
    """Whether a text reports a cash machine that failed."""
    return texts.fillna("").str.contains(ATM_FAULT, case=False, regex=True).astype(bool)


@hookimpl
def signals() -> list[Signal]:
    """One severity signal."""
    return [Signal("atm_fault", atm_fault)]


@hookimpl
def calendar_days() -> list[CalendarDay]:
    """Our foundation day."""
    return [CalendarDay(date(2026, 3, 16), working=False, reason="our foundation day")]
