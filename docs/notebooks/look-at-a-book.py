# %% [markdown]
# # Look at a book
#
# A bank's book, reviewed and looked at: where the customers are in their lifecycle, who brings the profit, and why one
# customer got the tier that they have. The book is synthetic; the same seed gives the same book everywhere.

# %%
from bankcrm import default_policies, plots, review
from bankcrm.datasets import make_book

book = make_book(3_000, seed=7)
result = review(book, as_of=book.as_of)
result

# %% [markdown]
# Each row of `customers` is one customer; each decision stands beside its rule.

# %%
customers = result.customers
columns = ["stage", "stage_rule", "segment", "contribution", "tier", "tier_rule"]
customers[columns].head()

# %% [markdown]
# ## Where they are

# %%
stages = customers["stage"].value_counts(sort=False)
plots.sizes(stages, title="Customers by stage");

# %%
scored = customers.dropna(subset=["r", "f"])
plots.rfm_heatmap(scored, value="contribution");

# %% [markdown]
# ## Who brings the profit
#
# Best customers first, profit cumulated: the curve climbs above the whole and comes down again over the customers who
# cost more than they bring.

# %%
from bankcrm.valuation import concentration

concentration(customers["contribution"]).whale_curve().plot();

# %% [markdown]
# ## Why this one?
#
# The decision about one customer, from the facts that the review found: every rule, every cell, the value seen.

# %%
from bankcrm.lifecycle import stage_facts

facts = stage_facts(
    book.customers,
    book.transactions,
    as_of=book.as_of,
    contacts=book.contacts,
    accounts=book.accounts,
)
one = customers.index[customers["stage"].astype(str) == "dormant"][0]
table = default_policies()["lifecycle"].table("stage")
print(table.explain(facts.loc[one].to_dict()))
