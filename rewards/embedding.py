"""Similarity of meaning: the cosine of two sentence embeddings."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from math import isfinite
from typing import TYPE_CHECKING, Annotated, Any, Literal

from rewards.base import PairReward, scatter
from rewards.encoders import BUNDLED, Spec, encoder, memory
from rewards.errors import MissingExtra, OptionError
from rewards.types import Scores, Status

if TYPE_CHECKING:
    from rewards.encoders import Encoder, Vector

__all__ = ["Embedding"]


@dataclass(frozen=True)
class Embedding(PairReward):
    """Cosine of the sentence embeddings of completion and reference, from -1 to 1.

    The cosine stands as the model gives it, not rescaled: with most models unrelated texts score about 0 and nothing
    scores far below. It judges the topic and the wording rather than the truth: a wrong number costs little.

    Each distinct text of a batch is embedded once, and references are remembered across batches. The model is loaded
    when the first batch arrives, once per process for equal options; an instance holds its options only, and pickles
    as such. Several threads may score at once.

    What the model does not read does not count: text beyond its window (256 tokens with the default model), and in
    any case beyond 64 characters per token of that window, which keeps a megabyte out of the tokenizer and cuts
    nothing off but where a text is mostly white space. A text without a visible character has no meaning to compare,
    though a model would give it some vector: the status is ``unparseable_completion`` (the score -1) or
    ``unparseable_reference``. Should the model's vector not be a number, as half precision may have it, it is
    ``error``.

    A batch scores the same again, bit for bit, as long as its references are remembered. In other company a pair
    scores the same to within 1e-6 in float32 (1e-2 in bfloat16 and float16), with ``engine="int8"`` exactly.

    That engine is for CPUs: ONNX Runtime with 8-bit matrices. Its scores are a little off (a correlation of 0.993 to
    0.999 with the full model's, a few hundredths at the most), and a little different on another kind of CPU. Its
    first use converts the model, for some seconds, and keeps the result in the folder ``srl-data/int8`` of the
    Hugging Face cache (``HF_HOME``), named by its content: 70 MB for the default model.

    Raises:
        OptionError: If an option is out of range, or does not go with ``engine="int8"``.
        MissingExtra: If a library is missing: ``srl-data[embed]``, for int8 ``srl-data[embed-int8]``.
        PluginLoadError: On the first batch, if the model cannot be loaded.

    Example:
        >>> import rewards
        >>> reward = rewards.get("embedding")  # doctest: +SKIP
        >>> reward(["Half of 48 is 24.", "The cat sleeps."], reference=["48 / 2 = 24"] * 2).values  # doctest: +SKIP
        [0.8537934464288334, -0.018959646381205168]
    """

    model: Annotated[str, "A folder, a Hub name, or the model that comes with the extra."] = BUNDLED
    revision: Annotated[str | None, "Branch, tag or commit of a model on the Hub."] = None
    prompt: Annotated[str | None, "Text put before each text; none: the model's own default."] = None
    device: Annotated[str | None, "Where the model runs, such as cpu or cuda:0; none: the best there is."] = None
    dtype: Annotated[Literal["float32", "bfloat16", "float16"], "Precision of the model."] = "float32"
    engine: Annotated[Literal["torch", "int8"], "What runs the model; int8 is for CPUs, and a little off."] = "torch"
    batch_size: Annotated[int, "Most texts in a pass of the model; on a CPU, long texts go in smaller passes."] = 32
    cache: Annotated[int, "How many references are remembered across batches."] = 4096

    name = "embedding"
    bounds = (-1.0, 1.0)

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise OptionError(f"embedding: batch_size is {self.batch_size}, must be 1 or more")
        if self.cache < 0:
            raise OptionError(f"embedding: cache is {self.cache}, must be 0 or more")
        if self.engine == "int8" and (self.device not in (None, "cpu") or self.dtype != "float32"):
            raise OptionError(
                "embedding: engine='int8' runs on the CPU and has its own precision: leave device and dtype alone"
            )
        _need("embed", "sentence_transformers", *([BUNDLED.replace("-", "_")] if self.model == BUNDLED else []))
        if self.engine == "int8":
            _need("embed-int8", "onnx", "onnxruntime", "onnxscript")

    def score_pairs(self, completions: Sequence[str], references: Sequence[str]) -> Scores:
        """Embed what is new, then take the cosine pair by pair; see :class:`rewards.base.PairReward`."""
        if not completions:
            return Scores([], [])
        model = self._encoder()
        pairs = [
            (_clean(a, model.window), _clean(b, model.window)) for a, b in zip(completions, references, strict=True)
        ]
        status: list[Status] = [
            "unparseable_reference" if not b else "unparseable_completion" if not a else "ok" for a, b in pairs
        ]
        places = [place for place, each in enumerate(status) if each == "ok"]
        vectors = self._vectors(model, [pairs[place] for place in places])
        values = [float(vectors[a] @ vectors[b]) for a, b in (pairs[place] for place in places)]
        scores = Scores(
            [max(-1.0, min(1.0, value)) if isfinite(value) else None for value in values],
            ["ok" if isfinite(value) else "error" for value in values],
        )
        return scatter(scores, places, status, self.bounds[0])

    def details(self, completion: str, reference: str) -> tuple[str, Mapping[str, Any]]:
        """Which model, and how much of each text it read."""
        model = self._encoder()
        details: dict[str, Any] = {"model": self.model, "engine": self.engine}
        for side, text in (("completion", completion), ("reference", reference)):
            tokens = model.count(_clean(text, model.window))
            details[f"{side} tokens"] = tokens
            details[f"{side} truncated"] = model.truncates(tokens) or len(text) > model.window
        return f"cosine of the two embeddings by {self.model}", details

    def _encoder(self) -> Encoder:
        return encoder(self._spec())

    def _spec(self) -> Spec:
        device = "cpu" if self.engine == "int8" else self.device
        return Spec(self.model, self.revision, self.prompt, device, self.dtype, self.engine)

    def _vectors(self, model: Encoder, pairs: Sequence[tuple[str, str]]) -> dict[str, Vector]:
        # completions go in passes of their own: so, whether references are remembered or not, the same batch is
        # embedded in the same passes, and scores the same to the last bit
        remembered = memory(self._spec(), self.cache)
        references = dict.fromkeys(b for _, b in pairs)
        vectors = remembered.recall(references)
        if new := [text for text in references if text not in vectors]:
            vectors.update(zip(new, model.encode(new, self.batch_size), strict=True))
        remembered.keep(vectors)
        if new := [text for text in dict.fromkeys(a for a, _ in pairs) if text not in vectors]:
            vectors.update(zip(new, model.encode(new, self.batch_size), strict=True))
        return vectors


_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})  # controls, format marks, surrogates, spaces


def _clean(text: str, window: int) -> str:
    """What is embedded of a text: its beginning, as valid Unicode; empty if nothing in it can be seen."""
    text = text[:window]
    if all(unicodedata.category(character) in _INVISIBLE for character in text):
        return ""
    try:
        text.encode()
    except UnicodeEncodeError:  # surrogates, which tokenizers refuse: pairs are joined, lone ones become U+FFFD
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def _need(extra: str, *modules: str) -> None:
    for module in modules:
        if find_spec(module) is None:
            raise MissingExtra(
                f"reward 'embedding' needs {module}, which is not installed: pip install 'srl-data[{extra}]'"
            )
