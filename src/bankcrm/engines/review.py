"""The review of a book that stays in its engine: block by block, with the same steps."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
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
from bankcrm.columns import DataFault, as_of_day, findings_frame
from bankcrm.engines.blocks import Work, book_of, groups_of, part_book
from bankcrm.engines.output import Output, OutputWriter
from bankcrm.errors import UnknownNameError
from bankcrm.lifecycle import assign_warnings, warning_facts
from bankcrm.policy import PolicySet, default_policies
from bankcrm.progress import Progress
from bankcrm.reviews import steps
from bankcrm.reviews.model import INLINED, Review
from bankcrm.reviews.run import SHOWN, TIER_FACTS
from bankcrm.reviews.summary import (
    COUNTED,
    Figures,
    by_tier,
    counts,
    first_warned,
    summary_of,
    totals_of,
)
from bankcrm.rules import Trace
from bankcrm.segmentation import RfmThresholds
from bankcrm.valuation import Measure, ValueModel, contribution, fit_value_model, value_measures

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine

ROWS_A_BLOCK = 2_000_000
"""Transactions that a block holds at most on average, if not told otherwise."""

_INTEREST = ("interest_paid", "interest_received")


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
    writer.begin()
    work = Work(root / f".review_date={day.isoformat()}.work", key)
    work.begin()
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
    run.tell("done")
    return EngineReview(
        name=name,
        as_of=day,
        customers=head[[c for c in SHOWN if c in head]],
        complaints=handled.routed,
        summary=summary_of(name, day, figures, handled, faults, rules),
        findings=findings_frame(faults),
        policies=rules,
        facts=head,
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
        self.done = 0

    def tell(self, what: str) -> None:
        """Tell the name of the next step."""
        self.progress(self.done, 3 * max(len(self.groups), self.blocks) + 4, what)
        self.done += 1

    def part(self) -> None:
        """Part the book by customer."""
        self.tell("parting the book by customer")
        part_book(self.engine, self.work, self.blocks)
        self.groups = groups_of(self.work, self.blocks)

    def facts(self) -> None:
        """Check each block and compute what rests on its own customers alone."""
        source = self._source()
        for number, group in enumerate(self.groups):
            self.tell(f"facts, block {number + 1} of {len(self.groups)}")
            self.work.frames("facts", number, partial(self._facts, group, source))

    def _facts(self, group: list[int], source: str) -> dict[str, pd.DataFrame]:
        sound, faults = book_of(self.engine, self.work, group, self.name, self.day).check(self.day)
        day = self.day
        raw = self.work.block("customers", group)
        staged = steps.stages(sound, day, self.rules["lifecycle"])
        staged["_row"] = _rows_of(raw, staged.index)
        held = steps.positions(
            _with_balances(sound, source), day, self.rules["valuation"], _source_of(sound, source)
        )
        booked = {c: _booked(held, c) for c in _INTEREST}
        measures = value_measures(sound, as_of=day, policy=self.rules["valuation"])
        referrals = self.work.block("referrals", group)
        if referrals is not None:
            told = referrals.set_index("customer_id")["referrals"]
            measures["referrals"] = told.reindex(measures.index).fillna(0.0).astype("float64")
        warned = warning_facts(
            sound.customers, sound.transactions, as_of=day, policy=self.rules["lifecycle"],
            accounts=sound.accounts, balances=sound.balances, complaints=sound.complaints,
        )  # fmt: skip
        known = sound.customers.set_index("customer_id")
        return {
            "staged": staged,
            "metrics": steps.metrics(sound, day, self.rules["segmentation"]),
            "positions": held,
            "measures": measures,
            "warning": warned,
            "known": known[known.columns.intersection(["credit_standing"])],
            "told": pd.DataFrame({"faults": [json.dumps([attrs.asdict(f) for f in faults])],
                                  "booked": [json.dumps(booked)]}),
        }  # fmt: skip

    def _source(self) -> str:
        """Where balances come from, by the whole book and not by one block of it."""
        there = self.engine.columns
        if "balances" in there and self._any("balances", "TRUE"):
            return "balances"
        moves = there["transactions"]
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
        booked: dict[str, set[str]] = {c: set() for c in _INTEREST}
        for number in range(len(self.groups)):
            told = json.loads(self._read("facts", number, "told")["booked"].iloc[0])
            for column, products in told.items():
                booked[column].update(products)
        for number in range(len(self.groups)):
            self.tell(f"contribution, block {number + 1} of {len(self.groups)}")
            self.work.frames("worth", number, partial(self._worth, number, booked))

    def _worth(self, number: int, booked: Mapping[str, set[str]]) -> dict[str, pd.DataFrame]:
        held = _filled(self._read("facts", number, "positions"), booked)
        customers = self._read("facts", number, "staged", ["kind"]).index
        worth = contribution(held, policy=self.rules["valuation"], customers=customers)
        facts = self._read("facts", number, "warning")
        warned = assign_warnings(
            facts, policy=self.rules["lifecycle"], value=worth["contribution"].clip(lower=0)
        )
        return {"worth": worth, "warned": warned.reindex(customers)}

    def decide(self, writer: OutputWriter) -> list[dict[str, Any]]:
        """Score and decide on what the whole book tells; the figures of each block."""
        self.tell("cut points, scales and ranks")
        there = set(writer.begin())
        thresholds = self._thresholds()
        model = self._model()
        ranks = self._ranks()
        parts = []
        for number in range(len(self.groups)):
            self.tell(f"decisions, block {number + 1} of {len(self.groups)}")
            name = f"customers-{number:05d}.parquet"
            told = self.work.folder / f"figures-{number:05d}.json"
            if name not in there or not told.is_file():
                facts = self._decide(number, thresholds, model, ranks[number])
                told.write_text(json.dumps(_figures_of(facts)), encoding="utf-8")
                writer.write(name, facts)
            parts.append(json.loads(told.read_text(encoding="utf-8")))
        return parts

    def _decide(
        self,
        number: int,
        thresholds: RfmThresholds | None,
        model: ValueModel,
        rank: pd.Series,
    ) -> pd.DataFrame:
        staged = self._read("facts", number, "staged").drop(columns="_row")
        known = self._read("facts", number, "known").reindex(staged.index)
        book = Book(known.reset_index(), empty_frame("transactions"))
        metrics = self._read("facts", number, "metrics")
        scored = steps.scored(book, metrics, thresholds, self.rules["segmentation"])
        worth = self._read("worth", number, "worth")
        measures = self._measures(number, worth)
        for measure in model.measures:
            if measure.name not in measures:
                measures[measure.name] = np.nan
        valued = worth.join(steps.valued(measures, model, self.rules["valuation"]))
        tiered = steps.tiers(book, valued[list(TIER_FACTS)], self.rules["segmentation"])
        warned = self._read("worth", number, "warned").assign(rank=rank)
        shown = warned[list(steps.WARNED)].set_axis(list(steps.WARNED.values()), axis=1)
        return staged.join([scored, valued, tiered, shown])

    def _measures(self, number: int, worth: pd.DataFrame) -> pd.DataFrame:
        return self._read("facts", number, "measures").assign(contribution=worth["contribution"])

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

    def _ranks(self) -> list[pd.Series]:
        """The rank of each customer with a warning among all of them, block by block."""
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
        return [
            pd.Series(r, index=p.index, dtype="Int64")
            for r, p in zip(np.split(rank, ends), pieces, strict=True)
        ]

    def complaints(self, calendar: WorkingCalendar) -> tuple[steps.Handled, list[DataFault]]:
        """Complaints, all together as they are few, with the customers whom they concern."""
        self.tell("complaints")
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
        sound, faults = book.check(self.day)
        handled = steps.complaints(sound, self.day, self.rules["complaints"], calendar)
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
        self.tell("figures of the whole book")
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


def _rows_of(raw: pd.DataFrame | None, customers: pd.Index) -> Any:
    """The place of each customer in the customers' frame."""
    if raw is None:
        return np.arange(len(customers))
    first = raw[~raw["customer_id"].duplicated()]
    places = pd.Series(first.index, index=pd.Index(first["customer_id"]))
    return places.reindex(customers).to_numpy()


