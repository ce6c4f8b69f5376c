"""The steps of one block: on the machine that reviews, or on a worker of a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, TypeGuard, cast

import attrs
import numpy as np
import pandas as pd

from bankcrm.book import Book, empty_frame
from bankcrm.book.view import book_view
from bankcrm.engines.blocks import Work, Zones, book_of
from bankcrm.engines.output import OutputWriter, write_text
from bankcrm.frames import DataFault
from bankcrm.lifecycle import assign_warnings, warning_facts
from bankcrm.policy import PolicySet
from bankcrm.reviews import steps
from bankcrm.reviews.summary import COUNTED, by_tier, counts, totals_of
from bankcrm.segmentation import RfmThresholds
from bankcrm.valuation import ValueModel, contribution
from bankcrm.valuation.value.measures import value_measures_of

INTEREST = ("interest_paid", "interest_received")
Job = tuple[int, list[int]]
"""The number of a block, and the parts of the book that it is made of."""


@attrs.frozen
class Kernels:
    """What is done to one block of customers, alone; it travels to a worker as it is.

    Args:
        work: where intermediate results are kept.
        rules: the policies.
        day: the day of the review.
        name: the book's name.
        zones: time zones of the book's instants.
        source: where balances come from.
        told: the frames that have a row anywhere in the book.
    """

    work: Work
    rules: PolicySet
    day: date
    name: str
    zones: Zones
    source: str
    told: frozenset[str]

    def facts(self, job: Job) -> None:
        """Check a block and keep what rests on its own customers alone."""
        number, group = job
        self.work.frames("facts", number, partial(self._facts, group))

    def worth(self, booked: Mapping[str, set[str]], job: Job) -> None:
        """Contribution and warnings of a block, once it is known which products book interest."""
        self.work.frames("worth", job[0], partial(self._worth, job[0], booked))

    def decide(
        self,
        writer: OutputWriter,
        thresholds: RfmThresholds | None,
        model: ValueModel,
        job: Job,
    ) -> None:
        """Every decision about a block, as a part of the result; and its figures."""
        number, group = job
        name = f"customers-{number:05d}.parquet"
        told = figures_path(self.work, number)
        if told.is_file() and (writer.partial / name).is_file():
            return
        facts = self._decide(number, group, thresholds, model)
        write_text(told, json.dumps(_figures_of(facts)))
        writer.write(name, facts)

    def _facts(self, group: list[int]) -> dict[str, pd.DataFrame]:
        sound, faults = self._book(group)
        day, source = self.day, self.source
        raw = self.work.block("customers", group)
        staged = steps.stages(sound, day, self.rules["lifecycle"], self._more("lifecycle", sound))
        staged["_row"] = _rows_of(raw, staged.index)
        held = steps.positions(
            _with_balances(sound, source), day, self.rules["valuation"], _source_of(sound, source)
        )
        booked = {c: _booked(held, c) for c in INTEREST}
        measures = value_measures_of(
            book_view(sound, recorded=self.told),
            as_of=np.datetime64(day),
            policy=self.rules["valuation"],
        )
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

    def _worth(self, number: int, booked: Mapping[str, set[str]]) -> dict[str, pd.DataFrame]:
        held = _filled(self._read("facts", number, "positions"), booked)
        customers = self._read("facts", number, "staged", ["kind"]).index
        worth = contribution(held, policy=self.rules["valuation"], customers=customers)
        facts = self._read("facts", number, "warning")
        warned = assign_warnings(
            facts, policy=self.rules["lifecycle"], value=worth["contribution"].clip(lower=0)
        )
        return {"worth": worth, "warned": warned.reindex(customers)}

    def _book(self, group: list[int]) -> tuple[Book, tuple[DataFault, ...]]:
        """The checked book of some blocks, and its faults."""
        return book_of(self.work, self.zones, group, self.name, self.day).check(
            self.day, zone=self.rules["bank"].value("time_zone")
        )

    def _more(self, domain: str, sound: Book) -> steps.More:
        """Joins what plug-ins know of the block's customers."""
        frames = sound.frames()
        return lambda facts: self.rules.with_facts(domain, facts, frames, as_of=self.day)

    def _decide(
        self,
        number: int,
        group: list[int],
        thresholds: RfmThresholds | None,
        model: ValueModel,
    ) -> pd.DataFrame:
        staged = self._read("facts", number, "staged").drop(columns="_row")
        known = self._read("facts", number, "known").reindex(staged.index)
        book = Book(known.reset_index(), empty_frame("transactions"))
        metrics = self._read("facts", number, "metrics")
        scored = steps.scored(book, metrics, thresholds, self.rules["segmentation"])
        worth = self._read("worth", number, "worth")
        measures = self._read("facts", number, "measures")
        measures = measures.assign(contribution=worth["contribution"])
        for measure in model.measures:
            if measure.name not in measures:
                measures[measure.name] = np.nan
        valued = worth.join(steps.valued(measures, model, self.rules["valuation"]))
        # Only a plug-in reads frames here; without one the block is not read again.
        sound = self._book(group)[0] if self.rules.frames_read("segmentation") else book
        more = self._more("segmentation", sound)
        tiered = steps.tiers(book, valued[list(steps.TIER_FACTS)], self.rules["segmentation"], more)
        rank = self._read("ranks", number, "ranks")["rank"]
        warned = self._read("worth", number, "warned").assign(rank=rank)
        shown = warned[list(steps.WARNED)].set_axis(list(steps.WARNED.values()), axis=1)
        return staged.join([scored, valued, tiered, shown])

    def _read(
        self, step: str, number: int, name: str, columns: list[str] | None = None
    ) -> pd.DataFrame:
        return self.work.read(step, number, name, columns)


def figures_path(work: Work, number: int) -> Path:
    """Where the figures of a block are kept."""
    return work.folder / f"figures-{number:05d}.json"


def _rows_of(raw: pd.DataFrame | None, customers: pd.Index) -> Any:
    """The place of each customer in the customers' frame."""
    if raw is None:
        return np.arange(len(customers))
    first = raw[~raw["customer_id"].duplicated()]
    places = pd.Series(first.index, index=pd.Index(first["customer_id"]))
    return places.reindex(customers).to_numpy()


def _source_of(sound: Book, source: str) -> Any:
    """No source can be asked of a block that has nothing of it."""
    if source == "balances" and not len(sound.frame("balances")):
        return "amounts"  # no account, hence no amount either
    if source == "running" and not sound.transactions["balance"].notna().any():
        return "amounts" if not len(sound.transactions) else "auto"
    return source


def _with_balances(sound: Book, source: str) -> Book:
    """A block without balances in a book with some: its accounts hold nothing.

    One balance after the period says so; it counts for no day.
    """
    if source != "balances" or len(sound.frame("balances")):
        return sound
    pair = ["account_id", "customer_id"]
    named = [f[pair].dropna() for f in (sound.accounts, sound.transactions) if _has(f, pair)]
    first = next((f.iloc[:1] for f in named if len(f)), None)
    if first is None:
        return sound
    later = pd.Timestamp(cast("date", sound.as_of)) + pd.Timedelta(days=1)
    return attrs.evolve(sound, balances=first.assign(date=later, balance=0.0))


def _has(frame: pd.DataFrame | None, columns: list[str]) -> TypeGuard[pd.DataFrame]:
    return frame is not None and set(columns) <= set(frame)


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
