"""What a policy's file says of the policy itself."""

from __future__ import annotations

from datetime import date

import attrs


@attrs.frozen
class Header:
    """The ``[policy]`` part of a file."""

    id: str
    domain: str
    version: str
    title: str = ""
    note: str = ""
    effective_from: date | None = None
    effective_to: date | None = None
