"""The records of the policy by which records are matched and merged."""

from __future__ import annotations

from typing import Literal

import attrs

from bankcrm.errors import PolicyError
from bankcrm.vocabulary import IdentifierScheme, word

SurvivorRule = Literal["most_recent", "source_priority", "most_frequent", "keep_all"]


@attrs.frozen
class MatchKey:
    """Fields that together identify a customer: records with equal values are one customer.

    Attributes:
        id: The key's name.
        fields: The fields; a record that lacks one of them has no key.
        max_shared: A value that more records share is no key, such as the phone of a branch.
        source: Where it comes from.
    """

    id: str
    fields: tuple[str, ...]
    max_shared: int = 10
    source: str = "default"


@attrs.frozen
class Identifier:
    """A field whose values are checked before they are a key.

    Attributes:
        field: The field.
        schemes: The `IdentifierScheme` of its values; one of them has to hold.
        exclusive: Whether two different valid values are two customers.
        source: Where it comes from.
    """

    field: str
    schemes: tuple[str, ...]
    exclusive: bool = False
    source: str = "default"

    def __attrs_post_init__(self) -> None:
        """Refuse an unknown scheme."""
        try:
            for scheme in self.schemes:
                word(IdentifierScheme, scheme)
        except ValueError as error:
            raise PolicyError(f"identifier {self.field}: {error}") from None


@attrs.frozen
class Survivor:
    """Which of several values of a field is kept.

    Attributes:
        field: The field.
        rule: ``most_recent``, ``source_priority``, ``most_frequent`` or ``keep_all``.
        source: Where it comes from.
    """

    field: str
    rule: SurvivorRule
    source: str = "default"
