"""How fast an update of ours is beside TRL's GRPOTrainer, and how much memory it takes.

Both sides train the same tiny Llama, which the script makes and teaches for a minute, on the same prompts in the same
order, with the same group size, lengths, reward, loss (GRPO, no KL) and optimiser, at the paper's learning rate, so
that the model stays what it is. Dynamic sampling is off: every rollout is learnt from on both sides. TRL trains on the
whole batch in one pass, and on a group of eight rollouts a pass, as many as its default is; ours on 2,048 tokens at
once, which is about what eight rollouts come to with a prompt each.

There are two settings. In ``steps`` prompts are long (the problem, the steps so far) and replies short, which is what
step-level training looks like; in ``solutions`` prompts are short and replies long.

Each run is a process of its own; the sides take turns in every repeat, and a ratio is the median of the ratios taken
repeat by repeat. Counted are sampled tokens a second over whole updates, from sampling to the optimiser's step, the
first one left out; on one thread the time is CPU time, which other processes disturb least. Memory is what training
adds, at the highest, to the process that has its libraries and the model loaded; on a GPU, what torch has allocated.

    python benchmarks/training.py
    python benchmarks/training.py --device cuda --precision bf16 --prompts 32 --width 768 --layers 12
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing is needed from there

SETTINGS = {
    "steps": {"method": "srl", "reward": "sequence_match", "max_new_tokens": 32},
    "solutions": {"method": "rlvr", "reward": "outcome", "max_new_tokens": 128},
}
LEARNING_RATE = 5e-7
SEED = 0
TEMPLATE = "{% for message in messages %}{{ message.content }}\n\n{% endfor %}"


# -- what both sides start from ---------------------------------------------------------------------------------------


def prepare(folder: Path, args: argparse.Namespace) -> None:
    """Make a step dataset, a model that writes steps and solutions of that form, and each setting's prompts."""
    import torch

    from srl_data import pipeline
    from srl_data.dataset import StepDataset
    from srl_data.generate import generate
    from srl_data.options import SegmentOptions
    from srl_data.training.optimiser import Optimiser
    from srl_data.training.policy import Policy
    from srl_data.training.reinforce import Progress
    from srl_data.training.sft import imitate
    from srl_data.training.stage import Stage
    from srl_data.training.tasks import Epochs, load_tasks
    from srl_data.training.tiny import tiny_model, tiny_tokenizer

    torch.set_num_threads(args.threads)
    solutions, data = folder / "made.jsonl", str(folder / "data")
    made = generate("chain", n=400, level=(3, 6), seed=SEED, style="lines")
    solutions.write_text("".join(json.dumps(row) + "\n" for row in made), encoding="utf-8")
    pipeline.segment([str(solutions)], Path(data), SegmentOptions(segmenter="lines"))

    rows = list(StepDataset(data).rows("steps"))
    texts = [message["content"] for row in rows for message in row["prompt"]] + [row["reference"] for row in rows]
    tokenizer = tiny_tokenizer(texts)
    tokenizer.chat_template = TEMPLATE
    tokenizer.padding_side = "left"
    policy = Policy.of(tiny_model(tokenizer, width=args.width, layers=args.layers), tokenizer, device=args.device)
    optimiser = Optimiser(policy.model, lr=2e-3, steps=2 * args.teach, warmup=0.1, schedule="cosine")
    lessons = []
    for on in ("steps", "solutions"):
        stage = Stage("sft", data, on=on, steps=args.teach, prompts=16)
        tasks = Epochs(load_tasks(stage, policy, "train")[0], SEED)
        lessons.append(imitate(policy, tasks, stage, optimiser, Progress()))
    for both in zip(*lessons, strict=True):  # in turn, so that neither is forgotten
        losses = [update.figures["loss"] for update in both]
    print(f"taught: loss {losses[0]:.2f} on steps, {losses[1]:.2f} on solutions", file=sys.stderr)
    policy.save(folder / "model")

    dataset = StepDataset(data)
    problems = {row["id"]: row["problem"] for row in dataset.rows("trajectories")}
    by_id = {row["id"]: row["prompt"] for row in rows}
    for name in SETTINGS:
        from srl_data.prompts import solve_messages

        stage = stage_of(name, data, args)
        taken = Epochs(load_tasks(stage, policy, "train")[0], SEED).take(args.prompts * (args.updates + 1))
        with (folder / f"{name}.jsonl").open("w", encoding="utf-8") as file:
            for task in taken:
                prompt = by_id[task.id] if name == "steps" else solve_messages(problems[task.id])
                column = "reference" if name == "steps" else "answer"
                file.write(json.dumps({"prompt": prompt, column: task.columns[column]}) + "\n")


