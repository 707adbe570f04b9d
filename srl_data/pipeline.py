"""Source → segment → filter → split → write, with everything counted.

The parent reads inputs as blocks and hands them out; a worker turns a block into a part on disk; then, from a few
keys of every record, the parent decides duplicates and splits and the finished folder is assembled. Blocks do not
depend on the number of workers, so neither does a byte of the result.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from rewards.errors import PluginError
from srl_data import segmenters, sources
from srl_data.assembly import assemble
from srl_data.card import write_card
from srl_data.engines import local
from srl_data.errors import InputError, OutputError, Rejected
from srl_data.filters import check
from srl_data.manifest import Manifest
from srl_data.options import SegmentOptions
from srl_data.rejects import Stage, reject_row
from srl_data.segmenters.base import Segmenter, check_partition
from srl_data.splits import record_keys
from srl_data.types import Segmentation, Solution, Trajectory
from srl_data.workspace import Workspace, disk_errors
from srl_data.writer import Part, write_part

__all__ = ["Progress", "segment"]


_BATCH = 100  # records that go through one stage before the next: the processor's caches like that (a third faster)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a run reports while it works.

    Attributes:
        bytes: How many bytes of the input were just finished.
        records: How many records it held.
        rejects: How many of them were rejected.
    """

    bytes: int
    records: int
    rejects: int


