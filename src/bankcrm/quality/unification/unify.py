"""One record per customer from the records of several sources."""

from __future__ import annotations

import attrs
import numpy as np
import pandas as pd
from pandas.api import types

from bankcrm._display import card, few, line, stamp
from bankcrm.errors import DataError
from bankcrm.frames import Column, as_frame, check_frame
from bankcrm.frames.arrays import Codes, codes, days, found_in, is_unicode
from bankcrm.frames.numbering import categorical
from bankcrm.policy import Policy
from bankcrm.policy.given import policy_of
from bankcrm.quality.measures.records import Placeholder
from bankcrm.quality.privacy.consents import strictest_of
from bankcrm.quality.unification.clusters import (
    TOLD_APART,
    TWO_IDS,
    Clusters,
    Positions,
    clusters_of,
)
from bankcrm.quality.unification.keys import KeyFields, key_codes
from bankcrm.quality.unification.records import Identifier, MatchKey, Survivor
from bankcrm.quality.unification.survivors import (
    Order,
    Survived,
    all_values,
    conflicts_of,
    survived,
)

_OWN = ("record_id", "source", "updated", "customer_id")


@attrs.frozen(eq=False, repr=False)
class Unified:
    """One record per customer; make it with `unify`.

    Attributes:
        crosswalk: One row per record: ``record_id``, ``customer_id`` and ``key``, the first match
            key that connects it with another record of its customer (``pair`` for a pair of a
            linker, null if it is alone).
        customers: One row per customer: ``customer_id``, ``records`` (how many) and the surviving
            value of each field.
        provenance: The same rows: for each field the ``record_id`` that its value is from.
        conflicts: Every value that lost: ``customer_id``, ``record_id``, ``source`` (if given),
            ``field``, ``value``, ``kept_from`` (the record that was preferred) and ``rule``.
        doubtful: The records that a person has to look at: ``cluster``, ``record_id``,
            ``customer_id`` and ``reason``.
        keys: One row per match key: ``records`` with the key, ``shared_by_too_many`` (records whose
            key is none as too many share it) and ``reason`` (why it was not used, else null).
        policy: What decided it.
    """

    crosswalk: pd.DataFrame
    customers: pd.DataFrame
    provenance: pd.DataFrame
    conflicts: pd.DataFrame
    doubtful: pd.DataFrame
    keys: pd.DataFrame
    policy: Policy

    def consents(self, held: object) -> pd.DataFrame:
        """The consents of the records as those of their customers; the strictest holds.

        A customer who refused at one source and agreed at another has refused, whichever came
        last: the sources did not know of each other.

        Args:
            held: The statements of each record that hold on a day, from
                `bankcrm.marketing.consents_as_of` with ``record_id`` as ``customer_id``:
                ``customer_id``, ``purpose``, ``state`` and optional ``channel`` and ``until``.

        Returns:
            One row per customer, purpose and channel. A statement of an unknown record is left out.

        Raises:
            DataError: A column does not fit.
        """
        return self.policy.stamp(strictest_of(held, self.crosswalk))

    def __repr__(self) -> str:
        return line("Unified", self._figures())

    def _repr_html_(self) -> str:
        note = stamp(self.policy.version, self.policy.fingerprint)
        return card("One record per customer", self._figures(), self.keys, note)

    def _figures(self) -> dict[str, object]:
        return {
            "records": len(self.crosswalk),
            "customers": len(self.customers),
            "conflicts": len(self.conflicts),
            "doubtful records": len(self.doubtful),
        }


