"""A bank's own files, made from a book: other names, words, formats and encodings.

The files are written cell by cell with the standard library, so nothing of the reading is used.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pandas as pd

from bankcrm.book import CONTRACT, Book
from bankcrm.book.contract import MODELS
from bankcrm.book.mapping import BookMapping, ColumnSource, Formats, FrameMapping
from bankcrm.frames import Column
from bankcrm.models import models_of

HEADERS = {
    "customers": "客户信息",
    "transactions": "交易流水",
    "customer_id": "客户号",
    "kind": "类型",
    "birth_date": "出生日期",
    "contract_date": "签约日期",
    "date": "交易日期",
    "amount": "金额",
    "channel": "渠道",
}
CODES = {"person": "对私", "company": "对公", "salary": "SAL", "card": "POS", "cash_out": "ATM"}
MISSING = ("NULL", "\\N")
UNITS = {"one": 0, "cents": 2, "thousands": -3, "ten_thousands": -4}


@attrs.frozen
class Style:
    """How a bank writes its files.

    Attributes:
        formats: The formats, all stated.
        amounts: ``plain``, ``sides`` (credit and debit) or ``direction``.
        ids: Text after each id by frame: ``.0`` as a spreadsheet leaves it.
        files: The number of files of each frame.
        headers: Frame, column, or frame and column -> the bank's name.
        codes: Word, or frame, column and word -> the bank's code.
        only: Whether the bank has no other frames and columns than the headers name, and no other
            codes than its own.
        suffix: The kind of its files.
    """

    formats: Formats
    amounts: str = "plain"
    ids: dict[str, str] = attrs.field(factory=dict)
    files: int = 1
    headers: Mapping[str, str] = attrs.field(factory=lambda: HEADERS)
    codes: Mapping[str, str] = attrs.field(factory=lambda: CODES)
    only: bool = False
    suffix: str = ".csv"

    def name(self, frame: str, column: str = "") -> str:
        """The bank's name of a frame or column."""
        own = column or frame
        return self.headers.get(f"{frame}.{column}", self.headers.get(own, f"列_{own}"))

    def code(self, frame: str, column: str, word: str) -> str:
        """The bank's code for a word of the contract."""
        made = word if self.only else f"K{sum(word.encode())}{word[:2].upper()}"
        return self.codes.get(f"{frame}.{column}.{word}", self.codes.get(word, made))

    def columns(self, frame: str, present: pd.DataFrame) -> list[Column]:
        """The columns that the bank has of a frame."""
        return [
            c
            for c in CONTRACT[frame]
            if c.name in present
            and not (self.only and {c.name, f"{frame}.{c.name}"}.isdisjoint(self.headers))
        ]


