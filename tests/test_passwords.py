"""No message shows the password of a database URL that somebody gave in the place of a path."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bankcrm
from bankcrm import read_book, write_book
from bankcrm.actions.known import read_done
from bankcrm.arguments import refuse
from bankcrm.cli import cli, main
from bankcrm.databases.connection import url_of
from bankcrm.datasets import load_berka, make_book
from bankcrm.engines import DuckDBEngine, read_output
from bankcrm.errors import (
    BankcrmError,
    DataError,
    PolicyError,
    UnknownNameError,
    without_password,
)
from bankcrm.inspection import inspect_book
from bankcrm.policy import default_policy, load_policy
from bankcrm.report import write_csv, write_excel
from bankcrm.reviews import read_earlier
from bankcrm.reviews.series import read_history
from bankcrm.rules import DecisionTable

SMALL = make_book(5, seed=1)
SECRET = "s3cr/t:w@rd"
URLS = [
    f"postgresql://li:{SECRET}@host/crm", f"postgresq://li:{SECRET}@host", f"mysql:/li:{SECRET}@h",
    f"/bank/postgresql://:{SECRET}@host/crm", f"sqlite://h/crm?user=li&password={SECRET}",
]  # fmt: skip
COMMANDS = [
    (name, parameter)
    for name, command in cli.commands.items()
    for parameter in command.params
    if not getattr(parameter, "is_flag", False)
]


def silent(text: str) -> bool:
    """Whether a text shows no part of the password that could be told from other words."""
    return not any(part in text for part in ("s3cr", "w@rd"))


@given(
    st.text(),
    st.text(
        st.characters(exclude_characters="@ ", exclude_categories=["Cc"], codec="ascii"), min_size=3
    ),
)
def test_a_text_keeps_all_but_the_password(before: str, password: str) -> None:
    """A law: once masked, it is masked."""
    found = without_password(f"{before} pg://li:{password}@host/crm")
    assert found.endswith("li:***@host/crm")
    assert without_password(found) == found


def test_texts_without_a_password_stay() -> None:
    for text in ("http://localhost:8000/x is down, ask a@b.cn", "C:/crm/bank: no such folder",
                 "http://localhost:8000, or a@b.cn", "mail a@b.cn",
                 "postgresql://li@host/crm", "12:30 @ noon"):  # fmt: skip
        assert without_password(text) == text


@pytest.mark.parametrize("url", URLS)
def test_errors_show_no_password(url: str) -> None:
    made: list[BankcrmError] = [
        DataError(f"{url}: no such folder"), DataError(Path(url)),
        PolicyError([f"presets: {url!r}", "b"]),
        UnknownNameError("preset", url, ["a"]), UnknownNameError("preset", Path(url), ["a"]),
    ]  # fmt: skip
    with pytest.raises(DataError) as refused:
        refuse("folder", "a folder", url + "x" * 99)
    for error in (*made, refused.value):
        assert silent(f"{error} {error!r} {error.args}"), error


FRAME = pd.DataFrame({"a": [1]})
TABLE = default_policy("segmentation").table("tier")
CALLS: dict[str, Callable[[Any], object]] = {
    "read_book": read_book,
    "review": lambda url: bankcrm.review(read_book(url), as_of="2026-06-30"),
    "inspect_book": inspect_book,
    "load_policy": load_policy,
    "read_earlier": read_earlier,
    "read_history": read_history,
    "DuckDBEngine": DuckDBEngine,
    "read_output": lambda url: read_output(url, "2026-06-30"),
    "DecisionTable.from_xlsx": DecisionTable.from_xlsx,
    "DecisionTable.to_xlsx": TABLE.to_xlsx,
    "write_csv": lambda url: write_csv(FRAME, url),
    "write_excel": lambda url: write_excel({"s": FRAME}, url),
    "write_book": lambda url: write_book(SMALL, url),
    "load_berka": load_berka,
    "read_done": read_done,
    "url_of": url_of,
}


@pytest.mark.parametrize("url", URLS)
@pytest.mark.parametrize("name", CALLS)
def test_functions_that_read_a_path_show_no_password(
    name: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for given_ in (url, Path(url)):
        said = ""
        try:
            CALLS[name](given_)
        except BankcrmError as error:
            said = f"{error} {error!r}"
        assert silent(said)


@pytest.mark.parametrize(("command", "parameter"), COMMANDS, ids=lambda v: getattr(v, "name", v))
def test_no_command_echoes_a_password(
    command: str,
    parameter: click.Parameter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in URLS[::3]:
        words = [command]
        for other in cli.commands[command].params:
            if isinstance(other, click.Argument):
                words.append(url if other is parameter else "nothing")
        if isinstance(parameter, click.Option):
            words += [parameter.opts[0], url]
        with contextlib.suppress(SystemExit):
            main(words)
        printed = "".join(capsys.readouterr())
        assert silent(printed)
