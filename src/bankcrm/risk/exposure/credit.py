"""The exposure from each credit: what is drawn and what may still be drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book.contract import CONTRACT
from bankcrm.frames import DataFault, check_frame
from bankcrm.frames.arrays import Numbers
from bankcrm.frames.column import fault_in_rows
from bankcrm.frames.findings import with_findings
from bankcrm.frames.numbering import categorical, places_of
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.vocabulary import CreditKind

_NAMES = ("credit_id", "customer_id", "branch", "kind", "limit", "drawn", "committed", "months",
          "cover")  # fmt: skip
_PARTS = ("drawn", "undrawn")
MEASURES = ("exposure", "loans", "uncovered")
"""What a limit may limit."""


def credit_exposure(grants: object, *, policy: Policy | None = None) -> pd.DataFrame:
    """The exposure of the bank from each credit, on and off its balance sheet.

    The drawn part and the undrawn part of a limit each get a class by the table ``conversion``,
    and count with the factor of the class (``factor_loan`` and so on). A credit without a limit
    has no undrawn part.

    Args:
        grants: One row per credit: ``credit_id``, ``customer_id``, ``kind`` and ``drawn``; where
            known ``limit``, ``committed``, ``months`` (original maturity), ``cover`` and
            ``branch``. Amounts are in one currency.
        policy: Risk policy; the library's default, which counts every kind of EB-4 in full, if
            None.

    Returns:
        One row per credit, by ``credit_id``: ``customer_id``, ``branch``, ``kind``,
        ``on_balance``; ``drawn_class``, ``undrawn_class`` and the rules that decided;
        ``exposure``, ``loans`` (its part that counts as a loan) and ``uncovered`` (exposure less
        cover, at least 0), in money.

    Raises:
        DataError: The credits do not fit the contract.

    Source: EB-4.

    >>> credit = pd.DataFrame({"credit_id": [1], "customer_id": [7], "kind": ["loan"],
    ...                        "drawn": [60.0], "limit": [100.0], "committed": [True]})
    >>> credit_exposure(credit)[["exposure", "loans"]].iloc[0].tolist()
    [100.0, 60.0]
    """
    policy = policy_of(policy, "risk")
    columns = tuple(c for c in CONTRACT["credits"] if c.name in _NAMES)
    frame = check_frame(grants, columns, frame="credits", key="credit_id")
    drawn = frame["drawn"].to_numpy(np.float64)
    limit = _numbers(frame, "limit")
    undrawn = np.maximum(np.nan_to_num(limit - drawn), 0.0)
    kind = frame["kind"]
    exposure = np.zeros(len(frame))
    found: dict[str, object] = {
        "customer_id": frame["customer_id"],
        "branch": frame["branch"] if "branch" in frame else pd.Categorical([None] * len(frame)),
        "kind": kind,
        "on_balance": kind.isin([k.value for k in CreditKind if k.on_balance]),
    }
    for part, amount in zip(_PARTS, (drawn, undrawn), strict=True):
        decided = _classes(frame, part, amount, policy)
        found[f"{part}_class"], found[f"{part}_rule"] = decided["outcome"], decided["rule"]
        exposure += amount * _factors(decided["outcome"], policy)
    lent = kind.isin(list(policy.value("loan_kinds"))).to_numpy(np.bool_)
    cover = np.nan_to_num(_numbers(frame, "cover"))
    found |= {
        "exposure": exposure,
        "loans": np.where(lent, drawn, 0.0),
        "uncovered": np.maximum(exposure - cover, 0.0),
    }
    result = pd.DataFrame(found).set_index(frame["credit_id"].rename("credit_id"))
    return policy.stamp(with_findings(result, _findings(frame, undrawn)))


def _numbers(frame: pd.DataFrame, name: str) -> Numbers:
    if name not in frame:
        return np.full(len(frame), np.nan)
    return frame[name].to_numpy(np.float64, na_value=np.nan)


def _classes(frame: pd.DataFrame, part: str, amount: Numbers, policy: Policy) -> pd.DataFrame:
    """The class of one part of each credit; null where the part is 0."""
    facts = pd.DataFrame({"part": categorical(np.zeros(len(frame), np.int8), [part])})
    for name in ("kind", "committed", "months"):
        facts[name] = frame[name].array if name in frame else np.nan
    rows = np.flatnonzero(amount > 0)
    decided = policy.table("conversion").decide_frame(facts.iloc[rows])
    return decided.reindex(range(len(frame))).set_axis(frame.index)


def _factors(classes: pd.Series, policy: Policy) -> Numbers:
    """The factor of each class; 0 where there is no class, because there is no amount."""
    names = list(policy.table("conversion").vocabulary)
    factors = np.array([policy.value(f"factor_{name}") for name in names] + [0.0])
    found: Numbers = factors[places_of(classes, names)]
    return found


def _findings(frame: pd.DataFrame, undrawn: Numbers) -> list[DataFault]:
    """What the credits do not say, and how it counts."""
    open_ = undrawn > 0
    own = (frame["kind"] == "undrawn_commitment").to_numpy(np.bool_)
    unknown = {
        name: frame[name].isna().to_numpy() if name in frame else np.ones(len(frame), np.bool_)
        for name in ("limit", "committed")
    }
    counts = {
        "limit": (unknown["limit"], "the limit", "the credit counts as fully drawn"),
        "committed": (
            open_ & ~own & unknown["committed"], "whether the bank can take back the unused part",
            "the unused part counts as a commitment",
        ),
    }  # fmt: skip
    return [
        fault_in_rows("credits", name, "null", frame.index[rows], expected, advice)
        for name, (rows, expected, advice) in counts.items()
        if rows.any()
    ]
