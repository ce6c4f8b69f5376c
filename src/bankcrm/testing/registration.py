"""Lets ``st.from_type(Customer)`` and the like work: Hypothesis calls `register` by entry point."""

from __future__ import annotations


def register() -> None:
    """Register a strategy for every record, and for tables, policies and books."""
    from hypothesis import strategies as st

    from bankcrm.book import Book
    from bankcrm.book.contract import MODELS
    from bankcrm.policy import Policy
    from bankcrm.rules import DecisionTable
    from bankcrm.testing.books import books
    from bankcrm.testing.strategies import records
    from bankcrm.testing.tables import clean_tables, policies

    for model in MODELS.values():
        st.register_type_strategy(model, records(model))
    st.register_type_strategy(DecisionTable, clean_tables())
    st.register_type_strategy(Policy, policies())
    st.register_type_strategy(Book, books())
