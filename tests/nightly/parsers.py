"""Every parser of a text or file, on mutations of valid inputs and on hostile texts.

    python tests/nightly/parsers.py [--inputs 64000] [--seed 17] [--only dmn]

A parser gives a result or a `BankcrmError` with a sentence of at most 20,000 characters, in less
than ten seconds. Exit code 1 if any input does anything else. The inputs are shared out by weight:
parsers of files and of whole policies are slow.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd

from bankcrm import default_policy, read_book, scoring, segmentation
from bankcrm.actions.known import read_done
from bankcrm.book.mapping.toml import read_mapping
from bankcrm.calendars import working_calendar
from bankcrm.complaints.lexicon.reader import read_lexicon
from bankcrm.datasets import make_book
from bankcrm.errors import BankcrmError
from bankcrm.frames.arrays import as_of_day
from bankcrm.inspection import inspect_book
from bankcrm.lifecycle import StageModel
from bankcrm.models import Complaint
from bankcrm.pipeline.fitted import Fitted
from bankcrm.plugins.files import read_changes
from bankcrm.policy import DOMAINS, load_policy
from bankcrm.policy.rule_files import read_rules
from bankcrm.reviews import read_earlier, review
from bankcrm.rules import DecisionTable, Parameter, parse_test
from bankcrm.rules.dmn_read import read_dmn
from bankcrm.rules.feel import read_cell, read_value
from bankcrm.scoring import Card
from bankcrm.wire import from_json

TOKENS = [
    "", " ", "\x00", "\ufeff", "\u202e", "\ud800", "\uff1d", "=1+1", "-", "--", ">=", "< 1", "[",
    "[" * 2_000, "{" * 2_000, "(" * 2_000, "not (" * 500, "'", '"', '"""', "\\", "\\u12", "@",
    "]]", "null", "nan", "inf", "-inf", "1e999", "9" * 400, "9007199254740993", "0x10", "1_000",
    "1,5", "true", "missing", "present", "2026-13-45", "9999-12-31", "0001-01-01", "24:00-25:00",
    "\r\n", "[[rules]]", "[parameters]", "a = 1\na = 1", "<!DOCTYPE x [<!ENTITY a 'b'>]>", "&a;",
    "<x/>", ";", "../../etc/passwd", "$(id)", "__import__('os')", "%s", "{0}", "x" * 20_000,
    'date("2026-02-30")', "@none",
]  # fmt: skip


@attrs.frozen
class Parser:
    """A parser and inputs that it takes.

    Attributes:
        name: Its name.
        read: The parser.
        valid: Valid texts, or the bytes of valid files.
        suffix: The suffix of a file that is parsed; empty for a parser of texts.
        weight: Its part of the inputs.
    """

    name: str
    read: Callable[[Any], object]
    valid: Sequence[str | bytes]
    suffix: str = ""
    weight: int = 4


