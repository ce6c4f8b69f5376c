"""Prospects who look like the members of a group: a scorecard on facts known of them (CBM-8)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card as html_card
from bankcrm._display import figures_of
from bankcrm.arguments import as_items
from bankcrm.errors import DataError, UnknownNameError
from bankcrm.frames import Column, as_frame
from bankcrm.frames.customers import by_customer
from bankcrm.marketing.campaigns.groups import draws
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.scoring import Card, CardChecks, check_card, fit_card, score_card

_HELD_OUT = 0.3  # share of the customers on whom the card is checked


@attrs.frozen(eq=False, repr=False)
class LookAlike:
    """A scorecard whose event is "is a member", and how well it separates members from others.

    `bankcrm.scoring.score_card` scores prospects by ``card``; fewer points are more alike.

    Attributes:
        card: The card, fitted on all customers.
        checks: The checks of a card that was fitted on seven tenths of the customers, on the rest.
        not_known: Columns of the customers that were not used because no prospect has them.
        protected: Protected attributes that the card may use because they were allowed.
    """

    card: Card
    checks: CardChecks
    not_known: tuple[str, ...]
    protected: tuple[str, ...]

    @property
    def useful(self) -> bool:
        """Whether the card ranks better than chance: the interval of the AUC lies above 0.5."""
        return self.checks.auc.lower > 0.5

    def __repr__(self) -> str:
        verdict = "" if self.useful else "; NO BETTER THAN CHANCE"
        lift = float(self.checks.bands["lift"].iloc[0])
        return (
            f"<LookAlike: AUC {self.checks.auc} on {self.checks.rows:,} customers held out, "
            f"{lift:.1f} times as many members among the tenth most alike{verdict}>"
        )

    def _repr_html_(self) -> str:
        figures = figures_of(self, "useful", "not_known", "protected")
        figures["AUC"] = str(self.checks.auc)
        return html_card("Look-alike", figures, self.checks.bands, repr(self))


def fit_lookalike(
    customers: object,
    member: str,
    *,
    prospects: object,
    features: Sequence[str] | None = None,
    allow: Sequence[str] = (),
    policy: Policy | None = None,
) -> LookAlike:
    """Learn what the members of a group have in common, from facts that are known of prospects.

    Choose members by what they are, such as holders of a product. Those whom an earlier campaign
    picked only show how it picked.

    Args:
        customers: One row per customer: ``customer_id``, the column ``member`` and facts as of a
            day before they became members.
        member: The boolean column that says who is a member.
        prospects: The prospects to be scored: a fact is used only if it is known of some of them.
        features: Columns to use; None: all columns that both frames have.
        allow: Protected attributes, of the policy's list, that may be used all the same.
        policy: Marketing policy; the library's default if None.

    Raises:
        DataError: A feature is protected and not allowed, is not known of any prospect, there are
            too few members, or as for `bankcrm.scoring.fit_card`.
        UnknownNameError: A feature is not a column of the customers.

    Source: CBM-8.

    >>> people = pd.DataFrame({"customer_id": range(600), "city": ["A", "B", "C"] * 200})
    >>> people["fund"] = (people["city"] == "A") ^ (people["customer_id"] % 5 == 0)
    >>> look = fit_lookalike(people, "fund", prospects=pd.DataFrame({"city": ["A", "B"]}))
    >>> score_card(pd.DataFrame({"city": ["A", "B"]}), look.card)["probability"].round(2).tolist()
    [0.8, 0.2]
    """
    policy = policy_of(policy, "marketing")
    if not isinstance(member, str):
        raise DataError("member: expected the name of a column of the customers")
    frame = by_customer(customers, (Column(member, "boolean"),), "customers")
    others = as_frame(prospects)
    names, not_known = _features(frame.drop(columns=member), others, features)
    protected = _protected(names, policy)
    allowed = {str(a) for a in as_items(allow, "allow", "a list of columns")}
    if refused := [n for n in protected if n not in allowed]:
        raise DataError(
            f"features: {', '.join(refused)} {'is' if len(refused) == 1 else 'are'} protected; "
            "name features without them, or list them in 'allow' if the law and the bank permit it"
        )
    facts, event = frame[names], frame[member].to_numpy(np.bool_)
    held_out = draws(frame.index.to_series(), "look-alike") < np.uint64(int(_HELD_OUT * 2**64))
    for part in (event[held_out], event[~held_out]):
        if part.all() or not part.any():  # an empty one is all of one kind
            raise DataError(
                f"{member}: {int(event.sum()):,} members of {len(event):,} customers; too few of "
                "either kind to fit a card and check it on customers held out"
            )
    whole = fit_card(facts, event)  # first, so that an error names a row of all customers
    trained = fit_card(facts[~held_out], event[~held_out])
    checks = check_card(score_card(facts[held_out], trained, reasons=0), event[held_out])
    return LookAlike(whole, checks, not_known, tuple(protected))


def _features(
    customers: pd.DataFrame, prospects: pd.DataFrame, asked: Sequence[str] | None
) -> tuple[list[str], tuple[str, ...]]:
    """The features, and the columns that no prospect has."""
    known = {str(c) for c in prospects.columns if prospects[c].notna().any()}
    if asked is None:
        names = [str(c) for c in customers.columns if str(c) in known]
        left_out = tuple(str(c) for c in customers.columns if str(c) not in known)
        if not names:
            raise DataError("prospects: no column with values that the customers have too")
        return names, left_out
    names = as_items(asked, "features", "a list of columns")
    for name in names:
        if name not in customers.columns:
            raise UnknownNameError("feature", name, map(str, customers.columns))
    if absent := [n for n in names if n not in known]:
        raise DataError(
            f"features: {', '.join(absent)} not known of any prospect; a card cannot use what is "
            "known of customers only"
        )
    return names, ()


def _protected(names: Sequence[str], policy: Policy) -> list[str]:
    """The names that hold a word of the policy's list of protected attributes."""
    listed = {str(w).casefold() for w in policy.value("protected_attributes")}
    found = []
    for name in names:
        parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).casefold()
        words = set(re.split(r"[\W_\d]+", parted))
        if words & listed or any(w in parted for w in listed if not w.isascii()):
            found.append(name)
    return found
