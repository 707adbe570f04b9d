"""A model and its tokenizer as training sees them: messages in, text out, whatever the two bring or lack."""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging
from transformers.utils.peft_utils import find_adapter_config_file

from srl_data.errors import OutputError, SrlDataError
from srl_data.training.config import Lora
from srl_data.training.prefix import enable_checkpointing
from srl_data.training.rollout import Rollouts, TokenScores, score_tokens

__all__ = ["ModelError", "Policy", "plain_prompt"]


class ModelError(SrlDataError):
    """A model or tokenizer cannot be used as it is; the message says what it lacks and what to do."""


@dataclass(slots=True)
class Policy:
    """A causal language model that is sampled and trained.

    Attributes:
        model: The model, in float32 if it is trained: updates as small as SRL's vanish in bfloat16.
        tokenizer: Its tokenizer.
        stop: The tokens that end a reply.
        precision: ``bf16`` runs the matrices of the forward pass in bfloat16, over weights in float32.
        anchor: The frozen policy that the KL divergence is taken from; ``None`` if it is not, or if adapters are
            trained: then it is the model without them.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    stop: tuple[int, ...]
    precision: Literal["fp32", "bf16"] = "fp32"
    anchor: PreTrainedModel | None = field(default=None, repr=False)

    @classmethod
    def load(
        cls,
        source: str | Path,
        *,
        revision: str | None = None,
        device: str | torch.device | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        lora: Lora | None = None,
        gradient_checkpointing: bool = False,
    ) -> Policy:
        """Load a folder, or a model on the Hub.

        Adapters that stand alone, as peft saves them, are merged into the model that they name.

        Raises:
            ModelError: If it cannot be loaded, or ends a reply with nothing.
        """
        if revision is not None and Path(source).is_dir():
            raise ModelError(f"revision = {revision!r} is of a model on the Hub, and {str(source)!r} is a folder")
        try:
            with _quiet() if Path(source).is_dir() else nullcontext():  # a download is worth a bar
                tokenizer = AutoTokenizer.from_pretrained(str(source), revision=revision)
                model = _model(str(source), revision)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"the model {str(source)!r} cannot be loaded: {_lacking(Path(source))}{error}") from error
        return cls.of(
            model,
            tokenizer,
            device=device,
            precision=precision,
            lora=lora,
            gradient_checkpointing=gradient_checkpointing,
        )

    @classmethod
    def of(
        cls,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        *,
        device: str | torch.device | None = None,
        precision: Literal["fp32", "bf16"] = "fp32",
        lora: Lora | None = None,
        gradient_checkpointing: bool = False,
    ) -> Policy:
        """Take a model and a tokenizer that are there already.

        Raises:
            ModelError: If they do not go together, or if nothing ends a reply.
        """
        if "past_key_values" not in inspect.signature(model.forward).parameters:
            raise ModelError(
                f"{type(model).__name__} does not keep what it has read in past_key_values, and cannot be sampled: "
                "Mamba, RWKV and others without attention have a way of their own"
            )
        stop = _stop_tokens(model, tokenizer)
        embedded = _embedded(model)
        # a tokenizer may have special tokens that this model has no use for, as Gemma 3's has one for images
        if tokenizer.vocab_size > embedded or max(stop) >= embedded:
            raise ModelError(
                f"the tokenizer has {len(tokenizer)} tokens, the model embeds {embedded}: they do not belong together, "
                "or the model needs resize_token_embeddings"
            )
        if lora is not None:
            model = _with_adapters(model, lora)
        if gradient_checkpointing:
            try:
                enable_checkpointing(model)
            except ValueError as error:
                raise ModelError(f"gradient_checkpointing: {error}") from error
        place = device or ("cuda" if torch.cuda.is_available() else "cpu")
        try:
            model.to(place)  # type: ignore[arg-type]
        except (RuntimeError, AssertionError) as error:
            raise ModelError(f"the model cannot be put on the device {str(place)!r}: {error}") from error
        return cls(model.eval(), tokenizer, stop, precision)

    # -- text and tokens ----------------------------------------------------------------------------------------------

    def encode(self, messages: Sequence[Mapping[str, str]]) -> list[int]:
        """A prompt's tokens: by the tokenizer's chat template, or where it has none, :func:`plain_prompt`.

        Raises:
            ModelError: If the template refuses the prompt, or the model does not embed one of its tokens.
        """
        if self.tokenizer.chat_template:
            try:
                text = self.tokenizer.apply_chat_template(
                    list(map(dict, messages)), tokenize=False, add_generation_prompt=True
                )
            except Exception as error:  # a template is a program, and raises what it likes
                said = " ".join(str(error).split())[:200]
                raise ModelError(
                    f"the tokenizer's chat template refuses a prompt: {said}. If it knows no system prompt, segment "
                    "again with --system ''"
                ) from error
            return self._known(list(self.tokenizer(text, add_special_tokens=False)["input_ids"]))
        tokens = list(self.tokenizer(plain_prompt(messages))["input_ids"])
        while len(tokens) > 1 and tokens[-1] == self.tokenizer.eos_token_id:  # some tokenizers end whatever they read
            tokens.pop()
        return self._known(tokens)

    def encode_reply(self, text: str) -> list[int]:
        """A reply's tokens, with the one that ends it.

        Raises:
            ModelError: If the model does not embed one of them.
        """
        return self._known([*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.stop[0]])

    def _known(self, tokens: list[int]) -> list[int]:
        if max(tokens, default=0) >= _embedded(self.model):
            raise ModelError(
                f"the token {self.tokenizer.decode([max(tokens)])!r} is the tokenizer's, but the model does not embed "
                "it: call resize_token_embeddings, and train that token first"
            )
        return tokens

    def decode(self, rollouts: Rollouts) -> list[str]:
        """What rollouts say: all that was sampled but the token that ends it. Special tokens within stay visible."""
        bodies = [row[:-1] if row and row[-1] in self.stop else row for row in rollouts.lists()]
        texts = self.tokenizer.batch_decode(bodies, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return list(texts)

    @property
    def context(self) -> int | None:
        """The most tokens that the model reads, if it says so."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    # -- scores -------------------------------------------------------------------------------------------------------

    def score(self, rollouts: Rollouts, temperature: float) -> TokenScores:
        """Log-probabilities of rollouts under the policy; see :func:`srl_data.training.rollout.score_tokens`."""
        with self.autocast():
            return score_tokens(self.model, rollouts, temperature=temperature)

    @torch.no_grad()
    def anchor_logprobs(self, rollouts: Rollouts, temperature: float) -> Tensor:
        """Log-probabilities of rollouts under the frozen policy."""
        with self.autocast(), self._anchored() as model:
            return score_tokens(model, rollouts, temperature=temperature).logprobs

    def freeze_anchor(self, weights: Mapping[str, Tensor] | None = None) -> None:
        """From now on, the KL divergence is taken from the policy as it is, or as it was with these weights.

        With adapters it is taken from the model without them.
        """
        if not _has_adapters(self.model):
            self.anchor = copy.deepcopy(self.model).eval().requires_grad_(False)
            if weights is not None:
                self.anchor.load_state_dict(weights)

    @contextmanager
    def _anchored(self) -> Iterator[PreTrainedModel]:
        if self.anchor is not None:
            yield self.anchor
        elif _has_adapters(self.model):
            with self.model.disable_adapter():  # type: ignore[operator]
                yield self.model
        else:
            raise RuntimeError("freeze_anchor was not called")

    def autocast(self) -> torch.autocast:
        """The precision of the forward pass."""
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.precision == "bf16")

    # -- keeping ------------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write model and tokenizer so that ``from_pretrained`` opens them; adapters are merged in.

        Raises:
            OutputError: If the weights cannot be written.
        """
        model: Any = self.model
        if _has_adapters(model):
            model = copy.deepcopy(model).merge_and_unload()
        try:
            with _quiet():
                model.save_pretrained(folder)
        except SafetensorError as error:
            raise OutputError(f"the model cannot be written to {folder}: {error}") from error
        self.tokenizer.save_pretrained(folder)

    def trained(self) -> dict[str, Tensor]:
        """The weights that training changes: all, or the adapters."""
        named = {name for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        return {name: value for name, value in self.model.state_dict().items() if name in named}

    def restore(self, weights: Mapping[str, Tensor]) -> None:
        """Go back to weights that :meth:`trained` gave.

        Raises:
            ValueError: If they are not the ones that are trained.
        """
        if other := weights.keys() ^ self.trained().keys():
            raise ValueError(f"the weights are not those that are trained: {min(other)!r} and {len(other) - 1} more")
        self.model.load_state_dict(weights, strict=False)


def plain_prompt(messages: Sequence[Mapping[str, str]]) -> str:
    r"""A prompt for a model without a chat template: the messages' contents, with a blank line behind each.

    Example:
        >>> plain_prompt([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}])
        'Be brief.\n\n1 + 1?\n\n'
    """
    return "".join(f"{message['content']}\n\n" for message in messages)


def _lacking(source: Path) -> str:
    """What a folder of a model has not, as the beginning of a message."""
    if not source.exists():
        return "there is no such folder, and "
    if source.is_dir() and not any((source / name).exists() for name in ("config.json", "adapter_config.json")):
        return "it is no model's folder, for it has no config.json; "
    if source.is_dir() and not (any(source.glob("*token*")) or any(source.glob("vocab*"))):
        return "it has no tokenizer; "
    return ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars that transformers draws for each weight, and as it was before afterwards."""
    shown = transformers_logging.is_progress_bar_enabled()
    if shown:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _embedded(model: PreTrainedModel) -> int:
    """How many tokens the model knows."""
    return int(model.get_input_embeddings().weight.shape[0])  # type: ignore[index]


