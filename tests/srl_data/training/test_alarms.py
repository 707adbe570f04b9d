"""Each alarm, provoked; and what must not ring."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict

import pytest

from srl_data.training.alarms import Alarms

USUAL = {"reward": 0.5, "reward_std": 0.1, "keep_rate": 0.5, "entropy": 2.0, "length": 50.0, "truncated": 0.0}


def _rung(updates: Iterable[dict[str, float]]) -> list[tuple[int, str]]:
    """The alarms, each with the update that it began with."""
    alarms = Alarms()
    return [(number, message) for number, update in enumerate(updates, 1) for message in alarms.look(update)]


CASES: list[tuple[str, dict[str, float], int, str]] = [
    # name, what goes wrong after twenty usual updates, after how many of these, the alarm's beginning
    ("entropy collapses", {"entropy": 0.0}, 10, "entropy fell to 0.000 from 2.000"),
    # 9 of 10 collapsed and one usual have the mean (9·0.1 + 50)/10 = 5.09, above 10 % of 50; ten have 0.1
    ("length collapses", {"length": 0.1}, 10, "length fell to 0.100 from 50.000"),
    # a mean of k/10 is above 0 + 20 % from the third on
    ("forms break", {"status/format": 1.0}, 3, "30% of the rollouts break the form, 0% at first"),
    ("nothing is kept", {"keep_rate": 0.0}, 5, "nothing was learnt in 5 updates"),
    ("all score the same", {"reward_std": 0.0}, 5, "nothing was learnt in 5 updates"),
    ("replies do not end", {"truncated": 1.0}, 6, "60% of the rollouts are cut off: raise max_new_tokens"),
    # above half from the sixth on
    ("nothing is scored", {"status/timeout": 0.5, "status/error": 0.5}, 6, "60% of the rollouts get no score"),
    ("a figure is no number", {"kl": float("nan")}, 1, "kl is not a finite number"),
    ("a figure is infinite", {"kl": float("inf"), "loss": float("-inf")}, 1, "kl and loss is not a finite number"),
]


@pytest.mark.parametrize(("change", "after", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_it_rings_once_and_when_it_begins(change: dict[str, float], after: int, message: str) -> None:
    rung = _rung([USUAL] * 20 + [USUAL | change] * 20)
    assert [number for number, _ in rung] == [20 + after]
    assert rung[0][1].startswith(message)


def test_it_rings_again_when_it_begins_again() -> None:
    silent = USUAL | {"keep_rate": 0.0}
    rung = _rung([silent] * 7 + [USUAL] + [silent] * 7)
    assert [number for number, _ in rung] == [5, 13]


def test_what_was_so_from_the_beginning_is_no_collapse() -> None:
    low = USUAL | {"entropy": 0.01, "length": 1.0, "status/format": 0.9}
    assert _rung([low] * 40) == []


def test_a_form_that_hardly_any_reply_has_is_said_from_the_beginning() -> None:
    rung = _rung([USUAL | {"status/format": 0.95}] * 20)
    assert rung == [(10, "95% of the rollouts break the form, 95% at first")]


def test_a_fine_run_is_quiet() -> None:
    assert _rung(USUAL | {"entropy": 2.0 * 0.97**step, "length": 50 - step} for step in range(40)) == []
    assert _rung({"loss": 3.0 - 0.05 * step, "entropy": 4.0, "length": 20.0} for step in range(40)) == []  # sft


def test_an_update_without_a_figure_counts_for_nothing() -> None:
    # where nothing is kept there is no entropy to measure: ten that have one are twenty updates
    kept = USUAL | {"entropy": 0.0}
    rest = {name: value for name, value in USUAL.items() if name != "entropy"}
    assert [number for number, _ in _rung([USUAL] * 10 + [kept, rest] * 10)] == [10 + 19]


def test_its_state_goes_through_json() -> None:
    updates = [USUAL] * 12 + [USUAL | {"entropy": 0.0, "keep_rate": 0.0}] * 12
    whole, resumed = Alarms(), Alarms()
    for update in updates:
        resumed = Alarms(**json.loads(json.dumps(asdict(resumed))))
        assert whole.look(update) == resumed.look(update)
    assert asdict(whole) == asdict(resumed)
