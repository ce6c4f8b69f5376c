"""What the results beside those about customers rest on: complaints, groups, credit, watch list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import reasons_of
from bankcrm.pipeline.step import Need, Step

COMPLAINTS = Need(("complaints",), ("complaints",))
"""What the results about complaints rest on, which are no steps of a review of customers."""


RISK = (
    Need(("links",), ("groups", "group_warnings")),
    Need(("credits",), ("exposure", "limit_use", "group_warnings")),
    Need(("capital",), ("limit_use",)),
    Need(("risk_level",), ("watch_list",)),
)
"""What the results about groups, credit and the watch list rest on: they have other rows."""

NO_TRANSFERS = "no warning of transfers between members of a group"
"""What the warnings of groups leave out in a review: no frame of a book has payer and payee."""


def limits_beside(reasons: Mapping[str, str]) -> dict[str, str]:
    """What results beside those about customers leave out -> why.

    Args:
        reasons: Result -> why it is null in the whole book.

    >>> limits_beside({"group_warnings": "the book has no links"})
    {}
    """
    if "group_warnings" in reasons:
        return {}
    return {NO_TRANSFERS: "transactions do not name the customer on the other side"}


def reasons_beside(
    recorded: Iterable[str], absent: Mapping[str, str], reasons: Mapping[str, str]
) -> dict[str, str]:
    """Why there are no results about complaints, groups, credit and the watch list.

    Args:
        recorded: Frames and columns that the book records.
        absent: Frame -> why the book does not record it.
        reasons: Why results of customers are null in the whole book.
    """
    of_book = tuple(n for n in (COMPLAINTS, *RISK) if n.any_of != ("risk_level",))
    step = Step("beside", "beside", "beside", needs=of_book)
    found = reasons_of((step,), Fitted(recorded), absent)
    if "risk_level" in reasons:
        found["watch_list"] = reasons["risk_level"]
    return found
