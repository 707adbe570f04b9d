"""Patches: a reward for those who train on code changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from rewards.base import PairReward, scatter
from rewards.spec import similarity_of
from rewards.types import Reward, Scores, Status

__all__ = ["DiffMatch", "changes"]

_DEV_NULL = "/dev/null"


def changes(patch: str) -> dict[str, str]:
    r"""The change to each file of a patch, in a form in which equal changes are equal texts.

    Kept are the lines of the hunks, without trailing white space. Line numbers and section headings of hunks, index
    lines and times are dropped: they say where and when, and models get them wrong. A hunk that changes no line is
    dropped as well. A file without hunks (renamed, empty, binary) keeps what its header says of it. Text around the
    patch, such as a Markdown fence, is passed over.

    The counts in hunk headers are not relied on, and that is why no library does this: those that there are refuse a
    patch whose counts are off, as a model's mostly are.

    Args:
        patch: Unified diffs, with ``diff --git`` lines or without.

    Returns:
        Path → change; the old path, unless the file is new. Empty if there is no patch in the text.

    Example:
        >>> changes("--- a/sum.py\n+++ b/sum.py\n@@ -1,2 +1,2 @@ def f():\n def f():\n-    return 1\n+    return 2\n")
        {'sum.py': ' def f():\n-    return 1\n+    return 2'}
    """
    found: dict[str, _File] = {}
    current: _File | None = None
    in_hunk = False
    lines = [line.rstrip() for line in patch.split("\n")]
    for at, line in enumerate(lines):
        if line.startswith("diff --git "):
            current, in_hunk = _file(found, *_git_paths(line)), False
        elif _opens_file(lines, at):
            current, in_hunk = _file(found, _path(line), _path(lines[at + 1])), False
        elif current is None:
            continue  # prose before the patch
        elif line.startswith("@@"):
            current.hunks.append([])
            in_hunk = True
        elif in_hunk and line[:1] in ("", " ", "+", "-"):
            current.hunks[-1].append(line)
        elif line.startswith("\\"):
            continue  # that the last line has no line break is no change
        else:
            in_hunk = False
            if line.startswith(_RENAMES + _NOTES):
                current.notes.append(line)
    return {path: text for path, file in found.items() if (text := file.text())}


_RENAMES = ("rename to ", "copy to ")
_NOTES = ("new file mode ", "deleted file mode ", "new mode ", "Binary files ", "GIT binary patch")


@dataclass
class _File:
    hunks: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        # a hunk of context alone changes nothing, and would match for being copied; blank lines at a hunk's end are
        # context, or what stands between this file and the next
        hunks = [lines for lines in self.hunks if any(line.startswith(("+", "-")) for line in lines)]
        body = ["\n".join(lines).rstrip("\n") for lines in hunks]
        notes = [note for note in self.notes if note.startswith(_RENAMES)] if body else self.notes
        return "\n".join(notes + body)


def _opens_file(lines: Sequence[str], at: int) -> bool:
    """Whether a file's two lines start here: a removed ``-- x`` and an added ``++ y`` look the same, but for the @@."""
    return (
        lines[at].startswith("--- ")
        and at + 2 < len(lines)
        and lines[at + 1].startswith("+++ ")
        and lines[at + 2].startswith("@@")
    )


def _file(found: dict[str, _File], old: str, new: str) -> _File:
    if (old.startswith("a/") or old == _DEV_NULL) and (new.startswith("b/") or new == _DEV_NULL):
        old, new = old.removeprefix("a/"), new.removeprefix("b/")
    return found.setdefault(new if old == _DEV_NULL else old, _File())


def _path(line: str) -> str:
    """The path of a ``---`` or ``+++`` line; a tab parts it from the time."""
    return line[4:].partition("\t")[0].strip().strip('"')


def _git_paths(line: str) -> tuple[str, str]:
    """The two paths of a ``diff --git`` line, in which spaces are not marked."""
    both = line.removeprefix("diff --git ").replace('"', "")
    half = len(both) // 2
    if both[:half].removeprefix("a/") == both[half + 1 :].removeprefix("b/"):
        return both[:half], both[half + 1 :]
    old, _, new = both.partition(" b/")
    return old, f"b/{new}"


