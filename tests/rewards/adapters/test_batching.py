"""How requests are put together, and how nobody pays for a neighbour. The reward's pace is in the test's hands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rewards import Explanation, Scores
from rewards.adapters.http.batching import Batcher, Busy
from rewards.errors import OptionError, ToolkitError

pytest.importorskip("fastapi")


class Echo:
    """Scores a number with itself plus its row's ``plus``; waits where the test wants it to; notes every call."""

    name = "echo"
    bounds = (0.0, 1e9)
    columns = ("plus",)

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, completions: Sequence[str], /, **columns: Sequence[Any]) -> Scores:
        self.calls.append(list(completions))
        self.begun.release()
        assert self.open.wait(30)
        if "toolkit" in completions:
            raise ToolkitError("a programmer's mistake")
        values: list[float | None] = [float(a) + b for a, b in zip(completions, columns["plus"], strict=True)]
        return Scores(values, ["ok"] * len(values), {"own": [float(each) for each in completions]})

    def explain(self, completion: str, /, **columns: Any) -> Explanation:
        return Explanation(float(completion), "ok", "", {})


def run(test: Callable[[Echo, Batcher], Awaitable[None]], **options: Any) -> Echo:
    """Run a test with a batcher whose reward is closed until the test opens it, one call at a time."""
    reward = Echo()

    async def main() -> None:
        batcher = Batcher(reward, **{"calls": 1, **options})
        try:
            await asyncio.wait_for(test(reward, batcher), 30)
            assert batcher.waiting == 0
        finally:
            reward.open.set()
            batcher.close()

    asyncio.run(main())
    return reward


def ask(batcher: Batcher, *numbers: object, plus: float = 0.0) -> asyncio.Future[Scores]:
    return batcher.submit([str(number) for number in numbers], {"plus": [plus] * len(numbers), "other": "unread"})


async def begun(reward: Echo) -> None:
    assert await asyncio.to_thread(reward.begun.acquire, timeout=30)


def test_what_comes_while_the_reward_is_busy_goes_to_it_together() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        first = ask(batcher, 0)
        await begun(reward)
        rest = [ask(batcher, number, number, plus=1.0) for number in range(1, 5)]
        reward.open.set()
        assert (await first).values == [0.0]
        assert [(await each).values for each in rest] == [[2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [5.0, 5.0]]
        assert (await rest[0]).parts == {"own": [1.0, 1.0]}

    assert run(test).calls == [["0"], ["1", "1", "2", "2", "3", "3", "4", "4"]]


def test_a_batch_has_a_limit_which_one_request_alone_may_exceed() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        first = ask(batcher, 0)
        await begun(reward)
        rest = [ask(batcher, 1, 2), ask(batcher, 3), ask(batcher, 4), ask(batcher, 5, 6, 7, 8), ask(batcher, 9)]
        reward.open.set()
        await asyncio.gather(first, *rest)

    # two and one fit into three, the next does not fit any more, the four go alone
    assert run(test, max_batch=3).calls == [["0"], ["1", "2", "3"], ["4"], ["5", "6", "7", "8"], ["9"]]


def test_a_window_lets_the_first_wait_for_others() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        reward.open.set()
        first = ask(batcher, 1)
        await asyncio.sleep(0.001)
        second = ask(batcher, 2)
        await asyncio.gather(first, second)

    assert run(test, window_s=0.5).calls == [["1", "2"]]


def test_what_is_cancelled_is_not_scored_and_makes_room() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        first = ask(batcher, 0)
        await begun(reward)
        second, third = ask(batcher, 1), ask(batcher, 2)
        with pytest.raises(Busy):
            ask(batcher, 3)
        second.cancel()
        await asyncio.sleep(0)
        fourth = ask(batcher, 4)
        reward.open.set()
        assert [(await each).values for each in (first, third, fourth)] == [[0.0], [2.0], [4.0]]

    assert run(test, max_waiting=3).calls == [["0"], ["2", "4"]]


def test_a_request_that_fails_fails_alone() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        first = ask(batcher, 0)
        await begun(reward)
        rest = [ask(batcher, 1), ask(batcher, "toolkit"), ask(batcher, "no number"), ask(batcher, 2)]
        reward.open.set()
        await first
        assert (await rest[0]).values == [1.0]
        with pytest.raises(ToolkitError, match="a programmer's mistake"):
            await rest[1]
        assert (await rest[2]).status == ["error"]  # it is the completion on which a plug-in failed
        assert (await rest[3]).values == [2.0]

    run(test)


def test_several_calls_may_run_at_once() -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        asked = [ask(batcher, 1)]
        await begun(reward)
        asked.append(ask(batcher, 2))
        await begun(reward)  # while the first one is still at work
        asked.append(ask(batcher, 3))
        reward.open.set()
        assert [(await each).values for each in asked] == [[1.0], [2.0], [3.0]]

    assert run(test, calls=2).calls == [["1"], ["2"], ["3"]]


@given(
    st.lists(st.lists(st.integers(0, 999), max_size=5), min_size=1, max_size=30),
    st.integers(1, 8),
    st.integers(1, 3),
)
def test_everyone_gets_their_own_answer(requests: list[list[int]], max_batch: int, calls: int) -> None:
    async def test(reward: Echo, batcher: Batcher) -> None:
        reward.open.set()
        asked = []
        for at, numbers in enumerate(requests):
            asked.append(ask(batcher, *numbers, plus=1000.0 * at))
            if at % 3:
                await asyncio.sleep(0)
        for at, (numbers, each) in enumerate(zip(requests, asked, strict=True)):
            scores = await each
            assert scores.values == [number + 1000.0 * at for number in numbers]
            assert scores.parts == {"own": [float(number) for number in numbers]}

    run(test, max_batch=max_batch, calls=calls)


@pytest.mark.parametrize("option", [{"window_s": -1.0}, {"max_batch": 0}, {"max_waiting": 0}, {"calls": 0}])
def test_options_out_of_range(option: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        Batcher(Echo(), **option)
