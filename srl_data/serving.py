"""Running the server of :mod:`rewards.adapters.http`: one process, or several behind one port.

Several are fresh interpreters that make the rewards themselves, from what :class:`Settings` says: it reaches them
through the environment, which is the way of passing anything to an application that uvicorn documents.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rewards.errors import MissingExtra, OptionError
from srl_data import reward_choice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from rewards.types import Reward

__all__ = ["TOKEN", "Settings", "app", "run", "token_from"]

TOKEN = "SRL_DATA_TOKEN"  # noqa: S105 - the name of a variable, not a token
_SETTINGS = "SRL_DATA_SERVE"
_METRICS = "PROMETHEUS_MULTIPROC_DIR"
_ADDRESS = "srl_data.serving:app"


@dataclass(frozen=True)
class Settings:
    """What a server serves; plain JSON values.

    Attributes:
        names: Rewards by name, the first with the options.
        pairs: Options of the first reward, as ``NAME=VALUE``.
        files: Rewards in TOML files.
        limits: See :class:`rewards.adapters.http.Limits`; those that are not said have their defaults.
        unscorable: See :func:`rewards.adapters.http.create_app`.
    """

    names: tuple[str, ...] = ()
    pairs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    unscorable: Literal["raise"] | float | None = None

    def rewards(self) -> list[tuple[Reward, dict[str, Any]]]:
        """The rewards, each with the record of how to make it.

        Raises:
            ToolkitError: If one cannot be made.
        """
        options = [self.pairs, *[()] * len(self.names)]
        named = [reward_choice.by_name(name, pairs) for name, pairs in zip(self.names, options, strict=False)]
        return named + [reward_choice.by_file(Path(file)) for file in self.files]

    def create(self) -> FastAPI:
        """The application, with the token of the environment if there is one.

        Raises:
            MissingExtra: If a library that a server needs is not installed.
            ToolkitError: If a reward cannot be made, or a limit is out of range.
        """
        from rewards.adapters.http import Limits, create_app

        made = self.rewards()
        return create_app(
            [reward for reward, _ in made],
            limits=Limits(**self.limits),  # type: ignore[arg-type]  # whole numbers where whole numbers belong
            token=os.environ.get(TOKEN),
            unscorable=self.unscorable,
            about={reward.name: record for reward, record in made},
        )


def app() -> FastAPI:
    """The application of a worker process."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=[parent], daemon=True).start()
    content = json.loads(os.environ[_SETTINGS])
    return Settings(**content).create()


def run(settings: Settings, *, host: str, port: int, workers: int = 1, grace: int = 30) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing more on, finish what was begun, and return.

    Args:
        settings: What to serve.
        host: The address to bind.
        port: The port to bind; 0 for a free one, which the log names.
        workers: Processes; more than one need more memory, and share the port.
        grace: Seconds in which what was begun must be finished.

    Raises:
        MissingExtra: If a library that a server needs is not installed.
        ToolkitError: If a reward cannot be made, or a limit is out of range.
    """
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        raise MissingExtra("serving needs uvicorn, which is not installed: pip install 'srl-data[serve]'") from error
    if workers == 1:
        os.environ.pop(_METRICS, None)
    found = settings.create()  # of no use to several workers but to find out at once what would fail in each

    def serve(application: Any, **options: Any) -> None:
        uvicorn.run(
            application,
            host=host,
            port=port,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=grace,
            timeout_keep_alive=75,  # longer than clients keep theirs, so that none writes to a closed connection
            **options,
        )

    with _quiet_signals():
        if workers == 1:
            serve(found)
            return
        with tempfile.TemporaryDirectory(prefix="srl-data-metrics-") as folder:
            os.environ[_SETTINGS] = json.dumps(asdict(settings))
            os.environ[_METRICS] = folder
            # a worker that does not answer for so long is replaced: a plug-in may hold the interpreter for a while
            serve(_ADDRESS, factory=True, workers=workers, timeout_worker_healthcheck=60)


@contextmanager
def _quiet_signals() -> Iterator[None]:
    """Once it has shut down as it was asked to, uvicorn raises the signal again; that is no failure here."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(parent: Any) -> None:
    """End with the process that started this one, however that ended: nobody else would."""
    parent.join()
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)  # which was its task
    os.kill(os.getpid(), signal.SIGTERM)


def token_from(file: Path) -> str:
    """The token that a file holds.

    Raises:
        OptionError: If it cannot be read or is empty.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise OptionError(f"{file}: {error}") from error
    if not token:
        raise OptionError(f"{file} holds no token")
    return token
