"""What the decisions need from the whole book, as one frozen value that goes to TOML and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from bankcrm.book.contract import CONTRACT
from bankcrm.errors import DataError
from bankcrm.pipeline.step import Step
from bankcrm.rules.values import FrozenDict, frozen_dict
from bankcrm.wire import to_json
from bankcrm.wire.toml import of_plain, read_toml, write_toml


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _names_customers(frame: str) -> bool:
    return any(c.name == "customer_id" for c in CONTRACT[frame])


@attrs.frozen
class Fitted:
    """Cut points, scales and what the book records: all that decides one new customer as the
    book's review would.

    Attributes:
        recorded: Frames that have a row, and their columns that have a value, as
            ``transactions`` and ``transactions.balance``.
        values: What each fit learned, by its name.
        policies: Fingerprint of the policies by which they were fitted.
    """

    recorded: tuple[str, ...] = attrs.field(converter=_sorted)
    values: Mapping[str, Any] = attrs.field(factory=dict, converter=frozen_dict)
    policies: str = ""

    def __repr__(self) -> str:
        fits = ", ".join(self.values) or "nothing"
        return f"<Fitted: {fits}; {len(self.recorded)} frames and columns recorded>"

    def records(self, *names: str) -> bool:
        """Whether the book records one of these frames or columns."""
        return bool(set(names) & set(self.recorded))

    @property
    def frames(self) -> frozenset[str]:
        """The frames that the book records of its customers.

        Complaints that name no customer at all are not among them: how many complaints a customer
        has is then unknown, and not none.
        """
        recorded = set(self.recorded)
        return frozenset(
            name
            for name in recorded & set(CONTRACT)
            if f"{name}.customer_id" in recorded or not _names_customers(name)
        )

    def with_value(self, name: str, value: Any) -> Fitted:
        """The same with one more value; None, where there was nothing to learn, is left out."""
        if value is None:
            return self
        return attrs.evolve(self, values=FrozenDict({**self.values, name: value}))

    def to_toml(self, path: str | Path | None = None) -> str:
        """The value as TOML text, which is also written to a file if one is named."""
        body = {
            "fitted": {"policies": self.policies, "recorded": list(self.recorded)},
            "values": {name: json.loads(to_json(v)) for name, v in self.values.items()},
        }
        return write_toml(body, path)

    @classmethod
    def from_toml(cls, source: str | Path, steps: tuple[Step, ...] | None = None) -> Fitted:
        """Read what `to_toml` wrote.

        Args:
            source: TOML text, or a file.
            steps: The steps whose fits are read; None: those of a review.

        Raises:
            DataError: The text is not that of a fitted value.
        """
        from bankcrm.pipeline.steps import STEPS

        kinds = {s.fit.name: s.fit.kind for s in steps or STEPS if s.fit is not None}
        raw = read_toml(source, "fitted")
        head, values = raw.get("fitted"), raw.get("values")
        if not (isinstance(head, dict) and isinstance(values, dict)):
            raise DataError("fitted: not a fitted value: expected tables [fitted] and [values]")
        recorded, policies = head.get("recorded"), head.get("policies")
        if not (
            isinstance(policies, str)
            and isinstance(recorded, list)
            and all(isinstance(name, str) for name in recorded)
        ):
            raise DataError("fitted: not a fitted value: expected texts in policies and recorded")
        unknown = [name for name in values if name not in kinds]
        if unknown:
            raise DataError(f"fitted: no step fits {', '.join(unknown)}; known: {', '.join(kinds)}")
        read: dict[str, Any] = {n: of_plain(v, kinds[n]) for n, v in values.items()}
        return cls(recorded, read, policies)
