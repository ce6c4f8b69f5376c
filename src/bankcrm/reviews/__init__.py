"""The review: all decisions about the customers and complaints of a book, as of a day."""

from __future__ import annotations

from bankcrm.report.html import EarlierReview
from bankcrm.reviews.change import ReviewChange
from bankcrm.reviews.engine_review import EngineReview
from bankcrm.reviews.explanation import Explanation
from bankcrm.reviews.folder import read_earlier
from bankcrm.reviews.model import Review
from bankcrm.reviews.run import review
from bankcrm.reviews.series import read_history

__all__ = [
    "EarlierReview",
    "EngineReview",
    "Explanation",
    "Review",
    "ReviewChange",
    "read_earlier",
    "read_history",
    "review",
]