def unify(
    records: object,
    *,
    policy: Policy | None = None,
    pairs: object = None,
    apart: object = None,
) -> Unified:
    """Find the records that are one customer, and keep the best value of each field.

    Records are one customer if a match key of the policy is equal, or a linker matched them. A key
    with a missing part, an invalid number or a placeholder does not count, nor does one that many
    records share. Two different valid ids never become one customer: such a cluster is set aside as
    doubtful, and only records with the same id stay together in it. No value is lost: what does
    not survive is a conflict. The order of the rows changes nothing.

    Args:
        records: One row per record of a source: ``record_id`` (unique), optional ``source``,
            ``updated`` (date) and ``customer_id`` (the id from the last time, which stays), and the
            fields.
        policy: The policy ``quality``: match keys, identifiers, survivors, ``source_priority``.
        pairs: Pairs from any linker: ``left`` and ``right`` (record ids) and optional ``weight``;
            one below ``pair_weight`` of the policy is left out.
        apart: Pairs that are known to be different customers: ``left`` and ``right``.

    Raises:
        DataError: Record ids are missing or repeated, or a pair names a record that is not there.

    Source: EB-5.

    >>> rows = pd.DataFrame({"record_id": [1, 2, 3], "name": ["Li Na", "LI NA", "Li Na"],
    ...                      "birth_date": pd.to_datetime(["1990-05-01"] * 2 + [None])})
    >>> unify(rows).crosswalk["customer_id"].tolist()
    [1, 1, 3]
    """
    policy = policy_of(policy, "quality")
    given = check_frame(
        as_frame(records),
        (Column("record_id", "id"), Column("source", "text", False, True),
         Column("updated", "date", False, True), Column("customer_id", "id", False, True)),
        frame="records",
        key="record_id",
    )  # fmt: skip
    given = given.reset_index(drop=True)
    frame = given.sort_values("record_id", ignore_index=True)
    _refuse_no_text(frame)
    placeholders = policy.records("placeholder", Placeholder)
    fields = KeyFields(frame, placeholders, policy.records("identifier", Identifier))
    keys = _keys(policy.records("match_key", MatchKey), fields)
    linked = _positions(pairs, frame, "pairs", float(policy.value("pair_weight")))
    codes_ = [code for _, code, _ in keys if code is not None]
    clusters = clusters_of(
        len(frame),
        codes_,
        [fields.code(f) for f in fields.exclusive()],
        linked,
        _positions(apart, frame, "apart", 0.0),
    )
    ids = _customer_ids(frame, clusters.label)
    crosswalk = pd.DataFrame({"record_id": frame["record_id"], "customer_id": ids})
    crosswalk["key"] = _joined_by(clusters.label, keys, linked)
    customers, provenance, conflicts = _merged(frame, fields, clusters.label, ids, policy)
    order = pd.Index(frame["record_id"]).get_indexer(pd.Index(given["record_id"]))
    return Unified(
        policy.stamp(crosswalk.take(order).reset_index(drop=True)),
        policy.stamp(customers),
        policy.stamp(provenance),
        policy.stamp(conflicts),
        policy.stamp(_doubtful(frame, clusters, ids)),
        policy.stamp(_used(keys)),
        policy,
    )


def _refuse_no_text(frame: pd.DataFrame) -> None:
    """Refuse half a surrogate pair, which no file and no column of text can hold."""
    for name in (c for c in frame if types.is_object_dtype(frame[c].dtype)):
        if not is_unicode("".join(v for v in frame[name].to_numpy() if isinstance(v, str))):
            raise DataError(f"records.{name}: {found_in(frame[name], 'value')}; correct it")


_Key = tuple[MatchKey, "Codes | None", int]


def _keys(keys: tuple[MatchKey, ...], fields: KeyFields) -> list[_Key]:
    found: list[_Key] = []
    for key in keys:
        if all(f in fields.frame for f in key.fields):
            found.append((key, *key_codes(key, fields)))
        else:
            found.append((key, None, 0))
    return found


def _used(keys: list[_Key]) -> pd.DataFrame:
    rows = [
        (key.id, 0, 0, "no such columns") if code is None else
        (key.id, int((code >= 0).sum()), lost, None)
        for key, code, lost in keys
    ]  # fmt: skip
    names = ["key", "records", "shared_by_too_many", "reason"]
    return pd.DataFrame(rows, columns=names).set_index("key")


def _positions(
    pairs: object, frame: pd.DataFrame, name: str, least: float
) -> tuple[Positions, Positions]:
    """The positions of the records of pairs."""
    nothing = np.zeros(0, np.intp)
    if pairs is None:
        return nothing, nothing
    contract = (Column("left", "id"), Column("right", "id"), Column("weight", "number", False))
    found = check_frame(pairs, contract, frame=name)
    if "weight" in found:
        found = found[found["weight"] >= least]
    known = pd.Index(frame["record_id"])
    left, right = (known.get_indexer(pd.Index(found[side])) for side in ("left", "right"))
    unknown = (left < 0) | (right < 0)
    if unknown.any():
        raise DataError(
            f"{name}: {unknown.sum():,} pairs name a record that is not in records (rows "
            f"{few(found.index[unknown])}); give the record_id of both, of the same type"
        )
    return left, right


