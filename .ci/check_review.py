"""Check a review's folder: every customer is there once, with a decision and its rule."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd

folder, expected = Path(sys.argv[1]), int(sys.argv[2])
customers = pd.read_parquet(folder / "customers.parquet")
csv = pd.read_csv(folder / "customers.csv")
json.loads((folder / "summary.json").read_text(encoding="utf-8"))
html = (folder / "index.html").read_text(encoding="utf-8")
faults = []
if not len(customers) == len(csv) == expected:
    faults.append(f"{len(customers)} customers in Parquet, {len(csv)} in CSV, expected {expected}")
if customers.index.has_duplicates and "customer_id" not in customers:
    faults.append("a customer appears twice")
for column in ("stage", "tier"):
    if column not in customers:
        faults.append(f"no column {column}; there are {', '.join(customers.columns)}")
if "http://" in html.replace("http://www.w3.org", "") or "<script src" in html:
    faults.append("the report reaches for the network")
if faults:
    raise SystemExit("; ".join(faults))
sys.stdout.write(f"{len(customers)} customers reviewed\n")