def stage_of(name: str, data: str, args: argparse.Namespace) -> Any:
    from srl_data.training.stage import Stage

    return Stage(
        data=data,
        **SETTINGS[name],
        steps=args.updates + 1,
        lr=LEARNING_RATE,
        prompts=args.prompts,
        group_size=args.group_size,
        sample_rows=args.prompts * args.group_size,  # as many at once as TRL samples
        piece_tokens=args.piece_tokens,
        min_std=None,
    )


# -- one run of one side, in a process of its own ---------------------------------------------------------------------


class Meter:
    """Time and memory of the updates behind the first."""

    def __init__(self, device: str, threads: int) -> None:
        import torch

        self._cuda = torch.cuda if device == "cuda" else None
        self._clock: Callable[[], float] = time.process_time if not self._cuda and threads == 1 else time.perf_counter
        self._before = _memory("VmRSS")
        self._times: list[float] = []
        self.lengths: list[float] = []
        self.rewards: list[float] = []
        if self._cuda:
            self._cuda.reset_peak_memory_stats()
        else:
            _forget_peak()

    def update(self, length: float, reward: float) -> None:
        """An update has ended."""
        if self._cuda:
            self._cuda.synchronize()
        self._times.append(self._clock())
        self.lengths.append(length)
        self.rewards.append(reward)

    def result(self, rollouts: int) -> dict[str, float]:
        seconds = self._times[-1] - self._times[0]
        tokens = sum(self.lengths[1:]) * rollouts
        peak = self._cuda.max_memory_allocated() if self._cuda else _memory("VmHWM") - self._before
        return {
            "tokens_per_second": tokens / seconds,
            "seconds_per_update": seconds / (len(self._times) - 1),
            "peak_mb": peak / 2**20,
            "length": statistics.fmean(self.lengths[1:]),
            "reward": statistics.fmean(self.rewards[1:]),
        }


