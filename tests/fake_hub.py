"""A stand-in for the Hugging Face Hub on a local port: enough of its HTTP interface to create dataset repositories,
commit to branches and pull requests, and read back what was committed.

It is no mock of ``huggingface_hub``: the real client talks to it over HTTP, in a process of its own, whose
environment has to be set before it imports anything (:meth:`FakeHub.environment`). Uploads take the LFS route, so
Xet is switched off there. What the real Hub checks beyond this (sizes, quotas, YAML) it does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

WRITER = "hf_writer"  # may do everything
READER = "hf_reader"  # is known, but may write nowhere

Files = dict[str, bytes]


@dataclass
class Repo:
    """A dataset repository: what each branch and pull request holds, and every commit that was made."""

    private: bool = False
    refs: dict[str, str] = field(default_factory=dict)  # ref → commit
    commits: dict[str, Files] = field(default_factory=dict)  # commit → files
    log: list[tuple[str, list[str], list[str]]] = field(default_factory=list)  # ref, paths added, paths deleted

    def __post_init__(self) -> None:
        self.commit("main", {".gitattributes": b"*.parquet filter=lfs\n"}, [])
        self.log.clear()

    def files(self, revision: str = "main") -> Files | None:
        return self.commits.get(self.refs.get(revision, revision))

    def commit(self, ref: str, added: Files, deleted: list[str], base: str | None = None) -> str:
        before = self.files(base or ref) or {}
        after = {path: content for path, content in before.items() if path not in deleted} | added
        sha = hashlib.sha1(f"{len(self.commits)}".encode(), usedforsecurity=False).hexdigest()
        self.refs[ref], self.commits[sha] = sha, after
        self.log.append((ref, sorted(added), sorted(deleted)))
        return sha


class FakeHub:
    """The server. ``with FakeHub() as hub`` starts it on a free port."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.uploads: Files = {}  # LFS objects by their SHA-256
        self.requests: list[str] = []  # "METHOD /path" of everything that was asked
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path, token: str | None = WRITER) -> dict[str, str]:
        """The environment of a process that is to talk to this server, and to nothing else."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        given = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
        return kept | given | ({"HF_TOKEN": token} if token else {})


class _Answer(Exception):
    """Ends the handling of a request."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.headers = headers or {}


def _missing(what: str) -> _Answer:
    return _Answer(404, {"error": what}, {"X-Error-Code": what, "X-Error-Message": what})


Route = Callable[["_Request"], Any]
_ROUTES: list[tuple[re.Pattern[str], Route]] = []


def _route(pattern: str) -> Callable[[Route], Route]:
    def add(handle: Route) -> Route:
        _ROUTES.append((re.compile(pattern), handle))
        return handle

    return add


@dataclass
class _Request:
    hub: FakeHub
    method: str
    query: dict[str, list[str]]
    headers: Any
    body: bytes
    part: dict[str, str] = field(default_factory=dict)  # the pieces of the path that the route names

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def token(self) -> str:
        return str(self.headers.get("Authorization", "")).removeprefix("Bearer ")

    def check_may_write(self) -> None:
        if self.token == READER:
            raise _Answer(403, {"error": "you have read rights only"})
        if self.token != WRITER:
            raise _Answer(401, {"error": "Invalid username or password."})

    def repo(self) -> Repo:
        repo = self.hub.repos.get(self.part["repo"])
        if repo is None or (repo.private and self.token not in (WRITER, READER)):
            raise _missing("RepoNotFound")
        return repo

    def files(self) -> Files:
        files = self.repo().files(unquote(self.part["revision"]))
        if files is None:
            raise _missing("RevisionNotFound")
        return files


_REPO = r"/api/datasets/(?P<repo>[^/]+/[^/]+)"


@_route(r"/api/repos/create")
def _create(request: _Request) -> Any:
    request.check_may_write()
    name = f"{request.json['organization']}/{request.json['name']}"
    created = {"url": f"{request.hub.url}/datasets/{name}", "name": name, "id": name}
    if name in request.hub.repos:
        raise _Answer(409, created | {"error": "You already created this dataset repo"})
    request.hub.repos[name] = Repo(
        private=request.json.get("visibility") == "private" or bool(request.json.get("private"))
    )
    return created


@_route(r"/api/validate-yaml")
def _validate(request: _Request) -> Any:
    return {"errors": [], "warnings": []}


@_route(_REPO + r"(?:/revision/(?P<revision>[^/]+))?")
def _info(request: _Request) -> Any:
    request.part["revision"] = request.part["revision"] or "main"
    files, repo = request.files(), request.repo()
    revision = unquote(request.part["revision"])
    return {
        "_id": "1",
        "id": request.part["repo"],
        "sha": repo.refs.get(revision, revision),
        "private": repo.private,
        "tags": [],
        "downloads": 0,
        "likes": 0,
        "gated": False,
        "disabled": False,
        "siblings": [{"rfilename": path} for path in files],
    }


@_route(_REPO + r"/branch/(?P<revision>[^/]+)")
def _branch(request: _Request) -> Any:
    request.check_may_write()
    repo, name = request.repo(), unquote(request.part["revision"])
    if name in repo.refs:
        raise _Answer(409, {"error": "Reference already exists"})
    repo.refs[name] = repo.refs["main"]
    return {}


