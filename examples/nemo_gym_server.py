"""Rewards for NeMo Gym: a resources server whose ``/verify`` scores steps.

    pip install srl-data nemo-gym                  # Python 3.12
    python examples/nemo_gym_server.py --check     # the server's own app, a request and two replies

In a run, this file is the ``app.py`` of a resources server (``entrypoint: app.py`` in its configuration), and rows are
lines of JSON: ``{"responses_create_params": {"input": PROMPT}, "reference": STEP}``.
"""

from __future__ import annotations

import sys

from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from pydantic import ConfigDict

from rewards.adapters.nemo_gym import to_nemo_gym

score = to_nemo_gym("srl")


class StepRequest(BaseVerifyRequest):
    reference: str


class StepResponse(BaseVerifyResponse):
    model_config = ConfigDict(extra="allow")  # parts and statuses


class StepServer(SimpleResourcesServer):
    config: BaseResourcesServerConfig

    async def verify(self, body: StepRequest) -> StepResponse:
        return StepResponse(**body.model_dump(), **await score(body))


def check() -> None:
    from fastapi.testclient import TestClient
    from nemo_gym.server_utils import ServerClient

    settings = BaseResourcesServerConfig(host="", port=0, entrypoint="", name="steps")
    client = TestClient(StepServer(config=settings, server_client=ServerClient.model_construct()).setup_webserver())

    def reward(reply: str) -> float:
        said = {"id": "m", "type": "message", "role": "assistant", "status": "completed"}
        said["content"] = [{"type": "output_text", "text": reply, "annotations": []}]
        response = {"id": "r", "created_at": 0, "model": "m", "object": "response", "output": [said], "tools": []}
        response |= {"parallel_tool_calls": True, "tool_choice": "auto"}
        asked = {"input": [{"role": "user", "content": "2x + 3 = 11"}]}
        body = {"responses_create_params": asked, "response": response, "reference": "2x = 8"}
        return client.post("/verify", json=body).raise_for_status().json()["reward"]

    good, bad = reward("<think>Undo the 3.</think>2x = 8"), reward("2x = 8")
    print(f"the server answers: {good:.2f} for the expert's step, {bad:.2f} for one without its form")
    sys.exit(None if (good, bad) == (1.0, -1.0) else "that is not what they should get: 1.00 and -1.00")


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
    else:
        StepServer.run_webserver()
