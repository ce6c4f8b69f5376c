"""What each step of a review computes from its frames, and what it learns from the whole book."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm.frames.arrays import as_of_day
from bankcrm.frames.numbering import is_among
from bankcrm.lifecycle.actions.occasions import occasions_of
from bankcrm.lifecycle.actions.signals import signal_facts_of
from bankcrm.lifecycle.actions.warnings import weigh_signals
from bankcrm.lifecycle.history.path import stage_path_of
from bankcrm.lifecycle.stages.facts import stage_facts_of
from bankcrm.lifecycle.stages.timeline import forget_timeline
from bankcrm.pipeline.averages import averages_of
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.step import CUSTOMER
from bankcrm.policy import PolicySet
from bankcrm.risk.watch_list.assessment import RISKS, levels_of
from bankcrm.risk.watch_list.facts import Funding, risk_facts_of, with_funding
from bankcrm.segmentation import RfmThresholds, fit_rfm, score_rfm
from bankcrm.segmentation.rfm.sums import rfm_metrics_of
from bankcrm.valuation import ValueModel, contribution, fit_value_model, score_value
from bankcrm.valuation.contribution.interest import INTEREST, fill_interest, interest_products
from bankcrm.valuation.contribution.positions import balance_source, positions_in
from bankcrm.valuation.value.measures import value_measures_of


@attrs.frozen
class InterestProducts:
    """The products that book interest somewhere in the book; the others' is computed by rate."""

    interest_paid: tuple[str, ...] = ()
    interest_received: tuple[str, ...] = ()


RFM = ("recency_days", "frequency", "monetary")
SCORES = ("r", "f", "m", "rfm_score")


def stage(block: Block) -> pd.DataFrame:
    """The facts of the stages."""
    policy = block.policy("lifecycle")
    return stage_facts_of(block.view, as_of_day(block.day), policy)


def history(block: Block) -> pd.DataFrame:
    """The stages of the last month ends."""
    policy = block.policy("lifecycle")
    path = stage_path_of(block.view, block.found["stage"], as_of_day(block.day), policy)
    forget_timeline(block.view, policy)
    return path


def occasions(block: Block) -> pd.DataFrame:
    """What gives an occasion to contact a customer."""
    return occasions_of(block.view, as_of_day(block.day), block.policy("lifecycle"))


def averages(block: Block) -> pd.DataFrame:
    """The average balances of customers."""
    return averages_of(block.view, as_of_day(block.day), block.policy("segmentation"))


