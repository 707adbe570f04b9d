"""A registry of plug-ins: a name is all that a user needs.

Built-in plug-ins stand in a literal table, name → ``"module:Object"``. Third parties add theirs through an
entry-point group, or at run time through :meth:`Registry.register`. Nothing is imported before it is asked
for by name: listing reads names, not code.

An option is a parameter of the factory. Its type and default come from the signature, its one-line help
from ``Annotated[type, "help"]``, so that what is checked, what is documented and what runs are one thing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from rewards.errors import MissingExtra, OptionError, PluginClash, PluginLoadError, UnknownPlugin

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Description", "Option", "Registry", "did_you_mean", "options_of"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a plug-in, as its signature declares it."""

    name: str
    type: Any
    default: Any  # inspect.Parameter.empty if the option must be given
    help: str

    @property
    def required(self) -> bool:
        """Whether the plug-in cannot be made without this option."""
        return self.default is inspect.Parameter.empty

    @property
    def type_name(self) -> str:
        """The type as a user reads it: ``bool``, ``int | None``, ``a|b|c``."""
        return _type_name(self.type)

    def parse(self, text: str) -> Any:
        """Read a value typed on a command line.

        Raises:
            OptionError: If the text is not a value of the option's type.

        Example:
            >>> Option("window", int, 2, "").parse("3")
            3
        """
        for candidate in _alternatives(self.type):
            try:
                return _parse(candidate, text)
            except ValueError:
                continue
        raise OptionError(f"option {self.name}: {text!r} is not {self.type_name}")

    def check(self, value: Any) -> None:
        """Raise :class:`OptionError` unless ``value`` has the option's type."""
        if not any(_matches(candidate, value) for candidate in _alternatives(self.type)):
            raise OptionError(f"option {self.name}: {value!r} is not {self.type_name}")


@dataclass(frozen=True, slots=True)
class Description:
    """What a user should know about a plug-in before using it."""

    name: str
    origin: str
    summary: str
    doc: str
    options: tuple[Option, ...]


class Registry(Generic[T]):
    """Named factories of one kind.

    Args:
        kind: What a plug-in is called in messages, e.g. ``"segmenter"``.
        group: The entry-point group in which third parties register, e.g. ``"srl_data.segmenters"``.
        builtin: The plug-ins that ship with the toolkit, name → ``"module:Object"``.
        extras: For plug-ins that need optional libraries, name → the extra that brings them.

    Example:
        >>> registry = Registry("number", "acme.numbers", {"whole": "builtins:int"})
        >>> registry.names()
        ['whole']
    """

    def __init__(
        self, kind: str, group: str, builtin: Mapping[str, str], extras: Mapping[str, str] | None = None
    ) -> None:
        self.kind = kind
        self.group = group
        self._builtin = dict(builtin)
        self._extras = dict(extras or {})
        self._registered: dict[str, Callable[..., T]] = {}

    def names(self) -> list[str]:
        """Every plug-in's name, sorted. Imports no plug-in."""
        return sorted({*self._builtin, *self._registered, *self._entry_points()})

    def register(self, name: str, factory: Callable[..., T]) -> None:
        """Add a plug-in for this process.

        Raises:
            PluginClash: If the name is taken by something else.
        """
        taken = self._registered.get(name)
        if taken is factory:
            return
        if taken is not None or name in self._builtin or name in self._entry_points():
            raise PluginClash(
                f"{self.kind} {name!r} is already provided by {self.origin(name)}; "
                f"{_path(factory)} cannot take the same name"
            )
        self._registered[name] = factory

    def origin(self, name: str) -> str:
        """Who provides a plug-in: an import path, and the distribution for an entry point."""
        if name in self._registered:
            return _path(self._registered[name])
        if name in self._builtin:
            return self._builtin[name]
        return _entry_point_origin(self._find(name))

    def extra_of(self, name: str) -> str | None:
        """The extra that brings the optional libraries of a built-in plug-in, if it needs any."""
        return self._extras.get(name)

    def load(self, name: str) -> Callable[..., T]:
        """Import a plug-in's factory.

        Raises:
            UnknownPlugin: If no plug-in has this name.
            MissingExtra: If a library that it needs is not installed.
            PluginLoadError: If it cannot be imported for another reason.
        """
        if name in self._registered:
            return self._registered[name]
        try:
            if name in self._builtin:
                module, _, attribute = self._builtin[name].partition(":")
                factory = getattr(import_module(module), attribute)
            else:
                factory = self._find(name).load()
        except ImportError as error:
            raise self._load_error(name, error) from error
        except AttributeError as error:
            raise PluginLoadError(f"{self.kind} {name!r} ({self.origin(name)}): {error}") from error
        if not callable(factory):
            raise PluginLoadError(f"{self.kind} {name!r} ({self.origin(name)}) is not callable")
        loaded: Callable[..., T] = factory
        return loaded

    def get(self, name: str, /, **options: Any) -> T:
        """Make a plug-in.

        Raises:
            UnknownPlugin: If no plug-in has this name.
            OptionError: If an option does not exist, is missing, or has a value of the wrong type.
            MissingExtra: If a library that it needs is not installed.
        """
        factory = self.load(name)
        self._check(name, options)
        try:
            return factory(**options)
        except MissingExtra:
            raise  # it names the extra itself
        except ImportError as error:
            raise self._load_error(name, error) from error

    def describe(self, name: str) -> Description:
        """Describe one plug-in: where it comes from, what it does, which options it takes."""
        factory = self.load(name)
        doc = inspect.getdoc(factory) or ""
        return Description(
            name=name,
            origin=self.origin(name),
            summary=doc.split("\n", 1)[0],
            doc=doc,
            options=tuple(options_of(factory)),
        )

    def parse_options(self, name: str, pairs: Iterable[str]) -> dict[str, Any]:
        """Turn ``["key=value", …]`` from a command line into checked options.

        Raises:
            OptionError: If a pair has no ``=``, names no option, or its value has the wrong type.
        """
        known = {option.name: option for option in options_of(self.load(name))}
        parsed: dict[str, Any] = {}
        for pair in pairs:
            key, equals, value = pair.partition("=")
            key = key.strip().replace("-", "_")
            if not equals:
                raise OptionError(f"{pair!r} is not an option: write NAME=VALUE")
            if key not in known:
                raise self._unknown_option(name, key, known)
            parsed[key] = known[key].parse(value)
        return parsed

    def _check(self, name: str, options: Mapping[str, Any]) -> None:
        known = {option.name: option for option in options_of(self.load(name))}
        for key, value in options.items():
            if key not in known:
                raise self._unknown_option(name, key, known)
            known[key].check(value)
        missing = [option.name for option in known.values() if option.required and option.name not in options]
        if missing:
            raise OptionError(f"{self.kind} {name!r} needs the option {missing[0]!r}")

    def _unknown_option(self, name: str, key: str, known: Iterable[str]) -> OptionError:
        names = sorted(known)
        listing = f"it takes {', '.join(names)}" if names else "it takes none"
        return OptionError(f"{self.kind} {name!r} has no option {key!r}: {listing}{did_you_mean(key, names)}")

    def _load_error(self, name: str, error: ImportError) -> PluginLoadError:
        extra = self._extras.get(name)
        if extra and isinstance(error, ModuleNotFoundError):
            return MissingExtra(
                f"{self.kind} {name!r} needs {error.name}, which is not installed: pip install 'srl-data[{extra}]'"
            )
        return PluginLoadError(f"{self.kind} {name!r} ({self.origin(name)}) could not be imported: {error}")

    def _entry_points(self) -> dict[str, list[EntryPoint]]:
        # importlib.metadata costs more to import than everything else here together
        from importlib.metadata import entry_points

        found: dict[str, list[EntryPoint]] = {}
        for point in entry_points(group=self.group):
            owners = found.setdefault(point.name, [])
            if point.value not in {owner.value for owner in owners}:
                owners.append(point)
        return found

    def _find(self, name: str) -> EntryPoint:
        found = self._entry_points().get(name)
        if not found:
            names = self.names()
            raise UnknownPlugin(
                f"unknown {self.kind} {name!r}; there are {', '.join(names)}{did_you_mean(name, names)}"
            )
        if len(found) > 1:
            owners = " and ".join(_entry_point_origin(point) for point in found)
            raise PluginClash(f"{self.kind} {name!r} is provided by both {owners}; uninstall one")
        return found[0]


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """``"; did you mean 'lines'?"`` if a name is close to one of ``names``, else an empty string.

    Example:
        >>> did_you_mean("line", ["lines", "auto"])
        "; did you mean 'lines'?"
    """
    close = get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""


