"""The results of a review about groups of customers, their credit, and the watch list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import attrs
import pandas as pd
from pandas.api.types import is_float_dtype

from bankcrm.book import Book
from bankcrm.frames import DataFault
from bankcrm.frames.findings import findings_of
from bankcrm.frames.plain import plain_rows
from bankcrm.models import Capital
from bankcrm.models.frames import models_of
from bankcrm.policy import Policy
from bankcrm.risk import (
    Groups,
    credit_exposure,
    find_groups,
    funding_concentration,
    group_exposure,
    group_warnings,
    limit_use,
    review_watch_list,
)

_MONEY = ("used", "allowed", "exposure", "total")
RISK_COLUMNS = ("risk_level", "raised_risks", "risk_reasons", "deposits")
"""The columns of customers that these results read."""

LISTED = 25
"""How many limits, warnings and customers of the watch list the summary lists."""


@attrs.frozen(eq=False)
class RiskResults:
    """Groups of connected customers, their credit, and the watch list; None where not known.

    Attributes:
        groups: The groups on the day; see `bankcrm.risk.find_groups`.
        exposure: One row per group or single customer with credit; see
            `bankcrm.risk.group_exposure`.
        limit_use: One row per limit and subject; see `bankcrm.risk.limit_use`.
        group_warnings: One row per group with credit; see `bankcrm.risk.group_warnings`.
        watch_list: One row per customer on the watch list; see `bankcrm.risk.review_watch_list`.
        funding: How concentrated deposits are; see `bankcrm.risk.funding_concentration`.
        findings: What is odd about links and credits.
    """

    groups: Groups | None = None
    exposure: pd.DataFrame | None = None
    limit_use: pd.DataFrame | None = None
    group_warnings: pd.DataFrame | None = None
    watch_list: pd.DataFrame | None = None
    funding: pd.DataFrame | None = None
    findings: tuple[DataFault, ...] = ()

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames that are known, by name; ids are columns."""
        found = {
            "groups": None if self.groups is None else self.groups.members.reset_index(),
            "limit_use": self.limit_use,
            "group_warnings": _flat(self.group_warnings),
            "watch_list": _flat(self.watch_list),
        }
        return {name: frame for name, frame in found.items() if frame is not None}


def risk_results(
    book: Book, day: date, policy: Policy, risks: pd.DataFrame, reasons: Mapping[str, str]
) -> RiskResults:
    """Find groups, exposures, use of limits, warnings and the watch list.

    Args:
        book: A checked book: ``links``, ``credits`` and ``capital`` whole, and the customers that
            they name.
        day: The day of the review.
        policy: Risk policy.
        risks: `RISK_COLUMNS` of customers; see `risks_of`.
        reasons: Results that are not known, from `bankcrm.pipeline.beside.reasons_beside`.
    """
    groups = exposure = use = warnings = watch = None
    findings: list[DataFault] = []
    if "groups" not in reasons:
        groups = find_groups(book.frame("links"), as_of=day, policy=policy)
        findings += groups.findings
    if "exposure" not in reasons:
        lent = credit_exposure(book.frame("credits"), policy=policy)
        findings += findings_of(lent)
        exposure = policy.stamp(group_exposure(lent, groups))
        if "limit_use" not in reasons:
            use = limit_use(lent, groups, capital=_capital(book, day), policy=policy)
            findings += findings_of(use)
        if groups is not None:
            warnings = group_warnings(lent, groups, capacity=_capacity(book), policy=policy)
    if "watch_list" not in reasons:
        watch = review_watch_list(
            None, risks[list(RISK_COLUMNS[:3])], as_of=day, groups=groups, policy=policy
        )
    return RiskResults(
        groups, exposure, use, warnings, watch, _funding(risks, groups), tuple(findings)
    )


