"""The adapter for OpenRLHF, called as OpenRLHF 0.11.2 calls it; its own executor is in tests/trainers."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rewards
from rewards.adapters.core import NotScorable
from rewards.adapters.openrlhf import completion_of, decode_label, encode_label, to_openrlhf
from rewards.errors import ColumnError, UnknownPlugin
from tests.strategies import texts

torch = pytest.importorskip("torch")

TEXTS = texts
PROMPT = "<|im_start|>user\n2x + 3 = 11<|im_end|>\n<|im_start|>assistant\n"
LABEL = encode_label({"id": "eq#1", "reference": "2x = 8"})


def called(function, reply, label=LABEL, prompt=PROMPT):
    """``SingleTurnAgentExecutor._fetch_rewards_via_func``: batches of one, in a thread."""
    return asyncio.run(asyncio.to_thread(function, [prompt + reply], [prompt], [label]))


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("<think>a</think>2x = 8", 1.0),
        ("<think>a</think>2x = 8<|im_end|>", 1.0),  # special tokens are left in what it decodes
        ("<think>a</think>2x = 8<|im_end|>\n<|endoftext|>", 1.0),
        ("<think>a</think>8 = 2x</s>", 0.5),
        ("2x = 8<|im_end|>", -1.0),
        ("", -1.0),
    ],
)
def test_scores(reply, score):
    found = called(to_openrlhf("srl"), reply)
    assert found["rewards"].tolist() == found["scores"].tolist() == [score]
    assert found["rewards"].dtype == torch.float32
    assert {value.shape for value in found["extra_logs"].values()} == {(1,)}
    assert "status/ok" in found["extra_logs"]
    assert "score" not in found["extra_logs"]  # OpenRLHF logs that itself


def test_the_file_alone_will_do():
    """As OpenRLHF 0.11.2 loads it: as ``reward_func``, which it does not put into ``sys.modules``."""
    path = Path(rewards.__file__).parent / "adapters" / "openrlhf.py"
    spec = importlib.util.spec_from_file_location("reward_func", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert called(module.reward_func, "<think>a</think>2x = 8")["rewards"].item() == 1.0


def test_a_batch_of_several():
    found = to_openrlhf("indel")([PROMPT + "ab", PROMPT + "cd"], [PROMPT] * 2, [encode_label({"reference": "ab"})] * 2)
    assert found["rewards"].tolist() == [1.0, 0.0]


def test_errors_are_logged_because_openrlhf_swallows_them(caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(ColumnError, match="not a JSON object"):
        called(to_openrlhf("srl"), "2x = 8", label="2x = 8")
    assert "OpenRLHF will go on without" in caplog.text
    assert "ColumnError" in caplog.text


def test_mistakes_are_said_when_the_file_is_loaded():
    with pytest.raises(UnknownPlugin):
        to_openrlhf("slr")


@pytest.mark.parametrize(("unscorable", "score"), [(None, -1.0), (0.0, 0.0)])
def test_not_scorable(unscorable, score):
    found = called(to_openrlhf("srl", unscorable=unscorable), "<think>a</think>b", encode_label({"reference": None}))
    assert found["rewards"].item() == score
    assert found["extra_logs"]["status/unparseable_reference"].item() == 1.0
    with pytest.raises(NotScorable):
        called(to_openrlhf("srl", unscorable="raise"), "<think>a</think>b", encode_label({"reference": None}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@given(columns=st.dictionaries(TEXTS, JSON, max_size=4))
def test_labels_come_back(columns):
    assert decode_label(encode_label(columns)) == columns


@pytest.mark.parametrize("label", ["", "2x = 8", "[1]", "null", "[" * 100_000, None, 3, {"reference": "x"}])
def test_what_is_no_label(label):
    with pytest.raises(ColumnError, match=r"--data\.label_key"):
        decode_label(label)


def test_a_label_is_json():
    assert json.loads(LABEL) == {"id": "eq#1", "reference": "2x = 8"}
    with pytest.raises(ValueError, match="JSON"):
        encode_label({"weight": float("nan")})


@given(prompt=TEXTS, reply=TEXTS)
def test_the_reply_behind_a_whole_prompt(prompt, reply):
    assert completion_of(prompt + reply, prompt, end_tokens=()) == reply


@given(reply=TEXTS)
def test_the_reply_behind_a_cut_prompt(reply):
    prompt = "".join(f"line {at}\n" for at in range(100)) + "<|assistant|>"
    assert completion_of(prompt[300:] + reply, prompt, end_tokens=()) == reply


@given(reply=TEXTS)
def test_the_reply_behind_a_prompt_that_changed(reply):
    """The first space is lost on the way through the tokenizer; the reply may quote the prompt's end."""
    prompt = " Say <|assistant|> twice, please, and nothing else at all.<|assistant|>"
    for said in (reply, prompt[-30:] + reply):
        assert completion_of(prompt[1:] + said, prompt, end_tokens=()) == said


@pytest.mark.parametrize(
    ("query", "prompt"), [("", "2x?"), ("8", "2x?"), ("abc", "a very long prompt that is not there")]
)
def test_no_prompt_to_be_found(query, prompt):
    assert completion_of(query, prompt) is None
