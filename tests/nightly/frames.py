"""Bad frames for every public function: a sentence or a right result, and the frame unchanged.

    python tests/nightly/frames.py [--only contribution] [--every 20] [--engines]

Each call has good frames. Each frame is broken in every way that its columns allow. What comes
back is a result, or a `BankcrmError` with a sentence; any other error is printed. Exit code 1 if
there is one, or if a call changed a frame of its caller.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pyarrow as pa

from bankcrm import Book, complaints, lifecycle, marketing, segmentation, valuation
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from bankcrm.engines import DuckDBEngine
from bankcrm.errors import BankcrmError
from bankcrm.reviews import review

Frames = Mapping[str, Any]
DAY = "2026-06-30"
NOON = dt.datetime(2026, 6, 30, 12, tzinfo=dt.UTC)


@attrs.frozen(eq=False)
class Call:
    """A call of a public function, as a function of its frames.

    Attributes:
        name: The function.
        frames: Good frames by name.
        call: The call.
    """

    name: str
    frames: Frames
    call: Callable[[Frames], object]


def first(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call that gives its frames in order, and other arguments by name."""
    return lambda frames: function(*frames.values(), **given)


def named(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call that gives its frames by name."""
    return lambda frames: function(**frames, **given)


def of_book(function: Callable[..., object], **given: Any) -> Callable[[Frames], object]:
    """A call with a book of the frames."""
    return lambda frames: function(Book(**frames), **given)


def on_duckdb(frames: Frames) -> object:
    """A review on DuckDB; its result is read, because it lies on disk."""
    return review(DuckDBEngine(dict(frames)), as_of=DAY).all_customers()


@cache
def calls(*, engines: bool = False) -> list[Call]:
    """Every public function of the domains that takes a frame."""
    book = make_book(30, seed=3)
    days = working_calendar("CN")
    all_frames: dict[str, Any] = book.frames()
    found = review(book, as_of=DAY)
    people, moves = {"customers": book.customers}, {"transactions": book.transactions}
    both = {**people, **moves}
    extra = {n: all_frames[n] for n in ("contacts", "accounts")}
    cases = {"complaints": all_frames["complaints"]}
    dates = pd.to_datetime(["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"])
    history = lifecycle.stage_history(book.customers, book.transactions, dates=dates)
    log = lifecycle.stage_log(history)
    facts = lifecycle.stage_facts(book.customers, book.transactions, as_of=DAY)
    metrics = segmentation.rfm_metrics(book.transactions, as_of=DAY)
    thresholds = segmentation.fit_rfm(metrics)
    scores = segmentation.score_rfm(metrics, thresholds)
    positions = valuation.positions_of(
        **{n: all_frames[n] for n in ("accounts", "balances", "transactions", "loans")},
        start="2025-07-01", end=DAY,
    )  # fmt: skip
    measures = valuation.value_measures(book, as_of=DAY)
    routed = found.complaints
    taken = book.complaints
    tiers = found.customers[["tier"]]
    handlers = pd.DataFrame(
        {"department": ["service", "risk"], "handler": ["a", "b"], "capacity": [5, 5]}
    )
    values = {"values": found.facts["contribution"]}
    averages = segmentation.average_balance(all_frames["balances"], start="2025-07-01", end=DAY)
    one = {"history": history}
    period = {"start": "2026-01-01", "end": DAY}
    rng = np.random.default_rng(1)
    grouped = pd.DataFrame({"customer_id": np.arange(400), "idle": rng.integers(0, 99, 400)})
    grouped = grouped.assign(
        visits=grouped["idle"] % 7, member=rng.random(400) < grouped["idle"] / 99
    )
    clusters = segmentation.fit_clusters(grouped, ["idle", "visits"], k=2)
    made = [
        Call("stage_facts", {**both, **extra},
             lambda f: lifecycle.stage_facts(f["customers"], f["transactions"], as_of=DAY,
                                             contacts=f["contacts"], accounts=f["accounts"])),
        Call("stage_history", both, first(lifecycle.stage_history, dates=dates)),
        Call("early_warnings", {**both, **extra},
             lambda f: lifecycle.early_warnings(f["customers"], f["transactions"], as_of=DAY,
                                                contacts=f["contacts"], accounts=f["accounts"])),
        Call("assign_stages", {"facts": facts}, first(lifecycle.assign_stages)),
        Call("stage_log", one, first(lifecycle.stage_log)),
        Call("replay", {"log": log}, first(lifecycle.replay, as_of=DAY)),
        Call("append_events", {"log": log, "events": log.head(2)},
             first(lifecycle.append_events, as_of=DAY)),
        Call("churn_rates", one, first(lifecycle.churn_rates)),
        Call("dwell_times", one, first(lifecycle.dwell_times)),
        Call("growth", one, first(lifecycle.growth)),
        Call("migration_matrix", one, first(lifecycle.migration_matrix)),
        Call("move_rate", one, first(lifecycle.move_rate, before=["active"], after=["dormant"])),
        Call("reactivation_rate", one, first(lifecycle.reactivation_rate)),
        Call("win_back_rate", one, first(lifecycle.win_back_rate)),
        Call("stage_funnel", one, first(lifecycle.stage_funnel)),
        Call("stage_spells", one, first(lifecycle.stage_spells)),
        Call("loss_causes", people, first(lifecycle.loss_causes)),
        Call("plan_actions", {"customers": found.facts.reset_index()},
             first(lifecycle.plan_actions, as_of=DAY, calendar=days)),
        Call("value_facts", {**people, "values": found.facts[["contribution"]].reset_index().assign(
    date=pd.Timestamp(DAY))},
             first(lifecycle.value_facts, as_of=DAY)),
        Call("rfm_metrics", moves, first(segmentation.rfm_metrics, as_of=DAY)),
        Call("fit_rfm", {"metrics": metrics}, first(segmentation.fit_rfm)),
        Call("score_rfm", {"metrics": metrics},
             first(segmentation.score_rfm, thresholds=thresholds)),
        Call("segment_rfm", {"scores": scores}, first(segmentation.segment_rfm)),
        Call("weighted_rfm", {"scores": scores},
             first(segmentation.weighted_rfm, weights=(0.2, 0.3, 0.5))),
        Call("rfm_migration", {"before": segmentation.segment_rfm(scores),
                               "after": segmentation.segment_rfm(scores)},
             first(segmentation.rfm_migration)),
        Call("allocate", {"customers": found.facts.reset_index()},
             first(segmentation.allocate, budget=100)),
        Call("assign_tiers", {"facts": found.facts.reset_index()},
             first(segmentation.assign_tiers)),
        Call("fit_tiers", {"facts": found.facts.reset_index()}, first(segmentation.fit_tiers)),
        Call("average_balance", {"balances": all_frames["balances"]},
             first(segmentation.average_balance, start="2025-07-01", end=DAY)),
        Call("fit_clusters", {"facts": grouped},
             first(segmentation.fit_clusters, features=["idle", "visits"], k=2)),
        Call("assign_clusters", {"facts": grouped},
             first(segmentation.assign_clusters, clusters=clusters)),
        Call("cluster_rules", {"facts": grouped},
             first(segmentation.cluster_rules, clusters=clusters)),
        Call("portrait", {"facts": grouped},
             lambda f: segmentation.portrait(f["facts"], grouped["idle"] > 50)),
        Call("counterparties", {"transactions": book.transactions[:90].assign(
                 counterparty="6222", counterparty_bank="A")},
             first(marketing.counterparties, own_banks=["B"], as_of=DAY)),
        Call("fit_lookalike", {"customers": grouped, "prospects": grouped[["idle"]]},
             lambda f: marketing.fit_lookalike(f["customers"], "member",
                                               prospects=f["prospects"])),
        Call("referral_chain", people, first(marketing.referral_chain)),
        Call("memberships", {"average_balances": averages.reset_index().rename(
    columns={"average_balance": "daily_average"})},
             first(segmentation.memberships, as_of=DAY)),
        Call("product_use", {"accounts": all_frames["accounts"]},
             first(segmentation.product_use, as_of=DAY)),
        Call("profile", {"view": found.facts}, first(segmentation.profile, by="stage")),
        Call("customer_view", {"a": tiers, "b": scores},
             lambda f: segmentation.customer_view(f)),
        Call("resource_levels", {"tiers": tiers}, first(segmentation.resource_levels)),
        Call("segment_attributes", people, first(segmentation.segment_attributes, as_of=DAY)),
        Call("tier_migration", {"history": history.assign(tier="key")},
             first(segmentation.tier_migration)),
        Call("positions_of", {n: all_frames[n] for n in ("accounts", "balances", "transactions",
                                                         "loans", "contacts")},
             named(valuation.positions_of, start="2025-07-01", end=DAY)),
        Call("contribution", {"positions": positions}, first(valuation.contribution)),
        Call("explain_contribution", {"positions": positions},
             first(valuation.explain_contribution, customer=book.customers["customer_id"].iloc[0])),
        Call("concentration_by", {"data": found.facts.reset_index()},
             first(valuation.concentration_by, value="contribution", by="stage")),
        Call("concentration", values, first(valuation.concentration)),
        Call("is_eighty_twenty", values, first(valuation.is_eighty_twenty, seed=1)),
        Call("pareto_alpha", {"values": pd.Series(np.arange(1.0, 200.0))},
             first(valuation.pareto_alpha, seed=1, replicates=10)),
        Call("compare_concentration", {"before": values["values"], "after": values["values"]},
             first(valuation.compare_concentration, seed=1, replicates=20)),
        Call("entropy_weights", {"frame": measures[["volume", "products"]].fillna(0.0)},
             first(valuation.entropy_weights)),
        Call("fit_value_model", {"indicators": measures}, first(valuation.fit_value_model)),
        Call("score_value", {"indicators": measures}, first(valuation.score_value)),
        Call("value_measures", all_frames, of_book(valuation.value_measures, as_of=DAY)),
        Call("rules_of_thumb", all_frames, of_book(valuation.rules_of_thumb, as_of=DAY)),
        Call("intake", cases, first(complaints.intake, as_of=DAY)),
        Call("severity_facts", {"frame": taken}, first(complaints.severity_facts)),
        Call("assess_severity", {"frame": taken}, first(complaints.assess_severity)),
        Call("link_repeats", {"complaints": taken}, first(complaints.link_repeats)),
        Call("route_frame", {"complaints": taken}, first(complaints.route_frame, calendar=days)),
        Call("process_complaints", {"frame": taken},
             first(complaints.process_complaints, as_of=DAY, calendar=days)),
        Call("queue_order", {"routed": routed}, first(complaints.queue_order, as_of=DAY)),
        Call("assign_handlers", {"queue": routed, "handlers": handlers},
             first(complaints.assign_handlers)),
        Call("ageing", {"complaints": routed.reset_index()},
             first(complaints.ageing, as_of=DAY, calendar=days)),
        Call("deadlines", {"complaints": taken},
             first(complaints.deadlines, calendar=days, as_of=NOON)),
        Call("fca_return", {"complaints": taken},
             first(complaints.fca_return, calendar=days, **period)),
        Call("follow_ups", {"complaints": routed.reset_index()},
             first(complaints.follow_ups, calendar=days)),
        Call("pareto", {"complaints": taken}, first(complaints.pareto, by="kind")),
        Call("summarise", {"complaints": routed.reset_index()},
             first(complaints.summarise, calendar=days, as_of=DAY)),
        Call("review", all_frames, of_book(review, as_of=DAY)),
    ]  # fmt: skip
    return [*made, Call("review on duckdb", all_frames, on_duckdb)] if engines else made


def _put(values: pd.Series, value: object) -> pd.Series:
    plain = values.astype(object).to_list()
    plain[len(plain) // 2] = value
    return pd.Series(plain, index=values.index, dtype=object)


def _decimals(values: pd.Series) -> pd.Series:
    return values.map(lambda v: Decimal(str(v)) if isinstance(v, int | float) else v).astype(object)


CELLS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "all null": lambda v: pd.Series([None] * len(v), index=v.index, dtype=object),
    "one null": lambda v: _put(v, None),
    "one nan": lambda v: _put(v, float("nan")),
    "one text": lambda v: _put(v, "abc"),
    "one blank": lambda v: _put(v, ""),
    "one number": lambda v: _put(v, 1.5),
    "infinite": lambda v: _put(v, float("inf")),
    "10**400": lambda v: _put(v, 10**400),
    "2**70": lambda v: _put(v, 2**70),
    "all 2**63": lambda v: pd.Series([2**63] * len(v), index=v.index, dtype=np.uint64),
    "bytes": lambda v: _put(v, b"\xff"),
    "all bytes": lambda v: pd.Series([b"\xff"] * len(v), index=v.index, dtype=object),
    "lone surrogate": lambda v: pd.Series(["\ud800"] * len(v), index=v.index, dtype=object),
    "year 1": lambda v: _put(v, dt.date(1, 1, 1)),
    "year 9999": lambda v: pd.Series([dt.date(9999, 12, 31)] * len(v), index=v.index, dtype=object),
    "lists": lambda v: pd.Series([[1]] * len(v), index=v.index, dtype=object),
    "decimals": _decimals,
    "complex": lambda v: pd.Series([1j] * len(v), index=v.index),
    "booleans": lambda v: pd.Series([True] * len(v), index=v.index),
    "categories": lambda v: v.astype(object).astype("category"),
    "texts": lambda v: v.astype("string"),
    "a time zone": lambda v: pd.Series(pd.Timestamp(DAY, tz="UTC"), index=v.index),
    "periods": lambda v: pd.Series(pd.Period(DAY, "D"), index=v.index),
    "durations": lambda v: pd.Series(pd.Timedelta(1, "D"), index=v.index),
}


def _twice(frame: pd.DataFrame, column: Any) -> pd.DataFrame:
    return pd.concat([frame, frame[[column]]], axis=1)


def _arrow(frame: pd.DataFrame) -> object:
    return pa.Table.from_pandas(frame.reset_index(drop="index" in frame))


def _polars(frame: pd.DataFrame) -> object:
    import polars

    return polars.from_arrow(pa.Table.from_pandas(frame.reset_index(drop="index" in frame)))


WHOLE: dict[str, Callable[[Any], object]] = {
    "no rows": lambda f: f.iloc[:0],
    "no columns": lambda f: pd.DataFrame(index=f.index),
    "nothing": lambda f: pd.DataFrame(),
    "one row": lambda f: f.iloc[:1],
    "all rows twice": lambda f: pd.concat([f, f]),
    "an index of several levels": lambda f: f.set_index([f.index, f.index]),
    "columns of numbers": lambda f: f.set_axis(range(f.shape[1]), axis=1),
    "columns of several levels": lambda f: f.set_axis(
        pd.MultiIndex.from_product([["a"], f.columns]), axis=1
    ),
    "customers in the index": lambda f: f.set_index("customer_id") if "customer_id" in f else f,
    "Arrow": _arrow,
    "Polars": _polars,
    "a list": lambda f: [1, 2],
    "a word": lambda f: "frame",
}


def broken(frame: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every way to break a frame or a series, by name; each is made when called."""
    if isinstance(frame, pd.Series):
        for name, change in CELLS.items():
            yield name, lambda c=change: c(frame)
        yield "no rows", lambda: frame.iloc[:0]
        return
    for name, whole in WHOLE.items():
        yield name, lambda w=whole: w(frame)
    for column in frame.columns:
        yield f"{column}: missing", lambda c=column: frame.drop(columns=c)
        yield f"{column}: twice", lambda c=column: _twice(frame, c)
        for name, change in CELLS.items():
            yield f"{column}: {name}", lambda c=column, k=change: frame.assign(**{c: k(frame[c])})


def inputs(case: Call) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """The bad frames of a call: frame, fault, and how it is made."""
    for name, frame in case.frames.items():
        for fault, make in broken(frame):
            yield name, fault, make


def attempt(case: Call, name: str, make: Callable[[], object]) -> str:
    """Call with one bad frame: empty, or what is wrong with the answer."""
    try:
        bad: Any = make()
    except Exception:  # a frame that pandas cannot make is no input
        return ""
    copy = bad.copy(deep=True) if isinstance(bad, pd.DataFrame | pd.Series) else None
    problem = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case.call({**case.frames, name: bad})
        except BankcrmError as error:
            if len(str(error).split()) < 4:
                problem = f"no sentence: {error}"
        except RecursionError:
            problem = "RecursionError"
        except Exception as error:
            where = error.__traceback__
            while where and where.tb_next:
                where = where.tb_next
                if "bankcrm" in where.tb_frame.f_code.co_filename:
                    place = (
                        f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}"
                    )
            problem = f"{type(error).__name__} at {place}: {str(error)[:80]}"
    if copy is not None and not _equal(bad, copy):
        return f"the caller's frame changed; {problem}"
    return problem