def options_of(factory: Callable[..., Any]) -> list[Option]:
    """The options that a function or class takes, from its signature and annotations."""
    target = factory.__init__ if inspect.isclass(factory) else factory
    hints = get_type_hints(target, include_extras=True)
    found = []
    for parameter in inspect.signature(factory).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        hint, text = hints.get(parameter.name, str), ""
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            text = next((extra for extra in extras if isinstance(extra, str)), "")
        found.append(Option(parameter.name, hint, parameter.default, text))
    return found


def _alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union, with ``None`` first so that the word ``none`` is not read as text."""
    if get_origin(hint) not in (Union, UnionType):
        return (hint,)
    return tuple(sorted(get_args(hint), key=lambda member: member is not type(None)))


def _parse(hint: Any, text: str) -> Any:
    if hint is type(None):
        if text.lower() in ("", "none", "null"):
            return None
        raise ValueError(text)
    if get_origin(hint) is Literal:
        for value in get_args(hint):
            if str(value) == text:
                return value
        raise ValueError(text)
    if hint is bool:
        lowered = text.lower()
        if lowered in ("true", "yes", "on", "1"):
            return True
        if lowered in ("false", "no", "off", "0"):
            return False
        raise ValueError(text)
    if hint in (int, float, str):
        return hint(text)
    if get_origin(hint) in (list, tuple):
        member = get_args(hint)[0]
        return get_origin(hint)(_parse(member, part.strip()) for part in text.split(",") if part.strip())
    raise ValueError(text)


def _matches(hint: Any, value: Any) -> bool:
    if hint is Any:
        return True
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if get_origin(hint) in (list, tuple):
        member = get_args(hint)[0]
        return isinstance(value, (list, tuple)) and all(_matches(member, item) for item in value)
    container = get_origin(hint) or hint
    return isinstance(value, container) if inspect.isclass(container) else True


def _type_name(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return "|".join(str(value) for value in get_args(hint))
    alternatives = _alternatives(hint)
    if len(alternatives) > 1:
        names = [_type_name(member) for member in alternatives if member is not type(None)]
        return " | ".join([*names, "none"] if type(None) in alternatives else names)
    if get_origin(hint) in (list, tuple):
        return f"{_type_name(get_args(hint)[0])},…"
    return getattr(hint, "__name__", str(hint))


def _path(factory: Callable[..., Any]) -> str:
    return f"{getattr(factory, '__module__', '?')}:{getattr(factory, '__qualname__', repr(factory))}"


def _entry_point_origin(point: EntryPoint) -> str:
    return f"{point.value} ({point.dist.name if point.dist else 'unknown distribution'})"
