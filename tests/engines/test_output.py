"""Results on disk: whole or not there, taken up again, never half of one and half of another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import attrs
import pandas as pd
import pytest

from bankcrm.engines import read_output
from bankcrm.engines.blocks import Workspace
from bankcrm.engines.output import OutputWriter
from bankcrm.errors import DataError

DAY = date(2026, 6, 30)


def frame(value: int, rows: int = 3) -> pd.DataFrame:
    """A small part."""
    return pd.DataFrame({"customer_id": range(rows), "value": value})


def written(root: Path, value: int, parts: int = 2) -> OutputWriter:
    """A complete result of equal parts."""
    writer = OutputWriter(root, DAY, {"value": value})
    writer.begin()
    for number in range(parts):
        writer.write(f"part-{number}.parquet", frame(value))
    writer.commit({"value": value})
    return writer


def left_in(root: Path) -> list[str]:
    """The files of a folder without the mark of the writer."""
    return [p.name for p in root.iterdir() if not p.name.startswith(".bankcrm")]


def values(root: Path) -> set[int]:
    """What the complete result holds."""
    return set(read_output(root, DAY).frame()["value"])


def test_a_result_reads_back_with_its_manifest(tmp_path: Path) -> None:
    """Rows, files and the entries of the writer."""
    written(tmp_path, 7)
    output = read_output(tmp_path, "2026-06-30")
    assert output.rows == 6
    assert [f.name for f in output.files] == ["part-0.parquet", "part-1.parquet"]
    assert output.manifest["value"] == 7
    assert output.frame(["value"]).columns.tolist() == ["value"]


def test_writing_twice_is_writing_once(tmp_path: Path) -> None:
    """The second result takes the place of the first; nothing else is left behind."""
    written(tmp_path, 1)
    written(tmp_path, 2, parts=1)
    assert values(tmp_path) == {2}
    assert left_in(tmp_path) == ["review_date=2026-06-30"]


def test_parts_of_the_same_key_are_taken_up_and_others_thrown_away(tmp_path: Path) -> None:
    """A run continues where the last one with the same key stopped."""
    writer = OutputWriter(tmp_path, DAY, {"value": 1})
    assert writer.begin() == []
    writer.write("part-0.parquet", frame(1))
    assert OutputWriter(tmp_path, DAY, {"value": 1}).begin() == ["part-0.parquet"]
    assert OutputWriter(tmp_path, DAY, {"value": 2}).begin() == []


def test_what_a_killed_worker_left_is_neither_taken_up_nor_kept(tmp_path: Path) -> None:
    """A file under a temporary name, and the folder of another run of the day."""
    writer = OutputWriter(tmp_path, DAY, {"value": 1})
    with writer.alone():
        writer.begin()
    (writer.partial / ".part-7.parquet.99").write_bytes(b"half")
    with writer.alone():
        assert writer.begin() == []
        writer.write("part-0.parquet", frame(1))
        output = writer.commit()
    assert sorted(p.name for p in output.folder.iterdir()) == ["_manifest.json", "part-0.parquet"]
    output.copy_to(tmp_path / "far" / "away")
    assert sorted(p.name for p in (tmp_path / "far" / "away").iterdir()) == sorted(
        p.name for p in output.folder.iterdir()
    )


def test_a_part_is_replaced_by_a_later_one_of_its_name(tmp_path: Path) -> None:
    writer = OutputWriter(tmp_path, DAY, {"value": 1})
    writer.begin()
    for value in (1, 2):
        path = writer.write("part-0.parquet", frame(value))
        assert pd.read_parquet(path, partitioning=None)["value"].tolist() == [value] * 3
    assert [p.name for p in writer.partial.iterdir()] == ["part-0.parquet"]
    assert writer.commit() == read_output(tmp_path, DAY)


def test_blocks_of_another_day_or_policy_are_not_taken_up(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    for key, left in (({"day": 1}, False), ({"day": 1}, True), ({"day": 2}, False)):
        Workspace(folder, key).begin()
        assert (folder / "block=0").is_dir() == left
        (folder / "block=0").mkdir(exist_ok=True)


KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
import pandas as pd
import pyarrow.parquet as pq
from bankcrm.engines.output import OutputWriter
import bankcrm.engines.output as output

writer = OutputWriter(Path(sys.argv[1]), date(2026, 6, 30), {"value": 2})
writer.begin()
part = pd.DataFrame({"customer_id": range(3), "value": 2})
writer.write("part-0.parquet", part)
where = sys.argv[2]
if where == "part":
    def half(table, path, **options):
        Path(path).write_bytes(b"PAR1 and then the power went")
        os.kill(os.getpid(), signal.SIGKILL)
    pq.write_table = half
    writer.write("part-1.parquet", part)
writer.write("part-1.parquet", part)
real, calls = os.replace, []
def replace(source, target):
    if str(where) == str(len(calls)):
        os.kill(os.getpid(), signal.SIGKILL)
    calls.append(target)
    real(source, target)
os.replace = replace
writer.commit()
"""


