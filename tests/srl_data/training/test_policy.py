"""A policy: whatever a model and its tokenizer bring or lack, and what is saved can be loaded."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from srl_data.training.config import Lora
from srl_data.training.policy import ModelError, Policy, plain_prompt
from srl_data.training.rollout import Rollouts, sample
from srl_data.training.tiny import tiny_model, tiny_tokenizer

# peft asks transformers by a name that it is giving up
pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing. is deprecated:FutureWarning")

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 12 + 30?"}]
TEXTS = ["Be brief. What is 12 + 30?\n\n", "We get 12 + 30 = 42.\n"] * 9
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<reply>{% endif %}"
)


def tokenizer(**attributes: Any) -> Any:
    made = tiny_tokenizer(TEXTS, size=300)
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def policy(tied: bool = True, **options: Any) -> Policy:
    words = tokenizer()
    model = tiny_model(words, width=32, layers=2, heads=2, context=64)
    if not tied:
        model.config.tie_word_embeddings = False
        model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() + 1)
    return Policy.of(model, words, device="cpu", **options)


def rollouts(found: Policy) -> Rollouts:
    prompts = [found.encode(MESSAGES), found.encode(MESSAGES[1:])]
    generator = torch.Generator().manual_seed(0)
    return sample(found.model, prompts, group_size=2, max_new_tokens=5, stop=found.stop, generator=generator)


def logprobs(found: Policy, of: Rollouts) -> torch.Tensor:
    with torch.no_grad():
        return found.score(of, 1.0).logprobs


# -- text and tokens --------------------------------------------------------------------------------------------------


def test_without_a_chat_template_a_prompt_is_plain() -> None:
    found = policy()
    assert (
        found.tokenizer.decode(found.encode(MESSAGES)) == "Be brief.\n\nWhat is 12 + 30?\n\n" == plain_prompt(MESSAGES)
    )


def test_a_chat_template_is_followed_up_to_where_the_reply_begins() -> None:
    found = policy()
    found.tokenizer.chat_template = TEMPLATE
    assert found.tokenizer.decode(found.encode(MESSAGES)) == "<system>Be brief.<user>What is 12 + 30?<reply>"


def test_a_template_that_refuses_the_prompt_is_named() -> None:
    """As those of some models refuse a system prompt; and one that is no template at all."""
    found = policy()
    found.tokenizer.chat_template = "{{ raise_exception('System role not supported') }}"
    with pytest.raises(ModelError, match=r"refuses a prompt: System role not supported\. .* --system ''"):
        found.encode(MESSAGES)
    found.tokenizer.chat_template = "{% for"
    with pytest.raises(ModelError, match="refuses a prompt: "):
        found.encode(MESSAGES)


def test_a_template_brings_its_own_special_tokens() -> None:
    """None is put before it, though the tokenizer puts one before plain text."""
    from tokenizers.processors import TemplateProcessing

    found = policy()
    found.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A", special_tokens=[("<pad>", found.tokenizer.pad_token_id)]
    )
    assert found.encode(MESSAGES)[0] == found.tokenizer.pad_token_id
    found.tokenizer.chat_template = TEMPLATE
    assert found.tokenizer.pad_token_id not in found.encode(MESSAGES)
    assert found.tokenizer.pad_token_id not in found.encode_reply("We get 42.")


def test_a_tokenizer_that_ends_whatever_it_reads_does_not_end_a_prompt() -> None:
    from tokenizers.processors import TemplateProcessing

    found = policy()
    wanted = found.encode(MESSAGES)
    found.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", found.tokenizer.eos_token_id)]
    )
    assert found.tokenizer("x")["input_ids"][-1] == found.tokenizer.eos_token_id
    assert found.encode(MESSAGES) == wanted


TURNS = (
    "{% for m in messages %}<turn>{{ m.role }}\n{{ m.content | trim }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<turn>assistant\n{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "ends"),
    [
        (TURNS, ["<end>", "<eos>"]),  # as ChatML over a base model's tokenizer, and Gemma's
        (TURNS.replace("<end>", "<eos>"), ["<eos>"]),
        (TURNS.replace("<end>", " <eos><end>"), ["<eos>"]),  # the first of several
        (TEMPLATE, ["<eos>"]),  # puts nothing behind a reply
        ("{{ raise_exception('no') }}", ["<eos>"]),
        ("{{ messages[0].content }}<end>", ["<eos>"]),  # drops replies
        (None, ["<eos>"]),
    ],
)
def test_a_reply_ends_as_the_template_ends_it(template: str | None, ends: list[str]) -> None:
    words = tokenizer()
    words.add_special_tokens({"additional_special_tokens": ["<turn>", "<end>"]})
    words.chat_template = template
    found = Policy.of(tiny_model(words, width=32, layers=1, heads=2), words, device="cpu")
    assert words.convert_ids_to_tokens(list(found.stop)) == ends
    assert words.convert_ids_to_tokens(found.encode_reply("We get 42."))[-1] == ends[0]


def test_a_reply_ends_with_the_stop_token_and_is_decoded_without() -> None:
    found = policy()
    tokens = found.encode_reply("We get 42.")
    assert tokens[-1] == found.stop[0]
    width = len(tokens)
    cut = tokens[:-1]  # one that was cut off
    batch = torch.tensor([tokens, [*cut, 0]])
    mask = torch.tensor([[1] * width, [1] * (width - 1) + [0]])
    nothing = torch.zeros(2, dtype=torch.bool)
    replies = Rollouts([[5]], torch.zeros(2, dtype=torch.long), batch, mask, mask.float(), nothing)
    assert found.decode(replies) == ["We get 42.", "We get 42."]


def test_other_special_tokens_stay_visible() -> None:
    """A reward must see what stands in a reply, a padding token in its midst too."""
    found = policy()
    tokens = torch.tensor([[*found.tokenizer("42")["input_ids"], found.tokenizer.pad_token_id, found.stop[0]]])
    one = torch.zeros(1, dtype=torch.long)
    replies = Rollouts([[5]], one, tokens, torch.ones_like(tokens), tokens.float(), one.bool())
    assert found.decode(replies) == ["42<pad>"]


def test_the_context_is_what_the_model_says() -> None:
    assert policy().context == 64


# -- what does not go together ----------------------------------------------------------------------------------------


def test_a_tokenizer_larger_than_the_model() -> None:
    model = tiny_model(tokenizer(), width=32, layers=1, heads=2)
    larger = tiny_tokenizer([*TEXTS, "Is it three hundred and twelve, or is it not?"] * 9, size=400)
    with pytest.raises(ModelError, match=r"3\d\d tokens, the model embeds 277.*resize_token_embeddings"):
        Policy.of(model, larger)
    model.resize_token_embeddings(len(larger), mean_resizing=False)
    Policy.of(model, larger, device="cpu")


def test_tokens_that_were_added_and_not_embedded_may_not_occur() -> None:
    """Gemma 3's tokenizer has one for images, for which its smallest model, which reads none, has no row."""
    words = tokenizer()
    model = tiny_model(words, width=32, layers=1, heads=2)
    words.add_tokens(["<image>"])
    found = Policy.of(model, words, device="cpu")
    found.encode(MESSAGES)
    message = "'<image>' is the tokenizer's, but the model does not embed it"
    with pytest.raises(ModelError, match=message):
        found.encode([{"role": "user", "content": "an <image>"}])
    with pytest.raises(ModelError, match=message):
        found.encode_reply("<image>")