def _memory(name: str) -> int:
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith(f"{name}:"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # the highest since the start is all there is
    return peak * (1 if sys.platform == "darwin" else 1024)


def _forget_peak() -> None:
    refs = Path("/proc/self/clear_refs")
    if refs.exists():
        refs.write_text("5")


def ours(name: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    import torch

    from rewards.adapters.core import resolve
    from srl_data.training.optimiser import Optimiser
    from srl_data.training.policy import Policy
    from srl_data.training.reinforce import Progress, reinforce
    from srl_data.training.tasks import Epochs, load_tasks

    stage = stage_of(name, str(folder / "data"), args)
    policy = Policy.load(folder / "model", device=args.device, precision=args.precision)
    tasks = load_tasks(stage, policy, "train")[0]
    optimiser = Optimiser(policy.model, lr=LEARNING_RATE)
    generator = torch.Generator(policy.model.device).manual_seed(SEED)
    updates = reinforce(policy, Epochs(tasks, SEED), resolve(stage.reward), stage, optimiser, generator, Progress())
    meter = Meter(args.device, args.threads)
    for update in updates:
        meter.update(update.figures["length"], update.figures["reward"])
    return meter.result(args.prompts * args.group_size)


def trl(name: str, folder: Path, args: argparse.Namespace, rows: int) -> dict[str, float]:
    import logging

    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from rewards.adapters.trl import to_trl

    logging.getLogger("transformers").setLevel(logging.ERROR)
    rollouts = args.prompts * args.group_size
    config = GRPOConfig(
        output_dir=str(folder / "trl"),
        max_steps=args.updates + 1,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=rollouts // rows,
        num_generations=args.group_size,
        max_completion_length=SETTINGS[name]["max_new_tokens"],
        temperature=1.0,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        loss_type="grpo",
        beta=0.0,
        bf16=args.precision == "bf16",
        gradient_checkpointing=False,
        shuffle_dataset=False,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        use_cpu=args.device == "cpu",
        disable_tqdm=True,
        seed=SEED,
    )
    trainer = GRPOTrainer(
        AutoModelForCausalLM.from_pretrained(folder / "model", dtype="float32"),
        reward_funcs=to_trl(str(SETTINGS[name]["reward"])),
        train_dataset=load_dataset("json", data_files=str(folder / f"{name}.jsonl"), split="train"),
        processing_class=AutoTokenizer.from_pretrained(folder / "model"),
        args=config,
    )
    meter = Meter(args.device, args.threads)

    class Watch(TrainerCallback):
        def on_log(self, _args: Any, _state: Any, _control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "reward" in logs:
                meter.update(float(logs["completions/mean_length"]), float(logs["reward"]))

    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Watch())
    trainer.train()
    return meter.result(rollouts)


def one(folder: Path, args: argparse.Namespace) -> dict[str, float]:
    import torch

    torch.set_num_threads(args.threads)
    setting, side = args.one.split(":")
    return ours(setting, folder, args) if side == "ours" else trl(setting, folder, args, int(side))


# -- all of them ------------------------------------------------------------------------------------------------------


def measure(setting: str, folder: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    rollouts = args.prompts * args.group_size
    sides = {"ours": "ours", "TRL, one pass": str(rollouts), "TRL, a group a pass": str(args.group_size)}
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(args.repeats):
        for name, side in sides.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--one", f"{setting}:{side}", "--folder", str(folder)]
            threads = {"OMP_NUM_THREADS": str(args.threads), "TOKENIZERS_PARALLELISM": "false"}
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ | threads)
            if done.returncode:
                raise SystemExit(f"{name} failed:\n{done.stderr}")
            runs[name].append(json.loads(done.stdout.splitlines()[-1]))

    def ratio(name: str, figure: str) -> float:
        return statistics.median(a[figure] / b[figure] for a, b in zip(runs["ours"], runs[name], strict=True))

    return [
        {
            "setting": setting,
            "side": name,
            **{figure: statistics.median(run[figure] for run in each) for figure in each[0]},
            "our_speedup": ratio(name, "tokens_per_second"),
            "our_memory": ratio(name, "peak_mb"),
            "runs": each,
        }
        for name, each in runs.items()
    ]


def machine(args: argparse.Namespace) -> dict[str, Any]:
    command = ["git", "rev-parse", "--short", "HEAD"]
    names = ("torch", "transformers", "trl", "accelerate")
    found = {
        "commit": subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        **{name: version(name) for name in names if importlib.util.find_spec(name)},
    }
    if args.device == "cuda":
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--threads", type=int, default=1, help="with more than one, wall time is taken")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--updates", type=int, default=6, help="that are counted; one more comes first")
    parser.add_argument("--prompts", type=int, default=8, help="of an update")
    parser.add_argument("--group-size", type=int, default=8)
    parser.add_argument("--width", type=int, default=128, help="of the model")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--piece-tokens", type=int, default=2048, help="how many tokens ours trains on at once")
    parser.add_argument("--teach", type=int, default=100, help="updates that the model is taught with, of each setting")
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks" / "out" / "training.json")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(args.folder, args)))
        return 0
    if importlib.util.find_spec("trl") is None:
        raise SystemExit("the peer is missing: pip install 'srl-data[train,trl]'")

    shown = ("device", "precision", "threads", "updates", "prompts", "group_size", "width", "layers", "piece_tokens")
    about = machine(args) | {name: getattr(args, name) for name in shown}
    print(", ".join(f"{name} {value}" for name, value in about.items()))
    print(
        "\n| setting | side | tokens/s | s/update | peak MB | mean length | mean reward | ours: speed | ours: memory |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    found = []
    with tempfile.TemporaryDirectory() as scratch:
        prepare(args.folder or Path(scratch), args)
        for setting in SETTINGS:
            for row in measure(setting, args.folder or Path(scratch), args):
                found.append(row)
                print(
                    f"| {row['setting']} | {row['side']} | {row['tokens_per_second']:.0f} "
                    f"| {row['seconds_per_update']:.2f} | {row['peak_mb']:.0f} | {row['length']:.1f} "
                    f"| {row['reward']:.3f} | {row['our_speedup']:.2f} | {row['our_memory']:.2f} |",
                    flush=True,
                )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(about | {"rows": found}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
