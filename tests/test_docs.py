"""Every example of README and docs runs: the blocks of a page in order, in one namespace.

- ``python`` blocks are executed; one with ``>>>`` prompts is checked as a doctest.
- A ``text title="output"`` block after a Python block is what the block prints.
- A block with ``title="name.toml"`` (or .py, .md) is a file that the page describes.
- ``sh`` lines that start with ``bankcrm`` are run; under ``title="fails"`` they must end with 2.
- ``<!-- not run: reason -->`` before a block leaves it out.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import shlex
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(
    r"^(?P<skip><!-- not run: [^\n]*-->\n+)?"
    r"^(?P<indent> *)```(?P<language>\w+)(?: title=\"(?P<title>[^\"]+)\")?[^\n]*\n"
    r"(?P<body>.*?)^(?P=indent)```$",
    re.M | re.S,
)


class Block(NamedTuple):
    """One fenced block of a page that can be run or written."""

    language: str
    title: str
    body: str
    line: int


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page that are run, written or compared, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        if fence["skip"] or fence["language"] not in {"python", "toml", "sh", "text"}:
            continue
        indent = len(fence["indent"])
        body = "".join(line[indent:] or "\n" for line in fence["body"].splitlines(keepends=True))
        line = text.count("\n", 0, fence.start("body")) + 1
        found.append(Block(fence["language"], fence["title"] or "", body, line))
    return found


def run_python(block: Block, page: Path, namespace: dict[str, Any]) -> str:
    """Execute a block in the namespace of its page; returns the output."""
    if ">>>" in block.body:
        test = doctest.DocTestParser().get_doctest(
            block.body, namespace, page.name, str(page), block.line - 1
        )
        output = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        runner.run(test, out=output.write, clear_globs=False)
        namespace.update(test.globs)
        assert runner.failures == 0, output.getvalue()
        return ""
    printed = io.StringIO()
    code = compile("\n" * (block.line - 1) + block.body, str(page), "exec")
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue()


def run_shell(block: Block, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the ``bankcrm`` commands of a block as the installed command does."""
    from bankcrm.cli import main

    for line in block.body.replace("\\\n", " ").splitlines():
        if not line.startswith("bankcrm "):
            continue
        words = shlex.split(line, comments=True)
        if any(word.startswith("../shared/") for word in words) and not SHARED.is_dir():
            pytest.skip(f"{page.name}:{block.line} needs ../shared/data, which is not here")
        words = [word.replace("../shared/", f"{SHARED}/", 1) for word in words]
        monkeypatch.setattr(sys, "argv", words)
        output = io.StringIO()
        with contextlib.redirect_stderr(output), contextlib.redirect_stdout(output):
            try:
                main()
                code: object = 0
            except SystemExit as ended:
                code = ended.code or 0
        expected = 2 if block.title == "fails" else 0
        assert code == expected, f"{page.name}:{block.line}: {line}\n{output.getvalue()}"


def lines_of(text: str) -> list[str]:
    """The lines of a text without trailing blanks."""
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks_of(page)],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code of a page runs, and its output is that of the page."""
    blocks = blocks_of(page)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    namespace: dict[str, Any] = {"__name__": "__main__"}
    printed = ""
    for block in blocks:
        if block.title.endswith((".toml", ".py", ".md")):
            Path(block.title).parent.mkdir(parents=True, exist_ok=True)
            Path(block.title).write_text(block.body, encoding="utf-8")
        elif block.language == "python":
            printed = run_python(block, page, namespace)
        elif block.language == "sh" and "pip install" not in block.body:
            run_shell(block, page, monkeypatch)
        elif block.language == "text" and block.title == "output":
            assert lines_of(printed) == lines_of(block.body), f"{page.name}:{block.line}"


def test_the_collector_sees_what_it_should(tmp_path: Path) -> None:
    """A page with a wrong example fails."""
    page = tmp_path / "page.md"
    page.write_text(
        '# A page\n\n```python\nprint(1 + 1)\n```\n\n```text title="output"\n2\n```\n\n'
        "<!-- not run: needs a cluster -->\n```python\n1 / 0\n```\n\n"
        "1. A step\n\n    ```python\n    if True:\n        x = 3\n    ```\n",
        encoding="utf-8",
    )
    first, output, indented = blocks_of(page)
    assert (first.language, first.line, output.title, output.body) == ("python", 4, "output", "2\n")
    assert run_python(first, page, {}) == "2\n"
    assert indented.body == "if True:\n    x = 3\n"
    with pytest.raises(ZeroDivisionError):
        run_python(Block("python", "", "1 / 0", 1), page, {})
    with pytest.raises(AssertionError):
        run_python(Block("python", "", ">>> 1 + 1\n3\n", 1), page, {})
