"""Which column holds what: records in the shapes that people publish → the layout that must come out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from srl_data import sources
from srl_data.errors import InputError, Rejected
from srl_data.sources import Layout, guess_layout
from srl_data.types import Solution

DATA = Path(__file__).parents[3].parent / "shared/data"
LONG = "First, we add the two numbers. 1 + 1 = 2. So the answer is 2."
CHAT = [{"role": "user", "content": "1 + 1?"}, {"role": "assistant", "content": LONG}]
SHAREGPT = [{"from": "human", "value": "1 + 1?"}, {"from": "gpt", "value": LONG}]
RUN = [{"thought": "Look.", "action": "ls\n", "observation": "a.py"}]

# name → (one record, what the user is shown)
SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "GSM8K": (
        {"question": "1 + 1?", "answer": "1 + 1 = <<1+1=2>>2\n#### 2"},
        "gsm8k layout: problem=question, text=answer, answer after '####'",
    ),
    "GSM8K's model solutions": (
        {"question": "1 + 1?", "ground_truth": "1 + 1 = 2\nA: 2", "6b": {"solution": LONG, "is_correct": True}},
        "generic layout: problem=question, text=ground_truth",
    ),
    "s1K-1.1": (
        {"solution": "2", "question": "?", "deepseek_thinking_trajectory": "Hm.", "deepseek_attempt": LONG,
         "attempt": LONG, "thinking_trajectories": ["Hm."]},
        "s1k-1.1 layout: problem=question, text=deepseek_attempt, "
        "text=deepseek_thinking_trajectory for the segmenter thinking, answer=solution",
    ),
    "s1K": (
        {"solution": "2", "question": "1 + 1?", "thinking_trajectories": ["Hm."], "attempt": LONG},
        "s1k layout: problem=question, text=attempt, "
        "text=thinking_trajectories for the segmenter thinking, answer=solution",
    ),
    "Alpaca": (
        {"instruction": "Add.", "input": "1, 1", "output": LONG},
        "alpaca layout: problem=instruction and input, text=output",
    ),
    "MATH": (
        {"problem": "1 + 1?", "level": "Level 1", "type": "Algebra", "solution": LONG},
        "generic layout: problem=problem, text=solution",
    ),
    "MATH-500": (
        {"problem": "1 + 1?", "solution": LONG, "answer": "2", "unique_id": "test/1.json"},
        "generic layout: problem=problem, text=solution, answer=answer, id=unique_id",
    ),
    "a chat beside columns": (
        {"problem": "1 + 1?", "solution": LONG, "messages": CHAT},
        "generic layout: problem=problem, text=solution",
    ),
    "graded write-ups": (
        {"id": "x-1", "question": "1 + 1?", "response": LONG, "pred": "3", "is_correct": 0, "reference_answer": "2"},
        "generic layout: problem=question, text=response, answer=reference_answer, id=id",
    ),
    "an expert beside a model": (
        {"uuid": "u", "question": "?", "ground_truth_solution": LONG, "ground_truth_answer": 2,
         "model_output_steps": [LONG], "response": LONG},
        "generic layout: problem=question, text=ground_truth_solution, answer=ground_truth_answer, id=uuid",
    ),
    "tool use": (
        {"idx": 0, "question": "1 + 1?", "gt": "2", "gt_cot": LONG, "response": LONG, "pred": "2"},
        "generic layout: problem=question, text=response, answer=gt, id=idx",
    ),
    "proofs": (
        {"problem_idx": "P1", "question": "Show it.", "proof": LONG, "human_rating": 7},
        "generic layout: problem=question, text=proof, id=problem_idx",
    ),
    "a short solution is an answer, the long text is elsewhere": (
        {"prompt": "1 + 1?", "solution": "2", "generation": LONG},
        "generic layout: problem=prompt, text=generation",
    ),
    "a long answer is the text": (
        {"question": "1 + 1?", "answer": LONG, "final_answer": "2"},
        "generic layout: problem=question, text=answer, answer=final_answer",
    ),
    "verl": (
        {"prompt": CHAT[:1], "reward_model": {"style": "rule", "ground_truth": "2"}, "response": LONG},
        "generic layout: problem=prompt, text=response, answer=reward_model.ground_truth",
    ),
    "prompt and completion as chats": (
        {"prompt": CHAT[:1], "completion": CHAT[1:]},
        "generic layout: problem=prompt, text=completion",
    ),
    "OpenAI messages": (
        {"messages": CHAT, "id": 7},
        "messages layout: problem=last user message of messages, text=last assistant message, id=id",
    ),
    "ShareGPT": (
        {"conversations": SHAREGPT},
        "messages layout: problem=last user message of conversations, text=last assistant message",
    ),
    "an agent": (
        {"task": "Find it.", "trajectory": RUN, "instance_id": "i-1", "problem": "no"},
        "agent:swe_agent layout: transcript from trajectory, id=instance_id",
    ),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_well_known_shapes(shape: str) -> None:
    record, description = SHAPES[shape]
    layout = guess_layout([record], {})
    assert layout.describe() == description
    assert pickle.loads(pickle.dumps(layout)) == layout  # noqa: S301
    solution = sources.to_solution(record, layout, "a.jsonl:1", "fallback")
    assert solution.problem
    assert solution.source == "a.jsonl:1"


def test_a_few_odd_records_do_not_change_the_guess() -> None:
    good = {"question": "1 + 1?", "answer": "1 + 1 = 2\n#### 2"}
    odd: list[dict[str, Any]] = [{"question": None}, {"answer": 5}, {}, {"trajectory": RUN}]
    assert guess_layout([*odd, good, good, good, good], {}).name == "gsm8k"


def test_ids_that_repeat_are_no_ids() -> None:
    records = [{"problem": "?", "solution": LONG, "problem_id": "p", "idx": n} for n in range(3)]
    assert guess_layout(records, {}).id == "idx"


def test_several_dialects() -> None:
    events = [{"source": "user", "action": "message", "args": {"content": "Go."}}, {"source": "agent", "action": "run"}]
    layout = guess_layout([{"trajectory": RUN}, {"events": events}], {})
    assert (layout.name, layout.is_agent) == ("agent", True)


MAPPED: list[tuple[dict[str, str], str]] = [
    ({"problem": "q", "text": "why.0"}, "custom layout: problem=q, text=why.0, answer=gold, id=id"),
    ({"problem": "q", "text": "cot"}, "custom layout: problem=q, text=cot, answer=gold, id=id"),
    ({"problem": "q", "text": "cot", "answer": "", "id": ""}, "custom layout: problem=q, text=cot"),
    ({"problem": "q", "text": "cot", "answer": "n", "id": "q"}, "custom layout: problem=q, text=cot, answer=n, id=q"),
    ({"problem": "q"}, "custom layout: problem=q, text=cot, answer=gold, id=id"),
    ({"problem": "q", "text": "marked"}, "custom layout: problem=q, text=marked, answer=gold, id=id"),
    (
        {"problem": "q", "text": "marked", "answer": "marked"},
        "custom layout: problem=q, text=marked, answer after '####', id=id",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "description"), MAPPED)
def test_what_the_user_says_counts(given: dict[str, str], description: str) -> None:
    record = {"q": "1 + 1?", "why": [LONG], "cot": LONG, "gold": "2", "id": "x", "n": 2, "marked": "1 + 1 = 2\n#### 2"}
    assert guess_layout([record], given).describe() == description


def test_map_on_an_agent_keeps_the_transcript() -> None:
    layout = guess_layout([{"trajectory": RUN, "ref": "x"}], {"id": "ref"})
    assert layout.describe() == "agent:swe_agent layout: transcript from trajectory, id=ref"


@pytest.mark.parametrize(
    ("records", "given", "message"),
    [
        ([{"gold": "18", "pred": "26"}], {}, "cannot tell which column holds the problem and the solution"),
        (
            [{"question": "?", "why": LONG, "n": 1}],
            {},
            r"holds the solution; the columns are question, why, n\. .*: --map problem=question --map text=why",
        ),
        ([{"a": "short", "b": LONG}], {}, "--map problem=a --map text=b"),
        ([{"a": 1}], {}, "--map problem=COLUMN --map text=COLUMN"),
        ([{"question": "?"}], {"text": "qestion"}, "no record has the column 'qestion'; .*did you mean 'question'"),
        ([{"question": "?"}], {"txt": "question"}, "map one of problem, text, answer, id; did you mean 'text'"),
        ([{"question": "?"}], {"text": ""}, "name a column"),
        ([], {}, "no readable record"),
    ],
)
def test_a_failed_guess_says_what_to_do(records: list[dict[str, Any]], given: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        guess_layout(records, given)


def test_no_records_but_everything_said() -> None:
    assert guess_layout([], {"problem": "q", "text": "t"}) == Layout("q", "t")


# file → (layout, solutions, solutions with an answer, rejects by reason); the rejects have been looked at: their
# text is empty in the data
REAL: dict[str, tuple[str, int, int, dict[str, int]]] = {
    "gsm8k_train_400": ("gsm8k", 400, 400, {}),
    "gsm8k_socratic_100": ("gsm8k", 100, 100, {}),
    "gsm8k_model_solutions_150": ("generic", 150, 0, {}),
    "deepseek_v3_gsm8k_numbered_100": ("generic", 99, 99, {"empty_text": 1}),
    "qwen2.5_7b_gsm8k_100": ("generic", 100, 100, {}),
    "tora_code34b_gsm8k_100": ("generic", 100, 100, {}),
    "mr_gsm8k_step_errors_150": ("generic", 146, 146, {"empty_text": 4}),
    "deepseekmath_v2_proofs_10": ("generic", 10, 0, {}),
    "swe_agent_trajs_6": ("agent:swe_agent", 6, 0, {}),
    "swe_smith_trajs_2": ("agent:swe_agent", 2, 0, {}),
    "swe_smith_xml_messages_2": ("agent:function_xml", 2, 0, {}),
    "mini_swe_agent_1": ("agent:mini_swe_agent", 1, 0, {}),
    "openhands_events_3": ("agent:openhands", 3, 0, {}),
}


@pytest.mark.parametrize("name", REAL)
def test_real_files(name: str) -> None:
    path = DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not on this machine")
    [source] = sources.resolve([str(path)])
    layout = guess_layout(sources.peek(source), {})
    solutions: list[Solution] = []
    rejects: dict[str, int] = {}
    for block in sources.blocks(source):
        for line, record in sources.records(block):
            assert not isinstance(record, Rejected)
            try:
                solutions.append(sources.to_solution(record, layout, f"{source.name}:{line}", f"{line}"))
            except Rejected as rejected:
                rejects[rejected.reason] = rejects.get(rejected.reason, 0) + 1
    answers = sum(1 for solution in solutions if solution.answer)
    assert (layout.name, len(solutions), answers, rejects) == REAL[name]
    assert len({solution.id for solution in solutions}) == len(solutions)
    assert all(solution.events for solution in solutions) == layout.is_agent