def risks_of(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The customers of all parts whose risk is known, in order of id."""
    pieces = [p[p["risk_level"].notna().to_numpy()] for p in parts]
    whole = pd.concat([p.astype({"risk_level": object}) for p in pieces])
    return whole.sort_index(kind="stable")


def _capital(book: Book, day: date) -> Capital | None:
    """The capital of the last day that is known."""
    frame = book.frame("capital").sort_values("date")
    columns = [c for c in ("date", "net", "tier1") if c in frame]
    found = models_of(frame[columns].tail(1), Capital)
    return found[0] if found else None


def _capacity(book: Book) -> pd.Series | None:
    """The revenue of companies and the income of persons; None where the book records neither."""
    customers = book.frame("customers").set_index("customer_id")
    known = [customers[c] for c in ("revenue", "income") if c in customers]
    if not known:
        return None
    first = known[0] if len(known) == 1 else known[0].where(known[0].notna(), known[1])
    return first.where(first > 0)


def _funding(risks: pd.DataFrame, groups: Groups | None) -> pd.DataFrame | None:
    """The concentration of deposits; None where none is known."""
    deposits = risks["deposits"].dropna()
    deposits = deposits[deposits > 0]
    if not len(deposits):
        return None
    frame = deposits.rename("balance").rename_axis("customer_id").reset_index()
    return funding_concentration(frame, groups=groups)


def _flat(frame: pd.DataFrame | None) -> pd.DataFrame | None:
    return None if frame is None else frame.reset_index()


def figures_of_risk(found: RiskResults) -> dict[str, Any]:
    """The figures of a summary; null where they are not known."""
    sizes = None if found.groups is None else found.groups.members["group"].value_counts()
    exposure = found.exposure
    return {
        "groups": None if sizes is None else len(sizes),
        "members": None if sizes is None else int(sizes.sum()),
        "largest_group": None if sizes is None or not len(sizes) else int(sizes.max()),
        "exposure": None if exposure is None else round(float(exposure["exposure"].sum()), 2),
        "loans": None if exposure is None else round(float(exposure["loans"].sum()), 2),
        "limits": _counts(found.limit_use, "state"),
        "limit_use": _limits(found.limit_use),
        "group_warnings": _warnings(found.group_warnings),
        "warned_groups": _warned(found.group_warnings),
        "watch_list": _counts(found.watch_list, "level"),
        "watched": _watched(found.watch_list),
        "findings": {f.problem: f.count for f in found.findings if f.count},
        "funding": _rows(found.funding, ("holders", "total", "top_share", "hhi", "largest")),
    }


def _counts(frame: pd.DataFrame | None, column: str) -> dict[str, int] | None:
    if frame is None:
        return None
    return {str(k): int(n) for k, n in frame[column].value_counts(sort=False).items()}


def _limits(use: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The limits that are used most."""
    if use is None:
        return []
    top = use.sort_values("use", ascending=False, kind="stable").head(LISTED)
    return _rows(top, ("limit", "subject", "kind", "used", "allowed", "use", "state"))


def _warned(warnings: pd.DataFrame | None) -> int | None:
    return None if warnings is None else int((warnings["warnings"] > 0).sum())


def _warnings(warnings: pd.DataFrame | None) -> list[dict[str, Any]]:
    if warnings is None:
        return []
    top = warnings[(warnings["warnings"] > 0).to_numpy()].head(LISTED).reset_index()
    return _rows(top, ("group", "reasons", "exposure", "branches"))


def _watched(watch: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The customers on the watch list, high risks first, then the next reviews."""
    if watch is None:
        return []
    order = watch.reset_index().sort_values(
        ["level", "next_review", "customer_id"], ascending=[False, True, True], kind="stable"
    )
    top = order.head(LISTED)
    top = top.assign(next_review=top["next_review"].dt.strftime("%Y-%m-%d"))
    return _rows(top, ("customer_id", "level", "reasons", "lifted_by", "owner", "next_review"))


def _rows(frame: pd.DataFrame | None, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows as plain JSON values; money with two decimals, shares with six, ids as text."""
    if frame is None:
        return []
    digits = {c: 2 if c in _MONEY else 6 for c in columns if is_float_dtype(frame[c])}
    texts = {c: frame[c].astype(str) for c in columns if c in ("customer_id", "subject")}
    return plain_rows(frame[list(columns)].round(digits).assign(**texts).reset_index(drop=True))