def parsers(root: Path) -> list[Parser]:
    """All parsers, with valid inputs that are made once."""
    table = default_policy("segmentation").table("tier")
    policies = [default_policy(d).to_toml() for d in DOMAINS]
    facts = pd.DataFrame({"idle": np.arange(200.0), "kind": ["a", "b"] * 100})
    card = scoring.fit_card(facts, (np.arange(200) % 7 < np.arange(200) // 60))
    clusters = segmentation.fit_clusters(
        facts[["idle"]].assign(x=facts["idle"] % 9), ["idle", "x"], k=2
    )
    book = make_book(20, seed=2)
    found = review(book, as_of=book.as_of)
    sheet = _bytes(root, "t.xlsx", lambda p: table.to_xlsx(p, force=True))
    workbook = _bytes(root, "p.xlsx", lambda p: default_policy("risk").to_xlsx(p, force=True))
    dmn = table.to_dmn()
    lexicon = resources.files("bankcrm.complaints").joinpath("lexicon")
    words = [f.read_text("utf-8") for f in lexicon.iterdir() if f.name.endswith(".toml")]
    model = resources.files("bankcrm.lifecycle").joinpath("models")
    models = [f.read_text("utf-8") for f in model.iterdir() if f.name.endswith(".toml")]
    thresholds = segmentation.fit_rfm(segmentation.rfm_metrics(book.transactions, as_of=book.as_of))
    mapping = (
        'name = "b"\nas_of = "2026-06-30"\ncurrency = "CNY"\n[customers]\nfile = "c.csv"\n'
        '[customers.columns]\ncustomer_id = "no"\nbirth_date = {column = "b", format = "%Y%m%d"}\n'
    )
    added = '[[parameters]]\ndomain = "lifecycle"\nname = "lost_after_days"\nvalue = 400\n'
    done = "action_id,day,note\nA1,2026-06-30,called\nA2,2026-06-29,\n"
    complaint = (
        '{"complaint_id": "C1", "customer_id": 7, "received_at": "2026-06-30T09:00:00+08:00"}'
    )
    tests = [">= 365", "[18..30)", "in (a, b)", "not (a, b)", "= true", "missing", "-", "< @days"]
    literals = ['["a", 2, {rate: 0.5}]', 'date("2026-01-31")', "null", "-1.5", '"a\\u00e9"']
    cells = ['"key","ordinary"', "[18..30)", 'not("a", "b")', "> parameter_n", "null", "true"]
    days = ["2026-06-30", "2026/6/30", "20260630", "2026.06.30"]
    csv = (
        "customer_id,kind,name,birth_date,contract_date\n1,person,Li,1970-01-02,2020-01-01\n"
        "2,company,Wu,,2021-05-06\n"
    )
    moves = (
        "transaction_id,customer_id,date,amount,kind\n1,1,2026-05-05,100.50,deposit\n"
        "2,2,2026-06-01,-20,withdrawal\n"
    )
    summary = _bytes(root, "review/summary.json", lambda p: found.write(p.parent))
    return [
        Parser("unary test", parse_test, tests, weight=20),
        Parser("FEEL literal", read_value, literals, weight=10),
        Parser("FEEL cell", read_cell, cells, weight=10),
        Parser("FEEL cell of words", lambda t: read_cell(t, bare=True), cells, weight=10),
        Parser("day", as_of_day, days, weight=10),
        Parser("calendar", working_calendar, ["CN", "DE", "US"], weight=1),
        Parser("table as TOML", DecisionTable.from_toml, [table.to_toml()], weight=8),
        Parser("table as workbook", DecisionTable.from_xlsx, [sheet], ".xlsx", 1),
        Parser("DMN text", read_dmn, [dmn], weight=8),
        Parser("file of DMN", read_rules, [dmn], ".dmn", 4),
        Parser("file of rules", read_rules, [table.to_toml(), policies[0]], ".toml", 2),
        Parser("workbook of rules", read_rules, [workbook, sheet], ".xlsx", 1),
        Parser("policy", load_policy, policies, weight=2),
        Parser("lexicon", read_lexicon, words, weight=1),
        Parser("stage model", StageModel.from_toml, models, weight=6),
        Parser("mapping", read_mapping, [mapping], weight=10),
        Parser("changes of a plug-in", read_changes, [added], weight=10),
        Parser("fitted values", Fitted.from_toml, [found.fitted.to_toml()], weight=3),
        Parser("card", Card.from_toml, [card.to_toml()], weight=6),
        Parser("clusters", segmentation.Clusters.from_toml, [clusters.to_toml()], weight=6),
        Parser("thresholds", segmentation.RfmThresholds.from_toml, [thresholds.to_toml()],
               weight=6),
        Parser("thresholds as JSON", segmentation.RfmThresholds.from_json, [thresholds.to_json()],
               weight=6),
        Parser("parameter as JSON", lambda t: from_json(t, Parameter),
               ['{"value": 365, "unit": "days"}'], weight=10),
        Parser("complaint as JSON", lambda t: from_json(t, Complaint), [complaint], weight=10),
        Parser("actions that were done", read_done, [done], ".csv", 10),
        Parser("book.toml", _book_of(root, csv, moves), [mapping.split("[customers]")[0]],
               weight=2),
        Parser("customers.csv", _file_of_book(root, "customers.csv", csv, moves), [csv], weight=4),
        Parser("transactions.csv", _file_of_book(root, "transactions.csv", csv, moves), [moves],
               weight=4),
        Parser("customers.csv, inspected", _inspected(root), [csv], weight=2),
        Parser("summary.json of a review", _earlier(root), [summary], weight=2),
    ]  # fmt: skip


def _bytes(root: Path, name: str, write: Callable[[Path], object]) -> bytes:
    file = root / name
    write(file)
    return file.read_bytes()


def _write(file: Path, content: str | bytes) -> Path:
    raw = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
    file.write_bytes(raw)
    return file


def _folder(root: Path, name: str, csv: str, moves: str) -> Path:
    folder = root / name
    folder.mkdir()
    _write(folder / "customers.csv", csv)
    _write(folder / "transactions.csv", moves)
    return folder


def _book_of(root: Path, csv: str, moves: str) -> Callable[[Any], object]:
    folder = _folder(root, "of toml", csv, moves)
    return lambda text: read_book(_write(folder / "book.toml", text).parent).check("2026-06-30")


def _file_of_book(root: Path, name: str, csv: str, moves: str) -> Callable[[Any], object]:
    folder = _folder(root, f"of {name}", csv, moves)
    return lambda text: read_book(_write(folder / name, text).parent).check("2026-06-30")


def _inspected(root: Path) -> Callable[[Any], object]:
    folder = root / "inspected"
    folder.mkdir()
    return lambda text: inspect_book(_write(folder / "customers.csv", text).parent)


def _earlier(root: Path) -> Callable[[Any], object]:
    return lambda text: read_earlier(_write(root / "review" / "summary.json", text).parent)


def mutated(valid: str | bytes, draw: random.Random) -> str | bytes:
    """A hostile token, or a valid input with a few changes."""
    if draw.random() < 0.04:
        return draw.choice(TOKENS)
    if isinstance(valid, bytes):
        raw = bytearray(valid)
        for _ in range(draw.randint(1, 6)):
            raw[draw.randrange(len(raw))] = draw.randrange(256)
        return bytes(raw[: draw.randrange(len(raw))] if draw.random() < 0.2 else raw)
    text = valid
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        start, end = sorted(draw.randrange(len(text) + 1) for _ in range(2))
        end = min(end, start + draw.choice([1, 3, 20, 200]))
        word = draw.choice(
            [*TOKENS, chr(draw.randrange(0xD7FF)), text[start:end], str(draw.randint(-9, 99))]
        )
        match draw.randrange(4):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + word + text[start:]
            case 2:
                text = text[:start] + word + text[end:]
            case _:
                text = text[:start] + text[start:end] * 2 + text[end:]
    return text


def fault_of(parser: Parser, given: str | bytes, root: Path) -> str:
    """What is wrong with the answer to an input; empty if nothing is."""
    source: Any = _write(root / f"input{parser.suffix}", given) if parser.suffix else given
    start = time.monotonic()
    try:
        parser.read(source)
    except BankcrmError as error:
        if not len(str(error).split()) > 3 or len(str(error)) > 100_000:
            return f"no sentence ({len(str(error)):,} characters): {str(error)[:60]!r}"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "/bankcrm/" in f.filename]
        at = ours[-1] if ours else place
        return f"{type(error).__name__} at {Path(at.filename).name}:{at.lineno}: {str(error)[:90]}"
    return "slow" if time.monotonic() - start > 10 else ""


def main() -> None:
    """Parse the inputs and report the faults."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--inputs", type=int, default=64_000)
    arguments.add_argument("--seed", type=int, default=17)
    arguments.add_argument("--only", nargs="*", default=[], help="names of parsers")
    chosen = arguments.parse_args()
    warnings.simplefilter("ignore")
    draw, unclear, tried = random.Random(chosen.seed), 0, 0
    with tempfile.TemporaryDirectory(prefix="bankcrm-parsers-") as name:
        root = Path(name)
        every = [p for p in parsers(root) if not chosen.only or p.name in chosen.only]
        total = sum(p.weight for p in every)
        for parser in every:
            for valid in parser.valid:
                fault = fault_of(parser, valid, root)
                if fault:
                    sys.exit(f"{parser.name}: a valid input fails: {fault}")
            found: Counter[str] = Counter()
            example: dict[str, str | bytes] = {}
            begin = time.process_time()
            count = max(1, round(chosen.inputs * parser.weight / total))
            for _ in range(count):
                given = mutated(draw.choice(parser.valid), draw)
                if fault := fault_of(parser, given, root):
                    found[fault] += 1
                    example.setdefault(fault, given)
            for fault, times in found.most_common():
                print(f"{times:5} {parser.name}: {fault}\n      {example[fault][:200]!r}")
            tried, unclear = tried + count, unclear + sum(found.values())
            seconds = time.process_time() - begin
            result = f"{sum(found.values())} unclear, {seconds:.0f} s"
            print(f"{parser.name}: {count:,} inputs, {result}", flush=True)
    print(f"{tried:,} inputs of {len(every)} parsers, {unclear:,} unclear errors")
    sys.exit(bool(unclear))


if __name__ == "__main__":
    main()
