"""A checkpoint is whole or is not there, whenever a run is killed, whatever the disk does."""

from __future__ import annotations

import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_data.errors import InputError
from srl_data.training import checkpoint
from srl_data.training.config import from_table
from srl_data.training.policy import Policy
from srl_data.training.stage import ConfigError

CONFIG = from_table({"model": "m", "output": "run", "stage": [{"method": "sft", "data": "steps", "steps": 1}]}).table()


def _save(folder: Path, policy: Policy, number: int) -> None:
    with torch.no_grad():
        for weights in policy.model.parameters():
            weights.fill_(number)
    checkpoint.save(folder, policy, {"config": CONFIG, "number": number}, {"it": torch.tensor(number)})


def _number(folder: Path, policy: Policy) -> set[float]:
    """What a checkpoint is of, by each of its parts: one number if they belong together."""
    place = checkpoint.latest(folder)
    assert place is not None
    tensors = checkpoint.load(place, policy)
    weights = {float(value) for weights in policy.trained().values() for value in weights.unique()}
    return {float(checkpoint.state_of(place, CONFIG)["number"]), float(tensors["it"])} | weights


def test_it_comes_back_as_it_was(tmp_path: Path, policy: Policy) -> None:
    assert checkpoint.latest(tmp_path) is None
    _save(tmp_path, policy, 1)
    _save(tmp_path, policy, 2)
    _save(tmp_path, policy, 3)
    assert _number(tmp_path, policy) == {3.0}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


class _Killed(BaseException):
    pass


@pytest.mark.parametrize("left_over", [False, True], ids=["", "once before already"])
@pytest.mark.parametrize("after", range(8))
def test_killed_at_any_moment_there_is_a_whole_one(
    after: int, left_over: bool, tmp_path: Path, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    _save(tmp_path, policy, 1)
    if left_over:  # between the two renames
        (tmp_path / "checkpoint").rename(tmp_path / "checkpoint.old")
    left = [after]

    def then(does: Any) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            if not left[0]:
                raise _Killed
            left[0] -= 1
            return does(*arguments, **options)

        return step

    with monkeypatch.context() as patch:
        # everything that save does to the disk, one after the other
        for owner, name in ((Path, "mkdir"), (Path, "rename"), (torch, "save"), (shutil, "rmtree")):
            patch.setattr(owner, name, then(getattr(owner, name)))
        try:
            _save(tmp_path, policy, 2)
        except _Killed:
            pass
    number = _number(tmp_path, policy)
    assert number in ({1.0}, {2.0})
    _save(tmp_path, policy, 3)
    assert _number(tmp_path, policy) == {3.0}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


def test_a_full_disk_leaves_the_one_before(tmp_path: Path, policy: Policy) -> None:
    _save(tmp_path, policy, 1)
    size, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # no file may be longer
    try:
        with pytest.raises(OSError, match=r"File too large"):
            _save(tmp_path, policy, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    assert _number(tmp_path, policy) == {1.0}


def test_one_of_another_configuration_is_refused(tmp_path: Path, policy: Policy) -> None:
    _save(tmp_path, policy, 1)
    place = checkpoint.latest(tmp_path)
    assert place is not None
    with pytest.raises(ConfigError, match=r"another configuration: model: 'n' instead of 'm'; seed: 1 instead of 0\. "):
        checkpoint.state_of(place, CONFIG | {"model": "n", "seed": 1})
    assert checkpoint.state_of(place, CONFIG | {"output": "elsewhere"})["number"] == 1


@pytest.mark.parametrize("name", ["state.json", "weights.pt", "tensors.pt"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04"])
def test_a_broken_one_is_named(name: str, content: bytes, tmp_path: Path, policy: Policy) -> None:
    _save(tmp_path, policy, 1)
    (tmp_path / "checkpoint" / name).write_bytes(content)
    with pytest.raises(InputError, match=r"the checkpoint .* cannot be read"):
        _number(tmp_path, policy)


def test_it_holds_no_code(tmp_path: Path, policy: Policy) -> None:
    """A checkpoint from a stranger is data: torch's unpickler takes tensors and plain containers only."""
    _save(tmp_path, policy, 1)
    torch.save({"it": Path("x")}, tmp_path / "checkpoint" / "tensors.pt")
    with pytest.raises(InputError, match="UnpicklingError"):
        _number(tmp_path, policy)


def test_one_of_another_model_is_refused(tmp_path: Path, policy: Policy) -> None:
    _save(tmp_path, policy, 1)
    weights = tmp_path / "checkpoint" / "weights.pt"
    torch.save(policy.trained() | {"model.embed_tokens.weight": torch.zeros(3, 3)}, weights)
    with pytest.raises(InputError, match="size mismatch"):
        _number(tmp_path, policy)
    torch.save({"lm_head.lora_A.weight": torch.zeros(3, 3)}, weights)  # loaded as it is, it would change nothing
    with pytest.raises(InputError, match=r"not those that are trained: '.*' and \d+ more"):
        _number(tmp_path, policy)
