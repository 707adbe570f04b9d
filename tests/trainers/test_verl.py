"""verl: its loader, its reward manager and its dataset class, without Ray and without a GPU."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

verl = pytest.importorskip("verl")

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402
import torch  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from verl import DataProto  # noqa: E402
from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager  # noqa: E402
from verl.trainer.ppo.reward import get_custom_reward_fn, load_reward_manager  # noqa: E402
from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn  # noqa: E402

import rewards  # noqa: E402

ADAPTER = Path(rewards.__file__).parent / "adapters" / "verl.py"
REPLY = "<think>Undo the 3.</think>2x = 8"


def config(path, **reward_kwargs):
    custom = {"path": str(path), "name": "compute_score", "reward_kwargs": reward_kwargs}
    manager = {"source": "register", "name": "naive", "module": None}
    return OmegaConf.create({"reward": {"custom_reward_function": custom, "reward_manager": manager}})


def tokenizer():
    """A tokenizer of single characters, with a chat template."""
    letters = {chr(code): code - 32 for code in range(32, 127)}
    letters |= {"\n": 95, "[UNK]": 96, "[PAD]": 97}
    inner = Tokenizer(models.WordLevel(letters, unk_token="[UNK]"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]")  # noqa: S106
    made.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    made.decode = lambda ids, **_: "".join(chr(int(i) + 32) for i in ids)  # WordLevel would put spaces between
    return made


def sample(reply, reference, extra_info):
    ids = [ord(each) - 32 for each in reply]
    return DataProto.from_dict(
        tensors={
            "responses": torch.tensor([ids]),
            "attention_mask": torch.ones(1, len(ids) + 2, dtype=torch.long),  # two tokens of prompt
        },
        non_tensors={
            "data_source": np.array(["srl"], dtype=object),
            "reward_model": np.array([{"style": "rule", "ground_truth": reference}], dtype=object),
            "extra_info": np.array([extra_info], dtype=object),
        },
    )


@pytest.mark.finding("verl", "`get_custom_reward_fn` loads `compute_score` by `pkg://` and passes `reward_kwargs`")
def test_loads_by_package():
    function = get_custom_reward_fn(config("pkg://rewards.adapters.verl", reward="srl", similarity="indel"))
    entry = function(data_source="srl", solution_str=REPLY, ground_truth="2x = 8", extra_info={"index": 0})
    assert entry["score"] == 1.0


@pytest.mark.finding("verl", "`get_custom_reward_fn` loads the adapter's file by its path")
def test_loads_by_path():
    function = get_custom_reward_fn(config(ADAPTER))
    assert function(data_source="", solution_str="2x = 8", ground_truth="2x = 8", extra_info={})["score"] == -1.0


@pytest.mark.finding("verl", "a mapping in `reward_kwargs` (OmegaConf's) makes a composite reward")
def test_reward_as_a_table():
    table = {"term": [{"reward": "indel"}, {"reward": "token_f1"}], "name": "both"}
    function = get_custom_reward_fn(config("pkg://rewards.adapters.verl", reward=table))
    assert function(data_source="", solution_str="2x = 8", ground_truth="2x = 8")["score"] == 2.0


@pytest.mark.finding("verl", "`NaiveRewardManager.run_single` scores a batch concurrently; the extra keys survive")
def test_reward_manager():
    async def run():
        manager = load_reward_manager(config("pkg://rewards.adapters.verl", reward="srl"), tokenizer())
        assert isinstance(manager, NaiveRewardManager)
        replies = [REPLY, "<think>Hm.</think>8 = 2x", "2x = 8"] * 20
        data = [sample(reply, "2x = 8", {"index": at}) for at, reply in enumerate(replies)]
        return await asyncio.gather(*map(manager.run_single, data))

    results = asyncio.run(run())
    assert [result["reward_score"] for result in results] == [1.0, 0.5, -1.0] * 20
    infos = [result["reward_extra_info"] for result in results]
    assert len({tuple(info) for info in infos}) == 1  # the same keys in the same order: verl reads those of the first
    assert [info["status/format"] for info in infos] == [0.0, 0.0, 1.0] * 20
    columns = {key: np.array([info[key] for info in infos]) for key in infos[0]}  # as its agent loop does
    assert all(column.dtype == np.float64 and np.isfinite(column).all() for column in columns.values())


@pytest.mark.finding("verl", "a row without a reference gets the lower bound, and its status")
def test_not_scorable():
    async def run():
        manager = load_reward_manager(config("pkg://rewards.adapters.verl", reward="srl"), tokenizer())
        return await manager.run_single(sample(REPLY, None, {"index": 0}))

    result = asyncio.run(run())
    assert result["reward_score"] == -1.0
    assert result["reward_extra_info"]["status/unparseable_reference"] == 1.0


def rows():
    export = pytest.importorskip("srl_data.export.shapes")
    steps = [
        {
            "id": f"eq#{at}", "trajectory_id": "eq", "step_index": at, "num_steps": 3,
            "prompt": [{"role": "user", "content": f"Step {at}?" + " x" * 200 * at}],
            "reference": "2x = 8", "title": None, "problem": "2x + 3 = 11", "history": [],
            "answer": None, "source": "s",
        }
        for at in range(2)
    ]  # fmt: skip
    shape = export.SHAPES["verl"]
    columns = ["reference", "answer"]
    return pa.Table.from_pylist(
        [shape.write(row, at, "train", columns) for at, row in enumerate(steps)], schema=shape.schema(columns)
    )


@pytest.mark.finding("verl", "`RLHFDataset` reads our Parquet, leaves out what is too long, and feeds the reward")
def test_dataset(tmp_path):
    path = tmp_path / "train.parquet"
    pq.write_table(rows(), path)
    settings = OmegaConf.create(
        {"max_prompt_length": 100, "filter_overlong_prompts_workers": 1, "cache_dir": str(tmp_path)}
    )
    data = RLHFDataset(str(path), tokenizer(), settings)
    assert len(data) == 1
    batch = collate_fn([data[0]])
    assert batch["raw_prompt"][0] == [{"role": "user", "content": "Step 0?"}]
    function = get_custom_reward_fn(config("pkg://rewards.adapters.verl", reward="srl"))
    entry = function(
        data_source=batch["data_source"][0],
        solution_str=REPLY,
        ground_truth=batch["reward_model"][0]["ground_truth"],
        extra_info=batch["extra_info"][0],
    )
    assert entry["score"] == 1.0