def _customer_ids(frame: pd.DataFrame, label: Positions) -> pd.Series:
    """The least id that a record of the cluster had before, else its least record id."""
    own = frame["record_id"].astype(object).to_numpy()[label]
    if "customer_id" not in frame or frame["customer_id"].isna().all():
        return pd.Series(own).infer_objects()
    known = frame["customer_id"].notna().to_numpy()
    before = pd.DataFrame({"label": label[known], "id": frame["customer_id"][known].array})
    # Where two clusters had one id before, the one with the first record keeps it.
    least = before.groupby("label", sort=True)["id"].min().drop_duplicates()
    kept = pd.Series(label).map(least.to_dict()).astype(object)
    taken = set(least)
    fresh = [o for o in dict.fromkeys(own[kept.isna().to_numpy()]) if o in taken]
    if fresh:
        raise DataError(
            f"records: {len(fresh):,} new customers would get an id that is in use as "
            f"customer_id ({few(fresh)}); give record_id other values than customer_id"
        )
    found: pd.Series = kept.where(kept.notna(), pd.Series(own, dtype=object))
    return found.infer_objects()


def _joined_by(
    label: Positions, keys: list[_Key], linked: tuple[Positions, Positions]
) -> pd.Categorical:
    """The first key by which each record is connected within its cluster."""
    names = [k.id for k, _, _ in keys] + ["pair"]
    found = np.full(len(label), -1, np.int16)
    same = label[linked[0]] == label[linked[1]]
    found[np.concatenate([linked[0][same], linked[1][same]])] = len(names) - 1
    for number in reversed(range(len(keys))):
        code = keys[number][1]
        if code is None:
            continue
        both = pd.factorize(np.where(code >= 0, label * (int(code.max(initial=0)) + 1) + code, -1))
        several = np.bincount(both[0])[both[0]] > 1
        found[several & (code >= 0)] = number
    return categorical(found, names)


def _merged(
    frame: pd.DataFrame, fields: KeyFields, label: Positions, ids: pd.Series, policy: Policy
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Customers, where their values are from, and the values that lost."""
    heads, cluster = np.unique(label, return_inverse=True)
    order = _order(frame, cluster, tuple(policy.value("source_priority")))
    rules = {s.field: s.rule for s in policy.records("survivor", Survivor)}
    customers = {"customer_id": ids.array.take(heads), "records": np.bincount(cluster)}
    provenance = {"customer_id": customers["customer_id"]}
    found: dict[str, tuple[str, Survived]] = {}
    for field in (str(c) for c in frame.columns if c not in _OWN):
        rule = rules.get(field, str(policy.value("survivor_rule")))
        kept = survived(field, rule, fields, order)
        found[field] = rule, kept
        values = frame[field].array
        if rule == "keep_all":
            customers[field] = all_values(field, fields, order, kept.record).to_numpy()
        else:
            customers[field] = (
                values.take(kept.record, allow_fill=True)
                if isinstance(values, pd.api.extensions.ExtensionArray)
                else pd.api.extensions.take(values, kept.record, allow_fill=True)
            )
        provenance[field] = frame["record_id"].array.take(kept.record, allow_fill=True)
    names = {"customer_id": ids, "record_id": frame["record_id"]}
    if "source" in frame:
        names["source"] = frame["source"]
    return (
        pd.DataFrame(customers),
        pd.DataFrame(provenance),
        conflicts_of(fields, names, found, order),
    )


def _order(frame: pd.DataFrame, cluster: Positions, priority: tuple[str, ...]) -> Order:
    rank = np.zeros(len(frame), np.int64)
    if "source" in frame:
        code, sources = codes(frame["source"])
        place = {name: i for i, name in enumerate(priority)}
        rank = np.array([*(place.get(s, len(priority)) for s in sources), len(priority) + 1])[code]
    age = np.zeros(len(frame), np.int64)
    if "updated" in frame:
        day = days(frame["updated"]).astype(np.int64)
        age = np.where(frame["updated"].isna().to_numpy(), np.iinfo(np.int64).max, -day)
    return Order(cluster, np.lexsort((rank, age)), np.lexsort((age, rank)))


def _doubtful(frame: pd.DataFrame, clusters: Clusters, ids: pd.Series) -> pd.DataFrame:
    rows = np.flatnonzero(clusters.doubtful >= 0)
    reasons = np.array([TWO_IDS, TOLD_APART], dtype=object)
    found = pd.DataFrame(
        {
            "cluster": frame["record_id"].array.take(clusters.doubtful[rows]),
            "record_id": frame["record_id"].array.take(rows),
            "customer_id": ids.array.take(rows),
            "reason": reasons[clusters.reason[rows]],
        }
    )
    return found.sort_values(["cluster", "record_id"], ignore_index=True)
