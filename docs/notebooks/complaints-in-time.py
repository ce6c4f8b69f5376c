# %% [markdown]
# # Complaints in time
#
# From complaint texts to owners and due days: tables decide severity, route and due day, on mainland China's working days.

# %%
from bankcrm import default_policy, review
from bankcrm.datasets import make_book

book = make_book(3_000, seed=7)
complaints = review(book, as_of=book.as_of).complaints
columns = ["received_at", "kind", "severity", "owner", "due", "state"]
complaints[columns].head()

# %% [markdown]
# A consultation or a suggestion has no severity. The complaints by severity and state:

# %%
import pandas as pd

pd.crosstab(
    complaints["severity"].astype("string").fillna("(not a complaint)"),
    complaints["state"].astype("string"),
)

# %% [markdown]
# ## The rules behind it
#
# The first rules of the severity table. The days to answer come from CSC-5, in the table of routes.

# %%
policy = default_policy("complaints")
for rule in policy.table("severity").rules[:6]:
    tests = ", ".join(f"{fact} {test}" for fact, test in rule.when.items())
    print(f"{rule.id} ({rule.source}): {rule.then}")
    print(f"    when {tests or 'no other rule decides'}")

# %% [markdown]
# ## Working days are not weekdays
#
# The first week of October is off, and the Saturday after it is worked.

# %%
from datetime import date, timedelta

from bankcrm.calendars import working_calendar

cn = working_calendar("CN")
days = [date(2026, 9, 28) + timedelta(days=n) for n in range(14)]
worked = {f"{day:%a %d %b}": cn.is_working(day) for day in days}
pd.Series(worked, name="worked").to_frame()
