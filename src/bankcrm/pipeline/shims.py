"""Temporary: today's functions in the form that the steps expect."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bankcrm.book import Book, empty_frame
from bankcrm.frames import as_of_day
from bankcrm.lifecycle import warning as W
from bankcrm.policy import PolicySet


def book_of(block):
    frames = {n: f.frame for n, f in block.view.frames.items()}
    frames.setdefault("transactions", empty_frame("transactions"))
    return Book(**frames, as_of=block.day)


def signal_facts(b):
    k, day, policy, f = book_of(b), as_of_day(b.day), b.policy("lifecycle"), b.found
    made = pd.DataFrame(index=b.customers)
    made["has_rhythm"] = (f["active_days"] >= policy.value("rhythm_days")) & f["has_contract"]
    idle = f["days_idle"].to_numpy(dtype=np.float64, na_value=np.nan)
    made["overdue_ratio"] = np.where(
        made["has_rhythm"], idle / f["usual_gap_days"].to_numpy(), np.nan
    )
    ratio = W._balance_ratio(k.balances, b.customers, day, policy, None)
    made["balance_known"], made["balance_ratio"] = ~np.isnan(ratio), ratio
    made["product_closed"] = W._closed_lately(k.accounts, b.customers, day, policy, None)
    made["complaint_open"], made["complaint_badly_solved"] = W._complaints(
        k.complaints, b.customers, day, policy, None
    )
    made["salary_gone"] = W._salary_gone(k.transactions, b.customers, day, policy, None)
    return made


def weigh_signals(found: pd.DataFrame, policies: PolicySet) -> pd.DataFrame:
    policy, rules = policies["lifecycle"], found["warning_rules"].astype("category")
    weigh = {s.signal: s for s in policy.records("signal", W.Signal)}
    then = {r.id: str(r.then) for r in policy.table("warning").rules}
    quiet = policy.value("no_signal")
    kinds = [
        [then[i] for i in str(c).split("+") if then.get(i, quiet) != quiet]
        for c in rules.cat.categories
    ]
    at = rules.cat.codes.to_numpy()
    return pd.DataFrame(
        {
            "warning_score": np.array([sum(weigh[s].weight for s in k) for k in kinds], float)[at],
            "warning_signals": np.array([len(k) for k in kinds], np.int64)[at],
            "warning_reasons": np.array(
                ["; ".join(weigh[s].because for s in k) for k in kinds], object
            )[at],
            "value_at_stake": found["contribution"].clip(lower=0),
        },
        index=found.index,
    )