@pytest.mark.parametrize("where", ["part", "0", "1", "2", "3", "4", "5", "6", "7"])
def test_a_run_that_is_killed_leaves_one_whole_result(tmp_path: Path, where: str) -> None:
    """Killed in mid-write, before the manifest, and before every file that is put in place."""
    written(tmp_path, 1)
    ran = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), where], check=False)
    assert ran.returncode == -9
    decided = where not in ("part", "0", "1")
    assert values(tmp_path) == ({2} if decided else {1})
    again = OutputWriter(tmp_path, DAY, {"value": 2})
    there = again.begin()
    assert there in (["part-0.parquet"], ["part-0.parquet", "part-1.parquet"], [])
    for name in ("part-0.parquet", "part-1.parquet"):
        again.write(name, frame(2))
    again.commit()
    assert values(tmp_path) == {2}
    assert left_in(tmp_path) == ["review_date=2026-06-30"]


FULL = """
import resource, sys
from datetime import date
from pathlib import Path
import numpy as np
import pandas as pd
from bankcrm.engines.output import OutputWriter
from bankcrm.errors import EngineError

writer = OutputWriter(Path(sys.argv[1]), date(2026, 6, 30), {"value": 2})
writer.begin()
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
big = pd.DataFrame({"value": np.random.default_rng(1).random(100_000)})
try:
    writer.write("part-0.parquet", big)
except EngineError as error:
    print(error)
    sys.exit(3)
"""


def test_a_full_disk_is_reported_and_the_last_result_is_unchanged(tmp_path: Path) -> None:
    """A quota stops the write: a clear error, no file that looks whole."""
    written(tmp_path, 1)
    ran = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert ran.returncode == 3, ran.stderr
    assert "the last complete result is unchanged" in ran.stdout
    assert values(tmp_path) == {1}
    assert not list((tmp_path / ".review_date=2026-06-30.partial").glob("*.parquet"))


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    """The folder is a file."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="is a file; give a folder"):
        OutputWriter(tmp_path / "file", DAY, {}).begin()


def test_what_is_not_whole_is_not_read(tmp_path: Path) -> None:
    """No manifest, a file cut short, a file gone."""
    with pytest.raises(DataError, match="no complete result; complete: none"):
        read_output(tmp_path, DAY)
    written(tmp_path, 1)
    with pytest.raises(DataError, match="complete: review_date=2026-06-30"):
        read_output(tmp_path, "2026-07-31")
    path = tmp_path / "review_date=2026-06-30" / "part-0.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="were written"):
        read_output(tmp_path, DAY)
    path.unlink()
    with pytest.raises(DataError, match="missing, but"):
        read_output(tmp_path, DAY)


def test_the_manifest_says_what_it_rests_on(tmp_path: Path) -> None:
    """The key's digest and each file's size and rows, as plain JSON."""
    written(tmp_path, 5)
    manifest = json.loads((tmp_path / "review_date=2026-06-30" / "_manifest.json").read_text())
    assert len(manifest["key"]) == 64
    assert manifest["files"]["part-1.parquet"]["rows"] == 3


def test_the_order_of_entries_changes_no_manifest(tmp_path: Path) -> None:
    """Nor does it make another run of the same key."""
    texts = []
    for entries in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        writer = OutputWriter(tmp_path, DAY, entries)
        writer.begin()
        writer.write("part.parquet", frame(1))
        other = OutputWriter(tmp_path, DAY, dict(reversed(entries.items())))
        assert other.begin() == ["part.parquet"]
        writer.commit(entries)
        texts.append((writer.target / "_manifest.json").read_text(encoding="utf-8"))
    assert texts[0] == texts[1]


def test_a_folder_of_others_is_kept_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match="bankcrm did not write"):
        OutputWriter(tmp_path, DAY, {}).begin()
    assert OutputWriter(tmp_path, DAY, {}, force=True).begin() == []
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_parts_that_are_gone_are_made_again(tmp_path: Path) -> None:
    """A commit that was killed has moved them away, with the key of the run still there."""
    writer = OutputWriter(tmp_path, DAY, {"value": 1})
    writer.begin()
    shutil.rmtree(writer.partial)
    assert writer.begin() == []
    writer.write("part-0.parquet", frame(1))
    assert writer.commit().rows == 3


def test_a_copy_needs_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On another disk there are none."""
    output = read_output(written(tmp_path / "out", 1).root, DAY)

    def refused(source: Path, target: Path) -> None:
        raise OSError("another disk")

    monkeypatch.setattr(os, "link", refused)
    output.copy_to(tmp_path / "copy")
    for file in output.folder.iterdir():
        assert (tmp_path / "copy" / file.name).read_bytes() == file.read_bytes()


def test_a_result_is_known_by_its_files_and_not_by_who_deletes_them(tmp_path: Path) -> None:
    written(tmp_path, 1)
    named = read_output(tmp_path, DAY)
    with tempfile.TemporaryDirectory(prefix="kept") as place:
        kept = attrs.evolve(named, kept=tempfile.TemporaryDirectory(dir=place))
        assert kept == named
        assert place not in repr(kept)


NESTED = pytest.param("[" * 100_000, id="nested")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": {"a": 1}}', NESTED])
def test_a_manifest_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    written(tmp_path, 1)
    [manifest] = tmp_path.glob("*/_manifest.json")
    manifest.write_text(text)
    with pytest.raises(DataError, match=r"manifest\.json: not as a review writes it; run"):
        read_output(tmp_path, DAY)


def test_a_result_whose_manifest_is_gone_is_not_copied(tmp_path: Path) -> None:
    output = read_output(written(tmp_path / "out", 1).root, DAY)
    for text in ("{", None):
        manifest = output.folder / "_manifest.json"
        manifest.unlink() if text is None else manifest.write_text(text)
        with pytest.raises(DataError, match="not as a review writes it; run the review again"):
            output.copy_to(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