@_route(_REPO + r"/preupload/(?P<revision>[^/]+)")
def _preupload(request: _Request) -> Any:
    request.files()
    modes = {True: "lfs", False: "regular"}
    return {
        "files": [
            {"path": file["path"], "uploadMode": modes[file["path"].endswith(".parquet")], "shouldIgnore": False}
            for file in request.json["files"]
        ]
    }


@_route(r"/datasets/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
def _lfs_batch(request: _Request) -> Any:
    def action(oid: str) -> dict[str, Any]:
        return {"upload": {"href": f"{request.hub.url}/lfs/{oid}", "header": {}}}

    objects = [{**wanted, "actions": action(wanted["oid"])} for wanted in request.json["objects"]]
    return {"transfer": "basic", "objects": objects}


@_route(r"/lfs/(?P<oid>\w+)")
def _lfs_upload(request: _Request) -> Any:
    if hashlib.sha256(request.body).hexdigest() != request.part["oid"]:
        raise _Answer(400, {"error": "not the bytes that were announced"})
    request.hub.uploads[request.part["oid"]] = request.body
    return {}


@_route(_REPO + r"/commit/(?P<revision>[^/]+)")
def _commit(request: _Request) -> Any:
    repo, base = request.repo(), unquote(request.part["revision"])
    pull_request = "create_pr" in request.query
    if not pull_request:
        request.check_may_write()
    request.files()
    added: Files = {}
    deleted: list[str] = []
    for line in request.body.splitlines():
        entry = json.loads(line)
        value = entry["value"]
        if entry["key"] == "file":
            added[value["path"]] = base64.b64decode(value["content"])
        elif entry["key"] == "lfsFile":
            added[value["path"]] = request.hub.uploads[value["oid"]]
        elif entry["key"] == "deletedFile":
            deleted.append(value["path"])
    number = 1 + sum(ref.startswith("refs/pr/") for ref in repo.refs)
    ref = f"refs/pr/{number}" if pull_request else base
    sha = repo.commit(ref, added, deleted, base)
    home = f"{request.hub.url}/datasets/{request.part['repo']}"
    answer = {"success": True, "commitOid": sha, "commitUrl": f"{home}/commit/{sha}", "hookOutput": ""}
    return answer | ({"pullRequestUrl": f"{home}/discussions/{number}"} if pull_request else {})


@_route(_REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<folder>.*))?")
def _tree(request: _Request) -> Any:
    files, folder = request.files(), f"{request.part['folder'] or ''}/".lstrip("/")
    inside = {path: content for path, content in files.items() if path.startswith(folder)}
    if folder and not inside:
        raise _missing("EntryNotFound")
    recursive = request.query.get("recursive", ["false"])[0].lower() in ("true", "1")
    entries = {}
    for path, content in inside.items():
        parents = [folder + "/".join(path[len(folder) :].split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
        for parent in parents if recursive else parents[:1]:
            if parent != path:
                entries[parent] = {"type": "directory", "path": parent, "oid": "0" * 40, "size": 0}
        if recursive or "/" not in path[len(folder) :]:
            entries[path] = _entry(path, content)
    return [entries[path] for path in sorted(entries)]


@_route(_REPO + r"/paths-info/(?P<revision>[^/]+)")
def _paths_info(request: _Request) -> Any:
    files = request.files()
    form = "json" in request.headers.get("Content-Type", "")
    paths = request.json["paths"] if form else parse_qs(request.body.decode()).get("paths", [])
    folders = {path for path in paths if any(file.startswith(f"{path}/") for file in files)}
    return [_entry(path, files[path]) for path in paths if path in files] + [
        {"type": "directory", "path": path, "oid": "0" * 40} for path in sorted(folders)
    ]


@_route(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)")
def _resolve(request: _Request) -> Any:
    files, path = request.files(), request.part["path"]
    if path not in files:
        raise _missing("EntryNotFound")
    content, revision = files[path], unquote(request.part["revision"])
    headers = {
        "ETag": f'"{hashlib.sha256(content).hexdigest()}"',
        "X-Repo-Commit": request.repo().refs.get(revision, revision),
        "X-Linked-Size": str(len(content)),
        "Accept-Ranges": "bytes",
    }
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
    if wanted is None or request.method == "HEAD":
        raise _Answer(200, content, headers)
    start, end = int(wanted[1]), min(int(wanted[2] or len(content)), len(content) - 1)
    headers["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    raise _Answer(206, content[start : end + 1], headers)


def _entry(path: str, content: bytes) -> dict[str, Any]:
    entry = {
        "type": "file",
        "path": path,
        "size": len(content),
        "oid": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    }
    if path.endswith(".parquet"):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return entry


def _answer(request: _Request, path: str) -> _Answer:
    try:
        for pattern, handle in _ROUTES:
            match = pattern.fullmatch(path)
            if match is not None:
                request.part = match.groupdict()
                return _Answer(200, handle(request))
        return _missing(f"the stand-in does not know {request.method} {path}")
    except _Answer as answer:
        return answer


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *values: Any) -> None:
            """Say nothing: the test reads ``hub.requests``."""

        def handle_any(self) -> None:
            target = urlsplit(self.path)  # not unquoted: a revision may hold an escaped slash
            hub.requests.append(f"{self.command} {target.path}")
            query = parse_qs(target.query)
            request = _Request(hub, self.command, query, self.headers, self._read())
            answer = _answer(request, target.path)
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def _read(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815

    return Handler
