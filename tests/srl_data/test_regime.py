"""The rule that says which stages of training a model is ready for."""

from __future__ import annotations

from typing import Any

import pytest

from rewards.errors import OptionError
from srl_data.insight.intervals import Estimate
from srl_data.insight.regime import Rule, SolutionSignal, StepSignal, suggest


def _about(value: float, off: float = 0.01) -> Estimate:
    return Estimate(value, max(0.0, value - off), min(1.0, value + off))


def _solutions(never: float, mixed: float, accuracy: float | None = None) -> SolutionSignal:
    always = 1 - never - mixed
    right = always + mixed / 2 if accuracy is None else accuracy
    return SolutionSignal(_about(never), _about(mixed), _about(always), _about(right), _about(1))


def _steps(reachable: float, right: float = 0.5, well_formed: float = 1) -> StepSignal:
    return StepSignal(_about(1), _about(1), _about(reachable), _about(right), _about(well_formed))


SILENT, HALF, EASY = _solutions(0.99, 0.01), _solutions(0.5, 0.4), _solutions(0.1, 0.8)
REACH, LOST = _steps(0.7), _steps(0.02, right=0.0)

CASES: dict[str, tuple[SolutionSignal | None, StepSignal | None, tuple[str, ...]]] = {
    "the regime of the paper: no problem solved, steps within reach": (SILENT, REACH, ("srl", "rlvr")),
    "RLVR learns from some, but half are silent, and SRL could wake them": (HALF, REACH, ("srl", "rlvr")),
    "half are silent, and SRL has nothing to say of them": (HALF, LOST, ("rlvr",)),
    "RLVR learns nearly everywhere": (EASY, REACH, ("rlvr",)),
    "solved": (_solutions(0.02, 0.06), REACH, ()),
    "nothing speaks": (SILENT, LOST, ("sft", "srl", "rlvr")),
    "steps are known, problems are not": (SILENT, _steps(0.05, right=0.95), ("sft", "rlvr")),
    "no gold answers": (None, REACH, ("srl",)),
    "no gold answers, steps out of reach": (None, LOST, ("sft", "srl")),
    "no gold answers, steps known": (None, _steps(0.05, right=0.95), ()),
    "no steps, RLVR learns": (HALF, None, ("rlvr",)),
    "no steps, RLVR silent": (SILENT, None, ("sft", "rlvr")),
    # not all that is not mixed is silent: three quarters are always solved
    "hardly any mixed, and few never": (_solutions(0.15, 0.10), REACH, ("srl", "rlvr")),
}


@pytest.mark.parametrize("case", CASES)
def test_the_order(case: str) -> None:
    solutions, steps, order = CASES[case]
    assert suggest(solutions, steps).order == order


def test_thresholds_belong_to_the_side_above() -> None:
    assert suggest(_solutions(0.2, 0.25, 0.5), LOST).order == ("rlvr",)
    assert "probe the steps too" in suggest(SILENT, None).because
    assert suggest(_solutions(0.25, 0.25, 0.5), REACH).order == ("srl", "rlvr")
    assert suggest(SILENT, _steps(0.25)).order == ("srl", "rlvr")


@pytest.mark.parametrize(
    ("rule", "order"),
    [
        ({"speaks": 0.005}, ("srl", "rlvr")),  # both speak, and 99 % are never solved
        ({"speaks": 0.005, "silent": 1.0}, ("rlvr",)),
        ({"speaks": 0.8}, ("sft", "srl", "rlvr")),
        ({"speaks": 0.8, "learnt": 0.5}, ("sft", "rlvr")),
    ],
)
def test_other_thresholds(rule: dict[str, Any], order: tuple[str, ...]) -> None:
    assert suggest(SILENT, REACH, Rule(**rule)).order == order


def test_what_decided_is_told() -> None:
    advice = suggest(SILENT, REACH)
    assert [(check.what, check.holds, check.threshold) for check in advice.checks] == [
        ("rollouts of solutions that are right", False, 0.9),
        ("problems solved now and then", False, 0.25),
        ("steps that vary within reach", True, 0.25),
    ]
    assert not any(check.is_close for check in advice.checks)


def test_what_is_too_close_to_call_is_told() -> None:
    few = StepSignal(_about(1), _about(1), _about(0.3, off=0.2), _about(0.5), _about(1))
    assert [check.is_close for check in suggest(SILENT, few).checks] == [False, False, True]


def test_broken_forms_are_told_apart_from_steps_out_of_reach() -> None:
    assert "form" in suggest(SILENT, _steps(0.02, right=0.0, well_formed=0.1)).because
    assert "out of reach" in suggest(SILENT, LOST).because


def test_something_must_have_been_probed() -> None:
    with pytest.raises(ValueError, match="neither"):
        suggest(None, None)


@pytest.mark.parametrize(("name", "value"), [("epsilon", -0.1), ("speaks", 1.1), ("silent", -1), ("learnt", 2)])
def test_thresholds_are_checked(name: str, value: float) -> None:
    with pytest.raises(OptionError, match=name):
        Rule(**{name: value})