def population(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    """Who is a customer on the day: by stage; without one, by a contract that is not ended."""
    stage = found["stage"]
    counted = stage.isin(policies["lifecycle"].value("customer_stages")).to_numpy(np.bool_)
    related = found["has_contract"].to_numpy(np.bool_) & ~found["closed"].to_numpy(np.bool_)
    mine = np.where(stage.notna().to_numpy(), counted, related)
    return pd.DataFrame({CUSTOMER: mine}, index=found.index)


def customers_only(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The rows of customers on the day, from whom fits learn."""
    mine = found.index[found[CUSTOMER].to_numpy(np.bool_)]
    return rows.loc[is_among(rows.index, mine)]


def rfm(block: Block) -> pd.DataFrame:
    """The metrics of the customers with a movement of their own."""
    return rfm_metrics_of(
        block.view["transactions"],
        as_of=as_of_day(block.day),
        policy=block.policy("segmentation"),
    )


def learn_rfm(metrics: pd.DataFrame, policies: PolicySet) -> RfmThresholds | None:
    """Cut points by which nobody is recent who would count as lost."""
    if not len(metrics):
        return None
    return fit_rfm(metrics, lost_after_days=policies["lifecycle"].value("lost_after_days"))


def rfm_scores(block: Block, metrics: pd.DataFrame, cuts: RfmThresholds | None) -> pd.DataFrame:
    """Metrics and scores; null where a customer has no movement of their own."""
    if cuts is None:
        scored = metrics.assign(**dict.fromkeys(SCORES, pd.Series(dtype="int64")))
    else:
        scored = metrics.join(score_rfm(metrics, cuts))
    types = dict.fromkeys(("r", "f", "m"), "Int8")
    types |= dict.fromkeys(("recency_days", "frequency", "rfm_score"), "Int64")
    return scored.astype(types).reindex(block.customers)


def positions(block: Block) -> pd.DataFrame:
    """One row per account or loan of the year that ends with the day."""
    policy = block.policy("valuation")
    end = as_of_day(block.day)
    return positions_in(
        block.view,
        start=end - np.timedelta64(int(policy.value("year_days")) - 1, "D"),
        end=end,
        source=balance_source(block.fitted.recorded),
        policy=policy,
    )


def interest(positions: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """One row per product that books interest in a block."""
    found = interest_products(positions)
    rows = [(kind, product) for kind, products in found.items() for product in sorted(products)]
    return pd.DataFrame(rows, columns=["kind", "product"])


def learn_interest(sample: pd.DataFrame, _: PolicySet) -> InterestProducts:
    """The products that book interest in any block."""
    named = {k: tuple(sorted(set(sample["product"][sample["kind"] == k]))) for k in INTEREST}
    return InterestProducts(**named)


def contribution_of(
    block: Block, positions: pd.DataFrame, booked: InterestProducts
) -> pd.DataFrame:
    """The contribution of the year, with interest by rate where none is booked."""
    filled = fill_interest(positions, attrs.asdict(booked))
    return contribution(filled, policy=block.policy("valuation"), customers=block.customers)


def measures(block: Block) -> pd.DataFrame:
    """What the value indicators measure."""
    return value_measures_of(
        block.view, as_of=as_of_day(block.day), policy=block.policy("valuation")
    )


def all_measures(measures: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The measures with those that rest on the whole book."""
    return measures.assign(contribution=found["contribution"], referrals=found["referrals"])


def measures_of_customers(measures: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The measures from which the value model learns."""
    return customers_only(all_measures(measures, found), found)


def learn_value(measures: pd.DataFrame, policies: PolicySet) -> ValueModel | None:
    """The value model; None where nothing is measured."""
    if not len(measures) or not measures.notna().to_numpy().any():
        return None
    return fit_value_model(measures, policy=policies["valuation"])


def value(block: Block, measures: pd.DataFrame, model: ValueModel) -> pd.DataFrame:
    """The value score, with growth and risk."""
    rows = all_measures(measures, block.found)
    scores = score_value(rows, model=model, policy=block.policy("valuation"))
    # a bank's own indicators may be others: what is not among them is not known
    named = scores.reindex(columns=["score", "growth", "risk"])
    return named.rename(columns={"score": "value_score"})


def credit_standing(block: Block) -> pd.DataFrame:
    """The recorded credit standing."""
    customers = block.view["customers"].frame.set_index("customer_id")
    return customers.reindex(columns=["credit_standing"])


def signals(block: Block) -> pd.DataFrame:
    """The facts of the early warnings."""
    policy = block.policy("lifecycle")
    return signal_facts_of(block.view, block.found, as_of_day(block.day), policy)


def warnings(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    """The signals weighed; a customer who brings nothing puts nothing at stake."""
    weighed = weigh_signals(found["warning_rules"], policies["lifecycle"])
    return weighed.assign(value_at_stake=found["contribution"].clip(lower=0))


def risk(block: Block) -> pd.DataFrame:
    """The facts of the relationship risks."""
    return risk_facts_of(block.view, as_of_day(block.day), block.policy("risk"))


def deposits(facts: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """The deposits of a block."""
    return pd.DataFrame({"deposits": [facts["deposits"].sum()]})


def learn_funding(sample: pd.DataFrame, _: PolicySet) -> Funding:
    """The deposits of all customers."""
    return Funding(round(float(sample["deposits"].sum()), 2))


def funded(_: Block, facts: pd.DataFrame, funding: Funding | None) -> pd.DataFrame:
    """The facts with each customer's share of all deposits."""
    return with_funding(facts, funding)


def risk_levels(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    """The level of each risk, and of all together."""
    return levels_of({r: found[f"{r}_risk_rules"] for r in RISKS}, policies["risk"])