def test_a_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"it is no model's folder, for it has no config\.json"):
        Policy.load(tmp_path)
    policy().model.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="it has no tokenizer"):
        Policy.load(tmp_path)
    with pytest.raises(ModelError, match=r"'main' is of a model on the Hub, and .* is a folder"):
        Policy.load(tmp_path, revision="main")


def test_a_model_that_keeps_what_it_read_in_its_own_way_is_refused() -> None:
    """It would be asked for each token as if there were none before."""
    from transformers import MambaConfig, MambaForCausalLM

    words = tokenizer()
    model = MambaForCausalLM(MambaConfig(vocab_size=len(words), hidden_size=16, num_hidden_layers=1, state_size=4))
    with pytest.raises(ModelError, match="MambaForCausalLM does not keep what it has read in past_key_values"):
        Policy.of(model, words, device="cpu")


def test_a_model_with_more_embeddings_than_tokens_is_as_usual() -> None:
    """They are often padded to a multiple of 64."""
    words = tokenizer()
    model = tiny_model(words, width=32, layers=1, heads=2)
    model.resize_token_embeddings(320, mean_resizing=False)
    Policy.of(model, words, device="cpu")


def test_nothing_ends_a_reply() -> None:
    words = tokenizer()
    model = tiny_model(words, width=32, layers=1, heads=2)
    words.eos_token, model.generation_config.eos_token_id = None, None
    with pytest.raises(ModelError, match=r"ends a reply: set tokenizer\.eos_token"):
        Policy.of(model, words)


