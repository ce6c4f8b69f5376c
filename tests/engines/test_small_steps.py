"""Small steps over blocks of an engine's book, against loops over its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pandas as pd
import pytest

from bankcrm.book.recorded import recorded_in
from bankcrm.engines import DuckDBEngine
from bankcrm.engines.output import read_output
from bankcrm.engines.run import EngineFound, number_of_passes, run_on
from bankcrm.errors import DataError
from bankcrm.folders import ResultFolder
from bankcrm.pipeline import Fit, Fitted, Need, Step
from bankcrm.pipeline.block import Block
from bankcrm.policy import default_policies

DAY = date(2026, 6, 30)
POLICIES = default_policies()
OWNERS = [1, 2, 2, 3, 5, 5, 5, 6, 8, 8, 3, 1, 99]
AMOUNTS = [5.0, 1.5, 2.5, -3.0, 10.0, 20.0, 7.0, 1.0, 2.0, 4.0, 8.0, -1.0, 1000.0]
FRAMES = {
    "customers": pd.DataFrame({"customer_id": range(1, 10), "kind": "person"}),
    "transactions": pd.DataFrame(
        {
            "customer_id": OWNERS,
            "date": pd.date_range("2026-06-01", periods=len(OWNERS)),
            "amount": AMOUNTS,
            "kind": "card",
        }
    ),
}
TOTALS = {c: sum(a for o, a in zip(OWNERS, AMOUNTS, strict=True) if o == c) for c in range(1, 10)}
WHOLE = sum(TOTALS.values())


@attrs.frozen
class Most:
    """A number learned from the whole book."""

    value: float


def turnover(block: Block) -> pd.DataFrame:
    moves = block.view["transactions"].frame
    total = moves.groupby("customer_id")["amount"].sum().reindex(block.customers, fill_value=0.0)
    return pd.DataFrame({"turnover": total.to_numpy()}, index=block.customers)


def learned(name: str, column: str, how: Callable[[pd.Series], float]) -> Fit:
    def sample(raw: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
        return found[[column]]

    return Fit(name, Most, sample, lambda rows, policies: Most(how(rows[column])))


def divided(column: str, made: str) -> Callable[[Block, pd.DataFrame, Any], pd.DataFrame]:
    def apply(block: Block, raw: pd.DataFrame, value: Any) -> pd.DataFrame:
        return pd.DataFrame({made: block.found[column] / value.value})

    return apply


STEPS = (
    Step("turnover", "turnover", "lifecycle", facts=turnover, shown=("turnover",)),
    Step("share", "shares", "lifecycle", after=("turnover",), shown=("share",),
         fit=learned("whole", "turnover", sum), apply=divided("turnover", "share")),
    Step("best", "the best", "lifecycle", after=("share",), shown=("best",),
         fit=learned("most", "share", max), apply=divided("share", "best")),
    Step("owed", "loans", "lifecycle", shown=("owed",), needs=(Need(("loans",)),),
         facts=lambda block: pd.DataFrame({"owed": 1.0}, index=block.customers)),
)  # fmt: skip


def run(
    folder: Path,
    frames: dict[str, pd.DataFrame] = FRAMES,
    *,
    blocks: int = 3,
    fitted: Fitted | None = None,
    steps: tuple[Step, ...] = STEPS,
    report: Callable[[str], None] = lambda title: None,
) -> EngineFound:
    source: Any = frames
    if (folder / "book").is_dir():
        source = folder / "book"
    return run_on(DuckDBEngine(source), steps, day=DAY, policies=POLICIES, fitted=fitted,
                  out=ResultFolder(folder / "out", "review", ()), blocks=blocks,
                  report_progress=report)  # fmt: skip


@pytest.mark.parametrize("blocks", [1, 3, 20])
def test_steps_over_blocks_are_those_of_a_loop(tmp_path: Path, blocks: int) -> None:
    """Each step learns from every block before it is applied to any."""
    titles: list[str] = []
    found = run(tmp_path, blocks=blocks, report=titles.append)
    rows = found.output.frame().sort_index()
    assert rows.index.tolist() == list(TOTALS)
    best = max(total / WHOLE for total in TOTALS.values())
    for customer, total in TOTALS.items():
        share = total / WHOLE
        assert rows.loc[customer].tolist()[:3] == pytest.approx([total, share, share / best])
    assert rows["owed"].isna().all()
    assert "loans" in found.reasons["owed"]
    assert found.fitted.values == {"whole": Most(WHOLE), "most": Most(best)}
    [unknown] = [f for f in found.faults if f.column == "customer_id"]
    assert (unknown.frame, unknown.count) == ("transactions", 1)
    assert found.period == ("2026-06-01", "2026-06-12"), "of customers that are known"
    groups = len(found.output.files)
    assert groups <= min(blocks, len(TOTALS))
    names = [f"customers-{n:05d}.parquet" for n in range(groups)]
    assert [f.name for f in found.output.files] == names
    assert (number_of_passes(STEPS), titles[0]) == (3, "splitting the book by customer")
    parts = ["facts", "shares", "the best, loans", "results"]
    expected = [f"{p}, block {n + 1} of {groups}" for p in parts for n in range(groups)]
    assert titles[1:] == expected
    assert not [p for p in (tmp_path / "out").iterdir() if p.name.endswith(".work")]


def test_facts_are_made_once_for_each_block(tmp_path: Path) -> None:
    """Also those of a step that is applied in a later pass."""
    made: list[int] = []

    def largest(block: Block) -> pd.DataFrame:
        made.extend(block.customers)
        moves = block.view["transactions"].frame.groupby("customer_id")["amount"].max()
        most = moves.reindex(block.customers, fill_value=0.0)
        return pd.DataFrame({"largest": most.to_numpy()}, index=block.customers)

    def apply(block: Block, raw: pd.DataFrame, value: Any) -> pd.DataFrame:
        return pd.DataFrame({"part": raw["largest"] / value.value})

    part = Step("part", "parts", "lifecycle", facts=largest, after=("turnover",), shown=("part",),
                fit=learned("sum", "turnover", sum), apply=apply)  # fmt: skip
    rows = run(tmp_path, steps=(*STEPS, part)).output.frame()
    assert sorted(made) == list(TOTALS)
    for customer in TOTALS:
        own = [a for o, a in zip(OWNERS, AMOUNTS, strict=True) if o == customer]
        assert rows.loc[customer, "part"] == pytest.approx(max(own, default=0.0) / WHOLE)


def test_values_of_an_earlier_review_are_not_learned_again(tmp_path: Path) -> None:
    earlier = Fitted(
        ["customers", "transactions", "transactions.customer_id"],
        values={"whole": Most(2.0), "most": Most(4.0)},
    )
    found = run(tmp_path, fitted=earlier)
    rows = found.output.frame()
    assert found.fitted == earlier
    for customer, total in TOTALS.items():
        row = rows.loc[customer]
        assert [row["share"], row["best"]] == pytest.approx([total / 2.0, total / 8.0])


def test_what_the_check_rejects_is_not_recorded(tmp_path: Path) -> None:
    """A column that has values as it comes, and none that fits; the facts are made again."""
    moves = FRAMES["transactions"].assign(channel="telepathy", balance=1.0)
    frames = {**FRAMES, "transactions": moves}
    engine = DuckDBEngine(frames)
    assert "transactions.channel" in engine.recorded()
    way = Step("way", "ways", "lifecycle", shown=("way",),
               needs=(Need(("transactions.channel",)),),
               facts=lambda block: pd.DataFrame({"way": 1.0}, index=block.customers))  # fmt: skip
    found = run(tmp_path, frames, steps=(way, *STEPS))
    assert found.output.frame()["way"].isna().all()
    assert "transactions.channel" in found.reasons["way"]
    assert "transactions.balance" in found.fitted.recorded
    assert "transactions.channel" not in found.fitted.recorded
    [fault] = [f for f in found.faults if f.column == "channel"]
    assert fault.count == len(moves)
    assert found.output.frame()["turnover"].sum() == pytest.approx(WHOLE)
    plain = run(tmp_path / "plain")
    assert set(found.fitted.recorded) - set(plain.fitted.recorded) == {"transactions.balance"}
    assert set(plain.fitted.recorded) == set(recorded_in(FRAMES))


class StopError(Exception):
    """The caller has had enough."""


@pytest.mark.parametrize("where", ["facts", "shares", "results"])
def test_a_stopped_run_goes_on_with_the_blocks_that_are_done(tmp_path: Path, where: str) -> None:
    (tmp_path / "book").mkdir()
    for name, frame in FRAMES.items():
        frame.to_parquet(tmp_path / "book" / f"{name}.parquet", index=False)

    def stop(title: str) -> None:
        if title.startswith(f"{where}, block 2"):
            raise StopError

    with pytest.raises(StopError):
        run(tmp_path, report=stop)
    with pytest.raises(DataError, match="no complete result"):
        read_output(tmp_path / "out", DAY)
    out = tmp_path / "out"
    made = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.suffix in (".arrow", ".parquet")}
    [last] = [p for p in made if p.name == "customers-00000.parquet"] or [None]
    assert (last is not None) == (where == "results")
    seen: dict[Path, int] = {}

    def look(title: str) -> None:
        if title.startswith("results, block 2"):
            seen.update({p: p.stat().st_mtime_ns for p in made})

    found = run(tmp_path, report=look)
    assert seen == made, "nothing is made twice"
    assert found.output.frame()["turnover"].sum() == pytest.approx(WHOLE)
    assert found.output.manifest["as_of"] == DAY.isoformat()


def test_a_block_whose_customers_are_all_rejected_has_no_row(tmp_path: Path) -> None:
    people = pd.DataFrame({"customer_id": [*range(1, 10), None], "kind": "person"})
    frames = {**FRAMES, "customers": people.astype({"customer_id": "Int64"})}
    found = run(tmp_path, frames, blocks=50)
    rows = found.output.frame().sort_index()
    assert rows["turnover"].to_dict() == pytest.approx(TOTALS)
    assert 0 in [len(p) for p in found.output.parts(["turnover"])], "DuckDB hashes null alone"
    assert [f.count for f in found.faults if f.frame == "customers"] == [1]


def test_a_block_without_rows_changes_no_type_of_a_sample(tmp_path: Path) -> None:
    """Of no truth value at all, the type would be that of any object."""
    people = pd.DataFrame({"customer_id": [*range(1, 10), None], "kind": "person"})
    frames = {**FRAMES, "customers": people.astype({"customer_id": "Int64"})}

    def moved(block: Block) -> pd.DataFrame:
        known = set(block.view["transactions"].frame["customer_id"])
        return pd.DataFrame({"moved": [c in known for c in block.customers]}, index=block.customers)

    steps = (
        Step("moved", "moved", "lifecycle", facts=moved, shown=("moved",)),
        Step("part", "parts", "lifecycle", after=("moved",), shown=("part",),
             fit=learned("quiet", "moved", lambda rows: int((~rows).sum())),
             apply=divided("moved", "part")),
    )  # fmt: skip
    found = run(tmp_path, frames, blocks=50, steps=steps)
    assert found.fitted.values == {"quiet": Most(len(TOTALS) - len(set(OWNERS) & set(TOTALS)))}


def test_nothing_is_learned_from_what_could_not_be_learned(tmp_path: Path) -> None:
    """The steps that need it are null, for its reason."""
    nothing = Fit("whole", Most, lambda raw, found: found[["turnover"]], lambda rows, p: None,
                  "no turnover counts")  # fmt: skip
    steps = (
        STEPS[0],
        attrs.evolve(STEPS[1], fit=nothing),
        attrs.evolve(STEPS[2], needs=(Need(("share",)),), fit=learned("most", "share", len)),
        Step("rank", "ranks", "lifecycle", shown=("rank",), needs=(Need(("best",)),)),
    )
    found = run(tmp_path, steps=steps)
    assert found.fitted.values == {}
    rows = found.output.frame()
    assert rows[["share", "best", "rank"]].isna().all(axis=None)
    assert rows["turnover"].sum() == pytest.approx(WHOLE)
    assert found.reasons == dict.fromkeys(("share", "best", "rank"), "no turnover counts")


def test_a_book_without_customers_is_refused(tmp_path: Path) -> None:
    nobody = {**FRAMES, "customers": FRAMES["customers"].iloc[:0]}
    with pytest.raises(DataError, match="no customer to review"):
        run(tmp_path, nobody)


def test_the_parts_of_a_result_are_read_as_asked(tmp_path: Path) -> None:
    output = run(tmp_path).output
    whole = output.frame().sort_index()
    assert output.rows == len(whole) == sum(len(p) for p in output.parts(["share"]))
    for part in output.parts(["share", "nothing"]):
        assert part.columns.tolist() == ["share"]
        np.testing.assert_array_equal(part["share"], whole.loc[part.index, "share"])
    part = output.frame(["share"]).sort_index()
    pd.testing.assert_frame_equal(part, whole[["share"]])
    assert output.frame(customers=pd.Index([3, 8])).index.tolist() in ([3, 8], [8, 3])
    output.copy_to(tmp_path / "copy")
    assert sorted(p.name for p in (tmp_path / "copy").iterdir()) == sorted(
        [*output.manifest["files"], "_manifest.json"]
    )
    run(tmp_path, blocks=2)
    with pytest.raises(DataError, match="another run has replaced the result"):
        output.copy_to(tmp_path / "late")
