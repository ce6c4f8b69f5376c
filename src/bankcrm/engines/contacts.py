"""What an engine's book records about whom the bank may contact, brought into memory."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from bankcrm.book.checks import screened
from bankcrm.frames.arrays import as_of_day
from bankcrm.policy import PolicySet
from bankcrm.rules.sql_columns import quoted

if TYPE_CHECKING:
    from bankcrm.engines.engine import Engine

_CUSTOMER = ("customer_id", "kind", "birth_date", "do_not_contact", "deceased")


def contact_frames(engine: Engine, day: date, policies: PolicySet) -> dict[str, pd.DataFrame]:
    """Customers, consents and the contacts that still count, checked as a book is.

    Args:
        engine: The engine.
        day: The day of the review.
        policies: Their cool-off and cap say how far back contacts count.
    """
    policy = policies["marketing"]
    back = max(int(policy.value("cap_window_days")), int(policy.value("cool_off_days")))
    columns = ", ".join(quoted(c, "duckdb") for c in engine.columns["customers"] if c in _CUSTOMER)
    asked = {
        "customers": f"SELECT {columns} FROM {engine.place('customers')}",
        "consents": "SELECT * FROM {}",
        "contacts": f"SELECT * FROM {{}} WHERE date > DATE '{day - timedelta(days=back)}'",
    }
    zone = str(policies["bank"].value("time_zone"))
    return {
        name: screened(name, engine.fetch(sql.format(engine.place(name))), as_of_day(day), zone)[
            0
        ].reset_index(drop=True)
        for name, sql in asked.items()
        if name in engine.columns
    }