def written(book: Book, folder: Path, style: Style) -> BookMapping:
    """Write a book in a bank's own style; returns the mapping that reads it."""
    frames: dict[str, FrameMapping] = {}
    for name, frame in book.frames().items():
        if style.only and name not in style.headers:
            continue
        columns = style.columns(name, frame)
        rows = [
            {k: v for c in columns for k, v in _cells(c, getattr(r, c.name), style, name).items()}
            for r in models_of(frame[[c.name for c in columns]], MODELS[name])
        ]
        header = [n for c in columns for n in _source(c, style, name).names]
        size = -(-len(rows) // style.files) or 1
        for number in range(style.files):
            part = rows[number * size : (number + 1) * size]
            path = folder / f"{style.name(name)}_{number}{style.suffix}"
            _write(path, header, part, style.formats)
        frames[name] = FrameMapping(
            f"{style.name(name)}_*{style.suffix}",
            columns={c.name: _source(c, style, name) for c in columns},
            values={
                c.name: {style.code(name, c.name, w): w for w in c.choices}
                for c in columns
                if c.kind == "category" and c.choices
            },
        )
    return BookMapping(frames, style.formats)


def _source(column: Column, style: Style, frame: str) -> ColumnSource:
    theirs = style.name(frame, column.name)
    signed = column.kind == "money" and column.minimum is None
    if style.only:  # a bank writes balances with their sign
        signed = signed and column.name == "amount"
    credit, debit = (style.headers.get(f"{frame}.{column.name}.{s}") for s in ("credit", "debit"))
    if signed and style.amounts == "sides":
        return ColumnSource(credit=credit or f"{theirs}贷", debit=debit or f"{theirs}借")
    if signed and style.amounts == "direction":
        direction = style.headers.get(f"{frame}.{column.name}.direction", f"{theirs}向")
        plus, minus = style.codes.get("plus", "贷"), style.codes.get("minus", "借")
        return ColumnSource(theirs, direction=direction, plus=plus, minus=minus)
    return ColumnSource(theirs)


def _cells(column: Column, value: Any, style: Style, frame: str) -> dict[str, str]:
    """The cells of one value, by the column of the source."""
    source, formats = _source(column, style, frame), style.formats
    blank = (formats.missing or ("",))[0]
    if value is None:
        return dict.fromkeys(source.names, blank)
    if column.kind == "money" and source.credit is not None:
        side, other = (source.credit, source.debit) if value >= 0 else (source.debit, source.credit)
        return {side: _money(abs(value), formats), other: blank}  # type: ignore[dict-item]
    if column.kind == "money" and source.direction is not None:
        sign = source.plus[0] if value >= 0 else source.minus[0]
        return {source.names[0]: _money(abs(value), formats), source.direction: sign}
    if column.kind == "category" and column.choices:
        return {source.names[0]: style.code(frame, column.name, str(value))}
    return {source.names[0]: _cell(column, value, formats, style.ids.get(frame, ""))}


def _cell(column: Column, value: Any, formats: Formats, after: str) -> str:
    match column.kind:
        case "money":
            return _money(value, formats)
        case "number":
            return repr(value).replace(".", formats.decimal or ".")
        case "date":
            return _day(value, formats)
        case "instant":
            local = value.astimezone(ZoneInfo(formats.time_zone or "UTC"))
            alone = formats.time_zone is not None and not local.fold
            return local.replace(tzinfo=None).isoformat() if alone else local.isoformat()
        case "boolean":
            return ((formats.true or ("true",)) if value else (formats.false or ("false",)))[0]
        case "id":
            return f"{value}{after}"
    return str(value)


def _day(value: dt.date, formats: Formats) -> str:
    pattern = (formats.dates or ("%Y-%m-%d",))[0]
    parts = {"%Y": f"{value.year:04}", "%m": f"{value.month:02}", "%d": f"{value.day:02}"}
    for mark, text in parts.items():
        pattern = pattern.replace(mark, text)
    return pattern


def _money(value: Decimal, formats: Formats) -> str:
    moved = value.scaleb(UNITS[formats.amounts_in or "one"])
    text = f"{moved:,f}" if formats.thousands else f"{moved:f}"
    marks = {",": formats.thousands or "", ".": formats.decimal or "."}
    return "".join(marks.get(c, c) for c in text)


def _write(path: Path, header: list[str], rows: list[dict[str, str]], formats: Formats) -> None:
    with path.open("w", encoding=formats.encoding or "utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, delimiter=formats.separator or ",")
        writer.writeheader()
        writer.writerows(rows)


def rows_of(frame: pd.DataFrame, name: str) -> list[tuple[Any, ...]]:
    """The rows of a frame as plain values; an absent column and a text for missing are missing."""
    columns = []
    for column in CONTRACT[name]:
        if column.name not in frame:
            columns.append([None] * len(frame))
            continue
        values = frame[column.name]
        if column.kind == "instant":
            values = values.dt.tz_convert("UTC") if values.notna().any() else values
        plain = values.astype(object).where(values.notna().to_numpy(), None)
        columns.append([None if v in ("", *MISSING) else _plain(v) for v in plain])
    return list(zip(*columns, strict=True))


def _plain(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return value


CHINESE = Formats(
    encoding="gbk",
    separator=";",
    thousands=",",
    dates="%Y/%m/%d",
    time_zone="Asia/Shanghai",
    true="是",
    false="否",
)
"""How the files of a Chinese bank are often written."""


def chinese_bank(book: Book, folder: Path) -> BookMapping:
    """The folder of a Chinese bank: GBK, Chinese headers, ``;``, ``1,200.00`` in two columns.

    The mapping that is returned names neither encoding nor separator; both are recognised.
    """
    mapping = written(book, folder, Style(CHINESE, amounts="sides", ids={"transactions": ".0"}))
    return attrs.evolve(mapping, formats=attrs.evolve(CHINESE, encoding=None, separator=None))
