"""Intake: every complaint is accepted or rejected, each with all its reasons (CSC-3)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import attrs
import numpy as np
import pandas as pd

from bankcrm._display import card, line
from bankcrm.arguments import as_renames
from bankcrm.complaints.base import Mask, complaints_policy, contract, local_days
from bankcrm.complaints.repeats import link_repeats
from bankcrm.errors import DataError, PolicyError
from bankcrm.frames import as_frame, screen_frame
from bankcrm.frames.arrays import as_of_day, found_in
from bankcrm.frames.conversion import require_columns, with_levels
from bankcrm.models import columns_of, frame_of
from bankcrm.models.complaint import Complaint
from bankcrm.policy import Policy
from bankcrm.vocabulary import Relation

_NAMES = tuple(c.name for c in columns_of(Complaint))
_LATER = ("sent_at", "acknowledged_at", "answered_at", "closed_at")
_EXAMPLES = 5


class Intake(NamedTuple):
    """The result of an intake; every row is in ``accepted`` or in ``rejected``.

    ``accepted`` has the canonical columns and ``notes``, ``repeat_of``, ``merged_into``,
    ``clock``; a complaint without a number receives one. ``rejected`` has the rows as they were
    given and ``reasons``, ``referred_to``, ``clock``. ``findings`` has one row per complaint and
    reason: ``row``, ``problem``, ``column``, ``effect`` (``rejected`` or ``noted``) and
    ``advice``; it shows no personal data.
    """

    accepted: pd.DataFrame
    rejected: pd.DataFrame
    findings: pd.DataFrame

    def __repr__(self) -> str:
        """The sizes only: complaints contain personal data."""
        return line("Intake", self._figures())

    def _repr_html_(self) -> str:
        kinds = self.findings.groupby(["problem", "effect"], observed=True, sort=False).size()
        return card("Complaints taken in", self._figures(), kinds.to_frame("rows"))

    def _figures(self) -> dict[str, object]:
        return {name: len(frame) for name, frame in self._asdict().items()}


@attrs.frozen
class Referral:
    """Where to refer a complaint that is not for this bank, and the effect on its clock."""

    name: str
    to: str
    clock: str
    source: str


class _Found(NamedTuple):
    problem: str
    column: str
    mask: Mask
    advice: str


def intake(
    complaints: object,
    *,
    policy: Policy | None = None,
    names: Mapping[str, str] | None = None,
    as_of: object = None,
) -> Intake:
    """Accept or reject complaints, and report every reason row by row.

    Args:
        complaints: A frame, one `Complaint`, or a mapping of one complaint's fields.
        policy: Its ``reject_for`` lists the findings that reject a row; the others are noted.
        names: Canonical name -> the caller's name.
        as_of: No complaint is received after this day; None leaves that unchecked.

    Raises:
        DataError: A compulsory column is absent, or a column is of the wrong type throughout.

    Source: CSC-3.

    >>> complaints = pd.DataFrame({
    ...     "complaint_id": [1, 2, 3],
    ...     "received_at": pd.to_datetime(["2026-03-02", None, "2026-03-03"]).tz_localize("UTC"),
    ...     "relation": ["self", "self", "proxy"]})
    >>> taken = intake(complaints)
    >>> taken.accepted["complaint_id"].tolist(), taken.rejected["reasons"].tolist()
    ([1], ['missing: received_at', 'no_authority: authority_shown'])
    """
    policy = complaints_policy(policy)
    source = _renamed(_frame(complaints), as_renames(names))
    required = tuple(policy.value("required_fields"))
    require_columns(source, required, "complaints", "rename them or give names=")
    valid, found = _read_columns(source, required)
    found += [f for f in _checks(source, valid, policy, as_of) if f.mask.any()]
    referral, referred = _refer(valid, policy)
    if referred is not None:
        found.append(referred)
    refused = set(policy.value("reject_for"))
    out = np.zeros(len(source), dtype=np.bool_)
    for item in found:
        if item.problem in refused:
            out |= item.mask
    accepted = valid.loc[~out].assign(notes=_reasons(found, ~out, refused, False)[~out])
    accepted = link_repeats(_numbered(_settled(accepted)), policy=policy)
    rejected = source.loc[out].assign(
        reasons=_reasons(found, out, refused, True)[out],
        referred_to=referral["to"].to_numpy()[out],
        clock=referral["clock"].to_numpy()[out],
    )
    return Intake(
        policy.stamp(accepted), policy.stamp(rejected), _findings(found, source.index, refused)
    )


def _frame(complaints: object) -> pd.DataFrame:
    if isinstance(complaints, Complaint):
        return frame_of([complaints])
    if isinstance(complaints, Mapping):
        return pd.DataFrame([dict(complaints)])
    return with_levels(as_frame(complaints), _NAMES)


def _renamed(source: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    absent = [theirs for theirs in names.values() if theirs not in source.columns]
    unknown = [ours for ours in names if ours not in _NAMES]
    if absent or unknown:
        raise DataError(
            f"complaints: names= gives {', '.join(absent + unknown)}, which "
            f"{'are' if len(absent + unknown) > 1 else 'is'} no column; "
            f"present: {', '.join(map(str, source.columns))}"
        )
    clash = [ours for ours, theirs in names.items() if ours in source.columns and ours != theirs]
    return source.drop(columns=clash).rename(columns={t: o for o, t in names.items()})


def _read_columns(
    source: pd.DataFrame, required: tuple[str, ...]
) -> tuple[pd.DataFrame, list[_Found]]:
    """Read every contract column separately, so that all faults of a row are reported."""
    rows = pd.RangeIndex(len(source))
    found: list[_Found] = []
    read: dict[str, pd.Series] = {}
    for name in (n for n in _NAMES if n in source.columns):
        values = source[name].set_axis(rows)
        missing = _blank(values)
        if name in required and missing.any():
            found.append(_Found("missing", name, missing, f"give {name}"))
        if name != "received_at" and len(values) and values.isna().all():
            read[name] = source[name]  # no value to read
            continue
        screened = screen_frame(values.to_frame(), contract(name), frame="complaints")
        if len(screened.rejected):
            mask = np.zeros(len(source), dtype=np.bool_)
            mask[screened.rejected.index.to_numpy()] = True
            advice = f"expected {screened.faults[0].expected}"
            found.append(_Found("bad_value", name, mask & ~missing, advice))
        read[name] = screened.frame[name].reindex(rows).set_axis(source.index)
    others = {str(c): source[c] for c in source.columns if str(c) not in read}
    return pd.DataFrame({**read, **others}, index=source.index, copy=False), found


def _blank(values: pd.Series) -> Mask:
    """Which values are missing or contain only white space."""
    empty: Mask = values.isna().to_numpy()
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if values.dtype == object:
        blank = [isinstance(v, str) and not v.strip() for v in values]
        empty = empty | np.array(blank, dtype=np.bool_)
    elif pd.api.types.is_string_dtype(values.dtype):
        empty = empty | (values.str.strip() == "").to_numpy(dtype=np.bool_, na_value=True)
    return empty


def _settled(accepted: pd.DataFrame) -> pd.DataFrame:
    """Restore plain column types after the faulty rows are removed."""
    whole = [n for n in ("complaint_id", "customer_id") if n in accepted]
    return accepted.astype(
        {
            n: "int64"
            for n in whole
            if accepted[n].dtype.kind in "fiu" and accepted[n].notna().all() and len(accepted)
        }
    )


def _checks(
    source: pd.DataFrame, frame: pd.DataFrame, policy: Policy, as_of: object
) -> Iterator[_Found]:
    """Checks of a complaint that go beyond the form of single values."""
    if "received_at" in frame:
        received = frame["received_at"]
        day = local_days(received, policy)
        first = as_of_day(policy.value("earliest_received"))
        yield _Found("too_early", "received_at", day < first, f"expected {first} or later")
        if as_of is not None:
            late = day > as_of_day(as_of)
            yield _Found("after_as_of", "received_at", late, f"expected {as_of} or earlier")
        for name in (n for n in _LATER if n in frame and frame[n].notna().any()):
            wrong = (frame[name] < received).to_numpy()
            yield _Found("out_of_order", name, wrong, f"expected {name} on or after received_at")
    yield from _repeated(source)
    yield from _contacts(frame, policy)
    if "relation" in frame:
        by_proxy = frame["relation"].notna() & (frame["relation"] != Relation.SELF.value)
        shown = frame.get("authority_shown", pd.Series(False, index=frame.index))
        lacking = by_proxy.to_numpy() & ~shown.to_numpy(dtype=np.bool_, na_value=False)
        yield _Found("no_authority", "authority_shown", lacking, "ask for the proxy's papers")


def _repeated(source: pd.DataFrame) -> Iterator[_Found]:
    """Rows that repeat an earlier row, and other rows with a number that is already used."""
    try:
        same = source.duplicated().to_numpy()
    except TypeError:  # lists and other objects, in columns beside those of the contract
        same = source.astype(str).duplicated().to_numpy()
    yield _Found("repeated_row", "complaint_id", same, "an earlier row is identical")
    if "complaint_id" in source:
        ids = source["complaint_id"]
        given = ids.notna().to_numpy()
        taken = ids.duplicated().to_numpy() & given & ~same
        yield _Found("duplicate_id", "complaint_id", taken, "give it a unique number")
        yield _Found("unnumbered", "complaint_id", ~given & ~same, "intake assigned a number")


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Number complaints without a number: the next free numbers, or ``new-1``, ``new-2``."""
    if "complaint_id" not in frame:
        return frame.assign(complaint_id=np.arange(1, len(frame) + 1))
    ids = frame["complaint_id"]
    gaps = ids.isna().to_numpy()
    if not gaps.any():
        return frame
    given = ids.astype(object).to_numpy(copy=True)
    if ids.dtype.kind in "iuf":
        start = int(ids.max()) + 1 if len(ids.dropna()) else 1
        given[gaps] = range(start, start + int(gaps.sum()))
        return frame.assign(complaint_id=pd.Series(given, index=frame.index).astype("int64"))
    given[gaps] = [f"new-{place + 1}" for place in np.flatnonzero(gaps)]
    return frame.assign(complaint_id=pd.Series(given, index=frame.index).astype("string"))