@dataclass(frozen=True)
class DiffMatch(PairReward):
    r"""Similarity of patches: that of the change to each file, averaged over the files that either one touches.

    In [0, 1] with a similarity in [0, 1]. A file that only one of the two touches counts 0.0. Completion and
    reference are unified diffs, fenced or not; see :func:`changes` for what of them is compared. A completion
    without a patch in it is an ``unparseable_completion`` and scores 0.0, a reference without one is an
    ``unparseable_reference``. Put it behind ``format``, or into ``srl``, if the reply has a thought.

    The measure is that of SWE-RL (arXiv 2502.18449), which scores diffs it computes itself from the model's edits;
    here the model's own diff is scored, so that no checkout is needed.

    Parts:
        files_matched: The share of the files that both touch.
        similarity: The mean over the files that both touch; none if there are none.

    Example:
        >>> patch = "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
        >>> reward = DiffMatch()
        >>> scores = reward([patch.format("a.py"), "I would change a.py"], reference=[patch.format("a.py")] * 2)
        >>> scores.values, scores.status
        ([1.0, 0.0], ['ok', 'unparseable_completion'])
        >>> reward([patch.format("a.py")], reference=[patch.format("a.py") + patch.format("b.py")]).values
        [0.5]
    """

    similarity: Annotated[
        str | Mapping[str, Any] | Reward, "Compares two changes: a reward's name, its name and options, or a reward."
    ] = field(default="sequence_match", compare=False)
    _similarity: Reward = field(init=False, repr=False)

    name = "diff_match"

    def __post_init__(self) -> None:
        inner = similarity_of(self.name, self.similarity)
        object.__setattr__(self, "_similarity", inner)
        object.__setattr__(self, "bounds", (min(0.0, inner.bounds[0]), max(0.0, inner.bounds[1])))

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Score pairs of patches; every pair of changes goes to the similarity in one batch."""
        parsed = {text: changes(text) for text in {*completions, *references}}
        pairs = [(parsed[ours], parsed[theirs]) for ours, theirs in zip(completions, references, strict=True)]
        status: list[Status] = [
            "unparseable_reference" if not theirs else "ok" if ours else "unparseable_completion"
            for ours, theirs in pairs
        ]
        places = [place for place, each in enumerate(status) if each == "ok"]
        pairs = [pairs[place] for place in places]
        both = [sorted(ours.keys() & theirs.keys()) for ours, theirs in pairs]
        scored = self._similarity(
            [ours[path] for (ours, _), paths in zip(pairs, both, strict=True) for path in paths],
            reference=[theirs[path] for (_, theirs), paths in zip(pairs, both, strict=True) for path in paths],
        )
        entries = iter(zip(scored.values, scored.status, strict=True))
        scores = Scores([], [], {"files_matched": [], "similarity": []})
        for (ours, theirs), paths in zip(pairs, both, strict=True):
            self._append(scores, len(ours.keys() | theirs.keys()), [next(entries) for _ in paths])
        return scatter(scores, places, status, self.bounds[0])

    def _append(self, scores: Scores, files: int, found: Sequence[tuple[float | None, Status]]) -> None:
        values = [value for value, _ in found if value is not None]
        whole = len(values) == len(found)
        scores.values.append(sum(values) / files if whole else None)
        scores.status.append("ok" if whole else next(status for value, status in found if value is None))
        scores.parts["files_matched"].append(len(found) / files)
        scores.parts["similarity"].append(sum(values) / len(values) if whole and values else None)

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """What each file scores."""
        ours, theirs = changes(completion), changes(reference)
        files = {path: _told(self._similarity, ours.get(path), theirs.get(path)) for path in sorted({*ours, *theirs})}
        reason = f"{len(ours.keys() & theirs.keys())} of {len(files)} files changed by both"
        return reason, {"files": [f"{path}: {told}" for path, told in files.items()]}


def _told(similarity: Reward, ours: str | None, theirs: str | None) -> str:
    if ours is None or theirs is None:
        return f"0.0, changed by the {'completion' if theirs is None else 'reference'} alone"
    explained = similarity.explain(ours, reference=theirs)
    return f"{explained.value}, {explained.reason}"
