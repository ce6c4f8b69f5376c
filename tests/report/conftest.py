"""The review that the tests of the report show."""

from __future__ import annotations

import pytest

from bankcrm.book import Book
from bankcrm.datasets import make_book
from bankcrm.reviews import Review, review


@pytest.fixture(scope="session")
def book() -> Book:
    return make_book(400, seed=5)


@pytest.fixture(scope="session")
def reviewed(book: Book) -> Review:
    return review(book, as_of=book.as_of)
