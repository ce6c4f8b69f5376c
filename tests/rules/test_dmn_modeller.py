"""Other tools and our DMN files: the schemas, a modeller's reader and a FEEL engine.

The modeller's reader (dmn-moddle) and a FEEL engine (feelin) come from npm; the variable
``BANKCRM_NODE_MODULES`` names the folder where they are installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bankcrm.policy import DOMAINS, default_policy
from bankcrm.rules import DecisionTable, read_dmn
from bankcrm.rules.feel import write_cell
from bankcrm.rules.values import representatives, show

from . import tck

MODULES = os.environ.get("BANKCRM_NODE_MODULES", "")
needs_npm = pytest.mark.skipif(
    not MODULES or shutil.which("node") is None,
    reason="needs node, and BANKCRM_NODE_MODULES with dmn-moddle and feelin",
)
TABLES = [
    pytest.param(policy.table(name), id=f"{domain}-{name}")
    for domain in DOMAINS
    for policy in [default_policy(domain)]
    for name in policy.tables
]


@pytest.mark.skipif(not tck.FOLDER.is_dir(), reason="the schemas are not in ../shared/data/dmn_tck")
def test_every_shipped_table_fits_the_schema_of_dmn() -> None:
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed (extra test)")
    schema = xmlschema.XMLSchema(str(tck.FOLDER / "DMN13.xsd"))
    for parameter in TABLES:
        table: Any = parameter.values[0]
        for missing in ("guard", "feel"):
            errors = [str(e.reason) for e in schema.iter_errors(table.to_dmn(missing=missing))]
            assert errors == [], table.id


OPEN_AND_SAVE = """
import fs from 'fs';
import {DmnModdle} from 'dmn-moddle';
const found = [];
for (const xml of JSON.parse(fs.readFileSync(0, 'utf8'))) {
  const moddle = new DmnModdle();
  const {rootElement, warnings} = await moddle.fromXML(xml, 'dmn:Definitions');
  const saved = await moddle.toXML(rootElement, {format: true});
  found.push([warnings.map(w => w.message), saved.xml]);
}
console.log(JSON.stringify(found));
"""
EVALUATE = """
import fs from 'fs';
import {unaryTest} from 'feelin';
const samples = JSON.parse(fs.readFileSync(0, 'utf8'));
const found = samples.map(([cell, value]) => {
  const result = unaryTest(cell, {'?': value});
  return result !== null && typeof result === 'object' && 'value' in result ? result.value : result;
});
console.log(JSON.stringify(found));
"""


def _node(folder: Path, script: str, values: object) -> Any:
    (folder / "run.mjs").write_text(script)
    link = folder / "node_modules"
    if not link.exists():
        link.symlink_to(MODULES)
    done = subprocess.run(
        ["node", "run.mjs"],  # found by the mark
        cwd=folder,
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@needs_npm
def test_a_modeller_opens_and_saves_every_table(tmp_path: Path) -> None:
    """No warning, and what it saves is the same table to us."""
    tables: list[DecisionTable] = [p.values[0] for p in TABLES for _ in range(2)]  # type: ignore[misc]
    files = [t.to_dmn(missing=("guard", "feel")[i % 2]) for i, t in enumerate(tables)]
    for table, (warnings, saved) in zip(tables, _node(tmp_path, OPEN_AND_SAVE, files), strict=True):
        assert warnings == [], table.id
        file = read_dmn(saved)
        assert file.left_out == ()
        assert file.tables == (table,)


@needs_npm
def test_a_feel_engine_reads_every_cell_as_we_do(tmp_path: Path) -> None:
    samples: list[tuple[str, Any, bool]] = []
    for parameter in TABLES:
        table: Any = parameter.values[0]
        for row in table.compiled.rows:
            for cell in row.cells:
                if cell.predicate is None or table.compiled.facts[cell.fact].type == "date":
                    continue
                fact = table.compiled.facts[cell.fact]
                for value in representatives(fact, cell.test.constants):
                    passed = bool(cell.predicate(value))
                    samples.append((write_cell(cell.test), show(value, fact.type), passed))
    assert len(samples) > 500
    answers = _node(tmp_path, EVALUATE, [[cell, value] for cell, value, _ in samples])
    for (cell, value, passed), answer in zip(samples, answers, strict=True):
        assert answer is passed, (cell, value)
