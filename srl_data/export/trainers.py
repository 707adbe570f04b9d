"""The trainers that there is an export for: what they are called, and which versions the export was tried with."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TRAINERS", "Trainer"]


@dataclass(frozen=True, slots=True)
class Trainer:
    """A trainer.

    Attributes:
        title: What it calls itself, and what of it the export is for.
        package: Its name on the package index.
        versions: The versions of it that have what the export uses, as a version specifier.
        tried: The version that export and launch files were written against.
        why: What is wrong with other versions.
        drops_long: Whether it leaves out prompts that are too long, in place of failing on them or cutting them.
        drops_last: Whether it leaves out a last batch that is not full.
    """

    title: str
    package: str
    versions: str
    tried: str
    why: str
    drops_long: bool = False
    drops_last: bool = True


TRAINERS: dict[str, Trainer] = {
    "trl": Trainer(
        title="TRL (GRPOTrainer)",
        package="trl",
        versions=">=1.0",
        tried="1.16.0",
        why="older ones have other names for its settings",
    ),
    "verl": Trainer(
        title="verl (main_ppo)",
        package="verl",
        versions=">=0.9,<0.10",
        tried="0.9.1",
        why="the names of its settings, `reward.custom_reward_function` among them, differ in others",
        drops_long=True,
    ),
    "openrlhf": Trainer(
        title="OpenRLHF (train_ppo_ray)",
        package="openrlhf",
        versions=">=0.11,<0.12",
        tried="0.11.2",
        why="the names of its settings, `--reward.remote_url` among them, differ in others",
        drops_last=False,
    ),
    "skyrl": Trainer(
        title="SkyRL",
        package="skyrl",
        versions=">=0.4,<0.5",
        tried="0.4.0",
        why="its entry points and settings differ in others",
        drops_long=True,
    ),
    "swift": Trainer(
        title="ms-swift (swift rlhf)",
        package="ms-swift",
        versions=">=4,<5",
        tried="4.6.0",
        why="the names of its settings differ in others",
    ),
    "verifiers": Trainer(
        title="verifiers (a taskset, for prime-rl too)",
        package="verifiers",
        versions=">=0.4",
        tried="0.4.0",
        why="0.3 and older have rubrics in place of tasks",
    ),
    "prm": Trainer(
        title="a process reward model (TRL's PRMTrainer)",
        package="trl",
        versions=">=1.0,<1.14",
        tried="1.13.0",
        why="TRL 1.14 removed PRMTrainer; 1.13.0 is the last that has it",
        drops_last=False,
    ),
    "sft": Trainer(
        title="supervised fine-tuning (TRL's SFTTrainer)",
        package="trl",
        versions=">=1.0",
        tried="1.16.0",
        why="older ones have other names for its settings",
        drops_last=False,
    ),
}
"""By the name that ``srl-data export --to`` knows."""
