"""The steps of a review of customers: one table that every reader of a review goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs
import numpy as np
import pandas as pd

from bankcrm.frames.arrays import as_of_day
from bankcrm.lifecycle.actions.occasions import occasions_of
from bankcrm.lifecycle.actions.signals import signal_facts_of
from bankcrm.lifecycle.actions.warnings import weigh_signals
from bankcrm.lifecycle.history.path import stage_path_of
from bankcrm.lifecycle.stages.facts import stage_facts_of
from bankcrm.pipeline.averages import averages_of
from bankcrm.pipeline.block import Block
from bankcrm.pipeline.fitted import Fitted
from bankcrm.pipeline.reasons import needs_page, reasons_of
from bankcrm.pipeline.referrals import Referrals, learn_referrals, referrals_of, referrers
from bankcrm.pipeline.step import CUSTOMER, Decision, Fit, Need, Step
from bankcrm.policy import PolicySet
from bankcrm.risk.watch_list.assessment import RISKS, levels_of
from bankcrm.risk.watch_list.facts import Funding, risk_facts_of, with_funding
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


def _history(block: Block) -> pd.DataFrame:
    policy = block.policy("lifecycle")
    return stage_path_of(block.view, block.found["stage"], as_of_day(block.day), policy)


def _occasions(block: Block) -> pd.DataFrame:
    return occasions_of(block.view, as_of_day(block.day), block.policy("lifecycle"))


def _averages(block: Block) -> pd.DataFrame:
    return averages_of(block.view, as_of_day(block.day), block.policy("segmentation"))


def _population(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    """Who is a customer on the day: by stage; without one, by a contract that is not ended."""
    stage = found["stage"]
    counted = stage.isin(policies["lifecycle"].value("customer_stages")).to_numpy(np.bool_)
    related = found["has_contract"].to_numpy(np.bool_) & ~found["closed"].to_numpy(np.bool_)
    mine = np.where(stage.notna().to_numpy(), counted, related)
    return pd.DataFrame({CUSTOMER: mine}, index=found.index)


def _customers_only(rows: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The rows of customers on the day, from whom fits learn."""
    mine = found.index[found[CUSTOMER].to_numpy(np.bool_)]
    return rows.loc[rows.index.isin(mine)]


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


