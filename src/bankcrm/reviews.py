"""The review: every decision about every customer and complaint of a book, as of a day."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import numpy as np
import pandas as pd

import bankcrm
from bankcrm.calendars import WorkingCalendar, working_calendar
from bankcrm.columns import DataFault, Days, as_of_day, days, findings_frame
from bankcrm.complaints import intake, route_frame
from bankcrm.complaints.routing import received_day
from bankcrm.errors import UnknownNameError
from bankcrm.lifecycle import assign_stages, stage_facts
from bankcrm.policy import Policy, PolicySet, default_policies
from bankcrm.rules import Trace
from bankcrm.segmentation import (
    assign_tiers,
    fit_rfm,
    resource_levels,
    rfm_metrics,
    score_rfm,
    segment_rfm,
)
from bankcrm.valuation import concentration, contribution, positions_of
from bankcrm.valuation.components import COMPONENTS

if TYPE_CHECKING:
    from bankcrm.book import Book

Progress = Callable[[int, int, str], None]
YEAR = timedelta(days=365)


@attrs.frozen(eq=False)
class Review:
    """What a review found.

    Args:
        name: the book's name.
        as_of: the day of the review.
        customers: a row a customer of the book, indexed by ``customer_id``: stage, RFM,
            contribution with its components, tier and resource level, each with its rule.
        complaints: a row an accepted complaint, indexed by ``complaint_id``: kind, severity, owner,
            due day, each with its rule.
        summary: the figures of the whole book, ready for JSON.
        findings: what was wrong with the data: counts and examples.
        policies: the policies that decided.
        facts: all that the decisions rest on, a row a customer; `explain` reads it.
    """

    name: str
    as_of: date
    customers: pd.DataFrame
    complaints: pd.DataFrame
    summary: Mapping[str, Any]
    findings: pd.DataFrame
    policies: PolicySet
    facts: pd.DataFrame

    def __repr__(self) -> str:
        figures = ", ".join(f"{k.lower()} {v}" for k, v in self.key_figures().items())
        return f"<Review of {self.name} as of {self.as_of}: {figures}>"

    def key_figures(self) -> dict[str, str]:
        """The figures that a manager asks for first, formatted."""
        s = self.summary
        spread = s["concentration"]
        return {
            "Customers": f"{s['customers']:,}",
            "Active": f"{s['stage'].get('active', 0):,}",
            "Dormant": f"{s['stage'].get('dormant', 0):,}",
            "Lost": f"{s['stage'].get('lost', 0):,}",
            "Contribution a year": f"{s['contribution']['contribution']:,.0f}",
            "Share of the top fifth": _percent(spread["top_fifth_share"]),
            "Gini": "n/a" if spread["gini"] is None else f"{spread['gini']:.3f}",
            "Complaints": f"{s['complaints']['accepted']:,}",
            "Overdue complaints": f"{s['complaints']['overdue']:,}",
            "Data findings": f"{len(self.findings):,}",
        }

    def explain(self, customer: object) -> dict[str, Trace]:
        """Why a customer stands where it does: every table that decided, rule by rule.

        Args:
            customer: the customer's id.

        Returns:
            Table id to its trace, in the order of the decisions; tables whose facts this customer
            does not have (scores without a movement, say) are left out.

        Raises:
            UnknownNameError: the customer is not in the review.
        """
        place = np.flatnonzero(self.facts.index == customer)
        if not place.size:
            raise UnknownNameError("customer", customer, [*self.facts.index[:3], "..."])
        row = {str(name): column.iloc[place[0]] for name, column in self.facts.items()}
        traces = {}
        for domain, name in DECISIONS:
            trace = self.policies[domain].table(name).explain(row)
            if not trace.decision.missing:
                traces[name] = trace
        return traces

    def to_html(self, path: str | Path) -> None:
        """Write the report: one file that needs no network."""
        from bankcrm.report import write_html

        write_html(self, path)

    def write(self, folder: str | Path) -> None:
        """Write everything: Parquet and CSV of the customers, the complaints, figures, report."""
        from bankcrm.report import write_csv

        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        self.customers.to_parquet(target / "customers.parquet")
        write_csv(self.customers, target / "customers.csv")
        write_csv(self.complaints, target / "complaints.csv")
        write_csv(self.findings, target / "findings.csv", index=False)
        text = json.dumps(self.summary, indent=2, ensure_ascii=False, allow_nan=False)
        (target / "summary.json").write_text(text + "\n", encoding="utf-8")
        self.to_html(target / "index.html")


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.1%}"


def review(
    book: Book,
    *,
    as_of: object,
    policies: PolicySet | None = None,
    calendar: WorkingCalendar | None = None,
    progress: Progress | None = None,
) -> Review:
    """Review a bank's book: stage, RFM, contribution, tier and resources of every customer;
    severity, route and due day of every complaint.

    Args:
        book: the bank's frames; see `Book`.
        as_of: the day of the review; nothing after it is looked at.
        policies: what to decide by; None: the defaults. Dated policies are narrowed to the day.
        calendar: working days for due dates; None: mainland China's.
        progress: called with (steps done, steps in all, name of the next step).

    Raises:
        DataError: a frame that does not fit its contract; every fault is told.
        PolicyError: no version of a policy is in force on the day.

    Source: LCM-2, EB-3, CSC-2, CBM-3, CBM-6, CSC-3 to CSC-5.
    """
    day = cast("date", as_of_day(as_of).item())
    rules = (policies or default_policies()).at(day)
    tell = _teller(progress)
    tell("checking the data")
    sound, faults = book.check(day)
    tell("lifecycle stages")
    stages = _stages(sound, day, rules["lifecycle"])
    tell("recency, frequency, monetary value")
    rfm = _rfm(sound, day, rules["segmentation"])
    tell("contribution")
    worth = _worth(sound, day, rules["valuation"])
    tell("tiers and resources")
    tiers = _tiers(sound, worth, rules["segmentation"])
    tell("complaints")
    handled = _complaints(sound, day, rules["complaints"], calendar or working_calendar("CN"))
    facts = stages.join([rfm, worth, tiers])
    customers = facts[[c for c in SHOWN if c in facts]]
    tell("done")
    findings = [*faults, *handled.faults]
    return Review(
        name=book.name,
        as_of=day,
        customers=customers,
        complaints=handled.routed,
        summary=_summary(book.name, day, customers, handled, findings, rules),
        findings=findings_frame(findings),
        policies=rules,
        facts=facts,
    )


STEPS = 6
DECISIONS = (
    ("lifecycle", "stage"),
    ("segmentation", "rfm_segment"),
    ("segmentation", "rfm_level"),
    ("segmentation", "tier_standing"),
    ("segmentation", "tier_value"),
    ("segmentation", "tier_growth"),
    ("segmentation", "tier"),
    ("segmentation", "resource_level"),
)
SHOWN = (
    *("kind", "stage", "stage_rule", "days_since_contract", "days_idle", "activity_ratio"),
    *("recency_days", "frequency", "monetary", "r", "f", "m", "score"),
    *("segment", "segment_rule", "rfm_level", "level_rule"),
    *("funds_credit", "interest_paid", "interest_received", "funds_cost"),
    *COMPONENTS,
    *("contribution", "balance", "outstanding"),
    *("tier", "tier_rule", "resource_level", "resource_level_rule"),
)


def _teller(progress: Progress | None) -> Callable[[str], None]:
    """A function that tells the name of the next step and how many are done."""
    done = itertools.count()

    def tell(name: str) -> None:
        if progress:
            progress(next(done), STEPS, name)

    return tell


def _named(decided: pd.DataFrame, outcome: str, name: str) -> pd.DataFrame:
    """A decision's two columns under the names that they have in the review."""
    return decided[[outcome, "rule"]].set_axis([name, f"{name}_rule"], axis=1)


