"""What each of two processes does in test_processes.py, started by a launcher: it checks what it sees itself."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

from srl_data.training.config import read
from srl_data.training.optimiser import Optimiser
from srl_data.training.processes import Processes, together
from srl_data.training.runner import run
from srl_data.training.tasks import Epochs, Task

TASKS = [Task(str(number), (1,), {}, "") for number in range(5)]


def gradients_are_averaged_by_their_weights(processes: Processes) -> None:
    # at weight 0 and inputs 1 and 4, gradients of the mean of 3 rollouts and of 1: (3·1 + 1·4)/4 = 1.75
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(layer.weight)
    optimiser = Optimiser(layer, lr=0.1, grad_norm=100.0)
    layer(torch.tensor([[1.0, 4.0][processes.rank]])).sum().backward()
    assert abs(optimiser.step([3, 1][processes.rank]) - 1.75) < 1e-6
    # one has nothing to learn from: the other's counts alone
    if processes.is_first:
        layer(torch.tensor([2.0])).sum().backward()
    assert abs(optimiser.step(5 if processes.is_first else 0) - 2.0) < 1e-6
    weight = layer.weight.detach().clone()
    assert optimiser.step(weight=0) == 0.0  # none has
    assert torch.equal(layer.weight, weight)
    assert len(set(processes.gather(float(weight)))) == 1


def tasks_are_shared_out(processes: Processes) -> None:
    mine = Epochs(TASKS, seed=3, rank=processes.rank, count=processes.count)
    alone = [task.id for task in Epochs(TASKS, seed=3).take(20)]
    taken = processes.gather([task.id for task in mine.take(10)])
    assert [each for pair in zip(*taken, strict=True) for each in pair] == alone  # the same order, in turns
    assert mine.epoch == 4.0


def what_is_said_is_of_all(processes: Processes) -> None:
    assert processes.sums([1, processes.rank]) == [2, 1]
    alone = {"b": 3.0, "status/format": 0.5} if processes.is_first else {}  # the other has not seen that status
    assert processes.mean_figures({"a": float(processes.rank)} | alone) == {"a": 0.5, "b": 3.0, "status/format": 0.25}


def main() -> None:
    torch.set_num_threads(1)
    config = read(sys.argv[1])
    with together() as processes:
        assert processes.count == 2
        gradients_are_averaged_by_their_weights(processes)
        tasks_are_shared_out(processes)
        what_is_said_is_of_all(processes)
        for output, resume in (("whole", False), ("stopped", False), ("stopped", True)):
            folder = Path(config.output) / output
            stopping = output == "stopped" and not resume
            this = replace(config, output=str(folder))
            if not stopping:
                run(this, resume=resume)
                continue
            run(replace(this, output=str(folder)))
            if processes.is_first:  # as if it had been killed right after a checkpoint, and the log went on
                log = folder / "log.jsonl"
                log.write_bytes(log.read_bytes().rsplit(b'{"event": "done"', 1)[0] + b'{"event": "upd')
            processes.wait()
        weights = torch.cat([each.flatten() for each in torch.load(folder / "checkpoint/weights.pt").values()])
        assert len(set(processes.gather(float(weights.sum())))) == 1
    (Path(config.output) / f"fine-{processes.rank}").write_text(json.dumps(processes.rank))


if __name__ == "__main__":
    main()