def _measures_of_customers(measures: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    return _customers_only(_all_measures(measures, found), found)


def _learn_value(measures: pd.DataFrame, policies: PolicySet) -> ValueModel | None:
    if not len(measures) or not measures.notna().to_numpy().any():
        return None
    return fit_value_model(measures, policy=policies["valuation"])


def _value(block: Block, measures: pd.DataFrame, model: ValueModel) -> pd.DataFrame:
    rows = _all_measures(measures, block.found)
    scores = score_value(rows, model=model, policy=block.policy("valuation"))
    # a bank's own indicators may be others: what is not among them is not known
    named = scores.reindex(columns=["score", "growth", "risk"])
    return named.rename(columns={"score": "value_score"})


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


def _risk(block: Block) -> pd.DataFrame:
    return risk_facts_of(block.view, as_of_day(block.day), block.policy("risk"))


def _deposits(facts: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """The deposits of a block."""
    return pd.DataFrame({"deposits": [facts["deposits"].sum()]})


def _learn_funding(sample: pd.DataFrame, _: PolicySet) -> Funding:
    return Funding(round(float(sample["deposits"].sum()), 2))


def _funded(_: Block, facts: pd.DataFrame, funding: Funding | None) -> pd.DataFrame:
    return with_funding(facts, funding)


def _risk_levels(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    return levels_of({r: found[f"{r}_risk_rules"] for r in RISKS}, policies["risk"])


BALANCES = ("balances", "transactions.balance")
"""Where the balances of a review come from."""

RISK_RECORDS = ("loans.status", "customers.credit_standing", "complaints", "balances",
                "accounts")  # fmt: skip
"""What says something about the relationship risks of a customer."""

PRODUCTS_UNKNOWN = "a holder of a product that needs no transactions counts as idle"
"""What stages leave out where the book records no accounts."""

STEPS: tuple[Step, ...] = (
    Step(
        name="stage",
        title="lifecycle stages",
        domain="lifecycle",
        facts=_stage,
        frames=("customers", "transactions", "contacts", "accounts"),
        needs=(
            Need(("transactions",), ("days_idle", "activity_ratio", "stage")),
            Need(("customers.contract_date",), ("days_since_contract",),
                 partial="a relationship counts from the first transaction"),
            Need(("contacts",), ("stage",), partial="a lead counts as a prospect"),
            Need(("accounts",), ("stage",), partial=PRODUCTS_UNKNOWN),
        ),
        unknown="the customer has neither a contract nor a transaction",
        shown=("kind", "days_since_contract", "days_idle", "activity_ratio"),
        decisions=(Decision("stage", "stage", counted=True),),
    ),
    Step(
        name="population",
        title="customers on the day",
        domain="lifecycle",
        derive=_population,
        derives_from=("stage", "has_contract", "closed"),
        shown=(CUSTOMER,),
    ),
    Step(
        name="history",
        title="stages of the last two years",
        domain="lifecycle",
        facts=_history,
        reads=("stage",),
        frames=("customers", "transactions", "contacts", "accounts"),
        needs=(Need(("transactions",)),),
        hidden=("stage_path", "stage_since"),
    ),
    Step(
        name="occasions",
        title="occasions of contact",
        domain="lifecycle",
        facts=_occasions,
        frames=("customers", "contacts"),
        needs=(
            Need(("customers.birth_date",), partial="the actions greet nobody on a birthday"),
            Need(("contacts",), partial="an action counts as open until it lapses"),
            Need(("contacts.outcome",), partial="the actions know no preferred channel"),
            Need(("customers.manager",), partial="the actions name no manager"),
        ),
        hidden=("next_birthday", "preferred_channel", "last_contact", "manager"),
    ),
    Step(
        name="averages",
        title="average balances",
        domain="segmentation",
        facts=_averages,
        frames=("balances",),
        needs=(Need(("balances",), partial="the actions review no club membership"),),
        hidden=("daily_average", "monthly_average"),
    ),
    Step(
        name="rfm",
        title="recency, frequency, monetary value",
        domain="segmentation",
        facts=_rfm,
        fit=Fit(
            "rfm", RfmThresholds, _customers_only, _learn_rfm,
            nothing="no customer on the day has a transaction of their own",
        ),
        apply=_rfm_scores,
        after=("population",),
        frames=("transactions",),
        needs=(Need(("transactions",)),),
        unknown="the customer has no transaction of their own",
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
        needs=(
            Need(BALANCES, ("contribution", "deposit_margin", "funds_credit", "interest_paid",
                            "commission", "tax", "balance")),
            Need((*BALANCES, "loans"), ("loan_margin", "interest_received", "funds_cost",
                                        "expected_loss", "capital_charge", "outstanding")),
            Need(("transactions",), ("contribution", "fees", "tax")),
            Need(("loans",), ("contribution",),
                 partial="contribution counts no loans but those among the balances"),
            Need(("accounts",), ("contribution",),
                 partial="every account counts as one of the default product"),
            Need(("contacts",), ("cost_to_serve",), partial="cost to serve counts no contacts"),
        ),
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
        needs=(Need(("customers.referred_by",)),),
        hidden=("referrals",),
    ),
    Step(
        name="value",
        title="value of customers",
        domain="valuation",
        facts=_measures,
        fit=Fit(
            "value", ValueModel, _measures_of_customers, _learn_value,
            nothing="no measure of value is recorded for a customer on the day",
        ),
        apply=_value,
        after=("population", "contribution", "referrals"),
        where=CUSTOMER,
        frames=("customers", "transactions", "accounts", "balances", "loans", "complaints"),
        needs=(
            Need(("contribution",), ("value_score",)),
            Need(("transactions", "customers.income", "customers.birth_date",
                  "customers.occupation"), ("growth",)),
            Need(("transactions", "loans.status", "customers.credit_standing"), ("risk",)),
            Need(("customers.satisfaction", "complaints"), ("value_score",),
                 partial="the value score does not measure satisfaction"),
            Need(("loans.status", "customers.credit_standing"), ("risk",),
                 partial="risk rests on penalty interest alone"),
        ),
        shown=("value_score", "growth", "risk"),
    ),
    Step(
        name="tier",
        title="tiers and resources",
        domain="segmentation",
        facts=_credit_standing,
        where=CUSTOMER,
        frames=("customers",),
        needs=(
            Need(("contribution",), ("value_level", "tier", "resource_level")),
            Need(("growth",), ("tier",), partial="no customer is found to have potential"),
            Need(("customers.credit_standing",), ("standing",),
                 partial="standing rests on the risk score alone"),
        ),
        decisions=(
            Decision("tier_standing", "standing", shown=()),
            Decision("tier_value", "value_level", shown=()),
            Decision("tier_growth", "growth_level", shown=()),
            Decision("tier", "tier", counted=True),
            Decision("resource_level", "resource_level", counted=True),
        ),
    ),
    Step(
        name="signals",
        title="early warnings",
        domain="lifecycle",
        facts=_signals,
        reads=("stage",),
        frames=("customers", "transactions", "accounts", "balances", "complaints"),
        needs=(
            Need(("transactions",)),
            Need(("balances",), ("warning_rules",), partial="no warning of falling balances"),
            Need(("accounts.closed_date",), ("warning_rules",),
                 partial="no warning of closed products"),
            Need(("complaints",), ("warning_rules",), partial="no warning of complaints"),
        ),
        decisions=(Decision("warning", "", rule="warning_rules", shown=("rule",)),),
    ),
    Step(
        name="warning",
        title="early warnings",
        domain="lifecycle",
        derive=_warnings,
        derives_from=("warning_rules", "contribution"),
        needs=(
            Need(("warning_rules",), ("warning", "warning_reasons")),
            Need(("contribution",), ("value_at_stake",)),
        ),
        shown=("warning_reasons", "value_at_stake"),
        decisions=(Decision("warning_level", "warning", where=CUSTOMER, counted=True),),
    ),
    Step(
        name="risk",
        title="relationship risks",
        domain="risk",
        facts=_risk,
        fit=Fit("funding", Funding, _deposits, _learn_funding),
        apply=_funded,
        where=CUSTOMER,
        frames=("customers", "loans", "transactions", "complaints", "accounts", "balances"),
        hidden=("deposits", "funding_share"),
        decisions=tuple(
            Decision(f"{r}_risk", "", rule=f"{r}_risk_rules", shown=()) for r in RISKS
        ),
    ),
    Step(
        name="risk_level",
        title="relationship risks",
        domain="risk",
        derive=_risk_levels,
        derives_from=tuple(f"{r}_risk_rules" for r in RISKS),
        where=CUSTOMER,
        needs=(
            Need(RISK_RECORDS, ("risk_level", "raised_risks", "risk_reasons")),
            Need(("loans.status", "customers.credit_standing"), ("credit_risk",)),
            Need(("complaints",), ("operational_risk", "reputation_risk")),
            Need(("customers.risk_grade",), ("market_risk",)),
            Need(("accounts",), ("market_risk",)),
            Need(("balances",), ("liquidity_risk",)),
        ),
        shown=(*(f"{r}_risk" for r in RISKS), "risk_level", "raised_risks", "risk_reasons"),
        counted=("risk_level",),
    ),
)  # fmt: skip

COMPLAINTS = Need(("complaints",), ("complaints",))
"""What the results about complaints rest on, which are no steps of a review of customers."""


RISK = (
    Need(("links",), ("groups", "group_warnings")),
    Need(("credits",), ("exposure", "limit_use", "group_warnings")),
    Need(("capital",), ("limit_use",)),
    Need(("risk_level",), ("watch_list",)),
)
"""What the results about groups, credit and the watch list rest on: they have other rows."""


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


def needs_table() -> str:
    """What each result of a review rests on, as a Markdown table."""
    return needs_page(STEPS, (COMPLAINTS, *RISK))
