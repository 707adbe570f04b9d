"""Trajectory → training rows, to the letter."""

from __future__ import annotations

import pytest

from srl_data.examples import ExampleOptions, step_examples
from srl_data.prompts import system_prompt
from srl_data.types import Segmentation, Solution, Step, StepExample, Trajectory

TEXT = "Plan first.\n\n1. **Add** 1+2=3\n\n2. **Double** 2*3=6\n\n3. **Conclude** 6\n\nAnswer: 6"


def _trajectory() -> Trajectory:
    steps = []
    for number, title in enumerate(("Add", "Double", "Conclude"), start=1):
        start = TEXT.index(f"{number}. **")
        end = TEXT.index("\n\n", start)
        steps.append(Step(start, end, TEXT[start:end], title))
    return Trajectory(Solution("s", "1+2, doubled?", TEXT, source="f:1"), Segmentation(tuple(steps), "numbered", "6"))


def _user(row: StepExample) -> str:
    assert row.prompt[-1]["role"] == "user"
    return row.prompt[-1]["content"]


def test_n_steps_give_n_minus_one_rows() -> None:
    rows = list(step_examples(_trajectory()))
    assert [(row.id, row.step_index, row.num_steps, row.title) for row in rows] == [
        ("s#0", 0, 3, "Add"),
        ("s#1", 1, 3, "Double"),
    ]
    assert [row.reference for row in rows] == ["1. **Add** 1+2=3", "2. **Double** 2*3=6"]
    assert [row.history for row in rows] == [[], ["1. **Add** 1+2=3"]]
    assert {row.answer for row in rows} == {"6"}


def test_the_preamble_stays_in_the_context() -> None:
    first, second = step_examples(_trajectory())
    assert _user(first) == "### Problem\n1+2, doubled?\n\n### Solution so far\nPlan first."
    assert _user(second).endswith("Plan first.\n\n1. **Add** 1+2=3")


def test_no_row_shows_its_own_reference() -> None:
    for row in step_examples(_trajectory(), ExampleOptions(include_last=True, give_title=False)):
        assert row.reference not in "".join(message["content"] for message in row.prompt)


def test_include_last() -> None:
    rows = list(step_examples(_trajectory(), ExampleOptions(include_last=True)))
    assert [row.reference for row in rows][-1] == "3. **Conclude** 6"


def test_give_title_shows_the_coming_title_only() -> None:
    first, second = step_examples(_trajectory(), ExampleOptions(give_title=True))
    assert _user(first).endswith("\n\n### Next step\nAdd")
    assert _user(second).endswith("\n\n### Next step\nDouble")


@pytest.mark.parametrize(("system", "roles"), [(None, ["system", "user"]), ("", ["user"]), ("Hi", ["system", "user"])])
def test_the_system_prompt(system: str | None, roles: list[str]) -> None:
    row = next(step_examples(_trajectory(), ExampleOptions(system=system)))
    assert [message["role"] for message in row.prompt] == roles
    if system:
        assert row.prompt[0]["content"] == system


def test_tags_are_asked_for() -> None:
    assert "<think>" in system_prompt("think")
    assert "<solution>" not in system_prompt("think")
    assert "<solution>" in system_prompt("think+solution")


def test_the_first_step_of_nothing_says_so() -> None:
    solution = Solution("s", "p?", "a\nb")
    rows = step_examples(Trajectory(solution, Segmentation((Step(0, 1, "a"), Step(2, 3, "b")), "lines")))
    assert _user(next(rows)).endswith("### Solution so far\n(nothing yet)")


def test_the_context_has_actions_where_annotations_were_stripped() -> None:
    text = "So 1+2=<<1+2=3>>3.\nThen 6."
    steps = (Step(0, 18, "So 1+2=3."), Step(19, 26, "Then 6."))
    trajectory = Trajectory(Solution("s", "p?", text), Segmentation(steps, "lines"))
    *_, last = step_examples(trajectory, ExampleOptions(include_last=True))
    assert _user(last).endswith("### Solution so far\nSo 1+2=3.")


def _agent(count: int) -> Trajectory:
    pieces, steps, at = [], [], 0
    for number in range(count):
        piece = f"think {number}\ncall {number}\nseen {number}"
        steps.append(Step(at, at + len(piece), f"call {number}", None, f"seen {number}" if number else None, "call"))
        pieces.append(piece)
        at += len(piece) + 1
    return Trajectory(Solution("t", "Mend it.", "\n".join(pieces)), Segmentation(tuple(steps), "agent"))


def test_an_agent_sees_a_window_of_calls_and_observations() -> None:
    rows = list(step_examples(_agent(5)))
    assert [row.reference for row in rows] == [f"call {number}" for number in range(4)]
    assert [(message["role"], message["content"]) for message in rows[3].prompt[1:]] == [
        ("user", "### Task\nMend it.\n\n(1 earlier call not shown)"),
        ("assistant", "call 1"),
        ("user", "seen 1"),
        ("assistant", "call 2"),
        ("user", "seen 2"),
    ]
    assert rows[3].history == ["call 1", "call 2"]
    assert [message["content"] for message in rows[1].prompt[-2:]] == ["call 0", "(no output)"]


@pytest.mark.parametrize(("window", "turns"), [(0, 1), (1, 3), (9, 9)])
def test_the_window_is_an_option(window: int, turns: int) -> None:
    last = list(step_examples(_agent(6), ExampleOptions(window=window)))[-1]
    assert len(last.prompt) - 1 == turns


def test_what_was_said_before_the_first_call_stays_in_an_agents_context() -> None:
    talk = "Which file?\nThe first one.\n"
    step = Step(len(talk), len(talk) + 4, "open", None, "ok", "call")
    trajectory = Trajectory(Solution("t", "Mend it.", talk + "open"), Segmentation((step,), "agent"))
    (row,) = step_examples(trajectory, ExampleOptions(include_last=True))
    assert _user(row) == "### Task\nMend it.\n\n### Before the first call\nWhich file?\nThe first one."


def test_private_thoughts_are_not_shown() -> None:
    text = "<think>It is 6.</think>\n1+2=3\n3+3=6"
    steps = (Step(24, 29, "1+2=3"), Step(30, 35, "3+3=6"))
    trajectory = Trajectory(Solution("s", "p?", text), Segmentation(steps, "lines"))
    first, last = step_examples(trajectory, ExampleOptions(include_last=True))
    assert _user(first).endswith("### Solution so far\n(nothing yet)")
    assert _user(last).endswith("### Solution so far\n1+2=3")