def _source_of(sound: Book, source: str) -> Any:
    """``running`` cannot be asked of a block without a running balance."""
    if source == "running" and not sound.transactions["balance"].notna().any():
        return "amounts" if not len(sound.transactions) else "auto"
    return source


def _with_balances(sound: Book, source: str) -> Book:
    """A block without balances in a book with some: its accounts hold nothing.

    One balance after the period says so; it counts for no day.
    """
    accounts = sound.accounts
    if source != "balances" or len(sound.frame("balances")) or accounts is None:
        return sound
    if not len(accounts):
        return sound
    later = pd.Timestamp(cast("date", sound.as_of)) + pd.Timedelta(days=1)
    row = accounts[["account_id", "customer_id"]].iloc[:1].assign(date=later, balance=0.0)
    return attrs.evolve(sound, balances=row)


def _booked(positions: pd.DataFrame, column: str) -> list[str]:
    """Products whose accounts book this interest in the block."""
    if column not in positions or "account_id" not in positions:
        return []
    found = positions[column].notna() & positions["account_id"].notna()
    return sorted(set(positions.loc[found, "product"].astype(str)))


def _filled(positions: pd.DataFrame, booked: Mapping[str, Iterable[str]]) -> pd.DataFrame:
    """Interest of 0 where the product books interest somewhere in the book, but not here."""
    if "account_id" not in positions:
        return positions
    filled = {}
    for column, products in booked.items():
        amount = positions[column] if column in positions else pd.Series(np.nan, positions.index)
        mine = positions["product"].astype(str).isin(list(products))
        filled[column] = amount.mask(amount.isna() & mine & positions["account_id"].notna(), 0.0)
    return positions.assign(**filled)


def _figures_of(facts: pd.DataFrame) -> dict[str, Any]:
    """What a block adds to the figures of the whole book."""
    sums = by_tier(facts)
    sums.index = pd.Index(sums.index.astype(str), name="tier")
    return {
        "counts": {c: counts(facts[c]) for c in COUNTED},
        "totals": totals_of(facts),
        "tiers": sums.reset_index().to_dict("list"),
    }


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