@dataclass(frozen=True, slots=True)
class _Task:
    """One block of the input, its number, and how many bytes of the input it stands for."""

    index: int
    block: sources.Block
    bytes: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a worker needs to know."""

    options: SegmentOptions
    segmenter: Segmenter
    layouts: dict[str, sources.Layout]
    strict: bool


def segment(
    inputs: Sequence[str],
    out: str | Path,
    options: SegmentOptions | None = None,
    *,
    jobs: int = 1,
    strict: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    block_bytes: int = 2 << 20,
    on_input: Callable[[sources.Input, sources.Layout], None] = lambda source, layout: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Manifest:
    """Build a step dataset.

    Args:
        inputs: Files, folders, globs, Hub names, or ``-`` for standard input.
        out: The folder to make. It appears when it is whole.
        options: What to build.
        jobs: How many processes work; the result does not depend on it.
        strict: Stop at the first record that cannot be used, instead of putting it into ``rejects.jsonl``.
        resume: Go on where a killed run stopped.
        overwrite: Replace a dataset that stands at ``out``.
        block_bytes: How much input makes one part; the result depends on it in how files are cut, not in rows.
        on_input: Called for each input with the layout that was recognised.
        on_progress: Called after each block.

    Returns:
        The manifest, as it stands in ``out/manifest.json``.

    Raises:
        InputError: If an input cannot be read, or with ``strict`` at the first reject.
        OutputError: If ``out`` is in the way, or the disk is full.
        UnknownPlugin, OptionError: If the segmenter or an option does not exist.
    """
    options = options or SegmentOptions()
    segmenter = segmenters.get(options.segmenter, **options.segmenter_options)
    found = sources.resolve(inputs)
    if resume and any(source.format == "stdin" for source in found):
        raise InputError("standard input cannot be resumed: write it to a file first")
    layouts: dict[str, sources.Layout] = {}
    for source in found:
        sample = sources.peek(source)
        if sample:  # of an input without a single record there is nothing to guess; its reject says why
            layouts[source.name] = sources.guess_layout(sample, options.columns)
            on_input(source, layouts[source.name])
    hashes = {source.name: sources.fingerprint(source) for source in found}
    manifest = Manifest.begin(found, hashes, layouts, options, segmenter)
    plan = _Plan(options, segmenter, layouts, strict)
    workspace = Workspace(Path(out), manifest.plan(block_bytes), resume=resume, overwrite=overwrite)
    with disk_errors(workspace.folder), workspace:
        work = partial(_process, plan, workspace.folder / "parts")
        todo = (task for task in _tasks(found, block_bytes) if not _finished(workspace, task, on_progress))
        for progress in local.run(work, todo, jobs):
            on_progress(progress)
        assembled = workspace.new_assembly()
        assemble(workspace.parts(), assembled, options, manifest, jobs)
        manifest.write(assembled)
        write_card(assembled)
        if not manifest.counts["trajectories"] and workspace.replaces:
            raise OutputError(
                f"no record could be used, so {workspace.out} is left as it was; {assembled / 'rejects.jsonl'} says why"
            )
        workspace.publish(assembled)
    return manifest


def _tasks(found: Sequence[sources.Input], block_bytes: int) -> Iterator[_Task]:
    index = 0
    for source in found:
        position = 0
        for block in sources.blocks(source, block_bytes):
            yield _Task(index, block, max(0, block.position - position))
            index, position = index + 1, block.position


def _finished(workspace: Workspace, task: _Task, on_progress: Callable[[Progress], None]) -> bool:
    """Whether an earlier run finished this block already; if so, say that it is done."""
    if not workspace.has_part(task.index):
        return False
    counts = Part(workspace.part_folder(task.index)).counts()
    on_progress(Progress(task.bytes, counts["records"], counts["records"] - counts["trajectories"]))
    return True


def _process(plan: _Plan, parts: Path, task: _Task) -> Progress:
    """Turn a block into a part on disk; runs in a worker."""
    gc.disable()  # a block makes a million objects and no cycles: looking for them costs a fifth of the time
    try:
        records, rejects = _process_block(plan, parts / Part.name(task.index), task.block)
    finally:
        gc.enable()
    return Progress(task.bytes, records, rejects)


def _process_block(plan: _Plan, folder: Path, block: sources.Block) -> tuple[int, int]:
    trajectories: list[Trajectory] = []
    keys: list[list[int]] = []
    rejects: list[dict[str, Any]] = []
    records = 0
    splitting = bool(plan.options.holdout)
    reading = iter(sources.records(block))
    while batch := list(islice(reading, _BATCH)):
        records += len(batch)
        kept, refused = _process_batch(plan, block.input, batch)
        for position, stage, rejected in refused:
            line, record = batch[position]
            if plan.strict and stage != "filter":
                raise InputError(f"{block.input}:{line}: {rejected}") from rejected
            rejects.append(reject_row(block.input, line, stage, rejected, record))
        trajectories += kept
        solutions = [trajectory.solution for trajectory in kept]
        keys += [record_keys(each.id, each.problem, each.text, splitting=splitting) for each in solutions]
    counts = {
        "input": block.input,
        "records": records,
        "trajectories": len(trajectories),
        "segmenters": Counter(trajectory.segmentation.segmenter for trajectory in trajectories),
        "rejects": Counter(f"{reject['stage']}/{reject['reason']}" for reject in rejects),
    }
    write_part(folder, trajectories, plan.options.examples, rejects, keys, counts)
    return records, len(rejects)


def _process_batch(
    plan: _Plan, input_name: str, batch: Sequence[tuple[int, Any]]
) -> tuple[list[Trajectory], list[tuple[int, Stage, Rejected]]]:
    """The trajectories of some records; and which records were refused (their positions), at which stage and why."""
    refused: list[tuple[int, Stage, Rejected]] = []

    def passing(stage: Stage, work: Callable[[Any], Any], items: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
        passed = []
        for position, item in items:
            try:
                passed.append((position, work(item)))
            except Rejected as rejected:
                refused.append((position, stage, rejected))
        return passed

    def read(numbered: tuple[int, Any]) -> Solution:
        line, record = numbered
        if isinstance(record, Rejected):
            raise record
        where = f"{input_name}:{line}"
        return sources.to_solution(record, plan.layouts[input_name], where, where, plan.segmenter.name)

    def cut(solution: Solution) -> Trajectory:
        return Trajectory(solution, _segment(plan.segmenter, solution))

    def keep(trajectory: Trajectory) -> Trajectory:
        check(trajectory, plan.options.filters)
        return trajectory

    solutions = passing("read", read, enumerate(batch))
    trajectories = passing("filter", keep, passing("segment", cut, solutions))
    refused.sort(key=itemgetter(0))
    return [trajectory for _, trajectory in trajectories], refused


def _segment(segmenter: Segmenter, solution: Solution) -> Segmentation:
    """Segment, and hold the plug-in to the partition contract, which is what everything behind relies on."""
    try:
        segmentation = segmenter.segment(solution)
        check_partition(solution.text, segmentation)
    except (Rejected, PluginError):
        raise
    except Exception as error:  # a plug-in's own bug must not end a run of a million records
        raise Rejected("segmenter_error", f"{type(error).__name__}: {error}") from error
    return segmentation
