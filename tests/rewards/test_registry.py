"""The plug-in registry: names, options, errors that help."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, DistributionFinder, PackagePath
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from rewards.errors import MissingExtra, OptionError, PluginClash, PluginLoadError, UnknownPlugin
from rewards.registry import Option, Registry


@dataclass(frozen=True)
class Thing:
    """A thing.

    More about it.
    """

    size: Annotated[int, "How large."] = 3
    mode: Annotated[Literal["fast", "slow"], "How quick."] = "fast"
    limit: Annotated[float | None, "No more than this."] = None
    words: Annotated[tuple[str, ...], "Which words."] = ()
    loud: Annotated[bool, "Whether to shout."] = False


@dataclass(frozen=True)
class Strict:
    """A thing that must be told its name."""

    title: Annotated[str, "Its name."]


def needs_a_library() -> None:
    """A thing that cannot be made here."""
    import a_library_that_is_not_installed  # noqa: F401


def _registry() -> Registry[Any]:
    return Registry(
        "thing",
        "acme.things",
        {
            "thing": f"{__name__}:Thing",
            "strict": f"{__name__}:Strict",
            "lacking": f"{__name__}:needs_a_library",
            "gone": f"{__name__}:Gone",
            "nowhere": "a_module_that_is_not_there:Thing",
        },
        extras={"lacking": "nlp"},
    )


def test_makes_a_plugin_with_its_options() -> None:
    assert _registry().get("thing", size=4, mode="slow", limit=1, words=("a",)) == Thing(4, "slow", 1, ("a",))


def test_lists_without_importing() -> None:
    registry = Registry[Any]("thing", "acme.things", {"x": "a_module_that_is_not_there:X"})
    assert registry.names() == ["x"]
    assert "a_module_that_is_not_there" not in sys.modules


def test_describes_from_the_signature() -> None:
    described = _registry().describe("thing")
    assert described.summary == "A thing."
    assert described.origin.endswith(":Thing")
    shown = [(option.name, option.type_name, option.default, option.help) for option in described.options]
    assert shown == [
        ("size", "int", 3, "How large."),
        ("mode", "fast|slow", "fast", "How quick."),
        ("limit", "float | none", None, "No more than this."),
        ("words", "str,…", (), "Which words."),
        ("loud", "bool", False, "Whether to shout."),
    ]
    assert _registry().describe("strict").options[0].required


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        (["size=12"], {"size": 12}),
        (["mode=slow", "loud=yes"], {"mode": "slow", "loud": True}),
        (["limit=none"], {"limit": None}),
        (["limit=0.5"], {"limit": 0.5}),
        (["words=a, b"], {"words": ("a", "b")}),
        (["loud=0"], {"loud": False}),
        ([], {}),
    ],
)
def test_reads_options_from_a_command_line(pairs: list[str], expected: dict[str, Any]) -> None:
    parsed = _registry().parse_options("thing", pairs)
    assert parsed == expected
    _registry().get("thing", **parsed)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["size=many"], "option size: 'many' is not int"),
        (["mode=medium"], "option mode: 'medium' is not fast|slow"),
        (["sise=3"], "no option 'sise': it takes limit, loud, mode, size, words; did you mean 'size'?"),
        (["size"], "'size' is not an option: write NAME=VALUE"),
    ],
)
def test_refuses_options_from_a_command_line(pairs: list[str], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        _registry().parse_options("thing", pairs)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [{"size": "3"}, {"size": True}, {"mode": "medium"}, {"limit": "a"}, {"words": (1,)}, {"loud": 1}],
)
def test_refuses_values_of_another_type(options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"option {next(iter(options))}"):
        _registry().get("thing", **options)


def test_says_which_option_is_missing() -> None:
    with pytest.raises(OptionError, match="needs the option 'title'"):
        _registry().get("strict")


def test_unknown_names_say_what_exists() -> None:
    with pytest.raises(UnknownPlugin) as caught:
        _registry().get("thin")
    assert str(caught.value) == (
        "unknown thing 'thin'; there are gone, lacking, nowhere, strict, thing; did you mean 'thing'?"
    )


def test_a_missing_library_names_the_extra() -> None:
    with pytest.raises(MissingExtra) as caught:
        _registry().get("lacking")
    assert "pip install 'srl-data[nlp]'" in str(caught.value)
    assert "a_library_that_is_not_installed" in str(caught.value)


@pytest.mark.parametrize("name", ["gone", "nowhere"])
def test_a_broken_entry_is_named(name: str) -> None:
    with pytest.raises(PluginLoadError, match=name):
        _registry().get(name)


def test_registers_at_run_time_and_refuses_a_clash() -> None:
    registry = _registry()
    registry.register("mine", Thing)
    registry.register("mine", Thing)  # the same again is no clash: modules are reloaded in notebooks
    assert registry.get("mine", size=9).size == 9
    with pytest.raises(PluginClash, match=r"already provided by .*:Thing.*Strict"):
        registry.register("mine", Strict)
    with pytest.raises(PluginClash, match="already provided by"):
        registry.register("thing", Strict)


class _Installed(Distribution):
    """An installed distribution that exists only for this test."""

    def __init__(self, name: str, entry_points: str) -> None:
        self._files = {"METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"}
        self._files["entry_points.txt"] = entry_points

    def read_text(self, filename: str) -> str | None:
        return self._files.get(filename)

    def locate_file(self, path: Any) -> Any:
        return Path(path)

    @property
    def files(self) -> list[PackagePath] | None:
        return None


def _install(monkeypatch: pytest.MonkeyPatch, *distributions: _Installed) -> None:
    class Finder(DistributionFinder):
        def find_distributions(self, context: Any = None) -> Any:
            return distributions

        def find_spec(self, *args: Any, **kwargs: Any) -> None:
            return None

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])


def test_finds_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, _Installed("acme", f"[acme.things]\nguest = {__name__}:Thing\n"))
    registry = _registry()
    assert "guest" in registry.names()
    assert registry.get("guest", size=1) == Thing(1)
    assert registry.origin("guest") == f"{__name__}:Thing (acme)"


def test_two_distributions_that_claim_one_name_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(
        monkeypatch,
        _Installed("acme", f"[acme.things]\nguest = {__name__}:Thing\n"),
        _Installed("rival", f"[acme.things]\nguest = {__name__}:Strict\n"),
    )
    with pytest.raises(PluginClash, match=r"acme.*rival"):
        _registry().get("guest")


def test_an_option_without_annotation_is_text() -> None:
    def factory(name="x"):  # type: ignore[no-untyped-def]
        """A factory that says nothing of its types."""
        return name

    registry = Registry[Any]("thing", "acme.things", {})
    registry.register("plain", factory)
    assert registry.describe("plain").options == (Option("name", str, "x", ""),)
