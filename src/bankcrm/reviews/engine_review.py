"""The review of a book on an engine, whose customers stay on disk."""

from __future__ import annotations

from pathlib import Path

import attrs
import pandas as pd

from bankcrm.databases.writing import ResultTable, stored_schema
from bankcrm.engines.output import Output
from bankcrm.frames.ids import as_id, unknown_customer
from bankcrm.pipeline.reading import shown_columns
from bankcrm.reviews.change import STANDING
from bankcrm.reviews.explanation import Explanation
from bankcrm.reviews.model import Review
from bankcrm.reviews.page_rows import INLINED, leading_rows


@attrs.frozen(eq=False, repr=False)
class EngineReview(Review):
    """A review on an engine: every customer is on disk, as Parquet by review date.

    ``customers`` and ``facts`` hold only the customers that a report explains: those with a warning
    first, then those with the largest contribution. All customers are in ``output``.

    Attributes:
        output: Every customer with all facts and decisions.
    """

    output: Output = attrs.field(kw_only=True)

    @classmethod
    def of(cls, review: Review, output: Output) -> EngineReview:
        """A review with all its customers on disk."""
        return cls(**attrs.asdict(review, recurse=False), output=output)

    def explain(self, customer: object) -> Explanation:
        """Explain the decisions about one customer; see `Review.explain`."""
        import pyarrow.parquet as pq

        customer = as_id(customer, self.facts.index)
        if isinstance(customer, str) == (self.facts.index.dtype.kind in "iu"):
            # Arrow compares no text to numbers.
            raise unknown_customer(customer, self.facts.index, "the review")
        for file in self.output.files:
            rows = pq.read_table(file, filters=[("customer_id", "=", customer)], partitioning=None)
            if rows.num_rows:
                return Review.explain(attrs.evolve(self, facts=rows.to_pandas()), customer)
        raise unknown_customer(customer, self.facts.index, "the review")

    def _customers_table(self) -> ResultTable:
        """The customers, read from disk file by file."""
        import pyarrow.parquet as pq

        shown = ["customer_id", *shown_columns(self.steps)]
        schemas = [pq.read_schema(file) for file in self.output.files]
        return ResultTable(
            "customers",
            stored_schema(schemas, shown),
            lambda: (pq.read_table(file, partitioning=None) for file in self.output.files),
            ("customer_id",),
        )

    def _step_sections(self, _: pd.DataFrame | None) -> list[tuple[str, pd.DataFrame | str]]:
        """Without lists of customers, of whom only some are in memory."""
        return Review._step_sections(self, None)

    def _write_customers(self, target: Path) -> None:
        """The customers as a folder of parts, by review date."""
        self.output.copy_to(target / self.output.folder.name)

    def _parquet_customers(self, target: Path) -> None:
        """The customers as a folder of parts."""
        self.output.copy_to(target / "customers")

    def standing(self) -> pd.DataFrame:
        """Stage, segment, tier, resource level and warning of every customer, read from disk."""
        known = [c for c in STANDING if c in self.customers]
        return self.output.frame(known).sort_index()

    def all_customers(self) -> pd.DataFrame:
        """Load every customer into memory, with the columns of `Review.customers`."""
        frame = self.output.frame().sort_index()
        return frame[[c for c in shown_columns(self.steps) if c in frame]]


def leading_customers(output: Output) -> pd.DataFrame:
    """The customers that a report explains, with every column, in order of id."""
    keys = output.frame(["warning", "warning_signals", "contribution"])
    leading = keys.index[leading_rows(keys, INLINED)]
    return output.frame(customers=leading).sort_index()
