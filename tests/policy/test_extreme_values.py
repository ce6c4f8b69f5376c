"""Numbers of a policy that no bank means: not finite, or a time that no calendar reaches."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest

from bankcrm.datasets import make_book
from bankcrm.errors import BankcrmError, PolicyError
from bankcrm.policy import Policy, default_policies, load_policy
from bankcrm.reviews import review

POLICIES = default_policies()
BOOK = make_book(40, seed=3)
NEVER_FINITE = (math.nan, math.inf, -math.inf, 10**400, -(10**5000))


def numbers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every figure of a value, and a function that puts another in its place."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value, lambda new: new
    elif isinstance(value, tuple):
        for place, part in enumerate(value):
            for found, put in numbers(part):
                yield found, lambda new, i=place, p=put: (*value[:i], p(new), *value[i + 1 :])
    elif hasattr(value, "items"):
        for name, part in value.items():
            for found, put in numbers(part):
                yield found, lambda new, n=name, p=put: {**value, n: p(new)}


@pytest.mark.parametrize("policy", POLICIES.policies.values(), ids=POLICIES.policies.keys())
def test_every_figure_of_a_policy_is_finite(policy: Policy) -> None:
    for name in policy.parameters:
        for _, put in numbers(policy.value(name)):
            for wrong in NEVER_FINITE:
                with pytest.raises(
                    PolicyError, match=f"^parameters.{name}: value: .* finite"
                ) as caught:
                    policy.with_parameters(**{name: put(wrong)})
                assert len(str(caught.value)) < 400


def test_a_time_has_1000_years_at_most() -> None:
    lifecycle, complaints = POLICIES["lifecycle"], POLICIES["complaints"]
    assert lifecycle.with_parameters(new_days=365_000).value("new_days") == 365_000
    for policy, name in ((lifecycle, "dormant_after_days"), (complaints, "severe_days")):
        for wrong in (366_000, 10**9, 1e300, -1):
            with pytest.raises(PolicyError, match=rf"{name}: .*expected 0 to 1,000 years"):
                policy.with_parameters(**{name: wrong})


def test_figures_of_records_are_finite_too() -> None:
    text = POLICIES["lifecycle"].to_toml()
    assert "weight = 1.5" in text
    with pytest.raises(PolicyError, match=r"records\.signal\[\d\]\.weight: expected a finite"):
        load_policy(text.replace("weight = 1.5", "weight = inf"))


def test_words_that_cannot_be_written_are_refused() -> None:
    for domain, name in (("complaints", "phone_pattern"), ("complaints", "not_stated_kind")):
        with pytest.raises(PolicyError, match=f"{name}: value: expected a finite number, a text"):
            POLICIES[domain].with_parameters(**{name: "\ud800"})


REFUSED_WHERE_READ: list[tuple[str, str, Any, str]] = [
    ("complaints", "not_stated_severity", "nonsense", "not_stated_severity: expected one of"),
    ("complaints", "not_stated_kind", "", "not_stated_kind: expected one of"),
    ("complaints", "phone_pattern", "(", r"phone_pattern: '\(' is no pattern"),
    ("segmentation", "review_months", (), "review_months: expected one month"),
    ("segmentation", "review_months", (1, 13), "review_months: expected a whole number from 1"),
    ("segmentation", "review_months", (1.5,), "review_months: expected a whole number from 1"),
    ("valuation", "transfer_price", ((0, 1),), "transfer_price: expected bands of from_months"),
    ("valuation", "transfer_price", (5,), "transfer_price: expected bands of from_months"),
    ("marketing", "counted_purposes", ("nonsense",), "counted_purposes: expected one of"),
]


@pytest.mark.parametrize(("domain", "name", "value", "said"), REFUSED_WHERE_READ)
def test_what_a_policy_cannot_mean_is_said_where_it_is_read(
    domain: str, name: str, value: Any, said: str
) -> None:
    changed = POLICIES.with_policy(POLICIES[domain].with_parameters(**{name: value}))
    with pytest.raises(BankcrmError, match=said):
        review(BOOK, as_of=BOOK.as_of, policies=changed)


def test_a_rhythm_of_no_days_is_no_rhythm_without_a_gap() -> None:
    """Who was active on one day has no usual gap, whatever the policy asks for."""
    changed = POLICIES.with_policy(POLICIES["lifecycle"].with_parameters(rhythm_days=0))
    facts = review(BOOK, as_of=BOOK.as_of, policies=changed).facts
    assert facts["has_rhythm"].any()
    assert facts.loc[facts["has_rhythm"].to_numpy(), "overdue_ratio"].notna().all()
    usual = review(BOOK, as_of=BOOK.as_of).facts
    assert facts["warning"].notna().equals(usual["warning"].notna())
