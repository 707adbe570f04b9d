"""What stands beside the rows: a script or config that trains on them, with the adapter and the paper's settings."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from srl_data.export.trainers import TRAINERS
from srl_data.markdown import one_line
from srl_data.schema import STEPS

__all__ = ["MAX_COMPLETION_LENGTH", "MAX_PROMPT_LENGTH", "PAPER_BATCH", "Recipe", "as_record", "launch_files", "recipe"]

PAPER_BATCH = 512
MAX_PROMPT_LENGTH = 4096
MAX_COMPLETION_LENGTH = 2048
"""The paper reports no lengths: `srl-data doctor --tokenizer` says what a dataset needs."""

_TEMPLATES = Path(__file__).parent / "launch-templates"  # no identifier, else it would be taken for a package
_COMMON = "common"
_BARE = re.compile(r"(?!(?:null|true|false|nan|inf)$)[A-Za-z_./][\w./-]*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of SRL's paper (arXiv 2510.25992), where it reports them.

    Attributes:
        model: Its base model for mathematics.
        learning_rate: Constant: the paper warms up for no step and names no decay.
        prompts: Prompts per step of the optimiser; 512, or as many as there are rows if these are fewer.
        group: Completions of each prompt.
        temperature: Of the rollouts.
        kl: Weight of the KL penalty.
        max_grad_norm: Where gradients are clipped.
        epochs: At most; the paper takes the checkpoint that is best on the validation split.
        max_prompt_length: In tokens; not reported.
        max_completion_length: In tokens; not reported.
        sft_learning_rate: For supervised fine-tuning.
        sft_batch: For supervised fine-tuning.
        sft_warmup: For supervised fine-tuning, a share of all steps; then a cosine.
        sft_epochs: For supervised fine-tuning.
    """

    model: str = "Qwen/Qwen2.5-7B-Instruct"
    learning_rate: float = 5e-7
    prompts: int = PAPER_BATCH
    group: int = 8
    temperature: float = 1.0
    kl: float = 0.0
    max_grad_norm: float = 1.0
    epochs: int = 30
    max_prompt_length: int = MAX_PROMPT_LENGTH
    max_completion_length: int = MAX_COMPLETION_LENGTH
    sft_learning_rate: float = 5e-6
    sft_batch: int = 64
    sft_warmup: float = 0.3
    sft_epochs: int = 3


def recipe(rows: int, model: str | None = None) -> Recipe:
    """The settings for so many rows in the split that is trained on.

    Trainers drop a batch that is not full, so a batch larger than the dataset would leave nothing to train on.

    Example:
        >>> recipe(134_000).prompts, recipe(300).prompts
        (512, 256)
    """
    changes: dict[str, Any] = {"prompts": min(PAPER_BATCH, 1 << max(rows.bit_length() - 1, 0))}
    if model is not None:
        changes["model"] = model
    return Recipe(**changes)


def launch_files(to: str, record: Mapping[str, Any]) -> dict[str, str]:
    """The files that go beside the rows, by name.

    Args:
        to: The trainer.
        record: The export's record; see :func:`srl_data.export.export`.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  shell, Python and YAML: the filters below quote what is not ours
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"sh": _shell, "py": _python, "hydra": _hydra, "yaml": _yaml, "one_line": one_line}
    content = {**record, "tried": TRAINERS[to].tried, "types": {name: _annotation(name) for name in record["columns"]}}
    files = {}
    for path in sorted((*(_TEMPLATES / to).iterdir(), *(_TEMPLATES / _COMMON).iterdir())):
        if path.suffix == ".jinja":
            template = environment.get_template(path.relative_to(_TEMPLATES).as_posix())
            files[path.stem] = template.render(content)
    return files


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shell(value: Any) -> str:
    return shlex.quote(value if isinstance(value, str) else _json(value))


def _python(value: Any) -> str:
    """A value as Python's source, strings in double quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_python(name)}: {_python(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_python, value)) + "]"
    return _json(value) if isinstance(value, str) else repr(value)


def _yaml(value: Any) -> str:
    """A value in YAML; JSON is YAML, but for floats such as 5e-07, which PyYAML takes for text."""
    text = _json(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "e" in text and "." not in text else text


def _hydra(value: Any) -> str:
    """A value as Hydra's override grammar reads it: keys of mappings bare, strings in quotes."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_hydra(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_hydra, value)) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return value if _BARE.fullmatch(value) else f"'{escaped}'"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)


def _annotation(column: str) -> str:
    """A column's type, as Python says it."""
    kind = STEPS.field(column).type
    if pa.types.is_list(kind):
        return "list[str]" if pa.types.is_string(kind.value_type) else "list[dict[str, str]]"
    if pa.types.is_integer(kind):
        return "int"
    return "str | None" if column in ("title", "answer") else "str"


def as_record(found: Recipe) -> dict[str, Any]:
    """The recipe as plain values."""
    return asdict(found)
