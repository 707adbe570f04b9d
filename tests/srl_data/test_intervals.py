"""Estimates and how sure they are."""

from __future__ import annotations

from itertools import combinations, compress, pairwise, product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_data.insight.intervals import mean_of, pass_at

RATES = [0.01, 0.05, 0.3]


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


@pytest.mark.parametrize(
    ("right", "number", "low", "high"),
    [
        # Clopper and Pearson, by the quantiles of the beta distribution
        (0, 10, 0.0, 0.308497),
        (1, 10, 0.002529, 0.445016),
        (5, 10, 0.187086, 0.812914),
        (10, 10, 0.691503, 1.0),
        (0, 1, 0.0, 0.975),
        (3, 100, 0.006230, 0.085176),
    ],
)
def test_right_or_wrong_once_for_each_problem_is_exact(right: int, number: int, low: float, high: float) -> None:
    problems = [[1.0]] * right + [[0.0]] * (number - right)
    found = mean_of(problems, bounds=(0, 1))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    assert found == mean_of(reversed(problems), bounds=(0, 1), seed=1)  # nothing is drawn
    lost = mean_of([[-value] for (value,) in problems], bounds=(-1, 0))
    assert (lost.low, lost.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


@pytest.mark.parametrize("number", [10, 20, 100])
def test_the_interval_of_right_or_wrong_holds_the_truth_95_times_in_100(number: int) -> None:
    found = [mean_of([[1.0]] * right + [[0.0]] * (number - right), bounds=(0, 1)) for right in range(number + 1)]
    for before, after in pairwise(found):  # one more success lowers neither end
        assert before.low < after.low
        assert before.high < after.high
    for rate in RATES:  # every sample that there can be, with its chance
        chances = [comb(number, right) * rate**right * (1 - rate) ** (number - right) for right in range(number + 1)]
        held = [each.low <= rate <= each.high for each in found]
        assert sum(compress(chances, held)) >= 0.95


@pytest.mark.parametrize(("number", "samples"), [(10, 40), (20, 40), (100, 20)])
def test_the_interval_of_shares_holds_the_truth_95_times_in_100(number: int, samples: int) -> None:
    # eight rollouts each of problems that are unlike: of 10 a plain bootstrap holds the rate 0.01 one time in four
    random = np.random.default_rng(number)
    held = 0
    for seed, rate in product(range(samples), RATES):
        right = random.random((number, 8)) < random.beta(2 * rate, 2 * (1 - rate), (number, 1))
        found = mean_of(right.astype(float).tolist(), bounds=(0, 1), seed=seed)
        held += found.low <= rate <= found.high
    assert held >= 0.95 * samples * len(RATES)


def test_where_nothing_is_near_a_bound_the_interval_is_that_of_the_bootstrap() -> None:
    values = np.random.default_rng(0).uniform(0.4, 0.6, (200, 1)).tolist()
    free, bounded = mean_of(values), mean_of(values, bounds=(0, 1))
    assert bounded.low == pytest.approx(free.low, abs=0.01)  # one problem more of 200 is worth 0.0025
    assert bounded.high == pytest.approx(free.high, abs=0.01)


SIZES = st.integers(1, 9).flatmap(
    lambda number: (
        st.integers(1, 3).map(lambda size: [size] * number)
        | st.lists(st.integers(1, 3), min_size=number, max_size=number)
    )
)


@settings(max_examples=50)
@given(st.data(), SIZES)
def test_a_better_reply_never_lowers_an_end(data: st.DataObject, sizes: list[int]) -> None:
    def values() -> list[list[float]]:
        return [data.draw(st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n)) for n in sizes]

    worse, other = values(), values()
    better = [list(map(max, *pair)) for pair in zip(worse, other, strict=True)]
    before, after = mean_of(worse, bounds=(0, 1)), mean_of(better, bounds=(0, 1))
    rounding = 1e-12
    assert before.low <= after.low + rounding
    assert before.high <= after.high + rounding


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
    ],
)
def test_where_all_values_agree(value: float, bounds: tuple[float, float] | None, low: float, high: float) -> None:
    found = mean_of([[value, value]] * 10, bounds=bounds)
    assert found.value == value
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_where_all_values_agree_between_the_bounds() -> None:
    found = mean_of([[0.5]] * 10, bounds=(0, 1))
    # a share of 0.3085 of problems may be at either bound; drawn, so not exact
    assert (found.low, found.high) == (pytest.approx(0.5 * (1 - 0.3085), abs=0.01), pytest.approx(0.6543, abs=0.01))


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