@pytest.mark.parametrize(("known", "stop"), [(7, (7,)), ([7, 9, 7], (7, 9))])
def test_a_tokenizer_without_eos_ends_by_the_models(known: Any, stop: tuple[int, ...]) -> None:
    words = tokenizer()
    model = tiny_model(words, width=32, layers=1, heads=2)
    words.eos_token, model.generation_config.eos_token_id = None, known
    assert Policy.of(model, words, device="cpu").stop == stop


def test_a_tokenizer_without_a_padding_token() -> None:
    """Padding is masked, so that none is needed."""
    words = tokenizer(pad_token=None)
    found = Policy.of(tiny_model(words, width=32, layers=1, heads=2), words, device="cpu")
    assert len(rollouts(found)) == 4


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        Policy.load(tmp_path)


# -- keeping ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", [True, False])
def test_what_is_saved_can_be_loaded(tied: bool, tmp_path: Path) -> None:
    found = policy(tied)
    found.save(tmp_path)
    again = Policy.load(tmp_path, device="cpu")
    sampled = rollouts(found)
    torch.testing.assert_close(logprobs(again, sampled), logprobs(found, sampled), atol=0, rtol=0)
    assert again.encode(MESSAGES) == found.encode(MESSAGES)
    assert again.stop == found.stop
    AutoTokenizer.from_pretrained(tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).dtype == torch.float32


@pytest.mark.parametrize("tied", [True, False])
def test_going_back_to_weights(tied: bool) -> None:
    found = policy(tied)
    sampled = rollouts(found)
    before, kept = logprobs(found, sampled), {name: value.clone() for name, value in found.trained().items()}
    with torch.no_grad():
        for parameter in found.model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    assert not torch.equal(logprobs(found, sampled), before)
    found.restore(kept)
    assert torch.equal(logprobs(found, sampled), before)


# -- the frozen policy ------------------------------------------------------------------------------------------------


def test_the_anchor_stays_where_it_was_frozen() -> None:
    found = policy()
    sampled = rollouts(found)
    before = logprobs(found, sampled)
    found.freeze_anchor()
    with torch.no_grad():
        found.model.lm_head.weight += torch.randn_like(found.model.lm_head.weight)
    assert not torch.equal(logprobs(found, sampled), before)
    assert torch.equal(found.anchor_logprobs(sampled, 1.0), before)
    found.freeze_anchor({name: torch.zeros_like(value) for name, value in found.model.state_dict().items()})
    uniform = torch.full_like(before, -torch.tensor(float(len(found.tokenizer))).log()) * sampled.mask
    torch.testing.assert_close(found.anchor_logprobs(sampled, 1.0), uniform)


def test_there_is_none_unless_it_was_frozen() -> None:
    found = policy()
    with pytest.raises(RuntimeError, match="freeze_anchor"):
        found.anchor_logprobs(rollouts(found), 1.0)


