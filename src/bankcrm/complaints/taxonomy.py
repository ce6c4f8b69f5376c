"""Channel, business, cause and topic of complaints as data, and the mapping of CFPB terms."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

import attrs
import numpy as np
import pandas as pd

from bankcrm.errors import DataError, PolicyError, UnknownNameError
from bankcrm.frames.arrays import codes
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.rules.toml import converter, parse_toml, structure
from bankcrm.rules.values import frozen_dict
from bankcrm.vocabulary import Language, in_chinese

T = TypeVar("T")
AXES = ("channel", "business", "cause", "topic")


@attrs.frozen
class Heading:
    """One heading of an axis.

    Args:
        code: Our code for it.
        en: English name.
        zh: Chinese name; if ``confirmed``, as in JR/T 0169-2018.
        parent: Code of the heading above it; empty without one.
        confirmed: Whether a source was read that has the heading.
    """

    code: str
    en: str
    zh: str
    parent: str = ""
    confirmed: bool = False


@attrs.frozen
class _Line:
    code: str
    contains: tuple[str, ...]


@attrs.frozen
class Taxonomy:
    """Headings by axis, and lines that map the terms of others to them.

    >>> taxonomy().label("cause", "disclosure", "zh")
    '信息披露'
    """

    axes: Mapping[str, tuple[Heading, ...]] = attrs.field(converter=frozen_dict)
    cfpb: Mapping[str, tuple[_Line, ...]] = attrs.field(converter=frozen_dict, repr=False)

    def codes(self, axis: str) -> tuple[str, ...]:
        """The codes of an axis, in order."""
        return tuple(h.code for h in self._axis(axis))

    def label(self, axis: str, code: str, language: Language = "en") -> str:
        """The name of a heading."""
        for heading in self._axis(axis):
            if heading.code == code:
                return heading.zh if in_chinese(language) else heading.en
        raise UnknownNameError(f"{axis} heading", code, self.codes(axis))

    def _axis(self, axis: str) -> tuple[Heading, ...]:
        if axis not in self.axes:
            raise UnknownNameError("axis", axis, self.axes)
        return self.axes[axis]

    def from_cfpb(self, words: pd.Series, axis: str) -> pd.Series:
        """The CFPB's products (axis ``business``) or issues (axis ``cause``) as our codes.

        Args:
            words: The CFPB's terms; each distinct one is looked up once.
            axis: ``business`` or ``cause``.

        Returns:
            A categorical of the codes of the axis; missing where no line matches.

        >>> issues = pd.Series(["Late fee", "Mortgage broker rode off"])
        >>> taxonomy().from_cfpb(issues, "cause").tolist()
        ['pricing_fees', nan]
        """
        if axis not in self.cfpb:
            raise UnknownNameError("axis for CFPB terms", axis, self.cfpb)
        code, distinct = codes(words)
        names = self.codes(axis)
        found = [self._look_up(str(text), axis) for text in distinct]
        place = np.array([names.index(f) if f else -1 for f in found] + [-1])
        return pd.Series(categorical(place[code], names), index=words.index)

    def _look_up(self, text: str, axis: str) -> str:
        low = text.lower()
        for line in self.cfpb[axis]:
            if any(piece in low for piece in line.contains):
                return line.code
        return ""


@cache
def taxonomy() -> Taxonomy:
    """The taxonomy that ships with the library.

    Source: CSC-4; JR/T 0169-2018.

    >>> len(taxonomy().codes("cause"))
    13
    """
    file = importlib.resources.files("bankcrm.complaints") / "taxonomy.toml"
    raw = parse_toml(file.read_text(encoding="utf-8"))
    faults: list[str] = []
    axes = {axis: _rows(raw["axes"][axis], Heading, f"axes.{axis}", faults) for axis in AXES}
    cfpb = {
        axis: _rows(lines, _Line, f"cfpb.{axis}", faults) for axis, lines in raw["cfpb"].items()
    }
    if faults:
        raise PolicyError(faults)
    return Taxonomy(axes, cfpb)


def _rows(raw: list[Any], kind: type[T], path: str, faults: list[str]) -> tuple[T, ...]:
    """The rows of a list, each read as a ``kind``; faults are reported with their path."""
    made = converter()
    read = [structure(made, row, kind, f"{path}[{i}]", faults) for i, row in enumerate(raw)]
    return tuple(r for r in read if r is not None)


@attrs.frozen
class Requirement:
    """One point of a standard for the process, for a checklist."""

    id: str
    asks: str
    source: str


def checklist(policy: Policy) -> tuple[Requirement, ...]:
    """The points of a policy's standard, such as ISO 10002.

    >>> from bankcrm.policy import default_policy
    >>> len(checklist(default_policy("complaints", "iso_10002")))
    23
    """
    policy = policy_of(policy, "complaints")
    if "checklist" not in policy.raw_records:
        raise DataError(f"policy {policy.id!r} has no checklist; try the preset 'iso_10002'")
    return policy.records("checklist", Requirement)