def _stages(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    facts = stage_facts(
        book.customers,
        book.transactions,
        as_of=day,
        policy=policy,
        contacts=book.contacts,
        accounts=book.accounts,
    )
    return facts.join(_named(assign_stages(facts, policy=policy), "stage", "stage"))


def _rfm(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    """Scores on cut points fitted to this book; customers without a movement have none."""
    own = "kind" in book.transactions
    metrics = rfm_metrics(book.transactions, as_of=day, own_only=own, policy=policy)
    if metrics.empty:
        return _no_rfm(book)
    scores = score_rfm(metrics, fit_rfm(metrics))
    named = segment_rfm(scores, policy=policy).drop(columns="treatment")
    rfm = metrics.join([scores, named.rename(columns={"level": "rfm_level"})])
    whole = dict.fromkeys(("recency_days", "frequency"), "Int64")
    small = dict.fromkeys(("r", "f", "m"), "Int8")
    return rfm.astype(whole | small).reindex(pd.Index(book.customers["customer_id"]))


def _no_rfm(book: Book) -> pd.DataFrame:
    return pd.DataFrame({"segment": None}, index=pd.Index(book.customers["customer_id"]))


def _worth(book: Book, day: date, policy: Policy) -> pd.DataFrame:
    positions = positions_of(
        book.accounts,
        book.balances,
        book.transactions,
        book.loans,
        start=day - YEAR + timedelta(days=1),
        end=day,
        policy=policy,
    )
    return contribution(positions, policy=policy, customers=book.customers["customer_id"])


def _tiers(book: Book, worth: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    known = book.customers.set_index("customer_id")
    facts = worth[["contribution"]].join(known[known.columns.intersection(["credit_standing"])])
    tiers = assign_tiers(facts, policy=policy).rename(columns={"rule": "tier_rule"})
    levels = _named(resource_levels(tiers, policy=policy), "level", "resource_level")
    return facts.drop(columns="contribution").join([tiers, levels])


@attrs.frozen(eq=False)
class _Handled:
    """Complaints taken in and routed; what was rejected, and why."""

    routed: pd.DataFrame
    rejected: int
    faults: tuple[DataFault, ...]


def _complaints(book: Book, day: date, policy: Policy, calendar: WorkingCalendar) -> _Handled:
    taken = intake(book.frame("complaints"), policy=policy, as_of=day)
    accepted = taken.accepted.set_index("complaint_id")
    route = route_frame(accepted, policy=policy, calendar=calendar)
    kept = accepted.reindex(columns=["customer_id", "received_at", "product"])
    routed = kept.join(route.rename(columns={"rule": "route_rule"}))
    routed["state"] = _states(routed["due"], _answer_days(accepted, policy), day)
    return _Handled(routed, len(taken.rejected), _intake_faults(taken.findings))


def _answer_days(accepted: pd.DataFrame, policy: Policy) -> Days:
    """The bank's day on which each complaint was answered; NaT where it was not."""
    if "answered_at" not in accepted:
        return np.full(len(accepted), np.datetime64("NaT", "D"))
    return received_day(accepted["answered_at"], policy)


def _states(due: pd.Series, answered: Days, day: date) -> pd.Categorical:
    """Answered in time or late; else open, or overdue if its day has passed."""
    limit = days(due, "due")
    late = np.where(np.isnat(answered), limit < np.datetime64(day), answered > limit)
    names = np.array(["in_time", "late", "open", "overdue"])
    return pd.Categorical(names[late + 2 * np.isnat(answered)], categories=names)


def _intake_faults(found: pd.DataFrame) -> tuple[DataFault, ...]:
    """The intake's findings, told once for each problem."""
    groups = found.groupby(["problem", "column", "effect", "advice"], sort=False, observed=True)
    return tuple(
        DataFault(
            "complaints",
            str(column),
            str(problem),
            len(rows),
            tuple(map(str, rows["row"].head(5))),
            advice=f"{advice} ({effect})",
        )
        for (problem, column, effect, advice), rows in groups
    )


def _summary(
    name: str,
    day: date,
    customers: pd.DataFrame,
    handled: _Handled,
    findings: Sequence[DataFault],
    policies: PolicySet,
) -> dict[str, Any]:
    components = [c for c in (*COMPONENTS, "contribution") if c in customers]
    totals = customers[components].sum()
    return {
        "bankcrm": bankcrm.__version__,
        "book": name,
        "as_of": day.isoformat(),
        "customers": len(customers),
        **{c: _counts(customers[c]) for c in ("stage", "segment", "tier", "resource_level")},
        "contribution": {c: round(float(totals[c]), 2) for c in components},
        "concentration": _spread(customers["contribution"]),
        "complaints": {
            "accepted": len(handled.routed),
            "rejected": handled.rejected,
            "overdue": int((handled.routed["state"] == "overdue").sum()),
            **{c: _counts(handled.routed[c]) for c in ("kind", "severity", "owner")},
        },
        "findings": sum(f.count for f in findings),
        "policies": {
            d: {"id": p.id, "version": p.version, "fingerprint": p.fingerprint}
            for d, p in policies.policies.items()
        },
    }


def _counts(values: pd.Series) -> dict[str, int]:
    """How often each value occurs, in the vocabulary's order; ``none`` where there is none."""
    categories = values.astype("category").cat
    counts = np.bincount(categories.codes.to_numpy() + 1, minlength=len(categories.categories) + 1)
    named = dict(zip(["none", *map(str, categories.categories)], counts.tolist(), strict=True))
    missing = named.pop("none")
    return {**named, **({"none": missing} if missing else {})}


def _spread(values: pd.Series) -> dict[str, float | None]:
    """Concentration of contribution; null where the total is not positive and has no shares."""
    if values.sum() <= 0:
        return {"top_fifth_share": None, "gini": None, "holders_of_80": None}
    spread = concentration(values)
    return {
        "top_fifth_share": spread.share_of_top(0.2),
        "gini": spread.gini,
        "holders_of_80": spread.holders_of(0.8),
    }