# -- precision --------------------------------------------------------------------------------------------------------


def test_in_bf16_the_weights_and_their_gradients_stay_float32() -> None:
    found = policy(precision="bf16")
    sampled = rollouts(found)
    exact = logprobs(policy(), sampled)
    scores = found.score(sampled, 1.0).logprobs
    assert scores.dtype == torch.float32
    assert 0 < float((scores.detach() - exact).abs().max()) < 0.05  # bfloat16 has three digits
    scores.sum().backward()
    assert {parameter.grad.dtype for parameter in found.model.parameters()} == {torch.float32}


# -- adapters ---------------------------------------------------------------------------------------------------------

with_peft = pytest.mark.skipif(importlib.util.find_spec("peft") is None, reason="peft is not installed")


@pytest.mark.skipif(importlib.util.find_spec("peft") is not None, reason="peft is installed")
def test_lora_says_what_it_needs() -> None:
    with pytest.raises(ModelError, match="pip install peft"):
        policy(lora=Lora())


def _adapted() -> Policy:
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)  # rounding tells the same each time
        found = policy(lora=Lora(rank=4))
        for value in found.trained().values():
            value += 0.3 * torch.randn_like(value)  # they begin as nothing
    return found


@with_peft
def test_only_adapters_are_trained_and_the_base_is_the_anchor() -> None:
    found = _adapted()
    assert all("lora" in name for name in found.trained())
    found.freeze_anchor()
    sampled = rollouts(found)
    assert found.anchor is None
    plain = logprobs(policy(), sampled)
    torch.testing.assert_close(found.anchor_logprobs(sampled, 1.0), plain)
    assert float((logprobs(found, sampled) - plain).abs().max()) > 0.01


@with_peft
def test_adapters_are_merged_when_saved(tmp_path: Path) -> None:
    found = _adapted()
    sampled = rollouts(found)
    found.save(tmp_path)
    torch.testing.assert_close(logprobs(Policy.load(tmp_path, device="cpu"), sampled), logprobs(found, sampled))
    assert all("lora" in name for name in found.trained())  # and go on being trained


@with_peft
def test_adapters_that_stand_alone_are_merged_when_loaded(tmp_path: Path) -> None:
    """As peft saves them, and trainers that use it: they name their model, which stays as it is."""
    found = _adapted()
    sampled = rollouts(found)
    policy().save(tmp_path / "base")
    found.model.peft_config["default"].base_model_name_or_path = str(tmp_path / "base")  # type: ignore[union-attr, index]
    found.model.save_pretrained(tmp_path / "adapters")
    found.tokenizer.save_pretrained(tmp_path / "adapters")
    assert not (tmp_path / "adapters" / "model.safetensors").exists()
    loaded = Policy.load(tmp_path / "adapters", device="cpu")
    torch.testing.assert_close(logprobs(loaded, sampled), logprobs(found, sampled))
    assert set(loaded.trained()) == set(policy().trained())
    loaded.save(tmp_path / "whole")
    whole = Policy.load(tmp_path / "whole", device="cpu")
    torch.testing.assert_close(logprobs(whole, sampled), logprobs(found, sampled))


@with_peft
def test_adapters_with_gradient_checkpointing() -> None:
    found = policy(lora=Lora(rank=4), gradient_checkpointing=True)
    found.score(rollouts(found), 1.0).logprobs.sum().backward()
    gradients = [parameter.grad for parameter in found.model.parameters() if parameter.requires_grad]
    assert gradients
    assert all(gradient is not None for gradient in gradients)


def test_a_model_that_cannot_checkpoint_says_so() -> None:
    words = tokenizer()
    model = tiny_model(words, width=32, layers=1, heads=2)
    model.supports_gradient_checkpointing = False
    with pytest.raises(ModelError, match="gradient_checkpointing"):
        Policy.of(model, words, gradient_checkpointing=True)
