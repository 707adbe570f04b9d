"""The server's protocols and limits, each against a real process."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

pytest.importorskip("fastapi")

from fastapi import FastAPI
from fastapi.testclient import TestClient

import rewards
from rewards.adapters.http import Limits, create_app
from rewards.adapters.openrlhf import encode_label
from srl_data.cli import main
from tests.server import Server, serve

JSON = {"Content-Type": "application/json"}
NESTED: list[Any] = []
for _ in range(400):
    NESTED = [NESTED]
GOOD = "<think>Undo the +3.</think>2x = 8"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(tmp_path_factory.mktemp("server"), "-r srl -r sleepy -r faulty --max-body-mb 1") as found:
        yield found


# -- /score -----------------------------------------------------------------------------------------------------------


def test_scores_are_those_of_the_reward(server: Server) -> None:
    completions = [GOOD, "<think>Hm.</think>8 = 2x", "2x = 8"]
    answer = server.post("/score", {"completions": completions, "columns": {"reference": ["2x = 8"] * 3}})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {  # "= " or "2x" match of six characters against six: 2·3/12 = 0.5 with the space
        "reward": "srl",
        "values": [1.0, 0.5, -1.0],
        "status": ["ok", "ok", "format"],
        "parts": {"format": [1.0, 1.0, 0.0], "similarity": [1.0, 0.5, None]},
    }


@pytest.mark.parametrize(
    ("completion", "reference", "value", "status"),
    [
        ("<think>\ud800</think>\udfff x", "\udfff x", 1.0, "ok"),  # lone surrogates are characters like others
        (GOOD, None, None, "unparseable_reference"),
        (GOOD, 7, None, "unparseable_reference"),
        (None, "2x = 8", -1.0, "unparseable_completion"),
        (3.5, "2x = 8", -1.0, "unparseable_completion"),
        ({"a": [{}]}, "2x = 8", -1.0, "unparseable_completion"),
        ([{"role": "user", "content": "?"}, {"role": "assistant", "content": GOOD}], "2x = 8", 1.0, "ok"),
        ([{"role": "assistant", "content": "2x = 8", "reasoning_content": "Hm."}], "2x = 8", 1.0, "ok"),
        ([{"role": 1, "content": {"x": None}}, None], "2x = 8", -1.0, "unparseable_completion"),
        ([{"role": "assistant", "tool_calls": [{"name": "f", "arguments": NESTED}]}], "2x = 8", -1.0, "format"),
        ([{"role": "assistant", "tool_calls": NESTED}], "2x = 8", -1.0, "format"),
        ("<think>" * 20_000, "2x = 8", -1.0, "format"),
        ("<think>\x00</think>\x00", "\x00", 1.0, "ok"),
    ],
)
def test_whatever_stands_in_a_completion_has_a_score_or_a_status(
    server: Server, completion: Any, reference: Any, value: float | None, status: str
) -> None:
    body = json.dumps({"completions": [completion, GOOD], "columns": {"reference": [reference, "2x = 8"]}})
    answer = server.client.post("/score", content=body, headers=JSON)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["values"], answer.json()["status"]) == ([value, 1.0], [status, "ok"])


def test_an_empty_batch_has_the_parts_of_any_other(server: Server) -> None:
    answer = server.post("/score", {"completions": [], "columns": {"reference": []}})
    assert answer.json() == {"reward": "srl", "values": [], "status": [], "parts": {"format": [], "similarity": []}}


DEEP = b'{"completions": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
ONE = {"completions": [GOOD], "columns": {"reference": ["x"]}}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b'{"completions": ["\xff"]}', 400, "not JSON"),
        (b'{"completions": [NaN]}', 400, "NaN is no number of JSON"),
        (b'{"completions": [' + b"1" * 5000 + b"]}", 400, "not JSON"),
        (DEEP, 400, "nested too deeply"),
        (b"[]", 422, "must be an object"),
        ({}, 422, "'completions' is missing"),
        ({"completions": GOOD, "columns": {"reference": ["x"]}}, 422, "'completions' is a str"),
        ({"completions": [GOOD]}, 422, "reads the column 'reference'; columns sent: none"),
        ({"completions": [GOOD], "columns": {"referense": ["x"]}}, 422, "did you mean 'referense'?"),
        ({"completions": [GOOD], "columns": {"reference": "x"}}, 422, "'reference' is a str"),
        ({"completions": [GOOD], "columns": {"reference": ["x", "y"]}}, 422, "has 2 entries for 1 completions"),
        ({"completions": [GOOD], "columns": ["x"]}, 422, "columns must be an object"),
        ({**ONE, "rewards": "srl"}, 422, "unknown key 'rewards'; there are columns, completions, reward; did you mean"),
        ({**ONE, "reward": "srll"}, 404, "no reward 'srll' is served; there are srl, sleepy, faulty; did you mean"),
        ({**ONE, "reward": ["srl"]}, 404, "no reward"),
        ({"completions": ["x"] * 8193, "columns": {"reference": ["x"] * 8193}}, 413, "there may be 8192"),
    ],
)
def test_what_is_no_request_is_refused_with_the_reason(
    server: Server, body: bytes | dict[str, Any], status: int, words: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = server.client.post("/score", content=content, headers=JSON)
    assert answer.status_code == status
    assert words in answer.json()["error"]


def test_a_name_in_an_error_cannot_break_the_answer(server: Server) -> None:
    answer = server.client.post("/score", content='{"\\ud800\\u0000": 1}', headers=JSON)
    assert answer.status_code == 422
    assert "unknown key" in answer.json()["error"]


# -- plug-ins that misbehave ------------------------------------------------------------------------------------------


def test_nan_never_leaves_the_server_and_no_neighbour_pays_for_it(server: Server) -> None:
    def ask(number: object) -> httpx.Response:
        return server.post("/score", {"reward": "faulty", "completions": [str(number)]})

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, ["nan", "nan", *range(30)]))
    assert [answer.status_code for answer in answers] == [500, 500, *[200] * 30]
    assert answers[0].json() == {"error": "the reward 'faulty' failed: ValueError"}
    assert [answer.json()["values"] for answer in answers[2:]] == [[float(number)] for number in range(30)]


def test_a_completion_on_which_a_plug_in_raises_ends_as_an_error(server: Server) -> None:
    answer = server.post("/score", {"reward": "faulty", "completions": ["1", "one", "2"]})
    assert answer.json()["values"] == [1.0, None, 2.0]
    assert answer.json()["status"] == ["ok", "error", "ok"]


# -- OpenRLHF ---------------------------------------------------------------------------------------------------------


def test_openrlhf_is_answered_in_its_protocol(server: Server) -> None:
    # OpenRLHF 0.11.2, openrlhf/utils/agent.py, _fetch_rewards_via_http: what it posts and what it reads
    prompt = "<|im_start|>user\n2x + 3 = 11<|im_end|>\n<|im_start|>assistant\n"
    label = encode_label({"reference": "2x = 8", "step_index": 1})
    payload = {"query": [prompt + GOOD + "<|im_end|>"], "prompts": [prompt], "labels": [label]}
    info = server.post("/get_reward", payload).json()
    assert info["rewards"] == info["scores"] == [1.0]
    assert info["extra_logs"]["similarity"] == info["extra_logs"]["scored"] == info["extra_logs"]["status/ok"] == [1.0]


def test_openrlhf_always_gets_numbers_and_the_same_keys(server: Server) -> None:
    def ask(query: str, reference: object) -> dict[str, Any]:
        payload = {"query": [query], "prompts": ["p"], "labels": [encode_label({"reference": reference})]}
        return dict(server.post("/get_reward", payload).json())

    good, unscored, foreign = ask("p" + GOOD, "2x = 8"), ask("p" + GOOD, None), ask("other", "2x = 8")
    assert [each["rewards"] for each in (good, unscored, foreign)] == [[1.0], [-1.0], [-1.0]]  # the lower bound
    assert [each["extra_logs"]["scored"] for each in (good, unscored, foreign)] == [[1.0], [0.0], [1.0]]
    assert unscored["extra_logs"]["status/unparseable_reference"] == [1.0]
    assert foreign["extra_logs"]["status/unparseable_completion"] == [1.0]  # the prompt is not in the query
    assert good["extra_logs"].keys() == unscored["extra_logs"].keys() == foreign["extra_logs"].keys()


def test_a_query_names_the_reward_where_the_body_cannot(server: Server) -> None:
    payload = {"query": ["p0 7"], "prompts": ["p"], "labels": ["{}"]}
    assert server.post("/get_reward?reward=sleepy", payload).json()["rewards"] == [7.0]
    assert server.post("/get_reward?reward=slepy", payload).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": ["2x = 8"]}, "is not a JSON object of columns"),
        ({"labels": [None]}, "is not a JSON object of columns"),
        ({"labels": ["{}"]}, "reads the column 'reference'; a label has prompt"),
        ({"prompts": [None]}, "'prompts' must be a list of strings"),
        ({"query": "p"}, "'query' is a str"),
        ({"prompts": []}, "'prompts' has 0 entries for 1 completions"),
    ],
)
def test_a_label_without_the_columns_is_refused(server: Server, change: dict[str, Any], words: str) -> None:
    payload = {"query": ["p"], "prompts": ["p"], "labels": ['{"reference": "x"}'], **change}
    answer = server.post("/get_reward", payload)
    assert answer.status_code == 422
    assert words in answer.json()["error"]


# -- what else it says ------------------------------------------------------------------------------------------------


def test_it_says_what_it_serves(server: Server) -> None:
    assert server.client.get("/health").json()["rewards"] == ["srl", "sleepy", "faulty"]
    first = server.client.get("/rewards").json()[0]
    assert (first["name"], first["columns"], first["bounds"]) == ("srl", ["reference"], [-1.0, 1.0])
    assert first["about"]["options"]["similarity"] == "sequence_match"
    paths = server.client.get("/openapi.json").json()["paths"]
    assert set(paths) == {"/score", "/get_reward", "/rewards", "/health", "/metrics"}
    assert "swagger" in server.client.get("/docs").text
    assert server.client.get("/scores").json() == {"error": "Not Found"}
    assert server.client.get("/score").status_code == 405


def test_metrics_count_statuses_and_never_a_path_that_was_made_up(server: Server) -> None:
    before = server.metric("srl_data_completions_total", reward="srl", status="format")
    server.post("/score", {"completions": ["x"] * 5, "columns": {"reference": ["x"] * 5}})
    server.client.get("/made-up-path")
    assert server.metric("srl_data_completions_total", reward="srl", status="format") == before + 5
    assert server.metric("srl_data_waiting_completions", reward="srl") == 0.0
    assert server.metric("srl_data_requests_total", code="404", path="other") > 0
    assert "made-up-path" not in server.client.get("/metrics").text


# -- limits -----------------------------------------------------------------------------------------------------------


def _raw(server: Server, head: str) -> socket.socket:
    """A connection over which the head of a request was sent, and nothing of its body."""
    host, port = server.url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(f"POST /score HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
    return connection


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Server) -> None:
    with _raw(server, f"Content-Type: application/json\r\nContent-Length: {2**20 + 1}") as connection:
        answer = connection.recv(4096)  # though not one byte of it was sent
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_of_unknown_size_is_read_no_further_than_the_limit(server: Server) -> None:
    answer = server.client.post("/score", content=(b"x" * 2**16 for _ in range(64)), headers=JSON)
    assert answer.status_code == 413


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_only_json_is_read_so_that_no_web_page_can_post(server: Server, kind: str | None) -> None:
    headers = {"Content-Type": kind} if kind else {}
    assert server.client.post("/score", content=json.dumps(ONE), headers=headers).status_code == 415


@pytest.mark.slow
def test_what_may_not_wait_is_put_off(tmp_path: Any) -> None:
    with serve(tmp_path, "-r sleepy --max-waiting 4") as server, ThreadPoolExecutor(8) as threads:
        body = {"completions": ["1 1", "0 2", "0 3"]}
        first = threads.submit(server.post, "/score", body)
        server.until(lambda: server.metric("srl_data_waiting_completions", reward="sleepy") == 3)
        busy = server.post("/score", body)
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "1")
        assert server.post("/score", {"completions": ["0 9"]}).json()["values"] == [9.0]  # there is room for one
        assert first.result().json()["values"] == [1.0, 2.0, 3.0]
        assert server.post("/score", body).status_code == 200
        assert server.post("/score", {"completions": ["0 1"] * 9}).status_code == 200  # alone, it may be larger


@pytest.mark.slow
def test_work_for_a_client_that_has_gone_is_not_done(tmp_path: Any) -> None:
    with serve(tmp_path, "-r sleepy --max-batch 1") as server:
        bodies = [json.dumps({"completions": [f"0.5 {number}"]}) for number in range(40)]
        head = "Content-Type: application/json\r\nContent-Length: "
        connections = [_raw(server, f"{head}{len(body)}") for body in bodies]
        for connection, body in zip(connections, bodies, strict=True):
            connection.sendall(body.encode())
        server.until(lambda: server.metric("srl_data_waiting_completions", reward="sleepy") == 40)
        for connection in connections:
            connection.close()
        server.until(lambda: server.metric("srl_data_waiting_completions", reward="sleepy") == 0)
        assert server.post("/score", {"completions": ["0 5"]}).json()["values"] == [5.0]
        # two calls ran, and their followers had perhaps begun; twenty seconds' worth of work was dropped
        assert server.metric("srl_data_batch_completions_count", reward="sleepy") < 20


# -- token ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_token_is_asked_for_everywhere_but_at_health(tmp_path: Any) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret-u\n")
    with serve(tmp_path / "server", f"--token-file {token}") as server:
        for path in ("/rewards", "/metrics", "/docs", "/openapi.json", "/none"):
            answer = server.client.get(path)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        for header, status in [
            ("Bearer s3cret-u", 200),
            ("bearer s3cret-u", 200),
            ("Bearer s3cret", 401),
            ("Bearer s3cret-u2", 401),
            ("s3cret-u", 401),
            ("Basic " + base64.b64encode(b"any:s3cret-u").decode(), 200),
            ("Basic " + base64.b64encode(b"s3cret-u").decode(), 401),
            ("Basic s3cret-u", 401),
        ]:
            answer = server.client.post("/score", json=ONE, headers={"Authorization": header})
            assert answer.status_code == status, header
        # what a trainer can do that sends no headers of its own
        assert httpx.post(server.url.replace("//", "//srl:s3cret-u@") + "/score", json=ONE, trust_env=False).is_success
        assert server.client.get("/health").status_code == 200
        assert "s3cret" not in server.log


@pytest.mark.slow
def test_a_token_from_the_environment(tmp_path: Any) -> None:
    with serve(tmp_path, SRL_DATA_TOKEN="s3cret") as server:  # noqa: S106 - a test's own
        assert server.post("/score", ONE).status_code == 401
        assert server.post("/score", ONE, headers={"Authorization": "Bearer s3cret"}).status_code == 200


# -- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_begun_is_finished_before_the_end(tmp_path: Any, workers: str) -> None:
    with (
        serve(tmp_path, f"-r sleepy --max-batch 4 --workers {workers}") as server,
        ThreadPoolExecutor(24) as threads,
    ):
        asked = [threads.submit(server.post, "/score", {"completions": [f"0.1 {n}"]}) for n in range(24)]
        server.until(lambda: server.metric("srl_data_waiting_completions", reward="sleepy") >= 12)
        status = server.stop()
        answers = [each.result() for each in asked if not each.exception()]
        refused = [each.exception() for each in asked if each.exception()]
        for number, each in enumerate(asked):
            if not each.exception():
                assert each.result().json()["values"] == [float(number)]
        assert status == 0
        assert len(answers) >= 12
        # whoever had not been let in yet was told so by the connection, never by half an answer
        assert all(
            isinstance(error, (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)) for error in refused
        )


@pytest.mark.slow
def test_workers_are_replaced_and_end_with_their_parent(tmp_path: Any) -> None:
    def alive(process: int) -> bool:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        return True

    with serve(tmp_path, "-r srl --workers 2") as server:
        before = server.children()
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        server.until(lambda: len(set(server.children()) - set(before)) == 1)
        server.until(lambda: server.post("/score", ONE).status_code == 200)
        now = server.children()
        server.process.kill()
        server.process.wait(60)
        end = time.monotonic() + 30
        while any(map(alive, now)):
            assert time.monotonic() < end
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-r", "srll"], "unknown reward 'srll'"),
        (["-r", "srl", "-O", "similarty=indel"], "did you mean 'similarity'?"),
        (["-r", "srl", "-r", "indel", "-O", "unit=token"], "-O is for a single --reward"),
        (["-r", "srl", "-r", "srl"], "two rewards are called 'srl'"),
        (["--unscorable", "none"], "neither a number nor 'raise'"),
        (["--unscorable", "nan"], "neither a finite number nor 'raise'"),
        (["--token-file", "/dev/null"], "holds no token"),
    ],
)
def test_a_mistake_is_told_before_anything_is_bound(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize("library", ["fastapi", "uvicorn", "prometheus_client"])
def test_without_the_extra_it_says_what_to_install(library: str) -> None:
    code = f"import sys; sys.modules['{library}'] = None; from srl_data.cli import main; main(['serve', '--port', '0'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert f"needs {library}, which is not installed: pip install 'srl-data[serve]'" in run.stderr
    assert "Traceback" not in run.stderr


async def _first_status(app: FastAPI, size: int, body: bytes | None) -> int:
    """How an application answers a request of which no more than a part arrives, or nothing at all."""
    sent: list[Any] = []
    waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    if body is not None:
        waiting.put_nowait({"type": "http.request", "body": body, "more_body": len(body) < size})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", str(size).encode())]
    scope = {"type": "http", "method": "POST", "path": "/score", "query_string": b"", "headers": headers}
    await app(scope, waiting.get, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize("body", [None, b'{"comp'])
def test_a_body_that_does_not_arrive_is_not_waited_for(body: bytes | None) -> None:
    app = create_app(["indel"], limits=Limits(body_s=0.05))
    assert asyncio.run(_first_status(app, 100, body)) == 408


def test_bodies_that_are_being_read_are_bounded_together() -> None:
    async def main() -> list[int]:
        app = create_app(["indel"], limits=Limits(max_held=150, body_s=0.2))
        slow = asyncio.create_task(_first_status(app, 100, None))
        await asyncio.sleep(0)
        second = await _first_status(app, 51, b'{"completions": [], "columns": {"reference": []}}  ')
        third = await _first_status(app, 50, b'{"completions": [], "columns": {"reference": []}} ')
        return [second, third, await slow]

    assert asyncio.run(main()) == [429, 200, 408]


def test_the_application_can_stand_in_another_server() -> None:
    with TestClient(create_app([rewards.get("indel")], limits=Limits(window_ms=1.0))) as client:
        assert client.post("/score", json={"completions": ["a"], "columns": {"reference": ["a"]}}).json()["values"] == [
            1
        ]


# -- the guide --------------------------------------------------------------------------------------------------------

GUIDE = Path(__file__).parents[3].joinpath("docs/trainers/server.md").read_text(encoding="utf-8")


def test_the_guide_shows_what_happens(server: Server) -> None:
    found = re.search(r"localhost:8000(\S+) .*? -d '(.*?)'\n(\{.*?)\n```", GUIDE, re.DOTALL)
    assert found is not None
    assert server.client.post(found[1], content=found[2], headers=JSON).json() == json.loads(found[3])


def test_the_file_in_the_guide_is_an_application() -> None:
    found = re.search(r'```python title="serve.py"\n(.*?)```', GUIDE, re.DOTALL)
    assert found is not None
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 - our own guide
    with TestClient(names["app"]) as client:
        assert client.get("/health").json()["rewards"] == ["srl", "indel"]


def test_the_guide_names_every_status_and_metric(server: Server) -> None:
    codes = server.client.get("/openapi.json").json()["paths"]["/score"]["post"]["responses"]
    for code in set(codes) - {"200"}:
        assert f"| {code} |" in GUIDE
    for name in re.findall(r"^# TYPE (srl_data\w+)", server.client.get("/metrics").text, re.MULTILINE):
        assert name.endswith("_created") or f"`{name}`" in GUIDE
