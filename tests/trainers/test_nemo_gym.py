"""NeMo Gym: a resources server over HTTP answers ``/verify`` with our reward."""

from __future__ import annotations

import pytest

pytest.importorskip("nemo_gym")

from unittest.mock import MagicMock

from fastapi.testclient import TestClient
from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from nemo_gym.server_utils import ServerClient
from pydantic import ConfigDict

from rewards.adapters.nemo_gym import to_nemo_gym

score = to_nemo_gym("srl")


class StepRequest(BaseVerifyRequest):
    reference: str | None = None


class StepResponse(BaseVerifyResponse):
    model_config = ConfigDict(extra="allow")


class StepServer(SimpleResourcesServer):
    config: BaseResourcesServerConfig

    async def verify(self, body: StepRequest) -> StepResponse:
        return StepResponse(**body.model_dump(), **await score(body))


def body(*items, **row):
    response = {
        "id": "r", "created_at": 0, "model": "m", "object": "response", "parallel_tool_calls": True,
        "tool_choice": "auto", "tools": [], "output": list(items),
    }  # fmt: skip
    return {"responses_create_params": {"input": [{"role": "user", "content": "?"}]}, "response": response, **row}


def said(text):
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}


THOUGHT = {"id": "t", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Undo the 3."}]}


@pytest.mark.finding(
    "nemo-gym", "`/verify` of a `SimpleResourcesServer` gives reward, parts and statuses; thoughts are kept"
)
@pytest.mark.parametrize(
    ("items", "reward"), [([said("<think>a</think>8 = 2x")], 0.5), ([THOUGHT, said("2x = 8")], 1.0), ([], -1.0)]
)
def test_verify(items, reward):
    settings = BaseResourcesServerConfig(host="", port=0, entrypoint="", name="steps")
    server = StepServer(config=settings, server_client=MagicMock(spec=ServerClient))
    answer = TestClient(server.setup_webserver()).post("/verify", json=body(*items, reference="2x = 8"))
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["reward"] == reward
    assert found["scored"] == 1.0
    assert "status/format" in found
