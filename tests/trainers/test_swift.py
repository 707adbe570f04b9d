"""ms-swift: it imports a plug-in, makes its reward, and scores samples with it."""

from __future__ import annotations

import pytest

pytest.importorskip("swift.rewards", reason="needs ms-swift")

import torch
from swift.rewards import orms
from swift.rl_core.data import GRPOSample
from swift.rl_core.grpo_algorithm import score_completions
from swift.utils.utils import import_external_file

PLUGIN = """
from swift.rewards import orms

from rewards.adapters.swift import to_swift

orms["srl"] = to_swift("srl")
orms["numbers"] = to_swift("token_f1", name="numbers")
"""


def sample(reply, reference):
    messages = [{"role": "user", "content": "?"}, {"role": "assistant", "content": reply}]
    return GRPOSample.from_row({"messages": messages, "reference": reference, "prompt_id": "p", "request_id": "r"})


@pytest.mark.finding(
    "ms-swift", "`--external_plugins` imports the plug-in, and `score_completions` calls it with columns"
)
def test_plugin(tmp_path):
    path = tmp_path / "plugin.py"
    path.write_text(PLUGIN, encoding="utf-8")
    import_external_file(str(path))
    functions = [orms["srl"](args=None), orms["numbers"](args=None)]
    assert [type(each).__name__ for each in functions] == ["srl", "numbers"]  # what it logs them under
    samples = [
        sample("<think>a</think>2x = 8", "2x = 8"),
        sample("2x = 8", "2x = 8"),
        sample("<think>a</think>b", None),
    ]
    found = score_completions(samples, functions, [None, None], use_gym_env=False, device=torch.device("cpu"))
    assert found[:, 0].tolist() == [1.0, -1.0, -1.0]  # the third has no reference: the lower bound, and a warning
    assert found[1, 1].item() == 1.0
