"""The inspection of a bank's own files: a draft, a few edited lines, and a true report."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from bankcrm import Book, inspect_book, read_book, review
from bankcrm.book.contract import CONTRACT
from bankcrm.cli import main
from bankcrm.datasets import make_book
from bankcrm.errors import DataError

from .book.banks import CHINESE, LEGACY, PINYIN, canonical
from .book.foreign import Style, written

BANK = make_book(400, seed=11)

CASES = {
    "chinese": (
        CHINESE,
        {
            '"办结时间"': '"办结时间"',
        },
    ),
    "legacy": (LEGACY, {}),
    "pinyin": (PINYIN, {}),
}
