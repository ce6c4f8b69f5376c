"""The customers of accounts, for frames that name only the account."""

from __future__ import annotations

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from bankcrm.book.reading.cells import Array, as_text


@attrs.define
class Owners:
    """The customer of each account that was read.

    >>> owners = Owners()
    >>> owners.add(pa.table({"account_id": [7, 8], "customer_id": ["a", "b"]}))
    >>> owners.of(pa.array(["8", None, "9"])).to_pylist()
    ['b', None, None]
    """

    _accounts: list[Array] = attrs.field(factory=list)
    _customers: list[Array] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        """Whether any account was read."""
        return bool(self._accounts)

    def add(self, accounts: pa.Table) -> None:
        """Keep the customers of rows of the frame accounts."""
        if {"account_id", "customer_id"} <= set(accounts.column_names):
            for name, kept in (("account_id", self._accounts), ("customer_id", self._customers)):
                kept.extend(pa.chunked_array(as_text(accounts[name])).chunks)

    def of(self, accounts: Array) -> Array:
        """The customer of each account as text; null where the account is not known."""
        known = pa.chunked_array(self._accounts, pa.string()).combine_chunks()
        customers = pa.chunked_array(self._customers, pa.string()).combine_chunks()
        return customers.take(pc.index_in(accounts, known, skip_nulls=True))
