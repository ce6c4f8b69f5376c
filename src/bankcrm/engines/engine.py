"""What every engine offers: facts, fits and decisions where the data is."""

from __future__ import annotations

import abc
import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
import pandas as pd

from bankcrm.book import CONTRACT
from bankcrm.engines import facts
from bankcrm.engines.relation import Relation
from bankcrm.engines.sources import about_of, in_zones
from bankcrm.engines.spread import Spread, spread_of
from bankcrm.errors import DataError, MissingFactError, UnknownNameError
from bankcrm.frames import as_of_day
from bankcrm.policy import Policy, default_policy
from bankcrm.rules import DecisionTable
from bankcrm.rules.sql import quoted
from bankcrm.segmentation import RfmCuts, RfmThresholds

if TYPE_CHECKING:
    from bankcrm.rules.model import OnMissing

VIEW = facts.VIEW
T = TypeVar("T")
METRICS = ("recency_days", "frequency", "monetary")


class Engine(abc.ABC):
    """An engine that holds a book's frames as relations.

    SQL is written once, in DuckDB's dialect, and rendered for the engine by sqlglot.
    """

    dialect: str
    columns: Mapping[str, tuple[str, ...]]
    places: Mapping[str, str]
    zones: Mapping[str, Mapping[str, str]]
    may_change: bool
    name: str
    as_of: date | None
    presets: tuple[str, ...]
    note: str
    currency: str

    def __init__(self, source: object) -> None:
        about = about_of(source)
        self.name = str(about.get("name", "book"))
        day = about.get("as_of")
        self.as_of = None if day is None else _day(day)
        self.presets = tuple(about.get("presets", ()))
        self.note = str(about.get("note", ""))
        self.currency = str(about.get("currency", "CNY"))
        self.sound: set[tuple[str, tuple[str, ...], bool]] = set()

    @abc.abstractmethod
    def fetch(self, sql: str) -> pd.DataFrame:
        """Run a SELECT in DuckDB's dialect and bring its rows into memory."""

    @abc.abstractmethod
    def store(self, name: str, sql: str) -> None:
        """Compute a SELECT in DuckDB's dialect once, and keep it in the engine under a name."""

    @abc.abstractmethod
    def cuts(self, relation: str, column: str, parts: int) -> list[float]:
        """Roughly even cut points of a column; they steer the work and never the result."""

    @abc.abstractmethod
    def part(self, sql: str, customer: str, folder: Path, blocks: int) -> None:
        """Write a SELECT as Parquet parted by customer: ``folder/block=0`` and so on.

        Rows carry their place in the order of the SELECT as ``_row``.
        """

    def each(
        self, call: Callable[[T], None], jobs: Sequence[T], tell: Callable[[int], None]
    ) -> None:
        """Do a piece of work for each job, one after the other; `tell` hears of each before."""
        for number, job in enumerate(jobs):
            tell(number)
            call(job)

    @abc.abstractmethod
    def scan(self, pattern: str) -> str:
        """Parquet files, as they stand after FROM."""

    @abc.abstractmethod
    def identity(self) -> str:
        """What tells the book from another one; equal as long as its files do not change."""

    def place(self, name: str) -> str:
        """A frame as it is in the source, as it stands after FROM."""
        return self.places[name]

    def zoned(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Instants of a frame in the time zone of their source; engines keep UTC."""
        return in_zones(name, frame, self.zones.get(name, {}))

    def render(self, sql: str) -> str:
        """SQL of DuckDB's dialect in the engine's own."""
        return sql if self.dialect == "duckdb" else _transpiled(sql, self.dialect)

    def relation(self, sql: str, *, key: Sequence[str] = ("customer_id",)) -> Relation:
        """A SELECT in DuckDB's dialect over the views ``bankcrm_customers`` and so on."""
        return Relation(self, sql, tuple(key))

    def stage_facts(
        self, *, as_of: object, policy: Policy | None = None, rhythm: bool = True
    ) -> Relation:
        """The facts of `bankcrm.lifecycle.stage_facts`, computed in the engine.

        Args:
            as_of: The day.
            policy: The lifecycle policy; the defaults if none.
            rhythm: With ``active_days`` and ``usual_gap_days``, which cost a distinct count.

        Raises:
            DataError: Nulls or unknown customers in the transactions.

        Source: LCM-2.
        """
        self._sound("transactions", ("customer_id", "date"), known=True)
        rules = policy or default_policy("lifecycle")
        sql = facts.stage_facts_sql(self.columns, day=_day(as_of), policy=rules, rhythm=rhythm)
        return Relation(self, sql)

    def rfm_metrics(
        self,
        *,
        as_of: object,
        by: str | None = None,
        window: int | None = None,
        count: str = "rows",
        value: str = "sum",
        refunds: str = "count",
        zeros: str = "keep",
        own_only: bool = False,
        policy: Policy | None = None,
    ) -> Relation:
        """The metrics of `bankcrm.segmentation.rfm_metrics`, computed in the engine.

        The options are those of the function; what is to be refused is refused by the function.

        Source: EB-3.
        """
        self._sound("transactions", ("customer_id", "date", "amount", *([by] if by else [])))
        made = None
        if own_only:
            made = (policy or default_policy("segmentation")).value("bank_made_kinds")
        sql = facts.rfm_metrics_sql(
            self.columns, day=_day(as_of), by=by, window=window, count=count, value=value,
            refunds=refunds, zeros=zeros, bank_made=made,
        )  # fmt: skip
        return Relation(self, sql, ("customer_id", *([by] if by else [])))

    def average_balance(
        self, *, start: object, end: object, method: str = "daily", before_first: str = "zero"
    ) -> Relation:
        """The averages of `bankcrm.segmentation.average_balance`, computed in the engine.

        Raises:
            DataError: The book has no balances, nulls in them, or two on one day.

        Source: EB-2.
        """
        key = ("customer_id", "account_id", "date")
        self._sound("balances", (*key, "balance"))
        twice = self._number(
            f"SELECT COUNT(*) AS n FROM (SELECT 1 FROM {VIEW}balances GROUP BY {', '.join(key)} "
            "HAVING COUNT(*) > 1) g"
        )
        if twice:
            raise DataError(
                f"balances: {twice} keys {' + '.join(key)} occur more than once; "
                "keep one row for each"
            )
        sql = facts.average_balance_sql(
            start=_day(start), end=_day(end), method=method, before_first=before_first
        )
        return Relation(self, sql, ("customer_id", *(["month"] if method == "monthly" else [])))

    def booked_sums(self, *, start: object, end: object, policy: Policy | None = None) -> Relation:
        """Fees, booked interest and counts of activities of a period, a row a customer.

        They are what transactions bring to `bankcrm.valuation.contribution`.

        Source: CSC-2.
        """
        self._sound("transactions", ("customer_id", "date", "amount"))
        rules = policy or default_policy("valuation")
        sql = facts.booked_sums_sql(self.columns, start=_day(start), end=_day(end), policy=rules)
        return Relation(self, sql)

    def complaint_counts(self, *, as_of: object, window: int | None = None) -> Relation:
        """Complaints of each customer: all, open ones, and the day (UTC) of the last one.

        Source: LCM-8.
        """
        self._sound("complaints", ("received_at",))
        sql = facts.complaint_counts_sql(self.columns, day=_day(as_of), window=window)
        return Relation(self, sql)

    def decide(
        self,
        table: DecisionTable,
        relation: Relation,
        *,
        on_missing: OnMissing = "raise",
        columns: Mapping[str, str] | None = None,
    ) -> Relation:
        """Decide every row of a relation where it is; see `DecisionTable.decide_frame`.

        Args:
            table: The table.
            relation: One column a fact; store it first if it is costly.
            on_missing: ``raise``, or ``undecided`` for a null outcome and the fact's name in
                ``missing``.
            columns: Fact name to column name, where they differ.

        Returns:
            The relation's key, ``outcome``, ``rule`` and, for ``undecided``, ``missing``.

        Raises:
            MissingFactError: A fact is missing, or no rule applies.
            DataError: A value that the table does not allow.
        """
        sql = table.to_sql("duckdb", columns=columns)
        decided = sql.select(f"{relation} facts", keep=relation.key)
        self._refuse_open(table, decided, on_missing)
        kept = [*(quoted(k, "duckdb") for k in relation.key), "outcome", "rule"]
        kept += ["missing"] if on_missing == "undecided" else []
        return Relation(self, f"SELECT {', '.join(kept)} FROM ({decided}) d", relation.key)

    def fit_rfm(
        self, metrics: Relation, *, bins: int = 5, method: str = "quantile"
    ) -> RfmThresholds:
        """The cut points of `bankcrm.segmentation.fit_rfm`, exactly, from a few numbers.

        Args:
            metrics: From `rfm_metrics`; store it first if it is costly.
            bins: Number of scores, 2 to 9.
            method: ``quantile`` or ``r-rfm``.

        Source: EB-3.
        """
        if method not in ("quantile", "r-rfm"):
            raise DataError(f"method: {method!r}; an engine fits 'quantile' or 'r-rfm'")
        probs = np.arange(1, bins) / bins
        shift = 1.0 if method == "r-rfm" else 0.0
        points = [
            tuple(q + shift for q in self.concentration(metrics, m).quantiles(probs))
            for m in METRICS
        ]
        return RfmThresholds(method, bins, (RfmCuts(*points),))  # type: ignore[arg-type]

    def score_rfm(self, metrics: Relation, thresholds: RfmThresholds) -> Relation:
        """The scores of `bankcrm.segmentation.score_rfm` by thresholds of one group.

        Source: EB-3.
        """
        if thresholds.per is not None:
            raise DataError(f"thresholds: fitted per {thresholds.per}; an engine scores one group")
        [cuts] = thresholds.groups
        bands = {}
        for metric in METRICS:
            above = thresholds.method == "quantile" or (
                thresholds.method == "fixed" and metric == "recency_days"
            )
            passed = ">" if above else ">="
            steps = [f"CASE WHEN {metric} {passed} {_double(p)} THEN 1 ELSE 0 END"
                     for p in cuts.of(metric)]  # fmt: skip
            bands[metric] = " + ".join(["1", *steps])
        scores = (
            f"{thresholds.bins + 1} - ({bands['recency_days']}) AS r, "
            f"{bands['frequency']} AS f, {bands['monetary']} AS m"
        )
        keys = ", ".join(quoted(k, "duckdb") for k in metrics.key)
        sql = (
            f"SELECT {keys}, r, f, m, 100 * r + 10 * f + m AS score "
            f"FROM (SELECT {keys}, {scores} FROM {metrics} x) s"
        )
        return Relation(self, sql, metrics.key)

    def concentration(self, relation: Relation, column: str, *, parts: int = 256) -> Spread:
        """How a column is spread over the rows: Gini, Lorenz, top shares, whale curve, Theil.

        Exact, by sums over ranges of the value: no row is ever sorted among all others.

        Args:
            relation: A row a customer; store it first if it is costly.
            column: The value.
            parts: Ranges to part the values into.

        Raises:
            DataError: No rows, or values that are null or not finite.

        Source: CBM-5.
        """
        return spread_of(self, relation, column, parts)

    def _sound(self, frame: str, required: Sequence[str], *, known: bool = False) -> None:
        """Refuse nulls, numbers that are not finite and unknown customers, all at once.

        Files and frames are looked through once; tables of a database may change.
        """
        asked = (frame, tuple(required), known)
        if asked in self.sound:
            return
        if frame not in self.columns:
            raise DataError(f"{frame}: the book has none; present: {', '.join(self.columns)}")
        missing = [c for c in required if c not in self.columns[frame]]
        if missing:
            raise DataError(
                f"{frame}: missing column(s) {', '.join(missing)}; "
                f"present: {', '.join(self.columns[frame])}"
            )
        kinds = {c.name: c.kind for c in CONTRACT.get(frame, ())}
        bad = {
            c: f"{c} IS NULL" + (f" OR ABS({c}) = CAST('Infinity' AS DOUBLE)" * (
                kinds.get(c) in ("money", "number")))
            for c in required
        }  # fmt: skip
        counts = ", ".join(f"COUNT(CASE WHEN {t} THEN 1 END) AS {c}" for c, t in bad.items())
        found = self.fetch(f"SELECT {counts} FROM {VIEW}{frame}").iloc[0]
        faults = [
            f"{c}: {int(found[c]):,} rows are null or not finite" for c in required if found[c]
        ]
        if known:
            strange = self._number(
                f"SELECT COUNT(*) AS n FROM (SELECT DISTINCT customer_id FROM {VIEW}{frame}) t "
                f"LEFT JOIN {VIEW}customers c USING (customer_id) WHERE c.customer_id IS NULL "
                "AND t.customer_id IS NOT NULL"
            )
            if strange:
                faults.append(f"customer_id: {strange:,} customers are not in customers")
        if faults:
            raise DataError(f"{frame}: {'; '.join(faults)}; set such rows aside first")
        if not self.may_change:
            self.sound.add(asked)

    def _refuse_open(self, table: DecisionTable, decided: str, on_missing: OnMissing) -> None:
        """Raise as `decide_frame` does: values not allowed, facts missing, no rule."""
        told = self.fetch(
            "SELECT outside, missing, COUNT(*) AS n FROM "
            f"({decided}) d WHERE rule IS NULL OR outside IS NOT NULL GROUP BY outside, missing"
        )
        outside = told[told["outside"].notna()]
        if len(outside):
            names = ", ".join(f"{r.outside!r} ({r.n:,} rows)" for r in outside.itertuples())
            raise DataError(
                f"table {table.id!r}: values outside what the table allows: {names}; "
                "correct the data or widen the table's [facts]"
            )
        lost = told[told["missing"].isna()]
        if len(lost):
            raise MissingFactError(
                f"table {table.id!r}: no rule applies to {int(lost['n'].sum()):,} row(s); "
                "add an otherwise-rule (empty 'when')"
            )
        if len(told) and on_missing == "raise":
            names = "; ".join(
                f"fact {r.missing!r} is missing in {r.n:,} row(s)" for r in told.itertuples()
            )
            raise MissingFactError(
                f"table {table.id!r}: {names}; give the fact, add a rule that tests 'missing', "
                "or pass on_missing='undecided'"
            )

    def _number(self, sql: str) -> int:
        return int(self.fetch(sql).to_numpy()[0, 0])


@functools.lru_cache(maxsize=256)
def _transpiled(sql: str, dialect: str) -> str:
    import sqlglot

    [text] = sqlglot.transpile(sql, read="duckdb", write=dialect)
    return text


def _day(value: object) -> date:
    return cast("date", as_of_day(value).item())


def _double(value: float) -> str:
    shown = repr(float(value))
    return shown if "e" in shown else f"{shown}e0"


def known_frame(name: str) -> str:
    """The name of a frame of a book, checked."""
    if name not in CONTRACT:
        raise UnknownNameError("frame", name, CONTRACT)
    return name