def _equal(one: Any, other: Any) -> bool:
    columns = getattr(one, "columns", pd.Index([]))
    if not columns.equals(getattr(other, "columns", pd.Index([]))):
        return False
    return bool(one.index.equals(other.index)) and repr(one) == repr(other)


def main() -> None:
    """Run the calls with every bad frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="functions")
    parser.add_argument("--every", type=int, help="only every n-th input", default=1)
    parser.add_argument("--engines", action="store_true", help="DuckDB as well")
    chosen = parser.parse_args()
    tried, unclear = 0, 0
    for case in calls(engines=chosen.engines):
        if chosen.only and case.name not in chosen.only:
            continue
        case.call(case.frames)
        found: Counter[str] = Counter()
        example: dict[str, str] = {}
        for number, (name, fault, make) in enumerate(inputs(case)):
            if number % chosen.every:
                continue
            tried += 1
            problem = attempt(case, name, make)
            if problem:
                found[problem] += 1
                example.setdefault(problem, f"{name}: {fault}")
        for problem, count in found.most_common():
            print(f"{count:4} {case.name}: {problem}  ({example[problem]})", flush=True)
        unclear += sum(found.values())
    print(f"{tried:,} bad frames, {unclear:,} unclear errors")
    sys.exit(bool(unclear))


if __name__ == "__main__":
    main()
