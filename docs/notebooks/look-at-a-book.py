# %% [markdown]
# # Look at a book
#
# This notebook reviews the book of a bank: the lifecycle stages of the customers, the concentration of profit, and the reasons for
# one decision. The book is synthetic; the same seed gives the same book everywhere.

# %%
from bankcrm import plots, review
from bankcrm.datasets import make_book

book = make_book(3_000, seed=7)
result = review(book, as_of=book.as_of)
result

# %% [markdown]
# Each row of `customers` is one customer; each decision has a column with its rule.

# %%
customers = result.customers
columns = ["stage", "stage_rule", "segment", "contribution", "tier", "tier_rule"]
customers[columns].head()

# %% [markdown]
# ## Lifecycle stages

# %%
stages = customers["stage"].value_counts(sort=False)
plots.sizes(stages, title="Customers by stage");

# %%
scored = customers.dropna(subset=["r", "f"])
plots.rfm_heatmap(scored, value="contribution");

# %% [markdown]
# ## Concentration of profit
#
# Cumulative profit, customers with the highest contribution first: the curve rises above 100 % and falls again for the customers who
# cost more than they bring.

# %%
from bankcrm.valuation import concentration

concentration(customers["contribution"]).whale_curve().plot();

# %% [markdown]
# ## Explain one customer
#
# The decision about one customer: every rule and every test, with the value of the fact.

# %%
one = customers.index[customers["stage"].astype(str) == "dormant"][0]
print(result.explain(one)["stage"])
