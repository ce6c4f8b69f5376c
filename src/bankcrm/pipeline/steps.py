"""The steps of a review of customers: one table that every reader of a review goes by."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd

from bankcrm.frames.arrays import as_of_day
from bankcrm.lifecycle.actions.signals import signal_facts_of
from bankcrm.lifecycle.actions.warnings import weigh_signals
from bankcrm.lifecycle.stages.facts import stage_facts_of
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.referrals import Referrals, learn_referrals, referrals_of, referrers
from bankcrm.pipeline.step import Decision, Fit, Step
from bankcrm.policy import PolicySet
from bankcrm.segmentation import RfmThresholds, fit_rfm, score_rfm
from bankcrm.segmentation.rfm.sums import rfm_metrics_of
from bankcrm.valuation import ValueModel, contribution, fit_value_model, score_value
from bankcrm.valuation.contribution.components import COMPONENTS, MARGIN_PARTS
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


def _stage(block: Block) -> pd.DataFrame:
    policy = block.policy("lifecycle")
    return stage_facts_of(block.view, as_of_day(block.day), policy)


def _rfm(block: Block) -> pd.DataFrame:
    return rfm_metrics_of(
        block.view["transactions"],
        as_of=as_of_day(block.day),
        policy=block.policy("segmentation"),
    )


def _learn_rfm(metrics: pd.DataFrame, policies: PolicySet) -> RfmThresholds | None:
    """Cut points by which nobody is recent who would count as lost."""
    if not len(metrics):
        return None
    return fit_rfm(metrics, lost_after_days=policies["lifecycle"].value("lost_after_days"))


def _rfm_scores(block: Block, metrics: pd.DataFrame, cuts: RfmThresholds | None) -> pd.DataFrame:
    """Metrics and scores; null where a customer has no movement of their own."""
    if cuts is None:
        scored = metrics.assign(**dict.fromkeys(SCORES, pd.Series(dtype="int64")))
    else:
        scored = metrics.join(score_rfm(metrics, cuts))
    types = dict.fromkeys(("r", "f", "m"), "Int8")
    types |= dict.fromkeys(("recency_days", "frequency", "rfm_score"), "Int64")
    return scored.astype(types).reindex(block.customers)


def _positions(block: Block) -> pd.DataFrame:
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


def _interest(positions: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """One row per product that books interest in a block."""
    found = interest_products(positions)
    rows = [(kind, product) for kind, products in found.items() for product in sorted(products)]
    return pd.DataFrame(rows, columns=["kind", "product"])


def _learn_interest(sample: pd.DataFrame, _: PolicySet) -> InterestProducts:
    named = {k: tuple(sorted(set(sample["product"][sample["kind"] == k]))) for k in INTEREST}
    return InterestProducts(**named)


def _contribution(block: Block, positions: pd.DataFrame, booked: InterestProducts) -> pd.DataFrame:
    filled = fill_interest(positions, attrs.asdict(booked))
    return contribution(filled, policy=block.policy("valuation"), customers=block.customers)


def _measures(block: Block) -> pd.DataFrame:
    return value_measures_of(
        block.view, as_of=as_of_day(block.day), policy=block.policy("valuation")
    )


def _all_measures(measures: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The measures with those that rest on the whole book."""
    return measures.assign(contribution=found["contribution"], referrals=found["referrals"])


def _learn_value(measures: pd.DataFrame, policies: PolicySet) -> ValueModel:
    return fit_value_model(measures, policy=policies["valuation"])


def _value(block: Block, measures: pd.DataFrame, model: ValueModel) -> pd.DataFrame:
    rows = _all_measures(measures, block.found)
    scores = score_value(rows, model=model, policy=block.policy("valuation"))
    return scores[["score", "growth", "risk"]].rename(columns={"score": "value_score"})


def _credit_standing(block: Block) -> pd.DataFrame:
    customers = block.view["customers"].frame.set_index("customer_id")
    return customers.reindex(columns=["credit_standing"])


def _signals(block: Block) -> pd.DataFrame:
    policy = block.policy("lifecycle")
    return signal_facts_of(block.view, block.found, as_of_day(block.day), policy)


def _warnings(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    """The signals weighed; a customer who brings nothing puts nothing at stake."""
    weighed = weigh_signals(found["warning_rules"], policies["lifecycle"])
    return weighed.assign(value_at_stake=found["contribution"].clip(lower=0))


STEPS: tuple[Step, ...] = (
    Step(
        name="stage",
        title="lifecycle stages",
        domain="lifecycle",
        facts=_stage,
        frames=("customers", "transactions", "contacts", "accounts"),
        shown=("kind", "days_since_contract", "days_idle", "activity_ratio"),
        decisions=(Decision("stage", "stage", on_missing="raise", counted=True),),
    ),
    Step(
        name="rfm",
        title="recency, frequency, monetary value",
        domain="segmentation",
        facts=_rfm,
        fit=Fit("rfm", RfmThresholds, lambda raw, _: raw, _learn_rfm),
        apply=_rfm_scores,
        frames=("transactions",),
        needs=("transactions",),
        shown=(*RFM, *SCORES),
        decisions=(
            Decision("rfm_segment", "segment", counted=True),
            Decision("rfm_level", "rfm_level"),
        ),
    ),
    Step(
        name="contribution",
        title="contribution",
        domain="valuation",
        facts=_positions,
        fit=Fit("interest", InterestProducts, _interest, _learn_interest),
        apply=_contribution,
        frames=("accounts", "balances", "transactions", "loans", "contacts"),
        shown=(*MARGIN_PARTS, *COMPONENTS, "contribution", "balance", "outstanding"),
    ),
    Step(
        name="referrals",
        title="value of customers",
        domain="valuation",
        facts=referrers,
        fit=Fit("referrals", Referrals, lambda raw, _: raw, learn_referrals),
        apply=referrals_of,
        frames=("customers",),
        needs=("customers.referred_by",),
        hidden=("referrals",),
    ),
    Step(
        name="value",
        title="value of customers",
        domain="valuation",
        facts=_measures,
        fit=Fit(
            "value", ValueModel, _all_measures, _learn_value
        ),
        apply=_value,
        after=("contribution", "referrals"),
        frames=("customers", "transactions", "accounts", "balances", "loans", "complaints"),
        shown=("value_score", "growth", "risk"),
    ),
    Step(
        name="tier",
        title="tiers and resources",
        domain="segmentation",
        facts=_credit_standing,
        frames=("customers",),
        decisions=(
            Decision("tier_standing", "standing", on_missing="raise", shown=()),
            Decision("tier_value", "value_level", on_missing="raise", shown=()),
            Decision("tier_growth", "growth_level", on_missing="raise", shown=()),
            Decision("tier", "tier", on_missing="raise", counted=True),
            Decision("resource_level", "resource_level", on_missing="raise", counted=True),
        ),
    ),
    Step(
        name="signals",
        title="early warnings",
        domain="lifecycle",
        facts=_signals,
        reads=("stage",),
        frames=("customers", "transactions", "accounts", "balances", "complaints"),
        decisions=(
            Decision(
                "warning", "", rule="warning_rules", on_missing="raise", shown=("rule",)
            ),
        ),
    ),
    Step(
        name="warning",
        title="early warnings",
        domain="lifecycle",
        derive=_warnings,
        derives_from=("warning_rules", "contribution"),
        shown=("warning_reasons", "value_at_stake"),
        decisions=(
            Decision(
                "warning_level", "warning",
                on_missing="raise", counted=True,
            ),
        ),
    ),
)  # fmt: skip
