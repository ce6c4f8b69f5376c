# %% [markdown]
# # Who would move?
#
# A customer is to be *dormant* after 60 days instead of 90. Before the policy is changed: who would move, and from where to
# where?

# %%
from bankcrm import default_policy, review
from bankcrm.datasets import make_book

book = make_book(3_000, seed=7)
facts = review(book, as_of=book.as_of).facts

# %%
now = default_policy("lifecycle")
proposed = now.with_parameters(dormant_after_days=60)
for change in now.diff(proposed):
    print(change)

# %%
comparison = now.table("stage").compare(proposed.table("stage"), facts)
print(comparison)

# %%
comparison.plot();

# %% [markdown]
# ## Some of the customers
#
# `moved` is the index of the customers whose stage changes; `before` and `after` name the rules.

# %%
facts.loc[comparison.moved[:5], ["kind", "days_idle", "activity_ratio"]].assign(
    before=comparison.before.head(), after=comparison.after.head()
)

# %% [markdown]
# ## A range of limits
#
# How many customers would be dormant under each limit from a month to half a year?

# %%
import pandas as pd

limits = range(30, 181, 15)
table = now.table("stage")
counts = {
    days: int(
        (
            table.with_parameters({"dormant_after_days": days})
            .decide_frame(facts, on_missing="undecided")["outcome"]
            .astype(str)
            == "dormant"
        ).sum()
    )
    for days in limits
}
pd.Series(counts, name="dormant customers").rename_axis("limit, days").to_frame()
