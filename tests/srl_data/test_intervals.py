"""Estimates and how sure they are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_data.insight.intervals import mean_of, pass_at


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_reply(drawn: tuple[int, int, int]) -> None:
    tried, right, k = drawn
    subsets = list(combinations([True] * right + [False] * (tried - right), k))
    assert pass_at(k, tried, right) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_of_very_many_replies() -> None:
    # one right reply is in half of the subsets of half of all; binomials this large overflow floats
    assert pass_at(50_000, tried=100_000, right=1) == pytest.approx(0.5)


@pytest.mark.parametrize(("k", "tried", "right"), [(0, 4, 1), (5, 4, 1), (1, 4, 5), (1, 4, -1)])
def test_pass_at_k_of_what_cannot_be(k: int, tried: int, right: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} of {tried}"):
        pass_at(k, tried, right)


def test_the_interval_holds_the_truth_about_95_times_in_100() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        found = mean_of([[float(value)] for value in random.random(50) < 0.3], bounds=(0, 1), seed=seed)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 198  # 190 expected, with a standard deviation of 3; the bootstrap is a little too narrow


def test_rollouts_of_one_problem_are_no_further_evidence() -> None:
    # ten equal values to a problem say what one says
    values = [0.0, 0.2, 0.9, 1.0, 0.4]
    once, tenfold = mean_of([[value] for value in values]), mean_of([[value] * 10 for value in values])
    assert (once.value, once.low, once.high) == pytest.approx((tenfold.value, tenfold.low, tenfold.high))


def test_the_mean_is_of_all_values() -> None:
    assert mean_of([[0.0, 0.0, 0.0], [1.0], []]).value == 0.25


@pytest.mark.parametrize(
    ("value", "bounds", "low", "high"),
    [
        # Clopper and Pearson for 0 of 10: up to 1 − 0.025^(1/10) = 0.3085
        (0.0, (0, 1), 0.0, 0.3085),
        (1.0, (0, 1), 0.6915, 1.0),
        # a share of 0.3085 of problems at the upper bound 1, the others at −1
        (-1.0, (-1, 1), -1.0, -0.3830),
        # nothing beyond the sample is assumed
        (0.0, None, 0.0, 0.0),
        (0.5, (0, 1), 0.5, 0.5),
    ],
)
def test_where_all_values_agree(value: float, bounds: tuple[float, float] | None, low: float, high: float) -> None:
    found = mean_of([[value, value]] * 10, bounds=bounds)
    assert found.value == value
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_one_problem_says_nothing_about_others() -> None:
    found = mean_of([[0.25, 0.75]], bounds=(0, 1))
    assert (found.value, found.low, found.high) == (0.5, 0, 1)


@given(st.lists(st.lists(st.floats(-1, 1), max_size=4), min_size=1, max_size=9).filter(any))
def test_an_interval_is_within_bounds_and_around_its_value(problems: list[list[float]]) -> None:
    found = mean_of(problems, bounds=(-1, 1))
    rounding = 1e-12
    assert -1 - rounding <= found.low <= found.value <= found.high <= 1 + rounding
    assert found == mean_of(problems, bounds=(-1, 1))


def test_of_nothing_there_is_no_mean() -> None:
    with pytest.raises(ValueError, match="no value"):
        mean_of([[], []])