def _stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """What ends a reply, first of all what a chat template puts there."""
    known = getattr(model.generation_config, "eos_token_id", None)
    found = [_end_of_turn(tokenizer), tokenizer.eos_token_id, *(known if isinstance(known, list) else [known])]
    stop = tuple(dict.fromkeys(token for token in found if token is not None))
    if not stop:
        raise ModelError(
            "neither the tokenizer nor the model's generation config names a token that ends a reply: set "
            "tokenizer.eos_token and save it"
        )
    return stop


_PROBE = "A reply whose end is looked for"


def _end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The special token that a chat template writes behind a reply: not always the tokenizer's eos.

    Base models with a template of ChatML have <|endoftext|> for the one and <|im_end|> for the other; Gemma's have
    <eos> and <end_of_turn>.
    """
    if not tokenizer.chat_template:
        return None
    turns = [{"role": "user", "content": "Question"}, {"role": "assistant", "content": _PROBE}]
    try:
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception:  # a template is a program, and raises what it likes; whether it takes prompts is seen with these
        return None
    behind = tokenizer(text.partition(_PROBE)[2], add_special_tokens=False)["input_ids"]
    special = {token for token, added in tokenizer.added_tokens_decoder.items() if added.special}
    return next((token for token in behind if token in special), None)


def _model(source: str, revision: str | None) -> PreTrainedModel:
    """A model; of adapters alone the one that they name, with them merged in."""
    if find_adapter_config_file(source, revision=revision) is None:
        found: PreTrainedModel = AutoModelForCausalLM.from_pretrained(source, revision=revision, dtype=torch.float32)
        return found
    from peft import AutoPeftModelForCausalLM

    adapted: Any = AutoPeftModelForCausalLM.from_pretrained(source, revision=revision, dtype=torch.float32)
    merged: PreTrainedModel = adapted.merge_and_unload()
    return merged.requires_grad_(True)


def _with_adapters(model: PreTrainedModel, options: Lora) -> PreTrainedModel:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ModelError("LoRA needs peft, which is not installed: pip install peft") from error
    modules = options.modules if isinstance(options.modules, str) else list(options.modules)
    if modules != "all-linear" and isinstance(modules, str) and modules.isidentifier():
        modules = [modules]  # a name; peft takes a text for a pattern of whole paths
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        target_modules=modules,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)  # peft still reads it
        try:
            adapted: Any = get_peft_model(model, config)
        except ValueError as error:
            raise ModelError(f"lora: {error}") from error
    return adapted


def _has_adapters(model: PreTrainedModel) -> bool:
    return hasattr(model, "disable_adapter")
