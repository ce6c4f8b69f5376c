"""The results of a review about groups of customers, their credit, and the watch list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import attrs
import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype

from bankcrm.book import Book
from bankcrm.frames import DataFault
from bankcrm.frames.findings import findings_of
from bankcrm.frames.numbering import is_among
from bankcrm.frames.plain import plain_rows
from bankcrm.models import Capital, Link, personal_columns
from bankcrm.models.frames import models_of
from bankcrm.policy import Policy
from bankcrm.report.html import EarlierReview
from bankcrm.risk import (
    Groups,
    credit_exposure,
    find_groups,
    funding_concentration,
    group_exposure,
    review_watch_list,
)
from bankcrm.risk.exposure.limits import limit_use_of
from bankcrm.risk.exposure.warnings import group_warnings_of

_WATCHED = ("customer_id", "movement", "level", "reasons", "lifted_by", "owner", "next_review")
_MONEY = ("used", "allowed", "exposure", "total")
RISK_COLUMNS = ("risk_level", "raised_risks", "risk_reasons", "is_customer", "deposits")
"""The columns of customers that these results read."""

RISK_FRAMES = ("groups", "group_changes", "limit_use", "group_warnings", "watch_list")
"""The frames of these results that are written."""

REMEMBERED = ("groups", "watch_list")
"""Those of them that a later review goes on from."""

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
        group_changes: One row per member whose group changed since the earlier review, by
            ``customer_id``; see `bankcrm.risk.Groups.changes`. None without an earlier review.
        findings: What is odd about links and credits.
    """

    groups: Groups | None = None
    exposure: pd.DataFrame | None = None
    limit_use: pd.DataFrame | None = None
    group_warnings: pd.DataFrame | None = None
    watch_list: pd.DataFrame | None = None
    funding: pd.DataFrame | None = None
    group_changes: pd.DataFrame | None = None
    findings: tuple[DataFault, ...] = ()

    def frames(self) -> dict[str, pd.DataFrame]:
        """The frames that are known, by name; ids are columns."""
        found = {
            "groups": _flat(None if self.groups is None else self.groups.members),
            "group_changes": _flat(self.group_changes),
            "limit_use": self.limit_use,
            "group_warnings": _flat(self.group_warnings),
            "watch_list": _flat(self.watch_list),
        }
        return {name: frame for name, frame in found.items() if frame is not None}


def risk_results(
    book: Book,
    day: date,
    policy: Policy,
    risks: pd.DataFrame,
    reasons: Mapping[str, str],
    earlier: EarlierReview | None = None,
) -> RiskResults:
    """Find groups, exposures, use of limits, warnings and the watch list.

    Args:
        book: A checked book: ``links``, ``credits`` and ``capital`` whole, and the customers that
            they name.
        day: The day of the review.
        policy: Risk policy.
        risks: `RISK_COLUMNS` of customers; see `risks_of`.
        reasons: Results that are not known, from `bankcrm.pipeline.beside.reasons_beside`.
        earlier: An earlier review: groups keep its ids, and its watch list goes on.
    """
    groups = exposure = use = warnings = watch = changes = None
    findings: list[DataFault] = []
    if "groups" not in reasons:
        before = None if earlier is None else earlier.groups
        groups = find_groups(_links(book), as_of=day, policy=policy, previous=before)
        findings += groups.findings
        changes = None if before is None else groups.changes
    if "exposure" not in reasons:
        lent = credit_exposure(book.frame("credits"), policy=policy)
        findings += findings_of(lent)
        exposure = policy.stamp(group_exposure(lent, groups))
        if "limit_use" not in reasons:
            use = limit_use_of(lent, exposure, groups, _capital(book), policy)
            findings += findings_of(use)
        if groups is not None:
            warnings = group_warnings_of(lent, exposure, groups, _capacity(book), None, policy)
    if "watch_list" not in reasons:
        listed = None if earlier is None else earlier.watch_list
        known = _at_risk(risks[list(RISK_COLUMNS[:4])], listed, groups)
        watch = review_watch_list(listed, known, as_of=day, groups=groups, policy=policy)
    funding = _funding(risks, groups)
    return RiskResults(groups, exposure, use, warnings, watch, funding, changes, tuple(findings))


def _links(book: Book) -> pd.DataFrame:
    """The links without what a review has no use for: personal columns beside the contract's."""
    links = book.frame("links")
    return links.drop(columns=personal_columns(links.columns, Link))


def risks_of(parts: Iterable[pd.DataFrame], earlier: EarlierReview | None) -> pd.DataFrame:
    """The customers of all parts whose risk is known, or who were watched, in order of id."""
    watched = None if earlier is None else earlier.watch_list
    ids = pd.Index([]) if watched is None else pd.Index(watched["customer_id"])
    pieces = [p[p["risk_level"].notna().to_numpy() | is_among(p.index, ids)] for p in parts]
    if len(pieces) > 1:  # their levels may be listed in different orders
        pieces = [p.astype({"risk_level": object}) for p in pieces]
    return pd.concat(pieces).sort_index(kind="stable")


def _at_risk(
    risks: pd.DataFrame, listed: pd.DataFrame | None, groups: Groups | None
) -> pd.DataFrame:
    """The customers whom the watch list may concern: at risk, listed, or tied to others."""
    some = (risks["risk_level"] != "none").to_numpy(np.bool_)
    if listed is not None:
        some = some | is_among(risks.index, listed["customer_id"])
    if groups is not None:
        some = some | is_among(risks.index, groups.members.index)
    return risks[some]


def _capital(book: Book) -> Capital | None:
    """The capital of the last day in the book."""
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
    deposits = risks["deposits"][((risks["deposits"] > 0) & risks["risk_level"].notna())]
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
        "group_changes": _counts(found.group_changes, "change"),
        "changed_groups": _changed(found.group_changes),
        "watch_list": _counts(_listed(found.watch_list), "level"),
        "watch_movements": _counts(found.watch_list, "movement"),
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


def _changed(changes: pd.DataFrame | None) -> list[dict[str, Any]]:
    """From which group to which group members went, most members first."""
    if changes is None:
        return []
    words = changes.astype(object).where(changes.notna(), None)
    moves = words.groupby(["change", "before", "after"], dropna=False, sort=True).size()
    top = (
        moves.rename("members").reset_index().sort_values("members", ascending=False, kind="stable")
    )
    return _rows(top.head(LISTED), ("change", "before", "after", "members"))


def _listed(watch: pd.DataFrame | None) -> pd.DataFrame | None:
    """The watch list without those who leave it."""
    return None if watch is None else watch[(watch["movement"] != "leave").to_numpy(np.bool_)]


def _watched(watch: pd.DataFrame | None) -> list[dict[str, Any]]:
    """The customers on the watch list, high risks first, then the next reviews."""
    listed = _listed(watch)
    if listed is None:
        return []
    order = listed.reset_index().sort_values(
        ["level", "next_review", "customer_id"], ascending=[False, True, True], kind="stable"
    )
    top = order.head(LISTED)
    top = top.assign(next_review=top["next_review"].dt.strftime("%Y-%m-%d"))
    return _rows(top, _WATCHED)


def _rows(frame: pd.DataFrame | None, columns: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows as plain JSON values; money with two decimals, shares with six, ids as text."""
    if frame is None:
        return []
    digits = {c: 2 if c in _MONEY else 6 for c in columns if is_float_dtype(frame[c])}
    texts = {c: frame[c].astype(str) for c in columns if c in ("customer_id", "subject")}
    return plain_rows(frame[list(columns)].round(digits).assign(**texts).reset_index(drop=True))
