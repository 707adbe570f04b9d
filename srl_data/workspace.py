"""The place where a dataset is made before it exists: ``OUT.partial``, beside where it will stand.

It holds the plan, the finished parts and, at the end, the assembled folder, which is renamed to ``OUT`` last. Only
one run can work in it at a time.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from srl_data.errors import OutputError
from srl_data.writer import Part, write_json

__all__ = ["Workspace", "disk_errors"]


class Workspace:
    """Where one run works.

    Args:
        out: Where the dataset will stand.
        plan: Everything that the result depends on; a resumed run must have the same.
        resume: Go on with what an earlier run left.
        overwrite: Replace what stands at ``out``, once the new one is whole.

    Raises:
        OutputError: If ``out`` exists and may not be replaced, if an earlier run's leftovers are in the way, if
            there is nothing to resume or it was made with another plan, or if another run is at work.
    """

    def __init__(self, out: Path, plan: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.out = out.resolve()  # through links, so that the data land where the link points
        self.folder = self.out.with_name(f"{self.out.name}.partial")
        self._plan_file = self.folder / "plan.json"
        self._plan = json.loads(json.dumps(plan))  # as it will read when it comes back from disk
        self._resume = resume
        self._overwrite = overwrite
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        occupied = self.out.exists() and (not self.out.is_dir() or any(self.out.iterdir()))
        if occupied and not self._overwrite:
            raise OutputError(f"{self.out} exists: give another place, or --overwrite to replace it")
        if occupied and not (self.out / "manifest.json").is_file():
            raise OutputError(f"{self.out} is no step dataset, so --overwrite leaves it alone: remove it yourself")
        if self._resume and not self._plan_file.is_file():
            raise OutputError(f"nothing to resume: there is no {self.folder}")
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = self._take_lock()
        try:
            self._prepare()
        except BaseException:
            self._lock.close()
            raise
        return self

    def _prepare(self) -> None:
        if self._plan_file.is_file():
            if self._resume:
                self._check_plan(json.loads(self._plan_file.read_text(encoding="utf-8")))
            elif self._overwrite or not self.parts():
                self._clear_leftovers()
            else:
                raise OutputError(
                    f"an unfinished run left {len(self.parts())} blocks in {self.folder}: "
                    "--resume goes on with them, --overwrite begins anew"
                )
        if not self._plan_file.is_file():
            scratch = self._plan_file.with_suffix(".tmp")
            write_json(scratch, self._plan)
            os.replace(scratch, self._plan_file)
        (self.folder / "parts").mkdir(exist_ok=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @property
    def replaces(self) -> bool:
        """Whether a dataset stands where this one will."""
        return (self.out / "manifest.json").is_file()

    def part_folder(self, index: int) -> Path:
        """Where a part is, or will be."""
        return self.folder / "parts" / Part.name(index)

    def has_part(self, index: int) -> bool:
        """Whether an earlier run finished this part."""
        return self.part_folder(index).is_dir()

    def parts(self) -> list[Part]:
        """The finished parts, in order."""
        return [Part(path) for path in sorted((self.folder / "parts").glob("part-??????"))]

    def new_assembly(self) -> Path:
        """An empty folder to assemble the dataset in."""
        folder = self.folder / "assembled"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def publish(self, assembled: Path) -> None:
        """Put the assembled dataset where it belongs, and clean up."""
        old = self.folder / "replaced"
        if self.out.exists():
            os.replace(self.out, old)
        else:
            self.out.parent.mkdir(parents=True, exist_ok=True)
        os.replace(assembled, self.out)
        shutil.rmtree(self.folder)

    def _take_lock(self) -> IO[str]:
        lock = (self.folder / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise OutputError(f"another run is at work in {self.folder}: wait for it, or stop it") from error
        return lock

    def _check_plan(self, old: dict[str, Any]) -> None:
        changed = sorted(name for name in {*old, *self._plan} if old.get(name) != self._plan.get(name))
        if changed:
            raise OutputError(
                f"cannot resume: {', '.join(changed)} changed since {self.folder} was begun; "
                "run as before, or without --resume to begin anew"
            )

    def _clear_leftovers(self) -> None:
        """Begin anew: what an unfinished run left is in nobody's way, since it can be made again."""
        for path in self.folder.iterdir():
            if path.name != "lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turn what a full or unwritable disk raises into an :class:`OutputError` that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(
                "the disk is full: free some room and run again with --resume (and --overwrite, if that was given); "
                f"what was finished is in {place}"
            ) from error
        raise OutputError(f"cannot write {error.filename or place}: {error.strerror or error}") from error
