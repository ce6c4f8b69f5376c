"""Every rule on every row, and what is made of the verdicts: against loops over single rows."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bankcrm.errors import PolicyError
from bankcrm.frames import Column
from bankcrm.intervals import newcombe
from bankcrm.models import Consent
from bankcrm.policy import Policy, default_policy
from bankcrm.quality import Quality, measure_quality
from bankcrm.quality.measures.reading import read_field, stand_ins
from bankcrm.quality.measures.records import Placeholder, QualityRule, null_words
from bankcrm.rules.unary import parse_test
from bankcrm.vocabulary import QualityDimension

DAY = dt.date(2026, 6, 30)
POLICY = default_policy("quality")
DIMENSIONS = [str(d) for d in QualityDimension]
WITH_WEIGHT = {
    "customer_id", "kind", "name", "birth_date", "gender", "income", "city", "region", "branch",
    "phone", "industry", "revenue", "first_contact_date",
}  # fmt: skip


def days_before(*numbers: int | None) -> list[dt.date | None]:
    return [None if n is None else DAY - dt.timedelta(days=n) for n in numbers]


VALUES: dict[str, list[Any]] = {
    "kind": ["person", "person", "company", "other", "unknown", None],
    "name": ["Li Na", "Wang", "Xu", "NA", " ", "unknown", None],
    "birth_date": [*days_before(43_830, 43_831, 0, -1, 9_000, None), dt.date(1900, 1, 1)],
    "gender": ["male", "female", "x", None],
    "contract_date": days_before(0, -1, 3_000, None),
    "closed_date": days_before(0, -1, 2_999, 3_001, None),
    "closure_reason": ["service", "na", None],
    "phone": ["13812345678", "+86 138 1234 5678", "13800000000", "12345", "", None],
    "email": ["a@b.cn", "a@b", None],
    "id_number": ["11010519491231002X", "91110000600037341L", "11010519491231002", None],
    "income": [0.0, -1.0, 5.0, None],
    "employees": [-1, 0, 3, None],
    "referred_by": [0, 1, 2, 77, None],
    "updated": days_before(365, 366, 0, -1, None),
}
STAND_INS = {"NA", " ", "unknown", "na", "", "13800000000", dt.date(1900, 1, 1)}
DATES = ("birth_date", "contract_date", "closed_date", "updated")


def customers(seed: int, rows: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made: dict[str, Any] = {"customer_id": [*rng.choice(rows, rows - 3).tolist(), None, 1, 2]}
    for name, values in VALUES.items():
        made[name] = [values[i] for i in rng.integers(0, len(values), rows)]
    found = pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in made.items()})
    dated = {name: pd.to_datetime(found[name].astype("datetime64[s]")) for name in DATES}
    found = found.assign(**dated, income=found["income"].astype(float))
    return found.assign(employees=found["employees"].astype("Int64")).set_axis(
        pd.Index(range(100, 100 + rows)), axis=0
    )


def plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value


def is_filled(name: str, value: Any) -> bool:
    stands_in = value in STAND_INS if isinstance(value, str | dt.date) else False
    return value is not None and not stands_in and not (name == "income" and value == 0)


def is_fit(name: str, value: Any) -> bool:
    if not is_filled(name, value):
        return False
    if name == "kind":
        return value in ("person", "company")
    if name == "gender":
        return value in ("male", "female")
    if name == "closure_reason":
        return value == "service"
    if name in ("income", "employees"):
        return value >= 0
    return value <= DAY if name in DATES else True


Pair = tuple[bool, bool]


def rules_of_row(row: dict[str, Any]) -> dict[str, Pair]:
    """Rule -> whether it is for the row, and whether the row passes; without those on several."""
    there = {n: is_filled(n, v) for n, v in row.items()}
    fits = {n: is_fit(n, v) for n, v in row.items()}
    person = fits["kind"] and row["kind"] == "person"
    company = fits["kind"] and row["kind"] == "company"
    only = {"birth_date": person, "gender": person, "closure_reason": there["closed_date"]}
    found: dict[str, Pair] = {}
    for name in row:
        if name not in ("updated", "id_number"):  # they are no columns of the class
            found[f"{name}-filled"] = only.get(name, True), there[name]
            found[f"{name}-fits"] = there[name], fits[name]
    for late, early in (("closed_date", "contract_date"), ("contract_date", "birth_date")):
        both = fits[late] and fits[early]
        found[f"{late}-on-or-after-{early}"] = both, both and row[late] >= row[early]
    found["closure_reason-only-with-closed_date"] = fits["closure_reason"], fits["closed_date"]
    both = fits["referred_by"] and fits["customer_id"]
    found["referred_by-other-than-customer_id"] = both, row["referred_by"] != row["customer_id"]
    for name in ("birth_date", "gender"):
        found[f"{name}-only-where-kind-is-person"] = fits[name] and fits["kind"], person
    mobile = row["phone"] in ("13812345678", "+86 138 1234 5678")
    found["mobile-number"] = person and fits["phone"], mobile
    found["mail-address"] = fits["email"], row["email"] == "a@b.cn"
    found["id-number"] = person and fits["id_number"], row["id_number"] == "11010519491231002X"
    found["credit-code"] = company and fits["id_number"], row["id_number"] == "91110000600037341L"
    born, updated = ((DAY - row[n]).days if fits[n] else -1 for n in ("birth_date", "updated"))
    found["born-in-a-lifetime"] = fits["birth_date"], born <= 43_830
    found["updated-in-time"] = fits["updated"], updated <= 365
    found["reason-for-closure"] = there["closed_date"], there["closure_reason"]
    return found


def by_rows(frame: pd.DataFrame) -> dict[str, list[Pair]]:
    rows = [{n: plain(v) for n, v in r.items()} for r in frame.to_dict("records")]
    each = [rules_of_row(row) for row in rows]
    found = {rule: [e[rule] for e in each] for rule in each[0]}
    for rule, names in (
        ("customer_id-unique", ("customer_id",)), ("one-id-number", ("id_number",)),
        ("one-record", ("name", "birth_date", "phone")),
    ):  # fmt: skip
        keys = [tuple(r[n] for n in names) if all(is_fit(n, r[n]) for n in names) else None
                for r in rows]  # fmt: skip
        found[rule] = [(k is not None, keys.count(k) == 1) for k in keys]
    return found


@pytest.fixture(scope="module", params=[1, 2])
def measured(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, Quality]:
    frame = customers(request.param)
    return frame, measure_quality(frame, as_of=DAY)


def test_each_rule_on_each_row(measured: tuple[pd.DataFrame, Quality]) -> None:
    frame, quality = measured
    wanted = {rule.replace("_", "-"): rows for rule, rows in by_rows(frame).items()}
    seen = {}
    for verdict in quality.verdicts:
        if verdict.assessed is None or verdict.passed is None:
            assert verdict.reason
            continue
        pairs = zip(verdict.assessed.tolist(), verdict.passed.tolist(), strict=True)
        seen[verdict.rule.replace("_", "-")] = list(pairs)
    assert set(seen) == set(wanted)
    for rule, rows in wanted.items():
        assert seen[rule] == [(bool(a), bool(a and p)) for a, p in rows], rule


def share_of(passed: int, assessed: int) -> tuple[float, float, float]:
    if not assessed:
        return math.nan, math.nan, math.nan
    ends = stats.binomtest(passed, assessed).proportion_ci(method="wilson")
    return passed / assessed, ends.low, ends.high


def test_the_table_of_the_rules(measured: tuple[pd.DataFrame, Quality]) -> None:
    _, quality = measured
    rows = []
    for v in quality.verdicts:
        n = 0 if v.assessed is None else sum(v.assessed.tolist())
        x = 0 if v.passed is None else sum(v.passed.tolist())
        weight = 1.0
        if v.dimension == "completeness":
            weight = float(v.field in WITH_WEIGHT)
        why = None if n else v.reason or "no row that the rule is for"
        rows.append((v.dimension, v.field, weight, v.because, v.source, n, x, *share_of(x, n), why))
    wanted = pd.DataFrame(
        rows,
        columns=["dimension", "field", "weight", "because", "source", "assessed", "passed",
                 "share", "low", "high", "reason"],
        index=pd.Index([v.rule for v in quality.verdicts], name="rule"),
    )  # fmt: skip
    wanted["dimension"] = pd.Categorical(wanted["dimension"], DIMENSIONS)
    wanted["reason"] = pd.Series([row[-1] for row in rows], wanted.index, dtype=object)
    found = quality.fields
    assert found.attrs["policy"]
    found = found.copy()
    found.attrs = {}
    pd.testing.assert_frame_equal(found, wanted)
    described = found.loc[["name-filled", "name-fits", "customer_id-unique", "kind-as-reference"]]
    assert described["source"].tolist() == ["record class"] * 3 + ["reference"]
    assert described["because"].tolist() == [
        "name is missing", "name does not fit its contract",
        "another row has the same customer_id", "",
    ]  # fmt: skip
    consistency = found[found["dimension"] == "consistency"]
    assert consistency.loc["closed-date-on-or-after-contract-date", "because"] == (
        "expected closed_date on or after contract_date"
    )
    assert found.loc["sector-filled", "reason"] == "no column"


def mean_of_dimensions(shares: dict[str, list[tuple[float, float]]]) -> float:
    """The mean of the weighted means of dimensions, from weights and shares."""
    parts = [
        sum(w * s for w, s in own) / sum(w for w, _ in own)
        for own in shares.values()
        if sum(w for w, _ in own)
    ]
    return sum(parts) / len(parts) if parts else math.nan


def test_dimensions_and_scores(measured: tuple[pd.DataFrame, Quality]) -> None:
    frame, quality = measured
    fields = quality.fields
    whole: dict[str, list[tuple[float, float]]] = {d: [] for d in DIMENSIONS}
    for row in fields.itertuples():
        if row.assessed and row.weight:
            whole[row.dimension].append((row.weight, row.share))
    shares = [mean_of_dimensions({d: own}) for d, own in whole.items()]
    wanted = pd.DataFrame(
        {"assessed": [len(own) for own in whole.values()], "share": shares, "weight": 1.0},
        index=pd.Index(DIMENSIONS, name="dimension"),
    )
    pd.testing.assert_frame_equal(quality.dimensions, wanted)
    assert quality.score == pytest.approx(mean_of_dimensions(whole))
    scores, failed, reasons = [], [], []
    for place in range(len(frame)):
        own: dict[str, list[tuple[float, float]]] = {d: [] for d in DIMENSIONS}
        wrong = []
        for v in quality.verdicts:
            if v.assessed is None or v.passed is None or not v.assessed[place] or not v.weight:
                continue
            own[v.dimension].append((v.weight, float(v.passed[place])))
            wrong += [] if v.passed[place] else [v]
        scores.append(mean_of_dimensions(own))
        failed.append(", ".join(v.rule for v in wrong))
        reasons.append("; ".join(v.because for v in wrong))
    each = pd.DataFrame(
        {
            "customer_id": frame["customer_id"],
            "score": scores,
            "failed": failed,
            "reasons": reasons,
        }
    )
    found = quality.customers.copy()
    assert found.attrs.pop("policy")
    pd.testing.assert_frame_equal(found, each)


def test_shares_by_group(measured: tuple[pd.DataFrame, Quality]) -> None:
    frame, quality = measured
    rows = []
    kinds = [None if pd.isna(k) else k for k in frame["kind"]]
    for group in [*dict.fromkeys(k for k in kinds if k), None]:
        of_group = [k == group for k in kinds]
        for v in quality.verdicts:
            if v.assessed is None or v.passed is None:
                continue
            n = sum(a and g for a, g in zip(v.assessed, of_group, strict=True))
            x = sum(p and g for p, g in zip(v.passed, of_group, strict=True))
            if n:
                rows.append((group, v.rule, v.dimension, v.field, n, x, *share_of(x, n)))
    names = ["group", "rule", "dimension", "field", "assessed", "passed", "share", "low", "high"]
    wanted = pd.DataFrame(rows, columns=names)
    found = quality.by("kind")
    assert found["group"].isna().tolist() == sorted(found["group"].isna())
    some = found["group"].dropna().tolist()
    assert some == sorted(some)
    both = [
        t.assign(group=t["group"].fillna("-").astype(str)).sort_values(
            ["group", "rule"], ignore_index=True
        )
        for t in (found, wanted)
    ]
    both[0].attrs = {}
    pd.testing.assert_frame_equal(*both, check_dtype=False)
    assert found[["assessed", "passed"]].dtypes.tolist() == [np.dtype("int64")] * 2
    assert found.index.equals(pd.RangeIndex(len(found)))


def test_two_days_rule_by_rule() -> None:
    frame = customers(3)
    now = measure_quality(frame.drop(columns="email"), as_of=DAY)
    before = measure_quality(frame[:20].drop(columns=["gender", "updated"]), as_of=DAY)
    found = now.compare(before)
    assert list(found) == ["dimension", "field", "before", "now", "change", "low", "high"]
    assert set(found.index) == {*now.fields.index, *before.fields.index}
    assert found.index.is_unique
    for rule, row in found.iterrows():
        new, old = (q.fields.loc[rule] if rule in q.fields.index else None for q in (now, before))
        known = new if new is not None else old
        assert known is not None
        assert (row["dimension"], row["field"]) == (known["dimension"], known["field"])
        if new is None or old is None or not new["assessed"] or not old["assessed"]:
            assert row[["change", "low", "high"]].isna().all()
            continue
        wanted = newcombe(new["passed"], new["assessed"], old["passed"], old["assessed"])
        assert row[["change", "low", "high"]].tolist() == pytest.approx([float(w) for w in wanted])
        assert (row["before"], row["now"]) == (old["share"], new["share"])


def test_a_reference_is_compared_value_by_value() -> None:
    ours, theirs = customers(4), customers(5)
    ours = ours[ours["customer_id"].notna()]
    theirs = theirs[theirs["customer_id"].notna()].drop_duplicates("customer_id")
    found = measure_quality(ours, as_of=DAY, reference=theirs.drop(columns="gender"))
    by_id = {r["customer_id"]: r for r in theirs.to_dict("records")}
    for name in ("kind", "birth_date", "income", "employees", "email"):
        pairs = []
        for row in ours.to_dict("records"):
            other = by_id.get(row["customer_id"])
            mine, given = plain(row[name]), plain(other[name]) if other else None
            if is_fit(name, mine) and is_fit(name, given):
                pairs.append(mine == given)
        row = found.fields.loc[f"{name}-as-reference"]
        assert (row["assessed"], row["passed"], row["weight"]) == (len(pairs), sum(pairs), 1.0)
        assert row["because"] == f"{name} differs from the reference"
    assert found.fields.loc["gender-as-reference", "reason"] == "not in the reference"
    assert found.fields.loc["gender-as-reference", "weight"] == 1.0
    nobody = measure_quality(ours, as_of=DAY, reference=theirs.iloc[:0])
    row = nobody.fields.loc["kind-as-reference"]
    assert (row["assessed"], row["reason"]) == (0, "no row that the rule is for")
    keyless = measure_quality(ours.drop(columns="customer_id"), as_of=DAY, reference=theirs)
    assert keyless.fields.loc["kind-as-reference", "reason"] == "no key"
    assert keyless.customers.columns[0] == "customer_id"
    assert keyless.customers["customer_id"].tolist() == ours.index.tolist()


def with_rules(*rules: dict[str, object], **values: object) -> Policy:
    raw = {**POLICY.raw_records, "quality_rule": rules}
    return attrs.evolve(POLICY, raw_records=raw).with_parameters(**values)


WEIGHTS = dict(zip(DIMENSIONS, (5.0, 1.0, 2.0, 3.0, 7.0, 1.0), strict=True))


def test_weights_of_rules_and_dimensions_count() -> None:
    rows = pd.DataFrame({"customer_id": [1, 2], "kind": ["person", "x"], "updated": [None, "a"]})
    rule: dict[str, object] = {"model": "Customer", "dimension": "timeliness"}
    policy = with_rules(
        {**rule, "id": "a", "field": "updated", "test": "present", "weight": 3.0},
        {**rule, "id": "b", "field": "customer_id", "test": "= 1", "weight": 1.0},
        {**rule, "id": "c", "field": "customer_id", "test": "= 9", "weight": 0.0},
        {**rule, "id": "d", "field": "kind", "test": "-"},
        dimension_weight=WEIGHTS,
    )
    found = measure_quality(rows, as_of=DAY, policy=policy)
    assert found.fields.loc[list("abcd"), "passed"].tolist() == [1, 1, 0, 1]
    assert found.dimensions.loc["timeliness"].tolist() == [3, (3 * 0.5 + 0.5 + 1) / 5, 3.0]
    # completeness 1, validity (1 + 1 / 2) / 2, timeliness .6, uniqueness 1
    assert found.score == pytest.approx((5 + 0.75 + 3 * 0.6 + 7) / 16)
    assert found.customers["failed"].tolist() == ["a", "kind-fits, b"]
    assert found.customers["score"].tolist() == pytest.approx(
        [(5 + 1 + 3 * (2 / 5) + 7) / 16, (5 + 0.5 + 3 * (3 / 4) + 7) / 16]
    )
    none = measure_quality(rows, as_of=DAY, policy=with_rules()).dimensions
    assert none["assessed"].tolist() == [2, 2, 0, 0, 1, 0]
    assert none["assessed"].dtype == np.int64
    light = with_rules(dimension_weight=dict.fromkeys(DIMENSIONS, 0.0))
    assert math.isnan(measure_quality(rows, as_of=DAY, policy=light).score)
    assert measure_quality(rows, as_of=DAY, policy=light).customers["score"].isna().all()


def test_a_class_without_a_key_and_a_group_of_none() -> None:
    said = pd.DataFrame({"customer_id": [1, 1], "state": ["granted", "no"], "note": [None, None]})
    found = measure_quality(said, Consent, as_of=DAY)
    assert found.customers.columns[0] == "row"
    assert found.customers["row"].tolist() == [0, 1]
    assert "uniqueness" not in set(found.fields["dimension"])
    assert found.by("note")["group"].isna().all()
    assert len(found.by("note")) == (found.fields["assessed"] > 0).sum()


GOOD: dict[str, Any] = {"id": "r", "model": "Customer", "field": "name", "dimension": "validity"}


def test_a_rule_has_one_of_test_check_and_unique() -> None:
    one = parse_test("present")
    for parts in ({"test": one}, {"check": "email"}, {"unique": ("name",)}):
        assert QualityRule(**GOOD, **parts).weight == 1.0
        assert QualityRule(**GOOD, **parts, weight=0.0).measure == "value"
        with pytest.raises(PolicyError, match=r"rule 'r': weight -0.5 is below zero"):
            QualityRule(**GOOD, **parts, weight=-0.5)
    for wrong in ({}, {"test": one, "check": "email"}, {"check": "email", "unique": ("name",)}):
        with pytest.raises(PolicyError, match="rule 'r': give one of test, check and unique"):
            QualityRule(**GOOD, **wrong)


def test_a_test_of_another_type_is_a_mistake_of_the_policy() -> None:
    rule = {**GOOD, "test": "< 5"}
    with pytest.raises(PolicyError, match="name is a text"):
        measure_quality(pd.DataFrame({"name": ["Li"]}), as_of=DAY, policy=with_rules(rule))


def test_a_value_that_does_not_fit_leaves_whole_numbers_exact() -> None:
    large = 2**53 - 1
    field = read_field(
        pd.Series([-1, large, large - 1]), Column("n", "integer", minimum=0), (), None
    )
    assert field.fits.tolist() == [False, True, True]
    assert field.values.isna().tolist() == [True, False, False]
    assert (field.values.iloc[1], field.values.iloc[2]) == (large, large - 1)
    assert str(field.values.dtype) == "Int64"
    whole = read_field(pd.Series([1, 2]), Column("n", "integer"), (), None)
    assert (whole.values is whole.read, whole.wrong_type) == (True, False)
    broken = read_field(pd.Series(["x", None]), Column("n", "integer"), (), None)
    assert (broken.filled.tolist(), broken.fits.tolist()) == ([True, False], [False, False])
    assert broken.wrong_type
    assert broken.values.isna().all()


def test_placeholders_are_for_a_field_or_for_a_kind() -> None:
    null = Placeholder(("NULL",), kind="null")
    kinds = ("text", "category", "date", "number", "id")
    assert [null.is_for("x", k) for k in kinds] == [True, True, False, False, False]
    assert [Placeholder((1,), kind="date").is_for("x", k) for k in kinds] == [
        False, False, True, False, False,
    ]  # fmt: skip
    one = Placeholder((1,), field="x")
    assert [one.is_for(f, "number") for f in ("x", "y", "")] == [True, False, False]
    words = null_words(POLICY)
    assert {"NULL", "空"} <= set(words)
    assert not {"unknown", "0"} & set(words)


@pytest.mark.parametrize("dtype", ["object", "str", "string", "category"])
@pytest.mark.parametrize("text", [" ", "\u3000", "", "\x1f", "NULL", "ab", "abc", "abcd", "张三"])
def test_a_text_alone_in_its_column_stands_in_or_not(text: str, dtype: str) -> None:
    given = [Placeholder(("NULL",), kind="null"), Placeholder(("abc", "张三"), kind="text")]
    found = stand_ins(pd.Series([text, None], dtype=dtype), Column("x", "text"), given)
    assert found.tolist() == [not text.strip() or text in ("NULL", "abc", "张三"), False]
