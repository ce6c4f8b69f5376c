"""Lets ``st.from_type(Customer)`` and the like work: Hypothesis calls `register` by entry point.

The strategies themselves are imported when one is asked for: Hypothesis runs this while it is
being imported, perhaps by one of their modules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypothesis import strategies as st


def register() -> None:
    """Register a strategy for every record, and for tables, policies and books."""
    from hypothesis import strategies as st

    from bankcrm.book import Book
    from bankcrm.book.contract import MODELS
    from bankcrm.policy import Policy
    from bankcrm.rules import DecisionTable

    for model in MODELS.values():
        st.register_type_strategy(model, _record)
    st.register_type_strategy(DecisionTable, _table)
    st.register_type_strategy(Policy, _policy)
    st.register_type_strategy(Book, _book)


def _record(kind: type) -> st.SearchStrategy[Any]:
    from bankcrm.testing.strategies import records

    return records(kind)


def _table(_: type) -> st.SearchStrategy[Any]:
    from bankcrm.testing.tables import clean_tables

    return clean_tables()


def _policy(_: type) -> st.SearchStrategy[Any]:
    from bankcrm.testing.tables import policies

    return policies()


def _book(_: type) -> st.SearchStrategy[Any]:
    from bankcrm.testing.books import books

    return books()
