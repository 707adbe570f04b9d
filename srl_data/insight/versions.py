"""Do the installed versions fit the trainer? Its own metadata say what it needs, if it is installed here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

from srl_data.export.trainers import TRAINERS
from srl_data.insight.findings import Finding

__all__ = ["version_findings"]


def version_findings(to: str) -> Iterator[Finding]:
    """What the installed versions mean for a trainer.

    A trainer that is not installed is no failure: rows are often made on another machine than they are trained on.
    """
    trainer = TRAINERS[to]
    installed = _installed(trainer.package)
    if installed is None:
        yield Finding(
            "warn",
            "versions",
            f"{trainer.package} is not installed here, so its requirements are not checked",
            f"run this where you train: {trainer.package}{trainer.versions}, of which {trainer.tried} was tried",
        )
        return
    if not SpecifierSet(trainer.versions).contains(installed, prereleases=True):
        yield Finding(
            "fail",
            "versions",
            f"{trainer.package} {installed} is installed: {trainer.why}",
            f"pip install '{trainer.package}=={trainer.tried}'",
        )
    clashes = list(_clashes(trainer.package))
    for needed, found in clashes:
        yield Finding(
            "fail",
            "versions",
            f"{trainer.package} {installed} needs {needed}, and {found} is installed",
            f"pip install '{needed}', in an environment of its own if that clashes with others",
        )
    if not clashes:
        yield Finding("ok", "versions", f"{trainer.package} {installed} and what it needs fit each other")


def _clashes(package: str) -> Iterator[tuple[str, str]]:
    """What a package needs and does not find."""
    for line in requires(package) or []:
        try:
            needed = Requirement(line)
        except InvalidRequirement:
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        found = _installed(needed.name)
        if found is None:
            yield f"{needed.name}{needed.specifier}", "none"
        elif not needed.specifier.contains(found, prereleases=True):
            yield f"{needed.name}{needed.specifier}", found


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
