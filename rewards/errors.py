"""Errors of the toolkit, all under one root so that a caller can catch everything it raises on purpose.

::

    ToolkitError
    ├── PluginError            something about a named plug-in (segmenter, reward)
    │   ├── UnknownPlugin      no plug-in has that name
    │   ├── PluginClash        two owners claim one name
    │   └── PluginLoadError    the plug-in is known but could not be loaded
    │       └── MissingExtra   … because an optional library is not installed
    ├── OptionError            an option that the plug-in does not have, or a value of the wrong type
    ├── ColumnError            a column that a reward reads is missing or does not fit the completions
    ├── NotScorable            a completion has no score, where the user asked for an error (rewards.adapters.core)
    ├── WorkerError            worker processes cannot be started here (rewards.workers)
    └── SrlDataError           everything about data (see srl_data.errors)
"""

from __future__ import annotations

__all__ = [
    "ColumnError",
    "MissingExtra",
    "OptionError",
    "PluginClash",
    "PluginError",
    "PluginLoadError",
    "ToolkitError",
    "UnknownPlugin",
]


class ToolkitError(Exception):
    """Root of every error that the toolkit raises on purpose."""


class PluginError(ToolkitError):
    """Something is wrong with a named plug-in."""


class UnknownPlugin(PluginError, LookupError):
    """No plug-in has this name; the message lists those that exist and the likely one."""


class PluginClash(PluginError):
    """Two owners claim one name; the message names both."""


class PluginLoadError(PluginError):
    """The plug-in is registered, but importing or constructing it failed."""


class MissingExtra(PluginLoadError, ImportError):
    """The plug-in needs a library that is not installed; the message says what to install."""


class OptionError(ToolkitError, ValueError):
    """An option that does not exist, or a value that does not have the option's type."""


class ColumnError(ToolkitError, ValueError):
    """A column that a reward reads was not passed, or does not hold one entry per completion."""
