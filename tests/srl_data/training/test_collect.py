"""What an update learns from: groups of 4 rollouts whose scores are planned, so that what is kept can be told."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import pytest

from rewards import Scores
from rewards.errors import ToolkitError
from srl_data.training.collect import Collected, collect, rollouts_of
from tests.srl_data.training.scripted import Plan, Scripted, generator, policy, stage, tasks

SPREAD: Plan = (0.0, 1.0, 0.0, 0.0)  # deviates by √(3/16) = 0.433
LITTLE: Plan = (0.5, 0.5, 0.5, 0.6)  # by 0.043
EQUAL: Plan = (0.5, 0.5, 0.5, 0.5)
NONE: Plan = (None, None, None, None)
LONE: Plan = (None, None, None, 1.0)
SOME: Plan = (None, 0.0, 1.0, None)
BROKEN: Plan = ("format", 0.5, 0.5, 0.5)  # deviates, but for its form


def collected(*plans: Plan, **options: Any) -> Collected:
    return collect(policy(), tasks(*plans), Scripted(), stage(**options), generator())


def kept(found: Collected) -> list[str]:
    return [task.id for batch in found.batches for task in batch.tasks]


@pytest.mark.parametrize(
    ("plan", "min_std", "is_kept"),
    [
        (SPREAD, 0.0, True),
        (SPREAD, 0.4, True),
        (SPREAD, 0.44, False),
        (LITTLE, 0.0, True),
        (LITTLE, 0.1, False),
        ((0.0, 1.0, 0.0, 1.0), 0.5, False),  # more than, not as much as
        (EQUAL, 0.0, False),
        ((0.1 + 0.2,) * 4, 0.0, False),  # no rounding makes equal ones differ
        (NONE, 0.0, False),
        (LONE, 0.0, False),  # nothing to compare it with
        (SOME, 0.0, True),
        (BROKEN, 0.0, True),
        (EQUAL, None, True),
        (LONE, None, True),
        (NONE, None, False),
    ],
)
def test_which_group_is_kept(plan: Plan, min_std: float | None, is_kept: bool) -> None:
    found = collected(plan, prompts=1, refills=1, min_std=min_std)
    assert (found.groups, found.kept) == (1, int(is_kept))
    assert kept(found) == ["t0"] * (sum(value is not None for value in plan) if is_kept else 0)


def test_what_is_dropped_is_made_up_for() -> None:
    """Two are wanted: the first two give none, the third is good, of the next only one is asked for."""
    found = collected(EQUAL, NONE, SPREAD, EQUAL, SPREAD, SPREAD)
    assert kept(found) == ["t2"] * 4 + ["t4"] * 4
    assert (found.groups, found.kept) == (5, 2)
    assert [len(batch.texts) for batch in found.sampled] == [8, 8, 4]


@pytest.mark.parametrize("refills", [1, 2, 3])
def test_no_more_are_sampled_than_may_be(refills: int) -> None:
    """The first is good and the others are not, so that 2, then 1 by 1 are asked for: the last is not exceeded."""
    found = collected(SPREAD, *[EQUAL] * 11, prompts=2, refills=refills)
    assert (found.groups, found.kept) == (2 * refills, 1)


def test_without_dynamic_sampling_nothing_is_made_up_for() -> None:
    found = collected(NONE, EQUAL, SPREAD, min_std=None)
    assert (found.groups, found.kept) == (2, 1)
    assert kept(found) == ["t1"] * 4


def test_rollouts_without_a_score_are_left_out() -> None:
    (batch,) = collected(SOME, prompts=1).batches
    assert batch.rewards == [0.0, 1.0]
    assert batch.rollouts.owners.tolist() == [0, 0]
    assert len(batch.rollouts.prompts) == 1


def test_a_reward_that_breaks_its_contract_is_named() -> None:
    class Long(Scripted):
        """One score too many, which would be its neighbour's."""

        def __call__(self, completions: Sequence[str], **columns: Sequence[Any]) -> Scores:
            scores = super().__call__(completions, **columns)
            return Scores([0.0, *scores.values], ["ok", *scores.status], {})

    with pytest.raises(ToolkitError, match="'scripted' gave 5 scores for 4 completions"):
        collect(policy(), tasks(SPREAD), Long(), stage(prompts=1), generator())


