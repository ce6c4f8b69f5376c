"""The steps of a review of customers: one table that every reader of a review goes by."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd

from bankcrm.frames import as_of_day
from bankcrm.lifecycle import stage_facts
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.referrals import Referrals, count_referrals, referrals_of, referrers
from bankcrm.pipeline.shims import (
    InterestProducts,
    book_of,
    filled,
    interest_products,
    signal_facts,
    weigh_signals,
    with_balances,
)
from bankcrm.pipeline.step import Decision, Fit, Step
from bankcrm.policy import PolicySet
from bankcrm.segmentation import RfmThresholds, fit_rfm, score_rfm
from bankcrm.segmentation.rfm.sums import rfm_metrics_of
from bankcrm.valuation import (
    ValueModel,
    contribution,
    fit_value_model,
    positions_of,
    score_value,
    value_measures,
)
from bankcrm.valuation.components import COMPONENTS, MARGIN_PARTS

RFM = ("recency_days", "frequency", "monetary")
SCORES = ("r", "f", "m", "rfm_score")


def _stage(block: Block) -> pd.DataFrame:
    book = book_of(block)
    return stage_facts(
        book.customers,
        book.transactions,
        as_of=block.day,
        policy=block.policy("lifecycle"),
        contacts=book.contacts,
        accounts=book.accounts,
    )


def _rfm(block: Block) -> pd.DataFrame:
    return rfm_metrics_of(
        block.view["transactions"],
        as_of=as_of_day(block.day),
        policy=block.policy("segmentation"),
    )


def _learn_rfm(metrics: pd.DataFrame, _: PolicySet) -> RfmThresholds | None:
    return fit_rfm(metrics) if len(metrics) else None


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
    year = timedelta(days=int(policy.value("year_days")))
    book, source = with_balances(block)
    return positions_of(
        book.accounts,
        book.balances,
        book.transactions,
        book.loans,
        book.contacts,
        start=block.day - year + timedelta(days=1),
        end=block.day,
        source=source,
        policy=policy,
    )


def _contribution(block: Block, positions: pd.DataFrame, booked: InterestProducts) -> pd.DataFrame:
    return contribution(
        filled(positions, booked), policy=block.policy("valuation"), customers=block.customers
    )


def _measures(block: Block) -> pd.DataFrame:
    return value_measures(
        book_of(block),
        as_of=block.day,
        policy=block.policy("valuation"),
        known=block.fitted.frames,
    )


def _all_measures(measures: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The measures with those that rest on the whole book."""
    return measures.assign(contribution=found["contribution"], referrals=found["referrals"])


def _learn_value(measures: pd.DataFrame, policies: PolicySet) -> ValueModel:
    known = measures.dropna(axis="columns", how="all")
    return fit_value_model(known, policy=policies["valuation"])


def _value(block: Block, measures: pd.DataFrame, model: ValueModel) -> pd.DataFrame:
    rows = _all_measures(measures, block.found)
    absent = {m.name: np.nan for m in model.measures if m.name not in rows}
    scores = score_value(rows.assign(**absent), model=model, policy=block.policy("valuation"))
    return scores[["score", "growth", "risk"]].rename(columns={"score": "value_score"})


def _credit_standing(block: Block) -> pd.DataFrame:
    customers = block.view["customers"].frame.set_index("customer_id")
    return customers.reindex(columns=["credit_standing"])


def _signals(block: Block) -> pd.DataFrame:
    return signal_facts(block)


def _at_stake(found: pd.DataFrame, _: PolicySet) -> pd.DataFrame:
    """What the bank stands to lose: a customer who brings nothing puts nothing at stake."""
    return pd.DataFrame({"value_at_stake": found["contribution"].clip(lower=0)})


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
        fit=Fit(
            "interest", InterestProducts, lambda raw, _: interest_products(raw),
            lambda sample, _: InterestProducts.of(sample),
        ),
        apply=_contribution,
        frames=("accounts", "balances", "transactions", "loans", "contacts"),
        shown=(*MARGIN_PARTS, *COMPONENTS, "contribution", "balance", "outstanding"),
    ),
    Step(
        name="referrals",
        title="value of customers",
        domain="valuation",
        facts=referrers,
        fit=Fit("referrals", Referrals, lambda raw, _: raw, count_referrals),
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
        derive=weigh_signals,
        derives_from=("warning_rules", "contribution"),
        shown=("warning_reasons", "value_at_stake"),
        decisions=(
            Decision(
                "warning_level", "warning", columns={"score": "warning_score"},
                on_missing="raise", counted=True,
            ),
        ),
    ),
)  # fmt: skip
