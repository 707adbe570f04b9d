"""What is not installed, said so that it can be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rewards.errors import MissingExtra

__all__ = ["needs"]


@contextmanager
def needs(extra: str, what: str) -> Iterator[None]:
    """Turn a missing library into what to install.

    Raises:
        MissingExtra: If a library that is not this project's cannot be found.

    Example:
        >>> with needs("report", "the plot"):
        ...     import no_such_library
        Traceback (most recent call last):
        rewards.errors.MissingExtra: the plot needs no_such_library, which is not installed: \
pip install 'srl-data[report]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "a library").partition(".")[0]
        if library in ("rewards", "srl_data"):
            raise
        message = f"{what} needs {library}, which is not installed: pip install 'srl-data[{extra}]'"
        raise MissingExtra(message) from error
