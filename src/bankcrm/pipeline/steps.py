"""The steps of a review of customers: one table that every reader of a review goes by."""

from __future__ import annotations

from bankcrm.pipeline import facts
from bankcrm.pipeline.beside import COMPLAINTS, RISK
from bankcrm.pipeline.reasons import needs_page
from bankcrm.pipeline.referrals import (
    Referrals,
    every_referrer,
    learn_referrals,
    referrals_of,
    referrers,
)
from bankcrm.pipeline.step import CUSTOMER, Decision, Fit, Need, Step
from bankcrm.risk.watch_list.assessment import RISKS
from bankcrm.risk.watch_list.facts import Funding
from bankcrm.segmentation import RfmThresholds
from bankcrm.valuation import ValueModel
from bankcrm.valuation.contribution.components import COMPONENTS, MARGIN_PARTS

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
        facts=facts.stage,
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
        derive=facts.population,
        derives_from=("stage", "has_contract", "closed"),
        shown=(CUSTOMER,),
    ),
    Step(
        name="history",
        title="stages of the last two years",
        domain="lifecycle",
        facts=facts.history,
        reads=("stage",),
        frames=("customers", "transactions", "contacts", "accounts"),
        needs=(Need(("transactions",)),),
        hidden=("stage_path", "stage_since"),
    ),
    Step(
        name="occasions",
        title="occasions of contact",
        domain="lifecycle",
        facts=facts.occasions,
        frames=("customers", "contacts"),
        needs=(
            Need(("customers.birth_date",), partial="the actions greet nobody on a birthday"),
            Need(("contacts",), partial="an action counts as open until it lapses"),
            Need(("contacts.outcome",), partial="the actions know no preferred channel"),
            Need(("customers.manager",), partial="the actions name no manager"),
            Need(("consents",), partial="the actions do not know whom the bank may contact"),
        ),
        hidden=("next_birthday", "preferred_channel", "last_contact", "manager"),
    ),
    Step(
        name="averages",
        title="average balances",
        domain="segmentation",
        facts=facts.averages,
        frames=("balances",),
        needs=(Need(("balances",), partial="the actions review no club membership"),),
        hidden=("daily_average", "monthly_average"),
    ),
    Step(
        name="rfm",
        title="recency, frequency, monetary value",
        domain="segmentation",
        facts=facts.rfm,
        fit=Fit(
            "rfm", RfmThresholds, facts.customers_only, facts.learn_rfm,
            nothing="no customer on the day has a transaction of their own",
        ),
        apply=facts.rfm_scores,
        after=("population",),
        frames=("transactions",),
        needs=(Need(("transactions",)),),
        unknown="the customer has no transaction of their own",
        shown=(*facts.RFM, *facts.SCORES),
        decisions=(
            Decision("rfm_segment", "segment", counted=True),
            Decision("rfm_level", "rfm_level"),
        ),
    ),
    Step(
        name="contribution",
        title="contribution",
        domain="valuation",
        facts=facts.positions,
        fit=Fit("interest", facts.InterestProducts, facts.interest, facts.learn_interest),
        apply=facts.contribution_of,
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
        fit=Fit("referrals", Referrals, every_referrer, learn_referrals),
        apply=referrals_of,
        frames=("customers",),
        needs=(Need(("customers.referred_by",)),),
        hidden=("referrals",),
    ),
    Step(
        name="value",
        title="value of customers",
        domain="valuation",
        facts=facts.measures,
        fit=Fit(
            "value", ValueModel, facts.measures_of_customers, facts.learn_value,
            nothing="no measure of value is recorded for a customer on the day",
        ),
        apply=facts.value,
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
        facts=facts.credit_standing,
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
        facts=facts.signals,
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
        derive=facts.warnings,
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
        facts=facts.risk,
        fit=Fit("funding", Funding, facts.deposits, facts.learn_funding),
        apply=facts.funded,
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
        derive=facts.risk_levels,
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


def needs_table() -> str:
    """What each result of a review rests on, as a Markdown table."""
    return needs_page(STEPS, (COMPLAINTS, *RISK))
