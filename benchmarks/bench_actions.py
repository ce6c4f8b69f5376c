"""What the action list costs beside the review that it belongs to, in CPU time.

    python benchmarks/bench_actions.py [--quick]

The limit is a quarter of the review. There is no rival package; the second measure is what one
writes by hand for a part of the list: a loop over the customers with an alarm or under watch.
"""

from __future__ import annotations

import sys
import time

import pandas as pd

from bankcrm import review
from bankcrm.actions import Situation, find_actions
from bankcrm.calendars import working_calendar
from bankcrm.datasets import make_book
from timing import peak_memory_mb

AS_OF = "2026-06-30"


def by_hand(facts: pd.DataFrame) -> list[dict[str, object]]:
    """The calls to customers with a warning, one by one."""
    calendar = working_calendar("CN")
    found = []
    for customer, row in facts.iterrows():
        if row["warning"] in ("alarm", "watch"):
            due = calendar.add(AS_OF, 2 if row["warning"] == "alarm" else 10)
            found.append({"customer_id": customer, "due": due, "reason": row["warning_reasons"]})
    return found


def main() -> None:
    customers = 20_000 if "--quick" in sys.argv else 1_000_000
    book = make_book(customers, seed=7, as_of=AS_OF, months=6, balance_months=6)
    start = time.process_time()
    reviewed = review(book, as_of=AS_OF)
    whole = time.process_time() - start
    days = working_calendar("CN")
    where = Situation(reviewed.facts, reviewed.complaints, reviewed.as_of, reviewed.policies, days)
    times = []
    for _ in range(5):
        start = time.process_time()
        actions = find_actions(where)
        times.append(time.process_time() - start)
    own = sorted(times)[2]
    print(f"{customers:,} customers, {len(actions):,} actions, {peak_memory_mb():,.0f} MB")
    share = own / whole
    verdict = "ok" if share < 0.25 else "MISSED"
    print(f"review {whole:.2f} s CPU, actions {own:.2f} s: {share:.1%}, limit 25%  {verdict}")
    few = reviewed.facts.head(20_000)
    start = time.process_time()
    by_hand(few)
    hand = (time.process_time() - start) * len(reviewed.facts) / len(few)
    print(f"warnings alone, row by row: {hand:.2f} s CPU, {hand / own:.1f} times the whole list")


if __name__ == "__main__":
    main()
