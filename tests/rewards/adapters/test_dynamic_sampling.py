"""Which prompts dynamic sampling keeps. Inside TRL's trainers: test_trl_trainers.py."""

from __future__ import annotations

from statistics import pstdev
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Scores
from rewards.adapters.dynamic_sampling import _join, _require_plain, _slice, informative, spread, with_dynamic_sampling
from rewards.errors import OptionError

floats = st.floats(-1, 1)


@given(st.lists(floats | st.none(), max_size=12))
def test_spread_is_the_population_standard_deviation_of_what_there_is(values: list[float | None]) -> None:
    known = [value for value in values if value is not None]
    expected = pstdev(known) if len(known) > 1 else 0.0
    assert spread(values) == pytest.approx(expected, abs=1e-12)


@given(floats, st.integers(0, 20))
def test_equal_rewards_have_no_spread_at_all(value: float, number: int) -> None:
    assert spread([value] * number) == 0.0  # not 1e-17, which would be above an epsilon of 0


GROUPS: dict[str, tuple[list[float | None], list[str], float, bool, list[bool]]] = {
    "all alike": ([0.5, 0.5, 0.5, 0.5], ["ok"] * 4, 0.0, False, [False]),
    "two groups": ([0.0, 1.0, 0.3, 0.3], ["ok"] * 4, 0.0, False, [True, False]),
    # the standard deviation of 0.4 and 0.6 is 0.1: it must exceed epsilon, not reach it
    "at epsilon": ([0.25, 0.75], ["ok"] * 2, 0.25, False, [False]),
    "above epsilon": ([0.25, 0.75], ["ok"] * 2, 0.2499, False, [True]),
    "one that has no score is not there": ([0.5, None, 0.5, 0.5], ["ok", "timeout", "ok", "ok"], 0.0, False, [False]),
    "one score alone": ([0.5, None], ["ok", "timeout"], 0.0, False, [False]),
    "no score at all": ([None, None], ["timeout"] * 2, 0.0, False, [False]),
    "a broken form is a spread": ([0.5, 0.5, -1.0], ["ok", "ok", "format"], 0.0, False, [True]),
    "or is not": ([0.5, 0.5, -1.0], ["ok", "ok", "format"], 0.0, True, [False]),
    "nothing": ([], [], 0.0, False, []),
}


@pytest.mark.parametrize(("values", "status", "epsilon", "well_formed", "kept"), GROUPS.values(), ids=GROUPS)
def test_which_prompts_are_kept(
    values: list[float | None], status: list[Any], epsilon: float, well_formed: bool, kept: list[bool]
) -> None:
    size = len(values) // len(kept) if kept else 4
    assert informative(Scores(values, status), size, epsilon, well_formed=well_formed) == kept


@pytest.mark.parametrize("group", [0, 2])
def test_no_half_groups(group: int) -> None:
    with pytest.raises(ValueError, match="no whole number of groups"):
        informative(Scores([0.0] * 3, ["ok"] * 3), group)


class Trainer:
    """Has the two methods, and does nothing."""

    def _generate(self, prompts: list[Any]) -> Any: ...

    def _generate_and_score_completions(self, inputs: list[Any]) -> Any: ...


@pytest.mark.parametrize(
    ("trainer", "options", "says"),
    [
        (object, {}, "no _generate: this is made for GRPOTrainer and RLOOTrainer of TRL 1.16"),
        (Trainer, {"epsilon": -0.1}, "epsilon=-0.1 is negative"),
        (Trainer, {"epsilon": float("nan")}, "epsilon=nan is negative or not finite"),
        (Trainer, {"max_rounds": 0}, "max_rounds=0"),
        (Trainer, {"similarty": "indel"}, "did you mean 'similarity'"),
    ],
)
def test_what_it_is_not_made_for_is_said_at_once(trainer: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionError, match=says):
        with_dynamic_sampling(trainer, "srl", **options)


def test_a_class_is_made_and_the_old_one_stays() -> None:
    made = with_dynamic_sampling(Trainer, "srl")
    assert issubclass(made, Trainer)
    assert made.__name__ == "DynamicSamplingTrainer"
    assert "_dynamic_sampling" not in vars(Trainer)


@pytest.mark.parametrize(
    ("trainer", "rows", "says"),
    [
        # as where two processes share the rollouts of a prompt
        ({}, 6, "6 completions at a time, which are no whole groups of num_generations=4"),
        ({"tools": [print]}, 4, "not made for tools"),
        ({"environments": [object()]}, 4, "not made for tools, environments"),
        ({"train_dataset": iter([])}, 4, "a streamed one has none"),
    ],
)
def test_what_cannot_be_resampled_is_refused(trainer: dict[str, Any], rows: int, says: str) -> None:
    stub = SimpleNamespace(**{"train_dataset": [], "tools": [], "environments": None, **trainer})
    with pytest.raises(OptionError, match=says):
        _require_plain(stub, [{"prompt": "?"}] * rows, 4)


def test_generated_columns_are_taken_apart_and_joined_again() -> None:
    ids, texts = [[1], [2], [3], [4]], ["a", "b", "c", "d"]
    generated = (ids, None, texts, {"extra": [5, 6, 7, 8], "same": "x"})
    first, second = _slice(generated, 0, 2, 4), _slice(generated, 2, 2, 4)
    assert second == ([[3], [4]], None, ["c", "d"], {"extra": [7, 8], "same": "x"})
    assert _join([first, second]) == generated
    assert _join([second, first])[2] == ["c", "d", "a", "b"]
