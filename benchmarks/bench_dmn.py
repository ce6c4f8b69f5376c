"""Decision tables of DMN: import of 1,000 rules, and a frame decided beside zen-engine's batch.

    python benchmarks/bench_dmn.py [--quick]

zen-engine (Rust) decides all rows of one call in its loop mode, from dictionaries as its Python
binding takes them; the dictionaries are made before the clock starts. Ours reads the columns of a
frame. The same table and the same outcomes. Without zen-engine only the import is measured.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd

from bankcrm.rules import DecisionTable, Rule, read_dmn
from timing import compare

RULES = (
    Rule("gone", {"idle": ">= 365"}, "lost"),
    Rule("quiet", {"idle": "[90..365)", "ratio": "< 0.5"}, "dormant"),
    Rule("rest", {}, "active"),
)
TABLE = read_dmn(DecisionTable("stage", RULES).to_dmn()).tables[0]


def large(rules: int) -> str:
    """A table of many rules as DMN, with its guards."""
    made = [
        Rule(f"r{i}", {"idle": f"[{i * 10}..{i * 10 + 10})", "kind": "in (a, b)"}, f"o{i % 7}")
        for i in range(rules - 1)
    ]
    return DecisionTable("large", (*made, Rule("rest", {}, "o0"))).to_dmn()


def zen_model() -> str:
    """The same table in zen-engine's form."""
    inputs = [{"id": "a", "name": "a", "field": "idle"}, {"id": "b", "name": "b", "field": "ratio"}]
    rules = [
        {"_id": "1", "a": ">= 365", "b": "", "o": '"lost"'},
        {"_id": "2", "a": "[90..365)", "b": "< 0.5", "o": '"dormant"'},
        {"_id": "3", "a": "", "b": "", "o": '"active"'},
    ]
    table = {"hitPolicy": "first", "executionMode": "loop", "inputField": "rows",
             "outputPath": "rows", "inputs": inputs, "rules": rules,
             "outputs": [{"id": "o", "name": "o", "field": "stage"}]}  # fmt: skip
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "content": {}},
        {"id": "t", "type": "decisionTableNode", "name": "t", "content": table},
        {"id": "out", "type": "outputNode", "name": "out", "content": {}},
    ]
    edges = [{"id": "1", "sourceId": "in", "targetId": "t", "type": "edge"},
             {"id": "2", "sourceId": "t", "targetId": "out", "type": "edge"}]  # fmt: skip
    kind = "application/vnd.gorules.decision"
    return json.dumps({"contentType": kind, "nodes": nodes, "edges": edges})


def main() -> None:
    text = large(1_000)
    start = time.process_time()
    read = read_dmn(text).tables[0]
    spent = time.process_time() - start
    verdict = "ok" if spent < 1 else "MISSED"
    print(f"import of {len(read.rules):,} rules with guards: {spent:.2f} CPU s  limit 1  {verdict}")
    try:
        import zen
    except ImportError:
        print("zen-engine is not installed: pip install zen-engine")
        return
    size = 20_000 if "--quick" in sys.argv else 200_000
    random = np.random.default_rng(7)
    frame = pd.DataFrame({"idle": random.exponential(200, size), "ratio": random.random(size)})
    rows = frame.to_dict("records")
    decision = zen.ZenEngine().create_decision(zen_model())
    theirs = [r["stage"] for r in decision.evaluate({"rows": rows})["result"]["rows"]]
    print(f"{size:,} rows; same outcomes: {list(TABLE.decide_frame(frame)['outcome']) == theirs}")
    compare(
        "3 rules on a frame, against zen-engine's batch",
        lambda: TABLE.decide_frame(frame),
        lambda: decision.evaluate({"rows": rows}),
        limit=1.0,
    )


if __name__ == "__main__":
    main()