def _pattern(name: str, policy: Policy) -> str:
    pattern = str(policy.value(name))
    try:
        re.compile(pattern)
    except re.error as error:
        raise PolicyError([f"parameters.{name}: {pattern!r} is no pattern: {error}"]) from None
    return pattern


def _contacts(frame: pd.DataFrame, policy: Policy) -> Iterator[_Found]:
    gaps: dict[str, Mask] = {}
    for name in ("phone", "email"):
        if name not in frame:
            gaps[name] = np.ones(len(frame), dtype=np.bool_)
            continue
        try:
            text = frame[name].astype("string").str.strip()
        except UnicodeError:
            found = found_in(frame[name], "text")
            raise DataError(f"complaints.{name}: {found}; decode them") from None
        gaps[name] = _blank(frame[name])
        fits = text.str.fullmatch(_pattern(f"{name}_pattern", policy))
        wrong = ~fits.to_numpy(dtype=np.bool_, na_value=True) & ~gaps[name]
        yield _Found(f"bad_{name}", name, wrong, f"ask the customer for the {name} again")
    for name in policy.value("requested_fields"):
        if name == "contact":
            missing = gaps["phone"] & gaps["email"]
        elif name in frame:
            missing = _blank(frame[name])
        else:
            missing = np.ones(len(frame), dtype=np.bool_)
        yield _Found("gap", name, missing, f"ask the customer for the {name}")


