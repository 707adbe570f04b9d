"""A trainer in a process of its own that asks a server a great deal at once, and checks every answer.

    python -m tests.load_client URL REQUESTS

Prints what happened as JSON. Each request differs from every other, so an answer that belongs to another one shows.
Every tenth brings a hostile completion; every twentieth is sent by a client that goes away as well.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import sys
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

import httpx

import rewards
from rewards.adapters.core import score
from rewards.adapters.http.protocol import remote_answer
from rewards.adapters.openrlhf import encode_label

CONNECTIONS = 64
_HEADERS = {"Content-Type": "application/json"}
_REWARDS = {name: rewards.get(name) for name in ("srl", "indel")}
_HOSTILE: list[Any] = [
    "\ud800\udfff\udc00",
    "<think>" * 5_000,
    "a" * 20_000,
    "ab" * 10_000,
    "\x00" * 500,
    "]" * 5_000 + '"}',
    "</think><think>" * 500,
    "\u202e\u0301" * 500,
    r"\frac{" * 2_000,
    None,
    7e300,
    {"role": ["assistant"]},
    [{"role": "assistant", "content": [{"type": "text", "text": None}], "tool_calls": [None, 3, {"function": []}]}],
    [[[[]]]],
]


def requests(number: int, seed: int = 0) -> list[tuple[str, bytes, dict[str, Any]]]:
    """Path, body, and the answer that is right, as the rewards give it in this process."""
    rng = random.Random(seed)
    words = ["so", "the", "sum", "of", "both", "sides", "is", "2x", "3", "+", "=", "then", "we", "get", "half"]
    found = []
    for at in range(number):
        texts = [f"{at}.{each} {' '.join(rng.choices(words, k=30))}" for each in range(rng.randint(1, 5))]
        completions: list[Any] = [
            f"<think>{rng.random()}</think>{' '.join(rng.sample(text.split(' '), k=28))}" for text in texts
        ]
        if at % 10 == 0:
            completions[rng.randrange(len(completions))] = _HOSTILE[at // 10 % len(_HOSTILE)]
        name = rng.choice(list(_REWARDS))
        right = score(_REWARDS[name], completions, {"reference": texts})
        if at % 3 == 0 and all(isinstance(each, str) for each in completions):
            prompt = f"<|user|>{at}?<|assistant|>"
            labels = [encode_label({"reference": text}) for text in texts]
            body = {
                "query": [prompt + each for each in completions],
                "prompts": [prompt] * len(texts),
                "labels": labels,
            }
            answer = remote_answer(right, _REWARDS[name].bounds[0])
            found.append((f"/get_reward?reward={name}", json.dumps(body).encode(), answer))
        else:
            body = {"completions": completions, "columns": {"reference": texts}, "reward": name}
            answer = {"reward": name, "values": right.values, "status": right.status, "parts": right.parts}
            found.append(("/score", json.dumps(body).encode(), answer))
    return found


async def _ask(client: httpx.AsyncClient, path: str, body: bytes, right: dict[str, Any], tally: Counter[str]) -> None:
    for _ in range(200):
        try:
            answer = await client.post(path, content=body, headers=_HEADERS)
        except httpx.TransportError:  # the process that had it is gone, and no answer came
            tally["lost connections"] += 1
            await asyncio.sleep(0.05)
            continue
        if answer.status_code == 429:
            tally["put off"] += 1
            await asyncio.sleep(0.05)
            continue
        tally["answered"] += 1
        tally["wrong"] += answer.status_code != 200 or answer.json() != right
        return
    tally["never answered"] += 1


def _go_away(url: str, path: str, body: bytes, rng: random.Random) -> None:
    """Send a request, or the beginning of one, and hang up, politely or not."""
    address = urlsplit(url)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    message = head.encode() + body
    try:
        with socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=10) as connection:
            if rng.random() < 0.5:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # with a reset
            connection.sendall(message[: rng.choice([5, len(head) // 2, len(head), len(head) + 3, len(message)])])
    except OSError:
        return  # the server's process was killed meanwhile


async def main(url: str, number: int) -> None:
    rng = random.Random(1)
    todo = requests(number)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    tally: Counter[str] = Counter({"wrong": 0, "never answered": 0})
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)

    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:

        async def one_of_many() -> None:
            while todo:
                path, body, right = todo.pop()
                if len(todo) % 20 == 0:
                    tally["gone away"] += 1
                    await asyncio.to_thread(_go_away, url, path, body, rng)
                await _ask(client, path, body, right, tally)

        await asyncio.gather(*(one_of_many() for _ in range(CONNECTIONS)))
    sys.stdout.write(json.dumps(tally))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
