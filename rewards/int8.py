"""The int8 engine of the reward ``embedding``: ONNX Runtime with 8-bit matrices, for CPUs.

Of what there is for torch 2.13 on a CPU this is what pays: ``torch.ao.quantization`` is deprecated, and at one scale
per matrix too coarse; torchao's int8 is slower than float32 without the newest instructions; sentence-transformers'
own ONNX backend wants ``optimum``, which holds back transformers. So the model is exported by torch, and quantized by
ONNX Runtime's own tool.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rewards.encoders import Encoder, Spec

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["Int8Encoder"]

EXACT_SHARE = 1 / 3
"""How many of the matrices, from the first on, stay in float32: what goes wrong early, the later layers enlarge. On
pairs of similar steps the correlation with the full model is 0.988 to 0.994 without this, 0.996 with it."""


class Int8Encoder(Encoder):
    """The same on ONNX Runtime, matrices in 8 bits but the first third: weights per channel, activations per text.

    One text at a time: the scale of the activations is one number for a whole pass, so that in a larger one a
    vector would depend on what else is in it. Threads share the texts out instead.
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        import onnxruntime

        first: Any = self._model[0]
        if not hasattr(first, "auto_model"):
            raise ValueError(f"engine='int8' is for transformers, this is a {type(first).__name__}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            _converted(first.auto_model), options, providers=["CPUExecutionProvider"]
        )

    def _embed(self, texts: Sequence[str], batch_size: int) -> Sequence[NDArray[Any]]:
        import torch

        with self._lock:
            padded = self._model.preprocess(list(texts), prompt=self._prompt)
        inputs = [_unpadded(padded, place) for place in range(len(texts))]
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            return list(pool.map(self._vector, inputs))

    def _vector(self, features: dict[str, Any]) -> NDArray[Any]:
        import torch

        with torch.inference_mode():
            (hidden,) = self._session.run(None, {"input_ids": features["input_ids"].numpy()})
            features["token_embeddings"] = torch.from_numpy(hidden)
            for module in list(self._model.children())[1:]:  # pooling and what follows is cheap: as the model has it
                features = module(features)
            vector: NDArray[Any] = features["sentence_embedding"][0].numpy()
            return vector


def _unpadded(features: dict[str, Any], place: int) -> dict[str, Any]:
    """One text of a tokenized batch, without the padding, on whichever side it is."""
    mask = features["attention_mask"]
    here = mask[place].bool()
    found = {}
    for name, value in features.items():
        per_token = getattr(value, "shape", None) == mask.shape
        found[name] = value[place, here][None] if per_token else value
    return found


def _converted(model: torch.nn.Module) -> str:
    """The path of a model's int8 form, made if it is not there yet: ``srl-data/int8`` in the Hugging Face cache."""
    from huggingface_hub.constants import HF_HOME

    path = Path(HF_HOME) / "srl-data" / "int8" / f"{_fingerprint(model)}.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
            made = Path(scratch) / path.name
            _convert(model, made)
            os.replace(made, path)  # whole or not at all, also where several processes convert at once
    return str(path)


def _fingerprint(model: torch.nn.Module) -> str:
    """Names a model by what it holds, and by what converts it."""
    import numpy as np
    import onnxruntime
    import torch
    import transformers

    digest = hashlib.sha256()
    versions = [torch.__version__, transformers.__version__, onnxruntime.__version__]
    digest.update(repr([type(model).__qualname__, versions, EXACT_SHARE]).encode())
    for name, tensor in model.state_dict().items():
        digest.update(repr([name, tensor.shape, tensor.dtype]).encode())
        digest.update(np.ascontiguousarray(tensor.numpy()).data)
    return digest.hexdigest()[:32]


def _convert(model: torch.nn.Module, path: Path) -> None:
    import onnx
    import torch
    from onnxruntime.quantization import QuantType, quantize_dynamic

    class Hidden(torch.nn.Module):
        """Token embeddings of one text: no padding, hence no mask."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
            hidden: torch.Tensor = self.model(input_ids=input_ids).last_hidden_state
            return hidden

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch's exporter uses what torch has deprecated
        exported: Any = torch.onnx.export(
            Hidden().eval(),
            (torch.arange(1, 9)[None],),
            input_names=["input_ids"],
            dynamic_shapes={"input_ids": {1: torch.export.Dim.DYNAMIC}},
            dynamo=True,
            verbose=False,
        )
    proto = exported.model_proto
    # without this the quantizer warns through the root logger, and so configures logging for the whole process
    onnx.helper.set_model_props(proto, {"onnx.quant.pre_process": "onnxruntime.quant"})
    weights = {tensor.name for tensor in proto.graph.initializer}
    products = [node.name for node in proto.graph.node if node.op_type in _PRODUCTS and node.input[1] in weights]
    quantize_dynamic(
        proto,
        path,
        per_channel=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=list(_PRODUCTS),
        nodes_to_exclude=products[: round(EXACT_SHARE * len(products))],
    )


_PRODUCTS = ("MatMul", "Gemm")
