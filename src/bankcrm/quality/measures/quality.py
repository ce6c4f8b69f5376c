"""The measured quality of a frame: by rule, by group, by customer, and over time."""

from __future__ import annotations

import functools
from datetime import date
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
import pandas as pd

from bankcrm._display import card, line, stamp
from bankcrm.arguments import as_kind
from bankcrm.errors import DataError, known_names
from bankcrm.frames.arrays import codes
from bankcrm.intervals import newcombe, wilson
from bankcrm.policy import Policy
from bankcrm.quality.measures.verdicts import Verdict
from bankcrm.vocabulary import QualityDimension

_DIMENSIONS = [d.value for d in QualityDimension]
_SHARES = ("assessed", "passed", "share", "low", "high")


@attrs.frozen(eq=False, repr=False)
class Quality:
    """The quality of the records of a frame on a day; make it with `measure_quality`.

    No table in it holds a value of a record, only ids.

    Attributes:
        verdicts: Each rule and its verdict on every row.
        frame: The rows as they came.
        ids: The id of each row.
        as_of: The day.
        policy: What it was measured by.
    """

    verdicts: tuple[Verdict, ...]
    frame: pd.DataFrame
    ids: pd.Series
    as_of: date
    policy: Policy

    @functools.cached_property
    def fields(self) -> pd.DataFrame:
        """One row per rule, by its id.

        ``dimension``, ``field``, ``assessed`` and ``passed`` (rows, int64), ``share`` with ``low``
        and ``high`` (Wilson, 95 %; null where nothing was assessed), ``weight``, ``because``,
        ``source`` and ``reason`` (why nothing was assessed, else null).
        """
        counts = [v.counts for v in self.verdicts]
        shares = _shares([n for n, _ in counts], [n for _, n in counts])
        why = [
            None if n else v.reason or "no row that the rule is for"
            for v, (n, _) in zip(self.verdicts, counts, strict=True)
        ]
        found = self._described(**shares)
        found["reason"] = pd.Series(why, index=found.index, dtype=object)
        return self.policy.stamp(found)

    @functools.cached_property
    def dimensions(self) -> pd.DataFrame:
        """One row per dimension: the parts of the score.

        ``assessed`` (rules with weight that were), ``share`` (their weighted mean) and ``weight``.
        """
        fields = self.fields
        weight = fields["weight"].where(fields["assessed"] > 0, 0.0)
        by = fields["dimension"]
        total = weight.groupby(by, observed=False).sum()
        reached = (weight * fields["share"]).groupby(by, observed=False).sum()
        weights = self.policy.value("dimension_weight")
        return pd.DataFrame(
            {
                "assessed": (weight > 0).groupby(by, observed=False).sum(),
                "share": (reached / total.where(total > 0)),
                "weight": [float(weights[d]) for d in _DIMENSIONS],
            },
            index=pd.Index(_DIMENSIONS, name="dimension"),
        )

    @property
    def score(self) -> float:
        """The weighted mean of the dimensions that were assessed; NaN if none was."""
        parts = self.dimensions[self.dimensions["share"].notna()]
        total = parts["weight"].sum()
        return float((parts["share"] * parts["weight"]).sum() / total) if total else float("nan")

    @functools.cached_property
    def customers(self) -> pd.DataFrame:
        """One row per row of the frame: its id, ``score``, ``failed`` (rules), ``reasons``.

        The score is made like that of the whole; it is null where no rule with weight was assessed.
        """
        size = len(self.ids)
        weights = self.policy.value("dimension_weight")
        score, total = np.zeros(size), np.zeros(size)
        for dimension in _DIMENSIONS:
            own = [v for v in self.verdicts if v.dimension == dimension and v.weight]
            assessed, passed = np.zeros(size), np.zeros(size)
            for v in own:
                if v.assessed is not None and v.passed is not None:
                    assessed += v.weight * v.assessed
                    passed += v.weight * v.passed
            some = assessed > 0
            score[some] += float(weights[dimension]) * passed[some] / assessed[some]
            total[some] += float(weights[dimension])
        share = np.full(size, np.nan)
        np.divide(score, total, out=share, where=total > 0)
        failed, reasons = self._failures()
        found = pd.DataFrame(
            {
                str(self.ids.name): self.ids.array,
                "score": share,
                "failed": failed,
                "reasons": reasons,
            },
            index=self.ids.index,
        )
        return self.policy.stamp(found)

    def by(self, column: str) -> pd.DataFrame:
        """The shares of each rule by group.

        Args:
            column: A column of the frame, such as ``branch`` or ``source``.

        Returns:
            One row per group and rule that was assessed in it: ``group`` (null for rows without
            one), ``rule``, ``dimension``, ``field``, ``assessed``, ``passed``, ``share``, ``low``,
            ``high``.

        Raises:
            DataError: There is no such column.
        """
        if column not in self.frame:
            raise DataError(f"no column {column!r}; {known_names(column, map(str, self.frame))}")
        code, groups = codes(self.frame[column])
        described = self._described()[["dimension", "field"]]
        parts = []
        for (rule, row), verdict in zip(described.iterrows(), self.verdicts, strict=True):
            if verdict.assessed is None or verdict.passed is None:
                continue
            assessed = _by_code(code, len(groups), verdict.assessed)
            passed = _by_code(code, len(groups), verdict.passed)
            names = pd.Series([*groups, None], dtype=object)
            part = pd.DataFrame({"group": names, "rule": rule, **row.to_dict()})
            parts.append(part.assign(**_shares(assessed, passed))[assessed > 0])
        if not parts:
            return pd.DataFrame(columns=["group", "rule", "dimension", "field", *_SHARES])
        found = pd.concat(parts, ignore_index=True).sort_values("group", kind="stable")
        return self.policy.stamp(found.reset_index(drop=True))

    def compare(self, earlier: Quality) -> pd.DataFrame:
        """What has changed since an earlier measurement.

        Args:
            earlier: The same of another day.

        Returns:
            One row per rule of either: ``dimension``, ``field``, ``before``, ``now``, ``change``
            with ``low`` and ``high`` (Newcombe, 95 %, as if the rows were others); null where one
            of them assessed nothing.

        Raises:
            DataError: It is no `Quality`.
        """
        as_kind(earlier, Quality, "earlier", "from measure_quality")
        rules = self.fields.index.union(earlier.fields.index, sort=False)
        old, new = earlier.fields.reindex(rules), self.fields.reindex(rules)
        passed, assessed, passed_before, assessed_before = (
            side[column].fillna(0).to_numpy(np.float64)
            for side in (new, old)
            for column in ("passed", "assessed")
        )
        change, low, high = newcombe(passed, assessed, passed_before, assessed_before)
        found = new[["dimension", "field"]].astype(object)
        found = found.fillna(old[["dimension", "field"]].astype(object))
        found = found.assign(
            before=old["share"], now=new["share"], change=change, low=low, high=high
        )
        return self.policy.stamp(found)

    def __repr__(self) -> str:
        figures = {"rows": len(self.ids), "score": self.score, "as of": self.as_of}
        return line("Quality", figures)

    def _repr_html_(self) -> str:
        figures = {"rows": len(self.ids), "score": self.score, "as of": self.as_of}
        note = stamp(self.policy.version, self.policy.fingerprint)
        return card("Quality", figures, self.dimensions, note)

    def _described(self, **figures: npt.NDArray[Any]) -> pd.DataFrame:
        """One row per rule: what it is, and some figures."""
        texts = ("field", "weight", "because", "source")
        return pd.DataFrame(
            {
                "dimension": pd.Categorical([v.dimension for v in self.verdicts], _DIMENSIONS),
                **{name: [getattr(v, name) for v in self.verdicts] for name in texts},
                **figures,
            },
            index=pd.Index([v.rule for v in self.verdicts], name="rule"),
        )

    def _failures(self) -> tuple[npt.NDArray[np.object_], npt.NDArray[np.object_]]:
        """The failed rules and their reasons; one text per distinct set of failures."""
        number = np.zeros(len(self.ids), np.int64)
        sets: list[tuple[Verdict, ...]] = [()]
        for v in self.verdicts:
            if v.assessed is None or v.passed is None or not v.weight:
                continue
            failed = v.assessed & ~v.passed
            if not failed.any():
                continue
            number, both = codes(number * 2 + failed)
            sets = [(*sets[b // 2], v) if b % 2 else sets[b // 2] for b in both]
        rules = np.array([", ".join(v.rule for v in s) for s in sets], dtype=object)
        reasons = np.array(["; ".join(v.because for v in s) for s in sets], dtype=object)
        return rules[number], reasons[number]


def _by_code(
    code: npt.NDArray[np.intp], groups: int, rows: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """How many of some rows each group has; the last is that of rows without a group."""
    found = np.bincount(code[rows] + 1, minlength=groups + 1)
    return np.append(found[1:], found[0]).astype(np.int64)


def _shares(assessed: npt.ArrayLike, passed: npt.ArrayLike) -> dict[str, npt.NDArray[Any]]:
    n, x = np.asarray(assessed, np.int64), np.asarray(passed, np.int64)
    share, low, high = wilson(x, n)
    return {"assessed": n, "passed": x, "share": share, "low": low, "high": high}
