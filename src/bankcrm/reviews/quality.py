"""The quality of the customers' records, as a review reports it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from bankcrm.frames.plain import plain_rows
from bankcrm.policy import Policy
from bankcrm.quality import measure_quality

ON_ENGINE = "the customers are on disk; measure_quality measures a frame of them"
LATER = "the records are of a later day than the review"
UNKNOWN: Mapping[str, Any] = {
    "records": None, "score": None, "dimensions": [], "failing": 0, "rules": [],
}  # fmt: skip
"""The figures where the quality of the records is not known."""

LISTED = 25
"""How many rules the summary lists."""


def quality_figures(customers: pd.DataFrame, day: date, policy: Policy) -> dict[str, Any]:
    """The quality of the records of customers as they came: dimensions, and what fails most.

    Args:
        customers: The records before the check of the book, which leaves out what is not valid.
        day: The day of the review.
        policy: Quality policy.
    """
    found = measure_quality(customers, as_of=day, policy=policy)
    parts = found.dimensions.reset_index()[["dimension", "share", "assessed"]]
    rules = found.fields[(found.fields["weight"] > 0) & (found.fields["assessed"] > 0)]
    failing = rules[rules["passed"] < rules["assessed"]].reset_index()
    top = failing.sort_values(["share", "rule"], kind="stable").head(LISTED)
    columns = ["rule", "dimension", "field", "assessed", "passed", "share", "low", "high"]
    return {
        "records": len(customers),
        "score": None if pd.isna(found.score) else round(found.score, 6),
        "dimensions": plain_rows(parts.round(6)),
        "failing": len(failing),
        "rules": plain_rows(top[columns].astype({"dimension": object}).round(6)),
    }
