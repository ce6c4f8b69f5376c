"""Bad frames for every public function: a sentence or a right result, and the frame unchanged.

    python tests/nightly/frames.py [--only contribution] [--every 20] [--faults "one list"]

Each call has good frames. Each frame is broken in every way that its columns allow. What comes
back is a result, or a `BankcrmError` with a sentence, which names the row or shows the value where
one cell is wrong; any other error is printed. Exit code 1 if there is one, or if a call changed a
frame of its caller.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from bankcrm.errors import BankcrmError

sys.path.insert(0, str(Path(__file__).parent))  # the tests load this file by its path

from frame_calls import DAY, Call, calls


def _put(values: pd.Series, value: object) -> pd.Series:
    plain = values.astype(object).to_list()
    plain[len(plain) // 2] = value
    return pd.Series(plain, index=values.index, dtype=object)


def _decimals(values: pd.Series) -> pd.Series:
    return values.map(lambda v: Decimal(str(v)) if isinstance(v, int | float) else v).astype(object)


CELLS: dict[str, Callable[[pd.Series], pd.Series]] = {
    "all null": lambda v: pd.Series([None] * len(v), index=v.index, dtype=object),
    "one null": lambda v: _put(v, None),
    "one nan": lambda v: _put(v, float("nan")),
    "one text": lambda v: _put(v, "abc"),
    "one blank": lambda v: _put(v, ""),
    "one number": lambda v: _put(v, 1.5),
    "infinite": lambda v: _put(v, float("inf")),
    "1e300": lambda v: _put(v, 1e300),
    "minus 1": lambda v: _put(v, -1),
    "all 0": lambda v: pd.Series([0] * len(v), index=v.index),
    "10**400": lambda v: _put(v, 10**400),
    "2**70": lambda v: _put(v, 2**70),
    "all 2**63": lambda v: pd.Series([2**63] * len(v), index=v.index, dtype=np.uint64),
    "bytes": lambda v: _put(v, b"\xff"),
    "all bytes": lambda v: pd.Series([b"\xff"] * len(v), index=v.index, dtype=object),
    "lone surrogate": lambda v: pd.Series(["\ud800"] * len(v), index=v.index, dtype=object),
    "year 1": lambda v: _put(v, dt.date(1, 1, 1)),
    "year 9999": lambda v: pd.Series([dt.date(9999, 12, 31)] * len(v), index=v.index, dtype=object),
    "one lone surrogate": lambda v: _put(v, "a\ud800"),
    "one list": lambda v: _put(v, ["a"]),
    "one dict": lambda v: _put(v, {"a": 1}),
    "dicts": lambda v: pd.Series([{}] * len(v), index=v.index, dtype=object),
    "lists": lambda v: pd.Series([[1]] * len(v), index=v.index, dtype=object),
    "decimals": _decimals,
    "complex": lambda v: pd.Series([1j] * len(v), index=v.index),
    "booleans": lambda v: pd.Series([True] * len(v), index=v.index),
    "categories": lambda v: v.astype(object).astype("category"),
    "texts": lambda v: v.astype("string"),
    "a time zone": lambda v: pd.Series(pd.Timestamp(DAY, tz="UTC"), index=v.index),
    "periods": lambda v: pd.Series(pd.Period(DAY, "D"), index=v.index),
    "durations": lambda v: pd.Series(pd.Timedelta(1, "D"), index=v.index),
}
ONE_CELL = {
    "one null", "one nan", "one text", "one blank", "one number", "infinite", "1e300", "minus 1",
    "10**400", "2**70", "bytes", "year 1", "one lone surrogate", "one list", "one dict",
}  # fmt: skip


def _twice(frame: pd.DataFrame, column: Any) -> pd.DataFrame:
    return pd.concat([frame, frame[[column]]], axis=1)


def _arrow(frame: pd.DataFrame) -> object:
    return pa.Table.from_pandas(frame.reset_index(drop="index" in frame))


def _polars(frame: pd.DataFrame) -> object:
    import polars

    return polars.from_arrow(pa.Table.from_pandas(frame.reset_index(drop="index" in frame)))


WHOLE: dict[str, Callable[[Any], object]] = {
    "no rows": lambda f: f.iloc[:0],
    "no columns": lambda f: pd.DataFrame(index=f.index),
    "nothing": lambda f: pd.DataFrame(),
    "one row": lambda f: f.iloc[:1],
    "all rows twice": lambda f: pd.concat([f, f]),
    "an index of several levels": lambda f: f.set_index([f.index, f.index]),
    "columns of numbers": lambda f: f.set_axis(range(f.shape[1]), axis=1),
    "columns of several levels": lambda f: f.set_axis(
        pd.MultiIndex.from_product([["a"], f.columns]), axis=1
    ),
    "customers in the index": lambda f: f.set_index("customer_id") if "customer_id" in f else f,
    "Arrow": _arrow,
    "Polars": _polars,
    "a list": lambda f: [1, 2],
    "a word": lambda f: "frame",
}


def broken(frame: Any) -> Iterator[tuple[str, Callable[[], object]]]:
    """Every way to break a frame or a series, by name; each is made when called."""
    if isinstance(frame, pd.Series):
        for name, change in CELLS.items():
            yield name, lambda c=change: c(frame)
        yield "no rows", lambda: frame.iloc[:0]
        return
    for name, whole in WHOLE.items():
        yield name, lambda w=whole: w(frame)
    for column in frame.columns:
        yield f"{column}: missing", lambda c=column: frame.drop(columns=c)
        yield f"{column}: twice", lambda c=column: _twice(frame, c)
        for name, change in CELLS.items():
            yield f"{column}: {name}", lambda c=column, k=change: frame.assign(**{c: k(frame[c])})


def inputs(case: Call) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """The bad frames of a call: frame, fault, and how it is made."""
    for name, frame in case.frames.items():
        for fault, make in broken(frame):
            yield name, fault, make


def names_the_row(said: str, bad: Any, good: Any, fault: str) -> bool:
    """Whether an error about one cell names its row, by label, position or id, or its value."""
    kind = fault.rpartition(": ")[2]
    if kind not in ONE_CELL or len(bad) == 1:
        return True
    row, column = len(bad) // 2, fault.rpartition(": ")[0]
    label = bad.index[row]
    names = [row, *(label if isinstance(label, tuple) else (label,))]
    if isinstance(good, pd.DataFrame):
        if good[column].notna().sum() < 2:
            return True  # of two values of different types either may be the wrong one
        ids = [c for c in good.columns if str(c).endswith("_id") or c == "party"]
        names += [frame[c].iloc[row] for frame, c in [*((good, c) for c in ids), (bad, column)]]
    else:
        names.append(bad.iloc[row])
    return any(re.search(rf"(?<![\w.]){re.escape(str(n))}(?!\w)", said) for n in names)


def attempt(case: Call, name: str, make: Callable[[], object], fault: str = "") -> str:
    """Call with one bad frame: empty, or what is wrong with the answer."""
    try:
        bad: Any = make()
    except Exception:  # a frame that pandas cannot make is no input
        return ""
    copy = bad.copy(deep=True) if isinstance(bad, pd.DataFrame | pd.Series) else None
    problem = ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("error", message="invalid value encountered in cast")
        try:
            case.call({**case.frames, name: bad})
        except BankcrmError as error:
            if len(str(error).split()) < 4:
                problem = f"no sentence: {error}"
            elif fault and not names_the_row(str(error), bad, case.frames[name], fault):
                problem = f"no row named: {error}"
        except RecursionError:
            problem = "RecursionError"
        except Exception as error:
            where = error.__traceback__
            while where and where.tb_next:
                where = where.tb_next
                if "bankcrm" in where.tb_frame.f_code.co_filename:
                    place = (
                        f"{where.tb_frame.f_code.co_filename.rpartition('/')[2]}:{where.tb_lineno}"
                    )
            problem = f"{type(error).__name__} at {place}: {str(error)[:80]}"
    if copy is not None and not _equal(bad, copy):
        return f"the caller's frame changed; {problem}"
    return problem


def _equal(one: Any, other: Any) -> bool:
    columns = getattr(one, "columns", pd.Index([]))
    if not columns.equals(getattr(other, "columns", pd.Index([]))):
        return False
    return bool(one.index.equals(other.index)) and repr(one) == repr(other)


def main() -> None:
    """Run the calls with every bad frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[], help="functions")
    parser.add_argument("--every", type=int, help="only every n-th input", default=1)
    parser.add_argument("--faults", default="", help="only faults that match this pattern")
    parser.add_argument("--engines", action="store_true", help="DuckDB as well")
    chosen = parser.parse_args()
    tried, unclear = 0, 0
    for case in calls(engines=chosen.engines):
        if chosen.only and case.name not in chosen.only:
            continue
        case.call(case.frames)
        found: Counter[str] = Counter()
        example: dict[str, str] = {}
        for number, (name, fault, make) in enumerate(inputs(case)):
            if number % chosen.every or not re.search(chosen.faults, fault):
                continue
            tried += 1
            problem = attempt(case, name, make, fault)
            if problem:
                found[problem] += 1
                example.setdefault(problem, f"{name}: {fault}")
        for problem, count in found.most_common():
            print(f"{count:4} {case.name}: {problem}  ({example[problem]})", flush=True)
        unclear += sum(found.values())
    print(f"{tried:,} bad frames, {unclear:,} unclear errors")
    sys.exit(bool(unclear))


if __name__ == "__main__":
    main()