def test_a_reward_that_raises_costs_its_rollouts_alone() -> None:
    class Moody(Scripted):
        def __call__(self, completions: Sequence[str], **columns: Sequence[Any]) -> Scores:
            if "t0" in columns["id"]:
                raise KeyError("t0")
            return super().__call__(completions, **columns)

    found = collect(policy(), tasks(SPREAD, SPREAD), Moody(), stage(prompts=2, refills=1), generator())
    figures = found.figures()
    assert (figures["status/ok"], figures["status/error"]) == (0.5, 0.5)
    assert "t0" not in kept(found)


def test_nothing_is_kept() -> None:
    found = collected(NONE)
    assert found.batches == []
    assert found.groups == 8
    assert "reward" not in found.figures()  # rather than a 0 that nothing was given


def test_groups_of_one_deviate_from_nothing() -> None:
    """So that there is no figure, rather than a 0 that rings the alarm for groups that agree."""
    figures = collected((0.5,), (1.0,), group_size=1, advantage="running", min_std=None).figures()
    assert "reward_std" not in figures
    assert figures["keep_rate"] == 1.0


def test_figures_are_of_all_that_was_sampled() -> None:
    found = collected(EQUAL, BROKEN, SPREAD, refills=2, prompts=2)
    figures = found.figures()
    assert (found.groups, found.kept, found.kept_well_formed) == (3, 2, 1)
    assert figures["keep_rate"] == pytest.approx(2 / 3)
    assert figures["keep_rate_well_formed"] == pytest.approx(1 / 3)
    assert figures["reward"] == pytest.approx((4 * 0.5 + 0.5 + 1) / 12)
    # of BROKEN: three at 0.375 from the mean of 0.125, one at 1.125
    assert figures["reward_std"] == pytest.approx((0 + sqrt((3 * 0.375**2 + 1.125**2) / 4) + sqrt(3 / 16)) / 3)
    assert figures["reward/half"] == pytest.approx(figures["reward"] / 2)
    assert figures["status/format"] == pytest.approx(1 / 12)
    assert figures["status/ok"] == pytest.approx(11 / 12)
    lengths = [len(tokens) for batch in found.sampled for tokens in batch.rollouts.lists()]
    assert found.tokens == sum(lengths)
    assert figures["length"] == pytest.approx(sum(lengths) / 12)
    cut = [row for batch in found.sampled for row in batch.rollouts.truncated.tolist()]
    assert figures["truncated"] == pytest.approx(sum(cut) / 12)


def test_rows_stay_together() -> None:
    """A rollout's text, task and score go with its tokens, whatever is selected."""
    model = policy()
    batch = rollouts_of(model, tasks(SPREAD, LITTLE, SOME).take(3), Scripted(), stage(), generator())
    assert [task.id for task in batch.tasks] == ["t0"] * 4 + ["t1"] * 4 + ["t2"] * 4
    assert batch.rewards == [*SPREAD, *LITTLE, *SOME]
    assert batch.groups() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    rows = [10, 1, 6]
    part = batch.select(rows)
    assert [task.id for task in part.tasks] == ["t0", "t1", "t2"]
    assert part.rewards == [1.0, 0.5, 1.0]
    assert part.texts == [batch.texts[row] for row in sorted(rows)] == model.decode(part.rollouts)
    assert part.parts == {"half": [0.5, 0.25, 0.5]}
    assert [tuple(prompt) for prompt in part.rollouts.prompts] == [tuple(task.prompt) for task in part.tasks]


def test_greedily_one_reply_each_and_the_same_every_time() -> None:
    model = policy()
    both = [
        rollouts_of(model, tasks(SPREAD, EQUAL).take(2), Scripted(), stage(), None, greedy=True).texts for _ in range(2)
    ]
    assert both[0] == both[1]
    assert len(both[0]) == 2
