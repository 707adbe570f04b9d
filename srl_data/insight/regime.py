"""Which stages of training a model is ready for: a rule over what a probe found, written down to be argued with.

A group-relative method learns from a group of rollouts only where their rewards differ. So RLVR learns from problems
that are solved now and then; where no rollout is right it is silent. SRL learns from steps whose rewards vary. But a
similarity varies between any two texts, and a difference among rollouts that are all far from the expert's step leads
nowhere: so a step counts only if the best of its rollouts comes near.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from rewards.errors import OptionError

if TYPE_CHECKING:
    from srl_data.insight.intervals import Estimate

__all__ = ["Advice", "Check", "Method", "Rule", "SolutionSignal", "StepSignal", "suggest"]

Method = Literal["sft", "srl", "rlvr"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The thresholds. They are conventions, not measurements: the report says where a figure is too close to call.

    Raises:
        OptionError: If one is out of range.
    """

    epsilon: Annotated[float, "A step's rewards vary if their standard deviation is above this."] = 0.05
    near: Annotated[float, "A step is within reach if its best rollout scores this or more."] = 0.8
    speaks: Annotated[
        float, "A method speaks if this share of its prompts has a signal: 1/4, what dynamic sampling can make up for."
    ] = 0.25
    silent: Annotated[float, "RLVR alone will do if the share of problems never solved is below this."] = 0.25
    formed: Annotated[float, "Below this share of well-formed replies, the form is what is missing."] = 0.5
    learnt: Annotated[float, "From this share of right replies on there is nothing left to teach."] = 0.9

    def __post_init__(self) -> None:
        if self.epsilon < 0:
            raise OptionError(f"option epsilon: {self.epsilon} is negative")
        for name in ("speaks", "silent", "formed", "learnt"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"option {name}: {getattr(self, name)} is no share from 0 to 1")


@dataclass(frozen=True, slots=True)
class SolutionSignal:
    """What rollouts of whole problems show: shares of problems, but for ``accuracy`` and ``answered``, of rollouts.

    Attributes:
        never: No rollout is right, pass@k = 0: RLVR is silent.
        mixed: Some are and some are not: RLVR learns.
        always: All are right: nothing is left to learn.
        accuracy: How many rollouts are right.
        answered: How many have a final answer that can be read.
    """

    never: Estimate
    mixed: Estimate
    always: Estimate
    accuracy: Estimate
    answered: Estimate


@dataclass(frozen=True, slots=True)
class StepSignal:
    """What rollouts of single steps show: shares of steps, but for ``right`` and ``well_formed``, of rollouts.

    Attributes:
        varying: Rewards vary.
        varying_well_formed: Those of well-formed rollouts do: a broken form is not a lesson about the step.
        reachable: So they do, and the best of them comes near the expert's: SRL learns.
        right: How many rollouts have the reward's greatest value.
        well_formed: How many have the form that the reward wants.
    """

    varying: Estimate
    varying_well_formed: Estimate
    reachable: Estimate
    right: Estimate
    well_formed: Estimate


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison that the rule makes.

    Attributes:
        what: What is compared.
        figure: Its value.
        threshold: With what.
        holds: Whether the value is not below the threshold.
    """

    what: str
    figure: Estimate
    threshold: float
    holds: bool

    @property
    def is_close(self) -> bool:
        """Whether the threshold is within the interval: more problems could turn it round."""
        return self.figure.low < self.threshold < self.figure.high


@dataclass(frozen=True, slots=True)
class Advice:
    """What the rule comes to.

    Attributes:
        order: The stages, the first one first; empty if there is nothing to train.
        because: Why, in one sentence.
        checks: The comparisons that decided, in the order in which they were made.
    """

    order: tuple[Method, ...]
    because: str
    checks: tuple[Check, ...]


def suggest(solutions: SolutionSignal | None, steps: StepSignal | None, rule: Rule | None = None) -> Advice:
    """Apply the rule: the first line that fits.

    1. Solutions right at least ``learnt``: nothing to train.
    2. RLVR speaks (``mixed`` at least ``speaks``), and ``never`` is below ``silent`` or SRL does not speak: RLVR.
    3. SRL speaks (``reachable`` at least ``speaks``): SRL, then RLVR.
    4. Steps right at least ``learnt``, solutions not: SFT on whole solutions, then RLVR.
    5. Neither speaks: SFT, and then probe again; SRL and RLVR are what it prepares.

    What was not probed, because the data have no gold answers or no steps, is left out of the order.

    Args:
        solutions: What whole problems showed; None if they were not probed.
        steps: What single steps showed; None if they were not probed.
        rule: The thresholds.

    Raises:
        ValueError: If neither was probed.
    """
    rule = rule or Rule()
    if solutions is None and steps is None:
        raise ValueError("neither solutions nor steps were probed")
    checks: list[Check] = []

    def holds(what: str, figure: Estimate, threshold: float) -> bool:
        found = figure.value >= threshold
        checks.append(Check(what, figure, threshold, found))
        return found

    def advice(because: str, *order: Method) -> Advice:
        probed = {"srl": steps is not None, "rlvr": solutions is not None}
        return Advice(tuple(each for each in order if probed.get(each, True)), because, tuple(checks))

    if solutions is not None and holds("rollouts of solutions that are right", solutions.accuracy, rule.learnt):
        return advice("the model solves these problems")
    rlvr = solutions is not None and holds("problems solved now and then", solutions.mixed, rule.speaks)
    if rlvr and solutions is not None and not holds("problems never solved", solutions.never, rule.silent):
        return advice("most problems are solved now and then, and few never", "rlvr")
    srl = steps is not None and holds("steps that vary within reach", steps.reachable, rule.speaks)
    if srl:
        return advice(_why_steps(solutions, rlvr=rlvr), "srl", "rlvr")
    if rlvr:
        return advice("problems are solved now and then, and single steps say too little", "rlvr")
    if steps is None:
        return advice("whole solutions say too little; probe the steps too, or imitate and probe again", *_ALL)
    if holds("rollouts of steps that are right", steps.right, rule.learnt):
        if solutions is None:
            return advice("the model writes these steps")
        return advice("single steps are right already, whole solutions are not", "sft", "rlvr")
    if not holds("rollouts of steps that are well formed", steps.well_formed, rule.formed):
        return advice(
            "most replies do not even have the form that the reward wants: see to that first, then probe again", *_ALL
        )
    return advice("neither says enough: the steps are out of reach; imitate, then probe again", *_ALL)


_ALL: Sequence[Method] = ("sft", "srl", "rlvr")


def _why_steps(solutions: SolutionSignal | None, *, rlvr: bool) -> str:
    if solutions is None:
        return "single steps vary within reach"
    if rlvr:
        return "RLVR would learn from some problems, but is silent on many; single steps vary within reach"
    return "RLVR is silent on these problems; single steps vary within reach"
