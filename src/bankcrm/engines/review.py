"""The review of a book that stays in its engine: block by block, with the same steps."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

import bankcrm
from bankcrm.book import Book, empty_frame
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.complaints import ProcessedComplaints, default_lexicon
from bankcrm.engines.blocks import Work, groups_of, part_book
from bankcrm.engines.kernels import INTEREST, Job, Kernels, figures_path
from bankcrm.engines.output import Output, OutputWriter
from bankcrm.errors import UnknownNameError
from bankcrm.frames import DataFault, as_of_day, findings_frame
from bankcrm.policy import PolicySet, default_policies
from bankcrm.progress import Progress
from bankcrm.reviews import steps
from bankcrm.reviews.model import INLINED, SHOWN, Review
from bankcrm.reviews.summary import (
    COUNTED,
    Figures,
    first_warned,
    summary_of,
)
from bankcrm.rules import Trace
from bankcrm.segmentation import RfmThresholds
from bankcrm.valuation import Measure, ValueModel, fit_value_model

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine

ROWS_A_BLOCK = 2_000_000
"""Transactions that a block holds at most on average, if not told otherwise."""


@attrs.frozen(eq=False, repr=False)
class EngineReview(Review):
    """A review whose customers stay on disk, as Parquet by review date.

    ``customers`` and ``facts`` hold only the first customers that a report explains: those with a
    warning, then those with the largest contribution. All of them are in ``output``.

    Args:
        output: every customer with all facts and decisions.
    """

    output: Output = attrs.field(kw_only=True)
    kept: tempfile.TemporaryDirectory[str] | None = attrs.field(
        default=None, kw_only=True, repr=False
    )

    def explain(self, customer: object) -> dict[str, Trace]:
        """Why a customer stands where it does; see `Review.explain`."""
        for file in self.output.files:
            rows = pq.read_table(file, filters=[("customer_id", "=", customer)])
            if rows.num_rows:
                one = attrs.evolve(self, facts=rows.to_pandas())
                return Review.explain(one, customer)
        raise UnknownNameError("customer", customer, [*self.facts.index[:3], "..."])

    def to_parquet(self, folder: str | Path) -> None:
        """Write customers (a folder of parts), complaints and findings as Parquet."""
        target = Path(folder)
        shutil.copytree(self.output.folder, target / "customers", dirs_exist_ok=True)
        self.complaints.to_parquet(target / "complaints.parquet")
        self.findings.to_parquet(target / "findings.parquet")

    def _write_customers(self, target: Path) -> None:
        """They are on disk already, in ``output``."""

    def standing(self) -> pd.DataFrame:
        """Stage and tier of every customer, read from the result."""
        return self.output.frame(["stage", "tier"])

    def all_customers(self) -> pd.DataFrame:
        """Every customer in memory, as `Review.customers` of a review without an engine."""
        frame = self.output.frame().sort_index()
        return frame[[c for c in SHOWN if c in frame]]


def review_on(
    engine: Engine,
    *,
    as_of: object,
    policies: PolicySet | None = None,
    calendar: WorkingCalendar | None = None,
    progress: Progress | None = None,
    out: str | Path | None = None,
    blocks: int | None = None,
) -> EngineReview:
    """Review the book that an engine holds; every figure is that of `bankcrm.review`.

    The engine parts the book by customer; each block goes through the very steps of
    `bankcrm.review`. What needs the whole book (cut points, scales, ranks, concentration) comes
    from the engine as a few numbers. The result is written as Parquet; a run that is killed leaves
    the last complete result intact, and the next one goes on where it stopped.

    Args:
        engine: holds the book.
        as_of: the day of the review.
        policies: what to decide by; None: the defaults, or the presets that the book asks for.
        calendar: working days for due dates; None: mainland China's.
        progress: called with (steps done, steps in all, name of the next step); what it raises
            ends the review, and what is done is kept.
        out: the folder of results by review date; None: a temporary one that goes with the review.
        blocks: how many parts; None: by the number of transactions.

    Raises:
        DataError: a frame that does not fit, or an account or number that several customers share.
        EngineError: the engine or the disk gave up.

    Source: LCM-2, EB-3, CSC-2, CBM-3, CBM-6, CSC-3 to CSC-5.
    """
    day = cast("date", as_of_day(as_of).item())
    rules = (policies or default_policies(engine.presets)).at(day)
    name = engine.name
    kept = tempfile.TemporaryDirectory(prefix="bankcrm-") if out is None else None
    root = Path(kept.name if kept else cast("str | Path", out))
    moves = int(engine.fetch(f"SELECT COUNT(*) AS n FROM {engine.place('transactions')}")["n"][0])
    blocks = blocks or 1 + moves // ROWS_A_BLOCK
    key = {
        "book": engine.identity(),
        "bankcrm": bankcrm.__version__,
        "policies": rules.fingerprint,
        "day": day,
        "blocks": blocks,
    }
    writer = OutputWriter(root, day, key)
    work = Work(root / f".review_date={day.isoformat()}.work", key)
    work.begin()
    writer.begin()
    run = _Run(engine, work, rules, day, name, progress or _silent, blocks)
    run.part()
    run.facts()
    run.worth()
    parts = run.decide(writer)
    handled, late_faults = run.complaints(calendar or working_calendar("CN"))
    told = {"as_of": day.isoformat(), "policies": rules.fingerprint, "bankcrm": key["bankcrm"]}
    output = writer.commit(told)
    figures, head = run.figures(parts, output)
    faults = [*run.faults(), *late_faults, *handled.faults]
    work.end()
    run.tell("done", 4 + 3 * len(run.groups))
    return EngineReview(
        name=name,
        as_of=day,
        customers=head[[c for c in SHOWN if c in head]],
        complaints=handled.routed,
        summary=summary_of(name, day, figures, handled, faults, rules),
        findings=findings_frame(faults),
        policies=rules,
        facts=head,
        note=engine.note,
        currency=engine.currency,
        output=output,
        kept=kept,
    )


def _silent(done: int, total: int, name: str) -> None:
    """No progress is told."""


class _Run:
    """One review in the making: its steps in order, each kept on disk when it is done."""

    def __init__(
        self,
        engine: Engine,
        work: Work,
        rules: PolicySet,
        day: date,
        name: str,
        progress: Progress,
        blocks: int,
    ) -> None:
        self.engine, self.work, self.rules = engine, work, rules
        self.day, self.name, self.blocks = day, name, blocks
        self.progress = progress
        self.groups: list[list[int]] = []
        told = frozenset(n for n in engine.columns if self._any(n, "TRUE"))
        self.kernels = Kernels(work, rules, day, name, engine.zones, self._source(told), told)

    @property
    def jobs(self) -> list[Job]:
        """The blocks to work on, numbered."""
        return list(enumerate(self.groups))

    def tell(self, what: str, done: int) -> None:
        """Tell the name of the next step."""
        self.progress(done, 3 * max(len(self.groups), self.blocks) + 4, what)

    def each(self, what: str, call: Callable[[Job], None], before: int) -> None:
        """Work on every block, wherever the engine does."""

        def tell(number: int) -> None:
            self.tell(f"{what}, block {number + 1} of {len(self.groups)}", before + number)

        self.engine.each(call, self.jobs, tell)

    def part(self) -> None:
        """Part the book by customer."""
        self.tell("parting the book by customer", 0)
        part_book(self.engine, self.work, self.blocks)
        self.groups = groups_of(self.work, self.blocks)

    def facts(self) -> None:
        """Check each block and compute what rests on its own customers alone."""
        self.each("facts", self.kernels.facts, 1)

    def _source(self, told: frozenset[str]) -> str:
        """Where balances come from, by the whole book and not by one block of it."""
        if "balances" in told:
            return "balances"
        moves = self.engine.columns["transactions"]
        if {"account_id", "balance"} <= set(moves) and self._any(
            "transactions", "balance IS NOT NULL"
        ):
            return "running"
        return "amounts"

    def _any(self, name: str, condition: str) -> bool:
        found = self.engine.fetch(
            f"SELECT COUNT(*) AS n FROM {self.engine.place(name)} WHERE {condition}"
        )
        return bool(found["n"].iloc[0])

    def worth(self) -> None:
        """Contribution of each customer, once it is known which products book interest."""
        booked: dict[str, set[str]] = {c: set() for c in INTEREST}
        for number in range(len(self.groups)):
            told = json.loads(self._read("facts", number, "told")["booked"].iloc[0])
            for column, products in told.items():
                booked[column].update(products)
        self.each("contribution", partial(self.kernels.worth, booked), 1 + len(self.groups))

    def decide(self, writer: OutputWriter) -> list[dict[str, Any]]:
        """Score and decide on what the whole book tells; the figures of each block."""
        done = 1 + 2 * len(self.groups)
        self.tell("cut points, scales and ranks", done)
        self._ranks()
        call = partial(self.kernels.decide, writer, self._thresholds(), self._model())
        self.each("decisions", call, done + 1)
        paths = [figures_path(self.work, n) for n in range(len(self.groups))]
        return [json.loads(p.read_text(encoding="utf-8")) for p in paths]

    def _thresholds(self) -> RfmThresholds | None:
        """The cut points, exactly, from the engine."""
        metrics = self.engine.relation(
            f"SELECT * FROM {self.engine.scan(self.work.path('facts', 'metrics'))}"
        )
        return self.engine.fit_rfm(metrics) if metrics.count() else None

    def _model(self) -> ValueModel:
        """The value model, its scales fitted one measure at a time on the whole book."""
        policy = self.rules["valuation"]
        stated = policy.records("measures", Measure)
        missing = str(policy.value("missing_measures"))
        # One measure alone never breaks the rule that none of an indicator's may be missing.
        lenient = policy.with_parameters(missing_measures="present")
        fitted = []
        for name in dict.fromkeys(m.name for m in stated):
            column = self._column(name)
            if column is not None and column.notna().any():
                fitted.append(fit_value_model(column.to_frame(), policy=lenient))
        if not fitted or missing == "raise":
            # The whole function then tells what is wrong, on whatever is there.
            names = [m.measures[0].name for m in fitted]
            fit_value_model(pd.DataFrame(columns=names, data=[[0.0] * len(names)]), policy=policy)
        scales = {
            (m.indicator, m.name): scale
            for model in fitted
            for m, scale in zip(model.measures, model.scales, strict=True)
        }
        used = tuple(m for m in stated if (m.indicator, m.name) in scales)
        return attrs.evolve(
            fitted[0],
            measures=used,
            scales=tuple(scales[m.indicator, m.name] for m in used),
            missing=missing,
            left_out=tuple(m.name for m in stated if m not in used),
        )

    def _column(self, name: str) -> pd.Series | None:
        """One measure of every customer; None where no block has it."""
        if name == "contribution":
            pieces = [self._read("worth", n, "worth", [name]) for n in range(len(self.groups))]
        else:
            pieces = [
                self._read("facts", n, "measures", [name])
                for n in range(len(self.groups))
                if name in self._names("facts", n, "measures")
            ]
        return pd.concat(pieces)[name] if pieces else None

    def _ranks(self) -> None:
        """Keep the rank of each customer with a warning among all of them, block by block."""
        pieces = []
        for number in range(len(self.groups)):
            columns = ["signals", "score", "value_at_stake"]
            keys = self._read("worth", number, "warned", columns)
            keys["row"] = self._read("facts", number, "staged", ["_row"])["_row"]
            pieces.append(keys[keys["signals"] > 0])
        every = pd.concat(pieces)
        stake = every["value_at_stake"].to_numpy()
        order = np.lexsort(
            (every["row"].to_numpy(), -every["score"].to_numpy(), -np.nan_to_num(stake))
        )
        rank = np.empty(len(every), np.int64)
        rank[order] = np.arange(1, len(every) + 1)
        ends = np.cumsum([len(p) for p in pieces])[:-1]
        for number, (r, p) in enumerate(zip(np.split(rank, ends), pieces, strict=True)):
            ranks = pd.DataFrame({"rank": pd.array(r, dtype="Int64")}, index=p.index)
            self.work.frames("ranks", number, partial(dict, ranks=ranks))

    def complaints(self, calendar: WorkingCalendar) -> tuple[ProcessedComplaints, list[DataFault]]:
        """Complaints, all together as they are few, with the customers whom they concern."""
        self.tell("complaints", 2 + 3 * len(self.groups))
        frames: dict[str, Any] = {
            name: self.engine.zoned(
                name, self.engine.fetch(f"SELECT * FROM {self.engine.place(name)}")
            )
            for name in ("complaints", "links")
            if name in self.engine.columns
        }
        named = [
            f"SELECT {column} AS customer_id FROM {self.engine.place(name)}"
            for name in frames
            for column in ("customer_id", "parent_id", "child_id")
            if column in self.engine.columns[name]
        ]  # fmt: skip
        one = f"SELECT MIN(customer_id) AS customer_id FROM {self.engine.place('customers')}"
        wanted = " UNION ".join([one, *named])
        customers = self.engine.fetch(
            f"SELECT c.* FROM {self.engine.place('customers')} c "
            f"JOIN ({wanted}) w ON c.customer_id = w.customer_id"
        )
        book = Book(customers, empty_frame("transactions"), **frames, name=self.name)
        sound, faults = book.check(self.day, zone=self.rules["bank"].value("time_zone"))
        days_off = self.rules.calendar(calendar)
        reader = self.rules.classifier(default_lexicon())
        handled = steps.complaints(
            sound,
            self.day,
            self.rules["complaints"],
            days_off,
            reader,
            lambda facts: self.rules.with_facts(
                "complaints", facts, sound.frames(), as_of=self.day
            ),
        )
        return handled, [f for f in faults if f.frame in frames]

    def faults(self) -> list[DataFault]:
        """The faults of all blocks, each told once with its count."""
        merged: dict[tuple[str, ...], DataFault] = {}
        for number in range(len(self.groups)):
            told = json.loads(self._read("facts", number, "told")["faults"].iloc[0])
            for fault in (DataFault(**{**f, "examples": tuple(f["examples"])}) for f in told):
                if fault.frame == "complaints":
                    continue
                key = (fault.frame, fault.column, fault.problem, fault.expected, fault.advice)
                before = merged.get(key)
                if before is not None:
                    examples = (*before.examples, *fault.examples)[:5]
                    fault = attrs.evolve(fault, count=fault.count + before.count, examples=examples)
                merged[key] = fault
        return list(merged.values())

    def figures(self, parts: list[dict[str, Any]], output: Output) -> tuple[Figures, pd.DataFrame]:
        """The figures of the whole book, and the first customers."""
        self.tell("figures of the whole book", 3 + 3 * len(self.groups))
        everyone = self.engine.relation(
            f"SELECT * FROM {self.engine.scan(str(output.folder / '*.parquet'))}"
        )
        tiers = pd.concat([pd.DataFrame(p["tiers"]).set_index("tier") for p in parts])
        head = _head(output)
        return Figures(
            customers=output.rows,
            counts={c: _added(p["counts"][c] for p in parts) for c in COUNTED},
            totals=_added(p["totals"] for p in parts),
            tiers=tiers.groupby(level=0).sum(),
            warned=first_warned(head),
            spread=self.engine.concentration(everyone, "contribution"),
        ), head

    def _read(
        self, step: str, number: int, name: str, columns: list[str] | None = None
    ) -> pd.DataFrame:
        return self.work.read(step, number, name, columns)

    def _names(self, step: str, number: int, name: str) -> set[str]:
        path = self.work.folder / step / f"{number:05d}" / f"{name}.parquet"
        return set(pq.read_schema(path).names)


def _added(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Numbers by name, added up; names in order of first appearance."""
    total: Counter[str] = Counter()
    for part in parts:
        for name, number in part.items():
            total[name] += number
    return dict(total)


def _head(output: Output) -> pd.DataFrame:
    """The customers that a report explains: those warned, then the largest, in order of id."""
    keys = pd.concat(
        [
            pd.read_parquet(f, columns=["warning_rank", "contribution"]).assign(file=n)
            for n, f in enumerate(output.files)
        ]
    )
    size = keys["contribution"].abs().to_numpy()
    weight = size + keys["warning_rank"].notna().to_numpy() * (size.max() + 1)
    if len(keys) > INLINED:
        first = np.sort(np.argpartition(-weight, INLINED)[:INLINED])
        keys = keys.iloc[first]
    pieces = []
    for number, wanted in keys.groupby("file"):
        rows = pd.read_parquet(output.files[cast("int", number)])
        pieces.append(rows.loc[wanted.index])
    return pd.concat(pieces).sort_index()
