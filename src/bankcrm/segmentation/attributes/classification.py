"""Classifications of customers by attributes, as decision tables (CSC-1, CBM-2, CBM-1, EB-2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import few
from bankcrm.calendars.ages import full_years
from bankcrm.errors import DataError
from bankcrm.frames import Column
from bankcrm.frames.arrays import as_of_day, days
from bankcrm.frames.customers import by_customer
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of

_Days = npt.NDArray[np.datetime64]
_Derive = Callable[[_Days, np.datetime64], npt.NDArray[np.float64]]
_KIND = Column("kind", "category", choices=("person", "company"))


@attrs.frozen
class Attribute:
    """One classification: its decision table, and the customers that it applies to.

    Attributes:
        table: Id of the decision table; also the name of the column.
        applies_to: ``person``, ``company`` or ``both``.
        source: Its source.
    """

    table: str
    applies_to: str
    source: str = "default"


def segment_attributes(
    customers: object, *, as_of: object, policy: Policy | None = None
) -> pd.DataFrame:
    """Classify each customer by every attribute of the policy.

    The policy's records ``attribute`` name the tables; a bank adds a classification by adding one.
    Facts are columns of ``customers`` of the same name; ``age_years``, ``tenure_days``,
    ``company_age_years`` and ``in_home_region`` are derived from ``birth_date``,
    ``contract_date``, ``founded_date`` and ``region``. Where the facts do not decide an attribute
    it is null; ``frame.attrs["undecided"]`` counts them and names the facts.

    Args:
        customers: One row per customer: ``kind`` (person, company), and the recorded facts.
        as_of: The day for ages.
        policy: Segmentation policy; the library's default if None.

    Returns:
        Index ``customer_id``: for each attribute its class and ``<attribute>_rule`` (categorical).

    Raises:
        DataError: Errors in the customers, or facts outside what a table allows.

    Source: CSC-1, CBM-2.

    >>> people = pd.DataFrame({"kind": ["person"], "birth_date": pd.to_datetime(["1996-02-29"]),
    ...                        "assets": [1_500_000.0]}, index=[1])
    >>> found = segment_attributes(people, as_of="2026-06-30").loc[1]
    >>> found["age_band"], found["asset_band"]
    ('young', 'wealth')
    """
    policy = policy_of(policy, "segmentation")
    today = as_of_day(as_of)
    frame = by_customer(customers, (_KIND,), "customers")
    kind = frame["kind"].astype(object).to_numpy()
    facts = _facts(frame, today, policy)
    unknown = pd.Series(np.nan, index=frame.index)
    columns: dict[str, pd.Categorical] = {}
    undecided: dict[str, dict[str, int]] = {}
    for attribute in policy.records("attribute", Attribute):
        table = policy.table(attribute.table)
        needed = pd.DataFrame(
            {name: facts.get(name, unknown) for name in table.facts},
            index=frame.index,
        )
        concerned = (attribute.applies_to == "both") | (kind == attribute.applies_to)
        rows = np.flatnonzero(np.broadcast_to(concerned, kind.shape))
        decided = table.decide_frame(needed.iloc[rows], on_missing="undecided")
        columns[attribute.table] = _placed(decided["outcome"], rows, len(frame))
        columns[f"{attribute.table}_rule"] = _placed(decided["rule"], rows, len(frame))
        missing = decided.loc[decided["outcome"].isna(), "missing"].astype(object).value_counts()
        if len(missing):
            undecided[attribute.table] = {str(k): int(v) for k, v in missing.items()}
    result = pd.DataFrame(columns, index=frame.index)
    result.attrs["undecided"] = undecided
    return policy.stamp(result)


def _placed(decided: pd.Series, rows: npt.NDArray[np.intp], size: int) -> pd.Categorical:
    """The decided values in their rows, null elsewhere."""
    place = np.full(size, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    values: pd.Categorical = pd.Categorical(decided).take(place, allow_fill=True)
    return values


def _facts(frame: pd.DataFrame, today: np.datetime64, policy: Policy) -> Mapping[str, pd.Series]:
    facts = {str(name): frame[name] for name in frame.columns}
    derived: tuple[tuple[str, str, _Derive], ...] = (
        ("birth_date", "age_years", full_years),
        ("founded_date", "company_age_years", full_years),
        ("contract_date", "tenure_days", _days_since),
    )
    for source, name, derive in derived:
        if source in facts and name not in facts:
            day = days(facts[source], source)
            late = day > today
            if late.any():
                first = few(frame.index[late])
                raise DataError(
                    f"customers.{source}: {int(late.sum())} dates after as_of {today} ({first})"
                )
            facts[name] = pd.Series(derive(day, today), index=frame.index)
    outlook = facts.get("industry_outlook", pd.Series(None, index=frame.index, dtype=object))
    facts["industry_outlook"] = outlook.astype(object).where(outlook.notna(), "not_stated")
    if "region" in facts and "in_home_region" not in facts:
        home = list(policy.value("home_regions"))
        region = facts["region"]
        facts["in_home_region"] = region.isin(home).astype(object).where(region.notna())
    return facts


def _days_since(start: _Days, today: np.datetime64) -> npt.NDArray[np.float64]:
    return np.where(np.isnat(start), np.nan, (today - start).astype(np.float64))
