"""What would fail if these rows were trained on, found before a GPU is spent.

The rows are looked at one by one, as the trainer will read them; each group of checks ends in findings: what is wrong,
how often, where for instance, and how to mend it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from srl_data.export.shapes import SHAPES, Shape
from srl_data.export.trainers import TRAINERS
from srl_data.insight.findings import Finding, Findings
from srl_data.insight.lengths import Lengths
from srl_data.insight.row_checks import faults
from srl_data.insight.scorable import Scorable
from srl_data.insight.training_rows import TrainingRows
from srl_data.insight.versions import version_findings

__all__ = ["diagnose"]


def diagnose(
    rows: TrainingRows,
    *,
    tokenizer: str | None = None,
    max_prompt_length: int | None = None,
    max_completion_length: int | None = None,
) -> list[Finding]:
    """Everything that was looked at, in the order in which it would fail.

    Args:
        rows: What would be trained on.
        tokenizer: The name or folder of a tokenizer; without one lengths are not measured.
        max_prompt_length: In tokens; by default what the launch files say.
        max_completion_length: In tokens; by default what the launch files say.

    Raises:
        InputError: If the tokenizer cannot be loaded, or the rows cannot be read.
    """
    shape = SHAPES[rows.shape]
    columns, scorable = Findings(), Scorable(rows.reward, rows.tags) if shape.table == "steps" else None
    lengths = None
    if tokenizer is not None:
        recipe = rows.recipe
        lengths = Lengths(
            tokenizer,
            max_prompt_length or recipe["max_prompt_length"],
            max_completion_length or recipe["max_completion_length"],
            rows.to,
        )
    total, wrong = Counter[str](), 0
    for split, where, row in rows:
        total[split] += 1
        broken = list(faults(row, shape))
        for message, mend in broken:
            columns.add(message, mend, where)
        if broken:
            continue
        wrong += "labels" in row and not all(row["labels"])
        if scorable is not None:
            scorable.add(where, shape.read(row))
        if lengths is not None:
            lengths.add(where, row)
    number = total.total()
    found = [*_enough(rows, total), *columns.findings("columns", number, f"{number:,} rows have {_told(shape)}")]
    if scorable is not None:
        found += scorable.findings()
    if "labels" in shape.needs and not wrong:
        mend = "add scored rollouts: `srl-data export --to prm --completions FILE --threshold SCORE`"
        found.append(Finding("warn", "rows", "every label is true: a model learns to say yes to everything", mend))
    if lengths is None:
        found.append(
            Finding("warn", "lengths", "not measured", "name the model's tokenizer: --tokenizer NAME_OR_FOLDER")
        )
    else:
        found += lengths.findings()
        if scorable is not None:
            found += lengths.template_findings(rows.prefilled)
    return [*found, *version_findings(rows.to)]


def _told(shape: Shape) -> str:
    return ", ".join(shape.needs) + ", each of the right type"


def _enough(rows: TrainingRows, total: Mapping[str, int]) -> Iterator[Finding]:
    """Whether there is a row to train on, and a full batch."""
    trained = total.get("train", 0)
    if not trained:
        there = ", ".join(total) or "none"
        yield Finding("fail", "rows", f"there is no row in a split train (splits: {there})", "see `srl-data segment`")
        return
    prompts, held = rows.recipe["prompts"], total.get("validation", 0)
    if trained < prompts and TRAINERS[rows.to].drops_last:
        yield Finding(
            "fail",
            "rows",
            f"{trained:,} rows to train on, and a batch of {prompts:,} prompts: {TRAINERS[rows.to].title} drops a "
            "batch that is not full, so there is no step to train",
            f"choose a batch of {1 << (trained.bit_length() - 1)} or smaller",
        )
    else:
        yield Finding("ok", "rows", f"{trained:,} rows to train on, {held:,} to validate on")
    if not held:
        yield Finding(
            "warn",
            "rows",
            "there is no validation split, by which the paper chooses its checkpoint",
            "segment again with --holdout 0.05",
        )
