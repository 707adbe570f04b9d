"""``srl-data rewards``: what there is, and what each takes."""

from __future__ import annotations

import json

from click.testing import CliRunner

import rewards
from srl_data.cli import main, plugins


def _run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["rewards", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_lists_every_reward() -> None:
    assert [line.split()[0] for line in _run().splitlines()] == rewards.names()
    assert [row["name"] for row in json.loads(_run("--json"))] == rewards.names()


def test_describes_one() -> None:
    described = _run("indel")
    assert "Reads:   the completion, reference" in described
    assert "Bounds:  0.0 to 1.0" in described
    assert "-O normalize=bool  (default false)" in described
    as_json = json.loads(_run("indel", "--json"))
    assert (as_json["columns"], as_json["bounds"], as_json["extra"]) == (["reference"], [0.0, 1.0], None)
    assert {"name": "unit", "type": "char|token|line", "default": "char"}.items() <= as_json["options"][0].items()
    assert "did you mean 'indel'?" in _run("indle", code=2)


def test_describes_every_one() -> None:
    for name in rewards.names():
        assert f"\nReads:   the completion{', ' * bool(rewards.describe(name).columns)}" in _run(name)


def test_what_lacks_a_library_is_listed_with_what_to_install() -> None:
    line = next(line for line in _run().splitlines() if line.startswith("embedding "))
    assert ("pip install 'srl-data[embed]'" in line) == bool(plugins.lacking("embed"))
    assert plugins.lacking("no-such-extra") == plugins.lacking(None) == []
