"""Classifications of customers by attributes, as decision tables (CSC-1, CBM-2, CBM-1, EB-2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm.calendars.ages import full_years
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_of_day, check_frame, codes, days
from bankcrm.policy import Policy, default_policy
from bankcrm.segmentation._frames import by_customer

_Days = npt.NDArray[np.datetime64]
_Work = Callable[[_Days, np.datetime64], npt.NDArray[np.float64]]
_KIND = Column("kind", "category", choices=("person", "company"))


@attrs.frozen
class Attribute:
    """One classification: its decision table, and which customers it is for.

    Args:
        table: Id of the decision table; also the name of the column.
        applies_to: ``person``, ``company`` or ``both``.
        source: Where it comes from.
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
    ``company_age_years`` and ``in_home_region`` are worked out from ``birth_date``,
    ``contract_date``, ``founded_date`` and ``region``. A customer whose facts do not decide an
    attribute has a null there; ``frame.attrs["undecided"]`` counts them and names the facts.

    Args:
        customers: A row a customer: ``kind`` (person, company), and what is known.
        as_of: The day for ages.
        policy: Segmentation policy; the library's defaults if none.

    Returns:
        Index ``customer_id``: for each attribute its class and ``<attribute>_rule`` (categorical).

    Raises:
        DataError: Faults in the customers, or facts outside what a table allows.

    Source: CSC-1, CBM-2.

    >>> people = pd.DataFrame({"kind": ["person"], "birth_date": pd.to_datetime(["1996-02-29"]),
    ...                        "assets": [1_500_000.0]}, index=[1])
    >>> found = segment_attributes(people, as_of="2026-06-30").loc[1]
    >>> found["age_band"], found["asset_band"]
    ('young', 'wealth')
    """
    policy = policy or default_policy("segmentation")
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
        columns[attribute.table] = _spread(decided["outcome"], rows, len(frame))
        columns[f"{attribute.table}_rule"] = _spread(decided["rule"], rows, len(frame))
        missing = decided.loc[decided["outcome"].isna(), "missing"].astype(object).value_counts()
        if len(missing):
            undecided[attribute.table] = {str(k): int(v) for k, v in missing.items()}
    result = pd.DataFrame(columns, index=frame.index)
    result.attrs["undecided"] = undecided
    return policy.stamp(result)


def _spread(decided: pd.Series, rows: npt.NDArray[np.intp], size: int) -> pd.Categorical:
    """The decided values in their rows, null elsewhere."""
    place = np.full(size, -1, dtype=np.intp)
    place[rows] = np.arange(len(rows))
    values: pd.Categorical = pd.Categorical(decided).take(place, allow_fill=True)
    return values


def _facts(frame: pd.DataFrame, today: np.datetime64, policy: Policy) -> Mapping[str, pd.Series]:
    facts = {str(name): frame[name] for name in frame.columns}
    worked: tuple[tuple[str, str, _Work], ...] = (
        ("birth_date", "age_years", full_years),
        ("founded_date", "company_age_years", full_years),
        ("contract_date", "tenure_days", _days_since),
    )
    for source, name, work in worked:
        if source in facts and name not in facts:
            day = days(facts[source], source)
            late = day > today
            if late.any():
                first = ", ".join(map(str, frame.index[late][:5]))
                raise DataError(
                    f"customers.{source}: {int(late.sum())} dates after as_of {today} "
                    f"(first: {first})"
                )
            facts[name] = pd.Series(work(day, today), index=frame.index)
    outlook = facts.get("industry_outlook", pd.Series(None, index=frame.index, dtype=object))
    facts["industry_outlook"] = outlook.astype(object).where(outlook.notna(), "not_stated")
    if "region" in facts and "in_home_region" not in facts:
        home = list(policy.value("home_regions"))
        region = facts["region"]
        facts["in_home_region"] = region.isin(home).astype(object).where(region.notna())
    return facts


def _days_since(start: _Days, today: np.datetime64) -> npt.NDArray[np.float64]:
    return np.where(np.isnat(start), np.nan, (today - start).astype(np.float64))


def product_use(accounts: object, *, as_of: object, policy: Policy | None = None) -> pd.DataFrame:
    """Count each customer's open products and what they are for.

    Args:
        accounts: ``account_id``, ``customer_id``, ``product``, ``opened_date`` and where closed
            ``closed_date``.
        as_of: The day; an account opened later or closed by then is left out.
        policy: Segmentation policy; its parameter ``product_need`` says what a product is for
            (investing, consuming, saving).

    Returns:
        Index ``customer_id``: ``products`` (int64, different open products), ``invest_share``,
        ``consume_share``, ``save_share`` (float64, shares of the open accounts that have a need;
        null without one), as `segment_attributes` reads them.

    Raises:
        DataError: Faults in the accounts, all told at once.

    Source: CSC-1.

    >>> accounts = pd.DataFrame({"account_id": [1, 2], "customer_id": [7, 7],
    ...                          "product": ["demand", "fund"],
    ...                          "opened_date": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    >>> product_use(accounts, as_of="2026-01-01").loc[7].tolist()
    [2.0, 0.5, 0.0, 0.5]
    """
    policy = policy or default_policy("segmentation")
    today = as_of_day(as_of)
    contract = (
        Column("account_id", "id"),
        Column("customer_id", "id"),
        Column("product", "category"),
        Column("opened_date", "date"),
        Column("closed_date", "date", False, True),
    )
    frame = check_frame(accounts, contract, frame="accounts", key="account_id")
    customer, ids = codes(frame["customer_id"])
    is_open = days(frame["opened_date"]) <= today
    if "closed_date" in frame:
        closed = days(frame["closed_date"])
        is_open &= np.isnat(closed) | (closed > today)
    customer, product = customer[is_open], frame["product"][is_open]
    code, names = codes(product)
    pairs = np.unique(customer * max(len(names), 1) + code)
    counts = np.bincount(pairs // max(len(names), 1), minlength=len(ids))
    need = policy.value("product_need")
    label = product.astype(object).map(dict(need)).to_numpy()
    by_need = {
        word: np.bincount(customer[label == word], minlength=len(ids)).astype(np.float64)
        for word in ("investing", "consuming", "saving")
    }
    total = np.sum(list(by_need.values()), axis=0)
    total[total == 0] = np.nan
    shares = {
        "invest_share": by_need["investing"] / total,
        "consume_share": by_need["consuming"] / total,
        "save_share": by_need["saving"] / total,
    }
    index = ids.rename("customer_id")
    return policy.stamp(pd.DataFrame({"products": counts, **shares}, index=index).sort_index())
