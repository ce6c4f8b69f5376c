"""Records of which it is known who is who, and how well they were matched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

NAMES = {
    "rec_id": "record_id",
    "date_of_birth": "birth_date",
    "soc_sec_id": "document_number",
    "address_1": "address",
    "street_number": "house_number",
    "suburb": "city",
}


def febrl(folder: Path, number: int) -> tuple[pd.DataFrame, pd.Series]:
    """The records of a Febrl set, and the true customer of each record."""
    records = pd.read_parquet(folder / "febrl" / f"febrl{number}.parquet").rename(columns=NAMES)
    return records, records["record_id"].str.extract(r"^rec-(\d+)-")[0].astype(int)


def pairs_within(label: pd.Series | np.ndarray) -> int:
    sizes = pd.Series(np.asarray(label)).value_counts()
    return int((sizes * (sizes - 1) // 2).sum())


def f1(truth: pd.Series, found: pd.Series) -> float:
    """Pairwise F1 by the sizes of the clusters and of their intersections."""
    both = pd.factorize(
        pd.MultiIndex.from_arrays([truth.to_numpy(), found.astype(str).to_numpy()])
    )[0]
    return 2 * pairs_within(both) / (pairs_within(truth) + pairs_within(found))


def synthetic(records: int, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """Records of people, 15 % without an id number, with phones of families and one of a branch."""
    draw = np.random.default_rng(seed)
    people = int(records * 0.7)
    who = np.concatenate([np.arange(people), draw.integers(0, people, records - people)])
    days = np.datetime64("1940-01-01") + draw.integers(0, 25_000, people)
    family = np.where(
        draw.random(people) < 0.1, draw.integers(0, people, people), np.arange(people)
    )
    phone = 13_000_000_000 + family * 7
    frame = pd.DataFrame(
        {
            "record_id": draw.permutation(records),
            "name": np.char.add(
                "name ", (draw.integers(0, people // 2 + 1, people)[who]).astype(str)
            ),
            "birth_date": days[who].astype("datetime64[s]"),
            "id_number": pd.Series(resident_ids(days, draw)).take(who).to_numpy(),
            "phone": phone[who].astype(str),
        }
    )
    frame.loc[draw.random(records) < 0.15, "id_number"] = None
    frame.loc[draw.random(records) < 0.01, "phone"] = "13988887777"
    return frame, pd.Series(who)


def resident_ids(days: np.ndarray, draw: np.random.Generator) -> list[str]:
    found = []
    for number, day in enumerate(days.astype(str)):
        body = f"{110105 + number // 900 % 10}{day.replace('-', '')}{number % 900 + 100}"
        total = sum(int(c) * 2 ** (17 - i) for i, c in enumerate(body))
        found.append(body + "10X98765432"[total % 11])
    return found
