"""The generated pages are fresh, and what the guides show is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

import rewards
from srl_data.cli import main

ROOT = Path(__file__).parents[2]


def test_the_command_line_page_is_fresh() -> None:
    command = [sys.executable, "scripts/cli_docs.py", "--check"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


class _Block(NamedTuple):
    """A fenced block: its language, its title, its text, and the page's line it begins in."""

    language: str
    title: str | None
    text: str
    line: int


_FENCE = re.compile(r'^```(\w+)(?: title="([^"\n]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def _blocks(page: Path) -> Iterator[_Block]:
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield _Block(match[1], match[2], match[3], text.count("\n", 0, match.start(3)))


@pytest.mark.parametrize("name", ["README.md", "docs/rewards.md", "docs/verifying.md", "docs/trainers/openrlhf.md"])
def test_python_does_what_a_page_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / name
    names: dict[str, Any] = {}
    for block in _with_files(page):
        if block.language == "pycon":
            _run_python(block, names, page)
    assert names


def test_commands_do_what_the_guide_to_rewards_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "rewards.md"
    for block in _with_files(page):
        if block.language == "console":
            _run_commands(block, page)


@pytest.mark.parametrize(
    "name", ["docs/choosing-a-regime.md", pytest.param("docs/training.md", marks=pytest.mark.slow)]
)
def test_python_and_commands_do_in_turn_what_a_page_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / name
    names: dict[str, Any] = {}
    for block in _with_files(page):
        if block.language == "pycon":
            _run_python(block, names, page)
        elif block.language == "console":
            _run_commands(block, page)
    assert names


def _with_files(page: Path) -> list[_Block]:
    """The page's blocks; those with a title are files, which stand in the current folder."""
    blocks = list(_blocks(page))
    for block in blocks:
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
    return blocks


def _run_python(block: _Block, names: dict[str, Any], page: Path) -> None:
    text = block.text.replace("…", "...")
    test = doctest.DocTestParser().get_doctest(text, names, page.name, str(page), block.line)
    told: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=told.append, clear_globs=False)
    names.update(test.globs)  # the next block goes on from here
    assert not told, "".join(told)


def _run_commands(block: _Block, page: Path) -> None:
    for piece in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, expected = piece.partition("\n")
        program, *arguments = shlex.split(command, comments=True)
        assert program == "srl-data", f"{page.name}:{block.line}: {command}"
        got = CliRunner().invoke(main, arguments).output
        same = doctest.OutputChecker().check_output(expected.replace("…", "..."), got, doctest.ELLIPSIS)
        assert same, f"{page.name}:{block.line}: {command}\n{got}"


_COMPARED = re.compile(r"^\| `([^`]+)` \| `([^`]+)` \| ([=≠]) \| ([=≠]) \| ", re.MULTILINE)


def _compared() -> list[tuple[str, str, bool, bool]]:
    """Rows of the guide's table: gold answer, answer, whether we and whether math-verify count it as right."""
    rows = _COMPARED.findall((ROOT / "docs" / "verifying.md").read_text(encoding="utf-8"))
    assert len(rows) > 20
    return [(gold, answer, ours == "=", theirs == "=") for gold, answer, ours, theirs in rows]


def test_our_column_of_the_table_of_conventions_is_true() -> None:
    rows = _compared()
    scores = rewards.get("outcome")([rf"\boxed{{{row[1]}}}" for row in rows], answer=[row[0] for row in rows])
    assert scores.values == [float(row[2]) for row in rows]


def test_the_peers_column_of_the_table_of_conventions_is_true() -> None:
    peer = pytest.importorskip("math_verify", reason="is in the extra bench")
    for gold, answer, _, right in _compared():
        parsed = [peer.parse(rf"\boxed{{{text}}}") for text in (gold, answer)]
        assert peer.verify(*parsed) == right, (gold, answer)


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/*.md")), ids=lambda page: page.name)
def test_a_class_that_a_guide_shows_is_that_of_the_example(page: Path) -> None:
    examples = [path.read_text(encoding="utf-8") for path in ROOT.glob("examples/*/*.py")]
    for block in _blocks(page):
        if block.language == "python" and "class " in block.text:
            assert any(block.text in example for example in examples), f"{page.name}:{block.line}"