def _refer(frame: pd.DataFrame, policy: Policy) -> tuple[pd.DataFrame, _Found | None]:
    """Where to refer each complaint that is not for this bank (CSC-3: explain and refer)."""
    ours = list(policy.value("our_names"))
    other = np.zeros(len(frame), dtype=np.bool_)
    if "institution" in frame:
        other = (frame["institution"].notna() & ~frame["institution"].isin(ours)).to_numpy()
    court = np.zeros(len(frame), dtype=np.bool_)
    if "in_court" in frame:
        court = frame["in_court"].to_numpy(dtype=np.bool_, na_value=False)
    facts = pd.DataFrame({"other_institution": other, "in_court": court}, index=frame.index)
    decided = policy.table("jurisdiction").decide_frame(facts)["outcome"]
    referrals = {r.name: r for r in policy.records("referrals", Referral)}
    mask = (decided != "ours").to_numpy()
    result = pd.DataFrame(
        {
            key: decided.astype(object).map({n: getattr(r, key) for n, r in referrals.items()})
            for key in ("to", "clock")
        },
        index=frame.index,
    )
    if not mask.any():
        return result, None
    return result, _Found("refer", "jurisdiction", mask, "explain and refer; see referred_to")


def _reasons(found: list[_Found], rows: Mask, refused: set[str], rejecting: bool) -> Mask:
    """All findings of each row in one text; other rows than the selected ones stay empty."""
    texts = np.full(len(rows), "", dtype=object)
    for item in found:
        if rejecting != (item.problem in refused):
            continue
        here = item.mask & rows
        label = f"{item.problem}: {item.column}"
        first = here & (texts == "")
        texts[here & ~first] += f"; {label}"
        texts[first] = label
    return texts


def _findings(found: list[_Found], index: pd.Index, refused: set[str]) -> pd.DataFrame:
    """One row per complaint and reason, in the order of the complaints."""
    names = ["row", "problem", "column", "effect", "advice"]
    if not found:
        return pd.DataFrame({n: pd.Series(dtype=object) for n in names})
    places = [np.flatnonzero(f.mask) for f in found]
    which = np.repeat(np.arange(len(found)), [len(p) for p in places])
    place = np.concatenate(places)
    order = np.lexsort((which, place))
    which, place = which[order], place[order]
    effects = ["rejected" if f.problem in refused else "noted" for f in found]
    columns = {
        "row": index.take(place),
        "problem": pd.Categorical([f.problem for f in found])[which],
        "column": pd.Categorical([f.column for f in found])[which],
        "effect": pd.Categorical(effects)[which],
        "advice": pd.Categorical([f.advice for f in found])[which],
    }
    return pd.DataFrame(columns)
