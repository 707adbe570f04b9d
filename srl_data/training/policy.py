"""A model and its tokenizer as training sees them: messages in, text out, whatever the two bring or lack."""

from __future__ import annotations

import copy
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

        Raises:
            ModelError: If it cannot be loaded, or ends a reply with nothing.
        """
        try:
            with _quiet() if Path(source).is_dir() else nullcontext():  # a download is worth a bar
                tokenizer = AutoTokenizer.from_pretrained(str(source), revision=revision)
                model = AutoModelForCausalLM.from_pretrained(str(source), revision=revision, dtype=torch.float32)
        except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"the model {str(source)!r} cannot be loaded: {error}") from error
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
        embedded = int(model.get_input_embeddings().weight.shape[0])  # type: ignore[index]
        if len(tokenizer) > embedded:
            raise ModelError(
                f"the tokenizer has {len(tokenizer)} tokens, the model embeds {embedded}: they do not belong together, "
                "or the model needs resize_token_embeddings"
            )
        stop = _stop_tokens(model, tokenizer)
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
            ModelError: If the template refuses the prompt.
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
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        return list(self.tokenizer(plain_prompt(messages))["input_ids"])

    def encode_reply(self, text: str) -> list[int]:
        """A reply's tokens, with the one that ends it."""
        return [*self.tokenizer(text, add_special_tokens=False)["input_ids"], self.stop[0]]

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
        """Go back to weights that :meth:`trained` gave."""
        self.model.load_state_dict(weights, strict=False)


def plain_prompt(messages: Sequence[Mapping[str, str]]) -> str:
    r"""A prompt for a model without a chat template: the messages' contents, with a blank line behind each.

    Example:
        >>> plain_prompt([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "1 + 1?"}])
        'Be brief.\n\n1 + 1?\n\n'
    """
    return "".join(f"{message['content']}\n\n" for message in messages)


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


def _stop_tokens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    known = getattr(model.generation_config, "eos_token_id", None)
    found = [tokenizer.eos_token_id, *(known if isinstance(known, list) else [known])]
    stop = tuple(dict.fromkeys(token for token in found if token is not None))
    if not stop:
        raise ModelError(
            "neither the tokenizer nor the model's generation config names a token that ends a reply: set "
            "tokenizer.eos_token and save it"
        )
    return stop


def _with_adapters(model: PreTrainedModel, options: Lora) -> PreTrainedModel:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ModelError("LoRA needs peft, which is not installed: pip install peft") from error
    modules = options.modules if isinstance(options.modules, str) else list(options.modules)
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        target_modules=modules,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)  # peft still reads it
        adapted: Any = get_peft_model(model, config)
    return adapted


def _has_adapters(model: PreTrainedModel) -> bool:
    return hasattr(model, "disable_adapter")
